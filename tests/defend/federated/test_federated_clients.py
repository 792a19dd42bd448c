"""Clients, rounds and checks of updates: what comes back is used, or named and left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from secure_ai.core.errors import UserError
from secure_ai.defend.federated import (
    Client,
    FederatedModel,
    LocalClient,
    LyingClient,
    Participant,
    RecordPrivacy,
    RoundRequest,
    TrainingSettings,
    Update,
    UpdateError,
    check_update,
    split_unequally,
    train_federated,
)

NAMES = ["North", "East", "South"]


def rows_and_labels(records: int = 600, columns: int = 5, seed: int = 0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(records, columns))
    labels = (rows[:, 0] - rows[:, 1] + rng.logistic(size=records) > 0).astype(int)
    return rows, labels


@pytest.fixture
def houses() -> list[Participant]:
    return split_unequally(*rows_and_labels(), NAMES, sizes=(5, 3, 2), seed=0)


def clients(model: FederatedModel, count: int = 3) -> list[LocalClient]:
    return [LocalClient(NAMES[place], *rows_and_labels(seed=place), model) for place in range(count)]


@pytest.mark.parametrize("hidden", [(), (4,), (4, 3)])
@pytest.mark.parametrize("classes", [(0, 1), ("a", "b", "c")])
def test_gradient_of_the_flat_weights_is_that_of_the_loss(hidden, classes):
    model = FederatedModel(3, hidden, classes)
    rng = np.random.default_rng(0)
    weights, rows = rng.normal(size=model.size), rng.normal(size=(7, 3))
    codes = rng.integers(0, len(classes), 7)
    steps = 1e-6 * np.eye(model.size)
    numeric = [
        (model.loss(weights + step, rows, codes) - model.loss(weights - step, rows, codes)) / 2e-6
        for step in steps
    ]
    assert np.allclose(model.gradient(weights, rows, codes), numeric, atol=1e-7)


def test_flat_weights_become_layers_and_back():
    model = FederatedModel(4, (3,))
    vector = np.arange(model.size, dtype=float)
    assert np.array_equal(np.concatenate([part.ravel() for part in model.unflatten(vector)]), vector)


def test_one_step_over_all_rows_of_all_is_a_step_of_pooled_descent(houses):
    model = FederatedModel(5)
    settings = TrainingSettings(batch_size=None, learning_rate=0.3)
    together = train_federated(houses, model, rounds=8, settings=settings).weights
    rows = np.concatenate([house.rows for house in houses])
    labels = np.concatenate([house.labels for house in houses])
    pooled = train_federated([LocalClient("all", rows, labels, model)], model, rounds=8, settings=settings)
    assert np.allclose(together, pooled.weights, atol=1e-12)


def test_many_full_steps_reach_the_maximum_likelihood_of_scikit_learn():
    rows, labels = rows_and_labels()
    model = FederatedModel(5)
    houses = [LocalClient(name, rows[place::3], labels[place::3], model) for place, name in enumerate(NAMES)]
    settings = TrainingSettings(batch_size=None, learning_rate=2.0)
    run = train_federated(houses, model, rounds=200, settings=settings)
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(rows, labels)
    assert np.allclose(run.model.predict_proba(rows), reference.predict_proba(rows), atol=1e-5)


def test_the_pull_of_fedprox_keeps_updates_shorter():
    model = FederatedModel(5)
    lengths = []
    for strength in (0.0, 0.5, 2.0):
        settings = TrainingSettings(epochs=5, proximal=strength)
        update = clients(model)[0].train(RoundRequest(1, model.unflatten(np.zeros(6)), settings))
        lengths.append(np.linalg.norm(update.delta))
    assert lengths[0] > lengths[1] > lengths[2]


def test_a_client_does_the_same_in_the_same_round_and_something_else_in_the_next():
    model = FederatedModel(5)
    one, other = clients(model)[0], clients(model)[0]
    start = model.unflatten(model.initial_weights())
    first = one.train(RoundRequest(1, start))
    assert np.array_equal(first.delta, other.train(RoundRequest(1, start)).delta)
    assert not np.array_equal(first.delta, one.train(RoundRequest(2, start)).delta)


def test_training_leaves_the_weights_of_the_request_as_they_were():
    model = FederatedModel(5)
    start = model.unflatten(np.ones(model.size))
    clients(model)[0].train(RoundRequest(1, start))
    assert all((part == 1).all() for part in start)


def test_a_local_client_is_a_client_and_shows_no_row(houses):
    client = houses[0].client(FederatedModel(5))
    assert isinstance(client, Client)
    assert "array" not in repr(houses[0])


def test_settings_survive_json():
    settings = TrainingSettings(proximal=0.1, record_privacy=RecordPrivacy(1.5))
    assert TrainingSettings.from_dict(settings.to_dict()) == settings


@pytest.mark.parametrize(
    "values",
    [
        {"epochs": 0},
        {"epochs": True},
        {"batch_size": 0},
        {"learning_rate": float("nan")},
        {"learning_rate": 0},
        {"proximal": -1},
        {"proximal": 30.0, "learning_rate": 0.1},
        {"max_update_norm": 0},
        {"record_privacy": {"sampling_rate": 0.5}},
        {"record_privacy": {"noise_multiplier": 1.0, "sampling_rate": 2.0}},
        {"record_privacy": {"loudness": 1.0}},
        {"no_such_setting": 1},
    ],
)
def test_impossible_settings_are_refused_in_words(values):
    with pytest.raises(UserError):
        TrainingSettings.from_dict(values)


BAD_UPDATES = {
    "NaN": {"delta": np.array([0.0, np.nan, 0.0, 0.0, 0.0, 0.0])},
    "infinite": {"delta": np.array([0.0, np.inf, 0.0, 0.0, 0.0, 0.0])},
    "absurd": {"delta": np.full(6, 1e300)},
    "too long": {"delta": np.zeros(7)},
    "a table": {"delta": np.zeros((6, 1))},
    "text": {"delta": np.array(["a"] * 6)},
    "no records": {"records": 0},
    "records as text": {"records": "600"},
    "more records than agreed": {"records": 10_000_000},
    "another name": {"name": "East"},
}


@pytest.mark.parametrize("kind", BAD_UPDATES)
def test_a_bad_update_is_refused_with_the_name_and_the_round_goes_on(kind):
    model = FederatedModel(5)

    class Bad:
        name, records = "South", 600

        def train(self, request):
            return replace(Update("South", np.zeros(6), 600, 0.5), **BAD_UPDATES[kind])

    honest = clients(model, 2)
    run = train_federated([*honest, Bad()], model, rounds=2)
    assert list(run.left_out["participant"]) == ["South", "South"]
    assert "South" in run.sentence()
    assert np.array_equal(run.weights, train_federated(honest, model, rounds=2).weights)


@pytest.mark.parametrize(
    "failure", [UserError("No disk."), ConnectionResetError(), TimeoutError(), EOFError()]
)
def test_who_fails_or_vanishes_is_named_and_left_out(failure):
    class Gone:
        name, records = "South", 600

        def train(self, request):
            raise failure

    model = FederatedModel(5)
    run = train_federated([*clients(model, 2), Gone()], model, rounds=1)
    assert list(run.left_out["participant"]) == ["South"]
    assert run.left_out["reason"].iloc[0]


def test_the_message_about_a_bad_update_repeats_none_of_its_numbers():
    delta = np.array([123.456, np.nan])
    with pytest.raises(UpdateError) as refused:
        check_update(Update("South", delta, 5, 0.1), name="South", size=2)
    assert refused.value.participant == "South"
    assert "123" not in str(refused.value)


def test_a_round_without_any_usable_update_stops_in_a_sentence():
    model = FederatedModel(5)
    liars = [LyingClient(client, lambda change: change * np.nan) for client in clients(model)]
    with pytest.raises(UserError, match="no participant sent a usable update"):
        train_federated(liars, model, rounds=1)


def test_a_hook_gets_changes_and_weights_in_the_order_of_participants(houses):
    seen = []

    def aggregate(vectors, weights):
        seen.append((len(vectors), weights))
        return vectors[0] * 0

    model = FederatedModel(5)
    run = train_federated(houses, model, rounds=1, aggregate=aggregate)
    sizes = np.array([len(house.rows) for house in houses])
    assert np.allclose(seen[0][1], sizes / sizes.sum())
    assert np.array_equal(run.weights, model.initial_weights())


def test_an_aggregate_that_is_no_number_is_refused(houses):
    with pytest.raises(UserError, match="aggregate"):
        train_federated(houses, FederatedModel(5), rounds=1, aggregate=lambda v, w: v[0] * np.nan)


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        ([[0.0] * 5, [np.nan] * 5], [0, 1]),
        ([[0.0] * 4], [0]),
        ([[0.0] * 5], [2]),
        ([[0.0] * 5], [0, 1]),
        ([["a"] * 5], [0]),
    ],
)
def test_unusable_rows_of_a_participant_are_refused_with_its_name(rows, labels):
    with pytest.raises(UserError, match="North"):
        LocalClient("North", rows, labels, FederatedModel(5))


@pytest.mark.parametrize("weights", [[np.zeros((4, 1)), np.zeros(1)], [np.full((5, 1), np.nan), np.zeros(1)]])
def test_a_client_refuses_weights_that_are_not_the_models(weights):
    with pytest.raises(UserError, match="North"):
        clients(FederatedModel(5))[0].train(RoundRequest(1, weights))


@pytest.mark.parametrize(
    "how", [{"rounds": 0}, {"rounds": 1.5}, {"weigh": "loudness"}, {"start": np.zeros(3)}]
)
def test_impossible_rounds_are_refused(houses, how):
    with pytest.raises(UserError):
        train_federated(houses, FederatedModel(5), **how)


def test_two_participants_of_one_name_are_refused():
    model = FederatedModel(5)
    with pytest.raises(UserError, match="same name"):
        train_federated([clients(model)[0], clients(model)[0]], model)


def test_the_history_has_each_round_and_participant_and_the_loss_falls(houses):
    run = train_federated(houses, FederatedModel(5), rounds=6)
    assert len(run.history) == 18
    by_round = run.history.groupby("round")["loss"].mean()
    assert by_round.iloc[-1] < by_round.iloc[0]
    assert "Every update was used" in run.sentence()
    assert len(run.to_frame()) == 3
