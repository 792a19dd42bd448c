"""Compare the loss model with the loop over years that most loss spreadsheets and notebooks use.

Both simulate the same compound Poisson process; the table shows that their means agree.
Run: .venv/bin/python benchmarks/loss_model.py [years]
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np

from secure_ai.govern.loss import LossScenario, simulate_losses

Z90 = 1.6448536269514722


def loop_over_years(scenarios: Sequence[LossScenario], years: int, seed: int) -> np.ndarray:
    """Simulate year by year, event by event: the straightforward way."""
    rng = np.random.default_rng(seed)
    totals = np.zeros(years)
    for year in range(years):
        for scenario in scenarios:
            low, high = scenario.magnitude
            sigma = math.log(high / low) / (2 * Z90)
            for _ in range(rng.poisson(scenario.frequency)):
                totals[year] += rng.lognormal(math.log(low * high) / 2, sigma)
    return totals


def ours(scenarios: Sequence[LossScenario], years: int, seed: int) -> np.ndarray:
    """Simulate with the kit's function."""
    return simulate_losses(scenarios, years, seed).sum(axis=1).to_numpy()


def timed(
    function: Callable[..., np.ndarray], *arguments: object, repeats: int = 3
) -> tuple[float, np.ndarray]:
    """Return the best of ``repeats`` times in seconds, and the result."""
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        result = function(*arguments)
        best = min(best, time.perf_counter() - start)
    return best, result


def main(years: int = 100_000) -> None:
    """Print one table: seconds, years per second and mean annual loss of both."""
    scenarios = [
        LossScenario(f"scenario {number}", frequency, (10_000.0 * (number + 1), 1_000_000.0))
        for number, frequency in enumerate((0.1, 0.2, 0.5, 0.5, 1.0, 2.0))
    ]
    exact = sum(scenario.expected_annual_loss for scenario in scenarios)
    print(f"{len(scenarios)} scenarios, {years:,} years, best of 3; exact mean {exact:,.0f} a year")
    print(f"{'':<22}{'seconds':>9}{'years/s':>14}{'mean loss':>12}{'off by':>8}")
    times = {}
    for name, function in (("secure_ai.govern.loss", ours), ("loop over years", loop_over_years)):
        times[name], totals = timed(function, scenarios, years, 7)
        off = totals.mean() / exact - 1
        print(f"{name:<22}{times[name]:>9.3f}{years / times[name]:>14,.0f}{totals.mean():>12,.0f}{off:>8.1%}")
    first, second = times.values()
    print(f"The loop takes {second / first:.0f} times as long.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
