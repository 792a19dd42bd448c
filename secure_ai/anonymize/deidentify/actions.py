"""Apply the rules of a policy to single values."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import NamedTuple

from secure_ai.anonymize.deidentify import dates, geography, surrogates, tokens
from secure_ai.anonymize.deidentify.own_names import KnownNames
from secure_ai.anonymize.deidentify.people import Cast, People
from secure_ai.anonymize.deidentify.policy import Policy
from secure_ai.anonymize.deidentify.rules import Rule
from secure_ai.anonymize.deidentify.standards import PARTIAL
from secure_ai.anonymize.deidentify.vault import TokenVault
from secure_ai.core.errors import UserError
from secure_ai.encrypt.secret_keys import Key

OVER_89 = "90+"
PEOPLE = frozenset({"PERSON", "CARDHOLDER_NAME"})
_YEARS = (1900, 2100)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_YOUNG = re.compile(r"month|week|day|\bmo\b|\bwk", re.IGNORECASE)
_OLD_WORDS = re.compile(r"ninet(?:y|ies)|hundred|nonagenarian|centenarian", re.IGNORECASE)
_CITY = re.compile(r"(?:^|,\s*|\n\s*)([^,\d\n]+,\s*[A-Z]{2}(?:,?\s+\d{5}(?:-\d{4})?)?)$")
_STREET_ONLY = re.compile(rf"\b(?:{surrogates._STREETS})\.?$", re.IGNORECASE)
_LETTERS = "abcdefghijklmnop"


class _Context(NamedTuple):
    person: str
    people: People | None
    role: str
    column: bool


class Actions:
    """The actions of one policy, with the key, the codes and the made-up people of one run.

    Args:
        policy: what to do.
        key: needed where the policy computes anything from a value.
        vault: keeps the random tokens and codes; one that is forgotten after the run if not given.
        seed: makes random tokens and codes repeatable, for tests and lessons only.
        as_of: year in which the data are used; birth years 90 years and more before it are dropped.
        small_zip3: three-digit ZIP areas that become 000.

    Raises:
        UserError: if the policy needs a key and none is given, or ``as_of`` is no year of our time.
    """

    def __init__(
        self,
        policy: Policy,
        key: Key | None = None,
        *,
        vault: TokenVault | None = None,
        seed: int | None = None,
        as_of: int | None = None,
        small_zip3: frozenset[str] = geography.SMALL_ZIP3,
    ) -> None:
        if policy.needs_key and key is None:
            needing = sorted({rule.action for rule in policy.rules if rule.keyed})
            raise UserError(
                f"The policy {policy.name} needs a key (for {', '.join(needing)}): "
                "make one with 'secure-ai key' and name it with --key-file."
            )
        if as_of is not None and not _YEARS[0] <= as_of <= _YEARS[1]:
            raise UserError(
                f"Ages cannot be reckoned in the year {as_of}: give one from {_YEARS[0]} to {_YEARS[1]}."
            )
        self.policy = policy
        self.key = key
        self.vault = vault if vault is not None else TokenVault(seed=seed)
        self.as_of = as_of if as_of is not None else date.today().year
        self.small_zip3 = small_zip3
        self.random = random.Random(seed)
        self.named: dict[str, KnownNames] = {}

    @cached_property
    def cast(self) -> Cast:
        """The made-up people of the run."""
        return Cast(self.key.mac("names"))

    @cached_property
    def _hash(self):
        return self.key.mac("hash")

    @cached_property
    def _shift(self):
        return self.key.mac("shift")

    @cached_property
    def _surrogate(self):
        return self.key.mac("surrogate")

    def people(self) -> People:
        """Return the empty list of people of a new document."""
        return People(self.cast if self.key is not None else None)

    def days(self, person: str, within: int) -> int:
        """Return the constant shift of ``person`` in days."""
        return dates.shift_days(self._shift, person.strip(), within)

    def hashed(self, value: str, length: int, prefix: str) -> str:
        """Return the keyed hash of a value, the same in every table and document."""
        digest = self._hash.digest(value.strip())
        return prefix + "".join(_LETTERS[b >> 4] + _LETTERS[b & 15] for b in digest)[:length]

    def apply(
        self,
        entity: str,
        value: str,
        *,
        rule: Rule | None = None,
        person: str = "",
        people: People | None = None,
        role: str = "",
        column: bool = False,
    ) -> str:
        """Return what stands in the place of ``value``.

        Args:
            entity: what the value is.
            value: the value as text, not empty.
            rule: what to do; the policy's rule for ``entity`` if not given.
            person: whose record or document it is, for shifted dates.
            people: the people of the document, for names.
            role: ``given`` or ``family`` where a column holds one part of names.
            column: whether the value is a whole cell (a column of states holds states).
        """
        rule = rule if rule is not None else self.policy.rule(entity)
        return self._methods[rule.action](entity, value, rule, _Context(person, people, role, column))

    def stays(self, entity: str, value: str, *, rule: Rule | None = None, column: bool = False) -> bool:
        """Whether ``value`` may be seen in an output as it is: its rule leaves it unchanged."""
        rule = rule if rule is not None else self.policy.rule(entity)
        return rule.action in PARTIAL and self.apply(entity, value, rule=rule, column=column) == value

    @cached_property
    def _methods(self) -> dict[str, Callable[..., str]]:
        return {
            "keep": lambda entity, value, *_: value,
            "redact": lambda entity, value, *_: placeholder(entity),
            "drop": lambda entity, value, *_: placeholder(entity),
            "mask": lambda entity, value, rule, *_: mask(value, rule.keep_last, rule.character),
            "hash": lambda entity, value, rule, *_: self.hashed(value, rule.length, rule.prefix),
            "token": lambda entity, value, *_: tokens.tokenize(value, entity, self.key),
            "vault": self._vault,
            "random_code": lambda entity, value, rule, *_: self.vault.code(
                value.strip(), "code", rule.prefix
            ),
            "pseudonym": self._pseudonym,
            "shift_date": self._shift_date,
            "year": self._year,
            "age": lambda entity, value, *_: age(value, entity),
            "zip3": lambda entity, value, *_: geography.zip3(value, self.small_zip3),
            "state": self._state,
            "city": self._city,
            "generalize": lambda entity, value, rule, *_: band(value, rule.width, entity),
        }

    def _vault(self, entity, value, rule, *_):
        # A masked or very short number has no room for a random token of its form.
        if sum(c.isdigit() for c in value) < 6:
            return placeholder(entity)
        return self.vault.number(value, entity, rule.keep_last)

    def _pseudonym(self, entity, value, rule, context):
        if entity in PEOPLE:
            return (context.people if context.people is not None else self.people()).replace(
                value, context.role
            )
        if entity == "USERNAME":
            name = self.people().replace(value, "given").lower()
            return f"{name}{self._surrogate.number(1000, 'user', value.lower())}"
        if entity == "ORGANIZATION" and " " not in value.strip() and any(c.isdigit() for c in value):
            return self.hashed(value, 12, "h-")  # the code of a branch or ward, not its name
        return surrogates.MAKERS[entity](self._surrogate, value)

    def _shift_date(self, entity, value, rule, context):
        moved = dates.shift_text(value, self.days(context.person, rule.within))
        return placeholder(entity) if moved is None else moved

    def _year(self, entity, value, *_):
        year = dates.year_of(value)
        return str(year) if year is not None and self.year_may_stay(year) else placeholder(entity)

    def year_may_stay(self, year: int) -> bool:
        """Whether ``year`` cannot tell that somebody born in it is over 89."""
        return year > self.as_of - 90

    def _state(self, entity, value, rule, context):
        # In a column of cities "New York" is the city.
        whole = context.column and entity in {"STATE", "NATIONALITY"}
        if geography.is_state_or_country(value, column=whole):
            return value
        kept = geography.keep_state(value)
        return placeholder(entity) + (f", {kept}" if kept else "")

    def _city(self, entity, value, *_):
        if not surrogates._STREET_PART.search(re.sub(r"\b\d{5}(-\d{4})?$", "", value)):
            street = entity == "STREET_ADDRESS" or _STREET_ONLY.search(value.strip())
            if not street:
                return value
        found = _CITY.search(value.strip())
        return placeholder(entity) + (
            f", {found[1].strip()}" if found and not _STREET_ONLY.search(found[1]) else ""
        )


def placeholder(entity: str) -> str:
    """Return what stands for a removed value in text."""
    return f"[{entity}]"


def mask(value: str, keep_last: int = 0, character: str = "*") -> str:
    """Replace letters and digits but the last ``keep_last``; leave punctuation, and nothing of a short value.

    >>> mask("4000-1234-5678-9017", keep_last=4)
    '****-****-****-9017'
    """
    marks = sum(c.isalnum() for c in value)
    hidden = marks - keep_last if marks >= keep_last + 4 else marks
    masked = []
    for c in value:
        masked.append(character if c.isalnum() and hidden > 0 else c)
        hidden -= c.isalnum()
    return "".join(masked)


def age(value: str, entity: str = "AGE") -> str:
    """Return an age as it stands up to 89, and ``90+`` for all above; months and weeks stay.

    >>> age("79"), age("93"), age("ninety"), age("unknown")
    ('79', '90+', '90+', '[AGE]')
    """
    numbers = [float(number) for number in _NUMBER.findall(value)]
    if not numbers:
        # Only what tells of over 89 is found in words ("ninety-four", "a centenarian").
        return OVER_89 if _OLD_WORDS.search(value) else placeholder(entity)
    if max(numbers) < 90 or _YOUNG.search(value):
        return value
    return OVER_89


def band(value: str, width: float, entity: str = "AGE") -> str:
    """Return the band of ``width`` that a number lies in; what is no number is removed.

    >>> band("47", 10), band("0.5", 0.25)
    ('40-49', '0.5-0.75')
    """
    clean = value.strip().replace(",", "").lstrip("$€£")
    try:
        number = float(clean)
        low = number // width * width
        whole = float(width).is_integer() and number.is_integer()
        return f"{low:.0f}-{low + width - 1:.0f}" if whole else f"{low:g}-{low + width:g}"
    except (ValueError, OverflowError):
        return placeholder(entity)
