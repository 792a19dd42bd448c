"""The page: tables and small drawings of a report in one HTML file, everything escaped."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd
from markupsafe import Markup

from secure_ai import __version__
from secure_ai.core import Finding, Level, Outcome
from secure_ai.core.figures import percent
from secure_ai.core.frameworks import entry, label
from secure_ai.core.svg import Bar, Column, bar_chart, column_chart
from secure_ai.monitor.audit_report.evidence import Evidence, timed, verdict_of
from secure_ai.monitor.audit_report.sections import LATEST, MOST_ROWS, Facts

if TYPE_CHECKING:
    from secure_ai.monitor.trail.verification import Verification

STATES = {"evidence": "Evidence", "gap": "Gap", "unassessed": "Unassessed"}
AREAS = {
    "log": "The log itself", "access": "Accesses", "emergency": "Emergency access", "alerts": "Alerts",
    "sign_in": "Sign-ins",
}  # fmt: skip
CONTENTS = (
    ("findings", "Findings"),
    ("accesses", "Accesses by role and purpose"),
    ("exceptions", "Exceptions and refusals"),
    ("emergency", "Emergency access and its reviews"),
    ("alerts", "Alerts and sign-ins"),
    ("log", "The log itself"),
    ("citations", "Evidence by citation"),
    ("open", "Not assessed"),
    ("method", "Method and limits"),
)


def render(
    organization: str,
    facts: Facts,
    findings: tuple[Finding, ...],
    evidence: tuple[Evidence, ...],
    verification: Verification | None,
) -> str:
    """Return the page: no script, nothing from outside, all text escaped."""
    measured = [f for f in findings if f.outcome is not Outcome.UNASSESSED]
    over = [f for f in findings if f.outcome is Outcome.EXCEEDS_THRESHOLD]
    context: dict[str, Any] = {
        "css": Markup((resources.files("secure_ai.core") / "report.css").read_text(encoding="utf-8")),
        "version": __version__,
        "organization": organization,
        "facts": facts,
        "period": facts.period,
        "verdict": verdict_of(facts, findings),
        "areas": _areas(findings),
        "over": over,
        "quiet": [f for f in measured if f.outcome is Outcome.WITHIN_THRESHOLD],
        "open_findings": [f for f in findings if f.outcome is Outcome.UNASSESSED],
        "todo": [(f.mitigations[0], f.owner, f.due, f.title) for f in over if f.mitigations][:3],
        "evidence": evidence,
        "states": STATES,
        "contents": CONTENTS,
        "label": label,
        "release": entry("164.312(b)").release,
        "verification": verification,
        "most": MOST_ROWS,
        "latest": LATEST,
        "accounts": facts.events["actor"].nunique(),
        "rows": lambda table: table.to_dict(orient="records"),
        "emergency_states": facts.emergencies["state"].value_counts().to_dict(),
        "emergency_chart": _emergency_chart(facts),
        "alert_table": _alert_table(facts.alerts),
        "open_alerts": facts.alerts[facts.alerts["state"] == "unreviewed"].head(MOST_ROWS),
        "day_title": _day_title(facts),
        "day_chart": _day_chart(facts),
        "role_title": _role_title(facts),
        "role_chart": _role_chart(facts),
    }
    return _template().render(context)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False)
    environment.filters |= {"figure": _figure, "number": lambda value: f"{int(value):,}", "timed": timed}
    folder = resources.files("secure_ai.monitor.audit_report") / "templates"
    return environment.from_string((folder / "audit_report.html.j2").read_text(encoding="utf-8"))


def _figure(value: float, unit: str) -> str:
    if unit == "share":
        return f"{value:.1%}" if value == 0 or value >= 0.001 else f"{value:.3%}"
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else format(Decimal(f"{value:.3g}"), "f")


def _areas(findings: tuple[Finding, ...]) -> list[tuple[str, str, Finding]]:
    rows = []
    for key, name in AREAS.items():
        inside = [f for f in findings if f.id.split(".")[1] == key]
        assessed = [f for f in inside if f.outcome is not Outcome.UNASSESSED]
        worst = (assessed or inside)[0]
        rows.append((name, worst.level.value, worst))
    return rows


def _emergency_chart(facts: Facts) -> Markup | None:
    table, order = facts.emergencies, ("in time", "late", "waiting", "overdue")
    if table.empty:
        return None
    counts = table["state"].value_counts()
    bars = [
        Bar(
            state,
            counts.get(state, 0) / len(table),
            f"{counts.get(state, 0):,}",
            state in ("late", "overdue"),
        )
        for state in order
    ]
    good = int(counts.get("in time", 0))
    title = f"{good:,} of {len(table):,} emergency accesses were reviewed within three days"
    return bar_chart("emergency-reviews", title, bars, "late or overdue: more than three days")


def _alert_table(alerts: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for severity in (level.value for level in (Level.CRITICAL, Level.HIGH, Level.MEDIUM, Level.LOW)):
        part = alerts[alerts["severity"] == severity]
        if part.empty:
            continue
        rows.append(_alert_row(severity, part))
    rest = alerts[~alerts["severity"].isin([level.value for level in Level])]
    return rows + ([_alert_row("not recorded", rest)] if len(rest) else [])


def _alert_row(severity: str, part: pd.DataFrame) -> dict[str, Any]:
    answered = part[part["answered"]]
    return {
        "severity": severity,
        "raised": len(part),
        "answered": len(answered),
        "closed": int((part["state"] == "closed").sum()),
        "unreviewed": int((~part["answered"]).sum()),
        "escalated": int((part["escalated"] > 0).sum()),
        "median": f"{answered['hours'].median():.1f} h" if len(answered) else "–",
    }


def _day_title(facts: Facts) -> str:
    quiet = int((facts.days["events"] == 0).sum())
    if facts.events.empty:
        return "No event in the whole period"
    top = facts.days.loc[facts.days["events"].idxmax()]
    return (
        f"{len(facts.days) - quiet} of {len(facts.days)} days have events, at most {top['events']:,} "
        f"({top['date']:%Y-%m-%d}); {quiet} {'has' if quiet == 1 else 'have'} none"
    )


def _day_chart(facts: Facts) -> Markup:
    most = max(int(facts.days["events"].max()), 1)
    columns = [
        Column(f"{day.date:%Y-%m-%d}", day.events / most, "no event" if not day.events else f"{day.events:,}",
               warning=not day.events)
        for day in facts.days.itertuples()
    ]  # fmt: skip
    return column_chart(
        "days", _day_title(facts), columns, "a day without any event", f"events a day; full height {most:,}"
    )


def _roles(facts: Facts) -> pd.DataFrame:
    return facts.by_role.groupby("role")["events"].sum().sort_values(ascending=False).head(10).reset_index()


def _role_title(facts: Facts) -> str:
    roles = _roles(facts)
    if roles.empty:
        return "No access is recorded"
    share = roles["events"].iloc[0] / facts.by_role["events"].sum()
    return (
        f"Most accesses are by {str(roles['role'].iloc[0]).replace('_', ' ')}: {percent(float(share))} of all"
    )


def _role_chart(facts: Facts) -> Markup | None:
    roles = _roles(facts)
    if roles.empty:
        return None
    most, total = roles["events"].max(), facts.by_role["events"].sum()
    bars = [
        Bar(
            str(row.role).replace("_", " ")[:22], row.events / most,
            f"{row.events:,} ({percent(row.events / total)})", row.role == "(not recorded)",
        )
        for row in roles.itertuples()
    ]  # fmt: skip
    return bar_chart("roles", _role_title(facts), bars, "role not recorded")
