"""The report: one HTML file that a board member can read and an analyst can check."""

from __future__ import annotations

from decimal import Decimal
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from secure_ai import __version__
from secure_ai.anonymize.tabular.risk import ReidentificationRisk
from secure_ai.assess.assessment import Assessment
from secure_ai.assess.charts import (
    class_size_bins,
    class_size_chart,
    class_size_title,
    exposure_chart,
    exposure_title,
)
from secure_ai.assess.findings import LIKELIHOOD_BANDS, SEVERITY_OF_TIER, area_of, three_things_to_do
from secure_ai.assess.sections import inventory_frame
from secure_ai.core import Finding, Outcome, Unassessed
from secure_ai.core.frameworks import entry, label
from secure_ai.discover.classification import Tier

AREA_NAMES = {
    "data": "Data",
    "model": "Model",
    "assistant": "Assistant",
    "controls": "Controls",
    "monitoring": "Monitoring",
}
OUTCOMES = {
    "exceeds_threshold": "Above the threshold",
    "within_threshold": "Within the threshold",
    "unassessed": "Not assessed",
}
CONTENTS = (
    ("findings", "Findings"),
    ("open", "Not assessed"),
    ("inventory", "Inventory and classification"),
    ("reidentification", "Re-identification risk"),
    ("frameworks", "Rules and frameworks"),
    ("method", "Method and limits"),
)
POPULATION_SUPPLY = (
    "A table of the people that the records were drawn from, with the same columns (parameter population)."
)


def render_report(assessment: Assessment, manifest: dict[str, Any]) -> str:
    """Return the report as one self-contained HTML page: no script, no link to the outside, all text escaped.

    Args:
        assessment: the results.
        manifest: content of ``manifest.json``, for the part on repeating the run.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False)
    environment.filters["figure"] = _figure
    folder = resources.files("secure_ai.assess") / "templates"
    template = environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8"))
    risk = assessment.reidentification.risk
    measured = [f for f in assessment.findings if f.outcome is not Outcome.UNASSESSED]
    open_findings = [f for f in assessment.findings if f.outcome is Outcome.UNASSESSED]
    context: dict[str, Any] = {
        "a": assessment,
        "css": Markup((resources.files("secure_ai.core") / "report.css").read_text(encoding="utf-8")),
        "version": __version__,
        "verdict": assessment.verdict(),
        "area_names": AREA_NAMES,
        "outcomes": OUTCOMES,
        "contents": CONTENTS,
        "assessed": _assessed(assessment),
        "not_assessed": _not_assessed(open_findings),
        "todo": three_things_to_do(assessment.findings),
        "measured": measured,
        "open_findings": open_findings,
        "supply": _supply,
        "exposure": _exposure_rows(assessment),
        "exposure_title": exposure_title(assessment.exposure),
        "exposure_chart": exposure_chart(assessment.exposure),
        "columns": inventory_frame(assessment.inventory).to_dict(orient="records"),
        "risk": None,
        "frameworks": _framework_rows(assessment),
        "bands": "; ".join(f"{name.value} from {bound:.0%}" for bound, name in LIKELIHOOD_BANDS)
        + "; medium below",
        "severities": "; ".join(
            f"{tier.name.capitalize()} {SEVERITY_OF_TIER[tier].value}" for tier in sorted(Tier, reverse=True)
        ),
        "parameters": [(name, _shown(value)) for name, value in manifest["parameters"].items()],
        "fingerprints": _fingerprints(manifest),
    }
    if isinstance(risk, ReidentificationRisk):
        context |= {
            "risk": risk,
            "bins": list(class_size_bins(risk).itertuples()),
            "class_title": class_size_title(risk),
            "class_chart": class_size_chart(risk),
            "combinations": list(assessment.reidentification.combinations.itertuples()),
        }
    return template.render(context)


def _figure(value: float, unit: str) -> str:
    if unit in {"records", "columns", "classes"}:
        return f"{value:,.0f}"
    # Three significant digits, never as 3.3e-05: that is hard to read aloud.
    return format(Decimal(f"{value:.3g}"), "f")


def _assessed(assessment: Assessment) -> list[str]:
    n, columns = assessment.n_rows, len(assessment.inventory.columns)
    sample = assessment.parameters.sample
    lines = [
        f"Personal data and its classification in {columns:,} column{'s' if columns != 1 else ''}, "
        + ("read in full" if n <= sample else f"from names and at most {sample:,} values of each")
    ]
    risk = assessment.reidentification.risk
    if isinstance(risk, ReidentificationRisk):
        known = ", ".join(risk.quasi_identifiers)
        lines.append(f"Re-identification risk of all {n:,} records by someone who knows {known}")
        attackers = "one who knows that the person is in the file, one who matches the file as a whole"
        if not isinstance(risk.journalist, Unassessed):
            attackers += ", one who does not know who is in it"
        lines.append(f"Attackers: {attackers}")
    return lines


def _not_assessed(open_findings: list[Finding]) -> list[str]:
    groups = {
        "data": "Data",
        "model": "Model: inference, extraction, evasion, poisoning, unsafe file",
        "assistant": "Assistant: injection, leakage, agency",
        "controls": "Controls in the organization",
        "monitoring": "Audit log",
    }
    areas = {area_of(f) for f in open_findings}
    lines = [text for area, text in groups.items() if area in areas and area != "data"]
    words = {"journalist": "an attacker who does not know who is in the file"}
    data = [words.get(name := f.id.split(".")[-1], name) for f in open_findings if area_of(f) == "data"]
    return ([f"Re-identification: {', '.join(data)}"] if data else []) + lines


def _supply(finding: Finding) -> str:
    if finding.id == "data.reidentification.journalist":
        return POPULATION_SUPPLY
    if area_of(finding) == "data":
        return "The columns that an outsider could know (parameter quasi_identifiers)."
    return finding.mitigations[0]


def _exposure_rows(assessment: Assessment) -> list[dict[str, Any]]:
    return [
        {**row, "meaning": Tier[row["tier"].upper()].meaning}
        for row in assessment.exposure.to_dict(orient="records")
    ]


def _framework_rows(assessment: Assessment) -> list[dict[str, Any]]:
    touched: dict[str, list[Finding]] = {}
    for finding in assessment.findings:
        for identifier in finding.mappings:
            touched.setdefault(identifier, []).append(finding)
    rows = [
        {
            "label": label(identifier),
            "framework": entry(identifier).framework,
            "release": entry(identifier).release,
            "findings": findings,
        }
        for identifier, findings in touched.items()
    ]
    return sorted(rows, key=lambda row: (row["framework"], row["label"]))


def _fingerprints(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    inputs = [
        (f"{item['label']} ({item['role']})", f"SHA-256 {item['sha256']}" if item["sha256"] else item["note"])
        for item in manifest["inputs"]
    ]
    return inputs + list(manifest["versions"].items())


def _shown(value: Any) -> str:
    if value is None:
        return "not given"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
