"""Identifiers that look right and can belong to nobody, a million at a time.

Every generator takes a `numpy.random.Generator` and returns a pandas `str` array (Arrow-backed). With
`start` (the position of the first row) and `key` (any whole number, usually the seed) the values are a
permutation of positions: unique, and independent of the order in which blocks are made. Without `start`
they are drawn at random and may repeat.

`can_belong_to_nobody(family, value)` says whether a value lies in the reserved range of its family.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import pyarrow as pa

Strings = Any  # pandas.arrays.ArrowStringArray

_LETTERS = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8)
# CMS leaves out S, L, O, I, B and Z so that no letter is read as a digit.
_MBI_LETTERS = np.frombuffer(b"ACDEFGHJKMNPQRTUVWXY", dtype=np.uint8)
_MBI_ALNUM = np.frombuffer(b"0123456789ACDEFGHJKMNPQRTUVWXY", dtype=np.uint8)

# Prefixes of the numbers that the card networks and processors publish for tests
# (https://docs.stripe.com/testing, https://developer.paypal.com/tools/sandbox/card-testing): 4242 4242 4242
# 4242, 4000 0566 5566 5556, 5555 5555 5555 4444, 5200 8282 8282 8210, 3782 822463 10005, 3714 496353 98431,
# 6011 1111 1111 1117, 6011 0009 9013 9424. Long prefixes keep every value beside a published test number.
CARD_TEST_PREFIXES: dict[str, tuple[str, ...]] = {
    "visa": ("42424242", "40000566"),
    "mastercard": ("55555555", "52008282"),
    "amex": ("3782822463", "3714496353"),
    "discover": ("6011111111", "6011000990"),
}
_CARD_SHARES = {"visa": 0.55, "mastercard": 0.33, "amex": 0.05, "discover": 0.07}
_CARD_LENGTH = {"visa": 16, "mastercard": 16, "amex": 15, "discover": 16}

# country -> (bank part that no bank has, digits after it)
_IBAN_LAYOUT: dict[str, tuple[str, int]] = {
    "DE": ("99999", 13),  # Bankleitzahl: the first digit is a clearing area, 1 to 8 (Deutsche Bundesbank)
    "GB": ("ZZZZ", 14),  # four letters of a bank; ISO 9362 has no institution ZZZZ
    "NL": ("ZZZZ", 10),
    "FR": ("00000", 18),  # code banque 00000 is not given out; the national key is not computed
    "ES": ("0000", 16),  # entidad 0000 is not given out; the national key is not computed
}
_ABA_PREFIXES = tuple(range(13, 21))  # 00-12, 21-32, 61-72 and 80 are in use (ABA key to routing numbers)
_DOC_NETWORKS = ("192.0.2.", "198.51.100.", "203.0.113.")  # RFC 5737
_AREA_CODES = """
    201 202 203 205 206 207 208 210 212 213 214 215 216 301 302 303 304 305 307 308 312 313 314 315
    316 317 401 402 404 405 406 407 410 412 413 414 415 501 502 503 504 505 507 508 509 510 512 513
    515 516 518 601 602 603 605 607 608 609 612 614 615 616 617 619 701 702 703 704 706 713 716 717
    718 801 802 803 804 805 808 812 813 814 815 816 817 818 860 901 904 907 914 915 916 919
