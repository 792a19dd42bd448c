"""Attribute inference: whether the model tells more of a sensitive input of its members than of others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
from threadpoolctl import threadpool_limits

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.intervals import worst_of
from secure_ai.assess.names import Names
from secure_ai.assess.opening.models import ModelCases, OpenedModel, model_and_cases
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.risks import judge
from secure_ai.assess.section import Drawing, Section, Table, Text, blocks
from secure_ai.assess.sections.asking import left_open, reason_instead
from secure_ai.assess.sections.feature_names import FeatureNames, categories_of
from secure_ai.assess.sections.membership_plan import seconds
from secure_ai.attack.attribute_inference import measure_attribute_inference
from secure_ai.attack.attribute_inference.charts import plot_attribute_inference
from secure_ai.attack.attribute_inference.measure import AttributeInference
from secure_ai.attack.attribute_inference.values import MOST_VALUES
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.figures import percent
from secure_ai.core.sources import shown

PART = "model.attribute"
RISK = "model.attribute_inference"
MOST_ATTRIBUTES = 8
MOST_RECORDS, MOST_AT_ENDPOINT = 2_000, 200
STAND_IN_SECONDS = 3.0
NONE_GIVEN = "No sensitive inputs were named: name those that nobody should guess in attributes or sensitive."
NO_INPUTS = (
    "None of the sensitive columns is an input of the model, so that it cannot be asked with their values: "
    "name "
    "inputs in attributes."
)


NO_HELP = (
    "Who guesses the most frequent value without the model is right as often or more often: as it stands "
    "this attack tells its user nothing. That members are answered otherwise than others remains, and "
    "is what a better attack could use."
)


@dataclass(frozen=True)
class Guessed:
    """What was found about one column, under the name that it may have on the report."""

    column: str
    found: AttributeInference | Unassessed


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Attack each sensitive input; the finding is about the one that is told most of.

    Raises:
        UserError: if ``attributes`` names what is no column of the records.
    """
    parameters = inputs.parameters
    both = model_and_cases(inputs, both=True)
    if isinstance(both, Unassessed):
        return left_open(inputs, PART, both.reason)
    model, cases = both
    attributes, apart = attributes_of(parameters, cases)
    if not attributes:
        wanted = parameters.attributes or parameters.sensitive
        return left_open(inputs, PART, NO_INPUTS if wanted else NONE_GIVEN)
    done: list[Guessed] = []
    for place, column in enumerate(attributes[:MOST_ATTRIBUTES]):
        progress(
            f"guessing input {place + 1} of {min(len(attributes), MOST_ATTRIBUTES)}",
            place / min(len(attributes), MOST_ATTRIBUTES),
        )
        done.append(attack_column(model, cases, column, inputs.names))
    measured = [(one, one.found) for one in done if isinstance(one.found, AttributeInference)]
    if not measured:
        reasons = dict.fromkeys(one.found.reason for one in done if isinstance(one.found, Unassessed))
        return left_open(inputs, PART, " ".join(reasons))
    worst, found = max(measured, key=lambda pair: pair[1].advantage.value)
    figure = worst_of([one.advantage for _, one in measured])
    left = [inputs.names.column(name) for name in attributes[MOST_ATTRIBUTES:]]
    return _told(inputs, done, worst, found, figure=figure, notes=_notes(cases, apart, left))


def attributes_of(parameters: AssessmentParameters, cases: ModelCases) -> tuple[tuple[str, ...], int]:
    """Return the inputs to attack, and how many of the named columns are no inputs.

    Raises:
        UserError: if ``attributes`` names what is no column of the records.
    """
    inputs_of_model = set(cases.features)
    wanted = parameters.attributes or parameters.sensitive or ()
    unknown = [name for name in parameters.attributes or () if name not in cases.known.columns.columns]
    if unknown:
        raise UserError(
            f"attributes names '{shown(unknown[0])}', which is no column of the records: name inputs of the "
            f"model."
        )
    chosen = tuple(name for name in wanted if name in inputs_of_model)
    return chosen, len(wanted) - len(chosen)


