"""Claims about the capstones: several ways win, nothing and everything lose, every figure is measured."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from secure_ai.assess.risks import judge
from secure_ai.core.errors import UserError
from secure_ai.core.finding import Outcome as Judged
from secure_ai.core.frameworks import entry
from secure_ai.learn.capstones import ATTACKS, Capstone, gather, planted, scenario
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
# The bank's exceptions let too many lookups pass for a policy alone: there the watch is needed, too.
AT_A_BANK = (*BOTH, "label_filter", "signed_batches", "encrypted_files", "tls", "calm_watch")


def ways(name, sector):
    first, second, third = WAYS[name]
    return (first, AT_A_BANK if (name, sector) == ("hospital", "finance") else second, third)


def play(name, sector, seed=7):
    task = scenario(name).houses[sector].task
    data = load(sector, seed=seed, rows=ROWS[task])
    month = make_month(sector, staff=40, days=3, seed=seed, incidents=planted(sector))
    return Capstone(name, gather(learning_table(data, task), data, month, seed=seed), judge=judge)


@pytest.fixture(scope="module")
def hospital():
    return play("hospital", "healthcare")


@pytest.fixture(scope="module")
def bank(hospital):
    """The bank's case, taken over by the hospital: same cases and models, trained once."""
    case = Capstone("bank", hospital.materials, judge=judge)
    assert (case.models.verified, case.models.most_cost) == (
        hospital.models.verified,
        hospital.models.most_cost,
    )
    case.models, case.systems = hospital.models, hospital.systems
    return case


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


@pytest.mark.parametrize("name", NAMES)
def test_three_ways_win_in_both_cases(request, name):
    capstone = request.getfixturevalue(name)
    for way in WAYS[name]:
        outcome = capstone.decide(way, seed=1)
        assert outcome.won, outcome.sentence()
        assert judge_decision(outcome, name).accepted
    assert len({frozenset(way) for way in WAYS[name]}) >= 3


def test_what_wins_is_within_the_thresholds_of_the_assessment(hospital):
    findings = hospital.findings(WAYS["hospital"][0])
    assert {one.outcome for one in findings} == {Judged.WITHIN_THRESHOLD}
    assert any(one.outcome is Judged.EXCEEDS_THRESHOLD for one in hospital.findings([]))


def test_the_thief_learns_from_what_the_service_gives_out(hospital):
    copied = hospital.models.extraction
    for base in (frozenset(), frozenset({"rate_limit"})):
        assert copied(base | {"rounded_answers"}).value <= copied(base).value
    assert copied(frozenset({"rounded_answers"})).value < copied(frozenset()).value


def test_an_exchanged_model_answers_unless_the_file_must_be_signed(hospital):
    assert hospital.systems.opens_swapped_model(frozenset())
    assert not hospital.systems.opens_swapped_model(frozenset({"signed_model"}))


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
    begin = chooser.begin().text()
    assert "`tls`" in begin and "fits the budget" in begin and ".look([" in begin
    assert hospital.scenario.limits["evasion"].reason in views.limits_table(hospital).content.rows[2]
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


# Cheap measures first: a choice that fails one of them costs no training.
QUICK = ("at_rest", "on_the_way", "password", "edits", "locked_out", "insiders", "stream", "false_alerts",
         "incident", "refused_questions", "quality", "reviewed", "membership", "poisoning")  # fmt: skip


def could_win(capstone, chosen):
    limits, sector = capstone.scenario.limits, capstone.materials.sector
    for measure in filter(limits.get, QUICK):
        found = capstone.measure(measure, chosen)
        if not limits[measure].met(float(getattr(found, "value", found)), sector):
            return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("name", NAMES)
def test_of_all_the_choices_several_win_and_no_cheap_one(name, sector):
    """Every choice below half the points is looked at, and of the others a sample."""
    capstone = play(name, sector)
    case, prices = capstone.scenario, {key: one.points for key, one in capstone.scenario.controls.items()}
    cheap = [
        chosen
        for size in range(len(prices) + 1)
        for chosen in itertools.combinations(prices, size)
        if sum(prices[one] for one in chosen) < case.points / 2
    ]
    assert len(cheap) > 1000
    assert not any(could_win(capstone, chosen) and capstone.decide(chosen, seed=1).won for chosen in cheap)
    rng = np.random.default_rng(0)
    winners = {frozenset(way) for way in ways(name, sector) if capstone.decide(way, seed=1).won}
    assert len(winners) >= 3
    for _ in range(300):
        way = set(ways(name, sector)[rng.integers(3)])
        chosen = frozenset(way ^ {str(one) for one in rng.choice(list(prices), size=2, replace=False)})
        if case.affordable(chosen) and could_win(capstone, chosen):
            outcome = capstone.decide(chosen, seed=1)
            winners |= {chosen} if outcome.won else set()
            assert outcome == capstone.decide(chosen, seed=1)
    assert len(winners) >= 5
    everything = capstone.decide(prices, seed=1)
    assert not all(one.met for one in everything.checks)  # so that no budget would make it win
    assert not capstone.decide([], seed=1).won


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 23])
@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("name", NAMES)
def test_other_seeds_tell_the_same_story(name, sector, seed):
    capstone = play(name, sector, seed)
    for way in ways(name, sector):
        outcome = capstone.decide(way, seed=1)
        assert outcome.won, (way, outcome.sentence())
    assert not capstone.decide([], seed=1).won
    assert not all(one.met for one in capstone.checks(capstone.scenario.controls))
