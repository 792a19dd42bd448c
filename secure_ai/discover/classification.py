"""What an entity means under HIPAA, PCI DSS, GLBA and the GDPR, and which of four tiers it belongs to.

The tables here are the rules; nothing else in the kit decides a tier. HIPAA letters read "would be
this Safe Harbor identifier where a covered entity holds it about a patient", GLBA "would be
nonpublic personal information where a financial institution holds it about a consumer".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from importlib import resources

import yaml


def _hipaa_names() -> dict[str, str]:
    # The one file, not the whole index of frameworks: importing this package stays cheap.
    file = resources.files("secure_ai.core.frameworks").joinpath("hipaa_safe_harbor.yaml")
    listed = yaml.safe_load(file.read_text(encoding="utf-8"))["entries"]
    return {identifier.removeprefix("HIPAA "): name for identifier, name in listed.items()}


HIPAA_NAMES = _hipaa_names()
"""Letters of 45 CFR 164.514(b)(2)(i), as the kit's pinned list names them."""


class Tier(IntEnum):
    """How far data may travel; a table is as sensitive as its worst column."""

    PUBLIC = 0
    INTERNAL = 1
    CONFIDENTIAL = 2
    RESTRICTED = 3

    @property
    def meaning(self) -> str:
        """What the tier asks for, in one sentence."""
        return _MEANINGS[self]


_MEANINGS = {
    Tier.PUBLIC: "Says nothing about a person; may be published.",
    Tier.INTERNAL: "For staff; harm from a leak is small by itself.",
    Tier.CONFIDENTIAL: "About people, or points to them; need to know, access logged.",
    Tier.RESTRICTED: "Harms people at once if it leaks; encrypted, named readers, never in a prompt.",
}


@dataclass(frozen=True, slots=True)
class EntityClass:
    """What one entity means.

    Attributes:
        title: name for a report.
        tier: least tier of data that holds it.
        reason: why that tier.
        hipaa: Safe Harbor letter, or None.
        pci: cardholder or sensitive authentication data (PCI DSS v4.0.1, table 2).
        glba: nonpublic personal information (16 CFR 313.3(n), (o)).
        gdpr_special: special category (GDPR Art. 9(1)).
        direct: whether it points to one person by itself.
    """

    title: str
    tier: Tier
    reason: str
    hipaa: str | None = None
    pci: bool = False
    glba: bool = False
    gdpr_special: bool = False
    direct: bool = False


_P, _I, _C, _R = Tier.PUBLIC, Tier.INTERNAL, Tier.CONFIDENTIAL, Tier.RESTRICTED
_FRAUD = "opens the door to identity theft or fraud by itself"
_POINTS = "points to one person or household"
_QUASI = "singles people out together with other columns"
_HEALTH = "special category of personal data"


def _id(title: str, tier: Tier, reason: str, hipaa: str | None, *, pci: bool = False) -> EntityClass:
    return EntityClass(title, tier, reason, hipaa, pci=pci, glba=True, direct=True)


def _special(title: str, *, hipaa: str | None = None, tier: Tier = _C) -> EntityClass:
    return EntityClass(title, tier, _HEALTH, hipaa, gdpr_special=True, direct=hipaa is not None)


