"""Small models and records for the sections that ask a model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening.models import OpenedModel
from secure_ai.assess.parameters import AssessmentParameters

CANARY = "canary-7f3a"
FEATURES = ["income", "debts", "months"]


def records(count: int, seed: int) -> pd.DataFrame:
    """Return people with three inputs, a group that is none, and a class that follows from the inputs."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "income": rng.normal(50, 10, count).round(2),
            "debts": rng.normal(20, 5, count).round(2),
            "months": rng.integers(1, 60, count),
        }
    )
    score = (frame["income"] - 50) / 10 - (frame["debts"] - 20) / 5
    frame["sex"] = rng.choice(["f", "m"], count)
    frame["town"] = np.where(np.arange(count) < 3, CANARY, rng.choice(["north", "south"], count))
    frame["paid"] = (score + rng.normal(0, 0.3, count) > 0).astype(int)
    return frame


def fitted() -> LogisticRegression:
    """Return a linear model that is easily evaded."""
    known = records(600, 1)
    return LogisticRegression().fit(known[FEATURES], known["paid"])


def write(folder: Path) -> dict[str, Any]:
    """Write model and records, and return the parameters that name them."""
    import skops.io

    skops.io.dump(fitted(), folder / "model.skops")
    records(600, 1).to_csv(folder / "training.csv", index=False)
    records(500, 2).to_csv(folder / "held.csv", index=False)
    return {
        "sector": "finance",
        "model": str(folder / "model.skops"),
        "training": str(folder / "training.csv"),
        "held_out": str(folder / "held.csv"),
        "target": "paid",
        "rows": 20,
        "queries": 300,
    }


def opened(**parameters: Any) -> Inputs:
    """Return the inputs of an assessment."""
    return Inputs(AssessmentParameters.read(parameters))


def with_answers(inputs: Inputs, ask: Any, estimator: Any = None) -> Inputs:
    """Return the inputs with a model that answers as ``ask`` does, and is trained again as ``estimator``."""
    asked = SimpleNamespace(ask=ask, classes=[0, 1], answer="probabilities")
    inputs.__dict__["model"] = OpenedModel("onnx", (0, 1), tuple(FEATURES), 3, estimator, None, asked)
    return inputs


def only(section: Any) -> Any:
    """Return the finding of a section that has one."""
    (finding,) = section.findings
    return finding
