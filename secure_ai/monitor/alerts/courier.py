"""Brings what lies in the outbox to one sink: critical first, in order, at least once, never in the way."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from secure_ai.core.yaml_files import Strict
from secure_ai.monitor.alerts.message import Message
from secure_ai.monitor.alerts.sinks import Sink, SinkError, SinkRefused
from secure_ai.monitor.alerts.store import CRITICAL, AlertStore

logger = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0


class Retry(Strict):
    """How a failed delivery is tried again.

    After each failure in a row the wait doubles, up to ``longest_seconds``, times a seeded factor of 0.5
    to 1, so that many desks do not come back at once. After ``breaker_after`` failures the circuit breaker
    opens: nothing is tried for ``cool_down_seconds``, then a single attempt decides. A message that the
    other side refuses is set aside after ``refusals`` attempts, so that it does not block the others.
    """

    first_seconds: Annotated[float, Field(gt=0, le=3600)] = 1.0
    longest_seconds: Annotated[float, Field(gt=0, le=86_400)] = 300.0
    breaker_after: Annotated[int, Field(ge=1)] = 5
    cool_down_seconds: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    refusals: Annotated[int, Field(ge=1)] = 3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the delivery to one sink stands.

    Attributes:
        sink: its name.
        waiting: messages that are not delivered yet; they stay in the store.
        delivered: messages that it has.
        refused: messages that it does not want; set aside in the store.
        failures: failed attempts in a row.
        problem: why the last attempt failed; empty if it did not.
        breaker_open: whether nothing is tried for now.
        busy_seconds: how long the present attempt has taken; 0 between attempts.
        configured: whether the desk has this sink now.
    """

    sink: str
    waiting: int
    delivered: int
    refused: int
    failures: int = 0
    problem: str = ""
    breaker_open: bool = False
    busy_seconds: float = 0.0
    configured: bool = True

    def sentence(self) -> str:
        """Return how it stands, in one sentence."""
        text = f"{self.sink}: {self.delivered:,} delivered, {self.waiting:,} waiting"
        if self.refused:
            text += f", {self.refused:,} refused and set aside"
        if not self.configured:
            text += "; this sink is no longer in the settings, so nothing is tried"
        elif self.problem and self.failures:
            text += (
                f"; {self.problem}, {self.failures:,} {'time' if self.failures == 1 else 'times'} in a row"
            )
            text += ", paused by the circuit breaker" if self.breaker_open else ""
        return text + "."


