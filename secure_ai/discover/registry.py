"""The recognizer registry: the built-in YAML file, and a house's own file laid over it."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import Any

import regex
import yaml

from secure_ai.core.errors import UserError

RECOGNIZERS_VARIABLE = "SECURE_AI_RECOGNIZERS"


def chosen_recognizers() -> str | None:
    """Return the file of own recognizers that ``SECURE_AI_RECOGNIZERS`` names, None if it names none."""
    return os.environ.get(RECOGNIZERS_VARIABLE) or None


def registry_configuration(own: str | Path | None = None) -> dict[str, Any]:
    """Return the recognizer registry, parsed from ``recognizers.yaml`` and the file ``own``.

    Args:
        own: a YAML file in the same form; its entries replace those of the same name and are added
            otherwise.

    Raises:
        UserError: if the file cannot be read, or an entry is wrong; the sentence names the entry.
    """
    text = resources.files("secure_ai.discover").joinpath("recognizers.yaml").read_text("utf-8")
    configuration = yaml.safe_load(text)
    if own is None:
        return configuration
    entries = {entry["name"]: entry for entry in configuration["recognizers"]}
    for entry in _own_entries(Path(own)):
        if entry.get("enabled") is False and entry["name"] != "SpacyRecognizer":
            entries.pop(entry["name"], None)
        else:
            entries[entry["name"]] = entry
    configuration["recognizers"] = list(entries.values())
    return configuration


def sentence_of(error: Exception) -> str:
    """Return the message of an error of Presidio's or pydantic's as one line without a final point."""
    message = " ".join(str(error).split())
    return (message[:300] or type(error).__name__).rstrip(".")


def _own_entries(path: Path) -> list[dict[str, Any]]:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(
            f"{RECOGNIZERS_VARIABLE} names {path.name}, which cannot be read ({type(error).__name__}): "
            "correct the path, or unset the variable."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise UserError(f"The recognizers of {path.name} are no YAML{where}: correct the file.") from None
    entries = content.get("recognizers") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise UserError(f"{path.name} has no list 'recognizers': see secure_ai/discover/recognizers.yaml.")
    for position, entry in enumerate(entries, 1):
        _check_entry(path, position, entry)
    return entries


def _check_entry(path: Path, position: int, entry: Any) -> None:
    name = entry.get("name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        raise UserError(f"Entry {position} of {path.name} has no name: give every recognizer one.")
    where = f"The recognizer '{name}' of {path.name}"
    if entry.get("type", "custom") not in {"custom", "predefined"}:
        raise UserError(f"{where} has the type '{entry['type']}': write custom or predefined.")
    if entry.get("enabled") is False:
        entry.setdefault("type", "predefined")
        return
    if entry.get("type", "custom") == "predefined":
        from presidio_analyzer.recognizer_registry.recognizers_loader_utils import RecognizerListLoader

        import secure_ai.discover.recognizers  # noqa: F401  so that ours are among them

        wanted = entry.get("class_name") or name
        if wanted not in {known.__name__ for known in RecognizerListLoader.get_all_existing_recognizers()}:
            raise UserError(f"{where} is no recognizer that Presidio or the kit has: check its spelling.")
        return
    if not isinstance(entry.get("supported_entity"), str):
        raise UserError(f"{where} lacks 'supported_entity', the name of what it finds.")
    patterns, terms = entry.get("patterns"), entry.get("deny_list")
    if not patterns and not terms:
        raise UserError(f"{where} has neither 'patterns' nor a 'deny_list': give it one of them.")
    for pattern in patterns or ():
        _check_pattern(where, pattern)


def _check_pattern(where: str, pattern: Any) -> None:
    if not isinstance(pattern, dict) or not {"name", "regex", "score"} <= set(pattern):
        raise UserError(f"{where} has a pattern that lacks one of name, regex and score.")
    try:
        regex.compile(str(pattern["regex"]))
    except regex.error as error:
        raise UserError(
            f"{where}: the pattern '{pattern['name']}' is no regular expression ({error})."
        ) from None
    score = pattern["score"]
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise UserError(f"{where}: the score of '{pattern['name']}' is not a number from 0 to 1.")
