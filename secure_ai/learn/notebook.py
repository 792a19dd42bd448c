"""Read notebooks, and write them so that equal notebooks are equal bytes."""

from __future__ import annotations

import ast
import copy
import re
import warnings
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_file

KERNEL_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
IGNORE_OUTPUT = "nbval-ignore-output"

_MACHINE_PATH = re.compile(
    r"(?<![\w.:/~-])/(?:work|root|tmp|home|Users|private|mnt|srv|opt|var/folders)/[\w.@-]+|\b[A-Z]:\\{1,2}Users\\{1,2}\w+"
)


def read_notebook(path: Path) -> NotebookNode:
    """The notebook in ``path``, in nbformat 4.

    Raises:
        UserError: if the file is missing, unreadable or no notebook.
    """
    try:
        # Bytes, because on Windows the default encoding is not UTF-8.
        text = Path(path).read_bytes().decode("utf-8")
        # Not nbformat.reads, which logs what is wrong and goes on.
        node = nbformat.convert(nbformat.reader.reads(text), 4)
        node = nbformat.v4.upgrade(node) if node.nbformat_minor < 5 else node
        with warnings.catch_warnings(action="ignore"):
            nbformat.validate(node)
    except FileNotFoundError:
        raise UserError(f"There is no notebook {path}: check the name.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The notebook {path} cannot be read ({type(error).__name__}).") from None
    except Exception:  # whatever nbformat makes of damaged JSON
        raise UserError(f"The file {path} is not a valid notebook: its JSON is damaged.") from None
    return node


def canonical_text(node: NotebookNode) -> str:
    """The one text of a notebook: indent 1, sorted keys, no escapes, a final newline."""
    return nbformat.writes(node, version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def write_notebook(node: NotebookNode, path: Path) -> bool:
    """Write the canonical text whole or not at all; return whether the file changed."""
    text = canonical_text(node).encode("utf-8")
    if path.is_file() and path.read_bytes() == text:
        return False
    with atomic_file(path) as draft:
        draft.write_bytes(text)
    return True


def minimal_metadata(node: NotebookNode) -> NotebookNode:
    """A copy that keeps, of all metadata, the kernel's name, the language, and the cells' tags."""
    bare = copy.deepcopy(node)
    bare.metadata = nbformat.from_dict(copy.deepcopy(KERNEL_METADATA))
    for cell in bare.cells:
        kept = tags(cell)
        cell.metadata = NotebookNode({"tags": kept} if kept else {})
        cell.pop("attachments", None)
    bare.nbformat, bare.nbformat_minor = 4, 5
    return bare


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell, in their stored order."""
    return list(cell.metadata.get("tags", []))


def output_texts(cell: NotebookNode) -> list[str]:
    """Every text that a code cell stored: streams, plain text, HTML, tracebacks; no images."""
    texts: list[str] = []
    for output in cell.get("outputs", []):
        texts += [str(output[key]) for key in ("text", "evalue") if key in output]
        texts += output.get("traceback", [])
        data = output.get("data", {})
        texts += [
            str(value) for kind, value in data.items() if kind == "image/svg+xml" or kind[:6] != "image/"
        ]
    return texts


def machine_path_in(text: str) -> str | None:
    """The first path in ``text`` that belongs to one machine, such as a home folder, or None."""
    found = _MACHINE_PATH.search(text)
    return found[0] if found else None


def parse_cell(source: str) -> ast.Module:
    """The syntax tree of a code cell, with IPython magics turned into calls.

    Raises:
        SyntaxError: if the cell is not Python.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    return ast.parse(TransformerManager().transform_cell(source))


def known_parameters(node: NotebookNode, name: str = "the notebook") -> dict[str, Any]:
    """Name and default of every parameter, from the one cell tagged ``parameters``.

    Raises:
        UserError: if there is not exactly one such cell, or it holds more than plain assignments.
    """
    cells = [cell for cell in node.cells if cell.cell_type == "code" and "parameters" in tags(cell)]
    if len(cells) != 1:
        raise UserError(f"{name} has {len(cells)} cells tagged 'parameters': it needs exactly one.")
    try:
        return dict(_assignment(statement) for statement in ast.parse(cells[0].source).body)
    except (SyntaxError, ValueError):
        raise UserError(
            f"The parameters cell of {name} may hold only lines such as 'seed = 7', "
            "each giving one name a plain value."
        ) from None


def _assignment(statement: ast.stmt) -> tuple[str, Any]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, value = statement.targets[0], statement.value
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        target, value = statement.target, statement.value
    else:
        raise ValueError("not an assignment")
    if not isinstance(target, ast.Name):
        raise ValueError("not a plain name")
    return target.id, ast.literal_eval(value)
