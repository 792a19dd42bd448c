"""How often does each method alarm where nothing drifted, and how often where something did?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd
from river.drift import ADWIN

from secure_ai.core import UserError
from secure_ai.core.intervals import wilson
from secure_ai.monitor.drift.population import MODERATE
from secure_ai.monitor.drift.report import DriftReport
from secure_ai.monitor.drift.simulate import SimulatedDrift
from secure_ai.monitor.drift.stream import CHECK_EVERY, DELTA
from secure_ai.monitor.drift.table import measure_drift

METHODS: dict[str, Callable[[DriftReport], bool]] = {
    "PSI of at least 0.1, as is usual": lambda r: any(c.value("psi") >= MODERATE for c in r.columns),
    "PSI of at least 0.1 and above its noise bound": lambda r: any(
        c.value("psi") >= MODERATE and c.value("psi") > c.bounds["psi"]
        for c in r.columns
        if "psi" in c.bounds
    ),
    "KS, p below 0.05 in any column": lambda r: any(p < r.alpha for p in _raw_ks(r)),
    "KS, p below 0.05 after Holm": lambda r: any(c.p_values.get("ks", 1) < r.alpha for c in r.columns),
    "the report": lambda r: bool(r.drifted),
}


def _raw_ks(report: DriftReport) -> list[float]:
    """Undo Holm's correction: the smallest of k corrected values was multiplied by k, and so on."""
    corrected = sorted(c.p_values["ks"] for c in report.columns if "ks" in c.p_values)
    return [value / (len(corrected) - i) for i, value in enumerate(corrected)]


def alarm_rates(
    frame: pd.DataFrame,
    *,
    n_reference: int,
    n_current: int,
    seeds: Iterable[int] = range(200),
    drift: Callable[[pd.DataFrame, int], SimulatedDrift] | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Draw two samples of one table over and over, and count how often each method calls it drift.

    Without ``drift`` every alarm is false; with it, the share of alarms is the power. Rows are drawn
    without repetition, so that both samples come from one population.

    Args:
        frame: the population; at least ``n_reference + n_current`` rows.
        n_reference, n_current: sizes of the samples.
        seeds: one run each.
        drift: changes the current sample, given the seed of the run.
        alpha: as for :func:`measure_drift`.

    Returns:
        A row per method: method, alarms, runs, rate, low, high (Wilson's interval at 95 %).

    Raises:
        UserError: if the table is too small, or there is no seed.
    """
    runs = list(seeds)
    if not runs:
        raise UserError("Give at least one seed: a rate of no run is not known.")
    if len(frame) < n_reference + n_current:
        raise UserError(
            f"The table has {len(frame):,} rows: two samples of {n_reference:,} and {n_current:,} need more."
        )
    hits = dict.fromkeys(METHODS, 0)
    for seed in runs:
        order = np.random.default_rng(seed).permutation(len(frame))
        old = frame.iloc[order[:n_reference]]
        new = frame.iloc[order[n_reference : n_reference + n_current]]
        report = measure_drift(old, new if drift is None else drift(new, seed).frame, alpha=alpha, seed=seed)
        for name, alarms in METHODS.items():
            hits[name] += alarms(report)
    return _rates(hits, len(runs))


def stream_alarm_rates(
    values: Mapping[str, Callable[[np.random.Generator], np.ndarray]],
    *,
    seeds: Iterable[int] = range(200),
    delta: float = DELTA,
) -> pd.DataFrame:
    """Count in how many streams ADWIN finds a change.

    Args:
        values: name → function that makes a stream of values between 0 and 1.
        seeds: one stream of each kind per seed.
        delta: ADWIN's error rate.

    Returns:
        As :func:`alarm_rates`, ``method`` being the name of the stream.
    """
    runs = list(seeds)
    if not runs:
        raise UserError("Give at least one seed: a rate of no run is not known.")
    hits = dict.fromkeys(values, 0)
    for name, make in values.items():
        for seed in runs:
            detector, found = ADWIN(delta=delta, clock=CHECK_EVERY), False
            for value in make(np.random.default_rng(seed)):
                detector.update(float(value))
                found |= detector.drift_detected
            hits[name] += found
    return _rates(hits, len(runs))


def _rates(hits: Mapping[str, int], runs: int) -> pd.DataFrame:
    rows = [(name, count, runs, count / runs, *wilson(count, runs)) for name, count in hits.items()]
    return pd.DataFrame(rows, columns=["method", "alarms", "runs", "rate", "low", "high"])
