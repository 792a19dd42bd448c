"""Classifiers that are trained with differential privacy: logistic regression and a small network by DP-SGD.

In each step every record is drawn with probability ``sampling_rate``, its gradient is shortened to
``max_grad_norm``, the gradients are added up, and Gaussian noise is added to the sum. Nothing else is read
from the data: what follows (Adam's step size, the mean over the second half of the steps) uses the noisy
sums alone and costs nothing. The number of records does not enter either.

Sources:
    Abadi et al., Deep learning with differential privacy (2016); De et al., Unlocking high-accuracy
    differentially private image classification through scale (2022), for large batches, gradients in units
    of the clipping norm and averaged weights; Kingma & Ba, Adam (2015).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from secure_ai.anonymize.differential_privacy.learning.accountant import (
    check_budget,
    check_sampling,
    epsilon_spent,
    noise_for,
)
from secure_ai.anonymize.differential_privacy.learning.gradients import (
    Layer,
    activations,
    clipped_sum,
    initial_layers,
    probabilities,
)
from secure_ai.anonymize.differential_privacy.learning.inputs import (
    checked_bounds,
    checked_features,
    checked_target,
    checked_widths,
    generator,
    positive,
    scaled,
)
from secure_ai.core.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Spend = Callable[..., object]
LEAST_NORM = 1e-6


@dataclass(frozen=True)
class TrainingCost:
    """What a training has cost in privacy; all of it may be published.

    Attributes:
        epsilon: what was spent, by our accountant; infinity without noise.
        delta: probability with which the bound may fail.
        noise_multiplier: standard deviation of the noise over ``max_grad_norm``.
        max_grad_norm: length to which each record's gradient was shortened.
        sampling_rate: probability with which each record entered a step.
        steps: number of steps.
        fixed_seed: whether the noise came from a seed that somebody chose.
    """

    epsilon: float
    delta: float
    noise_multiplier: float
    max_grad_norm: float
    sampling_rate: float
    steps: int
    fixed_seed: bool

    def sentence(self) -> str:
        """Say what was spent, and what is wrong with it."""
        if math.isinf(self.epsilon):
            return f"{self.steps:,} steps without noise: the model has no differential privacy."
        seed = " The seed is fixed: who knows it can take the noise away, so this model is for lessons."
        return (
            f"{self.steps:,} steps, each with about {self.sampling_rate:.1%} of the records and noise of "
            f"{self.noise_multiplier:.3g} times the longest gradient, have cost epsilon "
            f"{self.epsilon:.3g} at delta {self.delta:g}.{seed if self.fixed_seed else ''}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each attribute: quantity, value."""
        import pandas as pd

        return pd.DataFrame(asdict(self).items(), columns=["quantity", "value"])


