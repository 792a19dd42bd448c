"""What is remembered of a payment account, and how far an amount lies from what is usual."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from river.stats import Mean, Var


class Account:
    """One account: running mean and variance of the logarithm of amounts, what it used, its last payments."""

    def __init__(self) -> None:
        self.count = 0
        self.amount = Var()
        self.seen: dict[str, Counter[str]] = {
            name: Counter() for name in ("counterparty", "category", "country", "device")
        }
        self.recent: deque[dict[str, Any]] = deque(maxlen=60)
        self.last_present: tuple[float, str] | None = None
        self.device_since: dict[str, float] = {}

    def state(self) -> dict[str, Any]:
        """Return the account as JSON values."""
        return {
            "count": self.count,
            "amount": var_state(self.amount),
            "seen": {name: dict(counter) for name, counter in self.seen.items()},
            "recent": list(self.recent),
            "last_present": self.last_present,
            "device_since": self.device_since,
        }

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Account:
        """Return the account that :meth:`state` described."""
        account = cls()
        account.count, account.amount = int(state["count"]), var_of(state["amount"])
        account.seen = {name: Counter(state["seen"][name]) for name in account.seen}
        account.recent.extend(dict(item) for item in state["recent"])
        last = state["last_present"]
        account.last_present = None if last is None else (float(last[0]), str(last[1]))
        account.device_since = {str(k): float(v) for k, v in state["device_since"].items()}
        return account


def var_state(var: Var) -> list[float]:
    """Return a river variance as JSON values: number, mean, variance."""
    return [float(var.n), float(var.mean.get()), float(var.get())]


def var_of(state: list[float]) -> Var:
    """Return the river variance that :func:`var_state` described."""
    if state[0] < 2:
        var = Var()
        var.mean = Mean._from_state(state[0], state[1])
        return var
    return Var._from_state(state[0], state[1], state[2])


def standard_score(var: Var | None, value: float, prior: float, peers: Var | None) -> float:
    """Standard score, drawn toward the peers by ``prior`` imagined values; 0 where nothing is known."""
    n = var.n if var is not None else 0.0
    if n + (prior if peers is not None and peers.n >= 30 else 0.0) < 5:
        return 0.0
    mean, spread = (var.mean.get(), var.get()) if var is not None and n else (0.0, 0.0)
    if peers is not None and prior:
        mean = (n * mean + prior * peers.mean.get()) / (n + prior)
        spread = (n * spread + prior * peers.get()) / (n + prior)
    return (value - mean) / math.sqrt(max(spread, 0.01))


def text_of(value: Any) -> str:
    """Return a cell as text; nothing and not-a-number as an empty one."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)


def number_of(value: Any) -> float:
    """Return a cell as a number; not a number where it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
