"""Tables from wherever they live: one way to open a source, whatever DuckDB reads."""

from __future__ import annotations

import glob
import html
import importlib
import importlib.util
import re
import sqlite3
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from secure_ai.core.errors import OutOfMemoryError, UserError, system_reason
from secure_ai.core.json_nesting import nested_deeper
from secure_ai.core.laid_aside import place_aside

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TableLike = "str | Path | pd.DataFrame | pa.Table"

DELIMITED = {".csv", ".tsv", ".txt"}
JSON_FILES = {".json", ".jsonl", ".ndjson"}
READERS = {".parquet": "read_parquet", **dict.fromkeys(JSON_FILES, "read_json_auto")}
# Objects only: DuckDB would make a table of one cell of '5'. Deeper nesting would take minutes.
JSON_OPTIONS = ", records=true, maximum_depth=12"
# DuckDB's parser calls itself for every level and ends the whole process where the stack is full.
DEEPEST_JSON = 200
SHOWN_NAMES, SHOWN_CHARACTERS = 20, 60
LIKELY_DELIMITERS = ",;\t|:~^"
SNIFFED_BYTES = 1 << 16
PARSED_ONCE_BYTES = 64 << 20
NUMERIC = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "FLOAT", "DOUBLE"}
ENCODINGS = {
    **dict.fromkeys(("utf-8", "utf8", "utf_8", "utf-8-sig"), "utf-8"),
    **dict.fromkeys(("latin-1", "latin1", "iso-8859-1"), "latin-1"),
    **dict.fromkeys(("utf-16", "utf16", "utf_16", "utf-16le", "utf-16-le"), "utf-16"),
}


class Result:
    """A DuckDB cursor whose errors never quote a row of the file.

    DuckDB streams: a bad row far down is met while fetching, not while executing. Everything else
    (``fetchone``, ``fetchall``, ``df``, ``arrow``, ``to_arrow_reader`` ...) is the cursor's own.
    """

    def __init__(self, label: str, cursor: duckdb.DuckDBPyConnection) -> None:
        self._label = label
        self._cursor = cursor

    def execute(self, query: str, parameters: Sequence[object] | None = None) -> Result:
        """Run a query."""
        with readable(self._label):
            self._cursor.execute(query, parameters)
        return self

    def __getattr__(self, name: str) -> Any:
        """Return the cursor's attribute; a method comes wrapped."""
        attribute = getattr(self._cursor, name)
        if not callable(attribute):
            return attribute

        def call(*arguments: Any, **options: Any) -> Any:
            with readable(self._label):
                return attribute(*arguments, **options)

        return call


