"""Reversible tokens: AES-SIV under the key, with the entity as associated data (RFC 5297)."""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from secure_ai.core.errors import UserError
from secure_ai.encrypt.secret_keys import Key

_TOKEN = re.compile(r"tok\.([A-Z][A-Z0-9_]{1,40})\.([A-Za-z0-9_-]{22,})")
_PURPOSE = "token"


@lru_cache(maxsize=8)
def _cipher(key: Key) -> AESSIV:
    return AESSIV(key.subkey(_PURPOSE))


def tokenize(value: str, entity: str, key: Key) -> str:
    """Return a token for ``value``: same key, entity and value, same token.

    The text is safe in URLs and file names: ``tok.US_SSN.`` and letters, digits, - and _. Being
    deterministic, tokens show which values are equal, and their length shows that of the value.
    """
    sealed = _cipher(key).encrypt(value.encode("utf-8", "surrogatepass"), [entity.encode()])
    return f"tok.{entity}." + base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def detokenize(token: str, key: Key) -> str:
    """Return the value of a token.

    Raises:
        UserError: if it is no token, was changed or cut, or was made with another key.
    """
    match = _TOKEN.fullmatch(token.strip())
    if not match:
        raise UserError("This is not a token of this kit: a token looks like 'tok.US_SSN.' and letters.")
    try:
        sealed = base64.urlsafe_b64decode(match[2] + "=" * (-len(match[2]) % 4))
        return _cipher(key).decrypt(sealed, [match[1].encode()]).decode("utf-8", "surrogatepass")
    except (InvalidTag, binascii.Error, ValueError):
        raise UserError(
            f"A token for {match[1]} does not open: it was made with another key, or changed: "
            "use the key of that run."
        ) from None


def reidentify(text: str, key: Key) -> str:
    """Return ``text`` with every token in it replaced by its value.

    Raises:
        UserError: if one of them does not open with this key; nothing is given back then.
    """
    return _TOKEN.sub(lambda match: detokenize(match.group(), key), text)
