"""The audit trail: events are appended, chained and signed, and acknowledged once they are on the disk.

``AuditLog(store=open_trail(...))`` is the one function with which every room records. Each commit takes all
events that threads have handed in by then, chains them to the last entry and signs the new head, so not even
the newest entry can be changed by one who has the database but not the signing key.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.audit import AuditEvent, utc_now
from secure_ai.core.errors import UserError
from secure_ai.monitor.trail.committing import Committer, Receipt
from secure_ai.monitor.trail.entries import Entry, Prepared, each_once, entries_to_frame, prepare
from secure_ai.monitor.trail.queries import conditions as query_conditions
from secure_ai.monitor.trail.signatures import Checkpoint, Head, Header
from secure_ai.monitor.trail.store import Store
from secure_ai.monitor.trail.waiting import Work
from secure_ai.monitor.trail.witness import Witness

if TYPE_CHECKING:
    import pandas as pd

MOST_AT_ONCE = 2_000  # events in one commit, so that no writer keeps the others waiting for long
MOST_WAITING = 20_000  # submitted events before the submitter has to help writing


class Trail:
    """An open audit trail; made by :func:`secure_ai.monitor.trail.open_trail`, a context manager.

    Attributes:
        header: what the trail is; its ``public_key`` is what auditors need.
        where: the file or address that it was opened at; an address may hold a password.
    """

    def __init__(
        self,
        store: Store,
        header: Header,
        *,
        signing_key: Ed25519PrivateKey | None = None,
        checkpoint_every: int = 1_000,
        witness: Path | None = None,
        clock: Callable[[], datetime] = utc_now,
        where: str | Path = "",
    ) -> None:
        self.header, self.where = header, where
        self._store = store
        self._committer = (
            None if signing_key is None else Committer(store, header, signing_key, checkpoint_every, clock)
        )
        self._witness = None if witness is None else Witness(witness, header.log_id)
        self._witnessed = 0
        self._closed = False
        self._trouble = ""
        self._start_in_this_process()

    def _start_in_this_process(self) -> None:
        self._pid = os.getpid()
        self._waiting: list[Work] = []
        self._queue_lock, self._write_lock = threading.Lock(), threading.Lock()
        self._wake, self._done = threading.Event(), threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def name(self) -> str:
        """What the trail is called in messages."""
        return self._store.name

    @property
    def durability(self) -> str:
        """What an acknowledgment means, in a sentence."""
        return self._store.durability()

    @property
    def trouble(self) -> str:
        """What does not work although events are kept, such as a witness that cannot be written; or empty."""
        return self._trouble

    # Writing

    def append(self, event: AuditEvent) -> Receipt:
        """Keep an event; return once it would survive a power cut.

        Events of several threads that come at the same time share one commit. An event with the identifier
        of one that is there, and the same content, is not kept twice: the receipt is that of the first.

        Raises:
            UserError: if it could not be kept; then it is not in the trail, and the action must not happen.
            DuplicateEvent: if another event has its identifier.
        """
        return self._hand_in((prepare(event),), wait=True, single=True).result()

    def append_many(self, events: Iterable[AuditEvent]) -> list[Receipt]:
        """Keep events in one commit: all of them, or none.

        Raises:
            UserError: if one of them could not be kept, as with ``append``.
        """
        prepared = [prepare(event) for event in events]
        return self._hand_in(prepared, wait=True).result() if prepared else []

    def submit(self, event: AuditEvent) -> Future[Receipt]:
        """Hand in an event; the future is done once it would survive a power cut, or has the exception.

        An event whose future is not done may be lost where the process ends without ``close``.

        Raises:
            RefusedEvent: if it cannot be kept as it is.
        """
        return self._hand_in((prepare(event),), wait=False, single=True)

    def checkpoint(self) -> None:
        """Sign and witness the state now, where there are entries since the last checkpoint.

        Call it on a timer where few events come: what the witness has seen cannot be cut off unnoticed.

        Raises:
            UserError: if it cannot be written.
        """
        self._may_write()
        self.flush()
        self._sign_checkpoint()

    def _sign_checkpoint(self) -> None:
        with self._write_lock:
            self._tell_witness(self._committer.sign_checkpoint())

    def flush(self) -> None:
        """Write what has been submitted."""
        while self._waiting:
            with self._write_lock:
                self._write_some()

    def close(self) -> None:
        """Write what was submitted, sign the end, tell the witness, and close the database.

        Raises:
            UserError: if something of that failed, the witness included; the database is closed all the same.
        """
        with self._queue_lock:
            if self._closed:
                return
            self._closed = True
        try:
            if self._committer is not None and self._pid == os.getpid():
                self.flush()
                self._sign_checkpoint()
        finally:
            self._wake.set()
            if self._pid == os.getpid():
                with self._write_lock:  # SQLite must not be closed under the hands of the thread that writes.
                    self._store.close()
        if self._trouble:
            raise UserError(self._trouble)

    def __enter__(self) -> Trail:
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        if kind is None:
            self.close()
        else:
            with suppress(UserError):  # The exception of the block is what counts.
                self.close()

    # Reading

    def read(
        self,
        *,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        outcome: str | None = None,
        purpose: str | None = None,
        model: str | None = None,
        event_id: str | None = None,
        alert: bool | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Entry]:
        """Return the entries that meet all conditions, in order of arrival, one at a time.

        Args:
            since: earliest time of the events, this moment included; with a zone.
            until: latest time, this moment excluded; with a zone.
            actor, action, target, outcome, purpose, model, event_id, alert: the field has this value.
            after: only entries with a higher sequence number.
            limit: at most so many.

        Raises:
            UserError: if a time has no zone, or an entry is not what was written.
        """
        same = {
            "actor": actor, "action": action, "target": target, "outcome": outcome, "purpose": purpose,
            "model": model, "event_id": event_id, "alert": None if alert is None else int(alert),
        }  # fmt: skip
        return each_once(self._store.rows(query_conditions(since, until, after, same), limit))

    def to_frame(self, **conditions: object) -> pd.DataFrame:
        """Return the entries that meet the conditions of ``read`` as a table.

        Columns: sequence, those of the events (their details as columns of their own), and ``clock_back``:
        whether an event that arrived earlier has a later time.
        """
        return entries_to_frame(self.read(**conditions))

    def checkpoints(self) -> list[Checkpoint]:
        """Return the checkpoints as they stand in the database, unchecked."""
        return list(self._store.checkpoints())

    def count(self) -> int:
        """Return how many entries there are, as the head of the trail says, unchecked."""
        head = self._store.head()
        return head.sequence if head else 0

    # The writer

    def _hand_in(self, events: Sequence[Prepared], *, wait: bool, single: bool = False) -> Work:
        self._may_write()
        work = Work(events, self._done, single=single)
        with self._queue_lock:
            self._refuse_if_closed()
            self._waiting.append(work)
            many = len(self._waiting) > MOST_WAITING
        if wait or many:
            # Whoever gets the lock writes for all; the others find their work done when they get it.
            while not work.done():
                with self._write_lock:
                    if not work.done():
                        self._write_some()
        else:
            self._wake_writer()
        return work

    def _may_write(self) -> None:
        if self._committer is None:
            raise UserError(
                f"The audit trail {self.name} was opened to be read: open it with signing_key to record."
            )
        self._refuse_if_closed()
        if self._pid != os.getpid():
            # A child after a fork: connection, locks and what waits belong to the parent.
            self._store.reopen()
            self._start_in_this_process()

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise UserError(f"The audit trail {self.name} has been closed: open it again to record.")

    def _wake_writer(self) -> None:
        if self._thread is None:
            with self._queue_lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._write_when_woken, daemon=True)
                    self._thread.start()
        if not self._wake.is_set():
            self._wake.set()

    def _write_when_woken(self) -> None:
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            while self._waiting:
                with self._write_lock:
                    self._write_some()

    def _write_some(self) -> None:
        """Commit what waits; the exception, if any, goes to those who wait for it."""
        if not self._waiting:
            return  # Somebody else has written it, and the trail may have been closed since.
        taken: list[Work] = []

        def take() -> list[Work]:
            taken.extend(self._taken())
            return taken

        try:
            head, works, results = self._committer.commit(take)
        except BaseException as error:
            for work in taken or self._taken():
                work.finish(error)
            if not isinstance(error, Exception):
                raise
            return
        for work, result in zip(works, results, strict=True):
            work.finish(result)
        self._tell_witness(head)

    def _taken(self) -> list[Work]:
        """Take what is to be in the next commit out of what waits."""
        with self._queue_lock:
            place = count = 0
            for place, work in enumerate(self._waiting, start=1):  # noqa: B007
                count += len(work.events)
                if count >= MOST_AT_ONCE:
                    break
            works, self._waiting = self._waiting[:place], self._waiting[place:]
            return [work for work in works if work.set_running_or_notify_cancel()]

    def _tell_witness(self, head: Head) -> None:
        """Give the witness what it has not seen; events are kept all the same where that fails."""
        if self._witness is None or head.checkpoints <= self._witnessed:
            return
        try:
            last = self._witness.last()
            newer = self._store.checkpoints(last.number if last else 0)
            self._witnessed = self._witness.catch_up(newer)
            self._trouble = ""
        except UserError as error:
            if not self._trouble:
                warnings.warn(f"{error} Events are kept meanwhile.", stacklevel=2)
            self._trouble = str(error)
