"""What a finished action and an asked question establish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from secure_ai.govern.incidents.tabletop.actions import Action

if TYPE_CHECKING:
    from secure_ai.govern.incidents.tabletop.engine import Tabletop


def effect(tabletop: Tabletop, action: Action) -> tuple[str, dict[str, Any]]:
    """Return what a finished action says, and the facts that it establishes."""
    world = tabletop.world
    if action.id == "confirm_alert":
        return "It is an incident.", {"discovered": world.moment(0), "aware": tabletop.now}
    if action.id == "preserve_logs":
        return f"{len(world.visible_events())} events copied, SHA-256 {world.preserve()[:16]}….", {}
    if action.id == "count_records":
        return _count(tabletop)
    if action.id == "assess_risk":
        if tabletop.finished("count_records") is None:
            return "Without a count the risk has to be taken as high.", {"risk_to_persons": "high"}
        return "The assessment is written.", world.risk_facts()
    if action.id == "legal_review":
        return "Counsel has listed the laws that apply.", dict(world.laws)
    if action.id == "decide_disclosure":
        return _determine(tabletop)
    return "", {}


def _count(tabletop: Tabletop) -> tuple[str, dict[str, Any]]:
    records = tabletop.world.evidence_records()
    if records is None:
        total = tabletop.world.total_records
        return (
            f"The log is gone: nobody can say whose records were read, so all {total} have to be assumed.",
            {"individuals": total, "residents_by_state": None},
        )
    states = tabletop.world.states_of(records)
    words = ", ".join(f"{state} {count}" for state, count in states.items())
    warning = "" if tabletop.world.contained() else " It still goes on: count again once it has stopped."
    return (
        f"{len(records)} records were read ({words}).{warning}",
        {"individuals": len(records), "residents_by_state": states},
    )


def _determine(tabletop: Tabletop) -> tuple[str, dict[str, Any]]:
    facts = tabletop.world.determination_facts()
    said = []
    if tabletop.sector == "finance":
        disrupted = facts["material_disruption"]
        said.append("It is a notification incident." if disrupted else "It is no notification incident.")
        if disrupted:
            facts["notification_incident_determined"] = tabletop.now
    if "material" in facts:
        said.append(
            "It is material to investors." if facts["material"] else "It is not material to investors."
        )
        if facts["material"]:
            facts["materiality_determined"] = tabletop.now
    return " ".join(said) or "What is disclosed has been decided.", facts


def answer(tabletop: Tabletop, question: str) -> tuple[str, dict[str, Any]]:
    """Return the answer to a question, and the facts that it establishes."""
    if question == "which_laws":
        laws = dict(tabletop.world.laws)
        words = [
            "the GDPR applies" if laws["gdpr_applies"] else "the GDPR does not apply",
            "HIPAA applies" if laws["hipaa_role"] == "covered_entity" else "HIPAA does not apply",
        ]
        if laws["bank_role"] == "banking_organization":
            words.append(f"the primary federal regulator is the {laws['bank_regulator']}")
            words.append("we file with the SEC" if laws["sec_registrant"] else "we do not file with the SEC")
        return "; ".join(words).capitalize() + ".", laws
    if question == "since_when":
        seen = [
            minute for minute, event in tabletop.world.visible_events() if tabletop.world.is_hostile(event)
        ]
        # The alarm itself proves a trace before it, even where the log of that time is lost.
        first = min(0, *seen) if seen else 0
        lost = (
            ""
            if tabletop.world.lost_before is None or tabletop.world.evidence_records() is not None
            else (" Part of the log is gone: it may have begun earlier.")
        )
        return (
            f"The first trace is {-first} minutes before the alarm; we know since the alarm.{lost}",
            {"occurred": tabletop.world.moment(first), "discovered": tabletop.world.moment(0)},
        )
    return tabletop.world.answer(question)
