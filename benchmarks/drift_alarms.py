"""False alarms and power of each drift method, on the kit's hospital and bank."""

from __future__ import annotations

import argparse

import numpy as np

from secure_ai.monitor.drift import alarm_rates, simulate_drift, stream_alarm_rates
from synthetic_data import load

SECTORS = {
    "healthcare": (
        "readmissions", 25_000, ["encounter_id", "patient_id", "readmitted_30d"],
        {"covariate_shift": ("age", 0.3), "unit_change": ("creatinine", 1.0),
         "missing_feed": ("sodium", 0.2), "new_category": ("payer", 0.1)},
    ),
    "finance": (
        "loans", 100_000, ["loan_id", "customer_id", "issued_date", "defaulted"],
        {"covariate_shift": ("credit_score", 0.3), "unit_change": ("amount", 1.0),
         "missing_feed": ("employment_years", 0.2), "new_category": ("purpose", 0.1)},
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--sector", choices=list(SECTORS), action="append")
    options = parser.parse_args()
    for sector in options.sector or list(SECTORS):
        table, rows, dropped, drifts = SECTORS[sector]
        frame = load(sector, rows=rows, seed=7).tables[table].drop(columns=dropped)
        old = len(frame) // 2
        for current in (100, 500, min(2_000, len(frame) - old)):
            rates = alarm_rates(frame, n_reference=old, n_current=current, seeds=range(options.seeds))
            _show(f"{sector}, no drift, {old:,} and {current:,} rows", rates)
        for kind, (column, strength) in drifts.items():
            rates = alarm_rates(
                frame, n_reference=old, n_current=500, seeds=range(options.seeds // 4),
                drift=lambda part, seed, kind=kind, column=column, strength=strength: simulate_drift(
                    part, kind=kind, column=column, strength=strength, seed=seed
                ),
            )  # fmt: skip
            _show(f"{sector}, {kind} of {column}, strength {strength:g}, {old:,} and 500 rows", rates)
    streams = {
        "ADWIN, scores, no drift, 5,000 values": lambda rng: rng.beta(2, 6, 5_000),
        "ADWIN, errors, no drift, 5,000 values": lambda rng: (rng.random(5_000) < 0.15).astype(float),
        "ADWIN, errors 0.15 to 0.25 half-way": lambda rng: (
            rng.random(5_000) < np.repeat([0.15, 0.25], 2_500)
        ).astype(float),
    }
    _show("streams", stream_alarm_rates(streams, seeds=range(options.seeds)))


def _show(title: str, rates) -> None:
    print(f"\n{title}")
    print(rates.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
