"""What a tabletop can tell: its story for drafts, its timeline, and its drafts of notifications."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from secure_ai.govern.incidents.notifications import Draft, Story, notification_drafts
from secure_ai.govern.incidents.tabletop.actions import BY_ID, QUESTION_BY_ID
from secure_ai.govern.incidents.tabletop.engine import Tabletop

MEASURES = {
    "disable_account": "the account that was misused is disabled",
    "revoke_key_use": "use of the key is stopped",
    "close_share": "the open share is off the network",
    "preserve_logs": "logs are preserved with digests",
    "rotate_key": "keys and credentials are renewed",
    "rebuild_server": "the affected system is built anew",
}


def story_of(tabletop: Tabletop) -> Story:
    """Return what the team can tell by what it has established and done; the rest stays open."""
    told = tabletop.world.told[tabletop.sector]
    asked = {answer.question for answer in tabletop.answers}
    measures = tuple(words for name, words in MEASURES.items() if tabletop.finished(name) is not None)
    return Story(
        what_happened=told.what_happened if tabletop.finished("confirm_alert") is not None else "",
        data_types=told.data_types if "what_data" in asked else (),
        consequences=told.consequences if tabletop.finished("assess_risk") is not None else "",
        measures=measures,
        advice=told.advice if tabletop.finished("assess_risk") is not None else (),
    )


def drafts_of(tabletop: Tabletop) -> tuple[Draft, ...]:
    """Return the drafts for every clock that applies or may apply by the team's facts."""
    return notification_drafts(tabletop.clocks(), tabletop.facts, story_of(tabletop))


def timeline(tabletop: Tabletop) -> pd.DataFrame:
    """Return what happened, in order.

    Returns:
        minute (after the alarm), time (local), kind (log, message, decision, done, question), who, what,
        records (read by the wrongdoer until then).
    """
    world, rows = tabletop.world, []
    for minute, event in tabletop.world.visible_events():
        hostile = world.is_hostile(event)
        if (hostile or event.outcome == "denied" or event.alert) and minute <= tabletop.minute:
            count = f" ({len(event.records)} records)" if event.records else ""
            rows.append(
                (minute, "log", event.actor, f"{event.action} {event.target}: {event.outcome}{count}")
            )
    rows += [
        (m.minute, "message", m.source, m.text) for m in tabletop.messages if not _is_result(tabletop, m)
    ]
    for one in tabletop.decisions:
        rows.append((one.decided, "decision", one.by, BY_ID[one.action].words))
        if one.done:
            harm = f" Harm: {one.harm}." if one.harm else ""
            rows.append(
                (one.finished, "done", one.by, f"{BY_ID[one.action].words}. {one.result}{harm}".strip())
            )
    rows += [
        (a.minute, "question", "team", f"{QUESTION_BY_ID[a.question].words} {a.text}")
        for a in tabletop.answers
    ]
    rows.sort(key=lambda row: row[0])
    local = world.start.astimezone(tabletop.facts.zone)
    frame = pd.DataFrame(rows, columns=["minute", "kind", "who", "what"])
    frame.insert(1, "time", [f"{local + timedelta(minutes=m):%a %H:%M}" for m in frame["minute"]])
    frame["records"] = [world.records_by(minute) for minute in frame["minute"]]
    return frame


def _is_result(tabletop: Tabletop, message) -> bool:
    return message.source in tabletop.roles
