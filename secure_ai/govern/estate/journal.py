"""The journal of erasures: what is done and what is left, and who somebody is of whom a part had to stay."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.govern.estate.store import Block, Holding, Removal
from secure_ai.govern.estate.subject import Subject

_NONCE = 12


@dataclass
class Entry:
    """One erasure under way.

    Attributes:
        reference: of the request.
        day: of the erasure.
        subject: the person, with all identifiers: they are needed until the last store is done.
        blocked: store → reasons to keep its data.
        stores: names of the stores to erase, in order.
        removals: what the stores that are done forgot.
        rebuilt: files that are rebuilt.
        held: what the stores held at the beginning, where they held something.
        asked: whether legal holds or statutory periods were asked at the beginning.
    """

    reference: str
    day: date
    subject: Subject
    blocked: dict[str, tuple[Block, ...]]
    stores: list[str]
    removals: dict[str, Removal] = field(default_factory=dict)
    rebuilt: list[str] = field(default_factory=list)
    held: dict[str, Holding] = field(default_factory=dict)
    asked: bool = False


class Journal:
    """A folder with one sealed file per erasure under way, each under a key that is destroyed at its end.

    The file holds the person's identifiers, because what is left to do cannot be done without them: so it is
    encrypted, and its key is overwritten before it is unlinked. What identifies somebody of whom a part had
    to stay is sealed in the same way until that part may go: what is left is found by it alone.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def save(self, entry: Entry) -> None:
        """Write how far an erasure is; it is on the disk when this returns."""
        path, key_path = self._paths(entry.reference)
        self._seal(path, key_path, _to_bytes(entry))

    def finish(self, entry: Entry) -> None:
        """Destroy the journal of an erasure that is done: the key is overwritten first."""
        _destroy(*self._paths(entry.reference))

    def keep(self, subject: Subject) -> None:
        """Seal who somebody is of whom a part had to stay; the file is named by the pseudonym."""
        path, key_path = self._kept_paths(subject.pseudonym)
        self._seal(path, key_path, json.dumps(_plain_subject(subject)).encode())

    def kept(self, pseudonym: str) -> Subject | None:
        """Return who somebody was before a part of the data went; None where nothing is kept.

        Raises:
            UserError: if what is kept cannot be read.
        """
        path, key_path = self._kept_paths(pseudonym)
        if not pseudonym or not path.exists():
            return None
        if not key_path.exists():
            # The key goes first: nothing is left of this person.
            path.unlink()
            return None
        return _subject(json.loads(_unsealed(path, key_path, "of a person of whom a part was kept")))

    def release(self, pseudonym: str) -> None:
        """Destroy what :meth:`keep` sealed."""
        _destroy(*self._kept_paths(pseudonym))

    def entries(self) -> Iterator[Entry]:
        """Yield erasures that were not finished.

        Raises:
            UserError: if one cannot be read.
        """
        for path in sorted(self.folder.glob("*.journal")):
            key_path = path.with_suffix(".key")
            if not key_path.exists():
                # The key goes first at the end of an erasure: this one was done.
                path.unlink()
                continue
            yield _from_bytes(_unsealed(path, key_path, "of an interrupted erasure"))

    def _paths(self, reference: str) -> tuple[Path, Path]:
        name = sha256(reference.encode()).hexdigest()[:16]
        return self.folder / f"{name}.journal", self.folder / f"{name}.key"

    def _kept_paths(self, pseudonym: str) -> tuple[Path, Path]:
        name = sha256(f"kept {pseudonym}".encode()).hexdigest()[:16]
        return self.folder / f"{name}.kept", self.folder / f"{name}.key"

    def _seal(self, path: Path, key_path: Path, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            # A key without a journal was left by a process that was killed here: it may be cut off.
            _write_private(key_path, AESGCM.generate_key(256))
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(key_path.read_bytes()).encrypt(nonce, content, path.name.encode())
        with atomic_file(path) as draft:
            _write_private(draft, nonce + sealed)


def _destroy(path: Path, key_path: Path) -> None:
    if key_path.exists():
        with key_path.open("r+b") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())
        key_path.unlink()
    path.unlink(missing_ok=True)


def _unsealed(path: Path, key_path: Path, what: str) -> bytes:
    raw = path.read_bytes()
    try:
        return AESGCM(key_path.read_bytes()).decrypt(raw[:_NONCE], raw[_NONCE:], path.name.encode())
    except (InvalidTag, ValueError):
        raise UserError(f"The journal {path.name} {what} is damaged: erase the person again.") from None


def _write_private(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _to_bytes(entry: Entry) -> bytes:
    fields = {
        "reference": entry.reference,
        "day": entry.day.isoformat(),
        "subject": _plain_subject(entry.subject),
        "blocked": {
            store: [asdict(block) | {"until": block.until and block.until.isoformat()} for block in blocks]
            for store, blocks in entry.blocked.items()
        },
        "stores": entry.stores,
        "removals": {store: asdict(removal) for store, removal in entry.removals.items()},
        "rebuilt": entry.rebuilt,
        "held": {
            store: asdict(one)
            | {
                "oldest": one.oldest and one.oldest.isoformat(),
                "newest": one.newest and one.newest.isoformat(),
            }
            for store, one in entry.held.items()
        },
        "asked": entry.asked,
    }
    return json.dumps(fields).encode()


def _from_bytes(raw: bytes) -> Entry:
    fields: dict[str, Any] = json.loads(raw)
    return Entry(
        fields["reference"],
        date.fromisoformat(fields["day"]),
        _subject(fields["subject"]),
        {
            store: tuple(Block(**block | {"until": _day(block["until"])}) for block in blocks)
            for store, blocks in fields["blocked"].items()
        },
        fields["stores"],
        {store: Removal(**removal) for store, removal in fields["removals"].items()},
        fields["rebuilt"],
        {
            store: Holding(**one | {name: _day(one[name]) for name in ("oldest", "newest")})
            for store, one in fields.get("held", {}).items()
        },
        fields.get("asked", True),
    )


def _plain_subject(subject: Subject) -> dict[str, Any]:
    return {
        "key": subject.key,
        "pseudonym": subject.pseudonym,
        "identifiers": {kind: list(values) for kind, values in subject.identifiers.items()},
        "birth_date": subject.birth_date,
        "shared": sorted(subject.shared),
        "namesakes": sorted(subject.namesakes),
    }


def _subject(fields: Mapping[str, Any]) -> Subject:
    return Subject(
        fields["key"],
        fields["pseudonym"],
        {kind: tuple(values) for kind, values in fields["identifiers"].items()},
        fields["birth_date"],
        frozenset(fields["shared"]),
        frozenset(fields["namesakes"]),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
