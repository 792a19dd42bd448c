"""Numbers as whole words modulo 2^64, so that masks cancel exactly and no addition ever rounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secure_ai.core.errors import UserError

WORD_BITS = 64
LARGEST_ERROR = 1e-10
Words = NDArray[np.uint64]


@dataclass(frozen=True)
class FixedPoint:
    """How a real number stands as a word of 64 bits, agreed on by all before a round.

    Attributes:
        clients: the most participants whose words are added.
        fractional_bits: binary places behind the point.
    """

    clients: int
    fractional_bits: int

    def __post_init__(self) -> None:
        if self.clients < 1 or not 0 <= self.fractional_bits <= 52:
            raise UserError("A fixed point needs at least one participant and 0 to 52 binary places.")

    @classmethod
    def for_clients(cls, clients: int, largest_error: float = LARGEST_ERROR) -> FixedPoint:
        """Return the coarsest encoding whose sum is off by at most ``largest_error``: the widest range.

        Each participant rounds once, by at most half a unit of the last place.

        Raises:
            UserError: if so many participants cannot be added so exactly.
        """
        if clients < 1 or not 0 < largest_error < 1:
            raise UserError(
                "An encoding is for at least one participant, and its error lies between 0 and 1."
            )
        bits = math.ceil(math.log2(clients / (2 * largest_error)))
        if bits > 52:
            raise UserError(f"{clients:,} participants cannot be added that exactly: allow a larger error.")
        return cls(clients, max(bits, 0))

    @property
    def limit(self) -> float:
        """The largest number, by amount, that a participant may send.

        Half of what would fit: the sum of honest participants lies in half of the words, so that a sum of
        nonsense is noticed.
        """
        return 2.0 ** (WORD_BITS - 2 - self.fractional_bits) / self.clients

    @property
    def largest_error(self) -> float:
        """How far the sum of all participants can be from the exact one."""
        return self.clients * 2.0 ** -(self.fractional_bits + 1)

    def encode(self, values: ArrayLike) -> Words:
        """Return one word for each number.

        Raises:
            UserError: if a number is not finite or beyond :attr:`limit` (its place is named, not its value).
        """
        try:
            numbers = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise UserError("An update is numbers; this one holds something else.") from None
        if numbers.ndim != 1 or not numbers.size:
            raise UserError("An update is a flat vector of at least one number: ravel the weights first.")
        finite = np.isfinite(numbers)
        if not finite.all():
            raise UserError(
                f"{int((~finite).sum()):,} of {numbers.size:,} numbers of the update are NaN or infinite "
                f"(the first is number {int(np.argmin(finite)) + 1:,}): check the training."
            )
        beyond = np.abs(numbers) > self.limit
        if beyond.any():
            raise UserError(
                f"{int(beyond.sum()):,} of {numbers.size:,} numbers are larger than {self.limit:,.6g}, which "
                f"would overflow a sum of {self.clients:,} (the first is number "
                f"{int(np.argmax(beyond)) + 1:,}): clip the update or divide all weights by a common number."
            )
        return np.rint(np.ldexp(numbers, self.fractional_bits)).astype(np.int64).view(np.uint64)

    def decode(self, words: Words) -> NDArray[np.float64]:
        """Return the numbers of a sum of words.

        Raises:
            UserError: if a number is larger than honest participants can add up to.
        """
        numbers = np.ldexp(words.view(np.int64).astype(np.float64), -self.fractional_bits)
        beyond = np.abs(numbers) > self.limit * self.clients
        if beyond.any():
            raise UserError(
                f"The sum is no sum of honest updates: {int(beyond.sum()):,} of {numbers.size:,} numbers are "
                "out of range. A participant sent nonsense; masks hide which one: discard this round."
            )
        return numbers
