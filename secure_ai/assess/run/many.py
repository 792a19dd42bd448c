"""Assess a portfolio: each system in a process of its own, no failure stops the others, one summary."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from secure_ai.assess.outputs import MANIFEST
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.run.checkpoints import fingerprint, run_digest
from secure_ai.assess.run.kernel import DEFAULT_KERNEL, end_process
from secure_ai.assess.run.live import Live, words_for
from secure_ai.assess.run.portfolio import Entry, read_portfolio
from secure_ai.assess.run.summary import SUMMARIES, Row, read_rows, write_summary
from secure_ai.assess.run.work import WorkFolder
from secure_ai.assess.scrub import safe_sentence
from secure_ai.core import Finding, Level, Outcome, UserError, worst_level
from secure_ai.core.errors import system_reason
from secure_ai.core.finding import LEVEL_ORDER

COMMAND = [sys.executable, "-m", "secure_ai.assess.run.one"]
MOST_SECONDS = 3600.0
SECONDS_TO_END = 15.0
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class PortfolioResult:
    """What a portfolio left behind.

    Attributes:
        out: the folder: one folder for each system, and the summary.
        rows: one for each system, in the order of the portfolio.
    """

    out: Path
    rows: tuple[Row, ...]

    @property
    def failed(self) -> tuple[Row, ...]:
        """Systems that could not be assessed."""
        return tuple(row for row in self.rows if row.failed)

    @property
    def worst(self) -> Level:
        """Worst level of any system; ``unassessed`` where nothing was measured."""
        return worst_level(Level(row.worst) for row in self.rows)

    def reaches(self, level: Level | str) -> bool:
        """Whether a finding of any system is of ``level`` or worse."""
        worst = self.worst
        return worst is not Level.UNASSESSED and LEVEL_ORDER.index(worst) >= LEVEL_ORDER.index(Level(level))


def assess_many(
    portfolio: Path | str,
    out: Path | str,
    jobs: int = 2,
    resume: bool = False,
    progress: Callable[[str], None] = print,
    *,
    kernel_name: str = DEFAULT_KERNEL,
    seconds: float = MOST_SECONDS,
) -> PortfolioResult:
    """Assess every system of a portfolio and leave ``summary.html``, ``summary.csv`` and ``summary.json``.

    Args:
        portfolio: the file, see :func:`~secure_ai.assess.run.portfolio.read_portfolio`.
        out: new or empty folder, or that of an earlier portfolio; each system has a folder in it.
        jobs: how many run at a time.
        resume: leave alone what is finished for the same parameters and inputs; what failed runs again.
        progress: receives one line per finished system.
        kernel_name: Jupyter kernel that runs the notebooks.
        seconds: after which a system is given up.

    Raises:
        UserError: if the portfolio or the folder is wrong; what is wrong with one system is in its row.
    """
    if jobs < 1:
        raise UserError("The number of jobs must be at least 1.")
    entries = read_portfolio(Path(portfolio))
    folder = Path(os.path.abspath(out))  # noqa: PTH100 - the name as given: a link is not followed
    _check_folder(folder, {entry.name for entry in entries})
    work = WorkFolder.beside(folder)
    live = Live(progress)
    try:
        with work.locked():
            known = {row.name: row for row in read_rows(folder)} if resume else {}
            folder.mkdir(parents=True, exist_ok=True)
            team = _Team(folder, work, kernel_name, seconds, resume)
            try:
                rows = _run_all(entries, known, team, live, jobs)
            finally:
                live.close()
                work.remove()
    except OSError as error:
        raise UserError(
            f"The summary could not be written ({system_reason(error)}): make room or choose another --out."
        ) from None
    return PortfolioResult(folder, rows)


class _Team:
    """Runs systems in processes of their own and ends those that are left."""

    def __init__(self, folder: Path, work: WorkFolder, kernel: str, seconds: float, resume: bool) -> None:
        self.folder, self.work, self.kernel, self.seconds, self.resume = folder, work, kernel, seconds, resume
        self.over = threading.Event()

    def assess(self, entry: Entry, known: Row | None) -> Row:
        """Return the row of one system, run or found finished."""
        row = Row(entry.name)
        try:
            parameters = entry.parameters()
        except UserError as error:
            return replace(row, failed=safe_sentence(str(error), None, *filter(None, [entry.file])))
        row = replace(row, digest=run_digest(parameters))
        target = self.folder / entry.name
        same = known is not None and not known.failed and known.digest == row.digest
        if same and known.manifest == fingerprint(str(target / MANIFEST)) and _is_whole(target):
            return known
        sentence = self._run(entry.name, parameters, target)
        if sentence:
            # The summary is handed on: it says what is wrong, not where the files lie.
            words = safe_sentence(sentence, parameters, target, self.folder, redact=parameters.redact)
            return replace(row, failed=words)
        return _row_of(target, row, parameters)

    def _run(self, name: str, parameters: AssessmentParameters, target: Path) -> str:
        answer = self.work.path / f"{name}.answer"
        answer.unlink(missing_ok=True)
        request = {
            "parameters": parameters.model_dump(mode="json", exclude_none=True),
            "out": str(target),
            "kernel": self.kernel,
            "resume": self.resume,
            "answer": str(answer),
        }
        self.work.keep(f"{name}.request", json.dumps(request))
        process = subprocess.Popen(
            [*COMMAND, str(self.work.path / f"{name}.request")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is for the portfolio
        )
        until = time.monotonic() + self.seconds
        while process.poll() is None:
            late = time.monotonic() > until
            if late or self.over.is_set():
                _end(process)
                return f"It was given up after {words_for(self.seconds)}." if late else "It was interrupted."
            time.sleep(LOOK_SECONDS)
        if process.returncode == 0:
            return ""
        with contextlib.suppress(OSError):
            return answer.read_text(encoding="utf-8")
        return f"Its process ended by itself (code {process.returncode}): assess it alone to see where."


def _run_all(
    entries: list[Entry], known: dict[str, Row], team: _Team, live: Live, jobs: int
) -> tuple[Row, ...]:
    rows = {entry.name: Row(entry.name, failed="It was not run.") for entry in entries}
    with ThreadPoolExecutor(min(jobs, len(entries)), thread_name_prefix="portfolio") as pool:
        running = {pool.submit(team.assess, entry, known.get(entry.name)): entry.name for entry in entries}
        try:
            live.status(_bar(0, len(entries)))
            for number, future in enumerate(as_completed(running), 1):
                name = running[future]
                rows[name] = _result(future, name)
                # After each one, so that a killed portfolio knows what is finished.
                write_summary(team.folder, list(rows.values()))
                live.line(f"{number} of {len(entries)}: {rows[name].words()}")
                live.status(_bar(number, len(entries)))
        except BaseException:
            team.over.set()
            for future in running:
                future.cancel()
            raise
    return tuple(rows.values())


def _result(future, name: str) -> Row:
    try:
        return future.result()
    except Exception as error:
        return Row(name, failed=f"It could not be run ({type(error).__name__}).")


def _row_of(target: Path, row: Row, parameters: AssessmentParameters) -> Row:
    try:
        content = json.loads((target / "findings.json").read_text(encoding="utf-8"))
        findings = [Finding.model_validate(one) for one in content["findings"]]
    except (OSError, ValueError, KeyError, TypeError):
        return replace(row, failed="Its findings cannot be read: assess it again.")
    measured = [finding for finding in findings if finding.outcome is not Outcome.UNASSESSED]
    return replace(
        row,
        subject=parameters.subject or "",
        sector=parameters.sector,
        worst=worst_level(finding.level for finding in findings).value,
        levels={level.value: sum(finding.level is level for finding in measured) for level in LEVEL_ORDER},
        above=sum(finding.outcome is Outcome.EXCEEDS_THRESHOLD for finding in findings),
        measured=len(measured),
        unassessed=len(findings) - len(measured),
        manifest=fingerprint(str(target / MANIFEST)) or "",
    )


def _is_whole(target: Path) -> bool:
    """Whether every output is there as the manifest says."""
    import hashlib

    try:
        outputs = json.loads((target / MANIFEST).read_text(encoding="utf-8"))["outputs"]
        return bool(outputs) and all(
            hashlib.sha256((target / name).read_bytes()).hexdigest() == digest
            for name, digest in outputs.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _check_folder(folder: Path, names: set[str]) -> None:
    try:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"The output folder {folder} is a file: choose another --out.")
        there = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    except (OSError, ValueError):
        raise UserError(f"The output folder {folder} cannot be read: choose another --out.") from None
    ours = {row.name for row in read_rows(folder)} | names
    allowed = {*SUMMARIES, *ours, *(f".{name}.work" for name in ours)}
    foreign = [name for name in there if name not in allowed]
    if foreign:
        raise UserError(
            f"The output folder {folder} holds files that are not an earlier portfolio (such as "
            f"{foreign[0]}): choose a new or empty folder."
        )


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        end_process(process.pid)
        process.wait()


def _bar(done: int, of: int, width: int = 30) -> str:
    filled = width * done // of
    return f"[{'#' * filled}{'.' * (width - filled)}] {done} of {of}"
