"""The proof of a shredding: every way to a person's data is tried, with live keys and with old copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.errors import (
    KeyDeletionPendingError,
    KeyNotFoundError,
    KeyRingError,
    KeyVersionGoneError,
    PersonShreddedError,
)
from secure_ai.encrypt.key_rings.interface import VersionedKeyRing
from secure_ai.encrypt.key_rings.local import LocalKeyRing
from secure_ai.encrypt.key_rings.person_keys import PersonKeys

if TYPE_CHECKING:
    import pandas as pd

Reader = Callable[[PersonKeys], object]
Outcome = Literal["opened", "key gone", "not conclusive"]
LIVE = "live"
KEY_ITSELF = "the key itself"
_GONE = (KeyVersionGoneError, PersonShreddedError, KeyNotFoundError)


@dataclass(frozen=True)
class Attempt:
    """One attempt to read something.

    Attributes:
        what: what was to be read.
        table: which copy of the table of person keys was used.
        ring: which copy of the ring was used.
        outcome: ``"opened"``; ``"key gone"``; or ``"not conclusive"``, where it failed for a reason that is
            no evidence (a damaged copy, another passphrase, a person whom the live table never knew, a
            version that a key service still can give back).
        reason: why it did not open, in a phrase.
    """

    what: str
    table: str
    ring: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class ShreddingProof:
    """Whether a person's data can still be read, and whether other persons' can.

    Attributes:
        person_id: the pseudonym.
        attempts: every attempt on the person's data.
        others: every attempt on other persons' data, with the live keys.
    """

    person_id: str
    attempts: tuple[Attempt, ...]
    others: tuple[Attempt, ...]

    @property
    def shredded(self) -> bool:
        """Whether every attempt on the person's data met a key that is gone."""
        return bool(self.attempts) and all(attempt.outcome == "key gone" for attempt in self.attempts)

    @property
    def others_readable(self) -> bool:
        """Whether other persons' data were tried, and every attempt succeeded."""
        return bool(self.others) and all(attempt.outcome == "opened" for attempt in self.others)

    @property
    def holds(self) -> bool:
        """Whether the person is shredded and nobody else."""
        return self.shredded and self.others_readable

    def sentence(self) -> str:
        """Say it in words."""
        tables = len({attempt.table for attempt in self.attempts} - {LIVE})
        rings = len({attempt.ring for attempt in self.attempts} - {LIVE})
        opened = [attempt for attempt in self.attempts if attempt.outcome == "opened"]
        unsure = [attempt for attempt in self.attempts if attempt.outcome == "not conclusive"]
        said = (
            f"{self.person_id}: {len(opened)} of {len(self.attempts)} attempts opened something, with the "
            f"live keys, {_copies(tables, 'the key table')} and {_copies(rings, 'the ring')}"
        )
        if any(attempt.ring == LIVE and attempt.table == LIVE for attempt in opened):
            said += "; the person is not shredded"
        elif opened:
            names = ", ".join(sorted({a.ring if a.ring != LIVE else a.table for a in opened}))
            said += f"; destroy these copies, which still hold the keys: {names}"
        if unsure:
            said += f"; not conclusive: {len(unsure)} (see their reasons)"
        if not self.others:
            return said + "; nothing of other persons was tried."
        read = sum(attempt.outcome == "opened" for attempt in self.others)
        return said + f"; of other persons' data, {read} of {len(self.others)} opened."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per attempt: ``whose``, ``what``, ``table``, ``ring``, ``outcome``, ``reason``."""
        import pandas as pd

        rows = [
            (whose, a.what, a.table, a.ring, a.outcome, a.reason)
            for whose, attempts in (("this person", self.attempts), ("others", self.others))
            for a in attempts
        ]
        return pd.DataFrame(rows, columns=["whose", "what", "table", "ring", "outcome", "reason"])


def prove_shredded(
    keys: PersonKeys,
    person_id: str,
    readers: Mapping[str, Reader],
    *,
    table_copies: Iterable[str | Path] = (),
    ring_copies: Iterable[str | Path] = (),
    passphrase: str | None = None,
    others: Mapping[str, Reader] | None = None,
) -> ShreddingProof:
    """Try to read a person's data in every way there is; run it before a shredding, too, to see it succeed.

    The live table and every copy of it are tried with the live ring and every copy of the ring. Copies are
    opened for reading only. What is not given is not tried: the proof is as good as the list of copies.

    Args:
        keys: the live keys.
        person_id: the pseudonym.
        readers: what to read, in words, and a function that reads it with the keys that it is given and
            returns, or raises UserError: ``{"a note in the backup": lambda keys: keys.unseal("P1", note)}``.
            Name live data and backup copies of the data.
        table_copies: old copies of the table of person keys.
        ring_copies: old copies of the ring's file (:class:`LocalKeyRing`).
        passphrase: that of the ring copies; None takes SECURE_AI_PASSPHRASE, or asks.
        others: readers of other persons' data, which must still open with the live keys.
    """
    tables = {LIVE: None, **_named(table_copies)}
    attempts: list[Attempt] = []
    with ExitStack() as opened:
        rings: list[tuple[str, VersionedKeyRing | None, str]] = [(LIVE, keys.ring, "")]
        for name, path in _named(ring_copies).items():
            rings.append((name, *_opened_ring(keys, path, passphrase, opened)))
        for ring_name, ring, problem in rings:
            for table_name, path in tables.items():
                if ring is None:
                    attempts.append(Attempt(KEY_ITSELF, table_name, ring_name, "not conclusive", problem))
                    continue
                try:
                    with _with_keys(keys, path, ring) as tried:
                        attempts += _try_all(tried, person_id, readers, table_name, ring_name)
                except KeyRingError as error:
                    attempts.append(
                        Attempt(KEY_ITSELF, table_name, ring_name, "not conclusive", error.reason)
                    )
    read = tuple(_try(name, reader, keys, LIVE, LIVE) for name, reader in (others or {}).items())
    return ShreddingProof(person_id, tuple(attempts), read)


def _try_all(
    keys: PersonKeys, person_id: str, readers: Mapping[str, Reader], table: str, ring: str
) -> list[Attempt]:
    key = _try(KEY_ITSELF, lambda tried: tried.check_key(person_id), keys, table, ring)
    tried = [_try(name, reader, keys, table, ring) for name, reader in readers.items()]
    if key.outcome == "key gone":
        # A reader may say in its own words that it does not open: it had no key.
        tried = [
            a if a.outcome == "opened" else Attempt(a.what, table, ring, "key gone", key.reason)
            for a in tried
        ]
    return [key, *tried]


def _try(what: str, reader: Reader, keys: PersonKeys, table: str, ring: str) -> Attempt:
    try:
        reader(keys)
    except _GONE as error:
        # A name that was never there, or misspelled, does not open either.
        never = table == LIVE and isinstance(error, KeyNotFoundError)
        unsure = never or isinstance(error, KeyDeletionPendingError)
        return Attempt(what, table, ring, "not conclusive" if unsure else "key gone", error.reason)
    except KeyRingError as error:
        return Attempt(what, table, ring, "not conclusive", error.reason)
    except UserError:
        return Attempt(what, table, ring, "not conclusive", "it does not open")
    return Attempt(what, table, ring, "opened", "")


@contextmanager
def _with_keys(keys: PersonKeys, path: Path | None, ring: VersionedKeyRing) -> Iterator[PersonKeys]:
    if path is None and ring is keys.ring:
        keys.forget()  # What is still in memory would open what the ring no longer does.
        yield keys
        return
    tried = PersonKeys.open(keys.path if path is None else path, ring, read_only=True)
    try:
        yield tried
    finally:
        tried.close()


def _opened_ring(
    keys: PersonKeys, path: Path, passphrase: str | None, opened: ExitStack
) -> tuple[VersionedKeyRing | None, str]:
    try:
        ring = LocalKeyRing.open(path, passphrase, actor=keys.gate.actor, audit=keys.gate.audit)
        return opened.enter_context(ring), ""
    except KeyRingError as error:
        return None, error.reason


def _named(paths: Iterable[str | Path]) -> dict[str, Path]:
    """Return each copy by its name, and by its folder and number, too, where names are the same."""
    named: dict[str, Path] = {}
    given = [Path(path) for path in paths]
    names = Counter(path.name for path in given)
    for path in given:
        name = shown(path.name if names[path.name] == 1 else f"{path.absolute().parent.name}/{path.name}")
        again = sum(known == name or known.startswith(f"{name} (") for known in named)
        named[f"{name} ({again + 1})" if again or name == LIVE else name] = path
    return named


def _copies(number: int, what: str) -> str:
    return f"{number} {'copy' if number == 1 else 'copies'} of {what}"
