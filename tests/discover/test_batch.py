"""Claims about the fast path: the spans and scores of Presidio's own path, and screens that lose nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core.text import Span
from secure_ai.discover import DEFAULT_THRESHOLD, detect
from secure_ai.discover.batch import BatchAnalyzer
from secure_ai.discover.detector import combine
from secure_ai.discover.engine import BLANK, analyzer
from secure_ai.discover.model.training.corpus import as_document, read_templates
from secure_ai.discover.screen import Screen, Screens


@pytest.fixture(autouse=True)
def patterns_only(monkeypatch):
    """Patterns alone: the names model has tests of its own."""
    monkeypatch.setenv("SECURE_AI_NLP", BLANK)


def slowly(text: str, threshold: float = DEFAULT_THRESHOLD) -> list[Span]:
    """What Presidio's own path finds, trimmed, resolved and joined as the detector does it."""
    candidates = []
    for r in analyzer().analyze(text, "en", score_threshold=threshold):
        value = text[r.start : r.end]
        start = r.start + len(value) - len(value.lstrip())
        end = r.end - len(value) + len(value.rstrip())
        if start < end:
            candidates.append(Span(start, end, r.entity_type, round(float(r.score), 4)))
    return combine(text, candidates)


def difference(text: str, threshold: float) -> tuple[set, set]:
    """Spans that only one of the two paths finds, without the text itself."""
    fast, slow = set(detect([text], threshold=threshold)[0]), set(slowly(text, threshold))
    return fast - slow, slow - fast


def synthetic_texts() -> list[str]:
    from synthetic_data import load

    health, finance = load("healthcare", seed=5, rows=60), load("finance", seed=5, rows=300)
    return [t.text for data in (health, finance) for texts in data.documents.values() for t in texts]


SHORT = [as_document(template).text for template in read_templates()]
FORMS = [
    "MRN: 00482913, NPI 1234567893, DEA AB1234563, Medicare 1EG4-TE5-MK73",
    "acct 123456789012 routing number 021000021 SWIFT: DEUTDEFF500 IBAN GB82 WEST 1234 5698 7654 32",
    "card 4111 1111 1111 1111 exp 12/26, ISIN US0378331005, CUSIP 037833100, SEDOL 0263494",
    "call +49 (0) 341 1234567, (02) 9876 5432, 01 23 45 67 89, Tel. 0341 1234567 or 555-0142",
    "from 192.0.2.14 and 2001:db8:85a3::8a2e:370:7334, MAC 00:1A:2B:3C:4D:5E at 12:30:45",
    "plate ABC 1234, VIN 1HGCM82633A004352, passport no. X12345678, driver's license S99921234",
    "Rx 1234567, claim number 123456789, prior authorization: 99887766, referral REF-123456",
    "7 Stamm Lock Unit 46, Avon, MA 02155; Lindenstraße 14, 50674 Köln; 12 rue de la Paix, 75002 Paris",
    "Kelvin \u212a, long ſ: ſSN 912-34-5678, \u0130D, digits ٤١١١ and ９１２-３４-５６７８",
]  # fmt: skip


