"""What one column holds, judged from its name and from values: entities, confidence, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from secure_ai.discover.column_names import entity_of_name, words_of
from secure_ai.discover.detector import detect
from secure_ai.discover.fhir import entity_of_element
from secure_ai.discover.forms import (
    CAN_BE_NAME,
    CHECKED_NUMBERS,
    FORMS,
    IS_DATE,
    IS_DOTTED_ICD10,
    IS_FULL_NAME,
    IS_ICD10,
    IS_UUID,
    is_clinical,
)
from secure_ai.discover.nested import Field, documents, fields_of, map_names

CONFIRMED, NAMED, DOUBTFUL = 0.95, 0.7, 0.5
"""Confidence of a name whose values have the right form, have no typical form, or partly have it."""

FREE_TEXT_WORDS = 4
REPEATED, TERM_WORDS = 3, 20
"""Texts that come so often each, and have at most so many words, are terms of a list, not prose."""
NAMES = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP", "TITLE"})
"""What a names model finds, in terms of a list by mistake."""
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
        fields: what each path of a nested column holds; empty for a flat one.
    """

    entities: tuple[str, ...]
    confidence: float
    evidence: str
    free_text: bool = False
    identifier_share: float | None = None
    fields: tuple[FieldVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldVerdict:
    """What one path of a nested column holds.

    Attributes:
        field: the path and its values.
        verdict: as for a column.
    """

    field: Field
    verdict: Verdict


# A column of nothing but such values is that entity, whatever its name; the rest of what the
# detector knows (ages, ZIP codes, weak numbers) needs a name or a sentence around it.
BY_PATTERN = (
    "EMAIL_ADDRESS", "URL", "IP_ADDRESS", "MAC_ADDRESS", "US_SSN", "US_ITIN", "CREDIT_CARD", "IBAN_CODE",
    "PHONE_NUMBER", "MEDICAL_LICENSE", "US_MBI", "VEHICLE_ID", "COORDINATES", "UUID", "CRYPTO",
)  # fmt: skip
BY_NAME = ("PERSON", "LOCATION", "DATE_TIME")
"""What the names model is asked for, which takes longer: only where no pattern explains the values."""
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

GENERIC = frozenset(
    [
        "value",
        "text",
        "content",
        "data",
        "display",
        "code",
        "string",
        "line",
        "item",
        "items",
        "values",
        "info",
        "details",
        "entry",
    ]
)
"""Names of fields that say nothing without the field that they stand in."""
SHOWN_FIELDS = 6


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
    if kind in {"nested", "text"}:
        parsed = documents(counts)
        if parsed is not None:
            return _nested(name, sql_type, parsed, as_text=kind == "text")
    values = _Values("text" if kind == "nested" else kind, counts, n_values, distinct, largest)
    return _judge(name, entity_of_name(name), values)


@dataclass(frozen=True, slots=True)
class _Values:
    """What is known of the values of a column or a path; see :func:`judge_column`."""

    kind: str
    counts: dict[str, int]
    n: int
    distinct: int
    largest: float | None


def _judge(name: str, announced: tuple[str, str] | None, known: _Values) -> Verdict:
    kind, counts, values = known.kind, known.counts, list(known.counts)
    if kind == "text" and announced is None and _share(IS_UUID, values) >= 0.95:
        return Verdict(("UUID",), CONFIRMED, f"the {len(values):,} distinct sampled values are UUIDs")
    if kind == "text" and announced is None and _share(is_clinical, values) >= 0.2:
        return _clinical_text(known)
    if kind == "text" and _is_free_text(values) and (announced is None or announced[0] not in FORMS):
        return _free_text(counts)
    if announced is not None:
        entity, phrase = announced
        verdict = _check_name(entity, phrase, kind, values, known.largest)
        if verdict is not None:
            return verdict
        contradicted = f"the name says '{phrase}', but the values do not have the form of it; "
    else:
        contradicted = ""
    found = (
        _by_value(kind, values)
        or _by_full_names(name, kind, values)
        or _by_uniqueness(name, kind, values, known.n, known.distinct)
    )
    if found is not None:
        return Verdict(found.entities, found.confidence, contradicted + found.evidence)
    return Verdict((), 0.0, contradicted + "neither name nor values point to personal data")


def _share(check: Callable[[str], bool], values: Sequence[str]) -> float:
    return sum(map(check, values)) / len(values)


def _clinical_text(known: _Values) -> Verdict:
    values = list(known.counts)
    share = _share(is_clinical, values)
    evidence = f"{share:.0%} of {len(values):,} distinct sampled values hold clinical terms"
    if not _is_free_text(values):
        return Verdict(("HEALTH",), DOUBTFUL, evidence)
    text = _free_text(known.counts)
    short = max(len(value.split()) for value in values) <= TERM_WORDS
    if short and known.n >= REPEATED * known.distinct and not set(text.entities) - NAMES:
        # Terms of a code list, which are full of words that look like names. One telephone number
        # among them, and it would be prose.
        return Verdict(("HEALTH",), DOUBTFUL, f"{evidence}, and they repeat as terms of a list do")
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


def reading() -> str:
    """Return which detector reads text, and what it cannot: for the evidence of a column of prose."""
    from secure_ai.discover.engine import BLANK, NAMES_MODEL, chosen_model

    model = chosen_model()
    if model == BLANK:
        return "read by patterns alone, which miss names in plain prose"
    if model == NAMES_MODEL:
        return "read by patterns and the names model, which misses some names"
    return "read by patterns and the model that SECURE_AI_NLP names"


def _free_text(counts: dict[str, int]) -> Verdict:
    weights = _read(counts)
    rows = sum(weights.values())
    holding: dict[str, float] = {}
    with_any = 0.0
    for weight, spans in zip(weights.values(), detect(list(weights)), strict=True):
        names = {span.entity_type for span in spans}
        # An age of up to 89 is no identifier; AGE is only listed as an attribute.
        with_any += weight if names - {"AGE", "TITLE"} else 0
        for entity in names:
            holding[entity] = holding.get(entity, 0) + weight
    entities = tuple(
        entity
        for entity, weight in sorted(holding.items(), key=lambda i: (-i[1], i[0]))
        if weight / rows >= 0.01
    )
    share = with_any / rows
    evidence = f"free text; identifiers in {share:.0%} of {round(rows):,} sampled rows ({reading()})"
    return Verdict(entities, CONFIRMED if entities else NAMED, evidence, True, share)


def _read(counts: dict[str, int]) -> dict[str, float]:
    """Choose the values that the detector reads: the most frequent, and others that stand for the rest."""
    if len(counts) <= VALUES_READ:
        return dict(counts)
    ordered = sorted(counts, key=counts.__getitem__, reverse=True)
    head, tail = ordered[: VALUES_READ // 2], ordered[VALUES_READ // 2 :]
    # Equal counts keep their order, and that is random.
    step = len(tail) / (VALUES_READ - len(head))
    chosen = [tail[int(i * step)] for i in range(VALUES_READ - len(head))]
    scale = sum(counts[value] for value in tail) / sum(counts[value] for value in chosen)
    return {value: float(counts[value]) for value in head} | {
        value: counts[value] * scale for value in chosen
    }


# ---------------------------------------------------------------- nested columns


def _nested(name: str, sql_type: str, parsed: list, *, as_text: bool) -> Verdict:
    found = [
        FieldVerdict(field, _judge_field(field)) for field in fields_of(name, parsed, map_names(sql_type))
    ]
    holding = [one for one in found if one.verdict.entities]
    by_entity: dict[str, float] = {}
    for one in holding:
        for entity in one.verdict.entities:
            by_entity[entity] = max(by_entity.get(entity, 0.0), one.verdict.confidence)
    if len(by_entity) > 1:
        by_entity.pop("REFERENCE", None)
    entities = tuple(sorted(by_entity, key=lambda entity: -by_entity[entity]))
    what = "JSON in text" if as_text else "nested values"
    held = "; ".join(f"{one.field.path}: {', '.join(one.verdict.entities)}" for one in holding[:SHOWN_FIELDS])
    more = f"; and {len(holding) - SHOWN_FIELDS} more" if len(holding) > SHOWN_FIELDS else ""
    evidence = f"{what}; {len(holding)} of {len(found)} fields were classified" + (
        f" ({held}{more})" if held else ""
    )
    prose = [one.verdict.identifier_share or 0.0 for one in found if one.verdict.free_text]
    share = max(prose) if prose else None
    return Verdict(entities, max(by_entity.values(), default=0.0), evidence, as_text, share, tuple(found))


def _judge_field(field: Field) -> Verdict:
    counts, announced = field.counts, _announced(field)
    coded = entity_of_element(field.names) == "HEALTH" and len(counts) < LEAST_SHARE * field.n_values
    if coded and not (field.names[-1] == "text" and _is_free_text(list(counts)) and _holds_numbers(counts)):
        # Terms of a code list repeat; read as prose they would be full of names that are none.
        return Verdict(
            ("HEALTH",), NAMED, f"the name says '{announced[1]}', and its values repeat as terms do"
        )
    said = sum(field.said.values())
    if said >= LEAST_SHARE * field.n_values:
        entities = sorted(field.said, key=lambda entity: (-field.said[entity], entity))
        entities = [entity for entity in entities if field.said[entity] >= 0.01 * said]
        if announced is not None and announced[0] not in entities and said < 0.99 * field.n_values:
            entities.append(announced[0])
        share = said / field.n_values
        return Verdict(tuple(entities), CONFIRMED, f"codes beside it say what {share:.0%} of the values are")
    kind = _kind(field.sql_type)
    numbers = [float(value) for value in counts] if kind in {"integer", "decimal"} else []
    largest = max(numbers, default=None)
    leaf = field.names[-1] if field.names else ""
    return _judge(leaf, announced, _Values(kind, counts, field.n_values, len(counts), largest))


def _holds_numbers(counts: dict[str, int]) -> bool:
    """Return whether texts hold identifiers other than names: then they are prose, not terms."""
    return bool(set(_free_text(counts).entities) - NAMES)


def _announced(field: Field) -> tuple[str, str] | None:
    names = field.names
    element = entity_of_element(names)
    if element is not None:
        return element, ".".join(names[-2:])
    while names:
        if len(names) > 1:
            both = entity_of_name(f"{names[-2]} {names[-1]}")
            # Both names must speak: the street of 'address.status' is no status.
            if both and set(both[1].split()) & set(words_of(names[-1])) and len(both[1].split()) > 1:
                return both
        alone = entity_of_name(names[-1])
        if alone is not None or names[-1].lower() not in GENERIC:
            return alone
        names = names[:-1]
    return None


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
    if sum(map(IS_ICD10, values)) >= 0.95 * len(values) and sum(map(IS_DOTTED_ICD10, values)) >= 0.2 * len(
        values
    ):
        return Verdict(("HEALTH",), NAMED, "the values have the form of ICD-10 codes")
    dates = _share(IS_DATE, values)
    if dates >= LEAST_SHARE:
        evidence = f"{dates:.0%} of {len(values):,} distinct sampled values have the form of a date"
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
