"""The site: every lesson, lab and guide is a page, and no page asks the network for anything."""

from __future__ import annotations

import ast
import posixpath
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
PAGES = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from public_api import read_public_api
from reference import package_page
package_page(read_public_api(Path(sys.argv[2])), "synthetic_data")
"""
KINDS = (".md", ".rst", ".ipynb")
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


def test_every_page_stands_in_a_table_of_contents(source: Path) -> None:
    pages = {p.relative_to(source).with_suffix("").as_posix() for p in source.rglob("*") if p.suffix in KINDS}
    listed = {"index"}
    for page in source.rglob("*"):
        if page.suffix in (".md", ".rst"):
            folder = page.parent.relative_to(source).as_posix()
            for name in listed_by(page.read_text(encoding="utf-8")):
                # A path from the root of the pages begins with a slash.
                listed.add(posixpath.normpath(posixpath.join("/", folder, name))[1:])
    assert len(pages) > 100 and pages - listed == set()


def listed_by(text: str) -> list[str]:
    """Return the pages that a page's tables of contents name."""
    blocks = re.findall(r"```\{toctree\}\n(.*?)```|^\.\. toctree::\n((?:\n|   .*\n)+)", text, re.S | re.M)
    lines = [line.strip() for block in blocks for line in "".join(block).splitlines()]
    named = [re.sub(r".*<(.+)>$", r"\1", line) for line in lines if line and not line.startswith(":")]
    return [re.sub(r"\.(md|ipynb|rst)$", "", name) for name in named]


def test_the_reference_describes_what_a_package_hands_on_once(source: Path) -> None:
    heads = re.compile(r"^\.\. py:(?:function|class|exception|data):: (\w+)", re.M)
    room = (source / "api" / "secure_ai.anonymize.rst").read_text(encoding="utf-8")
    described = heads.findall(room)
    assert {"anonymize", "Deidentifier"} <= set(described) and len(described) == len(set(described))
    inner = (source / "api" / "secure_ai.anonymize.tabular.rst").read_text(encoding="utf-8")
    assert "anonymize" not in heads.findall(inner)
    lazy = (source / "api" / "secure_ai.assess.rst").read_text(encoding="utf-8")
    assert "run_assessment" in heads.findall(lazy)


def test_no_answer_and_no_private_name_stands_in_the_reference(source: Path) -> None:
    pages = list((source / "api").iterdir())
    assert not [page.name for page in pages if "learn.tasks" in page.name]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert not re.search(r"^ *\.\. py:\w+:: _", text, re.M)


def test_a_docstring_that_leads_nowhere_stops_the_build(repo_root: Path, tmp_path: Path) -> None:
    (tmp_path / "synthetic_data").mkdir()
    (tmp_path / "README.md").write_text("", encoding="utf-8")
    module = tmp_path / "synthetic_data" / "__init__.py"
    for target, code in (("synthetic_data.there", 0), ("synthetic_data.nowhere", 1)):
        words = f'"""See :func:`{target}`."""\n\ndef there():\n    """Be there."""\n'
        module.write_text(words, encoding="utf-8")
        command = [sys.executable, "-c", PAGES, str(repo_root / "site"), str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
    assert "synthetic_data.nowhere, which does not exist" in done.stderr


def test_the_settings_hold(repo_root: Path) -> None:
    conf = (repo_root / "site" / "conf.py").read_text(encoding="utf-8")
    tree = ast.parse(conf)
    values = {
        node.targets[0].id: ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    wanted = {"language": "'en'", "nitpicky": "True", "nb_execution_mode": "'off'", "nb_ipywidgets_js": "{}"}
    assert {name: values.get(name) for name in wanted} == wanted
    assert "'-W'" in ast.unparse(ast.parse((repo_root / "site" / "build.py").read_text(encoding="utf-8")))


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
    assert (tmp_path / "html" / "api" / "secure_ai.anonymize.html").exists()
    page = (tmp_path / "html" / "api" / "secure_ai.anonymize.html").read_text(encoding="utf-8")
    assert 'role="heading" aria-level="2"' in page and "<dl>\n<dd>" not in page  # what hooks.py mends
    assert '<aside class="sidebar-drawer" aria-label=' in page
