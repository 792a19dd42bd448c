"""The audit report: from a log to one self-contained HTML page and its findings as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.core import Finding, Outcome, UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.monitor.audit_report.evidence import Evidence, evidence_of, verdict_of
from secure_ai.monitor.audit_report.findings import findings_of
from secure_ai.monitor.audit_report.log import Log, read_log
from secure_ai.monitor.audit_report.page import render
from secure_ai.monitor.audit_report.period import Period, period_of
from secure_ai.monitor.audit_report.sections import Facts, gather

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.monitor.trail.verification import Verification

JSON_VERSION = 1


@dataclass(frozen=True)
class AuditReport:
    """What a log shows about a period.

    Attributes:
        organization: label of the organization.
        facts: the tables.
        findings: worst first; unassessed ones included.
        evidence: by citation.
        verification: of the trail, where one was given.
        html: the page.
        path: where it was written; None if nowhere.
    """

    organization: str
    facts: Facts = field(repr=False)
    findings: tuple[Finding, ...] = field(repr=False)
    evidence: tuple[Evidence, ...] = field(repr=False)
    verification: Verification | None = field(repr=False)
    html: str = field(repr=False)
    path: Path | None = None

    @property
    def period(self) -> Period:
        """The period of the report."""
        return self.facts.period

    def finding(self, name: str) -> Finding:
        """Return a finding by its id, with or without ``monitoring.``.

        Raises:
            KeyError: if there is none.
        """
        for found in self.findings:
            if found.id in (name, f"monitoring.{name}"):
                return found
        raise KeyError(name)

    def sentence(self) -> str:
        """Return the verdict."""
        return verdict_of(self.facts, self.findings)

    def to_frame(self) -> pd.DataFrame:
        """Return a row per finding: id, outcome, level, title, owner, due."""
        import pandas as pd

        names = ["id", "outcome", "level", "title", "owner", "due"]
        rows = [
            [f.id.removeprefix("monitoring."), f.outcome.value, f.level.value, f.title, f.owner, f.due]
            for f in self.findings
        ]
        return pd.DataFrame(rows, columns=names)

    def to_json(self) -> str:
        """Return period, findings and evidence as JSON, the same for the same log."""
        content = {
            "version": JSON_VERSION,
            "organization": self.organization,
            "period": {
                "label": self.period.label,
                "start": self.period.start.isoformat(),
                "end": self.period.end.isoformat(),
            },
            "verdict": self.sentence(),
            "findings": [found.model_dump(mode="json") for found in self.findings],
            "evidence": [{"citation": e.citation, "state": e.state, "words": e.words} for e in self.evidence],
            "unassessed": [f.id for f in self.findings if f.outcome is Outcome.UNASSESSED],
        }
        return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def review_log(
    log: Any,
    *,
    quarter: str | None = None,
    start: Any = None,
    end: Any = None,
    organization: str = "our organization",
    verification: Verification | None = None,
    declared: Mapping[str, Collection[str]] | None = None,
) -> AuditReport:
    """Make the report without writing it; arguments as for :func:`audit_report`."""
    period = period_of(start, end, quarter)
    label = shown(organization).strip() if isinstance(organization, str) else ""
    if not label:
        raise UserError("The organization needs a label, such as 'Example Hospital'.")
    _check_same_trail(log, verification)
    facts = gather(log if isinstance(log, Log) else read_log(log), period, _declared(declared))
    findings = findings_of(facts, verification)
    evidence = evidence_of(facts, findings)
    html = render(label, facts, findings, evidence, verification)
    return AuditReport(label, facts, findings, evidence, verification, html)


def audit_report(
    log: Any,
    *,
    out: str | Path,
    quarter: str | None = None,
    start: Any = None,
    end: Any = None,
    organization: str = "our organization",
    verification: Verification | None = None,
    declared: Mapping[str, Collection[str]] | None = None,
) -> AuditReport:
    """Write the audit report of a period, from the log alone.

    Args:
        log: a table, a file of JSON lines, events, or a trail (see :func:`read_log`). Reviews and answers
            that stand in it after the period still count for what happened within.
        out: a folder for ``report.html`` and ``findings.json``, or the name of the page (``.html``).
        quarter: such as ``"2026Q3"``.
        start, end: instead of a quarter; the end is excluded; UTC unless they say otherwise.
        organization: how the page names the organization.
        verification: what the check of the tamper-evident trail returned; without it integrity is unassessed.
        declared: role or account → purposes declared for it; without it purposes are unassessed.

    Returns:
        The report, with the path of its page.

    Raises:
        UserError: if the log, the period or the output place is wrong; an earlier report then stays.

    Source: 45 CFR 164.308(a)(1)(ii)(D), 164.312(b).
    """
    report = review_log(
        log, quarter=quarter, start=start, end=end, organization=organization, verification=verification,
        declared=declared,
    )  # fmt: skip
    place = Path(out)
    page = place if place.suffix.lower() == ".html" else place / "report.html"
    data = page.with_suffix(".json") if place.suffix.lower() == ".html" else place / "findings.json"
    if page is not place and place.exists() and not place.is_dir():
        raise UserError(
            f"The output {shown(place.name)} is a file: name a folder, or a page ending in .html."
        )
    with atomic_file(data) as json_draft, atomic_file(page) as page_draft:
        json_draft.write_text(report.to_json(), encoding="utf-8")
        page_draft.write_text(report.html, encoding="utf-8")
    return AuditReport(
        report.organization, report.facts, report.findings, report.evidence, verification, report.html, page
    )


def _check_same_trail(log: Any, verification: Verification | None) -> None:
    mine = getattr(getattr(log, "header", None), "log_id", None)
    checked = getattr(verification, "log_id", "")
    if checked and isinstance(mine, str) and mine != checked:
        raise UserError(
            "The verification is of another trail than the one of the report: run verify_trail on this one."
        )


def _declared(declared: Any) -> Mapping[str, Collection[str]] | None:
    if declared is None:
        return None
    if not isinstance(declared, Mapping) or any(isinstance(value, str) for value in declared.values()):
        raise UserError("declared maps a role or account to a list of purposes, as {'nurse': ['treatment']}.")
    return declared
