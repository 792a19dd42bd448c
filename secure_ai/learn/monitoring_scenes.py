"""What lesson 09 looks at: a week with planted incidents, a key that is misused, and a model in use."""

from __future__ import annotations

import logging
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from secure_ai.core.audit import AuditEvent, AuditLog, parse_event
from secure_ai.core.errors import UserError
from secure_ai.core.figures import percent
from secure_ai.encrypt.key_rings import LocalKeyRing
from secure_ai.monitor.detection import Detection, Evaluation
from secure_ai.monitor.detection.evaluation import words_for_seconds
from secure_ai.monitor.trail import Bench, Verification, open_trail, tamper, verify_trail
from secure_ai.project import work_folder

if TYPE_CHECKING:
    from secure_ai.monitor.drift import PerformanceEstimator

KINDS = (
    "snooping_colleague", "snooping_prominent", "snooping_household", "bulk_night_reading",
    "break_glass_abuse", "dormant_account", "export_volume", "export_destination", "purpose_fields",
    "purpose_volume", "extraction",
)  # fmt: skip
FRAUD = {
    "healthcare": ("duplicate_billing", "impossible_day"),
    "finance": ("card_testing", "account_takeover"),
}
LOOKS = ("view", "update", "print")
BULK = 50
FIRST_SCORED = pd.Timestamp("2026-01-05", tz="UTC")


def planted_kinds(sector: str) -> dict[str, int]:
    """Return the kinds of incident that the lesson's week has, one of each."""
    return dict.fromkeys((*KINDS, *FRAUD[sector]), 1)


# The log


def misuse_key(audit: AuditLog) -> None:
    """Let an account use a key as it may, and once as it may not; the key ring writes both to ``audit``."""
    ring = LocalKeyRing.in_memory("records", actor="svc-export", audit=audit)
    made = ring.new_data_key("records", {"table": "visits"})
    ring.unwrap(made.wrapped, {"table": "visits"})
    try:
        # The key of one table for another.
        ring.unwrap(made.wrapped, {"table": "salaries"})
    except UserError:
        return
    raise AssertionError("a key opened in another context than its own")


@dataclass(frozen=True)
class Deed:
    """Something that was done to a trail, and what was said of it.

    Attributes:
        what: was done.
        alone: the verification without a witness.
        witnessed: with one.
    """

    what: str
    alone: Verification
    witnessed: Verification


DEEDS = {
    "one entry edited": "entry edited",
    "entries deleted": "entries deleted",
    "two entries exchanged": "two exchanged",
    "the end cut off": "end cut off",
    "one entry edited, all later hashes computed anew": "all later hashes computed anew",
    "an older copy of the whole file put back": "an older copy put back",
}


