"""Drafts of notifications: what each law wants said, from facts that are established, with gaps left open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from secure_ai.govern.incidents.clocks import ClockState
from secure_ai.govern.incidents.facts import IncidentFacts

NAME, ADDRESS, CONTACT, ORGANISATION = (
    "[NAME]",
    "[ADDRESS]",
    "[TELEPHONE, E-MAIL, POSTAL ADDRESS]",
    "[ORGANISATION]",
)
OPEN = "[NOT ESTABLISHED YET: {}]"


@dataclass(frozen=True, slots=True)
class Story:
    """What can be told about an incident, as far as it is established; no personal value in it.

    Attributes:
        what_happened: one or two sentences.
        data_types: kinds of data, such as "laboratory results".
        consequences: what may come of it for the persons.
        measures: what has been done.
        advice: what the persons can do.
    """

    what_happened: str = ""
    data_types: tuple[str, ...] = ()
    consequences: str = ""
    measures: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft.

    Attributes:
        clock: id of the clock that it answers.
        recipient: who gets it.
        subject: its title.
        parts: heading and text, in the order in which the law lists what is to be said.
        reference: where the law says so.
        provisional: whether the clock is still undecided.
    """

    clock: str
    recipient: str
    subject: str
    parts: tuple[tuple[str, str], ...]
    reference: str
    provisional: bool

    @property
    def open_points(self) -> int:
        """How many gaps wait for a fact."""
        return sum(text.count("[NOT ESTABLISHED") for _, text in self.parts)

    def to_text(self) -> str:
        """Return the draft as Markdown."""
        head = f"## {self.subject}\n\nTo: {self.recipient} · {self.reference}"
        if self.provisional:
            head += "\n\n*Not decided yet whether this has to be sent.*"
        return head + "".join(f"\n\n**{heading}** {text}" for heading, text in self.parts) + "\n"


def notification_drafts(
    clocks: Iterable[ClockState], facts: IncidentFacts, story: Story
) -> tuple[Draft, ...]:
    """Return a draft for each clock that applies or is undecided while nothing speaks against it.

    Args:
        clocks: as :func:`secure_ai.govern.incidents.clocks_for` returns them.
        facts: what is known.
        story: what can be told.
    """
    makers = {
        "gdpr_authority": _authority,
        "gdpr_persons": _persons,
        "hipaa_individuals": _individuals,
        "hipaa_media": _media,
        "hipaa_secretary": _secretary,
        "bank_regulator": _regulator,
        "sec_8k": _form_8k,
    }
    return tuple(
        Draft(
            clock=clock.id,
            recipient=clock.recipient,
            subject=clock.name,
            parts=makers[clock.id](facts, story),
            reference=clock.reference,
            provisional=clock.status == "undecided",
        )
        for clock in clocks
        if clock.id in makers and clock.status != "not_applicable"
    )


Parts = tuple[tuple[str, str], ...]


def _or_open(text: str, what: str) -> str:
    return text or OPEN.format(what)


def _date(moment: datetime | None, facts: IncidentFacts, what: str) -> str:
    return OPEN.format(what) if moment is None else f"{moment.astimezone(facts.zone):%d %B %Y}"


def _dates(facts: IncidentFacts) -> str:
    return (
        f"Date of the incident: {_date(facts.occurred, facts, 'since when')}; "
        f"date of discovery: {_date(facts.discovered, facts, 'when it was discovered')}."
    )


def _listed(items: tuple[str, ...], what: str) -> str:
    return "; ".join(items) + "." if items else OPEN.format(what)


def _number(facts: IncidentFacts) -> str:
    least = facts.least_individuals()
    return OPEN.format("how many persons") if least is None else f"{least:,} persons"


