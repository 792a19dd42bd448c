"""What a random forest of scikit-learn's defaults gives away of 5,000 people of Adult."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

from secure_ai.attack.membership import measure_recipe

pytestmark = pytest.mark.shared_data


def adult(folder):
    """Different people only: a third of the file stands there twice, which no attack could tell apart."""
    data = pd.read_csv(folder / "adult.csv", sep=";").drop_duplicates()
    features = data.drop(columns="salary-class")
    codes = {name: features[name].astype("category").cat.codes for name in features.select_dtypes("str")}
    return features.assign(**codes).to_numpy(np.float32), (data["salary-class"] == ">50K").to_numpy(int)


@pytest.mark.slow
def test_sixteen_references_reach_the_figures_asked_for_and_the_control_is_one_half(shared_data):
    found = measure_recipe(
        RandomForestClassifier(), *adult(shared_data), members=5_000, references=16, targets=4, controls=10
    )
    assert found.mean("auc").value >= 0.83
    assert found.mean("tpr_at_1_percent").value >= 0.14
    controls = found.frame.loc[found.frame["model"] == "control", "auc"]
    assert len(controls) == 10
    assert (controls - 0.5).abs().max() <= 0.02


def test_a_small_forest_and_eight_references_already_leak(shared_data):
    found = measure_recipe(
        RandomForestClassifier(n_estimators=20),
        *adult(shared_data),
        members=1_000,
        references=8,
        targets=1,
        controls=1,
    )
    assert found.mean("auc").value > 0.75
    assert abs(found.mean("auc").control - 0.5) < 0.04
