"""Watch a stream of scores, inputs and late labels with ADWIN, and say where it changed."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from river.drift import ADWIN

from secure_ai.core import UserError

DELTA = 0.002
CHECK_EVERY = 8
KEPT_VALUES = 20_000
MOST_PENDING = 200_000
FEWEST_REFERENCE = 30
SOURCE = "Bifet and Gavalda, Learning from time-changing data with adaptive windowing (2007)"


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A place where the mean of a stream changed.

    Attributes:
        stream: ``"score"``, ``"error"``, ``"missing"`` or the name of an input.
        start: time of the first event after the change, as located, in UTC, ISO 8601.
        detected: time at which enough had been seen to be sure; for errors, when the label arrived.
        index: place of the change in the stream, counted from 0.
        before, after: means on both sides, on the scale 0 to 1 of the stream.
        n_before, n_after: values that these means rest on.
    """

    stream: str
    start: str
    detected: str
    index: int
    before: float
    after: float
    n_before: int
    n_after: int

    def sentence(self) -> str:
        """Return the change in one sentence."""
        way = "rose" if self.after > self.before else "fell"
        return (
            f"{self.stream}: the mean {way} from {self.before:.3f} to {self.after:.3f} at {self.start}, "
            f"noticed at {self.detected} after {self.n_after:,} values."
        )


@dataclass
class _Stream:
    detector: ADWIN
    values: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_VALUES))
    times: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_VALUES))
    seen: int = 0


