"""The assessed model, opened as safely as its kind allows, and asked in one way whatever it is.

A skops file is opened in this process after its types were checked, and asked in a process of its own, as a
pickle (only if trusted) and an ONNX file are opened and asked; every kind is asked for a bounded time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from secure_ai.assess.opening.contained import NAME, BoundedModel, Trial, folders_of
from secure_ai.assess.opening.endpoints import BoundedEndpoint, as_number, open_endpoint
from secure_ai.assess.opening.model_cases import Cases, ModelCases, read_model_cases
from secure_ai.assess.opening.onnx_models import ContainedOnnx, looks_like_onnx
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.attack.supply_chain.guards import Guards, Limits
from secure_ai.attack.supply_chain.watch import read_file
from secure_ai.attack.targets import Target, TargetError, open_target
from secure_ai.core import Unassessed, UserError
from secure_ai.core.sources import shown
from secure_ai.defend.model_files.contained_model import MOST_CLASSES, MOST_LABEL, ContainedModel
from secure_ai.defend.model_files.formats import PICKLES, format_of
from secure_ai.defend.model_files.loading import load_content
from secure_ai.defend.model_files.skops_files import untrusted_types

if TYPE_CHECKING:
    from secure_ai.assess.inputs import Inputs

__all__ = [
    "Cases",
    "ModelCases",
    "ModelNotOpened",
    "OpenedModel",
    "model_and_cases",
    "open_model",
    "read_model_cases",
    "read_model_file",
]

Kind = Literal["skops", "pickle", "onnx", "endpoint"]
WORDS = {"skops": "a skops file", "pickle": "a pickle", "onnx": "an ONNX file", "endpoint": "an endpoint"}
LIMITS = Limits(seconds=60.0, cpu_seconds=1800, memory_mib=4096, file_mib=64)


class ModelNotOpened(TargetError):
    """The model's file asks for what was not trusted: it is inspected, and never opened."""


@dataclass(frozen=True)
class OpenedModel:
    """A model that can be asked.

    Attributes:
        kind: what it is.
        classes: what it tells apart, in the order of its probabilities.
        features: names of the columns that it takes, in order; empty where it does not say.
        width: how many columns it takes; None where it does not say.
        estimator: the fitted scikit-learn estimator, where it lives in this process; else None.
        guards: what is closed to the process that its file was opened in; None where that is this one.
    """

    kind: Kind
    classes: tuple[Any, ...]
    features: tuple[str, ...]
    width: int | None
    estimator: Any | None
    guards: Guards | None
    _asked: Any = field(repr=False)
    _labels_only: bool = False
    _threshold: float = 0.5
    _trial: Trial | None = field(default=None, repr=False)

    def target(self, max_queries: int | None = None) -> Target:
        """Return the model as something that an attack asks; with ``labels_only`` it gives classes alone.

        Answers are checked (shape, numbers, sums, known classes); what is wrong with them, or does not
        come in time, is a :class:`~secure_ai.attack.targets.TargetError`.
        """
        if isinstance(self._asked, BoundedEndpoint):
            self._asked.begin()
        settings = {"threshold": self._threshold, "name": "model"}
        if self._labels_only and self._asked.answer == "probabilities":
            inner = open_target(self._asked, **settings)
            hidden = _Answering(inner.labels, self.classes, "labels")
            return open_target(hidden, max_queries=max_queries, **settings)
        return open_target(self._asked, max_queries=max_queries, **settings)

    def recipe(self) -> Any | None:
        """Return the estimator untrained, to train others like it; None where there is none to copy.

        One whose training does not end on a few of the records, tried elsewhere, is none to copy either.
        """
        from sklearn.base import BaseEstimator, clone

        if not isinstance(self.estimator, BaseEstimator) or not callable(
            getattr(self.estimator, "fit", None)
        ):
            return None
        try:
            copied = clone(self.estimator)
        except Exception:  # a type of the assessor's own that cannot be copied
            return None
        return copied if self._trial is None or self._trial.passed() else None

    def to_be_trained_on(self, cases: ModelCases) -> None:
        """Say which records copies of it will be trained on, so that this can be tried before."""
        known = cases.training or cases.held_out
        if self._trial is not None and known is not None and known.labels is not None:
            self._trial.on(known.rows if self.features else known.rows.to_numpy(), known.labels)

    def sentence(self) -> str:
        """Say how it was opened, and what was closed to it."""
        if self.kind == "endpoint":
            return "The model was asked at its endpoint; its file was not seen."
        if self.guards is None:
            return (
                "The model was opened after the types in its file had been checked, and is asked in a "
                "process of its own."
            )
        return (
            f"The model was opened from {WORDS[self.kind]}, in a process of its own. {self.guards.sentence()}"
        )