def attack_column(model: OpenedModel, cases: ModelCases, column: str, names: Names) -> Guessed:
    """Attack one column; what cannot be measured has its reason."""
    assert cases.training is not None and cases.held_out is not None
    name = names.column(column)
    most = MOST_AT_ENDPOINT if model.kind == "endpoint" else MOST_RECORDS
    members, others = (cases.training.drawn(most, cases.seed), cases.held_out.drawn(2 * most, cases.seed))
    texts = pd.concat([members.rows[column], others.rows[column]])
    if not pd.api.types.is_numeric_dtype(texts.dtype) and texts.nunique() > MOST_VALUES:
        return Guessed(
            name,
            Unassessed(
                f"'{name}' has more than {MOST_VALUES} different texts: group them first, as a "
                f"generalization does."
            ),
        )
    recipe = model.recipe()
    if recipe is not None and seconds(model.estimator, len(others) // 2, len(others)) > STAND_IN_SECONDS:
        recipe = None  # a random forest stands in
    with threadpool_limits(1):
        found = reason_instead(
            lambda: measure_attribute_inference(
                model.target(),
                members.pair(),
                others.pair(),
                column,
                stand_in=recipe,
                overlap="leave out",
                seed=cases.seed,
            ),
            FeatureNames(names, categories_of(cases.known.rows)),
            (column, *cases.features),
        )
    return Guessed(name, found if isinstance(found, Unassessed) else replace(found, column=name))


def _notes(cases: ModelCases, apart: int, left: list[str]) -> str:
    words = list(cases.notes)
    if apart:
        words.append(
            f"{apart} of the sensitive columns {'is no input' if apart == 1 else 'are no inputs'} of the "
            f"model and "
            "cannot be put to it."
        )
    if left:
        words.append(
            f"The first {MOST_ATTRIBUTES} were attacked, which keeps this section short; not assessed: "
            f"{', '.join(left)}."
        )
    return " ".join(words)


def _told(
    inputs: Inputs,
    done: list[Guessed],
    worst: Guessed,
    found: AttributeInference,
    *,
    figure: Measurement,
    notes: str,
) -> Section:
    parameters = inputs.parameters
    advantage = found.advantage
    accuracy = found.accuracy
    points = 100 * advantage.value
    title = (
        f"Guesses of '{worst.column}' gain {abs(points):.1f} points {'more' if points >= 0 else 'less'} from "
        f"the model about its members than about others; right for {percent(accuracy.value)} of members, "
        f"without the model for {percent(accuracy.baseline)}"
    )
    # What leaks of members is one thing; an attack that does worse than a guess without the model another.
    useful = max(min(advantage.value, accuracy.value - accuracy.baseline), 0.0)
    measured = [one for one in done if isinstance(one.found, AttributeInference)]
    finding = judge(
        RISK,
        title,
        figure,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        success=useful,
        worst_of=len(measured),
        widened=True,
    )
    count = f"{len(measured)} of {len(done)} sensitive inputs"
    return Section(
        id=PART,
        title=part_of(PART).title,
        summary=title + ".",
        assessed=f"attribute inference of {count}",
        findings=(finding,),
        blocks=blocks(
            Text(
                text=f"{found.sentence()} The attacker guesses the column from a person's other columns, the "
                "outcome and the model's answers, once for people in the training data and once for people "
                "that the model never saw; what it gains about the first beyond the second is what leaks. "
                "The finding is about the input of which most leaks; the table has all."
            ),
            Text(text=NO_HELP) if accuracy.value <= accuracy.baseline else None,
            Text(text=notes) if notes else None,
            _table(done),
            Drawing.of(f"Each way to guess '{worst.column}'", plot_attribute_inference(found)),
        ),
        facts={"attributes": len(measured), "advantage": advantage.value, "accuracy": found.accuracy.value},
    )


def _table(done: list[Guessed]) -> Table:
    rows = []
    for one in done:
        if isinstance(one.found, Unassessed):
            rows.append((one.column, f"unassessed: {one.found.reason}", *(None,) * 8))
            continue
        accuracy, advantage = one.found.accuracy, one.found.advantage
        rows.append(
            (
                one.column,
                f"one of {one.found.values} values",
                *_figures(accuracy),
                advantage.value,
                *advantage.interval,
                advantage.control,
                advantage.n,
            )
        )
    return Table(
        title="Each sensitive input: guessed right, and what the model adds about members beyond others",
        columns=(
            "input", "guessed", "members", "without the model", "others",
            "advantage", "low", "high", "control", "records",
        ),
        formats=("text", "text", "share", "share", "share", "figure", "figure", "figure", "figure", "count"),
        rows=tuple(rows),
    )  # fmt: skip


def _figures(accuracy: Measurement) -> tuple[float, float, float | None]:
    return accuracy.value, accuracy.baseline, accuracy.control
