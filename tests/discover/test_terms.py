"""Claims about allow and deny lists."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core.text import Span
from secure_ai.discover import detect
from secure_ai.discover.terms import DenyList, with_denied

KNOWN = ["PERSON", "LOCATION", "ORGANIZATION"]


@pytest.fixture(autouse=True)
def patterns_only(monkeypatch):
    """Patterns alone: the names model has tests of its own."""
    monkeypatch.setenv("SECURE_AI_NLP", "blank")


def found(text: str, **options) -> list[tuple[str, str]]:
    return [(span.entity_type, text[span.start : span.end]) for span in detect([text], **options)[0]]


def test_a_denied_term_is_found_in_any_case_as_whole_words_only():
    deny = {"ORGANIZATION": ["Ward Five", "Mercy"], "PERSON": ["o'brien"]}
    assert found("moved to WARD  five at Mercy; Mercyhurst, wards five", deny=deny) == [
        ("ORGANIZATION", "WARD  five"),
        ("ORGANIZATION", "Mercy"),
    ]
    assert found("O'Brien's chart", deny=deny) == [("PERSON", "O'Brien")]


def test_the_longest_of_two_terms_is_taken():
    deny = DenyList({"PERSON": ["Ann", "Ann Lee"], "LOCATION": ["Lee Street"]}, KNOWN)
    assert deny.find("saw Ann Lee Street") == [Span(4, 11, "PERSON")]
    assert deny.find("saw Ann Li") == [Span(4, 7, "PERSON")]


def test_a_denied_term_inside_a_finding_is_found_with_it():
    assert found("jane.roe@example.org", deny={"PERSON": ["Jane"]}) == [
        ("EMAIL_ADDRESS", "jane.roe@example.org")
    ]


def test_nothing_that_was_covered_is_uncovered_by_a_term_that_overlaps_it():
    text = "Anna Ward Five"
    spans = with_denied(text, [Span(0, 9, "PERSON", 0.8)], [Span(5, 14, "LOCATION")])
    assert spans == [Span(0, 4, "PERSON", 0.8), Span(5, 14, "LOCATION")]


def test_a_denied_term_wins_over_an_allowed_one():
    assert found("at Mercy", deny={"ORGANIZATION": ["Mercy"]}, allow=["Mercy"]) == [("ORGANIZATION", "Mercy")]


def test_denied_terms_of_other_entities_than_those_asked_for_are_left():
    deny = {"PERSON": ["Quill"], "LOCATION": ["Avon"]}
    assert found("Quill in Avon", deny=deny, entities=["PERSON"]) == [("PERSON", "Quill")]


def test_allowed_strings_are_compared_without_case_and_blanks_around():
    text = "Call (212) 555-0100 or JANE@EXAMPLE.ORG"
    assert found(text, allow=[" jane@example.org ", "(212) 555-0100"]) == []


def test_twenty_thousand_terms_cost_a_text_no_more_than_ten():
    names = [f"Name{i} Surname{i}" for i in range(20_000)]
    text = "The quarterly report was read by the committee and Name77 Surname77 on Monday. " * 20

    def seconds(terms):
        deny = DenyList({"PERSON": terms}, KNOWN)
        start = time.process_time()
        for _ in range(50):
            deny.find(text)
        return time.process_time() - start

    assert seconds(names) < 3 * seconds(names[70:80]) + 0.02


@given(st.text(max_size=60), st.lists(st.text("abAB é'-", min_size=1, max_size=6), max_size=4))
def test_terms_are_found_at_their_places_in_order(text, terms):
    usable = [term for term in terms if any(map(str.isalnum, term))]
    spans = DenyList({"PERSON": usable}, KNOWN).find(text)
    assert spans == sorted(spans)
    words = {" ".join(term.casefold().split()) for term in usable}
    plain = {"".join(word.split()) for word in words}
    assert all("".join(text[s.start : s.end].casefold().split()) in plain for s in spans)
