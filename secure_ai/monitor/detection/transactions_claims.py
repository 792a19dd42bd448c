"""Signs of fraud in a hospital's claims: what a provider usually bills, and how one claim departs from it."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from secure_ai.monitor.detection.transactions_accounts import number_of, text_of
from secure_ai.monitor.detection.transactions_evidence import Kind, Sign

DAY = 86_400.0
SHARED = frozenset({"group", "supervised"})  # several patients, or work of others, in one hour
UNPAID = frozenset({"denied", "void"})
NEAR = 6 * 3600.0  # services of one working day lie closer than this
UPCODED = 0.7  # share of the dearest level where levels are raised
LEVELS_LATER = 5 * DAY  # a burst must not teach what is usual
SETTLED = 60 * 3600.0  # after this long most claims of a day are in

KINDS = (
    # A missing encounter alone is a gap of the calendar: it counts on a day without other work.
    Kind("phantom_billing", ("no_encounter_idle", "still_idle"), ("no_encounter_idle", "still_idle"),
         fade=24.0 * 10, toll=0.5, relief=0.03),
    Kind("duplicate_billing", ("same_service", "another_day"), ("same_service",), fade=24.0 * 14, toll=1.0),
    Kind("impossible_day", ("overlap", "long_day", "impossible_sum"),
         ("overlap", "long_day", "impossible_sum"), fade=36.0, toll=2.0),
    Kind("upcoding_burst", ("top_level",), ("top_level",), fade=72.0, toll=0.0, relief=0.6, strictness=1.2),
)  # fmt: skip


class Provider:
    """One provider: what is billed, for whom, and when the work was done."""

    def __init__(self) -> None:
        self.count = 0
        self.levels: Counter[str] = Counter()
        self.waiting: deque[tuple[float, str]] = deque(maxlen=2000)
        self.services: dict[str, tuple[float, str, str]] = {}
        self.idle: list[tuple[float, str]] = []
        self.work: deque[tuple[float, float, bool]] = deque(maxlen=300)
        self.known: deque[float] = deque(maxlen=300)

    def works_near(self, service: float) -> bool:
        """Say whether another service of the same working day is known, with an encounter."""
        return any(abs(service - other) < NEAR for other in self.known)

    def state(self) -> dict[str, Any]:
        """Return the provider as JSON values."""
        return {
            "count": self.count,
            "levels": dict(self.levels),
            "waiting": [list(item) for item in self.waiting],
            "idle": [list(item) for item in self.idle],
            "services": {key: list(value) for key, value in self.services.items()},
            "work": [list(item) for item in self.work],
            "known": list(self.known),
        }

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Provider:
        """Return the provider that :meth:`state` described."""
        provider = cls()
        provider.count = int(state["count"])
        provider.levels = Counter(state["levels"])
        provider.waiting.extend((float(time), str(category)) for time, category in state["waiting"])
        provider.idle = [(float(service), str(event)) for service, event in state["idle"]]
        provider.services = {
            str(k): (float(v[0]), str(v[1]), str(v[2])) for k, v in state["services"].items()
        }
        provider.work.extend((float(s), float(m), bool(shared)) for s, m, shared in state["work"])
        provider.known.extend(float(service) for service in state["known"])
        return provider


class ClaimSigns:
    """Finds the signs in claims, one at a time, and learns from each."""

    kinds = KINDS

    def __init__(self) -> None:
        self.providers: dict[str, Provider] = {}
        self.amounts: dict[str, float] = {}
        self.levels: Counter[str] = Counter()
        self.count = 0
        self.were_idle, self.still_idle = 0, 0
        self.forget = 45 * DAY

    def signs(
        self, row: Mapping[str, Any], time: float, amount: float
    ) -> tuple[list[Sign], dict[str, float]]:
        """Return the signs and the figures behind them, before this claim teaches anything.

        Args:
            row: a claim; what is missing gives no sign.
            time: seconds since 1970.
            amount: of the claim, above 0.
        """
        provider = self.providers.get(text_of(row.get("account"))) or Provider()
        patient, category = text_of(row.get("counterparty")), text_of(row.get("category"))
        signs: list[Sign] = []
        figures = {"seen": float(min(provider.count, 50))}
        service = service_seconds(row.get("service_time"))
        if "encounter" in row and not text_of(row["encounter"]):
            # Two gaps of one day are one gap: the claims of a day come in together.
            first = all(abs(service - at) > 2 * NEAR for at, _ in provider.idle)
            if provider.count and first and not provider.works_near(service):
                words = "the calendar knows of no encounter, and of no other work of this provider that day"
                signs.append(Sign("no_encounter_idle", words))
        idle = [event for at, event in provider.idle if time - at > SETTLED and not provider.works_near(at)]
        if idle:
            rate = (self.still_idle + 1.0) / (self.were_idle + 4.0)
            words = "days later there is still no other work of this provider on a day without an encounter"
            signs.append(Sign("still_idle", words, float(len(idle)), None, rate, tuple(idle)))
        key = f"{patient}|{category}|{service:.0f}"
        earlier = provider.services.get(key)
        same = earlier is not None and math.isfinite(service) and earlier[2] == text_of(row.get("encounter"))
        if same and earlier[1] not in UNPAID:
            signs.append(
                Sign("same_service", "the same service of the same moment was billed and paid before")
            )
            if time - earlier[0] > 12 * 3600:
                signs.append(
                    Sign("another_day", "billed again on another day", round((time - earlier[0]) / DAY, 1))
                )
        minutes = number_of(row.get("minutes"))
        shared = text_of(row.get("channel")) in SHARED
        if math.isfinite(service) and minutes > 0 and not shared and earlier is None:
            end = service + minutes * 60
            over = [
                max(0.0, min(end, start + length * 60) - max(service, start))
                for start, length, together in provider.work
                if not together
            ]
            inside = sum(over) / 60
            figures["overlap"] = inside
            if inside >= 0.5 * minutes:
                words = f"{inside:.0f} minutes of this service were already billed for other patients"
                signs.append(Sign("overlap", words, round(inside), 0.0))
            day = math.floor(service / DAY)
            total = minutes + sum(
                length
                for start, length, together in provider.work
                if math.floor(start / DAY) == day and not together
            )
            figures["day_minutes"] = total
            if total > 16 * 60:
                signs.append(
                    Sign("impossible_sum", f"{total / 60:.1f} hours billed for one day", total / 60, None)
                )
            elif total > 11 * 60:
                signs.append(Sign("long_day", f"{total / 60:.1f} hours billed for one day", total / 60, None))
        top = self._top()
        if category in top:
            mine = sum(provider.levels.get(name, 0) for name in top)
            base = sum(self.levels.get(name, 0) for name in top) / max(sum(self.levels.values()), 1)
            rate = (mine + 20 * base) / (sum(provider.levels.values()) + 20)
            words = (
                "the dearest level, which this provider seldom bills" if rate < 0.3 else "the dearest level"
            )
            # Where levels are raised most claims carry the dearest: the weight is over UPCODED.
            signs.append(Sign("top_level", words, None, round(rate, 3), rate * 0.5 / UPCODED))
            figures["top"] = 1.0
        figures["amount"] = amount
        return signs, figures

    def _top(self) -> frozenset[str]:
        if not self.amounts:
            return frozenset()
        dearest = max(self.amounts.values())
        return frozenset(name for name, value in self.amounts.items() if value >= 0.99 * dearest)

    def learn(self, row: Mapping[str, Any], time: float, amount: float, figures: Mapping[str, float]) -> None:
        """Let one claim teach the baselines."""
        name = text_of(row.get("account"))
        provider = self.providers.get(name)
        if provider is None:
            provider = self.providers[name] = Provider()
        patient, category = text_of(row.get("counterparty")), text_of(row.get("category"))
        provider.count += 1
        self.count += 1
        provider.waiting.append((time, category))
        while provider.waiting and provider.waiting[0][0] < time - LEVELS_LATER:
            provider.levels[provider.waiting.popleft()[1]] += 1
        self.levels[category] += 1
        if self.levels[category] == 1:
            self.amounts[category] = amount
        else:
            self.amounts[category] += (amount - self.amounts[category]) / self.levels[category]
        service, minutes = service_seconds(row.get("service_time")), number_of(row.get("minutes"))
        settled = [item for item in provider.idle if time - item[0] > SETTLED]
        if settled:
            self.were_idle += len(settled)
            self.still_idle += sum(1 for item in settled if not provider.works_near(item[0]))
            provider.idle = [item for item in provider.idle if item not in settled]
        if "encounter" in row and not text_of(row["encounter"]):
            if math.isfinite(service) and not provider.works_near(service) and provider.count > 1:
                provider.idle.append((service, text_of(row.get("event_id"))))
        elif math.isfinite(service):
            provider.known.append(service)
        if not math.isfinite(service):
            return
        key = f"{patient}|{category}|{service:.0f}"
        first = key not in provider.services
        provider.services[key] = (time, text_of(row.get("outcome")), text_of(row.get("encounter")))
        if first and minutes > 0:
            provider.work.append((service, minutes, text_of(row.get("channel")) in SHARED))
        if len(provider.services) > 2000:
            provider.services = {k: v for k, v in provider.services.items() if time - v[0] < self.forget}

    def state(self) -> dict[str, Any]:
        """Return all that was learned as JSON values."""
        return {
            "providers": {name: provider.state() for name, provider in self.providers.items()},
            "amounts": self.amounts,
            "levels": dict(self.levels),
            "count": self.count,
            "idle": [self.were_idle, self.still_idle],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self.providers = {name: Provider.of(value) for name, value in state["providers"].items()}
        self.amounts = {str(k): float(v) for k, v in state["amounts"].items()}
        self.levels = Counter(state["levels"])
        self.count = int(state["count"])
        self.were_idle, self.still_idle = (int(value) for value in state["idle"])


def service_seconds(value: Any) -> float:
    """Return the moment of a service as seconds since 1970; not a number where it cannot be read."""
    if value is None:
        return math.nan
    if isinstance(value, datetime):
        return math.nan if pd.isna(value) else value.timestamp()
    if isinstance(value, int | float):
        return float(value)
    try:
        return pd.Timestamp(value).timestamp()
    except (TypeError, ValueError):
        return math.nan
