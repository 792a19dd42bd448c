"""Stored outputs beside those of a fresh run, compared by nbval's own function; nothing is executed here."""

from __future__ import annotations

from types import SimpleNamespace

from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, coalesce_streams, nocolors

from secure_ai.learn.notebook import IGNORE_OUTPUT, tags

LEFT_OUT = (
    *("metadata", "traceback", "prompt_number", "output_type", "name", "execution_count"),
    "application/vnd.jupyter.widget-view+json",
    *("image/png", "image/jpeg"),  # as nbval does unless it is told otherwise
)


def code_cells(node: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in node.cells if cell.cell_type == "code"]


def compared(node: NotebookNode) -> list[NotebookNode]:
    """The cells whose output nbval compares."""
    return [cell for cell in code_cells(node) if IGNORE_OUTPUT not in tags(cell)]


def differences(stored: NotebookNode, fresh: NotebookNode) -> dict[str, str]:
    """Return what differs, by cell id; the cell of parameters that a run injects is not looked at."""
    outputs = {cell.id: cell.outputs for cell in code_cells(fresh)}
    found = {}
    for cell in compared(stored):
        comparison = _comparison()
        if cell.id not in outputs:
            found[cell.id] = "the cell was not run"
        elif not IPyNbCell.compare_outputs(
            comparison, coalesce_streams(outputs[cell.id]), coalesce_streams(cell.outputs)
        ):
            found[cell.id] = "\n".join(comparison.comparison_traceback)
    return found


def _comparison() -> SimpleNamespace:
    comparison = SimpleNamespace(
        parent=SimpleNamespace(skip_compare=LEFT_OUT), colors=nocolors, sanitize=lambda value: value
    )

    def note(key: str, stored: object, fresh: object) -> None:
        comparison.comparison_traceback.append(f"{key}\nstored: {stored}\nfresh:  {fresh}")

    comparison.format_output_compare = note
    return comparison
