"""Claims about findings: levels combine by the worst, and unassessed is neither safe nor comparable."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from secure_ai.core import Finding, Level, Measurement, Outcome, Unassessed, worst_level
from secure_ai.core.finding import LEVEL_ORDER, combine_level

LOW, MEDIUM, HIGH, CRITICAL = LEVEL_ORDER
MEASURED = Measurement(
    name="prosecutor_risk",
    value=0.4,
    unit="probability",
    n=100,
    baseline=0.01,
    interval=(0.3, 0.5),
    method="count",
    source="ISO/IEC 27559",
)


def finding(**change) -> Finding:
    fields = {
        "id": "privacy.reidentification",
        "title": "People can be singled out",
        "threat": "re-identification",
        "asset": "claims",
        "attacker_knowledge": "age, sex, ZIP",
        "measurement": MEASURED,
        "outcome": Outcome.EXCEEDS_THRESHOLD,
        "likelihood": HIGH,
        "severity": HIGH,
        "level": HIGH,
    }
    return Finding(**fields | change)


@pytest.mark.parametrize(
    ("likelihood", "severity", "level"),
    [
        (LOW, LOW, LOW),
        (LOW, MEDIUM, MEDIUM),
        (LOW, HIGH, MEDIUM),
        (LOW, CRITICAL, HIGH),
        (MEDIUM, MEDIUM, MEDIUM),
        (MEDIUM, HIGH, HIGH),
        (MEDIUM, CRITICAL, HIGH),
        (HIGH, HIGH, HIGH),
        (HIGH, CRITICAL, CRITICAL),
        (CRITICAL, CRITICAL, CRITICAL),
    ],
)
def test_likelihood_and_severity_combine_to_the_middle_rounded_up(likelihood, severity, level):
    assert combine_level(likelihood, severity) is level
    assert combine_level(severity, likelihood) is level


@pytest.mark.parametrize("other", list(Level))
def test_a_level_with_an_unassessed_part_is_unassessed(other):
    assert combine_level(Level.UNASSESSED, other) is Level.UNASSESSED
    assert combine_level(other, Level.UNASSESSED) is Level.UNASSESSED


def test_a_worse_part_never_makes_the_level_better():
    for low, high in itertools.combinations(LEVEL_ORDER, 2):
        for other in LEVEL_ORDER:
            before, after = combine_level(low, other), combine_level(high, other)
            assert LEVEL_ORDER.index(before) <= LEVEL_ORDER.index(after)


@given(st.lists(st.sampled_from(list(Level))))
def test_levels_combine_by_the_worst_and_ignore_what_was_not_assessed(levels):
    assessed = [LEVEL_ORDER.index(level) for level in levels if level is not Level.UNASSESSED]
    assert worst_level(levels) is (LEVEL_ORDER[max(assessed)] if assessed else Level.UNASSESSED)


@pytest.mark.parametrize(
    "original",
    [
        finding(
            mappings=("AML.T0024.000", "MEASURE 2.10"), mitigations=("coarsen the ZIP code",), threshold=0.2
        ),
        finding(
            measurement=Unassessed("no model was given"), outcome=Outcome.UNASSESSED, level=Level.UNASSESSED
        ),
    ],
    ids=["measured", "unassessed"],
)
def test_a_finding_survives_the_way_through_json(original):
    assert Finding.model_validate_json(original.model_dump_json()) == original


def test_the_json_schema_can_be_published():
    schema = Finding.model_json_schema(mode="serialization")
    assert {"id", "measurement", "outcome", "level"} <= set(schema["required"])


@pytest.mark.parametrize(
    "change",
    [
        {"measurement": Unassessed("no data")},
        {"measurement": Unassessed("no data"), "outcome": Outcome.UNASSESSED},
        {"measurement": Unassessed("no data"), "level": Level.UNASSESSED},
        {"outcome": Outcome.UNASSESSED},
        {"level": Level.UNASSESSED},
    ],
)
def test_unassessed_cannot_pass_for_safe_nor_a_measurement_for_unassessed(change):
    with pytest.raises(ValidationError, match="exactly where nothing was measured"):
        finding(**change)


@pytest.mark.parametrize(
    "change", [{"id": "Has Spaces"}, {"id": ""}, {"score": 7}, {"level": "dreadful"}, {"measurement": 0.4}]
)
def test_malformed_fields_are_refused(change):
    with pytest.raises(ValidationError):
        finding(**change)


def test_a_finding_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError):
        finding().level = LOW
