"""Releases with differential privacy: noisy answers, a budget that runs out, and private learning."""

from secure_ai.anonymize.differential_privacy.bounds import Bounds, PrivacyUnit, where_bounds_come_from
from secure_ai.anonymize.differential_privacy.differencing import differencing_attack, differencing_success
from secure_ai.anonymize.differential_privacy.error_curves import error_curve
from secure_ai.anonymize.differential_privacy.ledger import BudgetLedger
from secure_ai.anonymize.differential_privacy.odds import (
    best_guess,
    guessing_game,
    max_advantage,
    odds_factor,
    odds_sentence,
    odds_table,
    posterior,
    roc_bound,
)
from secure_ai.anonymize.differential_privacy.queries import (
    ContingencyTable,
    Count,
    Histogram,
    Mean,
    Quantile,
    Sum,
)
from secure_ai.anonymize.differential_privacy.releases import Release, expected_error, release

__all__ = [
    "Bounds",
    "BudgetLedger",
    "ContingencyTable",
    "Count",
    "Histogram",
    "Mean",
    "PrivacyUnit",
    "Quantile",
    "Release",
    "Sum",
    "best_guess",
    "differencing_attack",
    "differencing_success",
    "error_curve",
    "expected_error",
    "guessing_game",
    "max_advantage",
    "odds_factor",
    "odds_sentence",
    "odds_table",
    "posterior",
    "release",
    "roc_bound",
    "where_bounds_come_from",
]
