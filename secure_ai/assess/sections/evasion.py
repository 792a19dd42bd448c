"""How many people could get another decision by changes that are possible, and at what price."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening.models import ModelCases, OpenedModel
from secure_ai.assess.opening.naming import called_by
from secure_ai.assess.progress import Progress
from secure_ai.assess.risks import judge
from secure_ai.assess.section import Drawing, Section, Table, Text, blocks
from secure_ai.assess.sections.asking import (
    class_of,
    features_of,
    left_open,
    notes,
    opened,
    reason_instead,
    told,
)
from secure_ai.assess.sections.feature_names import FeatureNames
from secure_ai.attack.evasion import (
    Constraints,
    EvasionResult,
    measure_evasion,
    plot_evasion_cost,
    plot_evasion_curve,
)
from secure_ai.attack.targets import TargetError
from secure_ai.core import Level, Measurement, Unassessed, UserError
from secure_ai.core.figures import percent

ID, TITLE, RISK = "model.evasion", "Evasion within the rules", "model.evasion"
BUDGET, OWNED = 500, 2_000
# Records times questions: what bounds the time, whatever is asked for.
MOST_QUESTIONS = 100_000
# An endpoint is asked over the network, each step of the search waiting for the last.
MOST_BY_NETWORK = 5_000
LEAST_BUDGET = 50
LEAST_ROWS = 10
SHOWN_COLUMNS = 12
WITHOUT_RULES = (
    "No rules were given, so that only the ranges and values seen in the records bind: an attacker could be "
    "stronger (values outside them) or weaker (nobody becomes younger, or changes what the house looks up "
    "itself). The figure shows that the model gives way, not that somebody can make it: give the file with "
    "the parameter rules."
)
LIMITS = (
    "The search asks the model and no more; an attacker who knows the model inside can find cheaper changes. "
    "Every change was checked against the rules on the changed records, and asked about again."
)


FRAGILE = (
    "Random changes, asked as often, reach at least half of that: it takes no clever attacker. The finding "
    "is above all that the decision changes easily within what was allowed, by the model's sensitivity or by "
    "rules that allow much; checking the fields helps, hiding the model from attackers does not."
)


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Search the cheapest change of each record that gets another answer."""
    rules = read_rules(inputs.parameters.rules)
    found = opened(inputs, labels=False)
    if isinstance(found, Unassessed):
        return left_open(inputs, ID, found.reason)
    model, cases = found
    goal = inputs.parameters.goal
    goal = None if goal is None else class_of(goal, model.classes, "goal")
    if rules is not None:
        _check_rules(rules, cases)
    evaded = _evaded(inputs, model, cases, progress, rules=rules, goal=goal)
    if isinstance(evaded, Unassessed):
        return left_open(inputs, ID, evaded.reason)
    return _section(inputs, cases, evaded, rules)


def read_rules(place: str | None) -> Constraints | None:
    """Return what can be changed, from the file that the parameter names.

    Raises:
        UserError: if it cannot be read or is wrong; its name is not said.
    """
    if place is None:
        return None
    try:
        return Constraints.from_yaml(place)
    except UserError as error:
        raise called_by(error, place, "rules") from None


def _check_rules(rules: Constraints, cases: ModelCases) -> None:
    try:
        rules.learn(cases.known.rows)
    except TargetError:
        return  # what cannot be changed at all is a reason, and said by the attack
    except UserError as error:
        # Not which columns there are: no name stands anywhere that was not asked for.
        raise UserError(str(error).split(": choose from")[0].rstrip(".") + ".") from None


