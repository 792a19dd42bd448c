"""An organization's own estate from a YAML file: which files and tables, and who is known by what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from secure_ai.core.audit import AuditLog
from secure_ai.core.errors import UserError
from secure_ai.core.yaml_files import Strict, checked, read_yaml
from secure_ai.govern.estate.duckdb_table import DuckdbTable
from secure_ai.govern.estate.estate import Estate
from secure_ai.govern.estate.people import IdentitySource, People
from secure_ai.govern.estate.pseudonym_log import PseudonymLog
from secure_ai.govern.estate.record_file import RecordFile
from secure_ai.govern.estate.sqlite_table import SqliteTable
from secure_ai.govern.estate.store import Store
from secure_ai.govern.estate.suppression import Suppression
from secure_ai.govern.estate.text_folder import TextFolder

GLOB = frozenset("*?[")


class _Records(Strict):
    name: str = ""
    path: str
    data_class: str
    column: str
    by: str = "key"
    date_column: str = ""
    record_column: str = ""
    mentions: tuple[str, ...] = ()
    identify: dict[str, str] = Field(default_factory=dict)


class TableEntry(_Records):
    """A table of a SQLite or DuckDB file."""

    kind: Literal["sqlite", "duckdb"]
    table: str


class FileEntry(_Records):
    """A CSV, JSON-lines or Parquet file."""

    kind: Literal["file"]


class FolderEntry(Strict):
    """A folder of texts, one folder in it for each person; or a cache, whose entries go as a whole."""

    kind: Literal["texts", "cache"]
    name: str
    path: str
    data_class: str
    pattern: str = "*.txt"


class LogEntry(Strict):
    """Files of JSON lines with a field for the pseudonym: one path, or a pattern and the file written to."""

    kind: Literal["log"]
    name: str
    path: str
    current: str = ""
    data_class: str = "access_log"
    field: str = "person"
    date_field: str = "time"


class Identity(Strict):
    """A store whose columns identify people; the first one lists them."""

    store: str
    key_column: str
    columns: dict[str, str]


class Description(Strict):
    """The YAML file of an estate; paths are relative to it."""

    stores: tuple[
        Annotated[TableEntry | FileEntry | FolderEntry | LogEntry, Field(discriminator="kind")], ...
    ] = Field(min_length=1)
    identities: tuple[Identity, ...] = Field(min_length=1)
    bystanders: tuple[Identity, ...] = ()
    state: str = "estate"


def load_estate(path: str | Path, *, audit: AuditLog | None = None) -> Estate:
    """Open an organization's own estate.

    People without a pseudonym get a random one. Pseudonyms, the journal of erasures and the suppression list
    are kept in the folder ``state``. A backup, a vector index, statistics and models are added in Python with
    :meth:`Estate.add`, because they need keys or a way to be made again.

    Raises:
        UserError: if the file cannot be read, an entry is wrong, or a file of data is not there.
    """
    file = Path(path)
    described = _read(file)
    place = file.resolve().parent
    stores: dict[str, Store] = {}
    for number, entry in enumerate(described.stores, start=1):
        store = _store(entry, place)
        if store.name in stores:
            raise UserError(f"{file.name}: store {number} has the name of another ({store.name}): name it.")
        there = store.files if entry.kind == "log" else (place / entry.path).exists()
        if not there:
            raise UserError(f"{file.name}: the path of the store {store.name} is not there: correct it.")
        stores[store.name] = store
    state = place / described.state
    people = People(
        state / "pseudonyms.sqlite",
        [_identity(one, stores, file) for one in described.identities],
        [_identity(one, stores, file) for one in described.bystanders],
    )
    people.link(people.keys())
    suppression = Suppression(state / "suppression.txt")
    return Estate(stores.values(), people, audit, folder=state, suppression=suppression)


def _read(file: Path) -> Description:
    return checked(Description, read_yaml(file, "estate description"), f"estate description {file.name}")


def _store(entry: Any, place: Path) -> Store:
    path = place / entry.path
    if entry.kind == "log":
        current = entry.current or ("" if GLOB & set(entry.path) else entry.path)
        named = {place / current} if current else set()
        return PseudonymLog(
            lambda: sorted({*named, *place.glob(entry.path)}), name=entry.name, data_class=entry.data_class,
            field=entry.field, date_field=entry.date_field,
        )  # fmt: skip
    if isinstance(entry, FolderEntry):
        if entry.kind == "cache":
            return TextFolder(
                path, name=entry.name, data_class=entry.data_class, pattern=entry.pattern,
                owner=lambda path: "", drop=True, kind="cache",
            )  # fmt: skip
        return TextFolder(path, name=entry.name, data_class=entry.data_class, pattern=entry.pattern)
    options = entry.model_dump(exclude={"kind", "path", "table"})
    if entry.kind == "file":
        return RecordFile(path, **options)
    return {"sqlite": SqliteTable, "duckdb": DuckdbTable}[entry.kind](path, entry.table, **options)


def _identity(one: Identity, stores: dict[str, Store], file: Path) -> IdentitySource:
    store = stores.get(one.store)
    if store is None or not hasattr(store, "rows"):
        raise UserError(f"{file.name}: identities name {one.store}, which is no table or file of the estate.")
    return IdentitySource(store, one.key_column, one.columns)
