"""The clocks of US banking supervision (36 hours) and of securities disclosure (Form 8-K Item 1.05)."""

from __future__ import annotations

from datetime import timedelta

from secure_ai.govern.incidents.clocks.deadlines import after_hours, form_8k_deadline
from secure_ai.govern.incidents.clocks.state import ClockState, Condition, decide_clock
from secure_ai.govern.incidents.facts import IncidentFacts

FOUR_HOURS = 4
LONGEST_DELAY = timedelta(days=120)
"""What the Attorney General can grant (Item 1.05(c)): 30 days, 30 more, for national security a last 60."""
GUIDANCE = (
    "; a notice about sensitive customer information may be due all the same (12 CFR 30 App. B, Supplement A)"
)
REGULATORS = {
    "OCC": ("the OCC supervisory office", "12 CFR 53.3", "12 CFR 53.4"),
    "FRB": ("the Board's designated point of contact", "12 CFR 225.302", "12 CFR 225.303"),
    "FDIC": ("the FDIC supervisory office", "12 CFR 304.23", "12 CFR 304.24"),
}
ANY = ("the primary federal regulator (OCC, FRB or FDIC)", "12 CFR 53.3", "12 CFR 53.4")


def finance_clocks(facts: IncidentFacts) -> list[ClockState]:
    """Return the clocks of the computer-security incident rule and of Form 8-K Item 1.05."""
    return [_regulator(facts), _customers(facts), _form_8k(facts)]


def _regulator(facts: IncidentFacts) -> ClockState:
    who, reference, _ = REGULATORS.get(facts.bank_regulator or "", ANY)
    determined = facts.notification_incident_determined
    # Who has determined a notification incident has answered the questions of its definition.
    harm = True if determined is not None else facts.actual_harm
    disruption = True if determined is not None else facts.material_disruption
    return decide_clock(
        id="bank_regulator",
        name="Notification of the primary federal regulator",
        recipient=who,
        conditions=[
            Condition(
                "bank_role",
                None if facts.bank_role is None else facts.bank_role == "banking_organization",
                "the organisation is a banking organization",
                "the organisation is no banking organization",
            ),
            Condition(
                "actual_harm", harm, "it did actual harm to a system or its data", "it did no actual harm"
            ),
            Condition(
                "material_disruption",
                disruption,
                "it materially disrupted or degraded, or is reasonably likely to, banking to a "
                "material part of "
                "customers, a business line of material value, or operations on which financial "
                "stability depends",
                "nothing that the rule names is disrupted or degraded, and that is not reasonably likely"
                + GUIDANCE,
            ),
        ],
        start_event="the determination that it is a notification incident",
        start_facts=("notification_incident_determined",),
        started=determined,
        deadline=None if determined is None else after_hours(determined, 36, facts.zone),
        limit="as soon as possible and no later than 36 hours after the determination",
        reference=reference,
    )


def _customers(facts: IncidentFacts) -> ClockState:
    hours = facts.service_disruption_hours
    _, _, reference = REGULATORS.get(facts.bank_regulator or "", ANY)
    return decide_clock(
        id="bank_customers",
        name="Notification by a bank service provider",
        recipient="a point of contact at each affected bank",
        conditions=[
            Condition(
                "bank_role",
                None if facts.bank_role is None else facts.bank_role == "service_provider",
                "the organisation is a bank service provider",
                "the organisation is no bank service provider",
            ),
            Condition(
                "scheduled_maintenance",
                None if facts.scheduled_maintenance is None else not facts.scheduled_maintenance,
                "it is no maintenance that was announced",
                "it is maintenance, testing or an update that was announced to the bank",
            ),
            Condition(
                "service_disruption_hours",
                None if hours is None else hours >= FOUR_HOURS,
                "covered services are, or are reasonably likely to be, materially disrupted for "
                "four hours or more",
                "covered services are disrupted for less than four hours",
            ),
        ],
        start_event="the determination that there is such an incident",
        start_facts=("discovered",),
        started=facts.notification_incident_determined or facts.discovered,
        deadline=None,
        limit="as soon as possible",
        reference=reference,
    )


def _form_8k(facts: IncidentFacts) -> ClockState:
    determined = facts.materiality_determined
    material = True if determined is not None else facts.material
    deadline = None if determined is None else form_8k_deadline(determined, facts.zone)
    limit = "within four business days after the determination that it is material"
    delay = facts.attorney_general_delay_until
    if deadline is not None and delay is not None:
        longest = deadline + LONGEST_DELAY
        limit += ", delayed by the Attorney General (Item 1.05(c))"
        if delay > longest:
            limit += ", at most 120 days: more needs an order of the SEC"
        deadline = max(deadline, min(delay.astimezone(deadline.tzinfo), longest))
    return decide_clock(
        id="sec_8k",
        name="Form 8-K Item 1.05",
        recipient="the public, by a filing with the SEC",
        conditions=[
            Condition(
                "sec_registrant",
                facts.sec_registrant,
                "the company files Form 8-K with the SEC",
                "the company files no Form 8-K with the SEC (a foreign private issuer has Form 6-K)",
            ),
            Condition(
                "material",
                material,
                "the company has determined that the incident is material",
                "the company has determined that it is not material",
            ),
        ],
        start_event="the determination of materiality, itself due without unreasonable delay after discovery",
        start_facts=("materiality_determined",),
        started=determined,
        deadline=deadline,
        limit=limit,
        reference="Form 8-K Item 1.05",
    )