class _PrivateClassifier(ClassifierMixin, BaseEstimator, ABC):
    """What both models share; the sizes of hidden layers come from the subclass."""

    def __init__(
        self,
        *,
        epsilon: float = 1.0,
        delta: float = 1e-5,
        bounds: tuple[Any, Any] | None = None,
        classes: Sequence[Any] | None = None,
        max_grad_norm: float = 1.0,
        sampling_rate: float = 0.2,
        steps: int = 100,
        learning_rate: float = 0.1,
        seed: int | None = None,
    ) -> None:
        self.epsilon = epsilon
        self.delta = delta
        self.bounds = bounds
        self.classes = classes
        self.max_grad_norm = max_grad_norm
        self.sampling_rate = sampling_rate
        self.steps = steps
        self.learning_rate = learning_rate
        self.seed = seed

    def fit(self, X: Any, y: Any, *, spend: Spend | None = None, what: str = "") -> Self:
        """Train on the records.

        Args:
            X: numbers, records x features; a frame or an array. Values outside ``bounds`` count as the bound.
            y: the class of each record.
            spend: called once as ``spend(epsilon, delta, what=...)`` after all input was found good and
                before a record is drawn; if it raises, nothing is trained. With a budget ledger:
                ``functools.partial(ledger.spend, table)``.
            what: what the ledger shall note; the name of the model by default.

        Raises:
            UserError: if a parameter is out of range, ``bounds`` is not stated, a feature is missing or
                infinite, or there are fewer than two classes.
        """
        private = not (isinstance(self.epsilon, float) and self.epsilon == math.inf)
        if private:
            check_budget(self.epsilon, self.delta)
        elif spend is not None:
            raise UserError(
                "Training without noise (epsilon infinite) cannot be paid from any budget: leave spend out, "
                "and keep the model where the data are."
            )
        check_sampling(self.sampling_rate, self.steps)
        positive("max_grad_norm", self.max_grad_norm, finite=private)
        if private and not LEAST_NORM <= self.max_grad_norm <= 1 / LEAST_NORM:
            # So that no gradient is rounded by more than it was shortened.
            raise UserError(
                f"max_grad_norm={self.max_grad_norm:g}: choose a number from {LEAST_NORM:g} to "
                f"{1 / LEAST_NORM:g}."
            )
        positive("learning_rate", self.learning_rate)
        widths = checked_widths(self._widths())
        x = checked_features(X)
        low, high = checked_bounds(self.bounds, x.shape[1])
        codes, classes = checked_target(y, len(x), self.classes)
        if private and self.delta > 1 / len(x):
            raise UserError(
                f"delta={self.delta:g} is above one over the number of records: it would allow to publish "
                "one of them. Choose a smaller delta."
            )
        rng = generator(self.seed)
        noise = spent = 0.0
        if private:
            plan = {"sampling_rate": float(self.sampling_rate), "steps": int(self.steps)}
            delta = float(self.delta)
            noise = noise_for(epsilon=float(self.epsilon), delta=delta, **plan)
            spent = epsilon_spent(noise_multiplier=noise, delta=delta, **plan)
            if spend is not None:
                spend(spent, delta, what=what or f"training of {type(self).__name__}")
        sizes = (x.shape[1], *widths, 1 if len(classes) == 2 else len(classes))
        self.layers_ = _descend(
            initial_layers(sizes, rng), scaled(x, low, high), codes, rng,
            noise=noise, max_grad_norm=float(self.max_grad_norm), sampling_rate=float(self.sampling_rate),
            steps=int(self.steps), learning_rate=float(self.learning_rate),
        )  # fmt: skip
        self.classes_ = classes
        self.n_features_in_ = x.shape[1]
        self.bounds_ = (low, high)
        self.noise_multiplier_ = noise
        self.epsilon_ = spent if private else math.inf
        self.cost_ = TrainingCost(
            self.epsilon_, float(self.delta) if private else 0.0, noise, float(self.max_grad_norm),
            float(self.sampling_rate), int(self.steps), self.seed is not None,
        )  # fmt: skip
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class in the order of ``classes_`` (records x classes).

        Raises:
            UserError: if the model is not trained, or the features are not those it was trained on.
        """
        if not hasattr(self, "layers_"):
            raise UserError(f"The {type(self).__name__} is not trained yet: call fit first.")
        x = checked_features(X)
        if x.shape[1] != self.n_features_in_:
            raise UserError(
                f"The model was trained on {self.n_features_in_} features and was given {x.shape[1]}: give "
                "it the same columns."
            )
        return probabilities(activations(self.layers_, scaled(x, *self.bounds_))[-1])

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each record.

        Raises:
            UserError: as :meth:`predict_proba`.
        """
        likely = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likely]

    @abstractmethod
    def _widths(self) -> Sequence[int]:
        """Return the number of units of each hidden layer."""