@pytest.mark.parametrize("threshold", [0, DEFAULT_THRESHOLD, 0.7])
def test_the_fast_path_finds_what_presidio_finds_in_short_texts(threshold):
    texts = [*FORMS, *SHORT[:: len(SHORT) // 250]]
    assert [i for i, text in enumerate(texts) if difference(text, threshold) != (set(), set())] == []


@pytest.mark.parametrize("threshold", [0, DEFAULT_THRESHOLD])
def test_the_fast_path_finds_what_presidio_finds_in_long_texts(threshold):
    notes = synthetic_texts()
    texts = ["\n\n".join(notes[start : start + 40])[:19_000] for start in range(0, 200, 40)]
    assert min(map(len, texts)) > 3_000
    assert [i for i, text in enumerate(texts) if difference(text, threshold) != (set(), set())] == []


CUES = " ".join(FORMS).split()
PIECES = st.one_of(
    st.sampled_from(CUES),
    st.sampled_from(
        ["MRN", "acct", "SSN", "tel", "Dr.", "Dear", "zip", "age", "born", "NY", "St", "weg", "www.", "@"]
    ),
    st.from_regex(r"[0-9]{1,12}", fullmatch=True),
    st.text(max_size=4),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(PIECES, st.sampled_from([" ", "", "\n", ", ", ": ", "-", ". "])), max_size=14))
def test_the_fast_path_finds_what_presidio_finds_in_any_text(parts):
    text = "".join(piece + gap for piece, gap in parts).translate(dict.fromkeys(range(0xD800, 0xE000)))
    for threshold in (0, DEFAULT_THRESHOLD):
        if len(text) > 1:
            assert difference(text, threshold) == (set(), set())


def test_screens_change_no_result():
    texts = [*FORMS, *SHORT[:400], *synthetic_texts()[:60]]
    for threshold in (0.0, DEFAULT_THRESHOLD):
        screened = BatchAnalyzer(analyzer(), None, threshold)
        everything = BatchAnalyzer(analyzer(), None, threshold, screened=False)
        pairs = zip(screened.analyze(texts), everything.analyze(texts), strict=True)
        assert [i for i, (a, b) in enumerate(pairs) if a != b] == []


def test_most_patterns_are_skipped_on_an_ordinary_sentence():
    analyze = BatchAnalyzer(analyzer(), None, DEFAULT_THRESHOLD)
    bits = analyze._screens.read("The committee adjourned without a decision after two hours.")
    assert analyze._plan(bits) == []


def test_every_pattern_of_the_registry_declares_a_screen_or_is_known_to_have_none():
    analyze = BatchAnalyzer(analyzer(), None, 0)
    without = {analyze.owners[step.owner].recognizer.name for step, needs, _ in analyze._steps if not needs}
    assert without == {"SwiftCodeRecognizer"}


# ---------------------------------------------------------------- screens


@pytest.mark.parametrize(
    ("screen", "passes", "fails"),
    [
        (Screen(words="mrn chart"), ["MRN 1", "the Chart", "(mrn)", "MRN482913"], ["mrnx", "charting", ""]),
        (Screen(words="ss"), ["ſſ"], ["s"]),
        (Screen(exact="NY"), ["Albany, NY"], ["ny", "NYC"]),
        (Screen(endings="weg"), ["Birkenweg 3", "WEG"], ["wegen"]),
        (Screen(marks=("@", "--")), ["a@b", "a--b"], ["a-b"]),
        (Screen(run=5), ["12345", "x٠١٢٣٤"], ["1234 5678"]),
        (Screen(number=7), ["(02) 98-76 5", "1234567"], ["12, 34, 56, 78", "123456"]),
        (Screen(solid=12), ["abcdefghijkl"], ["abc defghijkl"]),
        (Screen(capital_end=True), ["by Ann", "-Ann "], ["Ann said", ""]),
        (Screen(shape="letter beside digit"), ["A1"], ["A 1"]),
        (Screen(words="call", run=3), ["call 911"], ["call 91", "911"]),
    ],
)
def test_a_screen_passes_what_it_describes(screen, passes, fails):
    screens = Screens([screen], [])
    (needs,) = screens.needs

    def read(text):
        return all(screens.read(text) & mask for mask in needs)

    assert [text for text in passes if not read(text)] == []
    assert [text for text in fails if read(text)] == []


def test_context_is_screened_by_a_part_of_the_phrase_and_through_a_plural():
    screens = Screens([], [["driver's"], ["account"], ["naïve phrase"], ["Ausweis", "№"]])
    reads = [
        bool(screens.read(text) & bit)
        for text, bit in zip(
            ["the driver's", "accounts", "a phrase", "nothing"], screens.context_bits, strict=True
        )
    ]
    assert reads == [True, True, True, False]
    assert screens.context_bits[3] == 0, "a context word without a letter cannot be screened"


@pytest.mark.parametrize("wrong", [{"words": "a-b"}, {"words": "é"}, {"shape": "round"}, {"solid": 13}])
def test_a_screen_that_cannot_be_read_is_refused(wrong):
    with pytest.raises(ValueError):
        Screen(**wrong)


# ---------------------------------------------------------------- other people's recognizers


def engine_with(*recognizers):
    from secure_ai.discover import engine

    own = engine._build.__wrapped__(BLANK, None)
    for recognizer in recognizers:
        own.registry.add_recognizer(recognizer)
    return own


def test_a_recognizer_without_a_screen_simply_runs():
    from presidio_analyzer import Pattern, PatternRecognizer

    ward = PatternRecognizer(
        "WARD", name="Ward", patterns=[Pattern("ward", "ward [a-z]", 0.2)], context=["moved"]
    )
    batch = BatchAnalyzer(engine_with(ward), ["WARD"], DEFAULT_THRESHOLD)
    assert batch.analyze(["moved to ward c", "in ward c"]) == [[(9, 15, "WARD", 0.55)], []]


def test_a_recognizer_with_an_analyze_of_its_own_is_called():
    from presidio_analyzer import EntityRecognizer, RecognizerResult

    class First(EntityRecognizer):
        def load(self):
            pass

        def analyze(self, text, entities, nlp_artifacts=None):
            assert nlp_artifacts.tokens[0].text == text.split()[0]
            return [RecognizerResult("FIRST", 0, len(text.split()[0]), 0.9)]

    batch = BatchAnalyzer(engine_with(First(["FIRST"], name="First")), ["FIRST"], DEFAULT_THRESHOLD)
    assert batch.analyze(["one two"]) == [[(0, 3, "FIRST", 0.9)]]


def test_a_recognizer_that_enhances_by_itself_takes_the_slow_path():
    from presidio_analyzer import Pattern, PatternRecognizer

    class Doubling(PatternRecognizer):
        def enhance_using_context(self, text, raw_recognizer_results, **_):
            for result in raw_recognizer_results:
                result.score = 2 * result.score
            return raw_recognizer_results

    doubling = Doubling("TEAM", name="Doubling", patterns=[Pattern("team", "team [a-z]", 0.3)])
    batch = BatchAnalyzer(engine_with(doubling), ["TEAM"], DEFAULT_THRESHOLD)
    assert not batch.exact
    assert batch.analyze(["team a"]) == [[(0, 6, "TEAM", 0.6)]]
