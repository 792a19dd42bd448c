"""Claims about odd texts and wrong arguments: offsets hold, nothing stalls, errors are one sentence."""

from __future__ import annotations

import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.discover import detect
from secure_ai.discover.detector import detect_stream


@pytest.fixture(autouse=True)
def patterns_only(monkeypatch):
    """Patterns alone: the names model has tests of its own."""
    monkeypatch.setenv("SECURE_AI_NLP", "blank")


def found(text: str, **options) -> list[tuple[str, str]]:
    return [(span.entity_type, text[span.start : span.end]) for span in detect([text], **options)[0]]


# ---------------------------------------------------------------- odd characters around identifiers

SSN, MAIL, CARD = "912-34-5678", "jane.roe@example.org", "4111 1111 1111 1111"
AROUND = {
    "null bytes": "\0{}\0",
    "right-to-left override": "\u202e {}\u202c",
    "right-to-left marks": "\u200f{}\u200f",
    "Hebrew": "מספר {} שלום",
    "Arabic": "رقم {} هنا",
    "combining characters": "e\u0301e\u0301 {} n\u0303",
    "emoji": "👩🏽‍⚕️ {} 🏥",
    "no-break blanks": "\u00a0{}\u00a0",
    "lone surrogates": "\ud800 {} \udfff",
    "zero-width blanks": "\u200b{}\u200b",
    "byte-order mark": "\ufeff{}",
    "ideographic blank": "番号\u3000{}\u3000です",
    "bold HTML": "<b>{}</b>",
    "table cell": "<tr><td>value</td><td>{}</td></tr>",
    "entity": "&nbsp;{}&nbsp;",
    "attribute": '<span title="{}">x</span>',
    "bold Markdown": "**{}**",
    "italic Markdown": "_{}_",
    "code": "`{}`",
    "table row": "|{}|x|",
    "quotation": "> {}",
    "JSON": '{{"value":"{}"}}',
    "CSV": "x,{},y",
    "brackets": "[{}]({})",
    "sentence end": "It is {}.",
}


@pytest.mark.parametrize("value", [SSN, MAIL, CARD], ids=["ssn", "mail", "card"])
@pytest.mark.parametrize("around", AROUND)
def test_an_identifier_is_found_whole_in_any_surroundings(around, value):
    text = AROUND[around].replace("{{", "{").replace("}}", "}").replace("{}", value)
    values = [text[s.start : s.end] for s in detect([text])[0] if text[s.start : s.end] == value]
    assert len(values) == text.count(value)


def test_a_link_of_markdown_is_read_on_both_sides():
    assert found("[mail](mailto:a@example.org)") == [("EMAIL_ADDRESS", "a@example.org")]
    assert found("[portal](https://example.org/x)") == [("URL", "https://example.org/x")]
    assert found('<a href="https://example.org/x">x</a>') == [("URL", "https://example.org/x")]


def test_bold_names_after_a_cue_keep_their_marks_outside():
    assert ("PERSON", "Maria Lopez") in found("Dear Maria Lopez,\n**thanks**")


