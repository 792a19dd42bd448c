"""The report: one folder with a page to read, tables, the bill of materials and the statements (VEX)."""

from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from secure_ai import __version__
from secure_ai.core.outputs import atomic_directory
from secure_ai.defend.dependencies.charts import severities_finding
from secure_ai.defend.dependencies.comparison import DependencyCheck
from secure_ai.defend.dependencies.patching import constraints, plan_upgrades
from secure_ai.defend.dependencies.vex import vex_document

if TYPE_CHECKING:
    from markupsafe import Markup

FILES = ("report.html", "findings.csv", "schedule.csv", "bill.cdx.json", "vex.cdx.json", "constraints.txt")
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_report(check: DependencyCheck, schedule: pd.DataFrame, folder: str | Path) -> Path:
    """Write ``report.html``, ``findings.csv``, ``schedule.csv``, ``bill.cdx.json``, ``vex.cdx.json`` and
    ``constraints.txt`` into ``folder``, all of them or none; a report that was there is replaced.

    Args:
        check: from :func:`~secure_ai.defend.dependencies.check_dependencies`.
        schedule: from :func:`~secure_ai.defend.dependencies.patch_schedule`.
        folder: where to.

    Returns:
        The page.

    Raises:
        UserError: if the folder cannot be written.
    """
    folder = Path(folder)
    with atomic_directory(folder) as draft:
        (draft / "report.html").write_text(_page(check, schedule), encoding="utf-8")
        _guarded(check.to_frame()).to_csv(draft / "findings.csv", index=False)
        _guarded(schedule).to_csv(draft / "schedule.csv", index=False)
        check.bill.write(draft / "bill.cdx.json")
        vex = json.dumps(vex_document(check), indent=1, sort_keys=True)
        (draft / "vex.cdx.json").write_text(vex + "\n", encoding="utf-8")
        (draft / "constraints.txt").write_text(constraints(plan_upgrades(check)), encoding="utf-8")
    return folder / "report.html"


def _page(check: DependencyCheck, schedule: pd.DataFrame) -> str:
    import jinja2
    from markupsafe import Markup

    package = resources.files("secure_ai.defend.dependencies")
    template = package.joinpath("templates", "dependency_report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    licenses = Counter(name for one in check.bill.components for name in one.licenses or ("not stated",))
    return environment.from_string(template).render(
        css=Markup((resources.files("secure_ai.core") / "report.css").read_text(encoding="utf-8")),
        check=check,
        finding=severities_finding(check),
        findings=_table(check.to_frame()),
        schedule=_table(schedule),
        licenses=licenses.most_common(),
        version=__version__,
    )


def _table(frame: pd.DataFrame) -> Markup:
    from markupsafe import Markup, escape

    heads = "".join(f'<th scope="col">{escape(str(name).replace("_", " "))}</th>' for name in frame.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in row) + "</tr>"
        for row in frame.itertuples(index=False, name=None)
    )
    return Markup(f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if pd.isna(value) else str(value)


def _guarded(frame: pd.DataFrame) -> pd.DataFrame:
    def guard(value: object) -> object:
        return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

    return frame.map(guard)
