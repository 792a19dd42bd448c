"""Measurements and findings as tables of a document: no figure without what is needed to judge it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secure_ai.core import Finding, Measurement, Unassessed
from secure_ai.govern.records.document import Table, Text
from secure_ai.govern.records.words import figure


def measurements_table(caption: str, measurements: Sequence[tuple[str, Measurement | Unassessed]]) -> Table:
    """Return a table of figures with everything that is needed to judge each.

    Args:
        caption: of the table.
        measurements: what each figure is about, and the figure.
    """
    columns = ("What", "Figure, 95 % interval, n", "Baseline", "Control", "Method", "Source")
    return Table(caption, columns, tuple((label, *_row(found)) for label, found in measurements))


def findings_table(caption: str, findings: Iterable[Finding]) -> Table:
    """Return a table of findings: figure, threshold, outcome and level, an unassessed one as such."""
    columns = ("Finding", "Figure, 95 % interval, n", "Threshold", "Outcome", "Level", "Asked by")
    rows = tuple(
        (
            found.title,
            found.measurement,
            _threshold(found),
            found.outcome.value.replace("_", " "),
            found.level.value,
            ", ".join(found.mappings),
        )
        for found in findings
    )
    return Table(caption, columns, rows)


def _row(found: Measurement | Unassessed) -> tuple[Text, ...]:
    if isinstance(found, Unassessed):
        return found, None, None, None, None
    control = None if found.control is None else figure(found.control, found.unit)
    return found, figure(found.baseline, found.unit), control, found.method, found.source


def _threshold(found: Finding) -> str | None:
    if found.threshold is None:
        return None
    unit = found.measurement.unit if isinstance(found.measurement, Measurement) else ""
    return figure(found.threshold, unit)
