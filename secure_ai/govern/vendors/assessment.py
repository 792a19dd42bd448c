"""What a due diligence found: per area the worst and the coverage, never one figure that hides a gap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.finding import Finding, Level, Outcome
from secure_ai.core.measurement import Measurement, Unassessed
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.govern.vendors.clauses import Clause
from secure_ai.govern.vendors.evidence import JudgedEvidence

Status = Literal["shown", "gap", "not_shown", "unanswered"]
STATUS_WORDS = {
    "shown": "shown by a document",
    "gap": "answer is not good enough",
    "not_shown": "said, not shown",
    "unanswered": "not answered",
}
Decision = Literal["not_before_conditions", "with_conditions", "with_clauses", "as_it_stands"]
DECISION_WORDS = {
    "not_before_conditions": "Do not sign before the conditions are met",
    "with_conditions": "Sign only with the conditions met and the clauses agreed",
    "with_clauses": "Sign with the clauses agreed",
    "as_it_stands": "Nothing in this questionnaire speaks against signing",
}
SOURCE = "secure_ai/govern/vendors/data/questionnaire.yaml"


@dataclass(frozen=True, slots=True)
class Flag:
    """Something about an answer or a document that a person has to know.

    Attributes:
        question: id; empty for the form as a whole.
        code: such as ``"expired"``, for tests and counting.
        sentence: what is wrong.
    """

    question: str
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """How one question came out.

    Attributes:
        question: id.
        area: it belongs to.
        text: what was asked.
        answer: as it could be read; empty where there was none.
        wanted: the good answer, in words.
        status: ``"shown"``, ``"gap"``, ``"not_shown"`` or ``"unanswered"``.
        level: ``low`` where shown, else the question's level: a yes without proof weighs as a no.
        clause: id of the clause that closes the gap.
        condition: what has to happen before signing; empty where nothing.
        ids: framework ids.
        evidence: documents named for it, judged.
        read: whether a person found the answer in the document.
        must_be_read: whether a person has to, because the question is critical.
    """

    question: str
    area: str
    text: str
    answer: str
    wanted: str
    status: Status
    level: Level
    clause: str
    condition: str
    ids: tuple[str, ...]
    evidence: tuple[JudgedEvidence, ...]
    read: bool = False
    must_be_read: bool = False

    @property
    def documented(self) -> bool:
        """Whether a document counts for the answer, good or bad."""
        return any(one.counts for one in self.evidence)


@dataclass(frozen=True, slots=True)
class AreaResult:
    """One area: the worst in it, and how much of it was shown.

    Attributes:
        area: its id.
        title: its name.
        level: the worst of its questions; what is not shown weighs as if it were absent.
        asked: questions.
        shown: how many are good and shown by a document.
        gaps: how many have an answer that is not good enough.
        not_shown: how many were claimed, not shown.
        unanswered: how many have no answer.
        coverage: share of questions with a document that counts; an exact count.
    """

    area: str
    title: str
    level: Level
    asked: int
    shown: int
    gaps: int
    not_shown: int
    unanswered: int
    coverage: Measurement


@dataclass(frozen=True, slots=True)
class VendorAssessment:
    """The result for one vendor on one day. It prepares a decision that a person takes.

    Attributes:
        vendor: its name.
        service: what is bought.
        sector: ``"healthcare"`` or ``"finance"``.
        release: of the questionnaire.
        assessed_on: the day.
        tier: how closely the vendor is watched.
        documents_seen: whether a folder of evidence was given.
        areas: in order.
        results: one for each question that was asked.
        flags: what is wrong with answers and documents.
        decision: what the answers support.
        conditions: question id and what has to happen before signing.
        clauses: to put into the contract.
        reassess_on: when everything is asked again.
        reassess_because: why then.
        renewals: last day, title and question of documents that count.
    """

    vendor: str
    service: str
    sector: str
    release: str
    assessed_on: date
    tier: str
    documents_seen: bool
    areas: tuple[AreaResult, ...]
    results: tuple[QuestionResult, ...]
    flags: tuple[Flag, ...]
    decision: Decision
    conditions: tuple[tuple[str, str], ...]
    clauses: tuple[Clause, ...]
    reassess_on: date
    reassess_because: str
    renewals: tuple[tuple[date, str, str], ...]

    @property
    def gaps(self) -> tuple[QuestionResult, ...]:
        """Return everything that is not shown to be good, the worst first."""
        order = [Level.CRITICAL, Level.HIGH, Level.MEDIUM, Level.LOW]
        left = [result for result in self.results if result.status != "shown"]
        return tuple(sorted(left, key=lambda result: order.index(result.level)))

    @property
    def lapses(self) -> tuple[date, str] | None:
        """Return the last day on which everything shown still is, and the question that lapses then."""
        days = [
            (
                max(one.counts_until for one in result.evidence if one.counts and one.counts_until),
                result.question,
            )
            for result in self.results
            if result.status == "shown"
        ]
        return min(days, default=None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return one finding an area, and one that says so where nobody saw the documents."""
        found = [self._finding(area) for area in self.areas]
        if not self.documents_seen:
            found.append(
                Finding(
                    id=f"vendor.{slug(self.vendor)}.documents",
                    title=f"{self.vendor}: the documents that answers rest on",
                    threat="documents that do not exist or do not say what is claimed",
                    asset=self.service or "the service",
                    attacker_knowledge="the vendor's own",
                    measurement=Unassessed("no folder of evidence was given, so no document was opened"),
                    outcome=Outcome.UNASSESSED,
                    likelihood=Level.UNASSESSED,
                    severity=Level.UNASSESSED,
                    level=Level.UNASSESSED,
                    mitigations=("Obtain the documents and assess again with their folder.",),
                    mappings=("GOVERN 6.1",),
                )
            )
        return tuple(found)

    def _finding(self, area: AreaResult) -> Finding:
        left = [one for one in self.gaps if one.area == area.area]
        conditions = [text for question, text in self.conditions if question.startswith(f"{area.area}.")]
        return Finding(
            id=f"vendor.{slug(self.vendor)}.{area.area}",
            title=f"{self.vendor}: {len(left)} of {area.asked} questions not shown: {area.title}",
            threat="a weakness at the vendor reaches our data and decisions",
            asset=self.service or "the service",
            attacker_knowledge="of the vendor's systems",
            measurement=Measurement(
                name="questions_absent_or_not_shown",
                value=float(len(left)),
                unit="questions",
                n=area.asked,
                baseline=float(area.asked),
                interval=(float(len(left)), float(len(left))),
                method=f"questionnaire {self.release} with evidence judged on {self.assessed_on}",
                source=SOURCE,
            ),
            threshold=0.0,
            threshold_source="rule of the house: what is not shown counts as absent",
            outcome=Outcome.EXCEEDS_THRESHOLD if left else Outcome.WITHIN_THRESHOLD,
            likelihood=area.level,
            severity=area.level,
            level=area.level,
            mitigations=(*conditions, *_clause_titles(self.clauses, left)),
            mappings=tuple(dict.fromkeys(name for one in left for name in one.ids)),
        )

    def sentence(self) -> str:
        """Return the result in words."""
        worst = [area.title for area in self.areas if area.level is Level.CRITICAL]
        shown_count = sum(area.shown for area in self.areas)
        asked = sum(area.asked for area in self.areas)
        text = f"{DECISION_WORDS[self.decision]}: {shown_count} of {asked} questions are shown by documents"
        if worst:
            text += f"; critical questions are open in {', '.join(worst)}"
        if not self.documents_seen:
            text += "; nobody has opened the documents"
        text += f". Assess again by {self.reassess_on} ({self.reassess_because})."
        if self.lapses:
            day, question = self.lapses
            text += f" The first document to renew is the one for {question}, by {day}."
        return text

    def frame(self) -> pd.DataFrame:
        """Return one row an area: title, level, asked, shown, gap, not shown, unanswered, coverage."""
        return pd.DataFrame(
            [
                {
                    "area": area.title,
                    "worst": area.level.value,
                    "asked": area.asked,
                    "shown": area.shown,
                    "gaps": area.gaps,
                    "said, not shown": area.not_shown,
                    "not answered": area.unanswered,
                    "coverage": area.coverage.value,
                }
                for area in self.areas
            ]
        )

    def gap_frame(self) -> pd.DataFrame:
        """Return one row a gap, the worst first: question, level, status, answer, wanted, why, clause."""
        why: dict[str, list[str]] = {}
        for flag in self.flags:
            why.setdefault(flag.question, []).append(flag.sentence)
        columns = ["question", "level", "status", "answer", "wanted", "why", "clause"]
        rows = [
            (
                one.question,
                one.level.value,
                STATUS_WORDS[one.status],
                one.answer,
                one.wanted,
                " ".join(why.get(one.question, [])),
                one.clause,
            )
            for one in self.gaps
        ]
        return pd.DataFrame(rows, columns=columns)

    def flag_frame(self) -> pd.DataFrame:
        """Return one row a flag: question, code, sentence."""
        rows = [(flag.question, flag.code, flag.sentence) for flag in self.flags]
        return pd.DataFrame(rows, columns=["question", "code", "sentence"])

    def save(self, path: str | Path) -> Path:
        """Write the assessment as JSON, for the next one to compare with, and return the path.

        Raises:
            UserError: if the file cannot be written.
        """
        target = Path(path)
        with atomic_file(target) as draft:
            draft.write_bytes(_ADAPTER.dump_json(self, indent=1) + b"\n")
        return target

    @classmethod
    def load(cls, path: str | Path) -> VendorAssessment:
        """Read what :meth:`save` wrote.

        Raises:
            UserError: if the file cannot be read or is no assessment.
        """
        source = Path(path)
        try:
            return _ADAPTER.validate_json(source.read_bytes())
        except OSError as error:
            raise UserError(
                f"The assessment {shown(source.name)} cannot be read ({system_reason(error)})."
            ) from None
        except ValidationError:
            raise UserError(f"{shown(source.name)} is no assessment that this kit saved.") from None


def slug(name: str) -> str:
    """Return ``name`` as it stands in the id of a finding."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in name.casefold())
    return "-".join(part for part in kept.split("-") if part) or "unnamed"


def _clause_titles(clauses: tuple[Clause, ...], gaps: list[QuestionResult]) -> tuple[str, ...]:
    wanted = {gap.clause for gap in gaps}
    return tuple(f"Contract clause: {clause.title}." for clause in clauses if clause.id in wanted)


_ADAPTER = TypeAdapter(VendorAssessment)
