"""A model that lives in a process of its own and only answers questions: an endpoint without a network."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from secure_ai.attack.supply_chain.guards import Guards, Limits
from secure_ai.attack.supply_chain.process import ContainedError, ContainedProcess, error_name
from secure_ai.attack.targets import TargetError
from secure_ai.attack.targets.target import Answer
from secure_ai.core import UserError
from secure_ai.core.sources import shown
from secure_ai.defend.model_files.formats import format_of

MOST_CLASSES = 1000
MOST_LABEL = 200


class ContainedModel:
    """A pickled model, opened and asked in a contained process; give it to any attack as ``model``.

    Attributes:
        classes: what it tells apart.
        answer: ``"probabilities"`` or ``"labels"``.
        features: names of the columns that it was trained on; empty if it kept none.
        guards: what is closed to it on this system.

    Raises:
        UserError: if it cannot be opened, or is no fitted classifier.
    """

    def __init__(
        self,
        content: bytes,
        name: str,
        *,
        format: str = "pickle",
        limits: Limits | None = None,
        modules: Sequence[str | Path] = (),
        trusted_types: Sequence[str] = (),
        required: Sequence[str] = (),
    ) -> None:
        self.name = shown(name)
        arguments = {"format": format, "trusted_types": list(trusted_types)}
        try:
            self._process = ContainedProcess(
                "secure_ai.defend.model_files.serving:serve",
                arguments,
                content=content,
                limits=limits,
                modules=modules,
                # What takes a while is there before the clock of the file runs.
                imports=_needed(content, format),
            )
            self.guards: Guards = self._process.guards
            self._check_guards(required)
            said, _ = self._process.ask(None, most=0, what="open")
        except ContainedError as error:
            raise UserError(f"The model file {self.name} cannot be used. {error}") from None
        self.answer: Answer = "labels" if said.get("answer") == "labels" else "probabilities"
        self.classes = _checked_classes(said.get("classes"))
        if len(self.classes) < 2:
            self.close()
            raise UserError(
                f"The model in {self.name} does not say which classes it tells apart (two to "
                f"{MOST_CLASSES:,} numbers or short texts): it is no fitted classifier."
            )
        features = said.get("features")
        known = isinstance(features, list) and all(isinstance(f, str) for f in features)
        self.features: tuple[str, ...] = tuple(features) if known else ()

    def __repr__(self) -> str:
        return f"ContainedModel({self.name}, {len(self.classes)} classes, {self.answer})"

    @property
    def classes_(self) -> np.ndarray:
        """What it tells apart, under the name that scikit-learn uses."""
        return np.asarray(self.classes)

    def ask(self, rows: Any) -> np.ndarray:
        """Return what it answers about rows: probabilities (rows x classes) or labels.

        Raises:
            TargetError: if it does not answer in time, crashes, or sends what is no answer.
        """
        count = len(rows)
        most = count * (8 * len(self.classes) if self.answer == "probabilities" else MOST_LABEL) + 1000
        try:
            said, payload = self._process.ask({"ask": self.answer}, pickle.dumps(rows, protocol=5), most=most)
        except ContainedError as error:
            raise TargetError(f"The model in {self.name} was asked about {count:,} rows. {error}") from None
        if "error" in said:
            raise TargetError(
                f"The model in {self.name} failed on {count:,} rows ({error_name(said['error'])}): check "
                "that they have the columns that it was trained on."
            )
        found = _matrix(said.get("shape"), payload) if self.answer == "probabilities" else _labels(payload)
        if found is None:
            raise TargetError(f"The model in {self.name} sent what is no answer about {count:,} rows.")
        return found

    @property
    def alive(self) -> bool:
        """Whether its process can still be asked."""
        return self._process.alive

    def close(self) -> None:
        """End the process."""
        self._process.close()

    def __enter__(self) -> ContainedModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_guards(self, required: Sequence[str]) -> None:
        left = [name for name in required if name in self.guards.open()]
        if left:
            self.close()
            raise UserError(
                f"This system does not close {' and '.join(left)} to a model's process, as was required. "
                f"{self.guards.sentence()}"
            )


def _needed(content: bytes, form: str) -> list[str]:
    if form == "skops":
        return ["skops.io", "pandas"]
    sklearn = b"sklearn" in content[: 1 << 20] or format_of(content).name != "pickle"
    return ["sklearn.base"] if sklearn else []


def _checked_classes(said: Any) -> list[Any]:
    if not isinstance(said, list) or len(said) > MOST_CLASSES:
        return []
    fine = all(
        isinstance(label, bool | int)
        or (isinstance(label, float) and math.isfinite(label))
        or (isinstance(label, str) and len(label) <= MOST_LABEL)
        for label in said
    )
    return said if fine and len(set(said)) == len(said) else []


def _matrix(shape: Any, payload: bytes) -> np.ndarray | None:
    sides = isinstance(shape, list) and 1 <= len(shape) <= 2 and all(type(side) is int for side in shape)
    if not sides or min(shape) < 0 or math.prod(shape) * 8 != len(payload):
        return None
    return np.frombuffer(payload, dtype="<f8").reshape(shape).astype(float)


def _labels(payload: bytes) -> np.ndarray | None:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    plain = isinstance(found, list) and all(isinstance(label, str | int | float) for label in found)
    return np.asarray(found) if plain else None
