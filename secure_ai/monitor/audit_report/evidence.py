"""What the log holds for each citation, and what the whole comes to in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from secure_ai.core import Finding, Outcome, Unassessed
from secure_ai.core.frameworks import label
from secure_ai.monitor.audit_report.findings import plural
from secure_ai.monitor.audit_report.sections import Facts

State = Literal["evidence", "gap", "unassessed"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the log holds for one citation.

    Attributes:
        citation: identifier, see ``core.frameworks``.
        state: ``"evidence"`` (the log shows it done), ``"gap"`` (it shows that something is missing) or
            ``"unassessed"`` (it says nothing about it).
        words: what it shows.
    """

    citation: str
    state: State
    words: str

    @property
    def title(self) -> str:
        """Identifier and name."""
        return label(self.citation)


def evidence_of(facts: Facts, findings: tuple[Finding, ...]) -> tuple[Evidence, ...]:
    """Return what the log holds for each citation that a trail bears on, and what it cannot hold."""
    by_id = {finding.id.removeprefix("monitoring."): finding for finding in findings}
    n = len(facts.events)

    def state(*names: str) -> State:
        outcomes = {by_id[name].outcome for name in names}
        if Outcome.EXCEEDS_THRESHOLD in outcomes:
            return "gap"
        return "evidence" if Outcome.WITHIN_THRESHOLD in outcomes else "unassessed"

    def said(*names: str) -> str:
        words = []
        for name in names:
            figure = by_id[name].measurement
            text = figure.reason.rstrip(".") if isinstance(figure, Unassessed) else by_id[name].title
            words.append(text[0].lower() + text[1:])
        return "; ".join(words)

    done = facts.alerts["answered"].sum() if len(facts.alerts) else 0
    reviewed = int(facts.emergencies["state"].isin(("in time", "late")).sum())
    rows: list[Evidence] = [
        Evidence(
            "164.312(b)",
            "unassessed" if not n else state("log.coverage", "log.silence", "log.clock", "log.entries"),
            f"{n:,} events recorded; {said('log.coverage', 'log.silence')}",
        ),
        Evidence("164.312(c)(1)", state("log.integrity"), said("log.integrity")),
        Evidence("164.312(c)(2)", state("log.integrity"), said("log.integrity")),
        Evidence("164.312(a)(2)(i)", state("log.unique_user"), said("log.unique_user")),
        Evidence("164.312(a)(2)(ii)", state("emergency.reviews"), said("emergency.reviews")),
        Evidence(
            "164.308(a)(1)(ii)(D)",
            state("alerts.unreviewed", "emergency.reviews", "alerts.flagged"),
            f"{int(done):,} of {len(facts.alerts):,} alerts answered, "
            f"{reviewed:,} of {len(facts.emergencies):,} emergency accesses reviewed",
        ),
        Evidence(
            "164.308(a)(4)",
            state("access.no_relation", "access.purpose", "access.no_purpose"),
            f"{len(facts.by_role):,} combinations of role and purpose; {said('access.no_relation')}",
        ),
        Evidence("164.308(a)(4)(ii)(B)", state("access.retried"), said("access.retried")),
        Evidence("164.308(a)(5)(ii)(C)", state("sign_in.guessing"), said("sign_in.guessing")),
        Evidence("164.308(a)(6)(ii)", state("alerts.unreviewed"), said("alerts.unreviewed")),
        Evidence(
            "164.502(b)",
            state("access.no_relation", "access.purpose"),
            said("access.no_relation", "access.purpose"),
        ),
        Evidence(
            "164.528",
            "evidence" if len(facts.disclosures) else "unassessed",
            f"{int(facts.disclosures['exports'].sum()):,} exports with their destination; "
            "which of them must be accounted for is decided elsewhere"
            if len(facts.disclosures)
            else "no export with a destination stands in the log",
        ),
        Evidence("164.308(a)(3)(ii)(C)", "unassessed", "the log does not know who has left"),
        Evidence(
            "164.316(b)(2)(i)", "unassessed", "one period cannot show that records are kept for six years"
        ),
        Evidence("164.308(a)(1)(ii)(C)", "unassessed", "sanctions stand in personnel files, not in the log"),
    ]
    return tuple(rows)


def verdict_of(facts: Facts, findings: tuple[Finding, ...]) -> str:
    """Say in a sentence or two what the committee must know."""
    if facts.events.empty:
        return (
            f"The log holds no event in {facts.period.label}: nothing about this period can be shown, "
            "neither good nor bad."
        )
    over = [f for f in findings if f.outcome is Outcome.EXCEEDS_THRESHOLD]
    open_ones = [f for f in findings if f.outcome is Outcome.UNASSESSED]
    text = (
        f"{len(over)} of {len(findings)} questions need an answer" if over else "No question needs an answer"
    )
    if over:
        text += f". The worst: {over[0].title[0].lower()}{over[0].title[1:]}"
    if open_ones:
        text += f". {plural(len(open_ones), 'question')} could not be assessed from this log"
    return text + "."


def timed(value: pd.Timestamp) -> str:
    """Show a moment to the minute, in UTC."""
    return "" if pd.isna(value) else f"{value:%Y-%m-%d %H:%M}"
