"""Claims about measurements: complete, ordered, never NaN, and an absence is no zero."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core import Measurement, Unassessed

FIELDS = {
    "name": "prosecutor_risk",
    "value": 0.2,
    "unit": "probability",
    "n": 100,
    "baseline": 0.01,
    "interval": (0.1, 0.3),
    "method": "exact count",
    "source": "ISO/IEC 27559",
}
finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    value=finite,
    baseline=finite,
    control=st.none() | finite,
    bounds=st.tuples(finite, finite).map(sorted),
    n=st.integers(min_value=1, max_value=10**12),
    name=st.text(),
)
def test_a_measurement_survives_the_way_through_json(*, value, baseline, control, bounds, n, name):
    given_fields = FIELDS | {
        "value": value,
        "baseline": baseline,
        "control": control,
        "interval": tuple(bounds),
        "n": n,
        "name": name,
    }
    measurement = Measurement(**given_fields)
    assert Measurement.from_dict(json.loads(json.dumps(measurement.to_dict()))) == measurement


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": math.nan}, "NaN"),
        ({"baseline": math.nan}, "NaN"),
        ({"control": math.nan}, "NaN"),
        ({"interval": (math.nan, 1.0)}, "NaN"),
        ({"interval": (0.0, math.nan)}, "NaN"),
        ({"n": 0}, "at least one observation"),
        ({"n": -5}, "at least one observation"),
        ({"interval": (0.3, 0.1)}, "reversed"),
    ],
)
def test_a_measurement_that_cannot_be_judged_is_refused(change, message):
    with pytest.raises(ValueError, match=message) as caught:
        Measurement(**FIELDS | change)
    assert str(caught.value).startswith("prosecutor_risk")


@pytest.mark.parametrize("field", [field for field in FIELDS if field != "control"])
def test_no_field_but_the_control_can_be_left_out(field):
    with pytest.raises(TypeError, match=field):
        Measurement(**{name: value for name, value in FIELDS.items() if name != field})


def test_a_measurement_cannot_be_changed_afterwards():
    with pytest.raises(AttributeError):
        Measurement(**FIELDS).value = 0.0


def test_an_exact_count_may_have_both_bounds_at_its_value():
    assert Measurement(**FIELDS | {"interval": (0.2, 0.2)}).interval == (0.2, 0.2)


def test_what_was_not_measured_is_false_and_keeps_its_reason():
    absent = Unassessed("no model was given")
    assert not absent
    assert absent.reason == "no model was given"


def test_a_measurement_of_zero_is_still_a_measurement():
    assert Measurement(**FIELDS | {"value": 0.0, "interval": (0.0, 0.0)})


def test_an_absence_has_a_sentence_as_a_result_has():
    assert Unassessed("no model was given").sentence() == "Unassessed: no model was given"
