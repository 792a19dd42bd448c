"""What the scanners fickling and modelscan say about files, beside what the files do.

A scanner that goes by a list of bad names passes what is not on the list; one that goes by a list of good
names alarms on honest models. Both read hostile content, so they run in a contained process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from secure_ai.attack.supply_chain.guards import Limits
from secure_ai.attack.supply_chain.process import ContainedError, ContainedProcess
from secure_ai.attack.supply_chain.watch import read_file
from secure_ai.core import Measurement, UserError
from secure_ai.core.intervals import wilson
from secure_ai.defend.model_files.inspection import PickleReader, inspect_content

if TYPE_CHECKING:
    import pandas as pd

FLAGGED, PASSED, NOT_READ = "flagged", "passed", "not read"
VERDICTS = (FLAGGED, PASSED, NOT_READ)
SCANNERS = ("fickling", "modelscan", "names")
SCAN_LIMITS = Limits(seconds=60.0, cpu_seconds=120, memory_mib=4096, file_mib=2048)
SOURCE = "fickling 0.1 (Trail of Bits); modelscan 0.8 (Protect AI)"


@dataclass(frozen=True)
class ScannerComparison:
    """What each scanner says about files of which it is known whether they act.

    Attributes:
        table: columns ``file``, ``acts`` (bool), then one for each scanner: flagged, passed, not read. The
            scanner ``names`` is this kit's inspection: any name beyond data and estimators.
    """

    table: pd.DataFrame

    def measurements(self) -> list[Measurement]:
        """Return the share of hostile files that each scanner flags; control: of honest files."""
        hostile, honest = self.table[self.table["acts"]], self.table[~self.table["acts"]]
        found = []
        for scanner in SCANNERS:
            caught = int((hostile[scanner] == FLAGGED).sum())
            found.append(
                Measurement(
                    name=f"hostile_files_flagged_by_{scanner}",
                    value=caught / len(hostile),
                    unit="share of files",
                    n=len(hostile),
                    baseline=0.0,
                    control=float((honest[scanner] == FLAGGED).mean()),
                    interval=wilson(caught, len(hostile)),
                    method="flagged files that act; baseline: no scanner; control: honest files flagged",
                    source=SOURCE,
                )
            )
        return found

    def missed(self, scanner: str) -> list[str]:
        """Return the files that act and that a scanner does not flag."""
        table = self.table
        return table.loc[table["acts"] & (table[scanner] != FLAGGED), "file"].tolist()

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self.table.copy()

    def sentence(self) -> str:
        """Say what each catches, and how often it alarms on honest files."""
        acts = self.table["acts"]
        parts = []
        for scanner in SCANNERS:
            flagged = self.table[scanner] == FLAGGED
            parts.append(
                f"{scanner} flags {int((flagged & acts).sum())} of {int(acts.sum())} files that act and "
                f"{int((flagged & ~acts).sum())} of {int((~acts).sum())} that do not"
            )
        missed = set.intersection(*(set(self.missed(scanner)) for scanner in ("fickling", "modelscan")))
        text = "; ".join(parts)
        return text + (
            f". Neither fickling nor modelscan flags: {', '.join(sorted(missed))}." if missed else "."
        )


def compare_scanners(
    hostile: Mapping[str, str | Path], honest: Mapping[str, str | Path], *, limits: Limits = SCAN_LIMITS
) -> ScannerComparison:
    """Have every scanner look at files that act and at files that do not.

    Args:
        hostile: name → path of files that act when opened.
        honest: name → path of files that do not.
        limits: of the process in which the scanners run.

    Raises:
        UserError: if a group is empty, or a file cannot be read.
    """
    if not hostile or not honest:
        raise UserError("Scanners are compared on files that act and on files that do not: give both.")
    table = scan_files({**hostile, **honest}, limits=limits)
    table.insert(1, "acts", [name in hostile for name in table["file"]])
    return ScannerComparison(table)


def scan_files(files: Mapping[str, str | Path], *, limits: Limits = SCAN_LIMITS) -> pd.DataFrame:
    """Return what each scanner says: columns ``file``, ``fickling``, ``modelscan``, ``names``.

    A file at which a scanner hangs or crashes is *not read* by it, and the next is taken up by a new process.
    """
    import pandas as pd

    contents = {name: (Path(path).name, read_file(Path(path))) for name, path in files.items()}
    rows = {name: {"file": name} for name in contents}
    for scanner in ("fickling", "modelscan"):
        for name, verdict in _scanned(scanner, contents, limits).items():
            rows[name][scanner] = verdict
    with PickleReader() as reader:
        for name, (file, content) in contents.items():
            found = inspect_content(content, file, reader=reader)
            rows[name]["names"] = FLAGGED if found.suspicious() else PASSED
    return pd.DataFrame(list(rows.values()), columns=["file", *SCANNERS])


def _scanned(scanner: str, contents: Mapping[str, tuple[str, bytes]], limits: Limits) -> dict[str, str]:
    verdicts: dict[str, str] = {}
    left = list(contents)
    while left:
        try:
            with ContainedProcess(
                "secure_ai.defend.model_files.scanning:scan",
                {"scanner": scanner},
                limits=limits,
                imports=[scanner if scanner == "fickling" else "modelscan.modelscan"],
            ) as process:
                while left:
                    name = left.pop(0)
                    verdicts[name] = NOT_READ
                    file, content = contents[name]
                    said, _ = process.ask({"file": Path(file).suffix}, content, most=0, what="scan")
                    verdicts[name] = said["verdict"] if said.get("verdict") in VERDICTS else NOT_READ
        except ContainedError:
            continue
    return verdicts
