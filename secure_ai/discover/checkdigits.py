"""Check digits and number formats of identifiers: what separates an identifier from any other number.

Every function takes the identifier as text, ignores spaces and hyphens, and returns False for
anything that is not of the right shape; none of them raises on odd input.
"""

from __future__ import annotations

import re
from functools import cache

_SEPARATORS = re.compile(r"[\s-]")
_MBI_LETTER = "[AC-HJKMNP-RT-Y]"
_MBI = re.compile(
    rf"[1-9][AC-HJKMNP-Y](?:{_MBI_LETTER}|\d)\d{_MBI_LETTER}(?:{_MBI_LETTER}|\d)\d{_MBI_LETTER}{{2}}\d\d"
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", [*range(1, 9), 1, 2, 3, 4, 5, 7, 9, *range(2, 10)], strict=True)
)


def luhn_is_valid(number: str) -> bool:
    """Return whether ``number`` passes the Luhn check (ISO/IEC 7812-1, annex B)."""
    digits = _digits(number)
    if len(digits) < 2:
        return False
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


CARD_RANGES: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 18, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),  # Mastercard
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),
    ("300", "305", frozenset({14, 16, 19})),  # Diners Club
    ("3095", "3095", frozenset({14, 16, 19})),
    ("36", "36", frozenset(range(14, 20))),
    ("38", "39", frozenset({14, 16, 19})),
    ("6011", "6011", frozenset(range(16, 20))),  # Discover
    ("644", "649", frozenset(range(16, 20))),
    ("65", "65", frozenset(range(16, 20))),
    ("3528", "3589", frozenset(range(16, 20))),  # JCB
    ("1800", "1800", frozenset({15})),
    ("2131", "2131", frozenset({15})),
    ("62", "62", frozenset(range(16, 20))),  # UnionPay
    ("81", "82", frozenset(range(16, 20))),  # UnionPay, RuPay
    ("50", "50", frozenset(range(12, 20))),  # Maestro, Dankort, Verve, RuPay, Elo
    ("56", "58", frozenset(range(12, 20))),  # Maestro
    ("60", "60", frozenset({16})),  # RuPay, Hipercard
    ("63", "63", frozenset(range(12, 20))),  # Maestro
    ("67", "67", frozenset(range(12, 20))),
    ("2200", "2205", frozenset(range(16, 20))),  # Mir
    ("9792", "9792", frozenset({16})),  # Troy
)
"""Issuer identification numbers, first to last, and the lengths that their cards have (ISO/IEC 7812)."""


def card_is_valid(number: str) -> bool:
    """Return whether ``number`` is in a card scheme's range, of its length, and passes the Luhn check."""
    digits = _digits(number)
    return (
        12 <= len(digits) <= 19
        and len(set(digits)) > 1
        and any(
            len(digits) in lengths and first <= digits[: len(first)] <= last
            for first, last, lengths in CARD_RANGES
        )
        and luhn_is_valid(digits)
    )


def npi_is_valid(number: str) -> bool:
    """Return whether ``number`` is a National Provider Identifier.

    Ten digits, the first 1 or 2, Luhn check over the prefix 80840 and the number (CMS, *Requirements
    for National Provider Identifier and NPI check digit*).
    """
    digits = _digits(number)
    return len(digits) == 10 and digits[0] in "12" and luhn_is_valid("80840" + digits)


def dea_is_valid(number: str) -> bool:
    """Return whether ``number`` is a DEA registration number.

    Two characters and seven digits; the last is the last digit of (d1 + d3 + d5) + 2 (d2 + d4 + d6)
    (21 CFR 1301.35; DEA Diversion Control Division).
    """
    return number.strip()[:1].upper() in set("ABCDEFGHJKLMPRSTUX") and dea_check_digit_is_valid(number)


def dea_check_digit_is_valid(number: str) -> bool:
    """Return whether ``number`` has a DEA number's shape and check digit, whatever its first letter."""
    text = _SEPARATORS.sub("", number).upper()
    if not re.fullmatch(r"[A-Z][A-Z9][0-9]{7}", text):
        return False
    d = [int(digit) for digit in text[2:]]
    return (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6]


def aba_is_valid(number: str) -> bool:
    """Return whether ``number`` is an ABA routing number (nine digits, weights 3, 7, 1, sum mod 10)."""
    digits = _digits(number)
    if len(digits) != 9 or digits[0] not in "0123678" or digits == "000000000":
        return False
    return sum(int(d) * weight for d, weight in zip(digits, (3, 7, 1) * 3, strict=True)) % 10 == 0


IBAN_LENGTHS: dict[str, int] = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH CR HR LI LV",
        22: "BG BH DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ DZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
