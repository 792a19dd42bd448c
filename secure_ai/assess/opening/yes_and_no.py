"""Words that a text table uses for true and false, as it writes them: a model learned "yes", not True."""

from __future__ import annotations

import duckdb
import pandas as pd

from secure_ai.core.sources import DELIMITED, ENCODINGS, Source, quote_identifier

PLAIN = {"true", "false"}


def as_written(
    frame: pd.DataFrame, source: Source, *, delimiter: str | None, encoding: str | None
) -> pd.DataFrame:
    """Return the frame with columns that were recognized as true and false in the words of their file.

    DuckDB reads yes and no, t and f as true and false; pandas and scikit-learn do not, and so a model that
    was trained on these words would be given others. Only text files have such words.
    """
    columns = [name for name, kind in source.types.items() if kind == "BOOLEAN" and name in frame]
    if not columns or not source.files or not _delimited(source.files[0]):
        return frame
    words = _words(source, columns, delimiter, encoding)
    return frame.assign(
        **{name: frame[name].map(found) for name, found in words.items() if not _plain(found)},
    )


def _words(
    source: Source, columns: list[str], delimiter: str | None, encoding: str | None
) -> dict[str, dict[bool, str]]:
    """Return for each column the one word for true and the one for false; not where there are several."""
    options = ", header=true, skip=0, all_varchar=true"
    values: list[object] = [list(source.files)]
    for name, value in (("delim", delimiter), ("encoding", ENCODINGS.get((encoding or "").lower()))):
        if value:
            options += f", {name}=?"
            values.append(value)
    found: dict[str, dict[bool, str]] = {}
    for name in columns:
        column = quote_identifier(name)
        try:
            with duckdb.connect() as connection:
                rows = connection.execute(
                    f"SELECT DISTINCT trim({column}), try_cast({column} AS BOOLEAN) FROM "
                    f"read_csv(?{options}) LIMIT 20",
                    values,
                ).fetchall()
        except duckdb.Error:
            continue
        known = [(truth, word) for word, truth in rows if truth is not None]
        if len(known) == len(dict(known)):
            found[name] = dict(known)
    return found


def _delimited(path: str) -> bool:
    return any(path.lower().endswith(ending) for ending in DELIMITED)


def _plain(words: dict[bool, str]) -> bool:
    return not words or {word.lower() for word in words.values()} <= PLAIN
