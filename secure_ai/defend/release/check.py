"""The check before release: every rule asked of a fitted model, from its structure and from its answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from secure_ai.core import Measurement, Outcome, Unassessed, UserError
from secure_ai.defend.release.answers import Cells, read_cells
from secure_ai.defend.release.facts import Facts, read_facts
from secure_ai.defend.release.hidden import Hidden, find_hidden
from secure_ai.defend.release.parts import Part, TooDeep, predicts_numbers, take_apart
from secure_ai.defend.release.report import ReleaseFinding, ReleaseReport
from secure_ai.defend.release.rules import KNOWN, ReleaseRules, load_rules

Value = tuple[float, str, str]  # the figure, the sentence, where
Found = Value | Unassessed | str  # a string is why the rule does not apply


def check_release(model: Any, data: Any = None, labels: Any = None, *, rules: Any = None) -> ReleaseReport:
    """Ask every release rule of a fitted model.

    Args:
        model: a fitted estimator of scikit-learn, pipelines and ensembles included, or of this kit. Of any
            other kind, or of one that lives in a process of its own, the rules on structure are unassessed.
        data: the records that it was trained on, as it takes them, or rows and labels together; without them
            the rules on answers, and those that need the number of records, are unassessed.
        labels: their classes, unless they came with ``data``.
        rules: thresholds, as :func:`load_rules` takes them.

    Returns:
        One finding for each rule that applies, and the sentence for the committee.

    Raises:
        UserError: if the model is not fitted, the records are not those it was trained on (as far as that
            can be told), labels and records differ in number, or the rules are wrong.

    Source: Jefferson et al., GRAIMATTER Green Paper (2022); sacroml 2.0.1, structural attack and safe models.

    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> rows = np.arange(40.0).reshape(-1, 1)
    >>> report = check_release(KNeighborsClassifier().fit(rows, rows[:, 0] > 20), rows, rows[:, 0] > 20)
    >>> report.finding("stored_records").measurement.value
    40.0
    """
    chosen = load_rules(rules)
    if isinstance(data, tuple) and len(data) == 2:
        if labels is not None:
            raise UserError("Give the labels once: with the rows, or as labels.")
        data, labels = data
    _check_data(data, labels)
    case = _read(model, data, labels, chosen)
    findings, others = [], []
    for name in KNOWN:
        rule = chosen.rules[name]
        found = "switched off in these rules" if not rule.enabled else ASKED[name](case)
        if isinstance(found, str):
            others.append((name, found))
        else:
            findings.append(_finding(name, case, found))
    return ReleaseReport(case.kind, case.records, tuple(findings), tuple(others))


def check_release_file(
    path: str | Path,
    data: Any = None,
    labels: Any = None,
    *,
    rules: Any = None,
    trust_pickle: bool = False,
    trusted_types: Sequence[str] = (),
) -> ReleaseReport:
    """Ask every release rule of a model's file: skops by trusted types; a trusted pickle is only asked.

    Args:
        path, trust_pickle, trusted_types: as :func:`secure_ai.defend.model_files.load_model` takes them.
        data, labels, rules: as in :func:`check_release`.

    Raises:
        UserError: as both.
    """
    from secure_ai.defend.model_files import load_model

    model = load_model(path, trust_pickle=trust_pickle, trusted_types=trusted_types)
    try:
        return check_release(model, data, labels, rules=rules)
    finally:
        if hasattr(model, "close"):
            model.close()


@dataclass(frozen=True, slots=True)
class _Case:
    kind: str
    model: Any
    parts: tuple[tuple[Part, Facts], ...]
    records: int | None
    labels: np.ndarray | None
    cells: Cells | Unassessed
    hidden: Hidden
    rules: ReleaseRules

    def unknown(self, attribute: str) -> str:
        """The first part of which this is not known, and why; empty if it is known of all."""
        for part, facts in self.parts:
            if getattr(facts, attribute) is None and facts.unknown:
                return f"{part.path}: {facts.unknown}"
        return ""

    @property
    def opaque(self) -> str:
        """The first part whose structure is not known, and why."""
        return self.unknown("parameters")

    def with_leaves(self) -> list[tuple[Part, Facts]]:
        return [(part, facts) for part, facts in self.parts if len(facts.leaves)]


def _read(model: Any, data: Any, labels: Any, rules: ReleaseRules) -> _Case:
    _check_fitted(model)
    try:
        parts = take_apart(model, data)
    except TooDeep:
        raise UserError(
            "This model is nested too deeply to be taken apart: release its parts one by one."
        ) from None
    rare = rules.rules["class_size"].threshold
    known = tuple((part, read_facts(part, rare)) for part in parts)
    seen = max((facts.records for _, facts in known), default=0)
    if data is not None and len(data) < seen:
        raise UserError(
            f"The model was trained on {seen:,} records or more and {len(data):,} were given: "
            "give the records that it was trained on."
        )
    records = len(data) if data is not None else seen or None
    cells: Cells | Unassessed = Unassessed("it needs the records that the model was trained on")
    if data is not None:
        few = rules.rules["equal_answers"].threshold
        cells = read_cells(model, data, few=few, zero=rules.zero, decimals=rules.decimals)
    classes = None if labels is None else np.asarray(labels).ravel()
    hidden = find_hidden(model, records)
    return _Case(_kind(model, parts), model, known, records, classes, cells, hidden, rules)


def _kind(model: Any, parts: list[Part]) -> str:
    """What the model is, and what decides in it: "Pipeline with RandomForestClassifier"."""
    outer = type(model).__name__
    inner = dict.fromkeys(
        type(part.model).__name__
        for part in parts
        if hasattr(part.model, "predict") and part.model is not model
    )
    names = [name for name in inner if name not in (outer, "IsotonicRegression", "_SigmoidCalibration")]
    return f"{outer} with {' and '.join(names[:3])}" if names else outer


def _check_data(data: Any, labels: Any) -> None:
    if data is not None and (not hasattr(data, "__len__") or not len(data)):
        raise UserError("Give the training records as a frame or an array with at least one row.")
    if labels is not None and data is not None and len(labels) != len(data):
        raise UserError(
            f"There are {len(data):,} records and {len(labels):,} labels: give one for each record."
        )


def _check_fitted(model: Any) -> None:
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if isinstance(model, type) or model is None:
        raise UserError("Give a fitted model, not its class: the rules ask what it has learned.")
    if not isinstance(model, BaseEstimator):
        return
    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError):
        raise UserError(f"This {type(model).__name__} is not fitted: give it after training.") from None


def _finding(name: str, case: _Case, found: Value | Unassessed) -> ReleaseFinding:
    rule = case.rules.rules[name]
    if isinstance(found, Unassessed):
        reason = found.reason[:1].upper() + found.reason[1:]
        return ReleaseFinding(name, rule, found, Outcome.UNASSESSED, reason.rstrip(".") + ".")
    value, said, where = found
    outcome = Outcome.WITHIN_THRESHOLD if rule.holds(value) else Outcome.EXCEEDS_THRESHOLD
    measurement = Measurement(
        name=name,
        value=float(value),
        unit=rule.unit,
        n=case.records or 1,
        baseline=_baseline(name, case),
        interval=(float(value), float(value)),
        method="read from the fitted model"
        if name not in FROM_ANSWERS
        else "answers about the training records",
        source=rule.source,
    )
    return ReleaseFinding(name, rule, measurement, outcome, said, where)


def _baseline(name: str, case: _Case) -> float:
    """The figure of a model that has learned nothing: it keeps nothing, and has one answer for everybody."""
    return float(case.records or 0) if name in OF_EVERYBODY else 0.0


def _summed(case: _Case, attribute: str, what: str, extra: int = 0) -> Found:
    counts = [(getattr(facts, attribute) or 0, part.path) for part, facts in case.parts]
    total = sum(count for count, _ in counts) + extra
    unknown = case.unknown(attribute)
    if unknown and not total:
        return Unassessed(unknown)
    most, where = max(counts, default=(0, ""))
    more = f" Not counted: {unknown}." if unknown else ""
    return total, f"{total:,} {what}.{more}", where if most else ""


def _stored_records(case: _Case) -> Found:
    kept = [facts.stored or 0 for _, facts in case.parts]
    if case.hidden.entries and not any(kept):
        path, attribute = case.hidden.entries[0]
        return (
            case.records or 0,
            f"The model holds one entry for each of its {case.records:,} training records ({attribute}).",
            f"{path}, {attribute}",
        )
    if case.hidden.own and not any(kept):
        kind, attribute = case.hidden.own[0]
        return Unassessed(f"{kind} carries an attribute that this kind does not have ({attribute})")
    found = _summed(case, "stored", "training records are kept in the model's file")
    if isinstance(found, tuple) and case.records and found[0] > case.records:
        return case.records, f"All {case.records:,} training records are kept in the model's file.", found[2]
    return found


def _stored_values(case: _Case) -> Found:
    return _summed(case, "values", "values of single or few records are kept by the preparation")


def _min_samples_leaf(case: _Case) -> Found:
    trees = [(facts.least_leaf, part.path) for part, facts in case.parts if facts.least_leaf is not None]
    if not trees:
        return _without(case, "there is no tree in this model")
    least, where = min(trees)
    return _unless(
        case, "min_samples_leaf", least, f"Training kept leaves of {least:,g} records or more.", where
    )


def _smallest_leaf(case: _Case) -> Found:
    trees = [(int(facts.leaves.min()), part.path, facts) for part, facts in case.with_leaves()]
    if not trees:
        return _without(case, "there is no tree in this model")
    least, where, _ = min(trees, key=lambda one: one[0])
    leaves = sum(len(facts.leaves) for *_, facts in trees)
    bound = case.rules.rules["smallest_leaf"].threshold
    small = sum(int((facts.leaves < bound).sum()) for *_, facts in trees)
    said = f"{least:,} in the smallest of {leaves:,} leaves; {small:,} leaves have fewer than {bound:,g}."
    return _unless(case, "smallest_leaf", least, said, where)


def _bootstrap(case: _Case) -> Found:
    forests = [(facts.bootstrap, part.path) for part, facts in case.parts if facts.bootstrap is not None]
    if not forests:
        return _without(case, "there is no forest in this model")
    without = [path for drawn, path in forests if not drawn]
    said = f"{len(without):,} of {len(forests):,} forests have trees that all saw every record."
    return _unless(case, "forests_without_bootstrap", len(without), said, (without or [""])[0])


def _degrees(case: _Case) -> Found:
    if case.records is None:
        return Unassessed("it needs the number of training records: give them as data")
    known = [(facts.parameters or 0, part.path) for part, facts in case.parts]
    total = sum(count for count, _ in known)
    left = case.records - total
    said = f"{case.records:,} training records less {total:,.0f} learned parameters leave {left:,.0f}."
    return _unless(case, "degrees_of_freedom", left, said, max(known, default=(0, ""))[1])


def _class_size(case: _Case) -> Found:
    if predicts_numbers(case.model):
        return "the model predicts a number and tells no classes apart"
    counts = None if case.labels is None else np.unique(case.labels, return_counts=True)[1]
    where = "labels"
    if counts is None:
        for part, facts in case.parts:
            if facts.class_counts is not None and len(case.parts) == 1:
                counts, where = facts.class_counts, part.path
    if counts is None:
        return Unassessed("it needs the classes of the training records: give them as labels")
    return float(np.min(counts)), f"{np.min(counts):,.0f} in the rarest of {len(counts):,} classes.", where


def _answers_rule(read: Callable[[_Case, Cells], Found]) -> Callable[[_Case], Found]:
    def ask(case: _Case) -> Found:
        if not case.rules.smooth_models and _is_smooth(case):
            return "the answers of this model change smoothly with the input: equal ones are no groups of it"
        return case.cells if isinstance(case.cells, Unassessed) else read(case, case.cells)

    return ask


def _equal_answers(case: _Case, cells: Cells) -> Found:
    said = (
        f"{cells.smallest:,} share the rarest of {cells.groups:,} different answers; {cells.few:,} of "
        f"{case.records:,} training records have an answer that too few share."
    )
    return cells.smallest, said, "answers"


def _small_cells(case: _Case) -> Found:
    counted = [(facts.cell, part.path) for part, facts in case.parts if facts.cell is not None]
    readable = min(counted, default=None)
    if readable and not case.rules.rules["small_cells"].holds(readable[0]):
        value, where = readable
        return value, f"The smallest count that can be read from the model is {value:,.3g}.", where
    return _small_answers(case)


@_answers_rule
def _small_answers(case: _Case, cells: Cells) -> Found:
    if cells.cell is None:
        return "the model gives no probabilities to multiply"
    said = f"The smallest count that probability times group size gives is {cells.cell:,.3g}."
    return cells.cell, said, "answers"


def _class_disclosure(case: _Case) -> Found:
    cells = case.cells
    if isinstance(cells, Unassessed):
        return cells
    if cells.certain is None:
        return "the model gives no probabilities: none of them is zero"
    return cells.certain, f"Of {cells.certain:,} of {case.records:,} training records.", "answers"


def _epsilon(case: _Case) -> Found:
    spent = [
        (part.model.cost_, part.path)
        for part, _ in case.parts
        if hasattr(part.model, "cost_") and _private(part)
    ]
    if not spent:
        return "the model does not claim differential privacy"
    cost, where = max(spent, key=lambda one: one[0].epsilon)
    if math.isinf(cost.epsilon):
        return "the model does not claim differential privacy (it was trained without noise)"
    if cost.fixed_seed:
        bound = case.rules.rules["epsilon"].threshold
        said = f"Epsilon {cost.epsilon:.3g} with a fixed seed: who knows the seed can take the noise away."
        return max(cost.epsilon, np.nextafter(bound, math.inf)), said, where
    return cost.epsilon, f"Epsilon {cost.epsilon:.3g} at delta {cost.delta:g} was spent.", where


def _private(part: Part) -> bool:
    return type(part.model).__name__ in ("PrivateLogisticRegression", "PrivateNetwork")


def _is_smooth(case: _Case) -> bool:
    return any(facts.smooth and not part.last for part, facts in case.parts)


def _without(case: _Case, why: str) -> Found:
    """A rule on trees does not apply where there is none, and is unassessed where one may be hidden."""
    return Unassessed(case.opaque) if case.opaque else why


def _unless(case: _Case, rule: str, value: float, said: str, where: str) -> Found:
    """A figure that keeps to the rule is none while a part of the model is unknown."""
    if case.opaque and case.rules.rules[rule].holds(value):
        return Unassessed(case.opaque)
    return value, said, where


FROM_ANSWERS = ("equal_answers", "class_disclosure")
OF_EVERYBODY = ("min_samples_leaf", "smallest_leaf", "degrees_of_freedom", "equal_answers", "small_cells")
ASKED: dict[str, Callable[[_Case], Found]] = {
    "stored_records": _stored_records,
    "stored_values": _stored_values,
    "min_samples_leaf": _min_samples_leaf,
    "smallest_leaf": _smallest_leaf,
    "forests_without_bootstrap": _bootstrap,
    "degrees_of_freedom": _degrees,
    "class_size": _class_size,
    "equal_answers": _answers_rule(_equal_answers),
    "small_cells": _small_cells,
    "class_disclosure": _class_disclosure,
    "epsilon": _epsilon,
}
