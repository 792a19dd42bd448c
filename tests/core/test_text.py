"""Claims about spans and documents: offsets are characters, inside the text, and overlap is symmetric."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core import Document, Span

spans = st.tuples(st.integers(0, 200), st.integers(1, 50)).map(
    lambda pair: Span(pair[0], sum(pair), "PERSON")
)


@given(spans, spans)
def test_overlap_is_the_share_of_characters_in_both(first, second):
    mine, theirs = set(range(first.start, first.end)), set(range(second.start, second.end))
    gap = max(first.start, second.start) - min(first.end, second.end)
    expected = 0.0 if gap >= 0 else len(mine & theirs) / len(mine | theirs)
    assert first.overlap(second) == pytest.approx(expected)
    assert first.overlap(second) == second.overlap(first)


@given(spans)
def test_a_span_overlaps_itself_entirely(span):
    assert span.overlap(span) == 1


@pytest.mark.parametrize(("start", "end"), [(3, 3), (5, 2), (-1, 4), (0, 0)])
def test_a_span_without_characters_is_refused(start, end):
    with pytest.raises(ValueError, match="0 <= start < end"):
        Span(start, end, "PERSON")


def test_offsets_are_characters_and_not_bytes():
    text = "Zoë Müller 😀 called"
    span = Span(0, 10, "PERSON")
    assert Document(text, [span]).text[span.start : span.end] == "Zoë Müller"


def test_a_span_past_the_end_of_its_document_is_refused():
    with pytest.raises(ValueError, match="past the end"):
        Document("short", [Span(0, 6, "PERSON")])


def test_spans_sort_by_where_they_start():
    assert sorted([Span(5, 6, "A"), Span(0, 9, "Z"), Span(0, 3, "B")])[0] == Span(0, 3, "B")


def test_a_document_without_spans_does_not_share_its_list():
    first, second = Document("a"), Document("b")
    first.spans.append(Span(0, 1, "PERSON"))
    assert second.spans == []
