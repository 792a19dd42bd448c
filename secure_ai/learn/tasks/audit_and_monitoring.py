"""The tasks of chapter 09: a broken chain, bulk reading, the worth of a watch, drift, an alert sent out."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import mean, median
from typing import Any

import numpy as np

from secure_ai.learn.engine import CheckResult, KnownWrong, Lab, attempt, correct, fresh, incorrect, same
from secure_ai.learn.monitoring_cases import (
    KINDS,
    START,
    TAMPERING,
    Entries,
    first_alerts,
    keyed_code,
    link,
    personal_parts,
    shifts,
    told,
    trail_after,
    two_samples,
    watched,
)
from secure_ai.learn.slips import Case, Slip, explained, telling_cases
from secure_ai.monitor.detection import SEVERITIES, Detection
from secure_ai.monitor.drift import psi_noise_bound

lab = Lab("09_audit_and_monitoring", title="Audit and monitoring")
progress = lab.progress

# ------------------------------------------------------------------------------- 1 · where the chain breaks

BREAK_KIND = "a whole number is asked for: the number of an entry, or 0."
BREAK_LAST = "only one hash was compared: whatever was done before it stays unseen, or has no place."
BREAK_STORED = "the hash that stands in an entry was believed: an edited text is not found."
BREAK_REWRITTEN = "an entry was edited and all hashes after it computed anew, and that is not found."
BREAK_CUT = "the end was cut off, and nobody noticed: what is left fits together."
BREAK_BEHIND = "the witness may have been told of fewer entries than there are by now; that is no damage."
BREAK_STRETCH = "where a signed hash differs, the change may be anywhere since the last one that fits."
BREAK_LATER = "that is a later break; the first one is asked for."
BREAK_ZERO = "the answers are one too small: entries are counted from 1."
BREAK_OTHER = "some breaks are found at the wrong place, or not at all."


@dataclass(frozen=True)
class _Walk:
    """The examination of a trail; that of one who makes a mistake differs in one field."""

    compute: bool = True
    signed: bool = True
    witness: str = "at least"
    stretch: bool = True
    last: bool = False
    less: int = 0

    def __call__(self, entries: Entries, checkpoints: Sequence[dict[str, Any]], witness: int) -> int:
        return max(0, self._place(entries, checkpoints, witness) - self.less)

    def _place(self, entries: Entries, checkpoints: Sequence[dict[str, Any]], witness: int) -> int:
        signed = {one["number"]: one["hash"] for one in checkpoints} if self.signed else {}
        previous, proven, found = START, 0, 0
        for number, entry in enumerate(entries, start=1):
            if self.compute and entry["hash"] != link(previous, entry["text"]):
                found = number
            elif number in signed and signed[number] != entry["hash"]:
                found = proven + 1 if self.stretch else number
            elif number in signed:
                proven = number
            if found and not self.last:
                return found
            previous = entry["hash"]
        short = len(entries) != witness if self.witness == "exactly" else len(entries) < witness
        return len(entries) + 1 if short and self.witness else found


_first_break = _Walk()


def _last_hash_only(entries: Entries, checkpoints: Sequence[dict[str, Any]], witness: int) -> int:
    fits = bool(entries and checkpoints) and any(
        entry["hash"] == checkpoints[-1]["hash"] for entry in entries
    )
    return 0 if fits else len(entries)


BREAK_SLIPS: tuple[Slip, ...] = (
    (_last_hash_only, BREAK_LAST, "Walk through all entries, from the first one."),
    (_Walk(compute=False), BREAK_STORED, "Compute each hash yourself: `link(previous, entry['text'])`."),
    (_Walk(signed=False), BREAK_REWRITTEN, "Compare with the signed hash where there is a checkpoint."),
    (_Walk(witness=""), BREAK_CUT, "Compare `len(entries)` with `witness` at the end."),
    (_Walk(witness="exactly"), BREAK_BEHIND, "Ask whether there are fewer entries than `witness`."),
    (_Walk(stretch=False), BREAK_STRETCH, "Remember the last checkpoint that fits; return its number + 1."),
    (_Walk(last=True), BREAK_LATER, "Return as soon as something does not fit."),
    (_Walk(less=1), BREAK_ZERO, "Count with `enumerate(entries, start=1)`."),
)


@lab.task(
    prompt="Find the first place where a trail is not as it was written.",
    hints=(
        "Walk from the first entry on, and keep the hash of the one before. Three questions: does the entry "
        "follow from the one before, does a signed hash say the same, and is the end there?",
        "Begin with `previous = START` and `proven = 0`. For each entry compare `entry['hash']` with "
        "`link(previous, entry['text'])`. At a checkpoint that fits, `proven` becomes its number.",
        "`for number, entry in enumerate(entries, start=1):` does not follow: `return number`; signed "
        "otherwise: `return proven + 1`; then `previous = entry['hash']`. Behind the loop: "
        "`return len(entries) + 1 if len(entries) < witness else 0`.",
    ),
    known_wrong=(
        *(KnownWrong(slip, message) for slip, message, _ in BREAK_SLIPS),
        KnownWrong(lambda *args: _first_break(*args) > 0, BREAK_KIND, "says whether, not where"),
        KnownWrong(lambda *args: 1, BREAK_OTHER, "always the first"),
        KnownWrong(lambda *args: 0, BREAK_OTHER, "never any"),
    ),
    solution=_first_break,
)
def first_break(value) -> CheckResult:
    rng = fresh()
    cases = [trail_after(kind, rng) for kind in TAMPERING for _ in range(2)]
    answers = [attempt(value, *case) for case in cases]
    if not all(isinstance(one, int | np.integer) and not isinstance(one, bool) for one in answers):
        return incorrect(BREAK_KIND, "Return `number`, `proven + 1`, `len(entries) + 1` or 0.")
    if same(answers, [_first_break(*case) for case in cases]):
        return correct("Edits, deletions, a rewritten past and a cut end: each is found where it begins.")
    otherwise = incorrect(BREAK_OTHER, "Return at the first entry that does not follow from the one before.")
    return explained(answers, cases, BREAK_SLIPS, otherwise)


# ------------------------------------------------------------------------------------ 2 · who reads too much

BULK_KIND = "two things are asked for: True or False, and the state."
BULK_NEVER = "there is never an alert."
BULK_ALWAYS = "every shift raises an alert."
BULK_ALL = (
    "there is one limit for all: who reads many by duty raises an alert, who hides below them does not."
)
BULK_ROLE = "the role alone is no peer group: in another unit the same role reads another amount."
BULK_UNIT = "the unit alone is no peer group: in one unit roles read different amounts."
BULK_OWN = "people are compared with their own past: who has always read too much is never found."
BULK_SELF = "the person's own shifts are among those of the peers, so she raises her own limit."
BULK_NOW = "the shift that is judged is already part of the limit."
BULK_LEARNS = "shifts that raised an alert went into the limit: night by night the unusual becomes usual."
BULK_MEAN = "the mean is pulled up by a few large shifts; half of all shifts lie below the median."
BULK_EARLY = "there are alerts before five shifts of peers are known."
BULK_OTHER = "some shifts are judged wrongly."

FACTOR, FEWEST = 3, 5


@dataclass(frozen=True)
class _Bulk:
    """The rule for one shift; that of one who makes a mistake differs in one field."""

    group: tuple[str, ...] = ("role", "unit")
    others: bool = True
    now: bool = False
    learns: bool = False
    middle: Callable[[Sequence[float]], float] = median
    fewest: int = FEWEST

    def __call__(self, state: dict, shift: dict[str, Any]) -> tuple[bool, dict]:
        earlier = state.setdefault(tuple(shift[name] for name in self.group), [])
        own = (shift["person"], shift["records"])
        peers = [count for person, count in earlier if not self.others or person != own[0]]
        if self.now:
            peers.append(own[1])
        alert = len(peers) >= max(1, self.fewest) and own[1] > FACTOR * self.middle(peers)
        if not alert or self.learns:
            earlier.append(own)
        return alert, state


_bulk_reading = _Bulk()


def _over(rule: Callable[[dict, dict], tuple[bool, dict]]) -> Callable[[list], list[bool]]:
    def run(stream: list) -> list[bool]:
        state: dict = {}
        alerts = []
        for shift in stream:
            alert, state = rule(state, shift)
            alerts.append(alert)
        return alerts

    return run


def _says(alert: bool) -> Callable[..., tuple[bool, dict]]:
    return lambda state, shift: (alert, state)


_BULK_WRONG: tuple[tuple[Callable[..., Any], str, str], ...] = (
    (_says(False), BULK_NEVER, "Compare `shift['records']` with three times the median of the peers."),
    (_says(True), BULK_ALWAYS, "Compare `shift['records']` with three times the median of the peers."),
    (_Bulk(group=()), BULK_ALL, "Keep a list for each group: `(shift['role'], shift['unit'])`."),
    (_Bulk(group=("role",)), BULK_ROLE, "The group is `(shift['role'], shift['unit'])`."),
    (_Bulk(group=("unit",)), BULK_UNIT, "The group is `(shift['role'], shift['unit'])`."),
    (_Bulk(group=("person",), others=False), BULK_OWN, "Take the shifts of others in her group."),
    (
        _Bulk(group=("person",), others=False, now=True),
        BULK_OWN,
        "Take the shifts of others in her group.",
    ),
    (_Bulk(others=False), BULK_SELF, "Leave out shifts with `person == shift['person']`."),
    (_Bulk(others=False, now=True, learns=True), BULK_NOW, "Judge first, and add the shift afterwards."),
    (_Bulk(learns=True), BULK_LEARNS, "Add a shift only if it raised no alert."),
    (_Bulk(middle=mean), BULK_MEAN, "Use `median`."),
    (_Bulk(fewest=0), BULK_EARLY, "Ask for `len(peers) >= 5`."),
)
BULK_SLIPS: tuple[Slip, ...] = tuple((_over(rule), message, then) for rule, message, then in _BULK_WRONG)


@lab.task(
    prompt="Raise an alert when somebody opens far more records than her peers, shift by shift in a stream.",
    hints=(
        "The state is your memory: for each peer group a list of earlier shifts. Judge the new shift by "
        "those of other people in its group, and only then put it into the list.",
        "`earlier = state.setdefault((shift['role'], shift['unit']), [])` finds the list of the group. Put "
        "pairs of person and records into it, so that the person's own shifts can be left out.",
        "`peers = [records for person, records in earlier if person != shift['person']]`, then "
        "`alert = len(peers) >= 5 and shift['records'] > 3 * median(peers)`, then "
        "`if not alert: earlier.append((shift['person'], shift['records']))` and `return alert, state`.",
    ),
    known_wrong=(
        *(KnownWrong(rule, message) for rule, message, _ in _BULK_WRONG),
        KnownWrong(lambda state, shift: shift["records"] > 30, BULK_KIND, "keeps no state"),
        KnownWrong(lambda state, shift: (shift["records"] > 30, state), BULK_OTHER, "has a fixed limit"),
    ),
    solution=_bulk_reading,
)
def bulk_reading(value) -> CheckResult:
    streams = telling_cases(lambda rng: (shifts(rng, days=9),), _over(_bulk_reading), BULK_SLIPS, most=12)
    answers = []
    for (stream,) in streams:
        state: Any = {}
        alerts = []
        for shift in stream:
            given = attempt(value, state, shift)
            if not isinstance(given, tuple | list) or len(given) != 2:
                return incorrect(BULK_KIND, "End with `return alert, state`.")
            alert, state = given
            if not isinstance(alert, bool | np.bool_):
                return incorrect(BULK_KIND, "End with `return alert, state`.")
            alerts.append(bool(alert))
        answers.append(alerts)
    if same(answers, [_over(_bulk_reading)(*case) for case in streams]):
        return correct("Who reads many by duty is left in peace; who reads far more than her peers is seen.")
    otherwise = incorrect(BULK_OTHER, "Compare with three times the median of what her peers read before.")
    return explained(answers, streams, BULK_SLIPS, otherwise)


# --------------------------------------------------------------------------------- 3 · what a watch is worth

WORTH_KIND = "a dictionary with precision, recall, hours_to_alert and false_per_day is asked for."
WORTH_PERCENT = "shares from 0 to 1 are asked for, not percent."
PRECISION_ACCURACY = "that is accuracy: almost all events are honest, so even a watch that sleeps has it."
PRECISION_INCIDENTS = "precision counts alerts: several may be about one incident, and each of them is right."
PRECISION_PURE = "an alert is right if one of its events belongs to an incident; others may be honest."
PRECISION_RECALL = "that is recall; precision asks how many of the alerts are right."
PRECISION_OTHER = "the precision is another: the share of alerts with an event of an incident."
RECALL_EVENTS = "recall was counted in events: one large incident hides that small ones are missed."
RECALL_ALERTS = "several alerts about one incident count once."
RECALL_OTHER = "the recall is another: the share of incidents with an event in an alert."
HOURS_LAST = "the time runs to the first alert about an incident, not to the last one."
HOURS_ALL = "only the first alert about each incident counts for the time."
HOURS_MEAN = "the median is asked for: one incident that took long moves the mean."
HOURS_OTHER = "the time is another: hours from the start of an incident to its first alert, and their median."
FALSE_ALL = "right alerts are among them; only false ones are asked for."
FALSE_DAYS = "it is the number of the whole period; divide by the days."
FALSE_STAFF = "it is the number of the whole house; it is asked for every 1,000 staff."
FALSE_OTHER = "the number of false alerts is another."


def _rights(alerts: list, truth: dict) -> list:
    return [one for one in alerts if any(event in truth for event in one["events"])]


def _times(alerts: list, truth: dict) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for one in alerts:
        for incident in {truth[event] for event in one["events"] if event in truth}:
            found.setdefault(incident, []).append(one["time"])
    return found


def _precision(alerts: list, incidents: dict, truth: dict, log: dict) -> float:
    return len(_rights(alerts, truth)) / len(alerts)


def _accuracy(alerts: list, incidents: dict, truth: dict, log: dict) -> float:
    told_of = {event for one in alerts for event in one["events"]}
    return 1 - len(told_of ^ set(truth)) / log["events"]


def _recall(alerts: list, incidents: dict, truth: dict, log: dict) -> float:
    return len(first_alerts(alerts, truth)) / len(incidents)


def _event_recall(alerts: list, incidents: dict, truth: dict, log: dict) -> float:
    return len({event for one in alerts for event in one["events"]} & set(truth)) / len(truth)


def _delays(pick: Callable, middle: Callable = median) -> Callable[..., float]:
    def delay(alerts: list, incidents: dict, truth: dict, log: dict) -> float:
        times = _times(alerts, truth)
        return middle([time - incidents[name] for name, found in times.items() for time in pick(found)])

    return delay


_hours = _delays(lambda found: [min(found)])


def _false_alerts(per_day: bool = True, staff: bool = True, only_false: bool = True) -> Callable[..., float]:
    def count(alerts: list, incidents: dict, truth: dict, log: dict) -> float:
        number = len(alerts) - only_false * len(_rights(alerts, truth))
        return number / (log["days"] if per_day else 1) * (1000 / log["staff"] if staff else 1)

    return count


_FIGURES: dict[str, Callable[..., float]] = {
    "precision": _precision,
    "recall": _recall,
    "hours_to_alert": _hours,
    "false_per_day": _false_alerts(),
}


def _percent(figure: Callable[..., float]) -> Callable[..., float]:
    return lambda *case: 100 * figure(*case)


WORTH_SLIPS: dict[str, tuple[Slip, ...]] = {
    "precision": (
        (_percent(_precision), WORTH_PERCENT, "Do not multiply by 100."),
        (_accuracy, PRECISION_ACCURACY, "Divide the right alerts by all alerts."),
        (
            lambda a, i, t, log: len(_times(a, t)) / len(a),
            PRECISION_INCIDENTS,
            "Count alerts, not incidents.",
        ),
        (
            lambda a, i, t, log: sum(all(e in t for e in one["events"]) for one in a) / len(a),
            PRECISION_PURE,
            "Use `any`, not `all`.",
        ),
        (_recall, PRECISION_RECALL, "Divide the right alerts by all alerts."),
    ),
    "recall": (
        (_percent(_recall), WORTH_PERCENT, "Do not multiply by 100."),
        (_event_recall, RECALL_EVENTS, "Count the different incidents, and divide by `len(incidents)`."),
        (
            lambda a, i, t, log: len(_rights(a, t)) / len(i),
            RECALL_ALERTS,
            "Count the different incidents among the right alerts.",
        ),
    ),
    "hours_to_alert": (
        (
            _delays(lambda found: [max(found)]),
            HOURS_LAST,
            "`first_alerts` gives the first for each incident.",
        ),
        (_delays(lambda found: found), HOURS_ALL, "`first_alerts` gives the first for each incident."),
        (_delays(lambda found: [min(found)], mean), HOURS_MEAN, "Use `median`."),
    ),
    "false_per_day": (
        (_false_alerts(only_false=False), FALSE_ALL, "Leave out alerts with an event of an incident."),
        (_false_alerts(per_day=False), FALSE_DAYS, "Divide by `log['days']`."),
        (_false_alerts(staff=False), FALSE_STAFF, "Divide by `log['staff']` and multiply by 1,000."),
    ),
}
_WORTH_OTHER = {
    "precision": PRECISION_OTHER,
    "recall": RECALL_OTHER,
    "hours_to_alert": HOURS_OTHER,
    "false_per_day": FALSE_OTHER,
}


def _measured(**other: Callable[..., float]) -> Callable[..., dict[str, float]]:
    figures = {**_FIGURES, **other}
    return lambda alerts, incidents, truth, log: {
        name: figure(alerts, incidents, truth, log) for name, figure in figures.items()
    }


@lab.task(
    prompt="Measure a watch: precision, recall of incidents, hours to the alert, false alerts a day.",
    hints=(
        "Alerts, events and incidents are three things. Precision and false alerts count alerts, recall and "
        "time count incidents; events only tell which alert belongs to which incident.",
        "`right = [one for one in alerts if any(event in truth for event in one['events'])]`, and "
        "`found = first_alerts(alerts, truth)`. Precision and false alerts come from `right`, recall and "
        "hours from `found`.",
        "`'precision': len(right) / len(alerts)`, `'recall': len(found) / len(incidents)`, "
        "`'hours_to_alert': median(time - incidents[name] for name, time in found.items())`, "
        "`'false_per_day': (len(alerts) - len(right)) / log['days'] / log['staff'] * 1000`",
    ),
    known_wrong=(
        *(
            KnownWrong(_measured(**{name: slip}), message)
            for name, slips in WORTH_SLIPS.items()
            for slip, message, _ in slips
        ),
        *(
            KnownWrong(_measured(**{name: lambda *case: 0.123}), message)
            for name, message in _WORTH_OTHER.items()
        ),
        KnownWrong(lambda *case: tuple(_measured()(*case).values()), WORTH_KIND, "returns four numbers"),
        KnownWrong(lambda *case: {"precision": _precision(*case)}, WORTH_KIND, "measures precision alone"),
    ),
    solution=_measured(),
)
def measure_alerts(value) -> CheckResult:
    rng = fresh()
    cases = [watched(rng) for _ in range(6)]
    answers = [attempt(value, *case) for case in cases]
    for answer in answers:
        if not isinstance(answer, dict) or not set(_FIGURES) <= set(answer):
            return incorrect(WORTH_KIND, "Return one dictionary with these four keys.")
    for name, figure in _FIGURES.items():
        given = [answer[name] for answer in answers]
        if not same(given, [figure(*case) for case in cases]):
            otherwise = incorrect(
                _WORTH_OTHER[name], f"Look at `{name}` again; a hint says how it is counted."
            )
            return explained(given, cases, WORTH_SLIPS[name], otherwise)
    return correct("Alerts are counted as alerts and incidents as incidents: these figures can be compared.")


# ------------------------------------------------------------------------------- 3 · … and where to set it

THRESHOLD_KIND = "a number is asked for: the lowest score that still becomes an alert."
THRESHOLD_NONE = "no alert at all is left: no incident would ever be found."
THRESHOLD_ALL = "more alerts come than anybody can look at."
THRESHOLD_F1 = "that is the best F1: it knows nothing of how many alerts your analysts can look at."
THRESHOLD_PRECISION = (
    "that is the most precise watch: it says almost nothing, though there was time for more."
)
THRESHOLD_FALSE = "only false alerts were counted; the right ones have to be looked at, too."
THRESHOLD_PERIOD = "the budget is for one day, and the alerts are those of all days."
THRESHOLD_TIES = "alerts with the same score come in together, and these are too many."
THRESHOLD_HIGH = "there was time to look at more: a lower threshold fits the budget, too."


def _kept(alerts: list, threshold: float) -> list:
    return [one for one in alerts if one["score"] >= threshold]


def _lowest(fits: Callable[[list, list, dict], bool]) -> Callable[..., float]:
    """The lowest score whose alerts fit; far above all if there is none."""

    def choose(alerts: list, incidents: dict, truth: dict, log: dict, budget: float) -> float:
        scores = [one["score"] for one in alerts]
        return min((s for s in scores if fits(_kept(alerts, s), [truth, log], budget)), default=9.0)

    return choose


def _best(worth: Callable[[list, dict, dict, dict], float]) -> Callable[..., float]:
    def choose(alerts: list, incidents: dict, truth: dict, log: dict, budget: float) -> float:
        scores = sorted(one["score"] for one in alerts)
        return max(scores, key=lambda s: worth(_kept(alerts, s), incidents, truth, log))

    return choose


def _f1(*case: Any) -> float:
    precision, recall = _precision(*case), _recall(*case)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


_choose = _lowest(lambda kept, known, budget: len(kept) / known[1]["days"] <= budget)


def _ties_cut(alerts: list, incidents: dict, truth: dict, log: dict, budget: float) -> float:
    return sorted((one["score"] for one in alerts), reverse=True)[
        min(int(budget * log["days"]), len(alerts)) - 1
    ]


def _highest(alerts: list, incidents: dict, truth: dict, log: dict, budget: float) -> float:
    return max(one["score"] for one in alerts)


_THRESHOLDS: tuple[tuple[Callable[..., float], str, str], ...] = (
    (lambda *case: 9.0, THRESHOLD_NONE, "Choose among the scores of the alerts."),
    (lambda *case: 0.0, THRESHOLD_ALL, "Count the alerts from each score on, and divide by the days."),
    (_best(_f1), THRESHOLD_F1, "Choose by `budget`: alerts a day from this score on."),
    (_best(_precision), THRESHOLD_PRECISION, "Take the lowest score that fits the budget."),
    (
        _lowest(lambda kept, known, b: len(kept) - len(_rights(kept, known[0])) <= b * known[1]["days"]),
        THRESHOLD_FALSE,
        "Count all alerts from this score on.",
    ),
    (_lowest(lambda kept, known, b: len(kept) <= b), THRESHOLD_PERIOD, "Divide by `log['days']`."),
    (_ties_cut, THRESHOLD_TIES, "Count how many alerts have at least this score, for each score."),
    (_highest, THRESHOLD_HIGH, "Take the lowest score that fits the budget."),
)
THRESHOLD_SLIPS: tuple[Slip, ...] = tuple(
    (lambda *case, choose=choose: len(_kept(case[0], choose(*case))), message, then)
    for choose, message, then in _THRESHOLDS
)


def _budgeted(rng: np.random.Generator) -> Case:
    alerts, incidents, truth, log = watched(rng)
    for one in alerts:
        one["score"] = round(one["score"] * 20) / 20  # so that some are the same
    top = max(one["score"] for one in alerts)
    least = len(_kept(alerts, top)) / log["days"]
    return alerts, incidents, truth, log, round(least + float(rng.uniform(0.5, 5)), 1)


@lab.task(
    prompt="Choose the lowest threshold whose alerts your analysts can look at, day by day.",
    hints=(
        "The lower the threshold, the more incidents are found and the more alerts come. So the best one is "
        "the lowest that the analysts can bear.",
        "Try every score of the alerts as a threshold. How many alerts a day have at least this score?",
        "`fits = [s for s in scores if sum(one['score'] >= s for one in alerts) / log['days'] <= budget]` "
        "with `scores = [one['score'] for one in alerts]`, then `return min(fits)`.",
    ),
    known_wrong=(
        *(KnownWrong(choose, message) for choose, message, _ in _THRESHOLDS),
        KnownWrong(lambda *case: "high", THRESHOLD_KIND, "answers in words"),
    ),
    solution=_choose,
)
def choose_threshold(value) -> CheckResult:
    def right(*case: Any) -> int:
        return len(_kept(case[0], _choose(*case)))

    cases = telling_cases(_budgeted, right, THRESHOLD_SLIPS)
    given = [attempt(value, *case) for case in cases]
    for one in given:
        number = isinstance(one, int | float | np.number) and not isinstance(one, bool)
        if not number or math.isnan(one):
            return incorrect(THRESHOLD_KIND, "Return one of the scores.")
    # Two thresholds between which no alert lies are the same watch.
    counts = [len(_kept(case[0], float(one))) for one, case in zip(given, cases, strict=True)]
    expected = [right(*case) for case in cases]
    if counts == expected:
        return correct("As many incidents are found as the analysts' day allows, and no alert lies unread.")
    if any(count > most for count, most in zip(counts, expected, strict=True)):
        otherwise = incorrect(THRESHOLD_ALL, "Count the alerts from each score on, and divide by the days.")
    else:
        otherwise = incorrect(THRESHOLD_HIGH, "Take the lowest score that fits the budget.")
    return explained(counts, cases, THRESHOLD_SLIPS, otherwise)


# ---------------------------------------------------------------------------------- 4 · drift, or only chance

DRIFT_KIND = "two things are asked for: the index, and True or False."
DRIFT_CURRENT = "the bins are those of the current data: what has vanished is not counted."
DRIFT_UNSEEN = "categories that the reference does not know were left out: the largest change is not seen."
DRIFT_APART = "each unknown category got a bin of its own; together they are the one bin `unseen`."
DRIFT_EMPTY = "empty bins were left out or got a tiny share; each bin gets half a count more."
DRIFT_COUNTS = "the counts were compared, not the shares: samples of two sizes always differ."
DRIFT_HALF = "half of the index is missing: it is (q - p) times the logarithm, not q alone."
DRIFT_INDEX = "the index is another."
DRIFT_FIXED = "an alarm at 0.1 whatever the size: 60 values differ by that much by chance alone."
DRIFT_CHANCE = "a change beyond chance is not yet one that matters: with many values the bound is tiny."
DRIFT_NEVER = "nothing is ever done."
DRIFT_ALWAYS = "something is always done."
DRIFT_ACT = "the decision is another: act where the index passes both 0.1 and the bound."

MATTERS = 0.1


@dataclass(frozen=True)
class _Index:
    """The stability index; that of one who makes a mistake differs in one field."""

    bins: str = "both"
    unseen: str = "one"
    half: float = 0.5
    shares: bool = True
    symmetric: bool = True
    skip: bool = False

    def counts(self, reference: Sequence[str], current: Sequence[str]) -> tuple[Counter, Counter, list[str]]:
        before = Counter(reference)
        known = {
            "one": lambda one: one if one in before else "unseen",
            "apart": lambda one: one,
            "dropped": lambda one: one if one in before else None,
        }[self.unseen]
        now = Counter(known(one) for one in current if known(one) is not None)
        return before, now, sorted(now if self.bins == "current" else {**before, **now})

    def __call__(self, reference: Sequence[str], current: Sequence[str]) -> float:
        before, now, bins = self.counts(reference, current)
        if self.skip:
            bins = [one for one in bins if before[one] and now[one]]
        p = np.array([before[one] for one in bins]) + self.half
        q = np.array([now[one] for one in bins]) + self.half
        if self.shares:
            p, q = p / p.sum(), q / q.sum()
        return float((((q - p) if self.symmetric else q) * np.log(q / p)).sum())


_psi = _Index()


def _bound(reference: Sequence[str], current: Sequence[str]) -> float:
    return psi_noise_bound(len(reference), len(current), len(_psi.counts(reference, current)[2]))


def _drift(
    index: Callable[..., float] = _psi, act: Callable[[float, float], bool] | None = None
) -> Callable[..., tuple[float, bool]]:
    decide = act or (lambda psi, bound: psi > MATTERS and psi > bound)

    def judge(reference: Sequence[str], current: Sequence[str]) -> tuple[float, bool]:
        psi = index(reference, current)
        return psi, bool(decide(psi, _bound(reference, current)))

    return judge


INDEX_SLIPS: tuple[Slip, ...] = (
    (_Index(bins="current"), DRIFT_CURRENT, "Take the bins of `before` and of `now`: `{*before, *now}`."),
    (_Index(unseen="dropped"), DRIFT_UNSEEN, 'Count them as `"unseen"`.'),
    (_Index(unseen="apart"), DRIFT_APART, 'Count all of them as `"unseen"`.'),
    (_Index(half=0, skip=True), DRIFT_EMPTY, "Add 0.5 to the count of each bin, on both sides."),
    (_Index(half=1e-6), DRIFT_EMPTY, "Add 0.5 to the count of each bin, on both sides."),
    (_Index(shares=False), DRIFT_COUNTS, "Divide the counts by their sum."),
    (_Index(symmetric=False), DRIFT_HALF, "Sum up `(q - p) * np.log(q / p)`."),
)
_ACTS: tuple[tuple[Callable[[float, float], bool], str, str], ...] = (
    (
        lambda psi, bound: psi > MATTERS,
        DRIFT_FIXED,
        "Ask, too, whether the index passes the bound of chance.",
    ),
    (lambda psi, bound: psi > bound, DRIFT_CHANCE, "Ask, too, whether the index passes 0.1."),
    (lambda psi, bound: False, DRIFT_NEVER, "Act where the index passes 0.1 and the bound."),
    (lambda psi, bound: True, DRIFT_ALWAYS, "Act where the index passes 0.1 and the bound."),
)
ACT_SLIPS: tuple[Slip, ...] = tuple(
    (lambda *case, act=act: _drift(act=act)(*case)[1], message, then) for act, message, then in _ACTS
)
_DRIFT_KINDS = ("chance", "chance", "tiny", "changed", "new", "gone")


@lab.task(
    prompt="Compute the stability index of a column, and say whether its change asks for action.",
    hints=(
        "Count the categories of the reference, and those of today with every unknown one counted as "
        "`unseen`. The bins are all that you counted, on either side.",
        "For each bin: p is the share before, q the share today, each from the count plus 0.5. The index is "
        "the sum of `(q - p) * log(q / p)`. Act where it passes 0.1 and `chance_bound(...)`.",
        "`before = Counter(reference)`, "
        "`now = Counter(one if one in before else 'unseen' for one in current)`, "
        "`bins = sorted({*before, *now})`, `p = np.array([before[b] for b in bins]) + 0.5`, "
        "`p = p / p.sum()`, the same for q, and "
        "`return psi, psi > max(0.1, chance_bound(len(reference), len(current), len(bins)))`.",
    ),
    known_wrong=(
        *(KnownWrong(_drift(index), message) for index, message, _ in INDEX_SLIPS),
        *(KnownWrong(_drift(act=act), message) for act, message, _ in _ACTS),
        KnownWrong(_drift(lambda *case: 0.2), DRIFT_INDEX, "always the same index"),
        KnownWrong(_psi, DRIFT_KIND, "returns the index alone"),
        KnownWrong(lambda *case: (_psi(*case), "watch it"), DRIFT_KIND, "answers in words"),
        KnownWrong(_drift(act=lambda psi, bound: psi > 0.1 + bound), DRIFT_ACT, "adds the two limits"),
    ),
    solution=_drift(),
)
def judge_drift(value) -> CheckResult:
    rng = fresh()
    cases = _decisive(rng)
    answers = [attempt(value, *case) for case in cases]
    for answer in answers:
        if not isinstance(answer, tuple | list) or len(answer) != 2:
            return incorrect(DRIFT_KIND, "End with `return psi, act`.")
        if not isinstance(answer[1], bool | np.bool_):
            return incorrect(DRIFT_KIND, "End with `return psi, act`, where `act` is a comparison.")
    expected = [_drift()(*case) for case in cases]
    given = [answer[0] for answer in answers]
    if not same(given, [psi for psi, _ in expected]):
        otherwise = incorrect(DRIFT_INDEX, "Sum up `(q - p) * np.log(q / p)` over all bins.")
        return explained(given, cases, INDEX_SLIPS, otherwise)
    acts = [bool(answer[1]) for answer in answers]
    if acts != [act for _, act in expected]:
        otherwise = incorrect(DRIFT_ACT, "Act where the index passes both.")
        return explained(acts, cases, ACT_SLIPS, otherwise)
    return correct("New and vanished categories count, and neither chance nor a trifle raises an alarm.")


def _decisive(rng: np.random.Generator) -> list[Case]:
    """Draw samples among which each of the two limits, and their sum, decides at least once."""
    cases: list[Case] = [two_samples(kind, rng) for kind in _DRIFT_KINDS]
    wanted = (
        ("chance", lambda psi, bound: MATTERS < psi < bound),
        ("tiny", lambda psi, bound: bound < psi < MATTERS),
        ("new", lambda psi, bound: max(MATTERS, bound) < psi),
        ("near", lambda psi, bound: max(MATTERS, bound) < psi < MATTERS + bound),
    )
    for kind, holds in wanted:
        for _ in range(300):
            case = two_samples(kind, rng)
            if holds(_psi(*case), _bound(*case)):
                cases.append(case)
                break
    return cases


# -------------------------------------------------------------------- 5 · an alert that leaves the building

SENT_KIND = "a dictionary with kind, severity, events and fingerprint is asked for."
SENT_WORDS = "free text goes out, and with it names and numbers of people."
SENT_PATTERN = "a pattern took some numbers out and the rest goes out: it finds only what it was written for."
SENT_KIND_TEXT = "what stands in `kind` goes out unread, also where it is a sentence with a name."
SENT_WHO = "the identifier of an account, a record or an event goes out."
SENT_MORE = "a field goes out that is not on the list."
SENT_TIME = "the same matter gets another fingerprint each time, so every repetition is a new alert."
SENT_TARGET = "who opens fifty records gets fifty fingerprints: one matter, fifty alerts."
SENT_ONE = "two accounts, or two kinds, share one fingerprint: the second alert would be dropped."
SENT_GUESSED = "the fingerprint needs no key: whoever tries all account numbers finds out whose it is."
SENT_SEVERITY = "the severity is not raised where an alert rests on 20 events or more."
SENT_TOP = "above critical there is nothing: a critical alert stays critical."
SENT_RAISED = "the severity is another than the rule gives."
SENT_EVENTS = "`events` is the number of events."
SENT_KNOWN = "the kind is another: one of `KINDS` goes out as it is, all else as `other`."
SENT_TEXT = "the fingerprint must be a text of at least eight characters."
MANY = 20


def _unkeyed(key: bytes, *parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _severity(detection: Detection) -> str:
    step = SEVERITIES.index(detection.severity) + (len(detection.events) >= MANY)
    return SEVERITIES[min(step, len(SEVERITIES) - 1)]


def _message(detection: Detection, key: bytes) -> dict[str, Any]:
    return {
        "kind": detection.kind if detection.kind in KINDS else "other",
        "severity": _severity(detection),
        "events": len(detection.events),
        "fingerprint": keyed_code(key, detection.actor, detection.kind),
    }


def _but(**other: Callable[[Detection, bytes], Any]) -> Callable[[Detection, bytes], dict[str, Any]]:
    """The message with other or further fields."""
    return lambda detection, key: {
        **_message(detection, key),
        **{name: made(detection, key) for name, made in other.items()},
    }


def _everything(detection: Detection, key: bytes) -> dict[str, Any]:
    """A deny-list: all fields, from which a pattern takes social security numbers out."""
    text = re.sub(r"\d{3}-\d{2}-\d{4}", "***", json.dumps(asdict(detection)))
    return {**json.loads(text), **_message(detection, key)}


def _without_some(detection: Detection, key: bytes) -> dict[str, Any]:
    left = {name: item for name, item in asdict(detection).items() if name not in ("actor", "target")}
    return {**left, **_message(detection, key)}


def _wrapping(detection: Detection, key: bytes) -> str:
    return SEVERITIES[(SEVERITIES.index(detection.severity) + (len(detection.events) >= MANY)) % 4]


@lab.task(
    prompt="Build the message of an alert so that nothing personal leaves, and repetitions are recognized.",
    hints=(
        "Do not take things away from the detection; begin with an empty dictionary and put in the four "
        "things that are allowed.",
        "The kind is one of `KINDS` or `other`. The severity is a step in `SEVERITIES`, one higher from 20 "
        "events on, and never behind the last. The fingerprint is made of what stays the same when the same "
        "account does the same thing again.",
        "`step = SEVERITIES.index(detection.severity) + (len(detection.events) >= 20)`, severity "
        "`SEVERITIES[min(step, 3)]`, fingerprint `keyed_code(key, detection.actor, detection.kind)`.",
    ),
    known_wrong=(
        KnownWrong(_everything, SENT_PATTERN, "deny-list: a pattern for social security numbers"),
        KnownWrong(_without_some, SENT_WORDS, "deny-list: leaves two fields out"),
        KnownWrong(_but(note=lambda d, key: d.reasons[0].words), SENT_WORDS, "adds the note"),
        KnownWrong(_but(text=lambda d, key: d.sentence()), SENT_WORDS, "adds the sentence"),
        KnownWrong(
            _but(note=lambda d, key: re.sub(r"\d{3}-\d{2}-\d{4}", "***", d.reasons[0].words)),
            SENT_PATTERN,
            "cleans the note with a pattern",
        ),
        KnownWrong(_but(kind=lambda d, key: d.kind), SENT_KIND_TEXT, "passes the kind on"),
        KnownWrong(_but(kind=lambda d, key: "other"), SENT_KNOWN, "names no kind"),
        KnownWrong(_but(actor=lambda d, key: d.actor), SENT_WHO, "names the account"),
        KnownWrong(_but(target=lambda d, key: d.target), SENT_WHO, "names the record"),
        KnownWrong(_but(events=lambda d, key: list(d.events)), SENT_WHO, "names the events"),
        KnownWrong(_but(events=lambda d, key: 1), SENT_EVENTS, "counts itself"),
        KnownWrong(_but(score=lambda d, key: d.score), SENT_MORE, "adds the score"),
        KnownWrong(
            _but(fingerprint=lambda d, key: keyed_code(key, d.actor, d.kind, d.time)),
            SENT_TIME,
            "takes the time in",
        ),
        KnownWrong(
            _but(fingerprint=lambda d, key: keyed_code(key, d.actor, d.kind, d.severity)),
            SENT_TIME,
            "takes the severity in",
        ),
        KnownWrong(
            _but(fingerprint=lambda d, key: keyed_code(key, d.actor, d.kind, d.target)),
            SENT_TARGET,
            "takes the record in",
        ),
        KnownWrong(_but(fingerprint=lambda d, key: keyed_code(key, d.actor)), SENT_ONE, "one for an account"),
        KnownWrong(_but(fingerprint=lambda d, key: keyed_code(key, d.kind)), SENT_ONE, "one for a kind"),
        KnownWrong(
            _but(fingerprint=lambda d, key: _unkeyed(key, d.actor, d.kind)), SENT_GUESSED, "has no key"
        ),
        KnownWrong(_but(fingerprint=lambda d, key: f"{d.actor}/{d.kind}"), SENT_WHO, "encodes nothing"),
        KnownWrong(_but(fingerprint=lambda d, key: 7), SENT_TEXT, "is a number"),
        KnownWrong(_but(severity=lambda d, key: d.severity), SENT_SEVERITY, "believes the detector"),
        KnownWrong(_but(severity=_wrapping), SENT_TOP, "begins again from below"),
        KnownWrong(_but(severity=lambda d, key: "critical"), SENT_RAISED, "everything is critical"),
        KnownWrong(lambda d, key: json.dumps(_message(d, key)), SENT_KIND, "returns text"),
        KnownWrong(lambda d, key: {"kind": d.kind}, SENT_KIND, "leaves three out"),
    ),
    solution=_message,
)
def outgoing_message(value) -> CheckResult:
    rng = fresh()
    key = rng.bytes(16)
    named = told(rng, kind=f"looked at the record of {rng.choice(['Ines', 'Jorin'])} Vantongeren")
    events = tuple(f"ev-{number}" for number in range(10_001, 10_001 + MANY))
    cases = [named, told(rng), told(rng)]
    cases += [told(rng, severity=one, events=some) for one in SEVERITIES for some in (events, events[1:])]
    sent = [attempt(value, one, key) for one in cases]
    if not all(isinstance(one, dict) and set(_message(named, key)) <= set(one) for one in sent):
        return incorrect(SENT_KIND, "Return one dictionary with these four keys.")
    for problem in (_leak(cases, sent), _fields(cases, sent)):
        if problem is not None:
            return problem
    return _same_matter(value, rng, key)


def _leak(cases: Sequence[Detection], sent: Sequence[dict]) -> CheckResult | None:
    texts = [repr(one) for one in sent]
    parts = [personal_parts(one) for one in cases]
    words = [[part in text for part in found["words"]] for found, text in zip(parts, texts, strict=True)]
    if any(any(found) for found in words):
        if not any(found[-1] for found in words):  # the last of the words is the number
            return incorrect(SENT_PATTERN, "Begin with an empty dictionary; put in what is allowed.")
        return incorrect(SENT_WORDS, "Begin with an empty dictionary; put in what is allowed.")
    if any("Vantongeren" in str(one["kind"]) for one in sent):
        return incorrect(SENT_KIND_TEXT, 'Let a kind through only if it is in `KINDS`; else write `"other"`.')
    for name in ("actor", "target", "events"):
        if any(part in text for found, text in zip(parts, texts, strict=True) for part in found[name]):
            return incorrect(SENT_WHO, f"Leave `{name}` out; who works on the alert looks it up inside.")
    if any("Vantongeren" in text for text in texts):
        return incorrect(SENT_WORDS, "Encode what the fingerprint is made of: `keyed_code`.")
    return None


def _fields(cases: Sequence[Detection], sent: Sequence[dict]) -> CheckResult | None:
    if any(len(one) > 4 for one in sent):
        return incorrect(SENT_MORE, "Return kind, severity, events and fingerprint, and nothing else.")
    if not all(same(one["kind"], _message(case, b"")["kind"]) for case, one in zip(cases, sent, strict=True)):
        return incorrect(SENT_KNOWN, "`detection.kind if detection.kind in KINDS else 'other'`")
    if not all(same(one["events"], len(case.events)) for case, one in zip(cases, sent, strict=True)):
        return incorrect(SENT_EVENTS, "Take `len(detection.events)`.")
    severities = [one["severity"] for one in sent]
    if not same(severities, [_severity(case) for case in cases]):
        if same(severities, [case.severity for case in cases]):
            return incorrect(SENT_SEVERITY, "Go one step further in `SEVERITIES` then.")
        at_top = [case.severity == "critical" for case in cases]
        below = [
            same(one["severity"], _severity(case))
            for case, one, top in zip(cases, sent, at_top, strict=True)
            if not top
        ]
        if all(below):
            return incorrect(SENT_TOP, "Take `min(step, 3)`.")
        return incorrect(
            SENT_RAISED, "One step in `SEVERITIES` from 20 events on; else as the detector says."
        )
    if not all(isinstance(one["fingerprint"], str) and len(one["fingerprint"]) >= 8 for one in sent):
        return incorrect(SENT_TEXT, "Use what `keyed_code` returns.")
    return None


def _same_matter(value: Any, rng: np.random.Generator, key: bytes) -> CheckResult:
    who, what = f"emp-{rng.integers(1000, 5000)}", KINDS[int(rng.integers(6))]

    def of(key: bytes = key, **known: Any) -> Any:
        known = {"actor": who, "kind": what, "target": "rec-1", **known}
        return attempt(value, told(rng, **known), key)["fingerprint"]

    again = {of(severity=one) for one in SEVERITIES}
    if len(again) > 1:
        return incorrect(SENT_TIME, "Make it of account and kind: they stay the same.")
    if of(target="rec-2") not in again:
        return incorrect(SENT_TARGET, "Make it of account and kind alone.")
    if of(actor="emp-9999") in again or of(kind=KINDS[-1]) in again:
        return incorrect(SENT_ONE, "Make it of account and kind, both of them.")
    if of(key=rng.bytes(16)) in again:
        return incorrect(SENT_GUESSED, "Use `keyed_code` with `key`.")
    return correct("Four fields that you chose, no word of anybody else's, and a repetition is known as one.")
