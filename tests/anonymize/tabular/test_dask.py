"""Dask and DuckDB give the same summaries and measures, also when a worker dies in the middle."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from secure_ai.anonymize.tabular import cluster
from secure_ai.anonymize.tabular.anonymizer import anonymize
from secure_ai.anonymize.tabular.measures import privacy_measures
from secure_ai.anonymize.tabular.proposal import (
    explain_quasi_identifiers,
    minimal_uniques,
    riskiest_combinations,
)
from secure_ai.anonymize.tabular.summary import summarize
from secure_ai.cli import invoke
from secure_ai.core import UserError
from secure_ai.core.sources import open_source

distributed = pytest.importorskip("distributed")
COLUMNS = ["age", "zip", "income"]
ROWS, GROUP = 60_000, 500


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> str:
    """Parquet in many row groups, with missing values in every column."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": pd.array(rng.integers(18, 60, ROWS), dtype="Int64"),
            "zip": rng.choice(["02139", "02140", "Ж", ""], ROWS),
            "income": rng.choice([0.0, -0.0, 1.5, 2.5], ROWS),
            "disease": rng.choice(["flu", "asthma", "none"], ROWS, p=[0.2, 0.1, 0.7]),
            "cost": rng.integers(0, 20, ROWS),
        }
    )
    for i, name in enumerate(frame):
        frame.loc[i::101, name] = None
    path = tmp_path_factory.mktemp("people") / "people.parquet"
    frame.to_parquet(path, row_group_size=GROUP)
    return str(path)


@pytest.fixture(scope="module")
def two_workers():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as running:
        yield running


def same_measures(here, there) -> None:
    assert (here.n, here.k, here.classes, here.uniques) == (there.n, there.k, there.classes, there.uniques)
    assert here.attributes == there.attributes


def test_dask_gives_the_summary_of_duckdb_to_the_last_type(people: str, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "PARTITION_ROWS", 7_000)
    for columns in (COLUMNS, ["disease"], ["cost", "age"]):
        pd.testing.assert_frame_equal(summarize(people, columns), summarize(people, columns, engine="dask"))


def test_dask_gives_the_measures_of_duckdb(people: str, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "PARTITION_ROWS", 7_000)
    for columns, sensitive in ((COLUMNS, ["disease", "cost"]), (["age"], [])):
        here = privacy_measures(people, columns, sensitive)
        same_measures(here, privacy_measures(people, columns, sensitive, engine="dask"))


def test_dask_takes_text_files_and_frames_as_duckdb_does(tmp_path) -> None:
    (tmp_path / "people.csv").write_text("zip;age\n02139;31\n02139;31\n;NaN\n02140;\n")
    frame = pd.DataFrame(
        {"zip": pd.Categorical(["b", "a", None, "b"]), "day": pd.to_datetime(["2020-01-01"] * 4)}
    )
    whole = pa.table({"n": pa.array([2**60 + 1, None, 2**60 + 1], pa.int64())})
    for source, columns in (
        (tmp_path / "people.csv", ["zip", "age"]),
        (frame, ["zip", "day"]),
        (whole, ["n"]),
    ):
        here = summarize(source, columns)
        pd.testing.assert_frame_equal(here, summarize(source, columns, engine="dask"))
    assert here["n"].tolist()[0] == 2**60 + 1


def test_two_workers_give_the_measures_of_one_machine(people: str, two_workers, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "PARTITION_ROWS", 7_000)
    here = privacy_measures(people, COLUMNS, ["disease"])
    there = privacy_measures(
        people, COLUMNS, ["disease"], engine="dask", scheduler=two_workers.scheduler_address
    )
    same_measures(here, there)


def test_two_workers_find_the_combinations_and_proposals_of_one_machine(people: str, two_workers) -> None:
    source, there = open_source(people), {"engine": "dask", "scheduler": two_workers.scheduler_address}
    pd.testing.assert_frame_equal(
        riskiest_combinations(source, COLUMNS, **there), riskiest_combinations(source, COLUMNS)
    )
    pd.testing.assert_frame_equal(minimal_uniques(source, COLUMNS, **there), minimal_uniques(source, COLUMNS))
    here = explain_quasi_identifiers(source, exclude=["disease"])
    assert explain_quasi_identifiers(source, exclude=["disease"], **there) == here
    assert {choice.column for choice in here if choice.classes} == {"age", "zip"}


def test_a_worker_killed_in_the_middle_changes_no_figure(people: str, two_workers, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "PARTITION_ROWS", GROUP)
    killed = []

    def kill_once_work_is_done() -> None:
        with distributed.Client(two_workers.scheduler_address, set_as_default=False) as client:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not killed:
                held = {address: len(keys) for address, keys in client.has_what().items()}
                if sum(held.values()) >= 8:
                    nanny = next(n for n in two_workers.workers.values() if held.get(n.worker_address, 0) > 0)
                    killed.append((nanny.process.pid, sum(map(len, client.processing().values()))))
                    os.kill(nanny.process.pid, signal.SIGKILL)
                time.sleep(0.005)

    killer = threading.Thread(target=kill_once_work_is_done)
    killer.start()
    there = privacy_measures(
        people, COLUMNS, ["disease", "cost"], engine="dask", scheduler=two_workers.scheduler_address
    )
    killer.join()
    assert killed and killed[0][1] > 0  # there was work left when it died
    same_measures(privacy_measures(people, COLUMNS, ["disease", "cost"]), there)