def open_model(
    parameters: AssessmentParameters,
    closing: ExitStack,
    *,
    limits: Limits = LIMITS,
    timeout: float | None = None,
    modules: Sequence[str | Path] = (),
) -> OpenedModel:
    """Open the model that the parameters name.

    Args:
        parameters: of the assessment.
        closing: closes the endpoint or the process.
        limits: of a process of its own.
        timeout: seconds for one question to an endpoint and its answer.
        modules: folders with code that a trusted pickle needs.

    Raises:
        ModelNotOpened: if the file asks for what was not trusted: other sections leave that open with this
            reason, the one on the file says what it asks for.
        UserError: if no model was given, or it cannot be opened or is no classifier.
    """
    if parameters.model is None:
        raise UserError("No model was given: name a file or an address in model.")
    options = {"_labels_only": parameters.labels_only, "_threshold": parameters.decision_threshold}
    if "://" in parameters.model:
        endpoint = open_endpoint(parameters, **({} if timeout is None else {"timeout": timeout}))
        closing.callback(endpoint.close)
        return OpenedModel("endpoint", tuple(endpoint.classes), (), None, None, None, endpoint, **options)
    content = read_model_file(parameters.model)
    form = format_of(content).name
    if form == "unknown" and looks_like_onnx(content):
        classes = None if parameters.classes is None else [as_number(one) for one in parameters.classes]
        onnx = ContainedOnnx(content, classes=classes, limits=limits)
        closing.callback(onnx.close)
        known, asked = tuple(onnx.classes), BoundedModel(lambda: onnx, onnx.classes, onnx.answer)
        return OpenedModel("onnx", known, onnx.features, onnx.width, None, onnx.guards, asked, **options)
    if form in PICKLES and not parameters.trust_pickle:
        raise ModelNotOpened(
            "The model is a pickle, whose opening runs whatever code it holds, so it was not opened: give it "
            "in the skops format; or, if you trust where it comes from, set trust_pickle."
        )
    trusted = parameters.trusted_types or ()
    unknown = _unknown_types(content, trusted) if form == "skops" else 0
    if unknown:
        raise ModelNotOpened(
            f"The model's file asks for {unknown} type{'s' if unknown > 1 else ''} that nobody trusted, "
            "so it was not opened: name those that you know in trusted_types."
        )
    model = load_content(
        content,
        NAME,
        trust_pickle=parameters.trust_pickle,
        trusted_types=trusted,
        limits=limits,
        modules=modules,
    )
    if form in PICKLES:
        closing.callback(model.close)
        known, asked = tuple(model.classes), BoundedModel(lambda: model, model.classes, model.answer)
        return OpenedModel("pickle", known, model.features, None, None, model.guards, asked, **options)
    opened = _checked(model, options)
    code = [*modules, *folders_of(trusted)]
    asked = BoundedModel(
        lambda: ContainedModel(
            content, NAME, format="skops", trusted_types=trusted, limits=limits, modules=code
        ),
        opened.classes,
        "probabilities" if callable(getattr(model, "predict_proba", None)) else "labels",
        named=bool(opened.features),
    )
    closing.callback(asked.close)
    return replace(opened, _asked=asked, _trial=Trial(content, trusted, code, limits))


def read_model_file(place: str) -> bytes:
    """Return the bytes of a model's file.

    Raises:
        UserError: if it is absent, empty, too large or cannot be read; its name is not said.
    """
    path = Path(place)
    try:
        return read_file(path)
    except UserError as error:
        raise UserError(str(error).replace(shown(path.name or place), NAME)) from None


def model_and_cases(
    inputs: Inputs, *, labels: bool = True, both: bool = False
) -> tuple[OpenedModel, ModelCases] | Unassessed:
    """Return the model and its records; where one of them is not there, the reason.

    Args:
        inputs: of the assessment.
        labels: whether records without their class are of no use.
        both: whether records that it was, and was not, trained on are both needed.

    Raises:
        UserError: if what was given is wrong.
    """
    try:
        model, cases = inputs.model, inputs.cases
    except TargetError as error:
        return Unassessed(str(error))
    model.to_be_trained_on(cases)
    reason = cases.reason(labels=labels, both=both)
    return Unassessed(reason) if reason else (model, cases)


def _unknown_types(content: bytes, trusted: Sequence[str]) -> int:
    found, _ = untrusted_types(content)
    return sum(sort == "other" and kind not in set(trusted) for kind, sort in found)


def _checked(model: Any, options: dict[str, Any]) -> OpenedModel:
    """Return what the estimator says of itself; it is not asked here."""
    classes = getattr(model, "classes_", None)
    if not callable(getattr(model, "predict", None)) or classes is None or np.ndim(classes) != 1:
        raise UserError("The model's file holds no fitted classifier: save the classifier itself, fitted.")
    known = tuple(np.asarray(classes).tolist())
    if len(known) < 2:
        raise UserError("The model knows one class only: fit it on records of two classes or more.")
    if len(known) > MOST_CLASSES:
        raise UserError(
            f"The model tells {len(known):,} classes apart, and this kit assesses {MOST_CLASSES:,} at most: "
            "group its classes."
        )
    if not all(_plain(one) for one in known) or len(set(known)) != len(known):
        raise UserError(
            "The classes of the model are not distinct numbers or short texts: name its classes so."
        )
    names = getattr(model, "feature_names_in_", None)
    features = () if names is None else tuple(map(str, names))
    width = getattr(model, "n_features_in_", None)
    width = int(width) if isinstance(width, int | np.integer) and width > 0 else None
    return OpenedModel("skops", known, features, width, model, None, None, **options)


def _plain(label: Any) -> bool:
    if isinstance(label, float):
        return math.isfinite(label)
    return isinstance(label, bool | int) or (isinstance(label, str) and len(label) <= MOST_LABEL)


class _Answering:
    """A function in the form that :func:`~secure_ai.attack.targets.open_target` takes."""

    def __init__(self, ask: Callable[[Any], Any], classes: Sequence[Any], answer: Any) -> None:
        self.ask, self.classes, self.answer = ask, list(classes), answer
