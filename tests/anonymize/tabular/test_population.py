"""Estimates of population uniqueness agree with their formulas and find what simulated populations hold."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from secure_ai.anonymize.tabular.population import (
    haas_stokes_classes,
    pitman_uniques,
    population_uniqueness,
    snb_uniques,
    zayatz_uniques,
)
from secure_ai.core import Measurement, Unassessed, UserError

PEOPLE, FRACTION = 40_000, 0.1


def class_sizes(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.unique(np.unique(labels, return_counts=True)[1], return_counts=True)


def pitman_population(theta: float, alpha: float, rng: np.random.Generator) -> np.ndarray:
    """Seat people one by one: at a new table with chance (θ + αu)/(θ + n), else as Pitman's model says."""
    labels, seated, tables = np.zeros(PEOPLE, int), [1], 1
    uniform = rng.random((PEOPLE, 3))
    for n in range(1, PEOPLE):
        if uniform[n, 0] * (theta + n) < theta + alpha * tables:
            labels[n], tables = tables, tables + 1
            seated.append(1)
            continue
        table = labels[int(uniform[n, 1] * n)]
        while rng.random() > (seated[table] - alpha) / seated[table]:
            table = labels[int(rng.random() * n)]
        labels[n] = table
        seated[table] += 1
    return labels


def slide_negative_binomial_population(alpha: float, beta: float, rng: np.random.Generator) -> np.ndarray:
    sizes = 1 + rng.negative_binomial(alpha, beta, PEOPLE)
    sizes = sizes[np.cumsum(sizes) <= PEOPLE]
    return np.repeat(np.arange(len(sizes)), sizes)


def uniques_of(labels: np.ndarray) -> int:
    sizes, classes = class_sizes(labels)
    return int(classes[sizes == 1].sum())


@pytest.mark.parametrize(("theta", "alpha"), [(200.0, 0.3), (20.0, 0.6), (1000.0, 0.1)])
def test_pitman_finds_the_uniques_of_a_population_made_by_pitmans_model(theta: float, alpha: float) -> None:
    rng = np.random.default_rng(1)
    population = pitman_population(theta, alpha, rng)
    sample = rng.choice(population, int(FRACTION * PEOPLE), replace=False)
    found = pitman_uniques(*class_sizes(sample), PEOPLE)
    # The spread of one sample is about a tenth; the sample itself has two to five times that share unique.
    assert found == pytest.approx(uniques_of(population), rel=0.25)
    assert (
        abs(found - uniques_of(population)) < abs(uniques_of(sample) / FRACTION - uniques_of(population)) / 2
    )


def test_snb_finds_the_uniques_of_a_population_made_by_its_model() -> None:
    rng = np.random.default_rng(2)
    population = slide_negative_binomial_population(0.5, 0.3, rng)
    size = len(population)
    sample = rng.choice(population, size // 2, replace=False)
    assert snb_uniques(*class_sizes(sample), size) == pytest.approx(uniques_of(population), rel=0.1)
    assert haas_stokes_classes(*class_sizes(sample), 0.5) == pytest.approx(
        len(np.unique(population)), rel=0.05
    )


def test_zayatz_agrees_with_its_formula_by_hand() -> None:
    # 3 classes of one record and 2 of two: 7 of 20 people. P(one of a class of F is among 7 of 20):
    one = 7 / 20
    two = 2 * math.comb(18, 6) / math.comb(20, 7)
    chance = 3 * one / (3 * one + 2 * two)
    assert zayatz_uniques(np.array([1, 2]), np.array([3, 2]), 20) == pytest.approx(3 * chance / (7 / 20))


def test_haas_and_stokes_agree_with_their_formula_by_hand() -> None:
    # One class of one record, one of three, half of the population.
    first = 1 * 0.25 + 3 * 0.25 * 0.75**2
    second = 0.5 * 0.5 + 0.125 * (1.5**3 - 1)
    third, fourth = 0.5 + 0.125, 1 * 0.5 + 3 * 0.5 * 0.25
    found = haas_stokes_classes(np.array([1, 3]), np.array([1, 1]), 0.5)
    assert found == pytest.approx(2 + first / second * (third / fourth) ** 2)


def test_the_decision_rule_takes_pitman_for_small_samples_and_the_smaller_of_the_others_above() -> None:
    rng = np.random.default_rng(3)
    sample = pd.DataFrame({"x": rng.geometric(0.002, 3000)})
    small = population_uniqueness(sample, ["x"], sampling_fraction=0.05)
    assert "pitman" in small.decided.method and small.decided.value == small.pitman.value
    large = population_uniqueness(sample, ["x"], sampling_fraction=0.5)
    assert large.decided.value == min(large.zayatz.value, large.snb.value)
    assert small.population_size == 60_000 and small.sentence().endswith("in the population are unique.")
    for m in [*small.measurements(), *large.measurements()]:
        assert m.interval[0] <= m.value <= m.interval[1] and 0 <= m.value <= 1 and m.source


def test_a_file_that_is_the_population_is_counted_and_not_estimated() -> None:
    found = population_uniqueness(pd.DataFrame({"x": [1, 1, 2, 3]}), ["x"], sampling_fraction=1)
    assert [m.value for m in found.measurements()] == [0.5] * 4
    assert found.decided.interval == (0.5, 0.5)


def test_without_a_unique_record_nobody_is_estimated_to_be_unique() -> None:
    found = population_uniqueness(pd.DataFrame({"x": [1, 1, 2, 2]}), ["x"], population_size=100)
    assert found.decided.value == 0.0


def test_a_model_that_cannot_be_fitted_is_unassessed_with_the_reason() -> None:
    found = population_uniqueness(pd.DataFrame({"x": range(20)}), ["x"], population_size=1000)
    assert isinstance(found.pitman, Unassessed) and "20 of one record" in found.pitman.reason
    assert isinstance(found.snb, Unassessed)
    assert isinstance(found.decided, Measurement) and "zayatz" in found.decided.method
    assert found.to_frame().loc[1, "note"] == found.pitman.reason


def test_the_same_seed_and_either_engine_give_the_same_estimates() -> None:
    sample = pd.DataFrame({"x": np.random.default_rng(0).geometric(0.05, 300)})
    here = population_uniqueness(sample, ["x"], sampling_fraction=0.2, seed=1)
    assert here == population_uniqueness(sample, ["x"], sampling_fraction=0.2, seed=1, engine="dask")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "either the size"),
        ({"population_size": 10, "sampling_fraction": 0.5}, "either the size"),
        ({"population_size": 2}, "at least as many people"),
        ({"population_size": 10.5}, "at least as many people"),
        ({"sampling_fraction": 0}, "above 0"),
        ({"sampling_fraction": float("nan")}, "above 0"),
        ({"sampling_fraction": 1.5}, "at most 1"),
    ],
)
def test_bad_input_is_one_sentence(options: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        population_uniqueness(pd.DataFrame({"x": [1, 1, 2]}), ["x"], **options)
