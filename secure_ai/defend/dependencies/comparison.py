"""A bill of materials compared with advisories: what is affected, what is answered, what cannot be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from secure_ai.core.measurement import Measurement, Unassessed
from secure_ai.defend.dependencies.advisories import Advisory, AdvisoryFile, Affects
from secure_ai.defend.dependencies.bill_of_materials import Bill, Component
from secure_ai.defend.dependencies.severity import Severity
from secure_ai.defend.dependencies.statements import Statement

AFFECTED, ANSWERED, UNCLEAR = "affected", "not affected because", "cannot be compared"
# An advisory file that is older than this says little about a package released since.
OLD_AFTER_DAYS = 30


@dataclass(frozen=True)
class Match:
    """One component and one advisory about its version.

    Attributes:
        component: what is installed.
        advisory: the first of its names in the file.
        names: all its names: ids and aliases.
        title: one line about it.
        severity: the worst that any source of it states.
        score: the highest CVSS base score stated; None if none is.
        status: affected; not affected because (of a statement); cannot be compared.
        reason: the statement, or why one does not count.
        fixed: versions in which it is fixed, from low to high.
        path: why the component is there.
        statement: the statement that answers it.
    """

    component: Component
    advisory: str
    names: tuple[str, ...]
    title: str
    severity: Severity
    score: float | None
    status: str
    reason: str
    fixed: tuple[str, ...]
    path: tuple[str, ...]
    statement: Statement | None = None


@dataclass(frozen=True)
class DependencyCheck:
    """What a comparison found.

    Attributes:
        bill: the bill of materials.
        advisories: what it was compared with.
        as_of: the day for which it holds.
        matches: affected first, the most severe first.
        not_compared: components that no advisory of the file can be about (another ecosystem, no version).
        unused: statements that answer nothing that was found.
        statements: all that were given.
    """

    bill: Bill
    advisories: AdvisoryFile
    as_of: date
    matches: tuple[Match, ...]
    not_compared: tuple[Component, ...]
    unused: tuple[Statement, ...]
    statements: tuple[Statement, ...] = ()

    @property
    def affected(self) -> tuple[Match, ...]:
        """What must be acted on."""
        return tuple(one for one in self.matches if one.status == AFFECTED)

    @property
    def compared(self) -> int:
        """How many components were compared."""
        return len(self.bill.components) - len(self.not_compared)

    @property
    def days_old(self) -> int:
        """Days from the newest change in the advisories to the day of the comparison."""
        return (self.as_of - date.fromisoformat(self.advisories.newest)).days

    def to_frame(self) -> pd.DataFrame:
        """Return the matches, one row each, with what fixes them and why the package is there."""
        columns = [
            "package",
            "version",
            "advisory",
            "severity",
            "score",
            "status",
            "fixed_in",
            "because_of",
            "reason",
            "title",
        ]
        rows = [
            (
                one.component.name,
                one.component.version,
                one.advisory,
                one.severity.word,
                one.score,
                one.status,
                ", ".join(one.fixed) or "none",
                " > ".join(one.path[:-1]),
                one.reason,
                one.title,
            )
            for one in self.matches
        ]
        return pd.DataFrame(rows, columns=columns)

    def sentence(self) -> str:
        """Say in plain words what was found, and how far the advisories reach."""
        packages = {one.component.ref for one in self.affected}
        found = f"{_plural(len(packages), 'component')} of {self.compared:,} compared"
        worst = Counter(one.severity for one in self.affected)
        if packages:
            levels = ", ".join(f"{worst[level]} {level.word}" for level in sorted(worst, reverse=True))
            found += f": {_plural(len(self.affected), 'advisory', 'advisories')} ({levels})"
        counts = Counter(one.status for one in self.matches)
        more = [
            f"{counts[status]} {words}"
            for status, words in ((ANSWERED, "answered by a statement"), (UNCLEAR, "cannot be compared"))
            if counts[status]
        ]
        more += [f"{_plural(len(self.not_compared), 'component')} not compared"] if self.not_compared else []
        limits = f"{len(self.advisories.advisories):,} advisories, the newest of {self.advisories.newest}"
        if self.advisories.is_sample:
            limits += "; a sample for the lesson, far from complete"
        elif self.days_old > OLD_AFTER_DAYS:
            limits += f"; {self.days_old} days old, so refresh them"
        return f"Affected: {found}{'; ' if more else ''}{', '.join(more)}. Known to the file: {limits}."

    def measurements(self) -> list[Measurement] | Unassessed:
        """Return how many components are affected; unassessed with a sample, or if nothing could be compared.

        The control is the same count after every fix that the advisories name, the baseline the count
        before any statement is believed.
        """
        from secure_ai.defend.dependencies.patching import plan_upgrades, upgraded

        if self.advisories.is_sample:
            return Unassessed("The advisories are the sample of the lesson: refresh them from osv.dev first.")
        if not self.compared:
            return Unassessed("No component belongs to an ecosystem that the advisories are about.")
        if self.days_old > OLD_AFTER_DAYS:
            return Unassessed(f"The newest advisory is {self.days_old} days old: refresh the file first.")
        value = float(len({one.component.ref for one in self.affected}))
        believed = float(len({one.component.ref for one in self.matches if one.status != UNCLEAR}))
        planned = upgraded(self.bill, plan_upgrades(self))
        after = check_dependencies(planned, self.advisories, as_of=self.as_of, statements=self.statements)
        control = float(len({one.component.ref for one in after.affected}))
        newest = f"{len(self.advisories.advisories):,} advisories, newest {self.advisories.newest}"
        return [
            Measurement(
                name="vulnerable_components",
                value=value,
                unit="components",
                n=self.compared,
                baseline=believed,
                control=control,
                interval=(value, value),
                method=f"versions of a CycloneDX bill of materials compared with {newest}",
                source="OSV schema 1.7; CycloneDX 1.6",
            )
        ]


def check_dependencies(
    bill: Bill, advisories: AdvisoryFile, *, as_of: date, statements: Sequence[Statement] = ()
) -> DependencyCheck:
    """Compare every component of ``bill`` with every advisory about it.

    Args:
        bill: what is installed.
        advisories: what is known.
        as_of: the day for which statements must still count.
        statements: which advisories do not matter here, and why.
    """
    known = set(advisories.ecosystems)
    compared = [one for one in bill.components if one.version and one.ecosystem in known]
    matches, used = [], set()
    for component in compared:
        for group in advisories.groups(str(component.ecosystem), component.name):
            found = _match(bill, component, group)
            if found is None:
                continue
            found = _answered(found, statements, as_of)
            used |= {id(one) for one in statements if one.is_about(found.names, component.name)}
            matches.append(found)
    order = {AFFECTED: 0, UNCLEAR: 1, ANSWERED: 2}
    matches.sort(
        key=lambda one: (
            order[one.status],
            -one.severity,
            -(one.score or 0),
            one.component.name,
            one.advisory,
        )
    )
    there = {one.ref for one in compared}
    rest = tuple(one for one in bill.components if one.ref not in there)
    unused = tuple(one for one in statements if id(one) not in used)
    return DependencyCheck(bill, advisories, as_of, tuple(matches), rest, unused, tuple(statements))


def _match(bill: Bill, component: Component, group: tuple[Advisory, ...]) -> Match | None:
    ecosystem, name, version = str(component.ecosystem), component.name, component.version
    answers = {one.id: one.affects(ecosystem, name, version) for one in group}
    if not set(answers.values()) & {Affects.YES, Affects.UNKNOWN}:
        return None
    affected = Affects.YES in answers.values()
    # Only those that say so count for severity and fix, where sources of one flaw disagree.
    telling = [one for one in group if answers[one.id] is (Affects.YES if affected else Affects.UNKNOWN)]
    severities = [one.severity_for(ecosystem, name) for one in group]
    fixed = max((one.fixed_versions(ecosystem, name) for one in telling), key=len)
    return Match(
        component=component,
        advisory=telling[0].id,
        names=tuple(dict.fromkeys(alias for one in group for alias in (one.id, *one.aliases))),
        title=next((one.title for one in telling if one.title), ""),
        severity=max(severity for severity, _ in severities),
        score=max((score for _, score in severities if score is not None), default=None),
        status=AFFECTED if affected else UNCLEAR,
        reason="" if affected else "the version cannot be put in order with those of the advisory",
        fixed=tuple(fixed),
        path=bill.path_to(component),
    )


def _answered(found: Match, statements: Iterable[Statement], as_of: date) -> Match:
    if found.status != AFFECTED:
        return found
    why = []
    for one in statements:
        if not one.is_about(found.names, found.component.name):
            continue
        lapsed = one.lapsed(found.component.version, as_of)
        if not lapsed:
            words = one.justification.replace("_", " ")
            return replace(found, status=ANSWERED, reason=f"{words}: {one.reason}", statement=one)
        why.append(lapsed)
    return replace(found, reason="; ".join(why))


def _plural(count: int, noun: str, many: str = "") -> str:
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
