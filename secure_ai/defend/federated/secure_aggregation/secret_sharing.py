"""Shamir's sharing of a 256-bit secret: any threshold of shares gives it back, fewer say nothing."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping

from secure_ai.core.errors import UserError

PRIME = 2**256 + 297  # The least prime above every secret of 256 bits.
SECRET_BYTES = 32
SHARE_BYTES = 33
MOST_TRIES = 2_000
Entropy = Callable[[int], bytes]


def split_secret(
    secret: bytes, shares: int, threshold: int, entropy: Entropy = os.urandom
) -> dict[int, bytes]:
    """Return ``shares`` shares of ``secret``, numbered from 1; any ``threshold`` of them give it back.

    Args:
        secret: 32 bytes.
        shares: how many.
        threshold: how many are needed.
        entropy: gives random bytes; the operating system's, except where a lesson must be repeatable.

    Raises:
        UserError: if the secret has another length, or the threshold is not between 1 and ``shares``.

    Source: Shamir, How to share a secret (1979).
    """
    if len(secret) != SECRET_BYTES or not 1 <= threshold <= shares:
        raise UserError(
            f"A secret has {SECRET_BYTES} bytes, and its threshold lies between 1 and the number of shares."
        )
    # 128 bits more than the prime has: the remainder is uniform for all that can be told.
    rest = [int.from_bytes(entropy(SHARE_BYTES + 16), "big") % PRIME for _ in range(threshold - 1)]
    coefficients = [int.from_bytes(secret, "big"), *rest]
    return {
        number: _evaluate(coefficients, number).to_bytes(SHARE_BYTES, "big")
        for number in range(1, shares + 1)
    }


def reconstruct(shares: Mapping[int, bytes], threshold: int) -> bytes:
    """Return the secret of shares by their numbers; the first ``threshold`` of them are used.

    Raises:
        UserError: if there are too few, one is no share, or they are not of one secret of 32 bytes.
    """
    if len(shares) < threshold:
        raise UserError(f"A secret needs {threshold} shares to be put together; there are {len(shares)}.")
    points = []
    for number, share in itertools.islice(sorted(shares.items()), threshold):
        value = int.from_bytes(share, "big")
        if not 0 < number < PRIME or len(share) != SHARE_BYTES or value >= PRIME:
            raise UserError(f"Share {number} is none: it needs {SHARE_BYTES} bytes and a number from 1.")
        points.append((number, value))
    secret = 0
    for number, value in points:
        above = below = 1
        for other, _ in points:
            if other != number:
                above, below = above * other % PRIME, below * (other - number) % PRIME
        secret = (secret + value * above * pow(below, -1, PRIME)) % PRIME
    if secret >= 1 << (8 * SECRET_BYTES):
        raise UserError("These shares are not of one secret: one of them was altered.")
    return secret.to_bytes(SECRET_BYTES, "big")


def reconstruct_checked(
    shares: Mapping[int, bytes], threshold: int, is_right: Callable[[bytes], bool]
) -> bytes | None:
    """Return the secret that ``is_right`` accepts, also where some shares are wrong; None if there is none.

    Other choices of shares are tried while there are more than ``threshold``, ``MOST_TRIES`` at most.
    """
    for chosen in itertools.islice(itertools.combinations(sorted(shares), threshold), MOST_TRIES):
        try:
            secret = reconstruct({number: shares[number] for number in chosen}, threshold)
        except UserError:
            continue
        if is_right(secret):
            return secret
    return None


def _evaluate(coefficients: list[int], place: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * place + coefficient) % PRIME
    return value
