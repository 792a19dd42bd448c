"""How much of the model a thief gets for how many questions, and what they cost."""

from __future__ import annotations

from functools import partial

import numpy as np

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening.models import ModelCases, OpenedModel
from secure_ai.assess.progress import Progress
from secure_ai.assess.risks import judge
from secure_ai.assess.section import Drawing, Section, Table, Text, blocks
from secure_ai.assess.sections.asking import features_of, left_open, notes, opened, reason_instead, told
from secure_ai.attack.extraction import ExtractionResult, measure_extraction, plot_extraction
from secure_ai.attack.extraction.substitute import CHECKPOINTS
from secure_ai.core import Unassessed
from secure_ai.core.figures import percent

ID, TITLE, RISK = "model.extraction", "Extraction", "model.extraction"
# An interval of about two points either way; a copy from more rows of the thief's own is hardly better.
JUDGED, OWNED = 2_000, 2_000
MOST_QUESTIONS = 10_000
# How many of the rarer classes the first questions are expected to meet.
MET = 8
LIMITS = (
    "A copy is learned from the answers by decision trees, a small network and a linear model, whichever "
    "agrees best; questions are asked where the copy is least sure. A thief with better learners, or who "
    "knows the kind of the model, gets more for the same money. Limits on the number of questions are "
    "outside of "
    "this figure: it says what is lost to whom who can ask so often."
)


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Steal the model by its answers and judge how well the copy agrees with it."""
    found = opened(inputs, labels=False)
    if isinstance(found, Unassessed):
        return left_open(inputs, ID, found.reason)
    model, cases = found
    stolen = _stolen(inputs, model, cases, progress)
    if isinstance(stolen, Unassessed):
        return left_open(inputs, ID, stolen.reason)
    return _section(inputs, cases, stolen)


def _stolen(
    inputs: Inputs, model: OpenedModel, cases: ModelCases, progress: Progress
) -> ExtractionResult | Unassessed:
    parameters = inputs.parameters
    budget = min(parameters.queries, MOST_QUESTIONS)
    target = partial(told, model, progress, "stealing the model by its answers", budget + JUDGED)
    judged, owned = cases.attacked_rows(JUDGED), cases.reference_rows(JUDGED)

    def measure() -> ExtractionResult | Unassessed:
        asked = target()
        # Where a class is rare, the first questions have to be many enough to meet it.
        _, counts = np.unique(asked.labels(judged.rows), return_counts=True)
        rare = 1 - counts.max() / counts.sum()
        return measure_extraction(
            asked,
            owned.drawn(OWNED, parameters.seed).rows,
            judged.rows,
            budget=budget,
            checkpoints=[mark for mark in CHECKPOINTS if mark * rare >= MET],
            price_per_thousand=parameters.price_per_thousand,
            seed=parameters.seed,
        )

    return reason_instead(measure, features_of(inputs, cases), cases.features)


def _section(inputs: Inputs, cases: ModelCases, stolen: ExtractionResult) -> Section:
    parameters, figure = inputs.parameters, stolen.fidelity
    free = figure.baseline
    rest = (figure.value - free) / (1 - free) if free < 1 else 0.0
    limit = free + (1 - free) / 2
    title = (
        f"{stolen.queries:,} questions for {stolen.cost:,.2f} {stolen.currency} rebuild "
        f"{percent(figure.value)} of the model's answers; without any it is {percent(free)}"
    )
    finding = judge(
        RISK,
        title,
        figure,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        threshold=limit,
        threshold_source=(
            "the kit's own, and meant to be argued with: half of the way from what naming the model's most "
            f"frequent answer reaches ({percent(free)}) to a full copy"
        ),
        success=max(rest, 0.0),
    )
    curve = stolen.curve[["queries", "cost", "fidelity", "low", "high"]].set_axis(
        ["questions", f"cost in {stolen.currency}", "same answers", "at least", "at most"], axis=1
    )
    drawing = plot_extraction(stolen)
    enough = stolen.queries_for(limit)
    bounded = ""
    if stolen.queries < parameters.queries:
        bounded = (
            f" A thief can pay for {parameters.queries:,} questions; {stolen.queries:,} were asked, since "
            "the "
            "section is bounded there. The curve shows what more would add."
        )
    return Section(
        id=ID,
        title=TITLE,
        summary=title,
        assessed=f"Extraction of the model by {stolen.queries:,} questions",
        findings=(finding,),
        blocks=blocks(
            Text(text=stolen.sentence() + bounded),
            Drawing.of(drawing.axes[0].get_title(loc="left"), drawing),
            Table.of(
                "What each number of questions buys", curve, ("count", "figure", "share", "share", "share")
            ),
            notes(
                cases,
                f"The copy was judged on {figure.n:,} records; the thief owned "
                f"{stolen.substitute.own_rows:,} others, without their classes.",
            ),
            Text(text=LIMITS),
        ),
        facts={
            "fidelity": figure.value,
            "without_questions": free,
            "questions": stolen.queries,
            "cost": stolen.cost,
            "questions_to_the_threshold": enough,
        },
    )