ANYTHING = st.text(
    st.one_of(st.characters(), st.sampled_from("é\u0301אב\u202e👩🏽‍⚕️\0\t\n\ud800<>&*_|@-: 019")), max_size=60
)
CHECKED = {
    "CREDIT_CARD": "4111111111111111",
    "IBAN_CODE": "GB82 WEST 1234 5698 7654 32",
    "EMAIL_ADDRESS": "jane.roe@example.org",
    "VEHICLE_ID": "1HGCM82633A004352",
    "UUID": "3edac2e3-d223-6fae-d515-daf96ef6bc76",
    "IP_ADDRESS": "192.0.2.14",
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(ANYTHING, ANYTHING, st.sampled_from(sorted(CHECKED)))
def test_a_planted_identifier_is_found_at_its_place_in_any_text(before, after, entity):
    value = CHECKED[entity]
    # Letters and digits right beside the blank could make a longer identifier of it.
    text = f"{before} ~ {value} ~ {after}"
    start = len(before) + 3
    spans = detect([text], entities=[entity])[0]
    assert [s for s in spans if (s.start, s.end) == (start, start + len(value))]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(ANYTHING, st.sampled_from([*CHECKED.values(), SSN, "MRN 00482913 ", "Dr. Ann Lee\u3000"])),
        max_size=8,
    )
)
def test_spans_are_in_order_apart_and_never_begin_or_end_in_a_blank(parts):
    text = "".join(parts)
    spans = detect([text], threshold=0)[0]
    assert all(0 <= s.start < s.end <= len(text) for s in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert all(not text[s.start].isspace() and not text[s.end - 1].isspace() for s in spans)


# ---------------------------------------------------------------- long and repetitive texts

RUNS = [
    "a", "A", "1", "(", ")", "a@", "@", ".", "-", " ", "\n", "a.", "A.", "1.", "1-", "1 ", "Aa"
                                                                                           " ", "A"
                                                                                                "-", "0", "+",
    "<", "&nbsp;", "MRN ", "Dear ", "account"
                                    " ", "St ", "é", "\u0301", "\0", "x" * 63 + ".", "1:", "a:", "'", "_",
    "1/", "No. ", "NY, ", "Dr. A ",
]  # fmt: skip


@pytest.mark.parametrize("run", RUNS, ids=[f"run{number}" for number in range(len(RUNS))])
def test_a_text_of_one_repeated_piece_is_read_in_linear_time(run):
    text = run * (60_000 // len(run))
    detect([text[:200]])
    start = time.process_time()
    detect([text])
    assert time.process_time() - start < 3


def test_a_long_line_is_read_in_bounded_memory():
    line = ("seen 03/14/2024 by staff, reading 120 of 80, no change in the plan for now, " * 14_000)[
        :1_000_000
    ]
    detect([line[:1000]])
    tracemalloc.start()
    spans = detect([line])[0]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(spans) == line.count("03/14/2024")
    assert peak < 12 * len(line)


def test_a_long_line_keeps_its_offsets_to_the_end():
    line = "x y z " * 30_000
    text = line + SSN + " " + line + MAIL
    assert found(text) == [("US_SSN", SSN), ("EMAIL_ADDRESS", MAIL)]


# ---------------------------------------------------------------- nothing, and what is no text


def test_an_empty_corpus_has_no_results():
    assert detect([]) == []
    assert detect(iter(())) == []
    assert list(detect_stream([])) == []


def test_empty_texts_have_no_spans_and_numbers_are_read_as_text():
    assert detect(["", None, " \n", float("nan"), "\0"]) == [[], [], [], [], []]
    assert [s.entity_type for s in detect([4111111111111111])[0]] == ["CREDIT_CARD"]
    assert detect([True, 3.5, b"x", object]) == [[], [], [], []]


def test_a_generator_is_read_as_it_is_needed():
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield f"text {len(taken)} SSN 912-34-5678"

    stream = detect_stream(endless())
    assert [len(next(stream)) for _ in range(3)] == [1, 1, 1]
    assert len(taken) < 10_000


@pytest.mark.parametrize(
    ("texts", "options", "says"),
    [
        ("one string", {}, r"write detect\(\[text\]\)"),
        (b"bytes", {}, "takes a list of texts"),
        ({"a": "text"}, {}, "takes a list of texts"),
        (5, {}, "takes a list of texts"),
        (None, {}, "takes a list of texts"),
        (["x"], {"entities": ["SSN"]}, "entity 'SSN' is not known: choose from"),
        (["x"], {"entities": "US_SSN"}, "entities takes a list of names"),
        (["x"], {"entities": [3]}, "entity '3' is not known"),
        (["x"], {"threshold": 1.5}, "threshold is 1.5"),
        (["x"], {"threshold": True}, "threshold is True"),
        (["x"], {"threshold": "high"}, "threshold is 'high'"),
        (["x"], {"threshold": None}, "threshold is None"),
        (["x"], {"threshold": float("nan")}, "threshold is nan"),
        (["x"], {"allow": "Mercy"}, "allow takes a list of strings"),
        (["x"], {"allow": 3}, "allow takes a list of strings"),
        (["x"], {"allow": ["Mercy", 3]}, "Entry 2 of allow is a int"),
        (["x"], {"deny": ["Mercy"]}, "deny takes a dictionary"),
        (["x"], {"deny": {"NAME": ["Mercy"]}}, "deny names the entity 'NAME'"),
        (["x"], {"deny": {"PERSON": "Mercy"}}, "deny needs a list of terms for PERSON"),
        (["x"], {"deny": {"PERSON": ["Mercy", ""]}}, "Term 2 of deny for PERSON"),
        (["x"], {"deny": {"PERSON": [None]}}, "Term 1 of deny for PERSON"),
        (["x"], {"processes": 0}, "processes=0: choose a whole number"),
        (["x"], {"processes": 1.5}, "processes=1.5"),
        (["x"], {"processes": "all"}, "processes='all'"),
    ],
)
def test_a_wrong_argument_is_named_in_one_sentence(texts, options, says):
    with pytest.raises(UserError, match=says) as caught:
        detect_stream(texts, **options)
    assert "\n" not in str(caught.value)
