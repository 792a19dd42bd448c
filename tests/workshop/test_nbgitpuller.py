"""The parameters of the link, given to the real nbgitpuller of the hub's environment and a repository here.

No server and no network: its ``GitPuller`` alone, which does what the link's page starts.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from secure_ai.learn.notebook import read_notebook
from secure_ai.workshop.entrances import nbgitpuller_link

LAB = "03_data_inventory"
PULL = """
import sys
from nbgitpuller.pull import GitPuller
for line in GitPuller(sys.argv[1], sys.argv[2], branch=sys.argv[3]).pull():
    print(line)
"""


@pytest.fixture
def opened(hub, tmp_path):
    """Open the kit's link: gives a function that pulls and returns the lab's cells."""
    link = nbgitpuller_link("https://hub.example.org", "https://git.example.org/training/secure-ai", "main")
    asked = {name: value[0] for name, value in parse_qs(urlsplit(link).query).items()}
    home = tmp_path / "home"
    home.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}

    def pull() -> dict[str, str]:
        # In the place of the repository's address: there is no https server here.
        source = (tmp_path / "repository").as_uri()
        command = [str(hub.python), "-c", PULL, source, asked["targetpath"], asked["branch"]]
        done = subprocess.run(
            command, cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        path = home / asked["targetpath"] / "labs" / f"{LAB}.ipynb"
        pull.path = path
        return {cell.id: cell.source for cell in read_notebook(path).cells}

    return pull


def release(tmp_path: Path, lab: Path) -> None:
    """Commit a lab to the repository, as a new release of the kit does."""
    folder = tmp_path / "repository"
    (folder / "labs").mkdir(parents=True, exist_ok=True)
    shutil.copy(lab, folder / "labs" / f"{LAB}.ipynb")
    who = ["-c", "user.name=kit", "-c", "user.email=kit@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*who, "commit", "-q", "-m", "A release"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def test_a_learner_s_answer_and_note_survive_a_new_release_and_a_link_opened_twice(
    opened, tmp_path, repo_root
):
    older = tmp_path / "older.ipynb"
    node = json.loads((repo_root / "labs" / f"{LAB}.ipynb").read_text(encoding="utf-8"))
    new = [cell["id"] for cell in node["cells"]]
    node["cells"] = [cell for cell in node["cells"] if cell["id"] != "clean-texts"]
    older.write_text(json.dumps(node, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    release(tmp_path, older)
    assert "clean-texts" not in opened()

    answer = "def routing_is_valid(number):\n    return number == 'mine'"
    for cell in node["cells"]:
        if cell["id"] == "routing-is-valid":
            cell["source"] = answer.splitlines(keepends=True)
        if cell["id"] == "reflection":
            cell["source"] = [*cell["source"], "\n", "\n", "My notes."]
    opened.path.write_text(json.dumps(node, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    release(tmp_path, repo_root / "labs" / f"{LAB}.ipynb")
    now = opened()
    assert list(now) == new
    assert now["routing-is-valid"] == answer and now["reflection"].endswith("My notes.")
    content = opened.path.read_bytes()
    opened()
    assert opened.path.read_bytes() == content
