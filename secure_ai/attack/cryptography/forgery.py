"""A reused nonce gives away GCM's authentication key: the attacker then signs messages of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from secure_ai.attack.cryptography.gf128 import block, element, multiply, roots
from secure_ai.attack.cryptography.messages import SealedMessage, as_bytes, xor
from secure_ai.core.errors import UserError

MOST_BLOCKS = 64
"""The time grows with the square of the longer message: some seconds at this length."""


@dataclass(frozen=True)
class Forgery:
    """A message that the attacker wrote and the receiver accepts.

    Attributes:
        message: the forged message.
        candidates: how many authentication keys fit the two messages.
        tried: how many of them were sent to the receiver until one was accepted.
    """

    message: SealedMessage = field(repr=False)
    candidates: int
    tried: int

    def sentence(self) -> str:
        """Say what came of it."""
        return (
            f"From two messages with one nonce {self.candidates} possible authentication "
            f"{'key was' if self.candidates == 1 else 'keys were'} computed; forged message number "
            f"{self.tried} was accepted as genuine."
        )


def ghash(key: int, associated: bytes, ciphertext: bytes) -> int:
    """Return GHASH of a message under the authentication key ``key`` (NIST SP 800-38D, 6.4)."""
    total = 0
    for value in _blocks(associated, ciphertext):
        total = multiply(total ^ value, key)
    return total


def authentication_keys(first: SealedMessage, second: SealedMessage) -> list[int]:
    """Return the authentication keys that fit two different messages with one nonce; one is the real one.

    The difference of the tags is a polynomial in the key whose coefficients are all known.

    Raises:
        UserError: if the nonces differ, the messages are the same, or longer than :data:`MOST_BLOCKS`.

    Source: Joux, "Authentication Failures in NIST version of GCM" (2006); Böck and others,
    "Nonce-Disrespecting Adversaries", USENIX WOOT 2016.
    """
    if first.nonce != second.nonce:
        raise UserError("The messages have different nonces: their tags have nothing in common.")
    one, two = (_blocks(m.associated, m.ciphertext)[::-1] for m in (first, second))
    if max(len(one), len(two)) > MOST_BLOCKS:
        raise UserError(f"The messages have more than {MOST_BLOCKS} blocks of 16 bytes: take shorter ones.")
    if one == two:
        raise UserError("The two messages are the same: the attack needs two that differ.")
    length = max(len(one), len(two))
    padded = [blocks + [0] * (length - len(blocks)) for blocks in (one, two)]
    tags = element(first.tag) ^ element(second.tag)
    return roots([tags, *(a ^ b for a, b in zip(*padded, strict=True))])


def forge_message(
    known: SealedMessage,
    plaintext: str | bytes,
    other: SealedMessage,
    wanted: str | bytes,
    accepts: Callable[[SealedMessage], bool],
) -> Forgery:
    """Write ``wanted`` as a message that the receiver takes for genuine.

    Args:
        known: a message whose plaintext is known.
        plaintext: that plaintext.
        other: another message with the same nonce.
        wanted: what the receiver is to read; not longer than ``plaintext``.
        accepts: sends a message to the receiver and tells whether it was accepted.

    Raises:
        UserError: as :func:`authentication_keys`, or if lengths do not fit, or nothing was accepted.
    """
    text, plain = as_bytes(wanted), as_bytes(plaintext)
    if len(plain) != len(known.ciphertext) or not 0 < len(text) <= len(plain):
        raise UserError("The known plaintext is as long as its ciphertext, and the wanted text not longer.")
    ciphertext = xor(xor(known.ciphertext, plain), text)
    keys = authentication_keys(known, other)
    for tried, key in enumerate(keys, start=1):
        mask = element(known.tag) ^ ghash(key, known.associated, known.ciphertext)
        tag = block(mask ^ ghash(key, known.associated, ciphertext))
        forged = replace(known, ciphertext=ciphertext, tag=tag)
        if accepts(forged):
            return Forgery(forged, len(keys), tried)
    raise UserError("No forged message was accepted: the messages are not from one key and nonce.")


def _blocks(associated: bytes, ciphertext: bytes) -> list[int]:
    lengths = (8 * len(associated)).to_bytes(8, "big") + (8 * len(ciphertext)).to_bytes(8, "big")
    parts = [data[i : i + 16] for data in (associated, ciphertext) for i in range(0, len(data), 16)]
    return [element(part) for part in [*parts, lengths]]
