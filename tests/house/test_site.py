"""The site: every lesson, lab and guide is a page, and no page asks the network for anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

GATHER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from sources import gather
gather(Path(sys.argv[2]), Path(sys.argv[3]))
"""
ASSET = re.compile(r"(?i)<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=[\"'](?:https?:)?//[^\"']+")


@pytest.fixture(scope="module")
def source(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as Sphinx reads them."""
    out = tmp_path_factory.mktemp("site") / "source"
    command = [sys.executable, "-c", GATHER, str(repo_root / "site"), str(repo_root), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_every_chapter_and_guide_is_a_page(source: Path, repo_root: Path) -> None:
    for folder in ("notebooks", "labs"):
        wanted = {path.stem for path in (repo_root / folder).glob("*.ipynb")}
        assert wanted and wanted <= {path.stem for path in (source / folder).iterdir()}
    guides = {path.stem for path in (repo_root / "workshop" / "guide").glob("*.md")}
    assert guides and guides <= {path.stem for path in (source / "workshop" / "guide").iterdir()}


def test_no_lab_shows_a_solution(source: Path) -> None:
    for path in (source / "labs").iterdir():
        assert "BEGIN SOLUTION" not in path.read_text(encoding="utf-8"), path.name


def test_every_page_of_the_glossary_and_the_parameters_is_made_from_the_kit(source: Path) -> None:
    assert "differential privacy" in (source / "GLOSSARY.md").read_text(encoding="utf-8").lower()
    assert "held_out" in (source / "parameters.md").read_text(encoding="utf-8")


def asking(folder: Path) -> list[str]:
    """Return pages that take an asset from another machine."""
    return [p.name for p in folder.rglob("*.html") if ASSET.search(p.read_text(encoding="utf-8"))]


def test_an_asset_of_another_machine_is_found(tmp_path: Path) -> None:
    (tmp_path / "good.html").write_text('<a href="https://example.org">there</a><script src="_static/x.js">')
    (tmp_path / "bad.html").write_text('<script async src="//cdn.example.org/x.js"></script>')
    assert asking(tmp_path) == ["bad.html"]


@pytest.mark.slow
def test_it_is_built_without_a_warning_and_without_a_network(repo_root: Path, tmp_path: Path) -> None:
    python = repo_root / ".venv-site" / "bin" / "python"
    if not python.exists():
        pytest.skip("the site's environment is not here: 'python kit.py environment site' makes it")
    closed = {
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "PATH": "/usr/bin:/bin",
    }
    command = [str(python), str(repo_root / "site" / "build.py"), "--out", str(tmp_path), "--jobs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=closed)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "html" / "search.html").exists() and not asking(tmp_path / "html")
