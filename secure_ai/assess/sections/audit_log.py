"""Section: what the audit log shows that nobody has answered for, and whether it can be believed."""

from __future__ import annotations

from collections.abc import Sequence

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening.logs import open_log, period_of, verify_log
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.risks import judge, leave_open, risk_of
from secure_ai.assess.section import Section, Table, Text, blocks
from secure_ai.core import Finding, Level, Measurement, Outcome, Unassessed
from secure_ai.core.finding import LEVEL_ORDER
from secure_ai.monitor.audit_report import AuditReport, review_log
from secure_ai.monitor.trail import Verification

ID = "monitoring.log"
LOG, TRAIL = "monitoring.audit_log", "monitoring.trail"
INTEGRITY = "monitoring.log.integrity"
NAMELESS = (
    "No account is named here; the audit report (secure-ai monitor) names them for those who follow up."
)
CHANGED = "The log was changed, so that what it does not show proves nothing."
WITNESS = "No witness was compared: an older copy of the whole trail, signatures included, would pass."


def assess(inputs: Inputs, progress: Progress) -> Section:
    """Review a log from itself alone, and check the trail that it is kept in.

    Raises:
        UserError: if the log, the quarter, the key or the witness is none.
    """
    parameters = inputs.parameters
    part = part_of(ID)
    progress("reading the log", 0.0)
    opened = open_log(parameters.log)
    period, words = period_of(opened.log, parameters.quarter)
    progress("checking the trail", 0.3)
    checked = verify_log(parameters.log, opened, parameters.log_key, parameters.log_witness)
    progress("reviewing what it shows", 0.6)
    report = review_log(
        opened.log,
        start=period.start,
        end=period.end,
        verification=checked if isinstance(checked, Verification) else None,
    )
    asked = [one for one in report.findings if one.id != INTEGRITY]
    events = len(report.facts.events)
    trail = _trail(parameters, checked, part.title)
    return Section(
        id=ID,
        title=part.title,
        summary=_summary(asked, events, trail),
        assessed=f"Audit log: {events:,} events, {period.words}",
        findings=(_log(parameters, asked, checked, part.title), trail),
        blocks=blocks(
            Text(text=" ".join(filter(None, (f"{period.words}, {events:,} events.", words, NAMELESS)))),
            _questions(asked),
            _outcomes(report),
            Text(text=_witness(checked)) if isinstance(checked, Verification) else None,
            _problems(checked),
        ),
        facts={
            "events": events,
            "questions_open": sum(one.outcome is Outcome.EXCEEDS_THRESHOLD for one in asked),
            "questions_unassessed": sum(one.outcome is Outcome.UNASSESSED for one in asked),
            "problems_in_the_trail": checked.problem_count if isinstance(checked, Verification) else None,
        },
    )


def _log(
    parameters: AssessmentParameters,
    asked: Sequence[Finding],
    checked: Verification | Unassessed,
    evidence: str,
) -> Finding:
    known = [one for one in asked if one.outcome is not Outcome.UNASSESSED]
    over = [one for one in known if one.outcome is Outcome.EXCEEDS_THRESHOLD]
    if not known:
        reason = "No question could be assessed from this log."
        return leave_open(LOG, reason, sector=parameters.sector, evidence=evidence)
    if not over and isinstance(checked, Verification) and not checked.intact:
        return leave_open(LOG, CHANGED, sector=parameters.sector, evidence=evidence)
    count = float(len(over))
    figure = Measurement(
        name="questions_that_need_an_answer",
        value=count,
        unit="questions",
        n=len(known),
        baseline=0.0,
        interval=(count, count),
        method="questions of the kit's audit report above their own threshold, of those assessed",
        source="45 CFR 164.308(a)(1)(ii)(D); secure_ai.monitor.audit_report",
    )
    left = len(asked) - len(known)
    title = f"{len(over)} of {len(known)} questions to the log need an answer"
    if over:
        title += f"; the worst: {_lower(over[0].title)}"
    title += f"; {left} could not be assessed" if left else ""
    return judge(
        LOG,
        title,
        figure,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        success=_success(over, len(known)),
        severity=max((one.severity for one in over), key=LEVEL_ORDER.index, default=None),
        severity_reason=f"that of the worst question: {_lower(over[0].threat)}." if over else None,
        evidence=evidence,
    )


