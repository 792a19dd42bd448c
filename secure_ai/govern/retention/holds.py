"""Legal holds: what must not be deleted while a matter is open, who said so, and who released it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.core.audit import AuditLog, recorded_refusals, utc_now
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.estate.store import Block, Holding
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.retention.hold import (
    ACTOR,
    MATTER,
    Hold,
    listed,
    matching,
    plain_hold,
    pseudonym_of,
    read_hold,
    reason_of,
    same_account,
)
from secure_ai.govern.retention.hold_chain import HoldChain
from secure_ai.govern.retention.periods import checked_day
from secure_ai.govern.retention.rules import SECTORS, data_classes

if TYPE_CHECKING:
    import pandas as pd

_NUMBER = re.compile(r"HOLD-\d{1,9}", re.ASCII)


class Holds:
    """The ledger of legal holds, in a SQLite file or in memory; a :class:`Blocker`.

    Entries are only ever added, each with the SHA-256 of itself and the one before, and are read only whole:
    a ledger that was changed or lost an entry answers nothing. Persons stand in it by pseudonym. A hold ends
    when a second person releases it; the day on which it is to be looked at again (``review_by``) does not
    end it.

    Args:
        path: the ledger's file, made with :meth:`create`; None for memory alone.
        witness: file that has every entry once more, kept where nobody restores it together with the ledger:
            an old copy that is put back lacks holds, which shows against it alone.
        audit: where decisions are recorded before they take effect, and refusals.
        clock: gives the time, with zone.
        classes: the known classes of data; those of both sectors if None.

    Raises:
        UserError: if the file is missing (a lost ledger is put back, never begun anew), cannot be used, is no
            such ledger, or was changed.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        witness: str | Path | None = None,
        audit: AuditLog | None = None,
        clock: Callable[[], datetime] = utc_now,
        classes: Collection[str] | None = None,
    ) -> None:
        self._audit, self._clock = audit, clock
        self._known = frozenset(classes or (name for sector in SECTORS for name in data_classes(sector)))
        self._chain = HoldChain(path, witness)

    @classmethod
    def create(cls, path: str | Path, *, witness: str | Path | None = None, **options: Any) -> Holds:
        """Make a new ledger without holds, and open it.

        Args:
            path, witness: as for the class.
            options: audit, clock, classes.

        Raises:
            UserError: if ledger or witness are there already, or cannot be made.
        """
        HoldChain.create(path, witness)
        return cls(path, witness=witness, **options)

    @staticmethod
    def recover(path: str | Path, *, witness: str | Path) -> int:
        """Catch up an old copy of a ledger from its witness; return how many entries were missing.

        Raises:
            UserError: if one of them cannot be used, or they tell different pasts.
        """
        return HoldChain.recovered(path, witness)

    def place(
        self,
        *,
        matter: str,
        reason: str,
        by: str,
        persons: Iterable[Subject | str] = (),
        data_classes: Iterable[str] = (),
        everything: bool = False,
        records_from: date | None = None,
        records_to: date | None = None,
        review_by: date | None = None,
        people: Any = None,
    ) -> Hold:
        """Forbid deletion from now on and return the hold.

        Args:
            matter: reference of the matter, such as a docket number; no names.
            reason: why, in at least ten characters.
            by: account of who decides.
            persons: whose data, as subjects; with ``people`` also as pseudonyms. None given: everybody's.
            data_classes: which classes; none given: all.
            everything: must be True to hold all data of everybody, and names neither persons nor classes.
            records_from, records_to: only records of these days.
            review_by: when to look again whether it is needed.
            people: of the estate (:class:`~secure_ai.govern.estate.people.People`): who is not among them is
                refused, for a hold on a stranger protects nobody.

        Raises:
            UserError: if matter, reason or actor is missing, a person or class is unknown, an end lies
                before its start, or neither persons nor classes are named without ``everything``.
        """
        with self._refusals("place hold", self._chain.name, by):
            return self._place(
                matter=matter, reason=reason, by=by, persons=persons, data_classes=data_classes,
                everything=everything, days=(records_from, records_to, review_by), people=people,
            )  # fmt: skip

    def _place(
        self,
        *,
        matter: str,
        reason: str,
        by: str,
        persons: Any,
        data_classes: Any,
        everything: Any,
        days: tuple[date | None, date | None, date | None],
        people: Any,
    ) -> Hold:
        records_from, records_to, review_by = days
        matter, actor = matching(matter, MATTER, "matter"), matching(by, ACTOR, "account")
        reason = reason_of(reason, "hold")
        names = frozenset(pseudonym_of(person, people) for person in listed(persons, "persons"))
        classes = frozenset(
            name if isinstance(name, str) else "?" for name in listed(data_classes, "data_classes")
        )
        if unknown := sorted(shown(str(name)) for name in classes - self._known):
            raise UserError(
                f"The class '{unknown[0]}' is unknown: choose from {', '.join(sorted(self._known))}."
            )
        if not isinstance(everything, bool):
            raise UserError("'everything' is True or False: say everything=True to hold all data.")
        if everything and (names or classes):
            raise UserError("A hold covers either everything, or the persons and classes named: choose one.")
        if not names and not classes and not everything:
            raise UserError("The hold names neither persons nor classes: name some, or say everything=True.")
        for day, what in (
            (records_from, "records_from"),
            (records_to, "records_to"),
            (review_by, "review_by"),
        ):
            if day is not None:
                checked_day(day, what)
        if records_from and records_to and records_to < records_from:
            raise UserError("The hold's records end before they start: exchange records_from and records_to.")
        now = self._now()
        if review_by and review_by < now.date():
            raise UserError("The hold's review lies in the past: give a later review_by.")
        with self._chain.writing():
            number = 1 + sum(event["event"] == "placed" for event in self._chain.events())
            hold = Hold(
                f"HOLD-{number:04}", matter, reason, actor, now.isoformat(timespec="seconds"),
                names, classes, records_from, records_to, review_by,
            )  # fmt: skip
            self._record(actor, "place hold", hold, "allowed")
            self._chain.append({"event": "placed", **plain_hold(hold)})
        self.verify()
        return hold

    def release(self, hold_id: str, *, by: str, reason: str) -> Hold:
        """End a hold and return it as it then stands; somebody else than who placed it has to (four eyes).

        Raises:
            UserError: if there is no such hold, it was released before, the reason is missing, or the
                person who placed it asks.
        """
        number = hold_id if isinstance(hold_id, str) and _NUMBER.fullmatch(hold_id) else ""
        with self._refusals("release hold", number or self._chain.name, by):
            actor, reason = matching(by, ACTOR, "account"), reason_of(reason, "release")
            with self._chain.writing():
                hold = self._by_id().get(number)
                if hold is None:
                    raise UserError(f"There is no hold '{number or '?'}': see Holds.to_frame().")
                if not hold.active:
                    raise UserError(f"{hold.id} was released before: nothing is left to do.")
                if same_account(actor, hold.placed_by):
                    raise UserError(f"{hold.id} was placed by the same person: a second one must release it.")
                self._record(actor, "release hold", hold, "allowed")
                at = self._now().isoformat(timespec="seconds")
                event = {"event": "released", "id": hold.id, "by": actor, "at": at, "reason": reason}
                self._chain.append(event)
            return self._by_id()[hold.id]

    def blocks(self, subject: Subject, holding: Holding, today: date) -> Sequence[Block]:
        """Return every active hold that covers this holding."""
        checked_day(today)
        if not holding.records:
            return ()
        return tuple(
            Block("hold", hold.id, f"A legal hold ({hold.id}) forbids to delete these records.")
            for hold in self.active()
            if hold.covers(subject.pseudonym, holding.data_class)
            and hold.overlaps(holding.oldest, holding.newest)
        )

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let nobody place or release a hold within the block, in no process: they wait.

        What is deleted within it was judged by the holds that stand; a later hold finds it gone.
        """
        with self._chain.writing():
            yield

    def active(self) -> tuple[Hold, ...]:
        """Return the holds that stand, the oldest first."""
        return tuple(hold for hold in self.all() if hold.active)

    def all(self) -> tuple[Hold, ...]:
        """Return every hold there ever was, the oldest first."""
        return tuple(self._by_id().values())

    def due_for_review(self, today: date) -> tuple[Hold, ...]:
        """Return the holds that stand and whose day of review has come."""
        checked_day(today)
        return tuple(hold for hold in self.active() if hold.review_by and hold.review_by <= today)

    def verify(self) -> None:
        """Check that no entry was changed or taken out, as every reading does.

        Raises:
            UserError: if one was, with its number. That the last entries were cut off before the ledger was
                opened shows only against a witness, or a copy of :meth:`head` kept elsewhere.
        """
        self._chain.rows()

    def head(self) -> str:
        """Return the digest of the last entry; it changes with every entry."""
        return self._chain.rows()[-1][2]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per hold; persons by number, not by pseudonym."""
        import pandas as pd

        rows = [
            {
                "hold": hold.id,
                "matter": hold.matter,
                "persons": len(hold.persons) or "everybody",
                "classes": ", ".join(sorted(hold.data_classes)) or "all",
                "records from": hold.records_from,
                "records to": hold.records_to,
                "placed by": hold.placed_by,
                "placed at": hold.placed_at,
                "review by": hold.review_by,
                "released by": hold.released_by,
                "released at": hold.released_at,
            }
            for hold in self.all()
        ]
        return pd.DataFrame(rows)

    def close(self) -> None:
        """Close the file."""
        self._chain.close()

    def _now(self) -> datetime:
        now = self._clock()
        if now.tzinfo is None:
            raise UserError("The clock gives a time without zone: let it return datetime.now(UTC).")
        return now.astimezone(UTC)

    def _by_id(self) -> dict[str, Hold]:
        found: dict[str, Hold] = {}
        try:
            for event in self._chain.events():
                kind = event.pop("event")
                if kind == "placed":
                    found[event["id"]] = read_hold(event)
                elif kind == "released":
                    fields = plain_hold(found[event["id"]])
                    fields |= {
                        "released_by": event["by"],
                        "released_at": event["at"],
                        "release_reason": event["reason"],
                    }
                    found[event["id"]] = read_hold(fields)
        except (KeyError, TypeError, ValueError) as error:
            self._chain.broken(error)
        return found

    @contextmanager
    def _refusals(self, action: str, target: str, by: Any) -> Iterator[None]:
        # What is no account may be anything, a person's name included: it is not repeated.
        actor = by if isinstance(by, str) and ACTOR.fullmatch(by) else "unknown"
        with recorded_refusals(self._audit, action, target, actor=actor):
            yield

    def _record(self, actor: str, action: str, hold: Hold, outcome: Any) -> None:
        if self._audit is not None:
            # The reason of a hold may describe the matter: the trail gets the reference.
            self._audit.record(actor, action, hold.id, outcome, reason=f"matter {hold.matter}")