def do_deeds(seed: int = 0) -> list[Deed]:
    """Do each of ``DEEDS`` to a fresh copy of a small trail, and last what takes the signing key."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.make(Path(folder), seed=seed)
        deeds = []
        for what, kind in DEEDS.items():
            bench.restore()
            tamper(bench, kind, random.Random(seed))
            deeds.append(_examined(bench, what))
        _write_another_past(bench)
        deeds.append(_examined(bench, "an older copy, and another past written with the stolen key"))
    return deeds


def deeds_frame(deeds: Sequence[Deed]) -> pd.DataFrame:
    """Return what each deed was found out by: done, noticed by the trail alone, with the witness, where."""
    rows = []
    for deed in deeds:
        said = next((one.words for one in deed.witnessed.problems if one.number <= one.last), "")
        rows.append((deed.what, _yes(not deed.alone.intact), _yes(not deed.witnessed.intact), said))
    return pd.DataFrame(rows, columns=["what was done", "trail alone", "with the witness", "what is said"])


def _examined(bench: Bench, what: str) -> Deed:
    key = bench.key.public_key()
    return Deed(what, verify_trail(bench.path, key), verify_trail(bench.path, key, bench.witness))


def _write_another_past(bench: Bench) -> None:
    bench.restore()
    bench.path.write_bytes(bench.files["older.db"])
    with open_trail(bench.path, signing_key=bench.key, checkpoint_every=bench.every) as trail:
        missing = bench.entries - trail.count()
        events = (
            AuditEvent(f"2026-03-01T12:00:{number:02}.000+00:00", "S0000001", "read", "P00001", "allowed")
            for number in range(missing)
        )
        trail.append_many(events)


def _yes(value: bool) -> str:
    return "noticed" if value else "NOT noticed"


# The week


def rule_alone(month: Any, chosen: pd.Series, rule: str) -> pd.DataFrame:
    """Return what one rule would say of a month: alerts a day, how many are misuse, and of it how much.

    Args:
        month: with events and truth.
        chosen: which events the rule points to.
        rule: how it is called.
    """
    truth = month.truth.set_index("event_id")["incident_id"]
    people = set(month.incidents.loc[month.incidents["family"] == "access", "incident_id"])
    hits = month.events.loc[chosen, "event_id"].map(truth)
    days = max(month.events["time"].dt.normalize().nunique(), 1)
    found = set(hits.dropna()) & people
    row = {
        "rule": rule,
        "events a day": round(len(hits) / days),
        "of these misuse": percent(hits.notna().mean()) if len(hits) else "none",
        "incidents touched": f"{len(found)} of {len(people)}",
    }
    return pd.DataFrame([row])


def alerts_frame(detections: Sequence[Detection], month: Any, most: int = 8) -> pd.DataFrame:
    """Return alerts as a reader of the lesson sees them: when, what, who, why, and whether it is true.

    Args:
        detections: of a replay.
        month: whose truth is known.
        most: so many at most, the surest first.
    """
    true = set(month.truth["event_id"])
    chosen = sorted(detections, key=lambda one: -one.score)[:most]
    rows = [
        (
            one.kind.replace("_", " "), one.actor, one.severity, f"{one.score:.2f}", len(one.events),
            "; ".join(reason.words for reason in one.reasons if reason.words),
            "yes" if true.intersection(one.events) else "no",
        )
        for one in sorted(chosen, key=lambda one: one.time)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["looks like", "who", "severity", "score", "events", "why", "planted"])


def family_frame(found: Evaluation) -> pd.DataFrame:
    """Return what was planted and found, and the false alerts, for each family and over all."""
    table = found.to_frame().query("kind == 'all'")
    return pd.DataFrame(
        {
            "family": table["family"].str.replace("_", " "),
            "planted": table["planted"],
            "found": table["found"],
            "95% interval": [
                f"{percent(low)} to {percent(high)}"
                for low, high in zip(table["low"], table["high"], strict=True)
            ],
            "false alerts": [
                found.false_alerts if name == "all" else found.false_by_family.get(name, 0)
                for name in table["family"]
            ],
        }
    )


def thresholds_for(found: Evaluation, hours: Sequence[float], minutes: float, staff: int) -> pd.DataFrame:
    """Return the lowest threshold whose false alarms fit into the time that there is.

    Args:
        found: with the curve.
        hours: of an analyst a day.
        minutes: that one false alarm takes.
        staff: of the house that is planned for.
    """
    curve, rows = found.curve.sort_values("threshold"), []
    load = curve["false_per_day"] * staff / 1000
    for given in hours:
        within = curve[load * minutes <= given * 60]
        if within.empty:
            rows.append((f"{given:g}", "none fits", "", ""))
            continue
        best = within.iloc[0]
        false = load[best.name]
        share = percent(best["recall"])
        rows.append((f"{given:g}", f"{best['threshold']:.2f}", share, f"{false:.1f}"))
    names = ["hours of an analyst a day", "lowest threshold", "planted incidents found", "false alarms a day"]
    return pd.DataFrame(rows, columns=names)


def lookalikes(month: Any, detections: Sequence[Detection]) -> pd.DataFrame:
    """Return honest work that looks like misuse: how much there was, and how much of it an alert holds.

    Args:
        month: with events, subjects and truth.
        detections: the alerts.
    """
    events, subjects = month.events, month.subjects.set_index("subject_id")
    honest = ~events["event_id"].isin(set(month.truth["event_id"]))
    looked = honest & events["action"].isin(LOOKS)
    known = looked & (events["relation"] != "")
    prominent = events["target"].map(subjects["prominent"]).fillna(False).astype(bool)
    colleague = events["target"].map(subjects["staff_id"]).fillna("") != ""
    own = events["target"].map(subjects["staff_id"]).fillna("") == events["actor"]
    night = events["time"].dt.hour < 5
    cases = {
        "somebody prominent, with a known relation": known & prominent,
        "a colleague as a patient or customer, with a known relation": known & colleague & ~own,
        "no relation in the system, and honest": looked & (events["relation"] == ""),
        "work between midnight and five": looked & night,
        "break-glass that was right": honest & events["break_glass"],
        f"programs and reviews that read {BULK} records and more at once": honest
        & (events["action"] == "read")
        & (events["record_count"] >= BULK),
        "announced exports to vendors and reports": honest
        & (events["action"] == "export")
        & (events["relation"] == "scheduled"),
    }
    alerted = {event for one in detections for event in one.events}
    told = events["event_id"].isin(alerted)
    rows = [(name, int(which.sum()), int((which & told).sum())) for name, which in cases.items()]
    return pd.DataFrame(rows, columns=["honest work that looks like misuse", "events", "in an alert"])


def missed(found: Evaluation, month: Any) -> str:
    """Say which kinds of the incidents that were planted were not found."""
    kinds = month.incidents.loc[month.incidents["incident_id"].isin(found.missed), "kind"]
    names = ", ".join(kind.replace("_", " ") for kind in kinds)
    return f"Not found: {names}." if names else "Every planted incident was found."


def time_to_alert(found: Evaluation) -> str:
    """Return the median and the ninth decile of the time from the first event to its alert, in words."""
    return (
        f"Half of those found were told within {words_for_seconds(found.time_to_alert)} of the first event, "
        f"nine in ten within {words_for_seconds(found.time_to_alert_percentile(90))}."
    )


def rarer(found: Evaluation, times: float) -> str:
    """Say what the precision would be if incidents were so many times rarer, and false alarms as many."""
    if not found.false_alerts:
        return f"All {found.alerts:,} alerts are about an incident."
    true = (found.alerts - found.false_alerts) / times
    share = true / (true + found.false_alerts)
    return (
        f"Of {found.alerts:,} alerts, {percent(found.precision)} are about an incident (the precision). With "
        f"incidents {times:g} times rarer and the same honest work it would be {percent(share)}."
    )


# The trail of the week, and its report


def week_with_alerts(month: Any, handled: Sequence[AuditEvent]) -> list[AuditEvent]:
    """Return the events of a month and what an alert desk recorded, in the order of their time.

    Args:
        month: has ``as_audit_rows``.
        handled: events of the desk, which replayed the month afterwards.
    """
    events = [parse_event(row) for row in month.as_audit_rows()]
    return sorted([*events, *handled], key=lambda event: event.time)


def report_folder(sector: str) -> Path:
    """Return the folder for the report of this lesson: ``reports/09_audit_and_monitoring/<sector>``."""
    return work_folder() / "reports" / "09_audit_and_monitoring" / sector


def quiet_warnings() -> None:
    """Keep the alert desk's own warnings out of the lesson, which shows the same in tables."""
    logging.getLogger("secure_ai.monitor.alerts").setLevel(logging.ERROR)