"""
AREA_CODES = tuple(_AREA_CODES.split())


# ---------------------------------------------------------------- how strings are built


def strings(matrix: np.ndarray) -> Strings:
    """A (n, width) matrix of ASCII codes as an array of n strings, without a Python loop."""
    matrix = np.ascontiguousarray(matrix, dtype=np.uint8)
    n, width = matrix.shape
    offsets = np.arange(0, (n + 1) * width, width, dtype=np.int64) if width else np.zeros(n + 1, np.int64)
    arrow = pa.LargeStringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(matrix))
    return pd.array(arrow, dtype="str")


def pool(values: Sequence[str] | np.ndarray) -> Strings:
    """A small list of values as an array to `take` from."""
    return pd.array(np.asarray(values, dtype=object), dtype="str")


def numbered(prefix: str, numbers: np.ndarray, width: int) -> Strings:
    """ "P" and 42 in width 9 -> "P000000042", for a whole array."""
    return strings(_columns(len(numbers), prefix, digits(numbers, width)))


def digits(numbers: np.ndarray, width: int) -> np.ndarray:
    """The last `width` decimal digits of each number as a (n, width) matrix of ASCII codes."""
    out = np.empty((len(numbers), width), dtype=np.uint8)
    rest = np.asarray(numbers, dtype=np.int64).copy()
    for column in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, 10)
        out[:, column] = digit + 48
    return out


def _columns(n: int, *parts: str | np.ndarray) -> np.ndarray:
    blocks = []
    for part in parts:
        if isinstance(part, str):
            codes = np.frombuffer(part.encode("ascii"), dtype=np.uint8)
            blocks.append(np.broadcast_to(codes, (n, len(codes))))
        else:
            blocks.append(part if part.ndim == 2 else part[:, None])
    return np.concatenate(blocks, axis=1)


def positions(  # noqa: PLR0917
    rng: np.random.Generator, n: int, capacity: int, start: int | None, key: int, family: str = ""
) -> np.ndarray:
    """n numbers below `capacity`: drawn, or a permutation of start .. start + n - 1.

    `key` and `family` choose the permutation, so that a person's account number and license do not end in the
    same digits. The permutation keeps values apart; it hides nothing.
    """
    if start is None:
        return rng.integers(0, capacity, size=n, dtype=np.int64)
    state = np.random.SeedSequence([key, capacity, crc32(family.encode())]).generate_state(2, np.uint64)
    shift = int(state[0] % capacity)
    # A step of 0.38 to 0.62 of the range that shares no factor with it spreads neighbors far apart; it stays
    # below 2**31 so that the product fits into 64 bits.
    step = max(1, min(int(capacity * 0.38) + int(state[1] % max(1, capacity // 4)), 2**31 - 1))
    while math.gcd(step, capacity) != 1:
        step -= 1
    order = (start + np.arange(n, dtype=np.uint64)) % np.uint64(capacity)
    return ((order * np.uint64(step) + np.uint64(shift)) % np.uint64(capacity)).astype(np.int64)


def _luhn_digit(codes: np.ndarray) -> np.ndarray:
    """The Luhn check digit (ISO/IEC 7812-1, annex B) of each row of ASCII digits, as an ASCII code."""
    total = np.zeros(len(codes), dtype=np.int64)
    for back, column in enumerate(range(codes.shape[1] - 1, -1, -1)):
        digit = codes[:, column].astype(np.int64) - 48
        if back % 2 == 0:
            digit = digit * 2
            digit -= 9 * (digit > 9)
        total += digit
    return ((-total) % 10 + 48).astype(np.uint8)


def ascii_fold(text: str) -> str:
    """A name in plain lower-case ASCII letters: "Nguyễn" -> "nguyen", "Łukasz" -> "lukasz"."""
    text = text.translate(str.maketrans("łŁøØđĐßıæœ", "lLoOdDsiao"))
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z]", "", folded.lower())


def _folded(values: Any, change: Callable[[str], str]) -> Strings:
    """Change each distinct value once and spread the answers."""
    codes, uniques = pd.factorize(pd.Series(values, dtype="str"))
    return pool([change(str(value)) for value in uniques]).take(codes)


# ---------------------------------------------------------------- people


def email(rng: np.random.Generator, first: Any, last: Any, *, start: int | None = None) -> Strings:
    """first.last and a number at example.org (RFC 2606 reserves the domain: no mailbox can exist).

    Args:
        rng: decides the numbers where no start is given.
        first: first names.
        last: last names, as many.
        start: position of the first row; the number is then the position, so that addresses are unique.
            Without it the numbers run on from a random one, so that they are unique within the call.
    """
    n = len(first)
    begin = start if start is not None else int(rng.integers(0, 9_000_000))
    number = digits(begin + np.arange(n), max(6, len(str(begin + n))))
    names = (
        _folded(first, lambda name: ascii_fold(name) or "a")
        + "."
        + _folded(last, lambda name: ascii_fold(name) or "b")
    )
    return names + strings(number) + "@example.org"


def phone(rng: np.random.Generator, n: int, *, area: Any = None) -> Strings:
    """(617) 555-0142: a real area code with 555-0100 to 555-0199, which NANPA keeps for fiction.

    Args:
        rng: source of chance.
        n: how many.
        area: area codes as strings, one each; drawn where not given.
    """
    areas = (
        pool(AREA_CODES).take(rng.integers(0, len(AREA_CODES), n))
        if area is None
        else pd.array(area, dtype="str")
    )
    return "(" + areas + strings(_columns(n, ") 555-01", digits(rng.integers(0, 100, n), 2)))


def ipv4(rng: np.random.Generator, n: int) -> Strings:
    """Addresses 1 to 254 of the three documentation networks of RFC 5737."""
    everything = pool([f"{network}{host}" for network in _DOC_NETWORKS for host in range(1, 255)])
    return everything.take(rng.integers(0, len(everything), n))


def ipv6(rng: np.random.Generator, n: int) -> Strings:
    """Addresses of the documentation prefix 2001:db8::/32 (RFC 3849)."""
    hexes = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    # A leading letter in each group keeps the canonical form (RFC 5952) without cutting zeros.
    groups = [
        np.concatenate([hexes[rng.integers(10, 16, (n, 1))], hexes[rng.integers(0, 16, (n, 3))]], axis=1)
        for _ in range(4)
    ]
    return strings(_columns(n, "2001:db8::", groups[0], ":", groups[1], ":", groups[2], ":", groups[3]))


def ssn(rng: np.random.Generator, n: int, *, start: int | None = None, key: int = 0) -> Strings:
    """9xx-gg-ssss with a group of 01 to 49.

    The Social Security Administration never issues area numbers 900 to 999; the tax office uses them for
    taxpayer numbers with groups 50 and above only (IRS: ITIN 50-65, 70-88, 90-92, 94-99; ATIN 93). Areas
    000 and 666 are never issued either, but Presidio rejects them as no SSN at all.
    """
    number = positions(rng, n, 100 * 49 * 9999, start, key, "ssn")
    area, rest = np.divmod(number, 49 * 9999)
    group, serial = np.divmod(rest, 9999)
    return strings(_columns(n, "9", digits(area, 2), "-", digits(group + 1, 2), "-", digits(serial + 1, 4)))


def drivers_license(rng: np.random.Generator, n: int, *, start: int | None = None, key: int = 0) -> Strings:
    """One letter and 12 digits, the layout of Florida, Maryland, Michigan and Minnesota.

    These states begin with the Soundex code of the last name, whose digits are 0 to 6; ours are 7 to 9, so
    no name has such a license.
    """
    number = positions(rng, n, 10**9, start, key, "drivers_license")
    soundex = rng.integers(55, 58, (n, 3)).astype(np.uint8)
    return strings(_columns(n, _LETTERS[rng.integers(0, 26, n)], soundex, digits(number, 9)))


# ---------------------------------------------------------------- money


def card_number(
    rng: np.random.Generator, n: int, brand: Any = None, *, start: int | None = None, key: int = 0
) -> Strings:
    """Card numbers beside the networks' published test numbers, with a valid Luhn digit.

    Args:
        rng: source of chance.
        n: how many.
        brand: "visa", "mastercard", "amex" or "discover", an array of these, or None for a usual mix.
        start: position of the first row, for numbers that are unique within a brand as far as its range
            goes: 20,000,000 for Visa and Mastercard, 200,000 for Discover and 20,000 for American Express.
        key: chooses the permutation.

    Source: the prefixes are those of the test numbers listed at CARD_TEST_PREFIXES. The register of
    issuer numbers (ISO/IEC 7812-2) is not public, so a test range is the strongest claim that can be made.
    """
    if brand is None:
        names = np.array(list(_CARD_SHARES), dtype=object)
        brands = names[rng.choice(len(names), n, p=list(_CARD_SHARES.values()))]
    elif isinstance(brand, str):
        brands = np.full(n, brand, dtype=object)
    else:
        brands = np.asarray(brand, dtype=object)
    unknown = set(brands) - set(CARD_TEST_PREFIXES)
    if unknown:
        raise ValueError(
            f"Unknown card brand {sorted(unknown)[0]!r}; choose {', '.join(CARD_TEST_PREFIXES)}."
        )
    parts, where = [], []
    for name, prefixes in CARD_TEST_PREFIXES.items():
        rows = np.flatnonzero(brands == name)
        if not len(rows):
            continue
        free = _CARD_LENGTH[name] - 1 - len(prefixes[0])
        capacity = len(prefixes) * 10**free
        if start is None:
            number = rng.integers(0, capacity, len(rows))
        else:
            number = positions(rng, n, capacity, start, key, "card_number")[rows]
        which, serial = np.divmod(number, 10**free)
        heads = np.array([list(prefix.encode()) for prefix in prefixes], dtype=np.uint8)[which]
        body = np.concatenate([heads, digits(serial, free)], axis=1)
        parts.append(strings(_columns(len(rows), body, _luhn_digit(body))))
        where.append(rows)
    if not parts:
        return pool([])
    order = np.empty(n, dtype=np.int64)
    order[np.concatenate(where)] = np.arange(n)
    return pd.array(pd.concat([pd.Series(part) for part in parts], ignore_index=True), dtype="str").take(
        order
    )


def iban(
    rng: np.random.Generator, n: int, country: str = "DE", *, start: int | None = None, key: int = 0
) -> Strings:
    """IBANs with valid check digits (ISO 13616, mod 97) and a bank code that no bank has.

    Args:
        rng: source of chance.
        n: how many.
        country: "DE", "GB", "FR", "NL" or "ES".
        start: position of the first row, for unique numbers.
        key: chooses the permutation.
    """
    if country not in _IBAN_LAYOUT:
        raise ValueError(f"No IBAN layout for country {country!r}; choose one of {', '.join(_IBAN_LAYOUT)}.")
    bank, free = _IBAN_LAYOUT[country]
    low = min(free, 12)
    number = positions(rng, n, 10**low, start, key, "iban")
    head = (
        digits(rng.integers(0, 10 ** (free - low), n), free - low)
        if free > low
        else np.empty((n, 0), np.uint8)
    )
    body = _columns(n, bank, head, digits(number, low))
    rest = _mod97(_columns(n, body, country, "00"))
    return strings(_columns(n, country, digits(98 - rest, 2), body))


def _mod97(codes: np.ndarray) -> np.ndarray:
    rest = np.zeros(len(codes), dtype=np.int64)
    for column in range(codes.shape[1]):
        code = codes[:, column].astype(np.int64)
        letter = code >= 65
        rest = np.where(letter, rest * 100 + code - 55, rest * 10 + code - 48) % 97
    return rest


def bic(rng: np.random.Generator, n: int, country: str = "DE") -> Strings:
    """ZZ??CCX0: institution codes that begin with ZZ, and a 0 in the eighth place, the mark of a test BIC
    (ISO 9362: "test and training")."""
    return strings(_columns(n, "ZZ", _LETTERS[rng.integers(0, 26, (n, 2))], country, "X0"))


def account_number(rng: np.random.Generator, n: int, *, start: int | None = None, key: int = 0) -> Strings:
    """Twelve digits that begin with 990.

    Account numbers mean something only together with a bank; ours stand beside routing numbers that no
    bank has.
    """
    return strings(_columns(n, "990", digits(positions(rng, n, 10**9, start, key, "account_number"), 9)))


def routing_aba(rng: np.random.Generator, n: int) -> Strings:
    """Nine digits with a valid checksum (weights 3, 7, 1) and a first pair of 13 to 20.

    The first pair names a Federal Reserve district (01-12), a thrift (21-32), an electronic (61-72), a
    government (00) or a traveler's check (80) number; 13 to 20 are assigned to nobody.
    """
    pair = np.array(_ABA_PREFIXES)[rng.integers(0, len(_ABA_PREFIXES), n)]
    body = _columns(n, digits(pair, 2), digits(rng.integers(0, 10**6, n), 6))
    weights = np.array([3, 7, 1, 3, 7, 1, 3, 7])
    check = (-((body.astype(np.int64) - 48) @ weights)) % 10
    return strings(_columns(n, body, (check + 48).astype(np.uint8)))


# ---------------------------------------------------------------- health care


def npi(rng: np.random.Generator, n: int, *, start: int | None = None, key: int = 0) -> Strings:
    """Ten digits that begin with 2, with a valid check digit (Luhn over 80840 + number).

    The standard (45 CFR 162.406; CMS, "Requirements for NPI and NPI check digit") allows 1 and 2 as first
    digit; the enumerator gives out numbers that begin with 1 only.
    """
    body = _columns(n, "2", digits(positions(rng, n, 10**8, start, key, "npi"), 8))
    return strings(_columns(n, body, _luhn_digit(_columns(n, "80840", body))))


def dea(
    rng: np.random.Generator, n: int, last_names: Any, *, start: int | None = None, key: int = 0
) -> Strings:
    """Z, the first letter of the last name, six digits and a valid check digit.

    The first letter of a DEA number is the type of registrant (A to H, J to M, P, R to U, X); Z is no type.
    Check digit: last digit of (1st + 3rd + 5th) + 2 x (2nd + 4th + 6th). Because no registrant can have it,
    detectors that test the type letter pass it over.
    """
    initials = strings_first(last_names)
    body = digits(positions(rng, n, 10**6, start, key, "dea"), 6)
    value = body.astype(np.int64) - 48
    check = (value[:, [0, 2, 4]].sum(axis=1) + 2 * value[:, [1, 3, 5]].sum(axis=1)) % 10
    return strings(_columns(n, "Z", initials, body, (check + 48).astype(np.uint8)))


def strings_first(values: Any) -> np.ndarray:
    """The first letter of each name as an ASCII capital's code."""
    codes, uniques = pd.factorize(pd.Series(values, dtype="str"))
    letters = np.array([ord((ascii_fold(str(value)) or "x")[0].upper()) for value in uniques], dtype=np.uint8)
    return letters[codes]