class DriftMonitor:
    """Follows a model in use: one ADWIN each for its score, its inputs, missing inputs and its errors.

    Inputs are turned into their rank in the reference, because ADWIN's guarantee is for values between
    0 and 1; the error of a prediction is (label − score)², known once the label arrives. ``delta`` is
    shared by the streams. ADWIN says *that* the mean changed; the place is then the split that explains
    the window best, which is more exact than the border of ADWIN's buckets.

    Nothing stops the stream: what is wrong with an event is counted in ``irregularities``.

    Args:
        reference: columns of numbers to follow as inputs; None to follow score and errors alone.
        delta: ADWIN's error rate, for all streams together.
        most_pending: predictions that may wait for a label; beyond, the oldest is given up and counted.

    Raises:
        UserError: if the reference has a column without enough numbers, or ``delta`` is not in (0, 1).

    Source: Bifet and Gavalda, Learning from time-changing data with adaptive windowing (2007).
    """

    def __init__(
        self,
        reference: pd.DataFrame | None = None,
        *,
        delta: float = DELTA,
        most_pending: int = MOST_PENDING,
    ) -> None:
        if not 0 < delta < 1:
            raise UserError(f"delta is ADWIN's error rate: give a number between 0 and 1, such as {DELTA}.")
        self._ranks = {} if reference is None else _ranks(reference)
        names = ["score", "error", *self._ranks, *(["missing"] if self._ranks else [])]
        self._streams = {name: _Stream(ADWIN(delta=delta / len(names), clock=CHECK_EVERY)) for name in names}
        self._pending: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._labelled: OrderedDict[str, None] = OrderedDict()
        self._most_pending = most_pending
        self._latest: datetime | None = None
        self._changes: list[ChangePoint] = []
        self._history = {
            name: deque[tuple[str, float]](maxlen=10 * KEPT_VALUES) for name in ("score", "error")
        }
        self.irregularities: Counter[str] = Counter()

    def update(
        self, event_id: str, time: Any, score: float, inputs: Mapping[str, Any] | None = None
    ) -> tuple[ChangePoint, ...]:
        """Take one prediction; return the changes that it made certain.

        Args:
            event_id: to which its label will refer; a repeated one is counted and left out.
            time: of the event; a clock that goes backwards is counted, and the order of arrival kept.
            score: the predicted probability; NaN, a word or a number outside 0 to 1 is counted.
            inputs: values of the columns of the reference.
        """
        event_id = str(event_id)
        if event_id in self._pending or event_id in self._labelled:
            self.irregularities["duplicate event"] += 1
            return ()
        stamp = self._stamp(time)
        found = []
        value = _number(score)
        if math.isnan(value):
            self.irregularities["score is not a number"] += 1
        elif not 0 <= value <= 1:
            self.irregularities["score outside 0 to 1"] += 1
        else:
            found += self._feed("score", stamp, value, stamp)
            self._pending[event_id] = (stamp, value)
            if len(self._pending) > self._most_pending:
                self._pending.popitem(last=False)
                self.irregularities["label never came"] += 1
        if self._ranks:
            found += self._inputs(stamp, inputs or {})
        return tuple(found)

    def add_label(self, event_id: str, label: float, time: Any) -> tuple[ChangePoint, ...]:
        """Take the true outcome of an earlier prediction, whenever it comes; return what became certain."""
        event_id, truth = str(event_id), _number(label)
        if truth not in (0.0, 1.0):
            self.irregularities["label is not 0 or 1"] += 1
            return ()
        waiting = self._pending.pop(event_id, None)
        if waiting is None:
            known = event_id in self._labelled
            self.irregularities["duplicate label" if known else "label without prediction"] += 1
            return ()
        self._labelled[event_id] = None
        if len(self._labelled) > self._most_pending:
            self._labelled.popitem(last=False)
        started, score = waiting
        arrived = _iso(time)
        if not arrived:
            self.irregularities["time cannot be read"] += 1
        return tuple(self._feed("error", started, (truth - score) ** 2, arrived or started))

    @property
    def changes(self) -> tuple[ChangePoint, ...]:
        """Every change so far, in the order in which they became certain."""
        return tuple(self._changes)

    @property
    def waiting(self) -> int:
        """Predictions whose label has not come."""
        return len(self._pending)

    def sentence(self) -> str:
        """Say what changed first, and what was irregular."""
        text = f"{len(self._changes)} changes" if len(self._changes) != 1 else "One change"
        text += f" in {self._streams['score'].seen:,} predictions"
        if self._changes:
            first = min(self._changes, key=lambda change: change.detected)
            text += f"; first {first.sentence()}"
        else:
            text += "."
        odd = ", ".join(f"{name} {count:,}" for name, count in sorted(self.irregularities.items()))
        return text + (f" Irregular: {odd}." if odd else "")

    def to_frame(self) -> pd.DataFrame:
        """Return a row per change: the fields of :class:`ChangePoint`."""
        names = list(ChangePoint.__slots__)
        rows = [[getattr(change, name) for name in names] for change in self._changes]
        return pd.DataFrame(rows, columns=names)

    def history(self, stream: str = "score") -> pd.DataFrame:
        """Return the latest values of ``"score"`` or ``"error"``: columns time and value, in order seen."""
        frame = pd.DataFrame(list(self._history[stream]), columns=["time", "value"])
        return frame.assign(time=pd.to_datetime(frame["time"], utc=True, format="ISO8601"))

    def _inputs(self, stamp: str, inputs: Mapping[str, Any]) -> list[ChangePoint]:
        found, absent = [], 0
        for name, reference in self._ranks.items():
            value = _number(inputs.get(name, math.nan))
            if math.isnan(value):
                absent += 1
                continue
            # In the middle of equal values, so that a column of few values keeps its mean at one half.
            low, high = np.searchsorted(reference, value, "left"), np.searchsorted(reference, value, "right")
            found += self._feed(name, stamp, float(low + high) / 2 / len(reference), stamp)
        return found + self._feed("missing", stamp, absent / len(self._ranks), stamp)

    def _feed(self, name: str, stamp: str, value: float, now: str) -> list[ChangePoint]:
        stream = self._streams[name]
        stream.detector.update(value)
        stream.values.append(value)
        stream.times.append(stamp)
        stream.seen += 1
        if name in self._history:
            self._history[name].append((stamp, value))
        if not stream.detector.drift_detected:
            return []
        values = np.fromiter(stream.values, dtype=float)
        split = _best_split(values)
        change = ChangePoint(
            stream=name,
            start=stream.times[split],
            detected=now,
            index=stream.seen - len(values) + split,
            before=float(values[:split].mean()),
            after=float(values[split:].mean()),
            n_before=split,
            n_after=len(values) - split,
        )
        for _ in range(split):
            stream.values.popleft()
            stream.times.popleft()
        self._changes.append(change)
        return [change]

    def _stamp(self, time: Any) -> str:
        text = _iso(time)
        if not text:
            self.irregularities["time cannot be read"] += 1
            return self._latest.isoformat(timespec="milliseconds") if self._latest else ""
        moment = datetime.fromisoformat(text)
        if self._latest is not None and moment < self._latest:
            self.irregularities["clock went backwards"] += 1
        else:
            self._latest = moment
        return text


