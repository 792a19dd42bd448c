"""How the report words figures, names and long texts."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from secure_ai.assess.change import is_share
from secure_ai.assess.display import cell_text
from secure_ai.assess.outputs.files import LARGEST
from secure_ai.assess.risks import bad_side
from secure_ai.assess.section import Cell, Format
from secure_ai.core import Finding, Measurement, Outcome

AREA_NAMES = {
    "data": "Data",
    "model": "Model",
    "fairness": "Fairness",
    "assistant": "Assistant",
    "controls": "Controls",
    "monitoring": "Monitoring",
    "vendor": "Vendor",
}
DECISIONS = {
    "open": "not decided yet",
    "mitigate": "mitigate",
    "accept": "accept the risk",
    "transfer": "transfer the risk",
    "avoid": "avoid: do without",
}


def figure(value: float | None, unit: str = "") -> str:
    """Return a figure: a share as a percentage, others with three digits, never as ``3.3e-05``.

    >>> figure(0.1234, "probability"), figure(0.00031, "share"), figure(12345.0, "records"), figure(None)
    ('12.3%', '0.031%', '12,345', 'none')
    """
    if value is None:
        return "none"
    if math.isinf(value) or abs(value) >= LARGEST:
        return "unbounded" if value > 0 else "unbounded below"
    if is_share(unit):
        return f"{_digits(value * 100)}%"
    return f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else _digits(value)


def outcome(finding: Finding) -> str:
    """Return on which side of its threshold a finding lies; "below" where low figures are the bad ones."""
    if finding.outcome is Outcome.UNASSESSED:
        return "Not assessed"
    if finding.outcome is Outcome.WITHIN_THRESHOLD:
        return "Within the threshold"
    return f"{bad_side(finding.id).capitalize()} the threshold"


def interval(measured: Measurement) -> str:
    """Return the 95 % interval of a measurement, or that an exact count has none."""
    low, high = measured.interval
    if low == high == measured.value:
        return "exact"
    return f"{figure(low, measured.unit)} to {figure(high, measured.unit)}"


def short(text: str, longest: int = 150) -> str:
    """Return a text cut at a word, for the first page; the whole of it stands in the detail.

    >>> short("one two three", 9)
    'one two…'
    """
    line = " ".join(str(text).split())
    if len(line) <= longest:
        return line
    cut = line[: longest - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[longest // 2 :] else cut).rstrip(" ,;:.") + "…"


def clause(text: str, longest: int) -> str:
    """Return a text cut where a clause ends, so that half a thought is not read as a whole one.

    >>> clause("98% before, 100% after; beyond the baseline of each", 45)
    '98% before, 100% after…'
    >>> clause("It differs by 16 points (female 16%, male 0%)", 40)
    'It differs by 16 points…'
    """
    line = " ".join(str(text).split())
    if len(line) <= longest:
        return line
    for mark in ("; ", " (", ", "):
        end = line.rfind(mark, longest // 3, longest - 1)
        # Not inside parentheses that would stay open.
        if end > 0 and line[:end].count("(") == line[:end].count(")"):
            return line[:end] + "…"
    return short(line, longest)


def sentence(text: str) -> str:
    """Return a text that begins with a capital and ends like a sentence."""
    line = text.strip()
    line = line[:1].upper() + line[1:]
    return line if not line or line[-1] in ".!?…" else f"{line}."


def setting(value: Any) -> str:
    """Return the value of a parameter as it is shown."""
    if value is None or value in ([], {}):
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {item}" for name, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def cell(value: Cell, form: Format) -> str:
    """Return a cell of a table; figures as in :func:`figure`, the rest as the notebook shows it.

    >>> cell(10635.0, "figure"), cell(3.32e-05, "figure"), cell(0.4, "share"), cell(None, "count")
    ('10,635', '0.0000332', '40%', '–')
    """
    if isinstance(value, float) and form == "count":
        return f"{value:,.0f}"
    if isinstance(value, float) and form == "figure":
        return figure(value)
    return cell_text(value, form)


def _digits(value: float) -> str:
    return format(Decimal(f"{value:.3g}"), "f")