def mbi(rng: np.random.Generator, n: int, *, start: int | None = None, key: int = 0) -> Strings:
    """Eleven characters in the layout of a Medicare Beneficiary Identifier, with S in the second place.

    CMS ("Understanding the MBI format") never uses the letters S, L, O, I, B and Z; its own synthetic
    beneficiaries carry an S in the second place, and so do ours. An MBI has no check digit.
    """
    number = positions(rng, n, 9 * 10**4 * 20**3, start, key, "mbi")
    number, first = np.divmod(number, 9)
    number, two = np.divmod(number, 100)
    number, seven = np.divmod(number, 10)
    number, four = np.divmod(number, 10)
    number, nine = np.divmod(number, 20)
    five, eight = np.divmod(number, 20)
    return strings(
        _columns(
            n,
            digits(first + 1, 1), "S", _MBI_ALNUM[rng.integers(0, 30, n)], digits(four, 1),
            _MBI_LETTERS[five], _MBI_ALNUM[rng.integers(0, 30, n)], digits(seven, 1),
            _MBI_LETTERS[eight], _MBI_LETTERS[nine], digits(two, 2),
        )
    )  # fmt: skip


def mrn(rng: np.random.Generator, n: int, *, start: int | None = None, key: int = 0) -> Strings:
    """ZZ and eight digits, the last a Luhn digit.

    A medical record number means something only within one institution; ZZ is the invented hospital's mark.
    """
    body = digits(positions(rng, n, 10**7, start, key, "mrn"), 7)
    return strings(_columns(n, "ZZ", body, _luhn_digit(body)))


