"""One assessment: inputs checked, the notebook run, its folder put in place whole or not at all."""

from __future__ import annotations

import datetime
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from secure_ai.assess.outputs import MANIFEST, NOTEBOOK, OUTPUTS, check_out, write_manifest
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.run.check import check_inputs
from secure_ai.assess.run.kernel import DEFAULT_KERNEL, PATIENCE_SECONDS, check_kernel, execute
from secure_ai.assess.run.live import Live
from secure_ai.assess.run.work import WorkFolder
from secure_ai.assess.scrub import private_strings, scrub
from secure_ai.core import Finding, Level, Outcome, UserError, worst_level
from secure_ai.core.errors import system_reason
from secure_ai.core.finding import LEVEL_ORDER

KEPT = "What was finished is kept: --resume goes on from there."


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

    @property
    def measured(self) -> int:
        """Number of findings that rest on a measurement."""
        return len(self.findings) - self.unassessed

    def reaches(self, level: Level | str) -> bool:
        """Whether a finding is of ``level`` or worse; what was not assessed does not count."""
        worst = self.worst
        return worst is not Level.UNASSESSED and LEVEL_ORDER.index(worst) >= LEVEL_ORDER.index(Level(level))

    def open_areas(self) -> tuple[str, ...]:
        """Return the areas, such as ``"model"``, of which at least one risk was not assessed."""
        return tuple(
            dict.fromkeys(f.id.split(".")[0] for f in self.findings if f.outcome is Outcome.UNASSESSED)
        )


def run_assessment(
    parameters: AssessmentParameters | Mapping[str, Any],
    out: Path | str,
    progress: Callable[[str], None] = print,
    *,
    kernel_name: str = DEFAULT_KERNEL,
    resume: bool = False,
    patience: float = PATIENCE_SECONDS,
) -> AssessmentResult:
    """Assess, and leave a folder with the report and everything that it rests on.

    Parameters, inputs and the output folder are checked before any work. The notebook runs in a
    fresh kernel through papermill; what papermill stores of paths and parameters is scrubbed from it.
    The folder appears by rename: after an error there is none, or the earlier one as it was. Until then
    finished sections are kept in a private folder beside it, ``.NAME.work``.

    Args:
        parameters: what to assess; without a date, today's is stated on the report.
        out: new or empty folder, or that of an earlier assessment, which is replaced.
        progress: receives one line per finished section; ``print`` shows the running one on a terminal too.
        kernel_name: Jupyter kernel that runs the notebook.
        resume: go on from what an interrupted run with the same parameters and inputs has finished.
        patience: seconds after which a kernel that tells nothing is stopped.

    Raises:
        UserError: if a parameter, an input or the folder is wrong, or a section could not be finished.
    """
    if not isinstance(parameters, AssessmentParameters):
        parameters = AssessmentParameters.read(parameters)
    target = Path(os.path.abspath(out))  # noqa: PTH100 - the name as given: a link is not followed
    check_out(target)
    check_kernel(kernel_name)
    today = datetime.date.today().isoformat()
    # A form that is dated after the report is refused here, too, not after all other work.
    check_inputs(parameters if parameters.date else parameters.model_copy(update={"date": today}))
    live = Live(progress)
    work = WorkFolder.beside(target)
    try:
        with work.locked(), _kept_on_failure(work, live):
            _begin(work, target, live, resume)
            date = parameters.date or work.state().get("date") or today
            parameters = parameters.model_copy(update={"date": date})
            work.update(date=date, checked=True)
            draft = work.path / f"draft-{secrets.token_hex(4)}"
            findings = _fill(
                parameters, draft, target, work, live, kernel_name=kernel_name, patience=patience
            )
            work.publish(draft, target)
            work.remove()
    except OSError as error:
        raise UserError(
            f"The report could not be written to {target} ({system_reason(error)}): make room or choose "
            "another --out."
        ) from None
    return AssessmentResult(target, tuple(target / name for name in OUTPUTS), findings)


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


def _begin(work: WorkFolder, target: Path, live: Live, resume: bool) -> None:
    work.recover(target)
    kept = work.finished
    if not resume:
        if kept:
            live.line("Discarded what an interrupted run had finished; --resume would have gone on from it.")
        work.discard()
        return
    work.tidy()
    live.line(
        f"Going on: {kept} finished {'section is' if kept == 1 else 'sections are'} kept."
        if kept
        else "Nothing is kept of an interrupted run: starting from the beginning."
    )


def _fill(
    parameters: AssessmentParameters,
    draft: Path,
    target: Path,
    work: WorkFolder,
    live: Live,
    **how: Any,
) -> tuple[Finding, ...]:
    """Fill the folder ``draft``; return the findings."""
    import nbformat  # slow to load, and the notebook's own kernel imports this module too

    given = parameters.model_dump(mode="json", exclude_none=True)
    given |= {"out": str(draft), "work": str(work.path)}
    executed = execute(notebook_path(), given, work, live, **how)
    private = private_strings(parameters, draft, work.path, target)
    manifest = json.loads((draft / MANIFEST).read_text(encoding="utf-8"))
    # The labels that the kernel wrote: it has the detectors at hand that say which names may be shown.
    nbformat.write(scrub(executed, manifest["parameters"], private), draft / NOTEBOOK)
    write_manifest(draft, manifest)
    written = json.loads((draft / "findings.json").read_text(encoding="utf-8"))
    return tuple(Finding.model_validate(one) for one in written["findings"])


@contextmanager
def _kept_on_failure(work: WorkFolder, live: Live) -> Iterator[None]:
    """Keep finished sections, and nothing half-written; the folder goes if there is nothing to keep."""
    try:
        yield
    except BaseException as error:
        kept = work.finished > 0
        if kept:
            work.tidy()
        else:
            work.remove()
        if kept and isinstance(error, UserError):
            raise UserError(f"{error} {KEPT}") from None
        if kept and isinstance(error, KeyboardInterrupt | SystemExit):
            live.line(f"Interrupted. {KEPT}")
        raise
