"""Attacks on private training: canaries, numbers that run over, settings that would undo the protection."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from secure_ai.anonymize.differential_privacy.learning.encoder import PublicEncoder
from secure_ai.anonymize.differential_privacy.learning.gradients import clipped_sum
from secure_ai.anonymize.differential_privacy.learning.training import (
    PrivateLogisticRegression,
    PrivateNetwork,
)
from secure_ai.core import UserError
from secure_ai.core.intervals import clopper_pearson

RNG = np.random.default_rng(0)
MARKS = 8
X = np.column_stack([RNG.random(40), np.zeros((40, MARKS))])
Y = RNG.integers(0, 2, 40)


def canary_scores(model, inside: bool, n: int) -> np.ndarray:
    """Return the summed weights of features that only the canary has, in each of ``n`` trainings."""
    x, y = (np.vstack([X, [0] + [1] * MARKS]), np.append(Y, 1)) if inside else (X, Y)
    return np.array([model.fit(x, y).layers_[0][0][1:].sum() for _ in range(n)])


def epsilon_proved(less: np.ndarray, more: np.ndarray, delta: float) -> float:
    """Return a lower bound of epsilon (about 95 % sure): one half chooses the threshold, the other counts."""
    (a1, a2), (b1, b2) = np.array_split(less, 2), np.array_split(more, 2)

    def bound(cut: float, outside: np.ndarray, inside: np.ndarray) -> float:
        low = clopper_pearson(int((inside >= cut).sum()), len(inside))[0] - delta
        high = clopper_pearson(int((outside >= cut).sum()), len(outside))[1]
        return math.log(low / high) if low > 0 else 0.0

    best = max(
        np.quantile(np.concatenate([a1, b1]), np.linspace(0.05, 0.95, 31)), key=lambda c: bound(c, a1, b1)
    )
    return max(0.0, bound(best, a2, b2))


def canary_audit(epsilon: float, n: int, **settings) -> float:
    # A small norm, so that the canary's gradient is as long as it may be to the end.
    model = PrivateLogisticRegression(
        epsilon=epsilon, bounds=(0, 1), classes=[0, 1], max_grad_norm=0.1, learning_rate=0.01, **settings
    )
    proved = epsilon_proved(canary_scores(model, False, n), canary_scores(model, True, n), model.delta)
    assert model.epsilon_ <= epsilon
    return proved


def test_the_canary_of_two_hundred_models_proves_no_more_than_was_claimed():
    assert canary_audit(1.0, 100, sampling_rate=1.0, steps=5) <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("epsilon", "settings"),
    [
        (1.0, {"sampling_rate": 1.0, "steps": 1}),
        (4.0, {"sampling_rate": 1.0, "steps": 20}),
        (4.0, {"sampling_rate": 0.5, "steps": 20}),
        (2.0, {"sampling_rate": 0.2, "steps": 50}),
    ],
)
def test_the_canary_of_thousands_of_models_proves_no_more_than_was_claimed(epsilon, settings):
    proved = canary_audit(epsilon, 4000, **settings)
    print(f"canary, {settings}: claimed {epsilon}, proved {proved:.3f}")
    assert proved <= epsilon


def test_the_audit_would_find_training_without_noise():
    model = PrivateLogisticRegression(
        epsilon=math.inf, bounds=(0, 1), classes=[0, 1], sampling_rate=1.0, steps=5
    )
    assert epsilon_proved(canary_scores(model, False, 100), canary_scores(model, True, 100), 1e-5) > 2


def test_every_record_is_drawn_on_its_own_and_as_often_as_the_accountant_assumes(monkeypatch):
    drawn = []

    def counting(layers, x, y, norm):
        drawn.append((x[:, 0] * 299).round().astype(int))
        return clipped_sum(layers, x, y, norm)

    monkeypatch.setattr("secure_ai.anonymize.differential_privacy.learning.training.clipped_sum", counting)
    numbered = np.column_stack([np.arange(300), np.zeros(300)]) / 299
    PrivateLogisticRegression(bounds=(0, 1), steps=400, sampling_rate=0.3, seed=1).fit(
        numbered, np.arange(300) % 2
    )
    sizes = np.array([len(batch) for batch in drawn])
    # Binomial, not fixed: mean 90 and variance 63, each within five standard errors.
    assert sizes.mean() == pytest.approx(90, abs=2) and sizes.var() == pytest.approx(63, abs=23)
    assert all(len(np.unique(batch)) == len(batch) for batch in drawn)
    counts = np.bincount(np.concatenate(drawn), minlength=300)
    assert counts.min() > 70 and counts.max() < 170  # each about 120 of 400 times, standard deviation 9


def test_a_gradient_that_runs_over_counts_for_nothing_and_not_for_everything():
    layers = [(np.full((2, 3), 1e200), np.zeros(3)), (np.full((3, 3), 1e200), np.zeros(3))]
    x, y = np.array([[0.0, 0.0], [1e-200, 0.0], [1.0, 1.0]]), np.array([0, 1, 2])
    summed = clipped_sum(layers, x, y, 1.0)
    flat = np.concatenate([part.ravel() for layer in summed for part in layer])
    assert np.isfinite(flat).all() and np.linalg.norm(flat) <= 3 + 1e-9


@pytest.mark.parametrize("norm", [1e-6, 1.0, 1e6])
def test_one_record_moves_a_step_by_at_most_the_norm_that_noise_is_fitted_to(norm):
    layers = [(RNG.normal(size=(6, 4)), np.zeros(4)), (RNG.normal(size=(4, 3)), np.zeros(3))]
    for _ in range(20):
        one = clipped_sum(layers, RNG.random((1, 6)), RNG.integers(0, 3, 1), norm)
        parts = np.concatenate([part.ravel() for layer in one for part in layer])
        length = np.linalg.norm(parts / norm)
        assert length <= 1 + 1e-9


@pytest.mark.parametrize(
    ("settings", "options", "says"),
    [
        ({"epsilon": math.inf}, {"spend": lambda *_, **__: None}, "cannot be paid from any budget"),
        ({"max_grad_norm": 1e-320}, {}, "max_grad_norm=.*: choose a number from 1e-06"),
        ({"max_grad_norm": 1e300}, {}, "max_grad_norm=.*: choose a number from 1e-06"),
    ],
)
def test_settings_that_would_take_the_protection_away_are_refused(settings, options, says):
    for kind in (PrivateLogisticRegression, PrivateNetwork):
        with pytest.raises(UserError, match=says):
            kind(bounds=(0, 1), **settings).fit(X, Y, **options)


def test_a_missing_value_of_one_row_changes_the_features_of_no_other():
    encoder = PublicEncoder({"code": [1, 2, 3], "truth": [True, False]})
    whole = pd.DataFrame({"code": [1, 2, 3], "truth": [True, False, True]})
    joined = pd.concat([whole, pd.DataFrame({"code": [None], "truth": [None]})], ignore_index=True)
    joined["code"] = joined["code"].astype(float)
    assert (encoder.transform(joined)[:3] == encoder.transform(whole)).all()
    assert encoder.transform(whole).sum() == 6 and encoder.transform(joined)[3].sum() == 0
