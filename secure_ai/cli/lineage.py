"""Commands about lineage: back from a prediction, forward from a record, and whether files still match."""

from __future__ import annotations

from pathlib import Path

import click

from secure_ai.cli.app import root
from secure_ai.core.errors import UserError

FILE = click.Path(path_type=Path)
FOUND = 1
WAYS = click.Choice(["back", "forward"])


@root.group()
def lineage() -> None:
    """Which rows a prediction rests on, and which models and predictions a bad row has touched.

    FOLDER is one that a pipeline has kept with secure_ai.defend.lineage (OpenLineage events).
    """


@lineage.command()
@click.argument("folder", type=FILE)
@click.argument("way", type=WAYS)
@click.option("--identifier", required=True, help="Column that identifies the record, as named on reading.")
@click.option("--value", required=True, help="Its value; only a keyed digest of it is kept and compared.")
def trace(folder: Path, way: str, identifier: str, value: str) -> int:
    """Follow a record BACK to its sources or FORWARD to all that it touched; exit code 1 if it is unknown."""
    found = _lineage(folder)
    rows = found.find(identifier, value)
    if not rows:
        print("No row is recorded with this value.")
        return FOUND
    followed = found.back(rows) if way == "back" else found.forward(rows)
    print(followed.sentence())
    print(followed.to_frame().to_string(index=False))
    return 0


@lineage.command("verify")
@click.argument("folder", type=FILE)
def verify_lineage(folder: Path) -> int:
    """Check that the files of row links are those that the events name; exit code 1 if one is not."""
    problems = _lineage(folder).verify()
    if len(problems):
        print(problems.to_string(index=False))
    print(f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}.")
    return FOUND if len(problems) else 0


def _lineage(folder: Path):
    from secure_ai.defend.lineage import Lineage

    if not folder.is_dir():
        raise UserError(f"There is no folder of lineage {folder.name}: check its path.")
    return Lineage(folder)
