"""Text files: read in parts of whole lines, so that a file of any size needs little memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from secure_ai.anonymize.deidentify.actions import Actions
from secure_ai.anonymize.deidentify.receipt import Journal
from secure_ai.anonymize.deidentify.text import TextCleaner
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

PART = 100_000
"""Characters read at a time; a part ends at a blank line where there is one in its last half."""
MAX_LINE = 4_000_000
"""Most characters of one line: a longer one is no text that people wrote."""


def clean_document(path: Path, out: Path, actions: Actions, journal: Journal, person: str | None) -> None:
    """De-identify the text file ``path`` into ``out``; names are linked all through the file.

    Raises:
        UserError: if it is not UTF-8, holds null bytes or a line of more than :data:`MAX_LINE` characters.
    """
    cleaner = TextCleaner(actions)
    people = actions.people()
    whose = person or path.stem
    with out.open("w", encoding="utf-8", newline="") as file:
        for part in parts(path):
            (document,) = cleaner.clean([part], [whose], people)
            journal.tally.add(document.tally)
            journal.rows += part.count("\n") + (not part.endswith("\n"))
            file.write(document.text)


def parts(path: Path) -> Iterator[str]:
    """Yield the text of ``path`` in parts of whole lines.

    Raises:
        UserError: as :func:`clean_document`.
    """
    held: list[str] = []
    size = 0
    for line in lines(path):
        held.append(line)
        size += len(line)
        if size >= PART or (size >= PART // 2 and not line.strip()):
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file with their ends.

    Raises:
        UserError: as :func:`clean_document`, with the line's number.
    """
    label = shown(path.name)
    number = 0
    try:
        with path.open(encoding="utf-8", newline="") as file:
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    raise UserError(
                        f"{label} has a line of more than {MAX_LINE:,} characters (line {number:,}): "
                        "break it up."
                    )
                if "\0" in line:
                    raise UserError(
                        f"{label} holds null bytes (line {number:,}): it is no text file, or no UTF-8."
                    )
                yield line
    except UnicodeDecodeError:
        raise UserError(
            f"{label} is not UTF-8 text all through (after line {number:,}): save it as UTF-8."
        ) from None