def _evaded(
    inputs: Inputs,
    model: OpenedModel,
    cases: ModelCases,
    progress: Progress,
    *,
    rules: Constraints | None,
    goal: Any,
) -> EvasionResult | Unassessed:
    parameters = inputs.parameters
    most = MOST_BY_NETWORK if model.kind == "endpoint" else MOST_QUESTIONS
    size = min(parameters.rows, most // LEAST_BUDGET)

    def measure() -> EvasionResult | Unassessed:
        half = len(cases.known) // 2
        rows = cases.attacked_rows(size if goal is None else min(half, most // 5))
        owned = cases.reference_rows(len(rows)).drawn(OWNED, parameters.seed)
        if goal is not None:
            # Those whom the model answers so already gain nothing; where most are, the others are looked for.
            rows = rows.take(np.flatnonzero(model.target().labels(rows.rows) != goal)[:size])
            if len(rows) < LEAST_ROWS:
                return Unassessed(
                    f"The model gives the wanted answer for all but {len(rows)} records: {LEAST_ROWS} "
                    "others or "
                    "more are needed. Give more records in held_out."
                )
        budget = min(BUDGET, most // max(len(rows), 1))
        what = "looking for changes that are answered otherwise"
        target = told(model, progress, what, 1.2 * budget * len(rows))
        return measure_evasion(
            target, rows.rows, owned.rows, rules, budget=budget, goal=goal, seed=parameters.seed
        )

    return reason_instead(measure, features_of(inputs, cases), cases.features)


def _section(inputs: Inputs, cases: ModelCases, evaded: EvasionResult, rules: Constraints | None) -> Section:
    parameters, figure = inputs.parameters, evaded.success
    within = "within the rules" if rules is not None else "within the ranges seen"
    title = (
        f"{percent(figure.value)} of {figure.n:,} records get another answer by changes {within}; random "
        f"changes reach {percent(figure.baseline)}"
    )
    # Where chance does nearly as well, the finding is of the model, and not of a clever attack.
    fragile = figure.value > 0 and figure.baseline >= figure.value / 2
    # Without rules nobody knows whether a person could make the change at all.
    guessed: dict[str, Any] = {}
    if rules is None:
        guessed = {
            "severity": Level.MEDIUM,
            "severity_reason": "no rules were given: whether anybody can make the changes is not known.",
            "knowledge": "Can query the model and change every field within the values seen (no rules "
            "given).",
        }
    finding = judge(
        RISK, title, figure, sector=parameters.sector, thresholds=parameters.thresholds, **guessed
    )
    cost, cheap = evaded.cost, plot_evasion_cost(evaded)
    curve = plot_evasion_curve(evaded)
    asked = int(evaded.evasions.queries.max())
    return Section(
        id=ID,
        title=TITLE,
        summary=title,
        assessed=f"Evasion of {figure.n:,} decisions {within}",
        findings=(finding,),
        blocks=blocks(
            Text(text=evaded.sentence()) if rules is not None else Text(text=WITHOUT_RULES),
            Text(text=evaded.sentence().replace("within the rules", within)) if rules is None else None,
            Text(text=FRAGILE) if fragile else None,
            Drawing.of(_headline(curve, within), _retitled(curve, within)),
            Drawing.of(_headline(cheap, within), _retitled(cheap, within)),
            _changed(features_of(inputs, cases), evaded),
            notes(
                cases,
                f"{figure.n:,} records were attacked with at most {asked:,} questions each; "
                f"{percent(figure.interval[0])} to {percent(figure.interval[1])} is the interval that so few "
                "records allow." + _left_out(parameters.rows, figure.n),
            ),
            Text(text=LIMITS),
        ),
        facts={
            "evaded": figure.value,
            "by_random_changes": figure.baseline,
            "asked_again_unchanged": figure.control,
            "median_cost": cost.value if isinstance(cost, Measurement) else None,
            "cost_unit": evaded.evasions.cost_unit if isinstance(cost, Measurement) else None,
            "median_questions": evaded.queries.value,
            "rules_given": rules is not None,
        },
    )


def _left_out(wanted: int, attacked: int) -> str:
    if attacked >= wanted:
        return ""
    return (
        f" {wanted:,} were asked for: at most half of the records are attacked, those answered as the "
        "attacker "
        "wishes are left out, and the number of questions is bounded."
    )


def _headline(figure: Any, within: str) -> str:
    return str(figure.axes[0].get_title(loc="left")).replace("within the rules", within)


def _retitled(figure: Any, within: str) -> Any:
    figure.axes[0].set_title(_headline(figure, within), loc="left")
    return figure


def _changed(features: FeatureNames, evaded: EvasionResult) -> Table | None:
    """Return which columns the cheapest changes touch; no value before or after."""
    changes = evaded.evasions.changes()
    hits = int(evaded.evasions.found.sum())
    if changes.empty or not hits:
        return None
    changes = changes.assign(column=features.columns(changes["column"]))
    counts = changes.groupby("column")["row"].nunique()
    counts = counts.sort_values(ascending=False, kind="stable").head(SHOWN_COLUMNS)
    frame = pd.DataFrame(
        {
            "column": counts.index,
            "records": counts.to_numpy(),
            "share": counts.to_numpy() / hits,
        }
    )
    return Table.of(
        f"Columns that the cheapest changes touch, of {hits:,} changed records",
        frame,
        ("text", "count", "share"),
    )
