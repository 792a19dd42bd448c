"""Reverse hashes of short numbers by trying them all: why a hash without a key is no protection.

For demonstrations and assessments of one's own data. A social security number has nine digits, a card
number has at most six that are not printed on a receipt: a computer tries them in no time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from secure_ai.core import UserError
from secure_ai.discover.checkdigits import luhn_is_valid

Hash = Callable[[str], str]


def plain_hash(value: str) -> str:
    """Return the SHA-256 of ``value`` without a key, as hexadecimal digits: what must not be used."""
    return hashlib.sha256(value.encode()).hexdigest()


@dataclass(frozen=True)
class Reversal:
    """What an attacker got back.

    Attributes:
        values: for each hash the value that was found, or None.
        tried: candidates that were tried.
    """

    values: tuple[str | None, ...]
    tried: int

    @property
    def found(self) -> int:
        """Hashes that were reversed."""
        return sum(value is not None for value in self.values)


def reverse_hashes(
    hashes: Sequence[str], candidates: Sequence[Iterable[str]], hashed: Hash = plain_hash
) -> Reversal:
    """Try for each hash its candidates until one fits.

    Args:
        hashes: what the attacker sees.
        candidates: for each hash, the values that it could stand for.
        hashed: the function that the attacker takes the hashes for.

    Raises:
        UserError: if there are not as many sets of candidates as hashes.
    """
    if len(hashes) != len(candidates):
        raise UserError(f"There are {len(hashes)} hashes and {len(candidates)} sets of candidates.")
    values: list[str | None] = []
    tried = 0
    for wanted, possible in zip(hashes, candidates, strict=True):
        value = None
        for candidate in possible:
            tried += 1
            if hashed(candidate) == wanted:
                value = candidate
                break
        values.append(value)
    return Reversal(tuple(values), tried)


def ssn_candidates(last_four: str) -> Iterator[str]:
    """Yield every social security number that ends in ``last_four``: 100,000.

    Raises:
        UserError: if these are not four digits.
    """
    if len(last_four) != 4 or not last_four.isdigit():
        raise UserError("Give the last four digits of a social security number.")
    return (f"{n // 100:03d}-{n % 100:02d}-{last_four}" for n in range(100_000))


def card_candidates(first_six: str, last_four: str, length: int = 16) -> Iterator[str]:
    """Yield every card number with these ends and a right check digit: 100,000 for 16 digits.

    Raises:
        UserError: if the ends are not six and four digits, or the length is out of range.
    """
    ends = first_six + last_four
    if len(first_six) != 6 or len(last_four) != 4 or not ends.isdigit() or not 13 <= length <= 19:
        raise UserError("Give the first six and the last four digits of a card number of 13 to 19 digits.")
    middle = length - 10
    # The check digit fixes one of the middle digits: only the others have to be tried.
    for n in range(10 ** (middle - 1)):
        head = f"{first_six}{n:0{middle - 1}d}"
        for digit in "0123456789":
            if luhn_is_valid(f"{head}{digit}{last_four}"):
                yield f"{head}{digit}{last_four}"
                break
