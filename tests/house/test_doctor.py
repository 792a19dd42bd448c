"""The doctor tells what works and what does not, and how to mend it."""

from __future__ import annotations

import pytest

from secure_ai import doctor
from secure_ai.cli import invoke


@pytest.fixture(scope="module")
def checks() -> list[doctor.Check]:
    return doctor.run_checks()


def test_every_part_works_in_the_locked_environment(checks):
    assert [str(check) for check in checks if not check.ok] == []


def test_every_line_starts_with_ok_or_fail(checks):
    assert {str(check).split()[0] for check in checks} == {"OK"}
    assert str(doctor.Check("Disk", False, "full", "free some")).startswith(
        "FAIL  Disk: full. Remedy: free some."
    )


def test_every_library_of_the_mission_is_checked(checks):
    said = " ".join(str(check) for check in checks)
    for library in ("JupyterLab", "ipywidgets", "papermill", "scikit-learn", "Presidio", "DuckDB"):
        assert library in said


def test_a_package_that_differs_from_the_lock_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(doctor, "locked_versions", lambda text: [("numpy", "0.0.1")])
    (check,) = [check for check in doctor.run_checks(quick=True) if check.part == "Packages"]
    assert not check.ok
    assert "numpy is " in check.detail
    assert "make start" in check.remedy


def test_a_part_that_breaks_in_an_unforeseen_way_is_a_fail_line_without_a_traceback(monkeypatch, capsys):
    def explode() -> str:
        raise RuntimeError("boom /secret/path")

    monkeypatch.setattr(doctor, "QUICK_PARTS", [("Part", explode)])
    assert invoke(["doctor", "--quick"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("FAIL  Part: does not work (RuntimeError). Remedy:")
    assert "secret" not in said


def test_in_a_seat_the_home_is_looked_at_and_the_instructor_is_the_remedy(monkeypatch, tmp_path):
    for folder in ("notebooks", "labs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "00.ipynb").write_text('{"cells": []}')
    monkeypatch.setenv("SECURE_AI_BOARD", "http://127.0.0.1:1/services/board/")
    monkeypatch.setenv("HOME", str(tmp_path))
    checks = {check.part: check for check in doctor.run_checks(quick=True)}
    assert [str(check) for check in checks.values() if not check.ok] == []
    assert checks["Folders"].detail == "notebooks and labs are there and can be written"
    assert checks["Lessons and labs"].detail.startswith("1 lessons")
    (tmp_path / "labs" / "00.ipynb").write_text("{")
    checks = {check.part: check for check in doctor.run_checks(quick=True)}
    damaged = str(checks["Lessons and labs"])
    assert damaged.startswith(
        "FAIL  Lessons and labs: labs/00.ipynb is damaged. Remedy: tell your instructor"
    )


def test_the_lock_is_read_with_its_markers():
    lock = (
        "always==1.0 \\\n    --hash=sha256:00\n"
        "never==2.0 ; python_full_version < '3.0' \\\n    --hash=sha256:00\n"
        "here==3.0 ; python_full_version >= '3.11' \\\n    --hash=sha256:00\n"
    )
    assert doctor.locked_versions(lock) == [("always", "1.0"), ("here", "3.0")]


def test_a_damaged_lab_is_found(tmp_path, monkeypatch):
    for folder in ("notebooks", "labs", "solutions"):
        (tmp_path / folder).mkdir()
    (tmp_path / "labs" / "03_x.ipynb").write_text("{not json", encoding="utf-8")
    monkeypatch.setattr(doctor, "work_folder", lambda: tmp_path)
    (check,) = [check for check in doctor.run_checks(quick=True) if check.part == "Lessons and labs"]
    assert not check.ok
    assert check.remedy == "run 'secure-ai lab reset 03_x'"
