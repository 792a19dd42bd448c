"""Columns of prose: which they are, what the detector finds in them, and what read them."""

from __future__ import annotations

from collections.abc import Sequence

from secure_ai.discover.detector import detect
from secure_ai.discover.verdict import CONFIRMED, NAMED, Verdict

FREE_TEXT_WORDS = 4
NAMES = frozenset({"PERSON", "LOCATION", "ORGANIZATION", "NRP", "TITLE"})
"""What a names model finds, in terms of a list by mistake."""
VALUES_READ = 400
"""Most distinct values of one column that the detector reads; a share is then within 5 points."""


def is_free_text(values: Sequence[str]) -> bool:
    """Return whether values are sentences rather than words or codes."""
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


def free_text(counts: dict[str, int]) -> Verdict:
    """Read prose: which identifiers it holds, and in what share of the rows.

    Args:
        counts: distinct texts → rows of the sample that hold them.
    """
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


def holds_numbers(counts: dict[str, int]) -> bool:
    """Return whether texts hold identifiers other than names: then they are prose, not terms."""
    return bool(set(free_text(counts).entities) - NAMES)
