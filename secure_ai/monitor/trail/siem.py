"""The trail for a SIEM: Common Event Format (CEF) lines or OCSF events, as JSON lines.

Both carry the sequence number and the hash, so an event in the SIEM leads back to its entry. What a format
has no place for is named as its own extension; nothing is left out silently.

Sources: ArcSight Common Event Format, Implementation Standard, version 25 (header, escaping, keys and their
lengths); Open Cybersecurity Schema Framework 1.4.0, classes Authentication 3002, API Activity 6003, Datastore
Activity 6005, Detection Finding 2004.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from secure_ai.core.audit import AuditEvent
from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.encrypt.private_files import open_private
from secure_ai.monitor.trail.entries import Entry
from secure_ai.monitor.trail.trail import Trail

OCSF_VERSION = "1.4.0"
PRODUCT = {"name": "secure-ai audit trail", "vendor_name": "secure-ai", "version": "1"}
CUSTOM, SHORT, LONG = (
    4_000,
    63,
    1_023,
)  # characters: of cs1 to cs6, of act and outcome, of msg and flexString1
CEF_SEVERITY = {"allowed": 3, "error": 5, "denied": 6}
CEF_ALERT = 8
AUTHENTICATION = {"sign_in": 1, "login": 1, "logon": 1, "sign_out": 2, "logout": 2}
DATASTORE = {
    "read": 1, "view": 1, "print": 1, "update": 2, "query": 4, "export": 1, "write": 5, "create": 6,
    "delete": 7, "list": 8, "encrypt": 9, "decrypt": 10,
}  # fmt: skip
INFORMATIONAL, MEDIUM, HIGH = 1, 3, 4


def export_cef(trail: Trail, path: str | Path, **conditions: Any) -> Path:
    """Write entries as CEF, one line each.

    Args:
        trail: an open trail.
        path: the file, made with mode 0600; it appears whole or not at all.
        conditions: as of :meth:`Trail.read`; ``after=`` the last number sent continues where that ended.

    Raises:
        UserError: if an entry is not what was written, or the file cannot be written.
    """
    return _write(trail, Path(path), conditions, lambda entry: [to_cef(entry)])


def export_ocsf(trail: Trail, path: str | Path, **conditions: Any) -> Path:
    """Write entries as OCSF events, one JSON object a line; an alert is followed by a Detection Finding.

    Arguments and exceptions are those of :func:`export_cef`.
    """
    log_id = trail.header.log_id
    return _write(
        trail,
        Path(path),
        conditions,
        lambda entry: [json.dumps(event, ensure_ascii=True) for event in to_ocsf(entry, log_id)],
    )


def to_cef(entry: Entry) -> str:
    """Return one entry as a line of CEF."""
    event = entry.event
    severity = max(CEF_SEVERITY[event.outcome], CEF_ALERT if event.alert else 0)
    header = (
        "secure-ai", "audit trail", "1", event.action, f"{event.action} {event.outcome}", str(severity),
    )  # fmt: skip
    extension = {
        "rt": str(_milliseconds(event)),
        "externalId": event.event_id or str(entry.sequence),
        "suid": event.actor,
        "act": _cut(event.action, SHORT),
        "outcome": _cut(event.outcome, SHORT),
        "reason": _cut(event.reason, LONG),
        "cn1": str(entry.sequence), "cn1Label": "sequence",
    }  # fmt: skip
    custom = {
        "purpose": event.purpose, "target": event.target, "model": event.model, "data": event.data,
        "records": _listed(event.records, CUSTOM), "hash": entry.hash,
    }  # fmt: skip
    for number, (label, value) in enumerate(custom.items(), start=1):
        if value:
            extension |= {f"cs{number}": _cut(value, CUSTOM), f"cs{number}Label": label}
    if event.details:
        details = json.dumps(dict(event.details), sort_keys=True, ensure_ascii=False)
        extension |= {"flexString1": _cut(details, LONG), "flexString1Label": "details"}
    parts = " ".join(f"{name}={_extension(value)}" for name, value in extension.items() if value)
    return "|".join(["CEF:0", *map(_prefix, header), parts])


def to_ocsf(entry: Entry, log_id: str) -> Iterator[dict[str, Any]]:
    """Return one entry as OCSF: the activity, and a finding besides where it is an alert."""
    event = entry.event
    action = event.action.lower()
    if action in AUTHENTICATION:
        category, kind, activity = 3, 3002, AUTHENTICATION[action]
        # The actor is who signs in; OCSF wants to know to what.
        special = {"user": {"uid": event.actor}, "service": {"name": event.target or "not recorded"}}
    elif action in DATASTORE:
        category, kind, activity = 6, 6005, DATASTORE[action]
        special = {
            "table": {"name": event.target, "uid": event.target},
            "type_id": 99,
            "type": "record or table",
        }
    else:
        category, kind, activity = 6, 6003, 99
        special = {
            "api": {"operation": event.action},
            "resources": [{"uid": event.target, "name": event.target}],
            "activity_name": event.action,
        }
    yield {
        **_base(entry, log_id, category, kind, activity),
        "severity_id": _severity(event),
        "actor": {"user": {"uid": event.actor}},
        "src_endpoint": {"name": str(event.details.get("source", "")) or "not recorded"},
        **special,
        "status": "Success" if event.outcome == "allowed" else "Failure",
        "status_id": 1 if event.outcome == "allowed" else 2,
        "status_code": event.outcome,
        **({"status_detail": event.reason} if event.reason else {}),
        "unmapped": _unmapped(entry),
    }
    if event.alert:
        yield _finding(entry, log_id)


def _finding(entry: Entry, log_id: str) -> dict[str, Any]:
    event = entry.event
    base = _base(entry, log_id, 2, 2004, 1)
    base["metadata"] = {**base["metadata"], "uid": f"{base['metadata']['uid']}:alert"}
    words = f"{event.action} on {event.target} by {event.actor}: {event.outcome}"
    return {
        **base,
        "severity_id": HIGH,
        "status_id": 1,
        "finding_info": {
            "uid": f"{log_id}:{entry.sequence}",
            "title": f"Audit alert: {event.action} {event.outcome}",
            "desc": f"{words} ({event.reason})" if event.reason else words,
            "created_time": _milliseconds(event),
            "related_events": [
                {"uid": _uid(entry, log_id), "type_uid": _activity_type(event.action), "type": event.action}
            ],
        },
        "resources": [{"uid": event.target, "name": event.target, "type": "record or table"}],
        "unmapped": {"sequence": entry.sequence, "hash": entry.hash, "actor": event.actor},
    }


def _base(entry: Entry, log_id: str, category: int, kind: int, activity: int) -> dict[str, Any]:
    return {
        "category_uid": category,
        "class_uid": kind,
        "activity_id": activity,
        "type_uid": kind * 100 + activity,
        "time": _milliseconds(entry.event),
        "metadata": {
            "version": OCSF_VERSION,
            "product": PRODUCT,
            "uid": _uid(entry, log_id),
            "sequence": entry.sequence,
            "log_name": log_id,
            "original_time": entry.event.time,
        },
    }


def _activity_type(action: str) -> int:
    name = action.lower()
    if name in AUTHENTICATION:
        return 300200 + AUTHENTICATION[name]
    return 600500 + DATASTORE[name] if name in DATASTORE else 600399


def _uid(entry: Entry, log_id: str) -> str:
    return entry.event.event_id or f"{log_id}:{entry.sequence}"


def _severity(event: AuditEvent) -> int:
    if event.alert:
        return HIGH
    return INFORMATIONAL if event.outcome == "allowed" else MEDIUM


def _unmapped(entry: Entry) -> dict[str, Any]:
    event = entry.event
    named = {
        "purpose": event.purpose, "records": list(event.records), "model": event.model, "data": event.data,
        "details": dict(event.details), "hash": entry.hash,
    }  # fmt: skip
    return {name: value for name, value in named.items() if value}


def _milliseconds(event: AuditEvent) -> int:
    return round(datetime.fromisoformat(event.time).timestamp() * 1000)


def _prefix(text: str) -> str:
    """Escape a field of the header: backslash and pipe; it has no way to hold a new line."""
    plain = " ".join(text.replace("\r", "\n").split("\n"))
    return plain.replace("\\", "\\\\").replace("|", "\\|")


def _extension(text: str) -> str:
    r"""Escape a value: backslash, equal sign, and new lines as \n and \r."""
    escaped = text.replace("\\", "\\\\").replace("=", "\\=")
    return escaped.replace("\r", "\\r").replace("\n", "\\n")


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    mark = f" (+{len(text) - most + 20} characters)"
    return text[: most - len(mark)] + mark


def _listed(values: tuple[str, ...], most: int) -> str:
    text = ",".join(values)
    if len(text) <= most:
        return text
    kept: list[str] = []
    room = most - 24
    for value in values:
        room -= len(value) + 1
        if room < 0:
            break
        kept.append(value)
    return f"{','.join(kept)} (+{len(values) - len(kept)} more)"


def _write(
    trail: Trail, target: Path, conditions: dict[str, Any], lines: Callable[[Entry], list[str]]
) -> Path:
    try:
        with atomic_file(target) as draft, open_private(draft) as file:
            for entry in trail.read(**conditions):
                for line in lines(entry):
                    file.write(line.encode("utf-8") + b"\n")
    except OSError as error:
        raise UserError(
            f"The export {shown(target.name)} cannot be written ({system_reason(error)}): name another place."
        ) from None
    return target
