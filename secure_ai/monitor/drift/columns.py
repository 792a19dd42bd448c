"""The figures of one column: PSI, Kolmogorov-Smirnov, missing values, unseen categories, range."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from secure_ai.core import Measurement, Unassessed
from secure_ai.core.intervals import wilson
from secure_ai.monitor.drift.population import (
    LEVELS_SOURCE,
    NOISE_SOURCE,
    SMOOTHING,
    Binned,
    bin_categories,
    bin_numbers,
    psi_interval,
    psi_noise,
    psi_of_counts,
)
from secure_ai.monitor.drift.report import FIGURES, Sign

FAMILIES = FIGURES
FEWEST = 30
EXACT_KS_UP_TO = 500
# Different values per row from which a text is no category but an identifier or free text.
MOST_DIFFERENT = 0.5
# A change of unit multiplies by at least so much; below, it cannot be told from a change of the people.
SCALE_FACTOR = 2.5
KS_SOURCE = "Kolmogorov (1933), Smirnov (1948); Holm (1979) across columns"


@dataclass(frozen=True)
class Draft:
    """The figures of a column before its p-values are corrected and it is judged."""

    column: str
    kind: str
    figures: Mapping[str, Measurement | Unassessed]
    bounds: Mapping[str, float] = field(default_factory=dict)
    p_values: Mapping[str, float] = field(default_factory=dict)
    signs: tuple[Sign, ...] = ()

    def value(self, name: str) -> float:
        """A figure's value, NaN where there is none."""
        found = self.figures[name]
        return found.value if isinstance(found, Measurement) else math.nan

    def baseline(self, name: str) -> float:
        """A figure's baseline, NaN where there is none."""
        found = self.figures[name]
        return found.baseline if isinstance(found, Measurement) else math.nan


def compare_column(
    name: str,
    old: pd.Series,
    new: pd.Series | None,
    *,
    alpha: float,
    limits: tuple[float, float] | None,
    rng: np.random.Generator,
) -> Draft:
    """Compare one column; ``alpha`` is the error rate of its PSI bound, corrected by the caller."""
    if new is None:
        figures = _absent("the current table has no such column")
        return Draft(name, "other", figures, signs=(Sign("column_missing", "the column is missing"),))
    old_values, kind = _as_kind(old)
    new_values, new_kind = _as_kind(new)
    if kind == "other":
        return Draft(name, kind, _absent(_why_other(old)))
    p_values: dict[str, float] = {}
    figures: dict[str, Measurement | Unassessed] = _absent("not a figure of this kind of column")
    if old_values.notna().any():
        figures["missing"], p_values["missing"] = _missing(old_values, new_values)
    else:
        return Draft(name, kind, _absent("the reference holds no value at all"))
    if new_values.notna().any() and new_kind != kind:
        reason = f"it was a {kind} in the reference and is not now"
        figures |= _absent(reason) | {"missing": figures["missing"]}
        return Draft(
            name, kind, figures, {}, p_values, (Sign("type_changed", f"the type changed: {reason}"),)
        )
    if kind == "number":
        return _numbers(name, old_values, new_values, figures, p_values, alpha=alpha, limits=limits, rng=rng)
    return _categories(
        name, old_values.dropna(), new_values.dropna(), figures, p_values, alpha=alpha, rng=rng
    )


def _absent(reason: str) -> dict[str, Measurement | Unassessed]:
    return {figure: Unassessed(reason) for figure in FIGURES}


def _as_kind(values: pd.Series) -> tuple[pd.Series, str]:
    """Return the values as floats or as text, and which of them; dates and nested values are neither."""
    if pd.api.types.is_bool_dtype(values) or isinstance(values.dtype, pd.CategoricalDtype):
        return values.astype(object).map(str, na_action="ignore"), "category"
    if pd.api.types.is_numeric_dtype(values):
        if pd.api.types.is_complex_dtype(values):
            return values, "other"
        return pd.Series(values.to_numpy(dtype=float, na_value=np.nan)), "number"
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        return values, "other"
    filled = values.dropna()
    if len(filled) and all(
        isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in filled
    ):
        return pd.to_numeric(values, errors="coerce").astype(float), "number"
    if any(not isinstance(value, str | bool | np.bool_ | int | float) for value in filled):
        numbers = pd.to_numeric(filled, errors="coerce") if _decimals(filled) else None
        return (numbers.reindex(values.index), "number") if numbers is not None else (values, "other")
    return values.astype(object).map(str, na_action="ignore"), "category"


