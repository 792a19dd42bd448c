"""What private training costs and buys, as a table for people."""

from __future__ import annotations

import math

import pandas as pd

from secure_ai.attack.membership import PrivacyUtilityCurve
from secure_ai.attack.membership.reports import curve_report


def test_training_without_noise_is_named_and_no_advantage_is_minus_zero():
    frame = pd.DataFrame(
        {
            "epsilon": [1.0, math.inf],
            "accuracy": [0.7, 0.8],
            "advantage": [-0.0001, 0.25],
            "most_advantage": [0.46, 1.0],
        }
    )
    report = curve_report(PrivacyUtilityCurve(frame, 100, 0.5, 1))
    assert report.to_numpy().tolist() == [
        ["1", "70.0%", "0.000", "0.46"],
        ["no noise", "80.0%", "0.250", "1.00"],
    ]
