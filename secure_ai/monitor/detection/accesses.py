"""Accesses: snooping, reading in bulk, abuse of break-glass, accounts that should be quiet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import pandas as pd

from secure_ai.core.figures import percent
from secure_ai.monitor.detection.baselines import EVERYBODY, Levels
from secure_ai.monitor.detection.cases import MOST_EVENTS, Case
from secure_ai.monitor.detection.context import Context, Person, Subject
from secure_ai.monitor.detection.evidence import Evidence
from secure_ai.monitor.detection.overrides import OverrideWatch
from secure_ai.monitor.detection.result import Detection
from secure_ai.monitor.detection.settings import Settings
from secure_ai.monitor.detection.stream import Row, rows_of
from secure_ai.monitor.detection.work import DAY, UNKNOWN_PERSON, UNKNOWN_SUBJECT, WorkModel

RECORD_ACTIONS = frozenset(("view", "update", "print", "read"))
WORDS = {
    "relation": "no relation that usual work has",
    "today": "not where they worked today",
    "unit": "a unit where neither they nor their peers usually work",
    "resource": "a part of the record that is seldom opened",
    "care": "a record that nobody in care works on now",
    "hour": "an hour at which they and their peers seldom work",
    "action": "a look without any note",
    "met": "they never worked on this record before",
}
LINK_WORDS = {
    "household": "the record of somebody of their own household",
    "prominent": "the record of a prominent person",
    "colleague": "the record of a colleague",
}


class AccessDetector:
    """Judges each access to a record by who asks, whose it is, and how they and their peers usually work.

    Four things are told apart: a look at the record of a colleague, a prominent person or the own household
    (evidence of all looks at one record adds up); many records that usual work does not explain; break-glass
    where it is not usual; activity of an account whose owner left, is on leave, or is not known.

    Args:
        context: the registers.
        settings: thresholds.
    """

    family = "access"
    table = "events"

    def __init__(self, context: Context, settings: Settings | None = None) -> None:
        self.context, self.settings = context, settings or Settings()
        self.work = WorkModel(context, self.settings)
        self._overrides = OverrideWatch(self.settings)
        self._looks: dict[tuple[str, str], Case] = {}
        self._bulk: dict[str, Case] = {}
        self._quiet: dict[str, Case] = {}
        self._last: dict[str, float] = {}
        self._pace = Levels(self.settings.fading, self.settings.own_strength, 1.0)
        self._before: dict[str, tuple[str, float]] = {}
        self._tidied = 0.0

    def learn(self, history: pd.DataFrame) -> None:
        """Take habits from a table of past events; nothing is told of them."""
        every = max(1, len(history) // self.settings.samples)
        for number, row in enumerate(rows_of(history)):
            row["late"] = False
            if number % every == 0 and row["action"] in RECORD_ACTIONS:
                person = self.context.people.get(row["actor"])
                subject = self.context.records_of.get(row["target"])
                if person is not None and subject is not None and not row["break_glass"]:
                    self.work.sample(row, person, self.work.values(row, person, subject))
            self.observe(row)
        self.work.fit()
        for cases in (self._looks, self._bulk, self._quiet):
            cases.clear()
        self._overrides.forget()

    def observe(self, event: Row) -> Sequence[Detection]:
        """Judge one event of a person; events of declared services are left to others."""
        actor = event["actor"]
        person = self.context.people.get(actor)
        if person is None and (event["role"] in self.settings.service_roles or event["action"] == "query"):
            return ()
        late, time = event["late"], event["time"]
        found: list[Detection] = [] if late else self._overrides.due(event)
        if person is None or event["action"] != "query":
            found += self._account(event, actor, person)
        if not late:
            self._last[actor] = max(time, self._last.get(actor, time))
            if time - self._tidied > DAY:
                self._tidy(time)
        if event["action"] in RECORD_ACTIONS and event["target"]:
            subject = self.context.records_of.get(event["target"])
            if subject is not None or not self.context.records_of:
                found += self._access(event, person or UNKNOWN_PERSON, subject or UNKNOWN_SUBJECT)
        return found

    def _access(self, row: Row, person: Person, subject: Subject) -> list[Detection]:
        actor, target, time, settings = row["actor"], row["target"], row["time"], self.settings
        values = self.work.values(row, person, subject)
        link = values["link"]
        if not row["break_glass"] and not row["late"]:
            self.work.notice(row["relation"])
            if row["relation"] and row["relation"] not in settings.claimed_relations:
                self._overrides.follow(row)
        usual = bool(row["relation"]) and link in ("", "self") and not row["break_glass"]
        look = self._looks.get((actor, target))
        bulk = self._bulk.get(actor)
        if usual and look is None and bulk is None and values["met"] == "met":
            # The common case, in which nothing can come of it.
            self._learn(row, values, person)
            return []
        raw = self.work.bits(values, actor, person, time)
        bits = self.work.weighted(raw)
        found: list[Detection] = []
        if row["break_glass"]:
            found += self._overrides.observe(row, bits, person)
        else:
            found += self._look(row, bits, values, person)
            found += self._many(row, raw, bulk, person.role)
        suspicious = any(item.score >= settings.threshold for item in found)
        if suspicious and not row["late"]:
            self._before[actor] = (target, time)
        if not row["late"] and not suspicious:
            self._learn(row, values, person)
        return found

    def _learn(self, row: Row, values: dict[str, str], person: Person) -> None:
        if row["late"]:
            return
        self._overrides.learn(row, person)
        self.work.learn(row, values, person)
        self._follow(row, person.role)

    def _look(
        self, row: Row, bits: Mapping[str, float], values: dict[str, str], person: Person
    ) -> list[Detection]:
        link, key = values["link"], (row["actor"], row["target"])
        look = self._looks.get(key)
        checked = row["relation"] and row["relation"] not in self.settings.claimed_relations
        if link not in LINK_WORDS or (checked and look is None):
            return []
        if look is None or row["time"] - look.time > self.settings.case_days * DAY:
            usual = self.work.shares(values, row["actor"], person, row["time"])
            look = self._looks[key] = Case(link=link, usual=usual)
            fresh = {**bits, "offset": self.work.offset}
        else:
            # Of the same person and record again, only these are new evidence; what the system does not
            # know once, it often does not know twice.
            fresh = {name: bits[name] for name in ("relation", "resource", "action")}
            fresh["relation"] *= self.settings.again_weight if fresh["relation"] > 0 else 1.0
        look.add(fresh, row["event_id"], row["time"])
        return self._told(row, look, f"snooping_{link}", row["target"])

    def _many(self, row: Row, bits: Mapping[str, float], bulk: Case | None, role: str) -> list[Detection]:
        settings, time, actor = self.settings, row["time"], row["actor"]
        relation = row["relation"]
        claim = 0.0 if relation in settings.claimed_relations and relation else bits["relation"]
        place = 0.3 * sum(bits[name] for name in ("today", "unit", "care"))
        step = (
            claim
            + bits["action"]
            + 0.2 * bits["hour"]
            + max(-1.0, min(1.0, place))
            + self._pace_bits(row, role)
        )
        step = max(-settings.bulk_step_bits, min(settings.bulk_step_bits, step - settings.bulk_drift_bits))
        if bulk is None:
            if step <= 0:
                return []
            bulk = self._bulk[actor] = Case(time=time)
        if row["target"] in bulk.reasons:
            return []
        gone = max(time - bulk.time, 0.0) / 3600
        bulk.bits = max(0.0, bulk.bits - gone * settings.bulk_forget_bits) + step
        bulk.time, bulk.reasons[row["target"]] = max(time, bulk.time), step
        bulk.count += 1
        bulk.events.append(row["event_id"])
        if bulk.bits <= 0:
            del self._bulk[actor]
            return []
        unexplained = sum(kept > 0 for kept in bulk.reasons.values())
        evidence = Evidence()
        evidence.bits = bulk.bits - settings.bulk_alert_bits + settings.alert_bits
        evidence.tell(
            "many_records",
            f"{unexplained} records that their usual work does not explain",
            float(unexplained),
        )
        for name in ("relation", "unit", "care", "hour"):
            if bits[name] > 1:
                evidence.tell(name, WORDS[name])
        return evidence.detection(
            row, self.family, "bulk_night_reading", settings, events=tuple(bulk.events[-MOST_EVENTS:])
        )

    def _pace_bits(self, row: Row, role: str) -> float:
        """Return how much faster than usual the next record follows the one before."""
        actor = row["actor"]
        before = self._before.get(actor)
        if before is None or before[0] == row["target"] or row["time"] < before[1]:
            return 0.0
        fast = -self._pace.excess(actor, role, EVERYBODY, row["time"] - before[1])
        return 0.0 if isnan(fast) else max(-2.0, min(2.0, 2.0 * fast))

    def _follow(self, row: Row, role: str) -> None:
        actor, target, time = row["actor"], row["target"], row["time"]
        before = self._before.get(actor)
        if before is not None and before[0] != target and 0 <= time - before[1] < DAY / 4:
            self._pace.learn(actor, role, EVERYBODY, time - before[1])
        if before is None or before[0] != target:
            self._before[actor] = (target, time)

    def _told(self, row: Row, case: Case, kind: str, target: str) -> list[Detection]:
        evidence = Evidence()
        for name, bits in case.reasons.items():
            words = LINK_WORDS.get(case.link, "") if name == "link" else WORDS.get(name, "")
            share = case.usual.get(name)
            if share is not None:
                words += f" ({percent(share)} of their own and their peers' accesses)"
            evidence.add(name, words, bits, None if share is None else 1.0, share)
        return evidence.detection(
            row, self.family, kind, self.settings, events=tuple(case.events), target=target
        )

    def _account(self, row: Row, actor: str, person: Person | None) -> list[Detection]:
        settings, time = self.settings, row["time"]
        case = self._quiet.get(actor)
        if person is None:
            if not self.context.people:
                return []
            why, weight = "no register knows this account", settings.unknown_bits
        else:
            away = person.away(time)
            last = self._last.get(actor)
            idle = (time - last) / DAY if last is not None else 0.0
            if away:
                why = {"left": "its owner has left", "on leave": "its owner is on leave"}.get(
                    away, "its owner is not yet hired"
                )
                weight = settings.leave_bits if away == "on leave" else settings.left_bits
            elif idle > settings.idle_days and time > person.leave_until + DAY:
                why, weight = f"no activity for {idle:.0f} days", settings.idle_bits
            elif case is None:
                return []
            else:
                why, weight = "", 0.0
        if case is None or time - case.time > settings.case_days * DAY:
            case = self._quiet[actor] = Case(bits=weight, time=time, link=why)
            if weight:
                case.reasons["account"] = weight
        case.note(row["event_id"], time)
        if row["action"] in RECORD_ACTIONS and person is not None:
            values = {"relation": row["relation"], "today": "no"}
            step = self.work.weighted(self.work.bits(values, actor, person, time))["relation"]
            case.bits = min(max(case.bits + step, 0.0), 30.0)
            case.reasons["relation"] = case.reasons.get("relation", 0.0) + step
        evidence = Evidence()
        evidence.bits = case.bits
        evidence.tell(
            "account", f"activity although {case.link}" if "no " not in case.link[:3] else case.link
        )
        if case.reasons.get("relation", 0.0) > 1:
            evidence.tell("relation", WORDS["relation"])
        kind = "unknown_account" if person is None else "dormant_account"
        return evidence.detection(
            row, self.family, kind, settings, events=tuple(case.events), target=row["target"] or "workplace"
        )

    def _tidy(self, time: float) -> None:
        limit = time - self.settings.case_days * DAY
        self._tidied = time
        for cases in (self._looks, self._quiet):
            for key in [key for key, case in cases.items() if case.time < limit]:
                del cases[key]
        for key in [key for key, case in self._bulk.items() if case.time < time - DAY]:
            del self._bulk[key]

    def state(self) -> dict[str, Any]:
        """Return habits and open cases as JSON values."""
        return {
            "work": self.work.state(),
            "overrides": self._overrides.state(),
            "looks": [[*key, case.state()] for key, case in self._looks.items()],
            "cases": [
                {key: case.state() for key, case in cases.items()} for cases in (self._bulk, self._quiet)
            ],
            "last": self._last,
            "pace": self._pace.state(),
            "before": {actor: list(seen) for actor, seen in self._before.items()},
            "tidied": self._tidied,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self.work.restore(state["work"])
        self._overrides.restore(state["overrides"])
        self._looks = {(actor, target): Case(**case) for actor, target, case in state["looks"]}
        self._bulk, self._quiet = (
            {key: Case(**case) for key, case in cases.items()} for cases in state["cases"]
        )
        self._pace.restore(state["pace"])
        self._before = {actor: (target, time) for actor, (target, time) in state["before"].items()}
        self._last, self._tidied = dict(state["last"]), state["tidied"]
