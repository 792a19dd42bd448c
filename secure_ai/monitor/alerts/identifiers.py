"""What may stand in an alert: identifiers and names of rules; everything else is replaced by a keyed code.

An alert travels further than the record that it speaks of: to a screen, a mailbox, somebody else's system.
So text passes only if it looks like an identifier. What looks like a name, an address, a date or a number
that people have (a social security, card, account or telephone number) is replaced by ``withheld-`` and a
keyed hash: the same value gets the same code, so counting and correlation go on, and nobody can try all
numbers without the key. What no pattern can tell is an identifier that is a name in small letters
("smith"): give accounts identifiers that are none. Numbers alone of nine digits and more are replaced in
any case: give records and events a letter in front.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re

from secure_ai.discover.checkdigits import iban_countries, mbi_is_valid

LONGEST = 64
WITHHELD = "withheld-"
_TOKEN = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9._:@/#+-]{{0,{LONGEST - 2}}}[A-Za-z0-9])?", re.ASCII)
_RULE = re.compile(r"[a-z][a-z0-9_]{0,47}", re.ASCII)
_SEPARATORS = re.compile(r"[._:@/#+-]")
_MAIL = re.compile(r"@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$")
_NAME = re.compile(r"(?:[A-Z][a-z]+)+")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_ACCOUNT = re.compile(r"([A-Za-z]{2})\d{2}[A-Za-z0-9]{11,30}")
_SSN = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")
_DIGITS_OF_PEOPLE = 9  # a social security number; telephone, account and card numbers are longer


def looks_like_identifier(value: object) -> bool:
    """Say whether ``value``, called an actor, a target or an event by a detector, may stand in an alert."""
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        return False
    bare = _SEPARATORS.sub("", value)
    if _MAIL.search(value) or _SSN.search(value) or _DATE.fullmatch(value):
        return False
    if _is_account(bare) or mbi_is_valid(bare):
        return False
    if bare.isdigit():
        return len(bare) < _DIGITS_OF_PEOPLE
    has_digit = any(character.isdigit() for character in value)
    return has_digit or not any(_NAME.fullmatch(part) for part in _SEPARATORS.split(value))


def _is_account(bare: str) -> bool:
    """Say whether a text has the form of an IBAN, whatever its check digits."""
    found = _ACCOUNT.fullmatch(bare)
    return bool(found) and any(
        found[1].upper() in countries for length, countries in iban_countries().items() if length == len(bare)
    )


def rule_name(value: object, otherwise: str) -> str:
    """Return ``value`` if it is the name of a rule or kind (small letters, digits, underscores)."""
    return value if isinstance(value, str) and _RULE.fullmatch(value) else otherwise


def rounded(value: object) -> float | None:
    """Return a number with three significant digits, which no number of a person survives; None if none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(f"{value:.3g}")


class Identifiers:
    """Lets identifiers pass and replaces what is none; ``withheld`` counts how often.

    Args:
        key: of the codes; the alert store keeps one.
    """

    def __init__(self, key: bytes) -> None:
        self._key, self.withheld = key, 0

    def clean(self, value: object) -> str:
        """Return ``value`` if it looks like an identifier, a code in its place if not."""
        if looks_like_identifier(value):
            return str(value)
        self.withheld += 1
        text = str(value).encode("utf-8", "surrogatepass")
        return WITHHELD + hmac.new(self._key, text, hashlib.sha256).hexdigest()[:12]
