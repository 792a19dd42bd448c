"""What becomes of each column of a table that is to be released: nothing stays that nobody named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from secure_ai.anonymize.tabular.proposal import Role, identifying_columns, propose_quasi_identifiers
from secure_ai.core import UserError
from secure_ai.core.sources import Source, shown

EVERYTHING = "*"
"""In place of names: all columns that have no other role."""

INVENTORY_SAMPLE = 300
PROPOSED = 6


class Treatment(StrEnum):
    """What becomes of a column."""

    GENERALIZED = "generalized"
    SENSITIVE = "kept, sensitive"
    KEPT = "kept as it is"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class ColumnOutcome:
    """What became of one column.

    Attributes:
        column: its name.
        treatment: what became of it.
        reason: why, one clause.
        warning: what is dangerous about it all the same, or "".
    """

    column: str
    treatment: Treatment
    reason: str
    warning: str = ""


def column_outcomes(
    source: Source,
    quasi_identifiers: Sequence[str],
    *,
    sensitive: Sequence[str] = (),
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
) -> tuple[ColumnOutcome, ...]:
    """Decide what becomes of every column, in table order.

    Quasi-identifiers are generalized, sensitive attributes stay, and of the others only those that ``keep``
    names. One that names a person or is known to outsiders makes every k meaningless: if it is kept by name,
    that is a warning of its own; ``"*"`` in ``keep`` (all others) does not cover it, and is refused until it
    is named in ``keep`` or ``drop``.

    Args:
        source: the table.
        quasi_identifiers: columns to generalize.
        sensitive: columns of what an attacker wants to learn.
        keep: other columns that stay as they are, or ``"*"``.
        drop: columns that are left out.

    Raises:
        UserError: if there is no quasi-identifier (with a proposal), a column is missing or has two roles,
            or ``"*"`` would keep a column that singles people out.
    """
    from secure_ai.discover import inventory

    named = {
        "quasi-identifier": _names(quasi_identifiers),
        "sensitive attribute": _names(sensitive),
        "column to keep": _names(keep),
        "column to drop": _names(drop),
    }
    rest = EVERYTHING in named["column to keep"] and EVERYTHING not in source.columns
    if rest:
        named["column to keep"].remove(EVERYTHING)
    for names in named.values():
        source.require(names)
    _check_once(named)
    if not named["quasi-identifier"]:
        raise UserError(_no_quasi_identifier(source, [name for names in named.values() for name in names]))
    role = {name: kind for kind, names in named.items() for name in names}
    others = [name for name in source.columns if name not in role] if rest else []
    # The values of what stays beside the sensitive attributes are read, and their names and counts looked at.
    stays = [*named["column to keep"], *others]
    part = replace(source, types={name: source.types[name] for name in stays})
    found = inventory(part, sample=INVENTORY_SAMPLE) if stays else None
    looked_at = [*named["sensitive attribute"], *stays]
    identifying = identifying_columns(source, looked_at, found)
    refused = [name for name in others if name in identifying]
    if refused:
        reasons: dict[str, list[str]] = {}
        for name in refused:
            reasons.setdefault(identifying[name][1].partition(":")[0], []).append(shown(name))
        listed = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in reasons.items())
        raise UserError(
            f"Columns that would stay single people out: {listed}. Name each as a quasi-identifier, or as a "
            "column to drop or to keep."
        )
    return tuple(
        _outcome(name, role.get(name), name in others, identifying.get(name)) for name in source.columns
    )


def _outcome(
    column: str, role: str | None, rest: bool, identifying: tuple[Role, str] | None
) -> ColumnOutcome:
    warning = identifying[1] if identifying else ""
    match role:
        case "quasi-identifier":
            return ColumnOutcome(column, Treatment.GENERALIZED, "quasi-identifier")
        case "sensitive attribute":
            # What an attacker wants to learn may well be of a kind that some outsiders know.
            known = identifying is not None and identifying[0] is Role.QUASI_IDENTIFIER
            return ColumnOutcome(column, Treatment.SENSITIVE, "sensitive attribute", "" if known else warning)
        case "column to keep":
            return ColumnOutcome(column, Treatment.KEPT, "named to be kept", warning)
        case "column to drop":
            return ColumnOutcome(column, Treatment.LEFT_OUT, "named to be dropped")
    if rest:
        return ColumnOutcome(column, Treatment.KEPT, "kept with all others")
    return ColumnOutcome(
        column, Treatment.LEFT_OUT, "not named: add it to the columns to keep if it is needed"
    )


def _names(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([names] if isinstance(names, str) else names))


def _check_once(named: dict[str, list[str]]) -> None:
    first: dict[str, str] = {}
    for kind, names in named.items():
        for name in names:
            if first.setdefault(name, kind) != kind:
                raise UserError(
                    f"'{shown(name)}' is named as {first[name]} and as {kind}: choose one of the two."
                )


def _no_quasi_identifier(source: Source, taken: Sequence[str]) -> str:
    # From the names and counts alone: reading the values as well takes seconds that an error is not worth.
    proposed = propose_quasi_identifiers(source, most=PROPOSED, exclude=taken)
    listed = ", ".join(map(shown, proposed))
    advice = (
        f"for a start, think of {listed}"
        if listed
        else f"choose from {', '.join(map(shown, source.columns))}"
    )
    return (
        f"No quasi-identifier was named for {source.label}: name the columns that outsiders can know; "
        f"{advice}."
    )
