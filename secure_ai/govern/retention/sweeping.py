"""The sweep: what is beyond its maximum goes from every store, unless a hold or a law keeps it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from secure_ai.core.audit import utc_now
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.estate.people import COMMON_KINDS
from secure_ai.govern.estate.rewriting import wipe
from secure_ai.govern.estate.store import Store
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.retention.due import roster_of
from secure_ai.govern.retention.holds import Holds
from secure_ai.govern.retention.lines import expire_lines, has_lines
from secure_ai.govern.retention.periods import checked_day, today_in
from secure_ai.govern.retention.plan import Plan, Planner
from secure_ai.govern.retention.proof import (
    Proof,
    explained,
    files_digest,
    found_in,
    sample_of,
    telling_values,
)
from secure_ai.govern.retention.report import StoreSweep, SweepReport
from secure_ai.govern.retention.schedule import RetentionSchedule
from secure_ai.govern.retention.state import SweepState

LAST_KINDS = ("vector_index", "cache", "aggregate", "model", "backup")
"""Kinds that are made from tables and files: swept after them, in this order."""


def sweep(
    estate: Any,
    schedule: RetentionSchedule,
    holds: Holds | None,
    today: date,
    *,
    dry_run: bool = True,
    reference: str = "",
    actor: str = "retention-desk",
    on_store: Callable[[StoreSweep], None] | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> SweepReport:
    """Remove what is beyond its maximum from every store of the estate, and prove it.

    Records go when they are beyond the maximum of their class, no duty of a law asks for them, and no hold
    covers them. What the schedule cannot judge (no rule, no date, no end of a relationship) stays and is
    reported as unassessed. A store that fails is reported; the others go on. While a store is swept, no hold
    can be placed: each one stands before it, or after.

    Args:
        estate: of :mod:`secure_ai.govern.estate`.
        schedule: how long what is kept.
        holds: the ledger of legal holds; None says that there is none.
        today: the day, in the organization's time zone.
        dry_run: count and report, change nothing.
        reference: of the sweep, such as ``"2026-Q4"``; the day if empty. One that was interrupted goes on
            when it is called with the same reference.
        actor: the account that works, as the audit trail names it.
        on_store: called with each store's result.
        clock: tells whether ``today`` lies in the future: a slip of the year would delete what is not due.

    Raises:
        UserError: if an argument is wrong, the schedule has no rule for the class of a store (such as that of
            another sector), ``today`` lies in the future (a dry run may look ahead), the ledger of holds was
            tampered with, or an interrupted sweep of this reference was under another schedule.
    """
    _checked(estate, schedule, holds)
    checked_day(today)
    # A day of room, for it may be tomorrow already in the organization's time zone.
    if not dry_run and today > today_in(clock) + timedelta(days=1):
        raise UserError(f"The sweep's day {today} lies in the future: only a dry run may look ahead.")
    if holds is not None:
        holds.verify()
    name = reference or today.isoformat()
    run = _Run(estate, schedule, holds, today, roster_of(estate.people, estate.stores))
    stores = _ordered(estate)
    found: list[StoreSweep] = []
    residues, unfinished = 0, ""
    if dry_run:
        for store in stores:
            found.append(run.planned(store))
            _tell(on_store, found[-1])
    else:
        state = SweepState(estate.folder / "sweeps", name, today, rules_digest(schedule))
        for store in stores:
            one = state.done(store.name)
            if one is None:
                one = run.swept(store, state)
                record(estate.audit, one, actor, name)
                state.finish(one)
            found.append(one)
            _tell(on_store, one)
        # What was deleted is reported, whatever fails from here on.
        unfinished = run.unlink()
        try:
            residues, _, _ = run.residues(run.gone)
        except UserError as error:
            unfinished = f"{unfinished} The search for what went was not finished: {error}".strip()
        state.close()
    return SweepReport(
        name, today, schedule.sector, schedule.content.title, dry_run,
        "" if holds is None else holds.head(), tuple(found), len(run.gone), residues,
        backup_note(schedule, stores), unfinished,
    )  # fmt: skip


def rules_digest(schedule: RetentionSchedule) -> str:
    """Return the SHA-256 of a schedule's rules and duties."""
    parts = [repr(schedule.content), *(repr(duty) for duty in schedule.duties)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def backup_note(schedule: RetentionSchedule, stores: Sequence[Store]) -> str:
    """Say until when backups may hold what a sweep removed; empty without backups."""
    if not any(store.kind == "backup" and store.data_class in schedule.classes for store in stores):
        return ""
    longest = schedule.rule("backup").maximum if "backup" in schedule.classes else "their own maximum"
    return (
        f"Backups may hold what went until they are {longest} old; after restoring one, sweep again before "
        "it is used."
    )


def record(audit: Any, found: StoreSweep, actor: str, reference: str) -> None:
    """Write what a sweep did in one store to the audit trail, and which holds and laws kept something."""
    if audit is None:
        return
    outcome = "error" if found.status == "failed" else "allowed"
    reason = found.reason or f"{found.removed} of {found.due} due removed"
    audit.record(
        actor, "sweep", found.store, outcome, reason=reason[:200], alert=not found.proven, reference=reference
    )
    for name, records in (*found.held.items(), *found.duty.items()):
        audit.record(
            actor, "expire", found.store, "denied", reason=f"kept by {name}", kept=records,
            reference=reference,
        )  # fmt: skip


@dataclass(frozen=True)
class _Run:
    """One sweep: what it works with, and its steps."""

    estate: Any
    schedule: RetentionSchedule
    holds: Holds | None
    today: date
    roster: Mapping[str, Subject]
    gone: dict[str, Subject] = field(default_factory=dict)

    def planned(self, store: Store) -> StoreSweep:
        """Return what a sweep would do."""
        try:
            return self._plan(store).result
        except UserError as error:
            return self._failed(store, error)

    def swept(self, store: Store, state: SweepState) -> StoreSweep:
        """Sweep a store and return what it came to."""
        try:
            with self._holds_paused():
                return self._sweep(store, state)
        except UserError as error:
            return self._failed(store, error)

    def unlink(self) -> str:
        """Let go of the pseudonyms of people of whom no store holds anything any more.

        Returns:
            Why it could not be done for everybody; empty if it was.
        """
        people, gone, failed = self.estate.people, [], []
        try:
            known = set(people.keys())
            for key, one in self.roster.items():
                if key in known:
                    continue
                try:
                    gone += [one] if self._empty(one) else []
                except UserError as error:
                    failed.append(str(error))
            if gone:
                people.forget(gone)
        except UserError as error:
            failed.append(str(error))
        if not failed:
            return ""
        return f"Not every pseudonym of people who are gone could be unlinked: {failed[0]} Sweep again."

    def _empty(self, person: Subject) -> bool:
        return not any(store.holding(person).records for store in self.estate.stores)

    def _plan(self, store: Store) -> Plan:
        return self._planner().plan(store)

    def _planner(self) -> Planner:
        # The holds are read anew for each store: one may have been placed since the last.
        holds = self.holds.active() if self.holds is not None else ()
        return Planner(self.schedule, holds, self.today, self.roster)

    def _sweep(self, store: Store, state: SweepState) -> StoreSweep:
        plan, started = self._plan(store), state.started(store.name)
        if plan.way == "follow":
            return self._followed(store, plan)
        if plan.result.status != "planned" and started is None:
            return plan.result
        if started is None:
            started = {
                "due": plan.result.due,
                "removed": plan.result.removed,
                "total": plan.total,
                "digest": files_digest(store.files),
            }
            state.start(store.name, started)
            interrupted = False
        else:
            interrupted = True
        tried = [self.roster[key] for key in sample_of(person.key for person in plan.go)]
        before = {value: person for person in tried for value in self._values(store, person)}
        method, note = self._remove(store, plan)
        if interrupted:
            note = f"{note} Interrupted: what went before was counted, not searched for.".strip()
        return self._proven(store, plan, started, (tried, before), (method, note))

    def _followed(self, store: Store, plan: Plan) -> StoreSweep:
        """Make a store anew from what its sources keep, and see that doing so again changes nothing."""
        before = files_digest(store.files)
        if store.kind == "model" and _without_rows(store):
            return self._retired(store, plan, before)
        removal = store.expire(plan.result.cutoff)
        after = files_digest(store.files)
        again = store.expire(plan.result.cutoff)
        proof = Proof(
            before=removal.records, after=0, still_due=again.records, too_many=0, digest_before=before,
            digest_after=after, note="made anew from the records that are left; again, it stays as it is",
        )  # fmt: skip
        if files_digest(store.files) != after:
            proof = replace(
                proof, still_due=max(1, again.records), note="making it anew changes it each time"
            )
        return replace(
            plan.result, status="swept", due=removal.records, removed=removal.records, method=removal.method,
            reason="", unit="entries", proof=proof,
        )  # fmt: skip

    def _retired(self, store: Store, plan: Plan, before: str) -> StoreSweep:
        """Delete a model of which no training row is left: what it knows is of records that are gone."""
        files = list(store.files)
        for path in files:
            wipe(path)
        proof = Proof(
            before=len(files), after=len(store.files), still_due=len(store.files), too_many=0,
            digest_before=before, digest_after=files_digest(store.files), note="no training row is left",
        )  # fmt: skip
        return replace(
            plan.result, status="swept", due=len(files), removed=len(files), unit="files", reason="",
            method="files overwritten and deleted", proof=proof,
        )  # fmt: skip

    def _remove(self, store: Store, plan: Plan) -> tuple[str, str]:
        if plan.result.status != "planned":
            # Everything was deleted before the interruption, but perhaps not overwritten.
            if hasattr(store, "compact"):
                store.compact()
            return "finished after an interruption", ""
        if plan.way == "whole":
            # A copy of the file opens as long as its persons have keys: a key per period ends that, too.
            wipe(store.path)
            return "file overwritten and deleted", "Copies of it elsewhere end with their keys only."
        if plan.way == "person":
            # Where others may mention them, the persons' names and numbers are needed.
            whole = bool(getattr(store, "mentions", ()))
            people = self.estate.people
            removal = store.erase([people.subject(one.key) if whole else one for one in plan.go])
        elif has_lines(store):
            removal = expire_lines(store, plan.result.cutoff, plan.keep)
        else:
            removal = store.expire(plan.result.cutoff, plan.keep)
        self.estate.people.reread()
        return removal.method, removal.note

    def _proven(
        self,
        store: Store,
        plan: Plan,
        started: Mapping[str, Any],
        sample: tuple[list[Subject], dict[str, Subject]],
        how: tuple[str, str],
    ) -> StoreSweep:
        again, (tried, before) = self._plan(store), sample
        left = {value for person in tried for value in self._values(store, person)}
        gone = {value: person for value, person in before.items() if value not in left}
        self.gone.update(gone)
        residues, still_held, files = self.residues(gone)
        proof = Proof(
            before=started["total"],
            after=again.total,
            still_due=again.result.removed,
            too_many=self._too_many(plan, started, again.total),
            digest_before=started["digest"],
            digest_after=files_digest(store.files),
            persons_sampled=len(tried) if gone else 0,
            values_searched=len(gone),
            files_searched=files,
            residues=residues,
            still_held=still_held,
            key=store.key_proof() if hasattr(store, "key_proof") else "",
            note=how[1],
        )
        return replace(
            again.result, status="swept", due=started["due"], removed=started["removed"],
            held=plan.result.held, duty=plan.result.duty, method=how[0], proof=proof, reason="",
        )  # fmt: skip

    @staticmethod
    def _too_many(plan: Plan, started: Mapping[str, Any], left: int) -> int:
        # Where only persons are counted, one of them may have newer records and stay.
        if plan.result.unit == "persons":
            return 0
        return max(0, started["total"] - left - started["removed"])

    def _values(self, store: Store, person: Subject) -> set[str]:
        try:
            return telling_values(store.export(person), store, self._number_columns(store))
        except UserError:
            return set()

    def _number_columns(self, store: Store) -> list[str]:
        return [
            column
            for source in self.estate.people.sources
            if source.store is store
            for column, kind in source.columns.items()
            if kind not in COMMON_KINDS
        ]

    def residues(self, values: Mapping[str, Subject]) -> tuple[int, int, int]:
        """Search every file for values; return how many are left that no record holds, how many that records
        hold, and how many files were searched."""
        found, files = found_in(values, self.estate.files())
        held = explained(found, self.estate.stores, self.roster.values())
        return len(set(found) - held), len(held), files

    def _failed(self, store: Store, error: UserError) -> StoreSweep:
        return Planner(self.schedule, (), self.today, {}).blank(store, "failed", str(error))

    @contextmanager
    def _holds_paused(self) -> Iterator[None]:
        if self.holds is None:
            yield
            return
        with self.holds.paused():
            yield


def _checked(estate: Any, schedule: Any, holds: Any) -> None:
    if not hasattr(estate, "stores") or not hasattr(estate, "people"):
        raise UserError("A sweep needs an estate: see secure_ai.govern.estate.load_estate.")
    if not isinstance(schedule, RetentionSchedule):
        raise UserError("A sweep needs a RetentionSchedule: give RetentionSchedule.load('healthcare').")
    if holds is not None and not isinstance(holds, Holds):
        raise UserError("A sweep needs the ledger Holds, or None where there is none: give Holds(path).")
    for store in estate.stores:
        if store.data_class not in schedule.classes:
            raise UserError(
                f"The schedule for {schedule.sector} has no rule for the class '{shown(store.data_class)}' "
                f"of the store {store.name}: choose the schedule of that sector, or add a rule."
            )


def _ordered(estate: Any) -> list[Store]:
    """Return the stores: first what is recorded, then what is made from it, last who the people are."""
    # The first source lists the people: it goes after all that is found through it.
    sources = [source.store.name for source in estate.people.sources]

    def place(store: Store) -> int:
        if store.name in sources:
            return len(LAST_KINDS) + 1 + len(sources) - sources.index(store.name)
        return LAST_KINDS.index(store.kind) + 1 if store.kind in LAST_KINDS else 0

    return sorted(estate.stores, key=place)


def _without_rows(store: Any) -> bool:
    source = getattr(store, "training", None)
    return hasattr(source, "rows") and next(iter(source.rows([source.column])), None) is None


def _tell(on_store: Callable[[StoreSweep], None] | None, found: StoreSweep) -> None:
    if on_store is not None:
        on_store(found)
