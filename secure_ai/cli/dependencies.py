"""Commands about the packages that a system rests on: their bill of materials, advisories, patches."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from secure_ai.cli.app import root
from secure_ai.core.errors import UserError

FILE = click.Path(path_type=Path)
FOUND = 1


@root.group()
def dependencies() -> None:
    """Bill of materials of an environment, compared with known flaws, and when each is to be patched."""


@dependencies.command()
@click.argument("out", type=FILE)
@click.option(
    "--environment", type=FILE, help="Another environment's folder or python; this one if not given."
)
@click.option("--lock", type=FILE, help="A pip lock or requirements file instead of an environment.")
def bill(out: Path, environment: Path | None, lock: Path | None) -> None:
    """Write the bill of materials (CycloneDX, JSON) to OUT."""
    found = _bill(None, environment, lock)
    found.write(out)
    print(f"{len(found.components):,} components of {found.label}. Wrote {out}.")


@dependencies.command()
@click.argument("bill", type=FILE, required=False)
@click.option("--environment", type=FILE, help="Another environment's folder or python.")
@click.option("--lock", type=FILE, help="A pip lock or requirements file.")
@click.option(
    "--advisories", type=FILE, help="OSV file or archive (see refresh); the shipped sample if not given."
)
@click.option("--statements", type=FILE, help="YAML: which advisories do not concern you, and why.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day of the check; today if not given.")
@click.option("--out", type=FILE, help="Folder for the report, schedule, VEX and pip constraints.")
def check(
    *,
    bill: Path | None,
    environment: Path | None,
    lock: Path | None,
    advisories: Path | None,
    statements: Path | None,
    as_of: date | None,
    out: Path | None,
) -> int:
    """Compare a BILL of materials (this environment's if none is named) with advisories.

    Exit code 1 if something is affected. A package on which the file has no advisory is not thereby safe.
    """
    from secure_ai.defend.dependencies import (
        check_dependencies,
        patch_schedule,
        read_advisories,
        read_statements,
        sample_advisories,
        write_report,
    )

    known = sample_advisories() if advisories is None else read_advisories(advisories)
    answered = () if statements is None else read_statements(statements)
    day = date.today() if as_of is None else as_of.date()
    found = check_dependencies(_bill(bill, environment, lock), known, statements=answered, as_of=day)
    print(found.sentence())
    schedule = patch_schedule(found)
    if len(schedule):
        print(schedule[["package", "version", "to", "severity", "due"]].to_string(index=False))
    if advisories is None:
        print("The advisories are the shipped sample: 'secure-ai dependencies refresh' fetches today's.")
    if out is not None:
        print(f"Wrote {write_report(found, schedule, out)}.")
    return FOUND if found.affected else 0


@dependencies.command()
@click.argument("out", type=FILE)
@click.option("--environment", type=FILE, help="Keep what concerns this environment; else this very one.")
@click.option("--address", help="A mirror within the house; osv.dev's archive if not given.")
def refresh(out: Path, environment: Path | None, address: str | None) -> None:
    """Download the advisories on the packages that are installed, and write them to OUT.

    The whole archive is fetched and sifted here, so that nobody learns which versions you run.
    """
    from secure_ai.defend.dependencies import OSV_ADDRESS, refresh_advisories

    found = refresh_advisories(out, bill=_bill(None, environment, None), address=address or OSV_ADDRESS)
    print(f"{len(found.advisories):,} advisories, the newest of {found.newest}. Wrote {out}.")


def _bill(bill: Path | None, environment: Path | None, lock: Path | None):
    from secure_ai.defend.dependencies import environment_bill, lock_bill, read_bill

    if sum(one is not None for one in (bill, environment, lock)) > 1:
        raise UserError("Name one of a bill, --environment and --lock.")
    if bill is not None:
        return read_bill(bill)
    return environment_bill(environment) if lock is None else lock_bill(lock)
