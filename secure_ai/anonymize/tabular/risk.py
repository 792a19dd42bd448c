"""Re-identification risk: what each of three attackers can expect to achieve, in ARX's quantities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secure_ai.anonymize.tabular.classes import (
    checked_columns,
    matched_class_sizes,
)
from secure_ai.anonymize.tabular.population import (
    PITMAN_RISK,
    REPEATS,
    checked_population_size,
    expected_risks,
)
from secure_ai.anonymize.tabular.summary import class_sizes
from secure_ai.core import Measurement, Unassessed, UserError
from secure_ai.core.sources import Source

if TYPE_CHECKING:
    import pandas as pd

EL_EMAM = (
    "El Emam, Guide to the De-Identification of Personal Health Information (2013), "
    "Measuring the Probability of Re-Identification"
)
ARX = "Prasser & Kohlmayer, Putting Statistical Disclosure Control into Practice: the ARX tool (2015)"
SAMARATI_SWEENEY = "Sweeney, k-anonymity: a model for protecting privacy (2002)"
EXACT = "exact count over all records"


@dataclass(frozen=True)
class AttackerRisk:
    """What one attacker can expect; each figure with baseline and interval.

    Attributes:
        attacker: ``prosecutor`` (knows that the person is in the file), ``journalist`` (knows only
            that the person is in the population) or ``marketer`` (wants as many matches as possible).
        records_at_risk: share of records whose risk is above the threshold.
        highest_risk: probability for the record that is easiest to trace.
        success_rate: expected share of all records that are traced correctly.
    """

    attacker: str
    records_at_risk: Measurement
    highest_risk: Measurement
    success_rate: Measurement


@dataclass(frozen=True)
class ReidentificationRisk:
    """Re-identification risk of one table for one set of quasi-identifiers.

    Attributes:
        quasi_identifiers: the columns that the attacker is taken to know.
        n: number of records.
        k: size of the smallest class.
        uniques: number of records that are alone in their class.
        classes: number of classes.
        threshold: risk of one record above which it counts as at risk.
        prosecutor: figures for an attacker who knows that the person is in the file.
        journalist: figures for one who does not; ``Unassessed`` without a population table or its size.
        marketer: expected share of correct matches over the whole file.
        class_sizes: frame of :func:`equivalence_class_sizes`.
    """

    quasi_identifiers: tuple[str, ...]
    n: int
    k: int
    uniques: int
    classes: int
    threshold: float
    prosecutor: AttackerRisk
    journalist: AttackerRisk | Unassessed
    marketer: Measurement
    class_sizes: pd.DataFrame

    def measurements(self) -> list[Measurement]:
        """Return every figure that was measured, counts first."""

        def count(name: str, value: int, unit: str, baseline: int, source: str) -> Measurement:
            exact = (float(value), float(value))
            return Measurement(name, float(value), unit, self.n, float(baseline), exact, EXACT, source)

        attackers = [self.prosecutor]
        if isinstance(self.journalist, AttackerRisk):
            attackers.append(self.journalist)
        return [
            # Someone who knows none of the quasi-identifiers sees one class that holds everybody.
            count("k", self.k, "records", self.n, SAMARATI_SWEENEY),
            count("unique_records", self.uniques, "records", int(self.n == 1), EL_EMAM),
            count("equivalence_classes", self.classes, "classes", 1, EL_EMAM),
            *(m for a in attackers for m in (a.records_at_risk, a.highest_risk, a.success_rate)),
            self.marketer,
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return the measurements as a frame, one row each: measure, value, unit, baseline, method."""
        import pandas as pd

        rows = [(m.name, m.value, m.unit, m.baseline, m.method) for m in self.measurements()]
        return pd.DataFrame(rows, columns=["measure", "value", "unit", "baseline", "method"])


