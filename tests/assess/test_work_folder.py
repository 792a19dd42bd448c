"""The folder of a run is private, of one run at a time, and says how far the run is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from secure_ai.assess.run.live import status_of, words_for
from secure_ai.assess.run.told import Told, last_told, telling
from secure_ai.assess.run.work import WorkFolder
from secure_ai.core import UserError
from secure_ai.core.laid_aside import lay_aside_in, place_aside


def test_the_work_folder_is_private_and_two_runs_do_not_share_it(tmp_path: Path) -> None:
    work = WorkFolder.beside(tmp_path / "out")
    with work.locked():
        assert work.path.stat().st_mode & 0o777 == 0o700
        with pytest.raises(UserError, match="Another assessment"), WorkFolder(work.path).locked():
            pass
    with work.locked():
        pass


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    work = WorkFolder.beside(tmp_path / "out")
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom secure_ai.assess.run.work import WorkFolder\n"
        "with WorkFolder(Path(sys.argv[1])).locked():\n"
        "    print('locked', flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(work.path)], capture_output=True, text=True, check=False
    )
    assert ended.stdout == "locked\n" and ended.returncode == -signal.SIGKILL
    assert (work.path / "lock").exists()
    with work.locked():
        pass


def test_a_link_in_place_of_the_work_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    work = WorkFolder.beside(tmp_path / "out")
    work.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link"), work.locked():
        pass
    assert not list((tmp_path / "elsewhere").iterdir())


def test_an_earlier_report_that_a_killed_run_had_moved_away_comes_back(tmp_path: Path) -> None:
    out = tmp_path / "out"
    work = WorkFolder.beside(out)
    work.make()
    (work.path / "old").mkdir()
    (work.path / "old" / "report.html").write_text("earlier")
    work.recover(out)
    assert (out / "report.html").read_text() == "earlier"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"token": 1}', "[" * 100_000])
def test_a_damaged_state_is_made_anew(tmp_path: Path, content: str) -> None:
    work = WorkFolder(tmp_path / "work")
    work.make()
    (work.path / "run.json").write_text(content)
    assert len(work.state()["token"]) == 32


def test_what_a_section_tells_arrives_within_bounds(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    work.make()
    assert last_told(work) is None
    progress = telling(work, "Extraction", 2, 3)
    assert last_told(work) == Told(os.getpid(), "Extraction", 2, 3)
    progress("asking", 1)
    assert last_told(work).done == 1 and last_told(work).what == "asking"
    telling(work, "Evasion", 3, 3)("now", float("nan"))
    (work.path / "progress.json").write_text("{}")
    assert last_told(work) is None


def test_a_status_says_place_share_and_what_is_left() -> None:
    told = Told(1, "Extraction", 2, 3, "asking\nthe model", 0.25)
    assert status_of(told, 30) == "2 of 3, Extraction: asking the model, 25% done, about 2 min left"
    assert status_of(told, 1) == "2 of 3, Extraction: asking the model, 25% done"
    assert status_of(Told(1, "Report", 0, 0), 100) == "Report"
    assert [words_for(s) for s in (0.2, 59, 61, 7800)] == ["1 s", "59 s", "1 min", "2 h 10 min"]


# ------------------------------------------------------------------------- what does not fit into memory

SPILLING = """
import os, sys, time
from pathlib import Path
from secure_ai.assess.notebook import begin
run = begin({"data": sys.argv[1], "sector": "finance", "work": sys.argv[2], "out": sys.argv[3]})
source = run.inputs.source
source.sql("SET memory_limit = '40MB'; SET threads = 1")
rows = source.sql("SELECT * FROM source, range(200) ORDER BY hash(a, range)")
print(sum(path.stat().st_size for path in Path(sys.argv[2]).glob("aside-*/*")), flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_kernel_laid_aside_goes_with_the_work_folder(tmp_path: Path) -> None:
    """On a full memory DuckDB writes records to a disk: not to one where they would stay."""
    table, temporary = tmp_path / "t.parquet", tmp_path / "temporary"
    pd.DataFrame({"a": range(20_000)}).to_parquet(table)
    temporary.mkdir()
    work = WorkFolder.beside(tmp_path / "out")
    ended = subprocess.run(
        [sys.executable, "-c", SPILLING, str(table), str(work.path), str(tmp_path / "draft")],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TMPDIR": str(temporary)},
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert int(ended.stdout.splitlines()[-1]) > 1_000_000
    assert not list(temporary.iterdir())
    (work.path / "sections").mkdir()
    assert list(work.path.glob("aside-*"))
    work.tidy()
    assert sorted(path.name for path in work.path.iterdir()) == ["run.json", "sections"]


def test_once_the_work_folder_is_gone_it_is_not_made_again(tmp_path: Path) -> None:
    lay_aside_in(tmp_path / "work")
    try:
        assert not place_aside().is_relative_to(tmp_path)
        (tmp_path / "work").mkdir()
        first, second = place_aside(), place_aside()
        assert first.parent == second.parent == tmp_path / "work" and first != second
    finally:
        lay_aside_in(None)
    assert not place_aside().is_relative_to(tmp_path)
