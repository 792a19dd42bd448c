"""The numbers behind the hospital: what raises which risk. The data card and the tests read them from
here."""

from __future__ import annotations

import numpy as np

FIRST_DAY = np.datetime64("2024-01-01", "us")
DAYS = 731  # 2024-01-01 to 2025-12-31
MINUTES = DAYS * 24 * 60

FOLLOW_UP_DAYS = 30
LONGEST_STAY_DAYS = 21
LONGEST_RETURN_STAY_DAYS = 14
# Two unrelated stays of one patient begin this far apart, so that every return within 30 days was drawn.
STAY_SPACING_DAYS = 75

READMISSION = {
    "intercept": -3.55,
    "age_per_decade_over_60": 0.30,
    "prior_admission": 0.60,
    "prior_emergency_visit": 0.45,
    "day_of_stay": 0.06,
    "severity_of_reason": 0.50,
    "heart_failure": 0.80,
    "copd": 0.60,
    "kidney_disease": 0.40,
    "heart_failure_and_kidney_disease": 0.80,
    "cancer": 0.70,
    "depression": 0.35,
    "substance_use": 0.70,
    "hemoglobin_per_g_dl_below_12": 0.30,
    "sodium_per_mmol_l_below_136": 0.15,
    "discharge_against_advice": 1.30,
    "discharge_skilled_nursing": 0.50,
    "follow_up_within_7_days": -0.90,
}
"""Log-odds of an unplanned return within 30 days of discharge."""

READMISSION_LABEL_NOISE = 0.04
SCAN_LABEL_NOISE = 0.03
SCAN_SHARE = 0.4
SCAN_COUNT = 500

# What a simple model must reach on held-out rows; `learning` measures it and the tests compare.
READMISSION_MARGIN = 0.08
SCAN_MARGIN = 0.30
HIGHEST_AUC = 0.99

SNOOPING_KINDS = ("family", "vip", "burst")


def sigmoid(value: np.ndarray) -> np.ndarray:
    """Log-odds to probability."""
    return 1 / (1 + np.exp(-value))


def moment(minutes: np.ndarray) -> np.ndarray:
    """Minutes since the first day as datetime64[us]."""
    return FIRST_DAY + np.asarray(minutes, dtype=np.int64).astype("timedelta64[m]").astype("timedelta64[us]")
