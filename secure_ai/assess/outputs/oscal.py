"""The assessment as OSCAL assessment results, for tools of governance, risk and compliance.

Every identifier follows from what it names (UUID version 5), every time from the date of the report: the same
assessment gives the same bytes. https://pages.nist.gov/OSCAL/reference/ describes the format.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from secure_ai import __version__
from secure_ai.assess.assessment import Assessment, area_of
from secure_ai.assess.outputs.files import FINDINGS, MANIFEST, NOTEBOOK, REGISTER, REPORT, SCHEMA, to_json
from secure_ai.core import Finding, Measurement, Outcome, Unassessed
from secure_ai.core.frameworks import entry, label

# The release that compliance-trestle 5 checks; what is written is the same in 1.1.
OSCAL_VERSION = "1.2.1"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "secure-ai.example")
NS = "urn:secure-ai:ns:oscal"
# Where no date was given: a time that nobody takes for one.
NO_DATE = "1970-01-01"
CATALOG = "secure-ai.risks"
MEDIA = {
    REPORT: ("text/html", "The report for people"),
    FINDINGS: ("application/json", "The findings with every figure"),
    SCHEMA: ("application/schema+json", "The JSON Schema of the findings"),
    REGISTER: ("text/csv", "The risk register"),
    NOTEBOOK: ("application/x-ipynb+json", "The executed notebook: the evidence of each section"),
    MANIFEST: (
        "application/json",
        "Parameters, fingerprints of the inputs, versions, fingerprints of the outputs",
    ),
}
# What the plan decided, as a status of OSCAL.
STATUS = {
    "open": "open",
    "mitigate": "remediating",
    "accept": "deviation-approved",
    "transfer": "remediating",
    "avoid": "remediating",
}


def oscal_results(assessment: Assessment, hashes: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the content of ``oscal.json``.

    A risk that was not assessed is an observation that says why, a risk under investigation, and a finding
    that is not satisfied for a reason that is neither pass nor fail: OSCAL has no state of its own for it.

    Args:
        assessment: the results.
        hashes: SHA-256 of the outputs that are there, by file name.
    """
    return {"assessment-results": _Writer(assessment, hashes or {}).document()}


def oscal_json(assessment: Assessment, hashes: Mapping[str, str] | None = None) -> str:
    """Return ``oscal.json`` as text."""
    return to_json(oscal_results(assessment, hashes))


def control_id(identifier: str) -> str:
    """Return a framework's identifier as a token of OSCAL: ``GDPR Art. 17`` becomes ``gdpr-art.-17``.

    >>> control_id("164.514(b)(2)"), control_id("LLM01:2025")
    ('_164.514-b-2', 'llm01-2025')
    """
    token = re.sub(r"[^a-z0-9._]+", "-", identifier.lower()).strip("-.")
    return token if token[:1].isalpha() or token[:1] == "_" else f"_{token}"