def released(arguments: list[str], out: Path) -> pd.DataFrame:
    assert invoke([*arguments, "--out", str(out)]) == 0
    made = pd.read_parquet(out).astype(object)
    return made.sort_values(list(made), key=lambda column: column.astype(str)).reset_index(drop=True)


def test_a_worker_killed_while_it_writes_leaves_the_release_of_the_command_as_it_is(
    people: str, two_workers, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(cluster, "PARTITION_ROWS", 5_000)
    arguments = ["anonymize", people, "--quasi-identifiers", "age,zip", "--sensitive", "disease"]
    arguments += ["--keep", "cost", "--k", "9", "--l", "2"]
    done, killed = threading.Event(), []

    def kill_once_something_is_written() -> None:
        while not done.is_set() and not killed:
            if len(list(tmp_path.glob(".*.partial/**/part-*.parquet"))) >= 3:
                nanny = next(iter(two_workers.workers.values()))
                killed.append(nanny.process.pid)
                os.kill(nanny.process.pid, signal.SIGKILL)
            time.sleep(0.002)

    killer = threading.Thread(target=kill_once_something_is_written)
    killer.start()
    there = released(
        [*arguments, "--engine", "dask", "--scheduler", two_workers.scheduler_address],
        tmp_path / "there.parquet",
    )
    done.set()
    killer.join()
    assert killed
    pd.testing.assert_frame_equal(released(arguments, tmp_path / "here.parquet"), there, check_dtype=False)
    parts = sorted((tmp_path / "there.parquet").iterdir())
    assert len(parts) == ROWS // 5_000 and {part.suffix for part in parts} == {".parquet"}
    # Neither the part nor the place in it says where a record was: the values alone decide both.
    for part in parts[:3]:
        rows = pd.read_parquet(part)
        assert rows["age"].is_monotonic_increasing
    assert not list(tmp_path.glob(".*.partial"))


def test_the_part_of_a_record_does_not_depend_on_where_it_was(people: str, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "PARTITION_ROWS", 6_000)
    pd.read_parquet(people).iloc[::-1].to_parquet(tmp_path / "turned.parquet", row_group_size=GROUP)
    made = []
    for number, source in enumerate((people, tmp_path / "turned.parquet")):
        out = tmp_path / f"{number}.parquet"
        anonymize(source, ["age", "zip"], keep=["cost"], k=9, out=out, engine="dask")
        made.append([pd.read_parquet(part) for part in sorted(out.iterdir())])
    for left, right in zip(*made, strict=True):
        pd.testing.assert_frame_equal(left, right)


def test_an_infinite_value_is_told_by_the_workers_too(two_workers) -> None:
    frame = pd.DataFrame({"x": [1.0, np.inf]})
    with pytest.raises(UserError, match="'x' of the table in memory holds infinite"):
        summarize(frame, ["x"], engine="dask", scheduler=two_workers.scheduler_address)


def test_a_file_that_a_worker_cannot_see_is_told(people: str, two_workers, tmp_path) -> None:
    moved = tmp_path / "moved.parquet"
    shutil.copy(people, moved)
    parts = cluster.partitions(open_source(moved), ["age"])
    moved.unlink()
    with pytest.raises(UserError, match="every worker sees"):
        cluster.computed(parts[0], two_workers.scheduler_address)


def test_a_scheduler_that_does_not_answer_is_told_in_bounded_time(monkeypatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    frame = pd.DataFrame({"x": [1]})
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        mute = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        for address in ("tcp://127.0.0.1:1", "nonsense", "tcp://", "tcp://127.0.0.1", "http://[", mute):
            start = time.monotonic()
            with pytest.raises(UserError, match="No Dask scheduler answers"):
                summarize(frame, ["x"], engine="dask", scheduler=address)
            assert time.monotonic() - start < 15


def test_a_cluster_without_workers_is_told(monkeypatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as empty,
        pytest.raises(UserError, match="no worker"),
    ):
        summarize(pd.DataFrame({"x": [1]}), ["x"], engine="dask", scheduler=empty.scheduler_address)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"engine": "spark"}, "duckdb or dask"), ({"scheduler": "tcp://127.0.0.1:8786"}, "engine='dask'")],
)
def test_an_engine_that_is_not_known_is_told(options, words) -> None:
    with pytest.raises(UserError, match=words):
        summarize(pd.DataFrame({"x": [1]}), ["x"], **options)
