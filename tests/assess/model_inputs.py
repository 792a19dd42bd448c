"""Small models and records that the tests of the model sections share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening.models import open_model
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.attack.supply_chain.guards import Limits

FEATURES = ["age", "stay", "dose", "smoker"]
CANARY = 73_551.25  # a raw value of the records that must never be shown
QUICK = Limits(seconds=2.0, cpu_seconds=60, memory_mib=4096, file_mib=4)

LIARS = """
import os, signal, time
import numpy as np

class Liar:
    classes_ = np.array([0, 1])
    def __init__(self, way): self.way = way
    def predict_proba(self, rows):
        n = len(rows)
        if self.way == "sleeps": time.sleep(600)
        if self.way == "crashes": os.kill(os.getpid(), signal.SIGKILL)
        if self.way == "fails": raise ValueError(str(rows))
        half = np.full((n, 2), 0.5)
        way = rows["age"].iloc[0]
        if way == 1: half[0] = np.nan
        if way == 2: half = np.full((n, 3), 1 / 3)
        if way == 3: half = half + 0.4
        if way == 4: half = half[:-1]
        if way == 5: half[:, 0], half[:, 1] = 1.5, -0.5
        return half

class Stranger:
    classes_ = np.array([0, 1])
    def predict(self, rows): return np.full(len(rows), 7)
"""


def records(n: int, seed: int, *, noise: float) -> pd.DataFrame:
    """Return invented records; the outcome follows ``age`` and ``dose`` up to the noise."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, n),
            "stay": rng.gamma(2.0, 3.0, n).round(3),
            "dose": rng.normal(50, 10, n).round(3),
            "smoker": rng.integers(0, 2, n),
            "ward": rng.choice(["north", "south"], n),
        }
    )
    score = (frame["age"] - 54) / 20 + (frame["dose"] - 50) / 10 + rng.normal(0, noise, n)
    return frame.assign(outcome=(score > 0).astype(int))


def parameters(**given: Any) -> AssessmentParameters:
    """Return parameters of a hospital's model."""
    return AssessmentParameters.read({"sector": "healthcare", "target": "outcome", **given})


def inputs_with(given: AssessmentParameters, **options: Any) -> Inputs:
    """Return inputs whose model is opened with other limits than those of an assessment."""
    inputs = Inputs(given)
    inputs.__dict__["model"] = open_model(given, inputs.closing, **options)
    return inputs


def written(frame: pd.DataFrame, folder: Path, name: str) -> str:
    """Write a table and return its path."""
    path = folder / name
    frame.to_csv(path, index=False)
    return str(path)
