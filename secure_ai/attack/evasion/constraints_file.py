"""Constraints from a YAML file, checked before anything is attacked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from secure_ai.core import UserError

MOST_BYTES = 1_000_000
Value = str | int | float | bool


class ConstraintsFile(BaseModel):
    """The names and shapes of a constraints file; meaning as in :class:`Constraints`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    immutable: tuple[str, ...] = ()
    increasing: tuple[str, ...] = ()
    decreasing: tuple[str, ...] = ()
    integer: tuple[str, ...] = ()
    ranges: dict[str, tuple[float | None, float | None]] = {}
    categories: dict[str, tuple[Value, ...]] = {}
    ordered: dict[str, tuple[Value, ...]] = {}
    one_hot: dict[str, tuple[str, ...]] = {}
    none_allowed: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()
    costs: dict[str, float | dict[str, float]] = {}
    cost_unit: str = ""


def read(path: str | Path) -> dict[str, Any]:
    """Return the arguments of :class:`Constraints` that a file holds.

    Raises:
        UserError: if it cannot be read, is no YAML, or holds a name or value that is not known.
    """
    import yaml

    file = Path(path)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise UserError(
                f"The constraints file {file.name} is larger than a megabyte: it is another file."
            )
        if not file.is_file():
            raise OSError  # reading a pipe would never end
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserError(
            f"The constraints file {file.name} cannot be read: check its path and rights."
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise UserError(f"The constraints file {file.name} is no valid YAML{where}: check indents.") from None
    if not isinstance(content, dict):
        raise UserError(
            f"The constraints file {file.name} holds no rules: write lines like 'immutable: [age]'."
        )
    try:
        return ConstraintsFile.model_validate(content).model_dump()
    except (ValidationError, RecursionError) as error:
        problem = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else {"loc": ()}
    place = ".".join(str(part)[:40] for part in problem["loc"]) or "the whole"
    known = ", ".join(ConstraintsFile.model_fields)
    raise UserError(
        f"The constraints file {file.name} is wrong at '{place}': the rules are {known}, each with columns "
        "and values as the chapter shows."
    )
