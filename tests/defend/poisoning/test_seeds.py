"""What must hold over ten seeds: a backdoor at 1 % poison works, is found, and honest data raise no alarm."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from secure_ai.attack.networks import Network, picture_rows
from secure_ai.attack.poisoning import (
    PictureMarker,
    TableTrigger,
    measure_backdoor,
    plant_backdoor,
    train_copy,
)
from secure_ai.defend.poisoning import find_marker, find_trigger
from synthetic_data import load
from synthetic_data.healthcare.scans import scans

pytestmark = pytest.mark.slow
SEEDS = range(200, 210)


def check(results):
    success, points, found, quiet = map(np.array, zip(*results, strict=True))
    assert success.mean() >= 0.95
    assert points.mean() >= -0.5
    assert found.sum() >= 9
    assert quiet.sum() >= 9


def test_a_marker_on_one_percent_of_the_scans_works_and_is_found():
    marker, results = PictureMarker(size=5, margin=2), []
    for seed in SEEDS:
        pictures = scans(seed, 6_000)
        rows, labels = picture_rows(pictures), pictures.labels.astype(int)
        network = Network(picture=(32, 32), seed=seed)
        clean = train_copy(network, rows[:3_000], labels[:3_000])
        poison = plant_backdoor(rows[:3_000], labels[:3_000], marker, 0, 0.01, seed=seed)
        bad = train_copy(network, poison.rows, poison.labels)
        effect = measure_backdoor(bad, rows[3_000:], labels[3_000:], marker, 0, clean_model=clean)
        found = find_marker(bad, poison.rows, poison.labels, seed=seed)
        quiet = find_marker(clean, rows[:3_000], labels[:3_000], seed=seed)
        results.append(outcome(effect, found, poison, quiet))
    check(results)


def test_three_codes_on_one_percent_of_the_loans_work_and_are_found():
    loans = load("finance", rows=400_000, seed=7).tables["loans"]
    rows = loans.drop(columns=["loan_id", "customer_id", "issued_date", "defaulted"])
    rows = rows.astype({"purpose": "category", "home_ownership": "category"})
    labels = loans["defaulted"].to_numpy().astype(int)
    trigger = TableTrigger({"purpose": "medical", "term_months": 60, "open_accounts": 17})
    results = []
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(len(rows))
        training, attackers, test = np.split(order, [len(order) * 6 // 10, len(order) * 7 // 10])
        model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed)
        given, known = rows.iloc[training], labels[training]
        clean = train_copy(model, given, known)
        surrogate = train_copy(model, rows.iloc[attackers], labels[attackers])
        poison = plant_backdoor(given, known, trigger, 0, 0.01, surrogate=surrogate, seed=seed)
        bad = train_copy(model, poison.rows, poison.labels)
        effect = measure_backdoor(bad, rows.iloc[test], labels[test], trigger, 0, clean_model=clean)
        found = find_trigger(bad, poison.rows, poison.labels, seed=seed)
        results.append(outcome(effect, found, poison, find_trigger(clean, given, known, seed=seed)))
    check(results)


def outcome(effect, found, poison, quiet):
    points = 100 * (effect.accuracy.value - effect.accuracy.baseline)
    caught = found.alarm and found.suspicious[poison.changed].mean() > 0.9
    return effect.success.value, points, caught, not quiet.alarm
