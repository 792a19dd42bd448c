"""A scoring endpoint that is asked for a bounded time: one that hangs costs one wait, not one per section."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.attack.targets import HttpEndpoint, TargetError, open_target
from secure_ai.attack.targets.endpoint import LONGEST_WAIT, checked_answers
from secure_ai.attack.targets.http_endpoint import at_path
from secure_ai.attack.targets.preflight import DISAGREEMENT
from secure_ai.attack.targets.target import Answer
from secure_ai.core import UserError

ANSWER_SECONDS = 10.0
ALL_SECONDS = 120.0
MOST_TOKEN_BYTES = 1 << 16
WATCHED = 10
"""Records that are asked about again with every question: an endpoint that turns is not measured."""


def open_endpoint(
    parameters: AssessmentParameters, *, timeout: float = ANSWER_SECONDS, most_seconds: float = ALL_SECONDS
) -> BoundedEndpoint:
    """Return the endpoint that ``model`` names; nothing is sent to it yet.

    Args:
        parameters: of the assessment.
        timeout: seconds for one question and its answer.
        most_seconds: seconds for all questions of one section.

    Raises:
        UserError: if the address is none of http or https, one class is named, or the token cannot be read
            or sent.
    """
    classes = [as_number(one) for one in parameters.classes or (0, 1)]
    if len(classes) < 2:
        raise UserError("The parameter 'classes' names one class only: name every class of the endpoint.")
    place: Any = parameters.answers or "predictions"
    if parameters.labels_only:
        place = _Decided(place, classes, parameters.decision_threshold)
    endpoint = HttpEndpoint(
        str(parameters.model),
        classes=classes,
        answer="labels" if parameters.labels_only else "probabilities",
        response=place,
        token=None if parameters.token_file is None else _token(Path(parameters.token_file)),
        timeout=timeout,
        retries=1,
        longest_wait=min(LONGEST_WAIT, timeout),
    )
    return BoundedEndpoint(endpoint, timeout=timeout, most_seconds=most_seconds)


class BoundedEndpoint:
    """An endpoint that never holds an assessment for longer than it may.

    Its own time-outs are for one read; headers that come byte by byte outlive them. So each question is
    asked in a thread that is given up when its time is over. After a question without an answer none is
    asked again.

    The first records are asked about again with every later question: what answers otherwise than before
    (another model, a lie, a limit that is not said) would be measured as if it were one model.

    Args:
        endpoint: what is asked.
        timeout: seconds for one question and its answer.
        most_seconds: seconds for all questions between two calls of :meth:`begin`.

    Attributes:
        classes, answer: as the endpoint's.
        seconds: spent on questions since :meth:`begin`.
    """

    def __init__(self, endpoint: HttpEndpoint, *, timeout: float, most_seconds: float) -> None:
        self.classes: Sequence[Any] = endpoint.classes
        self.answer: Answer = endpoint.answer
        self.seconds = 0.0
        self._endpoint, self._timeout, self._most = endpoint, timeout, most_seconds
        self._gave_up = ""
        self._watched: dict[Any, tuple[Any, np.ndarray]] = {}

    def begin(self) -> None:
        """Let a new section have its own time."""
        self.seconds = 0.0

    def ask(self, rows: Any) -> np.ndarray:
        """Return the answers about rows.

        Raises:
            TargetError: if it does not answer in time, answers something else, or answers otherwise than
                before about the same records.
        """
        found: list[Any] = []
        step = max(self._endpoint.batch - WATCHED, 1)
        for start in range(0, len(rows), step):
            found += self._watchfully(rows[start : start + step]).tolist()
        return checked_answers(found, self.answer)

    def close(self) -> None:
        """Close the connections."""
        self._endpoint.close()

    def _watchfully(self, rows: Any) -> np.ndarray:
        form = (type(rows), tuple(rows.columns) if isinstance(rows, pd.DataFrame) else np.shape(rows)[1:])
        if form not in self._watched:
            answers = self._in_time(rows)
            self._watched[form] = (rows[:WATCHED], answers[:WATCHED])
            return answers
        known, before = self._watched[form]
        both = pd.concat([known, rows]) if isinstance(rows, pd.DataFrame) else np.concatenate([known, rows])
        answers = self._in_time(both)
        if _changed(before, answers[: len(known)]) > DISAGREEMENT:
            self._gave_up = (
                "The endpoint answers otherwise than before about the same records: nothing can be told of a "
                "model that changes meanwhile. Ask one version of it, without noise."
            )
            raise TargetError(self._gave_up)
        return answers[len(known) :]

    def _in_time(self, rows: Any) -> np.ndarray:
        if self._gave_up:
            raise TargetError(self._gave_up)
        if self.seconds > self._most:
            raise TargetError(
                f"The endpoint is too slow: its answers took more than {self._most:g} seconds in all, and "
                "the section was ended."
            )
        found: list[Any] = []

        def exchange() -> None:
            try:
                found.append(self._endpoint.ask(rows))
            except Exception as error:
                found.append(error)

        begun = time.monotonic()
        worker = threading.Thread(target=exchange, daemon=True)
        worker.start()
        # Two attempts, what may be waited between them, and a moment.
        worker.join(2 * self._timeout + self._endpoint.longest_wait + 1)
        self.seconds += time.monotonic() - begun
        if not found:
            self._gave_up = (
                f"The endpoint did not finish an answer within {self._timeout:g} seconds and is not asked "
                "again."
            )
            raise TargetError(self._gave_up)
        if isinstance(found[0], UserError):
            sentence = str(found[0]).replace("at response=", "at the parameter 'answers'")
            sentence = sentence.replace("response=", "the parameter 'answers'")
            if "does not answer" in sentence:
                self._gave_up = sentence
            raise TargetError(sentence)
        if isinstance(found[0], Exception):
            raise TargetError(f"The endpoint cannot be asked ({type(found[0]).__name__}): check its address.")
        return found[0]


class _Decided:
    """Reads classes from the answers of an endpoint, whether it gives classes or probabilities.

    An attacker who is to see the class alone is shown no more, though the endpoint tells more.
    """

    def __init__(self, place: str, classes: Sequence[Any], threshold: float) -> None:
        self._read, self._classes, self._threshold = at_path(place), classes, threshold

    def __call__(self, value: Any) -> Any:
        answers = self._read(value)
        if not isinstance(answers, list) or all(self._is_class(one) for one in answers):
            return answers
        if not all(isinstance(one, list | int | float) for one in answers):
            return answers
        settings = {"classes": self._classes, "threshold": self._threshold}
        return open_target(lambda _: answers, **settings).labels(answers).tolist()

    def _is_class(self, answer: Any) -> bool:
        return not isinstance(answer, list | dict) and answer in self._classes


def _changed(before: np.ndarray, after: np.ndarray) -> float:
    """Return how much answers differ: of probabilities the mean, of classes the share."""
    if before.shape != after.shape:
        return 1.0
    if before.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            return float(np.nan_to_num(np.abs(before - after), nan=1.0).mean())
    return float(np.mean(before != after))


def as_number(text: Any) -> Any:
    """Return a class that is written as a whole number as that number."""
    return int(text) if isinstance(text, str) and text.lstrip("-").isdigit() else text


def _token(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_TOKEN_BYTES:
            raise ValueError
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise UserError("The file with the endpoint's token (token_file) cannot be read: check it.") from None
    if not text or len(text.split()) > 1 or not text.isprintable():
        raise UserError("The file with the endpoint's token (token_file) must hold one token and no more.")
    return text
