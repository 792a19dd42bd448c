"""Whether an identifier applies on a day: in force, not yet, superseded or proposed (never scored)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import FrameworkEntry, entries, entry

State = Literal["in force", "not yet", "superseded", "proposed"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an identifier stands on a day.

    Attributes:
        identifier: as the kit cites it.
        state: ``"in force"``, ``"not yet"``, ``"superseded"`` or ``"proposed"``.
        since: first day of application, where the kit knows it.
        until: first day on which it no longer applied.
        case: the class of cases that the dates belong to (``"Annex III"``), empty if there is only one.
        source: which provision sets the date; empty where no date is recorded.
        words: a sentence for people.
    """

    identifier: str
    state: State
    since: date | None
    until: date | None
    case: str
    source: str
    words: str


def standing(identifier: str, today: date, case: str | None = None) -> Standing:
    """Return where ``identifier`` stands on ``today``.

    An entry for which no date is recorded has long applied, and says that no date is recorded. Where
    classes of cases have dates of their own and none is named, the first that applies decides.

    Args:
        identifier: any form that :func:`secure_ai.core.frameworks.entry` accepts.
        today: the day asked about.
        case: a class of cases of the entry, such as ``"Annex III"`` of the EU AI Act.

    Raises:
        UserError: if the identifier is unknown, or has no such class of cases.
    """
    found = entry(identifier)
    if found.status == "proposed":
        return Standing(
            found.id, "proposed", None, None, "", "", f"{found.id} is a proposal: no law, and never scored."
        )
    spans = found.applies
    if case is not None and any(span.case for span in spans):
        spans = tuple(span for span in spans if span.case.casefold() == case.casefold())
        if not spans:
            known = ", ".join(span.case for span in found.applies)
            raise UserError(f"{found.id} has no dates for '{case}': choose from {known}.")
    if not spans:
        return Standing(found.id, "in force", None, None, "", "", f"{found.id} applies; no date is recorded.")
    first = min(spans, key=lambda span: span.start)
    others = "".join(f"; {span.case}: from {span.start}" for span in spans if span is not first)
    about = f" ({first.case}{others})" if first.case else ""
    if today < first.start:
        state, words = "not yet", f"{found.id} applies from {first.start}{about}."
    elif first.end is not None and today >= first.end:
        successor = f" by {found.superseded_by}" if found.superseded_by else ""
        state, words = "superseded", f"{found.id} was superseded{successor} on {first.end}."
    else:
        state, words = "in force", f"{found.id} has applied since {first.start}{about}."
    if found.note:
        words += f" {found.note}"
    return Standing(found.id, state, first.start, first.end, first.case, first.source, words)


def in_force(identifier: str, today: date, case: str | None = None) -> bool:
    """Say whether ``identifier`` applies on ``today``; see :func:`standing` for why not.

    Raises:
        UserError: if the identifier is unknown, or has no such class of cases.
    """
    return standing(identifier, today, case).state == "in force"


def scorable(identifiers: Iterable[str], today: date) -> list[str]:
    """Return those ``identifiers`` against which anything may be scored: in force on ``today``.

    Raises:
        UserError: if an identifier is unknown.
    """
    return [identifier for identifier in identifiers if in_force(identifier, today)]


@dataclass(frozen=True, slots=True)
class SpecificationCounts:
    """How many implementation specifications of the HIPAA Security Rule are required or addressable."""

    required: int
    addressable: int


def specifications(status: str) -> list[FrameworkEntry]:
    """Return the implementation specifications of one status: ``"required"`` or ``"addressable"``.

    Addressable is not optional: who does not implement one documents why, and does what is equivalent
    where reasonable (45 CFR 164.306(d)(3)).

    Raises:
        UserError: if the status is another word.
    """
    if status not in ("required", "addressable"):
        raise UserError(f"There is no status '{status}': choose 'required' or 'addressable'.")
    return [found for found in entries("HIPAA Security Rule") if found.requirement == status]


def count_specifications() -> SpecificationCounts:
    """Return the two counts, never one sum of both."""
    return SpecificationCounts(len(specifications("required")), len(specifications("addressable")))
