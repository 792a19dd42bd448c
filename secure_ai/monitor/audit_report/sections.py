"""What a log shows about a period: one small table or figure for each question of the report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from secure_ai.monitor.audit_report.log import HIDDEN, Log, code, words
from secure_ai.monitor.audit_report.period import Period

REVIEW_WITHIN = pd.Timedelta(days=3)
SAME_EMERGENCY = pd.Timedelta(hours=4)
RETRY_WITHIN = pd.Timedelta(hours=1)
MOST_ROWS = 12
LATEST = 6
FAILED_SIGN_INS = 5
USUAL_EVENTS = 10
CLOCK_TOLERANCE = pd.Timedelta(seconds=1)
SIGN_IN = ("sign_in", "sign-in", "sign in", "log_in", "login")
OPENING, REVIEW = "open emergency access", "review emergency access"
LIFE = "alert "
ANSWERED = ("alert acknowledged", "alert closed", "alert suppressed")
VERDICTS = ("justified", "not justified")
SERVICES = ("service", "application")
VIEWS = ("view", "update", "print", "read")


@dataclass(frozen=True)
class Facts:
    """All that the report says about a period; every table is ready to be shown.

    Attributes:
        period: which.
        events: the log's events in the period.
        n_all: events of the whole log.
        as_of: time of the last event of the log: what is not answered by then is open.
        by_role: role, purpose, events, allowed, denied, errors, records, accounts.
        refusals: role, action, reason, events, accounts.
        exceptions: kind, event, time, account, role, action, purpose; the latest of each kind.
        exception_accounts: kind, account, role, events, records: the accounts with the most of each kind.
        exception_counts: kind → number, or None where the log cannot tell.
        emergencies: opened, account, role, record shown as event, state (in time, late, waiting, overdue),
            hours, verdict.
        alerts: alert, severity, kind, raised, answered, hours, state, escalated.
        flagged: events marked for attention that are no message about an alert and no emergency access;
            ``flagged_known`` of them by accounts that an alert is about.
        sign_ins: allowed, denied, accounts, guessing (runs of failures before a success).
        days: date, events, covered.
        silent: start, hours: stretches without an event where the log usually has some.
        silent_hours: hours without any event, of the hours covered.
        covered: hours between the first and the last event of the log that lie in the period.
        clock_back: events with an earlier time than one before them; worst: by how much.
        duplicates: entries that repeat an event_id.
        unreadable: why → entries.
        disclosures: destination, exports, records, accounts.
        no_actor: events without an account of their own.
    """

    period: Period
    events: pd.DataFrame
    n_all: int
    as_of: pd.Timestamp
    by_role: pd.DataFrame
    refusals: pd.DataFrame
    exceptions: pd.DataFrame
    exception_accounts: pd.DataFrame
    exception_counts: Mapping[str, int | None]
    emergencies: pd.DataFrame
    alerts: pd.DataFrame
    flagged: int
    flagged_known: int
    sign_ins: Mapping[str, int]
    days: pd.DataFrame
    silent: pd.DataFrame
    silent_hours: int
    covered: int
    clock_back: int
    clock_worst: pd.Timedelta
    duplicates: int
    unreadable: Mapping[str, int]
    disclosures: pd.DataFrame
    no_actor: int


def gather(log: Log, period: Period, declared: Mapping[str, Collection[str]] | None = None) -> Facts:
    """Look at a log and gather what the report says.

    Args:
        log: read by :func:`read_log`; emergency reviews and answers to alerts after the period count too.
        period: of the report.
        declared: role or account → purposes that were declared for it.
    """
    every = _without_rare_phrases(log.events, declared)
    inside = every[(every["time"] >= period.start) & (every["time"] < period.end)]
    work = inside[~inside["action"].str.startswith(LIFE)]
    backwards = every["time"].cummax() - every["time"]
    in_period = backwards[inside.index]
    ids = inside.loc[inside["event_id"] != "", "event_id"]
    covered, silent_hours, silent = _silence(every, inside, period)
    exceptions, accounts, counts = _exceptions(work, declared)
    flagged = work[work["alert"] & ~work["action"].isin((OPENING, REVIEW)) & (work["purpose"] != "emergency")]
    about = set(every.loc[every["action"].str.startswith(LIFE), "about"]) - {""}
    exports = work[(work["destination"] != "") & (work["outcome"] == "allowed")]
    return Facts(
        period=period,
        events=inside,
        n_all=len(every),
        as_of=log.last,
        by_role=_by_role(work),
        refusals=_refusals(work),
        exceptions=exceptions,
        exception_accounts=accounts,
        exception_counts=counts,
        emergencies=_emergencies(every, period, log.last),
        alerts=_alerts(every, period, log.last),
        flagged=len(flagged),
        flagged_known=int(flagged["actor"].isin(about).sum()),
        sign_ins=_sign_ins(inside),
        days=_days(inside, period),
        silent=silent,
        silent_hours=silent_hours,
        covered=covered,
        clock_back=int((in_period > CLOCK_TOLERANCE).sum()),
        clock_worst=in_period.max() if len(in_period) else pd.Timedelta(0),
        duplicates=int(ids.duplicated().sum()),
        unreadable=log.unreadable,
        disclosures=_top(
            exports.assign(destination=exports["destination"].map(code))
            .groupby("destination")
            .agg(exports=("action", "size"), records=("records", "sum"), accounts=("actor", "nunique"))
            .reset_index(),
            "exports",
        ),
        no_actor=int(work["actor"].isin(("", "unknown")).sum()),
    )


def _without_rare_phrases(
    events: pd.DataFrame, declared: Mapping[str, Collection[str]] | None
) -> pd.DataFrame:
    """Replace words with blanks between them that only one account ever wrote: a person may have typed them.

    Purposes that were declared, and the actions that the report itself looks for, stay.
    """
    kept = {purpose for purposes in (declared or {}).values() for purpose in purposes}
    kept |= {OPENING, REVIEW, *SIGN_IN}
    for name in ("role", "action", "purpose", "kind"):
        phrases = events.loc[events[name].str.contains(r"\s", regex=True), [name, "actor"]]
        accounts = phrases.groupby(name)["actor"].nunique()
        rare = {
            text
            for text in accounts[accounts < 2].index
            if text not in kept and not (name == "action" and text.startswith(LIFE))
        }
        if rare:
            events = events.assign(**{name: events[name].mask(events[name].isin(rare), HIDDEN)})
    return events


def _top(table: pd.DataFrame, by: str, most: int = MOST_ROWS) -> pd.DataFrame:
    order = table.sort_values(
        [by, *table.columns.drop(by)], ascending=[False] + [True] * (table.shape[1] - 1)
    )
    return order.head(most).reset_index(drop=True)


def _by_role(work: pd.DataFrame) -> pd.DataFrame:
    shown = work[~work["action"].isin(SIGN_IN)].assign(
        role=lambda f: f["role"].map(words).replace("", "(not recorded)"),
        purpose=lambda f: f["purpose"].map(words).replace("", "(none given)"),
        **{name: lambda f, name=name: f["outcome"] == name for name in ("allowed", "denied", "error")},
    )
    table = (
        shown.groupby(["role", "purpose"])
        .agg(
            events=("action", "size"), allowed=("allowed", "sum"), denied=("denied", "sum"),
            errors=("error", "sum"), records=("records", "sum"), accounts=("actor", "nunique"),
        )
        .reset_index()
    )  # fmt: skip
    return _top(table, "events", 40)


def _refusals(work: pd.DataFrame) -> pd.DataFrame:
    denied = work[(work["outcome"] == "denied") & ~work["action"].isin(SIGN_IN)]
    # A reason that only one account ever had could have been typed by a person.
    shared = denied.groupby("reason")["actor"].nunique()
    common = set(shared[shared >= 2].index)
    reasons = denied["reason"].map(lambda text: words(text) if text in common or not text else "(rare)")
    shown = denied.assign(
        role=denied["role"].map(words).replace("", "(not recorded)"),
        action=denied["action"].map(words),
        reason=reasons.replace("", "(not recorded)"),
    )
    table = shown.groupby(["role", "action", "reason"]).agg(
        events=("outcome", "size"), accounts=("actor", "nunique")
    )
    return _top(table.reset_index(), "events")


def _exceptions(
    work: pd.DataFrame, declared: Mapping[str, Collection[str]] | None
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int | None]]:
    allowed = work[(work["outcome"] == "allowed") & ~work["action"].isin(SIGN_IN)]
    found: dict[str, pd.DataFrame | None] = {
        "no relation": None, "outside the declared purpose": None, "no purpose given": None,
        "denied, then allowed": _retries(work),
    }  # fmt: skip
    people = allowed[
        allowed["action"].isin(VIEWS) & ~allowed["role"].isin(SERVICES) & (allowed["records"] <= 1)
    ]
    if work["relation"].notna().any():
        broken = people["break_glass"] | (people["purpose"] == "emergency")
        found["no relation"] = people[(people["relation"] == "") & ~broken]
    if (allowed["purpose"] != "").any():
        # Only where this role names one elsewhere: system work has none.
        names = set(allowed.loc[allowed["purpose"] != "", "role"])
        found["no purpose given"] = allowed[
            (allowed["purpose"] == "") & allowed["role"].isin(names) & allowed["action"].isin(VIEWS)
        ]
    if declared:
        given = {name: set(purposes) for name, purposes in declared.items()}
        known = allowed["actor"].isin(given) | allowed["role"].isin(given)
        outside = [
            purpose not in given.get(actor, given.get(role, set()))
            for actor, role, purpose in allowed.loc[known, ["actor", "role", "purpose"]].itertuples(
                index=False
            )
        ]
        found["outside the declared purpose"] = allowed[known][np.array(outside, dtype=bool)]
    parts = [
        pd.DataFrame(
            {
                "kind": kind, "event": part["event_id"].map(code), "time": part["time"],
                "account": part["actor"].map(code), "role": part["role"].map(words),
                "action": part["action"].map(words), "purpose": part["purpose"].map(words),
            }
        ).sort_values("time", kind="stable").tail(LATEST)
        for kind, part in found.items() if part is not None and len(part)
    ]  # fmt: skip
    names = ["kind", "event", "time", "account", "role", "action", "purpose"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)
    most = [
        _top(
            part.assign(kind=kind, account=part["actor"].map(code), role=part["role"].map(words))
            .groupby(["kind", "account", "role"])
            .agg(events=("target", "size"), records=("target", "nunique"))
            .reset_index(),
            "events",
            LATEST,
        )
        for kind, part in found.items()
        if part is not None and len(part)
    ]
    names = ["kind", "account", "role", "events", "records"]
    accounts = pd.concat(most, ignore_index=True) if most else pd.DataFrame(columns=names)
    return table, accounts, {kind: None if part is None else len(part) for kind, part in found.items()}


def _retries(work: pd.DataFrame) -> pd.DataFrame:
    """Accesses that were allowed within an hour after the same account was denied the same target."""
    asked = work[
        ~work["action"].isin(SIGN_IN) & ~work["actor"].isin(("", "unknown")) & (work["target"] != "")
    ]
    asked = asked[~asked["action"].isin((OPENING, REVIEW)) & (asked["purpose"] != "emergency")]
    denied = asked[asked["outcome"] == "denied"]
    pairs = set(zip(denied["actor"], denied["target"], strict=True))
    if not pairs:
        return asked.iloc[:0]
    asked = asked[[pair in pairs for pair in zip(asked["actor"], asked["target"], strict=True)]]
    asked = asked.sort_values("time", kind="stable")
    last = (
        asked["time"].where(asked["outcome"] == "denied").groupby([asked["actor"], asked["target"]]).ffill()
    )
    return asked[(asked["outcome"] == "allowed") & (asked["time"] - last <= RETRY_WITHIN)]


def _emergencies(every: pd.DataFrame, period: Period, as_of: pd.Timestamp) -> pd.DataFrame:
    """Emergency accesses of the period, each with its review; a review goes to the earliest open one."""
    opened = every[(every["action"] == OPENING) & (every["outcome"] == "allowed")]
    used = every[
        (every["break_glass"] | (every["purpose"] == "emergency"))
        & (every["outcome"] == "allowed")
        & ~every["action"].isin((OPENING, REVIEW))
    ].sort_values("time", kind="stable")
    # A system that does not record the opening: the first use of a record within four hours counts as one.
    keys = [used["actor"], used["target"]]
    since = used["time"].groupby(keys).diff()
    first = since.isna() | (since > SAME_EMERGENCY)
    unopened = used[first & ~used["actor"].isin(set(opened["actor"]))]
    starts = pd.concat([opened, unopened]).sort_values("time", kind="stable")
    done = (every["action"] == REVIEW) & (every["outcome"] == "allowed")
    reviews = every[done].sort_values("time", kind="stable")
    waiting: dict[str, list[tuple[pd.Timestamp, str, str]]] = {}
    for row in reviews.itertuples():
        waiting.setdefault(row.target, []).append((row.time, row.actor, row.reason or row.verdict))
    rows = []
    for row in starts.itertuples():
        queue = waiting.get(row.target, [])
        # A review by whoever opened the access is none.
        match = next((r for r in queue if r[0] >= row.time and r[1] != row.actor), None)
        if match:
            queue.remove(match)
        if not period.start <= row.time < period.end:
            continue
        taken = (match[0] if match else as_of) - row.time
        if match:
            state = "in time" if taken <= REVIEW_WITHIN else "late"
        else:
            state = "waiting" if taken <= REVIEW_WITHIN else "overdue"
        rows.append(
            (
                row.time, code(row.event_id), code(row.actor), words(row.role), state,
                taken / pd.Timedelta(hours=1), _verdict(match[2]) if match else "",
            )
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["opened", "event", "account", "role", "state", "hours", "verdict"])


def _verdict(text: str) -> str:
    return text if text in VERDICTS else code(text)


def _alerts(every: pd.DataFrame, period: Period, as_of: pd.Timestamp) -> pd.DataFrame:
    """Alerts raised in the period, with the first answer that the log holds, whenever it came."""
    # Who tries to answer an alert about himself is refused, and the refusal is in the log, too.
    life = every[every["action"].str.startswith(LIFE) & (every["outcome"] == "allowed")]
    life = life.sort_values("time", kind="stable")
    rows = []
    for name, story in life.groupby("target", sort=False):
        raised = story[story["action"] == "alert raised"]
        if raised.empty or not period.start <= raised["time"].iloc[0] < period.end:
            continue
        answers = story[story["action"].isin(ANSWERED)]
        start = raised["time"].iloc[0]
        end = answers["time"].iloc[0] if len(answers) else as_of
        closed = (story["action"] == "alert closed").any()
        rows.append(
            (
                code(name), code(raised["severity"].iloc[-1]) or "not recorded",
                words(raised["kind"].iloc[0]), start, len(answers) > 0, (end - start) / pd.Timedelta(hours=1),
                "closed" if closed else "acknowledged" if len(answers) else "unreviewed",
                int((story["action"] == "alert escalated").sum()),
            )
        )  # fmt: skip
    names = ["alert", "severity", "kind", "raised", "answered", "hours", "state", "escalated"]
    return pd.DataFrame(rows, columns=names)


def _sign_ins(inside: pd.DataFrame) -> dict[str, int]:
    asked = inside[inside["action"].isin(SIGN_IN)]
    guessing = 0
    for _, story in asked[~asked["actor"].isin(("", "unknown"))].groupby("actor"):
        run, since = 0, None
        for row in story.sort_values("time", kind="stable").itertuples():
            if row.outcome == "denied":
                run, since = (run + 1, since) if since and row.time - since <= RETRY_WITHIN else (1, row.time)
            elif row.outcome == "allowed":
                guessing += run >= FAILED_SIGN_INS and row.time - since <= RETRY_WITHIN
                run, since = 0, None
    return {
        "all": len(asked),
        "denied": int((asked["outcome"] == "denied").sum()),
        "accounts": int(asked["actor"].nunique()),
        "guessing": int(guessing),
    }


def _days(inside: pd.DataFrame, period: Period) -> pd.DataFrame:
    last = period.end - pd.Timedelta(milliseconds=1)
    days = pd.date_range(period.start.floor("D"), last.floor("D"), freq="D")
    counts = inside["time"].dt.floor("D").value_counts().reindex(days, fill_value=0)
    return pd.DataFrame({"date": days, "events": counts.to_numpy()})


def _silence(every: pd.DataFrame, inside: pd.DataFrame, period: Period) -> tuple[int, int, pd.DataFrame]:
    """Return hours covered, hours without an event, and the stretches where there usually are events.

    Usual is the median of the same hour of the same weekday, from the second week on of the same hour of
    any day; at least ten events.
    """
    empty = pd.DataFrame(columns=["start", "hours", "usual"])
    if inside.empty:
        return 0, 0, empty
    first = max(period.start, every["time"].min()).floor("h")
    last = min(period.end - pd.Timedelta(milliseconds=1), every["time"].max()).floor("h")
    hours = pd.date_range(first, last, freq="h")
    counts = inside["time"].dt.floor("h").value_counts().reindex(hours, fill_value=0)
    weekly = len(hours) >= 4 * 168
    keys = [counts.index.day_of_week, counts.index.hour] if weekly else [counts.index.hour]
    usual = counts.groupby(keys).transform("median")
    if len(hours) < 3 * 24:
        usual[:] = 0
    odd = (counts == 0) & (usual >= USUAL_EVENTS)
    runs = (odd != odd.shift()).cumsum()[odd]
    rows = [(run.index[0], len(run), float(usual[run.index].sum())) for _, run in odd[odd].groupby(runs)]
    table = pd.DataFrame(rows, columns=empty.columns)
    return len(hours), int((counts == 0).sum()), _top(table, "hours") if rows else empty
