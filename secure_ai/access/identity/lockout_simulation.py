"""A simulation of lock-out rules: what they leave to an attacker, and how long they shut the owner out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from secure_ai.access.identity.lockout import SignInThrottle
from secure_ai.access.identity.passwords import MOST_FAILURES
from secure_ai.access.identity.sign_in import KEPT_FOR_KNOWN_DEVICES
from secure_ai.core.errors import UserError

ACCOUNT = "owner"
START = datetime(2026, 1, 5, tzinfo=UTC)
SIGN_IN_HOURS = (8, 13)
PROBE_MINUTES = 5
LOCKED = {
    5: "5 failures lock the account for 30 minutes",
    10: "10 failures lock it until the help desk opens",
}
SLOW_DOWN = "slow-down of strangers (this kit)"
OWNERS = {
    "known_device": "owner, device used before",
    "second_factor": "owner, new device, second factor",
    "new_device": "owner, new device, password alone",
}


@dataclass(frozen=True)
class LockoutComparison:
    """What each rule did in the simulation.

    Attributes:
        table: per rule ``policy``, ``guesses_per_day`` that were checked, and hours per day during which the
            owner was shut out: ``known_device``, ``second_factor``, ``new_device``.
        days: simulated days.
        attempts_per_day: what the attacker tried.
        sources: from so many addresses.
    """

    table: pd.DataFrame
    days: int
    attempts_per_day: int
    sources: int

    def to_frame(self) -> pd.DataFrame:
        """Return the table, with headings in words."""
        return self.table.rename(
            columns={
                "policy": "rule",
                "guesses_per_day": "guesses checked per day",
                **{name: f"shut out, hours a day: {words}" for name, words in OWNERS.items()},
            }
        )

    def sentence(self) -> str:
        """Say what the table shows."""
        rows = self.table.set_index("policy").to_dict("index")
        hard, ours = rows[LOCKED[5]], rows[SLOW_DOWN]
        known, factor, new = (f"{ours[name]:.1f}" for name in OWNERS)
        checked = f"{hard['guesses_per_day']:.0f}"
        return (
            f"In this simulation of {self.days} days an attacker tries {self.attempts_per_day:,} passwords a "
            f"day from {self.sources} addresses. A hard lock-out checks {checked} of them a "
            f"day and shuts the owner out for {hard['known_device']:.1f} of 24 hours; the slow-down checks "
            f"{ours['guesses_per_day']:.0f} and shuts the owner out for {known} hours on a device used "
            f"before, {factor} with a second factor and {new} on a new device with the password alone."
        )


class _NoRule:
    """Every attempt is checked."""

    def admit(self, source: str, now: datetime, kind: str) -> bool:
        return True

    look = admit

    def succeeded(self, now: datetime) -> None:
        pass


class _HardLockout:
    """So many failures in a row, from anywhere, lock the account for everybody."""

    def __init__(self, failures: int, until: Callable[[datetime], datetime]) -> None:
        self._most, self._until = failures, until
        self._failures, self._locked = 0, START

    def look(self, source: str, now: datetime, kind: str) -> bool:
        return now >= self._locked

    def admit(self, source: str, now: datetime, kind: str) -> bool:
        if not self.look(source, now, kind):
            return False
        self._failures += 1
        if self._failures >= self._most:
            self._failures, self._locked = 0, self._until(now)
        return True

    def succeeded(self, now: datetime) -> None:
        self._failures = 0


class _SlowDown:
    """The kit's own :class:`SignInThrottle`, with the bound on failures in a row of :class:`SignIn`."""

    def __init__(self) -> None:
        self._throttle = SignInThrottle(cells=1 << 12, key=bytes(32))
        self._device = self._throttle.device_token(ACCOUNT)
        self._failures = 0

    def look(self, source: str, now: datetime, kind: str) -> bool:
        return self._bound(kind) and self._throttle.look(ACCOUNT, source, now, **self._shown(kind)).allowed

    def admit(self, source: str, now: datetime, kind: str) -> bool:
        if not (
            self._bound(kind) and self._throttle.admit(ACCOUNT, source, now, **self._shown(kind)).allowed
        ):
            return False
        self._failures += 1
        return True

    def succeeded(self, now: datetime) -> None:
        self._failures = 0
        self._throttle.succeeded(ACCOUNT, "192.0.2.1", now, device=self._device)

    def _bound(self, kind: str) -> bool:
        reserve = 0 if kind in ("known_device", "second_factor") else KEPT_FOR_KNOWN_DEVICES
        return self._failures < MOST_FAILURES - reserve

    def _shown(self, kind: str) -> dict:
        return {
            "device": self._device if kind == "known_device" else "",
            "second_factor": kind == "second_factor",
        }


def compare_lockout_policies(
    days: int = 2, *, attempts_per_minute: int = 3, sources: int = 200, seed: int = 1
) -> LockoutComparison:
    """Simulate an attack on one account under four lock-out rules; no real sign-in takes place.

    The attacker tries without pause from addresses drawn at random. The owner signs in at 8:00 and 13:00 on
    a device used before, where the rule lets them. Every five minutes it is asked whether the owner would get
    an attempt: from that device, from a new one with a second factor, and from a new one with the password
    alone. The last rule is the code that :class:`SignIn` uses.

    Args:
        days: simulated days, 1 to 30.
        attempts_per_minute: of the attacker, 1 to 60.
        sources: addresses of the attacker.
        seed: for the order of the addresses.

    Raises:
        UserError: if a number is out of its range.
    """
    if not (1 <= days <= 30 and 1 <= attempts_per_minute <= 60 and 1 <= sources <= 100_000):
        raise UserError("Simulate 1 to 30 days, 1 to 60 attempts a minute and 1 to 100,000 addresses.")
    rules = {
        "no rule": _NoRule,
        LOCKED[5]: lambda: _HardLockout(5, lambda now: now + timedelta(minutes=30)),
        LOCKED[10]: lambda: _HardLockout(10, _help_desk_opens),
        SLOW_DOWN: _SlowDown,
    }
    rows = [
        {"policy": name, **_simulate(make(), days, attempts_per_minute, sources, seed)}
        for name, make in rules.items()
    ]
    return LockoutComparison(pd.DataFrame(rows), days, attempts_per_minute * 24 * 60, sources)


def _help_desk_opens(now: datetime) -> datetime:
    opens = now.replace(hour=8, minute=0, second=0, microsecond=0)
    return opens if now < opens else opens + timedelta(days=1)


def _simulate(rule, days: int, per_minute: int, sources: int, seed: int) -> dict[str, float]:
    minutes = days * 24 * 60
    drawn = np.random.default_rng(seed).integers(0, sources, size=(minutes, per_minute))
    guesses, shut_out = 0, dict.fromkeys(OWNERS, 0)
    for minute in range(minutes):
        now = START + timedelta(minutes=minute)
        if minute % 60 == 0 and (minute // 60) % 24 in SIGN_IN_HOURS and rule.admit("", now, "known_device"):
            rule.succeeded(now)
        for attempt, number in enumerate(drawn[minute]):
            moment = now + timedelta(seconds=60 * attempt / per_minute)
            guesses += rule.admit(f"198.51.{100 + number // 250}.{number % 250}", moment, "stranger")
        if minute % PROBE_MINUTES == 0:
            # Half a minute later, so that the attacker's attempts of this minute count.
            for kind in OWNERS:
                shut_out[kind] += not rule.look("192.0.2.1", now + timedelta(seconds=59), kind)
    hours = PROBE_MINUTES / 60 / days
    return {"guesses_per_day": guesses / days, **{kind: count * hours for kind, count in shut_out.items()}}