def _ranks(reference: pd.DataFrame) -> dict[str, np.ndarray]:
    ranks = {}
    for name in reference.columns:
        values = pd.to_numeric(reference[name], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        values = values[np.isfinite(values)]
        if len(values) < FEWEST_REFERENCE:
            raise UserError(
                f"The reference column '{name}' has {len(values)} numbers: {FEWEST_REFERENCE} are needed, "
                "or leave it out."
            )
        if name in ("score", "error", "missing"):
            raise UserError(f"An input of the monitor cannot be called '{name}': rename the column.")
        ranks[str(name)] = np.sort(values)
    return ranks


def _best_split(values: np.ndarray) -> int:
    """Return the place that divides the values into two means that differ most for their lengths.

    Source: Page (1954), Hinkley, Inference about the change-point in a sequence (1970).
    """
    n = len(values)
    if n < 2:
        return 0
    k = np.arange(1, n)
    difference = np.cumsum(values)[:-1] - k / n * values.sum()
    return int(np.argmax(np.abs(difference) / np.sqrt(k * (n - k) / n))) + 1


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _iso(time: Any) -> str:
    try:
        moment = pd.Timestamp(time)
    except (TypeError, ValueError, OverflowError):
        return ""
    if pd.isna(moment):
        return ""
    moment = moment.tz_localize(UTC) if moment.tzinfo is None else moment.tz_convert(UTC)
    return moment.to_pydatetime(warn=False).isoformat(timespec="milliseconds")


def replay(
    monitor: DriftMonitor,
    predictions: pd.DataFrame,
    inputs: Sequence[str] = (),
) -> DriftMonitor:
    """Feed a table of predictions and their late labels to a monitor, in the order in which they came.

    Args:
        monitor: to be fed.
        predictions: columns event_id, time, score, and where labels came: label, label_time.
        inputs: further columns that the monitor follows.

    Raises:
        UserError: if a column is missing.
    """
    late = [name for name in ("label", "label_time") if name in predictions.columns]
    missing = next(
        (c for c in ("event_id", "time", "score", *inputs) if c not in predictions.columns), None
    ) or ("label_time" if late == ["label"] else None)
    if missing:
        raise UserError(f"The predictions have no column '{missing}'.")
    moves: list[tuple[pd.Timestamp, int, int]] = []
    times = pd.to_datetime(predictions["time"], utc=True, errors="coerce", format="mixed")
    moves += [(time, 0, row) for row, time in enumerate(times)]
    if late == ["label", "label_time"]:
        known = predictions["label"].notna().to_numpy()
        arrivals = pd.to_datetime(predictions["label_time"], utc=True, errors="coerce", format="mixed")
        moves += [(time, 1, row) for row, time in enumerate(arrivals) if known[row]]
    beginning = pd.Timestamp.min.tz_localize(UTC)
    moves.sort(key=lambda move: (beginning if pd.isna(move[0]) else move[0], move[1]))
    rows = predictions.to_dict(orient="records")
    for time, is_label, row in moves:
        fields = rows[row]
        if is_label:
            monitor.add_label(str(fields["event_id"]), fields["label"], time)
        else:
            monitor.update(
                str(fields["event_id"]), time, fields["score"], {name: fields[name] for name in inputs}
            )
    return monitor
