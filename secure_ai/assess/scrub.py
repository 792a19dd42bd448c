"""Take out of an executed notebook what papermill and the kernel stored: paths, parameters, times, names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

INJECTED = "injected-parameters"


def scrub(notebook: NotebookNode, labels: Mapping[str, Any], private: Iterable[str]) -> NotebookNode:
    """Return a copy that may be handed on.

    papermill's metadata of notebook and cells goes entirely, and so do the times of execution, the
    kernel's own metadata and what was written to standard error (warnings name files of the machine).
    The injected parameters are replaced by ``labels``; every remaining occurrence of a ``private``
    string by an ellipsis.

    Args:
        notebook: the executed notebook.
        labels: parameters as they may be shown.
        private: paths and addresses of this machine.
    """
    from nbformat import NotebookNode

    hidden = sorted({text for text in private if len(text) > 3}, key=len, reverse=True)
    clean = _without(notebook, hidden)
    clean.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    for cell in clean.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        if INJECTED in tags:
            cell.id = "injected-parameters"
            cell.source = "# Parameters of this run; files by name only\n" + "\n".join(
                f"{name} = {value!r}" for name, value in labels.items()
            )
        if cell.cell_type == "code":
            cell.outputs = _joined(
                output
                for output in cell.outputs
                if not (output.output_type == "stream" and output.name == "stderr")
            )
    return clean


def private_strings(*paths: str | Path | None) -> set[str]:
    """Return the strings that would tell where things lie: each path as given, resolved, and its folder."""
    found = {str(Path.home()), str(Path.cwd())}
    for path in paths:
        if path is None:
            continue
        text = str(path)
        if "://" in text:
            found.add(text)
            continue
        resolved = Path(text).resolve()
        found |= {str(resolved), str(resolved.parent)}
        if "/" in text or "\\" in text:
            found.add(text)
    return {text for text in found if text not in {"/", ".", ".."}}


def _joined(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    # A kernel under load sends a printed line in several pieces; how many is a matter of chance.
    joined: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].output_type == "stream":
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _without(value: Any, hidden: list[str]) -> Any:
    from nbformat import NotebookNode

    if isinstance(value, str):
        for text in hidden:
            value = value.replace(text, "…")
        return value
    if isinstance(value, dict):
        return NotebookNode({key: _without(item, hidden) for key, item in value.items()})
    return [_without(item, hidden) for item in value] if isinstance(value, list) else value
