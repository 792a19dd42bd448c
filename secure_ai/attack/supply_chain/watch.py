"""Open a file where it can do no harm, and report what it did: files, programs, connections, code.

The report comes from an audit hook (PEP 578), which code in the file could evade, and from the folder that it
was given, which it could not. The guards hold in either case.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from secure_ai.attack.supply_chain.guards import Guards, Limits
from secure_ai.attack.supply_chain.process import ContainedError, ContainedProcess
from secure_ai.core import UserError
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["loaded", "failed", "ended"]
MOST_EVENTS = 500
MOST_BYTES = 1 << 31
WATCH_LIMITS = Limits(seconds=30.0, cpu_seconds=20, memory_mib=4096, file_mib=1)
KINDS = {
    "imports": "asks for",
    "code": "runs code",
    "program": "starts a program",
    "connection": "connects",
    "write": "writes",
    "read": "reads",
    "library": "loads a library",
}


@dataclass(frozen=True)
class Watched:
    """What a file did when it was opened.

    Attributes:
        file: its name.
        outcome: loaded, failed (an error while it was opened), or ended (crash, limit or time).
        reason: why it failed or was ended; empty if it was loaded.
        events: columns ``kind`` (a key of KINDS), ``what``; in the order in which they happened.
        left_behind: names of the files that it left in its folder.
        guards: what was closed to it.
    """

    file: str
    outcome: Outcome
    reason: str
    events: pd.DataFrame
    left_behind: tuple[str, ...]
    guards: Guards

    def acts(self) -> pd.DataFrame:
        """Return the events that no weights need: code, programs, connections, files, libraries."""
        return self.events[self.events["kind"] != "imports"].reset_index(drop=True)

    def ran_code(self) -> bool:
        """Say whether it did more than to put objects together."""
        return bool(len(self.acts())) or bool(self.left_behind)

    def to_frame(self) -> pd.DataFrame:
        """Return the acts in words: columns ``act``, ``what``."""
        acts = self.acts()
        return acts.assign(act=acts["kind"].map(KINDS))[["act", "what"]]

    def sentence(self) -> str:
        """Say what it did."""
        acts = self.acts()["kind"].value_counts()
        counted = ", ".join(f"{KINDS[kind]} ({acts[kind]}x)" for kind in KINDS if kind in acts)
        text = f"{self.file}, when opened: " + (counted or "puts objects together and does nothing else")
        if self.left_behind:
            text += f"; leaves {', '.join(self.left_behind)}"
        ends = {"loaded": "it loads as if nothing had happened" if self.ran_code() else "it loads"}
        return f"{text}; {ends.get(self.outcome, self.reason)}."


def watch_load(path: str | Path, *, processes: bool = False, limits: Limits = WATCH_LIMITS) -> Watched:
    """Unpickle a file in a contained process and report what it did.

    Args:
        path: a pickle, or a file written by joblib.
        processes: let it start programs (under the same guards); without, the attempt is reported and fails.
        limits: time, memory, size of files.

    Raises:
        UserError: if the file cannot be read, or this system cannot close the network or other files to it.
    """
    import pandas as pd

    file = Path(path)
    content = read_file(file)
    rows: list[tuple[str, str]] = []
    outcome, reason, left = "ended", "", ()
    with ContainedProcess(
        "secure_ai.attack.supply_chain.hook:watch",
        content=content,
        limits=limits,
        processes=processes,
        imports=["joblib.numpy_pickle", "numpy"],
    ) as process:
        open_guards = {name for name in process.guards.open() if name in ("network", "files")}
        if open_guards:
            raise UserError(
                f"This system does not close {' and '.join(sorted(open_guards))} to another process, so the "
                f"file is not opened here. {process.guards.sentence()}"
            )
        try:
            outcome, reason = _listen(process, rows)
        except ContainedError as error:
            reason = str(error).rstrip(".").replace("It ", "it ", 1)
        else:
            left = tuple(sorted(entry.name for entry in process.folder.iterdir()))
            process.close()
    events = pd.DataFrame(rows, columns=["kind", "what"])
    return Watched(shown(file.name), outcome, reason, events, left, process.guards)


def read_file(file: Path, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        UserError: if it is absent, empty, no file, larger than ``most``, or cannot be read.
    """
    name = shown(file.name or str(file))
    try:
        if not file.exists():
            raise UserError(f"The file {name} does not exist: check the path.")
        if not file.is_file():
            raise UserError(f"{name} is no file (a folder, device or pipe): name the model's file.")
        size = file.stat().st_size
        if not size:
            raise UserError(f"The file {name} is empty: export the model again.")
        if size > most:
            raise UserError(f"The file {name} is larger than {most >> 20:,} MiB, more than this kit reads.")
        return file.read_bytes()
    except (OSError, ValueError):
        raise UserError(f"The file {name} cannot be read: check its path and its rights.") from None


def _listen(process: ContainedProcess, rows: list[tuple[str, str]]) -> tuple[Outcome, str]:
    message: dict[str, Any] = {}
    while "done" not in message:
        message, _ = process.ask(None, most=0, what="open")
        kind, what = message.get("kind"), message.get("what")
        if kind in KINDS and len(rows) < MOST_EVENTS:
            text = str(what).replace(str(process.folder.resolve()), "<folder>")
            rows.append((kind, shown(text.replace(str(process.folder), "<folder>"))))
    if message["done"] == "loaded":
        return "loaded", ""
    return "failed", f"it fails while it is opened ({shown(str(message['done']))})"
