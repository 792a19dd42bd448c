"""Arithmetic in GF(2^128), the field of GCM's authentication, and roots of polynomials over it."""

from __future__ import annotations

from collections.abc import Sequence

BITS = 128
_ONES = int.from_bytes(b"\x01" * (2 * BITS), "big")
_DIGITS = bytes.maketrans(b"\x00\x01", b"01")


def element(block: bytes) -> int:
    """Return a block of up to 16 bytes (zeros are appended) as an element: bit i is the power x^i.

    Source: NIST SP 800-38D, 6.3, whose blocks hold the lowest power first.
    """
    return int(format(int.from_bytes(block.ljust(16, b"\0"), "big"), "0128b")[::-1], 2)


def block(value: int) -> bytes:
    """Return the block of an element."""
    return int(format(value, "0128b")[::-1], 2).to_bytes(16, "big")


def multiply(a: int, b: int) -> int:
    """Return the product modulo x^128 + x^7 + x^2 + x + 1."""
    # One byte for each bit: an ordinary product then adds up to 128 in each, and its lowest bit is the sum.
    product = (_spread(a) * _spread(b)) & _ONES
    value = int(product.to_bytes(2 * BITS, "big").translate(_DIGITS), 2)
    for _ in range(2):
        high, low = value >> BITS, value & ((1 << BITS) - 1)
        value = low ^ high ^ high << 1 ^ high << 2 ^ high << 7
    return value


def inverse(a: int) -> int:
    """Return the element whose product with ``a`` (not zero) is 1: a^(2^128 - 2)."""
    result, power = 1, a
    for _ in range(BITS - 1):
        power = multiply(power, power)
        result = multiply(result, power)
    return result


def roots(polynomial: Sequence[int]) -> list[int]:
    """Return the different roots of a polynomial, its coefficients given from the lowest power.

    Source: Berlekamp's trace algorithm, as in Lidl and Niederreiter, "Finite Fields", section 4.2.
    """
    monic = _monic(list(polynomial))
    if len(monic) < 2:
        return []
    power = [0, 1]
    for _ in range(BITS):
        power = _square(power, monic)
    # Every element is a root of x^(2^128) - x, once: what is shared with it has only different roots.
    return sorted(_split(_gcd(monic, _add(power, [0, 1])), 0))


def _split(f: list[int], first: int) -> list[int]:
    if len(f) < 2:
        return []
    if len(f) == 2:
        return [f[0]]
    # Two different roots have another trace with at least one of the powers of x.
    for bit in range(first, BITS):
        power = trace = [0, 1 << bit]
        for _ in range(BITS - 1):
            power = _square(power, f)
            trace = _add(trace, power)
        part = _gcd(f, trace)
        if 1 < len(part) < len(f):
            return _split(part, bit + 1) + _split(_divide(f, part)[0], bit + 1)
    raise AssertionError("different roots have different traces")


def _spread(a: int) -> int:
    return int.from_bytes(format(a, "0128b").encode(), "big") & (_ONES >> 8 * BITS)


def _trimmed(f: list[int]) -> list[int]:
    while f and f[-1] == 0:
        f.pop()
    return f


def _monic(f: list[int]) -> list[int]:
    f = _trimmed(f)
    if not f or f[-1] == 1:
        return f
    factor = inverse(f[-1])
    return [multiply(c, factor) for c in f]


def _add(f: list[int], g: list[int]) -> list[int]:
    longer, shorter = (f, g) if len(f) >= len(g) else (g, f)
    return _trimmed([c ^ d for c, d in zip(longer, shorter, strict=False)] + longer[len(shorter) :])


def _divide(f: list[int], g: list[int]) -> tuple[list[int], list[int]]:
    """Return quotient and remainder by ``g``, whose highest coefficient is 1."""
    rest, quotient = list(f), [0] * max(len(f) - len(g) + 1, 0)
    for i in reversed(range(len(quotient))):
        factor = quotient[i] = rest[i + len(g) - 1]
        if factor:
            for j, c in enumerate(g):
                rest[i + j] ^= multiply(factor, c)
    return quotient, _trimmed(rest)


def _square(f: list[int], modulus: list[int]) -> list[int]:
    squared = [0] * (2 * len(f))
    squared[::2] = [multiply(c, c) for c in f]
    return _divide(squared, modulus)[1]


def _gcd(f: list[int], g: list[int]) -> list[int]:
    f, g = _monic(list(f)), _monic(list(g))
    while g:
        f, g = g, _monic(_divide(f, g)[1])
    return f
