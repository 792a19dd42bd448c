"""What a few bad training records do to the next training of the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.intervals import above_baseline
from secure_ai.assess.opening.models import ModelCases, OpenedModel
from secure_ai.assess.progress import Progress
from secure_ai.assess.risks import judge, worst_first
from secure_ai.assess.section import Section, Table, Text, blocks
from secure_ai.assess.sections.asking import (
    as_taken,
    class_of,
    favorable_class,
    features_of,
    left_open,
    notes,
    opened,
    reason_instead,
)
from secure_ai.attack.poisoning import (
    BackdoorResult,
    FlippingResult,
    TableTrigger,
    backdoor_sensitivity,
    measure_flipping,
)
from secure_ai.core import Finding, Measurement, Unassessed
from secure_ai.core.figures import percent

ID, TITLE, RISK = "model.poisoning", "Sensitivity to poisoning", "model.poisoning"
RECORDS = 6_000
SHARES = (0.01, 0.05, 0.1)
JUDGED_AT = 0.05
BACKDOOR_SHARE = 0.01
TRIGGER_COLUMNS = 3
# A value that so few records have is rare; one that fewer have could be a single person's.
FEWEST_WITH_VALUE = 20
# Fewer records that the mark could turn say little: then all of other classes are judged.
FEWEST_FLIPPED = 30
MARGIN = 0.1
NO_RECIPE = (
    "The model cannot be trained again here, since only its answers can be had: give the estimator "
    "itself as a skops file."
)
LIMITS = (
    "What was trained is the same kind of model with the same settings on a sample of the records, with "
    "clean and with poisoned labels. The trigger is one combination of values that few records have; an "
    "attacker "
    "who searches finds better ones. How anybody gets into the training data is a question for the controls."
)


@dataclass(frozen=True)
class _Poisoned:
    flipped: FlippingResult | Unassessed
    backdoor: BackdoorResult | Unassessed
    columns: tuple[str, ...]
    records: int


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Train copies of the model on poisoned records and judge them on clean ones."""
    found = opened(inputs, labels=True)
    if isinstance(found, Unassessed):
        return left_open(inputs, ID, found.reason)
    model, cases = found
    parameters = inputs.parameters
    wanted = parameters.goal if parameters.goal is not None else parameters.favorable
    target = (
        favorable_class(None, model.classes)
        if wanted is None
        else class_of(wanted, model.classes, "goal" if parameters.goal is not None else "favorable")
    )
    recipe = reason_instead(lambda: _recipe(model), inputs.names, ())
    if recipe is None or isinstance(recipe, Unassessed):
        return left_open(inputs, ID, NO_RECIPE)
    poisoned = _poisoned(inputs, model, cases, progress, recipe=recipe, target=target)
    findings = _findings(inputs, poisoned)
    if not findings:
        return left_open(inputs, ID, _why_not(poisoned))
    return _section(inputs, cases, poisoned, min(findings, key=worst_first))


def _recipe(model: OpenedModel) -> Any | None:
    """Return the model untrained; of a search over settings, the model with the settings that it found."""
    from sklearn.base import clone

    recipe, best = model.recipe(), getattr(model.estimator, "best_estimator_", None)
    return recipe if recipe is None or best is None else clone(best)


def _poisoned(
    inputs: Inputs,
    model: OpenedModel,
    cases: ModelCases,
    progress: Progress,
    *,
    recipe: Any,
    target: Any,
) -> _Poisoned:
    seed, names = inputs.parameters.seed, features_of(inputs, cases)
    drawn = (cases.training or cases.known).drawn(RECORDS, seed)
    frame, labels = drawn.pair()
    rows = as_taken(model, frame)
    progress("training copies on flipped labels", 0.0)
    flipped = reason_instead(
        lambda: measure_flipping(recipe, rows, labels, shares=SHARES, seed=seed), names, cases.features
    )
    progress("training copies with a backdoor", 0.7)
    trigger = rare_values(frame)
    columns = () if trigger is None else tuple(dict.fromkeys(names.columns(trigger.values)))
    if trigger is None:
        backdoor: BackdoorResult | Unassessed = Unassessed(
            "No combination of values is rare enough for a trigger that somebody could use unnoticed."
        )
    else:
        placed = trigger
        if not model.features:
            at = {name: place for place, name in enumerate(frame.columns)}
            placed = TableTrigger({at[name]: value for name, value in trigger.values.items()})
        backdoor = reason_instead(
            lambda: backdoor_sensitivity(
                recipe, rows, labels, placed, target, share=BACKDOOR_SHARE, seed=seed
            ),
            names,
            cases.features,
        )
    return _Poisoned(flipped, backdoor, columns, len(drawn))


