"""The people most at risk are found and described, and nobody is named."""

import numpy as np
import pandas as pd
import pytest

from secure_ai.attack.membership import find_records_at_risk, membership_from_scores
from secure_ai.attack.membership.at_risk import RARE, in_words
from secure_ai.core import UserError


def people(count=400, seed=0):
    """Patients of whom those on ward C are found more easily."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "ward": rng.choice(["A", "B", "C"], count, p=[0.5, 0.4, 0.1]),
            "age": rng.integers(18, 95, count),
            "name": [f"Zoltan {place}" for place in range(count)],
        }
    )
    scores = rng.normal(size=count) + 3 * (frame["ward"] == "C").to_numpy()
    return frame, scores


def test_what_those_most_at_risk_share_is_found_and_nothing_else():
    frame, scores = people()
    found = find_records_at_risk(frame, scores, top=30)
    assert list(zip(found.shared["column"], found.shared["value"], strict=True)) == [("ward", "C")]
    row = found.shared.iloc[0]
    chosen = frame["ward"].to_numpy()[found.frame["position"]]
    assert row["share_at_risk"] == (chosen == "C").mean()
    assert row["share_of_all"] == (frame["ward"] == "C").mean()
    assert "ward: C" in found.sentence()


def test_the_surest_comes_first_and_no_value_of_a_record_is_listed():
    frame, scores = people()
    found = find_records_at_risk(frame, scores, top=5)
    assert list(found.frame["position"]) == list(np.argsort(-scores)[:5])
    assert list(found.frame) == ["position", "score", "false_alarms", "expected"]


def test_a_value_that_few_people_have_is_never_shown():
    frame, scores = people()
    frame.loc[:8, "ward"] = "Zoltan ward"
    scores[:9] += 50
    found = find_records_at_risk(frame, scores, top=20)
    told = found.sentence() + found.shared.to_csv() + repr(found)
    assert RARE in set(found.shared["value"])
    assert "Zoltan" not in told
    assert set(in_words(frame["name"])) == {RARE}


def test_numbers_are_told_by_quarter_and_missing_values_as_such():
    column = pd.Series([*range(100), *[np.nan] * 20], dtype=float)
    counts = in_words(column).value_counts()
    assert counts["missing"] == 20
    assert list(counts.drop("missing")) == [25] * 4


def test_by_chance_alone_hardly_anything_is_shared():
    alarms = 0
    for seed in range(40):
        frame, _ = people(seed=seed)
        rng = np.random.default_rng(seed)
        alarms += len(find_records_at_risk(frame[["ward", "age"]], rng.normal(size=400), top=40).shared) > 0
    # 5 % are allowed; 7 of 40 and more come about once in 250 such tests.
    assert alarms <= 6


def test_an_attack_hands_on_the_false_alarms_and_what_was_expected():
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(1, 1, 200), rng.normal(0, 1, 300)
    expected = np.r_[np.where(inside > 2, 0.1, 0.8), np.full(300, 0.8)]
    attack = membership_from_scores(inside, outside, attack="toy", expected=expected)
    found = attack.records_at_risk(pd.DataFrame({"ward": ["A"] * 200}), top=10)
    assert found.frame["false_alarms"].iloc[0] == (outside >= inside.max()).mean()
    assert "expect less than that of other members (mean probability 10%" in found.sentence()
    assert "no value of a column" in found.sentence()


@pytest.mark.parametrize(
    ("rows", "top", "said"), [(399, 5, "399 rows"), (400, 0, "top=0"), (400, 400, "from 1 to 399")]
)
def test_a_wrong_argument_gets_a_sentence(rows, top, said):
    frame, scores = people()
    with pytest.raises(UserError, match=said):
        find_records_at_risk(frame.head(rows), scores, top=top)
