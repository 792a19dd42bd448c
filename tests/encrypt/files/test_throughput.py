"""Claims about measuring: everything is timed beside the library in memory, and no file stays."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from secure_ai.core import UserError
from secure_ai.encrypt.files import charts, throughput
from secure_ai.encrypt.files.throughput import OPERATIONS, measure_throughput, openssl_speed, shown_size

SMALL = {"sizes": (300_000,), "chunk_sizes": (4080, 65_520), "repetitions": 1}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    result = measure_throughput(**SMALL, folder=folder)
    assert list(folder.iterdir()) == [], "a file was left"
    return result


def test_each_operation_is_timed_with_each_chunk_size(found):
    table = found.to_frame()
    assert len(table) == 2 * len(OPERATIONS)
    assert (table["gb_per_second"] > 0).all()
    assert (table.loc[table["operation"] == "in memory", "share_of_memory"] == 1).all()


def test_what_was_found_is_told_in_words(found):
    for words in ("encrypted", "verified", "copied", "the slower part", "OpenSSL"):
        assert words in found.sentence()
    assert "chunks of 4 KiB" in charts.chunk_size_sentence(found)


def test_a_picture_without_its_operations_is_one_sentence():
    part = measure_throughput(**SMALL, operations=("verify",))
    with pytest.raises(UserError, match="needs the operation"):
        charts.plot_chunk_sizes(part)
    with pytest.raises(UserError, match="was not timed"):
        part.sentence()


def test_the_chart_s_title_states_what_was_found(found):
    figure = charts.plot_chunk_sizes(found)
    axes = figure.axes[0]
    title = axes.get_title(loc="left")
    assert not axes.texts, "words among the curves cover them"
    assert len(figure.legends[0].get_texts()) == len(axes.lines) == 4
    assert re.fullmatch(r"Chunks of 4 KiB reach .+ of the rate with (4|64) KiB", title)


@pytest.mark.parametrize(
    "bad",
    [{"sizes": ()}, {"sizes": (0,)}, {"chunk_sizes": (1,)}, {"repetitions": 0}, {"operations": ("fly",)}],
    ids=str,
)
def test_bad_arguments_are_one_sentence(bad):
    with pytest.raises(UserError):
        measure_throughput(**{**SMALL, **bad})


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="name another folder"):
        measure_throughput(**SMALL, folder=tmp_path / "none")


def test_the_openssl_program_is_named_with_its_version_or_said_to_be_absent(monkeypatch):
    speed = openssl_speed(block=16_384)
    assert ("not installed" in speed.sentence()) == (speed.gb_per_second is None)
    monkeypatch.setattr(throughput.shutil, "which", lambda name: None)
    absent = openssl_speed()
    assert absent.gb_per_second is None and "not installed" in absent.sentence()
    assert "OpenSSL" in absent.library


def test_sizes_are_shown_as_they_are_spoken_of():
    assert [shown_size(n) for n in (4080, 1 << 20, 1000)] == ["4 KiB", "1 MiB", "1,000 bytes"]


def test_rates_and_pictures_are_loaded_when_asked_for():
    program = (
        "import sys; from secure_ai.encrypt import files;"
        "before = 'secure_ai.encrypt.files.charts' in sys.modules;"
        "assert set(files.__all__) <= set(dir(files)); files.plot_chunk_sizes; files.CHUNK_SIZES;"
        "print(before, 'secure_ai.encrypt.files.charts' in sys.modules, 'matplotlib' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "True", "False"]