class _Writer:
    def __init__(self, assessment: Assessment, hashes: Mapping[str, str]) -> None:
        self.assessment = assessment
        self.hashes = hashes
        parameters = assessment.parameters
        self.time = f"{parameters.date or NO_DATE}T00:00:00+00:00"
        # The same subject has the same identifiers in every report on it.
        self.subject = uuid.uuid5(NAMESPACE, f"{parameters.sector}/{assessment.subject}")
        self.tool = self.id("component", "tool")
        self.system = self.id("component", "system")
        self.origin = [{"actors": [{"type": "tool", "actor-uuid": self.tool}]}]

    def id(self, kind: str, name: str) -> str:
        return str(uuid.uuid5(self.subject, f"{kind}/{name}"))

    def document(self) -> dict[str, Any]:
        parameters, verdict = self.assessment.parameters, self.assessment.verdict()
        content: dict[str, Any] = {
            "metadata": {
                "title": line(f"AI risk assessment: {self.assessment.subject}"),
                "last-modified": self.time,
                "version": parameters.date or "undated",
                "oscal-version": OSCAL_VERSION,
                "props": [prop("sector", parameters.sector), prop("redact", parameters.redact)],
                "remarks": "Evidence for experts, not legal advice. Every time is the date of the report"
                + ("." if parameters.date else ", which was not given: 1970 stands for no date."),
            },
            "import-ap": {
                "href": f"#{self.id('resource', 'plan')}",
                "remarks": "OSCAL asks for an assessment plan; there is none in OSCAL, see the resource.",
            },
            "local-definitions": {"objectives-and-methods": self.objectives()},
            "results": [
                {
                    "uuid": self.id("result", parameters.date or NO_DATE),
                    "title": line(self.assessment.subject),
                    "description": verdict,
                    "start": self.time,
                    "end": self.time,
                    "local-definitions": {"components": self.components()},
                    "reviewed-controls": self.reviewed(),
                    "observations": [self.observation(one) for one in self.assessment.findings],
                    "risks": [self.risk(one) for one in self.assessment.findings],
                    "findings": [self.finding(one) for one in self.assessment.findings],
                }
            ],
            "back-matter": {"resources": self.resources()},
        }
        if not self.assessment.findings:
            for name in ("observations", "risks", "findings"):
                del content["results"][0][name]
            del content["local-definitions"]
        # Another content is another document.
        digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode("utf-8", "replace"))
        return {"uuid": str(uuid.uuid5(self.subject, digest.hexdigest())), **content}

    def objectives(self) -> list[dict[str, Any]]:
        return [
            {
                "control-id": control_id(one.mappings[0]) if one.mappings else CATALOG,
                "description": one.threat or one.title,
                "parts": [{"id": token(one.id), "name": "objective", "ns": NS, "prose": _objective(one)}],
            }
            for one in self.assessment.findings
        ]

    def components(self) -> list[dict[str, Any]]:
        status = {"state": "operational"}
        return [
            {
                "uuid": self.system,
                "type": "this-system",
                "title": line(self.assessment.subject),
                "description": "What is assessed: "
                + (
                    "; ".join(one.assessed for one in self.assessment.sections if one.assessed)
                    or "nothing was measured"
                ),
                "status": status,
            },
            {
                "uuid": self.tool,
                "type": "software",
                "title": "secure-ai",
                "description": "The kit that measured, on the machine where the data lie.",
                "props": [{"name": "version", "value": __version__}],
                "status": status,
            },
        ]

    def reviewed(self) -> dict[str, Any]:
        """Return the entries that the findings touch, one selection for each framework."""
        touched = dict.fromkeys(name for one in self.assessment.findings for name in one.mappings)
        if not touched:
            return {
                "description": "No finding names an entry of a framework.",
                "control-selections": [{"include-controls": [{"control-id": CATALOG}]}],
            }
        groups: dict[str, list[str]] = {}
        for name in touched:
            groups.setdefault(entry(name).framework, []).append(name)
        return {
            "description": "Entries of laws and frameworks that the findings touch; they were not reviewed "
            "as such.",
            "control-selections": [
                {
                    "description": f"{framework}, {entry(names[0]).release}",
                    "props": [prop("framework-id", name, label(name), control_id(name)) for name in names],
                    "links": [{"href": f"#{self.id('resource', framework)}", "rel": "reference"}],
                    "include-controls": [
                        {"control-id": one} for one in dict.fromkeys(map(control_id, names))
                    ],
                }
                for framework, names in sorted(groups.items())
            ],
        }

    def observation(self, one: Finding) -> dict[str, Any]:
        found = one.measurement
        measured = isinstance(found, Measurement)
        return {
            "uuid": self.id("observation", one.id),
            "title": line(one.title),
            "description": _measured(found) if measured else f"Not assessed: {found.reason}",
            "props": [prop("finding-id", one.id), *(_figures(found) if measured else [])],
            "methods": [_method(one)],
            "types": ["finding"] if measured else ["discovery"],
            "origins": self.origin,
            "subjects": [{"subject-uuid": self.system, "type": "component"}],
            "relevant-evidence": [
                {
                    "href": f"#{self.id('resource', NOTEBOOK)}",
                    "description": f"Section '{line(one.evidence)}' of the executed notebook"
                    if one.evidence
                    else "The executed notebook",
                }
            ],
            "collected": self.time,
        }

    def risk(self, one: Finding) -> dict[str, Any]:
        content: dict[str, Any] = {
            "uuid": self.id("risk", one.id),
            "title": line(one.title),
            "description": one.threat or one.title,
            "statement": f"{one.asset}. The attacker's knowledge: {one.attacker_knowledge}",
            "props": [
                prop("finding-id", one.id),
                prop("owner", one.owner),
                prop("due", one.due),
                prop("decision", one.decision),
                prop("residual-level", one.residual_level.value, one.residual),
            ],
            "status": _status(one),
            "origins": self.origin,
            "characterizations": [{"origin": self.origin[0], "facets": _facets(one)}],
        }
        if deadline := _deadline(one.due):
            content["deadline"] = deadline
        if one.mitigations:
            content["remediations"] = [
                {
                    "uuid": self.id("remediation", f"{one.id}/{number}"),
                    "lifecycle": "planned" if one.decision == "mitigate" else "recommendation",
                    "title": line(step.action),
                    "description": f"Expected effect: {step.effect or 'not stated'}. "
                    f"Source: {step.source or 'not stated'}.",
                }
                for number, step in enumerate(one.mitigations, 1)
            ]
        content["related-observations"] = [{"observation-uuid": self.id("observation", one.id)}]
        return content

    def finding(self, one: Finding) -> dict[str, Any]:
        return {
            "uuid": self.id("finding", one.id),
            "title": line(one.title),
            "description": one.rule or one.threat or one.title,
            "props": [
                prop("finding-id", one.id),
                prop("area", area_of(one)),
                prop("outcome", one.outcome.value),
                prop("level", one.level.value),
                *(prop("framework-id", name, label(name), control_id(name)) for name in one.mappings),
            ],
            "target": {
                "type": "objective-id",
                "target-id": token(one.id),
                "title": line(_objective(one)),
                "status": _state(one),
            },
            "related-observations": [{"observation-uuid": self.id("observation", one.id)}],
            "related-risks": [{"risk-uuid": self.id("risk", one.id)}],
        }

    def resources(self) -> list[dict[str, Any]]:
        resources: list[dict[str, Any]] = [
            {
                "uuid": self.id("resource", "plan"),
                "title": "Assessment plan",
                "description": "What was to be assessed follows from the parameters in manifest.json and the "
                "notebook; there is no plan in OSCAL.",
                "rlinks": [{"href": MANIFEST, "media-type": MEDIA[MANIFEST][0]}],
            }
        ]
        for name, (media, title) in MEDIA.items():
            link: dict[str, Any] = {"href": name, "media-type": media}
            if name in self.hashes:
                link["hashes"] = [{"algorithm": "SHA-256", "value": self.hashes[name]}]
            resources.append({"uuid": self.id("resource", name), "title": title, "rlinks": [link]})
        frameworks = {
            entry(name).framework: entry(name) for one in self.assessment.findings for name in one.mappings
        }
        resources += [
            {
                "uuid": self.id("resource", framework),
                "title": line(framework),
                "citation": {"text": f"{framework}, {found.release}. {found.source}"},
            }
            for framework, found in sorted(frameworks.items())
        ]
        return resources


