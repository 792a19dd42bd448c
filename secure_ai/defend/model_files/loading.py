"""Open a model's file: skops by trusted types, a trusted pickle in a process of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from secure_ai.attack.supply_chain.guards import Limits
from secure_ai.attack.supply_chain.watch import read_file
from secure_ai.core import UserError
from secure_ai.core.sources import shown
from secure_ai.defend.model_files.contained_model import ContainedModel
from secure_ai.defend.model_files.formats import PICKLES, format_of
from secure_ai.defend.model_files.skops_files import load_skops


def load_model(
    path: str | Path,
    *,
    trust_pickle: bool = False,
    trusted_types: Sequence[str] = (),
    contained: bool = False,
    digest: str | None = None,
    limits: Limits | None = None,
    modules: Sequence[str | Path] = (),
    required: Sequence[str] = (),
) -> Any:
    """Return a model that can be given to every attack and answer of this kit.

    Args:
        path: a skops file; or a pickle (joblib included), if trusted.
        trust_pickle: open a pickle, in a process of its own that only answers questions. Trust belongs to
            where the file comes from; no look into it replaces that.
        trusted_types: types in a skops file that you trust beyond those of scikit-learn and numpy.
        contained: open a skops file in a process of its own as well.
        digest: what the file must hash to, ``sha256:...`` as :func:`inspect_model_file` gives.
        limits: time for an answer, memory, size of files of that process.
        modules: folders with code that the pickle needs.
        required: guards without which it is not opened, of ``network``, ``files``, ``processes``.

    Returns:
        The estimator itself from a skops file; otherwise a :class:`ContainedModel`, to be closed after use.

    Raises:
        UserError: if the file is of another format, is not what the digest says, is not trusted, broken, or
            holds what is not allowed.
    """
    file = Path(path)
    content = read_file(file)
    return load_content(
        content,
        file.name,
        trust_pickle=trust_pickle,
        trusted_types=trusted_types,
        contained=contained,
        digest=digest,
        limits=limits,
        modules=modules,
        required=required,
    )


def load_content(
    content: bytes,
    name: str,
    *,
    trust_pickle: bool = False,
    trusted_types: Sequence[str] = (),
    contained: bool = False,
    digest: str | None = None,
    limits: Limits | None = None,
    modules: Sequence[str | Path] = (),
    required: Sequence[str] = (),
) -> Any:
    """Do the same with bytes that were read before, as after a check of their signature."""
    named, found = shown(name), format_of(content)
    if digest is not None and digest != f"sha256:{hashlib.sha256(content).hexdigest()}":
        raise UserError(f"The model file {named} is not the one that was expected: its digest differs.")
    settings = {"limits": limits, "modules": modules, "required": required}
    if found.name == "skops":
        if contained:
            return ContainedModel(content, name, format="skops", trusted_types=trusted_types, **settings)
        return load_skops(content, name, trusted_types=trusted_types)
    if found.name in PICKLES:
        if not trust_pickle:
            raise UserError(
                f"{named} is a {found.name}: opening it runs whatever code it holds. Ask for the model in "
                "the skops format; or, if you trust where the file comes from, open it with --trust-pickle "
                "(trust_pickle=True), in a process of its own."
            )
        return ContainedModel(content, name, **settings)
    raise UserError(
        f"{named} is no model that this kit opens ({found.name}{': ' * bool(found.note)}{found.note}): "
        "save it in the skops format, or give its predictions or an endpoint instead."
    )
