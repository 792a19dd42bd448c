"""Constraints from a YAML file, checked before anything is attacked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from secure_ai.core import UserError
from secure_ai.core.yaml_files import read_yaml

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
    file = Path(path)
    content = read_yaml(file, "constraints file")
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