class Courier:
    """Delivers to one sink; :meth:`step` does one attempt, in whichever thread calls it.

    Args:
        store: where the outbox is.
        sink: where to.
        retry: how often and when.
        monotonic: seconds for waits.
    """

    def __init__(
        self, store: AlertStore, sink: Sink, retry: Retry, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._sink, self._retry, self._monotonic = store, sink, retry, monotonic
        # The name in the seed: sinks of one desk do not come back at the same moment either.
        self._random = random.Random(f"{retry.seed} {sink.name}")
        self._not_before = float("-inf")
        self._started: float | None = None
        self._sent: int | None = None
        self.failures, self.problem = 0, ""

    def step(self) -> float | None:
        """Try to deliver the oldest message that waits; critical ones come before all others.

        A backlog of small ones, or one of them that the other side chokes on, delays no critical one.

        Returns:
            Seconds to wait before the next step, 0 after a success; None if nothing waits.

        Raises:
            UserError: if the store cannot be read.
        """
        wait = self._not_before - self._monotonic()
        if wait > 0:
            return wait
        rows = self._store.run(
            f"SELECT seq, body, attempts FROM outbox WHERE sink = ? AND {CRITICAL} ORDER BY seq LIMIT 1",
            self._sink.name,
        ) or self._store.run(
            "SELECT seq, body, attempts FROM outbox WHERE sink = ? AND state = 'waiting' "
            "ORDER BY seq LIMIT 1",
            self._sink.name,
        )
        if not rows:
            return None
        seq, body, attempts = rows[0]
        problem, refused = self._attempt(seq, body)
        if not problem:
            self._settle(seq, "delivered", attempts + 1, "")
            self._sent = None
        elif refused and attempts + 1 >= self._retry.refusals:
            logger.warning("The sink %s refuses a message (%s): it is set aside.", self._sink.name, problem)
            self._settle(seq, "refused", attempts + 1, problem)
        else:
            return self._failed(seq, attempts + 1, problem)
        self.failures, self.problem, self._not_before = 0, "", float("-inf")
        return 0.0

    def _attempt(self, seq: int, body: str) -> tuple[str, bool]:
        """Return why a message was not delivered (empty if it was), and whether it was refused."""
        if self._sent == seq:
            return "", False  # Delivered before; only the store could not say so.
        self._started = self._monotonic()
        try:
            self._sink.send(Message.read(body))
        except SinkError as error:
            return str(error), isinstance(error, SinkRefused)
        except Exception as error:
            # Its words may hold anything; its type does not.
            return f"it fails with {type(error).__name__}", False
        finally:
            self._started = None
        self._sent = seq
        return "", False

    def _settle(self, seq: int, state: str, attempts: int, problem: str) -> None:
        self._store.run(
            "UPDATE outbox SET state = ?, attempts = ?, problem = ? WHERE seq = ?",
            state,
            attempts,
            problem,
            seq,
        )

    def _failed(self, seq: int, attempts: int, problem: str) -> float:
        self.failures += 1
        if not self.problem:
            logger.warning("The sink %s does not take alerts: %s; they wait.", self._sink.name, problem)
        self.problem = problem
        wait = min(self._retry.first_seconds * 2.0 ** min(self.failures - 1, 60), self._retry.longest_seconds)
        wait *= self._random.uniform(0.5, 1.0)
        if self.breaker_open:
            wait = max(wait, self._retry.cool_down_seconds)
        self._not_before = self._monotonic() + wait
        self._settle(seq, "waiting", attempts, problem)
        return wait

    @property
    def breaker_open(self) -> bool:
        """Whether so many attempts failed in a row that nothing is tried for a while."""
        return self.failures >= self._retry.breaker_after

    def delivery(self) -> Delivery:
        """Return how the delivery stands."""
        started = self._started
        return Delivery(
            self._sink.name, *counts_of(self._store, self._sink.name), self.failures, self.problem,
            self.breaker_open, 0.0 if started is None else self._monotonic() - started,
        )  # fmt: skip


def counts_of(store: AlertStore, sink: str) -> tuple[int, int, int]:
    """Return how many messages of a sink are waiting, delivered and refused."""
    counts = dict(store.run("SELECT state, count(*) FROM outbox WHERE sink = ? GROUP BY state", sink))
    return counts.get("waiting", 0), counts.get("delivered", 0), counts.get("refused", 0)


class Worker(threading.Thread):
    """A thread that runs one courier, so that a sink that hangs holds up nobody else."""

    def __init__(self, courier: Courier) -> None:
        super().__init__(name="alert courier", daemon=True)
        self._courier, self._wake, self._leave, self._stop_now = courier, threading.Event(), False, False

    def wake(self) -> None:
        """Say that something was put into the outbox."""
        self._wake.set()

    def leave(self) -> None:
        """Finish what can be delivered without waiting, then end."""
        self._leave = True
        self._wake.set()

    def stop(self) -> None:
        """End after the present attempt."""
        self._stop_now = True
        self.leave()

    def run(self) -> None:
        """Deliver until told to stop."""
        while not self._stop_now:
            self._wake.clear()
            try:
                wait = self._courier.step()
            except Exception as error:
                # The store is full or closed: what waits is still in it, and the thread must live on.
                if not self._stop_now:
                    logger.warning("Alerts could not be delivered for now (%s).", type(error).__name__)
                wait = _PAUSE_SECONDS
            if wait == 0:
                continue
            if self._leave:
                return
            self._wake.wait(wait)
