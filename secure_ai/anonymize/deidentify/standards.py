"""What a legal basis lets stay and which actions it permits: the rules that no policy file can soften."""

from __future__ import annotations

from dataclasses import dataclass

from secure_ai.anonymize.deidentify.rules import KEYED
from secure_ai.discover.classification import ENTITY_CLASSES

SAFE_HARBOR_REMOVES = frozenset(
    {name for name, entity in ENTITY_CLASSES.items() if entity.hipaa is not None} | {"ORGANIZATION"}
)
"""The eighteen identifiers by entity. Names of employers are among them: letter A speaks of "the
individual or of relatives, employers, or household members", hence organizations."""

LIMITED_KEEPS = frozenset(
    {
        "LOCATION", "ZIP_CODE", "DATE_TIME", "DATE_OF_BIRTH", "AGE_OVER_89", "CARD_EXPIRY",
        "UUID", "UNIQUE_IDENTIFIER", "GENETIC",
    }
)  # fmt: skip
"""Of what Safe Harbor removes, what 45 CFR 164.514(e)(2) does not list: town, city, state, ZIP code, all
dates and ages, and codes that are none of its sixteen identifiers."""

LIMITED_REMOVES = SAFE_HARBOR_REMOVES - LIMITED_KEEPS

SIXTEEN = {
    "i": ("Names", ("PERSON", "CARDHOLDER_NAME")),
    "ii": ("Postal address information other than town or city, State, and zip code",
           ("STREET_ADDRESS", "COORDINATES")),
    "iii": ("Telephone numbers", ("PHONE_NUMBER",)),
    "iv": ("Fax numbers", ("FAX_NUMBER",)),
    "v": ("Electronic mail addresses", ("EMAIL_ADDRESS",)),
    "vi": ("Social security numbers", ("US_SSN",)),
    "vii": ("Medical record numbers", ("MEDICAL_RECORD_NUMBER", "UK_NHS")),
    "viii": ("Health plan beneficiary numbers",
             ("US_HEALTH_INSURANCE_MEMBER_ID", "US_MBI", "US_CLAIM_NUMBER", "US_PRIOR_AUTHORIZATION_NUMBER")),
    "ix": ("Account numbers", ("US_BANK_NUMBER", "IBAN_CODE", "CREDIT_CARD", "CRYPTO")),
    "x": ("Certificate/license numbers",
          ("US_DRIVER_LICENSE", "MEDICAL_LICENSE", "US_NPI", "LICENSE_NUMBER", "US_PASSPORT")),
    "xi": ("Vehicle identifiers and serial numbers, including license plate numbers", ("VEHICLE_ID",)),
    "xii": ("Device identifiers and serial numbers", ("DEVICE_ID", "MAC_ADDRESS")),
    "xiii": ("Web Universal Resource Locators (URLs)", ("URL",)),
    "xiv": ("Internet Protocol (IP) address numbers", ("IP_ADDRESS",)),
    "xv": ("Biometric identifiers, including finger and voice prints", ("BIOMETRIC",)),
    "xvi": ("Full face photographic images and any comparable images", ("PHOTO",)),
}  # fmt: skip
"""The direct identifiers of 45 CFR 164.514(e)(2)(i)-(xvi): paragraph → name and entities."""


@dataclass(frozen=True)
class Standard:
    """A legal basis.

    Attributes:
        name: as a policy names it.
        removes: entities that must not stay as they are.
        forbidden: actions that are not permitted, with the reason.
        exact: entity → the only actions that leave part of its value.
        whole: whether no part of a removed value may stay (the last four digits, for instance).
        residual: one sentence on the risk that remains.
    """

    name: str
    removes: frozenset[str]
    forbidden: dict[str, str]
    exact: dict[str, frozenset[str]]
    whole: bool
    residual: str

    def objection(self, entity: str | None, rule) -> str:
        """Say why ``rule`` is not permitted for ``entity`` (None: for any), or return an empty text."""
        if rule.action in self.forbidden:
            return self.forbidden[rule.action]
        if self.whole and getattr(rule, "keep_last", 0):
            return "part of an identifier may not stay (use keep_last: 0)"
        if entity not in self.removes:
            return ""
        if rule.action == "keep":
            return "it must be removed (use redact)"
        if rule.action in PARTIAL and rule.action not in self.exact.get(entity, frozenset()):
            return "too much of it would stay (use redact)"
        return ""


PARTIAL = frozenset({"keep", "year", "age", "zip3", "state", "city", "generalize"})
"""Actions that leave part of the value."""

_DERIVED = (
    "what is derived from the value is not permitted there (164.514(c)); use redact or random_code, or "
    "choose the standard expert_determination"
)
_SAFE_EXACT = {
    "LOCATION": frozenset({"state"}),
    "STREET_ADDRESS": frozenset({"state"}),
    "ZIP_CODE": frozenset({"zip3"}),
    "DATE_TIME": frozenset({"year"}),
    "DATE_OF_BIRTH": frozenset({"year"}),
    "AGE_OVER_89": frozenset({"age"}),
}

STANDARDS = {
    standard.name: standard
    for standard in (
        Standard(
            "safe_harbor",
            SAFE_HARBOR_REMOVES,
            dict.fromkeys(KEYED, _DERIVED) | {"city": "a city is smaller than a state (use state)"},
            _SAFE_EXACT,
            True,
            "Safe Harbor also asks that you have no actual knowledge that the rest could identify someone "
            "(164.514(b)(2)(ii)): what no detector found stays, and so do rare diagnoses and odd stories.",
        ),
        Standard(
            "limited_data_set",
            LIMITED_REMOVES,
            {},
            {
                "STREET_ADDRESS": frozenset({"city", "state"}),
                "LOCATION": frozenset({"city", "state"}),
            },
            False,
            "A limited data set is still protected health information: it needs a data use agreement "
            "(164.514(e)(4)), and dates, towns and ZIP codes single people out.",
        ),
        Standard(
            "expert_determination",
            frozenset(),
            {},
            {},
            False,
            "No expert has determined anything yet: the risk must be found very small by a person with the "
            "knowledge that 164.514(b)(1) asks for, on this output and its recipients.",
        ),
        Standard(
            "pseudonymization",
            frozenset(),
            {},
            {},
            False,
            "Pseudonymized data are personal data: whoever holds the key, or knows enough about a person, "
            "can trace the records back.",
        ),
    )
}
"""The legal bases, by name."""
