"""How many people of the population are unique: estimated from a sample where there is no register.

A record that is alone in its class in the file may have look-alikes in the population. The estimators
extrapolate from the sizes of the classes in the file and the share of the population that it holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.summary import checked_keys, class_sizes
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.sources import as_source, shown

if TYPE_CHECKING:
    import pandas as pd

HOSHINO = "Hoshino, Applying Pitman's sampling formula to microdata disclosure risk assessment (2001)"
ZAYATZ = "Zayatz, Estimation of the number of unique population elements using a sample (1991)"
CHEN = "Chen & Keller-McNulty, Estimation of identification disclosure risk in microdata (1998)"
PITMAN_RISK = f"{HOSHINO}; Pitman, Exchangeable and partially exchangeable random partitions (1995)"
HAAS = "Haas & Stokes, Estimating the number of classes in a finite population (1998)"
DANKAR = "Dankar et al., Estimating the re-identification risk of clinical data sets (2012)"
REPEATS = 40
NODES = 512
# Dankar et al.: up to this sampling fraction Pitman's model is the most accurate.
SMALL_FRACTION = 0.1


@dataclass(frozen=True)
class PopulationUniqueness:
    """Estimated share of the population that is unique for some quasi-identifiers.

    Attributes:
        quasi_identifiers: the columns.
        n: records of the file.
        population_size: people in the population.
        sample_uniques: records that are alone in their class in the file.
        pitman: estimate of Pitman's model; ``Unassessed`` where it cannot be fitted.
        zayatz: estimate of Zayatz.
        snb: estimate of the slide negative binomial model; ``Unassessed`` where it cannot be fitted.
        decided: the estimate that the decision rule of Dankar et al. chooses, and what it chose.
    """

    quasi_identifiers: tuple[str, ...]
    n: int
    population_size: int
    sample_uniques: int
    pitman: Measurement | Unassessed
    zayatz: Measurement | Unassessed
    snb: Measurement | Unassessed
    decided: Measurement

    def measurements(self) -> list[Measurement]:
        """Return the estimates that could be made, the decided one first."""
        return [m for m in (self.decided, self.pitman, self.zayatz, self.snb) if isinstance(m, Measurement)]

    def to_frame(self) -> pd.DataFrame:
        """Return a row per estimator: estimator, value, low, high, people, note."""
        import pandas as pd

        rows = []
        for name in ("decided", "pitman", "zayatz", "snb"):
            found = getattr(self, name)
            if isinstance(found, Measurement):
                people = found.value * self.population_size
                rows.append((name, found.value, *found.interval, people, found.method))
            else:
                rows.append((name, math.nan, math.nan, math.nan, math.nan, found.reason))
        return pd.DataFrame(rows, columns=["estimator", "value", "low", "high", "people", "note"])

    def sentence(self) -> str:
        """Return the finding in words."""
        known = ", ".join(map(shown, self.quasi_identifiers))
        return (
            f"{self.sample_uniques:,} of {self.n:,} records are unique in the file for {known}; an estimated "
            f"{self.decided.value:.2%} of the {self.population_size:,} people in the population are unique."
        )


def population_uniqueness(
    source: Any,
    quasi_identifiers: Sequence[str],
    *,
    population_size: int | None = None,
    sampling_fraction: float | None = None,
    seed: int = 0,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> PopulationUniqueness:
    """Estimate which share of the population is unique for the quasi-identifiers.

    The file is taken as a simple random sample of the population. Estimators, as in ARX: Pitman's model
    (maximum likelihood, then the expected uniques in a population of that size), Zayatz (classes in the
    population have the sizes of those in the sample), and the slide negative binomial model (SNB) with the
    third estimator of Haas & Stokes for the number of classes. ``decided`` follows Dankar et al.: Pitman up
    to a sampling fraction of 0.1 (Zayatz where it cannot be fitted), else the smaller of Zayatz and SNB.
    Where ARX differs: it takes the limit of Pitman's expectation for large populations, and its published
    SNB multiplies by (1 - d)^(α+2) where the model divides by it.

    The interval is 1.96 standard deviations over ``REPEATS`` resamples of the classes: the luck of the
    sample, without the error of a model that does not fit, which can be larger. The baseline is a population
    of whom no quasi-identifier is known: nobody is unique.

    Args:
        source: a :class:`Source`, or anything :func:`open_source` opens.
        quasi_identifiers: columns that an attacker could know.
        population_size: people in the population; or
        sampling_fraction: the file's share of them, above 0 and at most 1.
        seed: for the resamples.
        engine: ``"duckdb"`` or ``"dask"``.
        scheduler: address of a Dask scheduler.

    Raises:
        UserError: if not exactly one of size and fraction is given, either is out of range, or a column is
            missing.
    """
    source = as_source(source)
    columns = checked_keys(source, quasi_identifiers)
    table = class_sizes(source, columns, engine=engine, scheduler=scheduler)
    sizes, classes = (table[name].to_numpy(np.int64) for name in ("class_size", "classes"))
    n = int(sizes @ classes)
    size = checked_population_size(n, population_size, sampling_fraction)
    rng = np.random.default_rng(seed)
    fraction = n / size
    models = {
        "pitman": (pitman_uniques, HOSHINO),
        "zayatz": (zayatz_uniques, ZAYATZ),
        "snb": (snb_uniques, f"{CHEN}; {HAAS}"),
    }
    estimates = {
        name: _estimate(name, uniques, sizes, classes, population_size=size, rng=rng, source=paper)
        for name, (uniques, paper) in models.items()
    }
    chosen = _decided(estimates, fraction)
    best = estimates[chosen]
    assert isinstance(best, Measurement), "Zayatz always has an answer"
    decided = Measurement(
        "population_uniqueness",
        best.value,
        best.unit,
        n,
        best.baseline,
        best.interval,
        f"decision rule of Dankar et al. at a sampling fraction of {fraction:.3g}: {chosen}; {best.method}",
        f"{DANKAR}; {best.source}",
    )
    uniques = int(classes[sizes == 1].sum())
    return PopulationUniqueness(tuple(columns), n, size, uniques, **estimates, decided=decided)


def pitman_parameters(sizes: NDArray[np.int64], classes: NDArray[np.int64]) -> tuple[float, float] | None:
    """Return θ and α of Pitman's model with the largest likelihood.

    None where the likelihood has no maximum: all records unique, or a single class.
    """
    from scipy.optimize import minimize
    from scipy.special import expit, gammaln

    n, u = int(sizes @ classes), int(classes.sum())
    if u in (1, n):
        return None
    larger = sizes > 1

    def parameters(x: NDArray[np.float64]) -> tuple[float, float]:
        alpha = float(np.clip(expit(x[1]), 1e-9, 1 - 1e-9))
        return float(np.exp(np.clip(x[0], -30, 40))) - alpha, alpha

    def loss(x: NDArray[np.float64]) -> float:
        theta, alpha = parameters(x)
        ratio = theta / alpha
        likelihood = (u - 1) * math.log(alpha) + gammaln(ratio + u) - gammaln(ratio + 1)
        likelihood -= gammaln(theta + n) - gammaln(theta + 1)
        likelihood += float(classes[larger] @ (gammaln(sizes[larger] - alpha) - gammaln(1 - alpha)))
        return -likelihood / n

    options = {"xatol": 1e-6, "fatol": 1e-14, "maxiter": 500}
    return parameters(minimize(loss, (math.log(u), 0.0), method="Nelder-Mead", options=options).x)


def pitman_uniques(
    sizes: NDArray[np.int64], classes: NDArray[np.int64], population_size: int
) -> float | None:
    """Return the expected uniques of the population under Pitman's model, fitted to the class sizes.

    With θ and α of largest likelihood: N·Γ(θ+1)Γ(θ+α+N−1) / (Γ(θ+α)Γ(θ+N)), which tends to
    Γ(θ+1)/Γ(θ+α)·N^α. None where it cannot be fitted (:func:`pitman_parameters`).
    """
    from scipy.special import gammaln

    fitted = pitman_parameters(sizes, classes)
    if fitted is None:
        return None
    theta, alpha = fitted
    logarithm = gammaln(theta + 1) - gammaln(theta + alpha)
    logarithm += gammaln(theta + alpha + population_size - 1) - gammaln(theta + population_size)
    return float(min(population_size * np.exp(logarithm), population_size))


def zayatz_uniques(sizes: NDArray[np.int64], classes: NDArray[np.int64], population_size: int) -> float:
    """Return Zayatz's estimate: sample uniques times the chance that one is unique outside, over n/N.

    The chance is that of a class of size 1 to show one record in the sample, among classes of all sizes
    (distributed as in the sample) that do; hypergeometric.
    """
    from scipy.special import gammaln

    def log_choose(n: Any, k: Any) -> Any:
        return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)

    n = int(sizes @ classes)
    possible = population_size - sizes >= n - 1
    sizes, classes = sizes[possible], classes[possible]
    chances = np.log(sizes) + log_choose(population_size - sizes, n - 1) - log_choose(population_size, n)
    shown_once = classes * np.exp(chances)
    alone = shown_once[sizes == 1].sum()
    return float(classes[sizes == 1].sum() * alone / shown_once.sum() * population_size / n) if alone else 0.0


def snb_uniques(sizes: NDArray[np.int64], classes: NDArray[np.int64], population_size: int) -> float | None:
    """Return the uniques of the slide negative binomial model K·β^α; None where it cannot be fitted.

    The size of a population class less one is negative binomial (α, β). With K classes, d = (1−π)(1−β) and
    B = (β/(1−d))^α, the expected numbers of classes of one and two records in the sample are
    KπB(1 + αd/(1−d)) and Kπ²Bα(1−β)(2 − (1−α)d) / (2(1−d)²).
    """
    from scipy.optimize import least_squares
    from scipy.special import expit

    pi = int(sizes @ classes) / population_size
    observed = np.array([classes[sizes == i].sum() for i in (1, 2)], float)
    k = haas_stokes_classes(sizes, classes, pi)
    if not observed.all() or not math.isfinite(k):
        return None

    def expected(x: NDArray[np.float64]) -> NDArray[np.float64]:
        alpha, beta = float(np.exp(x[0])), float(expit(x[1]))
        d = (1 - pi) * (1 - beta)
        b = k * pi * (beta / (1 - d)) ** alpha
        once = b * (1 + alpha * d / (1 - d))
        twice = b * pi * alpha * (1 - beta) * (2 - (1 - alpha) * d) / (2 * (1 - d) ** 2)
        return np.array([once, twice])

    def gaps(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.log(np.maximum(expected(x), 1e-300) / observed)

    for start in ((0.0, 0.0), (-2.0, -4.0), (2.0, 0.0), (-2.0, 0.0), (0.0, -4.0), (2.0, -4.0)):
        best = least_squares(gaps, start, bounds=([-20, -30], [20, 30]))
        if np.abs(best.fun).max() < 1e-6:
            break
    else:
        return None
    alpha, beta = float(np.exp(best.x[0])), float(expit(best.x[1]))
    return float(min(k * beta**alpha, population_size))


def haas_stokes_classes(sizes: NDArray[np.int64], classes: NDArray[np.int64], fraction: float) -> float:
    """Return how many classes the population has, by Haas & Stokes' third estimator after Shlosser.

    u + c₁ · Σ iπ²(1−π²)^(i−1)cᵢ / Σ (1−π)^i((1+π)^i − 1)cᵢ · (Σ (1−π)^i cᵢ / Σ iπ(1−π)^(i−1) cᵢ)².
    """
    u, unique = float(classes.sum()), float(classes[sizes == 1].sum())
    if fraction >= 1 or not unique:
        return u
    i, pi = sizes.astype(float), fraction
    first = (i * pi**2 * (1 - pi**2) ** (i - 1)) @ classes
    # ((1-π)(1+π))^i - (1-π)^i: the powers of 1+π alone would overflow for large classes.
    second = ((1 - pi**2) ** i - (1 - pi) ** i) @ classes
    third = ((1 - pi) ** i) @ classes
    fourth = (i * pi * (1 - pi) ** (i - 1)) @ classes
    return float(u + unique * first / second * (third / fourth) ** 2)


def population_sizes(
    size: int, n: int, population_size: int, theta: float, alpha: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sizes that a class of ``size`` records in the file can have in the population, with chances.

    Under Pitman's model each further person joins the class with the chance (f − α)/(θ + n) of a Pólya urn,
    so that how many do is beta-binomial. Many more than ``NODES`` stand for blocks of sizes.
    """
    from scipy.special import betaln, gammaln

    rest = population_size - n
    edges = np.unique(
        np.concatenate([np.arange(min(NODES, rest + 1)), np.geomspace(1, rest + 1, NODES) // 1])
    )
    edges = np.append(edges[edges <= rest], rest + 1)
    width = np.diff(edges)
    more = edges[:-1] + (width - 1) / 2
    a, b = size - alpha, theta + n - size + alpha
    logarithm = gammaln(rest + 1) - gammaln(more + 1) - gammaln(rest - more + 1)
    chances = width * np.exp(logarithm + betaln(a + more, b + rest - more) - betaln(a, b))
    return size + more, chances / chances.sum()


@dataclass(frozen=True)
class ExpectedRisks:
    """What can be expected of 1/F, F being the size of a record's class in the population.

    Attributes:
        above: share of the records whose 1/F is above a threshold.
        highest: expected 1/F of the record that is easiest to trace, 1 where one is unique there.
        interval: 95 % interval of that under the model.
        mean: mean of 1/F over the records.
    """

    above: float
    highest: float
    interval: tuple[float, float]
    mean: float


def expected_risks(
    sizes: NDArray[np.int64], classes: NDArray[np.int64], population_size: int, threshold: float
) -> ExpectedRisks | None:
    """Return what can be expected of the risks 1/F where only the size of the population is known.

    F is the size of the class in the population under Pitman's model, fitted to the class sizes. With θ and α
    of 0 this is the model of µ-Argus (Benedetti & Franconi), which takes small classes to be larger outside
    than they are. None where the model cannot be fitted.

    Args:
        sizes: sizes of the classes in the file, ascending.
        classes: how many have each size.
        population_size: people in the population.
        threshold: risk of one record above which it counts.
    """
    n = int(sizes @ classes)
    records = sizes * classes / n
    if n == population_size:
        highest = 1 / float(sizes[0])
        above = float(records @ (1 / sizes > threshold))
        return ExpectedRisks(above, highest, (highest, highest), float(records @ (1 / sizes)))
    fitted = pitman_parameters(sizes, classes)
    if fitted is None:
        return None
    grid, _ = population_sizes(int(sizes[0]), n, population_size, *fitted)
    # Logarithm of the chance that no class is smaller than each size of the grid.
    none_below = np.zeros(len(grid))
    above = mean = 0.0
    for size, count, share in zip(sizes.tolist(), classes.tolist(), records.tolist(), strict=True):
        people, chances = population_sizes(size, n, population_size, *fitted)
        above += share * float(chances[1 / people > threshold].sum())
        mean += share * float(chances @ (1 / people))
        below = np.concatenate([[0.0], chances.cumsum()])[np.searchsorted(people, grid)]
        none_below += count * np.log1p(-np.minimum(below, 1 - 1e-15))
    smallest = -np.diff(np.exp(none_below), append=0.0)
    upto = smallest.cumsum()
    low, high = 1 / grid[np.minimum(np.searchsorted(upto, (0.975, 0.025)), len(grid) - 1)]
    return ExpectedRisks(above, float(smallest @ (1 / grid)), (float(low), float(high)), mean)


def checked_population_size(n: int, size: int | None, fraction: float | None) -> int:
    """Return the people in the population from their number or from the file's share of them.

    Raises:
        UserError: if not exactly one is given, or it is out of range.
    """
    if (size is None) == (fraction is None):
        raise UserError("Name either the size of the population or the fraction of it that is in the file.")
    if fraction is not None:
        if (
            isinstance(fraction, bool)
            or not isinstance(fraction, int | float | np.number)
            or not 0 < fraction <= 1
        ):
            raise UserError(f"The sampling fraction must be above 0 and at most 1, not {fraction}.")
        return max(n, round(n / fraction))
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < n:
        raise UserError(f"The population must have at least as many people as the file has records ({n:,}).")
    return int(size)


def _estimate(
    name: str,
    uniques: Callable[[NDArray[np.int64], NDArray[np.int64], int], float | None],
    sizes: NDArray[np.int64],
    classes: NDArray[np.int64],
    *,
    population_size: int,
    rng: np.random.Generator,
    source: str,
) -> Measurement | Unassessed:
    """Return the share of the population that is unique, with its spread over resampled classes."""
    n, alone = int(sizes @ classes), int(classes[sizes == 1].sum())
    unit, named = "share of the population", f"population_uniqueness_{name}"
    if n == population_size or not alone:
        share = alone / population_size
        how = "the file is the population" if alone else "no record is unique in the file"
        return Measurement(named, share, unit, n, 0.0, (share, share), how, source)
    found = uniques(sizes, classes, population_size)
    if found is None:
        return Unassessed(
            f"The model cannot be fitted to these {int(classes.sum()):,} classes ({alone:,} of one record, "
            f"{int(classes[sizes == 2].sum()):,} of two)."
        )
    value = found / population_size
    spread = []
    for _ in range(REPEATS):
        drawn = rng.poisson(classes)
        again = uniques(sizes[drawn > 0], drawn[drawn > 0], population_size) if drawn.any() else None
        if again is not None:
            spread.append(again / population_size)
    margin = 1.96 * float(np.std(spread, ddof=1)) if len(spread) > 1 else 1.0
    interval = (max(0.0, value - margin), min(1.0, value + margin))
    method = f"estimated from the class sizes of {n:,} of {population_size:,} people"
    return Measurement(named, value, unit, n, 0.0, interval, method, source)


def _decided(estimates: dict[str, Measurement | Unassessed], fraction: float) -> str:
    pitman, zayatz, snb = (estimates[name] for name in ("pitman", "zayatz", "snb"))
    if fraction <= SMALL_FRACTION:
        return "pitman" if isinstance(pitman, Measurement) else "zayatz"
    assert isinstance(zayatz, Measurement)
    return "snb" if isinstance(snb, Measurement) and snb.value <= zayatz.value else "zayatz"
