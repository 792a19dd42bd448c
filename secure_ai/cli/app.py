"""What every command shares: the group, exit codes, and bad input told in one sentence."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

import click

from secure_ai import __version__
from secure_ai.core.errors import UserError

BAD_INPUT = 2
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
SECTORS = click.Choice(["healthcare", "finance"])


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit with 0, 1 (found something), 2 (bad input), 3 (unassessed) or 130."""
    sys.exit(invoke(arguments))


def invoke(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; bad input becomes one sentence on standard error."""
    try:
        code = root.main(arguments, prog_name="secure-ai", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return BAD_INPUT
    except click.ClickException as error:
        path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "secure-ai"
        message = " ".join(error.format_message().split())
        return _refuse(f"{message.rstrip('.')}: see '{path} --help'.")
    except UserError as error:
        return _refuse(str(error))
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except RuntimeError as error:
        if str(error) != "Query interrupted":  # DuckDB's word for Ctrl-C
            raise
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def _refuse(sentence: str) -> int:
    print(f"Error: {sentence}", file=sys.stderr)
    return BAD_INPUT


@click.group()
@click.version_option(__version__, prog_name="secure-ai", message="%(prog)s %(version)s")
def root() -> None:
    """Learn to put AI to work safely, and measure your own systems. Nothing leaves this machine."""


def end_when_terminated() -> None:
    """Let SIGTERM end the process as Ctrl-C does: unfinished files and kernels go with it."""
    signal.signal(signal.SIGTERM, _stop)


def _stop(*_: object) -> None:
    raise SystemExit(TERMINATED)


def reading_options(command: Callable) -> Callable:
    """Add the options that say how a table is read: ``table``, ``delimiter`` and ``encoding``."""
    for option in (
        click.option("--encoding", help="Encoding of a text file, such as latin-1; UTF-8 if not given."),
        click.option("--delimiter", help="Separator of a text file; recognized if not given."),
        click.option("--table", help="Table of a database, or sheet of a workbook."),
    ):
        command = option(command)
    return command


def named(listed: str) -> list[str]:
    """Return the names of a list that is separated by commas."""
    return [part.strip() for part in listed.split(",") if part.strip()]


def pairs(given: tuple[str, ...], option: str, example: str) -> dict[str, str]:
    """Return the names and values of an option that is repeated as NAME=VALUE.

    Raises:
        UserError: if one has no name or no sign; it shows ``example``.
    """
    parts = [entry.partition("=") for entry in given]
    if any(not name or not sign for name, sign, _ in parts):
        raise UserError(f"{option} is NAME=VALUE, such as {option} {example}.")
    return {name: value for name, _, value in parts}


def read_cases(data: str, *, drop: str = "", label: str = "") -> tuple[Any, Any]:
    """Return the rows of a table as a model takes them, and its column ``label`` (None without).

    Raises:
        UserError: if it cannot be read, or a column is not there.
    """
    from secure_ai.core.sources import open_source

    frame = open_source(data).to_pandas()
    for option, names in (("--drop", named(drop)), ("--label", [label] if label else [])):
        unknown = [name for name in names if name not in frame.columns]
        if unknown:
            raise UserError(f"{option} names a column that the data do not have: {unknown[0]}.")
    labels = frame[label].to_numpy() if label else None
    return frame.drop(columns=[*named(drop), *([label] if label else [])]), labels
