"""Before and after: every risk that was measured again on the mitigated version, and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from secure_ai.assess.change import RULE, beyond, relative, same_bar, same_thing, shown, way
from secure_ai.assess.risks import bad_side
from secure_ai.assess.section import Drawing, Section, Table, Text, blocks
from secure_ai.core import Finding, Level, Measurement, Unassessed
from secure_ai.core.figures import GUIDE, RISK, SCORE
from secure_ai.core.finding import LEVEL_ORDER

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ID = "treatment.before_after"
TITLE = "Before and after mitigation"
Effect = Literal["better", "worse", "same", "unassessed", "not comparable", "new"]
WORDS: dict[Effect, str] = {
    "better": "better",
    "worse": "WORSE",
    "same": "not told apart",
    "unassessed": "unassessed",
    "not comparable": "not comparable",
    "new": "found only after mitigation",
}
ORDER: tuple[Effect, ...] = ("worse", "new", "unassessed", "not comparable", "same", "better")
# More would not be read in one drawing; the table beside it holds all.
MOST_DRAWN = 24


@dataclass(frozen=True)
class Again:
    """One risk, measured twice.

    Attributes:
        before: as it is; None if the risk was found only after mitigation.
        after: measured on the mitigated version.
        effect: what the mitigation did, as far as the measurements tell.
        words: the same as sentences, for the finding's residual risk.
    """

    before: Finding | None
    after: Finding
    effect: Effect
    words: str


def measure_again(findings: Sequence[Finding], mitigated: Mapping[str, Finding]) -> list[Again]:
    """Compare each finding with its second measurement; what got worse comes first."""
    known = {finding.id for finding in findings}
    pairs = [_again(finding, mitigated[finding.id]) for finding in findings if finding.id in mitigated]
    pairs += [
        Again(None, finding, "new", f"Found only after mitigation: {finding.level.value}.")
        for name, finding in mitigated.items()
        if name not in known and isinstance(finding.measurement, Measurement)
    ]
    return sorted(pairs, key=lambda one: ORDER.index(one.effect))


def with_residual(findings: Sequence[Finding], again: Sequence[Again]) -> list[Finding]:
    """Return the findings with their second measurement, its level and what is left in words."""
    by_id = {one.before.id: one for one in again if one.before is not None}
    treated = []
    for finding in findings:
        one, update = by_id.get(finding.id), {}
        if one is not None:
            update = {
                "after": one.after.measurement,
                "after_threshold": one.after.threshold,
                "residual_level": one.after.level,
                "residual": one.words,
            }
        elif again and isinstance(finding.measurement, Measurement):
            update = {"residual": f"Not measured again: counts as before, {finding.level.value}."}
        treated.append(finding.model_copy(update=update))
    return treated


def before_after_section(again: Sequence[Again]) -> Section | None:
    """Return the section with table and drawing; None where nothing was measured again."""
    if not again:
        return None
    counts = {effect: sum(one.effect == effect for one in again) for effect in ORDER}
    bad = [one for one in again if one.effect in {"worse", "new"}]
    warning = [
        Text(text="WORSE AFTER MITIGATION: do not put the mitigated version into use before this is settled.")
    ]
    warning += [Text(text=f"{one.after.title}: {one.words}") for one in bad]
    gaps = [one for one in again if one.effect == "unassessed"]
    open_text = (
        f"{len(gaps)} of {len(again)} could not be compared, because one of the two sides was not measured: "
        "nothing measured is not nothing found."
    )
    return Section(
        id=ID,
        title=TITLE,
        summary=_summary(counts, len(again)),
        assessed=f"the mitigated version, measured again for {_risks(len(again))}",
        blocks=blocks(
            warning if bad else None,
            Text(text=f"{RULE} What words say of a mitigation reduces nothing here."),
            Text(text=open_text) if gaps else None,
            _table(again),
            _drawing(again),
        ),
        facts={
            "measured_again": len(again),
            **{effect.replace(" ", "_"): counts[effect] for effect in ORDER},
        },
    )


def _again(before: Finding, after: Finding) -> Again:
    first, second = before.measurement, after.measurement
    level = f"{before.level.value} before, {after.level.value} after"
    if isinstance(second, Unassessed):
        why = second.reason.rstrip(".")
        counts = f"; it counts as before, {before.level.value}" if isinstance(first, Measurement) else ""
        return Again(before, after, "unassessed", f"Not assessed after mitigation ({why}){counts}.")
    if isinstance(first, Unassessed):
        return Again(
            before, after, "unassessed",
            f"{after.level.value} after mitigation: {shown(second)}; what changed cannot be told, because "
            "nothing was measured before.",
        )  # fmt: skip
    if not same_thing(first, second):
        return Again(
            before, after, "not comparable",
            f"Two different figures ({first.name} and {second.name}) are not compared; level {level}.",
        )  # fmt: skip
    return _compared(before, after, first, second, level)


def _compared(before: Finding, after: Finding, first: Measurement, second: Measurement, level: str) -> Again:
    figures = f"{shown(first)} before, {shown(second)} after"
    told = way(before.id, first, second)
    rank = LEVEL_ORDER.index(after.level) - LEVEL_ORDER.index(before.level)
    moved = f"level {level}" if rank else f"level {after.level.value} as before"
    moved_bar = " The two thresholds differ: a moved bar reduces no risk."
    bar = "" if same_bar(before, after) else moved_bar
    if relative(before.id, first):
        above = f"{_beyond(before, first)} before, {_beyond(after, second)} after"
        figures += f"; beyond the baseline of each, by which they are compared, {above}"
    # Either one that worsened is enough: a lower figure does not make up for a higher level.
    if told == "worse" or (rank > 0 and not bar):
        doubt = ", though the intervals overlap" if told == "same" else ""
        return Again(before, after, "worse", f"WORSE: {figures}; {moved}{doubt}.{bar}")
    if told == "better":
        return Again(before, after, "better", f"Better: {figures}; {moved}.{bar}")
    if first == second or (first.value == second.value and first.interval == second.interval):
        return Again(before, after, "same", f"The same: {figures}; {moved}.{bar}")
    words = f"Not told apart by the 95 % intervals: {figures}; {moved}"
    doubt = ", which may be chance: measure more before you rely on it" if rank else ""
    return Again(before, after, "same", f"{words}{doubt}.{bar}")


def _beyond(finding: Finding, measured: Measurement) -> str:
    return shown(beyond(finding.id, measured))


def _summary(counts: Mapping[Effect, int], total: int) -> str:
    parts = [f"{number} {WORDS[effect]}" for effect, number in counts.items() if number]
    return f"{_risks(total)} measured again after mitigation: {', '.join(parts)}"


def _risks(number: int) -> str:
    return f"{number} {'risk' if number == 1 else 'risks'}"


def _table(again: Sequence[Again]) -> Table:
    rows = []
    for one in again:
        before = None if one.before is None else one.before.measurement
        rows.append(
            (
                WORDS[one.effect],
                one.after.title if one.before is None else one.before.title,
                _cell(before),
                _cell(one.after.measurement),
                (one.after if one.before is None else one.before).threshold,
                "" if one.before is None else one.before.level.value,
                one.after.level.value,
            )
        )
    return Table(
        title="Each risk before and after mitigation, with its 95 % interval; what got worse comes first",
        columns=("effect", "risk", "before", "after", "threshold", "level before", "level after"),
        formats=("text", "text", "text", "text", "figure", "text", "text"),
        rows=tuple(rows),
    )


def _cell(measured: Measurement | Unassessed | None) -> str:
    if measured is None:
        return "not there"
    return shown(measured) if isinstance(measured, Measurement) else "unassessed"


def _drawing(again: Sequence[Again]) -> Drawing | None:
    """Draw the pairs that can be compared, one panel for each unit: figures of two units share no axis."""
    from matplotlib.figure import Figure

    pairs = [one for one in again if one.effect in {"worse", "same", "better"}][:MOST_DRAWN]
    if not pairs:
        return None
    units = list(dict.fromkeys(one.after.measurement.unit for one in pairs if one.after.measurement))
    inside = {unit: [one for one in pairs if one.after.measurement.unit == unit] for unit in units}
    rows = [len(inside[unit]) for unit in units]
    figure = Figure(figsize=(8.5, 0.55 * len(pairs) + 1.0 * len(units)), dpi=80, layout="constrained")
    axes = figure.subplots(len(units), 1, squeeze=False, height_ratios=[count + 0.6 for count in rows])[:, 0]
    for axis, unit in zip(axes, units, strict=True):
        _panel(axis, inside[unit], unit)
    axes[0].legend(frameon=False, fontsize=8, ncols=3, loc="lower right", bbox_to_anchor=(1, 1))
    worse = sum(one.effect == "worse" for one in pairs)
    better = sum(one.effect == "better" for one in pairs)
    title = (
        f"Of {_risks(len(pairs))} measured before and after, {better} got better, {worse} got worse and "
        f"{len(pairs) - worse - better} cannot be told apart"
    )
    return Drawing.of(title, figure)


def _panel(axis: Axes, pairs: Sequence[Again], unit: str) -> None:
    sides = (("before", RISK, "o", 0.14), ("after", SCORE, "s", -0.14))
    for place, one in enumerate(reversed(pairs)):
        for (name, color, marker, shift), finding in zip(sides, (one.before, one.after), strict=True):
            if finding is None or not isinstance(finding.measurement, Measurement):
                continue
            found, label = finding.measurement, name if place == 0 else None
            axis.hlines(place + shift, *found.interval, color=color, linewidth=2)
            axis.plot(found.value, place + shift, marker, color=color, markersize=6, label=label)
        if one.after.threshold is not None:
            label = "threshold" if place == 0 else None
            axis.vlines(
                one.after.threshold, place - 0.35, place + 0.35, color=GUIDE, linestyle=":", label=label
            )
    labels = [f"{_short(one.after.id)} ({WORDS[one.effect]})" for one in reversed(pairs)]
    axis.set_yticks(range(len(pairs)), labels, fontsize=8)
    axis.set_ylim(-0.6, len(pairs) - 0.4)
    low = any(bad_side(one.after.id) == "below" for one in pairs)
    axis.set_xlabel(unit + ("; of some, low figures are bad" if low else ""), fontsize=8)
    axis.grid(axis="x", alpha=0.25)


def _short(name: str) -> str:
    return name.replace("_", " ").replace(".", ": ", 1)


def residual_of(finding: Finding) -> Level:
    """Return the level that is left: as measured again, else as before; words reduce nothing."""
    return finding.residual_level if isinstance(finding.after, Measurement) else finding.level
