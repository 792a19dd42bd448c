"""Model queries that look like extraction, a search for the decision boundary, or membership probing.

Each query adds to the evidence against its client or takes from it (a cumulative sum, Page 1954); the
evidence fades with time. What adds: an input that genuine records hardly have, a value that an input of few
values never had, a near repeat in several inputs, an input on the line between two earlier ones. An unusual
pace is an alert by itself. What does not add: retries (the same input again), sliders (one input moves), a
busy batch of ordinary inputs.
A probe that moves one input alone looks like a slider and is not seen here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.monitor.detection.queries_features import (
    FEATURES,
    Client,
    InputSpace,
    QueryFeatures,
    features_of,
    inputs_of,
)
from secure_ai.monitor.detection.result import Detection, Reason, Severity
from secure_ai.monitor.detection.stream import iso, rows_of
from secure_ai.monitor.detection.tails import Tails

if TYPE_CHECKING:
    from secure_ai.monitor.detection.context import Context
    from secure_ai.monitor.detection.stream import Row

STATE_VERSION = 1
NEEDED = ("event_id", "time", "actor")


@dataclass(frozen=True)
class QuerySettings:
    """Settings of the watch over model queries.

    Attributes:
        boundary: score at which the model decides, 0 to 1.
        memory: earlier queries of a client that a new one is compared with.
        fade: hours in which evidence halves.
        evidence: evidence that makes a score of 0.5, in natural logarithms of a likelihood ratio; the highest
            of the history, and a margin, where that is more.
        margin: how far above the highest evidence of the history the limit lies, as a factor.
        few: share of distinct values in the history below which an input is one of few values.
        decimals: decimals to which inputs are compared.
        tolerance: distance from a line that rounding may cause, in units of the inputs.
        pace: times the usual pace of a client (and of its peers) from which its pace alone is an alert.
        pace_least: queries an hour below which no pace is an alert.
        at_boundary: distance of a score from ``boundary`` that counts as at it.
    """

    boundary: float = 0.5
    memory: int = 60
    fade: float = 6.0
    evidence: float = 8.0
    margin: float = 1.2
    few: float = 0.01
    decimals: int = 6
    tolerance: float = 0.005
    pace: float = 6.0
    pace_least: float = 60.0
    at_boundary: float = 0.1

    def __post_init__(self) -> None:
        for name in ("fade", "evidence", "margin", "tolerance", "pace", "pace_least", "at_boundary"):
            if not getattr(self, name) > 0:
                raise UserError(f"The setting '{name}' must be above 0: it is {getattr(self, name)!r}.")
        if self.memory < 2:
            raise UserError(f"The setting 'memory' must be 2 or more queries: it is {self.memory!r}.")


@dataclass
class _Case:
    """The evidence against one client: its sum, when it last changed, what it rests on."""

    total: float = 0.0
    time: float = -math.inf
    events: tuple[str, ...] = ()
    near: float = 0.0
    rare: float = 0.0
    margins: tuple[float, ...] = ()


class QueryDetector:
    """Watches over the queries of each client; see :class:`secure_ai.monitor.detection.stream.Detector`.

    Args:
        context: the registers; not needed here, taken as all detectors take it.
        settings: limits and memories.
    """

    family = "model_query"
    table = "queries"

    def __init__(self, context: Context | None = None, settings: QuerySettings | None = None) -> None:
        self.context, self.settings = context, settings or QuerySettings()
        self.inputs: tuple[str, ...] = ()
        self.space = InputSpace()
        self.tails = Tails()
        self.limit = self.settings.evidence
        self.usual_pace: dict[str, float] = {}
        self.peer_pace = 0.0
        self.unusable = 0
        self._clients: dict[str, Client] = {}
        self._cases: dict[str, _Case] = {}

    def learn(self, history: pd.DataFrame) -> None:
        """Take from a quiet history what inputs, repeats and pace are usual, and how high evidence rises.

        Args:
            history: event_id, time, actor, the inputs (x0, x1, ...) and score; may be empty.

        Raises:
            UserError: if it is no table, or a column that is needed is missing.
        """
        self.inputs = input_columns(history)
        self._clients, self._cases = {}, {}
        if not len(history) or not self.inputs:
            return
        numbers = history[list(self.inputs)].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
        self.space.learn(numbers, few=self.settings.few, decimals=self.settings.decimals)
        made: list[tuple[str, str, float, QueryFeatures]] = []
        for row in rows_of(history):
            found = self._features(row)
            if found is not None:
                made.append((str(row["actor"]), str(row["event_id"]), float(row["time"]), found))
        if not made:
            return
        self.tails.learn({name: [getattr(item[3], name) for item in made] for name in FEATURES})
        paces = pd.Series([item[3].fresh_hour for item in made]).groupby([item[0] for item in made])
        self.usual_pace = {str(actor): float(value) for actor, value in paces.quantile(0.99).items()}
        self.peer_pace = float(np.median(list(self.usual_pace.values())))
        highest = 0.0
        for actor, event_id, time, features in made:
            case, _ = self._weigh(actor, event_id, time, features)
            highest = max(highest, case.total)
        self.limit = max(self.settings.evidence, self.settings.margin * highest)
        self._cases = {}

    def observe(self, event: Row) -> Sequence[Detection]:
        """Judge one query; one without usable inputs, time or actor is counted in ``unusable``, no more."""
        found = self._features(event)
        if found is None:
            self.unusable += 1
            return ()
        features = found
        actor, event_id = str(event["actor"]), str(event.get("event_id", ""))
        time = float(event["time"])
        case, reasons = self._weigh(actor, event_id, time, features)
        detections = []
        # A retry adds nothing; it does not raise an old case again either.
        if reasons and case.total > 0.1 * self.limit:
            score = 1.0 - 0.5 ** (case.total / self.limit)
            kind = _kind(case, self.settings)
            detections.append(self._detection(event, kind, score, reasons, case.events[-20:]))
        usual = max(
            self.usual_pace.get(actor, 0.0), self.peer_pace, self.settings.pace_least / self.settings.pace
        )
        if features.fresh_hour >= 0.5 * self.settings.pace * usual and not (
            features.repeats or features.slider
        ):
            score = 1.0 - 0.5 ** (features.fresh_hour / (self.settings.pace * usual))
            words = (
                f"{features.fresh_hour:.0f} different queries in an hour, "
                f"{features.fresh_hour / usual:.0f} times what is usual"
            )
            reason = Reason("pace", words, features.fresh_hour, usual)
            detections.append(self._detection(event, "extraction", score, (reason,), (event_id,)))
        return detections

    def _features(self, row: Mapping[str, Any]) -> QueryFeatures | None:
        if not self.inputs:
            self.inputs = tuple(sorted((str(name) for name in row if _is_input(str(name))), key=_number))
        x = inputs_of(row, self.inputs) if self.inputs else None
        time = _float(row.get("time"))
        if x is None or not math.isfinite(time) or not row.get("actor"):
            return None
        actor = str(row["actor"])
        client = self._clients.get(actor)
        if client is None:
            client = self._clients[actor] = Client(len(x), self.settings.memory)
        return features_of(
            client,
            self.space,
            time=time,
            x=x,
            score=_float(row.get("score")),
            boundary=self.settings.boundary,
            tolerance=self.settings.tolerance,
            decimals=self.settings.decimals,
        )

    def _weigh(
        self, actor: str, event_id: str, time: float, features: QueryFeatures
    ) -> tuple[_Case, tuple[Reason, ...]]:
        case = self._cases.setdefault(actor, _Case())
        elapsed = max(time - case.time, 0.0) if math.isfinite(case.time) else 0.0
        fading = 0.5 ** (elapsed / 3600.0 / self.settings.fade)
        case.time = max(case.time, time)
        case.total, case.near, case.rare = case.total * fading, case.near * fading, case.rare * fading
        if features.repeats or features.slider:
            return case, ()
        reasons: list[tuple[float, Reason]] = []
        unlikely = min(max(self.space.unlikely(features.rarity), -3.0), 4.0)
        rare = unlikely + 3.0 * min(features.unseen_values, 3.0)
        if unlikely > 0:
            words = "the input lies where genuine records hardly do"
            usual = self.tails.usual("rarity")
            reasons.append((unlikely, Reason("rare_input", words, round(features.rarity, 2), usual)))
        if features.unseen_values:
            many = (
                "1 input holds"
                if features.unseen_values == 1
                else f"{features.unseen_values:.0f} inputs hold"
            )
            words = f"{many} a value that no genuine record ever had"
            reasons.append(
                (3.0 * features.unseen_values, Reason("unseen_value", words, features.unseen_values, 0.0))
            )
        surprise = self.tails.surprise("closeness", features.closeness) * math.log(10)
        near = min(max(surprise - 6.0, 0.0), 6.0)
        if near > 0:
            words = "almost an earlier query of this client, changed a little in several inputs"
            distance = math.exp(-features.closeness)
            usual = math.exp(-(self.tails.usual("closeness") or 0.0))
            reasons.append((near, Reason("near_repeat", words, round(distance, 3), round(usual, 3))))
        if features.between:
            words = "the input lies on the line between two earlier ones, as in a search for the boundary"
            reasons.append((5.0, Reason("between", words, 1.0, 0.0)))
        step = rare + near + 5.0 * features.between
        # What is near is no sample of the space: then a likely input does not speak for the client.
        step = step if not (near or features.between) else max(step, near + 5.0 * features.between)
        case.total = max(0.0, case.total + step)
        if case.total == 0.0:
            self._cases[actor] = _Case(time=case.time)
            return self._cases[actor], ()
        case.near += near + 5.0 * features.between
        case.rare += max(rare, 0.0)
        if reasons and step > 0:
            case.events = (*case.events, event_id)[-50:]
            if near or features.between:
                case.margins = (*case.margins, features.margin)[-20:]
            reasons.sort(key=lambda item: -item[0])
            return case, tuple(reason for _, reason in reasons)
        return case, ()

    def _detection(
        self,
        event: Row,
        kind: str,
        score: float,
        reasons: tuple[Reason, ...],
        events: tuple[str, ...],
    ) -> Detection:
        severity: Severity = "high" if score >= 0.75 else "medium" if score >= 0.5 else "low"
        target = str(event.get("model") or "unknown model")
        return Detection(
            iso(float(event["time"])), self.family, kind, str(event["actor"]), target, severity,
            round(min(max(score, 0.0), 1.0), 4), reasons, events,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return all that was learned and remembered as JSON values."""
        return {
            "version": STATE_VERSION,
            "inputs": list(self.inputs),
            "space": self.space.state(),
            "tails": self.tails.state(),
            "limit": self.limit,
            "usual_pace": self.usual_pace,
            "peer_pace": self.peer_pace,
            "unusable": self.unusable,
            "clients": {actor: client.state() for actor, client in self._clients.items()},
            "cases": {
                actor: {
                    "total": case.total,
                    "time": case.time if math.isfinite(case.time) else None,
                    "events": list(case.events),
                    "near": case.near,
                    "rare": case.rare,
                    "margins": list(case.margins),
                }
                for actor, case in self._cases.items()
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned.

        Raises:
            UserError: if it is of another version or damaged.
        """
        if state.get("version") != STATE_VERSION:
            raise UserError(
                f"The saved state of the watch over model queries has version {state.get('version')!r}, and "
                f"{STATE_VERSION} is read: learn from the history again."
            )
        try:
            self.inputs = tuple(str(name) for name in state["inputs"])
            self.space.restore(state["space"])
            self.tails.restore(state["tails"])
            self.limit = float(state["limit"])
            self.usual_pace = {str(k): float(v) for k, v in state["usual_pace"].items()}
            self.peer_pace, self.unusable = float(state["peer_pace"]), int(state["unusable"])
            size, memory = len(self.inputs), self.settings.memory
            self._clients = {k: Client.of(v, size, memory) for k, v in state["clients"].items()}
            self._cases = {
                actor: _Case(
                    float(case["total"]),
                    -math.inf if case["time"] is None else float(case["time"]),
                    tuple(case["events"]),
                    float(case["near"]),
                    float(case["rare"]),
                    tuple(float(value) for value in case["margins"]),
                )
                for actor, case in state["cases"].items()
            }
        except (KeyError, TypeError, ValueError, AttributeError):
            raise UserError(
                "The saved state of the watch over model queries is damaged: learn from the history again."
            ) from None


def input_columns(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns with the inputs of a model: x0, x1, ...

    Raises:
        UserError: if it is no table, has rows but no inputs, or lacks event_id, time or actor.
    """
    if not isinstance(table, pd.DataFrame):
        raise UserError(f"Model queries must be a DataFrame, not {type(table).__name__}: pass a table.")
    names = tuple(sorted((str(name) for name in table.columns if _is_input(str(name))), key=_number))
    if len(table):
        for name in NEEDED:
            if name not in table.columns:
                raise UserError(f"The model queries have no column '{name}': add or rename it.")
        if not names:
            raise UserError("The model queries have no inputs: name their columns x0, x1, ...")
    return names


def query_features(queries: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Return the features of each query, as the detector sees them, for a comparison with other detectors.

    Args:
        queries: event_id, time, actor, x0..., score.
        history: the same for a quiet past, from which the space of inputs is learned.

    Returns:
        event_id and the attributes of :class:`QueryFeatures`; rows without usable inputs are left out.
    """
    detector = QueryDetector()
    detector.learn(history)
    rows = [(row.get("event_id"), detector._features(row)) for row in rows_of(queries)]
    made = [
        (event_id, *(getattr(found, name) for name in FEATURES))
        for event_id, found in rows
        if found is not None
    ]
    return pd.DataFrame(made, columns=["event_id", *FEATURES])


def _kind(case: _Case, settings: QuerySettings) -> str:
    if case.near > 0.5 * case.rare and case.margins:
        at_boundary = np.median(case.margins) <= settings.at_boundary
        return "boundary_probing" if at_boundary else "membership_probing"
    return "extraction"


def _is_input(name: str) -> bool:
    return name[:1] == "x" and name[1:].isdecimal()


def _number(name: str) -> int:
    return int(name[1:])


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
