"""What a team can decide in a tabletop: each action takes minutes of one role, and some do harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Harm = Literal["", "always", "before evidence"]


@dataclass(frozen=True, slots=True)
class Action:
    """One decision that the team can take.

    Attributes:
        id: its name.
        words: what is done.
        minutes: how long it takes the right role; any other role needs twice as long.
        role: the role of the kit's plans that does it; a plan of one's own may name another owner.
        harm: when it does harm: ``"always"``, ``"before evidence"`` is preserved; empty if
            never.
        why: why it does harm, said afterwards.
    """

    id: str
    words: str
    minutes: int
    role: str
    harm: Harm = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that the team can ask; the answer takes minutes."""

    id: str
    words: str
    minutes: int
    role: str


OWNER = "owner"
"""Stands for the clinical owner in the hospital and the business owner in the bank."""

ACTIONS = (
    Action("confirm_alert", "Look at the events behind the alarm", 5, "security"),
    Action("open_incident", "Open the incident and name who holds each role", 5, "incident_lead"),
    Action("preserve_logs", "Copy logs and the affected store, with digests", 15, "security"),
    Action("disable_account", "Disable the account that is being misused", 5, "security"),
    Action("revoke_key_use", "Forbid every use of the key of the notes", 10, "security"),
    Action("close_share", "Take the exposed share off the network", 10, "security"),
    Action("start_continuity", "Start the downtime procedure and tell the units", 20, OWNER),
    Action("count_records", "Count whose records were touched, by state", 60, "security"),
    Action("assess_risk", "Assess the risk to the persons, in writing", 90, "privacy"),
    Action("legal_review", "Have counsel say which clocks run", 60, "legal"),
    Action("decide_disclosure", "Decide what is disclosed, and determine what the rules ask "
    "for", 45, "executive"),
    Action("notify_authority", "Notify the data protection authority", 45, "privacy"),
    Action("notify_individuals", "Write to the affected persons", 240, "privacy"),
    Action("notify_secretary", "Notify the Secretary of Health and Human Services now", 30, "privacy"),
    Action("log_for_annual_report", "Enter it in the log for the Secretary's annual report", 15, "privacy"),
    Action("notify_media", "Give notice to prominent media", 60, "communications"),
    Action("notify_regulator", "Tell the primary federal regulator", 20, "legal"),
    Action("file_8k", "File Form 8-K Item 1.05", 120, "legal"),
    Action("prepare_statement", "Prepare what the front line answers, from established "
    "facts", 45, "communications"),
    Action("rotate_key", "Rotate the key and renew credentials", 20, "security"),
    Action(
        "rebuild_server", "Wipe the affected system and build it anew", 120, "security",
        "before evidence", "what had not been copied is gone: nobody can say any more whose records "
        "were read",
    ),
    Action("debrief", "Hold the debrief without blame", 60, "incident_lead"),
    Action(
        "reassure_public", "Announce that no data were affected", 15, "communications",
        "always", "nobody had established that, and it was not true",
    ),
    Action(
        "shut_down_everything", "Shut every system down", 30, "executive",
        "always", "work stopped everywhere, though one account or share was enough",
    ),
    Action(
        "confront_suspect", "Call the person or account holder and ask what this is about", 15, OWNER,
        "always", "whoever is warned hurries, and what they say is no evidence",
    ),
    Action("delete_export", "Delete the exposed or misused files at once", 5, "security",
        "before evidence", "the copy that shows what lay open was deleted before anybody had kept one"),
)  # fmt: skip

QUESTIONS = (
    Question("since_when", "Since when, and when did we know?", 10, "security"),
    Question("what_data", "What kind of data is it?", 15, "privacy"),
    Question("was_it_encrypted", "Was it encrypted, and is the key safe?", 15, "security"),
    Question("which_laws", "Which laws and regulators apply to us?", 20, "legal"),
    Question("is_it_over", "Does it still go on?", 5, "security"),
    Question("is_service_affected", "Is care or business disrupted?", 10, OWNER),
)

CLOCK_ACTIONS = {
    "gdpr_authority": ("notify_authority",),
    "gdpr_persons": ("notify_individuals",),
    "hipaa_individuals": ("notify_individuals",),
    "hipaa_media": ("notify_media",),
    "hipaa_secretary": ("notify_secretary", "log_for_annual_report"),
    "bank_regulator": ("notify_regulator",),
    "sec_8k": ("file_8k",),
}
"""Which actions meet which clock; of the Secretary's two, the number of individuals says which."""


def action_for_sector(action: Action, sector: str) -> Action:
    """Return the action with its role as the sector's plan calls it."""
    return action if action.role != OWNER else _with_role(action, role_in(sector, OWNER))


def role_in(sector: str, role: str) -> str:
    """Return what a role is called in the kit's plan of the sector."""
    if role != OWNER:
        return role
    return "clinical_owner" if sector == "healthcare" else "business_owner"


def _with_role(action: Action, role: str) -> Action:
    return Action(action.id, action.words, action.minutes, role, action.harm, action.why)


BY_ID = {action.id: action for action in ACTIONS}
QUESTION_BY_ID = {question.id: question for question in QUESTIONS}