def _decimals(values: pd.Series) -> bool:
    return all(type(value).__name__ == "Decimal" for value in values)


def _why_other(values: pd.Series) -> str:
    if pd.api.types.is_datetime64_any_dtype(values):
        return "dates move on by themselves: compare what is derived from them, such as an age"
    return "neither numbers nor categories"


def _missing(old: pd.Series, new: pd.Series) -> tuple[Measurement, float]:
    table = [[int(v.isna().sum()), int(v.notna().sum())] for v in (old, new)]
    p = float(stats.fisher_exact(table).pvalue)
    n, hits = len(new), table[1][0]
    return (
        Measurement(
            "missing_rate", hits / n, "share", n, table[0][0] / len(old), wilson(hits, n),
            "missing values in the current rows; baseline: in the reference; Fisher's exact test",
            "Fisher (1922); Wilson (1927)", control=table[0][0] / len(old),
        ),
        p,
    )  # fmt: skip


def _numbers(
    name: str,
    old: pd.Series,
    new: pd.Series,
    figures: dict[str, Measurement | Unassessed],
    p_values: dict[str, float],
    *,
    alpha: float,
    limits: tuple[float, float] | None,
    rng: np.random.Generator,
) -> Draft:
    first, second = old.dropna().to_numpy(), new.dropna().to_numpy()
    endless = (int(np.isinf(first).sum()), int(np.isinf(second).sum()))
    signs = []
    if endless[1] and not endless[0]:
        signs.append(Sign("infinite", f"{endless[1]:,} infinite values, none in the reference"))
    first, second = first[np.isfinite(first)], second[np.isfinite(second)]
    reason = _too_few(len(first), len(second)) or (
        "constant in the reference" if first.min() == first.max() else ""
    )
    bounds: dict[str, float] = {}
    if len(first) and len(second):
        figures["out_of_range"], p_values["out_of_range"] = _range(first, second, limits)
    if reason:
        figures |= {"psi": Unassessed(reason), "ks": Unassessed(reason)}
        return Draft(name, "number", figures, bounds, p_values, tuple(signs))
    figures["psi"], bounds["psi"] = _psi(bin_numbers(first, second), alpha, rng)
    figures["ks"], p_values["ks"] = _ks(first, second)
    factor = _scale(first, second)
    if factor:
        signs.append(Sign("scale", f"the same distribution times {factor:.3g}: another unit?"))
    return Draft(name, "number", figures, bounds, p_values, tuple(signs))


def _categories(
    name: str,
    old: pd.Series,
    new: pd.Series,
    figures: dict[str, Measurement | Unassessed],
    p_values: dict[str, float],
    *,
    alpha: float,
    rng: np.random.Generator,
) -> Draft:
    reason = _too_few(len(old), len(new))
    different = old.nunique()
    if not reason and different > 20 and different > MOST_DIFFERENT * len(old):
        reason = "nearly every value differs: an identifier or free text, not a category"
    if reason:
        figures |= {figure: Unassessed(reason) for figure in ("psi", "unseen")}
        return Draft(name, "category", figures, {}, p_values)
    figures["unseen"], p_values["unseen"] = _unseen(old, new)
    found = bin_categories(old, new)
    if len(found.reference) < 2:
        figures["psi"] = Unassessed("constant in the reference and now")
        return Draft(name, "category", figures, {}, p_values)
    figures["psi"], bound = _psi(found, alpha, rng)
    return Draft(name, "category", figures, {"psi": bound}, p_values)


def _too_few(old: int, new: int) -> str:
    if min(old, new) >= FEWEST:
        return ""
    where = "reference" if old < new else "current table"
    return f"only {min(old, new)} usable values in the {where}; {FEWEST} are needed"


