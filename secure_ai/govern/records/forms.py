"""Forms that people fill in YAML: read with their gaps kept, unknown fields refused with their place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import Strict, checked, read_yaml
from secure_ai.govern.records.document import Text, ToBeFilled

# What people type where they have no answer yet.
STAND_IN = re.compile(
    r"\s*(tbd|tba|todo|n/?a|xxx+|\?+|\.\.\.|…|-+|_+|\[.*\]|<.*>)?\s*", re.IGNORECASE | re.DOTALL
)


class Form(Strict):
    """A part of a form. What nobody filled is None, and stays visible in the document."""


Filled = TypeVar("Filled", bound=Form)


def read_form(path: str | Path, kind: type[Filled]) -> Filled:
    """Read a form from a YAML file.

    Raises:
        UserError: if the file cannot be read, is no YAML mapping, or has a field that is unknown or ill
            typed; the sentence names the field, never its content.
    """
    return fill_form(read_yaml(path, "form"), kind, shown(Path(path).name))


def fill_form(content: Any, kind: type[Filled], name: str) -> Filled:
    """Return a form from plain content, as YAML gives it.

    Raises:
        UserError: as :func:`read_form`.
    """
    return checked(kind, content, f"form {name}")


def is_filled(value: str | None) -> bool:
    """Say whether somebody answered: a blank or a stand-in ("TBD", "n/a", "[name]") is no answer."""
    return value is not None and STAND_IN.fullmatch(value) is None


def given(value: str | None, what: str) -> Text:
    """Return a value, or a gap that says what is missing. A blank or a stand-in is a gap, too."""
    return value.strip() if value is not None and is_filled(value) else ToBeFilled(what)


def given_list(values: tuple[str, ...] | None, what: str, none: str = "none") -> Text:
    """Return a list in words; ``none`` where it was said to be empty, a gap where nothing was said."""
    if values is None or not all(is_filled(value) for value in values):
        return ToBeFilled(what)
    return "; ".join(values) if values else none
