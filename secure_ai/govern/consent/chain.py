"""The chained log under a consent ledger: read only whole, written with its witness, never behind in time."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from secure_ai.core.errors import UserError
from secure_ai.govern.consent.events import Epoch, Event, aware, chained, genesis, stored, word
from secure_ai.govern.consent.sqlite_store import SqliteStore
from secure_ai.govern.consent.standings import Standings
from secure_ai.govern.consent.witness import Row, Witness

DATABASE_ADDRESSES = ("postgresql://", "postgres://")
STOPPED = "nothing that rests on consent is allowed"


class Transaction(Protocol):
    """The one writer of a store."""

    def since(self, sequence: int) -> list[Row]: ...
    def insert(self, rows: Sequence[Row]) -> None: ...
    def keep_text(self, digest: str, content: str) -> None: ...
    def keep_people(self, run: str, people: bytes) -> None: ...


class ChainedLog:
    """Events of one ledger, folded into what stands.

    Args:
        where: a SQLite file or the address of a PostgreSQL database.
        key: of the chain.
        witness: file of the witness; None to do without.
        clock: gives the time.
        words: word of a purpose → basis; with ``former`` the vocabulary that the ledger must have. None where
            any will do, to adopt another.
        former: former name of a purpose → its word.
        timeout: seconds to wait for another writer.
    """

    def __init__(
        self,
        where: str | Path,
        *,
        key: bytes,
        witness: str | Path | None,
        clock: Callable[[], datetime],
        words: dict[str, str] | None,
        former: dict[str, str],
        timeout: float,
    ) -> None:
        self.store = _store(where, timeout)
        self.witness = None if witness is None else Witness(witness)
        self.lock = threading.RLock()
        self._key, self._clock, self._words, self._former = key, clock, words, former
        self._latest: datetime | None = None
        self._mac = ""
        self.standings = Standings(former)

    def create(self) -> None:
        """Begin an empty log.

        Raises:
            UserError: if ledger or witness are there already.
        """
        identifier = secrets.token_hex(16)
        if self.witness is not None:
            self.witness.create(identifier)
        try:
            self.store.create(identifier)
        except BaseException:
            if self.witness is not None:
                self.witness.path.unlink()
            raise

    def open(self) -> None:
        """Read and check the whole log.

        Raises:
            UserError: if it is missing, damaged, altered, behind, or the witness is another's.
        """
        with self.lock:
            self._begin()
            self.sync()

    @property
    def epoch(self) -> Epoch:
        """Where the log stood when it was last read."""
        return Epoch(self.standings.sequence, self._mac)

    def checked(self) -> list[Row]:
        """Return the rows that were read and checked, as they are now; refuse where they were altered."""
        again = ChainedLog.__new__(ChainedLog)
        again.__dict__.update(self.__dict__)
        again._begin()
        rows = self.store.since(1)[: self.standings.sequence]
        again._read(rows)
        if again._mac != self._mac:
            raise self._behind()
        return rows

    # ------------------------------------------------------------------ reading

    def sync(self) -> None:
        """Take in what was recorded since, by whomever.

        Raises:
            UserError: if the ledger is missing, damaged, altered or behind what this process, or the witness,
                has seen.
        """
        end = None if self.witness is None else self.witness.last()
        self._read(self.store.since(max(1, self.standings.sequence)))
        if end is not None and end != self._end:
            # Somebody may be between the two writes: only who holds the ledger sees both as they are.
            with self.changing():
                pass
        self._check_vocabulary()

    @contextmanager
    def changing(self) -> Iterator[Transaction]:
        """Hold the ledger as its one writer, whole and up to date with its witness."""
        with self.lock:
            self._written: list[Row] = []
            with self.store.writing() as transaction:
                self._read(transaction.since(max(1, self.standings.sequence)))
                if self.witness is not None and self.witness.last() != self._end:
                    raise self._behind()
                self._check_vocabulary()
                yield transaction
            # Committed: what this process wrote it has seen, and misses it in an old copy.
            self._read(self._written, continues=True)

    def append(self, transaction: Transaction, events: Sequence[Event]) -> None:
        """Chain and write events, once in a transaction: the witness has them before they are committed."""
        rows, mac, sequence = [], self._mac, self.standings.sequence
        for event in events:
            sequence += 1
            body = event.to_body()
            mac = chained(self._key, mac, sequence, body)
            rows.append((sequence, body, mac))
        transaction.insert(rows)
        if self.witness is not None:
            self.witness.append(rows)
        self._written = rows

    def event(self, kind: Any, actor: str, **fields: Any) -> Event:
        """Return an event of now."""
        return Event(kind=kind, time=stored(self.now()), actor=word(actor, "The actor"), **fields)

    def recover(self, *, replace_witness: bool = False) -> int:
        """Put into the ledger what only its witness has, or the other way round; return how many events.

        Both are beginnings of one history, which the chain proves, so the longer one is the newer one.

        Args:
            replace_witness: whether to write the witness anew from the ledger, where it is lost or damaged.
                What only the witness knew is lost then.

        Raises:
            UserError: if there is no witness, it has gaps, or the two tell different pasts.
        """
        if self.witness is None:
            raise UserError("A ledger without a witness has nothing to be caught up from: name its witness.")
        with self.lock:
            if replace_witness:
                self.witness.replace(self.store.ledger())
            self._begin()
            with self.store.writing() as transaction:
                kept = transaction.since(1)
                self._read(kept)
                rows = list(self.witness.rows())
                shorter = min(len(rows), len(kept))
                if [tuple(row) for row in rows[:shorter]] != [tuple(row) for row in kept[:shorter]]:
                    raise UserError(
                        f"The witness {self.witness.name} and the consent ledger {self.store.name} tell "
                        f"different pasts: {STOPPED}; put back copies from before they parted."
                    )
                added, lacking = rows[shorter:], kept[shorter:]
                if added:
                    self._read(added, continues=True)
                    transaction.insert(added)
                if lacking:
                    self.witness.append(lacking)
            return len(added) + len(lacking)

    def _begin(self) -> None:
        identifier = self.store.ledger()
        if self.witness is not None and self.witness.ledger() != identifier:
            raise UserError(
                f"The witness {self.witness.name} is damaged or belongs to another consent ledger: name the "
                "one of this ledger."
            )
        self.standings = Standings(self._former)
        self._mac = genesis(self._key, identifier)

    @property
    def _end(self) -> tuple[int, str]:
        return self.standings.sequence, self._mac if self.standings.sequence else ""

    def _read(self, rows: Sequence[Row], *, continues: bool = False) -> None:
        """Apply rows; unless they continue, the first is the last known one."""
        if self.standings.sequence and not continues:
            if not rows or rows[0][0] != self.standings.sequence or rows[0][2] != self._mac:
                raise self._behind()
            rows = rows[1:]
        for sequence, body, mac in rows:
            number = self.standings.sequence + 1
            try:
                if sequence != number or mac != chained(self._key, self._mac, number, body):
                    raise ValueError
                event = Event.from_body(body)
            except (ValueError, TypeError, AttributeError):
                raise UserError(
                    f"Event {number} of the consent ledger {self.store.name} is damaged, was altered, or the "
                    f"key is another ledger's: {STOPPED}."
                ) from None
            self.standings.apply(event)
            self._mac = mac

    def _check_vocabulary(self) -> None:
        # At each look: another process may have adopted another one, and withdraw under words not known here.
        adopted = (self.standings.words, self.standings.former_in_ledger)
        if self._words is not None and adopted != (self._words, self._former):
            raise UserError(
                f"The consent ledger {self.store.name} has another vocabulary of purposes: open it with that "
                "one, or adopt the new one with ConsentLedger.adopt()."
            )

    def _behind(self) -> UserError:
        return UserError(
            f"The consent ledger {self.store.name} does not fit what was recorded before (an old copy was "
            f"put back, or one was altered): {STOPPED}; see ConsentLedger.recover()."
        )

    # ------------------------------------------------------------------ time

    def now(self, at: datetime | None = None, zone: str = "UTC") -> datetime:
        """Return the moment that counts: never before one that was seen, or that an event was recorded at."""
        told = aware(self._clock(), "The time of the ledger's clock")
        moments = (told, self._latest, self.standings.last_time)
        self._latest = max(moment for moment in moments if moment is not None)
        return self._latest if at is None else max(self._latest, aware(at, "The moment asked about", zone))

    def record_expiry(self) -> None:
        """Be up to date, and record what has expired, so that a clock that is put back does not revive it."""
        self.sync()
        if not self.standings.due(self.now()):
            return
        with self.changing() as transaction:
            events = [
                self.event(
                    "expired", "ledger", person=person, purpose=purpose, expires=stored(decision.expires)
                )
                for person, purpose, decision in self.standings.due(self.now())
            ]
            if events:
                self.append(transaction, events)
        self.sync()


def _store(where: str | Path, timeout: float) -> Any:
    if isinstance(where, str) and where.startswith(DATABASE_ADDRESSES):
        from secure_ai.govern.consent.postgresql_store import PostgresqlStore

        return PostgresqlStore(where, timeout=timeout)
    if not isinstance(where, str | Path) or "://" in str(where):
        raise UserError("A consent ledger is a SQLite file or an address that starts with postgresql://.")
    return SqliteStore(where, timeout=timeout)
