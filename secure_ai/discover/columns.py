"""What one column holds, judged from its name and from values: entities, confidence, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from secure_ai.discover.column_names import entity_of_name, words_of
from secure_ai.discover.detector import detect
from secure_ai.discover.forms import (
    CHECKED_NUMBERS,
    FORMS,
    IS_DOTTED_ICD10,
    IS_FULL_NAME,
    IS_ICD10,
    IS_UUID,
    is_clinical,
)
from secure_ai.discover.nested import Field, document_of, fields_of, map_fields

CONFIRMED, NAMED, DOUBTFUL = 0.95, 0.7, 0.5
"""Confidence of a name whose values have the right form, have no typical form, or partly have it."""

FREE_TEXT_WORDS = 4
VALUES_READ = 400
"""Most distinct values of one column that the detector reads; a share is then within 5 points."""

MIN_UNIQUE_ROWS = 20

EXACT_ROWS = 1_000_000
"""Up to this many rows distinct values are counted exactly, above it by HyperLogLog."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a column holds.

    Attributes:
        entities: names as in ``classification.ENTITY_CLASSES``, the most certain first.
        confidence: 0 to 1.
        evidence: why, in words; never a raw value.
        free_text: whether the column holds prose.
        identifier_share: share of the sampled non-null rows in which the detector found an
            identifier; None where the column was not read as text.
    """

    entities: tuple[str, ...]
    confidence: float
    evidence: str
    free_text: bool = False
    identifier_share: float | None = None


# A column of nothing but such values is that entity, whatever its name; the rest of what the
# detector knows (ages, ZIP codes, weak numbers) needs a name or a sentence around it.
BY_VALUE = (
    "PERSON", "EMAIL_ADDRESS", "URL", "IP_ADDRESS", "MAC_ADDRESS", "US_SSN", "US_ITIN", "CREDIT_CARD",
    "IBAN_CODE", "PHONE_NUMBER", "DATE_TIME", "LOCATION", "MEDICAL_LICENSE", "US_MBI", "VEHICLE_ID",
    "COORDINATES", "UUID", "CRYPTO",
)  # fmt: skip


# ---------------------------------------------------------------- the verdict


def judge_column(
    name: str,
    sql_type: str,
    counts: dict[str, int],
    *,
    n_values: int,
    distinct: int,
    largest: float | None = None,
) -> Verdict:
    """Judge one column.

    Args:
        name: its name.
        sql_type: its DuckDB type.
        counts: sampled distinct values as text → rows of the sample that hold them; no nulls.
        n_values: non-null rows of the whole table.
        distinct: distinct non-null values of the whole table.
        largest: greatest value where the column is a number, for ages over 89.
    """
    values = list(counts)
    if not values:
        return _from_name_only(name)
    if sql_type == "BLOB" and sum("\\x" in value for value in values) > len(values) / 2:
        return Verdict((), 0.0, "binary content, which is not examined")
    kind = _kind(sql_type)
    announced = entity_of_name(name)
    if kind == "text" and announced is None and _share(IS_UUID, values) >= 0.95:
        return Verdict(("UUID",), CONFIRMED, f"the {len(values):,} distinct sampled values are UUIDs")
    if kind == "text" and announced is None and _share(is_clinical, values) >= 0.2:
        return _clinical_text(counts, values)
    if kind == "text" and _is_free_text(values) and (announced is None or announced[0] not in FORMS):
        return _free_text(counts)
    if kind == "nested":
        return _nested(sql_type, counts)
    if announced is not None:
        entity, phrase = announced
        verdict = _check_name(entity, phrase, kind, values, largest)
        if verdict is not None:
            return verdict
        contradicted = f"the name says '{phrase}', but the values do not have the form of it; "
    else:
        contradicted = ""
    found = (
        _by_value(kind, values)
        or _by_full_names(name, kind, values)
        or _by_uniqueness(name, kind, values, n_values, distinct)
    )
    if found is not None:
        return Verdict(found.entities, found.confidence, contradicted + found.evidence)
    return Verdict((), 0.0, contradicted + "neither name nor values point to personal data")


def _share(check: Callable[[str], bool], values: Sequence[str]) -> float:
    return sum(map(check, values)) / len(values)


def _clinical_text(counts: dict[str, int], values: Sequence[str]) -> Verdict:
    share = _share(is_clinical, values)
    evidence = f"{share:.0%} of {len(values):,} distinct sampled values hold clinical terms"
    if not _is_free_text(values):
        return Verdict(("HEALTH",), DOUBTFUL, evidence)
    text = _free_text(counts)
    return replace(text, entities=("HEALTH", *text.entities), evidence=f"{text.evidence}; {evidence}")


def _from_name_only(name: str) -> Verdict:
    announced = entity_of_name(name)
    if announced is None:
        return Verdict((), 0.0, "no values, and the name says nothing")
    return Verdict((announced[0],), NAMED / 2, f"no values; only the name says '{announced[1]}'")


def _kind(sql_type: str) -> str:
    base = sql_type.upper()
    if base.startswith(("STRUCT", "MAP", "UNION")) or base.endswith("]") or base == "JSON":
        return "nested"
    if base.startswith(("DATE", "TIMESTAMP")):
        return "date"
    if base in {"FLOAT", "DOUBLE"} or base.startswith("DECIMAL"):
        return "decimal"
    if "INT" in base:
        return "integer"
    return "boolean" if base == "BOOLEAN" else "text"


def _is_free_text(values: Sequence[str]) -> bool:
    lengths = sorted(len(value.split()) for value in values)
    # The upper quarter decides: short replies among long notes do not make a code list.
    upper, middle = lengths[(3 * len(lengths)) // 4], lengths[len(lengths) // 2]
    return (upper > FREE_TEXT_WORDS and len(values) > 1) or middle >= 2 * FREE_TEXT_WORDS


def _free_text(counts: dict[str, int]) -> Verdict:
    read = dict(list(counts.items())[:VALUES_READ])
    rows = sum(read.values())
    holding: dict[str, int] = {}
    with_any = 0
    for (_, count), spans in zip(read.items(), detect(list(read)), strict=True):
        names = {span.entity_type for span in spans}
        # An age of up to 89 is no identifier; AGE is only listed as an attribute.
        with_any += count if names - {"AGE"} else 0
        for entity in names:
            holding[entity] = holding.get(entity, 0) + count
    entities = tuple(
        entity
        for entity, count in sorted(holding.items(), key=lambda i: (-i[1], i[0]))
        if count / rows >= 0.01
    )
    share = with_any / rows
    evidence = (
        f"free text; identifiers in {share:.0%} of {rows:,} sampled rows (names in plain prose are missed)"
    )
    return Verdict(entities, CONFIRMED if entities else NAMED, evidence, True, share)


def _nested(sql_type: str, counts: dict[str, int]) -> Verdict:
    fields = dict.fromkeys(
        regex.findall(
            r'"?([\p{L}_][\w ]*?)"? (?:STRUCT|MAP|VARCHAR|JSON|UUID|BIGINT|DOUBLE|BOOLEAN|DATE|TIMESTAMP)',
            sql_type,
        )
    )
    fields |= dict.fromkeys(
        key
        for value in list(counts)[:50]
        for key in regex.findall(r"""["']([\p{L}_]\w{0,60})["']\s*:""", value)
    )
    named = [entity_of_name(field) for field in fields]
    text = _free_text(counts)
    entities = tuple(dict.fromkeys([*(hit[0] for hit in named if hit), *text.entities]))
    known = sum(hit is not None for hit in named)
    evidence = f"nested values; {known} of {len(fields)} field names are known, and the values read as text"
    return Verdict(entities, NAMED if entities else 0.0, evidence, False, text.identifier_share)


