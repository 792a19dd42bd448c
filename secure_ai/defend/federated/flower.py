"""Flower as another back end of the same clients (optional: package ``flwr``, an environment of its own).

:func:`flower_client_app` makes a Flower ``ClientApp`` of a client, for use with Flower's own SuperNodes;
:func:`train_with_flower` runs Flower's strategies over such apps in this process, without a server, a network
or Ray. A strategy from :func:`checked_strategy` leaves out, by name, who sends what cannot be averaged.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.networks.training import one_thread
from secure_ai.core.errors import UserError
from secure_ai.defend.federated.checks import UpdateError, check_update
from secure_ai.defend.federated.client import Client, RoundRequest, TrainingSettings, Update
from secure_ai.defend.federated.model import FederatedClassifier, FederatedModel, flatten
from secure_ai.defend.federated.participants import Participant
from secure_ai.defend.federated.scores import scores_of

MISSING = (
    "Flower is not installed here: make an environment from requirements-flower.lock (group 'flower' of "
    "pyproject.toml), or use train_federated, which trains the same."
)
SETTINGS, ROUND, RECORDS, LOSS = "settings", "server-round", "num-examples", "loss"
ONE_RUN = 1


class FlowerMissing(UserError):
    """The package ``flwr`` is not installed."""


@dataclass(frozen=True)
class FlowerRun:
    """A model trained by Flower.

    Attributes:
        model: the trained classifier.
        history: one row for each round and held-out part: round, participant, records, loss, accuracy, auc.
        left_out: one row for each participant left out of a round: round, participant, reason.
        strategy: name of Flower's strategy.
        messages: how many messages Flower exchanged.
    """

    model: FederatedClassifier
    history: pd.DataFrame = field(repr=False)
    left_out: pd.DataFrame = field(repr=False)
    strategy: str
    messages: int

    @property
    def weights(self) -> np.ndarray:
        """The flat weights of the model."""
        return self.model.weights

    def sentence(self) -> str:
        """Say what was trained, and who was left out."""
        told = f"Flower's {self.strategy} trained {len(self.weights):,} weights with {self.messages} messages"
        if len(self.history):
            last = self.history[self.history["round"] == self.history["round"].max()]
            share = np.average(last["accuracy"], weights=last["records"])
            told += f"; {share:.1%} of the held-out rows are classified rightly"
        names = ", ".join(sorted(set(self.left_out["participant"])))
        return f"{told}. " + (f"Left out at least once: {names}." if names else "Every update was used.")


def flower_client_app(client: Client | Callable[[Any], Client], model: FederatedModel) -> Any:
    """Return a Flower ``ClientApp`` that trains one client.

    It answers ``train`` messages: an ``ArrayRecord`` of the common weights (weights and biases of each layer
    in turn), a ``ConfigRecord`` with ``server-round`` and, as JSON text, ``settings``
    (:meth:`TrainingSettings.to_dict`); FedProx's ``proximal-mu`` counts as well. The reply holds the weights
    after training, the number of rows and the loss. What fails is a Flower error with a sentence.

    Args:
        client: the client, or ``function(context) -> Client`` that makes it of Flower's node configuration.
        model: the shape that all agreed on.

    Raises:
        FlowerMissing: if Flower is not installed.
    """
    flwr = _flower()
    app = flwr.ClientApp()

    @app.train()
    def train(message: Any, context: Any) -> Any:
        try:
            own = client if isinstance(client, Client) else client(context)
            weights, request = _request_of(message, model)
            update = own.train(request)
            parts = model.unflatten(weights + np.asarray(update.delta, dtype=float))
        except UserError as error:
            return flwr.Message(flwr.Error(1, str(error)), reply_to=message)
        told = {RECORDS: int(update.records), LOSS: float(update.loss)}
        records = {"arrays": flwr.ArrayRecord(parts), "metrics": flwr.MetricRecord(told)}
        return flwr.Message(flwr.RecordDict(records), reply_to=message)

    return app


def checked_strategy(
    model: FederatedModel,
    strategy: str = "FedAvg",
    *,
    names: Mapping[int, str] | None = None,
    most_records: Mapping[str, int] | None = None,
    **options: Any,
) -> Any:
    """Return one of Flower's strategies that leaves out, by name, what cannot be averaged.

    Flower itself averages NaN into the model, and a participant chooses its own weight.

    Args:
        model: the shape that all agreed on.
        strategy: the name of a class of ``flwr.serverapp.strategy`` that takes FedAvg's arguments, such as
            ``"FedAvg"``, ``"FedProx"``, ``"FedMedian"``, ``"FedTrimmedAvg"`` or ``"Krum"``.
        names: name of each Flower node; its number if not given.
        most_records: rows that each participant may claim.
        options: for the strategy; evaluation on the nodes is off unless asked for.

    Returns:
        The strategy; its attribute ``left_out`` holds (round, participant, reason) so far.

    Raises:
        FlowerMissing: if Flower is not installed.
        UserError: if Flower has no such strategy, or it does not take the options.
    """
    flwr = _flower()
    base = getattr(flwr.strategy, strategy, None) if isinstance(strategy, str) else None
    if not isinstance(base, type) or not issubclass(base, flwr.strategy.FedAvg):
        raise UserError(f"Flower has no strategy '{strategy!s:.40}' of the kind of FedAvg: choose another.")

    class Checked(base):
        """The strategy, with replies checked before they are averaged."""

        def __init__(self) -> None:
            self.left_out: list[tuple[int, str, str]] = []
            self._sent = np.zeros(model.size)
            super().__init__(**{"fraction_evaluate": 0.0, **options})

        def configure_train(self, server_round: int, arrays: Any, config: Any, grid: Any) -> Iterable[Any]:
            self._sent = flatten(arrays.to_numpy_ndarrays())
            return super().configure_train(server_round, arrays, config, grid)

        def aggregate_train(self, server_round: int, replies: Iterable[Any]) -> Any:
            good = []
            # In the order of the nodes: the sum of floating-point numbers depends on it.
            for reply in sorted(replies, key=lambda one: one.metadata.src_node_id):
                number = reply.metadata.src_node_id
                name = (names or {}).get(number, f"node {number}")
                try:
                    _check_reply(reply, name, model, self._sent, (most_records or {}).get(name))
                except UpdateError as error:
                    self.left_out.append((server_round, name, error.reason))
                else:
                    good.append(reply)
            if not good:
                raise UserError(f"Round {server_round}: no participant sent a usable update.")
            return super().aggregate_train(server_round, good)

    Checked.__name__ = strategy
    try:
        with _quiet():
            return Checked()
    except TypeError:
        raise UserError(f"Flower's strategy {strategy} does not take these options.") from None


def train_with_flower(
    participants: Sequence[Client | Participant],
    model: FederatedModel,
    *,
    rounds: int = 20,
    settings: TrainingSettings | None = None,
    strategy: str = "FedAvg",
    options: Mapping[str, Any] | None = None,
    held_out: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    start: np.ndarray | None = None,
    seed: int = 0,
) -> FlowerRun:
    """Train one model of all participants with Flower, all of them in this process.

    With ``"FedAvg"`` the weights are those of :func:`~secure_ai.defend.federated.train_federated` but for
    rounding: the clients are the same, and so are the rounds and seeds.

    Args:
        participants, model, rounds, settings, held_out, start, seed: as for ``train_federated``.
        strategy: the name of Flower's strategy, see :func:`checked_strategy`.
        options: for the strategy.

    Raises:
        FlowerMissing: if Flower is not installed.
        UserError: if an argument is impossible, or a round has no usable update.
    """
    flwr = _flower()
    if isinstance(rounds, bool) or not isinstance(rounds, int) or not 1 <= rounds <= 10_000:
        raise UserError("rounds: choose a whole number from 1 to 10,000.")
    clients = [
        each.client(model, seed + place) if isinstance(each, Participant) else each
        for place, each in enumerate(participants)
    ]
    names = {number: client.name for number, client in enumerate(clients, start=1)}
    if not clients or len(set(names.values())) < len(clients):
        raise UserError("Give at least one participant, each with a name of its own.")
    if held_out is None:
        people = [each for each in participants if isinstance(each, Participant)]
        held_out = {each.name: (each.test_rows, each.test_labels) for each in people}
    grid = _in_process_grid(flwr, [flower_client_app(client, model) for client in clients])
    some = {"min_train_nodes": len(clients), "min_available_nodes": len(clients), **(options or {})}
    agreed = {client.name: int(client.records) for client in clients}
    chosen = checked_strategy(model, strategy, names=names, most_records=agreed, **some)
    weights = model.initial_weights(seed) if start is None else np.array(start, dtype=float)
    history: list[dict[str, Any]] = []

    def evaluate(number: int, arrays: Any) -> None:
        if number:
            trained = model.classifier(flatten(arrays.to_numpy_ndarrays()))
            history.extend(
                {"round": number, "participant": name, **scores_of(trained, *part)}
                for name, part in held_out.items()
            )

    config = flwr.ConfigRecord({SETTINGS: json.dumps((settings or TrainingSettings()).to_dict())})
    with _quiet(), _task(flwr), one_thread():
        result = chosen.start(
            grid,
            flwr.ArrayRecord(model.unflatten(weights)),
            num_rounds=rounds,
            train_config=config,
            evaluate_fn=evaluate,
        )
    return FlowerRun(
        model.classifier(flatten(result.arrays.to_numpy_ndarrays())),
        pd.DataFrame(history, columns=["round", "participant", "records", "loss", "accuracy", "auc"]),
        pd.DataFrame(chosen.left_out, columns=["round", "participant", "reason"]),
        strategy,
        grid.messages,
    )


def _request_of(message: Any, model: FederatedModel) -> tuple[np.ndarray, RoundRequest]:
    """Return the weights of a message, flat, and the request that it makes.

    Raises:
        UserError: if it holds something else than weights and settings.
    """
    try:
        (arrays,) = message.content.array_records.values()
        (config,) = message.content.config_records.values()
        parts = arrays.to_numpy_ndarrays()
        fields = json.loads(config.get(SETTINGS, "{}"))
        if "proximal-mu" in config:
            fields["proximal"] = float(config["proximal-mu"])
        request = RoundRequest(int(config[ROUND]), parts, TrainingSettings.from_dict(fields))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UserError(
            "The message holds no weights, round and settings as this client needs them."
        ) from None
    if tuple(part.shape for part in parts) != model.shapes:
        raise UserError("The server sent weights of another model.")
    return flatten(parts), request


def _check_reply(
    reply: Any, name: str, model: FederatedModel, sent: np.ndarray, most_records: int | None
) -> None:
    """Raise UpdateError if a reply cannot be averaged."""
    if reply.has_error():
        raise UpdateError(name, f"could not train: {reply.error.reason}")
    try:
        (arrays,) = reply.content.array_records.values()
        (metrics,) = reply.content.metric_records.values()
        parts, records, loss = arrays.to_numpy_ndarrays(), metrics[RECORDS], metrics.get(LOSS, float("nan"))
        if tuple(part.shape for part in parts) != model.shapes:
            raise ValueError("shapes")
        delta = flatten(parts) - sent
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UpdateError(name, "sent no weights of this model: it was left out of this round.") from None
    check_update(Update(name, delta, records, loss), name=name, size=model.size, most_records=most_records)


def _in_process_grid(flwr: Any, apps: Sequence[Any]) -> Any:
    """Return a Flower grid whose nodes, numbered from 1, are client apps in this process."""

    class InProcessGrid(flwr.Grid):
        messages = 0

        def __init__(self) -> None:
            self._contexts = {
                number: flwr.Context(ONE_RUN, number, {}, flwr.RecordDict(), {})
                for number in range(1, len(apps) + 1)
            }
            self._replies: dict[str, Any] = {}

        def set_run(self, run: Any) -> None:
            self._run = run

        @property
        def run(self) -> Any:
            return self._run

        def create_message(
            self, content: Any, message_type: str, dst_node_id: int, group_id: str, ttl: float | None = None
        ) -> Any:
            return flwr.Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

        def get_node_ids(self) -> Iterable[int]:
            return list(self._contexts)

        def push_messages(self, messages: Iterable[Any]) -> Iterable[str]:
            pushed = []
            for message in messages:
                place = f"message {self.messages}"
                self._replies[place] = self._answered(message)
                pushed.append(place)
            return pushed

        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Any]:
            return [self._replies.pop(one) for one in list(message_ids) if one in self._replies]

        def send_and_receive(self, messages: Iterable[Any], *, timeout: float | None = None) -> Iterable[Any]:
            return self.pull_messages(self.push_messages(messages))

        def _answered(self, message: Any) -> Any:
            self.messages += 1
            number = message.metadata.dst_node_id
            try:
                return apps[number - 1](message, self._contexts[number])
            except Exception as error:
                # Its text may hold a value of a row.
                return flwr.Message(flwr.Error(2, f"it failed ({type(error).__name__})"), reply_to=message)

    return InProcessGrid()


@dataclass(frozen=True)
class _Flower:
    """The names of Flower that are used here."""

    ClientApp: Any
    Message: Any
    Error: Any
    Context: Any
    RecordDict: Any
    ArrayRecord: Any
    ConfigRecord: Any
    MetricRecord: Any
    Grid: Any
    strategy: Any


def _flower() -> _Flower:
    # A library that reports its use does so only if asked; the kit is offline.
    os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
    try:
        from flwr import app
        from flwr.clientapp import ClientApp
        from flwr.serverapp import Grid, strategy
    except ImportError:
        raise FlowerMissing(MISSING) from None
    return _Flower(
        ClientApp,
        app.Message,
        app.Error,
        app.Context,
        app.RecordDict,
        app.ArrayRecord,
        app.ConfigRecord,
        app.MetricRecord,
        Grid,
        strategy,
    )


@contextmanager
def _task(flwr: _Flower) -> Iterator[None]:
    """Say which task this process is, as Flower's own processes do before they make a message."""
    from flwr.supercore.task_identity import TaskIdentity

    names = ("_task_id", "_run_id", "_node_id")
    before = {name: getattr(TaskIdentity, name) for name in names}
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = ONE_RUN, ONE_RUN, 0
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(TaskIdentity, name, value)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Flower's account of each round: it holds times, and a notebook must print the same each run."""
    logger = logging.getLogger("flwr")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
