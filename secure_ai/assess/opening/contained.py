"""A model in a process of its own, asked for a bounded time; its recipe tried before it is trained here.

A model that hangs must cost what is asked of it and not the report: the run is ended, without a report, when
a section tells nothing for an hour (``PATIENCE_SECONDS`` in :mod:`secure_ai.assess.run.kernel`). So one
question has the seconds of the process's limits, and all questions together have half an hour.
"""

from __future__ import annotations

import io
import pickle
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from secure_ai.attack.supply_chain.channel import send
from secure_ai.attack.supply_chain.guards import Guards, Limits
from secure_ai.attack.supply_chain.process import ContainedError, ContainedProcess
from secure_ai.attack.targets import TargetError
from secure_ai.attack.targets.target import Answer
from secure_ai.core import UserError

# What a model's file is called in sentences: its name may be that of a person.
NAME = "given as model"
ALL_SECONDS = 1800.0
# Rows of one question: an honest model that is slow has its seconds for each so many of them.
BATCH = 5_000
TRIED_ROWS = 500
TRIAL_CPU_SECONDS = 30
TRIAL_SECONDS = 120.0


class BoundedModel:
    """A model in a contained process that never holds an assessment for longer than it may.

    The process starts with the first question. After a question without an answer none is asked again.

    Args:
        start: starts the process and returns what answers; it raises UserError where it does not start.
        classes: what the model tells apart.
        answer: ``"probabilities"`` or ``"labels"``.
        named: whether it takes rows with the names of their columns.
        most_seconds: for all questions together.

    Attributes:
        classes, answer: as given.
        seconds: spent on questions so far.
    """

    def __init__(
        self,
        start: Callable[[], Any],
        classes: Sequence[Any],
        answer: Answer,
        *,
        named: bool = True,
        most_seconds: float = ALL_SECONDS,
    ) -> None:
        self.classes, self.answer, self.seconds = list(classes), answer, 0.0
        self._start, self._named, self._most = start, named, most_seconds
        self._model: Any = None
        self._gave_up = ""

    def ask(self, rows: Any) -> np.ndarray:
        """Return the answers about rows.

        Raises:
            TargetError: if the process does not start, or the model does not answer in time or with what is
                no answer.
        """
        if not self._named and hasattr(rows, "to_numpy"):
            rows = rows.to_numpy()
        parts = [self._in_time(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)]
        try:
            return np.concatenate(parts)
        except ValueError:
            raise TargetError(
                "The model gives answers of another shape from one question to the next."
            ) from None

    @property
    def guards(self) -> Guards | None:
        """What is closed to the process; None where it does not start."""
        try:
            return self._process().guards
        except TargetError:
            return None

    def close(self) -> None:
        """End the process."""
        if self._model is not None:
            self._model.close()

    def _process(self) -> Any:
        if self._gave_up:
            raise TargetError(self._gave_up)
        if self._model is None:
            try:
                self._model = self._start()
            except UserError as error:
                self._gave_up = str(error)
                raise TargetError(self._gave_up) from None
        return self._model

    def _in_time(self, rows: Any) -> np.ndarray:
        model = self._process()
        if self.seconds > self._most:
            self.close()
            self._gave_up = (
                f"The model is too slow: its answers took more than {self._most / 60:g} minutes in all, and "
                "it is asked no more. Give fewer records, or a faster model."
            )
            raise TargetError(self._gave_up)
        begun = time.monotonic()
        try:
            return model.ask(rows)
        except TargetError as error:
            told = str(error).replace(f"The model in {NAME}", "The model")
            if not model.alive:
                self._gave_up = told
            raise TargetError(told) from None
        finally:
            self.seconds += time.monotonic() - begun


class Trial:
    """Trains a skops model anew on a few records, in a contained process, before it is trained in this one.

    How long training takes follows from settings in the file, which can say anything. Computing time decides,
    not the clock on the wall, so that a busy machine decides as an idle one does.

    Args:
        content: the skops file.
        trusted: types in it that the assessor trusts.
        modules: folders with code that it needs.
        limits: of the process; its times are those of a trial.
    """

    def __init__(
        self, content: bytes, trusted: Sequence[str], modules: Sequence[str | Path], limits: Limits
    ) -> None:
        self._content, self._trusted, self._modules = content, list(trusted), modules
        cpu = min(TRIAL_CPU_SECONDS, limits.cpu_seconds)
        self._limits = replace(limits, seconds=TRIAL_SECONDS, cpu_seconds=cpu)
        self._passed: bool | None = None
        self._records: tuple[Any, np.ndarray] | None = None

    def on(self, rows: Any, labels: np.ndarray) -> None:
        """Say what it is to be trained on; some hundred of the records are taken."""
        if self._records is None:
            # Every so many-th: a table that is sorted by class has others than the first at its end.
            step = max(len(labels) // TRIED_ROWS, 1)
            self._records = (rows[::step], labels[::step])

    def passed(self) -> bool:
        """Whether training ends, in one way or another; without records nothing is trained, and it passes."""
        if self._passed is None and self._records is not None:
            self._passed = self._tried(self._records)
        return self._passed is not False

    def _tried(self, records: tuple[Any, np.ndarray]) -> bool:
        try:
            with ContainedProcess(
                "secure_ai.assess.opening.contained:train",
                {"trusted": self._trusted, "size": len(self._content)},
                content=self._content + pickle.dumps(records, protocol=5),
                limits=self._limits,
                modules=self._modules,
                imports=["skops.io", "pandas"],
            ) as process:
                process.ask(None, most=0, what="train")
        except ContainedError:
            return False
        return True


def train(_: BinaryIO, answers: BinaryIO, arguments: Mapping[str, Any], content: bytes) -> None:
    """In the contained process: train the model on the records behind it; an error is an end as well."""
    from sklearn.base import clone

    from secure_ai.defend.model_files.skops_files import load_skops

    size = arguments["size"]
    # From the process that owns this one: the records are no hostile content.
    rows, labels = pickle.load(io.BytesIO(content[size:]))
    try:
        clone(load_skops(content[:size], "file", trusted_types=arguments["trusted"])).fit(rows, labels)
    except MemoryError:
        raise
    except Exception as error:
        send(answers, {"ended": type(error).__name__[:80]})
    else:
        send(answers, {"ended": ""})


def folders_of(trusted: Sequence[str]) -> list[Path]:
    """Return the folders with the code of trusted types that a contained process would not find."""
    found = []
    for name in dict.fromkeys(one.partition(".")[0] for one in trusted):
        try:
            spec = find_spec(name)
        except (ImportError, ValueError):
            continue
        places = [] if spec is None else list(spec.submodule_search_locations or [])
        place = Path(places[0]) if places else Path(spec.origin) if spec is not None and spec.origin else None
        if place is not None and place.exists() and not place.is_relative_to(sys.prefix):
            found.append(place.parent)
    return found
