"""Several synthetic tables beside each other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from secure_ai.attack.synthetic_data import independent_columns, synthetic_privacy
from secure_ai.attack.synthetic_data.reports import comparison_report


def test_copy_shows_a_risk_and_attacks_that_were_not_made_are_unassessed():
    rng = np.random.default_rng(3)
    table = pd.DataFrame({name: rng.integers(0, 60, 400) for name in "abc"}).drop_duplicates()
    half = len(table) // 2
    inside, outside = table[:half].reset_index(drop=True), table[half : 2 * half].reset_index(drop=True)
    found = {
        name: synthetic_privacy(inside, made, outside, secrets=["c"], n_attacks=150)
        for name, made in {"copy": inside, "columns": independent_columns(inside)}.items()
    }
    report = comparison_report(found).set_index(["made from", "attack"])
    risk = report["risk (95% interval)"]
    assert float(risk["copy", "inference of c"].split()[0]) > 0.9
    assert risk["copy", "linkability"] == risk["columns", "linkability"] == "unassessed"
    assert report.loc[("copy", "linkability"), "works on who went in"] == "not tried"
