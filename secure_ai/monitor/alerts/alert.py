"""An alert: what somebody must look at, made of one or many detections, and what has been done about it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from secure_ai.monitor.detection.result import Severity

Status = Literal["open", "acknowledged", "suppressed", "closed"]
Verdict = Literal["true", "false", "benign-explained"]
VERDICTS: tuple[Verdict, ...] = ("true", "false", "benign-explained")
STORM = "alert_storm"
DESK = "alert-desk"


@dataclass(frozen=True, slots=True)
class Why:
    """The name of a rule or feature, what was seen and what is usual (three significant digits)."""

    name: str
    value: float | None = None
    usual: float | None = None

    def words(self) -> str:
        """Return the reason as a phrase."""
        text = self.name.replace("_", " ")
        if self.value is None:
            return text
        return f"{text} {self.value:g}" + (f", usually {self.usual:g}" if self.usual is not None else "")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. Every text in it is an identifier, the name of a rule or a time.

    Attributes:
        alert_id: such as ``"A-000012"``.
        case_id: groups the alerts of one actor, such as ``"C-000003"``; empty for a storm.
        fingerprint: of actor, kind and group of targets; a detection with the same one is the same alert.
        family: of the detector.
        kind: what it looks like.
        actor: whose doing.
        target: the first target; ``targets`` says how many there are.
        target_group: what sort of target, part of the fingerprint.
        severity: after the combination rules.
        base_severity: the worst that a detector said.
        raised_by: the combination rules that raised it.
        score: the highest of its detections, None if none had a number.
        why: the reasons of the detection with the highest score.
        events: identifiers of the first 20 events; ``event_count`` says how many there are.
        event_count: events named by its detections.
        count: detections; for a storm: alerts that it stands for.
        targets: different targets.
        first_seen: time of its earliest detection, UTC, ISO 8601.
        last_seen: time of its latest.
        raised_at: when the desk raised it, by the desk's clock.
        raised_elapsed: the same in seconds that never run backwards.
        due_from: from when its deadlines count, in those seconds; later than raised if severity rose.
        status: open, acknowledged, suppressed or closed.
        escalated: roles that it was escalated to, in order.
        snoozed_until: in seconds that never run backwards; None if it is not snoozed.
        suppression: which suppression holds it back, such as ``"S-0001"``.
        storm: the storm alert that speaks for it.
        storm_over: for a storm, that it is over.
        acknowledged_by: who.
        acknowledged_elapsed: when.
        closed_by: who.
        closed_elapsed: when.
        verdict: true, false or benign-explained, once closed.
    """

    alert_id: str
    case_id: str
    fingerprint: str
    family: str
    kind: str
    actor: str
    target: str
    target_group: str
    severity: Severity
    base_severity: Severity
    raised_by: tuple[str, ...]
    score: float | None
    why: tuple[Why, ...]
    events: tuple[str, ...]
    event_count: int
    count: int
    targets: int
    first_seen: str
    last_seen: str
    raised_at: str
    raised_elapsed: float
    due_from: float
    status: Status = "open"
    escalated: tuple[str, ...] = ()
    snoozed_until: float | None = None
    suppression: str = ""
    storm: str = ""
    storm_over: bool = False
    acknowledged_by: str = ""
    acknowledged_elapsed: float | None = None
    closed_by: str = ""
    closed_elapsed: float | None = None
    verdict: Verdict | Literal[""] = ""

    def sentence(self) -> str:
        """Return the alert in one sentence."""
        state = self.status if self.status != "closed" else f"closed as {self.verdict}"
        if self.kind == STORM:
            return f"{self.alert_id} ({self.severity}, {state}): a storm of {self.count:,} alerts in one."
        times = "once" if self.count == 1 else f"{self.count:,} times"
        where = self.target if self.targets == 1 else f"{self.target} and {self.targets - 1:,} more"
        why = "; ".join(reason.words() for reason in self.why)
        raised = f"; raised by: {', '.join(self.raised_by)}" if self.raised_by else ""
        return (
            f"{self.alert_id} ({self.severity}, {state}): {self.kind.replace('_', ' ')} by {self.actor} on "
            f"{where}, {times}{f' ({why})' if why else ''}{raised}."
        )

    def to_json(self) -> str:
        """Return the alert as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Alert:
        """Return the alert that :meth:`to_json` wrote.

        Raises:
            ValueError: if it is another thing.
        """
        content: dict[str, Any] = json.loads(text)
        if not isinstance(content, dict) or set(content) != {field.name for field in fields(cls)}:
            raise ValueError("no alert")
        for name in ("raised_by", "events", "escalated"):
            content[name] = tuple(content[name])
        content["why"] = tuple(Why(**reason) for reason in content["why"])
        return cls(**content)


def counted(count: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun.

    >>> counted(1, "alert"), counted(2000, "alert")
    ('1 alert', '2,000 alerts')
    """
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def fingerprint(actor: str, kind: str, target_group: str) -> str:
    """Return the fingerprint of an alert: the same for the same actor, kind and group of targets."""
    return hashlib.sha256(json.dumps([actor, kind, target_group]).encode()).hexdigest()[:16]
