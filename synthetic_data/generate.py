"""Write the invented data to files, block by block: any number of rows in the same memory, on all cores.

Blocks are made by worker processes and written in order by this one, a few in flight at a time, so the bytes
do not depend on the number of workers. The folder is filled beside its place and renamed when it is whole.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from synthetic_data.dataset import blocks, check_request
from synthetic_data.text import SyntheticText

FORMATS: dict[str, tuple[str, ...]] = {
    "healthcare": ("csv", "parquet", "fhir"),
    "finance": ("csv", "parquet", "iso20022"),
}
MARK = ".synthetic_data.json"
"""A folder that holds this file was written here and may be replaced."""

CARD = "DATA_CARD.md"

# What a block becomes: file name in the data folder -> pieces, which are appended in order of the blocks.
Pieces = dict[str, Any]
Progress = Callable[[int, int], None]


def write_dataset(
    sector: str,
    *,
    rows: int,
    seed: int = 7,
    out: Path,
    fmt: str = "csv",
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Write one sector's data into a new folder.

    Args:
        sector: "healthcare" or "finance".
        rows: patients (healthcare) or transactions (finance), at least 1.
        seed: a non-negative whole number; the same seed gives the same bytes, for any number of workers.
        out: the folder to make. It may exist if it is empty or was written here before; then it is replaced.
        fmt: "csv" or "parquet"; "fhir" (healthcare: NDJSON, one file per resource type) or "iso20022"
            (finance: pacs.008 XML of the wires).
        workers: processes that make blocks; all available cores by default. A single block needs none. Where
            processes are spawned (macOS, Windows), a script that calls this needs the usual
            ``if __name__ == "__main__":``.
        progress: called with (blocks written, blocks in all) after each block.

    Returns:
        The files, in order of name: tables, ``documents/*.jsonl`` (texts with true spans), images, the card.

    Raises:
        ValueError: one sentence with the remedy: unknown sector or format, rows or seed
            out of range, or a folder that must not be written. Nothing is left behind.
    """
    sector, seed, rows = check_request(sector, seed=seed, rows=rows)
    if fmt not in FORMATS[sector]:
        raise ValueError(
            f"Format {fmt!r} does not exist for {sector}; choose one of {', '.join(FORMATS[sector])}."
        )
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ValueError(f"workers must be a whole number of at least 1, not {workers!r}.")
    if fmt == "iso20022" and find_spec("xsdata") is None:
        raise ValueError(
            "Format 'iso20022' needs the package xsdata, which is missing: install the lock again."
        )
    out = Path(out)
    _check_target(out)
    module = import_module(f"synthetic_data.{sector}")
    plan = _plan(module, rows)
    with _terminated_like_interrupted(), _filled_beside(out) as draft, _Writers(draft) as writers:
        for number, pieces in enumerate(_made(sector, seed, plan, fmt, workers), start=1):
            writers.write(pieces)
            if progress is not None:
                progress(number, len(plan))
        (draft / CARD).write_text(module.card(rows, seed).to_markdown(), encoding="utf-8")
        mark = {"sector": sector, "rows": rows, "seed": seed, "format": fmt}
        (draft / MARK).write_text(json.dumps(mark) + "\n", encoding="utf-8")
    return sorted(path for path in out.rglob("*") if path.is_file() and path.name != MARK)


# ---------------------------------------------------------------- making blocks


def make_pieces(sector: str, seed: int, index: int, size: int, fmt: str) -> Pieces:
    """Make one block and turn it into pieces of files; runs in a worker process.

    Returns:
        File name -> bytes to append, an Arrow table (Parquet), or arrays (images).
    """
    module = import_module(f"synthetic_data.{sector}")
    tables, documents = module.block_with_documents(seed, index, size)
    pieces: Pieces = {f"documents/{name}.jsonl": document_lines(texts) for name, texts in documents.items()}
    if sector == "healthcare" and index == 0:  # what the hospital has once, not in every block
        tables = tables | {"staff": module.staff(seed)}
        scans = module.scans(seed)
        pieces["images/scans.npz"] = {"pixels": scans.pixels, "labels": scans.labels, "ids": scans.ids}
    if fmt == "iso20022":
        iso20022 = import_module("synthetic_data.finance.iso20022")
        for number, xml in enumerate(iso20022.messages(tables["wires"], index * 1000 + 1)):
            pieces[f"pacs.008/pacs.008-{index:05d}-{number:03d}.xml"] = xml
    elif fmt == "fhir":
        fhir = import_module("synthetic_data.healthcare.fhir")
        pieces |= {f"{name}.ndjson": lines for name, lines in fhir.ndjson(tables).items()}
    elif fmt == "csv":
        pieces |= {f"{name}.csv": table_csv(frame, header=index == 0) for name, frame in tables.items()}
    else:
        pieces |= {f"{name}.parquet": typed(frame) for name, frame in tables.items()}
    return pieces