def reidentification_risk(
    source: Source,
    quasi_identifiers: Sequence[str],
    *,
    population: Source | None = None,
    population_size: int | None = None,
    sampling_fraction: float | None = None,
    threshold: float = 0.2,
    seed: int = 0,
    engine: str = "duckdb",
    scheduler: str | None = None,
) -> ReidentificationRisk:
    """Measure how easily records can be traced by someone who knows the quasi-identifiers.

    With f the size of a record's class in the file and F its size in the population:
    the prosecutor's risk of a record is 1/f, the journalist's 1/F. *Records at risk* is the share
    of records whose risk is above ``threshold``, *highest risk* the largest, *success rate* the
    expected share of correct matches: the number of classes over the number of records for the
    prosecutor; max(J / ΣF, mean of 1/F) with J classes for the journalist; the mean of 1/F for the
    marketer. Without a population the file itself is taken as the population for the marketer, as ARX
    does: an upper bound, because no class is smaller in the population than in the file.
    The journalist is then ``Unassessed``, with the bound in its reason; but where the size of the population
    is known, or the share of it that is in the file, both are estimated by the expected 1/F of
    :func:`~secure_ai.anonymize.tabular.population.expected_risks`, with 95 % intervals: of the model for the
    highest risk, else over resampled classes. A table without small classes outside may be taken to have
    some: the estimate is then too high. Missing values are values of
    their own, see :func:`equivalence_class_sizes`.

    The baseline of each risk is an attacker who knows none of the quasi-identifiers and names one
    record at random.

    Args:
        source: the table.
        quasi_identifiers: columns that an attacker could know from elsewhere.
        population: a table of the people from whom the file was drawn, with the same columns (a voter
            register, the whole list of the insured): for the journalist and the marketer.
        population_size: people in the population where there is no such table; or
        sampling_fraction: the file's share of them, above 0 and at most 1.
        seed: for the resampled classes of the estimates.
        threshold: acceptable risk of one record, above 0 and at most 1; 0.2 is a class of five.
        engine: ``"duckdb"`` or ``"dask"``; a population table is matched by DuckDB.
        scheduler: address of a Dask scheduler.

    How many people are unique in such a population estimates
    :func:`~secure_ai.anonymize.tabular.population.population_uniqueness`.

    Raises:
        UserError: if no column is named, one is missing, the threshold is not a probability, the population
            is smaller than the file or named in two ways, or the engine fails.

    Source: El Emam (2013), Measuring the Probability of Re-Identification; ARX's
    ``RiskModelSampleSummary``; Prasser & Kohlmayer (2015).
    """
    if not 0 < threshold <= 1:
        raise UserError(f"The risk threshold must be above 0 and at most 1, not {threshold}: 0.2 is usual.")
    columns = tuple(checked_columns(source, quasi_identifiers))
    sizes = class_sizes(source, columns, engine=engine, scheduler=scheduler)
    size, classes, records = (sizes[name].to_numpy() for name in ("class_size", "classes", "records"))
    n, k, n_classes = int(records.sum()), int(size.min()), int(classes.sum())

    prosecutor = _attacker(
        "prosecutor",
        n=n,
        baseline=1 / n,
        threshold=threshold,
        at_risk=float(records[1 / size > threshold].sum()) / n,
        highest=1 / k,
        success=n_classes / n,
        method=EXACT,
    )
    sized = population_size is not None or sampling_fraction is not None
    if sized and population is not None:
        raise UserError("Name a table of the population or its size, not both: the table says more.")
    estimated = None
    if sized:
        people = checked_population_size(n, population_size, sampling_fraction)
        estimated = _estimated(
            size, classes, people=people, threshold=threshold, rng=np.random.default_rng(seed)
        )
    journalist: AttackerRisk | Unassessed
    if estimated is not None:
        journalist, marketer = estimated
    elif population is None:
        why = "The model cannot be fitted to these classes" if sized else "No population table was given"
        journalist = Unassessed(
            f"{why}; the risk cannot be higher than the prosecutor's "
            f"({prosecutor.highest_risk.value:.3g} for the easiest record, "
            f"{prosecutor.success_rate.value:.3g} on average)."
        )
        marketer = _probability(
            "marketer_success_rate",
            n_classes / n,
            n,
            1 / n,
            f"{EXACT}, the file taken as its own population: an upper bound",
        )
    else:
        journalist, marketer = _with_population(source, population, columns, n, threshold)
    return ReidentificationRisk(
        quasi_identifiers=columns,
        n=n,
        k=k,
        uniques=int(records[size == 1].sum()),
        classes=n_classes,
        threshold=threshold,
        prosecutor=prosecutor,
        journalist=journalist,
        marketer=marketer,
        class_sizes=sizes,
    )