# The model


@dataclass(frozen=True)
class ModelInUse:
    """A model that was approved on a reference, and the cases that came since.

    Attributes:
        label: column of the outcome.
        outcome: what it means.
        unit_column: a number that a feed delivers.
        label_days: days until the outcome is known.
        reference: cases that the model was approved on, with ``score`` and the label.
        current: cases since, with ``score``, the label, ``time`` and ``label_time``.
        score: gives the scores of cases.
    """

    label: str
    outcome: str
    unit_column: str
    label_days: int
    reference: pd.DataFrame = field(repr=False)
    current: pd.DataFrame = field(repr=False)
    score: Callable[[pd.DataFrame], np.ndarray] = field(repr=False)

    @property
    def inputs(self) -> list[str]:
        """The columns that the model sees."""
        added = {"score", "time", "label_time", self.label}
        return [name for name in self.reference.columns if name not in added]

    def estimator(self) -> PerformanceEstimator:
        """Return an estimator of the performance, fitted on the reference."""
        from secure_ai.monitor.drift import fit_estimator

        return fit_estimator(
            self.reference["score"], self.reference[self.label], threshold=0.3, recalibrate=True
        )

    def rescored(self, cases: pd.DataFrame) -> pd.DataFrame:
        """Return ``cases`` with the scores that the model gives them now."""
        return cases.assign(score=self.score(cases))


MODELS = {
    "healthcare": (
        "readmissions", "readmitted_30d", "readmission within 30 days", "creatinine", 30,
        ["encounter_id", "patient_id"],
    ),
    "finance": (
        "loans", "defaulted", "default of the loan", "annual_income", 90,
        ["loan_id", "customer_id", "issued_date"],
    ),
}  # fmt: skip


def model_in_use(sector: str, tables: Mapping[str, pd.DataFrame], seed: int = 0) -> ModelInUse:
    """Train a model on a third of the labeled cases, approve it on another, and let the rest come since.

    Args:
        sector: healthcare (readmissions) or finance (loans).
        tables: of the sector; their cases come as new ones on invented days, evenly over twelve weeks.
        seed: which cases are which.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    name, label, outcome, unit_column, days, identifiers = MODELS[sector]
    cases = tables[name].drop(columns=identifiers).sample(frac=1, random_state=seed, ignore_index=True)
    cases[label] = cases[label].astype(float)
    first, second = len(cases) // 4, len(cases) // 2
    columns = _numbers(cases.drop(columns=label)).columns
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    model.fit(_numbers(cases.drop(columns=label))[:first], cases[label][:first])

    def score(frame: pd.DataFrame) -> np.ndarray:
        inputs = _numbers(frame).reindex(columns=columns, fill_value=0.0)
        return model.predict_proba(inputs)[:, 1]

    scored = cases.assign(score=score(cases))
    current = scored[second:].reset_index(drop=True)
    time = FIRST_SCORED + pd.to_timedelta(np.linspace(0, 84, len(current), endpoint=False), unit="D").floor(
        "s"
    )
    current = current.assign(time=time, label_time=time + pd.Timedelta(days=days))
    return ModelInUse(
        label, outcome, unit_column, days, scored[first:second].reset_index(drop=True), current, score
    )


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    known = frame.drop(
        columns=["score", "time", "label_time", "readmitted_30d", "defaulted"], errors="ignore"
    )
    return pd.get_dummies(known, dtype=float).astype(float).fillna(0.0)


def change_meaning(cases: pd.DataFrame, label: str, seed: int = 0) -> pd.DataFrame:
    """Return cases in whose second half outcomes no longer follow from the inputs: a simulation.

    Args:
        cases: in order of time.
        label: column of the outcome.
        seed: of the exchange.
    """
    from secure_ai.monitor.drift import simulate_drift

    half = len(cases) // 2
    later = simulate_drift(cases[half:], kind="concept_drift", column=label, seed=seed).frame
    return pd.concat([cases[:half], later])
