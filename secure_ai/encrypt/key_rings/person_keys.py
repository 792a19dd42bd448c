"""A key for each person: destroying it destroys what was written about that person, everywhere."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from secure_ai.core.outputs import atomic_file
from secure_ai.encrypt.key_rings.errors import (
    KeyExistsError,
    KeyRingError,
    WrappedKeyError,
)
from secure_ai.encrypt.key_rings.gate import Allowed, Gate, KeyUse
from secure_ai.encrypt.key_rings.interface import (
    DataKey,
    VersionedKeyRing,
    WrappedKey,
    check_ring,
    random_data_key,
)
from secure_ai.encrypt.key_rings.person_groups import PersonGroups, opened_with, sealed_with
from secure_ai.encrypt.key_rings.person_table import PersonTable
from secure_ai.encrypt.private_files import open_private

KIND = "person"
_SHORTEST_RECORD = 4 + 12 + 16


@dataclass(frozen=True)
class Shredding:
    """What shredding did.

    Attributes:
        persons: how many persons lost their keys for good.
        keys_resealed: keys of other persons that were sealed anew, because they shared a group.
        groups_rewrapped: group keys wrapped with the new version of the ring's key.
        versions_destroyed: how many older versions of the ring's key were destroyed.
    """

    persons: int
    keys_resealed: int
    groups_rewrapped: int
    versions_destroyed: int

    def sentence(self) -> str:
        """Say it in words, without the numbers that follow from how chance spread the persons."""
        return (
            f"The keys of {self.persons:,} person{'' if self.persons == 1 else 's'} are destroyed: the keys "
            "of others in their groups, if any, were sealed anew, the groups' keys re-wrapped, and "
            f"{self.versions_destroyed:,} older version{'' if self.versions_destroyed == 1 else 's'} of the "
            "ring's key destroyed, with which copies of the table could have been opened."
        )


class PersonKeys:
    """Keys of persons, in a file beside the data; itself a :class:`KeyRing` whose key names are persons.

    Three levels: a key of the ring wraps the keys of about a thousand groups; a group's key seals the keys of
    its persons; a person's key wraps data keys and seals records. To shred a person, the key is removed, the
    group gets a new key, all group keys are wrapped with a new version of the ring's key, and the older
    versions are destroyed. A backup of this file therefore does not bring a person back: what it holds was
    wrapped with a version that is gone. One shredding re-wraps about 2 * sqrt(persons) keys, not all.

    What it rests on, and where it ends: copies of the *ring* from before must be gone, too (they are small
    and few; with their passphrase they open old copies of this file), as must processes that still hold old
    keys in memory, and whatever was decrypted and stored elsewhere. With AWS KMS the old version is refused
    at once and gone after the waiting time. The identifiers stay in the file as a record that the person was
    shredded, so that no new key is made by mistake; they must be pseudonyms.

    Made with :meth:`create` or :meth:`open`. The ring's key belongs to this file alone: a shredding destroys
    its older versions.
    """

    def __init__(self, table: PersonTable, ring: VersionedKeyRing, gate: Gate, read_only: bool) -> None:
        self.gate = gate
        self._table, self._groups, self._read_only = table, PersonGroups(table, ring), read_only
        self.key_name = self._groups.key_name

    @classmethod
    def create(
        cls,
        path: str | Path,
        ring: VersionedKeyRing,
        *,
        key_name: str = "persons",
        groups: int = 1024,
        allowed: Allowed | None = None,
    ) -> PersonKeys:
        """Make an empty table of person keys, and a key of its own in the ring.

        Args:
            path: its file, readable by its owner alone; never overwritten.
            ring: the ring; actor and audit trail are the ring's.
            key_name: a name that the ring does not have yet.
            groups: among how many groups persons are spread: about the square root of their number.
            allowed: the access policy, asked with the person as key name; the ring's if None.

        Raises:
            UserError: if the file or the ring's key exists, or the file cannot be written.
        """
        if not 1 <= groups <= 1 << 20:
            raise KeyRingError(
                "The number of groups is between 1 and 1,048,576: about the root of the persons."
            )
        if key_name in ring.key_names():
            raise KeyExistsError(
                f"The ring has a key {key_name}, and a table of person keys needs one of its own: name "
                "another."
            )
        path = Path(path)
        settings = {"store": secrets.token_hex(16), "key_name": key_name, "groups": str(groups)}
        table = PersonTable.create(path, settings)
        try:
            ring.create_key(key_name)
        except BaseException:
            table.close()
            path.unlink()
            raise
        return cls(table, ring, _gate(ring, allowed), read_only=False)

    @classmethod
    def open(
        cls,
        path: str | Path,
        ring: VersionedKeyRing,
        *,
        allowed: Allowed | None = None,
        read_only: bool = False,
    ) -> PersonKeys:
        """Open a table of person keys, and finish a shredding that was interrupted.

        ``read_only`` is for copies, which are never changed.

        Raises:
            UserError: if there is no such table, or the ring cannot be used.
        """
        keys = cls(PersonTable(Path(path), read_only=read_only), ring, _gate(ring, allowed), read_only)
        if not read_only:
            keys.finish_shredding()
        return keys

    def add(self, person_ids: str | Iterable[str]) -> int:
        """Give persons a key; who has one keeps it. Returns how many are new.

        One event of the audit trail for all of them.

        Raises:
            KeyNameError: if an identifier has more than letters, digits, dots, colons, underscores and
                hyphens, or looks like a social security number.
            PersonShreddedError: if one was shredded: nobody is added then.
        """
        persons = _persons(person_ids)
        context = {"persons": str(len(persons))}
        with self.gate.use("add", self.key_name, context) as use, self._changing():
            new = self._groups.missing(persons)
            use.allow()
            for group, members in new.items():
                self._groups.add(group, members)
        return sum(len(members) for members in new.values())

    def new_data_key(self, key_name: str, context: Mapping[str, str]) -> DataKey:
        """Return a fresh data key, wrapped with the newest key of the person ``key_name``."""
        with self.gate.use("wrap", key_name, context) as use:
            secret = random_data_key()
            wrapped = self._wrap(secret, key_name, context, use)
        return DataKey(secret, wrapped)

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Return the 32 bytes of a data key."""
        with self.gate.use("unwrap", wrapped.key_name, context) as use:
            secret = self._unwrap(wrapped, context, use)
        return secret

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        """Return the same data key, wrapped with the person's newest key."""
        with self.gate.use("rewrap", wrapped.key_name, context) as use:
            again = self._wrap(self._unwrap(wrapped, context, use), wrapped.key_name, context, use)
        return again

    def rotate(self, key_name: str) -> str:
        """Give the person ``key_name`` a new key and return its version; older ones still open."""
        with self.gate.use("rotate", key_name) as use, self._changing():
            version = self._groups.rows_of(key_name)[1][-1][0] + 1
            use.allow(str(version))
            self._groups.add_version(key_name, version)
        return str(version)

    def seal(self, person_id: str, plaintext: bytes, context: Mapping[str, str] | None = None) -> bytes:
        """Encrypt a small record with the person's newest key (AES-256-GCM), bound to ``context``."""
        with self.gate.use("seal", person_id, context) as use:
            version, secret = self._secret(person_id, None, use)
            associated = self._groups.associated("record", person_id, version, context or {})
            sealed = version.to_bytes(4, "big") + sealed_with(secret, plaintext, associated)
        return sealed

    def unseal(self, person_id: str, sealed: bytes, context: Mapping[str, str] | None = None) -> bytes:
        """Decrypt a record of :meth:`seal`.

        Raises:
            PersonShreddedError: if the person was shredded.
            KeyVersionGoneError: if this is an old copy of the table, and its ring key was destroyed.
            WrappedKeyError: if the record is another person's, has another context, or is damaged.
        """
        with self.gate.use("unseal", person_id, context) as use:
            if len(sealed) < _SHORTEST_RECORD:
                raise WrappedKeyError("The record is cut short: take it from a backup.")
            version, secret = self._secret(person_id, int.from_bytes(sealed[:4], "big"), use)
            associated = self._groups.associated("record", person_id, version, context or {})
            plaintext = opened_with(secret, sealed[4:], associated, "record")
        return plaintext

    def check_key(self, person_id: str) -> None:
        """Try to get at the person's key, and keep it to ourselves.

        Raises:
            UserError: if it cannot be had, with the reason.
        """
        with self.gate.use("try", person_id) as use:
            self._secret(person_id, None, use)

    def shred(self, person_ids: str | Iterable[str]) -> Shredding:
        """Destroy the keys of persons for good, for all copies of this table.

        Many at once cost hardly more than one. If it is interrupted, the next :meth:`open` finishes it.

        Raises:
            KeyNotFoundError: if a person has no key; nothing is done then.
            PersonShreddedError: if one was shredded before; nothing is done then.
        """
        persons = _persons(person_ids)
        if not persons:
            return Shredding(0, 0, 0, 0)
        with ExitStack() as stack:
            uses = [stack.enter_context(self.gate.use("shred", person)) for person in persons]
            stack.enter_context(self._changing())
            groups: dict[int, list[str]] = {}
            for person in persons:
                groups.setdefault(self._groups.rows_of(person)[0], []).append(person)
            for use in uses:
                use.allow()
            older = self._living_versions()
            self.ring.rotate(self.key_name)
            resealed = sum(self._groups.renew(group, leaving) for group, leaving in groups.items())
            rewrapped = self._groups.rewrap_groups(without=groups)
            self._table.set("to_destroy", json.dumps(older))
        self._groups.forget()
        return Shredding(len(persons), resealed, rewrapped, self.finish_shredding())

    def finish_shredding(self) -> int:
        """Destroy the versions of the ring's key that a shredding left behind; return how many.

        :meth:`shred` and :meth:`open` call it; it does nothing where nothing is left.
        """
        if self._table.setting("to_destroy") in ("", "[]"):
            return 0
        # Within the table's lock: another process that shreds meanwhile would add to what is left.
        with self._changing():
            living = self._living_versions()
            left = [v for v in json.loads(self._table.setting("to_destroy")) if v in living]
            for version in left:
                self.ring.destroy(self.key_name, version)
            self._table.set("to_destroy", "[]")
        return len(left)

    def counts(self) -> tuple[int, int]:
        """Return how many persons have a key, and how many were shredded."""
        return self._table.counts()

    def backup(self, target: str | Path) -> Path:
        """Write a consistent copy of the table; it holds wrapped keys only.

        Raises:
            UserError: if it cannot be written.
        """
        path = Path(target)
        with atomic_file(path) as draft:
            open_private(draft).close()
            self._table.copy_to(draft)
        return path

    @property
    def ring(self) -> VersionedKeyRing:
        """The ring whose key wraps the groups' keys."""
        return self._groups.ring

    @property
    def path(self) -> Path:
        """The file of the table."""
        return self._table.path

    def forget(self) -> None:
        """Let go of the keys in memory: the ring is asked again, and says no if its key was destroyed."""
        self._groups.forget()

    def close(self) -> None:
        """Let go of the keys and close the file."""
        self._groups.forget()
        self._table.close()

    def __enter__(self) -> PersonKeys:
        """Return the keys, to be closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def __repr__(self) -> str:
        """Show where the table is and nothing of what it holds."""
        return f"PersonKeys({self._table.name})"

    def _living_versions(self) -> list[str]:
        gone = ("destroyed", "pending deletion")
        return [v.version for v in self.ring.versions(self.key_name) if v.state not in gone]

    @contextmanager
    def _changing(self) -> Iterator[None]:
        if self._read_only:
            raise KeyRingError(f"{self._table.name} is open for reading only: change the table itself.")
        with self._table.transaction():
            yield

    def _wrap(self, secret: bytes, person: str, context: Mapping[str, str], use: KeyUse) -> WrappedKey:
        version, key = self._secret(person, None, use)
        sealed = sealed_with(key, secret, self._groups.associated("wrapped", person, version, context))
        return WrappedKey(KIND, person, str(version), sealed)

    def _unwrap(self, wrapped: WrappedKey, context: Mapping[str, str], use: KeyUse) -> bytes:
        check_ring(wrapped, KIND, "a person's key")
        if re.fullmatch(r"[1-9]\d{0,8}", wrapped.version, re.ASCII) is None:
            raise WrappedKeyError("The wrapped key is damaged: take the file from a backup.")
        version, key = self._secret(wrapped.key_name, int(wrapped.version), use)
        associated = self._groups.associated("wrapped", wrapped.key_name, version, context)
        return opened_with(key, wrapped.ciphertext, associated, "wrapped key")

    def _secret(self, person: str, version: int | None, use: KeyUse) -> tuple[int, bytes]:
        use.version = "" if version is None else str(version)
        found, secret = self._groups.secret(person, version)
        use.version = str(found)
        return found, secret


def _gate(ring: VersionedKeyRing, allowed: Allowed | None) -> Gate:
    return Gate(KIND, ring.gate.actor, ring.gate.audit, ring.gate.allowed if allowed is None else allowed)


def _persons(person_ids: str | Iterable[str]) -> list[str]:
    return [person_ids] if isinstance(person_ids, str) else list(dict.fromkeys(person_ids))
