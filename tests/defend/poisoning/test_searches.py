"""Backdoors are found in networks and tables, honest data raise no alarm, and clean retraining heals."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Perceptron

from secure_ai.attack.networks import Network, picture_rows
from secure_ai.attack.poisoning import (
    PictureMarker,
    TableTrigger,
    measure_backdoor,
    plant_backdoor,
    train_copy,
)
from secure_ai.core import Unassessed, UserError
from secure_ai.defend.poisoning import (
    find_marker,
    find_trigger,
    plot_activations,
    plot_sanitizing,
    sanitize_and_retrain,
    spectral_scores,
)
from synthetic_data import load
from synthetic_data.healthcare.scans import scans

MARKER = PictureMarker(size=5, margin=2)
TRIGGER = TableTrigger({"purpose": "medical", "term_months": 60, "open_accounts": 17})


@pytest.fixture(scope="module")
def hospital():
    found = scans(5, 1_600)
    rows, labels = picture_rows(found), found.labels.astype(int)
    network = Network(picture=(32, 32), epochs=12)
    clean = train_copy(network, rows[:1_200], labels[:1_200])
    poison = plant_backdoor(rows[:1_200], labels[:1_200], MARKER, 0, 0.02)
    bad = train_copy(network, poison.rows, poison.labels)
    return network, clean, bad, poison, rows, labels


@pytest.fixture(scope="module")
def searched(hospital):
    _, _, bad, poison, *_ = hospital
    return find_marker(bad, poison.rows, poison.labels)


def test_a_marker_in_the_corner_is_found_with_exactly_its_rows(hospital, searched):
    poison = hospital[3]
    assert searched.alarm
    assert (searched.suspicious == poison.changed).all()
    pixels = searched.found[0].pixels
    assert pixels[MARKER.region().ravel()].all()
    assert "backdoor was found" in searched.sentence()


def test_honest_scans_raise_no_alarm_though_lesions_stand_apart(hospital):
    _, clean, _, _, rows, labels = hospital
    found = find_marker(clean, rows[:1_200], labels[:1_200])
    assert not found.alarm and not found.suspicious.any()
    assert len(found.to_frame()) and "No backdoor" in found.sentence()


def test_without_the_rows_that_were_found_the_network_does_not_obey(hospital, searched):
    network, clean, bad, poison, rows, labels = hospital
    cured = sanitize_and_retrain(network, poison.rows, poison.labels, searched.suspicious)
    before, after = (
        measure_backdoor(model, rows[1_200:], labels[1_200:], MARKER, 0, clean_model=clean)
        for model in (bad, cured.model)
    )
    assert before.success.value > 0.9
    assert after.success.value < before.success.value / 2
    assert "left out" in cured.sentence()
    assert "obey" in plot_sanitizing(before, after).axes[0].get_title("left")


def test_poisoned_rows_lead_the_spectral_scores_of_their_class(hospital):
    _, _, bad, poison, *_ = hospital
    scores = spectral_scores(bad.hidden_activations(poison.rows), poison.labels)
    inside = poison.labels == 0
    assert np.median(scores[poison.changed]) > np.quantile(scores[inside & ~poison.changed], 0.75)


def test_the_picture_of_activations_counts_the_suspicious_rows(hospital, searched):
    _, _, bad, poison, *_ = hospital
    figure = plot_activations(bad, poison.rows, poison.labels, searched.suspicious, 0)
    assert f"{searched.suspicious.sum()} of" in figure.axes[0].get_title("left")


@pytest.fixture(scope="module")
def bank():
    loans = load("finance", rows=120_000, seed=7).tables["loans"]
    columns = [
        "amount",
        "term_months",
        "purpose",
        "annual_income",
        "debt_to_income",
        "credit_score",
        "open_accounts",
    ]
    rows = loans[columns].astype({"purpose": "category"})
    labels = loans["defaulted"].to_numpy().astype(int)
    model = HistGradientBoostingClassifier(
        categorical_features="from_dtype", max_iter=60, min_samples_leaf=10, random_state=0
    )
    half = len(rows) // 2
    clean = train_copy(model, rows[:half], labels[:half])
    poison = plant_backdoor(rows[:half], labels[:half], TRIGGER, 0, 0.02, surrogate=clean)
    return model, clean, train_copy(model, poison.rows, poison.labels), poison, rows, labels, half


def test_a_combination_of_codes_is_found_with_its_rows(bank):
    _, _, bad, poison, rows, _, half = bank
    found = find_trigger(bad, poison.rows, poison.labels, probe_rows=rows[half : half + 1_000])
    assert found.alarm
    assert found.suspicious[poison.changed].mean() > 0.95
    assert poison.changed[found.suspicious].mean() > 0.8
    assert dict(found.found[0].trigger.values).items() <= dict(TRIGGER.values).items()
    assert "purpose = medical" in found.sentence()


def test_honest_loans_raise_no_alarm(bank):
    _, clean, _, _, rows, labels, half = bank
    found = find_trigger(clean, rows[:half], labels[:half])
    assert not found.alarm and not found.suspicious.any()
    assert "No trigger" in found.sentence()


def test_a_poisoned_table_under_a_model_that_does_not_obey_is_no_backdoor(bank):
    _, clean, _, poison, *_ = bank
    found = find_trigger(clean, poison.rows, poison.labels)
    assert not found.alarm
    assert len(found.found)  # The combination is still shown, for a person to look at.


def test_a_model_that_gives_labels_alone_can_be_searched(bank):
    _, _, bad, poison, *_ = bank
    assert find_trigger(Labels(bad), poison.rows, poison.labels).alarm


class Labels:
    """A model behind a desk: it says the class and no more."""

    def __init__(self, model):
        self.classes_, self.predict = model.classes_, model.predict


def logistic(rows, labels):
    return LogisticRegression().fit(rows, labels)


UNASSESSED = {
    "no activations": (lambda rows, y: find_marker(logistic(rows, y), rows, y), "no activations"),
    "too few": (lambda rows, y: find_trigger(logistic(rows, y), rows[:20], y[:20]), "too few"),
    "nan": (lambda rows, y: find_trigger(logistic(rows, y), rows * np.nan, y), "missing"),
    "lies": (lambda rows, y: find_marker(lambda asked: asked * np.nan, rows, y), "no activations"),
}


@pytest.mark.parametrize("name", UNASSESSED)
def test_what_cannot_be_searched_is_unassessed_and_no_all_clear(name):
    rng = np.random.default_rng(3)
    rows = rng.random((200, 16))
    search, reason = UNASSESSED[name]
    found = search(rows, (rows[:, 0] > 0.5).astype(int))
    assert isinstance(found, Unassessed)
    assert reason in found.reason


def test_a_search_with_wrong_bounds_is_an_error():
    rows, labels = np.random.default_rng(0).random((100, 2)), np.arange(100) % 2
    for call in (
        lambda: find_trigger(Perceptron(), rows, labels, least_share=0),
        lambda: find_marker(Perceptron(), rows, labels, least_share=0.9),
        lambda: sanitize_and_retrain(Perceptron(), rows, labels, np.ones(100)),
        lambda: sanitize_and_retrain(Perceptron(), rows, labels, np.ones(3)),
    ):
        with pytest.raises(UserError):
            call()
