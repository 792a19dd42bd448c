"""The report: one HTML file that a board member can read and an analyst can check."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from secure_ai import __version__
from secure_ai.assess.assessment import Assessment
from secure_ai.assess.outputs import words
from secure_ai.assess.outputs.files import NOTEBOOK
from secure_ai.assess.outputs.first_page import first_page, risk_name
from secure_ai.assess.outputs.svg import safe_svg
from secure_ai.assess.risks import RULE
from secure_ai.assess.section import Block, Drawing, Section, Table, Text
from secure_ai.assess.treatment.actions import ID as ACTIONS
from secure_ai.core import Finding, Level, Mitigation
from secure_ai.core.finding import LEVEL_ORDER
from secure_ai.core.frameworks import entry, label

TEMPLATES = (
    "report.html.j2", "macros.html.j2", "first_page.html.j2", "findings.html.j2", "sections.html.j2",
    "annex.html.j2",
)  # fmt: skip
# Longer tables can be folded by the reader; they are open at first and on paper.
LONG_TABLE = 25
# Shorter ones are kept on one page.
FEW_ROWS = 12
# Columns of the order of treatment that stand under each finding, and the table that repeats "Not assessed".
TOLD = ("expected effect", "source")
SUPPLY = ("not assessed", "what to supply")


def render_report(assessment: Assessment, manifest: Mapping[str, Any]) -> str:
    """Return the report as one self-contained HTML page: no script, nothing loaded, every text escaped.

    Args:
        assessment: the results.
        manifest: content of ``manifest.json``, for the part on repeating the run.
    """
    anchors = _anchors(assessment.findings)
    css = "\n".join(
        (resources.files(package) / name).read_text(encoding="utf-8")
        for package, name in (
            ("secure_ai.core", "report.css"),
            ("secure_ai.assess.outputs", "assessment.css"),
        )
    )
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            a=assessment,
            css=Markup(css),
            version=__version__,
            first=first_page(assessment),
            verdict=assessment.verdict(),
            measured=assessment.measured(),
            left_open=assessment.left_open(),
            anchors=anchors,
            key=id,
            by_id={one.id: one for one in assessment.findings},
            names={one.id: risk_name(one) for one in assessment.findings},
            cells=_cells_of(assessment.sections),
            told=_first_told(assessment.measured()),
            notebook=NOTEBOOK,
            sections=[_shown(one, "s") for one in assessment.sections],
            treatment=[_shown(_without_repeats(one), "t") for one in assessment.treatment],
            frameworks=_entries(assessment.findings),
            rule=RULE,
            levels=[level.value for level in reversed(LEVEL_ORDER)] + [Level.UNASSESSED.value],
            parameters=[
                (name, words.setting(value)) for name, value in manifest.get("parameters", {}).items()
            ],
            inputs=manifest.get("inputs", []),
            versions=manifest.get("versions", {}),
            decisions=words.DECISIONS,
            long_table=LONG_TABLE,
            few_rows=FEW_ROWS,
        )
    )


@cache
def _templates() -> jinja2.Environment:
    folder = resources.files("secure_ai.assess.outputs") / "templates"
    sources = {name: (folder / name).read_text(encoding="utf-8") for name in TEMPLATES}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {
        "figure": words.figure,
        "outcome": words.outcome,
        "interval": words.interval,
        "sentence": words.sentence,
        "cell": words.cell,
        "framework": label,
        "spaced": lambda name: name.replace("_", " "),
    }
    return environment


def _anchors(findings: Sequence[Finding]) -> dict[int, str]:
    """Return an identifier in the page for each finding, by its place in memory."""
    taken: dict[str, int] = {}
    anchors = {}
    for finding in findings:
        again = taken[finding.id] = taken.get(finding.id, 0) + 1
        anchors[id(finding)] = f"finding-{finding.id}" + (f"-{again}" if again > 1 else "")
    return anchors


def _cells_of(sections: Sequence[Section]) -> dict[str, tuple[str, str]]:
    """Return for each finding what its cell of the executed notebook runs, and the heading above it."""
    return {
        finding.id: (f'run("{section.id}")', section.title)
        for section in sections
        for finding in section.findings
    }


def _first_told(findings: Sequence[Finding]) -> dict[Mitigation, Finding]:
    """Return for each mitigation the finding under which its effect and its source are told."""
    told: dict[Mitigation, Finding] = {}
    for finding in findings:
        for step in finding.mitigations:
            told.setdefault(step, finding)
    return told


def _without_repeats(section: Section) -> Section:
    """Return the section on what to do without what the report has already said under its findings.

    The notebook shows the whole of it: there, no finding stands with its mitigations.
    """
    if section.id != ACTIONS:
        return section
    kept: list[Block] = []
    for block in section.blocks:
        if not isinstance(block, Table):
            kept.append(block)
        elif block.columns == SUPPLY:
            kept.append(
                Text(text="What to supply for each risk that was not assessed is under “Not assessed”.")
            )
        else:
            places = [place for place, name in enumerate(block.columns) if name not in TOLD]
            kept.append(
                Table(
                    title=f"{block.title}. What is expected of each, and who says so, is under its finding",
                    columns=tuple(block.columns[place] for place in places),
                    formats=tuple(block.formats[place] for place in places),
                    rows=tuple(tuple(row[place] for place in places) for row in block.rows),
                )
            )
    return section.model_copy(update={"blocks": tuple(kept)})


def _shown(section: Section, prefix: str) -> dict[str, Any]:
    """Return a section with its drawings made safe; its blocks are numbered for the page's identifiers."""
    name = f"{prefix}-{re.sub(r'[^a-z0-9]+', '-', section.id.lower())}"
    blocks = []
    for number, block in enumerate(section.blocks, 1):
        shown: dict[str, Any] = {"kind": block.kind, "block": block, "id": f"{name}-{number}"}
        if isinstance(block, Drawing):
            svg = safe_svg(block.svg, block.title, f"{name}-{number}-svg")
            shown["svg"] = None if svg is None else Markup(svg)
        if isinstance(block, Table):
            shown["headed"] = bool(block.rows) and all(row[0] not in (None, "") for row in block.rows if row)
        blocks.append(shown)
    return {"id": name, "section": section, "blocks": blocks}


def _entries(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    touched: dict[str, list[Finding]] = {}
    for finding in findings:
        for identifier in finding.mappings:
            touched.setdefault(identifier, []).append(finding)
    rows = [
        {
            "label": label(name),
            "framework": entry(name).framework,
            "release": entry(name).release,
            "findings": found,
        }
        for name, found in touched.items()
    ]
    return sorted(rows, key=lambda row: (row["framework"], row["label"]))
