"""The decisions that fairness is judged on: of a model about records, or those that probabilities make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening.probabilities import read_probabilities
from secure_ai.assess.sections.asking import (
    class_of,
    favorable_class,
    features_of,
    opened,
    reason_instead,
)
from secure_ai.core import Unassessed

# An endpoint is asked over the network.
MOST_BY_NETWORK = 5_000


@dataclass(frozen=True)
class Decisions:
    """What was decided about whom.

    Attributes:
        favored: (records,) whether the model gives the favorable class.
        deserved: (records,) whether that is the true class; None where it is not known.
        score: (records,) probability of the favorable class; None where the model gives none.
        threshold: from which score the decision is favorable.
        frame: the records with their groups.
        source: what the decisions were taken from, in words.
    """

    favored: np.ndarray
    deserved: np.ndarray | None
    score: np.ndarray | None
    threshold: float
    frame: pd.DataFrame
    source: str


def decisions(inputs: Inputs) -> Decisions | Unassessed:
    """Return the decisions of the model, or those that its probabilities make.

    Raises:
        UserError: if what was given is wrong.
    """
    if not inputs.parameters.model:
        return _of_table(inputs)
    found = _of_model(inputs)
    if isinstance(found, Unassessed) and inputs.parameters.probabilities:
        return _of_table(inputs)
    return found


def _of_model(inputs: Inputs) -> Decisions | Unassessed:
    parameters = inputs.parameters
    found = opened(inputs, labels=False)
    if isinstance(found, Unassessed):
        return found
    model, cases = found
    favorable = favorable_class(parameters.favorable, model.classes)
    known = cases.known
    if model.kind == "endpoint":
        known = known.drawn(MOST_BY_NETWORK, parameters.seed)

    def measure() -> tuple[np.ndarray, np.ndarray | None]:
        target = model.target()
        if target.answer == "labels":
            return target.labels(known.rows), None
        chances = target.probabilities(known.rows)
        return target.decide(chances), chances[:, target.index_of(favorable)]

    answers = reason_instead(measure, features_of(inputs, cases), cases.features)
    if isinstance(answers, Unassessed):
        return answers
    labels, score = answers
    held_out = cases.held_out is not None
    kind = "held-out records" if held_out else "records that it was trained on (its errors are understated)"
    words = f"The decisions are those of the model about {len(known):,} {kind}. " + " ".join(cases.notes)
    two = len(model.classes) == 2
    return Decisions(
        favored=labels == favorable,
        deserved=None if known.labels is None else known.labels == favorable,
        score=score if two else None,
        threshold=_threshold(parameters.decision_threshold, favorable == model.classes[1]),
        frame=known.columns,
        source=words.strip(),
    )


def _of_table(inputs: Inputs) -> Decisions | Unassessed:
    parameters = inputs.parameters
    frame = read_probabilities(inputs).to_pandas()
    classes = [name[2:] for name in frame.columns if name.startswith("p_")]
    chances = frame[[f"p_{name}" for name in classes]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    wrong = ~np.isfinite(chances).all(axis=1) | (chances < 0).any(axis=1) | (chances > 1).any(axis=1)
    wrong |= np.abs(chances.sum(axis=1) - 1) > 0.02
    if wrong.any():
        return Unassessed(
            f"{int(wrong.sum()):,} of {len(frame):,} rows of probabilities are none: each is between 0 and "
            "1, "
            "and they add up to 1."
        )
    favorable = favorable_class(parameters.favorable, classes)
    place, two = classes.index(favorable), len(classes) == 2
    sure = (chances[:, 1] >= parameters.decision_threshold).astype(int) if two else None
    decided = chances.argmax(axis=1) if sure is None else sure
    deserved = None
    if "label" in frame and frame["label"].notna().all():
        deserved = np.array([class_of(one, classes, "label") == favorable for one in frame["label"]])
    held = ""
    if "member" in frame:
        outside = ~frame["member"].astype(str).str.strip().str.lower().isin({"1", "1.0", "true", "yes"})
        if outside.sum() >= 20:
            keep = outside.to_numpy()
            frame, decided, chances = frame[keep].reset_index(drop=True), decided[keep], chances[keep]
            deserved = None if deserved is None else deserved[keep]
            held = " that it was not trained on"
    return Decisions(
        favored=decided == place,
        deserved=deserved,
        score=chances[:, place] if two else None,
        threshold=_threshold(parameters.decision_threshold, place == 1),
        frame=frame,
        source=f"The decisions follow from the probabilities of {len(frame):,} records{held}.",
    )


def _threshold(of_second: float, second: bool) -> float:
    # Of the first class: above, not from, what the second leaves.
    return of_second if second else float(np.nextafter(1 - of_second, 2))
