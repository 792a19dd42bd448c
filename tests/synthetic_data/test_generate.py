"""Files of invented data: the same bytes for the same seed, whole or not at all, refused in a sentence."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from synthetic_data import finance, generate, load
from synthetic_data.finance import assemble
from synthetic_data.generate import write_dataset
from synthetic_data.samples import HERE, write_samples

TABLES = (
    "customers",
    "accounts",
    "cards",
    "transactions",
    "loans",
    "staff",
    "access_log",
    "chats",
    "emails",
    "wires",
)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def small_blocks(monkeypatch):
    """Several blocks from few rows (forked workers inherit the patch)."""
    monkeypatch.setattr(assemble, "BLOCK_SIZE", 1_000)
    monkeypatch.setattr(generate.threading, "active_count", lambda: 1)


@pytest.mark.skipif(sys.platform != "linux", reason="forked workers inherit the small blocks only on Linux")
@pytest.mark.parametrize("fmt", ["csv", "parquet"])
def test_one_and_two_workers_write_the_same_bytes(tmp_path, small_blocks, fmt):
    for workers in (1, 2):
        write_dataset("finance", rows=3_210, seed=11, out=tmp_path / str(workers), fmt=fmt, workers=workers)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")
    assert len(digests(tmp_path / "1")) == len(TABLES) + 4


def test_another_seed_writes_other_bytes(tmp_path):
    for seed in (1, 2):
        write_dataset("finance", rows=50, seed=seed, out=tmp_path / str(seed), workers=1)
    first, second = digests(tmp_path / "1"), digests(tmp_path / "2")
    assert first.keys() == second.keys()
    assert all(first[name] != second[name] for name in first)


def test_spawned_workers_write_the_same_bytes_as_none(tmp_path):
    """The way of notebooks, whose process has threads and must not be forked."""
    plan = [(0, 300), (1, 200)]
    spawned = list(generate._made("finance", 3, plan, "csv", 2)) if _spawns() else None
    alone = list(generate._made("finance", 3, plan, "csv", 1))
    assert spawned is None or spawned == alone


def _spawns() -> bool:
    import threading

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, args=(30,), daemon=True)
    thread.start()
    return threading.active_count() > 1


def test_csv_and_parquet_hold_the_tables_that_load_gives(tmp_path, small_blocks):
    data = load("finance", seed=4, rows=2_100)
    for fmt in ("csv", "parquet"):
        files = write_dataset("finance", rows=2_100, seed=4, out=tmp_path / fmt, fmt=fmt, workers=1)
        assert {path.stem for path in files if path.suffix == f".{fmt}"} == set(TABLES)
        for name in TABLES:
            path = tmp_path / fmt / f"{name}.{fmt}"
            table = pd.read_csv(path, dtype={"zip": str}) if fmt == "csv" else pd.read_parquet(path)
            expected = data[name]
            assert list(table.columns) == list(expected.columns)
            assert table.iloc[:, 0].tolist() == expected.iloc[:, 0].tolist()
    paid = pd.read_csv(tmp_path / "csv" / "transactions.csv", parse_dates=["timestamp"])
    assert len(paid) == 2_100
    assert paid["amount"].tolist() == data["transactions"]["amount"].tolist()
    assert (paid["timestamp"].to_numpy() == data["transactions"]["timestamp"].to_numpy()).all()


def test_parquet_has_typed_columns_and_csv_iso_dates(tmp_path):
    write_dataset("finance", rows=60, seed=4, out=tmp_path / "p", fmt="parquet", workers=1)
    write_dataset("finance", rows=60, seed=4, out=tmp_path / "c", fmt="csv", workers=1)
    customers = pa.parquet.read_schema(tmp_path / "p" / "customers.parquet")
    assert pa.types.is_date(customers.field("birth_date").type)
    paid = pa.parquet.read_schema(tmp_path / "p" / "transactions.parquet")
    assert pa.types.is_timestamp(paid.field("timestamp").type)
    assert pa.types.is_boolean(paid.field("is_fraud").type)
    assert pa.types.is_floating(paid.field("amount").type)
    birth = pd.read_csv(tmp_path / "c" / "customers.csv")["birth_date"]
    assert all(datetime.date.fromisoformat(value) for value in birth)
    stamps = pd.read_csv(tmp_path / "c" / "transactions.csv")["timestamp"]
    assert all(datetime.datetime.fromisoformat(value) for value in stamps)


def test_documents_are_written_with_their_spans(tmp_path):
    write_dataset("finance", rows=500, seed=4, out=tmp_path / "d", workers=1)
    data = load("finance", seed=4, rows=500)
    for name in data.documents:
        lines = (tmp_path / "d" / "documents" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        read = [json.loads(line) for line in lines]
        assert [row["text"] for row in read] == [text.text for text in data.documents[name]]
        spans = [[list(span) for span in text.spans] for text in data.documents[name]]
        assert [row["spans"] for row in read] == spans
        assert read[0]["meta"]["customer_id"].startswith("C")


def test_the_card_lies_beside_the_data(tmp_path):
    write_dataset("finance", rows=60, seed=4, out=tmp_path / "d", workers=1)
    assert (tmp_path / "d" / "DATA_CARD.md").read_text(encoding="utf-8") == finance.card(60, 4).to_markdown()


def test_progress_counts_the_blocks(tmp_path, small_blocks):
    calls = []
    write_dataset(
        "finance", rows=3_000, seed=4, out=tmp_path / "d", workers=1, progress=lambda *at: calls.append(at)
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_a_folder_written_here_is_replaced_as_a_whole(tmp_path):
    out = tmp_path / "d"
    write_dataset("finance", rows=60, seed=4, out=out, fmt="csv", workers=1)
    write_dataset("finance", rows=60, seed=4, out=out, fmt="parquet", workers=1)
    assert not list(out.glob("*.csv"))
    assert len(list(out.glob("*.parquet"))) == len(TABLES)
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_the_hospital_is_written_with_its_texts_scans_and_staff(tmp_path):
    files = write_dataset("healthcare", rows=12, seed=4, out=tmp_path / "d", fmt="csv", workers=1)
    data = load("healthcare", seed=4, rows=12)
    assert {path.stem for path in files if path.suffix == ".csv"} == set(data.tables)
    assert {path.stem for path in files if path.suffix == ".jsonl"} == set(data.documents)
    for name, frame in data.tables.items():
        assert len(pd.read_csv(tmp_path / "d" / f"{name}.csv")) == len(frame)
    scans = np.load(tmp_path / "d" / "images" / "scans.npz")
    assert (scans["pixels"] == data.images.pixels).all() and (scans["labels"] == data.images.labels).all()


def test_the_hospital_is_written_as_one_file_of_json_lines_for_each_resource(tmp_path):
    files = write_dataset("healthcare", rows=3, seed=4, out=tmp_path / "d", fmt="fhir", workers=1)
    resources = {path.stem: path for path in files if path.suffix == ".ndjson"}
    patients = [json.loads(line) for line in resources["Patient"].read_text(encoding="utf-8").splitlines()]
    assert [patient["resourceType"] for patient in patients] == ["Patient"] * 3


def test_samples_in_the_repository_are_those_that_the_command_writes(tmp_path):
    write_samples(tmp_path)
    new, kept = digests(tmp_path), digests(HERE)
    assert {name: kept.get(name) for name in new} == new, "run: python -m synthetic_data.samples"
    assert sum(path.stat().st_size for path in HERE.rglob("*") if path.is_file()) <= 200_000


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"sector": "retail"}, "Unknown sector 'retail'; choose one of healthcare, finance."),
        ({"fmt": "xlsx"}, "choose one of csv, parquet, iso20022"),
        ({"fmt": "fhir"}, "choose one of csv, parquet, iso20022"),
        ({"sector": "healthcare", "fmt": "iso20022"}, "choose one of csv, parquet, fhir"),
        ({"rows": 0}, "rows must be a whole number of at least 1, not 0."),
        ({"rows": -3}, "rows must be a whole number of at least 1"),
        ({"rows": 2.5}, "rows must be a whole number of at least 1, not 2.5."),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1."),
        ({"workers": 0}, "workers must be a whole number of at least 1, not 0."),
    ],
)
def test_bad_requests_are_refused_in_one_sentence(tmp_path, arguments, says):
    request = {"sector": "finance", "rows": 10, "out": tmp_path / "d"} | arguments
    with pytest.raises(ValueError, match=r"^[A-Za-z]") as caught:
        write_dataset(request.pop("sector"), **request)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_kept(tmp_path):
    out = tmp_path / "d"
    out.write_text("mine")
    with pytest.raises(ValueError, match="is a file: choose another"):
        write_dataset("finance", rows=10, out=out)
    assert out.read_text() == "mine"


def test_a_folder_of_somebody_else_is_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="choose an empty or a new folder"):
        write_dataset("finance", rows=10, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_is_filled(tmp_path):
    out = tmp_path / "d"
    out.mkdir()
    assert len(write_dataset("finance", rows=10, out=out, workers=1)) == len(TABLES) + 3


def test_a_place_below_a_file_is_refused_and_nothing_made(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match=r"Cannot write the folder .*choose a place"):
        write_dataset("finance", rows=10, out=tmp_path / "file" / "deeper" / "d")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_may_not_be_written_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ValueError, match="permission denied"):
        write_dataset("finance", rows=10, out=tmp_path / "d")
    tmp_path.chmod(0o700)


# ---------------------------------------------------------------- nothing half-written


FAILURES = [(1, RuntimeError("broken block")), (1, KeyboardInterrupt())]
if sys.platform == "linux":  # elsewhere workers are spawned and do not see the broken block
    FAILURES.append((2, RuntimeError("broken block")))


@pytest.mark.parametrize(("workers", "failure"), FAILURES)
def test_nothing_is_left_behind_when_a_block_fails(tmp_path, monkeypatch, small_blocks, workers, failure):
    make = finance.block_with_documents

    def block(seed, index, size):
        if index == 2:
            raise failure
        return make(seed, index, size)

    monkeypatch.setattr(finance, "block_with_documents", block)
    before = generate.signal.getsignal(signal.SIGTERM)
    with pytest.raises(type(failure)):
        write_dataset("finance", rows=4_000, out=tmp_path / "new" / "d", workers=workers)
    assert list(tmp_path.iterdir()) == []
    assert generate.signal.getsignal(signal.SIGTERM) == before


def test_an_earlier_data_set_survives_a_failure(tmp_path, monkeypatch):
    out = tmp_path / "d"
    write_dataset("finance", rows=20, out=out, workers=1)
    before = digests(out)

    def block(seed, index, size):
        raise RuntimeError("broken block")

    monkeypatch.setattr(finance, "block_with_documents", block)
    with pytest.raises(RuntimeError):
        write_dataset("finance", rows=30, out=out, workers=1)
    assert digests(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no termination signal to catch")
def test_nothing_is_left_behind_when_the_program_is_terminated(tmp_path, repo_root):
    code = (
        "from pathlib import Path\nfrom synthetic_data.generate import write_dataset\n"
        "write_dataset('finance', rows=5_000_000, out=Path(__import__('sys').argv[1]), workers=1)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "d")], cwd=repo_root)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".d.*.partial/new/*.csv")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.terminate()
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []
