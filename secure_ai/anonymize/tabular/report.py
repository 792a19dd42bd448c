"""The report of a release: one HTML page for whoever decides, one JSON file for whoever checks."""

from __future__ import annotations

import base64
import io
import json
import math
import warnings
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai import __version__
from secure_ai.anonymize.minimize.result import METRIC_NAMES
from secure_ai.anonymize.tabular import charts
from secure_ai.anonymize.tabular.anonymizer import AnonymizedTable
from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_directory
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from secure_ai.anonymize.tabular.frontier import Frontier

REPORT, FIGURES = "report.html", "release.json"
OUTPUTS = (REPORT, FIGURES)
FORMAT = "secure-ai release 1"
DPI = 144

MEASURE_NAMES = {
    "alpha": "α: largest share of one value",
    "distinct_l": "ℓ, distinct: different values",
    "entropy_l": "ℓ, entropy",
    "t": "t: distance from the whole table",
    "basic_beta": "β, basic: relative gain of a value",
    "enhanced_beta": "β, enhanced (capped)",
    "enhanced_beta_strict": "β, enhanced",
    "delta": "δ: log ratio of shares",
    "delta_strict": "δ with values that a class lacks",
}


@dataclass(frozen=True)
class _Picture:
    title: str
    sentence: str
    source: str


def check_report_folder(folder: str | Path, others: tuple[str | Path | None, ...] = ()) -> Path:
    """Return the folder of a report, after checking before any work that writing it overwrites nothing else.

    Args:
        folder: new, empty, or an earlier report.
        others: files that must not lie in it.

    Raises:
        UserError: if it is a file, or holds anything but an earlier report.
    """
    path = Path(folder)
    name = shown(path.name or str(path))
    if path.exists() and not path.is_dir():
        raise UserError(f"The report folder {name} is a file: choose another place.")
    if path.is_dir() and any(one.name not in OUTPUTS for one in path.iterdir()):
        raise UserError(
            f"The report folder {name} holds other files, which would be lost: name a new folder, an empty "
            "one or an earlier report."
        )
    place = path.resolve()
    if any(other is not None and Path(other).resolve().is_relative_to(place) for other in others):
        raise UserError(f"The report folder {name} would hold the table itself: choose a folder beside it.")
    return path


def write_report(table: AnonymizedTable, folder: str | Path, frontier: Frontier | None = None) -> list[Path]:
    """Write ``report.html`` and ``release.json`` into ``folder``, whole or not at all.

    Raises:
        UserError: as :func:`check_report_folder`.
    """
    target = check_report_folder(folder)
    with atomic_directory(target) as draft:
        (draft / REPORT).write_text(render_report(table, frontier), encoding="utf-8")
        text = json.dumps(report_figures(table, frontier), ensure_ascii=False, indent=2, allow_nan=False)
        (draft / FIGURES).write_text(text + "\n", encoding="utf-8")
    return [target / name for name in OUTPUTS]


