"""What the tasks of chapter 09 work on: a small trail, nights of reading, alerts with their truth, drift."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.monitor.detection import Context, Detection, Reason, Watch
from secure_ai.monitor.detection.evaluation import WINDOW
from secure_ai.monitor.detection.stream import episodes

Entries = list[dict[str, Any]]
Trail = tuple[Entries, list[dict[str, Any]], int]
"""Entries, checkpoints whose signatures hold, and how many entries the witness was told of."""

START = "0" * 64
"""What stands for the hash before the first entry."""

KINDS = (
    "boundary_probing", "break_glass_abuse", "bulk_night_reading", "dormant_account", "export_destination",
    "export_volume", "extraction", "membership_probing", "purpose_fields", "purpose_resource",
    "purpose_volume", "snooping_colleague", "snooping_household", "snooping_prominent",
)  # fmt: skip
"""The kinds of alert that may be named outside; all others go out as ``"other"``."""

EVERY = 4
"""Entries from one checkpoint of the small trail to the next."""


# --- a small trail ---


def link(previous: str, text: str) -> str:
    """Return the hash of an entry: of the hash before it and its text."""
    return hashlib.sha256(json.dumps([previous, text]).encode()).hexdigest()


def written(texts: Sequence[str]) -> Entries:
    """Return the entries that a trail holds after ``texts`` were written: text and hash."""
    entries: Entries = []
    previous = START
    for text in texts:
        previous = link(previous, text)
        entries.append({"text": text, "hash": previous})
    return entries


def _untouched(rng: np.random.Generator, entries: Entries, signed: list[dict[str, Any]]) -> Entries:
    return entries


def _edited(rng: np.random.Generator, entries: Entries, signed: list[dict[str, Any]]) -> Entries:
    _other_text(entries[int(rng.integers(1, len(entries)))])
    return entries


def _edited_with_hash(rng: np.random.Generator, entries: Entries, signed: list[dict[str, Any]]) -> Entries:
    place = int(rng.choice([place for place in range(1, len(entries) - 2) if (place + 1) % EVERY]))
    _other_text(entries[place])
    entries[place]["hash"] = link(entries[place - 1]["hash"], entries[place]["text"])
    return entries


def _deleted(rng: np.random.Generator, entries: Entries, signed: list[dict[str, Any]]) -> Entries:
    del entries[int(rng.integers(1, len(entries) - 2))]
    return entries


def _exchanged(rng: np.random.Generator, entries: Entries, signed: list[dict[str, Any]]) -> Entries:
    first, second = sorted(int(place) for place in rng.permutation(len(entries) - 1)[:2])
    entries[first], entries[second] = entries[second], entries[first]
    return entries


def _cut(rng: np.random.Generator, entries: Entries, signed: list[dict[str, Any]]) -> Entries:
    end = int(rng.integers(EVERY, signed[-1]["number"]))
    signed[:] = [one for one in signed if one["number"] <= end]
    return entries[:end]


def _all_gone(rng: np.random.Generator, entries: Entries, signed: list[dict[str, Any]]) -> Entries:
    signed.clear()
    return []


def _rewritten(rng: np.random.Generator, entries: Entries, signed: list[dict[str, Any]]) -> Entries:
    """One text is another, and all hashes after it were computed anew: the chain fits again."""
    place = EVERY + int(rng.integers(1, EVERY - 1))  # in the second stretch, not at its ends
    _other_text(entries[place])
    return written([entry["text"] for entry in entries])


def _taken_out(rng: np.random.Generator, entries: Entries, signed: list[dict[str, Any]]) -> Entries:
    del entries[EVERY + int(rng.integers(0, EVERY - 1))]
    return written([entry["text"] for entry in entries])


def _twice(rng: np.random.Generator, entries: Entries, signed: list[dict[str, Any]]) -> Entries:
    _other_text(entries[int(rng.integers(1, EVERY))])
    del entries[int(rng.integers(2 * EVERY, len(entries) - 2))]
    return entries


def _other_text(entry: dict[str, Any]) -> None:
    entry["text"] = entry["text"].replace(" views ", " prints ")


TAMPERING = {
    "nothing was done": _untouched,
    "a text was edited": _edited,
    "a text and its own hash": _edited_with_hash,
    "an entry was deleted": _deleted,
    "two were exchanged": _exchanged,
    "the end was cut off": _cut,
    "everything was deleted": _all_gone,
    "edited, all hashes anew": _rewritten,
    "deleted, all hashes anew": _taken_out,
    "edited, later one deleted": _twice,
}
"""What somebody can do to a trail who may write in its table, but cannot sign."""


def trail_after(kind: str, rng: np.random.Generator) -> Trail:
    """Return a small trail to which one of ``TAMPERING`` was done, with its checkpoints and the witness."""
    count = 3 * EVERY + int(rng.integers(2, EVERY))
    people, records = rng.integers(10, 99, count), rng.permutation(900)[:count] + 100
    texts = [f"emp-{person} views rec-{record}" for person, record in zip(people, records, strict=True)]
    entries = written(texts)
    signed = [
        {"number": number, "hash": entries[number - 1]["hash"]} for number in range(EVERY, count + 1, EVERY)
    ]
    witness = 3 * EVERY  # told of each checkpoint, so a little behind
    return TAMPERING[kind](rng, entries, signed), signed, witness


# --- who reads how much ---

GROUPS = {
    "healthcare": (("nurse", "intensive-care"), ("nurse", "outpatients"), ("registrar", "intensive-care")),
    "finance": (("analyst", "fraud-desk"), ("analyst", "lending"), ("clerk", "fraud-desk")),
}
USUAL = (45, 12, 9)
"""Records that a member of each group opens in a shift; the first group reads many by duty."""


def shifts(
    rng: np.random.Generator, sector: str = "healthcare", *, days: int = 8, spread: float = 0.5
) -> list:
    """Return shifts in order of time, each with person, role, unit and records.

    In each group one person always reads far more than the others, and one begins to do so halfway.

    Args:
        rng: draws people and counts.
        sector: whose roles and units.
        days: each person has one shift a day.
        spread: of the logarithm of the counts.
    """
    people = [
        (f"emp-{number}", group, usual, ("always" if place == 0 else "later" if place == 1 else ""))
        for group, usual in zip(GROUPS[sector], USUAL, strict=True)
        for place, number in enumerate(
            rng.permutation(900)[:4] + 100 * (1 + GROUPS[sector].index(group)) * 10
        )
    ]
    found = []
    for day in range(days):
        for place in rng.permutation(len(people)):
            person, (role, unit), usual, how = people[place]
            much = how == "always" or (how == "later" and day >= days / 2)
            records = usual * (4.0 if much else 1.0) * np.exp(rng.normal(0, spread))
            found.append({"person": person, "role": role, "unit": unit, "records": max(1, round(records))})
    return found


def quiet_and_loud(sector: str, seed: int) -> tuple[list[dict[str, Any]], set[int]]:
    """Return three weeks of shifts with one incident, and the places of the incident's shifts.

    Nobody is unusual but one member of the third group, who in the last week opens four to five times as
    many records as colleagues do, and so about as many as the first group opens by duty.
    """
    rng = np.random.default_rng([seed, 9])
    people = [
        (f"emp-{group * 10 + place:03d}", GROUPS[sector][group], USUAL[group])
        for group in range(3)
        for place in range(1, 7)
    ]
    found: list[dict[str, Any]] = []
    loud: set[int] = set()
    for day in range(21):
        for place in rng.permutation(len(people)):
            person, (role, unit), usual = people[place]
            records = usual * np.exp(rng.normal(0, 0.25))
            if place == len(people) - 1 and day >= 16:
                loud.add(len(found))
                records *= rng.uniform(4.0, 5.0)
            found.append({"person": person, "role": role, "unit": unit, "records": max(1, round(records))})
    return found, loud


# --- alerts and the truth ---

Watched = tuple[list[dict[str, Any]], dict[str, float], dict[str, str], dict[str, float]]
"""Alerts, the start of each incident, the incident of each event, and the size of the log."""


def watched(rng: np.random.Generator) -> Watched:
    """Draw alerts of a watch, in no order, with the truth: some incidents are found, one or more are not."""
    events = iter(f"ev-{number}" for number in rng.permutation(9000) + 1000)
    count = int(rng.integers(6, 10))
    incidents = {f"inc-{number}": round(float(rng.uniform(0, 90)), 1) for number in range(count)}
    truth: dict[str, str] = {}
    alerts = []

    def alert(time: float, score: float, rested_on: list[str]) -> None:
        alerts.append({"time": round(time, 1), "score": round(min(score, 0.99), 2), "events": rested_on})

    missed = int(rng.integers(1, 3))
    for place, (incident, start) in enumerate(incidents.items()):
        own = [next(events) for _ in range(int(rng.integers(3, 9)))]
        truth |= dict.fromkeys(own, incident)
        if place < missed:
            continue
        for number in range(1 if place % 2 else 3):
            honest = [next(events) for _ in range(int(rng.integers(1, 3)))]
            time = start + float(rng.uniform(0.5, 4)) * (1 + 2 * number)
            alert(time, float(rng.uniform(0.4, 1)), [own[number], *honest])
    for _ in range(int(rng.integers(8, 16))):
        alert(float(rng.uniform(0, 96)), float(rng.beta(2, 2)), [next(events) for _ in range(2)])
    low, high = (2_000, 3, 60), (9_000, 6, 900)
    log = {
        name: int(size)
        for name, size in zip(("events", "days", "staff"), rng.integers(low, high), strict=True)
    }
    return [alerts[place] for place in rng.permutation(len(alerts))], incidents, truth, log


def first_alerts(alerts: Sequence[Mapping[str, Any]], truth: Mapping[str, str]) -> dict[str, float]:
    """Return the time of the first alert about each incident that has one."""
    found: dict[str, float] = {}
    for one in alerts:
        for incident in {truth[event] for event in one["events"] if event in truth}:
            found[incident] = min(one["time"], found.get(incident, one["time"]))
    return found


def let_watch(month: Any) -> list[Detection]:
    """Return what the kit's watch says of the events of a month, before they are grouped into alerts."""
    watch = Watch.for_context(Context.of(month), month.history)
    return list(watch.candidates(month.events))


