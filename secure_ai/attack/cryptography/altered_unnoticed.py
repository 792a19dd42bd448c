"""Encrypted is not authentic: an amount or a dose is changed in the ciphertext; only GCM notices."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from secure_ai.attack.cryptography.messages import demonstration_bytes, xor
from secure_ai.core.errors import UserError

BLOCK_BYTES = 16


@dataclass(frozen=True)
class Alteration:
    """What the receiver of a changed ciphertext reads.

    Attributes:
        mode: CTR, CBC or GCM.
        noticed: whether decryption failed.
        read: what the receiver reads; nothing where it was noticed.
        as_wanted: whether that holds the attacker's value in its place.
        garbled_bytes: bytes elsewhere that came out as nonsense.
    """

    mode: str
    noticed: bool
    read: str = field(repr=False)
    as_wanted: bool
    garbled_bytes: int


@dataclass(frozen=True)
class Alterations:
    """The same change tried against each mode."""

    results: tuple[Alteration, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each mode; what is no printable text is shown as a dot."""
        rows = [
            {
                "mode": r.mode,
                "noticed": r.noticed,
                "as_wanted": r.as_wanted,
                "garbled_bytes": r.garbled_bytes,
                "receiver_reads": "".join(c if c.isprintable() and c != "�" else "·" for c in r.read),
            }
            for r in self.results
        ]
        return pd.DataFrame(rows)

    def sentence(self) -> str:
        """Say which modes let the change through."""
        passed = [r.mode for r in self.results if r.as_wanted and not r.noticed]
        noticed = [r.mode for r in self.results if r.noticed]
        through = f"Changed unnoticed under {' and '.join(passed)}" if passed else "Changed under no mode"
        return f"{through}; refused under {' and '.join(noticed) if noticed else 'none'}."


def alter_stream(ciphertext: bytes, position: int, old: bytes, new: bytes) -> bytes:
    """Change ``old`` at ``position`` of the plaintext into ``new`` by flipping bits (CTR, GCM).

    The attacker needs no key: only the place and the value that stands there, both known from the format.

    Raises:
        UserError: if the values are not equally long or do not fit.
    """
    _check(len(ciphertext), position, old, new)
    end = position + len(old)
    return ciphertext[:position] + xor(ciphertext[position:end], xor(old, new)) + ciphertext[end:]


def alter_cbc(
    initial: bytes, ciphertext: bytes, position: int, old: bytes, new: bytes
) -> tuple[bytes, bytes]:
    """Do the same under CBC: flip bits of the block before, which itself comes out as nonsense.

    In the first block the initial vector takes the flips, and nothing is garbled.

    Args:
        initial: the initial vector, 16 bytes.
        ciphertext: the message.
        position: where ``old`` stands in the plaintext.
        old: what stands there.
        new: what is to stand there, equally long.

    Returns:
        The changed initial vector and ciphertext.
    """
    _check(len(ciphertext), position, old, new)
    changed = alter_stream(initial + ciphertext, position, old, new)
    return changed[:BLOCK_BYTES], changed[BLOCK_BYTES:]


def alter_message(text: str, old: str, new: str, *, key: bytes | None = None) -> Alterations:
    """Encrypt ``text`` under CTR, CBC and GCM, change ``old`` into ``new`` on the way, and let it be read.

    Args:
        text: an order, a prescription or a payment; ``old`` occurs in it once.
        old: the value that the attacker knows, such as ``"010.0 mg"``.
        new: what it is to become; as many bytes.
        key: 32 bytes; a fixed one for demonstration if not given.

    Raises:
        UserError: if ``old`` does not occur exactly once, or ``new`` has another length.
    """
    plain, before, after = (part.encode() for part in (text, old, new))
    if not before or plain.count(before) != 1:
        raise UserError("The value to change must occur exactly once in the text: give more of it.")
    position = plain.index(before)
    wanted = plain.replace(before, after)
    _check(len(plain), position, before, after)
    key = demonstration_bytes("alteration", 32) if key is None else key
    if len(key) not in {16, 24, 32}:
        raise UserError("An AES key has 16, 24 or 32 bytes.")
    initial = demonstration_bytes("alteration nonce", BLOCK_BYTES)

    stream = Cipher(algorithms.AES(key), modes.CTR(initial))
    changed = alter_stream(_run(stream.encryptor(), plain), position, before, after)
    results = [_seen("CTR", _run(stream.decryptor(), changed), wanted, position, after)]

    padder, unpadder = padding.PKCS7(128).padder(), padding.PKCS7(128).unpadder()
    sealed = _run(Cipher(algorithms.AES(key), modes.CBC(initial)).encryptor(), _run(padder, plain))
    first, changed = alter_cbc(initial, sealed, position, before, after)
    try:
        read = _run(unpadder, _run(Cipher(algorithms.AES(key), modes.CBC(first)).decryptor(), changed))
        results.append(_seen("CBC", read, wanted, position, after))
    except ValueError:
        # The padding broke, which is luck and no check of authenticity.
        results.append(Alteration("CBC", True, "", False, 0))

    cipher, nonce = AESGCM(key), initial[:12]
    changed = alter_stream(cipher.encrypt(nonce, plain, None), position, before, after)
    try:
        results.append(_seen("GCM", cipher.decrypt(nonce, changed, None), wanted, position, after))
    except InvalidTag:
        results.append(Alteration("GCM", True, "", False, 0))
    return Alterations(tuple(results))


def _run(context: object, data: bytes) -> bytes:
    return context.update(data) + context.finalize()  # type: ignore[attr-defined]


def _seen(mode: str, read: bytes, wanted: bytes, position: int, new: bytes) -> Alteration:
    as_wanted = read[position : position + len(new)] == new
    garbled = sum(a != b for a, b in zip(read, wanted, strict=True))
    return Alteration(mode, False, read.decode("utf-8", "replace"), as_wanted, garbled)


def _check(length: int, position: int, old: bytes, new: bytes) -> None:
    if len(old) != len(new) or not old:
        raise UserError(
            f"The new value has {len(new)} bytes and the old one {len(old)}: bits are flipped, not added."
        )
    if not 0 <= position <= length - len(old):
        raise UserError(f"Nothing of {len(old)} bytes stands at byte {position:,} of {length:,}.")
