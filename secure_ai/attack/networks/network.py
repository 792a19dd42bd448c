"""A classifier of pictures or of numeric tables as a small neural network, in numpy.

It is used like any classifier of scikit-learn. Beside that it answers what only the owner of the weights can
ask: the gradient by the input (evasion), the activations of the last hidden layer (backdoor detection), and
its weights as plain arrays (theft, marks, comparison).

Source: He et al., Delving deep into rectifiers (2015): initial weights; Loshchilov & Hutter, Decoupled weight
    decay regularization (2019): the optimizer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from secure_ai.attack.networks.layers import Dense, Layer, convolutions
from secure_ai.attack.networks.training import EachBatch, check_training, one_thread, train
from secure_ai.core import UserError

CHUNK = 512


class Network(ClassifierMixin, BaseEstimator):
    """A network with rectified hidden layers, fitted by AdamW on the cross-entropy.

    Args:
        hidden: units of each dense hidden layer.
        picture: height and width if a row is a flattened grey picture; None for a table of numbers.
        filters: channels of each convolution that looks at a picture first; () for none.
        epochs: how often training sees every row.
        learning_rate: first step size; it falls to nothing along a cosine.
        weight_decay: how strongly weights are pulled to 0.
        batch_size: rows of one step.
        shift: pixels by which a picture is moved, at random, at most, whenever training sees it; 0 for never.
        seed: of initial weights, order and shifts.

    Attributes:
        classes_: what it tells apart, sorted.
        weights_: float32 arrays, weights and biases of each layer in turn.
        center_, scale_: what is taken off and divided by first; per column, or one number for a picture.
        history_: mean loss of each epoch.
        n_features_in_: columns of a row.
    """

    def __init__(
        self,
        hidden: Sequence[int] = (32,),
        *,
        picture: tuple[int, int] | None = None,
        filters: Sequence[int] = (8, 16),
        epochs: int = 20,
        learning_rate: float = 0.003,
        weight_decay: float = 0.01,
        batch_size: int = 32,
        shift: int = 2,
        seed: int = 0,
    ) -> None:
        self.hidden = hidden
        self.picture = picture
        self.filters = filters
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.shift = shift
        self.seed = seed

    def fit(
        self, rows: Any, labels: Any, sample_weight: Any = None, *, each_batch: EachBatch | None = None
    ) -> Network:
        """Learn from rows and their classes.

        Args:
            rows: (n, columns) numbers; a frame or an array.
            labels: (n,) classes.
            sample_weight: (n,) how much a row counts; None for all alike.
            each_batch: ``each_batch(network, rows, labels, rng)`` gives the rows that a step learns from in
                place of its own; adversarial training is this.

        Raises:
            UserError: if a row holds no finite number, lengths differ, there is one class only, a setting is
                impossible, or training diverges.
        """
        rows, labels = check_training(rows, labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise UserError("The training rows have one class only: give rows of two classes or more.")
        self.n_features_in_ = rows.shape[1]
        if self.picture is None:
            self.center_ = rows.mean(axis=0, dtype=np.float64)
            spread = rows.std(axis=0, dtype=np.float64)
        else:
            # One number for all pixels: a pixel that hardly varies must not become a loud one.
            self.center_, spread = rows.mean(dtype=np.float64)[None], rows.std(dtype=np.float64)[None]
        self.scale_ = np.where(spread > 1e-9, spread, 1.0)
        rng = np.random.default_rng(self.seed)
        self.weights_ = []
        for layer in self._layers():
            shape, biases = layer.shapes()
            drawn = rng.normal(0, np.sqrt(2 / shape[0]), shape)
            self.weights_ += [drawn.astype(np.float32), np.zeros(biases, dtype=np.float32)]
        self.history_ = train(self, rows, codes, sample_weight=sample_weight, each_batch=each_batch, rng=rng)
        return self

    def fine_tune(
        self,
        rows: Any,
        labels: Any,
        sample_weight: Any = None,
        *,
        epochs: int = 5,
        learning_rate: float | None = None,
        each_batch: EachBatch | None = None,
        seed: int = 0,
    ) -> Network:
        """Return a network that goes on learning from these weights; this one stays as it is.

        Args:
            rows, labels, sample_weight, each_batch: as in :meth:`fit`; classes must be known ones.
            epochs: how often training sees every row.
            learning_rate: first step size; a quarter of the first training's if not given.
            seed: of the order.

        Raises:
            UserError: as :meth:`fit`, and if a class is unknown.
        """
        rows, labels = check_training(rows, labels)
        rows = self._checked(rows)
        codes = self.codes(labels)
        tuned = self.with_weights(self.weights_)
        tuned.epochs, tuned.learning_rate = epochs, learning_rate or self.learning_rate / 4
        tuned.history_ = train(
            tuned,
            rows,
            codes,
            sample_weight=sample_weight,
            each_batch=each_batch,
            rng=np.random.default_rng(seed),
        )
        return tuned

    def with_weights(self, weights: Sequence[np.ndarray]) -> Network:
        """Return a copy of this network with other weights, of the same shapes.

        Raises:
            UserError: if a shape differs.
        """
        self._check_fitted()
        if [np.shape(w) for w in weights] != [w.shape for w in self.weights_]:
            raise UserError("These weights have other shapes than the network's: take weights of its kind.")
        twin = Network(**self.get_params())
        for name in ("classes_", "n_features_in_", "center_", "scale_"):
            setattr(twin, name, getattr(self, name))
        twin.weights_ = [np.array(w) for w in weights]
        twin.history_ = list(self.history_)
        return twin

    def predict_proba(self, rows: Any) -> np.ndarray:
        """Return (n, classes) probabilities."""
        return _softmax(self.logits(rows))

    def predict(self, rows: Any) -> np.ndarray:
        """Return (n,) the likeliest class of each row."""
        logits = self.logits(rows)
        return self.classes_[logits.argmax(axis=1)]

    def logits(self, rows: Any) -> np.ndarray:
        """Return (n, classes) float64: what the softmax makes probabilities of."""
        return self._in_chunks(rows, lambda part: self.forward(part)[0])

    def hidden_activations(self, rows: Any) -> np.ndarray:
        """Return (n, units) float64: what the last layer is given, after the rectifier.

        Without a hidden layer it is the standardized row.
        """
        return self._in_chunks(rows, lambda part: self.forward(part)[1][-1][0][0])

    def input_gradient(self, rows: Any, labels: Any) -> np.ndarray:
        """Return (n, columns): how the cross-entropy of each row's label grows with each of its inputs.

        Args:
            rows: as the network takes them.
            labels: (n,) classes.

        Raises:
            UserError: if the rows are unusable or a class is unknown.
        """
        codes = self.codes(labels)

        def slopes(logits: np.ndarray, start: int) -> np.ndarray:
            found = _softmax(logits.astype(float))
            found[np.arange(len(found)), codes[start : start + len(found)]] -= 1
            return found

        return self._pulled_back(rows, slopes)

    def logit_gradient(self, rows: Any, slopes: Any) -> np.ndarray:
        """Return (n, columns): the gradient of the sum of ``slopes`` times logits, by each row's inputs.

        Args:
            rows: as the network takes them.
            slopes: (n, classes); for the lead of class 1 over class 0, for instance, -1 and 1.
        """
        given = np.asarray(slopes)
        return self._pulled_back(rows, lambda logits, start: given[start : start + len(logits)])

    def lead_gradient(self, rows: Any, codes: np.ndarray, ahead: Any = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Return by how much the likeliest other class leads, and how that grows with each input.

        Unlike the gradient of the cross-entropy it does not vanish where the network is sure of itself.

        Args:
            rows: as the network takes them.
            codes: (n,) the place of each row's class among ``classes_``.
            ahead: (classes,) added to the logits.

        Returns:
            leads (n,), below 0 while the row's class is the answer; gradients (n, columns).
        """
        leads: list[np.ndarray] = []

        def slopes(logits: np.ndarray, start: int) -> np.ndarray:
            lead, slope = leads_of(logits + ahead, codes[start : start + len(logits)])
            leads.append(lead)
            return slope

        found = self._pulled_back(rows, slopes)
        return np.concatenate([np.zeros(0), *leads]), found

    def codes(self, labels: Any) -> np.ndarray:
        """Return (n,) the place of each label among ``classes_``.

        Raises:
            UserError: if a class is unknown.
        """
        self._check_fitted()
        labels = np.asarray(labels).ravel()
        if not np.isin(labels, self.classes_).all():
            raise UserError("A row has a class that the network does not know: leave it out.")
        return np.searchsorted(self.classes_, labels)

    def forward(self, rows: np.ndarray) -> tuple[np.ndarray, list[tuple[Any, np.ndarray]]]:
        """Return the logits of checked rows, and of each layer what :meth:`backward` needs."""
        x = ((rows - self.center_) / self.scale_).astype(self.weights_[0].dtype)
        layers, kept = self._layers(), []
        for place, layer in enumerate(layers):
            x, needed = layer.forward(x, *self.weights_[2 * place : 2 * place + 2])
            if place < len(layers) - 1:
                x = np.maximum(x, 0)
            kept.append((needed, x))
        return x, kept

    def backward(
        self, slopes: np.ndarray, kept: list[tuple[Any, np.ndarray]], *, by_input: bool = False
    ) -> tuple[np.ndarray | None, list[np.ndarray]]:
        """Return the gradients by the input (None unless asked for) and by each of ``weights_``."""
        layers = self._layers()
        slope: Any = np.asarray(slopes).astype(self.weights_[0].dtype)
        gradients: list[np.ndarray] = []
        for place in range(len(layers) - 1, -1, -1):
            needed, out = kept[place]
            if place < len(layers) - 1:
                slope = slope.reshape(out.shape) * (out > 0)
            weights = self.weights_[2 * place]
            slope, *by_weights = layers[place].backward(slope, weights, needed, by_input or place > 0)
            gradients = [*by_weights, *gradients]
        if slope is not None:
            slope = slope.reshape(len(slopes), -1) / self.scale_
        return slope, gradients

    def _layers(self) -> list[Layer]:
        built: list[Layer] = []
        width = self.n_features_in_
        if self.picture is not None:
            if self.picture[0] * self.picture[1] != width:
                raise UserError(
                    f"A row has {width:,} columns and picture={tuple(self.picture)} has "
                    f"{self.picture[0] * self.picture[1]:,} pixels: give the height and width of the rows."
                )
            if len(self.filters):
                try:
                    seen = convolutions(tuple(self.picture), tuple(self.filters))
                except ValueError as error:
                    raise UserError(f"filters={tuple(self.filters)}: {error}; take fewer.") from None
                built += seen
                width = seen[-1].places[0] * seen[-1].places[1] * seen[-1].filters
        for units in (*self.hidden, len(self.classes_)):
            built.append(Dense(width, int(units)))
            width = int(units)
        return built

    def _in_chunks(self, rows: Any, answer: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        rows = self._checked(rows)
        # An empty table has an answer of no rows, and of as many columns.
        starts = range(0, max(len(rows), 1), CHUNK)
        with one_thread():
            return np.concatenate([answer(rows[start : start + CHUNK]) for start in starts]).astype(float)

    def _pulled_back(self, rows: Any, slopes: Callable[[np.ndarray, int], np.ndarray]) -> np.ndarray:
        rows = self._checked(rows)
        found = np.zeros(rows.shape)
        with one_thread():
            for start in range(0, len(rows), CHUNK):
                logits, kept = self.forward(rows[start : start + CHUNK])
                found[start : start + CHUNK] = self.backward(slopes(logits, start), kept, by_input=True)[0]
        return found

    def _checked(self, rows: Any) -> np.ndarray:
        self._check_fitted()
        rows, _ = check_training(rows, None)
        if rows.shape[1] != self.n_features_in_:
            raise UserError(
                f"A row has {rows.shape[1]:,} columns and the network was trained on "
                f"{self.n_features_in_:,}: give the same columns."
            )
        return rows

    def _check_fitted(self) -> None:
        if not hasattr(self, "weights_"):
            raise UserError("The network has not been trained: call fit first.")


def leads_of(logits: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lead of the likeliest other class (n,), and its gradient by the logits (n, classes)."""
    at = np.arange(len(logits))
    others = logits.astype(float)
    others[at, codes] = -np.inf
    other = others.argmax(axis=1)
    slopes = np.zeros(others.shape)
    slopes[at, other], slopes[at, codes] = 1, -1
    return others[at, other] - logits[at, codes], slopes


def _softmax(logits: np.ndarray) -> np.ndarray:
    risen = np.exp(logits - logits.max(axis=1, keepdims=True))
    return risen / risen.sum(axis=1, keepdims=True)
