"""What the commands of governance share: the day, the account, the audit trail, and documents in a folder."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secure_ai.core.errors import UserError, system_reason

if TYPE_CHECKING:
    import pandas as pd

    from secure_ai.core.audit import AuditLog
    from secure_ai.govern.records import Picture, Record

FILE = click.Path(path_type=Path)
FOUND = 1
UNASSESSED = 3
YEARS = range(1900, 2200)
LARGEST_INPUT = 5_000_000
MOST_BRACKETS = 2_000


class Day(click.ParamType):
    """A day as ``2026-01-31``."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the day, or say how one is written."""
        if isinstance(value, date):
            return value
        try:
            if len(value) != len("2026-01-31"):
                raise ValueError
            day = date.fromisoformat(value)
        except ValueError:
            self.fail("a day is written as 2026-01-31", param, ctx)
        if day.year not in YEARS:
            self.fail(f"the year is between {YEARS[0]} and {YEARS[-1]}", param, ctx)
        return day


DAY = Day()


def today_option(command: Callable) -> Callable:
    """Add ``--today``: the day that counts; the machine's if not given."""
    return click.option("--today", type=DAY, help="The day that counts; today if not given.")(command)


def trail_option(command: Callable) -> Callable:
    """Add ``--audit``: where the decision is recorded."""
    return click.option("--audit", type=FILE, help="Append what was decided to this file (JSON lines).")(
        command
    )


def actor_option(command: Callable) -> Callable:
    """Add ``--actor``: who decides or records."""
    return click.option("--actor", help="Account that decides or records; that of the session if not given.")(
        command
    )


def audit_option(command: Callable) -> Callable:
    """Add ``--audit`` and ``--actor``."""
    return trail_option(actor_option(command))


def formats_option(command: Callable) -> Callable:
    """Add ``--format``, which may be repeated: the formats of a document."""
    return click.option(
        "--format", "formats", multiple=True, type=click.Choice(["md", "html", "docx"]),
        default=("md", "html"), show_default=True, help="Repeat for more; docx needs pandoc.",
    )(command)  # fmt: skip


def day_of(today: date | None) -> date:
    """Return the day that was given, or the machine's."""
    return today or date.today()


def clock_of(today: date | None) -> Callable[[], datetime]:
    """Return the machine's clock, or one that stands at noon (UTC) of the day that was given."""
    from secure_ai.core.audit import utc_now

    if today is None:
        return utc_now
    moment = datetime.combine(today, time(12), UTC)
    return lambda: moment


def account(actor: str | None) -> str:
    """Return the account that was given, or that of the session.

    Raises:
        UserError: if it is no identifier: the name of a person with other signs has no place in a trail.
    """
    if actor is None:
        try:
            return getpass.getuser()
        except (OSError, KeyError):
            return "unknown account"
    if not 0 < len(actor.strip()) <= 80 or not actor.isprintable():
        raise UserError("--actor is the name of an account, of at most 80 letters and digits.")
    return actor.strip()


def open_audit(
    path: Path | None, actor: str | None, clock: Callable[[], datetime] | None = None
) -> tuple[AuditLog | None, str]:
    """Return the audit trail (None where no file is named) and the account.

    Raises:
        UserError: if the account is none, or the file cannot be written.
    """
    who = account(actor)
    if path is None:
        return None, who
    from secure_ai.core.audit import AuditLog

    return (AuditLog(path) if clock is None else AuditLog(path, clock=clock)), who


def person_given(value: str, what: str = "person") -> str:
    """Return the key of a person as given, or from standard input where it is ``-``.

    A key that is typed as an argument stays in the history of the shell.

    Raises:
        UserError: if it is empty.
    """
    if value == "-":
        value = sys.stdin.readline(10_000)
    if not value.strip():
        raise UserError(f"The {what} is empty: give a key, or - and the key on standard input.")
    return value.strip()


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """Return the names and values of a YAML file.

    Raises:
        UserError: if it cannot be read, is no YAML, or does not hold names with values.
    """
    import yaml

    try:
        text = read_bytes(path, what).decode("utf-8-sig")
        # Brackets in brackets take the parser minutes.
        if text.count("[") + text.count("{") > MOST_BRACKETS:
            raise ValueError
        content = yaml.safe_load(text)
    except UnicodeDecodeError:
        raise UserError(f"The {what} {path.name} is not UTF-8 text: save it as such.") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise UserError(
            f"The {what} {path.name} is not valid YAML: write one 'name: value' a line."
        ) from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UserError(f"The {what} {path.name} holds no names with values: write 'name: value' lines.")
    return content


def read_bytes(path: Path, what: str) -> bytes:
    """Return the bytes of a small file.

    Raises:
        UserError: if it cannot be read or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_INPUT + 1)
    except OSError as error:
        raise UserError(f"The {what} {path.name} cannot be read ({system_reason(error)}).") from None
    if len(content) > LARGEST_INPUT:
        raise UserError(f"The {what} {path.name} is larger than {LARGEST_INPUT // 10**6} MB: check it.")
    return content


def print_frame(frame: pd.DataFrame, nothing: str = "") -> None:
    """Print a table without its index, or ``nothing`` where it has no rows."""
    if len(frame):
        print(frame.to_string(index=False))
    elif nothing:
        print(nothing)


def write_documents(out: Path, records: list[Record], formats: tuple[str, ...], **files: bytes) -> None:
    """Write documents, and files by their name with ``_`` for the last dot, into a folder: all or none.

    What an earlier run wrote there is replaced.

    Raises:
        UserError: if the folder cannot be written, or holds files of somebody else.
    """
    from secure_ai.core.outputs import atomic_directory
    from secure_ai.govern.records import write_record

    end_when_stopped()
    note = ""
    if out.resolve() == Path.cwd():
        raise UserError("The folder would be replaced, and you are in it: name a new one for --out.")
    with atomic_directory(out) as draft:
        for record in records:
            note = write_record(record, draft, formats).note or note
        for name, content in files.items():
            stem, _, ending = name.rpartition("_")
            (draft / f"{stem}.{ending}").write_bytes(content)
        names = sorted(path.name for path in draft.iterdir())
        _require_own(out, {Path(name).stem for name in names})
    print(f"Wrote {', '.join(names)} to {out}.")
    if note:
        print(note)


def _require_own(folder: Path, stems: set[str]) -> None:
    # The folder is replaced as a whole: what is not ours must not go with it.
    others = [path for path in folder.iterdir() if path.stem not in stems] if folder.is_dir() else []
    if others:
        raise UserError(f"The folder {folder.name or folder} holds other files: choose a new one for --out.")


def picture(figure: Any, caption: str, in_words: str) -> Picture:
    """Return a figure as a part of a document, the same bytes for the same figure, and close it."""
    from io import BytesIO

    import matplotlib.pyplot as plt

    from secure_ai.govern.records import Picture

    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)
    return Picture(buffer.getvalue(), caption, in_words)


def end_when_stopped() -> None:
    """Let SIGTERM end the process as Ctrl-C does, where this is the main thread."""
    import threading

    from secure_ai.cli.app import end_when_terminated

    if threading.current_thread() is threading.main_thread():
        end_when_terminated()


def as_json(content: Any) -> bytes:
    """Return content as JSON, the same for the same content."""
    import json

    return (json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n").encode()
