"""The after-action report of a tabletop: what happened, what was decided, what the plan asked for, "
"and the drafts."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jinja2
import pandas as pd

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.govern.incidents.charts import plot_timeline, timeline_sentence
from secure_ai.govern.incidents.clocks import clocks_frame
from secure_ai.govern.incidents.notifications import Draft
from secure_ai.govern.incidents.tabletop.engine import Tabletop
from secure_ai.govern.incidents.tabletop.scoring import Score, score
from secure_ai.govern.incidents.tabletop.telling import drafts_of, timeline

HTML, MARKDOWN = "after_action.html", "after_action.md"
DPI = 110
NOTE = (
    "A tabletop is training: its score compares decisions with a plan. Clocks and drafts are evidence for "
    "counsel, not legal advice. The log lines were written by the kit's own rooms; no personal "
    "value is in them."
)


@dataclass(frozen=True)
class AfterAction:
    """An after-action report: ``markdown`` and ``html``, both the same for the same decisions."""

    markdown: str
    html: str


def lessons_of(tabletop: Tabletop, result: Score) -> list[str]:
    """Return what the team should take from it, from what the score found."""
    found = [f"{reason[0].upper()}{reason[1:]}." for reason, _ in result.deductions]
    for step in result.steps:
        named = tabletop.plan.step(step.step)
        if not step.done:
            found.append(f"Not done: {named.what} ({named.owner})")
        elif not step.in_time:
            found.append(f"Late by {step.finished - step.due} minutes: {named.what}")
        elif not step.in_order:
            found.append(f"Begun before what it rests on was done: {named.what}")
        elif not step.right_role:
            found.append(f"Done by another role than the plan's {named.owner}: {named.what}")
    avoidable = result.records - result.records_unavoidable
    if avoidable > 0:
        found.append(f"{avoidable} records were read after the first quarter of an hour: contain sooner.")
    return found or ["The plan was followed: change the scenario, the seed or the plan."]


def after_action(tabletop: Tabletop) -> AfterAction:
    """Return the after-action report of a tabletop as it stands."""
    result, drafts = score(tabletop), drafts_of(tabletop)
    tables = {
        "Steps of the plan": result.to_frame().drop(columns=["of"]),
        "Legal clocks": clocks_frame(tabletop.clocks()),
        "Timeline": _short(timeline(tabletop)),
    }
    markdown = _markdown(tabletop, result, drafts, tables)
    return AfterAction(markdown, _html(tabletop, result, drafts, tables))


def write_after_action(tabletop: Tabletop, folder: str | Path) -> list[Path]:
    """Write ``after_action.html`` and ``after_action.md`` into a folder; other files in it stay.

    Raises:
        UserError: if the folder cannot be written.
    """
    report, target = after_action(tabletop), Path(folder)
    if target.exists() and not target.is_dir():
        raise UserError(f"The output {shown(target.name)} is a file: name a folder for the report.")
    with atomic_file(target / HTML) as page, atomic_file(target / MARKDOWN) as text:
        page.write_text(report.html, "utf-8")
        text.write_text(report.markdown, "utf-8")
    return [target / HTML, target / MARKDOWN]


def _short(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the timeline with runs of log lines of one actor and outcome put together."""
    rows: list[dict] = []
    for row in frame.to_dict("records"):
        last = rows[-1] if rows else None
        action = str(row["what"]).split(" ", 1)[0]
        if last and row["kind"] == last["kind"] == "log" and last["key"] == (row["who"], action):
            last["times"] += 1
            last["records"] = row["records"]
            continue
        rows.append({**row, "times": 1, "key": (row["who"], action)})
    for row in rows:
        if row["times"] > 1:
            row["what"] = f"{row['what']} and {row['times'] - 1} more"
    return pd.DataFrame([{name: row[name] for name in frame.columns} for row in rows], columns=frame.columns)


def _markdown(
    tabletop: Tabletop, result: Score, drafts: tuple[Draft, ...], tables: dict[str, pd.DataFrame]
) -> str:
    parts = [
        f"# After-action report: {tabletop.world.title}",
        f"{tabletop.plan.name}; {tabletop.sector}, seed {tabletop.seed}.",
        result.sentence(),
        timeline_sentence(tabletop),
        "## What to take from it",
        "\n".join(f"- {lesson}" for lesson in lessons_of(tabletop, result)),
    ]
    for title, frame in tables.items():
        parts += [f"## {title}", _table(frame)]
    parts += ["# Drafts of notifications", *(draft.to_text() for draft in drafts), NOTE]
    return "\n\n".join(parts) + "\n"


def _table(frame: pd.DataFrame) -> str:
    head = f"| {' | '.join(frame.columns)} |\n|{'---|' * len(frame.columns)}"
    rows = [
        "| " + " | ".join(_cell(value).replace("|", "\\|") for value in row) + " |"
        for row in frame.itertuples(index=False)
    ]
    return "\n".join([head, *rows])


def _cell(value: object) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _html(
    tabletop: Tabletop, result: Score, drafts: tuple[Draft, ...], tables: dict[str, pd.DataFrame]
) -> str:
    content = io.BytesIO()
    plot_timeline(tabletop).savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = resources.files("secure_ai.govern.incidents").joinpath("templates/after_action.html.j2")
    rows = {
        title: [[_cell(value) for value in row] for row in frame.itertuples(index=False)]
        for title, frame in tables.items()
    }
    return environment.from_string(template.read_text("utf-8")).render(
        css=resources.files("secure_ai.core").joinpath("report.css").read_text("utf-8"),
        title=tabletop.world.title,
        plan=tabletop.plan.name,
        seed=tabletop.seed,
        score=result,
        sentence=timeline_sentence(tabletop),
        picture=f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}",
        lessons=lessons_of(tabletop, result),
        tables=[(title, list(tables[title].columns), rows[title]) for title in tables],
        drafts=drafts,
        note=NOTE,
    )
