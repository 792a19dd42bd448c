"""The levels between a ring's key and a person's key: groups of persons, each with a key of its own."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.encrypt.key_rings.errors import (
    KeyNameError,
    KeyNotFoundError,
    PersonShreddedError,
    RingFileError,
    WrappedKeyError,
)
from secure_ai.encrypt.key_rings.interface import (
    VersionedKeyRing,
    WrappedKey,
    canonical_context,
    is_identifier,
    random_data_key,
)
from secure_ai.encrypt.key_rings.person_table import PersonTable

_NONCE, _TAG = 12, 16


class PersonGroups:
    """Keys of persons, sealed with the keys of their groups, which a key of the ring wraps."""

    def __init__(self, table: PersonTable, ring: VersionedKeyRing) -> None:
        self.table, self.ring = table, ring
        self._opened: dict[int, tuple[bytes, bytes]] = {}
        try:
            self.key_name, self._store = table.settings["key_name"], table.settings["store"]
            self._groups = int(table.settings["groups"])
        except (KeyError, ValueError):
            raise RingFileError(f"{table.name} is no table of person keys: name another file.") from None

    def group_of(self, person: str) -> int:
        """Return the group of a person.

        Raises:
            KeyNameError: if the identifier is none, or looks like a social security number.
        """
        if not is_identifier(person):
            raise KeyNameError(
                "A person is named by a pseudonym of 1 to 64 letters, digits, dots, colons, underscores and "
                "hyphens that is no social security number: pseudonymize the identifiers first."
            )
        return int.from_bytes(hashlib.sha256(person.encode()).digest()[:8], "big") % self._groups

    def rows_of(self, person: str) -> tuple[int, list[tuple[int, bytes]]]:
        """Return a person's group, and version and sealed key, the oldest first.

        Raises:
            KeyNotFoundError: if the person has no key.
            PersonShreddedError: if the person was shredded.
        """
        group = self.group_of(person)
        rows = self.table.keys_of(group, person)
        if not rows:
            raise KeyNotFoundError(f"The person {person} has no key in this table: add the person first.")
        if rows[0][1] is None:
            raise PersonShreddedError(
                f"The keys of {person} were destroyed for good: nothing can be read or written."
            )
        return group, rows

    def missing(self, persons: Iterable[str]) -> dict[int, list[str]]:
        """Return those who have no key yet, by group.

        Raises:
            PersonShreddedError: if one was shredded.
        """
        found: dict[int, list[str]] = {}
        for person in persons:
            group = self.group_of(person)
            if self.table.keys_of(group, person):
                self.rows_of(person)
            else:
                found.setdefault(group, []).append(person)
        return found

    def add(self, group: int, persons: Iterable[str]) -> None:
        """Give persons of one group their first key."""
        secret = self._group_secret(group, create=True)
        self.table.put_keys((group, person, 1, self._new_key(secret, person, 1)) for person in persons)

    def add_version(self, person: str, version: int) -> None:
        """Give a person one more key."""
        group = self.group_of(person)
        self.table.put_keys(
            [(group, person, version, self._new_key(self._group_secret(group), person, version))]
        )

    def secret(self, person: str, version: int | None) -> tuple[int, bytes]:
        """Return version and key of a person; the newest if None.

        Raises:
            KeyRingError: if it cannot be had.
        """
        group, rows = self.rows_of(person)
        wanted = rows[-1][0] if version is None else version
        sealed = dict(rows).get(wanted)
        if sealed is None:
            raise KeyNotFoundError(f"The person {person} has no key of this version in this table.")
        try:
            return wanted, self._open_key(self._group_secret(group), person, wanted, sealed)
        except WrappedKeyError:
            # Another process may have given the group a new key between the two reads.
            if self.rows_of(person)[1] == rows:
                raise
            return self.secret(person, version)

    def renew(self, group: int, leaving: Iterable[str]) -> int:
        """Give a group without those who leave a new key; return how many keys were sealed anew."""
        old = self._group_secret(group)
        for person in leaving:
            self.table.bury(group, person)
        members = self.table.members(group)
        if not members:
            self.table.remove_group(group)
            return 0
        new = self.ring.new_data_key(self.key_name, self._context(group))
        rows = []
        for person, version, sealed in members:
            key = self._open_key(old, person, version, sealed)
            rows.append((group, person, version, self._seal_key(new.secret, person, version, key)))
        self.table.put_keys(rows)
        self.table.put_group(group, new.wrapped.to_bytes())
        return len(rows)

    def rewrap_groups(self, without: Iterable[int]) -> int:
        """Wrap the keys of all other groups with the newest version of the ring's key; return how many."""
        done = set(without)
        others = [(group, wrapped) for group, wrapped in self.table.groups() if group not in done]
        for group, wrapped in others:
            again = self.ring.rewrap(WrappedKey.from_bytes(wrapped), self._context(group))
            self.table.put_group(group, again.to_bytes())
        return len(others)

    def forget(self) -> None:
        """Let go of the group keys in memory."""
        self._opened.clear()

    def associated(self, what: str, person: str, version: int, context: Mapping[str, str]) -> bytes:
        """Return what is authenticated with something of a person."""
        return json.dumps(["person", what, self._store, person, version]).encode() + canonical_context(
            context
        )

    def _context(self, group: int) -> dict[str, str]:
        return {"store": self._store, "group": str(group)}

    def _group_secret(self, group: int, *, create: bool = False) -> bytes:
        wrapped = self.table.group(group)
        if wrapped is None:
            if not create:
                raise RingFileError(
                    f"The table of person keys {self.table.name} is damaged: a group is missing."
                )
            made = self.ring.new_data_key(self.key_name, self._context(group))
            self.table.put_group(group, made.wrapped.to_bytes())
            return made.secret
        known = self._opened.get(group)
        if known is None or known[0] != wrapped:
            secret = self.ring.unwrap(WrappedKey.from_bytes(wrapped), self._context(group))
            known = self._opened[group] = (wrapped, secret)
        return known[1]

    def _new_key(self, group_secret: bytes, person: str, version: int) -> bytes:
        return self._seal_key(group_secret, person, version, random_data_key())

    def _seal_key(self, group_secret: bytes, person: str, version: int, key: bytes) -> bytes:
        return sealed_with(group_secret, key, self.associated("key", person, version, {}))

    def _open_key(self, group_secret: bytes, person: str, version: int, sealed: bytes) -> bytes:
        return opened_with(group_secret, sealed, self.associated("key", person, version, {}), "person's key")


def sealed_with(key: bytes, plaintext: bytes, associated: bytes) -> bytes:
    """Encrypt with AES-256-GCM; the random nonce comes first."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, associated)


def opened_with(key: bytes, sealed: bytes, associated: bytes, what: str) -> bytes:
    """Decrypt what :func:`sealed_with` made.

    Raises:
        WrappedKeyError: if it does not open.
    """
    try:
        if len(sealed) < _NONCE + _TAG:
            raise InvalidTag
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], associated)
    except InvalidTag:
        raise WrappedKeyError(
            f"The {what} does not open: it belongs to another person or context, or is damaged."
        ) from None
