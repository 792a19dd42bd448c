"""The decision by law: for each place that holds data, granted or not, with the reason and the citation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from secure_ai.govern.estate.store import Block, Blocker, Holding
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.rights.laws import Law, Right, answering_laws, laws_for, rule

TO_PRIVACY_OFFICE = "So our privacy office has to look at your request."


@dataclass(frozen=True, slots=True)
class Part:
    """What is decided for one place.

    Attributes:
        store, data_class, records: the place, as it holds data of the person.
        granted: whether the request is carried out there.
        reason: why, or why not; names nobody.
        citation: where the law says so.
        until: until when it is kept, where it must be.
        to_privacy_office: whether a person of the privacy office has to look at it, because the law that
            gives the right knows no such ground.
    """

    store: str
    data_class: str
    records: int
    granted: bool
    reason: str
    citation: str
    until: date | None = None
    to_privacy_office: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided of a request.

    Attributes:
        outcome: ``"granted"``, ``"partly"`` or ``"refused"``.
        reason: in a sentence.
        citations: all laws that it rests on, each once.
        parts: per place.
    """

    outcome: str
    reason: str
    citations: tuple[str, ...]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """Which right a person of which residence asks of an organization of which sector."""

    right: str
    sector: str
    residence: str


class Exemptions:
    """A blocker: what the laws that give the right leave out because another law governs it."""

    def __init__(self, asked: Asked) -> None:
        self._laws = answering_laws(asked.right, asked.sector, asked.residence)
        self._sector = asked.sector

    def ground(self, data_class: str) -> tuple[Law, Right] | None:
        """Return the law and right that reach data of that class, if any."""
        return next(
            (
                (law, right)
                for law, right in self._laws
                if right.reaches(data_class) and law.exemption(self._sector, data_class) is None
            ),
            None,
        )

    def blocks(self, subject: Subject, holding: Holding, today: date) -> Sequence[Block]:
        """Return why the right does not reach this holding; empty where it does."""
        if self.ground(holding.data_class) is not None:
            return ()
        for law, _ in self._laws:
            exempt = law.exemption(self._sector, holding.data_class)
            if exempt is not None:
                return (Block("duty", exempt.citation, exempt.reason),)
        law, right = self._laws[0]
        return (Block("duty", right.citation, f"The right reaches {right.scope or 'other data'}."),)


def not_given(asked: Asked) -> Decision | None:
    """Return the refusal where no law gives the right; None where one does.

    It is known before anybody is looked up, so it says nothing about whether the person is on file.
    """
    right, sector, residence = asked.right, asked.sector, asked.residence
    if answering_laws(right, sector, residence):
        return None
    law, one = rule(right, sector, residence)
    if one.voluntary:
        return None
    reasons, citations = [one.reason], [one.citation]
    for other in laws_for(sector, residence):
        if other is not law and other.exempts_all(sector):
            exempt = other.exemption(sector, "request_record")
            reasons.append(f"{other.title}: {exempt.reason}")
            citations.append(exempt.citation)
    return Decision("refused", " ".join(reasons), tuple(citations))


def decide(
    asked: Asked, subject: Subject, holdings: Iterable[Holding], blockers: Sequence[Blocker], today: date
) -> Decision:
    """Return the decision on a request of an identified person.

    A hold or a statutory period stops erasure alone: a copy may be given, and a mistake corrected.

    Args:
        asked: right, sector, residence.
        subject: the person.
        holdings: what each place holds; places with nothing are left out.
        blockers: legal holds and retention schedules.
        today: day of the decision.
    """
    refusal = not_given(asked)
    if refusal is not None:
        return refusal
    _, one = rule(asked.right, asked.sector, asked.residence)
    held = [holding for holding in holdings if holding.records]
    if not held:
        return Decision("granted", "We hold no data about you any more.", (one.citation,))
    if not one.given or asked.right == "objection":
        # The whole is one question that a person answers; no place is decided by itself.
        return Decision("granted", one.scope or one.reason, (one.citation,))
    exemptions = Exemptions(asked)
    parts = []
    for holding in held:
        found = [block for blocker in blockers for block in blocker.blocks(subject, holding, today)]
        exempt = exemptions.blocks(subject, holding, today)
        parts.append(_part(holding, exemptions, exempt, found if asked.right == "erasure" else []))
    granted = sum(part.granted for part in parts)
    outcome = "granted" if granted == len(parts) else "partly" if granted else "refused"
    citations = dict.fromkeys((one.citation, *(part.citation for part in parts)))
    return Decision(outcome, _summary(outcome, parts, one), tuple(citations), tuple(parts))


def _part(holding: Holding, exemptions: Exemptions, exempt: Sequence[Block], blocks: Sequence[Block]) -> Part:
    place = (holding.store, holding.data_class, holding.records)
    if exempt:
        return Part(*place, False, exempt[0].reason, exempt[0].reference)
    _, one = exemptions.ground(holding.data_class)
    if not blocks:
        return Part(*place, True, one.scope, one.citation)
    allowed = [block for block in blocks if one.allows(block.kind, block.jurisdiction)]
    foreign = [block for block in blocks if block not in allowed]
    # What stands longest decides; where nobody knows the end, that one.
    longest = max(allowed or foreign, key=_end)
    citation = one.blocked.get(longest.kind, one.citation) if allowed else longest.reference
    said = " ".join(dict.fromkeys(block.reason for block in (*allowed, *foreign)))
    reason = f"{said} ({longest.reference})"
    if foreign:
        reason += f" {_foreign_sentence(foreign, one)}"
    return Part(*place, False, reason, citation, max(blocks, key=_end).until, bool(foreign))


def _end(block: Block) -> date:
    return block.until or date.max


def _foreign_sentence(blocks: Sequence[Block], right: Right) -> str:
    asks = " and ".join(dict.fromkeys(f"{block.reference} is {_law_of(block)}" for block in blocks))
    return f"{asks}. {right.duties_said} {TO_PRIVACY_OFFICE}"


def _law_of(block: Block) -> str:
    country, _, state = block.jurisdiction.partition("-")
    if country == "US":
        return f"a law of a State of the United States ({state})" if state else "a law of the United States"
    if country.isupper() and len(country) == 2:
        return f"a law of {block.jurisdiction}"
    return "a rule of which nobody recorded whose law it is"


def _summary(outcome: str, parts: Sequence[Part], right: Right) -> str:
    if outcome == "granted":
        return "Granted in full."
    kept = [part for part in parts if not part.granted]
    open_ones = [part for part in kept if part.to_privacy_office]
    said = dict.fromkeys(part.reason for part in kept if not part.to_privacy_office)
    if open_ones:
        # Said once for all places; the table of the letter tells it place by place.
        laws = ", ".join(dict.fromkeys(part.citation for part in open_ones))
        said[
            f"By {laws} we keep data in {len(open_ones)} places. {right.duties_said} {TO_PRIVACY_OFFICE}"
        ] = None
    reasons = " ".join(said)
    if outcome == "refused":
        return f"Refused: {reasons}"
    return f"Granted in {len(parts) - len(kept)} of {len(parts)} places; not in the others: {reasons}"
