"""Spans are true: they cover exactly what was filled in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_data import fill

NAMES = ("patient", "date", "drug")
pieces = st.lists(
    st.one_of(st.sampled_from([f"{{{name}}}" for name in NAMES]), st.text(max_size=8)), max_size=12
)
values = st.fixed_dictionaries(
    {
        "patient": st.tuples(st.text(max_size=12), st.just("PERSON")),
        "date": st.tuples(st.text(max_size=12), st.just("DATE_TIME")),
        "drug": st.tuples(st.text(max_size=12), st.none()),
    }
)


def test_fill_notes_where_values_stand():
    made = fill(
        "{patient} was seen on {date}.", {"patient": ("Ana Ruiz", "PERSON"), "date": ("3/4/24", "DATE_TIME")}
    )
    assert made.text == "Ana Ruiz was seen on 3/4/24."
    assert made.spans == ((0, 8, "PERSON"), (21, 27, "DATE_TIME"))
    assert made.values() == [("PERSON", "Ana Ruiz"), ("DATE_TIME", "3/4/24")]


@given(pieces, values)
def test_every_span_covers_its_value_and_none_overlap(parts, given_values):
    template = "".join(
        part if part in {f"{{{name}}}" for name in NAMES} else part.replace("{", "{{").replace("}", "}}")
        for part in parts
    )
    made = fill(template, given_values)
    expected_text = "".join(
        given_values[part[1:-1]][0] if part in {f"{{{n}}}" for n in NAMES} else part for part in parts
    )
    assert made.text == expected_text
    wanted = [
        (given_values[part[1:-1]][1], given_values[part[1:-1]][0])
        for part in parts
        if part in {f"{{{n}}}" for n in NAMES} and given_values[part[1:-1]][1] and given_values[part[1:-1]][0]
    ]
    assert made.values() == wanted
    ends = [0, *(span.end for span in made.spans)]
    assert all(span.start >= end for span, end in zip(made.spans, ends[:-1], strict=True))


def test_braces_can_be_written():
    assert fill("{{not a field}} {drug}", {"drug": ("aspirin", None)}).text == "{not a field} aspirin"


@pytest.mark.parametrize(
    ("template", "message"),
    [("{who} came", r"asks for \{who\}, which has no value"), ("a { b", "is malformed")],
)
def test_a_template_that_cannot_be_filled_is_refused_in_a_sentence(template, message):
    with pytest.raises(ValueError, match=message):
        fill(template, {})
