"""YAML files that people write, read into pydantic models; what is wrong is one sentence without a value."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.sources import shown

MOST_BYTES = 1_000_000
MOST_VALUES = 1_000_000
DEEPEST = 12
OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
TWICE = "a key stands twice"
QUOTED = re.compile(r"'[^']{5,}'?")
CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """A part of a file: frozen, unknown names refused, values never in an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)


def read_yaml(path: str | Path, what: str, *, advice: str = "check its path and its rights") -> Any:
    """Return what a YAML file holds.

    Args:
        path: the file, of at most a megabyte.
        what: names it in a sentence, as in ``"alert policy"``.
        advice: what to do where it cannot be read.

    Raises:
        UserError: if it cannot be read or is no YAML.
    """
    file = Path(path)
    label = f"{what} {shown(file.name or str(path))}"
    try:
        if file.stat().st_size > MOST_BYTES:
            raise UserError(f"The {label} is larger than a megabyte: it is another file.")
        # Reading a pipe would never end.
        if not file.is_file():
            raise UserError(f"The {label} cannot be read (it is no file): {advice}.")
        text = file.read_text("utf-8-sig")
    except OSError as error:
        reason = system_reason(error)
    except UnicodeDecodeError:
        reason = "it is no text in UTF-8"
    except ValueError as error:
        reason = system_reason(error)
    else:
        return parse_yaml(text, label)
    raise UserError(f"The {label} cannot be read ({reason}): {advice}.")


def parse_yaml(text: str, what: str) -> Any:
    """Return what a text in YAML holds.

    Raises:
        UserError: if it is none, or if anchors make more of it than stands there; ``what`` names it.
    """
    try:
        # Safe: the loader is a SafeLoader.
        loaded = yaml.load(text, Loader=_OnceLoader)
        if _values(loaded, {}) > MOST_VALUES:
            raise UserError(f"The {what} repeats itself by anchors without end: write the values out.")
        return loaded
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        twice = getattr(error, "problem", None) == TWICE
        value = isinstance(error, ValueError) and not isinstance(error, yaml.YAMLError)
    where = f" (line {mark.line + 1})" if mark else ""
    if twice:
        raise UserError(f"The {what} has one name twice{where}: leave one of them.")
    advice = "a date or a number in it is impossible" if value else "check indents and quotes"
    raise UserError(f"The {what} is no valid YAML{where}: {advice}.")


def _values(content: Any, known: dict[int, float]) -> float:
    """Count the values of a content as if anchors were written out; infinite where it holds itself."""
    if not isinstance(content, dict | list):
        return 1
    if id(content) not in known:
        known[id(content)] = math.inf
        inside = content if isinstance(content, list) else [*content, *content.values()]
        known[id(content)] = 1 + sum(_values(one, known) for one in inside)
    return known[id(content)]


class _OnceLoader(yaml.SafeLoader):
    """YAML in which a key stands once; PyYAML would take the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key.value, str):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, TWICE, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_form(text: str, label: str) -> Any:
    """Return what a form holds that somebody else filled in: without references, each key once, not deep.

    Raises:
        UserError: if it is none; the sentence begins with ``label``.
    """
    try:
        _check_tokens(text, label)
        # Safe: the loader is a SafeLoader.
        return yaml.load(text, Loader=_OnceLoader)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        problem = shown(str(getattr(error, "problem", "") or "it cannot be read"))
        # A tag or an anchor may be anything that stands in the form; a single character helps to find it.
        problem = QUOTED.sub("(not shown)", problem)
    raise UserError(f"{label} is not valid YAML{where}: {problem}.")


def _check_tokens(text: str, label: str) -> None:
    # Before it is parsed: references multiply, and brackets in brackets take the parser minutes.
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise UserError(f"{label} has references (*name), as no form has: write the values out.")
        depth += isinstance(token, OPENING) - isinstance(token, CLOSING)
        if depth > DEEPEST:
            raise UserError(f"{label} is not valid YAML for a form: it is nested more than {DEEPEST} deep.")


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
    place = ".".join(shown(str(part)) for part in problem["loc"]) or "the whole"
    if problem["type"] == "extra_forbidden":
        known = f" ({', '.join(model.model_fields)})" if len(problem["loc"]) == 1 else ""
        raise UserError(
            f"The {what} has a setting that is not known, {place}: remove or rename it{known}."
        ) from None
    if problem["type"] == "missing":
        raise UserError(f"The {what} lacks {place}: add it.") from None
    message = str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
    raise UserError(f"The {what} is wrong at {place}: {message[:1].lower() + message[1:]}.") from None