def health_plan_number(
    rng: np.random.Generator, n: int, *, start: int | None = None, key: int = 0
) -> Strings:
    """ZZH and nine digits: a member of one of the invented payers, which alone use ZZH."""
    return strings(_columns(n, "ZZH", digits(positions(rng, n, 10**9, start, key, "health_plan_number"), 9)))


def device_id(rng: np.random.Generator, n: int, *, start: int | None = None, key: int = 0) -> Strings:
    """SN-ZZ and eight digits: the serial number of a device of an invented maker."""
    return strings(_columns(n, "SN-ZZ", digits(positions(rng, n, 10**8, start, key, "device_id"), 8)))


# ---------------------------------------------------------------- checks


def luhn_ok(value: str) -> bool:
    """Whether the digits of a value pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    numbers = [int(character) for character in value if character.isdigit()]
    if len(numbers) < 2 or not re.fullmatch(r"[0-9 -]+", value):
        return False
    doubled = (2 * number - 9 * (number > 4) for number in numbers[-2::-2])
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0


def iban_ok(value: str) -> bool:
    """Whether an IBAN passes the mod-97 check of ISO 13616 (the length per country is not tested)."""
    value = value.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", value):
        return False
    return int("".join(str(int(character, 36)) for character in value[4:] + value[:4])) % 97 == 1


def aba_ok(value: str) -> bool:
    """Whether nine digits pass the checksum of routing numbers (weights 3, 7, 1)."""
    if not re.fullmatch(r"[0-9]{9}", value):
        return False
    return sum(int(digit) * weight for digit, weight in zip(value, (3, 7, 1) * 3, strict=True)) % 10 == 0


def npi_ok(value: str) -> bool:
    """Whether ten digits pass the check of National Provider Identifiers."""
    return bool(re.fullmatch(r"[12][0-9]{9}", value)) and luhn_ok("80840" + value)


def dea_ok(value: str) -> bool:
    """Whether two letters and seven digits pass the check of DEA registration numbers."""
    if not re.fullmatch(r"[A-Z][A-Z9][0-9]{7}", value):
        return False
    number = [int(digit) for digit in value[2:]]
    return (number[0] + number[2] + number[4] + 2 * (number[1] + number[3] + number[5])) % 10 == number[6]


def _nobodys_phone(value: str) -> bool:
    number = re.sub(r"\D", "", value)
    number = number[1:] if len(number) == 11 and number.startswith("1") else number
    return bool(re.fullmatch(r"[2-9][0-9]{2}55501[0-9]{2}", number))


def _nobodys_card(value: str) -> bool:
    number = re.sub(r"[ -]", "", value)
    return luhn_ok(number) and any(
        number.startswith(prefixes) and len(number) == _CARD_LENGTH[brand]
        for brand, prefixes in CARD_TEST_PREFIXES.items()
    )


def _nobodys_iban(value: str) -> bool:
    value = value.replace(" ", "")
    bank, free = _IBAN_LAYOUT.get(value[:2], ("-", 0))
    return iban_ok(value) and value[4:].startswith(bank) and len(value) == 4 + len(bank) + free


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


NOBODYS: dict[str, Callable[[str], bool]] = {
    "email": _matches(r"[^@\s]+@([a-z0-9-]+\.)*example\.(org|com|net)"),
    "url": _matches(r"https?://([a-z0-9-]+\.)*example\.(org|com|net)(/\S*)?"),
    "phone": _nobodys_phone,
    "ipv4": _matches(r"(192\.0\.2|198\.51\.100|203\.0\.113)\.(25[0-5]|2[0-4]\d|1?\d?\d)"),
    "ipv6": _matches(r"2001:db8:[0-9a-f:]+"),
    "ssn": _matches(r"9\d\d-(0[1-9]|[1-4]\d)-(?!0000)\d{4}"),
    "drivers_license": _matches(r"[A-Z][789]{3}\d{9}"),
    "card_number": _nobodys_card,
    "iban": _nobodys_iban,
    "bic": _matches(r"ZZ[A-Z]{4}[A-Z]0([A-Z0-9]{3})?"),
    "account_number": _matches(r"990\d{9}"),
    "routing_aba": lambda value: aba_ok(value) and int(value[:2]) in _ABA_PREFIXES,
    "npi": lambda value: npi_ok(value) and value.startswith("2"),
    "dea": lambda value: dea_ok(value) and value.startswith("Z"),
    "mbi": _matches(
        r"[1-9]S[0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d\d"
    ),
    "mrn": lambda value: bool(re.fullmatch(r"ZZ\d{8}", value)) and luhn_ok(value[2:]),
    "health_plan_number": _matches(r"ZZH\d{9}"),
    "device_id": _matches(r"SN-ZZ\d{8}"),
}


def can_belong_to_nobody(family: str, value: str) -> bool:
    """Whether a value lies in the range of its family that is never given to a person.

    Args:
        family: one of the names in `NOBODYS`, such as "ssn", "phone" or "iban".
        value: the identifier as written.

    Raises:
        ValueError: the family is unknown.
    """
    if family not in NOBODYS:
        raise ValueError(f"Unknown family of identifiers {family!r}; choose one of {', '.join(NOBODYS)}.")
    return bool(NOBODYS[family](value))
