"""Two messages with one nonce: who knows or guesses one reads the other; the key is never needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from secure_ai.attack.cryptography.messages import SealedMessage, as_bytes, xor
from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent

# How often a byte stands in ordinary records: spaces and letters much, the rest little.
_LIKELY = np.full(256, -3.0)
_LIKELY[list(range(32, 127))] = -0.5
_LIKELY[list(b"0123456789.,:-/\n")] = 0.5
_LIKELY[list(range(65, 91))] = 0.5
_LIKELY[list(b" abcdefghijklmnopqrstuvwxyz")] = 1.0


@dataclass(frozen=True)
class ReadMessage:
    """What was read of a message without its key.

    Attributes:
        text: the bytes read, from the start.
        length: length of the whole message.
    """

    text: bytes = field(repr=False)
    length: int

    @property
    def share(self) -> float:
        """Share of the message that was read."""
        return len(self.text) / self.length

    def sentence(self) -> str:
        """Say what came of it."""
        return (
            f"Without the key, {len(self.text):,} of the {self.length:,} bytes of the other message are "
            f"read ({percent(self.share)}): one nonce for two messages is one key stream for both."
        )


def read_other_message(known: SealedMessage, plaintext: str | bytes, other: SealedMessage) -> ReadMessage:
    """Read ``other`` from a message with the same nonce whose plaintext is known, such as a form letter.

    Both ciphertexts are the plaintext plus the same key stream (CTR mode inside GCM), so that
    other plaintext = other ciphertext XOR known ciphertext XOR known plaintext.

    Raises:
        UserError: if the nonces differ (the attack then yields nothing), or the plaintext is not as long as
            its ciphertext.

    Source: NIST SP 800-38D, appendix A; RFC 5116, 5.1.1.
    """
    _require_one_nonce([known, other])
    plain = as_bytes(plaintext)
    if len(plain) != len(known.ciphertext):
        raise UserError(
            f"The known plaintext has {len(plain):,} bytes and its ciphertext {len(known.ciphertext):,}: "
            "give the whole plaintext of that message."
        )
    stream = xor(known.ciphertext, plain)
    return ReadMessage(xor(stream, other.ciphertext), len(other.ciphertext))


@dataclass(frozen=True)
class CribDrag:
    """Where a guessed phrase may stand, and what the other message says there.

    Attributes:
        table: one row for each place, the likeliest first: offset, reading (of the other message, if the
            phrase stands there in one of them), likelihood (mean score of its bytes).
    """

    table: pd.DataFrame = field(repr=False)
    crib_bytes: int

    def to_frame(self, rows: int = 10) -> pd.DataFrame:
        """Return the ``rows`` likeliest places."""
        return self.table.head(rows)

    def sentence(self) -> str:
        """Say what stands out."""
        best = self.table.iloc[0]
        return (
            f"Of {len(self.table):,} places for the guessed phrase of {self.crib_bytes} bytes, the likeliest "
            f"is byte {best['offset']:,}: the other message then reads like text."
        )


def drag_crib(first: SealedMessage, second: SealedMessage, crib: str | bytes) -> CribDrag:
    """Try a phrase that probably occurs ("Patient ", "IBAN ") at every place of two messages with one nonce.

    Where it really stands, the other message becomes readable; elsewhere it comes out as nonsense. Which of
    the two holds the phrase is not told: the reading is the same for both.

    Raises:
        UserError: if the nonces differ, or the phrase is empty or longer than what both messages share.
    """
    _require_one_nonce([first, second])
    guess = as_bytes(crib)
    mixed = np.frombuffer(xor(first.ciphertext, second.ciphertext), np.uint8)
    if not 0 < len(guess) <= len(mixed):
        raise UserError(f"The guessed phrase needs 1 to {len(mixed):,} bytes, not {len(guess):,}.")
    windows = np.lib.stride_tricks.sliding_window_view(mixed, len(guess)) ^ np.frombuffer(guess, np.uint8)
    scores = _LIKELY[windows].mean(axis=1)
    rows = pd.DataFrame(
        {
            "offset": np.arange(len(windows)),
            "reading": [bytes(window).decode("ascii", "replace") for window in windows],
            "likelihood": scores,
        }
    )
    order = rows.sort_values(["likelihood", "offset"], ascending=[False, True], ignore_index=True)
    return CribDrag(order, len(guess))


def reused_nonces(messages: Sequence[SealedMessage]) -> pd.DataFrame:
    """Return the nonces that occur more than once, in hexadecimal digits, with the messages' positions.

    The check to run over one's own stored ciphertexts: for one key, this table must be empty.
    """
    places: dict[bytes, list[int]] = {}
    for i, message in enumerate(messages):
        places.setdefault(message.nonce, []).append(i)
    found = [{"nonce": n.hex(), "messages": m} for n, m in places.items() if len(m) > 1]
    return pd.DataFrame(found, columns=["nonce", "messages"])


def _require_one_nonce(messages: Sequence[SealedMessage]) -> None:
    if len({message.nonce for message in messages}) > 1:
        raise UserError(
            "The messages have different nonces, and so different key streams: nothing can be read."
        )
