"""How much a membership attack may cost: how many reference models, of how many records.

The choice follows from the model's settings and the number of records, never from the clock, so that the same
inputs give the same figures on every machine.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from secure_ai.assess.opening.model_cases import Cases

BUDGET = 15.0
MOST_ATTACKED = 5_000
REFERENCES, FEWER = 16, 8
LEAST_TRAINED = 400
COLUMNS_UNKNOWN = 20


@dataclass(frozen=True)
class Plan:
    """What is attacked, and with what.

    Attributes:
        references: reference models; 0 where none can be trained within the budget.
        trained: records in the training of each.
        attacked: records of each kind that are attacked at most.
        population: further records that only references are trained on.
        reason: what was bounded, and why; empty where nothing was.
    """

    references: int
    trained: int
    attacked: int
    population: int
    reason: str


def plan(recipe: Any, fitted: Any, training: Cases, held_out: Cases, *, budget: float = BUDGET) -> Plan:
    """Choose references that are as much like the model as the budget allows.

    Args:
        recipe: the model untrained.
        fitted: the model; its fitted attributes say how many rounds it took.
        training, held_out: what there is.
        budget: seconds of computing on one core.
    """
    pool = len(training) + len(held_out)
    wanted = max(min(training.total, pool // 2), LEAST_TRAINED // 2)
    for references in (REFERENCES, FEWER):
        if references * seconds(fitted, wanted, 2 * wanted) <= budget:
            return _of(references, wanted, wanted, training, held_out)
    trained = wanted
    while trained > LEAST_TRAINED and FEWER * seconds(fitted, trained, 2 * trained) > budget:
        trained = int(trained * 0.8)
    if FEWER * seconds(fitted, trained, 2 * trained) > budget:
        return Plan(0, 0, min(MOST_ATTACKED, pool), 0, "One model like it takes too long to train again.")
    return _of(FEWER, trained, wanted, training, held_out)


def _of(references: int, trained: int, wanted: int, training: Cases, held_out: Cases) -> Plan:
    attacked = max(min(MOST_ATTACKED, trained), 20)
    inside, outside = min(attacked, len(training)), min(attacked, len(held_out))
    population = max(min(2 * trained, len(training) + len(held_out)) - inside - outside, 0)
    words = []
    actual = (inside + outside + population) // 2
    if actual < 0.9 * training.total:
        words.append(
            f"The reference models were trained on {actual:,} records each, the model on {training.total:,}: "
            f"an "
            "attacker with more records and time would do better"
        )
    if references < REFERENCES:
        words.append(
            f"there were {references} of them instead of {REFERENCES}, which keeps this section short"
        )
    if inside < len(training) or outside < len(held_out):
        words.append(f"{inside:,} and {outside:,} records were attacked, drawn at random")
    reason = "; ".join(words)
    return Plan(
        references, trained, attacked, population, reason[:1].upper() + reason[1:] + "." * bool(reason)
    )


def seconds(model: Any, records: int, asked: int) -> float:
    """Return about how long it takes on one core to train a model like it and to ask it.

    Coefficients were measured with scikit-learn 1.9 (see benchmarks of this kit); what is not known counts as
    slow.
    """
    steps = getattr(model, "steps", None)
    if steps:
        inner = seconds(steps[-1][1], records, asked)
        return inner + 2e-6 * (records + asked) * _columns(model)
    kind = type(model).__name__
    columns = _columns(model)
    classes = len(getattr(model, "classes_", (0, 1)))
    scores = 1 if classes == 2 else classes
    depth = math.log2(max(records, 2))
    if kind == "HistGradientBoostingClassifier":
        rounds = int(getattr(model, "n_iter_", None) or model.max_iter) * scores
        return rounds * (2e-3 + 7e-9 * records * columns + 5e-8 * asked)
    if kind == "GradientBoostingClassifier":
        rounds = int(getattr(model, "n_estimators_", None) or model.n_estimators) * scores
        deeper = max((model.max_depth or depth) / 3, 1)
        return rounds * (1e-3 + deeper * (2.3e-8 * records * columns * depth + 1e-8 * asked))
    if kind in ("RandomForestClassifier", "ExtraTreesClassifier"):
        return model.n_estimators * (2e-3 + 6e-8 * records * math.sqrt(columns) * depth + 2e-7 * asked)
    if kind == "DecisionTreeClassifier":
        return 1e-3 + 3e-8 * records * columns * depth + 2e-7 * asked
    if kind in ("LogisticRegression", "RidgeClassifier", "GaussianNB", "LinearDiscriminantAnalysis"):
        return 5e-3 + 1e-6 * records * columns * scores + 1e-8 * asked * columns
    if kind == "MLPClassifier":
        layers = model.hidden_layer_sizes
        sizes = [columns, *(layers if isinstance(layers, list | tuple) else [layers]), scores]
        weights = sum(first * second for first, second in itertools.pairwise(sizes))
        return 3e-9 * model.max_iter * records * weights + 1e-9 * asked * weights
    if kind == "SVC":
        return 2e-8 * records**2 * columns + 2e-8 * records * asked * columns
    if kind == "KNeighborsClassifier":
        return 2e-9 * records * asked * columns
    # Wrappers and what was never measured: ten milliseconds a record.
    return 1e-2 * records + 1e-4 * asked


def _columns(model: Any) -> int:
    return int(getattr(model, "n_features_in_", None) or COLUMNS_UNKNOWN)
