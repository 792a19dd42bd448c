"""Flower as another back end: the same clients, the same weights; skipped where Flower is missing."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from secure_ai.core.errors import UserError
from secure_ai.defend.federated import flower
from secure_ai.defend.federated.client import LocalClient, TrainingSettings
from secure_ai.defend.federated.model import FederatedModel
from secure_ai.defend.federated.participants import Participant
from secure_ai.defend.federated.training import train_federated

HERE = importlib.util.find_spec("flwr") is not None
needs_flower = pytest.mark.skipif(not HERE, reason="Flower is not installed (group 'flower')")
QUICK = TrainingSettings(epochs=1, batch_size=16, learning_rate=0.2)


def participants(classes: int = 2) -> list[Participant]:
    rng = np.random.default_rng(8)
    true = rng.normal(size=(5, classes))
    made = []
    for name, count in (("A", 60), ("B", 120), ("C", 240)):
        rows = rng.normal(size=(count, 5))
        labels = (rows @ true + rng.normal(size=(count, classes))).argmax(axis=1)
        made.append(Participant(name, rows[20:], labels[20:], rows[:20], labels[:20]))
    return made


@pytest.mark.skipif(HERE, reason="Flower is installed")
def test_where_flower_is_missing_a_sentence_says_so():
    with pytest.raises(flower.FlowerMissing, match=r"requirements-flower\.lock"):
        flower.train_with_flower(participants(), FederatedModel(5))


@needs_flower
@pytest.mark.parametrize(
    "model", [FederatedModel(5), FederatedModel(5, (4,)), FederatedModel(5, (), (0, 1, 2))]
)
def test_flower_trains_the_same_weights_and_so_the_same_accuracy(model):
    people = participants(len(model.classes))
    plain = train_federated(people, model, rounds=4, settings=QUICK, seed=3)
    found = flower.train_with_flower(people, model, rounds=4, settings=QUICK, seed=3)
    assert np.abs(found.weights - plain.weights).max() < 1e-9
    assert np.allclose(found.history["accuracy"], plain.history["accuracy"])
    assert found.messages == 12
    assert found.left_out.empty
    assert "Every update was used" in found.sentence()


@needs_flower
def test_flowers_fedprox_pulls_as_ours_does():
    people, model = participants(), FederatedModel(5)
    ours = train_federated(people, model, rounds=3, settings=replace(QUICK, proximal=0.5))
    theirs = flower.train_with_flower(
        people, model, rounds=3, settings=QUICK, strategy="FedProx", options={"proximal_mu": 0.5}
    )
    assert np.abs(ours.weights - theirs.weights).max() < 1e-9


@needs_flower
@pytest.mark.parametrize("strategy", ["FedMedian", "FedTrimmedAvg", "Krum"])
def test_flowers_robust_strategies_train_the_same_clients(strategy):
    found = flower.train_with_flower(
        participants(), FederatedModel(5), rounds=5, settings=QUICK, strategy=strategy
    )
    assert found.history[found.history["round"] == 5]["accuracy"].mean() > 0.7


@needs_flower
@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (lambda update: replace(update, delta=np.full_like(update.delta, np.nan)), "NaN"),
        (lambda update: replace(update, records=10**6), "more than"),
        (lambda update: replace(update, delta=update.delta[:3]), "could not train"),
    ],
)
def test_who_sends_what_cannot_be_averaged_is_named_and_left_out(lie, words):
    people, model = participants(), FederatedModel(5)

    class Lying(LocalClient):
        def train(self, request):
            return lie(super().train(request))

    clients = [each.client(model, place) for place, each in enumerate(people)]
    clients[1] = Lying("B", people[1].rows, people[1].labels, model, 1)
    found = flower.train_with_flower(clients, model, rounds=2, settings=QUICK)
    assert list(found.left_out["participant"]) == ["B", "B"]
    assert found.left_out["reason"].str.contains(words).all()
    honest = train_federated([clients[0], clients[2]], model, rounds=2, settings=QUICK)
    assert np.abs(found.weights - honest.weights).max() < 1e-9


@needs_flower
def test_a_client_that_fails_is_left_out_and_its_error_is_not_repeated():
    people, model = participants(), FederatedModel(5)

    class Failing(LocalClient):
        def train(self, request):
            raise ValueError(f"a value of a row: {self._rows[0, 0]}")

    clients = [each.client(model) for each in people]
    clients[2] = Failing("C", people[2].rows, people[2].labels, model)
    reason = flower.train_with_flower(clients, model, rounds=1).left_out["reason"].iloc[0]
    assert "ValueError" in reason
    assert "row" not in reason


@needs_flower
def test_bad_arguments_are_sentences():
    people, model = participants(), FederatedModel(5)
    with pytest.raises(UserError, match="no strategy 'Nothing'"):
        flower.train_with_flower(people, model, strategy="Nothing")
    with pytest.raises(UserError, match="does not take these options"):
        flower.train_with_flower(people, model, options={"wrong": 1})
    with pytest.raises(UserError, match="rounds"):
        flower.train_with_flower(people, model, rounds=0)
    with pytest.raises(UserError, match="at least one participant"):
        flower.train_with_flower([], model)


@needs_flower
def test_nothing_is_printed_and_flowers_identity_is_put_back(capfd):
    from flwr.supercore.task_identity import TaskIdentity

    flower.train_with_flower(participants(), FederatedModel(5), rounds=1, settings=QUICK)
    assert capfd.readouterr() == ("", "")
    assert TaskIdentity._run_id is None
