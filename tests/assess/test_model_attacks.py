"""Extraction, evasion and poisoning of a given model: known answers, and no figure without a measurement."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from secure_ai.assess.progress import Progress
from secure_ai.assess.risks import risk_of
from secure_ai.assess.section import Section
from secure_ai.assess.sections import evasion, explanations, extraction, fairness, poisoning
from secure_ai.core import Measurement, Outcome, UserError
from tests.assess.asked_models import CANARY, FEATURES, only, opened, records, with_answers, write

RISKS = ("model.extraction", "model.evasion", "model.poisoning", "fairness.selection_rate",
         "fairness.error_rates", "fairness.explanations")  # fmt: skip
ATTACKS = (extraction, evasion, poisoning)
QUIET = Progress()


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    return write(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def found(given):
    with opened(**given, groups=["sex", "town"], favorable=1) as inputs:
        return {module: module.assess(inputs, QUIET) for module in ATTACKS}


def rules(folder, text):
    path = folder / f"{CANARY}.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
@pytest.mark.parametrize("name", RISKS)
def test_every_risk_states_its_threshold_and_names_known_frameworks(name, sector):
    risk = risk_of(name)
    assert risk.rules(sector)
    assert "TO BE STATED" not in risk.model_dump_json()
    assert all(one.effect and one.source for one in risk.mitigations)


def test_linear_model_is_copied_and_the_price_is_that_of_its_questions(found):
    section = found[extraction]
    finding = only(section)
    assert finding.outcome is Outcome.EXCEEDS_THRESHOLD
    assert finding.measurement.value > 0.9
    assert 0.4 < finding.measurement.baseline < 0.6
    assert finding.threshold == pytest.approx((1 + finding.measurement.baseline) / 2)
    assert section.facts["questions"] == 300
    assert section.facts["cost"] == pytest.approx(0.3)
    assert [block.kind for block in section.blocks].count("drawing") == 1


def test_thief_asks_no_more_than_can_be_paid_for_and_the_price_follows(given):
    with opened(**given | {"queries": 100, "price_per_thousand": 50.0}) as inputs:
        section = extraction.assess(inputs, QUIET)
    assert section.facts["questions"] == 100
    assert "5.00 USD" in only(section).title


def test_easily_evaded_model_exceeds_and_says_when_no_rules_were_given(found):
    section = found[evasion]
    finding = only(section)
    assert finding.outcome is Outcome.EXCEEDS_THRESHOLD
    assert finding.measurement.value == 1.0
    assert finding.measurement.control == 0.0
    assert finding.severity.value == "medium"
    assert "No rules were given" in section.model_dump_json()


def test_what_cannot_be_changed_cannot_evade(given, tmp_path):
    frozen = rules(tmp_path, "immutable: [income, debts]\ncosts: {months: 1}\ncost_unit: months\n")
    with opened(**given, rules=frozen) as inputs:
        section = evasion.assess(inputs, QUIET)
    finding = only(section)
    # Months hardly count: whoever lies far from the boundary stays there.
    assert finding.measurement.value < 0.3
    assert section.facts["rules_given"]
    assert finding.severity.value == "high"
    assert "No rules were given" not in section.model_dump_json()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("immutable: [nothing]\n", "nothing"),
        ("immutable: {\n", "given as rules"),
        ("unheard: [income]\n", "given as rules"),
    ],
)
def test_wrong_rules_are_said_without_the_name_of_the_file(given, tmp_path, text, words):
    with (
        opened(**given, rules=rules(tmp_path, text)) as inputs,
        pytest.raises(UserError, match=words) as error,
    ):
        evasion.assess(inputs, QUIET)
    assert CANARY not in str(error.value)


def test_goal_must_be_a_class_of_the_model(given):
    with opened(**given, goal="maybe") as inputs, pytest.raises(UserError, match="goal"):
        evasion.assess(inputs, QUIET)


def test_goal_attacks_only_those_who_are_not_there(given):
    with opened(**given, goal="1") as inputs:
        section = evasion.assess(inputs, QUIET)
    # About half of the records have the wanted answer: as many others as were asked for are found.
    assert only(section).measurement.n == 20


def test_goal_that_nearly_all_have_is_unassessed(given):
    def nearly(rows):
        one = np.where(np.asarray(rows)[:, 0] > 28, 0.9, 0.1)
        return np.column_stack([1 - one, one])

    with opened(**given, goal=1) as inputs:
        finding = only(evasion.assess(with_answers(inputs, nearly), QUIET))
    assert finding.outcome is Outcome.UNASSESSED
    assert "wanted answer" in finding.measurement.reason


def test_model_with_a_rare_class_is_copied_all_the_same(given):
    def rare(rows):
        one = np.where(np.asarray(rows, dtype=float)[:, 0] > 66, 0.9, 0.1)
        return np.column_stack([1 - one, one])

    with opened(**given | {"queries": 500}) as inputs:
        section = extraction.assess(with_answers(inputs, rare), QUIET)
    assert only(section).outcome is not Outcome.UNASSESSED
    assert section.facts["without_questions"] > 0.9


def test_poisoning_compares_with_the_clean_model(found):
    section = found[poisoning]
    finding = only(section)
    assert isinstance(finding.measurement, Measurement)
    assert finding.threshold >= 0.1
    titles = [block.title for block in section.blocks if block.kind == "table"]
    assert "What labels flipped at random cost" in titles


def test_model_that_learns_any_mark_exceeds_and_one_that_learns_nothing_is_unassessed(given):
    from sklearn.dummy import DummyClassifier
    from sklearn.tree import DecisionTreeClassifier

    found = []
    for estimator in (DecisionTreeClassifier(random_state=0), DummyClassifier(strategy="prior")):
        with opened(**given) as inputs:
            ask = inputs.model._asked.ask
            found.append(only(poisoning.assess(with_answers(inputs, ask, estimator), QUIET)))
    obeys, constant_model = found
    assert obeys.outcome is Outcome.EXCEEDS_THRESHOLD
    assert obeys.measurement.value > obeys.measurement.baseline + 0.1
    assert constant_model.outcome is Outcome.UNASSESSED


def test_lost_accuracy_is_that_of_the_curve():
    from secure_ai.attack.poisoning import measure_flipping
    from tests.assess.asked_models import fitted

    known = records(400, 3)
    flipped = measure_flipping(fitted(), known[FEATURES], known["paid"], shares=poisoning.SHARES)
    lost = poisoning.lost_accuracy(flipped)
    point = flipped.points[1]
    assert lost.value == pytest.approx(point.baseline - point.value)
    assert lost.interval[0] <= lost.value <= lost.interval[1]


def test_trigger_is_rare_and_made_of_values_that_exist():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "code": rng.choice(["a", "b", "c"], 1000, p=[0.9, 0.06, 0.04]),
            "amount": rng.normal(size=1000),
            "flag": rng.integers(0, 2, 1000),
        }
    )
    trigger = poisoning.rare_values(frame)
    assert trigger is not None
    assert trigger.present(frame).mean() < 0.01
    assert trigger.values["code"] == "c"
    assert trigger.values["amount"] in set(frame["amount"])
    assert poisoning.rare_values(frame[["flag"]]) is None


def crash(rows):
    raise RuntimeError(f"{CANARY} {rows}")


def constant(rows):
    return np.full((len(rows), 2), 0.5)


def not_finite(rows):
    return np.full((len(rows), 2), np.nan)


def too_few(rows):
    return np.full((len(rows) - 1, 2), 0.5)


def above_one(rows):
    return np.full((len(rows), 2), 7.0)


def noise():
    rng = np.random.default_rng(0)

    def ask(rows):
        one = rng.random(len(rows))
        return np.column_stack([1 - one, one])

    return ask


@pytest.mark.parametrize("module", [extraction, evasion, poisoning, explanations], ids=lambda m: m.ID)
@pytest.mark.parametrize("ask", [crash, constant, not_finite, too_few, above_one, noise()])
def test_model_that_crashes_lies_or_decides_nothing_is_unassessed(given, module, ask):
    with opened(**given, groups=["sex"]) as inputs:
        section = module.assess(with_answers(inputs, ask), QUIET)
    assert {finding.outcome for finding in section.findings} == {Outcome.UNASSESSED}
    assert CANARY not in section.model_dump_json()
    assert section.assessed == ""


@pytest.mark.parametrize("ask", [crash, not_finite, too_few, above_one])
def test_fairness_of_a_model_that_gives_no_answer_is_unassessed(given, ask):
    with opened(**given, groups=["sex"]) as inputs:
        section = fairness.assess(with_answers(inputs, ask), QUIET)
    assert {finding.outcome for finding in section.findings} == {Outcome.UNASSESSED}
    assert CANARY not in section.model_dump_json()


def test_labels_alone_are_enough_for_extraction_and_evasion(given):
    with opened(**given, labels_only=True) as inputs:
        copied, evaded = extraction.assess(inputs, QUIET), evasion.assess(inputs, QUIET)
    assert only(copied).measurement.value > 0.8
    assert only(evaded).outcome is Outcome.EXCEEDS_THRESHOLD


def test_what_has_no_recipe_cannot_be_poisoned_here(given):
    with opened(**given) as inputs:
        model = inputs.model
        section = poisoning.assess(with_answers(inputs, model._asked.ask), QUIET)
    assert "cannot be trained again" in only(section).measurement.reason


def test_without_classes_poisoning_is_unassessed_and_the_others_are_not(given):
    without = {name: value for name, value in given.items() if name != "target"}
    with opened(**without, drop=["paid"]) as inputs:
        assert only(poisoning.assess(inputs, QUIET)).outcome is Outcome.UNASSESSED
        assert only(extraction.assess(inputs, QUIET)).outcome is not Outcome.UNASSESSED


def test_without_records_nothing_is_assessed(given):
    with opened(sector="finance", model=given["model"]) as inputs:
        for module in (*ATTACKS, explanations):
            assert only(module.assess(inputs, QUIET)).outcome is Outcome.UNASSESSED


def test_no_value_of_the_records_reaches_a_section(given, found):
    held = pd.read_csv(given["held_out"])
    for section in found.values():
        text = section.model_dump_json()
        assert CANARY not in text
        assert given["held_out"] not in text
        assert not [one for one in held["income"].astype(str) if len(one) > 4 and f'"{one}"' in text]


def test_names_of_columns_are_numbers_where_none_may_be_shown(given):
    with opened(**given, redact="strict") as inputs:
        for module in ATTACKS:
            text = module.assess(inputs, QUIET).model_dump_json()
            assert not [name for name in FEATURES if f'"{name}"' in text or f" {name}" in text.replace(
                "24 months", "")], module  # fmt: skip


def test_section_is_the_same_for_the_same_seed_and_comes_back_from_its_file(given, found):
    with opened(**given, groups=["sex", "town"], favorable=1) as inputs:
        again = evasion.assess(inputs, QUIET)
    assert again.model_dump_json() == found[evasion].model_dump_json()
    assert Section.model_validate_json(again.model_dump_json()) == again


def test_progress_is_told_while_the_model_is_asked(given):
    lines: list[float | None] = []
    with opened(**given) as inputs:
        extraction.assess(inputs, Progress(lambda _, done: lines.append(done)))
    assert len(lines) > 2
    assert all(0 <= done < 1 for done in lines if done is not None)
