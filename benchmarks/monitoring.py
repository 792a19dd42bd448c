"""How much of what was planted the watch finds, and at what price: beside IsolationForest and HalfSpaceTrees.

Run ``python benchmarks/monitoring.py`` (about ten minutes; ``--help`` lists the options). Three questions:

- months with planted incidents of five families, of seeds that nobody looked at while the detectors were
  made: recall, false alerts a day for every 1,000 staff, precision, and seconds of log time to an alert;
- the families that are events of people and services (access, export, purpose), beside an IsolationForest
  on the same features, with the same grouping into alerts and the best threshold that its truth would choose;
- rows a second, one at a time, beside a pipeline of river (MinMaxScaler, HalfSpaceTrees) on those features.
"""

from __future__ import annotations

import argparse
import os
import time

import pandas as pd
from river import anomaly, compose, preprocessing

from secure_ai.core.intervals import wilson
from secure_ai.monitor.detection import (
    Context,
    Watch,
    evaluate,
    events_from,
    isolation_forest,
    replay,
    side_by_side,
)
from secure_ai.monitor.detection.evaluation import Evaluation, per_day, words_for_seconds
from secure_ai.monitor.detection.forest import NAMES, EventFeatures
from secure_ai.monitor.detection.stream import merged
from synthetic_data.activity import Month, make_month

EVENT_FAMILIES = ("access", "export", "purpose")
COLUMNS = ("sector", "seed", "staff", "found", "planted", "recall", "false_per_day", "precision", "seconds")
PEER_EVENTS = 20_000


def play(month: Month) -> tuple[Evaluation, Evaluation, Evaluation, float]:
    """Return the evaluation over all families, over those of events, the forest's, and rows a second."""
    histories = (month.history, month.history_queries, month.history_transactions)
    watch = Watch.for_context(Context.of(month), *histories)
    began = time.perf_counter()
    result = replay(month, watch)
    speed = result.counts.rows / (time.perf_counter() - began)
    window = result.settings.episode_hours * 3600
    threshold = result.settings.threshold
    every = evaluate(result.candidates, month, threshold=threshold, window=window)
    events = evaluate(result.candidates, month, threshold=threshold, window=window, families=EVENT_FAMILIES)
    forest = evaluate(isolation_forest(month), month, window=window, families=EVENT_FAMILIES)
    return every, events, forest, speed


def row_of(sector: str, seed: int, result: Evaluation) -> tuple[object, ...]:
    """Return one line of the table."""
    return (
        sector, seed, result.staff, result.recall.found, result.recall.planted, result.recall.share,
        result.false_per_day, result.precision, result.time_to_alert,
    )  # fmt: skip


def print_totals(results: list[Evaluation]) -> None:
    """Print all months together: recall by family and kind with intervals, false alerts, time to alert."""
    every = pd.concat([result.to_frame() for result in results])
    sums = every.groupby(["family", "kind"], as_index=False)[["planted", "found"]].sum()
    sums["recall"] = sums["found"] / sums["planted"]
    bounds = [wilson(hits, n) for hits, n in zip(sums["found"], sums["planted"], strict=True)]
    sums["low"], sums["high"] = zip(*bounds, strict=True)
    print(sums.round(3).to_string(index=False))
    false = sum(result.false_alerts for result in results)
    person_days = sum(result.days * result.staff for result in results)
    delays = pd.Series([delay for result in results for delay in result.delays])
    by_family = pd.DataFrame([result.false_by_family for result in results]).sum() / person_days * 1000
    print(f"\nFalse alerts a day for every 1,000 staff: {per_day(false, person_days, 1):.2f}, by family:")
    print(by_family.round(2).to_string())
    quantiles = ", ".join(f"{p}%: {words_for_seconds(delays.quantile(p / 100))}" for p in (50, 75, 90))
    print(f"Log time from the first event of an incident to its first alert: {quantiles}\n")


def print_speed(month: Month, watched: float) -> None:
    """Rows a second of the watch, and of river's trees on the same features."""
    features = EventFeatures(Context.of(month))
    rows = [row for _, row in merged(events=events_from(month.history).events.head(PEER_EVENTS))]
    model = compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=1))
    began = time.perf_counter()
    for row in rows:
        x = dict(zip(NAMES, features.of(row), strict=True))
        model.score_one(x)
        model.learn_one(x)
    trees = len(rows) / (time.perf_counter() - began)
    print(
        f"Rows a second, one at a time: the watch, all families {watched:,.0f}; HalfSpaceTrees {trees:,.0f}"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="1000,1001", help="months of each sector, by commas")
    parser.add_argument("--sectors", default="healthcare,finance")
    parser.add_argument("--staff", type=int, default=500)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--stealth", type=float, default=0.3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, stealth {options.stealth}, {options.days} days\n")
    lines, all_families, of_events, forests, speeds = [], [], [], [], []
    month = None
    for sector in options.sectors.split(","):
        for seed in map(int, options.seeds.split(",")):
            month = make_month(
                sector, staff=options.staff, days=options.days, seed=seed, stealth=options.stealth
            )
            every, events, forest, speed = play(month)
            lines.append(row_of(sector, seed, every))
            all_families.append(every)
            of_events.append(events)
            forests.append(forest)
            speeds.append(speed)
            print(pd.DataFrame([lines[-1]], columns=COLUMNS).round(2).to_string(index=False), flush=True)
    print("\nAll months together")
    print_totals(all_families)
    print("Access, export and purpose alone, beside an IsolationForest on the same features")
    compared = [side_by_side(a, {"IsolationForest": b}) for a, b in zip(of_events, forests, strict=True)]
    print(pd.concat(compared).round(3).to_string(index=False), "\n")
    if month is not None:
        print_speed(month, sum(speeds) / len(speeds))


if __name__ == "__main__":
    main()
