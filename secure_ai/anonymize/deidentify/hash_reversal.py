"""Reverse hashes of short numbers by trying them all: why a hash without a key is no protection.

For demonstrations and assessments of one's own data. A social security number has nine digits, a card
number has at most six that are not printed on a receipt: a computer tries them in no time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from secure_ai.core import UserError

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
    """Return every social security number that ends in ``last_four``: 100,000.

    Raises:
        UserError: if these are not four digits.
    """
    if len(last_four) != 4 or not last_four.isdigit():
        raise UserError("Give the last four digits of a social security number.")
    return (f"{n // 100:03d}-{n % 100:02d}-{last_four}" for n in range(100_000))


def card_candidates(first_six: str, last_four: str, length: int = 16) -> Iterator[str]:
    """Return every card number with these ends and a right check digit: 100,000 for 16 digits.

    Raises:
        UserError: if the ends are not six and four digits, or the length is out of range.
    """
    ends = first_six + last_four
    if len(first_six) != 6 or len(last_four) != 4 or not ends.isdigit() or not 13 <= length <= 16:
        raise UserError("Give the first six and the last four digits of a card number of 13 to 16 digits.")
    weights = _luhn_weights(length)
    known = [*zip(first_six, weights[:6], strict=True), *zip(last_four, weights[-4:], strict=True)]
    fixed = sum(weight[int(digit)] for digit, weight in known)
    # The check digit fixes the last unknown digit: only the others have to be tried.
    fitting = {weight % 10: str(digit) for digit, weight in enumerate(weights[length - 5])}
    return (
        f"{first_six}{middle}{fitting[-(fixed + total) % 10]}{last_four}"
        for middle, total in _middles(length)
    )


def _luhn_weights(length: int) -> list[tuple[int, ...]]:
    """Return, for each place of a number, what each digit adds to its Luhn sum (ISO/IEC 7812-1)."""
    plain, doubled = tuple(range(10)), (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    return [doubled if (length - 1 - place) % 2 else plain for place in range(length)]


@lru_cache(maxsize=2)
def _middles(length: int) -> list[tuple[str, int]]:
    weights = _luhn_weights(length)[6 : length - 5]
    middles = [("", 0)]
    for weight in weights:
        middles = [(head + str(d), total + weight[d]) for head, total in middles for d in range(10)]
    return middles
