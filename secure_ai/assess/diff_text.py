"""A comparison of two reports as Markdown and HTML; every word of the reports is escaped."""

from __future__ import annotations

from html import escape

from secure_ai.assess.diff import ORDER, Comparison, Kind, figure_of
from secure_ai.core import Finding, Level
from secure_ai.govern.records.words import clean

CAPTIONS: dict[Kind, str] = {
    "worse": "What got worse",
    "mixed": "What got better in one respect and worse in another",
    "newly unassessed": "What was measured and is not any more",
    "gone": "What the newer report says nothing of",
    "new": "What only the newer report has",
    "newly assessed": "What was measured for the first time",
    "not comparable": "What was measured as another figure",
    "better": "What got better",
    "unchanged": "What stayed as it was",
    "side by side": "What each report says; nothing counts as better or worse",
}


def markdown(compared: Comparison) -> str:
    """Return a comparison as Markdown."""
    lines = [f"## {_title(compared)}", "", _md(compared.sentence()), ""]
    lines += [*(f"- {_md(one)}" for one in compared.unlike), "", compared.rule, ""]
    head = f"| {' | '.join(_columns(compared))} |"
    for kind, rows in _tables(compared):
        lines += [f"### {kind.capitalize()}", "", head, "|---|---|---|---|"]
        lines += ["| " + " | ".join(map(_md, row)) + " |" for row in rows] + [""]
    return "\n".join(lines).rstrip() + "\n"


def html(compared: Comparison) -> str:
    """Return a comparison as a fragment of HTML."""
    parts = [f"<section><h2>{_title(compared)}</h2>", f"<p>{escape(compared.sentence())}</p>"]
    if compared.unlike:
        parts.append("<ul>" + "".join(f"<li>{escape(one)}</li>" for one in compared.unlike) + "</ul>")
    parts.append(f"<p>{escape(compared.rule)}</p>")
    head = "".join(f'<th scope="col">{name}</th>' for name in _columns(compared))
    for kind, rows in _tables(compared):
        body = "".join(
            f'<tr><th scope="row">{escape(name)}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            + "</tr>"
            for name, *cells in rows
        )
        parts.append(
            f"<h3>{kind.capitalize()}</h3><table><caption>{CAPTIONS[kind]}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
    return "".join(parts) + "</section>"


def _title(compared: Comparison) -> str:
    return "Two subjects side by side" if compared.apart else "What changed"


def _columns(compared: Comparison) -> tuple[str, ...]:
    return ("risk", *compared.sides, "why")


def _tables(compared: Comparison) -> list[tuple[Kind, list[tuple[str, ...]]]]:
    tables = []
    for kind in ORDER:
        rows = [(one.risk, _side(one.old), _side(one.new), one.why) for one in compared.of_kind(kind)]
        if rows and kind != "unassessed":
            tables.append((kind, rows))
    return tables


def _side(finding: Finding | None) -> str:
    measured = finding is not None and finding.level is not Level.UNASSESSED
    return f"{figure_of(finding)}, {finding.level.value}" if finding and measured else figure_of(finding)


def _md(text: str) -> str:
    escaped = escape(clean(text), quote=False)
    for character in "\\`*_[]|#":
        escaped = escaped.replace(character, f"\\{character}")
    return escaped
