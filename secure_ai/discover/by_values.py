"""What a column holds by its values alone: identifiers with a form, names, codes that all differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from secure_ai.discover.column_names import words_of
from secure_ai.discover.detector import detect
from secure_ai.discover.forms import (
    CAN_BE_NAME,
    CHECKED_NUMBERS,
    FORMS,
    IS_DATE,
    IS_DOTTED_ICD10,
    IS_FULL_NAME,
    IS_ICD10,
)
from secure_ai.discover.verdict import CONFIRMED, DOUBTFUL, EXACT_ROWS, NAMED, Verdict

MIN_UNIQUE_ROWS = 20

# A column of nothing but such values is that entity, whatever its name; the rest of what the
# detector knows (ages, ZIP codes, weak numbers) needs a name or a sentence around it.
BY_PATTERN = (
    "EMAIL_ADDRESS", "URL", "IP_ADDRESS", "MAC_ADDRESS", "US_SSN", "US_ITIN", "CREDIT_CARD", "IBAN_CODE",
    "PHONE_NUMBER", "MEDICAL_LICENSE", "US_MBI", "VEHICLE_ID", "COORDINATES", "UUID", "CRYPTO",
)  # fmt: skip
BY_NAME = ("PERSON", "LOCATION", "DATE_TIME")
"""What the names model is asked for, which takes longer: only where no pattern explains the values."""
SHAPES_READ = 400
"""Most distinct values whose shape is looked at: dates and ICD-10 codes."""
FORMS_READ = 150
"""Most distinct values that are read for identifiers with a form; a share is then within 8 points."""
NAMES_READ = 60
"""Most distinct values that are read for names; a share is then within 13 points."""
FIRST_READ = 15
"""Where not one of so many values holds anything, half of them all do not either (chance 1 in 30,000)."""
LEAST_NAMES = 3
"""Distinct values below which no name is believed: a word or two of a code list can look like one."""
LEAST_SHARE, LEAST_PART = 0.5, 0.1
"""Share of values that must be explained, and that one entity must have to be listed."""


def share_of(check: Callable[[str], bool], values: Sequence[str]) -> float:
    """Return the share of values that pass a check."""
    return sum(map(check, values)) / len(values)


def by_value(kind: str, values: Sequence[str]) -> Verdict | None:
    """Judge a column by check digits, forms and what the detector recognizes in its values."""
    if kind == "date":
        return Verdict(("DATE_TIME",), CONFIRMED, "the type is a date")
    if kind in {"integer", "text"} and len(values) >= MIN_UNIQUE_ROWS:
        for entity, check in CHECKED_NUMBERS.items():
            # One number in ten passes by chance: of the first ones, not nearly all.
            if share_of(check, values[:MIN_UNIQUE_ROWS]) < 0.8:
                continue
            share = sum(map(check, values)) / len(values)
            if share >= 0.95:
                return Verdict(
                    (entity,),
                    share * CONFIRMED,
                    f"{share:.0%} of {len(values):,} distinct values pass its check digit",
                )
    if kind != "text":
        return None
    read = values[:SHAPES_READ]
    if share_of(IS_ICD10, read) >= 0.95 and share_of(IS_DOTTED_ICD10, read) >= 0.2:
        return Verdict(("HEALTH",), NAMED, "the values have the form of ICD-10 codes")
    dates = share_of(IS_DATE, read)
    if dates >= LEAST_SHARE:
        evidence = f"{dates:.0%} of {len(read):,} distinct sampled values have the form of a date"
        return Verdict(("DATE_TIME",), dates * CONFIRMED, evidence)
    found = _by_detector(values, BY_PATTERN, FORMS_READ)
    if found is not None or len(values) < LEAST_NAMES:
        return found
    can = sum(CAN_BE_NAME(value) is not None for value in values[:NAMES_READ])
    return (
        _by_detector(values, BY_NAME, NAMES_READ) if can >= LEAST_SHARE * len(values[:NAMES_READ]) else None
    )


def _by_detector(values: Sequence[str], entities: Sequence[str], most: int) -> Verdict | None:
    if len(values) > FIRST_READ and not any(detect(values[:FIRST_READ], entities=entities)):
        return None
    read = values[:most]
    hits: dict[str, int] = {}
    explained = 0
    for value, spans in zip(read, detect(read, entities=entities), strict=True):
        whole = {s.entity_type for s in spans if s.end - s.start >= 0.8 * len(value.strip())}
        explained += bool(whole)
        for entity in whole:
            hits[entity] = hits.get(entity, 0) + 1
    if explained < LEAST_SHARE * len(read) or not hits:
        return None
    listed = sorted((e for e in hits if hits[e] >= LEAST_PART * len(read)), key=lambda e: (-hits[e], e))
    share = explained / len(read)
    return Verdict(
        tuple(listed),
        share * CONFIRMED,
        f"the detector recognized {share:.0%} of {len(read):,} distinct sampled values",
    )


def by_full_names(name: str, kind: str, values: Sequence[str]) -> Verdict | None:
    """Judge a column that is named as a name by whether its values look like full names."""
    # "holder_name", "debtor_nm": a name of something, whose values are two or three capitalized words.
    if kind != "text" or not {"name", "names", "nm"} & set(words_of(name)) or len(values) < MIN_UNIQUE_ROWS:
        return None
    share = sum(IS_FULL_NAME(value) is not None for value in values) / len(values)
    if share < 0.7:
        return None
    return Verdict(
        ("PERSON",),
        DOUBTFUL,
        f"named as a name; {share:.0%} of the values are two or three capitalized words",
    )


def by_uniqueness(
    name: str, kind: str, values: Sequence[str], n_values: int, distinct: int
) -> Verdict | None:
    """Judge a column by whether every value is different: then it joins this table to others."""
    estimated = n_values > EXACT_ROWS
    # HyperLogLog was seen to err by 15 %.
    if distinct < n_values * (0.8 if estimated else 1) or n_values < MIN_UNIQUE_ROWS:
        return None
    if kind not in {"text", "integer"}:
        return None
    if kind == "integer":
        says_so = {"id", "no", "num", "number", "nr", "key", "ref", "code", "index", "seq"} & set(
            words_of(name)
        )
        numbers = sorted(map(int, values))
        consecutive = numbers[-1] - numbers[0] + 1 == len(numbers) == n_values
        if not says_so and not consecutive:
            return None
    elif sum(map(FORMS["UNIQUE_IDENTIFIER"], values)) < 0.95 * len(values) or min(map(len, values)) < 4:
        return None
    return Verdict(
        ("UNIQUE_IDENTIFIER",),
        NAMED,
        f"{'by estimate nearly ' if estimated else ''}every one of {n_values:,} values is different",
    )
