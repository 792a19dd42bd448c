"""The house stays tidy: contracts between rooms, style, locks, and what may never be committed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TEXT_ENDINGS = {
    ".py",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".ipynb",
    ".json",
    ".lock",
    ".html",
    ".j2",
    ".csv",
    "",
}


LOCKS = [
    "requirements.lock",
    *(f"requirements-{name}.lock" for name in ("scale", "kms", "dev", "bench")),
]


@pytest.fixture(scope="session")
def tracked(repo_root) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=repo_root, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [repo_root / name for name in listed.stdout.split("\0") if name and (repo_root / name).is_file()]


def test_the_top_level_has_what_the_readme_names(repo_root):
    for name in ("notebooks", "labs", "solutions", "synthetic_data", "tests", "environment.yml", "README.md"):
        assert (repo_root / name).exists(), name


def test_rooms_depend_downward_only(repo_root):
    linter = Path(sys.executable).parent / "lint-imports"
    ended = subprocess.run([linter, "--no-cache"], cwd=repo_root, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=["check", "format"])
def test_ruff_has_nothing_to_say(repo_root, arguments):
    ruff = Path(sys.executable).parent / "ruff"
    command = [ruff, *arguments, "--no-cache", "."]
    ended = subprocess.run(command, cwd=repo_root, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_exact_hashed_and_names_no_index(repo_root, name):
    lock = (repo_root / name).read_text(encoding="utf-8")
    packages = re.findall(r"^[a-z0-9].*$", lock, flags=re.M)
    assert packages
    for line in packages:
        assert re.match(r"[a-z0-9._-]+==\S+( ; .+)? \\$", line), line
    assert len(re.findall(r"==\S+(?: ; .+)? \\\n    --hash=sha256:[0-9a-f]{64}", lock)) == len(packages)
    assert not re.search(r"https?://|--index|--find-links|file:", lock)


def test_the_locks_agree_with_each_other(repo_root):
    def pins(name):
        return dict(
            re.findall(r"^([a-z0-9._-]+)==(\S+)", (repo_root / name).read_text(encoding="utf-8"), flags=re.M)
        )

    main = pins("requirements.lock")
    for other in LOCKS[1:]:
        shared = {name: version for name, version in pins(other).items() if name in main}
        assert shared == {name: main[name] for name in shared}


def test_conda_installs_the_same_lock(repo_root):
    import yaml

    environment = yaml.safe_load((repo_root / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-r requirements.lock"]


def test_no_machine_path_or_registry_address_is_committed(tracked, repo_root):
    forbidden = re.compile(r"/(?:root|home|work)/[\w.]|/opt/pypi|pypi\.org/simple|files\.pythonhosted")
    for path in tracked:
        # Tests may name invented paths: that is how they show that none gets into an output.
        if path.suffix in TEXT_ENDINGS and "tests" not in path.relative_to(repo_root).parts:
            found = forbidden.search(path.read_text(encoding="utf-8", errors="ignore"))
            assert not found, f"{path.relative_to(repo_root)}: {found.group()}"


def test_no_large_file_is_committed(tracked, repo_root):
    # The names model has a limit and a test of its own.
    own = {"names.npz"}
    large = [
        path.relative_to(repo_root)
        for path in tracked
        if path.stat().st_size > 1_500_000 and path.name not in own
    ]
    assert large == []


def test_nothing_unfinished_is_committed(tracked, repo_root):
    marks = re.compile(r"\b(?:TO" + "DO|FIX" + r"ME|raise NotImplementedError|coming soon)\b")
    for path in tracked:
        if path.suffix in {".py", ".md", ".ipynb"} and "tests" not in path.relative_to(repo_root).parts:
            found = marks.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path.relative_to(repo_root)}: {found.group()}"


def test_every_module_says_what_it_is_for(tracked, repo_root):
    import ast

    for path in tracked:
        if path.suffix == ".py" and path.read_text(encoding="utf-8").strip():
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path.relative_to(repo_root)