def _individuals(facts: IncidentFacts, story: Story) -> Parts:
    """Return what 164.404(c)(1)(A) to (E) asks for."""
    return (
        ("Address.", f"{NAME}, {ADDRESS}"),
        ("What happened.", f"{_or_open(story.what_happened, 'what happened')} {_dates(facts)}"),
        ("What information was involved.", _listed(story.data_types, "which kinds of information")),
        ("What you can do.", _listed(story.advice, "what persons can do to protect themselves")),
        ("What we are doing.", _listed(story.measures, "what is done to investigate, mitigate and protect")),
        ("Whom you can ask.", f"{ORGANISATION}, toll-free telephone and {CONTACT}"),
    )


def _media(facts: IncidentFacts, story: Story) -> Parts:
    states = [state for state, count in (facts.residents_by_state or {}).items() if count > 500]
    where = ", ".join(states) or OPEN.format("which states")
    return (("For the media of.", where), *_individuals(facts, story)[1:])


def _secretary(facts: IncidentFacts, story: Story) -> Parts:
    return (
        ("Covered entity.", f"{ORGANISATION}, {CONTACT}"),
        ("Individuals affected.", _number(facts)),
        ("Breach.", f"{_or_open(story.what_happened, 'what happened')} {_dates(facts)}"),
        ("Type of information.", _listed(story.data_types, "which kinds of information")),
        ("Safeguards and actions taken.", _listed(story.measures, "what was done")),
    )


def _authority(facts: IncidentFacts, story: Story) -> Parts:
    """Return what Art. 33(3)(a) to (d) asks for; what is not known follows later (Art. 33(4))."""
    known = facts.least_individuals()
    records = f"{_number(facts)}" + ("" if known is None else f", about {known:,} records")
    return (
        ("Nature of the breach.", f"{_or_open(story.what_happened, 'what happened')} {_dates(facts)}"),
        (
            "Persons and records, approximately.",
            f"{records}; {_listed(story.data_types, 'which kinds of data')}",
        ),
        ("Contact.", f"Data protection officer: {NAME}, {CONTACT}"),
        ("Likely consequences.", _or_open(story.consequences, "likely consequences")),
        ("Measures taken or proposed.", _listed(story.measures, "measures")),
        ("Later than 72 hours?", "[REASONS FOR THE DELAY, OR STRIKE OUT]"),
    )


def _persons(facts: IncidentFacts, story: Story) -> Parts:
    """Return what Art. 34(2) asks for, in plain language."""
    return (
        ("Address.", f"{NAME}, {ADDRESS}"),
        ("What happened.", f"{_or_open(story.what_happened, 'what happened')} {_dates(facts)}"),
        ("What may come of it.", _or_open(story.consequences, "likely consequences")),
        (
            "What we do, and what you can do.",
            f"{_listed(story.measures, 'measures')} {'; '.join(story.advice)}".strip(),
        ),
        ("Whom you can ask.", f"Data protection officer: {NAME}, {CONTACT}"),
    )


def _regulator(facts: IncidentFacts, story: Story) -> Parts:
    """Return a short notice; the rule prescribes no form and asks for what is known at the time."""
    determined = facts.notification_incident_determined
    when = (
        OPEN.format("when it was determined")
        if determined is None
        else f"{determined.astimezone(facts.zone):%d %B %Y, %H:%M %Z}"
    )
    return (
        ("Who reports.", f"{ORGANISATION}, {NAME}, {CONTACT}"),
        ("Determined to be a notification incident.", when),
        ("What is known.", _or_open(story.what_happened, "what happened")),
        ("State of it.", _listed(story.measures, "what was done")),
    )


def _form_8k(facts: IncidentFacts, story: Story) -> Parts:
    """Return the material aspects that Item 1.05(a) asks for; no technical detail that would "
    "hinder the response."""
    return (
        ("Nature.", _or_open(story.what_happened, "nature of the incident")),
        ("Scope.", f"{_number(facts)}; {_listed(story.data_types, 'which kinds of data')}"),
        ("Timing.", _dates(facts)),
        ("Material impact, or reasonably likely impact.", "[FINANCIAL CONDITION AND RESULTS OF "
        "OPERATIONS: BY FINANCE AND COUNSEL]"),
    )  # fmt: skip
