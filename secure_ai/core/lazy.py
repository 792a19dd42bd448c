"""Names of a room in one place, each imported when it is first asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, places: Mapping[str, str | Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` for the ``__init__.py`` of a package (PEP 562).

    For packages whose modules bring heavy libraries of which a single module needs none: importing that
    module costs no more than before, and the names stand in one place all the same.

    Args:
        package: its ``__name__``.
        places: module of the package → the public names in it, listed or separated by spaces.

    Raises:
        ValueError: if two modules offer one name, or a name is that of a module.
    """
    listed = {module: names.split() if isinstance(names, str) else names for module, names in places.items()}
    module_of = {name: module for module, names in listed.items() for name in names}
    if len(module_of) < sum(map(len, listed.values())) or set(module_of) & set(listed):
        raise ValueError(f"{package}: every public name needs one module, and another name than a module's.")

    def find(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module '{package}' has no attribute '{name}'")
        value = getattr(import_module(f"{package}.{module_of[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return find, lambda: sorted({*vars(sys.modules[package]), *module_of}), sorted(module_of)