@dataclass(frozen=True)
class Source:
    """An opened table: its columns, and SQL or Arrow batches over it.

    The table is ``source`` of ``connection``: a view over Parquet and large files, of which nothing
    is loaded until it is asked for, and a copy in memory of what is small.

    Attributes:
        label: file or table name without its folder, fit for a report.
        connection: the DuckDB connection that holds the view.
        types: column name → DuckDB type, in table order.
        files: the files it reads, for a worker that opens them itself; none for frames and databases.
    """

    label: str
    connection: duckdb.DuckDBPyConnection
    types: dict[str, str]
    files: tuple[str, ...] = field(default=(), repr=False)

    @property
    def columns(self) -> list[str]:
        """Column names in table order."""
        return list(self.types)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.sql("SELECT count(*) FROM source").fetchone()[0])

    def sql(self, query: str, parameters: Sequence[object] | None = None) -> Result:
        """Run ``query`` over the view ``source`` on a cursor of its own.

        Raises:
            UserError: if a row of the file cannot be read (named by label, without its content), now
                or when the result is fetched.
        """
        return Result(self.label, self.connection.cursor()).execute(query, parameters)

    def require(self, columns: Iterable[str]) -> None:
        """Check that every one of ``columns`` is there.

        Raises:
            UserError: naming the first missing column and those that exist.
        """
        missing = next((name for name in columns if name not in self.types), None)
        if missing is not None:
            there = ", ".join(map(shown, self.columns[:SHOWN_NAMES]))
            more = len(self.columns) - SHOWN_NAMES
            there += f" and {more:,} more" if more > 0 else ""
            raise UserError(f"{self.label} has no column '{shown(missing)}': choose from {there}.")

    def batches(self, columns: Sequence[str] | None = None, rows: int = 65_536) -> Iterator[pa.RecordBatch]:
        """Stream ``columns`` (all by default) as Arrow record batches of at most ``rows`` rows."""
        reader = self.sql(f"SELECT {column_list(columns or self.columns)} FROM source").to_arrow_reader(rows)
        while True:
            # Arrow passes DuckDB's message on as an OSError of its own.
            with readable(self.label):
                batch = next(reader, None)
            if batch is None:
                return
            yield batch

    def to_pandas(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Load ``columns`` (all by default) into a DataFrame."""
        return self.sql(f"SELECT {column_list(columns or self.columns)} FROM source").df()


def open_source(
    source: TableLike,
    *,
    table: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Source:
    """Open a table for reading.

    Args:
        source: path or glob of CSV, Parquet, JSON or Excel files, a ``postgresql://`` or
            ``sqlite://`` address (with ``table``), a DataFrame or an Arrow table.
        table: table name where ``source`` is a database, sheet name where it is a workbook.
        delimiter: separator of a text file; recognised from the file if not given.
        encoding: encoding of a text file, UTF-8 if not given (``latin-1`` and ``utf-16`` also work).

    Raises:
        UserError: if the source is missing, empty, not what its name says, or has no columns or rows.
    """
    if isinstance(source, str) and not source.strip():
        raise UserError("The name of the source is empty: name a file, a pattern or a database address.")
    connection = duckdb.connect()
    # Nothing may be fetched while reading someone's data, not even a reader.
    connection.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    # What does not fit into memory is laid aside where only this user can read it, and not in this folder.
    connection.execute(f"SET temp_directory = {_quote(str(place_aside()))}")
    if not isinstance(source, str | Path):
        return _in_memory(connection, source)
    text = str(source)
    if text.startswith(("postgresql://", "postgres://", "sqlite://")):
        return _open_database(connection, text, table)
    try:
        paths = sorted(glob.glob(text)) if glob.has_magic(text) and not Path(text).exists() else [text]  # noqa: PTH207
        label = shown(Path(text).name or text)
        if not paths:
            raise UserError(f"No file matches {label}: check the folder and the pattern.")
        for path in map(Path, paths):
            _check_file(path)
    except OSError as error:
        raise UserError(
            f"The file {shown(Path(text).name)} cannot be opened ({system_reason(error)}): check it."
        ) from None
    suffix = Path(paths[0]).suffix.lower()
    if any(Path(path).suffix.lower() != suffix for path in paths):
        raise UserError(
            f"The pattern {label} matches files of several kinds: name one ending, as in '*.csv'."
        )
    try:
        if suffix in DELIMITED:
            reader = _delimited_reader(connection, paths, label, delimiter, encoding)
        elif suffix in READERS:
            if suffix in JSON_FILES and nested_deeper(paths, DEEPEST_JSON):
                raise UserError(
                    f"{label} is nested more than {DEEPEST_JSON} deep, as no table is: export its records."
                )
            if suffix in JSON_FILES and any(_marked(path) for path in paths):
                raise UserError(
                    f"{label} begins with a byte order mark, as JSON does not: save it as UTF-8 without."
                )
            reader = f"{READERS[suffix]}({_sql_list(paths)}{JSON_OPTIONS if suffix in JSON_FILES else ''})"
        elif suffix == ".xlsx":
            _check_sheets(paths, label, table)
            load_extension(connection, "excel")
            sheet = f", sheet={_quote(table)}" if table else ""
            reader = f"read_xlsx({_quote(paths[0])}{sheet})"
        else:
            known = ", ".join(sorted(DELIMITED | set(READERS) | {".xlsx"}))
            raise UserError(f"{label} has an ending that is not known: use one of {known}.")
        # A text file is recognized and parsed anew by every query on a view; a small one only once.
        parsed_once = suffix != ".parquet" and sum(Path(p).stat().st_size for p in paths) <= PARSED_ONCE_BYTES
        connection.execute(f"CREATE {'TABLE' if parsed_once else 'VIEW'} source AS SELECT * FROM {reader}")
    except duckdb.Error as error:
        raise unreadable(label, error, encoding) from None
    return replace(_checked(label, connection), files=tuple(paths))


def as_source(source: TableLike | Source) -> Source:
    """Return ``source`` itself where it is open already, else open it."""
    return source if isinstance(source, Source) else open_source(source)


def shown(name: str) -> str:
    """Return a name as it may stand in a message: no line break, nothing unprintable, not endless."""
    clean = "".join(c if c.isprintable() else " " for c in name[: SHOWN_CHARACTERS + 1])
    return clean if len(clean) <= SHOWN_CHARACTERS else clean[:SHOWN_CHARACTERS] + "…"


def _check_file(path: Path) -> None:
    name = shown(path.name or str(path))
    if not path.exists():
        raise UserError(f"The file {name} does not exist: check the path.")
    if path.is_dir():
        raise UserError(f"{name} is not a file: name a file, or a pattern such as '{name}/*.parquet'.")
    if not path.is_file():
        raise UserError(f"{name} is not a file but a device or a pipe: save its content to a file first.")
    if path.stat().st_size == 0:
        raise UserError(f"The file {name} is empty: export it again.")
    with path.open("rb"):
        pass


def _marked(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(3) == b"\xef\xbb\xbf"


def _check_sheets(paths: list[str], label: str, table: str | None) -> None:
    """Refuse what DuckDB would pass over in silence: other workbooks of a pattern, other sheets."""
    if len(paths) > 1:
        raise UserError(f"{label} matches {len(paths)} workbooks: name one at a time.")
    try:
        with zipfile.ZipFile(paths[0]) as archive, archive.open("xl/workbook.xml") as file:
            found = re.findall(r"<(?:\w+:)?sheet\b[^>]*?\bname=\"([^\"]*)\"", file.read(1 << 20).decode())
    except zipfile.BadZipFile as error:
        # One that is cut off at its end DuckDB would read without a word.
        raise unreadable(label, error) from None
    except (zlib.error, KeyError, UnicodeDecodeError, RuntimeError):
        return  # no workbook: DuckDB refuses it
    sheets = [html.unescape(name) for name in found]
    if sheets and (len(sheets) > 1 if table is None else table not in sheets):
        wrong = f"no sheet '{shown(table)}'" if table else f"{len(sheets)} sheets"
        raise UserError(f"{label} has {wrong}: name one with --table ({', '.join(map(shown, sheets[:10]))}).")


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load a DuckDB extension from its wheel, without the network."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise UserError(f"The DuckDB reader '{name}' is not installed: run 'make start' again.")
    files = sorted(Path(spec.origin).parent.glob(f"extensions/v{duckdb.__version__}/*.duckdb_extension"))
    if not files:
        raise UserError(
            f"The DuckDB reader '{name}' is of another version than DuckDB: run 'make start' again."
        )
    connection.execute(f"LOAD {_quote(str(files[0]))}")


def column_list(columns: Sequence[str]) -> str:
    """Return ``columns`` as a quoted SQL list."""
    return ", ".join(quote_identifier(name) for name in columns)


def quote_identifier(name: str) -> str:
    """Return ``name`` quoted for SQL, whatever characters it holds."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def readable(label: str) -> Iterator[None]:
    """Turn errors of reading ``label`` into one sentence; a mistake in the query itself passes through."""
    try:
        yield
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException):
        raise
    except (duckdb.Error, OSError) as error:
        raise unreadable(label, error) from None


