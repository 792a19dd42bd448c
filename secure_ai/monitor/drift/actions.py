"""From signs of drift to what is done, by whom and by when: a decision table to read and argue with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from secure_ai.core import UserError
from secure_ai.monitor.drift.labels import Comparison
from secure_ai.monitor.drift.performance import Calibration
from secure_ai.monitor.drift.report import DriftReport

FEED = ("missing", "type_changed", "column_missing", "scale", "infinite", "out_of_range")
BROKEN = ("type_changed", "column_missing", "scale")
BROKEN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known when the decision is made; columns by name.

    Attributes:
        broken: inputs that the model cannot use as they are: absent, of another type or unit, or at
            least half missing or unknown.
        feed: inputs whose values, rather than whose people, seem to have changed.
        unseen: inputs with categories that the reference does not know.
        inputs: further inputs that drifted.
        score, label: whether the score, or the share of outcomes, drifted.
        unassessed: columns that could not be judged.
        judged: how many could.
        realized: whether labels have shown the performance.
        realized_worse: whether it is certainly below the reference.
        concept_drift: whether inputs cannot explain it.
        estimated_worse: whether the estimate without labels is certainly below the reference.
        poor_calibration: whether the scores can no longer be read as probabilities.
    """

    broken: tuple[str, ...] = ()
    feed: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    score: bool = False
    label: bool = False
    unassessed: tuple[str, ...] = ()
    judged: int = 0
    realized: bool = False
    realized_worse: bool = False
    concept_drift: bool = False
    estimated_worse: bool = False
    poor_calibration: bool = False

    @property
    def drifted(self) -> bool:
        """Whether anything drifted."""
        return bool(self.feed or self.unseen or self.inputs or self.score or self.label)


def _none(signs: Signs) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the decision table."""

    name: str
    when: Callable[[Signs], bool]
    words: str
    action: str
    owner: str
    within: str
    references: tuple[str, ...]
    columns: Callable[[Signs], tuple[str, ...]] = field(default=_none)


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody does now.

    Attributes:
        name: the row of the decision table.
        action: what to do.
        owner: the role that does it.
        within: by when.
        because: the condition that was met, with its columns.
        columns: which columns it is about.
        references: identifiers of frameworks, see ``core.frameworks``.
    """

    name: str
    action: str
    owner: str
    within: str
    because: str
    columns: tuple[str, ...]
    references: tuple[str, ...]

    def sentence(self) -> str:
        """Return the action in one sentence."""
        return f"{self.owner}, {self.within}: {self.action} (because {self.because})."


DECISION_TABLE: tuple[Rule, ...] = (
    Rule(
        "fall_back_feed",
        lambda s: bool(s.broken),
        "inputs arrive that the model cannot use",
        "let people decide without the model, and tell them so, until the feed is mended",
        "service owner", "today", ("MANAGE 2.4",), lambda s: s.broken,
    ),
    Rule(
        "check_feed",
        lambda s: bool(s.feed),
        "values changed in a way that people do not",
        "trace each column to its source, compare unit, mapping and time of export; do not retrain on it",
        "data engineering", "one working day", ("MANAGE 4.1",), lambda s: s.feed,
    ),
    Rule(
        "map_codes",
        lambda s: bool(s.unseen),
        "categories appear that the model never saw",
        "find out whether a code was renamed or is new; map it, or exclude these cases from the model",
        "data steward", "three working days", ("MANAGE 4.1",), lambda s: s.unseen,
    ),
    Rule(
        "fall_back_performance",
        lambda s: s.realized_worse,
        "labels show that the model is worse than when it was approved",
        "let people decide; the model may advise, with its present error stated beside it",
        "service owner", "today", ("MANAGE 2.4", "MEASURE 2.4"),
    ),
    Rule(
        "find_the_change",
        lambda s: s.concept_drift,
        "the fall is larger than the inputs explain: what they mean has changed",
        "ask the people who do the work what changed (coding, treatment, product, attack) before retraining",
        "model owner with the department", "one week", ("MEASURE 2.4",),
    ),
    Rule(
        "retrain",
        lambda s: s.realized_worse and not s.feed,
        "performance fell and the feed is sound",
        "retrain on data from after the change, validate on later data, approve anew before use",
        "model owner", "four weeks", ("MANAGE 4.1",), lambda s: s.inputs,
    ),
    Rule(
        "confirm_with_labels",
        lambda s: s.estimated_worse and not s.realized,
        "the estimate without labels lies below the reference",
        "label a random sample of recent cases now; until then people check every decision of the model",
        "service owner", "two working days", ("MEASURE 2.4",), lambda s: s.inputs,
    ),
    Rule(
        "recalibrate",
        lambda s: (s.label or s.poor_calibration) and not s.realized_worse,
        "the share of outcomes, or the reading of scores as probabilities, has changed; the ranking has not",
        "recalibrate the scores on recent labels and check every threshold that rests on them",
        "model owner", "one week", ("MANAGE 4.1",),
    ),
    Rule(
        "ask_for_labels",
        lambda s: bool(s.inputs or s.score) and not s.realized and not s.estimated_worse,
        "the population changed and no label shows yet what that does to the model",
        "label a random sample of recent cases, and compare with the estimate",
        "model owner", "one week", ("MEASURE 2.4",), lambda s: s.inputs,
    ),
    Rule(
        "record_population",
        lambda s: bool(s.inputs or s.score) and s.realized and not s.realized_worse,
        "the population changed and the labels show that the model holds",
        "keep the model; record the change in its file and check each group of people again in a week",
        "model owner", "one week", ("MEASURE 2.4",), lambda s: s.inputs,
    ),
    Rule(
        "collect_more",
        lambda s: s.judged == 0 or len(s.unassessed) > s.judged,
        "most columns could not be judged",
        "wait for more rows or name the columns to compare; until then nothing is known about drift",
        "model owner", "before the next use of this report", ("MEASURE 2.4",), lambda s: s.unassessed,
    ),
    Rule(
        "carry_on",
        lambda s: not s.drifted and not s.realized_worse and not s.estimated_worse
        and not s.poor_calibration and not s.concept_drift and s.judged > 0,
        "nothing changed beyond chance",
        "carry on; the next check is the scheduled one",
        "model owner", "the next period", ("MEASURE 2.4",),
    ),
)  # fmt: skip


