"""Which of the eighteen identifiers of HIPAA's Safe Harbor the detector looks for, and which it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from secure_ai.core.frameworks import entries
from secure_ai.discover.detector import known_entities

FRAMEWORK = "HIPAA Safe Harbor"


@dataclass(frozen=True, slots=True)
class _Found:
    entities: tuple[str, ...] = ()
    limit: str = ""


_TABLE: Mapping[str, _Found] = {
    "HIPAA A": _Found(("PERSON",), "nicknames, initials and names in small letters are missed most often"),
    "HIPAA B": _Found(
        ("LOCATION", "ZIP_CODE", "COORDINATES"),
        "a place that only readers of the region know as one is missed",
    ),
    "HIPAA C": _Found(
        ("DATE_TIME", "AGE"),
        "holidays and days named in words (the Friday after Easter) are missed; every age is found, and "
        "whether it is over 89 decides later",
    ),
    "HIPAA D": _Found(("PHONE_NUMBER",), "digits without groups need a word such as call near them"),
    "HIPAA E": _Found(("PHONE_NUMBER",), "fax numbers are not told from telephone numbers"),
    "HIPAA F": _Found(("EMAIL_ADDRESS",), "addresses spelled out (jane at example dot org) are missed"),
    "HIPAA G": _Found(("US_SSN",), "nine bare digits need a word such as SSN near them"),
    "HIPAA H": _Found(
        ("MEDICAL_RECORD_NUMBER", "UK_NHS"), "they have no common format: a label must say what they are"
    ),
    "HIPAA I": _Found(
        ("US_MBI", "US_HEALTH_INSURANCE_MEMBER_ID", "US_CLAIM_NUMBER", "US_PRIOR_AUTHORIZATION_NUMBER"),
        "other than Medicare's they have no common format: a label must say what they are",
    ),
    "HIPAA J": _Found(
        ("US_BANK_NUMBER", "IBAN_CODE", "CREDIT_CARD", "CRYPTO"),
        "account numbers other than IBANs and cards need a label",
    ),
    "HIPAA K": _Found(
        ("US_DRIVER_LICENSE", "MEDICAL_LICENSE", "US_NPI", "LICENSE_NUMBER"),
        "formats differ by issuer: other than DEA and NPI numbers they need a label",
    ),
    "HIPAA L": _Found(("VEHICLE_ID",), "license plates need a label"),
    "HIPAA M": _Found(("DEVICE_ID", "MAC_ADDRESS"), "serial numbers need a label"),
    "HIPAA N": _Found(("URL",), "bare domains of rare endings are missed"),
    "HIPAA O": _Found(("IP_ADDRESS",), ""),
    "HIPAA P": _Found(
        (), "a finger or voice print is no text; files that hold one must be kept back by their kind"
    ),
    "HIPAA Q": _Found(
        (), "a photograph is no text; images must be kept back, or examined by a person or an image tool"
    ),
    "HIPAA R": _Found(
        (
            "US_PASSPORT",
            "US_ITIN",
            "UUID",
            "US_PRESCRIPTION_NUMBER",
            "US_REFERRAL_NUMBER",
        ),
        "any other code or characteristic (the mayor's wife, a rare diagnosis) needs a human reader; a "
        "house's own codes can be added as recognizers",
    ),
}


def coverage() -> pd.DataFrame:
    """Return one row for each identifier of Safe Harbor, with the entities that find it in text.

    Returns:
        Columns: ``id`` and ``identifier`` (as in the regulation), ``found as`` (entity names, empty
        where nothing finds it), ``covered`` (bool), ``limit`` (what is missed, or why it is not
        covered). Entities that the registry in use does not have are left out.

    Source:
        45 CFR 164.514(b)(2)(i).
    """
    known = set(known_entities())
    rows = []
    for entry in entries(FRAMEWORK):
        found = _TABLE[entry.id]
        present = [name for name in found.entities if name in known]
        rows.append(
            {
                "id": entry.id,
                "identifier": entry.name,
                "found as": ", ".join(present),
                "covered": bool(present),
                "limit": found.limit,
            }
        )
    return pd.DataFrame(rows)
