"""Documents as files: Markdown, HTML and, through pandoc where it is installed, DOCX; all of them or none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path

from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.govern.records.document import Record, is_wide
from secure_ai.govern.records.docx import dress
from secure_ai.govern.records.markdown import to_markdown
from secure_ai.govern.records.page import to_html, to_plain_html
from secure_ai.govern.records.words import plain

FORMATS = ("md", "html", "docx")
NO_PANDOC = "pandoc is not installed: no DOCX was written; the other formats were."
PANDOC_SECONDS = 60
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
# For a document without a date: DOCX stores one, and the clock would make each run another file.
NO_DATE = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: format → file, and what could not be, in a sentence (empty if all was)."""

    files: dict[str, Path]
    note: str = ""

    def sentence(self) -> str:
        """Return in a sentence what was written."""
        names = ", ".join(path.name for path in self.files.values()) or "nothing"
        return f"Written: {names}." + (f" {self.note}" if self.note else "")


def write_record(record: Record, folder: str | Path, formats: Iterable[str] = FORMATS) -> Written:
    """Write a document as ``<file_name>.md``, ``.html`` and ``.docx``; other files in the folder stay.

    DOCX needs pandoc on the PATH; without it the note says so and the other formats are written.

    Raises:
        UserError: for an unknown format, a file name with other characters than letters, digits, ``.``,
            ``_`` and ``-``, a folder that cannot be written, or a DOCX that pandoc could not make.
    """
    wanted = tuple(dict.fromkeys([formats] if isinstance(formats, str) else formats))
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise UserError(
            f"'{shown(str(unknown[0] if unknown else ''))}' is no format: choose from md, html, docx."
        )
    if not NAME.fullmatch(record.file_name):
        raise UserError(
            f"The file name '{shown(record.file_name)}' does not fit: use letters, digits, '.', '_' and '-'."
        )
    target = Path(folder)
    if target.exists() and not target.is_dir():
        raise UserError(f"The output {shown(target.name)} is a file: name a folder for the document.")
    note = NO_PANDOC if "docx" in wanted and find_pandoc() is None else ""
    files = {name: target / f"{record.file_name}.{name}" for name in wanted if not (name == "docx" and note)}
    with ExitStack() as stack:
        for name, path in files.items():
            draft = stack.enter_context(atomic_file(path))
            if name == "docx":
                _write_docx(record, draft)
            else:
                draft.write_text(to_markdown(record) if name == "md" else to_html(record), "utf-8")
    return Written(files, note)


def find_pandoc() -> str | None:
    """Return where pandoc is, or None."""
    return shutil.which("pandoc")


def _write_docx(record: Record, target: Path) -> None:
    raw = target.with_name(f"{target.name}.raw.docx")
    moment = datetime.combine(record.dated or NO_DATE, time(), UTC)
    # Every value is escaped and every picture inside, so pandoc finds no file or address to fetch. Its
    # --sandbox would not work with distributions that keep the parts of a DOCX as files of their own.
    command = [find_pandoc() or "pandoc", "--from=html", "--to=docx", f"--output={raw}"]
    command += [f"--metadata=title:{plain(record.title)}", f"--metadata=lang:{plain(record.language)}"]
    try:
        done = subprocess.run(
            command,
            input=to_plain_html(record).encode(),
            capture_output=True,
            timeout=PANDOC_SECONDS,
            env={**os.environ, "SOURCE_DATE_EPOCH": str(int(moment.timestamp()))},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise UserError("pandoc did not finish: write the document without docx, as md and html.") from None
    if done.returncode or not raw.exists():
        raise UserError(
            f"pandoc could not make the DOCX (exit code {done.returncode}): check that pandoc works, or "
            "write the document as md and html."
        )
    dress(raw, target, wide=is_wide(record))