def unreadable(label: str, error: Exception, encoding: str | None = None) -> UserError:
    """Say that ``label`` cannot be read, without DuckDB's message: that quotes rows of the file."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return OutOfMemoryError(
            f"{label} needs more memory than there is: take fewer columns, or a larger machine."
        )
    message = str(error).lower()
    suffix = Path(label).suffix.lower()
    # A table that is not recognized is told with a list of all that was tried, UTF-8 and line sizes included.
    unrecognized = "error when sniffing" in message
    if not unrecognized and re.search("unicode|utf-?8 encod|encoded", message):
        remedy = "" if encoding or suffix not in DELIMITED else ", or name its --encoding"
        return UserError(f"{label} is not {encoding or 'UTF-8'} text all through: save it as UTF-8{remedy}.")
    if "expected records" in message:
        return UserError(
            f"{label} has no rows that are objects of the same names: write a list of them, or one per line."
        )
    if not unrecognized and "maximum line size" in message:
        return UserError(f"{label} has a line of more than 2 MB: check for a quote that is never closed.")
    if suffix in DELIMITED:
        return UserError(
            f"{label} cannot be read as a table: check that it has one header line, as many fields in "
            "every row and the same line breaks all through, or name the separator with --delimiter."
        )
    return UserError(
        f"{label} cannot be read as {suffix or 'a table'}: check that it is whole, or export it again."
    )


def _in_memory(connection: duckdb.DuckDBPyConnection, table: object) -> Source:
    label = "the table in memory"
    try:
        connection.register("frame", table)
        # Cursors do not see registered frames, so the rows are copied.
        connection.execute("CREATE TABLE source AS SELECT * FROM frame")
    except duckdb.Error:
        raise UserError(
            f"A table in memory must be a DataFrame or an Arrow table with columns: {type(table).__name__} "
            "given here is not, or has none."
        ) from None
    connection.unregister("frame")
    return _checked(label, connection)


def _checked(label: str, connection: duckdb.DuckDBPyConnection) -> Source:
    try:
        described = connection.execute("DESCRIBE source").fetchall()
        first = connection.execute("SELECT 1 FROM source LIMIT 1").fetchone()
    except duckdb.Error as error:
        raise unreadable(label, error) from None
    if first is None:
        raise UserError(f"{label} has no rows: export it again.")
    return Source(label, connection, {name: kind for name, kind, *_ in described})


def _delimited_reader(
    connection: duckdb.DuckDBPyConnection,
    paths: list[str],
    label: str,
    delimiter: str | None,
    encoding: str | None,
) -> str:
    if encoding is not None:
        named, encoding = encoding, ENCODINGS.get(encoding.lower())
        if encoding is None:
            raise UserError(
                f"The encoding '{shown(named)}' is not known: use utf-8, latin-1 or utf-16, or save as UTF-8."
            )
    with Path(paths[0]).open("rb") as file:
        head = file.read(SNIFFED_BYTES)
    if head.startswith(b"PK\x03\x04"):
        raise UserError(f"{label} is a ZIP or Excel file, not text: give it its ending .xlsx or unpack it.")
    encoding = _recognize_encoding(head, encoding, label)
    text = _decode(head, encoding, label).lstrip("\ufeff")
    if not text.strip():
        raise UserError(f"The file {label} holds only blank lines: export it again.")
    if text.lstrip().startswith(("[{", '{"', "[[")):
        raise UserError(f"{label} holds JSON, not a text table: give it the ending .json or .jsonl.")
    header = text.splitlines()[0]
    options = [f"encoding={_quote(encoding)}"] if encoding else []
    if delimiter:
        options.append(f"delim={_quote(delimiter)}")
    # Without skip=0 a header shorter than its rows is passed over, and the first record becomes the header.
    options.append("skip=0")
    reader = (
        f"read_csv({_sql_list(paths)}, header=true, sample_size=100000{''.join(', ' + o for o in options)}"
    )
    types = {
        name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {reader})").fetchall()
    }
    if len(types) == 1:
        better = next((m for m in LIKELY_DELIMITERS if m != delimiter and m in header), None)
        if better is not None:
            mark = "a tab" if better == "\t" else f"'{better}'"
            raise UserError(
                f"{label} was read as a single column, yet its header holds {mark}: "
                "name the separator with --delimiter, or check that every row has as many fields as it."
            )
    text_columns = _columns_to_keep_as_text(connection, reader, types)
    if text_columns:
        reader += ", types={" + ", ".join(f"{_quote(name)}: 'VARCHAR'" for name in text_columns) + "}"
    return reader + ")"


def _recognize_encoding(head: bytes, encoding: str | None, label: str) -> str | None:
    """Return the encoding to read with, after refusing what DuckDB would read as nonsense."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        raise UserError(f"{label} is UTF-32 text, which is not read: save it as UTF-8.")
    if head.startswith(b"\xfe\xff"):
        raise UserError(
            f"{label} is UTF-16 text of the big-endian kind, which is not read: save it as UTF-8."
        )
    if head.startswith(b"\xff\xfe"):
        if encoding not in {None, "utf-16"}:
            raise UserError(f"{label} is UTF-16 text, not {encoding}: leave --encoding out.")
        return "utf-16"
    zeros = head.count(0)
    if encoding == "utf-16":
        # Every character of Western text has a zero byte; other scripts have it in separators and line ends.
        if zeros < len(head) / 50:
            raise UserError(f"{label} is not UTF-16 text: leave --encoding out, or name another.")
        return encoding
    if zeros >= 0.4 * len(head) and not any(head[0:200:2]):
        raise UserError(
            f"{label} is UTF-16 text of the big-endian kind, which is not read: save it as UTF-8."
        )
    if zeros >= 0.4 * len(head) and not any(head[1:200:2]):
        raise UserError(f"{label} looks like UTF-16 text: name it with --encoding utf-16.")
    if zeros:
        raise UserError(f"{label} is a binary file, not a text table: export it as CSV or Parquet.")
    return encoding


