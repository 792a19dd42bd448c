"""Tables of alerts and cases for people and notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields

import pandas as pd

from secure_ai.monitor.alerts.alert import STORM, Alert
from secure_ai.monitor.alerts.rules import worst

_CASES = "case_id actor alerts families kinds severity detections open first_seen last_seen"


def frame(rows: Iterable[Sequence[object]], columns: str) -> pd.DataFrame:
    """Return rows as a table with columns that are separated by spaces."""
    return pd.DataFrame([tuple(row) for row in rows], columns=columns.split())


def alerts_frame(alerts: Sequence[Alert], now: float, due: Sequence[float | None]) -> pd.DataFrame:
    """Return alerts, one row each, with their ages and the time to the next deadline in minutes.

    Args:
        alerts: to show.
        now: in the desk's seconds.
        due: of each alert, in the desk's seconds.
    """
    names = [field.name for field in fields(Alert)]
    rows = [
        {
            **asdict(alert),
            "why": "; ".join(reason.words() for reason in alert.why),
            "raised_by": ", ".join(alert.raised_by),
            "events": ", ".join(alert.events),
            "escalated": ", ".join(alert.escalated),
            "age_minutes": (
                (now if alert.closed_elapsed is None else alert.closed_elapsed) - alert.raised_elapsed
            )
            / 60,
            "due_minutes": float("nan") if when is None else max(when - now, 0.0) / 60,
        }
        for alert, when in zip(alerts, due, strict=True)
    ]
    found = pd.DataFrame(rows, columns=[*names, "age_minutes", "due_minutes"])
    return found.astype({"score": "float64", "age_minutes": "float64", "due_minutes": "float64"})


def cases_frame(alerts: Sequence[Alert]) -> pd.DataFrame:
    """Return the cases of alerts, one row each, in the order in which they began."""
    cases: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.kind != STORM:
            cases.setdefault(alert.case_id, []).append(alert)
    return frame(
        (
            (
                name,
                members[0].actor,
                len(members),
                ", ".join(sorted({one.family for one in members})),
                ", ".join(sorted({one.kind for one in members})),
                worst(one.severity for one in members),
                sum(one.count for one in members),
                sum(one.status != "closed" for one in members),
                min(one.first_seen for one in members),
                max(one.last_seen for one in members),
            )
            for name, members in cases.items()
        ),
        _CASES,
    )
