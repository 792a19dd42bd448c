"""Take out of an executed notebook what papermill and the kernel stored: paths, parameters, times, names."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from secure_ai.assess.parameters import PLACES, AssessmentParameters
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    from nbformat import NotebookNode

INJECTED = "injected-parameters"
BUILT_IN = {"naive", "instructed", "hardened"}
SECRET_FILES = ("token_file", "secret_file", "prompt_file")
SECRET_VARIABLES = ("OPENAI_API_KEY",)
# Shorter ones are words that stand in every text.
SHORTEST_SECRET = 6
QUOTED = re.compile(r"'([^']*)'")


def scrub(notebook: NotebookNode, labels: Mapping[str, Any], private: Iterable[str]) -> NotebookNode:
    """Return a copy that may be handed on.

    papermill's metadata of notebook and cells goes entirely, and so do the times of execution, the
    kernel's own metadata and what was written to standard error (warnings name files of the machine).
    The injected parameters are replaced by ``labels``; every remaining occurrence of a ``private``
    string by an ellipsis.

    Args:
        notebook: the executed notebook.
        labels: parameters as they may be shown.
        private: paths, addresses and secrets, see :func:`private_strings`.
    """
    from nbformat import NotebookNode

    hidden = sorted({text for text in private if len(text) > 3}, key=len, reverse=True)
    clean = _without(notebook, hidden)
    clean.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    for cell in clean.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        if INJECTED in tags:
            cell.id = "injected-parameters"
            cell.source = "# Parameters of this run; of files and addresses only their kind\n" + "\n".join(
                f"{name} = {value!r}" for name, value in labels.items()
            )
        if cell.cell_type == "code":
            cell.outputs = _joined(
                output
                for output in cell.outputs
                if not (output.output_type == "stream" and output.name == "stderr")
            )
    return clean


def private_strings(parameters: AssessmentParameters | None, *paths: str | Path) -> set[str]:
    """Return the strings that would tell where things lie or what is secret.

    Of each place that the parameters name: the path as given, resolved, its folder and its file name; of an
    address also the host and what lets somebody in; the content of files of secrets; keys in the environment.

    Args:
        parameters: what the run was asked for; None for paths alone.
        paths: further places of this machine.
    """
    found = {str(Path.home()), str(Path.cwd())}
    for path in paths:
        found |= _of_path(str(path))
    for name in PLACES if parameters is not None else ():
        place = getattr(parameters, name)
        if place and place not in BUILT_IN:
            found |= _of_address(place) if "://" in place else _of_path(place)
            if name in SECRET_FILES:
                found |= _of_secret(place)
    found |= {value for name in SECRET_VARIABLES if len(value := os.environ.get(name, "")) >= SHORTEST_SECRET}
    return {text for text in found if text not in {"/", ".", ".."}}


def safe_sentence(
    sentence: str, parameters: AssessmentParameters | None, *paths: str | Path, redact: str = "names"
) -> str:
    """Return the sentence of a failure as a summary may show it, which is handed on: it names no input.

    Args:
        sentence: as the assessor saw it.
        parameters: of the run; None if they could not be read.
        paths: further places of this machine.
        redact: where ``"strict"``, nothing that is quoted stands but names of parameters.
    """
    from secure_ai.discover.column_names import known_words, words_of

    places = [getattr(parameters, name) for name in PLACES] if parameters is not None else []
    table = parameters.table if parameters is not None else None
    bare = {Path(place).name for place in (*filter(None, places), *map(str, paths))} | {table or ""}
    # The bare name of a folder may be an everyday word, which stands in the sentence for itself.
    odd = {name for name in bare if not all(word in known_words() for word in words_of(name))}
    hidden = private_strings(parameters, *paths) | odd
    hidden |= {shown(name) for name in hidden}
    for text in sorted((text for text in hidden if len(text) > 3), key=len, reverse=True):
        sentence = sentence.replace(text, "…")
    if redact == "strict":
        known = AssessmentParameters.model_fields
        sentence = QUOTED.sub(lambda found: found[0] if found[1] in known else "'…'", sentence)
    return sentence


def _of_path(place: str) -> set[str]:
    found: set[str] = set()
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        resolved = Path(place).resolve()
        found |= {str(resolved), str(resolved.parent)}
    if "/" in place or "\\" in place:
        found.add(place)
    # The name of a folder or of a file without an ending may be an everyday word, and is no secret as one.
    name = Path(place).name
    return found | ({name} if Path(name).suffix else set())


def _of_address(place: str) -> set[str]:
    found = {place}
    if place.startswith("sqlite://"):
        return found | _of_path(place.removeprefix("sqlite://"))
    try:
        parts = urlsplit(place)
        found |= {parts.netloc, parts.netloc.rpartition("@")[2]}
        host, password = parts.hostname or "", parts.password or ""
    except ValueError:
        return found
    # A bare word such as 'model' names a host in a private network, and much else in a report.
    found |= {host} if any(not letter.isalpha() for letter in host) else set()
    return found | ({password} if len(password) >= SHORTEST_SECRET else set())


def _of_secret(place: str) -> set[str]:
    try:
        text = Path(place).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return set()
    lines = {line.strip() for line in text.splitlines()}
    return {part for part in {text, *lines} if len(part) >= SHORTEST_SECRET}


def _joined(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    # A kernel under load sends a printed line in several pieces; how many is a matter of chance.
    joined: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].output_type == "stream":
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _without(value: Any, hidden: list[str]) -> Any:
    from nbformat import NotebookNode

    if isinstance(value, str):
        for text in hidden:
            value = value.replace(text, "…")
        return value
    if isinstance(value, dict):
        return NotebookNode({key: _without(item, hidden) for key, item in value.items()})
    return [_without(item, hidden) for item in value] if isinstance(value, list) else value
