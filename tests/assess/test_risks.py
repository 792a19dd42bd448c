"""Every risk states everything, one rule judges every measurement, and nothing measured gets no level."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.assess.registry import AREAS, PARTS
from secure_ai.assess.risks import (
    FILES,
    Bands,
    Risk,
    bad_side,
    check_thresholds,
    judge,
    leave_open,
    risk_of,
    risks,
    worst_first,
)
from secure_ai.core import Finding, Level, Measurement, Mitigation, Outcome, Unassessed, UserError
from secure_ai.core.finding import LEVEL_ORDER, combine_level
from secure_ai.core.frameworks import entry

EVASION = "model.evasion"
ENTRY = {
    "name": "Test",
    "not_measured": "Test was not measured",
    "threat": "A threat.",
    "asset": "An asset",
    "attacker_knowledge": "None.",
    "threshold": 0.2,
    "threshold_source": "the test's own",
    "severity_reason": "because.",
    "supply": "Supply it.",
    "mitigations": ["Do it."],
}


def measured(value: float, low: float | None = None, high: float | None = None) -> Measurement:
    interval = (value if low is None else low, value if high is None else high)
    return Measurement("rate", value, "probability", 100, 0.0, interval, "a test", "this test")


@pytest.fixture
def entries(monkeypatch):
    """Risks of the test's own, so that no entry of the kit decides how the rule is tested."""
    made = {
        "model.high_is_bad": Risk.model_validate(ENTRY),
        "model.low_is_bad": Risk.model_validate(ENTRY | {"bad": "below", "threshold": 0.8}),
    }
    monkeypatch.setattr("secure_ai.assess.risks.risks", lambda: made)
    return made


def test_every_risk_of_the_registry_has_an_entry_and_no_entry_is_left_over():
    named = [name for part in PARTS for name in part.risks]
    assert len(set(named)) == len(named)
    assert set(named) == set(risks())
    assert {name.split(".")[0] for name in risks()} <= set(AREAS)


@pytest.mark.parametrize("name", [name for part in PARTS for name in part.risks])
def test_every_entry_is_complete(name):
    risk = risk_of(name)
    texts = [
        risk.name, risk.not_measured, risk.threat, risk.asset, risk.attacker_knowledge, risk.threshold_source,
        risk.severity_reason, risk.supply, *(str(one) for one in risk.mitigations),
    ]  # fmt: skip
    assert all(text.strip() and "TO BE STATED" not in text.upper() for text in texts)
    assert risk.not_measured[-1] != "." and all(
        text.endswith(".") for text in (risk.threat, risk.severity_reason, risk.supply)
    )
    assert all(one.effect and one.source for one in risk.mitigations), "expected effect and its source"
    assert 0 < risk.bands.high < risk.bands.critical
    assert math.isfinite(risk.threshold)
    assert risk.severity is not Level.UNASSESSED


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
@pytest.mark.parametrize("name", [name for part in PARTS for name in part.risks])
def test_every_mapping_is_an_entry_of_a_framework(name, sector):
    rules = risk_of(name).rules(sector)
    assert rules and all(entry(rule).id == rule for rule in rules)
    assert set(risk_of(name).sector_mappings) <= {"healthcare", "finance"}


def test_the_files_hold_all_risks():
    assert FILES and len(risks()) >= len(FILES)


@pytest.mark.parametrize(
    ("value", "interval", "outcome", "likelihood"),
    [
        (0.1, (0.05, 0.15), Outcome.WITHIN_THRESHOLD, Level.LOW),
        (0.2, (0.2, 0.2), Outcome.WITHIN_THRESHOLD, Level.LOW),  # the threshold itself is accepted
        (0.2, (0.1, 0.2), Outcome.WITHIN_THRESHOLD, Level.LOW),
        (0.19, (0.1, 0.3), Outcome.WITHIN_THRESHOLD, Level.MEDIUM),  # both sides: not low
        (0.21, (0.1, 0.3), Outcome.EXCEEDS_THRESHOLD, Level.HIGH),
        (0.33, (0.3, 0.4), Outcome.EXCEEDS_THRESHOLD, Level.CRITICAL),
    ],
)
def test_high_figures_are_judged_against_the_threshold(entries, value, interval, outcome, likelihood):
    finding = judge("model.high_is_bad", "t", measured(value, *interval), sector="finance")
    assert (finding.outcome, finding.likelihood) == (outcome, likelihood)
    assert finding.level is combine_level(likelihood, Level.HIGH)
    assert ("both sides" in finding.rule) == (interval[0] <= 0.2 < interval[1])


@pytest.mark.parametrize(
    ("value", "interval", "outcome", "likelihood"),
    [
        (0.9, (0.85, 0.95), Outcome.WITHIN_THRESHOLD, Level.LOW),
        (0.8, (0.8, 0.8), Outcome.WITHIN_THRESHOLD, Level.LOW),
        (0.85, (0.7, 0.9), Outcome.WITHIN_THRESHOLD, Level.MEDIUM),
        (0.79, (0.7, 0.9), Outcome.EXCEEDS_THRESHOLD, Level.MEDIUM),  # lacks 1 % of the threshold
        (0.7, (0.6, 0.75), Outcome.EXCEEDS_THRESHOLD, Level.HIGH),  # lacks 12.5 %
        (0.4, (0.3, 0.5), Outcome.EXCEEDS_THRESHOLD, Level.CRITICAL),  # lacks half
    ],
)
def test_where_low_figures_are_bad_the_threshold_is_a_floor(entries, value, interval, outcome, likelihood):
    finding = judge("model.low_is_bad", "t", measured(value, *interval), sector="finance")
    assert (finding.outcome, finding.likelihood) == (outcome, likelihood)
    assert ("below the threshold" in finding.rule) == (outcome is Outcome.EXCEEDS_THRESHOLD)
    assert bad_side("model.low_is_bad") == "below"