def render_report(table: AnonymizedTable, frontier: Frontier | None = None) -> str:
    """Return the report as one self-contained HTML page: no script, no link to the outside, all text escaped.

    It holds column names, counts and figures, never a value of the table.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["figure"] = shown_figure
    folder = resources.files("secure_ai.anonymize.tabular") / "templates"
    template = environment.from_string((folder / "release.html.j2").read_text(encoding="utf-8"))
    before, after = table.risk_before, table.risk_after
    columns = table.columns_frame().astype(object).to_dict(orient="records")
    for row in columns:
        known = isinstance(row["ncp"], float) and not math.isnan(row["ncp"])
        row["ncp"] = f"{row['ncp']:.1%}" if known else "–"
    return template.render(
        a=table,
        css=Markup((resources.files("secure_ai.core") / "report.css").read_text(encoding="utf-8")),
        version=__version__,
        verdict=_verdict(table),
        known=", ".join(table.plan.quasi_identifiers),
        generalized=table.plan.quasi_identifiers,
        risks=_risks(table),
        bins=charts.risk_bins(before, after).to_dict(orient="records"),
        attributes=_attributes(table),
        columns=columns,
        levels=None if table.levels is None else table.levels.to_frame().to_dict(orient="records"),
        losses=table.loss.measurements(),
        scores=None if table.usefulness is None else table.usefulness.to_frame().to_dict(orient="records"),
        points=[] if frontier is None else frontier.points.to_dict(orient="records"),
        scored=METRIC_NAMES[frontier.before.name] if frontier is not None and frontier.before else None,
        pictures=_pictures(table, frontier),
        parameters=list(_parameters(table).items()),
    )


def report_figures(table: AnonymizedTable, frontier: Frontier | None = None) -> dict[str, Any]:
    """Return everything that the report shows as plain values for JSON; an infinite one is ``"infinite"``."""
    found: dict[str, Any] = {
        "format": FORMAT,
        "version": __version__,
        "source": table.label,
        "sentence": table.sentence(),
        "warnings": list(table.warnings),
        "parameters": _parameters(table),
        "records": table.risk_before.n,
        "suppressed_records": table.suppressed,
        "classes": table.loss.classes,
        "figures": table.to_frame().to_dict(orient="records"),
        "columns": table.columns_frame().astype(object).to_dict(orient="records"),
        "loss_by_column": table.loss.by_column,
        "records_by_risk": charts.risk_bins(table.risk_before, table.risk_after).to_dict(orient="records"),
        "records_by_class_size": charts.class_size_bins(table.partitioning).to_dict(orient="records"),
        "levels": None if table.levels is None else table.levels.levels,
        "usefulness": None
        if table.usefulness is None
        else {
            "target": table.usefulness.target,
            "features": list(table.usefulness.features),
            "seed": table.usefulness.seed,
            "measurements": [m.to_dict() for m in table.usefulness.measurements()],
        },
        "frontier": None
        if frontier is None
        else {
            "points": frontier.points.to_dict(orient="records"),
            "unreached": {str(k): reason for k, reason in frontier.unreached.items()},
        },
    }
    return _plain(found)


def shown_figure(value: float) -> str:
    """Show a figure with three significant digits, whole numbers with all of them."""
    if math.isinf(value):
        return "infinite"
    if math.isnan(value):
        return "not known"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    # Never as 3.3e-05: that is hard to read aloud.
    return format(Decimal(f"{value:.3g}"), "f")


def _verdict(table: AnonymizedTable) -> str:
    before, after = table.risk_before, table.risk_after
    alone = (
        f"{before.uniques:,} of {before.n:,} records could be traced for sure"
        if before.uniques
        else f"every record had at least {before.k - 1:,} look-alikes"
    )
    if after.k == 1:
        return (
            f"Before, {alone}. In the released table {after.uniques:,} still can: k=1 asks for nothing, so "
            "the table is not anonymized."
        )
    return (
        f"Before, {alone}. In the released table every record looks like at least {after.k - 1:,} others: "
        "what was required is met, measured in the released values."
    )


def _risks(table: AnonymizedTable) -> list[dict[str, str]]:
    before, after = table.risk_before, table.risk_after
    rows = [
        ("Smallest class (k)", before.k, after.k, "records that look alike, at the least"),
        ("Unique records", before.uniques, after.uniques, "records that are alone in their class"),
        ("Highest risk", before.prosecutor.highest_risk.value, after.prosecutor.highest_risk.value,
         "chance for the record that is easiest to trace"),
        ("Records at risk", before.prosecutor.records_at_risk.value, after.prosecutor.records_at_risk.value,
         f"share of records with a risk above {before.threshold:g}"),
        ("Traced on average", before.prosecutor.success_rate.value, after.prosecutor.success_rate.value,
         "share of all records that such an attacker traces"),
    ]  # fmt: skip
    return [
        {"name": name, "before": shown_figure(old), "after": shown_figure(new), "meaning": meaning}
        for name, old, new, meaning in rows
    ]


def _attributes(table: AnonymizedTable) -> list[tuple[str, list[dict[str, str]]]]:
    required = table.plan.requirements
    limits = {
        f"{required.diversity}_l": None if required.l is None else f"at least {required.l:g}",
        "t": None if required.t is None else f"at most {required.t:g}",
        "alpha": None if required.alpha is None else f"at most {required.alpha:g}",
        "enhanced_beta_strict": None if required.beta is None else f"at most {required.beta:g}",
        f"recursive_c_l{required.l:g}" if required.l is not None else "": None
        if required.c is None
        else f"below {required.c:g}",
    }
    found = []
    for before, after in zip(table.privacy_before.attributes, table.privacy_after.attributes, strict=True):
        rows = [
            {
                "name": MEASURE_NAMES.get(name, name.replace("recursive_c_l", "recursive: c for ℓ = ")),
                "before": shown_figure(worst.value),
                "after": shown_figure(after.worst[name].value),
                "whole": shown_figure(after.whole[name]),
                "required": limits.get(name) or "–",
            }
            for name, worst in before.worst.items()
        ]
        found.append((before.attribute, rows))
    return found


def _parameters(table: AnonymizedTable) -> dict[str, str]:
    plan = table.plan
    named = {
        "quasi-identifiers": ", ".join(plan.quasi_identifiers),
        "sensitive": ", ".join(plan.sensitive) or "none",
        "required": plan.requirements.describe(),
        "method": str(plan.method),
        "engine": plan.engine,
        "order of the records": "as in the original" if table.keeps_order else "sorted by released values",
    }
    if table.levels is not None:
        named["suppression limit"] = f"{plan.suppression_limit:g}"
        named["hierarchies"] = "; ".join(
            f"{tree.column}: {tree.note or 'as given'}" for tree in table.levels.hierarchies
        )
    return named


def _pictures(table: AnonymizedTable, frontier: Frontier | None) -> dict[str, _Picture | None]:
    before, after, by_column = table.risk_before, table.risk_after, table.loss.by_column
    return {
        "risk": _picture(charts.risk_title(before, after), charts.risk_sentence(before, after),
                         charts.plot_risk(before, after)),
        "classes": _picture(charts.class_sizes_title(table.partitioning),
                            charts.class_sizes_sentence(table.partitioning),
                            charts.plot_class_sizes(table.partitioning)),
        "losses": _picture(charts.column_losses_title(by_column), table.loss.sentence(),
                           charts.plot_column_losses(by_column)),
        "levels": None if table.levels is None else _picture(
            charts.levels_title(table.levels), table.levels.sentence(), charts.plot_levels(table.levels)),
        "frontier": None if frontier is None or not len(frontier.points) else _picture(
            charts.frontier_title(frontier), frontier.sentence(), charts.plot_frontier(frontier)),
    }  # fmt: skip


def _picture(title: str, sentence: str, figure: Figure) -> _Picture:
    # The page says the title in text.
    figure.suptitle("")
    content = io.BytesIO()
    # Without the name and release of the program that drew it, the same data makes the same bytes.
    with warnings.catch_warnings():
        # Names in a script that the font lacks are in the tables.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(content, format="png", dpi=DPI, metadata={"Software": None})
    return _Picture(title, sentence, f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "infinite" if math.isinf(value) else None
    return value
