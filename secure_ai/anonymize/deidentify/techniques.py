"""Which technique which standard admits, asked of the rules that every policy is checked with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.anonymize.deidentify.rules import (
    Age,
    City,
    Hash,
    Keep,
    Pseudonym,
    RandomCode,
    Redact,
    Rule,
    ShiftDate,
    Token,
    Vault,
    Year,
    Zip3,
)
from secure_ai.anonymize.deidentify.standards import STANDARDS

if TYPE_CHECKING:
    import pandas as pd

TECHNIQUES: tuple[tuple[str, str, Rule], ...] = (
    ("remove a name", "PERSON", Redact()),
    ("random code for a record number", "MEDICAL_RECORD_NUMBER", RandomCode()),
    ("random token from a vault", "US_BANK_NUMBER", Vault()),
    ("year of a date", "DATE_TIME", Year()),
    ("first three digits of a ZIP code", "ZIP_CODE", Zip3()),
    ("ages over 89 as 90+", "AGE_OVER_89", Age()),
    ("town", "LOCATION", City()),
    ("whole ZIP code", "ZIP_CODE", Keep()),
    ("date as it is", "DATE_TIME", Keep()),
    ("shifted date", "DATE_TIME", ShiftDate()),
    ("keyed hash of a record number", "MEDICAL_RECORD_NUMBER", Hash()),
    ("keyed pseudonym for a name", "PERSON", Pseudonym()),
    ("reversible token", "US_SSN", Token()),
)
"""Technique in words, an entity that it is used for, and its rule."""

COLUMNS = {
    "safe_harbor": "Safe Harbor",
    "limited_data_set": "limited data set",
    "expert_determination": "Expert Determination",
}


def permitted_techniques() -> pd.DataFrame:
    """Return one row per technique: ``technique`` and, by standard of HIPAA, ``yes``, ``no`` or ``if ...``.

    Under Expert Determination whatever the expert finds safe is permitted, and nothing else.
    """
    import pandas as pd

    rows = []
    for name, entity, rule in TECHNIQUES:
        row = {"technique": name}
        for standard, title in COLUMNS.items():
            permitted = not STANDARDS[standard].objection(entity, rule)
            row[title] = (
                ("if the expert agrees" if standard == "expert_determination" else "yes")
                if permitted
                else "no"
            )
        rows.append(row)
    return pd.DataFrame(rows)
