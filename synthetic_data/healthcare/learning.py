"""The hospital's two learning tasks: simple features, a simple baseline, and a measure of both.

The data card states the margins; this module is how they are measured, in the tests as in the lessons.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from synthetic_data.cards import Learned
from synthetic_data.dataset import ScanImages

_HELD_OUT = 0.35


def readmission_features(readmissions: pd.DataFrame) -> pd.DataFrame:
    """The table `readmissions` without ids and label, as numbers: a column for each category of a text."""
    known = readmissions.drop(columns=["encounter_id", "patient_id", "readmitted_30d"])
    return pd.get_dummies(known, dtype=float).astype(float)


def learn_readmission(readmissions: pd.DataFrame, seed: int = 0) -> Learned:
    """Logistic regression on patients that it has not seen; the baseline counts prior admissions.

    Args:
        readmissions: the table of that name.
        seed: which patients are held out.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupShuffleSplit
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = readmission_features(readmissions), readmissions["readmitted_30d"].to_numpy()
    split = GroupShuffleSplit(n_splits=1, test_size=_HELD_OUT, random_state=seed)
    train, test = next(split.split(x, y, readmissions["patient_id"]))
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500))
    model.fit(x.iloc[train], y[train])
    return Learned(
        task="readmission",
        auc=float(roc_auc_score(y[test], model.predict_proba(x.iloc[test])[:, 1])),
        baseline_auc=float(roc_auc_score(y[test], readmissions["prior_admissions"].iloc[test])),
        baseline="prior admissions alone",
        rows=len(y),
        positives=int(y.sum()),
    )


def learn_scans(images: ScanImages, seed: int = 0) -> Learned:
    """Logistic regression on principal components, five-fold; the baseline is the mean brightness.

    Args:
        images: the scans.
        seed: how the folds are cut.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    pixels = images.pixels.reshape(len(images), -1).astype(np.float64) / 255
    model = make_pipeline(PCA(40, random_state=seed), StandardScaler(), LogisticRegression(C=0.1))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    # One thread: small matrices gain nothing from more, and a shared machine loses.
    with threadpool_limits(1):
        scores = cross_val_predict(model, pixels, images.labels, cv=folds, method="predict_proba")[:, 1]
    return Learned(
        task="scans",
        auc=float(roc_auc_score(images.labels, scores)),
        baseline_auc=float(roc_auc_score(images.labels, pixels.mean(axis=1))),
        baseline="mean brightness",
        rows=len(images),
        positives=int(images.labels.sum()),
    )