def as_watched(detections: Sequence[Detection], month: Any, threshold: float) -> Watched:
    """Return alerts and the truth of a month in the form of :func:`watched`; times in hours.

    Args:
        detections: of the watch.
        month: with its truth.
        threshold: score from which a detection counts. What an account does of one kind is one alert until a
            day has passed without more of it; its time is that of its first detection that counts.
    """
    begins = pd.Timestamp(month.begins, tz="UTC")

    def hours(time: Any) -> float:
        return (pd.Timestamp(time) - begins).total_seconds() / 3600

    alerts = [
        {"time": hours(datetime.fromisoformat(one.time)), "score": one.score, "events": list(one.events)}
        for one in episodes(detections, window=WINDOW, threshold=threshold)
    ]
    incidents = month.incidents
    starts = {
        name: hours(start) for name, start in zip(incidents["incident_id"], incidents["start"], strict=True)
    }
    truth = dict(zip(month.truth["event_id"], month.truth["incident_id"], strict=True))
    log = {"events": len(month.events), "days": month.days, "staff": len(month.staff)}
    return alerts, starts, {event: one for event, one in truth.items() if one in starts}, log


# --- a column that drifts or does not ---


def two_samples(kind: str, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Draw categories before and now.

    Args:
        kind: ``"chance"`` (60 values, nothing has changed), ``"tiny"`` (many values, a change that is
            real and too small to matter), ``"near"`` (one that just matters), ``"changed"``, ``"new"``
            (unknown categories) or ``"gone"``.
        rng: draws them.
    """
    names = [f"{name}-{rng.integers(100)}" for name in "abcdefg"]
    shares = rng.dirichlet([8.0] * len(names))
    before, now, other = {"chance": (400, 60), "tiny": (5000, 5000)}.get(kind, (600, 500)), names, shares
    if kind == "tiny":
        other = shares * np.where(np.arange(len(names)) % 2, 1.15, 0.87)
    elif kind == "near":
        step = rng.uniform(0.25, 0.45)
        other = shares * np.where(np.arange(len(names)) % 2, 1 + step, 1 - step)
    elif kind == "changed":
        other = shares[::-1] * rng.uniform(0.3, 3.0, len(names))
    elif kind == "new":
        now, other = [*names, "x-new", "y-new"], np.append(shares, [0.12, 0.08])
    elif kind == "gone":
        other = np.append([0.0, 0.0], shares[2:])
    first = rng.choice(names, before[0], p=shares)
    second = rng.choice(now, before[1], p=other / other.sum())
    return [str(one) for one in first], [str(one) for one in second]


# --- what a detector says, before it may leave the building ---

FIRST, LAST = ("Ada", "Bruno", "Carla", "Dmitri", "Elif"), ("Quill", "Rademaker", "Sorrel", "Tamsin", "Umber")


def keyed_code(key: bytes, *parts: str) -> str:
    """Return a code of some texts: the same for the same key, and not to be guessed without it."""
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()


def told(rng: np.random.Generator, **known: Any) -> Detection:
    """Return a detection as a careless detector makes it: words, a target and, at times, a kind with names.

    Args:
        rng: draws them.
        known: fields to be as given.
    """
    person = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
    number = f"{rng.integers(900, 999)}-{rng.integers(10, 50)}-{rng.integers(1000, 9999)}"
    hour = int(rng.integers(24))
    fields: dict[str, Any] = {
        "time": f"2026-03-{rng.integers(10, 28)}T{hour:02d}:{rng.integers(10, 59)}:00+00:00",
        "family": "access",
        "kind": str(rng.choice(KINDS)),
        "actor": f"emp-{rng.integers(1000, 9999)}",
        "target": f"rec-{rng.integers(1000, 9999)}",
        "severity": str(rng.choice(["low", "medium", "high", "critical"])),
        "score": round(float(rng.uniform(0.5, 1)), 2),
        "reasons": (Reason("no_relation", f"opened the record of {person}, SSN {number}, nobody knows why"),),
        "events": tuple(f"ev-{place}" for place in rng.integers(10_000, 99_999, int(rng.integers(1, 40)))),
    }
    return Detection(**{**fields, **known})


def personal_parts(detection: Detection) -> Mapping[str, tuple[str, ...]]:
    """Return the parts of a detection that may not leave, by what they are."""
    words = tuple(part for reason in detection.reasons for part in reason.words.replace(",", "").split())
    return {
        "words": tuple(part for part in words if (part[0].isupper() and part != "SSN") or part[0].isdigit()),
        "actor": (detection.actor,),
        "target": (detection.target,),
        "events": detection.events,
    }