def _success(over: Sequence[Finding], n: int) -> float:
    """Return the share of questions that are open, and never less than the worst of them is graded by."""
    bands = risk_of(LOG).bands
    edges = {Level.HIGH: bands.high, Level.CRITICAL: bands.critical}
    return max([len(over) / n, *(edges.get(one.likelihood, 0.0) for one in over)])


def _trail(parameters: AssessmentParameters, checked: Verification | Unassessed, evidence: str) -> Finding:
    figure: Measurement | Unassessed
    title = ""
    if isinstance(checked, Unassessed):
        figure = checked
    else:
        count = float(checked.problem_count)
        figure = Measurement(
            name="problems_in_the_trail",
            value=count,
            unit="problems",
            n=max(checked.entries, 1),
            baseline=0.0,
            interval=(count, count),
            method=f"hashes, {checked.checkpoints:,} checkpoints and signatures of all entries; "
            f"{'no witness' if checked.witnessed is None else 'and the witness'}",
            source="45 CFR 164.312(c)(2); secure_ai.monitor.trail.verify_trail",
        )
        title = f"The log is as it was written: {checked.entries:,} entries checked"
        if not checked.intact:
            problems = "1 problem" if checked.problem_count == 1 else f"{checked.problem_count:,} problems"
            title = (
                f"The log was changed: {problems}; entries can be relied on up to {checked.intact_until:,}"
            )
    return judge(
        TRAIL,
        title,
        figure,
        sector=parameters.sector,
        thresholds=parameters.thresholds,
        success=1.0 if isinstance(checked, Verification) and not checked.intact else None,
        evidence=evidence,
    )


def _witness(checked: Verification) -> str:
    if checked.witnessed is None:
        return WITNESS
    return (
        f"The witness has seen the log up to entry {checked.witnessed:,}: what came after it could still be "
        "lost to an older copy of the whole trail."
    )


def _summary(asked: Sequence[Finding], events: int, trail: Finding) -> str:
    over = sum(one.outcome is Outcome.EXCEEDS_THRESHOLD for one in asked)
    words = {
        Outcome.UNASSESSED: "whether it was changed is not known",
        Outcome.EXCEEDS_THRESHOLD: "it was changed",
        Outcome.WITHIN_THRESHOLD: "it is as it was written",
    }[trail.outcome]
    return f"{events:,} events of the log raise {over} of {len(asked)} questions; {words}."


def _questions(asked: Sequence[Finding]) -> Table:
    rows = []
    for one in asked:
        figure = one.measurement
        known = isinstance(figure, Measurement)
        rows.append(
            (
                one.level.value,
                one.title,
                figure.value if known else None,
                figure.unit if known else "",
                figure.n if known else None,
                figure.reason if not known else "",
                _to_do(one),
                one.owner,
            )
        )
    return Table(
        title="Questions that the audit report asks of the log, open ones first",
        columns=("level", "question", "figure", "unit", "of", "not assessed", "to do", "owner"),
        formats=("text", "text", "figure", "text", "count", "text", "text", "text"),
        rows=tuple(rows),
    )


def _to_do(one: Finding) -> str:
    return str(one.mitigations[0]) if one.mitigations and one.outcome is Outcome.EXCEEDS_THRESHOLD else ""


def _outcomes(report: AuditReport) -> Table | None:
    events = report.facts.events
    if events.empty:
        return None
    counted = events["outcome"].value_counts().sort_index()
    return Table(
        title="Events by outcome",
        columns=("outcome", "events"),
        formats=("text", "count"),
        rows=tuple((str(name), int(count)) for name, count in counted.items()),
    )


def _problems(checked: Verification | Unassessed) -> Table | None:
    if isinstance(checked, Unassessed) or checked.intact:
        return None
    rows = tuple((one.part, one.kind, one.number, one.last) for one in checked.problems[:50])
    title = f"Where the trail was changed: the first {len(rows)} of {checked.problem_count:,} problems"
    return Table(
        title=title,
        columns=("part", "what happened", "number", "up to"),
        formats=("text", "text", "count", "count"),
        rows=rows,
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
