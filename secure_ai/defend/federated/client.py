"""What a participant does: it takes the common weights, trains on its own rows, and returns its change.

The same client runs in one process, over sockets or under Flower: rows and labels stay inside it.

Sources:
    McMahan et al., Communication-efficient learning of deep networks from decentralized data (2017);
    Li et al., Federated optimization in heterogeneous networks (2020), the proximal term of FedProx;
    Abadi et al., Deep learning with differential privacy (2016), noise for each record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np

from secure_ai.anonymize.differential_privacy.learning.gradients import clipped_sum
from secure_ai.anonymize.differential_privacy.learning.inputs import checked_features
from secure_ai.core.errors import UserError
from secure_ai.defend.federated.model import FederatedModel, flatten


@dataclass(frozen=True)
class RecordPrivacy:
    """Noise that a participant adds itself, so that no single record of its own decides the update.

    Attributes:
        noise_multiplier: standard deviation of the noise over ``max_grad_norm``.
        max_grad_norm: length to which each record's gradient is shortened.
        sampling_rate: probability with which each record enters a step.
        steps: steps in each round (epochs and batch_size do not apply).
    """

    noise_multiplier: float
    max_grad_norm: float = 1.0
    sampling_rate: float = 0.1
    steps: int = 10

    def __post_init__(self) -> None:
        _positive("noise_multiplier", self.noise_multiplier)
        _positive("max_grad_norm", self.max_grad_norm)
        _positive("sampling_rate", self.sampling_rate)
        _whole("steps", self.steps)
        if self.sampling_rate > 1:
            raise UserError(f"sampling_rate={self.sampling_rate:g}: choose a probability of at most 1.")


@dataclass(frozen=True)
class TrainingSettings:
    """How each participant trains in a round; the server sends it with the weights.

    Attributes:
        epochs: how often a participant goes over its rows in a round.
        batch_size: rows of a step; None takes all rows at once.
        learning_rate: step size of plain gradient descent.
        proximal: FedProx's mu, which pulls local weights back to the common ones; 0 is FedAvg.
        decay: pull of all weights to 0 (ridge penalty decay / 2 * |w|^2).
        max_update_norm: length to which a participant shortens its change before it sends it; None: never.
        record_privacy: noise for each record, see :class:`RecordPrivacy`; None adds none.
    """

    epochs: int = 1
    batch_size: int | None = 32
    learning_rate: float = 0.1
    proximal: float = 0.0
    decay: float = 0.0
    max_update_norm: float | None = None
    record_privacy: RecordPrivacy | None = None

    def __post_init__(self) -> None:
        _whole("epochs", self.epochs)
        if self.batch_size is not None:
            _whole("batch_size", self.batch_size)
        _positive("learning_rate", self.learning_rate)
        for name in ("proximal", "decay"):
            if getattr(self, name) != 0:
                _positive(name, getattr(self, name))
        if self.max_update_norm is not None:
            _positive("max_update_norm", self.max_update_norm)
        if self.record_privacy is not None and not isinstance(self.record_privacy, RecordPrivacy):
            raise UserError("record_privacy: give RecordPrivacy(noise_multiplier=...), or None.")
        # A longer step than that jumps over the common weights and away from them.
        if self.proximal * self.learning_rate >= 2:
            raise UserError(
                f"proximal={self.proximal:g} with learning_rate={self.learning_rate:g} diverges: their "
                "product must stay below 2."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingSettings:
        """Rebuild settings from :meth:`to_dict`.

        Raises:
            UserError: if a setting is unknown or impossible.
        """
        given = dict(values)
        unknown = sorted(set(given) - {each.name for each in fields(cls)})
        if unknown:
            raise UserError(f"There is no training setting '{unknown[0]:.40}'.")
        privacy = given.get("record_privacy")
        if isinstance(privacy, Mapping):
            if set(privacy) - {each.name for each in fields(RecordPrivacy)}:
                raise UserError("record_privacy has a setting that does not exist.")
            try:
                given["record_privacy"] = RecordPrivacy(**privacy)
            except TypeError:
                raise UserError("record_privacy needs a noise_multiplier.") from None
        return cls(**given)


@dataclass(frozen=True)
class RoundRequest:
    """What the server sends to each participant at the beginning of a round.

    Attributes:
        number: of the round, from 1.
        weights: the common weights: weights and biases of each layer in turn, as ``model.unflatten`` gives.
        settings: how to train.
    """

    number: int
    weights: list[np.ndarray]
    settings: TrainingSettings = field(default_factory=TrainingSettings)


@dataclass(frozen=True)
class Update:
    """What a participant sends back.

    Attributes:
        name: of the participant.
        delta: (model.size,) float64, its weights after training less the common ones.
        records: how many rows it trained on.
        loss: mean cross-entropy of the common weights on its rows, before training.
    """

    name: str
    delta: np.ndarray
    records: int
    loss: float


@runtime_checkable
class Client(Protocol):
    """A participant as the server sees it, wherever it runs."""

    @property
    def name(self) -> str: ...

    @property
    def records(self) -> int: ...

    def train(self, request: RoundRequest) -> Update: ...


class LocalClient:
    """A participant with its rows at hand.

    Args:
        name: under which it is known.
        rows: (records, features) finite numbers.
        labels: (records,) each a class of the model.
        model: the shape that all agreed on.
        seed: of the order of its rows (and of its noise: for lessons; None draws fresh entropy). With a
            seed, what it does in a round depends on the seed and the round's number alone.

    Raises:
        UserError: if rows and labels do not fit the model or each other.
    """

    def __init__(
        self, name: str, rows: Any, labels: Any, model: FederatedModel, seed: int | None = 0
    ) -> None:
        self.name = str(name)
        if not self.name.strip():
            raise UserError("A participant needs a name.")
        try:
            self._rows = checked_features(rows)
            self._codes = model.codes(labels)
        except UserError as error:
            raise UserError(f"Participant '{self.name}': {error}") from None
        if self._rows.shape[1] != model.inputs:
            raise UserError(
                f"Participant '{self.name}': rows have {self._rows.shape[1]:,} features and the model takes "
                f"{model.inputs:,}."
            )
        if len(self._codes) != len(self._rows):
            raise UserError(
                f"Participant '{self.name}': {len(self._rows):,} rows and {len(self._codes):,} labels."
            )
        self.model = model
        self.seed = seed

    @property
    def records(self) -> int:
        """Number of rows."""
        return len(self._rows)

    def train(self, request: RoundRequest) -> Update:
        """Train on the own rows from the common weights on, and return the change.

        Raises:
            UserError: if the weights are not the model's, or training diverges.
        """
        start = self._start(request)
        loss = self.model.loss(start, self._rows, self._codes)
        entropy = None if self.seed is None else [self.seed, int(request.number)]
        rng = np.random.default_rng(entropy)
        settings = request.settings
        with np.errstate(over="ignore", invalid="ignore"):
            if settings.record_privacy is None:
                trained = self._epochs(start, settings, rng)
            else:
                trained = self._private_steps(start, settings, settings.record_privacy, rng)
            delta = trained - start
        if not np.isfinite(delta).all():
            raise UserError(
                f"Participant '{self.name}': training diverged in round {request.number}; take a smaller "
                "learning_rate."
            )
        return Update(self.name, clipped(delta, settings.max_update_norm), self.records, loss)

    def _start(self, request: RoundRequest) -> np.ndarray:
        weights = [np.asarray(part, dtype=float) for part in request.weights]
        if tuple(part.shape for part in weights) != self.model.shapes:
            raise UserError(f"Participant '{self.name}': the server sent weights of another model.")
        start = flatten(weights)
        if not np.isfinite(start).all():
            raise UserError(f"Participant '{self.name}': the server sent weights that are no numbers.")
        return start

    def _epochs(self, start: np.ndarray, settings: TrainingSettings, rng: np.random.Generator) -> np.ndarray:
        """Return weights after plain gradient descent over batches, pulled to ``start`` and to 0."""
        weights, size = start.copy(), settings.batch_size or self.records
        for _ in range(settings.epochs):
            order = rng.permutation(self.records)
            for first in range(0, self.records, size):
                batch = order[first : first + size]
                slope = self.model.gradient(weights, self._rows[batch], self._codes[batch])
                slope += settings.proximal * (weights - start) + settings.decay * weights
                weights -= settings.learning_rate * slope
        return weights

    def _private_steps(
        self,
        start: np.ndarray,
        settings: TrainingSettings,
        privacy: RecordPrivacy,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Return weights after steps of DP-SGD: rows drawn one by one, gradients clipped, noise added."""
        weights = start.copy()
        expected = max(privacy.sampling_rate * self.records, 1.0)
        spread = privacy.noise_multiplier * privacy.max_grad_norm
        for _ in range(privacy.steps):
            drawn = np.flatnonzero(rng.random(self.records) < privacy.sampling_rate)
            layers = clipped_sum(
                self.model.layers(weights), self._rows[drawn], self._codes[drawn], privacy.max_grad_norm
            )
            summed = flatten([part for layer in layers for part in layer])
            slope = (summed + rng.normal(0.0, spread, len(summed))) / expected
            slope += settings.proximal * (weights - start) + settings.decay * weights
            weights -= settings.learning_rate * slope
        return weights


def clipped(vector: np.ndarray, most: float | None) -> np.ndarray:
    """Return the vector, shortened to the length ``most`` if it is longer."""
    length = float(np.linalg.norm(vector))
    return vector if most is None or length <= most else vector * (most / length)


def _positive(name: str, value: Any) -> None:
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:
        raise UserError(f"{name}={value!r:.40}: choose a finite number above 0.")


def _whole(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= 1_000_000:
        raise UserError(f"{name}={value!r:.40}: choose a whole number from 1 to 1,000,000.")
