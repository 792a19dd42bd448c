"""One way to ask any classifier: an estimator, a function or an endpoint; queries counted, answers checked.

An attacker sees rows go in and answers come out. What comes out may be less than the model knows (the class
alone, a rounded probability), may be wrong (no number, a class that does not exist) and may fail to come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from secure_ai.attack.targets.errors import TargetError
from secure_ai.core import UserError

Answer = Literal["probabilities", "labels"]
ANSWERS = ("probabilities", "labels")
SUM_TOLERANCE = 0.02


@runtime_checkable
class Asked(Protocol):
    """What stands behind a target that is no model in memory, such as an HTTP endpoint.

    Attributes:
        classes: what the model tells apart, in the order of the columns of its probabilities.
        answer: what it gives.

    ``ask`` takes rows (a frame, or an array rows x features) and returns probabilities (rows x classes, or
    rows: of the second of two classes) or labels (rows); it raises TargetError where no answer comes.
    """

    classes: Sequence[Any]
    answer: Answer

    def ask(self, rows: Any) -> Any: ...


class Target:
    """A classifier as an attacker sees it.

    Args:
        ask: rows in, answers out.
        classes: what it tells apart, in the order of the columns of its probabilities.
        answer: ``"probabilities"`` or ``"labels"``.
        name: of the model, for sentences.
        max_queries: rows after which it must not be asked again; None for no limit.
        threshold: probability of the second of two classes from which it is the answer.

    Attributes:
        queries: rows asked so far.
    """

    def __init__(
        self,
        ask: Callable[[Any], Any],
        *,
        classes: Sequence[Any],
        answer: Answer = "probabilities",
        name: str = "model",
        max_queries: int | None = None,
        threshold: float = 0.5,
    ) -> None:
        if answer not in ANSWERS:
            raise UserError(f"answer='{answer}': choose from {', '.join(ANSWERS)}.")
        if not 0 < threshold < 1:
            raise UserError(f"threshold={threshold!r}: choose a probability between 0 and 1.")
        self._ask = ask
        self.classes = np.asarray(classes)
        self.answer: Answer = answer
        self.name = name
        self.max_queries = max_queries
        self.threshold = threshold
        self.queries = 0
        if self.classes.ndim != 1 or len(self.classes) < 2:
            raise TargetError(
                f"The {name} knows one class only: there is no other answer to bring about: "
                "fit it on rows of two classes or more."
            )
        if len(np.unique(self.classes)) != len(self.classes):
            raise UserError(f"The classes of the {name} are not distinct: name each once.")

    def __repr__(self) -> str:
        return f"Target({self.name}, {len(self.classes)} classes, {self.answer}, {self.queries:,} queries)"

    def probabilities(self, rows: Any) -> np.ndarray:
        """Return (rows, classes) probabilities, columns in the order of ``classes``.

        Raises:
            TargetError: if the target gives labels only, does not answer, or its answers are none.
        """
        if self.answer != "probabilities":
            raise TargetError(
                f"The {self.name} gives labels only, and this attack needs probabilities: choose one "
                "that does with labels."
            )
        return self._checked_probabilities(self._asked(rows), len(rows))

    def labels(self, rows: Any) -> np.ndarray:
        """Return (rows,) classes.

        Raises:
            TargetError: if the target does not answer, or names a class that it does not know.
        """
        if self.answer == "probabilities":
            return self.decide(self.probabilities(rows))
        found = np.asarray(self._asked(rows))
        if found.shape != (len(rows),):
            raise TargetError(
                f"The {self.name} was asked about {len(rows):,} rows and gave answers of shape "
                f"{found.shape}: it must give one class for each. Look at one answer."
            )
        if not np.isin(found, self.classes).all():
            raise TargetError(
                f"The {self.name} answers with a class that is not among its {len(self.classes)} classes: "
                "name all of them in classes=."
            )
        return found

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the classes that follow from (rows, classes) probabilities; asks nothing."""
        if len(self.classes) == 2:
            return self.classes[(probabilities[:, 1] >= self.threshold).astype(int)]
        return self.classes[probabilities.argmax(axis=1)]

    def scores(self, rows: Any, label: Any) -> np.ndarray:
        """Return (rows,): the probability of ``label``, or 1.0 and 0.0 where there are labels only."""
        if self.answer == "labels":
            return (self.labels(rows) == label).astype(float)
        return self.probabilities(rows)[:, self.index_of(label)]

    def index_of(self, label: Any) -> int:
        """Return the column of ``label`` among the probabilities."""
        places = np.flatnonzero(self.classes == label)
        if not len(places):
            raise UserError(f"The {self.name} does not know that class: choose one of its `classes`.")
        return int(places[0])

    def left(self) -> float:
        """Return how many rows may still be asked about; infinity without a limit."""
        return float("inf") if self.max_queries is None else self.max_queries - self.queries

    def _asked(self, rows: Any) -> Any:
        if not len(rows):
            return np.zeros((0, len(self.classes))) if self.answer == "probabilities" else self.classes[:0]
        if len(rows) > self.left():
            raise TargetError(f"The {self.name} may be asked about {self.max_queries:,} rows and no more.")
        self.queries += len(rows)
        try:
            return self._ask(rows)
        except UserError:
            raise
        except Exception as error:
            # The text of the exception may hold a value of the rows.
            raise TargetError(
                f"The {self.name} failed on {len(rows):,} rows ({type(error).__name__}): "
                "check that they have the columns that it was trained on."
            ) from None

    def _checked_probabilities(self, answers: Any, rows: int) -> np.ndarray:
        try:
            found = np.asarray(answers, dtype=float)
        except (TypeError, ValueError):
            raise TargetError(
                f"The {self.name} gives answers that are no numbers: for classes say answer='labels'."
            ) from None
        if found.shape == (rows, 1):
            found = found[:, 0]
        if found.shape == (rows,) and len(self.classes) == 2:
            found = np.column_stack([1 - found, found])
        if found.shape != (rows, len(self.classes)):
            raise TargetError(
                f"The {self.name} was asked about {rows:,} rows of {len(self.classes)} classes and gave "
                f"answers of shape {np.shape(answers)}: look why it does not give one for each row and class."
            )
        if not np.isfinite(found).all():
            raise TargetError(
                f"The {self.name} gives probabilities that are not finite: look at how it was trained."
            )
        if found.min(initial=0) < -1e-9 or found.max(initial=1) > 1 + 1e-9:
            raise TargetError(
                f"The {self.name} gives probabilities below 0 or above 1: turn its scores into probabilities."
            )
        if np.abs(found.sum(axis=1) - 1).max(initial=0) > SUM_TOLERANCE:
            raise TargetError(
                f"The {self.name} gives probabilities that do not add up to 1: divide them by their sum."
            )
        return found


