"""Commands of the playbook: doctor, start, data and lab."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click

from secure_ai.cli.app import SECTORS, root
from secure_ai.core.errors import UserError

FORMATS = click.Choice(["csv", "parquet", "fhir", "iso20022"])


@root.command()
@click.option("--quick", is_flag=True, help="Only what can be told without loading the libraries.")
def doctor(quick: bool) -> int:
    """Check every part of the kit: one OK or FAIL line each, a failure with its remedy."""
    from secure_ai.doctor import all_ok, run_checks

    checks = run_checks(quick=quick)
    for check in checks:
        print(check)
    failed = sum(not check.ok for check in checks)
    print("Everything works." if not failed else f"{failed} of {len(checks)} parts need attention.")
    return 0 if all_ok(checks) else 1


@root.command()
@click.option("--path", "role", help="Path by role, such as compliance: it is remembered.")
@click.option("--sector", type=SECTORS, help="With --path: the hospital or the bank; it is remembered.")
@click.option("--port", type=int, help="Port on 127.0.0.1; the first free one from 8888 up if not given.")
@click.option(
    "--browser/--no-browser", default=None, help="Open a browser; by default where there is a screen."
)
def start(role: str | None, sector: str | None, port: int | None, browser: bool | None) -> int:
    """Open JupyterLab on the start page, or on your path where you stopped."""
    from secure_ai.doctor import run_checks
    from secure_ai.start import choose_port, start_jupyterlab

    choose_port(port)  # Refused before anything is remembered or written.
    chosen = _path_to_open(role, sector)
    for check in run_checks(quick=True):
        print(check)
    if chosen is None:
        return start_jupyterlab(port, open_browser=browser)
    page, write = chosen
    return start_jupyterlab(port, open_browser=browser, page=page, before=write)


def _path_to_open(role: str | None, sector: str | None) -> tuple[str, Callable[[str], None]] | None:
    """Return what to open of the path that is given or remembered, and what writes its page; None without."""
    from secure_ai.learn import resume

    if role is not None:
        kept = resume.remember(role, sector or "")
    elif sector is not None:
        raise UserError("--sector goes with --path: give both.")
    else:
        try:
            kept = resume.remembered()
        except UserError as error:
            print(error)
            kept = None
    if kept is None:
        return None
    from secure_ai.learn.path_progress import next_step, path_progress
    from secure_ai.learn.progress_page import DEFAULT, write_progress_page
    from secure_ai.project import project_root

    kit = project_root()
    try:
        path = path_progress(kept.path, sector=kept.sector)
    except UserError as error:
        # A damaged progress file keeps nobody from learning.
        print(error)
        return None
    step = next_step(path, kit)

    def write(address: str) -> None:
        try:
            print(f"Your progress: {write_progress_page(path, kit / DEFAULT, root=kit, address=address)}")
        except UserError as error:
            print(error)

    print(f"Path: {path.role.title}. {path.summary()} {step.sentence}")
    return step.notebook or DEFAULT.as_posix(), write


@root.command()
@click.argument("sector", type=SECTORS)
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder: new, empty or an earlier output."
)
@click.option(
    "--rows", default=10_000, show_default=True, help="Patients (healthcare) or transactions (finance)."
)
@click.option("--seed", default=7, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--format",
    "fmt",
    type=FORMATS,
    default="csv",
    show_default=True,
    help="fhir: healthcare; iso20022: finance.",
)
def data(sector: str, out: Path, rows: int, seed: int, fmt: str) -> None:
    """Generate the synthetic hospital or bank."""
    from synthetic_data.generate import write_dataset

    try:
        files = write_dataset(sector, rows=rows, seed=seed, out=out, fmt=fmt)
    except ValueError as error:
        raise UserError(str(error)) from None
    for path in files:
        print(f"{path.stat().st_size:>14,} bytes  {path.relative_to(out)}")
    print(f"Wrote {len(files)} files to {out}.")


@root.group()
def lab() -> None:
    """List, rebuild, reset or submit the labs."""


@lab.command("list")
def lab_list() -> None:
    """List the labs with the tasks that you have solved."""
    from secure_ai.learn.labs import describe_labs
    from secure_ai.project import project_root

    print("\n".join(describe_labs(project_root())))


@lab.command("build")
def lab_build() -> None:
    """Generate labs/ from solutions/ (for authors)."""
    from secure_ai.learn.builder import build_all
    from secure_ai.project import project_root

    changed = build_all(project_root())
    print("\n".join(f"Wrote {path.name}" for path in changed) or "Every lab is up to date.")


@lab.command("reset")
@click.argument("name")
def lab_reset(name: str) -> None:
    """Start lab NAME (03 or 03_data_inventory) afresh; your work is kept as a dated copy."""
    from secure_ai.learn.labs import reset_lab
    from secure_ai.project import project_root

    print(reset_lab(project_root(), name, datetime.now()))


@lab.command("submit")
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="Write a receipt (JSON) here.")
def lab_submit(name: str, out: Path | None) -> int:
    """Run lab NAME from top to bottom and say which tasks are solved; exit code 1 if any is not."""
    from secure_ai.learn.labs import submit_lab
    from secure_ai.project import project_root

    submission = submit_lab(project_root(), name, out=out)
    print(submission)
    return 0 if submission.complete else 1
