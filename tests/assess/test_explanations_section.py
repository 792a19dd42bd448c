"""Decisions explained on a report: stability measured, reasons judged, and no value of anybody shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.assess.names import Names
from secure_ai.assess.progress import Progress
from secure_ai.assess.section import Section
from secure_ai.assess.sections import explanations
from secure_ai.assess.sections.feature_names import FeatureNames, categories_of
from secure_ai.core import Outcome
from tests.assess.asked_models import CANARY, only, opened, with_answers, write

QUIET = Progress()


@pytest.fixture(scope="module")
def parameters(tmp_path_factory):
    return write(tmp_path_factory.mktemp("explained"))


@pytest.fixture(scope="module")
def section(parameters):
    with opened(**parameters, favorable=1) as inputs:
        return explanations.assess(inputs, QUIET)


def table(section, start):
    return next(b for b in section.blocks if b.kind == "table" and b.title.startswith(start))


def test_linear_model_of_few_features_keeps_its_reasons(section):
    finding = only(section)
    assert finding.outcome is Outcome.WITHIN_THRESHOLD
    assert finding.measurement.value > 0.9
    assert finding.measurement.baseline == pytest.approx(2 / 3)


def test_five_decisions_are_explained_by_what_counts(section):
    rows = table(section, "What moved 5 decisions").rows
    kinds = [row[0] for row in rows]
    assert len(set(kinds)) == 5
    assert {kind.split(": ")[1] for kind in kinds} == {
        "near the threshold", "clear for the favorable class", "clear against it",
    }  # fmt: skip
    against = [row for row in rows if "clear against" in row[0]]
    assert all(row[1] < 0.5 for row in against)
    strongest = {row[0]: row[3] for row in reversed(against)}
    assert set(strongest.values()) <= {"income", "debts"}


def test_contributions_add_up_to_the_answer(section):
    rows = pd.DataFrame(table(section, "What moved").rows)
    for _, part in rows.groupby(0):
        assert part[4].sum() == pytest.approx(part[1].iloc[0] - part[2].iloc[0], abs=1e-6)


def test_no_value_of_the_explained_people_is_shown(parameters, section):
    text = section.model_dump_json()
    held = pd.read_csv(parameters["held_out"])
    assert CANARY not in text
    assert not [value for value in held["income"].astype(str) if len(value) > 4 and f'"{value}"' in text]
    assert Section.model_validate_json(text) == section


def test_reasons_for_customers_are_judged_in_finance_alone(parameters, section):
    assert table(section, "Whether reasons").rows
    with opened(**parameters | {"sector": "healthcare"}) as inputs:
        other = explanations.assess(inputs, QUIET)
    assert not [b for b in other.blocks if b.kind == "table" and b.title.startswith("Whether reasons")]


def test_unstable_reasons_exceed(parameters):
    def jagged(rows):
        values = np.asarray(rows, dtype=float)
        one = 1 / (1 + np.exp(-2 * np.sin(900 * values).sum(axis=1)))
        return np.column_stack([1 - one, one])

    with opened(**parameters) as inputs:
        finding = only(explanations.assess(with_answers(inputs, jagged), QUIET))
    assert finding.measurement.value < finding.threshold
    assert finding.outcome is Outcome.EXCEEDS_THRESHOLD


def test_labels_alone_can_be_explained(parameters):
    with opened(**parameters, labels_only=True) as inputs:
        assert only(explanations.assess(inputs, QUIET)).outcome is not Outcome.UNASSESSED


def test_strict_shows_no_feature(parameters):
    with opened(**parameters, redact="strict") as inputs:
        text = explanations.assess(inputs, QUIET).model_dump_json()
    assert "income" not in text
    assert "debts" not in text


def test_choice_holds_no_record_twice():
    chance = np.linspace(0, 1, 40)
    chosen = explanations.choose(chance, 0.5, chance >= 0.5, seed=1)
    places = [place for _, place in chosen]
    assert len(set(places)) == len(places) == 5
    assert explanations.choose(chance, 0.5, chance >= 0.5, seed=1) == chosen
    nobody = explanations.choose(chance, 2.0, np.zeros(40, dtype=bool), seed=1)
    assert {kind for kind, _ in nobody} == {"near the threshold", "clear against it"}


def test_cost_is_bounded_whatever_the_number_of_features():
    for players in (3, 14, 100, 1000):
        orders = explanations.orders_within(players, explanations.MOST_QUESTIONS)
        assert explanations.LEAST_ORDERS <= orders <= explanations.MOST_ORDERS


def test_column_of_one_value_is_called_by_its_category():
    frame = pd.DataFrame(
        {
            f"job={CANARY}": [1, 0, 0], "job=clerk": [0, 1, 1],
            f"home_{CANARY}": [1, 0, 0], "home_own": [0, 1, 0],
            "has_loan": [1, 1, 0], "has_car": [1, 1, 1], "age": [30, 40, 50],
        }
    )  # fmt: skip
    found = categories_of(frame)
    assert found == {"job": [f"job={CANARY}", "job=clerk"], "home": [f"home_{CANARY}", "home_own"]}
    called = FeatureNames(Names(), found).columns(frame.columns)
    assert called == ["job", "job", "home", "home", "has_loan", "has_car", "age"]
    frame["job"] = 1
    assert set(categories_of(frame)) == {"job (category)", "home"}
