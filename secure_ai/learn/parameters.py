"""Parameters of a notebook: an unknown or ill-typed one is an error that lists the known ones."""

from __future__ import annotations

import ast
import numbers
import os
import sys
from collections.abc import Mapping
from typing import Any, TypeVar

from secure_ai.core.errors import UserError

SECTORS = ("healthcare", "finance")
ROWS = (100, 1_000_000)
SEED_LIMIT = 2**32  # what numpy and scikit-learn accept
INJECTED = "# Parameters"  # the first line of the cell that papermill inserts


Choice = TypeVar("Choice")


class ParameterError(UserError):
    """A notebook was given a parameter that it does not know or cannot use."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def check_parameters(*, sector: str, seed: int, rows: int, **more: Any) -> None:
    """Check the parameters of this notebook; call it first in the set-up cell.

    Args:
        sector: ``healthcare`` or ``finance``.
        seed: whole number from 0 to 2**32 - 1.
        rows: whole number from 100 to 1,000,000.
        more: further parameters of this notebook by name. Under papermill each value that was passed
            in must be of the type of its default in the parameters cell.

    Raises:
        ParameterError: in one sentence, if papermill passed in a name that the notebook does not
            know, or a value is not usable. Papermill itself would only warn and go on.
    """
    known = ("sector", "seed", "rows", *more)
    injected, defaults = _papermill_cells(_history())
    unknown = sorted(set(injected) - set(known) - set(defaults))
    if unknown:
        names = " and ".join(f"'{name}'" for name in unknown)
        plural = "parameters" if len(unknown) > 1 else "parameter"
        raise ParameterError(f"Unknown {plural} {names}: this notebook knows {', '.join(known)}.")
    if sector not in SECTORS:
        raise ParameterError(f"The parameter 'sector' must be {' or '.join(SECTORS)}: set it to one of them.")
    _check_whole("seed", seed, 0, SEED_LIMIT - 1)
    _check_whole("rows", rows, *ROWS)
    for name, value in more.items():
        if name in injected and name in defaults and not _like(value, defaults[name]):
            raise ParameterError(
                f"The parameter '{name}' must be {_kind(defaults[name])}, such as {defaults[name]!r}, "
                f"but it is {_kind(value)}."
            )
    # Every lesson and lab begins here, so this is the top of both.
    if os.environ.get("SECURE_AI_BOARD"):
        from secure_ai.learn.seat_bar import show_bar

        show_bar()


def of_sector(choices: Mapping[str, Choice], sector: str) -> Choice:
    """Return what belongs to a sector.

    Raises:
        UserError: if there is nothing of this name.
    """
    if sector not in choices:
        raise UserError(f"There is no such sector: choose from {', '.join(choices)}.")
    return choices[sector]


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or not least <= value <= most:
        raise ParameterError(f"The parameter '{name}' must be a whole number from {least:,} to {most:,}.")


def _like(value: Any, default: Any) -> bool:
    if default is None or value is None:
        return default is None
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _kind(value: Any) -> str:
    kinds = {str: "text", bool: "True or False", int: "a whole number", float: "a number", list: "a list"}
    return kinds.get(type(value), "nothing (None)" if value is None else f"a {type(value).__name__}")


def _history() -> list[str]:
    if "IPython" not in sys.modules:
        return []
    shell = sys.modules["IPython"].get_ipython()
    return [] if shell is None else [str(cell) for cell in shell.user_ns.get("In", [])]


def _papermill_cells(cells: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what papermill injected, and the defaults of the parameters cell just before it."""
    places = [index for index, cell in enumerate(cells) if cell.lstrip().startswith(INJECTED)]
    if not places:
        return {}, {}
    before = cells[places[-1] - 1] if places[-1] > 0 else ""
    return _assignments(cells[places[-1]]), _assignments(before, only=True)


def _assignments(source: str, only: bool = False) -> dict[str, Any]:
    """Return the literals assigned in ``source``; with ``only``, nothing if the cell does anything else."""
    found: dict[str, Any] = {}
    try:
        statements = ast.parse(source).body
    except SyntaxError:
        return {}
    for statement in statements:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if len(targets) != 1 or not isinstance(targets[0], ast.Name):
            if only:
                return {}
            continue
        try:
            found[targets[0].id] = ast.literal_eval(statement.value)  # type: ignore[attr-defined]
        except (ValueError, TypeError):
            found[targets[0].id] = None
    return found