def _check_name(
    entity: str, phrase: str, kind: str, values: Sequence[str], largest: float | None
) -> Verdict | None:
    says = f"the name says '{phrase}'"
    if kind == "boolean":
        # A yes or no about health is health data; a yes or no about a telephone is no telephone number.
        return None if entity in FORMS else Verdict((entity,), NAMED, says)
    if kind == "date":
        dated = entity if entity in {"DATE_OF_BIRTH", "CARD_EXPIRY"} else "DATE_TIME"
        return Verdict((dated,), CONFIRMED, f"{says} and the type is a date")
    form = FORMS.get(entity)
    if form is None:
        return Verdict((entity,), NAMED, f"{says}; values of this kind have no typical form")
    share = sum(map(form, values)) / len(values)
    if share < 0.2:
        return None
    shown = f"{says}; {share:.0%} of {len(values):,} distinct sampled values have its form"
    if entity == "AGE" and largest is not None and largest > 89:
        return Verdict(("AGE_OVER_89",), CONFIRMED, f"{shown}, some over 89")
    return Verdict((entity,), CONFIRMED if share >= 0.8 else DOUBTFUL, shown)


def _by_value(kind: str, values: Sequence[str]) -> Verdict | None:
    if kind == "date":
        return Verdict(("DATE_TIME",), CONFIRMED, "the type is a date")
    if kind in {"integer", "text"} and len(values) >= MIN_UNIQUE_ROWS:
        for entity, check in CHECKED_NUMBERS.items():
            share = sum(map(check, values)) / len(values)
            if share >= 0.95:
                return Verdict(
                    (entity,),
                    share * CONFIRMED,
                    f"{share:.0%} of {len(values):,} distinct values pass its check digit",
                )
    if kind != "text":
        return None
    if sum(map(IS_ICD10, values)) >= 0.95 * len(values) and sum(map(IS_DOTTED_ICD10, values)) >= 0.2 * len(values):
        return Verdict(("HEALTH",), NAMED, "the values have the form of ICD-10 codes")
    read = values[:VALUES_READ]
    hits: dict[str, int] = {}
    for value, spans in zip(read, detect(read, entities=BY_VALUE), strict=True):
        for entity in {s.entity_type for s in spans if s.end - s.start >= 0.8 * len(value.strip())}:
            hits[entity] = hits.get(entity, 0) + 1
    if not hits:
        return None
    entity = max(hits, key=lambda name: (hits[name], name))
    share = hits[entity] / len(read)
    if share < 0.5:
        return None
    return Verdict(
        (entity,),
        share * CONFIRMED,
        f"the detector recognized {share:.0%} of {len(read):,} distinct sampled values",
    )


def _by_full_names(name: str, kind: str, values: Sequence[str]) -> Verdict | None:
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


def _by_uniqueness(
    name: str, kind: str, values: Sequence[str], n_values: int, distinct: int
) -> Verdict | None:
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
