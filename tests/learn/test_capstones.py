"""Claims about the capstones: several ways win, nothing and everything lose, every figure is measured."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from secure_ai.assess.risks import judge
from secure_ai.core.errors import UserError
from secure_ai.core.finding import Outcome as Judged
from secure_ai.core.frameworks import entry
from secure_ai.learn import monitoring_scenes
from secure_ai.learn.capstones import ATTACKS, Capstone, gather, scenario
from secure_ai.learn.capstones import chooser as views
from secure_ai.learn.capstones.cases import example_outcome, judge_decision
from secure_ai.learn.capstones.scenario import NAMES, SECTORS
from synthetic_data import load
from synthetic_data.activity import make_month
from synthetic_data.learning_tables import learning_table

ROWS = {"readmission": 3000, "fraud": 15000, "credit": 30000}
BOTH = ("simpler_model", "verified_inputs", "rate_limit", "second_factor", "audit_trail")
WAYS = {
    "hospital": (
        (*BOTH, "label_filter", "encrypted_files", "tls", "calm_watch", "backups"),
        (*BOTH, "signed_batches", "encrypted_files", "tls", "need_to_know", "break_glass"),
        (*BOTH, "signed_batches", "encrypted_files", "tls", "calm_watch"),
    ),
    "bank": (
        (*BOTH, "label_filter", "signed_model", "strict_tokens", "calm_watch", "backups", "drill"),
        (*BOTH, "signed_batches", "signed_model", "strict_tokens", "calm_watch", "drill"),
        (*BOTH, "label_filter", "adversarial_training", "strict_tokens", "calm_watch", "backups", "drill"),
    ),
}


def play(name, sector, seed=7):
    task = scenario(name).houses[sector].task
    data = load(sector, seed=seed, rows=ROWS[task])
    planted = monitoring_scenes.planted_kinds(sector)
    month = make_month(sector, staff=40, days=3, seed=seed, incidents=planted)
    return Capstone(name, gather(learning_table(data, task), data, month, seed=seed), judge=judge)


@pytest.fixture(scope="module")
def hospital():
    return play("hospital", "healthcare")


@pytest.mark.parametrize("name", NAMES)
def test_the_data_of_a_case_fit_together(name):
    case = scenario(name)
    assert set(case.houses) == set(SECTORS) and set(case.attacks) <= set(ATTACKS)
    assert set(case.must_hold) <= set(case.attacks)
    assert 12 <= len(case.controls) <= 18
    known = set(itertools.chain.from_iterable(ATTACKS[one].controls for one in case.attacks))
    # Each control changes the outcome of an attack, or a threshold that the tests below measure.
    assert set(case.controls) - known <= {"break_glass", "rounded_answers"}
    for limit in case.limits.values():
        assert limit.reason.endswith(".") and limit.words


@pytest.mark.parametrize("name", NAMES)
def test_everything_at_once_does_not_fit_and_the_ways_do(name):
    case = scenario(name)
    assert not case.affordable(case.controls)
    assert all(case.affordable(way) for way in WAYS[name])
    for one, other in itertools.combinations(WAYS[name], 2):
        assert len(set(one) ^ set(other)) >= 2


def test_nothing_loses_and_the_attacks_come_through(hospital):
    outcome = hospital.decide([], seed=1)
    assert not outcome.won and outcome.affordable
    through = {one.attack for one in outcome.attacks if not one.held}
    assert {"stolen_file", "eavesdropper", "stolen_password", "insider", "ransomware"} <= through
    for one in outcome.attacks:
        if one.attack == "stolen_file":
            assert one.would_have == ("encrypted_files",)


def test_everything_loses_even_with_unlimited_budget(hospital):
    outcome = hospital.decide(hospital.scenario.controls, seed=1)
    missed = {one.measure for one in outcome.checks if not one.met}
    assert not outcome.won and missed & {"quality", "false_alerts"}


def test_two_of_the_ways_win_and_the_widest_finding_is_within(hospital):
    for way in WAYS["hospital"][:2]:
        outcome = hospital.decide(way, seed=1)
        assert outcome.won, outcome.sentence()
        assert judge_decision(outcome, "hospital").accepted
    findings = hospital.findings(WAYS["hospital"][0])
    assert {one.outcome for one in findings} == {Judged.WITHIN_THRESHOLD}
    assert any(one.outcome is Judged.EXCEEDS_THRESHOLD for one in hospital.findings([]))


def test_leaving_out_what_the_case_asks_for_loses(hospital):
    way = WAYS["hospital"][0]
    for needed in ("encrypted_files", "tls", "second_factor", "audit_trail", "calm_watch"):
        assert not hospital.decide(set(way) - {needed}, seed=1).won, needed


def test_the_same_seed_gives_the_same_day_and_another_another_order(hospital):
    days = [hospital.attack_day(WAYS["hospital"][0], seed) for seed in (3, 3, 4)]
    assert days[0] == days[1]
    assert [one.attack for one in days[0]] != [one.attack for one in days[2]]


def test_a_score_counts_thresholds_and_attacks(hospital):
    outcome = hospital.decide(WAYS["hospital"][1], seed=1)
    good, of = outcome.score
    assert of == len(hospital.scenario.limits) + len(hospital.scenario.attacks)
    assert good == of - sum(not one.held for one in outcome.attacks)


def test_exceptions_let_honest_people_in(hospital):
    locked = hospital.measure("locked_out", ["need_to_know"])
    eased = hospital.measure("locked_out", ["need_to_know", "break_glass"])
    assert eased < locked > hospital.bound("locked_out") >= eased


def test_the_views_say_what_was_measured(hospital):
    chooser = views.Chooser(hospital, WAYS["hospital"][0], seed=1)
    text = chooser.look().text()
    assert "This choice wins" in text and "The attack day" in text
    assert "fits the budget" in chooser.budget([])
    table = views.controls_table(hospital)
    assert len(table.rows) == len(hospital.scenario.controls)
    assert "not met" in views.checks_table(hospital.decide([], seed=1)).text()
    assert (
        "Before and after" in views.compare_table(*[hospital.decide(WAYS["hospital"][0], seed=1)] * 2).text()
    )
    assert "exceeds threshold" in views.findings_table(hospital.findings([])).text()


def test_the_widget_builds_what_is_ticked_and_can_be_worked_by_keyboard(hospital):
    from secure_ai.learn.capstones.chooser_widget import ChooserControls

    chooser = views.Chooser(hospital, WAYS["hospital"][0], seed=1)
    controls = ChooserControls(chooser)
    assert set(controls.chosen()) == set(WAYS["hospital"][0])
    assert "fits the budget" in controls.budget.value and controls.result.value == ""
    controls.build.click()
    assert "This choice wins" in controls.result.value and not controls.build.disabled
    for part in controls.boxes.values():
        part.value = True
    assert "does not fit the budget" in controls.budget.value and controls.result.value == ""
    assert all(part.description for part in (*controls.boxes.values(), controls.build))


@pytest.mark.parametrize(
    "call,words",
    [
        (lambda one: one.decide("backups"), "list of controls"),
        (lambda one: one.decide(None), "list of controls"),
        (lambda one: one.decide(["magic"]), "no control 'magic'"),
        (lambda one: one.decide([7]), "no control"),
        (lambda one: one.measure("beauty", []), "no such measure"),
        (lambda one: Capstone("school", one.materials), "no capstone 'school'"),
        (lambda one: Capstone("hospital", one.materials).findings([]), "judge"),
    ],
)
def test_wrong_input_is_refused_in_a_sentence(hospital, call, words):
    with pytest.raises(UserError, match=words) as refusal:
        call(hospital)
    assert "\n" not in str(refusal.value)


def test_a_forged_outcome_is_judged_by_what_stands_in_it():
    way = WAYS["hospital"][0]
    assert not judge_decision(example_outcome("hospital", way, missed="quality"), "hospital").accepted
    assert not judge_decision(example_outcome("bank", WAYS["bank"][0]), "hospital").accepted


@pytest.mark.parametrize("name", NAMES)
def test_references_in_reasons_exist(name):
    for one in ("164.312(a)(2)(iv)", "164.312(e)(1)", "164.312(d)", "164.312(b)", "MANAGE 4.1"):
        assert entry(one).id == one
    assert scenario(name).title


@pytest.mark.slow
@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("name", NAMES)
def test_among_many_choices_several_win_and_none_of_the_cheap_ones(name, sector):
    capstone = play(name, sector)
    rng = np.random.default_rng(0)
    controls = list(capstone.scenario.controls)
    winners = [frozenset(way) for way in WAYS[name] if capstone.decide(way, seed=1).won]
    cheapest = min(capstone.scenario.cost(way)[0] for way in WAYS[name])
    for _ in range(60):
        chosen = frozenset(one for one in controls if rng.random() < 0.6)
        outcome = capstone.decide(chosen, seed=1)
        if outcome.won:
            winners.append(chosen)
        assert not (outcome.won and outcome.points < 0.6 * cheapest)
    assert len(set(winners)) >= 3
    assert not capstone.decide(controls, seed=1).won and not capstone.decide([], seed=1).won
