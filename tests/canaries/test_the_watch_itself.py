"""The watch sees what a piece of work leaves, removes, logs, prints, warns of and raises."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from .planted import PERSONAL

SSN = PERSONAL["ssn"]


def raised_with_a_chain(watch, cause=None):
    try:
        try:
            int(SSN)
        except ValueError as error:
            raise RuntimeError("a sentence") from (error if cause else None)
    except RuntimeError as error:
        watch.raised(error)


def raised_while_another_was_handled(watch):
    try:
        try:
            int(SSN)
        except ValueError:
            raise RuntimeError("a sentence")  # noqa: B904
    except RuntimeError as error:
        watch.raised(error)


def removed_file(watch):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "draft").write_text(SSN)


def unlinked(watch):
    for remove in (os.unlink, os.remove, Path.unlink):
        Path("draft").write_text(SSN)
        remove(Path("draft"))


def removed_tree(watch):
    Path("a/b").mkdir(parents=True)
    Path("a/b/draft").write_text(SSN)
    shutil.rmtree("a")


WORK = {
    "a file in the current folder": lambda watch: Path("x").write_text(SSN),
    "a file at home": lambda watch: (Path.home() / "x").write_text(SSN),
    "a temporary file": lambda watch: Path(tempfile.mkstemp()[1]).write_text(SSN),
    "a temporary folder that is gone": removed_file,
    "a file that is gone": unlinked,
    "a folder that is gone": removed_tree,
    "a log at its most verbose": lambda watch: logging.getLogger("a.b").debug("seen %s", SSN),
    "a third party's log": lambda watch: logging.getLogger("ldap3").debug(SSN),
    "an argument of a log": lambda watch: logging.getLogger("a").debug("%.0s", SSN),
    "output": lambda watch: print(SSN),
    "a child's error output": lambda watch: subprocess.run(
        [sys.executable, "-c", "import sys; sys.stderr.write(sys.argv[1])", SSN], check=True
    ),
    "a warning": lambda watch: warnings.warn(SSN, stacklevel=1),
    "the cause of an exception": lambda watch: raised_with_a_chain(watch, cause=True),
    "what came before an exception": raised_while_another_was_handled,
    "repr": lambda watch: watch.say("it", [SSN]),
}


@pytest.mark.parametrize("work", WORK)
def test_a_value_is_seen_wherever_work_lets_it_out(watch, work):
    WORK[work](watch)
    assert {found.canary for found in watch.found()} == {"ssn"}


def test_an_exception_from_none_shows_nothing_of_the_one_before(watch):
    raised_with_a_chain(watch)
    assert watch.found() == []


def test_silent_work_on_plaintext_beside_the_watched_place_is_nothing(watch):
    (watch.inputs / "x").write_text(SSN)
    (watch.inputs / "x").unlink()
    assert watch.found() == []


def test_what_is_new_changed_or_gone_is_told_apart(watch):
    Path("a").write_text("1")
    before = watch.files()
    assert watch.files() == before
    Path("b").write_text("1")
    assert set(watch.files()) - set(before) == {"work/b"}
