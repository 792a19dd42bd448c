"""What the loss model starts from: scenarios, controls and their effects, and how they are drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real

import numpy as np

from secure_ai.core import Measurement, Unassessed, UserError

# Half-width of a central 90 % interval in standard deviations (1.64485 to five places).
Z90 = 1.6448536269514722

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class ThreatFrequency:
    """How often a loss happens, as attempts times the share of them that succeed.

    In the words of FAIR: threat event frequency times vulnerability. The share can be measured, by an attack
    or an exercise; see :meth:`measured`.

    Attributes:
        attempts: attempts per year, or a 90 % interval (lognormal).
        success: share of the attempts that become a loss: a 90 % interval between 0 and 1 (logit-normal).

    Raises:
        UserError: if a bound is missing, out of range or reversed.
    """

    attempts: float | Interval
    success: Interval

    def __post_init__(self) -> None:
        if isinstance(self.attempts, Sequence):
            _check_interval("a frequency", "number of attempts", self.attempts)
        elif not _is_number(self.attempts) or self.attempts < 0:
            raise UserError(
                f"{self.attempts} attempts a year are not possible: give a number from 0 upwards."
            )
        _check_share("a frequency", "share of successful attempts", self.success)

    @classmethod
    def measured(cls, attempts: float | Interval, success: Measurement | Unassessed) -> ThreatFrequency:
        """Take the share from a measurement, such as an attack-success rate, with its interval.

        A bound of 0 or 1 becomes a hundredth of the way from it to the other bound: what was never seen in a
        sample can still happen. The interval is one of 95 % and is taken as one of 90 %, which errs upwards.

        Raises:
            UserError: if nothing was measured, or the measurement is no share.
        """
        if isinstance(success, Unassessed):
            raise UserError(
                f"The share of successful attempts was not assessed ({success.reason}): measure it, or state "
                "a range of your own and say whose it is."
            )
        low, high = success.interval
        if not 0 <= low <= high <= 1:
            raise UserError(f"{success.name} is no share between 0 and 1: give one, such as a success rate.")
        spread = max(high - low, 0.01)
        least, most = spread / 100, 1 - spread / 100
        return cls(attempts, (min(max(low, least), most), min(max(high, least), most)))

    @property
    def mean(self) -> float:
        """Expected number of losses in a year."""
        attempts = self.attempts
        often = lognormal_mean(*attempts) if isinstance(attempts, Sequence) else float(attempts)
        return often * mean_share(self.success)


@dataclass(frozen=True, slots=True)
class SecondaryLoss:
    """What may follow a loss: fines, claims, customers who leave. FAIR's secondary loss.

    Attributes:
        chance: share of the events that it follows: a 90 % interval between 0 and 1.
        magnitude: what it costs then, beside the primary loss: a 90 % interval of a lognormal distribution.

    Raises:
        UserError: if a bound is missing, out of range or reversed.
    """

    chance: Interval
    magnitude: Interval

    def __post_init__(self) -> None:
        _check_share("a secondary loss", "chance", self.chance)
        _check_interval("a secondary loss", "magnitude", self.magnitude)

    @property
    def mean(self) -> float:
        """Expected secondary loss of one event."""
        return mean_share(self.chance) * lognormal_mean(*self.magnitude)


@dataclass(frozen=True, slots=True)
class LossScenario:
    """One way to lose money, as an organisation would estimate it.

    Attributes:
        name: short name, unique among the scenarios that are simulated together.
        frequency: events per year (the mean of a Poisson distribution), a 90 % interval for it where the
            frequency itself is not known better (then lognormal), or attempts and the share that succeeds.
        magnitude: loss of one event in ``currency``: a 90 % interval of a lognormal distribution;
            with ``most_likely`` given, the smallest and largest loss of a PERT distribution.
        currency: ISO 4217 code.
        source: where the figures come from, in words a committee can judge.
        year: the year that they are stated for.
        most_likely: the most likely loss of one event, for PERT.
        reason: the business reason that it belongs to, see ``secure_ai.govern.business_reasons``.
        secondary: what may follow, with its own chance and its own magnitude.
        finding: id of the finding of an assessment whose measured share takes the place of the share of
            attempts that succeed, such as ``"model.evasion"``; empty if there is none.

    Raises:
        UserError: if a bound is missing, not positive, not finite or reversed.
    """

    name: str
    frequency: float | Interval | ThreatFrequency
    magnitude: Interval
    currency: str = "USD"
    source: str = "not stated"
    year: int | None = None
    most_likely: float | None = None
    reason: str = ""
    secondary: SecondaryLoss | None = None
    finding: str = ""

    def __post_init__(self) -> None:
        if self.finding and not isinstance(self.frequency, ThreatFrequency):
            raise UserError(
                f"{self.name}: a finding measures the share of attempts that succeed: state the frequency as "
                "attempts and success, or name no finding."
            )
        if isinstance(self.frequency, Sequence):
            _check_interval(self.name, "frequency", self.frequency)
        elif not isinstance(self.frequency, ThreatFrequency) and (
            not _is_number(self.frequency) or self.frequency < 0
        ):
            raise UserError(
                f"{self.name}: a frequency of {self.frequency} events a year is not possible: "
                "give a number from 0 upwards (0.1 is once in ten years)."
            )
        _check_interval(self.name, "magnitude", self.magnitude)
        low, high = self.magnitude
        if self.most_likely is not None and not (
            _is_number(self.most_likely) and low <= self.most_likely <= high and low < high
        ):
            raise UserError(
                f"{self.name}: the most likely loss {self.most_likely} is not between {low} and {high}: "
                "give smallest <= most likely <= largest."
            )

    @property
    def mean_frequency(self) -> float:
        """Expected number of events in a year."""
        if isinstance(self.frequency, ThreatFrequency):
            return self.frequency.mean
        if not isinstance(self.frequency, Sequence):
            return float(self.frequency)
        return lognormal_mean(*self.frequency)

    @property
    def frequency_is_certain(self) -> bool:
        """Whether the frequency is one number, and not a range."""
        return not isinstance(self.frequency, Sequence | ThreatFrequency)

    @property
    def mean_magnitude(self) -> float:
        """Expected loss of one event, with what may follow it."""
        low, high = self.magnitude
        primary = (
            lognormal_mean(low, high) if self.most_likely is None else (low + 4 * self.most_likely + high) / 6
        )
        return primary + (self.secondary.mean if self.secondary else 0.0)

    @property
    def median_magnitude(self) -> float:
        """The primary loss that half of the events stay below (for PERT, the most likely loss)."""
        return self.most_likely if self.most_likely is not None else math.sqrt(math.prod(self.magnitude))

    @property
    def expected_annual_loss(self) -> float:
        """Exact expectation of the annual loss: mean frequency times mean magnitude."""
        return self.mean_frequency * self.mean_magnitude


@dataclass(frozen=True, slots=True)
class Effect:
    """What a control does to one scenario: shares between 0 and 1, as 90 % intervals.

    Attributes:
        frequency: share of the events that no longer happen.
        magnitude: share of the loss of the remaining events that is saved.

    Raises:
        UserError: if a share is not between 0 and 1 (both excluded), or the interval is reversed.
    """

    frequency: Interval | None = None
    magnitude: Interval | None = None

    def __post_init__(self) -> None:
        for what in ("frequency", "magnitude"):
            interval = getattr(self, what)
            if interval is not None:
                _check_interval("an effect", what, interval)
                if interval[1] >= 1:
                    raise UserError(
                        f"An effect on {what} of {interval[1]} would remove the risk entirely: "
                        "give shares below 1, such as (0.4, 0.8)."
                    )


@dataclass(frozen=True, slots=True)
class Control:
    """A measure that makes scenarios rarer or cheaper.

    Attributes:
        name: short name.
        annual_cost: what it costs in a year, people included, in the scenarios' currency.
        effects: scenario name → :class:`Effect`; scenarios not named are not affected.
        source: where cost and effects come from.

    Raises:
        UserError: if the cost is negative or not finite.
    """

    name: str
    annual_cost: float
    effects: Mapping[str, Effect] = field(default_factory=dict)
    source: str = "not stated"

    def __post_init__(self) -> None:
        if not _is_number(self.annual_cost) or self.annual_cost < 0:
            raise UserError(
                f"{self.name}: an annual cost of {self.annual_cost} is not possible: give 0 or more."
            )


def lognormal_mean(low: float, high: float) -> float:
    """Return the mean of the lognormal distribution whose central 90 % interval is ``low`` to ``high``."""
    sigma = math.log(high / low) / (2 * Z90)
    return math.sqrt(low * high) * math.exp(sigma**2 / 2)


def interval_from_median(median: float, high: float) -> Interval:
    """Return the 90 % interval of the lognormal distribution with this median and this 95th percentile.

    Published figures often come as these two.

    Raises:
        UserError: if they are not positive, or the median is not below the percentile.
    """
    if not (_is_number(median) and _is_number(high) and 0 < median < high):
        raise UserError(
            f"A median of {median} and a 95th percentile of {high} do not fit: the median is the smaller one."
        )
    return median**2 / high, float(high)


def mean_share(interval: Interval) -> float:
    """Return the mean of the logit-normal distribution with this 90 % interval, by quadrature."""
    points, weights = np.polynomial.hermite_e.hermegauss(64)
    low, high = (math.log(share / (1 - share)) for share in interval)
    logits = (low + high) / 2 + (high - low) / (2 * Z90) * points
    return float((weights / weights.sum() / (1 + np.exp(-logits))).sum())


def draw_rates(scenario: LossScenario, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``size`` possible frequencies (events a year); all equal where it is a number."""
    frequency = scenario.frequency
    if isinstance(frequency, ThreatFrequency):
        often = frequency.attempts
        attempts = (
            _lognormal(often, size, rng) if isinstance(often, Sequence) else np.full(size, float(often))
        )
        return attempts * draw_shares(frequency.success, size, rng)
    if not isinstance(frequency, Sequence):
        return np.full(size, float(frequency))
    return _lognormal(frequency, size, rng)