def _psi(found: Binned, alpha: float, rng: np.random.Generator) -> tuple[Measurement, float]:
    mean, bound, how = psi_noise(found, alpha, rng)
    value = float(psi_of_counts(found.reference, found.current))
    return (
        Measurement(
            "population_stability_index", value, "index", found.n[1], 0.0, psi_interval(found, rng),
            f"{len(found.reference)} bins of the reference, {SMOOTHING:g} added to each count; control: "
            f"mean without drift ({how}); bootstrap interval", f"{LEVELS_SOURCE}; {NOISE_SOURCE}",
            control=mean,
        ),
        bound,
    )  # fmt: skip


def _ks(old: NDArray, new: NDArray) -> tuple[Measurement, float]:
    n, m = len(old), len(new)
    method = "auto" if max(n, m) <= EXACT_KS_UP_TO else "asymp"
    found = stats.ks_2samp(old, new, method=method)
    value = float(found.statistic)
    # Both distribution functions lie within their bands with 95 %: Massart's constant, alpha shared.
    band = sum(math.sqrt(math.log(2 / 0.025) / (2 * size)) for size in (n, m))
    usual = math.sqrt(math.pi / 2) * math.log(2) * math.sqrt(1 / n + 1 / m)
    return (
        Measurement(
            "kolmogorov_smirnov_distance", value, "distance", m, 0.0,
            (max(0.0, value - band), min(1.0, value + band)),
            "largest difference of the distribution functions; control: mean without drift; interval from "
            "the Dvoretzky-Kiefer-Wolfowitz bands", KS_SOURCE, control=min(usual, 1.0),
        ),
        float(found.pvalue),
    )  # fmt: skip


def _unseen(old: pd.Series, new: pd.Series) -> tuple[Measurement, float]:
    counts = old.value_counts()
    hits, n = int((~new.isin(counts.index)).sum()), len(new)
    # Good and Turing: the share of what was never seen is about the share of what was seen once.
    usual = min(1.0, (int((counts == 1).sum()) + 1) / (len(old) + 1))
    p = float(stats.binomtest(hits, n, usual, alternative="greater").pvalue)
    return (
        Measurement(
            "unseen_categories", hits / n, "share", n, usual, wilson(hits, n),
            "values in categories that the reference does not hold; baseline: Good-Turing estimate",
            "Good, The population frequencies of species (1953)", control=usual,
        ),
        p,
    )  # fmt: skip


def _range(old: NDArray, new: NDArray, limits: tuple[float, float] | None) -> tuple[Measurement, float]:
    n, m = len(old), len(new)
    if limits is not None:
        low, high = limits
        outside = [int(((v < low) | (v > high)).sum()) for v in (old, new)]
        table = [[outside[0], n - outside[0]], [outside[1], m - outside[1]]]
        p = float(stats.fisher_exact(table, alternative="less").pvalue)
        hits, usual, how = outside[1], outside[0] / n, "outside the range that was given; Fisher's exact test"
    else:
        above, below = int((new > old.max()).sum()), int((new < old.min()).sum())
        p = min(1.0, 2 * min(_exceed(above, n, m), _exceed(below, n, m)))
        hits, usual = above + below, 2 / (n + 1)
        how = "beyond the extremes of the reference; exact law of exceedances"
    return (
        Measurement(
            "out_of_range", hits / m, "share", m, usual, wilson(hits, m), f"values {how}",
            "Gumbel and von Schelling, The distribution of the number of exceedances (1950)", control=usual,
        ),
        p,
    )  # fmt: skip


def _exceed(k: int, n: int, m: int) -> float:
    """Chance that at least ``k`` of ``m`` new values pass the largest of ``n`` old ones, without drift."""
    i = np.arange(k)
    return float(np.exp(np.log((m - i) / (n + m - i)).sum())) if k else 1.0


def _scale(old: NDArray, new: NDArray) -> float:
    """Return the factor by which the values were multiplied where that alone explains the change, else 0."""
    a, b = float(np.median(old)), float(np.median(new))
    if a * b <= 0:
        return 0.0
    factor = b / a
    if 1 / SCALE_FACTOR < factor < SCALE_FACTOR:
        return 0.0
    before = float(stats.ks_2samp(old, new, method="asymp").statistic)
    scaled = stats.ks_2samp(old, new / factor, method="asymp")
    band = 1.63 * math.sqrt(1 / len(old) + 1 / len(new))
    return factor if before > 0.5 and float(scaled.statistic) < max(0.1, band) else 0.0
