"""Made-up places, organizations, addresses and numbers that belong to nobody, in the form of the original."""

from __future__ import annotations

import ipaddress
import re
from functools import cache

from secure_ai.anonymize.deidentify.geography import is_state_or_country
from secure_ai.anonymize.deidentify.names import pool
from secure_ai.encrypt.secret_keys import Mac

_KINDS = (
    "Hospital|Medical Center|Clinic|Health|Healthcare|Pharmacy|Laboratory|Bank|Credit Union|Trust|Insurance|"
    "University|College|School|Center|Foundation|Institute|Group|Partners|Associates|Inc|LLC|Ltd|Corp|Corporation|"
    "Company|Co|GmbH|PLC|Department|Agency|Church|Society"
)
_KIND = re.compile(rf"\b({_KINDS})\b\.?", re.IGNORECASE)
_STREETS = (
    "Street|St|Avenue|Ave|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Circle|Cir|Terrace|"
    "Parkway"
)
_STREET = re.compile(rf"\b({_STREETS})\b", re.IGNORECASE)
_STATE_TAIL = re.compile(r",?\s+([A-Z]{2})(\s+\d{5}(?:-\d{4})?)?\s*$")
_STREET_PART = re.compile(r"\d|\bP\.?\s?O\.?\s?Box\b", re.IGNORECASE)
_TOWN_ENDS = (
    "burgh", "bury", "chester", "fort", "haven", "mouth", "shire", "side", "stad", "ton", "town", "view",
    "ville",
)  # fmt: skip
_DOCUMENTATION = ("192.0.2.", "198.51.100.", "203.0.113.")


@cache
def _ascii(part: str) -> tuple[str, ...]:
    return tuple(name for name in pool("english", part) if name.isascii())


def town(mac: Mac, value: str) -> str:
    """Return the name of a town that does not exist."""
    names = _ascii("family")
    stem = names[mac.number(len(names), "town", value)]
    return stem.rstrip("s") + _TOWN_ENDS[mac.number(len(_TOWN_ENDS), "end", value)]


def place(mac: Mac, value: str) -> str:
    """Return a made-up place for an address, a city, or "city, state"; a state or country stays."""
    if is_state_or_country(value):
        return value
    key = " ".join(value.lower().split())
    tail = _STATE_TAIL.search(value)
    ending = ""
    if tail:
        ending = f", {tail[1]}" + (" " + zip_code(mac, tail[2].strip()) if tail[2] else "")
        value = value[: tail.start()]
    if not _STREET_PART.search(value):
        new = town(mac, key.split(",")[0])
        return (new.upper() if value.isupper() else new) + ending
    names = _ascii("family")
    suffix = _STREET.search(value)
    street = names[mac.number(len(names), "street", key)]
    number = 1 + mac.number(9899, "house", key)
    new = f"{number} {street} {suffix[1] if suffix else 'Street'}"
    if "," in value or ending:
        new += ", " + town(mac, key)
    return (new.upper() if value.isupper() else new) + ending


def organization(mac: Mac, value: str) -> str:
    """Return a made-up organization of the same kind ("... Hospital", "... Bank")."""
    key = " ".join(value.lower().split())
    names = _ascii("family")
    kinds = _KIND.findall(value)
    new = f"{names[mac.number(len(names), 'organization', key)]} {kinds[-1] if kinds else 'Group'}"
    return new.upper() if value.isupper() else new


def email(mac: Mac, value: str) -> str:
    """Return an address at example.org (RFC 2606: nobody's)."""
    key = value.strip().lower()
    given, family = _ascii("given"), _ascii("family")
    number = mac.number(1000, "mail", key)
    first, last = given[mac.number(len(given), "g", key)], family[mac.number(len(family), "f", key)]
    return f"{first}.{last}{number}@example.org".lower()


def phone(mac: Mac, value: str) -> str:
    """Return a number from 555-0100 to 555-0199 (kept free for fiction) in the form of the original."""
    digits = re.sub(r"\D", "", re.split(r"(?i)\s*(?:x|ext)", value)[0])
    country = value.strip().startswith("+") and not digits.startswith("1")
    key = digits[-10:]
    if country or len(digits) < 7:
        return f"555-01{mac.number(100, 'phone', key):02d}"
    line = f"55501{mac.number(100, 'phone', key):02d}"
    area = str(200 + mac.number(800, "area", key)) if len(digits) > 7 else ""
    new = iter((digits[:-10] + area + line).zfill(len(digits))[-len(digits) :])
    return "".join(next(new, "") if c.isdigit() else c for c in re.split(r"(?i)\s*(?:x|ext)", value)[0])


def zip_code(mac: Mac, value: str) -> str:
    """Return a ZIP code that is not assigned (000xx), as long as the original."""
    digits = re.sub(r"\D", "", value.split(".", maxsplit=1)[0])
    # A number that lost its leading zero is the same place.
    key = digits.zfill(5)[:5] if len(digits) <= 5 else digits[:5]
    new = f"000{mac.number(100, 'zip', key):02d}"
    return new + ("-0000" if "-" in value else "")


def url(mac: Mac, value: str) -> str:
    """Return an address under example.org."""
    path = "".join(chr(97 + byte % 26) for byte in mac.digest("url", value.strip())[:10])
    return f"https://example.org/{path}"


def ip_address(mac: Mac, value: str) -> str:
    """Return an address from the ranges kept for documentation (RFC 5737, RFC 3849)."""
    key = value.strip().lower()
    try:
        version = ipaddress.ip_address(key.split("/")[0]).version
    except ValueError:
        version = 4
    if version == 6:
        return f"2001:db8::{mac.number(65536, 'ip', key):x}:{mac.number(65536, 'ip2', key):x}"
    prefix = _DOCUMENTATION[mac.number(3, "net", key)]
    return f"{prefix}{1 + mac.number(254, 'ip', key)}"


MAKERS = {
    "LOCATION": place,
    "STREET_ADDRESS": place,
    "ORGANIZATION": organization,
    "EMAIL_ADDRESS": email,
    "PHONE_NUMBER": phone,
    "FAX_NUMBER": phone,
    "ZIP_CODE": zip_code,
    "URL": url,
    "IP_ADDRESS": ip_address,
}
"""Entity → function of keyed MAC and value."""