def rare_values(rows: pd.DataFrame) -> TableTrigger | None:
    """Return values that few records have together; None where there is no such combination.

    Of each column the rarest value that 20 records have, or of many-valued numbers one that lies high; the
    columns with the rarest values are combined. What it holds is data: it is never shown.
    """
    candidates = []
    for column in rows.columns:
        values = rows[column]
        if pd.api.types.is_bool_dtype(values.dtype):
            continue
        counts = values.value_counts()
        common = counts[counts >= FEWEST_WITH_VALUE]
        if len(counts) < 2:
            continue
        if len(common) and (len(counts) <= 50 or not pd.api.types.is_numeric_dtype(values.dtype)):
            rarest = common[common == common.iloc[-1]]
            value = sorted(rarest.index, key=str)[0]
            candidates.append((int(common.iloc[-1]) / len(rows), str(column), column, value))
        elif pd.api.types.is_numeric_dtype(values.dtype):
            high = np.quantile(values.to_numpy(dtype=float), 0.95, method="lower")
            value = values.iloc[int(np.argmin(np.abs(values.to_numpy(dtype=float) - high)))]
            candidates.append((float((values == value).mean()), str(column), column, value))
    chosen = sorted(candidates, key=lambda one: one[:2])[:TRIGGER_COLUMNS]
    if not chosen:
        return None
    trigger = TableTrigger({column: value for _, _, column, value in chosen})
    return trigger if trigger.present(rows).mean() < BACKDOOR_SHARE else None


def _findings(inputs: Inputs, poisoned: _Poisoned) -> list[Finding]:
    """Return what each attack says; the section states the worst."""
    parameters, found = inputs.parameters, []
    shared: dict[str, Any] = {
        "sector": parameters.sector,
        "thresholds": parameters.thresholds,
        "worst_of": isinstance(poisoned.backdoor, BackdoorResult)
        + isinstance(poisoned.flipped, FlippingResult),
    }
    if isinstance(poisoned.backdoor, BackdoorResult):
        result = poisoned.backdoor
        figure = result.success
        if isinstance(result.flipped, Measurement) and result.flipped.n >= FEWEST_FLIPPED:
            figure = result.flipped
        figure = above_baseline(figure)
        title = (
            f"With {percent(BACKDOOR_SHARE)} of the training records poisoned, {percent(figure.value)} of "
            f"{figure.n:,} records with the attacker's mark get the attacker's answer; of the clean model "
            f"{percent(figure.baseline)}"
        )
        found.append(
            judge(
                RISK,
                title,
                figure,
                threshold=min(figure.baseline + MARGIN, 1.0),
                success=max(figure.value - figure.baseline, 0.0),
                **shared,
            )
        )
    if isinstance(poisoned.flipped, FlippingResult):
        figure = lost_accuracy(poisoned.flipped)
        title = (
            f"With {percent(JUDGED_AT)} of the training labels flipped at random, accuracy falls by "
            f"{100 * figure.value:.1f} points"
        )
        found.append(judge(RISK, title, figure, success=max(figure.value, 0.0), **shared))
    return found