class PrivateLogisticRegression(_PrivateClassifier):
    """Logistic regression with (epsilon, delta)-differential privacy for one record more or less.

    With more than two classes it is multinomial. The interface is that of scikit-learn.

    Args:
        epsilon: what may be spent, at least 0.01; ``math.inf`` trains without noise, to compare.
        delta: probability with which the bound may fail; below one over the number of records.
        bounds: lowest and highest value of the features, as two numbers or two sequences. They must come from
            outside, never from the data; features are clipped to them and scaled to 0 … 1.
        classes: the classes, from outside. If None, the set of classes in ``y`` counts as public.
        max_grad_norm: length to which each record's gradient is shortened; ``math.inf`` only without noise.
        sampling_rate: probability with which each record enters a step.
        steps: number of steps; ``sampling_rate * steps`` is the expected number of epochs.
        learning_rate: step size of Adam.
        seed: None takes fresh entropy of the operating system, as every release must. A number makes
            noise that can be repeated, and taken away by whoever knows it: for lessons and tests only.

    Attributes:
        classes_, n_features_in_: as in scikit-learn.
        layers_: the published weights and biases.
        epsilon_: what was spent, at most ``epsilon``.
        noise_multiplier_: standard deviation of the noise over ``max_grad_norm``.
        cost_: :class:`TrainingCost`.

    Note:
        Noise comes from numpy's generator in floating point, which is not cryptographic. Against an attacker
        who reads the lowest bits of the weights (Mironov, On significance of the least significant bits for
        differential privacy, 2012) round the weights before they are published. Choosing settings by scores
        on the same records costs privacy that is not counted here.

    Source: the module's.
    """

    def _widths(self) -> Sequence[int]:
        return ()


class PrivateNetwork(_PrivateClassifier):
    """A small network with (epsilon, delta)-differential privacy for one record more or less.

    Dense layers with tanh between them. Parameters and attributes are those of
    :class:`PrivateLogisticRegression`, and:

    Args:
        hidden_layers: the number of units of each hidden layer.
    """

    def __init__(
        self,
        *,
        hidden_layers: Sequence[int] = (16,),
        epsilon: float = 1.0,
        delta: float = 1e-5,
        bounds: tuple[Any, Any] | None = None,
        classes: Sequence[Any] | None = None,
        max_grad_norm: float = 1.0,
        sampling_rate: float = 0.2,
        steps: int = 100,
        learning_rate: float = 0.05,
        seed: int | None = None,
    ) -> None:
        super().__init__(
            epsilon=epsilon,
            delta=delta,
            bounds=bounds,
            classes=classes,
            max_grad_norm=max_grad_norm,
            sampling_rate=sampling_rate,
            steps=steps,
            learning_rate=learning_rate,
            seed=seed,
        )
        self.hidden_layers = hidden_layers

    def _widths(self) -> Sequence[int]:
        return self.hidden_layers


def _descend(
    layers: list[Layer],
    x: np.ndarray,
    codes: np.ndarray,
    rng: np.random.Generator,
    *,
    noise: float,
    max_grad_norm: float,
    sampling_rate: float,
    steps: int,
    learning_rate: float,
) -> list[Layer]:
    """Run DP-SGD with Adam's step sizes; return the mean of the weights over the second half of the steps."""
    weights = [part for layer in layers for part in layer]
    first, second, mean = ([np.zeros_like(part) for part in weights] for _ in range(3))
    averaged = 0
    for step in range(1, steps + 1):
        # Every record on its own, so that the size of the batch is random: what the accountant assumes.
        drawn = np.flatnonzero(rng.random(len(x)) < sampling_rate)
        summed = clipped_sum(_paired(weights), x[drawn], codes[drawn], max_grad_norm)
        averaged += step > steps // 2
        for number, part in enumerate(part for layer in summed for part in layer):
            gradient = part
            if noise:
                gradient = part / max_grad_norm + rng.normal(0.0, noise, part.shape)
            first[number] = 0.9 * first[number] + 0.1 * gradient
            second[number] = 0.999 * second[number] + 0.001 * gradient**2
            pace = learning_rate * math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            weights[number] = weights[number] - pace * first[number] / (np.sqrt(second[number]) + 1e-8)
            if averaged:
                mean[number] += (weights[number] - mean[number]) / averaged
    return _paired(mean)


def _paired(parts: Sequence[np.ndarray]) -> list[Layer]:
    return list(zip(parts[::2], parts[1::2], strict=True))
