"""Parquet files: streamed in batches; columns that stay keep their types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from secure_ai.anonymize.deidentify.actions import Actions
from secure_ai.anonymize.deidentify.receipt import Journal
from secure_ai.anonymize.deidentify.tables import TableCleaner, plan_table
from secure_ai.core.errors import UserError
from secure_ai.core.sources import open_source, shown
from secure_ai.discover.inventory import inventory

BATCH_ROWS = 131_072


def clean_parquet(path: Path, out: Path, actions: Actions, journal: Journal, person: str | None) -> None:
    """De-identify the Parquet file ``path`` into ``out``.

    File metadata is not copied: pandas writes index values there, others whatever they like.

    Raises:
        UserError: if the file is damaged, empty or has a column twice.
    """
    label = shown(path.name)
    source = open_source(path)
    found = inventory(source)
    source.connection.close()
    plan = plan_table(actions, found, journal, person)
    cleaner = TableCleaner(actions, plan, journal)
    writer = None
    try:
        for old in _tables(path, label):
            new = cleaner.batch(old)
            if writer is None:
                note_types(old.schema, new.schema, journal)
                writer = pq.ParquetWriter(out, new.schema, compression="zstd")
            writer.write_table(new.cast(writer.schema))
    finally:
        if writer is not None:
            writer.close()


def _tables(path: Path, label: str) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if len({name.lower() for name in names}) < len(names):
                raise UserError(f"{label} has two columns of the same name: give every column its own.")
            for batch in file.iter_batches(BATCH_ROWS):
                yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise UserError(
            f"{label} cannot be read as Parquet: check that it is whole, or export it again."
        ) from None


def note_types(old: pa.Schema, new: pa.Schema, journal: Journal) -> None:
    """Note the columns whose type had to change."""
    changed = [
        f"{name} ({old.field(name).type} to {new.field(name).type})"
        for name in new.names
        if old.field(name).type != new.field(name).type and not pa.types.is_dictionary(old.field(name).type)
    ]
    if changed:
        journal.notes[f"Types changed: {', '.join(map(shown, changed))}."] = None
