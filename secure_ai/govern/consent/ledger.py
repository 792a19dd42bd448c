"""The consent ledger: what people agreed to, withdrew and renewed, and whether it stands now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import product
from pathlib import Path
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.govern.consent.answers import AnsweringLedger
from secure_ai.govern.consent.chain import Transaction
from secure_ai.govern.consent.events import Capacity, ConsentText, Event, stored, word
from secure_ai.govern.consent.minors import checked_capacity, checked_expiry
from secure_ai.govern.consent.purposes import Purpose, Purposes, check_change
from secure_ai.govern.consent.runs import ModelDebt, Recorder, debts_of, runs_with


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a withdrawal changed.

    Attributes:
        purposes: those it was recorded for.
        stopped: those for which the person's records could be used until now.
        found: whether the ledger had any decision of this person; if not, check that the key is right.
        artifacts: published models and extracts with the person's records in them, to be unlearned.
    """

    purposes: tuple[str, ...]
    stopped: tuple[str, ...]
    found: bool
    artifacts: tuple[str, ...]


class ConsentLedger(AnsweringLedger):
    """An append-only ledger of consent, by pseudonym.

    Each event is chained to the one before by a keyed hash and copied to a witness. An answer is given only
    from a ledger that is whole and not behind its witness or what this process has seen: missing, damaged,
    altered or put back from a backup, it refuses. Safe for several threads and processes.

    Args:
        where: a SQLite file, or the address of a PostgreSQL database (schema ``consent_ledger``).
        key: the secret (32 bytes or more, or its file): without it pseudonyms say nothing and no event can be
            forged. Keep it elsewhere.
        witness: the file that every event is copied to, kept where a restored backup does not bring it back;
            None to do without, and then an old copy is only noticed by processes that saw a newer one.
        purposes: the vocabulary: a sector, a file, or the object; the one that the ledger adopted.
        clock: gives the time, with its zone. Where it goes back, nothing revives that was seen to end: time
            only goes on here. A time at which no process asked leaves no trace.
        audit: where changes are recorded.
        zone: whose midnight a date means.
        timeout: seconds to wait for another writer.

    Raises:
        UserError: if it is missing, damaged, behind its witness, made with another key, or has another
            vocabulary.
    """

    @classmethod
    def create(
        cls,
        where: str | Path,
        *,
        key: bytes | str | Path,
        witness: str | Path | None,
        purposes: Purposes | str | Path,
        actor: str,
        **options: Any,
    ) -> ConsentLedger:
        """Make a new ledger and open it.

        Args:
            where, key, witness, purposes: as for the class.
            actor: the account that makes it.
            options: clock, audit, zone, timeout.

        Raises:
            UserError: if something is there already: a ledger that was lost is put back, never begun anew.
        """
        new = cls.__new__(cls)
        new._set(where, key, witness, purposes, adopting=True, **options)
        word(actor, "The actor")
        new._log.create()
        new._log.open()
        with new._log.changing() as transaction:
            new._record_vocabulary(transaction, actor)
        return cls(where, key=key, witness=witness, purposes=new.purposes, **options)

    @classmethod
    def adopt(
        cls,
        where: str | Path,
        *,
        key: bytes | str | Path,
        witness: str | Path | None,
        purposes: Purposes | str | Path,
        actor: str,
        **options: Any,
    ) -> ConsentLedger:
        """Adopt a changed vocabulary (a purpose added, dropped or renamed) and open the ledger with it.

        A renamed purpose names its former name and keeps its consents and withdrawals. A purpose never moves
        from a decision of the person to another basis, and two never become one: that would be a way around
        a withdrawal (EDPB Guidelines 05/2020 on consent). What is asked afresh gets a new word.

        Raises:
            UserError: if the change is of that kind, or the ledger cannot be opened.
        """
        new = cls.__new__(cls)
        new._set(where, key, witness, purposes, adopting=True, **options)
        new._log.open()
        with new._log.changing() as transaction:
            standings = new._log.standings
            check_change(standings, new.purposes)
            new._record_vocabulary(transaction, actor)
        return cls(where, key=key, witness=witness, purposes=new.purposes, **options)

    @classmethod
    def recover(
        cls,
        where: str | Path,
        *,
        key: bytes | str | Path,
        witness: str | Path,
        purposes: Purposes | str | Path,
        actor: str,
        replace_witness: bool = False,
        **options: Any,
    ) -> ConsentLedger:
        """Catch up a ledger that was put back from a backup from its witness (or the witness from it).

        Args:
            where, key, witness, purposes, options: as for the class.
            actor: the account that does it.
            replace_witness: whether to write the witness anew from the ledger where it is lost or damaged:
                withdrawals that only the witness knew are lost then, so ask for them again.

        Raises:
            UserError: if the two do not belong together or tell different pasts.
        """
        new = cls.__new__(cls)
        new._set(where, key, witness, purposes, adopting=True, **options)
        added = new._log.recover(replace_witness=replace_witness)
        new._note(word(actor, "The actor"), "consent ledger recovered", "ledger", f"{added} events")
        return cls(where, key=key, witness=witness, purposes=new.purposes, **options)

    def _record_vocabulary(self, transaction: Transaction, actor: str) -> None:
        words, former = self.purposes.words, self.purposes.former
        self._append(transaction, [self._log.event("vocabulary", actor, words=words, former=former)])

    def give(
        self,
        person: Any,
        purposes: str | Sequence[str],
        *,
        text: ConsentText,
        actor: str,
        expires: date | datetime | None = None,
        capacity: Capacity = "self",
        birth_date: date | None = None,
        reference: str = "",
    ) -> tuple[str, ...]:
        """Record that a person gave consent (or took an objection back) after reading a text.

        Args:
            person: key of the person.
            purposes: one or several, each named by the text; a tick for each is the person's, not ours.
            text: what was shown.
            actor: the account that records it.
            expires: the first day, or moment, on which it no longer stands.
            capacity: who decided: the person, a guardian, a representative.
            birth_date: where the purpose has a minimum age: checked, not stored. A guardian's consent ends
                with the month before the child decides alone.
            reference: identifier of the form behind it.

        Returns:
            The purposes it was recorded for.

        Raises:
            UserError: if the text does not name the purpose, the purpose rests on no decision of the person,
                it has expired already, or somebody too young gave it alone.
        """
        return self._given(
            "given", [person], purposes, text,
            actor=actor, expires=expires, capacity=capacity, birth_date=birth_date, reference=reference,
        )  # fmt: skip

    def give_all(
        self,
        people: Sequence[Any],
        purposes: str | Sequence[str],
        *,
        text: ConsentText,
        actor: str,
        expires: date | datetime | None = None,
        reference: str = "",
    ) -> int:
        """Record that many people gave the same consent, all or none of them: for taking over older forms.

        Args:
            people: their keys; of age, each deciding alone.
            purposes, text, actor, expires, reference: as :meth:`give`.

        Returns:
            How many people.

        Raises:
            UserError: as :meth:`give`; also if a key names nobody, or a purpose asks for a birth date.
        """
        listed = list(people)
        if not listed:
            raise UserError("Nobody is named who gave consent.")
        self._given(
            "given", listed, purposes, text,
            actor=actor, expires=expires, capacity="self", birth_date=None, reference=reference,
        )  # fmt: skip
        return len(listed)

    def renew(
        self,
        person: Any,
        purposes: str | Sequence[str],
        *,
        text: ConsentText,
        actor: str,
        expires: date | datetime | None = None,
        capacity: Capacity = "self",
        birth_date: date | None = None,
        reference: str = "",
    ) -> tuple[str, ...]:
        """Record that a person continued a consent that stands or expired; arguments as :meth:`give`.

        Raises:
            UserError: as :meth:`give`; also if none was given, or it was withdrawn: nothing to renew.
        """
        return self._given(
            "renewed", [person], purposes, text,
            actor=actor, expires=expires, capacity=capacity, birth_date=birth_date, reference=reference,
        )  # fmt: skip

    def _given(
        self, kind: str, people: Sequence[Any], purposes: str | Sequence[str], text: ConsentText, *,
        actor: str, expires: Any, capacity: str, birth_date: Any, reference: str,
    ) -> tuple[str, ...]:  # fmt: skip
        if not isinstance(text, ConsentText):
            raise UserError("The text that was shown is a ConsentText: name, version, text, purposes.")
        pseudonyms, chosen = [self._pseudonyms.of(one) for one in people], self._decidable(purposes)
        named = {self.purposes[name].word for name in text.purposes}
        if missing := [purpose.word for purpose in chosen if purpose.word not in named]:
            raise UserError(
                f"The consent text {text.name} ({text.version}) does not name the purpose {missing[0]}: show "
                "a text that does."
            )
        checked_capacity(capacity)
        shown_text = {"text": text.name, "version": text.version, "language": text.language}
        with self._log.changing() as transaction:
            now, events = self._log.now(), []
            for pseudonym, purpose in product(dict.fromkeys(pseudonyms), chosen):
                before = self._log.standings.decision(pseudonym, purpose.word)
                if kind == "renewed" and (before is None or before.status == "withdrawn"):
                    raise UserError(
                        f"There is no consent to {purpose.word} to renew (none was given, or it was "
                        "withdrawn): show the text and record it with give()."
                    )
                ends = checked_expiry(
                    purpose, now, expires=expires, capacity=capacity, birth_date=birth_date, zone=self.zone
                )
                events.append(
                    self._log.event(
                        kind, actor, person=pseudonym, purpose=purpose.word, capacity=capacity,
                        expires="" if ends is None else stored(ends), digest=text.digest,
                        reference=word(reference, "The reference", empty=True), **shown_text,
                    )
                )  # fmt: skip
            transaction.keep_text(text.digest, text.text)
            self._append(transaction, events)
        return tuple(purpose.word for purpose in chosen)

    def withdraw(
        self,
        person: Any,
        purposes: str | Sequence[str] | None = None,
        *,
        actor: str,
        reference: str = "",
        confirmed: bool = False,
    ) -> Withdrawal:
        """Record that a person withdrew consent, or objected; at once, for good, until given anew.

        Args:
            person: key of the person.
            purposes: all that the person decides about if not given.
            actor: the account that records it.
            reference: identifier of the letter or case behind it.
            confirmed: whether the key was compared with the letter, so that the withdrawal is recorded though
                the ledger has no decision of this person. An objection alone needs none before it.

        Raises:
            UserError: if a purpose rests on no decision of the person (treatment goes on), or the ledger has
                no decision of the person and it was not confirmed: under a mistyped key nothing would stop.
        """
        pseudonym = self._pseudonyms.of(person)
        chosen = self.purposes.of_the_person if purposes is None else self._decidable(purposes)
        words = tuple(purpose.word for purpose in chosen)
        with self._log.changing() as transaction:
            now, known = self._log.now(), self._log.standings.decisions.values()
            identity = self._log.standings.resolved(pseudonym)
            found = any(identity in people for people in known)
            if not (found or confirmed or all(purpose.basis == "opt_out" for purpose in chosen)):
                raise UserError(
                    "The ledger has no decision of this person, so nothing would stop: compare the key with "
                    "the letter, then confirm that it is right to record the withdrawal all the same."
                )
            stopped = tuple(p.word for p in chosen if self._stands(pseudonym, p, now))
            reference = word(reference, "The reference", empty=True)
            self._append(
                transaction,
                [
                    self._log.event("withdrawn", actor, person=pseudonym, purpose=name, reference=reference)
                    for name in words
                ],
            )
        artifacts = runs_with(self._log, pseudonym, words)
        return Withdrawal(words, stopped, found, artifacts)

    def merge(self, person: Any, into: Any, *, actor: str, reference: str = "") -> None:
        """Record that two identities are one person; what either withdrew is withdrawn.

        Args:
            person: the key that is given up; it goes on to mean the same person.
            into: the key that stays.
            actor, reference: as :meth:`withdraw`.

        Raises:
            UserError: if they are the same, or were merged before.
        """
        given_up, kept = self._pseudonyms.of(person), self._pseudonyms.of(into)
        with self._log.changing() as transaction:
            if self._log.standings.resolved(given_up) == self._log.standings.resolved(kept):
                raise UserError("These two keys are the same person in the ledger already: nothing to merge.")
            reference = word(reference, "The reference", empty=True)
            self._append(
                transaction,
                [self._log.event("merged", actor, person=given_up, other=kept, reference=reference)],
            )

    def _decidable(self, purposes: str | Sequence[str]) -> tuple[Purpose, ...]:
        names = [purposes] if isinstance(purposes, str) else list(purposes or ())
        chosen = tuple(dict.fromkeys(self.purposes[name] for name in names))
        if not chosen:
            raise UserError("No purpose is named: consent is to something.")
        for purpose in chosen:
            if not purpose.decided_by_the_person:
                raise UserError(purpose.undecidable())
        return chosen

    # ------------------------------------------------------------------ runs

    @contextmanager
    def recording(self) -> Iterator[Recorder]:
        """Hold the ledger: nobody records anything until the end, so that what is checked here stays true."""
        with self._log.changing() as transaction:
            yield Recorder(self, transaction)

    def models_to_unlearn(self) -> list[ModelDebt]:
        """Return published models, and runs that never ended, with people who may no longer be used."""
        with self._log.lock:
            self._log.record_expiry()
            return debts_of(self)

    def settle(self, run: str, people: Any, *, actor: str, reference: str) -> None:
        """Record that people were taken out of a run's model: unlearned, or the model is gone.

        Args:
            run: identifier of the run.
            people: their keys; None where the model is gone altogether.
            actor: the account that records it.
            reference: identifier of the receipt behind it.

        Raises:
            UserError: if the run is not known.
        """
        with self.recording() as recorder:
            recorder.settle(run, people, actor, word(reference, "The reference"))

    def _append(self, transaction: Transaction, events: Sequence[Event]) -> None:
        # The audit trail first: what it cannot record must not happen.
        for event in events:
            target = event.person or event.run or "vocabulary"
            self._note(event.actor, f"consent {event.kind}", target, event.reference, event.purpose)
        self._log.append(transaction, events)

    def _note(self, actor: str, action: str, target: str, reason: str, purpose: str = "") -> None:
        if self.audit is not None:
            self.audit.record(actor, action, target, "allowed", purpose=purpose, reason=reason)
