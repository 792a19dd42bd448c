"""Claims about outputs: whole or not at all, whatever fails and whenever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.core.outputs import atomic_directory, atomic_file

several = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
names = st.text("abcdefghij_-. äß", min_size=1, max_size=12).filter(
    lambda name: name.strip(". ") == name and name not in {"new", "old"}
)
contents = st.dictionaries(names, st.binary(max_size=200), max_size=4)


class Interrupted(Exception):
    """What a test raises in the middle of writing."""


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


@several
@given(before=st.none() | st.binary(max_size=200), after=st.binary(max_size=200), fails=st.booleans())
def test_a_file_holds_the_old_or_the_new_content_and_nothing_else(tmp_path_factory, before, after, fails):
    folder = tmp_path_factory.mktemp("out")
    target = folder / "report.html"
    if before is not None:
        target.write_bytes(before)
    try:
        with atomic_file(target) as draft:
            draft.write_bytes(after)
            assert (target.read_bytes() if target.exists() else None) == before, "visible before it was whole"
            if fails:
                raise Interrupted
    except Interrupted:
        pass
    expected = before if fails else after
    assert tree(folder) == ({} if expected is None else {"report.html": expected})
    assert len(list(folder.iterdir())) == len(tree(folder)), "something half-written was left"


@several
@given(before=st.none() | contents, after=contents, fails=st.booleans())
def test_a_folder_is_the_old_or_the_new_one_and_never_a_mixture(tmp_path_factory, before, after, fails):
    place = tmp_path_factory.mktemp("out")
    target = place / "2026Q4"
    if before is not None:
        target.mkdir()
        write(target, before)
    try:
        with atomic_directory(target) as draft:
            write(draft, after)
            assert (tree(target) if target.exists() else None) == before
            if fails:
                raise Interrupted
    except Interrupted:
        pass
    expected = before if fails else after
    assert (tree(target) if target.exists() else None) == expected
    assert [path.name for path in place.iterdir()] == ([] if expected is None else ["2026Q4"])


def test_missing_parents_are_made(tmp_path):
    target = tmp_path / "reports" / "2026" / "findings.json"
    with atomic_file(target) as draft:
        draft.write_text("[]")
    assert target.read_text() == "[]"


def test_the_draft_has_the_name_of_the_target_so_that_writers_see_its_ending(tmp_path):
    with atomic_file(tmp_path / "table.parquet") as draft:
        draft.write_bytes(b"")
        assert draft.name == "table.parquet"


def test_a_block_that_writes_nothing_is_an_error_and_leaves_the_old_file(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), atomic_file(target):
        pass
    assert target.read_text() == "old"


def test_a_file_where_a_folder_belongs_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(UserError, match="is a file: choose another"), atomic_directory(tmp_path / "reports"):
        pytest.fail("the block must not run")


def test_a_file_takes_the_place_of_no_folder_and_no_pipe(tmp_path):
    (tmp_path / "folder").mkdir()
    others = [tmp_path / "folder"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        others.append(tmp_path / "pipe")
    for target in others:
        before = target.stat()
        with pytest.raises(UserError, match="is no file"), atomic_file(target):
            pytest.fail("the block must not run")
        assert (target.stat().st_mode, target.stat().st_ino) == (before.st_mode, before.st_ino)


@pytest.mark.parametrize("writer", [atomic_file, atomic_directory])
def test_a_parent_that_is_a_file_is_refused_in_a_sentence(tmp_path, writer):
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(UserError, match="choose an output place"), writer(tmp_path / "reports" / "x"):
        pytest.fail("the block must not run")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("writer", [atomic_file, atomic_directory])
def test_a_folder_without_the_right_to_write_is_refused_in_a_sentence(tmp_path, writer):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UserError, match="choose an output place"), writer(tmp_path / "x"):
            pytest.fail("the block must not run")
    finally:
        tmp_path.chmod(0o700)
