"""Partitions of a table on Dask, and summaries of them merged in a tree.

Nothing here is a scheduler or a shuffle of our own: partitions are read by the workers, a function of one
partition is called on each, and what it returns is merged eight at a time. A task whose worker dies is run
again on another one by Dask, from the file: so every function must be pure.
"""

from __future__ import annotations

import asyncio
import math
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from secure_ai.core import UserError
from secure_ai.core.sources import Source, shown

if TYPE_CHECKING:
    import pandas as pd
    from dask.delayed import Delayed

ENGINES = ("duckdb", "dask")
PARTITION_ROWS = 1_000_000
FAN_IN = 8
CONNECT_SECONDS = 10.0
# A cluster that has lost its last worker may start another one within this time.
WITHOUT_WORKERS_SECONDS = 30.0


def check_engine(engine: str, scheduler: str | None) -> None:
    """Check that the engine is known, and that a scheduler is named only where it is used.

    Raises:
        UserError: if either is not so.
    """
    if engine not in ENGINES:
        raise UserError(f"The engine '{shown(str(engine))}' is not known: choose {' or '.join(ENGINES)}.")
    if scheduler is not None and engine != "dask":
        raise UserError(f"A scheduler address is for the engine dask, not {engine}: choose engine='dask'.")


def partitions(source: Source, columns: Sequence[str], rows: int | None = None) -> list[Delayed]:
    """Return the columns of a table as delayed pandas frames with Arrow types.

    Parquet files are read by the workers, which must see them under the same path: whole row groups, about
    ``rows`` rows each (a million if not given). Anything else is read here and sent along with the tasks.

    Raises:
        UserError: if Dask is not installed.
    """
    delayed = dask_or_told().delayed
    rows = PARTITION_ROWS if rows is None else rows
    if source.files and source.files[0].lower().endswith(".parquet"):
        types = tuple(source.types[name] for name in columns)
        return [
            delayed(read_row_groups, pure=True)(path, groups, tuple(columns), types)
            for path, groups in _row_groups(source, rows)
        ]
    return [delayed(arrow_frame(batch)) for batch in source.batches(list(columns), rows)]


def read_row_groups(
    path: str, groups: tuple[int, ...], columns: tuple[str, ...], types: tuple[str, ...]
) -> pd.DataFrame:
    """Return columns of some row groups of a Parquet file, in the types that DuckDB gives the whole table."""
    import duckdb
    from pyarrow import parquet

    from secure_ai.core.sources import quote_identifier

    try:
        with parquet.ParquetFile(path) as file:
            table = file.read_row_groups(list(groups), columns=list(columns))
    except (OSError, ValueError):
        raise UserError(
            "A worker cannot read a part of the Parquet files: put them where every worker sees them."
        ) from None
    names = map(quote_identifier, columns)
    cast = ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in zip(names, types, strict=True))
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("part", table)
        return arrow_frame(connection.execute(f"SELECT {cast} FROM part").to_arrow_table())


def merged(parts: Sequence[Delayed], merge: Callable[[list[Any]], Any]) -> Delayed:
    """Return ``merge`` of all parts, eight at a time, so that no worker ever holds more than eight."""
    delayed = dask_or_told().delayed(merge, pure=True)
    level = list(parts)
    while len(level) > 1:
        level = [delayed(level[start : start + FAN_IN]) for start in range(0, len(level), FAN_IN)]
    return level[0]


def computed(task: Delayed, scheduler: str | None) -> Any:
    """Return the result of a task, from the cluster at ``scheduler`` or, without one, from threads here.

    Raises:
        UserError: if the address is wrong, nobody answers within ten seconds, there is no worker, or the
            cluster gives up; and whatever :class:`UserError` the task itself raises.
    """
    if scheduler is None:
        return dask_or_told().compute(task, scheduler="threads")[0]
    client = _connected(scheduler)
    try:
        return _awaited(client, client.compute(task), scheduler)
    finally:
        client.close(timeout=CONNECT_SECONDS)


def dask_or_told() -> Any:
    """Return the module ``dask``, or say how to install it."""
    try:
        import dask
        import distributed  # noqa: F401
    except ImportError:
        raise UserError(
            "The engine dask is not installed: install the extra 'scale', or choose the engine duckdb."
        ) from None
    return dask


def _connected(address: str) -> Any:
    dask_or_told()
    from distributed import Client
    from distributed.comm.addressing import parse_address, parse_host_port

    try:
        host, port = parse_host_port(parse_address(address, strict=True)[1])
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
        # A client waits without end for a port that opens and says nothing, so the greeting is tried first;
        # in a thread of its own, since a notebook runs a loop in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _greeted(address)).result()
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, OverflowError):
        raise UserError(
            f"No Dask scheduler answers at '{shown(str(address))}': check the address (tcp://host:8786)."
        ) from None
    try:
        client.wait_for_workers(1, timeout=CONNECT_SECONDS)
    except TimeoutError:
        client.close(timeout=CONNECT_SECONDS)
        raise UserError(
            f"The Dask cluster at '{shown(str(address))}' has no worker: start at least one."
        ) from None
    return client


async def _greeted(address: str) -> None:
    from distributed.comm import connect

    comm = await asyncio.wait_for(connect(address, timeout=CONNECT_SECONDS), CONNECT_SECONDS)
    await comm.close()


def _awaited(client: Any, future: Any, address: str) -> Any:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    alone_since = math.inf
    try:
        while True:
            try:
                return future.result(timeout=2.0)
            except TimeoutError:
                if future.done():
                    raise
            workers = client.scheduler_info(n_workers=-1)["workers"]
            alone_since = math.inf if workers else min(alone_since, time.monotonic())
            if time.monotonic() - alone_since > WITHOUT_WORKERS_SECONDS:
                raise UserError(
                    f"The Dask cluster at '{shown(str(address))}' has lost all its workers: start it again."
                )
    except UserError:
        raise
    except KilledWorker:
        raise UserError(
            "A part of the table has killed worker after worker, for want of memory as a rule: "
            "give the workers more, or write the Parquet files in smaller row groups."
        ) from None
    except (CommClosedError, CancelledError, TimeoutError, OSError):
        raise UserError(
            f"The connection to the Dask scheduler at '{shown(str(address))}' was lost: start it again."
        ) from None
    except ImportError:
        raise UserError(
            "The workers of the Dask cluster lack this kit or a part of it: install the same version there."
        ) from None


def _row_groups(source: Source, rows: int) -> list[tuple[str, tuple[int, ...]]]:
    from pyarrow import parquet

    found = []
    for path in source.files:
        metadata = parquet.read_metadata(path)
        groups: list[int] = []
        held = 0
        for group in range(metadata.num_row_groups):
            groups.append(group)
            held += metadata.row_group(group).num_rows
            if held >= rows or group == metadata.num_row_groups - 1:
                found.append((path, tuple(groups)))
                groups, held = [], 0
    return found


def arrow_frame(table: Any) -> pd.DataFrame:
    """Return an Arrow table or batch as a frame that keeps its types."""
    import pandas as pd

    return table.to_pandas(types_mapper=pd.ArrowDtype)
