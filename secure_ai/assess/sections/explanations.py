"""Some decisions explained, and whether the reasons stay the same when nothing of substance changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.intervals import mean_interval, worst_of
from secure_ai.assess.opening.models import ModelCases, OpenedModel
from secure_ai.assess.progress import Progress
from secure_ai.assess.risks import judge
from secure_ai.assess.section import Drawing, Section, Table, Text, blocks
from secure_ai.assess.sections.asking import (
    class_names,
    favorable_class,
    features_of,
    left_open,
    notes,
    opened,
    reason_instead,
    told,
)
from secure_ai.assess.sections.feature_names import FeatureNames, categories_of
from secure_ai.attack.targets import Target, TargetError
from secure_ai.core import Unassessed
from secure_ai.core.figures import percent
from secure_ai.defend.explanations import (
    Explanation,
    ExplanationStability,
    MadeRowsCheck,
    check_made_rows,
    explain,
    explanation_stability,
    plot_explanation,
    plot_stability,
    reason_codes,
)
from secure_ai.defend.explanations.reasons import AdverseActionReasons

ID, TITLE, RISK = "model.explanations", "Decisions explained", "fairness.explanations"
SAMPLES = (("near the threshold", 2), ("clear for the favorable class", 1), ("clear against it", 2))
JUDGED, BACKGROUND, COMPARED_WITH = 20, 1_000, 100
TOP = 4
# Rows that the model is asked about for the stability, whatever the number of features.
MOST_QUESTIONS, MOST_BY_NETWORK = 400_000, 15_000
LEAST_ORDERS, MOST_ORDERS = 10, 200
REAL_ROWS = 800
SHOWN_FEATURES = 6
CLEAR = 0.05
TOO_FEW = "There are too few records to explain decisions with: 30 or more are needed."
NO_FEATURES = "The model takes one feature: there is no order of reasons that could change."
LIMITS = (
    "Contributions say what moved the model's answer, compared with other records. They do not say what "
    "causes the outcome, what is just, or what a person could change. The values of the people behind these "
    "decisions are not shown."
)


@dataclass(frozen=True)
class _Explained:
    """What was explained: (kind of decision, explanation), stability, and whether made rows mislead."""

    samples: tuple[tuple[str, Explanation], ...]
    stability: ExplanationStability
    made: MadeRowsCheck | Unassessed
    refused: tuple[AdverseActionReasons, ...]


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Explain some decisions and measure how stable explanations are."""
    found = opened(inputs, labels=False)
    if isinstance(found, Unassessed):
        return left_open(inputs, ID, found.reason)
    model, cases = found
    favorable = favorable_class(inputs.parameters.favorable, model.classes)
    if len(cases.known) < 30:
        return left_open(inputs, ID, TOO_FEW)
    groups = categories_of(cases.known.rows)
    players = len(cases.features) - sum(map(len, groups.values())) + len(groups)
    if players < 2:
        return left_open(inputs, ID, NO_FEATURES)
    explained = reason_instead(
        lambda: _explained(inputs, model, cases, favorable, progress),
        features_of(inputs, cases),
        cases.features,
    )
    if isinstance(explained, Unassessed):
        return left_open(inputs, ID, explained.reason)
    return _section(inputs, model, cases, explained, favorable)