def open_target(
    model: Any,
    *,
    classes: Sequence[Any] | None = None,
    answer: Answer | None = None,
    name: str = "model",
    max_queries: int | None = None,
    threshold: float = 0.5,
) -> Target:
    """Return ``model`` as something that an attack can ask.

    Args:
        model: a fitted classifier with ``predict_proba`` or ``predict``; a function that takes rows and
            returns probabilities (rows x classes, or of the second of two classes) or labels; an endpoint
            (:class:`Asked`); or a target, which is returned as it is.
        classes: what it tells apart; taken from ``classes_`` (``classes`` of an endpoint), 0 and 1 for a
            function, if not given.
        answer: ``"labels"`` to ask for classes alone though there are probabilities; for a function what it
            returns (probabilities if not given).
        name: of the model, for sentences.
        max_queries: rows after which it must not be asked again.
        threshold: probability of the second of two classes from which it is the answer.

    Raises:
        TargetError: if it knows one class only, is not fitted, or answers nothing.
        UserError: if an argument is wrong.
    """
    if isinstance(model, Target):
        return model
    if answer is not None and answer not in ANSWERS:
        raise UserError(f"answer='{answer}': choose from {', '.join(ANSWERS)}.")
    settings = {"name": name, "max_queries": max_queries, "threshold": threshold}
    if isinstance(model, Asked):
        known = model.classes if classes is None else classes
        return Target(model.ask, classes=known, answer=answer or model.answer, **settings)
    gives_probabilities = callable(getattr(model, "predict_proba", None))
    if gives_probabilities or callable(getattr(model, "predict", None)):
        known = getattr(model, "classes_", None) if classes is None else classes
        if known is None:
            raise TargetError(
                f"The {name} does not say which classes it tells apart: fit it, or name them with classes=."
            )
        if gives_probabilities and answer != "labels":
            return Target(model.predict_proba, classes=known, answer="probabilities", **settings)
        return Target(model.predict, classes=known, answer="labels", **settings)
    if callable(model):
        known = (0, 1) if classes is None else classes
        return Target(model, classes=known, answer=answer or "probabilities", **settings)
    raise TargetError(f"The {name} answers nothing: give a classifier, a function or an endpoint.")