def _columns_to_keep_as_text(
    connection: duckdb.DuckDBPyConnection, reader: str, types: dict[str, str]
) -> list[str]:
    """Return the columns whose recognized type would lose or refuse a value further down the file.

    A ZIP code or account number that starts with 0 would lose the zero as a number, and a column
    that is numeric for its first rows only would stop the reading at the first word.
    """
    numbers = [name for name, kind in types.items() if kind in NUMERIC or kind.startswith("DECIMAL")]
    kept = []
    if numbers:
        tests = ", ".join(
            f"bool_or(regexp_matches({column}, '^0[0-9]') OR (trim({column}) <> '' AND "
            f"TRY_CAST({column} AS {types[name]}) IS NULL))"
            for name in numbers
            for column in [quote_identifier(name)]
        )
        found = connection.execute(f"SELECT {tests} FROM {reader}, all_varchar=true)").fetchone()
        kept = [name for name, lossy in zip(numbers, found, strict=True) if lossy]
    for name, kind in types.items():
        if kind not in {"VARCHAR", *numbers} and name not in numbers:
            try:
                connection.execute(f"SELECT count({quote_identifier(name)}) FROM {reader})").fetchone()
            except duckdb.ConversionException:
                kept.append(name)
    return kept


def _decode(head: bytes, encoding: str | None, label: str) -> str:
    try:
        # A character may be cut at the end of the sample; that is no error of the file.
        return (
            head.decode(encoding or "utf-8")
            if len(head) < SNIFFED_BYTES
            else head[:-4].decode(encoding or "utf-8", "strict")
        )
    except UnicodeDecodeError as error:
        if len(head) - error.start <= 8 and len(head) == SNIFFED_BYTES:
            return head[: error.start].decode(encoding or "utf-8")
        raise UserError(
            f"{label} is not {encoding or 'UTF-8'} text (byte {error.start}): "
            f"save it as UTF-8{'' if encoding else ', or name its --encoding'}."
        ) from None