def orders_within(players: int, questions: int) -> int:
    """Return how many random orders the explanations of the stability may use."""
    return int(np.clip(questions // (4 * JUDGED * (players + 1)), LEAST_ORDERS, MOST_ORDERS))


def choose(chance: np.ndarray, threshold: float, favored: np.ndarray, seed: int) -> list[tuple[str, int]]:
    """Choose decisions near the threshold, clearly for and clearly against, drawn by the seed.

    Args:
        chance: (records,) the answer about the favorable class.
        threshold: of the decision.
        favored: (records,) the decisions.
        seed: of the draw.

    Returns:
        Kind and place of each; no place twice.
    """
    rng = np.random.default_rng([seed, 11])
    order = np.argsort(chance, kind="stable")
    size = max(5, round(CLEAR * len(chance)))
    pools = {
        "near the threshold": np.argsort(np.abs(chance - threshold), kind="stable")[:size],
        "clear for the favorable class": np.array([p for p in order[::-1][:size] if favored[p]], dtype=int),
        "clear against it": np.array([p for p in order[:size] if not favored[p]], dtype=int),
    }
    chosen: list[tuple[str, int]] = []
    for kind, count in SAMPLES:
        free = np.setdiff1d(pools[kind], [place for _, place in chosen])
        drawn = rng.choice(free, min(count, len(free)), replace=False) if len(free) else free
        chosen += [(kind, int(place)) for place in drawn]
    return chosen


def _explained(
    inputs: Inputs, model: OpenedModel, cases: ModelCases, favorable: Any, progress: Progress
) -> _Explained:
    seed, network = inputs.parameters.seed, model.kind == "endpoint"
    questions = MOST_BY_NETWORK if network else MOST_QUESTIONS
    judged, groups = cases.attacked_rows(REAL_ROWS), categories_of(cases.known.rows)
    others = cases.reference_rows(REAL_ROWS).drawn(BACKGROUND, seed).rows
    players = len(cases.features) - sum(map(len, groups.values())) + len(groups)
    orders = orders_within(players, questions)
    # Every combination of a few features costs no more than random orders of them.
    exact = 4 * JUDGED * 2**players * COMPARED_WITH <= questions if players <= 10 else False
    settings: dict[str, Any] = {
        "method": "exact" if exact else "sampled",
        "groups": groups or None,
        "permutations": orders,
        "background_rows": COMPARED_WITH,
    }
    target = told(model, progress, "explaining decisions", questions)
    chance = target.scores(judged.rows, favorable)
    chosen = choose(
        chance, _cut(target, favorable), np.asarray(target.labels(judged.rows) == favorable), seed
    )
    background = others
    samples, refused = [], []
    for place, (kind, at) in enumerate(chosen):
        row = judged.rows.iloc[[at]]
        samples.append((kind, _one(target, row, background, favorable, settings | {"seed": seed + place})))
        against = kind == "clear against it" and len(target.classes) == 2
        if against and inputs.parameters.sector == "finance":
            other = next(one for one in target.classes if one != favorable)
            refusal = _one(target, row, background, other, settings | {"seed": seed + place})
            refused.append(reason_codes(refusal, background))
    stability = explanation_stability(
        target,
        judged.rows.iloc[:JUDGED],
        background,
        label=favorable,
        top=min(TOP, players - 1),
        seed=seed,
        **settings,
    )
    if isinstance(stability, Unassessed):
        raise TargetError(stability.reason)
    stability = with_intervals(stability)
    made = check_made_rows(target, judged.rows, groups=list(groups.values()), seed=seed)
    return _Explained(tuple(samples), stability, made, tuple(refused))


def with_intervals(stability: ExplanationStability) -> ExplanationStability:
    """Return the stability with intervals that hold of few decisions, too, where a bootstrap's do not."""
    agreement = {}
    for change, one in stability.agreement.items():
        kept = stability.per_row.loc[stability.per_row["change"] == change, "agreement"]
        method = f"{one.method}; Student's interval, one decision of each extreme added"
        agreement[change] = replace(one, interval=mean_interval(kept.to_numpy()), method=method)
    return replace(stability, agreement=agreement)


def _one(
    target: Target,
    row: pd.DataFrame,
    background: pd.DataFrame,
    label: Any,
    settings: Mapping[str, Any],
) -> Explanation:
    found = explain(target, row, background, label=label, **settings)
    if isinstance(found, Unassessed):
        raise TargetError(found.reason)
    return found


def _cut(target: Target, favorable: Any) -> float:
    if len(target.classes) > 2:
        return 0.5
    return target.threshold if favorable == target.classes[1] else 1 - target.threshold


def _section(
    inputs: Inputs, model: OpenedModel, cases: ModelCases, explained: _Explained, favorable: Any
) -> Section:
    parameters = inputs.parameters
    features = features_of(inputs, cases)
    stable = explained.stability
    worst, _ = min(stable.agreement.items(), key=lambda item: item[1].value)
    figure = worst_of(list(stable.agreement.values()), "below")
    title = (
        f"Of the {stable.top} strongest reasons {percent(figure.value)} stay with {worst}; chance alone "
        f"would keep {percent(figure.baseline)}"
    )
    finding = judge(
        RISK,
        title,
        figure,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        worst_of=len(stable.agreement),
        widened=True,
    )
    known = cases.known.labels if cases.known.labels is not None else np.array([])
    called = class_names(known, model.classes, inputs.names)[favorable]
    parts: list[Any] = [_samples_table(explained.samples, features)]
    near = next((one for kind, one in explained.samples if kind == "near the threshold"), None)
    if near is not None:
        shown = replace(near, features=tuple(features.columns(near.features)))
        drawing = plot_explanation(shown, outcome="A decision near the threshold")
        parts.append(Drawing.of(drawing.axes[0].get_title(loc="left"), drawing))
    drawing = plot_stability(stable)
    frame = stable.to_frame()[["change", "agreement", "low", "high", "baseline", "control", "n"]]
    columns = ["change", "reasons that stay", "at least", "at most", "random order", "unchanged", "decisions"]
    parts += [
        Drawing.of(drawing.axes[0].get_title(loc="left"), drawing),
        Table.of(
            "Which of the strongest reasons stay",
            frame.set_axis(columns, axis=1),
            ("text", "share", "share", "share", "share", "share", "count"),
        ),
        _made_text(explained.made),
    ]
    if explained.refused:
        parts += _reason_blocks(explained.refused, features)
    elif parameters.sector == "finance":
        parts.append(
            Text(text="No clear refusal was among the explained decisions, so that no reasons were drawn up.")
        )
    background = explained.samples[0][1].background if explained.samples else 0
    return Section(
        id=ID,
        title=TITLE,
        summary=title,
        assessed=f"Explanations of {len(explained.samples)} decisions, and their stability on {figure.n:,}",
        findings=(finding,),
        blocks=blocks(
            Text(
                text=f"{len(explained.samples)} decisions were explained ({stable.method}), each compared "
                "with "
                f"{background:,} other records. Contributions are to the answer about the favorable "
                f"class ({called}); positive ones speak for it."
            ),
            *parts,
            notes(
                cases,
                f"The stability was measured on {figure.n:,} decisions; the interval is what so few allow.",
            ),
            Text(text=LIMITS),
        ),
        facts={
            "explained": len(explained.samples),
            "reasons_that_stay": figure.value,
            "worst_change": worst,
            "made_rows_mislead": explained.made.departs()
            if isinstance(explained.made, MadeRowsCheck)
            else None,
        },
    )


def _samples_table(samples: Sequence[tuple[str, Explanation]], features: FeatureNames) -> Table:
    rows = []
    for number, (kind, one) in enumerate(samples, 1):
        strongest = np.argsort(-np.abs(one.contributions), kind="stable")[:SHOWN_FEATURES]
        sure = one.beyond_chance()
        rows += [
            (
                f"{number}: {kind}",
                one.score,
                one.base,
                features.column(one.features[at]),
                float(one.contributions[at]),
                float(one.standard_errors[at]),
                "yes" if sure[at] else "no",
            )
            for at in strongest
        ]
    columns = [
        "decision", "answer", "average of the others", "feature", "contribution", "standard error",
        "beyond chance",
    ]  # fmt: skip
    return Table.of(
        f"What moved {len(samples)} decisions, the strongest first",
        pd.DataFrame(rows, columns=columns),
        ("text", "share", "share", "text", "figure", "figure", "text"),
    )


def _made_text(made: MadeRowsCheck | Unassessed) -> Text:
    if isinstance(made, Unassessed):
        return Text(text=f"Whether rows that only explainers make mislead was not assessed: {made.reason}")
    return Text(text=made.sentence())


def _reason_blocks(refused: Sequence[AdverseActionReasons], features: FeatureNames) -> list[Any]:
    """Say whether the reasons of clear refusals could be sent, without the people's values."""
    rows = []
    for number, one in enumerate(refused, 1):
        problems = sorted({_problem(text) for text in one.problems})
        rows.append((number, len(one.reasons), one.named, "; ".join(problems) or "none"))
    usable = sum(not one.problems for one in refused)
    return [
        Text(
            text=f"Reasons for a customer (12 CFR 1002.9) were drawn up for {len(refused)} clear refusals; "
            f"{usable} of them could be sent as they are. Words for each feature are the house's own to "
            "give; the "
            "kit knows those of its own loans."
        ),
        Table.of(
            "Whether reasons of clear refusals could be sent",
            pd.DataFrame(
                rows, columns=["refusal", "reasons with words", "share of what counted", "in the way"]
            ),
            ("count", "count", "share", "text"),
        ),
    ]


def _problem(sentence: str) -> str:
    """Return what stands against a notice, in words without the names of features."""
    if "There are no words for" in sentence:
        return "no words for a feature that counted"
    if "is a basis on which" in sentence:
        return (
            "a feature named like a prohibited basis counted against the applicant: have the model reviewed"
        )
    if "are not specific" in sentence:
        return "words that are not specific"
    return "no feature counted beyond chance"
