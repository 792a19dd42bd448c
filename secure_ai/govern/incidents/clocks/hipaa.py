"""The clocks of the HIPAA Breach Notification Rule (45 CFR 164.402 to 164.412)."""

from __future__ import annotations

from datetime import datetime

from secure_ai.govern.incidents.clocks.deadlines import after_calendar_days, after_year_end
from secure_ai.govern.incidents.clocks.state import ClockState, Condition, decide_clock
from secure_ai.govern.incidents.facts import IncidentFacts, law_enforcement_end

LARGE = 500
DAYS = 60
EXCEPTIONS = {
    "unintentional_workforce": "a workforce member acquired it unintentionally, in good faith and within "
    "their authority, and it was not used further (164.402(1)(i))",
    "inadvertent_between_authorized": "it was disclosed inadvertently between persons authorized to "
    "access it at the same entity, business associate or organized arrangement, and not used further "
    "(164.402(1)(ii))",
    "could_not_retain": "there is a good faith belief that the recipient could not reasonably have "
    "retained it "
    "(164.402(1)(iii))",
}
LIMIT = "without unreasonable delay, and no later than 60 calendar days after discovery"
START = "discovery: the first day on which it is known, or would have been with reasonable diligence"


def hipaa_clocks(facts: IncidentFacts) -> list[ClockState]:
    """Return the clocks of 164.404, 164.406, 164.408 and 164.410."""
    return [_individuals(facts), _media(facts), _secretary(facts), _covered_entity(facts)]


def _breach(facts: IncidentFacts, role: str) -> list[Condition]:
    """Return what makes a breach of unsecured PHI (164.402), the role of the organisation first."""
    called = role.replace("_", " ")
    exception = facts.hipaa_exception
    unsecured = None if facts.data_unintelligible is None else not facts.data_unintelligible
    low = facts.low_probability_of_compromise
    return [
        Condition(
            "hipaa_role",
            None if facts.hipaa_role is None else facts.hipaa_role == role,
            f"the organisation is a {called}",
            f"the organisation is no {called}",
        ),
        Condition("phi", facts.phi, "protected health information was affected", "no PHI was affected"),
        Condition(
            "data_unintelligible",
            unsecured,
            "the PHI was unsecured (not encrypted, or the key is not safe)",
            "the PHI was encrypted and the key is safe, so it was not unsecured (164.402)",
        ),
        Condition(
            "hipaa_exception",
            None if exception is None else exception == "none",
            "none of the three exceptions holds",
            EXCEPTIONS.get(exception or "", ""),
            presumed="no exception of 164.402(1) is established",
        ),
        Condition(
            "low_probability_of_compromise",
            None if low is None else not low,
            "no low probability of compromise is shown by the four factors",
            "the four-factor assessment demonstrates a low probability of compromise (164.402(2))",
            presumed="a breach is presumed until a four-factor assessment shows a low probability "
            "of compromise",
        ),
    ]


def _discovery(facts: IncidentFacts) -> tuple[datetime | None, list[str]]:
    """Return the discovery, and facts that are missing to be sure of it.

    Of an agent's discovery that is not known to be an agent's, the earlier moment is taken: nothing is
    then late.
    """
    moments = [facts.discovered, facts.should_have_known]
    missing = []
    if facts.business_associate_discovered is not None:
        if facts.business_associate_is_agent is None:
            missing.append("business_associate_is_agent")
        if facts.business_associate_is_agent is not False:
            moments.append(facts.business_associate_discovered)
    known = [moment for moment in moments if moment is not None]
    return (min(known) if known else None), missing


def _late(facts: IncidentFacts, deadline: datetime | None) -> datetime | None:
    """Return the deadline, later where law enforcement holds the notice back."""
    held = law_enforcement_end(facts)
    if deadline is None or held is None:
        return deadline
    return max(deadline, held.astimezone(facts.zone))


def _sixty_days(facts: IncidentFacts, start: datetime | None) -> datetime | None:
    return None if start is None else _late(facts, after_calendar_days(start, DAYS, facts.zone))


def _limit(facts: IncidentFacts, words: str) -> str:
    return words if law_enforcement_end(facts) is None else f"{words}, held back by law enforcement (164.412)"


def _individuals(facts: IncidentFacts) -> ClockState:
    start, missing = _discovery(facts)
    return decide_clock(
        id="hipaa_individuals",
        name="Notification to individuals",
        recipient="each affected individual",
        conditions=_breach(facts, "covered_entity"),
        start_event=START,
        start_facts=("discovered",),
        started=start,
        deadline=_sixty_days(facts, start),
        limit=_limit(facts, LIMIT),
        reference="164.404",
        also_missing=missing,
    )


def _media(facts: IncidentFacts) -> ClockState:
    start, missing = _discovery(facts)
    more = _more_than_500_in_a_state(facts)
    unknown = "residents_by_state" if facts.residents_by_state is None else "individuals"
    return decide_clock(
        id="hipaa_media",
        name="Notification to the media",
        recipient="prominent media outlets of each such state or jurisdiction",
        conditions=[
            *_breach(facts, "covered_entity"),
            Condition(
                "residents_by_state" if more is not None else unknown,
                more,
                "more than 500 residents of one state or jurisdiction are affected",
                "no state or jurisdiction has more than 500 affected residents",
            ),
        ],
        start_event=START,
        start_facts=("discovered",),
        started=start,
        deadline=_sixty_days(facts, start),
        limit=_limit(facts, LIMIT),
        reference="164.406",
        also_missing=missing,
    )


def _more_than_500_in_a_state(facts: IncidentFacts) -> bool | None:
    states = facts.residents_by_state or {}
    largest = max(states.values(), default=0)
    if largest > LARGE:
        return True
    if facts.individuals is None:
        return None
    # Those whose state is not known could all live in the largest.
    return False if largest + facts.individuals - sum(states.values()) <= LARGE else None


def _secretary(facts: IncidentFacts) -> ClockState:
    start, missing = _discovery(facts)
    least = facts.least_individuals()
    large = None
    if least is not None and (facts.individuals is not None or least >= LARGE):
        large = least >= LARGE
    deadline = _sixty_days(facts, start)
    if large is False and start is not None:
        deadline = _late(facts, after_year_end(start, DAYS, facts.zone))
    words = {
        True: "at the same time as the individuals, because 500 or more are affected",
        False: "within 60 days after the end of the calendar year of discovery, because fewer than "
        "500 are affected",
        None: "with the individuals for 500 or more; for fewer within 60 days after the end of the year",
    }[large]
    return decide_clock(
        id="hipaa_secretary",
        name="Notification to the Secretary",
        recipient="the Secretary of Health and Human Services",
        conditions=[
            *_breach(facts, "covered_entity"),
            Condition(
                "individuals", None if large is None else True, "how many are affected decides when", ""
            ),
        ],
        start_event=START,
        start_facts=("discovered",),
        started=start,
        deadline=deadline,
        limit=_limit(facts, words),
        reference="164.408",
        also_missing=missing,
    )


def _covered_entity(facts: IncidentFacts) -> ClockState:
    moments = [m for m in (facts.discovered, facts.should_have_known) if m is not None]
    start = min(moments) if moments else None
    return decide_clock(
        id="hipaa_covered_entity",
        name="Notification by a business associate",
        recipient="the covered entity",
        conditions=_breach(facts, "business_associate"),
        start_event=START,
        start_facts=("discovered",),
        started=start,
        deadline=_sixty_days(facts, start),
        limit=_limit(facts, LIMIT),
        reference="164.410",
    )
