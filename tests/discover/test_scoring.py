"""Claims about scores and masks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core import Span, UserError
from secure_ai.discover import as_documents, mask, score_spans

A, B = Span(0, 10, "PERSON"), Span(20, 30, "US_SSN")


def test_counts_by_hand_give_precision_recall_and_f2():
    # Three names, two of them found, one false alarm: P = 2/3, R = 2/3, F2 = 2/3.
    truth = [[Span(0, 4, "PERSON"), Span(10, 14, "PERSON")], [Span(0, 4, "PERSON")]]
    found = [[Span(0, 4, "PERSON"), Span(30, 34, "PERSON")], [Span(0, 4, "PERSON")]]
    row = score_spans(truth, found).loc["PERSON"]
    assert (row["n"], row["found"], row["matched"]) == (3, 3, 2)
    assert row["precision"] == row["recall"] == row["f2"] == pytest.approx(2 / 3)


def test_f2_weighs_recall_four_times_as_much():
    # P = 1, R = 1/2: F2 = 5·P·R / (4·P + R) = 5/9.
    assert score_spans([[A, Span(40, 50, "PERSON")]], [[A]]).loc["PERSON", "f2"] == pytest.approx(5 / 9)
    assert score_spans([[A, B]], [[A]], beta=1).loc["all", "f2"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("end", "matched"), [(10, 1), (20, 1), (21, 0)])
def test_half_the_characters_must_agree(end, matched):
    assert score_spans([[Span(0, 10, "PERSON")]], [[Span(0, end, "PERSON")]]).loc["all", "matched"] == matched


def test_a_wrong_type_counts_only_when_types_do_not():
    found = [[Span(0, 10, "LOCATION")]]
    assert score_spans([[A]], found).loc["all", "recall"] == 0
    untyped = score_spans([[A]], found, typed=False)
    assert untyped.loc["PERSON", "recall"] == 1
    assert untyped.loc["LOCATION", "precision"] == 1
    assert untyped.loc["all", "f2"] == 1


def test_one_found_span_serves_one_true_span():
    truth = [[Span(0, 10, "PERSON"), Span(10, 20, "PERSON")]]
    assert score_spans(truth, [[Span(0, 20, "PERSON")]], iou=0.4).loc["all", "matched"] == 1


def test_what_was_not_there_has_no_recall_and_what_was_not_found_no_precision():
    scores = score_spans([[A]], [[B]])
    assert math.isnan(scores.loc["US_SSN", "recall"])
    assert math.isnan(scores.loc["PERSON", "precision"])
    assert scores.loc["PERSON", "f2"] == 0
    assert math.isnan(score_spans([[]], [[]]).loc["all", "f2"])


@pytest.mark.parametrize(
    ("truth", "found", "options", "says"),
    [
        ([[A]], [], {}, "1 documents"),
        ([[A]], [[A]], {"iou": 0}, "iou=0"),
        ([[A]], [[A]], {"iou": 1.1}, "iou=1.1"),
        ([[A]], [[A]], {"beta": 0}, "beta=0"),
    ],
)
def test_bad_arguments_are_named(truth, found, options, says):
    with pytest.raises(UserError, match=says):
        score_spans(truth, found, **options)


spans = st.lists(
    st.builds(
        lambda start, length, name: Span(start, start + length, name),
        st.integers(0, 60), st.integers(1, 12), st.sampled_from(["PERSON", "US_SSN", "URL"]),
    ),
    max_size=8, unique=True,
)  # fmt: skip


@given(st.lists(st.tuples(spans, spans), max_size=4))
def test_scores_are_shares_and_totals_add_up(pairs):
    truth, found = [t for t, _ in pairs], [f for _, f in pairs]
    scores = score_spans(truth, found)
    entities = scores.drop(index="all")
    assert (
        entities[["n", "found", "matched"]].sum().tolist()
        == scores.loc["all", ["n", "found", "matched"]].tolist()
    )
    assert scores[["precision", "recall", "f2"]].stack().dropna().between(0, 1).all()


@given(spans)
def test_the_truth_itself_scores_one(truth):
    scores = score_spans([truth], [truth]).dropna()
    assert (scores["f2"] == 1).all()


def test_labels_of_another_room_become_documents():
    label = type("Label", (tuple,), {})((0, 4, "PERSON"))
    text = type("Text", (), {"text": "Jane was here", "spans": (label,)})
    assert as_documents([text])[0].spans == [Span(0, 4, "PERSON")]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("123-45-6785", "1…5 (11 characters)"),
        ("M", "… (1 character)"),
        ("", "… (0 characters)"),
        ("Anna", "… (4 characters)"),
        ("<b>x</b>", "·…· (8 characters)"),
        ("\u202eabcde", "·…e (6 characters)"),
        (4111111111111111, "4…1 (16 characters)"),
    ],
)
def test_a_mask_shows_two_characters_at_most(value, shown):
    assert mask(value) == shown


@given(st.text(min_size=5))
def test_a_mask_never_holds_three_characters_of_the_value_in_a_row(value):
    head = mask(value).split(" (")[0]
    assert len(head) == 3
    assert head[1] == "…"