"""Country -> length of its IBANs (SWIFT, *IBAN Registry*)."""


def iban_countries() -> dict[int, list[str]]:
    """Return the countries of :data:`IBAN_LENGTHS` by length, the longest first."""
    lengths = sorted(set(IBAN_LENGTHS.values()), reverse=True)
    return {n: [c for c, length in IBAN_LENGTHS.items() if length == n] for n in lengths}


def iban_is_valid(number: str) -> bool:
    """Return whether ``number`` has its country's length and passes the mod-97 check of ISO 13616."""
    text = _SEPARATORS.sub("", number).upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", text) or IBAN_LENGTHS.get(text[:2]) != len(text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def bic_is_valid(code: str) -> bool:
    """Return whether ``code`` has the form of a bank identifier code with a country in it (ISO 9362)."""
    text = code.strip().upper()
    return re.fullmatch(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", text) is not None and text[4:6] in _countries()


def isin_is_valid(number: str) -> bool:
    """Return whether ``number`` is an ISIN: a country, nine characters, Luhn over their digits (ISO 6166)."""
    text = _SEPARATORS.sub("", number).upper()
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", text):
        return False
    # XS and its like are the international securities depositories.
    if text[:2] not in _countries() | {"XS", "EU", "XA", "XB", "XC", "XD", "XF", "QS"}:
        return False
    return luhn_is_valid("".join(str(int(c, 36)) for c in text))


def cusip_is_valid(number: str) -> bool:
    """Return whether ``number`` is a CUSIP with its check digit (ANSI X9.6)."""
    text = _SEPARATORS.sub("", number).upper()
    if not re.fullmatch(r"[A-Z0-9*@#]{8}[0-9]", text):
        return False
    total = 0
    for position, c in enumerate(text[:8]):
        value = ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*@#".index(c)) * (2 if position % 2 else 1)
        total += value // 10 + value % 10
    return (10 - total % 10) % 10 == int(text[8])


def sedol_is_valid(number: str) -> bool:
    """Return whether ``number`` is a SEDOL: six characters without vowels, weights 1, 3, 1, 7, 3, 9, 1."""
    text = _SEPARATORS.sub("", number).upper()
    if not re.fullmatch(r"[B-DF-HJ-NP-TV-Z0-9]{6}[0-9]", text):
        return False
    return sum(int(c, 36) * weight for c, weight in zip(text, (1, 3, 1, 7, 3, 9, 1), strict=True)) % 10 == 0


def nhs_is_valid(number: str) -> bool:
    """Return whether ``number`` is a UK NHS number: ten digits, weights 10 to 2, modulus 11."""
    digits = _digits(number)
    if len(digits) != 10 or len(set(digits)) == 1:
        return False
    return sum(int(d) * weight for d, weight in zip(digits, range(10, 0, -1), strict=True)) % 11 == 0


@cache
def _countries() -> frozenset[str]:
    import pycountry

    return frozenset(country.alpha_2 for country in pycountry.countries) | {"XK"}


def mbi_is_valid(number: str) -> bool:
    """Return whether ``number`` has the eleven positions of a Medicare Beneficiary Identifier.

    It has no check digit. S, L, O, I, B and Z never occur (CMS, *Understanding the MBI format*), but CMS's
    own synthetic beneficiaries carry an S in the second place.
    """
    return _MBI.fullmatch(_SEPARATORS.sub("", number).upper()) is not None


def vin_is_valid(number: str) -> bool:
    """Return whether ``number`` is a vehicle identification number.

    Seventeen characters, the ninth a check digit (49 CFR 565.15).
    """
    text = _SEPARATORS.sub("", number).upper()
    if not re.fullmatch(r"[A-HJ-NPR-Z0-9]{17}", text):
        return False
    total = sum(
        (int(c) if c in "0123456789" else _VIN_VALUES[c]) * w for c, w in zip(text, _VIN_WEIGHTS, strict=True)
    )
    return text[8] == "0123456789X"[total % 11] and not text.isalpha()


def ssn_is_plausible(number: str) -> bool:
    """Return whether ``number`` has the shape of a Social Security number.

    Nine digits whose area is not 000 or 666, whose group is not 00 and whose serial is not 0000.
    Areas from 900 are never issued, yet test data uses them, so they count.
    """
    digits = _digits(number)
    if len(digits) != 9 or len(set(digits)) == 1:
        return False
    return digits[:3] not in {"000", "666"} and digits[3:5] != "00" and digits[5:] != "0000"


def _digits(number: str) -> str:
    text = _SEPARATORS.sub("", number)
    return text if text.isascii() and text.isdigit() else ""
