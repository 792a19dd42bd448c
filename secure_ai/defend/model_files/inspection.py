"""What is in a model's file, without opening it the way its author expects.

An inspection says what a file *is* and *asks for*. It can show that a file is hostile; that a pickle looks
harmless is no reason to load it, because what is allowed by name can be misused.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from secure_ai.attack.supply_chain.guards import Limits
from secure_ai.attack.supply_chain.process import ContainedError, ContainedProcess
from secure_ai.attack.supply_chain.watch import read_file
from secure_ai.core.sources import shown
from secure_ai.defend.model_files.formats import ENDINGS, PICKLES, Format, format_of, inner_pickles

if TYPE_CHECKING:
    import pandas as pd

READ_LIMITS = Limits(seconds=60.0, cpu_seconds=60, memory_mib=4096, file_mib=1)


@dataclass(frozen=True)
class Inspection:
    """What a model's file is and asks for.

    Attributes:
        file: its name.
        format: by content.
        size: bytes.
        digest: ``sha256:`` and 64 hexadecimal digits.
        names: columns ``name``, ``kind`` (data, estimator, other): what it asks for; empty where the format
            asks for nothing. Kind *other* is what could do anything.
        problem: why it could not be read to its end; empty if it was.
    """

    file: str
    format: Format
    size: int
    digest: str
    names: pd.DataFrame
    problem: str = ""

    def unexpected(self) -> list[str]:
        """Return the names that neither data nor an estimator of scikit-learn needs."""
        return self.names.loc[self.names["kind"] == "other", "name"].tolist()

    def suspicious(self) -> bool:
        """Say whether it asks for something that no model of scikit-learn needs, or hides something."""
        return bool(self.unexpected()) or (self.format.acts == "yes" and bool(self.problem))

    def ending_fits(self) -> bool | None:
        """Say whether its ending is usual for its content; None where none is."""
        usual = ENDINGS.get(self.format.name)
        return None if usual is None else Path(self.file).suffix.lower() in usual

    def sentence(self) -> str:
        """Say what the file is, and whether opening it can run code."""
        acts = {"yes": "opening it can run any code", "no": "opening it runs no code"}
        text = f"{self.file} is {_a(self.format.name)}: " + acts.get(
            self.format.acts, "whether opening it can run code is not known"
        )
        if self.format.note:
            text += f" ({self.format.note})"
        unexpected = self.unexpected()
        if unexpected:
            text += f"; it asks for {', '.join(unexpected[:4])}" + ("…" if len(unexpected) > 4 else "")
            text += ", which no model of scikit-learn needs"
        elif len(self.names):
            text += f"; the {len(self.names)} names that it asks for are of data and estimators"
        if self.problem:
            text += f"; it could not be read to its end ({self.problem})"
        if self.ending_fits() is False:
            text += f"; its ending '{shown(Path(self.file).suffix)}' says something else"
        return text + "."


def inspect_model_file(path: str | Path, *, limits: Limits = READ_LIMITS) -> Inspection:
    """Say what a model's file is and asks for; nothing in it is run.

    Args:
        path: any file.
        limits: of the process that reads pickles.

    Raises:
        UserError: if the file is absent, empty, no file, or too large.
    """
    file = Path(path)
    return inspect_content(read_file(file), file.name, limits=limits)


def inspect_content(
    content: bytes, name: str, *, limits: Limits = READ_LIMITS, reader: PickleReader | None = None
) -> Inspection:
    """Inspect the bytes of a file, so that the very same bytes can be loaded afterwards.

    A ``reader`` that is given serves many files with one process.
    """
    import pandas as pd

    if reader is None:
        with PickleReader(limits) as own:
            return inspect_content(content, name, reader=own)
    found = format_of(content)
    rows, problem = [], ""
    if found.acts == "yes":
        rows, problem = _names_in_pickles(content, found, reader)
    elif found.name == "skops":
        from secure_ai.defend.model_files.skops_files import untrusted_types

        rows, problem = untrusted_types(content)
    names = pd.DataFrame(rows, columns=["name", "kind"])
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Inspection(shown(name), found, len(content), digest, names, problem)


class PickleReader:
    """A contained process that lists what pickles ask for; begun anew after a file that ended it."""

    def __init__(self, limits: Limits = READ_LIMITS) -> None:
        self.limits = limits
        self._process: ContainedProcess | None = None

    def __enter__(self) -> PickleReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def names(self, content: bytes) -> tuple[list[tuple[str, str]], str]:
        """Return the names, each with its kind, and why the pickle was not read to its end."""
        try:
            if self._process is None:
                task = "secure_ai.defend.model_files.names:read_names"
                self._process = ContainedProcess(task, limits=self.limits)
            message, _ = self._process.ask({}, content, most=0, what="give its names")
        except ContainedError as error:
            self.close()
            return [], str(error).rstrip(".")
        names = message.get("names")
        if not isinstance(names, list):
            return [], "the reader gave no names"
        rows = [
            (shown(f"{n[0]}.{n[1]}"), n[2] if n[2] in ("data", "estimator") else "other")
            for n in names
            if isinstance(n, list) and len(n) == 3
        ]
        return rows, shown(str(message.get("problem", "")))


def _names_in_pickles(
    content: bytes, found: Format, reader: PickleReader
) -> tuple[list[tuple[str, str]], str]:
    streams = [content] if found.name in PICKLES else inner_pickles(content)
    rows: dict[tuple[str, str], None] = {}
    problems = [] if streams else ["the pickle inside was not found"]
    for stream in streams:
        names, problem = reader.names(stream)
        rows.update(dict.fromkeys(names))
        problems += [problem] if problem else []
    return list(rows), "; ".join(dict.fromkeys(problems))


def _a(name: str) -> str:
    return {"unknown": "of an unknown format", "npy": "an npy array", "hdf5": "an HDF5 file"}.get(
        name, f"a {name} file"
    )
