"""What changed between two reports: better, worse, new, gone, assessed or not, and what makes them unlike.

Reports of two different subjects are shown side by side: that one model is better than another is no
progress.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from secure_ai.assess.change import RULE, same_bar, same_thing, shown, way
from secure_ai.assess.earlier import Report, read_report, report_of, unnamed
from secure_ai.assess.risks import risks
from secure_ai.core import Finding, Level, Measurement, Outcome
from secure_ai.core.finding import LEVEL_ORDER
from secure_ai.govern.records.words import clean

__all__ = ["Change", "Comparison", "Report", "compare", "compare_reports", "read_report", "report_of"]

Kind = Literal[
    "worse", "mixed", "newly unassessed", "gone", "new", "newly assessed", "not comparable", "better",
    "unchanged", "unassessed", "side by side",
]  # fmt: skip
ORDER: tuple[Kind, ...] = (
    "worse", "mixed", "newly unassessed", "gone", "new", "newly assessed", "not comparable", "better",
    "unchanged", "unassessed", "side by side",
)  # fmt: skip
COLUMNS = ("change", "id", "risk", "before", "now", "level before", "level now", "why", "counts as worse")
# Parameters whose values may stand in a comparison: none of them can name a column, a person or a place.
SPEAKING = {
    "threshold", "sample", "seed", "engine", "rows", "queries", "repeats", "price_per_thousand",
    "decision_threshold", "labels_only", "trust_pickle", "whole", "redact",
}  # fmt: skip
# Whose change makes figures differ by chance or by another test, and not by another risk.
CHANCE = {"seed", "sample", "rows", "repeats"}
TESTS = {"families", "queries", "labels_only", "guards", "rules", "goal", "engine", "mitigated_guards"}
THRESHOLDS = {"threshold", "thresholds", "decision_threshold"}
NOT_ASKED = {"date", "previous", "subject", "sector", "out", "work"}


RULE_APART = (
    "The reports are of two different subjects. Their findings stand side by side: a difference between them "
    "is no progress of either. If it is one subject under two names, compare again with --same-subject."
)


@dataclass(frozen=True)
class Change:
    """What happened to one finding.

    Attributes:
        kind: of the change.
        old, new: the finding in either report; None where it is not there.
        why: in words.
    """

    kind: Kind
    old: Finding | None
    new: Finding | None
    why: str

    @property
    def finding(self) -> Finding:
        """The newer of the two."""
        found = self.new or self.old
        if found is None:
            raise ValueError("A change is of one finding at least.")
        return found

    @property
    def risk(self) -> str:
        """What is compared: the newer title, or the risk alone where two subjects have a title each."""
        known = risks().get(self.finding.id)
        return known.name if known and self.kind == "side by side" else self.finding.title

    @property
    def alarming(self) -> bool:
        """Whether it counts as worse.

        Worse and mixed do; so does what was measured and is not any more, and what is above its threshold
        now and was not known to be: silence is not safety in either direction.
        """
        above = self.new is not None and self.new.outcome is Outcome.EXCEEDS_THRESHOLD
        was_above = self.old is not None and self.old.outcome is Outcome.EXCEEDS_THRESHOLD
        if self.kind in {"worse", "mixed", "newly unassessed"}:
            return True
        if self.kind == "gone":
            return self.old is not None and self.old.outcome is not Outcome.UNASSESSED
        return self.kind in {"new", "newly assessed", "not comparable"} and above and not was_above


@dataclass(frozen=True)
class Comparison:
    """Two reports side by side.

    Attributes:
        unlike: sentences on what makes the reports unlike, first those that matter most: then a change may
            be that of the test and not of the risk.
        changes: of each finding, the worst first.
        apart: whether they are of two different subjects; then nothing counts as better or worse.
    """

    unlike: tuple[str, ...]
    changes: tuple[Change, ...]
    apart: bool = False

    @property
    def sides(self) -> tuple[str, str]:
        """What the two reports are called."""
        return ("first report", "second report") if self.apart else ("before", "now")

    @property
    def rule(self) -> str:
        """What counts as a change."""
        return RULE_APART if self.apart else RULE

    def of_kind(self, *kinds: Kind) -> tuple[Change, ...]:
        """Return the changes of some kinds."""
        return tuple(change for change in self.changes if change.kind in kinds)

    @property
    def changed(self) -> tuple[Change, ...]:
        """Everything but what stayed as it was."""
        same = {"unchanged", "unassessed", "side by side"}
        return tuple(one for one in self.changes if one.kind not in same)

    @property
    def worse(self) -> bool:
        """Whether anything counts as worse, see :attr:`Change.alarming`; a pipeline ends with 1 then."""
        return any(change.alarming for change in self.changes)

    def sentence(self) -> str:
        """Say how much changed, and whether the reports are alike."""
        if self.apart:
            return self._sentence_apart()
        counts = {kind: len(self.of_kind(kind)) for kind in ORDER}
        said = ", ".join(f"{number} {kind}" for kind, number in counts.items() if number)
        text = (
            f"{len(self.changes)} findings compared: {said}." if said else "There is no finding to compare."
        )
        if not self.changed and self.changes:
            text += " Nothing changed."
        if self.unlike:
            text += f" The reports are unlike in {len(self.unlike)} " + (
                "respect." if len(self.unlike) == 1 else "respects."
            )
        return text

    def _sentence_apart(self) -> str:
        both = sum(one.old is not None and one.new is not None for one in self.changes)
        first, second = (
            sum(other is None for other in others)
            for others in ([one.new for one in self.changes], [one.old for one in self.changes])
        )
        text = f"DIFFERENT SUBJECTS: nothing counts as better or worse. Side by side stand {both} findings"
        if first or second:
            text += f"; {first} more only in the first report, {second} more only in the second"
        return f"{text}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each finding; the columns are :data:`COLUMNS`."""
        rows = [
            (
                change.kind,
                change.finding.id,
                change.risk,
                figure_of(change.old),
                figure_of(change.new),
                change.old.level.value if change.old else "",
                change.new.level.value if change.new else "",
                change.why,
                change.alarming,
            )
            for change in self.changes
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values, ready for JSON."""
        return {
            "format": "secure-ai comparison 1",
            "rule": self.rule,
            "different subjects": self.apart,
            "sentence": self.sentence(),
            "worse": self.worse,
            "unlike": list(self.unlike),
            "changes": self.to_frame().to_dict("records"),
        }

    def to_markdown(self) -> str:
        """Return the comparison as Markdown; what the reports hold is escaped."""
        from secure_ai.assess.diff_text import markdown

        return markdown(self)

    def to_html(self) -> str:
        """Return the comparison as a fragment of HTML; what the reports hold is escaped."""
        from secure_ai.assess.diff_text import html

        return html(self)


def compare_reports(old: str | Path, new: str | Path, *, same_subject: bool = False) -> Comparison:
    """Compare two reports on disk.

    Args:
        old, new: folders of assessments, or their ``findings.json``.
        same_subject: see :func:`compare`.

    Raises:
        UserError: if one is missing, damaged, of something else or of a newer kit.
    """
    return compare(read_report(old), read_report(new), same_subject=same_subject)


def compare(old: Report, new: Report, *, same_subject: bool = False) -> Comparison:
    """Compare two reports that were read; see :data:`secure_ai.assess.change.RULE` for what counts.

    Args:
        old, new: the reports. Where both name their subject and the names differ, they are shown side by
            side, and nothing counts as better or worse.
        same_subject: they are of one subject in spite of two names, as after it was renamed.
    """
    before, now = ({one.id: one for one in report.findings} for report in (old, new))
    if not same_subject and _other_subject(old, new):
        beside = [_beside(before.get(name), now.get(name)) for name in {**now, **before}]
        beside.sort(
            key=lambda one: (min(_rank(two.level) for two in (one.old, one.new) if two), one.finding.id)
        )
        return Comparison(tuple(_unlike(old, new)), tuple(beside), apart=True)
    changes = [_change(before.get(name), now.get(name)) for name in {**now, **before}]
    changes.sort(key=lambda one: (ORDER.index(one.kind), _rank(one.finding.level), one.finding.id))
    return Comparison(tuple(_unlike(old, new)), tuple(changes))


def _name(report: Report) -> str:
    """Return the name of a report's subject; empty where nobody named it."""
    return "" if report.subject == unnamed(report.sector) else report.subject


def _other_subject(old: Report, new: Report) -> bool:
    first, second = (" ".join(_name(one).casefold().split()) for one in (old, new))
    return bool(first and second) and first != second


def _beside(old: Finding | None, new: Finding | None) -> Change:
    """Return two subjects' findings of one risk: what each says, without a judgment on the difference."""
    if old is None or new is None:
        only = "only in the first report" if new is None else "only in the second report"
        return Change("side by side", old, new, only)
    first, second = old.measurement, new.measurement
    if not isinstance(first, Measurement) and not isinstance(second, Measurement):
        return Change("side by side", old, new, "not assessed in either report")
    why = f"{_level(old)} in the first report; {_level(new)} in the second"
    if isinstance(first, Measurement) and isinstance(second, Measurement) and not same_thing(first, second):
        why += f"; another figure is measured ({first.name}; {second.name})"
    return Change("side by side", old, new, why)


def _change(old: Finding | None, new: Finding | None) -> Change:
    if old is None and new is not None:
        if new.outcome is Outcome.UNASSESSED:
            return Change("new", old, new, "not in the earlier report; not assessed here")
        return Change("new", old, new, f"not in the earlier report; {_level(new)} here")
    if new is None and old is not None:
        return Change("gone", old, new, "not in the newer report, which says nothing of it")
    if old is None or new is None:
        raise ValueError("A change is of one finding at least.")
    first, second = old.measurement, new.measurement
    if not isinstance(first, Measurement):
        if not isinstance(second, Measurement):
            return Change("unassessed", old, new, f"never assessed: {_reason(second.reason)}")
        return Change("newly assessed", old, new, f"nobody knew before; {_level(new)} now")
    if not isinstance(second, Measurement):
        why = f"was {_level(old)}; not assessed any more: {_reason(second.reason)}"
        return Change("newly unassessed", old, new, why)
    if not same_thing(first, second):
        why = f"another figure is measured ({first.name} before, {second.name} now); {_levels(old, new)}"
        return Change("not comparable", old, new, why)
    return _measured_twice(old, new, first, second)


def _measured_twice(old: Finding, new: Finding, first: Measurement, second: Measurement) -> Change:
    told = way(old.id, first, second)
    moved = _rank(old.level) - _rank(new.level)  # above 0 where the level rose
    flipped = (new.outcome is Outcome.EXCEEDS_THRESHOLD) - (old.outcome is Outcome.EXCEEDS_THRESHOLD)
    notes = [] if first.method == second.method else ["measured by another method or over other records"]
    if not same_bar(old, new):
        # Level and outcome moved with the bar: only the figure tells of the risk.
        moved = flipped = 0
        notes.insert(
            0,
            f"the threshold is another ({_limit(old)} before, {_limit(new)} now), so only the figure counts",
        )
    ways = {told} | {"worse" if sign > 0 else "better" for sign in (moved, flipped) if sign}
    ways.discard("same")
    figures = {
        "same": "the figures are not told apart by their intervals",
        "better": "the figure got better",
        "worse": "the figure got worse",
    }[told]
    why = "; ".join((figures, _levels(old, new), *notes))
    kind: Kind = "unchanged"
    if ways == {"better", "worse"}:
        kind = "mixed"
    elif "worse" in ways:
        kind = "worse"
    elif "better" in ways:
        kind = "better"
    return Change(kind, old, new, why)


def _unlike(old: Report, new: Report) -> list[str]:
    """Return what makes two reports unlike, what matters most first."""
    said = []
    for what, one, other in (
        ("subject", _name(old), _name(new)),
        ("sector", old.sector, new.sector),
        ("version of the kit", old.kit, new.kit),
    ):
        if what == "subject" and not one and not other:
            said.append("Neither report names its subject: whether both are of one system is not known.")
        elif not (one and other) and one != other:
            said.append(f"Whether both are of the same {what} is not known: one report does not say.")
        elif " ".join(one.casefold().split()) != " ".join(other.casefold().split()):
            said.append(
                f"They are of different subjects: {one}; {other}."
                if what == "subject"
                else f"They are of another {what}: {one} before, {other} now."
            )
    bars = sorted(_moved_bars(old, new))
    if bars:
        said.append(
            f"The threshold is another for {', '.join(bars)}: a moved bar is neither better nor worse."
        )
    if not old.parameters or not new.parameters:
        if old.parameters != new.parameters:
            said.append("One report has no manifest: whether both were asked for the same is not known.")
        return said
    changed = {
        name for name in {*old.parameters, *new.parameters} - NOT_ASKED
        if _plain(old.parameters.get(name)) != _plain(new.parameters.get(name))
    }  # fmt: skip
    groups = (
        (changed & THRESHOLDS, "Thresholds were set otherwise"),
        (changed & TESTS, "The tests are others, so figures may differ for that alone"),
        (changed & CHANCE, "Seed or sample differ, so figures differ by chance"),
        (changed - THRESHOLDS - TESTS - CHANCE, "Other parameters differ"),
    )
    said += [
        f"{words}: {', '.join(_parameter(name, old.parameters, new.parameters) for name in sorted(names))}."
        for names, words in groups
        if names
    ]
    return said


def _moved_bars(old: Report, new: Report) -> set[str]:
    before = {one.id: one for one in old.findings if isinstance(one.measurement, Measurement)}
    return {
        one.id
        for one in new.findings
        if isinstance(one.measurement, Measurement) and one.id in before and not same_bar(before[one.id], one)
    }


def _parameter(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    shown_name = clean(str(name))[:40]
    if name not in SPEAKING:
        return shown_name
    one, other = (clean(str(side.get(name, "not stated")))[:20] for side in (old, new))
    return f"{shown_name} ({one} before, {other} now)"


def _plain(value: object) -> object:
    """Return a value so that what was left out equals what is empty."""
    return None if value in (None, "", [], {}, ()) else value


def _rank(level: Level) -> int:
    """Return a place that is small for a bad level."""
    return -LEVEL_ORDER.index(level) if level in LEVEL_ORDER else 1


def _level(finding: Finding) -> str:
    if finding.outcome is Outcome.UNASSESSED:
        return "not assessed"
    return f"{finding.level.value}, {finding.outcome.value.replace('_', ' ')}"


def _levels(old: Finding, new: Finding) -> str:
    if (old.level, old.outcome) == (new.level, new.outcome):
        return f"{_level(new)} as before"
    return f"{_level(old)} before, {_level(new)} now"


def _limit(finding: Finding) -> str:
    return "none" if finding.threshold is None else f"{finding.threshold:g}"


def _reason(text: str) -> str:
    return clean(text).rstrip(".")


def figure_of(finding: Finding | None) -> str:
    """Return what a finding measured, with its interval, in words."""
    if finding is None:
        return "not there"
    return shown(finding.measurement) if isinstance(finding.measurement, Measurement) else "not assessed"
