"""The accountant agrees with dp-accounting and with closed forms, and is never below the truth."""

import math

import pytest
from dp_accounting.pld import privacy_loss_distribution as oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import ndtr

from secure_ai.anonymize.differential_privacy.learning.accountant import (
    epsilon_spent,
    noise_for,
    renyi_epsilon,
)
from secure_ai.core.errors import UserError

# noise multiplier, sampling rate, steps, delta; epsilon from 0.06 to 10
GRID = [
    (1.0, 1.0, 1, 1e-5),
    (4.0, 1.0, 10, 1e-5),
    (0.6, 0.001, 5000, 1e-6),
    (1.1, 0.004, 14_000, 1e-5),
    (0.8, 0.01, 1, 1e-5),
    (30.0, 0.3, 1000, 1e-5),
    (10.0, 0.02, 20_000, 1e-5),
    (3.0, 0.05, 300, 1e-10),
    (7.63, 0.2, 100, 1e-5),
    (0.9, 0.02, 300, 1e-4),
    (0.5, 0.01, 20, 1e-3),
    (1.2, 0.2, 50, 1e-5),
]


def spent(noise, rate, steps, delta):
    return epsilon_spent(noise_multiplier=noise, sampling_rate=rate, steps=steps, delta=delta)


@pytest.mark.parametrize(("noise", "rate", "steps", "delta"), GRID)
def test_epsilon_is_within_one_percent_of_dp_accounting_and_never_below_its_lower_bound(
    noise, rate, steps, delta
):
    def theirs(pessimistic):
        one = oracle.from_gaussian_mechanism(
            noise,
            sampling_prob=rate,
            value_discretization_interval=1e-4 if pessimistic else 1e-3,
            pessimistic_estimate=pessimistic,
            use_connect_dots=pessimistic,
        )
        return one.self_compose(steps).get_epsilon_for_delta(delta)

    ours = spent(noise, rate, steps, delta)
    assert theirs(False) <= ours
    assert ours == pytest.approx(theirs(True), rel=0.01)


def exact_delta(noise, rate, epsilon):
    """Of one step, the worse direction: where one density exceeds exp(epsilon) times the other."""

    def cut(loss):
        return noise**2 * (math.log1p(math.expm1(loss) / rate) if rate < 1 else loss) + 0.5

    x = cut(epsilon)
    without, added = ndtr(-x / noise), ndtr((1 - x) / noise)
    remove = (1 - rate) * without + rate * added - math.exp(epsilon) * without
    if rate < 1 and -epsilon <= math.log1p(-rate):
        return remove
    x = cut(-epsilon)
    without, added = ndtr(x / noise), ndtr((x - 1) / noise)
    return max(remove, without - math.exp(epsilon) * ((1 - rate) * without + rate * added))


@pytest.mark.parametrize("noise", [0.5, 1, 4])
@pytest.mark.parametrize("rate", [0.01, 0.3, 1.0])
@pytest.mark.parametrize("delta", [1e-10, 1e-5, 1e-3])
def test_one_step_costs_what_the_closed_form_says_and_not_less(noise, rate, delta):
    exact = 0.0
    if exact_delta(noise, rate, 1e-6) > delta:
        exact = brentq(lambda epsilon: exact_delta(noise, rate, epsilon) - delta, 1e-6, 60, xtol=1e-12)
    ours = spent(noise, rate, 1, delta)
    assert exact - 1e-9 <= ours <= exact * 1.005 + 1e-5


@pytest.mark.parametrize("steps", [1, 10, 1000, 100_000])
@pytest.mark.parametrize("delta", [1e-9, 1e-5])
def test_without_sampling_many_steps_equal_one_gaussian_with_less_noise(steps, delta):
    """Balle & Wang, Improving the Gaussian mechanism (2018), theorem 8."""
    noise = 2 * math.sqrt(steps)
    exact = brentq(lambda epsilon: exact_delta(2.0, 1.0, epsilon) - delta, 1e-6, 60, xtol=1e-12)
    assert exact - 1e-9 <= spent(noise, 1.0, steps, delta) <= exact * 1.002


@settings(max_examples=15, deadline=None)
@given(
    noise=st.floats(0.5, 20),
    rate=st.floats(1e-3, 1),
    steps=st.integers(1, 5000),
    delta=st.floats(1e-9, 1e-3),
)
def test_more_noise_or_larger_delta_costs_less_more_steps_or_records_cost_more(noise, rate, steps, delta):
    base = spent(noise, rate, steps, delta)
    tolerance = 2e-3 * base + 1e-4
    assert spent(noise * 1.2, rate, steps, delta) <= base + tolerance
    assert spent(noise, rate, steps, delta * 3) <= base + tolerance
    assert spent(noise, rate, steps * 2, delta) >= base - tolerance
    assert spent(noise, rate / 2, steps, delta) <= base + tolerance
    assert base <= renyi_epsilon(noise_multiplier=noise, sampling_rate=rate, steps=steps, delta=delta) * 1.002


@pytest.mark.parametrize("epsilon", [0.01, 0.1, 1, 10])
def test_noise_for_an_epsilon_spends_that_epsilon_and_never_more(epsilon):
    plan = {"sampling_rate": 0.05, "steps": 500, "delta": 1e-5}
    noise = noise_for(epsilon=epsilon, **plan)
    found = epsilon_spent(noise_multiplier=noise, **plan)
    assert 0.995 * epsilon <= found <= epsilon
    assert epsilon_spent(noise_multiplier=noise * 0.99, **plan) > epsilon


def test_a_delta_that_covers_everything_costs_nothing():
    assert spent(1000.0, 0.001, 1, 0.3) == 0.0


def test_hopelessly_little_noise_gets_a_finite_large_figure():
    assert 1000 < spent(0.05, 1.0, 1000, 1e-5) < math.inf


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"noise_multiplier": 0}, "noise_multiplier=0"),
        ({"noise_multiplier": float("nan")}, "noise_multiplier=nan"),
        ({"noise_multiplier": "1"}, "noise_multiplier"),
        ({"sampling_rate": 0}, "sampling_rate=0"),
        ({"sampling_rate": 1.5}, "sampling_rate=1.5"),
        ({"sampling_rate": float("nan")}, "sampling_rate=nan"),
        ({"steps": 0}, "steps=0"),
        ({"steps": 2.5}, "steps=2.5"),
        ({"steps": True}, "steps=True"),
        ({"delta": 0}, "delta=0"),
        ({"delta": 1.0}, "delta=1.0"),
        ({"delta": float("nan")}, "delta=nan"),
    ],
)
def test_bad_settings_get_a_sentence(changed, said):
    settings_ = {"noise_multiplier": 1.0, "sampling_rate": 0.1, "steps": 10, "delta": 1e-5} | changed
    for function in (epsilon_spent, renyi_epsilon):
        with pytest.raises(UserError, match=said):
            function(**settings_)


@pytest.mark.parametrize("epsilon", [0, -1, 0.001, float("nan"), float("inf"), "1"])
def test_an_epsilon_that_makes_no_sense_gets_a_sentence(epsilon):
    with pytest.raises(UserError, match="epsilon="):
        noise_for(epsilon=epsilon, delta=1e-5, sampling_rate=0.1, steps=10)
