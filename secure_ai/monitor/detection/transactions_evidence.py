"""Evidence against an account: signs rare in a quiet history add up, one sum for each kind of fraud."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sign:
    """Something about one transaction that speaks for a kind of fraud.

    Attributes:
        name: of the sign; how often it occurs in the history decides its weight.
        words: one phrase for the reader, without personal values.
        value: what was seen, where it is a number.
        usual: what is usual, where there is such a figure.
        rate: how often this sign is to be expected here, where the account's own past says so; else the rate
            of the history.
        events: identifiers of earlier transactions that it is about; the one at hand by default.
    """

    name: str
    words: str
    value: float | None = None
    usual: float | None = None
    rate: float | None = None
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fraud and the signs that speak for it.

    Attributes:
        name: of the kind.
        signs: all that count for it.
        needs: at least one of these must be there for a transaction to add to the evidence.
        fade: hours in which evidence halves.
        toll: evidence that each transaction of the gate must bring before it counts, in natural logarithms.
        relief: evidence that a transaction without a sign of ``needs`` takes away.
        severity: of an alert.
        strictness: factor of the limit, for a kind whose signs honest transactions show in clusters.
    """

    name: str
    signs: tuple[str, ...]
    needs: tuple[str, ...]
    fade: float
    toll: float = 2.0
    relief: float = 0.0
    severity: str = "high"
    strictness: float = 1.0


@dataclass
class Case:
    """The sum for one account and kind, when it last changed and the events that it rests on."""

    total: float = 0.0
    time: float = -math.inf
    events: tuple[str, ...] = ()


@dataclass
class Evidence:
    """Sums of evidence for each account and kind, with weights from how rare a sign is in the history.

    The weight of a sign is the logarithm of its likelihood ratio: ``seen`` (its share among frauds, an
    assumption) over its rate in the history. The sums are Page's cumulative sums with fading.

    Attributes:
        kinds: the kinds that are watched.
        seen: assumed share of frauds that show a sign.
        most: highest weight of one sign.
        limits: evidence that makes a score of 0.5, for each kind.
    """

    kinds: tuple[Kind, ...]
    seen: float = 0.5
    most: float = 7.0
    least: float = 9.0
    limits: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    total: int = 0
    cases: dict[str, dict[str, Case]] = field(default_factory=dict)

    def count(self, signs: Sequence[Sign]) -> None:
        """Count the signs of one transaction of the history."""
        self.total += 1
        for sign in {sign.name for sign in signs}:
            self.counts[sign] = self.counts.get(sign, 0) + 1

    def weight(self, sign: Sign) -> float:
        """Return what a sign is worth: 0 where it is common, up to ``most``."""
        rate = sign.rate
        if rate is None:
            rate = (self.counts.get(sign.name, 0) + 0.5) / (self.total + 1.0) if self.total else 0.01
        return min(max(math.log(self.seen / max(rate, 1e-9)), 0.0), self.most)

    def weigh(
        self, account: str, event_id: str, time: float, signs: Sequence[Sign]
    ) -> list[tuple[Kind, Case, list[Sign]]]:
        """Add a transaction to the sums; return the kinds it raised, with their signs, weightiest first."""
        by_name = {sign.name: sign for sign in signs}
        mine = self.cases.setdefault(account, {})
        raised: list[tuple[Kind, Case, list[Sign]]] = []
        for kind in self.kinds:
            case = mine.get(kind.name)
            present = [by_name[name] for name in kind.signs if name in by_name]
            if case is None and not present:
                continue
            case = case or mine.setdefault(kind.name, Case(time=time))
            elapsed = max(time - case.time, 0.0)
            case.time = max(case.time, time)
            case.total *= 0.5 ** (elapsed / 3600.0 / kind.fade)
            if any(name in by_name for name in kind.needs):
                weighed = sorted(((self.weight(sign), sign) for sign in present), key=lambda item: -item[0])
                step = sum(weight for weight, _ in weighed) - kind.toll
                case.total = max(0.0, case.total + step)
                if step > 0:
                    own = dict.fromkeys(event for sign in present for event in sign.events or (event_id,))
                    case.events = (*case.events, *(event for event in own if event not in case.events))[-30:]
                    raised.append((kind, case, [sign for _, sign in weighed]))
            else:
                case.total = max(0.0, case.total - kind.relief)
            if case.total < 0.05:
                del mine[kind.name]
        if not mine:
            del self.cases[account]
        return raised

    def limit(self, kind: str) -> float:
        """Return the evidence that makes a score of 0.5."""
        return self.limits.get(kind, self.least)

    def state(self) -> dict[str, Any]:
        """Return all that was learned as JSON values."""
        return {
            "limits": self.limits,
            "counts": self.counts,
            "total": self.total,
            "cases": {
                account: {kind: [case.total, case.time, list(case.events)] for kind, case in mine.items()}
                for account, mine in self.cases.items()
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self.limits = {str(k): float(v) for k, v in state["limits"].items()}
        self.counts = {str(k): int(v) for k, v in state["counts"].items()}
        self.total = int(state["total"])
        self.cases = {
            account: {
                kind: Case(float(total), float(time), tuple(events))
                for kind, (total, time, events) in mine.items()
            }
            for account, mine in state["cases"].items()
        }
