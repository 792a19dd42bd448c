"""Identifiers go however they are dressed: tags, entities, odd hyphens, invisible characters."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from secure_ai.anonymize import Deidentifier, Key, deidentify_file
from secure_ai.anonymize.deidentify.views import find_in_views, view_of
from secure_ai.core import UserError
from secure_ai.core.text import Span

DRESSED = [
    ("SSN 219\u201109\u20119999", ["9999"]),
    ("SSN 219\u201309\u20139999", ["9999"]),
    ("SSN 219\u200b-09-\u200b9999", ["9999"]),
    ("SSN 219-09-\r\n9999", ["9999"]),
    ("SSN&nbsp;219-09-9999", ["9999"]),
    ("Phone 617-555-\n0123", ["0123"]),
    ("<p>Patient: <b>Maria</b> <i>Garcia</i></p>", ["Maria", "Garcia"]),
    ("Patient: Mar&iacute;a L&oacute;pez", ["Mar&", "pez"]),
    ("Patient: Mar\u00adia Gar\u00adcia", ["ia"]),
    ("Patient: Mari\u0301a Garci\u0301a", ["Mari", "Garci"]),
    ("Patient: Maria\u00a0Garcia", ["Maria", "Garcia"]),
]


@pytest.mark.parametrize("policy", ["safe_harbor", "pseudonymize"])
@pytest.mark.parametrize(("text", "gone"), DRESSED)
def test_a_dressed_identifier_goes(policy, text, gone):
    key = None if policy == "safe_harbor" else Key(bytes(range(64)))
    (new,) = Deidentifier(policy, key, seed=1).text([text])
    rest = new.removeprefix("Patient: ").removeprefix("<p>Patient: ")
    assert not [value for value in gone if value in rest]


def test_tags_stay_around_what_comes_in_their_place():
    (new,) = Deidentifier("safe_harbor").text(["<p>Patient: <b>Maria</b> <i>Garcia</i></p>"])
    assert new == "<p>Patient: <b>[PERSON]</b> <i>[PERSON]</i></p>"


@settings(max_examples=200)
@given(st.text("a1<b>/&;\u00ad\u200b\u2011\u00a0 \r\n-lt", max_size=40))
@example("&lt;b>1-\n2&amp;")
def test_every_character_of_a_view_has_a_place(text):
    view = view_of(text)
    if view is None:
        return
    plain, places = view
    assert len(places) == len(plain) + 1 and places == sorted(places) and places[-1] == len(text)


@settings(max_examples=200)
@given(st.text("ab<i>&;\u00ad\u2011 ", max_size=30), st.data())
def test_spans_of_views_are_apart_and_within_the_text(text, data):
    def find(texts):
        return [[Span(0, data.draw(st.integers(1, len(t))), "PERSON", 0.5)] if t else [] for t in texts]

    (spans,) = find_in_views([text], find)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


HEADERS = ["Maria Garcia\nJohn Smith\nAna Lu\n", "maria@example.com,x\n1,2\n3,4\n", "x,219-09-9999\na,b\n"]


@pytest.mark.parametrize("content", HEADERS, ids=range(len(HEADERS)))
def test_a_header_that_names_somebody_is_refused_without_repeating_it(content, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(UserError) as refused:
        deidentify_file(path, tmp_path / "o.csv", "safe_harbor")
    for value in ("Maria", "maria", "219"):
        assert value not in str(refused.value)


def test_a_text_of_fifty_megabytes_in_json_is_refused_at_once(tmp_path):
    path = tmp_path / "big.json"
    path.write_text('{"a": "' + "word " * 10_000_000 + '"}')
    with pytest.raises(UserError, match="break it up"):
        deidentify_file(path, tmp_path / "o.json", "safe_harbor")
