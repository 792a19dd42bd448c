"""Assessments made of invented figures, of every kind: for tests of what is written, compared or treated."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Literal

from secure_ai.assess.assessment import Assessment, conclude
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.registry import PARTS, Part
from secure_ai.assess.risks import judge, leave_open, risk_of, risks
from secure_ai.assess.section import Drawing, Section, Table, Text
from secure_ai.core import Finding, Measurement
from secure_ai.core.svg import Bar, bar_chart

DATE = "2026-03-31"
NEEDS_POPULATION = ".journalist"
Kind = Literal["everything", "data only", "model only", "assistant only", "controls only", "nothing measured"]
GIVEN: dict[Kind, dict[str, str]] = {
    "everything": {
        "data": "given/claims.csv",
        "model": "given/triage.skops",
        "assistant": "hardened",
        "controls": "given/controls.yaml",
        "log": "given/events.jsonl",
        "vendor": "given/vendor.yaml",
        "mitigated_model": "given/after.skops",
    },
    "data only": {"data": "given/claims.csv"},
    "model only": {"model": "given/triage.skops"},
    "assistant only": {"assistant": "hardened"},
    "controls only": {"controls": "given/controls.yaml"},
    "nothing measured": {"data": "given/claims.csv"},
}


_MADE: dict[str, Assessment] = {}


def sample(kind: Kind = "everything", *, words: str = "", **options: object) -> Assessment:
    """Return an assessment whose figures follow from the ids of the risks, made once for all tests.

    Args:
        kind: what was given; ``"nothing measured"`` has data whose sections could not be finished.
        words: stand in every title, text, cell and heading that may hold a name, as a hostile name would.
        options: further parameters, such as ``subject`` or ``redact``.
    """
    key = repr((kind, words, sorted(options.items())))
    if key not in _MADE:
        _MADE[key] = made_anew(kind, words, **options)
    return _MADE[key]


def made_anew(kind: Kind = "everything", words: str = "", **options: object) -> Assessment:
    """Return what :func:`sample` does, made once more."""
    parameters = AssessmentParameters.read(
        {"sector": "healthcare", "subject": "Triage model of the emergency room", "date": DATE}
        | dict(GIVEN[kind])
        | options
    )
    nothing = kind == "nothing measured"
    sections = [sample_section(part, parameters, words=words, nothing=nothing) for part in PARTS]
    changed, replaced = parameters.mitigated()
    mitigated = [
        sample_section(part, changed, words=words, factor=0.4)
        for part in PARTS
        if set(replaced) & set(part.needs)
    ]
    return conclude(parameters, sections, mitigated)


def sample_section(
    part: Part,
    parameters: AssessmentParameters,
    *,
    words: str = "",
    factor: float = 1.0,
    nothing: bool = False,
) -> Section:
    """Return one section as a run would leave it; not assessed where nothing was given."""
    known = tuple(name for name in part.risks if name in risks())
    part = replace(part, risks=known)
    if nothing or not part.given(parameters):
        section = part.left_open(parameters, part.absent if not nothing else "It could not be finished.")
    else:
        found = tuple(
            leave_open(name, "No population was given.", sector=parameters.sector)
            if name.endswith(NEEDS_POPULATION)
            else sample_finding(name, parameters, words, factor, part.title)
            for name in known
        )
        section = Section(
            id=part.id,
            title=part.title,
            summary=f"risks measured over 1,234 records: {len(found)} {words}".strip(),
            assessed=f"{part.title}, over all 1,234 records, with a control group of as many others",
            findings=found,
            blocks=_blocks(part, words),
            facts={"records": 1234, "share": 0.25, "names": words, "none": None, "complete": True},
        )
    return section.model_copy(
        update={
            "findings": tuple(f.model_copy(update={"evidence": part.title}) for f in section.findings),
        }
    )


def sample_finding(
    name: str, parameters: AssessmentParameters, words: str = "", factor: float = 1.0, evidence: str = ""
) -> Finding:
    """Return a measured finding of one risk, with figures that follow from its id."""
    risk = risk_of(name)
    drawn = zlib.crc32(name.encode()) % 1000 / 1000
    # Some within their threshold, some above it, by chance; low figures are bad for some risks.
    figure = drawn * 0.5 * risk.threshold if drawn < 0.4 else drawn
    value = round(figure * factor, 4)
    measured = Measurement(
        name=name.rsplit(".", maxsplit=1)[-1],
        value=value,
        unit="probability",
        n=1234,
        baseline=0.05,
        interval=(max(value - 0.03, 0.0), min(value + 0.03, 1.0)),
        method="invented for a test",
        source="tests/assess/samples.py",
        control=0.01,
    )
    title = f"{risk.name}: {value:.1%} of the attempts {words}".strip()
    return judge(name, title, measured, sector=parameters.sector, evidence=evidence)


def _blocks(part: Part, words: str) -> tuple[Text | Table | Drawing, ...]:
    title = f"{part.title} by group {words}".strip()
    bars = [Bar(f"group {n} {words}", n / 4, f"{n / 4:.0%} {words}", n == 3) for n in range(1, 4)]
    return (
        Text(text=f"Measured on records that were made up. {words}".strip()),
        Table(
            title=title,
            columns=("group", "records", "share", f"figure {words}".strip(), "whole"),
            formats=("text", "count", "share", "figure", "text"),
            rows=(
                (f"group 1 {words}".strip(), 1000, 0.8104, 12.3456, True),
                ("group 2", 234, 0.0002, None, False),
            ),
        ),
        Drawing(title=f"Drawn: {title}", svg=str(bar_chart(part.id.replace(".", "-"), title, bars, "Many"))),
    )
