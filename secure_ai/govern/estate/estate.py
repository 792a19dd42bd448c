"""All places of an organization's personal data as one: who is it, what is held, show, correct, forget."""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.govern.estate.journal import Entry, Journal
from secure_ai.govern.estate.locking import LOCK_NAME, alone
from secure_ai.govern.estate.people import NAME, People
from secure_ai.govern.estate.receipt import ErasureReceipt
from secure_ai.govern.estate.rewriting import wipe
from secure_ai.govern.estate.store import Block, Blocker, Holding, Removal, Store
from secure_ai.govern.estate.subject import Subject

LINKS, DRAFTS = "pseudonym links", "unfinished drafts"
ORDER = {"model": -1, "aggregate": 1, "backup": 2}
"""A model is unlearned while its training rows are there; statistics follow once the tables are done."""


class Estate:
    """The stores of an organization, and the people in them.

    Args:
        stores: every place that holds personal data; names are unique.
        people: who is in them.
        audit: the trail that every decision is recorded in; without one, nothing is recorded.
        folder: where the journal of erasures under way is kept, and files of the estate that no store names
            are searched; None keeps the journal beside the table of pseudonyms.
        suppression: list of the people who were erased and must not come back with an import.
        actor: the account that works, as the trail names it.
        blockers: legal holds and statutory periods that every erasure asks, in addition to its own.

    Attributes:
        finished: receipts of the interrupted erasures that were finished on opening.
        waiting: references of those that were not: they were begun with legal holds or statutory periods, and
            none are known here, so that :meth:`resume` must be told them.

    An erasure that was interrupted is finished when the estate is opened. Before each store that is left to
    do, the blockers are asked again: a hold that was placed meanwhile bites. One works in it at a time: who
    reads, corrects or erases waits for the others, threads and processes alike. Programs that write the same
    files by themselves must hold :meth:`alone`, too.
    """

    def __init__(
        self,
        stores: Iterable[Store],
        people: People,
        audit: AuditLog | None = None,
        *,
        folder: str | Path | None = None,
        suppression: Any = None,
        actor: str = "privacy-desk",
        blockers: Sequence[Blocker] | None = None,
    ) -> None:
        self._stores = {store.name: store for store in stores}
        self.people, self.audit, self.actor, self.suppression = people, audit, actor, suppression
        self.folder = people.path.parent if folder is None else Path(folder)
        self.journal, self.lock_path = Journal(self.folder / "erasures"), self.folder / LOCK_NAME
        self.blockers = None if blockers is None else tuple(blockers)
        failed: dict[str, UserError] = {}
        self.finished = tuple(self._resumed(self.blockers, failed))
        self.waiting = tuple(ref for ref, error in failed.items() if isinstance(error, _BlockersUnknown))
        if self.waiting:
            for reference in self.waiting:
                self._record("resume erasure", reference, "no legal holds are known here", denied=True)
            warnings.warn(str(failed[self.waiting[0]]), stacklevel=2)
        for error in failed.values():
            if not isinstance(error, _BlockersUnknown):
                raise error

    @property
    def stores(self) -> tuple[Store, ...]:
        """The stores, in order."""
        return tuple(self._stores.values())

    def alone(self) -> AbstractContextManager[None]:
        """Hold the estate: nobody else reads or writes it through an :class:`Estate` meanwhile.

        Raises:
            UserError: if somebody else holds it for too long, or its folder cannot be written.
        """
        return alone(self.lock_path)

    def store(self, name: str) -> Store:
        """Return the store of that name.

        Raises:
            UserError: if there is none; those that there are, are listed.
        """
        if name not in self._stores:
            raise UserError(f"The estate has no store {name}: it has {', '.join(self._stores)}.")
        return self._stores[name]

    def add(self, store: Store) -> None:
        """Take a further store in, such as the ledger of consent.

        Raises:
            UserError: if there is one of that name.
        """
        if store.name in self._stores or store.name == LINKS:
            raise UserError(f"The estate has a store {store.name} already: give this one another name.")
        self._stores[store.name] = store

    def find(self, **known: str) -> list[Subject]:
        """Return the people for whom everything stated is true (``name=``, ``birth_date=``, ``phone=`` …)."""
        with self.alone():
            found = self.people.find(**known)
        self._record("find", "people", f"{len(found)} found by {', '.join(sorted(known))}")
        return found

    def subject(self, key: str) -> Subject:
        """Return the person with that key, with every identifier that the stores know the person by."""
        with self.alone():
            return self._whole(self.people.subject(key))

    def subject_by_pseudonym(self, pseudonym: str) -> Subject:
        """Return a person of whom a part was kept: the pseudonym leads to what is left.

        Raises:
            UserError: if the pseudonym stands for nobody (any more).
        """
        with self.alone():
            key = self.people.key_of(pseudonym)
            if not key:
                raise UserError("This pseudonym stands for nobody: the person was erased, or never known.")
            known = self.people.knows(key)
            return self._whole(self.people.subject(key) if known else Subject(key, pseudonym))

    def holdings(self, subject: Subject) -> list[Holding]:
        """Return what each store holds about the person, stores with nothing left out."""
        self._record("holdings", subject.pseudonym)
        with self.alone():
            subject = self._whole(subject)
            return [held for store in self.stores if (held := store.holding(subject)).records]

    def export(self, subject: Subject) -> dict[str, list[Mapping[str, Any]]]:
        """Return what is held about the person as plain records: store → records."""
        self._record("export", subject.pseudonym)
        with self.alone():
            subject = self._whole(subject)
            return {store.name: records for store in self.stores if (records := store.export(subject))}

    def correct(
        self, subject: Subject, store: str, field: str, value: Any, *, record: str | None = None
    ) -> int:
        """Change a field of the person's records in one store; return how many records changed."""
        place = self.store(store)
        self._record("correct", subject.pseudonym, f"{store}.{field}")
        with self.alone():
            changed = place.correct(self._whole(subject), field, value, record=record)
            self.people.reread()
        return changed

    def blocks(
        self, subject: Subject, blockers: Sequence[Blocker], today: date
    ) -> dict[str, tuple[Block, ...]]:
        """Return store → every reason why its data about the person may not be erased now."""
        with self.alone():
            subject = self._whole(subject)
            asked = (*(self.blockers or ()), *blockers)
            found = {store.name: self._reasons(store, subject, asked, today) for store in self.stores}
        return {name: reasons for name, reasons in found.items() if reasons}

    def _reasons(
        self, store: Store, subject: Subject, blockers: Sequence[Blocker], today: date
    ) -> tuple[Block, ...]:
        held = store.holding(subject)
        probe = not held.records and _changes_others(store)
        if not blockers or not (held.records or probe):
            return ()
        # A cache knows no owners, and mentions in texts of others are masked: a hold may be on these.
        asked = replace(held, records=1) if probe else held
        found = [block for blocker in blockers for block in blocker.blocks(subject, asked, today)]
        return tuple(dict.fromkeys(block for block in found if block.kind == "hold" or not probe))

    def erase(
        self,
        subject: Subject,
        blockers: Sequence[Blocker] = (),
        *,
        today: date,
        reference: str,
        search: bool = True,
    ) -> ErasureReceipt:
        """Forget the person everywhere, except where a hold or a law says that data must stay.

        What stays is told store by store. While anything stays, the pseudonym remains linked and what the
        person is known by remains sealed in the journal: the rest could not be found again without them.
        Interrupted, it is finished by :meth:`resume`.

        Args:
            subject: of :meth:`find`.
            blockers: legal holds and statutory periods.
            today: the day of the erasure.
            reference: of the request; unique.
            search: search every byte of every file afterwards.

        Raises:
            UserError: if a store cannot do its part; what is done stays done, and the journal knows the rest.
        """
        if not reference.strip():
            raise UserError("An erasure needs the reference of its request.")
        asked = (*(self.blockers or ()), *blockers)
        with self.alone():
            for entry in list(self.journal.entries()):
                own = entry.subject.key == subject.key
                if entry.reference == reference and not own:
                    raise UserError(
                        f"The erasure {reference} of another person is not finished: give this one a "
                        "reference of its own."
                    )
                # Half done under whatever reference: what is left can be found by its journal alone.
                if entry.reference == reference:
                    return self._carry_out(entry, asked, search=search)
                if own:
                    self._carry_out(entry, asked, search=False)
            begun = self._begun(subject, asked, today, reference)
            return self._carry_out(begun, asked, search=search)

    def resume(
        self, blockers: Sequence[Blocker] | None = None, *, search: bool = False
    ) -> Iterator[ErasureReceipt]:
        """Finish erasures that were interrupted, and yield their receipts.

        What is noted as done is looked at again, and done again where a store still holds something.

        Args:
            blockers: legal holds and statutory periods, asked again before each store that is left to do;
                those of the estate if None. An empty sequence says that there are none.
            search: search every byte of every file after each.

        Raises:
            UserError: after all others were finished, if one cannot be, or was begun with blockers and none
                are known now.
        """
        if blockers is not None:
            blockers = (*(self.blockers or ()), *blockers)
        failed: dict[str, UserError] = {}
        yield from self._resumed(self.blockers if blockers is None else blockers, failed, search=search)
        self.waiting = tuple(ref for ref, error in failed.items() if isinstance(error, _BlockersUnknown))
        if failed:
            raise next(iter(failed.values()))

    def _resumed(
        self, blockers: Sequence[Blocker] | None, failed: dict[str, UserError], *, search: bool = False
    ) -> Iterator[ErasureReceipt]:
        while (done := self._resume_next(blockers, failed, search=search)) is not None:
            yield done

    def _resume_next(
        self, blockers: Sequence[Blocker] | None, failed: dict[str, UserError], *, search: bool
    ) -> ErasureReceipt | None:
        if next(iter(self.journal.folder.glob("*.journal")), None) is None:
            return None
        with self.alone():
            for entry in list(self.journal.entries()):
                if entry.reference in failed:
                    continue
                try:
                    if blockers is None and entry.asked:
                        raise _BlockersUnknown(
                            f"The interrupted erasure {entry.reference} was begun with legal holds or "
                            "statutory periods: finish it with them, by resume(blockers)."
                        )
                    return self._carry_out(entry, blockers or (), search=search)
                except UserError as error:
                    failed[entry.reference] = error
        return None

    def _begun(self, subject: Subject, blockers: Sequence[Blocker], today: date, reference: str) -> Entry:
        whole = self._whole(subject)
        held = {store.name: one for store in self.stores if (one := store.holding(whole)).records}
        blocked = self.blocks(whole, blockers, today)
        if blocked and not whole.pseudonym and whole.key:
            # What stays is found again by the pseudonym alone.
            self.people.link([whole.key])
            whole = replace(whole, pseudonym=self.people.pseudonym_of(whole.key))
        for store, reasons in blocked.items():
            self._record_kept(whole, store, reasons)
        names = [one.name for one in self._ordered() if one.name not in blocked]
        entry = Entry(reference, today, whole, blocked, names, held=held, asked=bool(blockers))
        self.journal.save(entry)
        return entry

    def _record_kept(self, subject: Subject, store: str, reasons: Sequence[Block]) -> None:
        for block in reasons:
            self._record("erase", subject.pseudonym, f"{store}: {block.kind} {block.reference}", denied=True)

    def search(self, subject: Subject, **options: Any) -> Any:
        """Search every byte of every file of the estate for the person; see ``estate.search``."""
        from secure_ai.govern.estate.search import search_files

        keeps = [
            path for store in self.stores if getattr(store, "keeps_pseudonym", False) for path in store.files
        ]
        # Receipts that are kept beside the journal name the person by the pseudonym, as the trail does.
        keeps += [path for path in self.journal.folder.rglob("*") if path.is_file()]
        keeps += [self.audit.path] if self.audit is not None and self.audit.path is not None else []
        with self.alone():
            return search_files(
                self.files(), subject, self.people, root=self.folder, pseudonym_allowed=keeps, **options
            )

    def files(self) -> tuple[Path, ...]:
        """Return every file: those of the stores, and all others in the folder of the estate."""
        named = [path for store in self.stores for path in store.files]
        around = [
            path
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.is_symlink() and path != self.lock_path
        ]
        return tuple(dict.fromkeys(path.resolve() for path in (*named, *around)))

    def _carry_out(self, entry: Entry, blockers: Sequence[Blocker], *, search: bool) -> ErasureReceipt:
        missing = [name for name in (*entry.stores, *entry.blocked) if name not in self._stores]
        if missing:
            raise UserError(
                f"An interrupted erasure waits for the store {missing[0]}: open the estate with it."
            )
        seconds: dict[str, float] = {}
        self._forget_in_stores(entry, blockers, seconds)
        if self._still_holding(entry):
            self._forget_again(entry, blockers, seconds)
        # Nothing is unlinked before this: without the link, what a store still holds is not found again.
        if left := self._still_holding(entry):
            raise UserError(
                f"{left[0]} still holds records of the person after its erasure: look at the store, then "
                "erase again under the same reference."
            )
        if not entry.blocked:
            with _timed(seconds, LINKS):
                if self.suppression is not None:
                    self.suppression.add(entry.subject)
                count = self.people.forget([entry.subject])
            entry.removals[LINKS] = Removal(LINKS, "pseudonym unlinked", count)
            self.journal.release(entry.subject.pseudonym)
        else:
            self.journal.keep(entry.subject)
        self.people.reread()
        self.journal.finish(entry)
        receipt = ErasureReceipt(
            entry.reference,
            entry.subject.pseudonym,
            entry.day,
            tuple(entry.removals.values()),
            entry.blocked,
            seconds=seconds,
        )
        if search:
            with _timed(seconds, "search"):
                kept = {path for name in entry.blocked for path in self._stores[name].files}
                receipt = replace(receipt, traces=self.search(entry.subject, skip=kept))
        outcome = "complete" if receipt.complete else "not complete"
        self._record("erasure", entry.subject.pseudonym, outcome, reference=entry.reference)
        return receipt

    def _forget_in_stores(self, entry: Entry, blockers: Sequence[Blocker], seconds: dict[str, float]) -> None:
        for name in list(entry.stores):
            if name in entry.removals:
                continue
            store = self._stores[name]
            # Asked here and not at the beginning alone: a hold may have been placed since.
            if reasons := self._reasons(store, entry.subject, blockers, entry.day):
                self._keep(entry, name, reasons)
                entry.stores.remove(name)
                self.journal.save(entry)
                continue
            with _timed(seconds, name):
                entry.removals[name] = self._remove(store, entry, blockers)
                self.journal.save(entry)
            self._record("erase", entry.subject.pseudonym, name, reference=entry.reference)
        with _timed(seconds, "files rebuilt"):
            self._rebuild(entry)
            if drafts := self._wipe_drafts():
                entry.removals[DRAFTS] = Removal(DRAFTS, "files overwritten and deleted", drafts)

    def _forget_again(self, entry: Entry, blockers: Sequence[Blocker], seconds: dict[str, float]) -> None:
        """Do every store once more: a program that knows no lock, or a restored file, brought records back.

        All of them, for indexes and statistics follow from what came back.
        """
        before = dict(entry.removals)
        entry.removals.clear()
        entry.rebuilt.clear()
        self._forget_in_stores(entry, blockers, seconds)
        for name, first in before.items():
            again = entry.removals.get(name)
            entry.removals[name] = first if again is None else _both(first, again)
        self.journal.save(entry)

    def _keep(self, entry: Entry, name: str, reasons: tuple[Block, ...]) -> None:
        entry.blocked[name] = reasons
        self._record_kept(entry.subject, name, reasons)

    def _remove(self, store: Store, entry: Entry, blockers: Sequence[Blocker]) -> Removal:
        keep = {self._stores[name].data_class for name in entry.blocked}
        if hasattr(store, "remove_except"):
            late = self._held_since(entry, blockers)
            if late:
                # The copy is all that is left of these records.
                keep |= set(late)
                self._keep(
                    entry, store.name, tuple(dict.fromkeys(b for found in late.values() for b in found))
                )
            if keep:
                return store.remove_except(entry.subject, frozenset(keep))
        if keep and getattr(store, "keeps_pseudonym", False):
            note = "The pseudonym is unlinked once what must stay may go."
            return Removal(store.name, "kept under the pseudonym", 0, 0, note)
        remove = getattr(store, "remove", store.erase)
        return remove([entry.subject])

    def _held_since(self, entry: Entry, blockers: Sequence[Blocker]) -> dict[str, list[Block]]:
        """Return class of data → holds on records that were erased before the hold was placed."""
        found: dict[str, list[Block]] = {}
        for name, held in entry.held.items():
            if name in entry.removals and entry.removals[name].records:
                reasons = [
                    block
                    for blocker in blockers
                    for block in blocker.blocks(entry.subject, held, entry.day)
                    if block.kind == "hold"
                ]
                if reasons:
                    found.setdefault(held.data_class, []).extend(reasons)
        return found

    def _still_holding(self, entry: Entry) -> list[str]:
        found = []
        for name in entry.stores:
            store = self._stores[name]
            # Statistics are of others; a backup keeps what another store must keep.
            if store.kind in {"log", "aggregate"} or (entry.blocked and store.kind == "backup"):
                continue
            if store.holding(entry.subject).records:
                found.append(name)
        return found

    def _rebuild(self, entry: Entry) -> None:
        # Several tables share a file, which is rebuilt once, after the last of them.
        containers = {
            str(store.container): store
            for name in entry.stores
            if hasattr(store := self._stores[name], "compact")
        }
        for path, store in containers.items():
            if path not in entry.rebuilt:
                store.compact()
                entry.rebuilt.append(path)
                self.journal.save(entry)

    def _wipe_drafts(self) -> int:
        # What a program that was killed left beside the file that it was writing.
        drafts = [path for path in self.folder.rglob(".*.partial/**/*") if path.is_file()]
        for path in drafts:
            wipe(path)
        for folder in sorted(self.folder.rglob(".*.partial"), reverse=True):
            shutil.rmtree(folder, ignore_errors=True)
        return len(drafts)

    def _ordered(self) -> list[Store]:
        return sorted(self.stores, key=lambda one: ORDER.get(one.kind, 0))

    def _whole(self, subject: Subject) -> Subject:
        """Add what the stores know, the numbers of the person's own records, and what is kept sealed."""
        if kept := self.journal.kept(subject.pseudonym):
            subject = self._with_kept(subject, kept)
        found: dict[str, tuple[str, ...]] = dict(subject.identifiers)
        for store in self.stores:
            if hasattr(store, "identifiers"):
                for kind, values in store.identifiers(replace(subject, identifiers=found)).items():
                    found[kind] = _joined(found.get(kind, ()), values)
        return replace(subject, identifiers=found)

    def _with_kept(self, subject: Subject, kept: Subject) -> Subject:
        found = dict(subject.identifiers)
        for kind, values in kept.identifiers.items():
            found[kind] = _joined(found.get(kind, ()), values)
        shared, namesakes = set(subject.shared | kept.shared), set(subject.namesakes | kept.namesakes)
        # Who came since may bear the name, too.
        for kind in kept.identifiers.keys() & self.people.kinds:
            for value in kept.identifiers[kind]:
                others = {one.key for one in self.people.find(**{kind: value})} - {subject.key}
                if others:
                    shared.add(value)
                    namesakes |= others if kind == NAME else set()
        return replace(
            subject,
            identifiers=found,
            birth_date=subject.birth_date or kept.birth_date,
            shared=frozenset(shared),
            namesakes=frozenset(namesakes),
        )

    def _record(
        self, action: str, target: str, reason: str = "", *, denied: bool = False, reference: str = ""
    ) -> None:
        if self.audit is not None:
            details = {"reference": reference} if reference else {}
            self.audit.record(
                self.actor,
                action,
                target or "nobody",
                "denied" if denied else "allowed",
                reason=reason,
                **details,
            )


class _BlockersUnknown(UserError):
    """An interrupted erasure must not go on before legal holds are asked again."""


def _changes_others(store: Store) -> bool:
    """Return whether an erasure may change what belongs to others, or to nobody that the store knows of."""
    return store.kind not in {"table", "file", "log"} or bool(getattr(store, "mentions", ()))


def _joined(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - start


def _both(first: Removal, again: Removal) -> Removal:
    """Return two removals in one store as one."""
    return replace(
        again,
        records=first.records + again.records,
        mentions=first.mentions + again.mentions,
        note=again.note or first.note,
    )
