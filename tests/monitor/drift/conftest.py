"""The hospital's readmissions with a model, made once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def readmissions():
    """Stays without identifiers."""
    from synthetic_data import load

    return (
        load("healthcare", rows=4_000, seed=11)
        .tables["readmissions"]
        .drop(columns=["encounter_id", "patient_id"])
    )


@pytest.fixture(scope="session")
def model(readmissions):
    """A logistic regression on the first third: its scores for the second (reference) and third (current)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from synthetic_data.healthcare import readmission_features

    frame = readmissions.sample(frac=1, random_state=0).reset_index(drop=True)
    x = readmission_features(frame.assign(encounter_id="", patient_id=""))
    y = frame["readmitted_30d"].to_numpy(float)
    third = len(frame) // 3
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    scores = fitted.fit(x[:third], y[:third]).predict_proba(x)[:, 1]
    old, new = slice(third, 2 * third), slice(2 * third, None)
    return SimpleNamespace(
        reference=frame.iloc[old], current=frame.iloc[new].reset_index(drop=True),
        scores=scores[old], labels=y[old], new_scores=scores[new], new_labels=y[new],
    )  # fmt: skip