def read_signs(
    report: DriftReport,
    performance: Comparison | None = None,
    calibration: Calibration | None = None,
) -> Signs:
    """Read from a drift report, and from what is known of the performance, what the decision rests on."""
    inputs = [column for column in report.columns if column.role == "input"]
    names = {column.column: {sign.name for sign in column.signs} for column in inputs}
    gone = {
        c.column
        for c in inputs
        for figure in ("missing", "unseen")
        if figure in names[c.column] and c.value(figure) >= BROKEN_SHARE
    }
    feed = tuple(name for name, found in names.items() if found & set(FEED))
    unseen = tuple(name for name, found in names.items() if "unseen" in found and name not in feed)
    realized = performance is not None and bool(performance.realized)
    return Signs(
        broken=tuple(name for name, found in names.items() if found & set(BROKEN) or name in gone),
        feed=feed,
        unseen=unseen,
        inputs=tuple(c.column for c in inputs if c.drifted and c.column not in (*feed, *unseen)),
        score=any(c.drifted for c in report.columns if c.role == "score"),
        label=any(c.drifted for c in report.columns if c.role == "label"),
        unassessed=tuple(c.column for c in report.unassessed),
        judged=len(report.columns) - len(report.unassessed),
        realized=realized,
        realized_worse=realized and performance is not None and performance.worse,
        concept_drift=performance is not None and performance.concept_drift,
        estimated_worse=performance is not None and performance.estimated_worse,
        poor_calibration=calibration is not None and not calibration.good,
    )


def what_to_do(
    report: DriftReport,
    performance: Comparison | None = None,
    calibration: Calibration | None = None,
) -> tuple[Action, ...]:
    """Return what to do now: every row of ``DECISION_TABLE`` whose condition is met, most urgent first.

    Args:
        report: of :func:`measure_drift`.
        performance: estimate beside truth, of :func:`compare_performance`; None where neither is known.
        calibration: on recent labels, of :func:`check_calibration`.

    Raises:
        UserError: if ``report`` is no drift report.
    """
    if not isinstance(report, DriftReport):
        raise UserError("what_to_do needs the report that measure_drift returned.")
    signs = read_signs(report, performance, calibration)
    actions = []
    for rule in DECISION_TABLE:
        if rule.when(signs):
            columns = rule.columns(signs)
            shown = ", ".join(columns[:5]) + (f" and {len(columns) - 5} more" if len(columns) > 5 else "")
            because = f"{rule.words}: {shown}" if columns else rule.words
            actions.append(
                Action(rule.name, rule.action, rule.owner, rule.within, because, columns, rule.references)
            )
    return tuple(actions)


def actions_to_frame(actions: tuple[Action, ...]) -> pd.DataFrame:
    """Return a row per action: owner, within, action, because, columns, references."""
    names = ["name", "owner", "within", "action", "because", "columns", "references"]
    rows = [
        [a.name, a.owner, a.within, a.action, a.because, ", ".join(a.columns), ", ".join(a.references)]
        for a in actions
    ]
    return pd.DataFrame(rows, columns=names)
