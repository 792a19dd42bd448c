"""The clocks of the GDPR, and of DORA and NIS2, whose first reports a hospital or bank may owe besides."""

from __future__ import annotations

from datetime import datetime

from secure_ai.govern.incidents.clocks.deadlines import after_hours
from secure_ai.govern.incidents.clocks.state import ClockState, Condition, decide_clock
from secure_ai.govern.incidents.facts import IncidentFacts


def gdpr_clocks(facts: IncidentFacts) -> list[ClockState]:
    """Return the clocks of Art. 33(1), Art. 33(2) and Art. 34."""
    return [_authority(facts), _processor(facts), _persons(facts)]


def dora_nis2_clocks(facts: IncidentFacts) -> list[ClockState]:
    """Return DORA's initial notification, and the first two reports of NIS2.

    Only the first reports: intermediate, progress and final reports are not computed, nor is the relief of
    some entities for weekends (Delegated Regulation (EU) 2025/301, Art. 5), which would only be later.

    Source: DORA Art. 19 with Delegated Regulation (EU) 2025/301, Art. 5; NIS2 Art. 23(4)(a) and (b).
    """
    return [_dora(facts), _nis2(facts, "nis2_early_warning", 24), _nis2(facts, "nis2_notification", 72)]


def _aware(facts: IncidentFacts) -> datetime | None:
    return facts.aware or facts.discovered


def _personal(facts: IncidentFacts, role: str) -> list[Condition]:
    return [
        Condition("gdpr_applies", facts.gdpr_applies, "the GDPR applies", "the GDPR does not apply"),
        Condition(
            "gdpr_role",
            None if facts.gdpr_role is None else facts.gdpr_role == role,
            f"the organisation is the {role}",
            f"the organisation is not the {role}",
        ),
        Condition(
            "personal_data",
            facts.personal_data,
            "personal data were affected",
            "no personal data were affected",
        ),
    ]


def _authority(facts: IncidentFacts) -> ClockState:
    aware, risk = _aware(facts), facts.risk_to_persons
    return decide_clock(
        id="gdpr_authority",
        name="Notification to the supervisory authority",
        recipient="the competent data protection authority",
        conditions=[
            *_personal(facts, "controller"),
            Condition(
                "risk_to_persons",
                None if risk is None else risk != "unlikely",
                "a risk to persons is not unlikely",
                "the breach is unlikely to result in a risk to persons (document it all the same, "
                "Art. 33(5))",
            ),
        ],
        start_event="becoming aware: reasonable certainty that personal data were affected",
        start_facts=("aware",),
        started=aware,
        deadline=None if aware is None else after_hours(aware, 72, facts.zone),
        limit="without undue delay and where feasible within 72 hours, later only with reasons",
        reference="GDPR Art. 33(1)",
    )


def _processor(facts: IncidentFacts) -> ClockState:
    return decide_clock(
        id="gdpr_processor",
        name="Notification by a processor",
        recipient="the controller",
        conditions=_personal(facts, "processor"),
        start_event="becoming aware of the breach",
        start_facts=("aware",),
        started=_aware(facts),
        deadline=None,
        limit="without undue delay; the law names no hours, the contract may",
        reference="GDPR Art. 33(2)",
    )


def _persons(facts: IncidentFacts) -> ClockState:
    risk, sealed = facts.risk_to_persons, facts.data_unintelligible
    public = facts.individual_notice_disproportionate
    conditions = [
        *_personal(facts, "controller"),
        Condition(
            "risk_to_persons",
            None if risk is None else risk == "high",
            "the risk to persons is high",
            "the risk to persons is not high",
        ),
        Condition(
            "data_unintelligible",
            None if sealed is None else not sealed,
            "the data were not unintelligible to the intruder",
            "the data were unintelligible to whoever accessed them, such as encrypted (Art. 34(3)(a))",
        ),
        Condition(
            "risk_removed_afterwards",
            None if facts.risk_removed_afterwards is None else not facts.risk_removed_afterwards,
            "later measures did not remove the high risk",
            "later measures make the high risk unlikely (Art. 34(3)(b))",
            presumed="no later measure is shown to have removed the high risk",
        ),
    ]
    how = (
        " (telling each would be disproportionate, so by public communication, Art. 34(3)(c))"
        if public
        else ""
    )
    return decide_clock(
        id="gdpr_persons",
        name="Communication to the persons",
        recipient="the public, in a way that informs the persons as well"
        if public
        else "each person at high risk",
        conditions=conditions,
        start_event="becoming aware, and a high risk",
        start_facts=("aware",),
        started=_aware(facts),
        deadline=None,
        limit=f"without undue delay{how}",
        reference="GDPR Art. 34",
    )


def _dora(facts: IncidentFacts) -> ClockState:
    aware, classified = _aware(facts), facts.dora_classified
    from_aware = None if aware is None else after_hours(aware, 24, facts.zone)
    deadline = from_aware
    if classified is not None:
        four = after_hours(classified, 4, facts.zone)
        # Classified as major only after the first 24 hours: four hours from then.
        late = from_aware is None or classified > from_aware
        deadline = four if late else min(four, from_aware)
    return decide_clock(
        id="dora_initial",
        name="Initial notification of a major ICT-related incident",
        recipient="the competent authority under DORA",
        conditions=[
            Condition(
                "dora_entity",
                facts.dora_entity,
                "a financial entity under DORA",
                "no financial entity under DORA",
            ),
            Condition(
                "dora_major",
                True if classified is not None else facts.dora_major,
                "the incident is classified as major",
                "the incident is not major",
            ),
        ],
        start_event="classification as major, and becoming aware",
        start_facts=("dora_classified",),
        started=classified,
        deadline=deadline,
        limit="within 4 hours of the classification as major, and 24 hours of becoming aware",
        reference="DORA Art. 19",
        also_missing=() if aware is not None else ("aware",),
    )


def _nis2(facts: IncidentFacts, id: str, hours: int) -> ClockState:
    aware = _aware(facts)
    what = "Early warning" if hours == 24 else "Incident notification"
    return decide_clock(
        id=id,
        name=f"{what} of a significant incident",
        recipient="the CSIRT or competent authority under NIS2",
        conditions=[
            Condition(
                "nis2_entity",
                facts.nis2_entity,
                "an essential or important entity under NIS2",
                "no essential or important entity under NIS2",
            ),
            Condition(
                "dora_entity",
                None if facts.dora_entity is None else not facts.dora_entity,
                "DORA does not take its place",
                "DORA's reports take the place of those of NIS2",
            ),
            Condition(
                "nis2_significant",
                facts.nis2_significant,
                "the incident is significant",
                "it is not significant",
            ),
        ],
        start_event="becoming aware of the significant incident",
        start_facts=("aware",),
        started=aware,
        deadline=None if aware is None else after_hours(aware, hours, facts.zone),
        limit=f"without undue delay, and within {hours} hours",
        reference="NIS2 Art. 23(4)",
    )
