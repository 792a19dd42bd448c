"""What to upgrade to, and by when: the smallest step that leaves every advisory behind, due by severity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.defend.dependencies.advisories import Affects
from secure_ai.defend.dependencies.bill_of_materials import Bill
from secure_ai.defend.dependencies.comparison import DependencyCheck, Match
from secure_ai.defend.dependencies.severity import Severity
from secure_ai.defend.dependencies.versions import compare_versions, version_key


@dataclass(frozen=True)
class PatchPolicy:
    """Within how many days of its detection a flaw is patched.

    The first two are those of CISA's Binding Operational Directive 19-02 for systems that face the internet;
    those for medium and low are for an organization to set. One whose severity is not stated is
    treated as high until somebody has read it.

    Raises:
        UserError: if a number is not positive, or a lighter flaw is due before a more severe one.
    """

    critical: int = 15
    high: int = 30
    medium: int = 90
    low: int = 180

    def __post_init__(self) -> None:
        days = (self.critical, self.high, self.medium, self.low)
        if min(days) < 1 or list(days) != sorted(days):
            raise UserError("The days of a patch policy are positive and grow from critical to low.")

    def days(self, severity: Severity) -> int:
        """Return the days for a severity."""
        return {
            Severity.CRITICAL: self.critical,
            Severity.HIGH: self.high,
            Severity.UNKNOWN: self.high,
            Severity.MEDIUM: self.medium,
            Severity.LOW: self.low,
        }[severity]


@dataclass(frozen=True)
class Upgrade:
    """One package to upgrade.

    Attributes:
        package: its name.
        ecosystem: where it comes from.
        version: that is installed.
        to: the lowest fixed version that no advisory of the file affects; None if there is none.
        step: patch, minor or major: how much may change with it; "" without a fix.
        answers: the advisories that it leaves behind.
        severity: the worst of them.
        because_of: why the package is there.
    """

    package: str
    ecosystem: str
    version: str
    to: str | None
    step: str
    answers: tuple[str, ...]
    severity: Severity
    because_of: tuple[str, ...] = field(default=())


def plan_upgrades(check: DependencyCheck) -> list[Upgrade]:
    """Return what to upgrade, the most severe first."""
    by_component: dict[str, list[Match]] = {}
    for one in check.affected:
        by_component.setdefault(one.component.ref, []).append(one)
    plan = []
    for matches in by_component.values():
        component = matches[0].component
        ecosystem = str(component.ecosystem)
        to = _lowest_clean(check, matches)
        plan.append(
            Upgrade(
                package=component.name,
                ecosystem=ecosystem,
                version=component.version,
                to=to,
                step=_step(ecosystem, component.version, to) if to else "",
                answers=tuple(one.advisory for one in matches),
                severity=max((one.severity for one in matches), key=_urgency),
                because_of=matches[0].path[:-1],
            )
        )
    return sorted(plan, key=lambda one: (-_urgency(one.severity), one.package))


def patch_schedule(
    check: DependencyCheck,
    *,
    policy: PatchPolicy | None = None,
    first_seen: Mapping[str, date] | None = None,
) -> pd.DataFrame:
    """Return by when each upgrade is due.

    Args:
        check: what was found.
        policy: days by severity.
        first_seen: advisory → the day on which it was first found here; by default the day of the check.

    Returns:
        package, version, to, step, severity, advisories, due (ISO 8601), overdue, what_to_do; by day.
    """
    policy, seen = policy or PatchPolicy(), first_seen or {}
    urgency = {one.advisory: one.severity for one in check.affected}
    rows = []
    for one in plan_upgrades(check):
        due = min(
            seen.get(name, check.as_of) + timedelta(days=policy.days(urgency[name])) for name in one.answers
        )
        rows.append(
            {
                "package": one.package,
                "version": one.version,
                "to": one.to or "no fix is known",
                "step": one.step,
                "severity": one.severity.word,
                "advisories": ", ".join(one.answers),
                "due": due.isoformat(),
                "overdue": due < check.as_of,
                "what_to_do": _what_to_do(one),
            }
        )
    columns = ["package", "version", "to", "step", "severity", "advisories", "due", "overdue", "what_to_do"]
    return pd.DataFrame(rows, columns=columns).sort_values(["due", "package"], ignore_index=True)


def constraints(plan: list[Upgrade]) -> str:
    """Return the plan as a constraints file for pip or uv: compile the lock again with it.

    A lock with hashes is not edited by hand: a version without its hash would not install, nor should it.
    """
    lines = [
        f"{one.package}>={one.to}  # was {one.version}: {', '.join(one.answers)}"
        for one in plan
        if one.to and one.ecosystem == "PyPI"
    ]
    return "".join(f"{line}\n" for line in sorted(lines))


def upgraded(bill: Bill, plan: list[Upgrade]) -> Bill:
    """Return ``bill`` as it would be after the plan; its document stays that of the present."""
    to = {(one.package, one.version): one.to for one in plan if one.to}
    components = tuple(
        replace(one, version=to.get((one.name, one.version)) or one.version) for one in bill.components
    )
    return Bill(f"{bill.label} after the plan", components, bill.requires, bill.document)


def _lowest_clean(check: DependencyCheck, matches: list[Match]) -> str | None:
    component = matches[0].component
    ecosystem, name = str(component.ecosystem), component.name
    about = [one for group in check.advisories.groups(ecosystem, name) for one in group]
    fixes = {version for one in about for version in one.fixed_versions(ecosystem, name)}
    later = [version for version in fixes if compare_versions(ecosystem, version, component.version) > 0]
    # A fix of one flaw may lie in the range of another.
    return next(
        (
            version
            for version in sorted(later, key=lambda version: version_key(ecosystem, version))
            if all(one.affects(ecosystem, name, version) is Affects.NO for one in about)
        ),
        None,
    )


def _step(ecosystem: str, version: str, to: str) -> str:
    before, after = _numbers(ecosystem, version), _numbers(ecosystem, to)
    if before[0] != after[0]:
        return "major"
    return "minor" if before[1] != after[1] else "patch"


def _numbers(ecosystem: str, version: str) -> tuple[int, int]:
    key = version_key(ecosystem, version)
    release = key.release if ecosystem == "PyPI" else key
    return release[0], release[1] if len(release) > 1 else 0


def _urgency(severity: Severity) -> float:
    # Not stated comes after high and before medium.
    return 2.5 if severity is Severity.UNKNOWN else float(severity)


def _what_to_do(one: Upgrade) -> str:
    if one.to is None:
        return "No fixed version is known: take the package out, or state why it does not matter here."
    through = f" (it came with {one.because_of[-1]})" if one.because_of else ""
    caution = ", and read what a major step changes" if one.step == "major" else ""
    return f"Upgrade to {one.to} or later{through}{caution}."