ENTITY_CLASSES: dict[str, EntityClass] = {
    # direct identifiers
    "PERSON": _id("Name of a person", _C, _POINTS, "A"),
    "CARDHOLDER_NAME": _id("Name on a card", _C, _POINTS, "A", pci=True),
    "USERNAME": _id("User name", _C, _POINTS, "R"),
    "PHONE_NUMBER": _id("Telephone number", _C, _POINTS, "D"),
    "FAX_NUMBER": _id("Fax number", _C, _POINTS, "E"),
    "EMAIL_ADDRESS": _id("E-mail address", _C, _POINTS, "F"),
    "US_SSN": _id("Social Security number", _R, _FRAUD, "G"),
    "US_ITIN": _id("Individual taxpayer number", _R, _FRAUD, "R"),
    "MEDICAL_RECORD_NUMBER": _id("Medical record number", _C, _POINTS, "H"),
    "US_HEALTH_INSURANCE_MEMBER_ID": _id("Health plan number", _R, _FRAUD, "I"),
    "US_PRIOR_AUTHORIZATION_NUMBER": _id("Prior authorization number", _C, _POINTS, "I"),
    "US_CLAIM_NUMBER": _id("Insurance claim number", _C, _POINTS, "I"),
    "US_REFERRAL_NUMBER": _id("Referral number", _C, _POINTS, "R"),
    "US_PRESCRIPTION_NUMBER": _id("Prescription number", _C, _POINTS, "R"),
    "UK_NHS": _id("NHS number", _R, _FRAUD, "H"),
    "US_MBI": _id("Medicare beneficiary number", _R, _FRAUD, "I"),
    "US_BANK_NUMBER": _id("Account number", _R, _FRAUD, "J"),
    "IBAN_CODE": _id("IBAN", _R, _FRAUD, "J"),
    "CREDIT_CARD": _id("Payment card number", _R, _FRAUD, "J", pci=True),
    "CARD_EXPIRY": EntityClass("Card expiry date", _C, "cardholder data", None, pci=True, glba=True),
    "CARD_SECURITY_CODE": EntityClass(
        "Card security code or PIN",
        _R,
        "sensitive authentication data, never kept after authorization",
        "R",
        pci=True,
        glba=True,
    ),
    "CRYPTO": _id("Cryptocurrency address", _R, _FRAUD, "J"),
    "US_DRIVER_LICENSE": _id("Driver license", _R, _FRAUD, "K"),
    "US_PASSPORT": _id("Passport number", _R, _FRAUD, "R"),
    "MEDICAL_LICENSE": EntityClass("DEA registration", _C, "misused to forge prescriptions", "K"),
    "US_NPI": EntityClass("Provider number (NPI)", _I, "published in the NPPES registry", "K"),
    "LICENSE_NUMBER": _id("Certificate or license number", _C, _POINTS, "K"),
    "VEHICLE_ID": _id("Vehicle identifier", _C, _POINTS, "L"),
    "DEVICE_ID": _id("Device identifier", _C, _POINTS, "M"),
    "MAC_ADDRESS": _id("Network card address", _C, _POINTS, "M"),
    "URL": _id("Web address", _C, "may name a person's page or record", "N"),
    "IP_ADDRESS": _id("IP address", _C, _POINTS, "O"),
    "BIOMETRIC": _special("Biometric identifier", hipaa="P", tier=_R),
    "PHOTO": _id("Photograph of a person", _C, _POINTS, "Q"),
    "UUID": _id("Unique code", _C, "joins this table to others", "R"),
    "UNIQUE_IDENTIFIER": _id("Unique code", _C, "joins this table to others", "R"),
    "CREDENTIAL": EntityClass("Password, key or token", _R, "gives access by itself", "R", direct=True),
    # places and dates: identifiers by the rule, quasi-identifiers in practice
    "LOCATION": EntityClass("Address or place below a state", _C, _QUASI, "B", glba=True),
    "STREET_ADDRESS": _id("Street address", _C, _POINTS, "B"),
    "ZIP_CODE": EntityClass("ZIP code", _C, _QUASI, "B", glba=True),
    "COORDINATES": EntityClass("Coordinates", _C, _QUASI, "B", glba=True),
    "DATE_TIME": EntityClass("Date", _C, _QUASI, "C"),
    "DATE_OF_BIRTH": EntityClass("Date of birth", _C, _QUASI, "C", glba=True),
    "AGE_OVER_89": EntityClass("Age, with values over 89", _C, _QUASI, "C"),
    # special categories
    "HEALTH": _special("Health data"),
    "RACE_ETHNICITY": _special("Race or ethnic origin"),
    "NRP": _special("Nationality, religion or political group"),
    "RELIGION": _special("Religion or belief"),
    "POLITICAL": _special("Political opinion"),
    "TRADE_UNION": _special("Trade union membership"),
    "SEXUAL_ORIENTATION": _special("Sex life or orientation"),
    "GENETIC": _special("Genetic data", hipaa="R", tier=_R),
    # financial facts
    "FINANCIAL": EntityClass(
        "Financial fact about a person", _C, "nonpublic personal information", glba=True
    ),
    # attributes
    "YEAR": EntityClass("Year", _I, "years alone stay under Safe Harbor"),
    "AGE": EntityClass("Age (none over 89)", _I, _QUASI),
    "TITLE": EntityClass("Title before a name", _I, _QUASI),
    "SEX": EntityClass("Sex or gender", _I, _QUASI),
    "MARITAL_STATUS": EntityClass("Marital or family status", _I, _QUASI),
    "EDUCATION": EntityClass("Education", _I, _QUASI),
    "OCCUPATION": EntityClass("Occupation or employer", _I, _QUASI),
    "NATIONALITY": EntityClass("Nationality or country of birth", _I, _QUASI),
    "STATE": EntityClass("State or country", _I, _QUASI),
    "LANGUAGE": EntityClass("Language", _I, _QUASI),
    # about organisations and things
    "ORGANIZATION": EntityClass("Organization", _I, "names an organization, not a person"),
    "ABA_ROUTING_NUMBER": EntityClass("Bank routing number", _P, "published for every bank"),
    "SWIFT_CODE": EntityClass("Bank identifier code", _P, "published for every bank"),
    "ISIN": EntityClass("Security (ISIN)", _P, "published for every security"),
    "CUSIP": EntityClass("Security (CUSIP)", _P, "published for every security"),
    "SEDOL": EntityClass("Security (SEDOL)", _P, "published for every security"),
    "REFERENCE": EntityClass("Reference value", _P, "a code list or unit that says nothing about a person"),
}