def draw_sizes(scenario: LossScenario, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the losses of ``size`` events, each with what follows it."""
    low, high = scenario.magnitude
    if scenario.most_likely is None:
        sizes = _lognormal(scenario.magnitude, size, rng)
    else:
        rise = 4 * (scenario.most_likely - low) / (high - low)
        sizes = low + (high - low) * rng.beta(1 + rise, 5 - rise, size)
    if scenario.secondary:
        follows = rng.random(size) < draw_shares(scenario.secondary.chance, size, rng)
        sizes = sizes + np.where(follows, _lognormal(scenario.secondary.magnitude, size, rng), 0.0)
    return sizes


def _lognormal(interval: Interval, size: int, rng: np.random.Generator) -> np.ndarray:
    low, high = interval
    sigma = math.log(high / low) / (2 * Z90)
    return np.exp(math.log(low * high) / 2 + sigma * rng.standard_normal(size))


def draw_shares(interval: Interval | None, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw shares from a logit-normal distribution with this 90 % interval; it never leaves 0 to 1."""
    if interval is None:
        return np.zeros(size)
    low, high = (math.log(share / (1 - share)) for share in interval)
    logits = (low + high) / 2 + (high - low) / (2 * Z90) * rng.standard_normal(size)
    return 1 / (1 + np.exp(-logits))


def _check_interval(name: str, what: str, interval: Sequence[float]) -> None:
    pair = isinstance(interval, Sequence) and not isinstance(interval, str) and len(interval) == 2
    if not pair or not all(_is_number(bound) and bound > 0 for bound in interval):
        raise UserError(
            f"{name}: the {what} needs two positive bounds of a 90 % interval, got {interval!r}: "
            "give them as (low, high)."
        )
    if interval[0] > interval[1]:
        raise UserError(f"{name}: the {what} {tuple(interval)} is reversed: give the lower bound first.")


def _check_share(name: str, what: str, interval: Sequence[float]) -> None:
    _check_interval(name, what, interval)
    if interval[1] >= 1:
        raise UserError(f"{name}: the {what} must stay below 1, got {tuple(interval)}: give shares.")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
