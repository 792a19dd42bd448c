"""Runs in a ledger: who is in which model, and which models must unlearn somebody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.govern.consent.events import Kind
from secure_ai.govern.consent.people import PSEUDONYM_BYTES, distinct_keys
from secure_ai.govern.consent.standings import Run

if TYPE_CHECKING:
    from secure_ai.govern.consent.chain import ChainedLog, Transaction
    from secure_ai.govern.consent.ledger import ConsentLedger


@dataclass(frozen=True, slots=True)
class ModelDebt:
    """A model, or extract, with people in it whose records may no longer be used.

    Attributes:
        run, artifact, purpose: which.
        people: how many; None where the list of its people is lost, so that it stands for everybody.
        status: ``published``, or ``started`` where a run never said how it ended.
    """

    run: str
    artifact: str
    purpose: str
    people: int | None
    status: str


class Recorder:
    """A held ledger: what stands, and one record of a run at the end."""

    def __init__(self, ledger: ConsentLedger, transaction: Transaction) -> None:
        self._ledger, self._transaction = ledger, transaction

    def allowed(self, pseudonyms: Iterable[str], purpose: str) -> frozenset[str]:
        """Return those of some pseudonyms that are allowed now."""
        asked, now = self._ledger.purposes[purpose], self._ledger._log.now()
        return frozenset(p for p in pseudonyms if self._ledger._stands(p, asked, now))

    def record(self, kind: Kind, actor: str, *, people: Iterable[str] = (), **fields: Any) -> None:
        """Record the start, the publication or the end of a run; once.

        Args:
            kind: ``started``, ``published`` or ``discarded``.
            actor: who did it.
            people: pseudonyms: of a run that starts, all who are in it; else those who were unlearned before.
            fields: run, artifact, purpose, reference.
        """
        log, listed, events = self._ledger._log, sorted(people), []
        if kind == "started":
            blob = b"".join(map(bytes.fromhex, listed))
            fields |= {"digest": sha256(blob).hexdigest(), "people": len(listed)}
            self._transaction.keep_people(fields["run"], blob)
        else:
            events = [log.event("unlearned", actor, person=person, **fields) for person in listed]
        self._ledger._append(self._transaction, [*events, log.event(kind, actor, **fields)])

    def settle(self, run: str, people: Any, actor: str, reference: str) -> None:
        """Record that people (keys; None for all) were taken out of a run."""
        ledger, log = self._ledger, self._ledger._log
        known = log.standings.runs.get(str(run))
        if known is None:
            raise UserError(f"The ledger knows no run '{shown(str(run))}': see models_to_unlearn().")
        fields = {"run": run, "artifact": known.artifact, "purpose": known.purpose, "reference": reference}
        if people is None:
            events = [log.event("discarded", actor, **fields)]
        else:
            keys = [key for key in distinct_keys(people)[1] if key]
            events = [
                log.event("unlearned", actor, person=person, **fields)
                for person in ledger._pseudonyms.all(keys)
            ]
        if not events:
            raise UserError("Nobody is named who was taken out of the model.")
        ledger._append(self._transaction, events)


def people_in(log: ChainedLog, run: Run) -> frozenset[str] | None:
    """Return who is still in a run, each by the identity of today; None where the list is lost or altered."""
    blob = log.store.people(run.run)
    if blob is None or sha256(blob).hexdigest() != run.digest:
        return None
    size, resolved = PSEUDONYM_BYTES, log.standings.resolved
    listed = {blob[at : at + size].hex() for at in range(0, len(blob), size)}
    return frozenset(resolved(person) for person in listed - run.unlearned)


def debts_of(ledger: ConsentLedger) -> list[ModelDebt]:
    """Return the runs with people in them whose records may no longer be used."""
    log, debts = ledger._log, []
    now = log.now()
    for run in log.standings.runs.values():
        word = log.standings.purpose(run.purpose)
        purpose = next((known for known in ledger.purposes.purposes if known.word == word), None)
        if run.status == "discarded" or (purpose and not purpose.decided_by_the_person):
            continue
        people = people_in(log, run)
        # A purpose that was dropped from the vocabulary carries nobody any more.
        stands = [purpose is not None and ledger._stands(p, purpose, now) for p in people or ()]
        gone = None if people is None else stands.count(False)
        if gone is None or gone:
            debts.append(ModelDebt(run.run, run.artifact, word, gone, run.status))
    return debts


def runs_with(log: ChainedLog, pseudonym: str, purposes: Sequence[str]) -> tuple[str, ...]:
    """Return the published artifacts that a person is in, under some purposes."""
    person, found = log.standings.resolved(pseudonym), []
    for run in log.standings.runs.values():
        if run.status == "published" and log.standings.purpose(run.purpose) in purposes:
            people = people_in(log, run)
            if people is None or person in people:
                found.append(run.artifact)
    return tuple(dict.fromkeys(found))
