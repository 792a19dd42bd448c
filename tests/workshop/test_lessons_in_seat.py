"""Lessons and solved labs in a seat: its user, file system and limits let everything run that is taught."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from secure_ai.learn.notebook import read_notebook
from secure_ai.workshop.latecomers import new_code
from secure_ai.workshop.opening import Opened
from tests.workshop.learners import Learner

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
LABS = sorted(path.stem for path in (ROOT / "solutions").glob("[0-9]*.ipynb"))
# What starts programs, opens ports or writes outside its own folder runs each time, the rest when asked for.
OFTEN = (
    "00_start_here",
    "07_encryption",
    "08_access_control",
    "09_audit_and_monitoring",
    "17_people_and_incidents",
)
SEAT = "seat-03"  # the attack script watches the second
REFUSED = re.compile(r"^\w*(Error|Exception)\b: |^FAIL ", re.MULTILINE)


def some(names: list[str], often: tuple[str, ...]) -> list[object]:
    return [pytest.param(name, marks=() if name in often else pytest.mark.slow) for name in names]


@pytest.fixture(scope="module")
def learner(opened_room: Opened, room_address: str):
    if not opened_room.settings.own_view:
        pytest.skip(
            "Without a file system of their own seats are not known to programs: see workshop/README.md."
        )
    one = Learner(room_address)
    assert one.sign_in(new_code(opened_room.room.folder, SEAT)[1]).status_code == 200
    yield one
    one.close()


def said_in_seat(learner: Learner, path: str, cells: list[str]) -> list[str]:
    """Run cells in a kernel that works in the notebook's folder; return what each printed."""
    session = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
    answer = learner.call("POST", "sessions", json=session)
    answer.raise_for_status()
    kernel = answer.json()["kernel"]["id"]
    try:
        return [learner.run(kernel, source) for source in cells]
    finally:
        learner.call("DELETE", f"kernels/{kernel}")


@pytest.mark.parametrize("name", some(LESSONS, OFTEN))
def test_a_lesson_runs_in_a_seat(learner: Learner, name: str) -> None:
    path = f"notebooks/{name}.ipynb"
    cells = learner.call("GET", f"contents/{path}").json()["content"]["cells"]
    code = {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}
    said = dict(zip(code, said_in_seat(learner, path, list(code.values())), strict=True))
    assert {cell: words[-300:] for cell, words in said.items() if REFUSED.search(words)} == {}


@pytest.mark.slow
@pytest.mark.parametrize("sector", ["healthcare", "finance"])
@pytest.mark.parametrize("name", LABS)
def test_a_solved_lab_is_correct_in_a_seat(learner: Learner, name: str, sector: str) -> None:
    node = read_notebook(ROOT / "solutions" / f"{name}.ipynb")
    code = [cell.source for cell in node.cells if cell.cell_type == "code"]
    code = [
        re.sub(r'^sector = "\w+"', f"sector = {json.dumps(sector)}", one, flags=re.MULTILINE) for one in code
    ]
    # What a check returns is shown and not printed.
    code = [
        re.sub(r"^(lab\.\w+\.check\(.*)", r"_said = \1", one, flags=re.MULTILINE | re.DOTALL) for one in code
    ]
    said = said_in_seat(
        learner, f"labs/{name}.ipynb", [f"{one}\nprint(_said)" if "_said = " in one else one for one in code]
    )
    checks = [words for one, words in zip(code, said, strict=True) if "_said = " in one]
    assert checks and [words[-300:] for words in checks if "Correct" not in words] == []
