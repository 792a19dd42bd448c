"""What is known about an incident, each fact yes, no or not known yet; unknown is never taken for no."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

Count = Annotated[int, Field(ge=0, le=10_000_000_000, strict=True)]
Yes = Annotated[bool, Field(strict=True)]
Moment = AwareDatetime


class IncidentFacts(BaseModel):
    """Facts that legal clocks depend on; ``None`` means: not known yet.

    Attributes:
        timezone: of the organisation (IANA name); deadlines that are days end with the day there.
        occurred: when the incident happened, or began.
        discovered: when the first person of the workforce, or an agent, knew (not the wrongdoer).
        should_have_known: when reasonable diligence would have shown it; the earlier of the two counts under
            HIPAA (164.404(a)(2)).
        aware: when a controller had reasonable certainty (GDPR); ``discovered`` if not given.
        personal_data: whether personal data were affected.
        data_unintelligible: whether they were encrypted (or destroyed) by a recognized method and the key is
            safe: then PHI is not "unsecured", and GDPR Art. 34(3)(a) holds.
        gdpr_applies, gdpr_role: whether the GDPR applies, and to whom: "controller" or "processor".
        risk_to_persons: "unlikely", "risk" or "high".
        risk_removed_afterwards: measures after the breach make the high risk unlikely (Art. 34(3)(b)).
        individual_notice_disproportionate: telling each person would be a disproportionate effort.
        hipaa_role: "covered_entity", "business_associate" or "none".
        phi: whether protected health information was affected.
        hipaa_exception: which exception of 164.402(1) holds: "none", "unintentional_workforce",
            "inadvertent_between_authorized" or "could_not_retain".
        low_probability_of_compromise: what the documented four-factor assessment shows (164.402(2)); without
            one a breach is presumed.
        individuals: how many persons are affected.
        residents_by_state: how many of them live in which state.
        business_associate_discovered, business_associate_is_agent: where a business associate found it, and
            whether it acts as an agent: then its discovery is the covered entity's.
        law_enforcement_delay_until, law_enforcement_statement, law_enforcement_statement_at: what an official
            asked for (164.412): until when, "written" or "oral", and when it was said.
        bank_role: "banking_organization", "service_provider" or "none" (12 CFR 53.2).
        bank_regulator: "OCC", "FRB" or "FDIC".
        actual_harm: to confidentiality, integrity or availability of a system or its information.
        material_disruption: it did or is reasonably likely to disrupt or degrade what the rule names.
        notification_incident_determined: when the bank determined that it is a notification incident.
        service_disruption_hours: of a service provider's covered services, had or reasonably likely.
        scheduled_maintenance: it was announced maintenance, testing or a software update.
        sec_registrant, material, materiality_determined: for Form 8-K Item 1.05 (a foreign private
            issuer files none).
        attorney_general_delay_until: a delay that the Attorney General determined.
        dora_entity, dora_major, dora_classified: financial entity under DORA; a major incident, since when.
        nis2_entity, nis2_significant: essential or important entity under NIS2; a significant incident.

    Raises:
        UserError: if a field is unknown or of the wrong kind, a time has no zone, or two facts contradict.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    timezone: str = Field(default="America/New_York", max_length=64)
    occurred: Moment | None = None
    discovered: Moment | None = None
    should_have_known: Moment | None = None
    aware: Moment | None = None
    personal_data: Yes | None = None
    data_unintelligible: Yes | None = None
    gdpr_applies: Yes | None = None
    gdpr_role: Literal["controller", "processor"] | None = None
    risk_to_persons: Literal["unlikely", "risk", "high"] | None = None
    risk_removed_afterwards: Yes | None = None
    individual_notice_disproportionate: Yes | None = None
    hipaa_role: Literal["covered_entity", "business_associate", "none"] | None = None
    phi: Yes | None = None
    hipaa_exception: (
        Literal["none", "unintentional_workforce", "inadvertent_between_authorized", "could_not_retain"]
        | None
    ) = None
    low_probability_of_compromise: Yes | None = None
    individuals: Count | None = None
    residents_by_state: dict[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], Count] | None = None
    business_associate_discovered: Moment | None = None
    business_associate_is_agent: Yes | None = None
    law_enforcement_delay_until: Moment | None = None
    law_enforcement_statement: Literal["written", "oral"] | None = None
    law_enforcement_statement_at: Moment | None = None
    bank_role: Literal["banking_organization", "service_provider", "none"] | None = None
    bank_regulator: Literal["OCC", "FRB", "FDIC"] | None = None
    actual_harm: Yes | None = None
    material_disruption: Yes | None = None
    notification_incident_determined: Moment | None = None
    service_disruption_hours: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] | None = None
    scheduled_maintenance: Yes | None = None
    sec_registrant: Yes | None = None
    material: Yes | None = None
    materiality_determined: Moment | None = None
    attorney_general_delay_until: Moment | None = None
    dora_entity: Yes | None = None
    dora_major: Yes | None = None
    dora_classified: Moment | None = None
    nis2_entity: Yes | None = None
    nis2_significant: Yes | None = None

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False, include_context=False)[0]
            place = shown(str(first["loc"][0])) if first["loc"] else "a fact"
            raise UserError(
                f"The facts of the incident: {place}: {_problem(first['type'], first['msg'])}."
            ) from None
        _check(self)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the organisation."""
        return ZoneInfo(self.timezone)

    def with_facts(self, **facts: Any) -> IncidentFacts:
        """Return the facts with some of them learned or corrected; checked again."""
        return IncidentFacts(**{**self.model_dump(exclude_none=True), **facts})

    def known(self) -> dict[str, Any]:
        """Return the facts that are known, by name."""
        return self.model_dump(exclude_none=True)

    def least_individuals(self) -> int | None:
        """Return how many persons are affected at least; None if nothing is known."""
        counted = None if self.residents_by_state is None else sum(self.residents_by_state.values())
        return self.individuals if self.individuals is not None else counted


def _problem(kind: str, message: str) -> str:
    return {
        "extra_forbidden": "is no fact that the clocks know",
        "timezone_aware": "needs a time zone, such as 2026-03-02T09:00:00-05:00",
        "bool_type": "is yes (True), no (False) or not known (None)",
    }.get(kind, message[:160].lower())


def _check(facts: IncidentFacts) -> None:
    try:
        ZoneInfo(facts.timezone)
    except (KeyError, ValueError, OSError):
        raise UserError(
            f"There is no time zone '{shown(facts.timezone)}': write it like America/New_York."
        ) from None
    for name, value in facts:
        if isinstance(value, datetime) and not 2000 <= value.year <= 2100:
            raise UserError(f"The fact '{name}' is of the year {value.year}: check the date.")
    states = sum((facts.residents_by_state or {}).values())
    if facts.individuals is not None and states > facts.individuals:
        raise UserError(
            f"The states have {states:,} affected residents together, but only "
            f"{facts.individuals:,} persons are "
            "said to be affected: correct one of the two."
        )
    for earlier, later in (
        ("occurred", "discovered"),
        ("occurred", "aware"),
        ("occurred", "notification_incident_determined"),
        ("occurred", "materiality_determined"),
        ("occurred", "dora_classified"),
        ("occurred", "should_have_known"),
        ("occurred", "business_associate_discovered"),
    ):
        first, second = getattr(facts, earlier), getattr(facts, later)
        if first is not None and second is not None and second < first:
            raise UserError(f"The fact '{later}' lies before '{earlier}': check the two times.")
    if facts.law_enforcement_delay_until is not None and facts.law_enforcement_statement is None:
        raise UserError(
            "A delay for law enforcement needs law_enforcement_statement: 'written' (with the time "
            "it asks for) "
            "or 'oral' (30 days at most)."
        )
    if facts.law_enforcement_statement == "written" and facts.law_enforcement_delay_until is None:
        raise UserError(
            "A written statement of law enforcement names a time: give law_enforcement_delay_until."
        )
    if facts.law_enforcement_statement == "oral" and facts.law_enforcement_statement_at is None:
        raise UserError(
            "An oral statement of law enforcement needs law_enforcement_statement_at: it lasts 30 days."
        )
    if facts.dora_major is False and facts.dora_classified is not None:
        raise UserError("An incident that is not major has no dora_classified: leave it out.")
    if facts.material is False and facts.materiality_determined is not None:
        raise UserError("An incident that is not material has no materiality_determined: leave it out.")


def law_enforcement_end(facts: IncidentFacts) -> datetime | None:
    """Return until when law enforcement holds a HIPAA notice back (164.412); None if it does not.

    A written statement holds for the time that it names; an oral one for 30 days at most.
    """
    if facts.law_enforcement_statement is None:
        return None
    if facts.law_enforcement_statement == "written":
        return facts.law_enforcement_delay_until
    at = facts.law_enforcement_statement_at
    longest = at + timedelta(days=30) if at is not None else None
    asked = facts.law_enforcement_delay_until
    return min(asked, longest) if asked is not None and longest is not None else longest
