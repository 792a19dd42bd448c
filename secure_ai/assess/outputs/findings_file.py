"""The content of ``findings.json``, for other programs, and its schema."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from secure_ai import __version__
from secure_ai.assess.assessment import Assessment
from secure_ai.assess.outputs.files import to_json
from secure_ai.assess.section import Section
from secure_ai.core import Finding

FORMAT = "secure-ai findings 2"
Fact = str | bool | int | float | None


class SectionSummary(BaseModel):
    """What one section of the assessment did, in one sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str = Field(description="Stable across runs, such as model.membership.")
    title: str
    summary: str
    assessed: bool = Field(description="Whether anything was measured; false is neither safe nor unsafe.")
    facts: dict[str, Fact] = Field(default_factory=dict, description="Further figures of the section.")


class FindingsFile(BaseModel):
    """The content of ``findings.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["secure-ai findings 2"] = FORMAT
    kit: str = Field(description="Version of secure-ai that wrote it.")
    subject: str = Field(description="What is assessed, in the assessor's words.")
    sector: Literal["healthcare", "finance"]
    date: str | None = Field(description="Date given for the report, ISO 8601; null if none was given.")
    redact: Literal["names", "strict"] = Field(
        description="strict: names of columns, classes and groups are numbers."
    )
    verdict: str
    facts: dict[str, Fact] = Field(
        description="What was assessed in figures: records, columns … where data were given."
    )
    sections: tuple[SectionSummary, ...]
    treatment: tuple[SectionSummary, ...] = Field(
        description="What follows: order of treatment, before and after, plan, losses, changes."
    )
    findings: tuple[Finding, ...] = Field(description="Worst first, then what was not assessed.")


def findings_of(assessment: Assessment) -> FindingsFile:
    """Return the content of ``findings.json`` of an assessment."""
    parameters = assessment.parameters
    return FindingsFile(
        kit=__version__,
        subject=assessment.subject,
        sector=parameters.sector,
        date=parameters.date,
        redact=parameters.redact,
        verdict=assessment.verdict(),
        facts=next((dict(one.facts) for one in assessment.sections if one.id == "data.inventory"), {}),
        sections=_summaries(assessment.sections),
        treatment=_summaries(assessment.treatment),
        findings=assessment.findings,
    )


def findings_json(assessment: Assessment) -> str:
    """Return ``findings.json`` as text."""
    # By way of plain values: pydantic would write what is infinite as null, which reads as not measured.
    return to_json(findings_of(assessment).model_dump(mode="python"))


def findings_schema() -> str:
    """Return the JSON Schema of ``findings.json``, as it is published in the package."""
    schema = FindingsFile.model_json_schema(mode="validation")
    return to_json({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def _summaries(sections: Iterable[Section]) -> tuple[SectionSummary, ...]:
    return tuple(
        SectionSummary(
            id=one.id,
            title=one.title,
            summary=one.summary,
            assessed=bool(one.assessed),
            facts=dict(one.facts),
        )
        for one in sections
    )
