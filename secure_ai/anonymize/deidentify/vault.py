"""A vault of random tokens that keep the form of card and account numbers.

Tokens are random, not computed: without the vault nobody gets from a token to its value, whatever key
he holds. Format-preserving encryption is not used: NIST withdrew FF3, and its approved successor FF1
needs domains far larger than a short account number has.
"""

from __future__ import annotations

import json
import os
import random
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.discover.checkdigits import luhn_is_valid
from secure_ai.encrypt.secret_keys import Key

_MAGIC = b"secure-ai vault 1\n"
_CODE_LETTERS = "bcdfghjkmnpqrstvwxz"


class TokenVault:
    """Values and their random tokens, kept in a file that is sealed with the key (AES-256-GCM).

    Args:
        path: the vault's file; None for a vault that is forgotten with the object.
        key: opens and seals the file; needed with ``path``.
        seed: makes the tokens repeatable, for tests and lessons only: a token must be random.

    Raises:
        UserError: if there is no key, the file is none of this kit's vaults, or another key sealed it.
    """

    def __init__(self, path: str | Path | None = None, key: Key | None = None, *, seed: int | None = None):
        if path is not None and key is None:
            raise UserError("A vault file is sealed with a key: name it with --key-file.")
        self.path = None if path is None else Path(path)
        self._key = key
        self._random = random.Random(seed) if seed is not None else secrets.SystemRandom()
        self._tokens: dict[tuple[str, str], str] = {}
        self._values: dict[str, tuple[str, str]] = {}
        if self.path is not None and self.path.exists():
            self._open()

    def __len__(self) -> int:
        return len(self._tokens)

    def __repr__(self) -> str:
        return f"TokenVault({len(self)} tokens)"

    def number(self, value: str, entity: str, keep_last: int = 0) -> str:
        """Return the token of a number: same length and punctuation, digits for digits, letters for letters.

        The token fails the Luhn check, so that it can never be a card, and never equals its value.

        Args:
            value: card or account number as written.
            entity: what it is; the same digits of another entity get another token.
            keep_last: last characters (0 to 4) that stay.
        """
        plain = "".join(c for c in value if c.isalnum())
        kind = f"{entity}/{keep_last}"
        token = self._tokens.get((kind, plain))
        if token is None:
            token = self._new(kind, plain, keep_last)
            self._remember(kind, plain, token)
        letters = iter(token)
        return "".join(next(letters) if c.isalnum() else c for c in value)

    def code(self, value: str, entity: str, prefix: str = "id-") -> str:
        """Return a random code for ``value``: ``prefix`` and twelve consonants."""
        token = self._tokens.get((entity, value))
        if token is None:
            token = self._random_code()
            while token in self._values:
                token = self._random_code()
            self._remember(entity, value, token)
        return prefix + token

    def value_of(self, token: str) -> str:
        """Return the value behind a token or a code.

        Raises:
            UserError: if the vault does not hold it.
        """
        plain = "".join(c for c in token if c.isalnum())
        found = self._values.get(plain) or self._values.get(token.rpartition("-")[2])
        if found is None:
            raise UserError("The vault does not hold this token: open the vault of the run that made it.")
        return found[1]

    def save(self) -> None:
        """Write the vault to its file, sealed; without a file nothing happens."""
        if self.path is None:
            return
        content = json.dumps([[kind, value, token] for (kind, value), token in self._tokens.items()]).encode()
        nonce = secrets.token_bytes(12)
        sealed = AESGCM(self._key.subkey("vault", 32)).encrypt(nonce, content, _MAGIC)
        with atomic_file(self.path) as draft:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + nonce + sealed)

    def _open(self) -> None:
        name = shown(self.path.name)
        try:
            raw = self.path.read_bytes()
        except OSError:
            raise UserError(f"The vault {name} cannot be read: check the path and its rights.") from None
        if not raw.startswith(_MAGIC):
            raise UserError(f"{name} is not a vault of this kit: name another --vault.")
        nonce, sealed = raw[len(_MAGIC) : len(_MAGIC) + 12], raw[len(_MAGIC) + 12 :]
        try:
            content = json.loads(AESGCM(self._key.subkey("vault", 32)).decrypt(nonce, sealed, _MAGIC))
        except (InvalidTag, ValueError):
            raise UserError(
                f"The vault {name} does not open: it was sealed with another key, or the file is damaged."
            ) from None
        for kind, value, token in content:
            self._remember(kind, value, token)

    def _remember(self, kind: str, value: str, token: str) -> None:
        self._tokens[kind, value] = token
        self._values[token] = (kind, value)

    def _new(self, kind: str, plain: str, keep_last: int) -> str:
        kept = plain[len(plain) - keep_last :] if keep_last and len(plain) > keep_last + 4 else ""
        changed = plain[: len(plain) - len(kept)]
        for _ in range(10_000):
            # The first digit stays, so that a number has no leading zero that a table would cut.
            drawn = "".join(
                self._random.choice("123456789" if i == 0 else "0123456789") if c.isdigit()
                else self._random.choice("ABCDEFGHJKLMNPRSTVWXYZ" if c.isupper() else _CODE_LETTERS)
                for i, c in enumerate(changed)
            ) + kept  # fmt: skip
            known = drawn in self._values or (kind, drawn) in self._tokens
            if drawn != plain and not known and not _passes_luhn(drawn):
                return drawn
        raise UserError(
            f"There are no more tokens of {len(plain)} characters: use the action hash for numbers so short."
        )

    def _random_code(self) -> str:
        return "".join(self._random.choice(_CODE_LETTERS) for _ in range(12))


def _passes_luhn(token: str) -> bool:
    digits = "".join(c for c in token if c.isdigit())
    return len(digits) >= 8 and luhn_is_valid(digits)
