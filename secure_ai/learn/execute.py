"""Run notebooks through papermill, in this process, with our own validation first; store their outputs."""

from __future__ import annotations

import copy
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from secure_ai.core import UserError
from secure_ai.learn.notebook import (
    canonical_text,
    known_parameters,
    machine_path_in,
    minimal_metadata,
    output_texts,
    read_notebook,
    tags,
    write_notebook,
)

# Errors inside a notebook whose message is already a sentence for its user.
SPOKEN_ERRORS = {"UserError", "ParameterError", "BuilderError"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# One thread, because sums over several threads may differ in their last digit from run to run.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class NotebookError(UserError):
    """A cell of a notebook failed for a reason that its author did not foresee.

    The sentence names the notebook, the cell and the kind of error, but not the error's own message,
    which may hold a value of the user's data: that is in ``detail``.

    Attributes:
        cell_id: id of the cell that failed, or None if the kernel itself did.
        detail: the error's message and traceback, for authors and for the developers of the kit.
    """

    def __init__(self, sentence: str, cell_id: str | None = None, detail: str = "") -> None:
        super().__init__(sentence)
        self.cell_id = cell_id
        self.detail = detail


def run_notebook(
    path: Path,
    out: Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    kernel_name: str | None = None,
    cwd: Path | None = None,
) -> NotebookNode:
    """Execute a notebook from top to bottom in a fresh kernel.

    Args:
        path: the notebook; it is not changed.
        out: where to write the executed notebook; it appears only if every cell ran.
        parameters: values by name; only names of the notebook's ``parameters`` cell, of its types.
        kernel_name: kernel to use, by default the notebook's own.
        cwd: working folder of the kernel, by default the notebook's folder.

    Returns:
        The executed notebook, with papermill's own metadata and the cell of injected parameters.

    Raises:
        UserError: for an unknown or ill-typed parameter (before anything runs), and for a failing cell
            whose error is itself a sentence for the user.
        NotebookError: for any other failing cell; it names the cell.
    """
    path = Path(path)
    node = read_notebook(path)
    chosen = validate_parameters(known_parameters(node, path.name), parameters or {}, path.name)
    executed = _execute(node, path, chosen, kernel_name, Path(cwd) if cwd else path.parent)
    if out is not None:
        write_notebook(executed, Path(out))
    return executed


def validate_parameters(known: Mapping[str, Any], given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Check parameter names and types against the defaults of a notebook.

    An integer is accepted for a float; anything is accepted where the default is None.

    Raises:
        UserError: naming the parameter and listing the known ones.
    """
    listing = ", ".join(f"{key} = {default!r}" for key, default in known.items()) or "none"
    for key, value in given.items():
        if key not in known:
            raise UserError(f"{name} has no parameter '{key}': the known ones are {listing}.")
        default = known[key]
        if default is not None and not _fits(value, default):
            raise UserError(
                f"The parameter '{key}' of {name} must be {_kind(default)}, not {_kind(value)}: "
                f"the known ones are {listing}."
            )
    return dict(given)


def _fits(value: Any, default: Any) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, list | tuple):
        return isinstance(value, list | tuple)
    return isinstance(value, type(default))


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "text", dict: "a mapping"}
    return "nothing" if value is None else kinds.get(type(value), "a list")


def _execute(
    node: NotebookNode,
    path: Path,
    parameters: dict[str, Any],
    kernel_name: str | None,
    cwd: Path,
) -> NotebookNode:
    import papermill
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").setLevel(logging.ERROR)
    ids = _ids_when_executed(node, bool(parameters))
    try:
        executed = papermill.execute_notebook(
            copy.deepcopy(node),
            None,
            parameters=parameters,
            kernel_name=kernel_name or node.metadata.get("kernelspec", {}).get("name", "python3"),
            language="python",
            config=kernel_configuration(),
            progress_bar=False,
            cwd=str(cwd),
        )
    except PapermillExecutionError as error:
        cell_id = ids[error.cell_index] if error.cell_index < len(ids) else None
        if error.ename in SPOKEN_ERRORS and error.evalue.strip():
            raise UserError(_ANSI.sub("", error.evalue).strip()) from None
        detail = _ANSI.sub("", f"{error.ename}: {error.evalue}\n" + "\n".join(error.traceback))
        raise NotebookError(
            f"{path.name} stopped in cell '{cell_id}' with {error.ename}: "
            "open the notebook and run it up to that cell to see why.",
            cell_id,
            detail,
        ) from None
    except NoSuchKernel:
        raise UserError(
            f"There is no kernel '{kernel_name or 'python3'}' to run {path.name}: see 'secure-ai doctor'."
        ) from None
    except (DeadKernelError, CellTimeoutError, RuntimeError) as error:
        raise NotebookError(
            f"The kernel of {path.name} ended before the notebook did; memory may have run out.",
            detail=str(error),
        ) from None
    for cell in executed.cells:
        if "injected-parameters" in tags(cell):
            cell["id"] = "injected-parameters"
    return executed


def kernel_configuration() -> Any:
    """Settings for nbclient: cells and outputs travel over a local socket, encrypted where the kernel can."""
    import zmq
    from traitlets.config import Config

    return Config({"KernelManager": {"transport_encryption": "auto" if zmq.has("curve") else "disabled"}})


def _ids_when_executed(node: NotebookNode, injected: bool) -> list[str]:
    ids = [cell.id for cell in node.cells]
    if injected:
        position = next(i for i, cell in enumerate(node.cells) if "parameters" in tags(cell))
        ids.insert(position + 1, "injected-parameters")
    return ids


def clean_outputs(executed: NotebookNode) -> NotebookNode:
    """A copy fit to be committed: no times, versions, widget state, injected cell or run-dependent numbers.

    Execution counts are renumbered in order, chunks of one stream are joined, and the views of widgets,
    whose ids are random, are dropped beside their text equivalent.
    """
    clean = minimal_metadata(executed)
    clean.cells = [cell for cell in clean.cells if "injected-parameters" not in tags(cell)]
    count = 0
    for cell in clean.cells:
        if cell.cell_type != "code":
            continue
        if cell.source.strip():
            count += 1
            cell.execution_count = count
        else:
            cell.execution_count = None
        cell.outputs = [output for output in _join_streams(cell.outputs) if not _is_empty(output)]
        for output in cell.outputs:
            if "data" in output:
                output.data.pop(WIDGET_VIEW, None)
            if output.output_type == "execute_result":
                output.execution_count = count
    return clean


def _join_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    joined: list[NotebookNode] = []
    first: dict[str, NotebookNode] = {}
    for output in outputs:
        if output.output_type == "stream" and output.name in first:
            first[output.name].text += output.text
            continue
        if output.output_type == "stream":
            first[output.name] = output
        joined.append(output)
    return joined


def _is_empty(output: NotebookNode) -> bool:
    if output.output_type == "stream":
        return not output.text
    return "data" in output and not output.data


def run_for_outputs(
    path: Path, parameters: Mapping[str, Any] | None = None, kernel_name: str | None = None
) -> NotebookNode:
    """Execute a notebook for what its cells show, and return it cleaned as :func:`clean_outputs` says.

    Nobody's progress is touched, widgets show their text, and sums are the same in every run.

    Raises:
        UserError: if a cell fails or an output holds a path of this machine.
    """
    path = Path(path)
    with own_progress(), environment({**ONE_THREAD, "SECURE_AI_WIDGETS": "off"}):
        clean = clean_outputs(run_notebook(path, parameters=parameters, kernel_name=kernel_name))
    for cell in clean.cells:
        if cell.cell_type != "code":
            continue
        for text in output_texts(cell):
            if found := machine_path_in(text):
                raise UserError(
                    f"{path.name}, cell '{cell.id}' prints a path of this machine ({found}): "
                    "print the file's name only, or silence the warning that holds it."
                )
    return clean


def store_outputs(
    path: Path, parameters: Mapping[str, Any] | None = None, kernel_name: str | None = None
) -> bool:
    """Execute a notebook and store its outputs in it, ready to be committed.

    Args:
        path: a lesson or a solution; it is replaced as a whole, and only if everything went well.
        parameters: values to run with, by default those of its parameters cell.
        kernel_name: kernel to use, by default the notebook's own.

    Returns:
        Whether the file changed.

    Raises:
        UserError: if a cell fails or an output holds a path of this machine; the file is as before then.
    """
    path = Path(path)
    node = read_notebook(path)
    clean = run_for_outputs(path, parameters, kernel_name)
    kept = minimal_metadata(node)
    outputs = {cell.id: cell for cell in clean.cells}
    for cell in kept.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = outputs[cell.id].outputs, outputs[cell.id].execution_count
    changed = path.read_bytes() != canonical_text(kept).encode("utf-8")
    write_notebook(kept, path)
    return changed


@contextmanager
def own_progress() -> Iterator[Path]:
    """Keep the progress of a run by an author or a test in a passing file, away from the learner's."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "progress.sqlite")
        with environment({"SECURE_AI_PROGRESS": str(file)}):
            yield file


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the block, and put the former ones back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def main(arguments: list[str]) -> int:
    """Store the outputs of the notebooks named; one line each. Exit code 2 if any of them failed."""
    if not arguments:
        print("Usage: python -m secure_ai.learn.execute NOTEBOOK.ipynb ...", file=sys.stderr)
        return 2
    code = 0
    for name in arguments:
        try:
            changed = store_outputs(Path(name))
        except UserError as error:
            code = 2
            print(f"{name}: FAILED: {error}", file=sys.stderr)
            if isinstance(error, NotebookError) and error.detail:
                print(error.detail, file=sys.stderr)
            continue
        size = Path(name).stat().st_size / 1024
        print(f"{name}: {'outputs stored' if changed else 'unchanged'}, {size:.0f} KiB")
    return code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