def _open_database(connection: duckdb.DuckDBPyConnection, address: str, table: str | None) -> Source:
    if table is None:
        raise UserError("A database source needs the name of a table: add --table.")
    try:
        if address.startswith("sqlite://"):
            path = Path(address.removeprefix("sqlite://"))
            if not path.is_file():
                raise UserError(f"The database {path.name} does not exist: check the path.")
            _check_sqlite(path, table)
            load_extension(connection, "sqlite_scanner")
            connection.execute(f"ATTACH {_quote(str(path))} AS db (TYPE sqlite, READ_ONLY)")
        else:
            load_extension(connection, "postgres_scanner")
            connection.execute(f"ATTACH {_quote(address)} AS db (TYPE postgres, READ_ONLY)")
        qualified = ".".join(quote_identifier(part) for part in table.split("."))
        connection.execute(f"CREATE VIEW source AS SELECT * FROM db.{qualified}")
    except (duckdb.Error, sqlite3.Error):
        # DuckDB's message would repeat the address, and with it the password.
        raise UserError(
            f"The table '{shown(table)}' cannot be read: check the address, the rights and the name."
        ) from None
    return _checked(shown(table), connection)


def _check_sqlite(path: Path, table: str) -> None:
    """Refuse what SQLite itself cannot read: a view of itself ends DuckDB, and the process with it."""
    address = f"file:{urllib.parse.quote(str(path.absolute()))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as database:
        database.execute(f"SELECT 1 FROM {'.'.join(map(quote_identifier, table.split('.')))} LIMIT 1")


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sql_list(paths: list[str]) -> str:
    # Each is one file: DuckDB would take a name with a star for a pattern, and read others.
    return "[" + ", ".join(_quote(glob.escape(path)) for path in paths) + "]"
