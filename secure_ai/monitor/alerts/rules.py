"""Small rules over alerts: the group of a target, the combined severity, and when something is due."""

from __future__ import annotations

import re
from collections.abc import Iterable

from secure_ai.monitor.alerts.alert import Alert
from secure_ai.monitor.alerts.policy import AlertPolicy, Combination, Step
from secure_ai.monitor.detection.result import SEVERITIES, Severity

_LEADING = re.compile(r"[A-Za-z]+")


def target_group(target: str, by: str) -> str:
    """Return what sort of thing a target is: its leading letters, or itself where ``by`` is ``exact``.

    >>> target_group("P-00031", "leading"), target_group("internal:bi", "leading")
    ('P', 'internal')
    """
    found = _LEADING.match(target)
    return target if by == "exact" or not found else found.group()


def worst(severities: Iterable[Severity]) -> Severity:
    """Return the worst of some severities."""
    return max(severities, key=SEVERITIES.index)


def combined_severity(
    base: Severity, rules: Combination, *, count: int, prominent: bool, families: int, kind: str
) -> tuple[Severity, tuple[str, ...]]:
    """Return the severity after the combination rules, and which of them raised it.

    Args:
        base: the worst that a detector said.
        rules: of the policy.
        count: detections of this alert.
        prominent: whether one of its targets is prominent.
        families: different families of alerts of this actor.
        kind: of the alert; some kinds say already that the target is prominent.
    """
    held = {
        "repeated": count >= rules.repeated_at_least,
        "prominent target": prominent and kind not in rules.prominent_not_for,
        "several families": families >= rules.families_at_least,
    }
    place, top = SEVERITIES.index(base), len(SEVERITIES) - 1
    raising = [name for name, holds in held.items() if holds][: min(rules.most_steps, top - place)]
    return SEVERITIES[place + len(raising)], tuple(raising)


def steps_left(alert: Alert, policy: AlertPolicy) -> tuple[Step, ...]:
    """Return the escalations that may still come for an alert, in order."""
    if alert.status not in ("open", "acknowledged"):
        return ()
    return tuple(
        step
        for step in policy.escalation[alert.severity]
        if step.to not in alert.escalated and (alert.status == "open" or step.until == "closed")
    )


def next_due(alert: Alert, policy: AlertPolicy) -> float | None:
    """Return when something is due for an alert, in seconds that never run backwards; None if nothing is."""
    if alert.status not in ("open", "acknowledged") or alert.storm:
        return None  # The storm's own deadlines speak for the alerts in it.
    if alert.snoozed_until is not None:
        return alert.snoozed_until
    left = steps_left(alert, policy)
    return alert.due_from + left[0].after_minutes * 60 if left else None