UNCLASSIFIED = EntityClass("Not classified", _I, "nobody has declared it public")


def classify(entities: Iterable[str]) -> EntityClass:
    """Combine the classes of ``entities``: the worst tier with its reason, and the union of the regimes.

    The HIPAA letter is that of the entity with the worst tier, the first listed among equals.
    An entity that the table does not know counts as not classified.
    """
    classes = [ENTITY_CLASSES.get(entity, UNCLASSIFIED) for entity in entities] or [UNCLASSIFIED]
    worst = max(classes, key=lambda c: c.tier)
    lettered = [c for c in classes if c.hipaa]
    return EntityClass(
        title=", ".join(dict.fromkeys(c.title for c in classes)),
        tier=worst.tier,
        reason=worst.reason,
        hipaa=max(lettered, key=lambda c: c.tier).hipaa if lettered else None,
        pci=any(c.pci for c in classes),
        glba=any(c.glba for c in classes),
        gdpr_special=any(c.gdpr_special for c in classes),
        direct=any(c.direct for c in classes),
    )


LINKED = "special category beside a column that points to the person"
FREE_TEXT = "free text that holds identifiers can hold any other fact as well"


def rules() -> list[dict[str, object]]:
    """Return the rules of classification as rows: entity, title, tier, reason and regimes."""
    rows = [
        {
            "entity": entity,
            "title": c.title,
            "tier": c.tier.name,
            "reason": c.reason,
            "HIPAA": c.hipaa,
            "PCI": c.pci,
            "GLBA": c.glba,
            "GDPR Art. 9": c.gdpr_special,
        }
        for entity, c in ENTITY_CLASSES.items()
    ]
    rows.append(
        {"entity": "(special category)", "title": "Combination", "tier": "RESTRICTED", "reason": LINKED}
    )
    rows.append({"entity": "(free text)", "title": "Combination", "tier": "RESTRICTED", "reason": FREE_TEXT})
    return rows
