"""One commit: events are chained to the last entry, and the new end is signed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from secure_ai.core.errors import UserError
from secure_ai.monitor.trail.entries import EVENT_ID, HASH, PREVIOUS, DuplicateEvent, Row, body_of, chained
from secure_ai.monitor.trail.signatures import (
    NOTHING,
    VERSION,
    Checkpoint,
    Head,
    Header,
    is_signed,
    public_key_line,
    sign,
)
from secure_ai.monitor.trail.store import Conflict, Store, Transaction
from secure_ai.monitor.trail.waiting import Work


class Receipt(NamedTuple):
    """An event is kept.

    Attributes:
        sequence: its place in the trail, from 1.
        hash: of everything up to it, 64 hexadecimal digits.
        known: whether it had been there before, with the same identifier and content.
    """

    sequence: int
    hash: str
    known: bool = False


class Committer:
    """Chains, signs and writes; one thread at a time.

    Args:
        store: where to.
        header: of the trail.
        key: signs.
        every: how many entries between two checkpoints.
        clock: gives the time of checkpoints.
    """

    def __init__(
        self, store: Store, header: Header, key: Ed25519PrivateKey, every: int, clock: Callable[[], datetime]
    ) -> None:
        self._store, self._header, self._key, self._clock = store, header, key, clock
        self.name, self._every = store.name, every
        self._public = key.public_key()
        self._last: Head | None = None
        self._checkpoint: Checkpoint | None = None

    def sign_checkpoint(self) -> Head:
        """Write a checkpoint, if there are entries since the last; return the head."""
        with self._store.transaction() as transaction:
            head = self._trusted(transaction.head())
            last = self._last_checkpoint(transaction, head)
            if head.sequence > (last.sequence if last else 0):
                last = self._made_checkpoint(head, last)
                transaction.insert_checkpoint(last)
                head = self._signed(self._naming(head, last))
                transaction.set_head(head)
        self._last, self._checkpoint = head, last
        return head

    def commit(
        self, take: Callable[[], Sequence[Work]]
    ) -> tuple[Head, Sequence[Work], list[list[Receipt] | Exception]]:
        """Write events; return the new head, and for each work its receipts or why it was refused.

        Args:
            take: gives what is to be written; called once, when the database is ours, because events still
                arrive while other processes write.

        Raises:
            UserError: if nothing could be written.
        """
        # Identifiers that are there already are rare: they are looked for once the database has objected.
        taken: list[Work] = []
        try:
            return self._attempt(lambda: taken.extend(take()) or taken, look=False)
        except Conflict:
            pass
        try:
            return self._attempt(lambda: taken, look=True)
        except Conflict:
            raise UserError(
                f"The audit trail {self.name} has entries behind its end that nobody signed: run "
                "verify_trail on it; nothing was written."
            ) from None

    def _attempt(
        self, take: Callable[[], list[Work]], *, look: bool
    ) -> tuple[Head, list[Work], list[list[Receipt] | Exception]]:
        with self._store.transaction() as transaction:
            head = self._trusted(transaction.head())
            works = take()
            rows, results = self._chain(transaction if look else None, head, works)
            checkpoint = self._last_checkpoint(transaction, head)
            if rows:
                transaction.insert(rows)
                head = replace(head, sequence=rows[-1][0], hash=rows[-1][HASH])
                if head.sequence - (checkpoint.sequence if checkpoint else 0) >= self._every:
                    checkpoint = self._made_checkpoint(head, checkpoint)
                    transaction.insert_checkpoint(checkpoint)
                    head = self._naming(head, checkpoint)
                head = self._signed(head)
                transaction.set_head(head)
        self._last, self._checkpoint = head, checkpoint
        return head, works, results

    def _chain(
        self, transaction: Transaction | None, head: Head, works: list[Work]
    ) -> tuple[list[Row], list[list[Receipt] | Exception]]:
        known = {}
        if transaction is not None:
            ids = [event.values[EVENT_ID] for work in works for event in work.events]
            there = transaction.known(filter(None, ids))
            known = {name: (row[0], row[HASH], body_of(row[1:PREVIOUS])) for name, row in there.items()}
        rows, results = [], []
        sequence, previous = head.sequence, head.hash
        for work in works:
            start, new, receipts = (sequence, previous), {}, []
            first = len(rows)
            for values, body in work.events:
                event_id = values[EVENT_ID]
                same = (known.get(event_id) or new.get(event_id)) if event_id else None
                if same is not None:
                    if same[2] != body:
                        receipts = _duplicate(event_id, same[0])
                        break
                    receipts.append(Receipt(same[0], same[1].hex(), known=True))
                    continue
                sequence += 1
                digest = chained(previous, sequence, body)
                rows.append((sequence, *values, previous, digest))
                previous = digest
                receipts.append(Receipt(sequence, digest.hex()))
                if event_id:
                    new[event_id] = (sequence, digest, body)
            if isinstance(receipts, Exception):
                del rows[first:]
                sequence, previous = start
            else:
                known.update(new)
            results.append(receipts)
        return rows, results

    def _trusted(self, head: Head | None) -> Head:
        """Return the head if a writer signed it and it is no older one than this writer has seen."""
        if head is not None and head == self._last:
            return head
        if head is None or not is_signed(self._public, head.message(self._header.log_id), head.signature):
            raise UserError(
                f"The end of the audit trail {self.name} is not what a writer signed: somebody changed it; "
                "nothing was written, run verify_trail on it."
            )
        if self._last is not None and head.sequence < self._last.sequence:
            raise UserError(
                f"The audit trail {self.name} ends at entry {head.sequence} and had {self._last.sequence}: "
                "an older copy was put back; nothing was written, run verify_trail on it."
            )
        return head

    def _signed(self, head: Head) -> Head:
        return replace(head, signature=sign(self._key, head.message(self._header.log_id)))

    def _naming(self, head: Head, checkpoint: Checkpoint) -> Head:
        return replace(head, checkpoints=checkpoint.number, checkpoint=checkpoint.digest(self._header.log_id))

    def _last_checkpoint(self, transaction: Transaction, head: Head) -> Checkpoint | None:
        if not head.checkpoints:
            return None
        if self._checkpoint is None or self._checkpoint.number != head.checkpoints:
            last = transaction.last_checkpoint()
            if last is None or last.digest(self._header.log_id) != head.checkpoint:
                raise UserError(
                    f"The last checkpoint of the audit trail {self.name} is not the one that its head names: "
                    "somebody changed it; nothing was written, run verify_trail on it."
                )
            return last
        return self._checkpoint

    def _made_checkpoint(self, head: Head, last: Checkpoint | None) -> Checkpoint:
        made = Checkpoint(
            (last.number if last else 0) + 1,
            head.sequence,
            head.hash,
            last.digest(self._header.log_id) if last else NOTHING,
            self._clock().astimezone(UTC).isoformat(timespec="milliseconds"),
        )
        return replace(made, signature=sign(self._key, made.message(self._header.log_id)))


def _duplicate(event_id: str, sequence: int) -> DuplicateEvent:
    return DuplicateEvent(
        f"Entry {sequence} of the audit trail has the identifier {event_id[:60]!r}, too, and is another "
        "event: give each event an identifier of its own."
    )


def new_header(key: Ed25519PrivateKey, log_id: str, clock: Callable[[], datetime]) -> tuple[Header, Head]:
    """Return the signed header and head of an empty trail."""
    created = clock().astimezone(UTC).isoformat(timespec="milliseconds")
    header = Header(VERSION, log_id, public_key_line(key), created)
    header = replace(header, signature=sign(key, header.message()))
    head = Head(0, header.genesis(), 0, NOTHING)
    return header, replace(head, signature=sign(key, head.message(log_id)))
