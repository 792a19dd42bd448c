"""What the facts of a period mean: findings with their figures, thresholds and owners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secure_ai.core import Finding, Level, Measurement, Outcome, Unassessed
from secure_ai.core.finding import LEVEL_ORDER, combine_level
from secure_ai.core.intervals import wilson
from secure_ai.monitor.audit_report.sections import REVIEW_WITHIN, Facts

if TYPE_CHECKING:
    from secure_ai.monitor.trail.verification import Verification

OWN = "The kit's own rule: each case is explained, or followed up"
SEVERITIES = {"critical": Level.CRITICAL, "high": Level.HIGH, "medium": Level.MEDIUM, "low": Level.LOW}


def findings_of(facts: Facts, verification: Verification | None) -> tuple[Finding, ...]:
    """Return the findings of a period, worst first, the log itself before what rests on it."""
    found = [
        _integrity(verification),
        *_log_findings(facts),
        *_access_findings(facts),
        _reviews(facts),
        _alert_finding(facts),
        _flagged(facts),
        _sign_in(facts),
    ]
    rank = {level: i for i, level in enumerate((*reversed(LEVEL_ORDER), Level.UNASSESSED))}
    return tuple(sorted(found, key=lambda f: (f.outcome is not Outcome.EXCEEDS_THRESHOLD, rank[f.level])))


def _finding(
    name: str,
    title: str,
    figure: Measurement | Unassessed,
    *,
    threat: str,
    severity: Level,
    to_do: tuple[str, ...],
    mappings: tuple[str, ...],
    section: str,
    owner: str,
    within: str,
    threshold_source: str = OWN,
    likelihood: Level = Level.MEDIUM,
) -> Finding:
    unassessed = isinstance(figure, Unassessed)
    over = not unassessed and figure.value > 0
    if unassessed:
        likelihood = severity = Level.UNASSESSED
    elif not over:
        likelihood, severity = Level.LOW, Level.LOW
    return Finding(
        id=f"monitoring.{name}",
        title=title,
        threat=threat,
        asset="records about people, and the log itself",
        attacker_knowledge="an account inside the organization",
        measurement=figure,
        threshold=None if unassessed else 0.0,
        threshold_source="" if unassessed else threshold_source,
        outcome=Outcome.UNASSESSED
        if unassessed
        else (Outcome.EXCEEDS_THRESHOLD if over else Outcome.WITHIN_THRESHOLD),
        likelihood=likelihood,
        severity=severity,
        level=combine_level(likelihood, severity),
        mitigations=to_do,
        residual="judged by whoever follows up",
        owner=owner,
        due=within,
        evidence=section,
        mappings=mappings,
    )


def _share(name: str, hits: int, n: int, method: str, source: str = "45 CFR 164.312(b)") -> Measurement:
    return Measurement(name, hits / n, "share", n, 0.0, wilson(hits, n), method, source)


def _exact(name: str, value: float, unit: str, n: int, method: str) -> Measurement:
    return Measurement(name, value, unit, n, 0.0, (value, value), method, "45 CFR 164.312(b)")


def plural(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _integrity(verification: Verification | None) -> Finding:
    common = {
        "threat": "Somebody edits, deletes or cuts off the log to hide what was done",
        "severity": Level.CRITICAL,
        "likelihood": Level.HIGH,
        "mappings": ("164.312(b)", "164.312(c)(1)", "164.312(c)(2)"),
        "section": "The log itself",
        "owner": "security officer",
        "within": "today",
        "threshold_source": "A log that was changed proves nothing after the change",
    }
    if verification is None:
        reason = "No verification of a tamper-evident trail was given: an ordinary file can be edited unseen."
        todo = ("Keep the log in the tamper-evident trail and pass its verification to this report.",)
        return _finding(
            "log.integrity",
            "Whether the log was changed is not known",
            Unassessed(reason),
            to_do=todo,
            **common,
        )
    n = max(verification.entries, 1)
    figure = _exact(
        "problems_in_the_trail", verification.problem_count, "problems", n, "hashes and signatures"
    )
    title = (
        f"The log is as it was written: {verification.entries:,} entries checked"
        if verification.intact
        else f"The log was changed: {plural(verification.problem_count, 'problem')}; only entries up to "
        f"{verification.intact_until:,} can be relied on"
    )
    todo = (
        ()
        if verification.intact
        else (
            "Treat it as an incident: secure all copies, find out who could write, restore from the witness.",
        )
    )
    return _finding("log.integrity", title, figure, to_do=todo, **common)


def _log_findings(facts: Facts) -> list[Finding]:
    period, events = facts.period, len(facts.events)
    missing = period.hours - min(facts.covered, period.hours)
    common = {"section": "The log itself", "owner": "security officer", "within": "one week"}
    blind = "What happens while nothing is recorded cannot be found later"
    coverage = _finding(
        "log.coverage",
        f"{plural(missing, 'hour')} of {period.hours:,} lie before the first or after the last event"
        if missing
        else "The log reaches over the whole period",
        _share(
            "hours_not_covered", missing, period.hours, "hours outside the first and last event of the log"
        ),
        threat=blind,
        severity=Level.HIGH if missing > period.hours / 2 else Level.MEDIUM,
        likelihood=Level.HIGH if not events else Level.MEDIUM,
        to_do=("Find the rest of the log, or state since when it has been kept.",),
        mappings=("164.312(b)", "164.316(b)(2)(i)"),
        **common,
    )
    odd = int(facts.silent["hours"].sum())
    empty = Unassessed("No event of the log lies in the period.")
    return [
        coverage,
        _finding(
            "log.silence",
            f"The log is silent for {plural(odd, 'hour')} in which it usually is not"
            if odd
            else "No hour is silent in which there usually are events",
            _share(
                "unusual_silence",
                odd,
                facts.covered,
                "hours without an event whose usual number is at least "
                "ten (median of the same hour of the week, or of the day)",
            )
            if facts.covered >= 72
            else Unassessed("The log covers less than three days of the period: nothing is usual yet."),
            threat=blind,
            severity=Level.HIGH,
            mappings=("164.312(b)",),
            to_do=(
                "Ask operations what stood still at that time, and whether it was recording that stopped.",
            ),
            **common,
        ),
        _finding(
            "log.clock",
            f"{plural(facts.clock_back, 'event')} carry an earlier time than one before them"
            if facts.clock_back
            else "Times follow the order of the entries",
            _share(
                "clock_backwards",
                facts.clock_back,
                events,
                "events more than a second earlier than one that was written before",
            )
            if events
            else empty,
            threat="A wrong clock makes a sequence of events doubtful",
            severity=Level.LOW,
            to_do=(
                "Compare the clocks of the systems that write; keep the order of arrival beside the time.",
            ),
            mappings=("164.312(b)",),
            **common,
        ),
        _finding(
            "log.entries",
            f"{plural(_bad(facts), 'entry', 'entries')} could not be read, or repeat another"
            if _bad(facts)
            else "Every entry could be read, and none is repeated",
            _exact(
                "entries_not_usable", _bad(facts), "entries", max(facts.n_all + _bad(facts), 1), "counted"
            ),
            threat="What cannot be read cannot be reviewed",
            severity=Level.MEDIUM,
            to_do=("Find the program of another version that writes these entries.",),
            mappings=("164.312(b)",),
            **common,
        ),
        _finding(
            "log.unique_user",
            f"{plural(facts.no_actor, 'event')} name no account"
            if facts.no_actor
            else "Every event names an account",
            _share("events_without_account", facts.no_actor, events, "account empty or unknown")
            if events
            else empty,
            threat="An action that belongs to nobody can be answered for by nobody",
            severity=Level.MEDIUM,
            to_do=(
                "End shared and anonymous accounts; record who was refused before the account was known.",
            ),
            mappings=("164.312(a)(2)(i)",),
            **common,
        ),
    ]


def _bad(facts: Facts) -> int:
    return sum(facts.unreadable.values()) + facts.duplicates


EXCEPTIONS = {
    "no relation": (
        "access.no_relation",
        "by a person, to one record, without a relation that the system knows",
        "Somebody looks at a record out of curiosity",
        Level.HIGH,
        "Ask for the reason of each, first where the account has several; mend missing relations.",
        ("164.308(a)(4)", "164.502(b)"),
        "The log does not say which relation the account had to the record.",
    ),
    "outside the declared purpose": (
        "access.purpose",
        "outside the purposes that were declared for the role or service",
        "Data that was given for one purpose is used for another",
        Level.HIGH,
        "Stop the service or role for this purpose, or declare and approve it.",
        ("164.308(a)(4)", "164.502(b)"),
        "No declared purposes were given to compare with (declared).",
    ),
    "no purpose given": (
        "access.no_purpose",
        "without any purpose",
        "Nobody can judge later whether an access was right",
        Level.MEDIUM,
        "Make the purpose a required field for these roles.",
        ("164.308(a)(4)",),
        "The log holds no purposes at all.",
    ),
    "denied, then allowed": (
        "access.retried",
        "to what the same account was denied within the hour before",
        "Somebody tries until it works",
        Level.MEDIUM,
        "Read both entries together: a mended right, or a way around?",
        ("164.308(a)(4)(ii)(B)",),
        "",
    ),
}


def _access_findings(facts: Facts) -> list[Finding]:
    n = int((facts.events["outcome"] == "allowed").sum())
    found = []
    for kind, (name, words, threat, severity, todo, mappings, reason) in EXCEPTIONS.items():
        count = facts.exception_counts[kind]
        figure: Measurement | Unassessed
        if not n:
            figure = Unassessed("The log holds no allowed access in the period.")
        elif count is None:
            figure = Unassessed(reason)
        else:
            figure = _share(kind.replace(", ", "_").replace(" ", "_"), count, n, f"allowed accesses {words}")
        title = f"{plural(count or 0, 'access', 'accesses')} {words}"
        if isinstance(figure, Unassessed):
            title = f"Accesses {words}: not known"
        found.append(
            _finding(
                name,
                title,
                figure,
                threat=threat,
                severity=severity,
                to_do=(todo,),
                mappings=mappings,
                section="Exceptions",
                owner="privacy officer",
                within="two weeks",
            )
        )
    return found


def _reviews(facts: Facts) -> Finding:
    table = facts.emergencies
    bad = int(table["state"].isin(("late", "overdue")).sum())
    overdue = int((table["state"] == "overdue").sum())
    wrong = int((table["verdict"] == "not justified").sum())
    figure: Measurement | Unassessed = (
        _share(
            "reviews_late_or_missing", bad, len(table), "emergency accesses not reviewed within three days"
        )
        if len(table)
        else Unassessed("The log holds no emergency access in the period.")
    )
    return _finding(
        "emergency.reviews",
        f"{bad:,} of {plural(len(table), 'emergency access', 'emergency accesses')} reviewed late or "
        f"not at all ({overdue:,} overdue); {wrong:,} judged not justified",
        figure,
        threat="The glass is broken out of curiosity, and nobody asks",
        severity=Level.HIGH if overdue else Level.MEDIUM,
        to_do=(
            "Review the overdue ones this week; somebody else than the person who opened the access does it.",
        ),
        mappings=("164.312(a)(2)(ii)", "164.308(a)(1)(ii)(D)"),
        section="Emergency access",
        owner="privacy officer",
        within="one week",
        threshold_source=f"Reviewed within {REVIEW_WITHIN.days} days, as the kit's emergency access asks",
    )


def _alert_finding(facts: Facts) -> Finding:
    table = facts.alerts
    open_ones = table[table["state"] == "unreviewed"]
    worst = max(
        (SEVERITIES.get(s, Level.MEDIUM) for s in open_ones["severity"]),
        key=LEVEL_ORDER.index,
        default=Level.LOW,
    )
    figure: Measurement | Unassessed = (
        _share("alerts_unreviewed", len(open_ones), len(table), "alerts without acknowledgement or closing")
        if len(table)
        else Unassessed("The log holds no alert raised in the period.")
    )
    return _finding(
        "alerts.unreviewed",
        f"{len(open_ones):,} of {plural(len(table), 'alert')} without an answer",
        figure,
        threat="Somebody was warned and did nothing",
        severity=worst,
        to_do=(
            "Acknowledge the open alerts, the most severe first; ask why escalation did not reach anybody.",
        ),
        mappings=("164.308(a)(1)(ii)(D)", "164.308(a)(6)(ii)"),
        section="Alerts",
        owner="head of security operations",
        within="two working days",
        likelihood=Level.HIGH,
    )


def _flagged(facts: Facts) -> Finding:
    rest = facts.flagged - facts.flagged_known
    n = len(facts.events)
    figure: Measurement | Unassessed = (
        _share(
            "flagged_without_alert", rest, n, "events marked for attention whose account no alert is about"
        )
        if n and facts.flagged
        else Unassessed("No event of the period is marked for attention.")
    )
    return _finding(
        "alerts.flagged",
        f"{plural(rest, 'event')} marked for attention, with no alert about the account",
        figure,
        threat="A warning of a system reaches nobody",
        severity=Level.MEDIUM,
        to_do=("Connect the systems that mark events to the alert desk.",),
        mappings=("164.308(a)(1)(ii)(D)",),
        section="Alerts",
        owner="head of security operations",
        within="two weeks",
    )


def _sign_in(facts: Facts) -> Finding:
    got = facts.sign_ins
    figure: Measurement | Unassessed = (
        _share(
            "guessed_sign_ins", got["guessing"], got["all"], "sign-ins after five failures within the hour"
        )
        if got["all"]
        else Unassessed("The log holds no sign-in in the period.")
    )
    return _finding(
        "sign_in.guessing",
        f"{plural(got['guessing'], 'sign-in')} after five failures in a row",
        figure,
        threat="A password is guessed",
        severity=Level.HIGH,
        to_do=("Ask the owners of these accounts; change the passwords; look at what was done afterwards.",),
        mappings=("164.308(a)(5)(ii)(C)",),
        section="Sign-ins",
        owner="security officer",
        within="today",
    )
