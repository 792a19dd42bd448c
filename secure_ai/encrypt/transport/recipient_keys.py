"""Data keys wrapped for a recipient's public key: only the vendor can open what is sent to the vendor."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.encrypt.key_rings.interface import (
    DATA_KEY_BYTES,
    DataKey,
    WrappedKey,
    canonical_context,
    random_data_key,
)
from secure_ai.encrypt.transport.public_keys import fingerprint, load_private_key, read_public_line

RING = "recipient"


class NotForThisRecipient(UserError):
    """A data key that was wrapped for somebody else, for another use, or was altered."""


class RecipientKeys:
    """The sender's side: a ring of the public keys of those that data are sent to; it opens nothing.

    It wraps with HPKE in base mode (X25519, HKDF-SHA256, AES-256-GCM). That hides the data key from all but
    the recipient and says nothing about who sent it: the signature of the package does.

    Args:
        public_keys: for each recipient's name the public key, one line such as ``x25519:...``.

    Raises:
        OrganizationKeyError: if a line is no such key.

    Source: RFC 9180.
    """

    def __init__(self, public_keys: Mapping[str, str]) -> None:
        self._keys = {name: read_public_line(line, "x25519") for name, line in public_keys.items()}

    def new_data_key(self, key_name: str, context: Mapping[str, str]) -> DataKey:
        """Return a fresh data key, wrapped for the recipient ``key_name``.

        Raises:
            UserError: if no such recipient is known.
        """
        if key_name not in self._keys:
            raise UserError(f"There is no public key of the recipient {shown(key_name)}: ask for it.")
        key, secret = self._keys[key_name], random_data_key()
        version = fingerprint(key)
        ciphertext = _suite().encrypt(secret, key, info=_info(key_name, version, context))
        return DataKey(secret, WrappedKey(RING, key_name, version, ciphertext))

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Refuse: only the recipient's private key opens a data key.

        Raises:
            NotForThisRecipient: always.
        """
        raise NotForThisRecipient(
            f"Only {shown(wrapped.key_name)} can open this: the sender keeps no key to it once it is sent."
        )

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        """Refuse, as :meth:`unwrap`."""
        self.unwrap(wrapped, context)
        raise AssertionError("unreachable")

    def rotate(self, key_name: str) -> str:
        """Refuse: a new key is made by the recipient.

        Raises:
            UserError: always.
        """
        raise UserError(f"{shown(key_name)} makes a new key and sends its public half: use that one then.")


class RecipientKey(RecipientKeys):
    """The recipient's side: opens data keys that were wrapped for it.

    Args:
        name: under which the sender knows the recipient.
        path: the private key's file, from
            :func:`~secure_ai.encrypt.transport.public_keys.generate_recipient_key`.
        passphrase: of that file.

    Raises:
        OrganizationKeyError: if the file cannot be used.
    """

    def __init__(self, name: str, path: str | Path, *, passphrase: str | None = None) -> None:
        super().__init__({})
        self._private = load_private_key(path, "x25519", passphrase)
        self._keys = {name: self._private.public_key()}

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> bytes:
        """Return the data key.

        Raises:
            NotForThisRecipient: if it was wrapped for another key or use, or was altered.
        """
        try:
            info = _info(wrapped.key_name, wrapped.version, context)
            secret = _suite().decrypt(wrapped.ciphertext, self._private, info=info)
        except (InvalidTag, ValueError):
            secret = b""
        if wrapped.ring != RING or len(secret) != DATA_KEY_BYTES:
            raise NotForThisRecipient(
                "This was encrypted for another recipient or purpose, or was altered: ask the sender."
            )
        return secret

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        """Return the same data key, wrapped anew for the same recipient.

        Raises:
            NotForThisRecipient: as :meth:`unwrap`.
        """
        secret = self.unwrap(wrapped, context)
        info = _info(wrapped.key_name, wrapped.version, context)
        ciphertext = _suite().encrypt(secret, self._private.public_key(), info=info)
        return WrappedKey(RING, wrapped.key_name, wrapped.version, ciphertext)


def _suite() -> Suite:
    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def _info(key_name: str, version: str, context: Mapping[str, str]) -> bytes:
    named = {"recipient": key_name, "key": version}
    return b"secure-ai data key 1\n" + canonical_context(named) + b"\n" + canonical_context(context)
