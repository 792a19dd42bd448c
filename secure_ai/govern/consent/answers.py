"""What the consent ledger answers: of whom records may be used, and what is recorded about a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.core.audit import AuditLog, utc_now
from secure_ai.core.errors import UserError
from secure_ai.govern.consent.chain import ChainedLog
from secure_ai.govern.consent.events import ConsentText, Epoch, named_zone
from secure_ai.govern.consent.history import Standing, events_of, standing_of, standings_until
from secure_ai.govern.consent.people import Pseudonyms, derived, distinct_keys, read_key
from secure_ai.govern.consent.purposes import Purpose, Purposes


@dataclass(frozen=True)
class Answer:
    """Of whom records may be used.

    Attributes:
        mask: (entries,) truth values.
        places: (entries,) number of the person; -1 where the key is missing.
        pseudonyms, keys: of the people, by number; empty where a key names nobody.
        allowed: (people,) truth values.
        epoch: where the ledger stood.
    """

    mask: np.ndarray
    places: np.ndarray
    pseudonyms: Sequence[str] = field(repr=False)
    keys: Sequence[str] = field(repr=False)
    allowed: np.ndarray
    epoch: Epoch

    @property
    def used(self) -> dict[str, str]:
        """Pseudonym → key of those allowed."""
        people = zip(self.pseudonyms, self.keys, self.allowed, strict=True)
        return {pseudonym: key for pseudonym, key, ok in people if ok and key}


class AnsweringLedger:
    """The side of the ledger that is asked; arguments as those of ``ConsentLedger``."""

    def __init__(
        self,
        where: str | Path,
        *,
        key: bytes | str | Path,
        witness: str | Path | None,
        purposes: Purposes | str | Path,
        clock: Callable[[], datetime] = utc_now,
        audit: AuditLog | None = None,
        zone: str = "UTC",
        timeout: float = 10,
    ) -> None:
        self._set(where, key, witness, purposes, clock=clock, audit=audit, zone=zone, timeout=timeout)
        self._log.open()

    def _set(
        self, where, key, witness, purposes, *, adopting=False, clock=utc_now, audit=None, zone="UTC",
        timeout=10,
    ) -> None:  # fmt: skip
        secret = read_key(key)
        named_zone(zone)
        self.purposes = purposes if isinstance(purposes, Purposes) else Purposes.load(purposes)
        self._pseudonyms = Pseudonyms(derived(secret, "pseudonyms"))
        self.audit, self.zone = audit, zone
        self._log = ChainedLog(
            where, key=derived(secret, "chain"), witness=witness, clock=clock, timeout=timeout,
            words=None if adopting else self.purposes.words, former=self.purposes.former,
        )  # fmt: skip

    @property
    def epoch(self) -> Epoch:
        """Where the ledger stands now; another epoch means that something was recorded since."""
        with self._log.lock:
            self._log.record_expiry()
            return self._log.epoch

    def allowed(self, people: Any, purpose: str, at: datetime | None = None) -> np.ndarray:
        """Say of whom records may be used for a purpose, now (or at a later moment).

        Args:
            people: column or list of keys; 17, 17.0 and "17" are one person, a missing key is nobody.
            purpose: word of the vocabulary.
            at: a later moment; an earlier one counts as now (for the past see :meth:`stood`).

        Returns:
            (entries,) truth values. Where the purpose rests on consent: who gave it, and neither withdrew nor
            let it expire. Where on a right to object: who did not object. Elsewhere: everybody, unless the
            purpose is none.

        Raises:
            UserError: if the purpose is unknown, or the ledger cannot be trusted.
        """
        return self.answer(people, purpose, at).mask

    def answer(self, people: Any, purpose: str, at: datetime | None = None) -> Answer:
        """Return what :meth:`allowed` does, with those who are allowed and the epoch that it holds for."""
        asked = self.purposes[purpose]
        places, keys = distinct_keys(people)
        pseudonyms = self._pseudonyms.all(keys)
        with self._log.lock:
            self._log.record_expiry()
            now, epoch = self._log.now(at, self.zone), self._log.epoch
            allowed = np.fromiter((self._stands(p, asked, now) for p in pseudonyms), bool, len(pseudonyms))
        # Place -1 is a missing key: nobody, whose consent nobody has.
        nobody = not asked.decided_by_the_person and asked.basis != "none"
        mask = np.append(allowed, nobody)[places]
        return Answer(mask, places, pseudonyms, keys, allowed, epoch)

    def still_allowed(
        self, pseudonyms: Iterable[str], purpose: str, since: Epoch
    ) -> tuple[frozenset[str], Epoch]:
        """Return those of some pseudonyms that are allowed now, and the epoch that this holds for.

        Args:
            pseudonyms: people who were allowed.
            purpose: word of the vocabulary.
            since: the epoch of that answer; where nothing was recorded since, it holds.
        """
        asked = self.purposes[purpose]
        with self._log.lock:
            self._log.record_expiry()
            now, epoch = self._log.now(), self._log.epoch
            if epoch == since:
                return frozenset(pseudonyms), epoch
            return frozenset(p for p in pseudonyms if self._stands(p, asked, now)), epoch

    def standing(self, person: Any, purpose: str, at: datetime | None = None) -> Standing:
        """Say whether one person's records may be used for a purpose, and why; see :meth:`allowed`."""
        pseudonym, asked = self._pseudonyms.of(person), self.purposes[purpose]
        with self._log.lock:
            self._log.record_expiry()
            now = self._log.now(at, self.zone)
            return standing_of(asked, self._log.standings.decision(pseudonym, asked.word), now)

    def stood(self, person: Any, purpose: str, at: datetime) -> Standing:
        """Say what stood at a moment of the past, by what was recorded then: for traces, never for use."""
        pseudonym, asked = self._pseudonyms.of(person), self.purposes[purpose]
        with self._log.lock:
            self._log.sync()
            standings, moment = standings_until(self._log, self.purposes.former, at, self.zone)
        return standing_of(asked, standings.decision(pseudonym, asked.word), moment)

    def history(self, person: Any) -> pd.DataFrame:
        """Return what is recorded about a person, of all identities merged into one: one row an event."""
        pseudonym = self._pseudonyms.of(person)
        with self._log.lock:
            self._log.sync()
            return events_of(self._log, pseudonym)

    def text_shown(self, digest: str) -> str:
        """Return a consent text by the digest that an event names.

        Raises:
            UserError: if it is not there, or was altered.
        """
        content = self._log.store.content(digest)
        if content is None or ConsentText("text", "1", content, ("any",)).digest != digest:
            raise UserError(
                "The consent text of this digest is not in the ledger, or was altered: look for the form."
            )
        return content

    def verify(self) -> Epoch:
        """Check every event again, from the first; return where the ledger stands.

        Raises:
            UserError: if one was altered or is missing.
        """
        with self._log.lock:
            self._log.sync()
            self._log.checked()
            return self._log.epoch

    def pseudonym(self, person: Any) -> str:
        """Return the pseudonym by which this ledger knows a person, for audit trails and receipts."""
        return self._pseudonyms.of(person)

    def _stands(self, person: str, purpose: Purpose, now: datetime) -> bool:
        if not purpose.decided_by_the_person:
            return purpose.basis != "none"
        if not person:
            return False
        decision = self._log.standings.decision(person, purpose.word)
        if purpose.basis == "opt_out":
            return decision is None or decision.status != "withdrawn"
        return decision is not None and decision.stands(now)
