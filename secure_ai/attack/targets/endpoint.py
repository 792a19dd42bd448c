"""The kit's own scoring service as a target: a registered account that asks more than it should."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.targets.errors import TargetError
from secure_ai.attack.targets.target import ANSWERS, Answer
from secure_ai.core.errors import UserError
from secure_ai.encrypt.transport.scoring_client import TooMany
from secure_ai.encrypt.transport.scoring_connection import ScoringConnection
from secure_ai.encrypt.transport.sockets import Address
from secure_ai.encrypt.transport.tls import CertificateError, TlsFiles

BATCH = 500
LONGEST_WAIT = 5.0
LEAST_WAIT = 0.1


class ScoringEndpoint:
    """The kit's scoring service (:mod:`secure_ai.access.scoring`) as something that an attack asks.

    Args:
        address: where it listens.
        tls: the attacker's certificate and key: an account that is registered.
        purpose: the purpose that is declared.
        server_name: the name that the server's certificate must carry.
        batch: rows in one question.
        timeout: seconds for one question and its answer.
        longest_wait: seconds at most to wait in all where the limit of the account is reached; then the
            attack ends.
        sleep: waits.

    Attributes:
        classes: what the model tells apart.
        answer: what the account gets: ``"probabilities"`` or ``"labels"``.
        columns: the fields of a record.
        waited: seconds that limits have cost so far.

    Raises:
        TargetError: if it cannot be reached, or does not say which classes it tells apart.
        CertificateError: if the files cannot be used.
    """

    def __init__(
        self,
        address: Address | tuple[str, int],
        tls: TlsFiles,
        *,
        purpose: str,
        server_name: str = "localhost",
        batch: int = BATCH,
        timeout: float = 10.0,
        longest_wait: float = LONGEST_WAIT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.purpose, self.batch, self.longest_wait = purpose, checked_batch(batch), longest_wait
        self.waited, self._sleep = 0.0, sleep
        self._connection = ScoringConnection(address, tls, server_name=server_name, timeout=timeout)
        told = self._asked(self._connection.model)
        classes, columns, answer = (told.get(name) for name in ("classes", "columns", "answer"))
        if (
            not isinstance(classes, list)
            or not all(isinstance(one, (str, int, float)) for one in classes)
            or not isinstance(columns, list)
            or answer not in ANSWERS
        ):
            self.close()
            raise TargetError("The service does not say which classes and columns it has: check the address.")
        self.classes: Sequence[Any] = classes
        self.columns: tuple[str, ...] = tuple(map(str, columns))
        self.answer: Answer = answer

    def __repr__(self) -> str:
        return f"ScoringEndpoint({self._connection!r}, {self.answer})"

    def __enter__(self) -> ScoringEndpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def ask(self, rows: Any) -> np.ndarray:
        """Return what the service answers: probabilities (rows x classes) or labels (rows).

        Raises:
            TargetError: if it does not answer, refuses, or answers something else.
        """
        columns, values = table_of(rows, self.columns)
        found: list[Any] = []
        for start in range(0, len(values), self.batch):
            part = values[start : start + self.batch]
            given = self._asked(lambda part=part: self._connection.scores(columns, part, self.purpose))
            answers = given.get("answers")
            if not isinstance(answers, list) or len(answers) != len(part):
                raise TargetError(
                    f"The service was asked about {len(part):,} rows and answered about "
                    f"{len(answers) if isinstance(answers, list) else 'none'}."
                )
            found += answers
        return checked_answers(found, self.answer)

    def _asked(self, question: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        while True:
            try:
                return question()
            except TooMany as error:
                wait = error.retry_after
                if wait is None or self.waited + wait > self.longest_wait:
                    raise TargetError(
                        f"The limit of the account is reached: {error} The attack waits "
                        f"{self.longest_wait:g} seconds in all."
                    ) from None
                # A service that says "now" and means "not yet" must not be asked for ever.
                wait = max(wait, LEAST_WAIT)
                self.waited += wait
                self._sleep(wait)
            except CertificateError:
                raise
            except UserError as error:
                raise TargetError(f"The service does not answer: {error}") from None


def table_of(rows: Any, columns: Sequence[str] | None) -> tuple[tuple[str, ...], list[list[Any]]]:
    """Return the names and values of rows; those of an array are named ``columns``, or x0, x1, ..."""
    if isinstance(rows, pd.DataFrame):
        names = tuple(map(str, rows.columns))
        return names, rows.astype(object).to_numpy().tolist()
    array = np.asarray(rows)
    array = array.reshape(len(array), -1)
    names = tuple(f"x{place}" for place in range(array.shape[1])) if columns is None else tuple(columns)
    if len(names) != array.shape[1]:
        raise TargetError(
            f"The rows have {array.shape[1]} values and the endpoint takes {len(names)} columns."
        )
    return names, array.tolist()


def checked_answers(found: list[Any], answer: Answer) -> np.ndarray:
    """Return answers as an array.

    Raises:
        TargetError: if they are neither probabilities nor classes; how many and which is for the target.
    """
    if answer == "labels":
        if not all(isinstance(one, (str, int, float, bool)) for one in found):
            raise TargetError("The endpoint gives something else than one class for each row.")
        return np.asarray(found) if len(set(map(type, found))) == 1 else np.asarray(found, dtype=object)
    try:
        return np.asarray(found, dtype=float)
    except (TypeError, ValueError):
        raise TargetError("The endpoint gives probabilities that are no numbers, or not as many.") from None


def checked_batch(batch: int) -> int:
    """Return how many rows one question has.

    Raises:
        UserError: if it is no whole number above 0.
    """
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise UserError(f"batch={batch!r}: give a whole number of rows, 1 or more.")
    return batch
