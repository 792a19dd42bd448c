"""The parts of an estate that is built from tables, written to disk one kind after the other."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from secure_ai.govern.estate.counted_model import CountedModel
from secure_ai.govern.estate.duckdb_table import DuckdbTable
from secure_ai.govern.estate.full_text import FullTextIndex
from secure_ai.govern.estate.layout import Layout, Place
from secure_ai.govern.estate.people import People
from secure_ai.govern.estate.pseudonym_log import PseudonymLog
from secure_ai.govern.estate.record_file import RecordFile
from secure_ai.govern.estate.sqlite_table import SqliteTable, quoted
from secure_ai.govern.estate.statistics import Statistic, Statistics
from secure_ai.govern.estate.text_folder import TextFolder
from secure_ai.govern.estate.vector_index import VectorIndex

CACHED_ANSWERS, CACHED_CHARACTERS = 200, 160


def write_tables(
    place: Path, layout: Layout, tables: Mapping[str, pd.DataFrame]
) -> dict[str, SqliteTable | DuckdbTable]:
    """Write the tables into their databases, and return them as stores."""
    made = {}
    for one in layout.places:
        column = one.column or layout.key
        path = place / f"{layout.name}.{one.engine}"
        write = write_sqlite if one.engine == "sqlite" else write_duckdb
        write(path, one.table, tables[one.table], column)
        made[one.table] = _store(path, one, column)
    return made


def _store(path: Path, one: Place, column: str) -> SqliteTable | DuckdbTable:
    options = {
        "column": column, "by": one.by, "data_class": one.data_class, "date_column": one.date_column,
        "record_column": one.record_column, "mentions": one.mentions, "identify": one.identify,
    }  # fmt: skip
    if one.engine == "duckdb":
        return DuckdbTable(path, one.table, **options)
    return SqliteTable(path, one.table, kind=one.kind, **options)


def write_sqlite(path: Path, table: str, frame: pd.DataFrame, key: str) -> None:
    """Write a table into a SQLite file, dates as ISO text, with an index on whose row it is."""
    with closing(sqlite3.connect(path)) as connection:
        plain_frame(frame).to_sql(table, connection, index=False, if_exists="fail", chunksize=50_000)
        connection.execute(f"CREATE INDEX {quoted(f'{table}_{key}')} ON {quoted(table)} ({quoted(key)})")
        connection.commit()


def write_duckdb(path: Path, table: str, frame: pd.DataFrame, key: str) -> None:
    """Write a table into a DuckDB file."""
    with closing(duckdb.connect(str(path))) as connection:
        connection.register("frame", plain_frame(frame))
        connection.execute(f"CREATE TABLE {quoted(table)} AS SELECT * FROM frame ORDER BY {quoted(key)}")


def write_messages(place: Path, layout: Layout, tables: Mapping[str, pd.DataFrame]) -> TextFolder:
    """Write messages as text files, in a folder for each person."""
    table, record, text, time = layout.messages
    folder = place / table
    columns = [layout.key, record, text, time]
    for person, number, words, sent in tables[table][columns].itertuples(index=False):
        (folder / person).mkdir(parents=True, exist_ok=True)
        _write_dated(folder / person / f"{number}.txt", words, pd.Timestamp(sent))
    folder.mkdir(exist_ok=True)
    return TextFolder(folder, data_class="message")


def write_extract(place: Path, layout: Layout, tables: Mapping[str, pd.DataFrame]) -> RecordFile:
    """Write the extract for analysis as Parquet."""
    table, column, by, left_out, day = layout.extract
    path = place / "extracts" / f"{table}.parquet"
    path.parent.mkdir()
    plain_frame(tables[table].drop(columns=list(left_out))).to_parquet(
        path, index=False, row_group_size=50_000
    )
    record = next((name for name in tables[table].columns if name.endswith("_id") and name != column), "")
    return RecordFile(
        path, column=column, by=by, name=f"extract of {table}", date_column=day, record_column=record
    )


def write_model(
    place: Path, layout: Layout, tables: Mapping[str, pd.DataFrame]
) -> tuple[RecordFile, CountedModel]:
    """Write training rows as CSV, and a model that was trained on them."""
    table, label, features, edges, day = layout.training
    path = place / "training" / f"{table}.csv"
    path.parent.mkdir()
    columns = [layout.key, day, label, *features]
    plain_frame(tables[table][columns]).to_csv(path, index=False, lineterminator="\n")
    rows = RecordFile(
        path, column=layout.key, name="training rows", data_class="training_data", date_column=day
    )
    model = CountedModel(place / "training" / "model.json", rows, label=label, features=features, edges=edges)
    return rows, model.create()


def write_indexes(
    place: Path, layout: Layout, stores: Mapping[str, SqliteTable | DuckdbTable]
) -> tuple[FullTextIndex, VectorIndex]:
    """Write the full-text index and the vector index of the texts."""
    folder = place / "search"
    folder.mkdir()
    texts = _texts(layout, stores)
    index = FullTextIndex.create(folder / "words.sqlite", texts())
    return index, VectorIndex.create(folder / "vectors.npz", texts)


def write_cache(
    place: Path, layout: Layout, stores: Mapping[str, SqliteTable | DuckdbTable], day: date
) -> TextFolder:
    """Write cached answers of an assistant, each about one text, all given on one day."""
    folder = place / "cache"
    folder.mkdir()
    for number, (record, _, text) in enumerate(_texts(layout, stores)()):
        if number == CACHED_ANSWERS:
            break
        answer = f"Question: what does {record} say?\nAnswer: {text[:CACHED_CHARACTERS]}\n"
        _write_dated(folder / f"{number:06}.txt", answer, pd.Timestamp(day))
    return TextFolder(
        folder, name="cached answers", data_class="cache", owner=lambda path: "", drop=True, kind="cache"
    )


def write_access_log(
    place: Path, layout: Layout, tables: Mapping[str, pd.DataFrame], people: People
) -> PseudonymLog:
    """Write the access log as JSON lines by pseudonym: the older half packed, as rotation leaves it."""
    table, time, columns = layout.log
    folder = place / "logs"
    folder.mkdir()
    pseudonyms = people.pseudonyms()
    frame = plain_frame(tables[table]).sort_values(time, kind="stable")
    # No number of a visit or an account: it would lead back to the person without the link.
    lines = [
        json.dumps(
            {"time": row[time], "person": pseudonyms.get(row[layout.key], ""), **{c: row[c] for c in columns}}
        )
        for row in frame[[time, layout.key, *columns]].to_dict("records")
    ]
    half = len(lines) // 2
    with gzip.GzipFile(folder / "access-1.jsonl.gz", "wb", mtime=0) as file:
        file.write("".join(f"{line}\n" for line in lines[:half]).encode())
    (folder / "access.jsonl").write_text("".join(f"{line}\n" for line in lines[half:]), encoding="utf-8")
    # The one that is written to is named, so that it cannot be missing without a word.
    current = folder / "access.jsonl"
    return PseudonymLog(lambda: sorted({current, *folder.glob("access*.jsonl*")}))


def write_statistics(
    place: Path, layout: Layout, stores: Mapping[str, SqliteTable | DuckdbTable]
) -> Statistics:
    """Write statistics of the tables as JSON."""
    made = [Statistic(name, stores[table], by, total) for name, table, by, total in layout.statistics]
    return Statistics(place / "statistics.json", made).create()


def _texts(
    layout: Layout, stores: Mapping[str, SqliteTable | DuckdbTable]
) -> Callable[[], Iterator[tuple[str, str, str]]]:
    table, record, person, text = layout.texts

    def texts() -> Iterator[tuple[str, str, str]]:
        yield from stores[table].rows([record, person, text])

    return texts


def with_dates(layout: Layout, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the tables, those without a date with that of what they were made from."""
    made = dict(tables)
    for table, (source, shared, day, name) in layout.dated.items():
        dates = tables[source].set_index(shared)[day].dt.normalize()
        made[table] = tables[table].assign(**{name: tables[table][shared].map(dates)})
    return made


def _write_dated(path: Path, text: str, moment: pd.Timestamp) -> None:
    """Write a text whose file says when it was written, as a store of texts reads it."""
    path.write_text(text, encoding="utf-8")
    seconds = moment.tz_localize("UTC").timestamp() if moment.tzinfo is None else moment.timestamp()
    os.utime(path, (seconds, seconds))


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with dates as ISO text."""
    made = {}
    for name, column in frame.items():
        if pd.api.types.is_datetime64_any_dtype(column):
            known = column.dropna()
            form = "%Y-%m-%d" if bool((known.dt.normalize() == known).all()) else "%Y-%m-%d %H:%M:%S"
            made[name] = column.dt.strftime(form).astype(object).where(column.notna(), None)
        else:
            made[name] = column
    return pd.DataFrame(made)