@pytest.mark.parametrize(
    ("success", "likelihood"),
    [(0.0, Level.MEDIUM), (0.049, Level.MEDIUM), (0.05, Level.HIGH), (0.33, Level.CRITICAL)],
)
def test_the_success_grades_the_likelihood_of_what_is_above(entries, success, likelihood):
    finding = judge("model.high_is_bad", "t", measured(0.9), sector="finance", success=success)
    assert finding.likelihood is likelihood
    within = judge("model.high_is_bad", "t", measured(0.1), sector="finance", success=success)
    assert within.likelihood is Level.LOW


def test_bands_severity_and_their_reasons_are_the_entrys_or_the_sections(entries):
    own = Risk.model_validate(ENTRY | {"bands": {"high": 0.5, "critical": 0.9}, "severity": "low"})
    entries["model.high_is_bad"] = own
    finding = judge("model.high_is_bad", "t", measured(0.4), sector="finance")
    assert (finding.likelihood, finding.severity, finding.level) == (Level.MEDIUM, Level.LOW, Level.MEDIUM)
    more = judge(
        "model.high_is_bad", "t", measured(0.4), sector="finance",
        severity=Level.CRITICAL, severity_reason="many people.", mitigations=("Stop.",), knowledge="All.",
    )  # fmt: skip
    assert more.level is Level.HIGH and "many people." in more.rule
    assert (more.mitigations, more.attacker_knowledge) == ((Mitigation(action="Stop."),), "All.")
    assert Bands() == Risk.model_validate(ENTRY).bands


def test_a_threshold_of_the_assessor_is_said_beside_the_kits(entries):
    finding = judge(
        "model.high_is_bad", "t", measured(0.3), sector="finance", thresholds={"model.high_is_bad": 0.5}
    )
    assert finding.outcome is Outcome.WITHIN_THRESHOLD and finding.threshold == 0.5
    assert finding.threshold_source == "set by the assessor; for comparison, 0.2: the test's own"
    knows = judge(
        "model.high_is_bad", "t", measured(0.3), sector="finance", threshold=0.1, threshold_source="the law"
    )
    assert (knows.threshold, knows.threshold_source) == (0.1, "the law")


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({"model.evason": 0.3}, "There is no risk 'model.evason'"),
        ({"x" * 500: 0.3}, "There is no risk"),
        ({EVASION: math.nan}, "no finite number"),
        ({EVASION: math.inf}, "no finite number"),
    ],
)
def test_a_wrong_threshold_is_one_sentence_and_passes_nothing(thresholds, words):
    with pytest.raises(UserError, match=words):
        check_thresholds(thresholds)
    if EVASION in thresholds:
        with pytest.raises(UserError, match=words):
            judge(EVASION, "t", measured(0.3), sector="finance", thresholds=thresholds)


def test_bad_input_of_a_section_does_not_pass_for_low():
    with pytest.raises(ValueError, match="NaN"):
        judge(EVASION, "t", measured(0.3), sector="finance", success=math.nan)
    with pytest.raises(UserError, match=r"There is no risk 'model\.unknown'"):
        judge("model.unknown", "t", measured(0.3), sector="finance")


@given(reason=st.text(max_size=50), sector=st.sampled_from(["healthcare", "finance"]))
def test_what_was_not_assessed_never_gets_a_level(reason, sector):
    for name in risks():
        opened = leave_open(name, reason, sector=sector)
        judged = judge(name, "a title", Unassessed(reason), sector=sector, severity=Level.LOW)
        for finding in (opened, judged):
            assert finding.outcome is Outcome.UNASSESSED
            assert {finding.level, finding.likelihood, finding.residual_level} == {Level.UNASSESSED}
            assert finding.measurement == Unassessed(reason) and finding.mitigations
        assert Finding.model_validate_json(opened.model_dump_json()) == opened


@given(figures=st.lists(st.floats(0, 1), min_size=2, max_size=2), width=st.floats(0, 0.2))
def test_the_level_rises_with_the_figure_and_never_falls(figures, width):
    low, high = (
        judge(EVASION, "t", measured(value, max(0, value - width), value + width), sector="finance")
        for value in sorted(figures)
    )
    assert LEVEL_ORDER.index(low.level) <= LEVEL_ORDER.index(high.level)
    assert (low.outcome is Outcome.EXCEEDS_THRESHOLD) <= (high.outcome is Outcome.EXCEEDS_THRESHOLD)


@given(
    pair=st.tuples(st.sampled_from(LEVEL_ORDER), st.sampled_from(LEVEL_ORDER)),
    third=st.sampled_from(LEVEL_ORDER),
)
def test_the_level_is_monotone_in_likelihood_and_in_severity(pair, third):
    low, high = sorted(pair, key=LEVEL_ORDER.index)
    rank = LEVEL_ORDER.index
    assert rank(combine_level(low, third)) <= rank(combine_level(high, third))
    assert rank(combine_level(third, low)) <= rank(combine_level(third, high))
    assert rank(combine_level(low, high)) <= rank(high)
    assert rank(combine_level(low, high)) >= rank(low)


def test_findings_stand_worst_first_and_the_unassessed_last(entries):
    found = [
        leave_open("model.high_is_bad", "why", sector="finance"),
        judge("model.high_is_bad", "t", measured(0.1), sector="finance"),
        judge("model.high_is_bad", "t", measured(0.9), sector="finance"),
    ]
    levels = [finding.level for finding in sorted(found, key=worst_first)]
    assert levels == [Level.CRITICAL, Level.MEDIUM, Level.UNASSESSED]
