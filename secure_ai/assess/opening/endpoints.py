"""A scoring endpoint that is asked for a bounded time: one that hangs costs one wait, not one per section."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.attack.targets import HttpEndpoint, TargetError
from secure_ai.attack.targets.endpoint import LONGEST_WAIT, checked_answers
from secure_ai.attack.targets.target import Answer
from secure_ai.core import UserError

ANSWER_SECONDS = 10.0
ALL_SECONDS = 120.0
MOST_TOKEN_BYTES = 1 << 16


def open_endpoint(
    parameters: AssessmentParameters, *, timeout: float = ANSWER_SECONDS, most_seconds: float = ALL_SECONDS
) -> BoundedEndpoint:
    """Return the endpoint that ``model`` names; nothing is sent to it yet.

    Args:
        parameters: of the assessment.
        timeout: seconds for one question and its answer.
        most_seconds: seconds for all questions of one section.

    Raises:
        UserError: if the address is none of http or https, or the token cannot be read or sent.
    """
    endpoint = HttpEndpoint(
        str(parameters.model),
        classes=[as_number(one) for one in parameters.classes or (0, 1)],
        answer="labels" if parameters.labels_only else "probabilities",
        response=parameters.answers or "predictions",
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

    def begin(self) -> None:
        """Let a new section have its own time."""
        self.seconds = 0.0

    def ask(self, rows: Any) -> np.ndarray:
        """Return the answers about rows.

        Raises:
            TargetError: if it does not answer in time, or answers something else.
        """
        found: list[Any] = []
        for start in range(0, len(rows), self._endpoint.batch):
            found += list(self._in_time(rows[start : start + self._endpoint.batch]))
        return checked_answers(found, self.answer)

    def close(self) -> None:
        """Close the connections."""
        self._endpoint.close()

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
            if "does not answer" in str(found[0]):
                self._gave_up = str(found[0])
            raise found[0]
        if isinstance(found[0], Exception):
            raise TargetError(f"The endpoint cannot be asked ({type(found[0]).__name__}): check its address.")
        return found[0]


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
    if not text or len(text.split()) > 1:
        raise UserError("The file with the endpoint's token (token_file) must hold one token and no more.")
    return text