def typed(frame: pd.DataFrame) -> pa.Table:
    """A frame as an Arrow table: columns named ``..._date`` become days, other times whole seconds."""
    arrays, fields = [], []
    for name in frame.columns:
        values = frame[name]
        array = pa.Array.from_pandas(values)
        if isinstance(array, pa.ChunkedArray):
            array = array.combine_chunks()
        kind = array.type
        if pa.types.is_timestamp(kind):
            kind = pa.date32() if name.endswith("_date") else pa.timestamp("s")
        elif pa.types.is_null(kind) or pa.types.is_large_string(kind):
            kind = pa.string()
        arrays.append(array if kind == array.type else array.cast(kind))
        fields.append(pa.field(name, kind))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def table_csv(frame: pd.DataFrame, *, header: bool = True) -> bytes:
    """A frame as CSV: text in quotes, days and times in ISO form, nothing for a missing value."""
    buffer = BytesIO()
    pa.csv.write_csv(typed(frame), buffer, pa.csv.WriteOptions(include_header=header, quoting_style="needed"))
    return buffer.getvalue()


def document_lines(texts: list[SyntheticText]) -> bytes:
    """One JSON object for each text: text, spans as [start, end, entity type], meta."""
    return "".join(
        json.dumps(
            {"text": text.text, "spans": text.spans, "meta": text.meta}, ensure_ascii=False, default=str
        )
        + "\n"
        for text in texts
    ).encode("utf-8")


def _plan(module: ModuleType, rows: int) -> list[tuple[int, int]]:
    if hasattr(module, "block_sizes"):
        return list(enumerate(module.block_sizes(rows)))
    return blocks(rows, module.BLOCK_SIZE)


def _made(
    sector: str, seed: int, plan: list[tuple[int, int]], fmt: str, workers: int | None
) -> Iterator[Pieces]:
    """The pieces of every block in order, at most two blocks for each worker in flight."""
    workers = min(workers or available_cores(), len(plan))
    if workers == 1:
        for index, size in plan:
            yield make_pieces(sector, seed, index, size, fmt)
        return
    # Forking is quick but only safe from a process without other threads (a notebook's kernel has some).
    quick = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if quick else "spawn")
    import_module(f"synthetic_data.{sector}")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_interrupts_to_parent)
    try:
        waiting: deque = deque()
        for index, size in plan:
            waiting.append(pool.submit(make_pieces, sector, seed, index, size, fmt))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    pa.set_cpu_count(1)


# ---------------------------------------------------------------- writing files


class _Writers:
    """Open files by name; each piece is appended to its file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, Any] = {}

    def __enter__(self) -> _Writers:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def write(self, pieces: Pieces) -> None:
        for name, piece in pieces.items():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(piece, pa.Table):
                self._parquet(target, piece)
            elif isinstance(piece, dict):
                with target.open("wb") as file:
                    np.savez_compressed(file, **piece)
            elif target.suffix == ".xml":
                target.write_bytes(piece)  # a file each: keeping all open would run out of handles
            else:
                if name not in self._files:
                    self._files[name] = target.open("wb")
                self._files[name].write(piece)

    def _parquet(self, target: Path, table: pa.Table) -> None:
        if target.name not in self._files:
            few = [
                field.name
                for field, column in zip(table.schema, table.columns, strict=True)
                if pa.types.is_string(field.type) and _repeats(column)
            ]
            self._files[target.name] = pa.parquet.ParquetWriter(
                target, table.schema, compression="snappy", use_dictionary=few, write_statistics=False
            )
        writer = self._files[target.name]
        writer.write_table(table if table.schema == writer.schema else table.cast(writer.schema))


def _repeats(column: pa.ChunkedArray) -> bool:
    head = column.slice(0, 2000)
    return len(head.unique()) * 2 < len(head)


def _check_target(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise ValueError(f"The output folder {out} is a file: choose another folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise ValueError(
            f"The output folder {out} holds files that were not written by this program: "
            "choose an empty or a new folder, or move the files away."
        )


@contextmanager
def _filled_beside(out: Path) -> Iterator[Path]:
    """Yield a folder to fill; it becomes ``out`` if the block succeeds and vanishes if not."""
    made = [folder for folder in (out.parent, *out.parent.parents) if not folder.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.is_dir() and not os.access(out, os.W_OK):
            raise PermissionError(13, "Permission denied")
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else "unknown reason"
        raise ValueError(
            f"Cannot write the folder {out} ({reason}): choose a place that you may write to."
        ) from None
    try:
        draft = staging / "new"
        draft.mkdir()
        yield draft
        if out.exists():
            out.rename(staging / "old")
        draft.rename(out)
        made = []
    except OSError as error:
        if error.errno is None:
            raise
        raise ValueError(
            f"Cannot write {out} ({os.strerror(error.errno).lower()}): make room or choose another folder."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let a request to terminate unwind like Ctrl-C, so that the half-filled folder is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
