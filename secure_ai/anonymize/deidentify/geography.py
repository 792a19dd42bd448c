"""Places that Safe Harbor lets stay: states, countries, and the first three digits of most ZIP codes."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

SMALL_ZIP3 = frozenset(
    {
        "036",
        "059",
        "063",
        "102",
        "203",
        "556",
        "692",
        "790",
        "821",
        "823",
        "830",
        "831",
        "878",
        "879",
        "884",
        "890",
        "893",
    }
)
"""The 17 three-digit ZIP areas with 20,000 people or fewer.

Source: HHS, *Guidance Regarding Methods for De-identification of Protected Health Information*
(2012), section on ZIP codes, from the ZCTAs of the 2000 Census. The rule says "the current publicly
available data": a file of newer prefixes can replace the list (:func:`load_small_zip3`).
"""

STATES = dict(
    line.split(" ", 1)
    for line in """AL Alabama
AK Alaska
AZ Arizona
AR Arkansas
CA California
CO Colorado
CT Connecticut
DE Delaware
DC District of Columbia
FL Florida
GA Georgia
HI Hawaii
ID Idaho
IL Illinois
IN Indiana
IA Iowa
KS Kansas
KY Kentucky
LA Louisiana
ME Maine
MD Maryland
MA Massachusetts
MI Michigan
MN Minnesota
MS Mississippi
MO Missouri
MT Montana
NE Nebraska
NV Nevada
NH New Hampshire
NJ New Jersey
NM New Mexico
NY New York
NC North Carolina
ND North Dakota
OH Ohio
OK Oklahoma
OR Oregon
PA Pennsylvania
PR Puerto Rico
RI Rhode Island
SC South Carolina
SD South Dakota
TN Tennessee
TX Texas
UT Utah
VT Vermont
VA Virginia
WA Washington
WV West Virginia
WI Wisconsin
WY Wyoming""".splitlines()
)
"""US states, by postal code."""

_AMBIGUOUS = {"new york", "washington"}  # a city, too: stays only as a state code
_MORE_COUNTRIES = """usa|us|u.s.|u.s.a.|united states|united states of america|america|uk|u.k.|united kingdom|
great britain|england|scotland|wales|northern ireland|ireland|canada|mexico|south korea|north korea|russia|
vietnam|iran|syria|venezuela|bolivia|tanzania|moldova|taiwan|laos|brunei|czech republic|czechia|turkey|
the netherlands|holland|ivory coast|cape verde|palestine|macedonia|congo|the bahamas|the gambia"""
# Countries whose name is a city's or a state's, or a person's: they do not stay on the name alone.
_NOT_PLAIN = {
    "singapore", "monaco", "luxembourg", "guatemala", "panama", "kuwait", "djibouti", "jersey",
    "georgia", "chad", "jordan", "mexico city", "gibraltar", "guernsey", "macao", "hong kong",
    "vatican city",
}  # fmt: skip


@cache
def _countries() -> frozenset[str]:
    from faker.providers.address.en import Provider

    more = {name.strip() for name in " ".join(_MORE_COUNTRIES.split()).split("|")}
    return frozenset({name.lower() for name in Provider.countries} | more) - _NOT_PLAIN


def is_state_or_country(place: str, *, column: bool = False) -> bool:
    """Say whether ``place`` is no smaller than a US state.

    Args:
        place: the name alone ("Ohio", "CA", "Germany"); anything else in it makes it smaller.
        column: whether it stands in a column of states, where "New York" and "Georgia" are states.
    """
    name = " ".join(place.strip(" .,;").split())
    lowered = name.lower()
    if name in STATES or (column and name.upper() in STATES):
        return True
    if lowered in {state.lower() for state in STATES.values()}:
        return column or lowered not in _AMBIGUOUS
    return lowered in _countries() or (column and lowered in _NOT_PLAIN)


def keep_state(place: str) -> str:
    """Return the state at the end of an address or "city, state", or an empty text.

    >>> keep_state("12 Oak St, Boston, MA 02139"), keep_state("Boston")
    ('MA', '')
    """
    name = place.strip()
    if is_state_or_country(name):
        return name
    found = re.search(r",\s*([A-Z]{2})(?:\s+\d{5}(?:-\d{4})?)?$", name)
    return found[1] if found and found[1] in STATES else ""


def zip3(value: str, small: frozenset[str] = SMALL_ZIP3) -> str:
    """Return the first three digits of a US ZIP code, ``000`` where few people live there.

    A number that lost its leading zeros ("2139") is filled up to five digits; what is no ZIP code gives
    ``000`` as well, because nothing may be concluded from it.

    Source: 45 CFR 164.514(b)(2)(i)(B).
    """
    found = re.fullmatch(r"\s*(\d{3,5}|\d{9})(?:\.0+|-\d{4})?\s*|\s*(\d{3})[*xX]{2}\s*", str(value))
    if not found:
        return "000"
    digits = found[2] or (found[1] if len(found[1]) != 4 else "0" + found[1])
    # Three digits may be a prefix, or a ZIP of Puerto Rico without its zeros: both read as a prefix.
    prefix = digits[:3]
    return "000" if prefix in small else prefix


def load_small_zip3(path: str | Path) -> frozenset[str]:
    """Read prefixes to be shown as 000 from a text file, one or several a line; # starts a comment.

    Raises:
        UserError: if the file cannot be read or holds something else.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"The list of ZIP prefixes {shown(file.name)} cannot be read: check it.") from None
    words = [word for line in text.splitlines() for word in re.split(r"[\s,;]+", line.split("#")[0]) if word]
    bad = next((word for word in words if not re.fullmatch(r"\d{3}", word)), None)
    if bad is not None or not words:
        raise UserError(
            f"{shown(file.name)} must list prefixes of three digits: '{shown(bad or '')}' is none."
        )
    return frozenset(words)
