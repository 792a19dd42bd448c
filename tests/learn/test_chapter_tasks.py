"""Tasks of every chapter: hints climb, mistakes get their message, solutions pass, constants do not."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from secure_ai.learn import engine, tasks
from secure_ai.learn.engine import Lab, Status, same

ROOT = Path(__file__).resolve().parents[2]
KEYS = sorted(path.stem for path in (ROOT / "solutions").glob("[0-9][0-9]_*.ipynb"))
MODULES = {
    name: importlib.import_module(f"{tasks.__name__}.{name}")
    for name in sorted(module.name for module in pkgutil.iter_modules(tasks.__path__))
}
LABS = {name: module.lab for name, module in MODULES.items() if isinstance(getattr(module, "lab", None), Lab)}
TASKS = [
    pytest.param(task, id=f"{lab.key}.{task.name}") for lab in LABS.values() for task in lab.tasks.values()
]
WRONG = [
    pytest.param(task.values[0], wrong, id=f"{task.id}-{number}")
    for task in TASKS
    for number, wrong in enumerate(task.values[0].known_wrong, start=1)
]
for_every_task = pytest.mark.parametrize("task", TASKS)


def times(quick, long):
    """How often a check is asked: its cases are drawn anew each time, and the long run draws more of them."""
    return pytest.mark.parametrize("times", [quick, pytest.param(long, marks=pytest.mark.slow)])


class AgreesWithAll:
    """A constant that claims to equal whatever a check expects."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


# One of each kind, and those that are most often right by chance; the long run tries the others.
CONSTANTS = [None, True, False, 0, 1, "", [], {}, set(), pd.DataFrame(), np.zeros(0), AgreesWithAll(), len]
MORE_CONSTANTS = [
    *(-1, 2, 0.5, float("nan"), float("inf"), "a", b"", [0], (), pd.DataFrame({"a": [1]})),
    *(pd.Series(dtype=float), np.ones(3), object(), [AgreesWithAll()], range(3), int, print),
]


@pytest.fixture(autouse=True)
def _no_progress(monkeypatch):
    monkeypatch.setenv("SECURE_AI_PROGRESS", "off")
    # These tests ask what a check says; how long it takes is another matter on a machine with other work.
    monkeypatch.setenv("SECURE_AI_CHECK_SECONDS", "30")


@pytest.mark.parametrize("key", KEYS)
def test_chapter_with_a_solution_has_its_tasks(key):
    name = key[3:]
    assert name in LABS, f"solutions/{key}.ipynb exists, but secure_ai/learn/tasks/{name}.py has no `lab`"
    assert LABS[name].key == key
    assert LABS[name].tasks


def test_tasks_are_found_as_soon_as_there_are_chapters():
    assert bool(LABS) >= bool(KEYS)
    assert len(TASKS) >= len(LABS)


@pytest.mark.parametrize("name", MODULES)
def test_module_is_a_lab_of_its_own_name_with_progress(name):
    module = MODULES[name]
    assert name in LABS, f"secure_ai/learn/tasks/{name}.py defines no `lab`"
    assert LABS[name].key[3:] == name and LABS[name].key[:2].isdigit()
    assert module.progress == LABS[name].progress
    for task in LABS[name].tasks.values():
        assert getattr(module, task.name) is task, f"{task.name} is shadowed in {name}"


@for_every_task
def test_solution_notebook_checks_the_task_and_the_answer_key_holds_its_solution(task):
    path = ROOT / "solutions" / f"{task.lab.key}.ipynb"
    if not path.is_file():
        pytest.skip(f"{path.name} is not written yet")
    assert f".{task.name}.check(" in path.read_text(encoding="utf-8")
    assert engine.solution_text(task.lab.key, task.name), "run `secure-ai lab build`"


@for_every_task
def test_prompt_is_a_sentence_and_hints_climb(task):
    assert task.prompt[0].isupper() and task.prompt.rstrip()[-1] in ".?!"
    assert 2 <= len(task.hints) <= 4
    assert len({hint.strip().lower() for hint in task.hints}) == len(task.hints)
    assert all(len(hint) >= 15 for hint in task.hints)
    first, last = task.hints[0], task.hints[-1]
    assert len(last) > len(first) or "`" in last, "the last hint must be the most concrete"


@for_every_task
def test_hints_show_no_code_of_the_check(task):
    for hint in (task.prompt, *task.hints):
        assert not any(word in hint for word in ("attempt(", "fresh(", "same(", "incorrect(", "KnownWrong"))


@for_every_task
def test_there_are_two_known_wrong_answers_with_messages_of_their_own(task):
    assert len(task.known_wrong) >= 2
    assert len({wrong.message for wrong in task.known_wrong}) >= 2, (
        "one message for all mistakes teaches little"
    )


@times(1, 3)
@pytest.mark.parametrize("task,wrong", WRONG)
def test_known_wrong_answer_gets_exactly_its_message_every_time(task, wrong, times):
    for _ in range(times):
        result = task.check(wrong.value)
        assert result.status in (Status.INCORRECT, Status.ERROR)
        assert result.message == wrong.message


@times(2, 5)
@for_every_task
def test_reference_solution_is_correct_every_time(task, times):
    assert task.reference is not None, "give the task a `solution=`"
    results = [task.check(task.reference) for _ in range(times)]
    for result in results:
        assert result.accepted, result.text()
    assert len(set(results)) == 1, "stored outputs are compared: no random figure in the message of success"


@for_every_task
def test_starter_is_not_attempted(task):
    def starter(*args, **kwargs):
        """Say what it does."""
        ...

    for value in (..., None, starter, lambda *args: ...):
        assert task.check(value).status is Status.NOT_ATTEMPTED


def _is_legitimate(task, value):
    return any(value is constant or same(value, constant) for constant in task.legitimate)


@pytest.mark.parametrize(
    "constants", [CONSTANTS, pytest.param(MORE_CONSTANTS, marks=pytest.mark.slow)], ids=["quick", "more"]
)
@for_every_task
def test_no_constant_is_accepted(task, constants):
    for constant in constants:
        for value in (constant, lambda *args, constant=constant, **kwargs: constant):
            result = task.check(value)
            assert not result.accepted or _is_legitimate(task, value), f"{constant!r:.60} was accepted"
            assert "error of the kit" not in result.message


@for_every_task
def test_input_given_back_is_not_accepted(task):
    assert not task.check(lambda *args, **kwargs: args[0] if args else None).accepted
