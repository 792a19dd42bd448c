"""A watch over a scoring service while it answers: alerts as they arise, a limit lowered at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.monitor.detection.queries import QueryDetector, QuerySettings
from secure_ai.monitor.detection.recombined import RecombinedDetector
from secure_ai.monitor.detection.result import SEVERITIES, Detection, Severity
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Row, seconds_of
from secure_ai.monitor.detection.watch import Watch

if TYPE_CHECKING:
    from secure_ai.access.scoring import Query
    from secure_ai.monitor.alerts import AlertDesk


class HasLimits(Protocol):
    """A service that can lower what an account may ask about, such as a ``RunningModel``."""

    def lower_limit(
        self, principal: str, *, rows_per_minute: int | None = None, rows_per_day: int | None = None
    ) -> object: ...


@dataclass
class Asked:
    """What one account has asked so far.

    Attributes:
        rows: records.
        first_alert: records up to the one that raised the first alert, it included; None without an alert.
        kinds: what the alerts were called, the first one first.
    """

    rows: int = 0
    first_alert: int | None = None
    kinds: tuple[str, ...] = ()


class _Handed:
    """A detector of mixed records whose chances were computed for the whole batch before."""

    family, table = "model_query", "queries"

    def __init__(self, detector: RecombinedDetector) -> None:
        self._detector, self.chance = detector, float("nan")

    def observe(self, event: Row) -> Sequence[Detection]:
        return self._detector.judge(event, self.chance)


class QueryWatch:
    """Is told each batch that a scoring service answers (``on_query=``), and judges its records one by one.

    Args:
        history: queries of a quiet past, as ``QueryLog.to_frame`` returns them: inputs, pace and repeats that
            are usual are learned from it. At least 200 records.
        desk: where alerts go.
        on_alert: called with each alert, after the desk.
        settings: of the detector.
        threshold: score from which a suspicion is an alert, 0 to 1.
        episode_hours: hours without a further suspicion after which the same account is a new alert.

    Attributes:
        alerts: all alerts so far.

    Raises:
        UserError: if the history is no table of queries, or too short to say what is usual.
    """

    LEAST_HISTORY = 200

    def __init__(
        self,
        history: pd.DataFrame,
        *,
        desk: AlertDesk | None = None,
        on_alert: Callable[[Detection], object] | None = None,
        settings: QuerySettings | None = None,
        threshold: float = 0.5,
        episode_hours: float = 72.0,
    ) -> None:
        detector = QueryDetector(settings=settings)
        if not isinstance(history, pd.DataFrame) or len(history) < self.LEAST_HISTORY:
            raise UserError(
                f"The watch needs a quiet past of {self.LEAST_HISTORY} or more records as a table: let the "
                "service run with a QueryLog first."
            )
        self.recombined = RecombinedDetector()
        self._mixed = _Handed(self.recombined)
        for one in (detector, self.recombined):
            one.learn(history.sort_values("time", kind="stable"))
        self._watch = Watch(
            (detector, self._mixed), Settings(threshold=threshold, episode_hours=episode_hours)
        )
        self.desk, self.on_alert = desk, on_alert
        self.alerts: list[Detection] = []
        self._asked: dict[str, Asked] = {}

    def __call__(self, query: Query) -> None:
        """Judge the records of one batch; alerts go to the desk, then to ``on_alert``."""
        asked = self._asked.setdefault(query.actor, Asked())
        base = {"time": seconds_of(query.time), "actor": query.actor, "model": query.model}
        names = [f"x{place}" for place in range(query.inputs.shape[1])]
        found: list[Detection] = []
        mixed = self.recombined.chances(query.inputs).tolist()
        scored = zip(query.inputs.tolist(), query.scores.tolist(), mixed, strict=True)
        for number, (inputs, score, self._mixed.chance) in enumerate(scored):
            row = {**base, "event_id": f"{query.event_id}-{number}", "score": score}
            row.update(zip(names, inputs, strict=True))
            asked.rows += 1
            for alert in self._watch.push(row, "queries"):
                found.append(alert)
                asked.kinds = (*asked.kinds, alert.kind)
                if asked.first_alert is None:
                    asked.first_alert = asked.rows
        self.alerts += found
        if found and self.desk is not None:
            self.desk.receive(found)
        for alert in found:
            if self.on_alert is not None:
                self.on_alert(alert)

    def asked(self, actor: str) -> Asked:
        """Return what an account has asked so far."""
        return self._asked.get(actor, Asked())

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each account: records asked, records until the first alert, what it was."""
        return pd.DataFrame(
            [
                (name, one.rows, one.first_alert, ", ".join(dict.fromkeys(one.kinds)).replace("_", " "))
                for name, one in self._asked.items()
            ],
            columns=["account", "records", "first alert at record", "alerts"],
        ).astype({"first alert at record": "Int64"})

    def sentence(self) -> str:
        """Say which accounts were noticed, and after how many records."""
        noticed = [
            f"{name} after {one.first_alert:,} of {one.rows:,} records ({one.kinds[0].replace('_', ' ')})"
            for name, one in self._asked.items()
            if one.first_alert is not None
        ]
        quiet = len(self._asked) - len(noticed)
        rest = f"{quiet} other account{'s' if quiet != 1 else ''} raised no alert."
        return f"Noticed: {'; '.join(noticed)}. {rest}" if noticed else f"Nobody was noticed: {rest}"


def lowers_limit(
    service: HasLimits,
    *,
    rows_per_minute: int = 10,
    rows_per_day: int | None = None,
    at_least: Severity = "medium",
    spare: Mapping[str, str] | None = None,
) -> Callable[[Detection], None]:
    """Return an ``on_alert`` that lowers the limit of the account an alert is about.

    A limit is lowered and never set to nothing: an alert may be wrong, and the ward or the branch behind an
    honest account must still be served.

    Args:
        service: the running service.
        rows_per_minute, rows_per_day: what the account keeps.
        at_least: the severity from which it happens.
        spare: account -> why its limit is left alone, such as a clinical service that must not wait.

    Raises:
        UserError: if there is no such severity.
    """
    if at_least not in SEVERITIES:
        raise UserError(f"There is no severity '{at_least}': choose from {', '.join(SEVERITIES)}.")

    def act(alert: Detection) -> None:
        if alert.actor in (spare or {}):
            return
        if SEVERITIES.index(alert.severity) >= SEVERITIES.index(at_least):
            service.lower_limit(alert.actor, rows_per_minute=rows_per_minute, rows_per_day=rows_per_day)

    return act