def _estimated(
    sizes: NDArray[np.int64],
    classes: NDArray[np.int64],
    *,
    people: int,
    threshold: float,
    rng: np.random.Generator,
) -> tuple[AttackerRisk, Measurement] | None:
    """Return journalist and marketer where only the number of people in the population is known.

    None where the model cannot be fitted.
    """
    n = int(sizes @ classes)
    found = expected_risks(sizes, classes, people, threshold)
    if found is None:
        return None
    again = []
    for drawn in rng.poisson(classes, (REPEATS, len(classes))) if n < people else []:
        some = drawn > 0
        size = max(people, int(sizes @ drawn))
        one = expected_risks(sizes[some], drawn[some], size, threshold) if some.any() else None
        again += [] if one is None else [(one.above, one.mean)]
    margins = 1.96 * np.std(again, axis=0, ddof=1) if len(again) > 1 else np.full(2, float(n < people))
    method = f"estimated from the class sizes of {n:,} of {people:,} people, Pitman's model"
    values = (found.above, found.highest, found.mean)
    bounds = (
        (found.above - margins[0], found.above + margins[0]),
        found.interval,
        (found.mean - margins[1], found.mean + margins[1]),
    )

    def estimate(name: str, which: int, unit: str = "probability") -> Measurement:
        value, (low, high) = values[which], bounds[which]
        baseline = float(1 / people > threshold) if which == 0 else 1 / people
        interval = (float(max(0.0, min(low, value))), float(min(1.0, max(high, value))))
        return Measurement(name, value, unit, n, baseline, interval, method, f"{PITMAN_RISK}; {EL_EMAM}")

    return (
        AttackerRisk(
            "journalist",
            estimate("journalist_records_at_risk", 0, "share of records"),
            estimate("journalist_highest_risk", 1),
            estimate("journalist_success_rate", 2),
        ),
        estimate("marketer_success_rate", 2),
    )


def _with_population(
    source: Source, population: Source, columns: Sequence[str], n: int, threshold: float
) -> tuple[AttackerRisk, Measurement]:
    matched = matched_class_sizes(source, population, columns)
    size, in_population, classes = (
        matched[name].to_numpy() for name in ("class_size", "population_size", "classes")
    )
    records = size * classes
    incomplete = int(records[matched["incomplete"].to_numpy()].sum())
    method = f"exact count of {source.label} against the population table {population.label}"
    if incomplete:
        method += (
            f"; {incomplete} of {n} records have fewer look-alikes there than in the file itself, "
            "and count with the file's"
        )
    mean = float((records / in_population).sum()) / n
    baseline = 1 / max(population.n_rows, n)
    journalist = _attacker(
        "journalist",
        n=n,
        baseline=baseline,
        threshold=threshold,
        at_risk=float(records[1 / in_population > threshold].sum()) / n,
        highest=1 / int(in_population.min()),
        success=max(float(classes.sum()) / float((classes * in_population).sum()), mean),
        method=method,
    )
    return journalist, _probability("marketer_success_rate", mean, n, baseline, method)


def _attacker(
    attacker: str,
    *,
    n: int,
    baseline: float,
    threshold: float,
    at_risk: float,
    highest: float,
    success: float,
    method: str,
) -> AttackerRisk:
    return AttackerRisk(
        attacker,
        _probability(
            f"{attacker}_records_at_risk",
            at_risk,
            n,
            float(baseline > threshold),
            f"{method}; at risk above {threshold:g}",
            unit="share of records",
        ),
        _probability(f"{attacker}_highest_risk", highest, n, baseline, method),
        _probability(f"{attacker}_success_rate", success, n, baseline, method),
    )


def _probability(
    name: str, value: float, n: int, baseline: float, method: str, *, unit: str = "probability"
) -> Measurement:
    return Measurement(name, value, unit, n, baseline, (value, value), method, f"{EL_EMAM}; {ARX}")
