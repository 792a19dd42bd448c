"""Check digits and number formats of identifiers: what separates an identifier from any other number.

Every function takes the identifier as text, ignores spaces and hyphens, and returns False for
anything that is not of the right shape; none of them raises on odd input.
"""

from __future__ import annotations

import re

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


def card_is_valid(number: str) -> bool:
    """Return whether ``number`` has a card's length, first digit (2 to 6) and Luhn check digit."""
    digits = _digits(number)
    return 13 <= len(digits) <= 19 and digits[0] in "23456" and len(set(digits)) > 1 and luhn_is_valid(digits)


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


def iban_is_valid(number: str) -> bool:
    """Return whether ``number`` passes the mod-97 check of ISO 13616."""
    text = _SEPARATORS.sub("", number).upper()
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", text):
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


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
