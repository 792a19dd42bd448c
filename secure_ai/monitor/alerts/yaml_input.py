"""Reads a YAML file into a pydantic model; whatever is wrong is one sentence that shows no value."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from secure_ai.core.errors import UserError

MOST_BYTES = 1_000_000
Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """A part of a file: frozen, unknown names refused, values never in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)


def read_yaml(path: str | Path, what: str) -> Any:
    """Return what a YAML file holds.

    Raises:
        UserError: if it cannot be read or is no YAML; ``what`` names it.
    """
    file = Path(path)
    try:
        if file.stat().st_size > MOST_BYTES:
            raise UserError(f"The {what} {file.name} is larger than a megabyte: it is another file.")
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserError(f"The {what} {file.name} cannot be read: check its path and its rights.") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise UserError(
            f"The {what} {file.name} is no valid YAML{where}: check indents and quotes."
        ) from None


def checked(model: type[Model], content: Any, what: str) -> Model:
    """Return ``content`` as ``model``.

    Raises:
        UserError: that names the first wrong place, what is wanted there, and never the value.
    """
    if not isinstance(content, dict):
        raise UserError(f"The {what} holds no 'name: value' lines: start from the kit's example.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    except RecursionError:
        raise UserError(f"The {what} is nested too deeply: start from the kit's example.") from None
    parts = [str(part)[:40] for part in problem["loc"]]
    place = ".".join(parts) or "the whole"
    if problem["type"] == "extra_forbidden":
        raise UserError(
            f"The {what} has a setting that is not known, {place}: remove or rename it."
        ) from None
    message = str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
    raise UserError(f"The {what} is wrong at {place}: {message[:1].lower() + message[1:]}.") from None
