"""The parameters of a run as a report may show them: no place, and no name that the report itself hides."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secure_ai.assess.names import clean, holding_personal_values

if TYPE_CHECKING:
    from secure_ai.assess.parameters import AssessmentParameters

COLUMNS = ("quasi_identifiers", "sensitive", "target", "member", "drop", "groups", "attributes")
CLASSES = ("classes", "favorable", "goal")
# Neither changes what is measured, and either may be called after a person.
GIVEN = ("table", "answers", "assistant_model", "trusted_types")
STAND_INS = ("naive", "instructed", "hardened")
WITHHELD = "(name withheld)"
# Endings that say what a file is; any other may be part of a name.
ENDINGS = {
    "csv", "tsv", "txt", "json", "jsonl", "ndjson", "parquet", "xlsx", "xls", "xlsm", "db",
    "sqlite", "sqlite3", "duckdb", "skops", "onnx", "pkl", "pickle", "joblib", "yaml", "yml", "pub",
    "pem", "key", "gz", "zip", "zst", "bz2", "xz",
}  # fmt: skip


def kind_of(place: str) -> str:
    """Return what a place is, without its name: a name may be that of a person.

    >>> kind_of("data/maria.csv"), kind_of("hardened"), kind_of("https://maria.example/score")
    ('csv given', 'offline stand-in', 'endpoint')
    """
    if place in STAND_INS:
        return "offline stand-in"
    if "://" in place:
        return "database" if "sql" in place.split("://", maxsplit=1)[0] else "endpoint"
    ending = Path(place).suffix.lower().lstrip(".")
    if not ending:
        return "folder given"
    return f"{ending} given" if ending in ENDINGS else "file given"


def shown_parameters(parameters: AssessmentParameters) -> dict[str, Any]:
    """Return the parameters as they may be stored.

    Of places only their kind. Names of columns and classes go through the same detectors as elsewhere on a
    report; where it is strict, only how many were named.
    """
    from secure_ai.assess.parameters import PLACES

    values = parameters.model_dump(mode="json", exclude={"out", "work"})
    values |= {name: kind_of(values[name]) for name in PLACES if values[name]}
    named = {name: _words(values[name]) for name in (*COLUMNS, *CLASSES, *GIVEN) if values[name] is not None}
    if parameters.redact == "strict":
        return values | {name: f"{len(words)} given" for name, words in named.items()}
    held = _withheld(tuple(word for words in named.values() for word in words))
    for name in named:
        given = values[name]
        called = [word if isinstance(word, int) else held[word] for word in _listed(given)]
        values[name] = called if isinstance(given, list) else called[0]
    return values


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _words(value: Any) -> list[str]:
    return [str(one) for one in _listed(value)]


@lru_cache(maxsize=64)
def _withheld(words: tuple[str, ...]) -> dict[str, str]:
    """Return what each word is called: asked several times in one run, and the detectors are slow."""
    personal = holding_personal_values(words) if words else []
    return {
        word: WITHHELD if hidden or not clean(word) else clean(word)
        for word, hidden in zip(words, personal, strict=True)
    }