def prop(name: str, value: object, remarks: str = "", kind: str = "") -> dict[str, str]:
    """Return a property in the kit's own namespace; an empty value is not allowed."""
    found = {"name": name, "ns": NS, "value": line(value)}
    if kind:
        found["class"] = kind
    return found | ({"remarks": remarks} if remarks else {})


def line(text: object) -> str:
    """Return a text on one line, as OSCAL asks of titles and values; never empty."""
    return " ".join(str(text).split()) or "not stated"


def token(name: str) -> str:
    """Return an id of a finding as a token: it begins with a letter or ``_``."""
    return name if name[:1].isalpha() or name[:1] == "_" else f"_{name}"


def _objective(one: Finding) -> str:
    if one.threshold is None:
        return f"{one.id} is measured and within its threshold"
    return f"{one.id} is within its threshold of {one.threshold:g}"


def _measured(found: Measurement) -> str:
    low, high = found.interval
    control = "no control group" if found.control is None else f"control {found.control:.6g}"
    return (
        f"{found.name}: {found.value:.6g} {found.unit} (95 % interval {low:.6g} to {high:.6g}, "
        f"n = {found.n}, baseline {found.baseline:.6g}, {control}). Method: {found.method}. "
        f"Source: {found.source}."
    )


def _figures(found: Measurement) -> list[dict[str, str]]:
    figures = {
        "figure": found.value,
        "unit": found.unit,
        "interval-low": found.interval[0],
        "interval-high": found.interval[1],
        "n": found.n,
        "baseline": found.baseline,
        "control": found.control,
    }
    return [prop(name, value) for name, value in figures.items() if value is not None]


def _facets(one: Finding) -> list[dict[str, Any]]:
    found = one.measurement
    facets: Iterable[tuple[str, object, str]] = [
        ("likelihood", one.likelihood.value, one.rule),
        ("severity", one.severity.value, ""),
        ("level", one.level.value, ""),
        *([("threshold", f"{one.threshold:g}", one.threshold_source)] if one.threshold is not None else []),
        *([("figure", f"{found.value:g} {found.unit}", "")] if isinstance(found, Measurement) else []),
    ]
    return [
        {"name": name, "system": NS, "value": line(value)} | ({"remarks": remarks} if remarks else {})
        for name, value, remarks in facets
    ]


def _state(one: Finding) -> dict[str, str]:
    if isinstance(one.measurement, Unassessed):
        return {
            "state": "not-satisfied",
            "reason": "other",
            "remarks": f"Not assessed, so neither passed nor failed: {one.measurement.reason}",
        }
    if one.outcome is Outcome.EXCEEDS_THRESHOLD:
        return {"state": "not-satisfied", "reason": "fail"}
    return {"state": "satisfied", "reason": "pass"}


def _status(one: Finding) -> str:
    if one.outcome is Outcome.UNASSESSED:
        return "investigating"
    if one.outcome is Outcome.WITHIN_THRESHOLD:
        return "closed"
    return STATUS[one.decision]


def _method(one: Finding) -> str:
    if one.outcome is Outcome.UNASSESSED:
        return "UNKNOWN"
    # Questionnaires are answered by people; everything else is run.
    return "INTERVIEW" if area_of(one) in {"controls", "vendor"} else "TEST"


def _deadline(due: str) -> str | None:
    try:
        return f"{datetime.date.fromisoformat(due).isoformat()}T00:00:00+00:00"
    except ValueError:
        return None