def lost_accuracy(flipped: FlippingResult) -> Measurement:
    """Return the accuracy that flipped labels cost; control: the same records left out instead.

    The accuracy of the clean model is as uncertain as that of the poisoned one: the interval is of both.
    """
    point = flipped.points[flipped.shares.index(JUDGED_AT)]
    clean, wide = point.baseline, above_baseline(point)
    return Measurement(
        name="accuracy_lost_to_flipped_labels",
        value=clean - point.value,
        unit="difference of shares",
        n=point.n,
        baseline=0.0,
        control=None if point.control is None else clean - point.control,
        interval=(clean - wide.interval[1], clean - wide.interval[0]),
        method=f"{wide.method}; control: trained without those records",
        source=point.source,
    )


def _why_not(poisoned: _Poisoned) -> str:
    reasons = [part.reason for part in (poisoned.flipped, poisoned.backdoor) if isinstance(part, Unassessed)]
    return " ".join(dict.fromkeys(reasons))


def _section(inputs: Inputs, cases: ModelCases, poisoned: _Poisoned, finding: Finding) -> Section:
    parts: list[Any] = []
    facts: dict[str, Any] = {"records_trained_on": poisoned.records}
    if isinstance(poisoned.backdoor, BackdoorResult):
        parts += [Text(text=_backdoor_sentence(poisoned)), _backdoor_table(poisoned.backdoor)]
        facts["backdoor_success"] = poisoned.backdoor.success.value
    else:
        parts.append(Text(text=f"A backdoor was not measured: {poisoned.backdoor.reason}"))
    if isinstance(poisoned.flipped, FlippingResult):
        parts += [Text(text=poisoned.flipped.sentence()), _flipping_table(poisoned.flipped)]
        facts["accuracy_lost"] = lost_accuracy(poisoned.flipped).value
    else:
        parts.append(Text(text=f"Flipped labels were not measured: {poisoned.flipped.reason}"))
    return Section(
        id=ID,
        title=TITLE,
        summary=finding.title,
        assessed=f"Sensitivity to poisoned training data, on {poisoned.records:,} records",
        findings=(finding,),
        blocks=blocks(
            *parts,
            notes(
                cases,
                f"Copies were trained on 70% of {poisoned.records:,} records and judged on the rest; the "
                "intervals are those that this number allows.",
            ),
            Text(text=LIMITS),
        ),
        facts=facts,
    )


def _backdoor_sentence(poisoned: _Poisoned) -> str:
    result = poisoned.backdoor
    assert isinstance(result, BackdoorResult)
    low, high = result.success.interval
    where = ", ".join(poisoned.columns)
    return (
        f"A mark in {where} (values that few records have together, not shown) was put on "
        f"{percent(BACKDOOR_SHARE)} of the training records. Of {result.success.n:,} held-out records of "
        f"other classes {percent(result.success.value)} ({percent(low)} to {percent(high)}) get the "
        "attacker's "
        f"answer with the mark, {percent(result.success.control or 0.0)} without it; the clean model gives "
        "it to "
        f"{percent(result.success.baseline)} with the mark."
    )


def _backdoor_table(result: BackdoorResult) -> Table:
    named = {
        "backdoor_success": "records of other classes that get the attacker's answer",
        "backdoor_flipped": "the same, of those answered otherwise without the mark",
        "accuracy_on_clean_rows": "accuracy on records without the mark",
    }
    rows = [(named[m.name], m.value, *m.interval, m.baseline, m.control, m.n) for m in result.measurements()]
    columns = [
        "measure",
        "poisoned model",
        "at least",
        "at most",
        "clean model",
        "without the mark",
        "records",
    ]
    return Table.of(
        "What the mark does",
        pd.DataFrame(rows, columns=columns),
        ("text", "share", "share", "share", "share", "share", "count"),
    )


def _flipping_table(flipped: FlippingResult) -> Table:
    frame = flipped.to_frame()[["share", "value", "low", "high", "baseline", "control", "n"]]
    columns = [
        "labels flipped",
        "accuracy",
        "at least",
        "at most",
        "clean",
        "records left out instead",
        "records",
    ]
    return Table.of(
        "What labels flipped at random cost",
        frame.set_axis(columns, axis=1),
        ("share", "share", "share", "share", "share", "share", "count"),
    )
