"""What one column holds, judged from its name and from values: entities, confidence, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from secure_ai.discover.by_values import LEAST_SHARE, by_full_names, by_uniqueness, by_value, share_of
from secure_ai.discover.column_names import entity_of_name, words_of
from secure_ai.discover.fhir import entity_of_element
from secure_ai.discover.forms import FORMS, IS_UUID, is_clinical
from secure_ai.discover.nested import Field, documents, fields_of, map_names
from secure_ai.discover.prose import NAMES, VALUES_READ, free_text, holds_numbers, is_free_text
from secure_ai.discover.verdict import CONFIRMED, DOUBTFUL, NAMED, FieldVerdict, Verdict

REPEATED, TERM_WORDS = 3, 20
"""Texts that come so often each, and have at most so many words, are terms of a list, not prose."""
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
    if kind == "text" and announced is None and share_of(IS_UUID, values) >= 0.95:
        return Verdict(("UUID",), CONFIRMED, f"the {len(values):,} distinct sampled values are UUIDs")
    if kind == "text" and announced is None and share_of(is_clinical, values[:VALUES_READ]) >= 0.2:
        return _clinical_text(known)
    if kind == "text" and is_free_text(values) and (announced is None or announced[0] not in FORMS):
        return free_text(counts)
    if announced is not None:
        entity, phrase = announced
        verdict = _check_name(entity, phrase, kind, values, known.largest)
        if verdict is not None:
            return verdict
        contradicted = f"the name says '{phrase}', but the values do not have the form of it; "
    else:
        contradicted = ""
    found = (
        by_value(kind, values)
        or by_full_names(name, kind, values)
        or by_uniqueness(name, kind, values, known.n, known.distinct)
    )
    if found is not None:
        return Verdict(found.entities, found.confidence, contradicted + found.evidence)
    return Verdict((), 0.0, contradicted + "neither name nor values point to personal data")


def _clinical_text(known: _Values) -> Verdict:
    values = list(known.counts)
    read = values[:VALUES_READ]
    evidence = (
        f"{share_of(is_clinical, read):.0%} of {len(read):,} distinct sampled values hold clinical terms"
    )
    if not is_free_text(values):
        return Verdict(("HEALTH",), DOUBTFUL, evidence)
    text = free_text(known.counts)
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
    if coded and not (field.names[-1] == "text" and is_free_text(list(counts)) and holds_numbers(counts)):
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
