"""Run the assessment notebook and leave a folder with its report, whole or not at all."""

from __future__ import annotations

import datetime
import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.assess.findings import FindingsFile
from secure_ai.assess.outputs import MANIFEST, NOTEBOOK, OUTPUTS, check_out, write_manifest
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.scrub import private_strings, scrub
from secure_ai.assess.sections import open_inputs
from secure_ai.core import Finding, Level, Outcome, UserError, worst_level
from secure_ai.core.finding import LEVEL_ORDER
from secure_ai.core.outputs import atomic_directory

if TYPE_CHECKING:
    from nbformat import NotebookNode

START_SECONDS = 120
DEFAULT_KERNEL = "python3"
# The kernel's remarks on its own transport would stand between the lines of progress.
QUIET = ["--IPKernelApp.log_level=50"]


@dataclass(frozen=True)
class AssessmentResult:
    """What a run left behind.

    Attributes:
        out: the folder.
        files: every file in it.
        findings: measured ones worst first, then those not assessed.
    """

    out: Path
    files: tuple[Path, ...]
    findings: tuple[Finding, ...]

    @property
    def worst(self) -> Level:
        """Worst level of any finding; ``unassessed`` where nothing was measured."""
        return worst_level(finding.level for finding in self.findings)

    @property
    def unassessed(self) -> int:
        """Number of findings that were not assessed."""
        return sum(finding.outcome is Outcome.UNASSESSED for finding in self.findings)

    def reaches(self, level: Level | str) -> bool:
        """Whether a finding is of ``level`` or worse; what was not assessed does not count."""
        worst = self.worst
        return worst is not Level.UNASSESSED and LEVEL_ORDER.index(worst) >= LEVEL_ORDER.index(Level(level))


def run_assessment(
    parameters: AssessmentParameters | Mapping[str, Any],
    out: Path | str,
    progress: Callable[[str], None] = print,
    *,
    kernel_name: str = DEFAULT_KERNEL,
) -> AssessmentResult:
    """Assess a table: ``report.html``, ``findings.json``, ``manifest.json``, the executed notebook.

    Parameters, inputs and the output folder are checked before any work. The notebook runs in a
    fresh kernel through papermill; what papermill stores of paths and parameters is scrubbed from it.
    The folder appears by rename: after an error there is none, or the earlier one as it was.

    Args:
        parameters: what to assess; without a date, today's is stated on the report.
        out: new or empty folder, or that of an earlier assessment, which is replaced.
        progress: receives one line per finished section.
        kernel_name: Jupyter kernel that runs the notebook.

    Raises:
        UserError: if a parameter, an input or the folder is wrong, or a section could not be finished.
    """
    import nbformat  # slow to load, and the notebook's own kernel imports this module too

    if not isinstance(parameters, AssessmentParameters):
        parameters = AssessmentParameters.read(parameters)
    if parameters.date is None:
        parameters = parameters.model_copy(update={"date": datetime.date.today().isoformat()})
    target = Path(os.path.abspath(out))  # noqa: PTH100 - the name as given: a link is not followed
    check_out(target)
    _check_kernel(kernel_name)
    open_inputs(parameters)
    try:
        with atomic_directory(target) as draft:
            executed = _execute(parameters, draft, progress, kernel_name)
            private = private_strings(draft, draft.parent, target, parameters.data, parameters.population)
            nbformat.write(scrub(executed, parameters.labels(), private), draft / NOTEBOOK)
            write_manifest(draft, json.loads((draft / MANIFEST).read_text(encoding="utf-8")))
            findings = FindingsFile.model_validate_json((draft / "findings.json").read_text(encoding="utf-8"))
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else "unknown reason"
        raise UserError(
            f"The report could not be written to {target} ({reason}): make room or choose another --out."
        ) from None
    files = tuple(target / name for name in OUTPUTS)
    return AssessmentResult(out=target, files=files, findings=findings.findings)


def notebook_path() -> Path:
    """Return the assessment notebook: the copy inside an installed package, else that of the checkout.

    Raises:
        UserError: if it is in neither place.
    """
    package = Path(str(resources.files("secure_ai.assess")))
    installed = package / "notebooks" / NOTEBOOK
    checkout = package.parents[1] / "notebooks" / "assessments" / NOTEBOOK
    found = next((path for path in (installed, checkout) if path.is_file()), None)
    if found is None:
        raise UserError(f"The notebook {NOTEBOOK} is not installed: run 'make start' again.")
    return found


class _Lines:
    """Pass each finished line that a cell prints on to a function."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self.progress = progress
        self.rest = ""

    def write(self, text: str) -> None:
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            self.progress(line)

    def flush(self) -> None:
        """Do nothing: lines are passed on as they end."""


def _check_kernel(name: str) -> None:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel:
        raise UserError(f"There is no Jupyter kernel '{name}': run 'secure-ai doctor'.") from None


def _execute(
    parameters: AssessmentParameters, draft: Path, progress: Callable[[str], None], kernel_name: str
) -> NotebookNode:
    import papermill
    from papermill.exceptions import PapermillExecutionError

    logging.getLogger("papermill").setLevel(logging.ERROR)
    given = parameters.model_dump(mode="json", exclude_none=True) | {"out": str(draft)}
    try:
        return papermill.execute_notebook(
            str(notebook_path()),
            None,
            parameters=given,
            kernel_name=kernel_name,
            progress_bar=False,
            log_output=False,
            stdout_file=_Lines(progress),
            start_timeout=START_SECONDS,
            extra_arguments=QUIET if kernel_name == DEFAULT_KERNEL else [],
        )
    except PapermillExecutionError as error:
        if error.ename == "UserError":
            raise UserError(str(error.evalue)) from None
        # The message of any other error may quote a value of the table.
        raise UserError(
            f"The assessment stopped in cell {error.exec_count} of {NOTEBOOK} ({error.ename}) and nothing "
            "was written: run the notebook in JupyterLab with the same parameters to see where."
        ) from None
    except (RuntimeError, OSError) as error:
        raise UserError(
            f"The notebook's kernel '{kernel_name}' could not run ({type(error).__name__}) and nothing was "
            "written: run 'secure-ai doctor'."
        ) from None
