"""What was found and answered as a CycloneDX document (VEX), for whoever uses what we deliver."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, time
from typing import Any

from secure_ai.defend.dependencies.comparison import AFFECTED, ANSWERED, DependencyCheck, Match

_STATES = {AFFECTED: "exploitable", ANSWERED: "not_affected"}


def vex_document(check: DependencyCheck) -> dict[str, Any]:
    """Return the matches as a CycloneDX 1.6 document: each advisory, its ratings, its state and why.

    Affected ones are stated as exploitable until somebody has shown otherwise, those that cannot be
    compared as in triage. The same check gives the same document.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component as CycloneComponent
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from packageurl import PackageURL

    parts = {
        one.component.ref: CycloneComponent(
            name=one.component.name,
            version=one.component.version,
            bom_ref=one.component.ref,
            purl=PackageURL.from_string(one.component.purl) if one.component.purl else None,
        )
        for one in check.matches
    }
    content = "\n".join(
        f"{one.component.ref} {one.advisory} {one.status} {one.reason}" for one in check.matches
    )
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"{check.bill.label} {check.as_of} {content}")
    bom = Bom(
        serial_number=serial,
        components=parts.values(),
        vulnerabilities=[_vulnerability(one) for one in check.matches],
    )
    bom.metadata.timestamp = datetime.combine(check.as_of, time(), UTC)
    written = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    document = json.loads(written)
    for one in document.get("vulnerabilities", []):
        for rating in one.get("ratings", []):
            # The library writes the number as text, which the schema refuses.
            if "score" in rating:
                rating["score"] = float(rating["score"])
    return document


def _vulnerability(one: Match) -> Any:
    from cyclonedx.model.impact_analysis import ImpactAnalysisJustification, ImpactAnalysisState
    from cyclonedx.model.vulnerability import (
        BomTarget,
        Vulnerability,
        VulnerabilityAnalysis,
        VulnerabilityRating,
        VulnerabilitySeverity,
        VulnerabilitySource,
    )

    level = VulnerabilitySeverity(one.severity.word if one.severity else "unknown")
    statement = one.statement
    detail = (
        f"{statement.reason} ({statement.by}, until {statement.until.isoformat()})"
        if statement
        else one.reason
    )
    analysis = VulnerabilityAnalysis(
        state=ImpactAnalysisState(_STATES.get(one.status, "in_triage")),
        justification=ImpactAnalysisJustification(statement.justification) if statement else None,
        detail=detail or None,
    )
    return Vulnerability(
        bom_ref=f"{one.advisory}/{one.component.ref}",
        id=one.advisory,
        source=VulnerabilitySource(name="OSV"),
        ratings=[VulnerabilityRating(score=one.score, severity=level)],
        description=one.title,
        analysis=analysis,
        affects=[BomTarget(ref=one.component.ref)],
    )
