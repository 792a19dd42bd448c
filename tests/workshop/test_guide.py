"""The facilitator guide: each chapter has every section, its minutes add up, and what it quotes exists."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module

import pytest

from secure_ai.core.errors import UserError
from secure_ai.learn.map import CHAPTERS
from secure_ai.learn.notebook import read_notebook
from secure_ai.project import project_root
from secure_ai.workshop.agenda import minutes_of
from secure_ai.workshop.guide import FOLDER, SECTIONS, load_guide

ROOT = project_root()
KEYS = [chapter.key for number, chapter in CHAPTERS.items() if number != "RA"]


@cache
def lesson_cells(key):
    return {cell.id for cell in read_notebook(ROOT / "notebooks" / f"{key}.ipynb").cells}


@cache
def lab_of(key):
    return import_module(f"secure_ai.learn.tasks.{key[3:]}").lab


def text_of(key):
    return (ROOT / FOLDER / f"{key}.md").read_text(encoding="utf-8")


def test_every_chapter_has_a_guide_and_no_guide_is_left_over():
    assert sorted(file.stem for file in (ROOT / FOLDER).glob("*.md")) == KEYS


@pytest.mark.parametrize("key", KEYS)
def test_the_minutes_are_those_of_the_map_and_the_plans_add_up(key):
    guide, chapter = load_guide(key), CHAPTERS[key[:2]]
    assert guide.minutes == (
        chapter.lesson_minutes + chapter.lab_minutes,
        chapter.lesson_minutes,
        chapter.lab_minutes,
    )
    assert sum(slot.minutes for slot in guide.plan) == guide.minutes[0]
    assert sum(slot.minutes for slot in guide.half) == sum(minutes_of(chapter, True, whole=False))
    assert all(slot.minutes > 0 for slot in guide.plan + guide.half)


@pytest.mark.parametrize("key", KEYS)
def test_every_cell_and_every_task_that_is_named_exists(key):
    text = text_of(key)
    cells = {
        cell for found in re.findall(r"\(lesson ([^)]*)\)", text) for cell in re.findall(r"`([^`]+)`", found)
    }
    tasks = set(re.findall(r"\(lab `([^`]+)`\)", text))
    assert cells and not cells - lesson_cells(key)
    assert tasks and not tasks - set(lab_of(key).tasks)
    guide = load_guide(key)
    assert all(slot.where.startswith(("(lesson `", "(lab `")) for slot in guide.plan + guide.half)


@pytest.mark.parametrize("key", KEYS)
def test_every_message_is_one_that_the_check_of_this_task_gives(key):
    guide, lab = load_guide(key), lab_of(key)
    for slip in guide.slips:
        assert slip.task in lab.tasks, slip
        known = {wrong.message for wrong in lab.tasks[slip.task].known_wrong}
        assert slip.message in known, slip
    assert {slip.task for slip in guide.slips} == set(lab.tasks)


@pytest.mark.parametrize("key", KEYS)
def test_every_task_of_the_lab_has_its_minutes_in_the_plan(key):
    tasks = {name for slot in load_guide(key).plan for name in re.findall(r"\(lab `([^`]+)`\)", slot.where)}
    assert tasks == set(lab_of(key).tasks)


@pytest.mark.parametrize("key", KEYS)
def test_questions_have_answers_that_stand_in_the_lesson(key):
    guide = load_guide(key)
    assert len(guide.questions) >= 3 and len(guide.pitfalls) >= 3 and len(guide.monday) >= 2
    for question in guide.questions:
        assert question.question.endswith("?") and len(question.answer) > 20
        assert question.cells and set(question.cells) <= lesson_cells(key)
    assert all(pitfall.cells for pitfall in guide.pitfalls)


@pytest.mark.parametrize("key", KEYS)
def test_every_command_of_the_kit_that_is_named_exists(key):
    from secure_ai.cli import root

    for words in re.findall(r"`secure-ai ([a-z-]+)(?: ([a-z]+))?", text_of(key)):
        command = root.commands.get(words[0])
        assert command is not None, words
        if words[1] and hasattr(command, "commands"):
            assert words[1] in command.commands, words


def test_a_chapter_is_found_by_its_number_and_nothing_else():
    assert load_guide("07").chapter.key == "07_encryption"
    for name in ("7", "07_decryption", "RA", "", "../etc"):
        with pytest.raises(UserError, match="no such chapter"):
            load_guide(name)


def kit_with(tmp_path, text):
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "07_encryption.md").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", SECTIONS)
def test_a_guide_without_a_section_is_refused_by_its_name(tmp_path, name):
    root = kit_with(tmp_path, text_of("07_encryption").replace(f"## {name}", f"## Not {name}", 1))
    with pytest.raises(UserError, match=re.escape(name)):
        load_guide("07", root=root)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("| 5 | Four copies", "| five | Four copies", "no minutes"),
        ("| 5 | Four copies", "| 5 Four copies", "2 cells"),
        ("1. **The disk", "1. The disk", "a question"),
        ("**For whom:**", "For:", "For whom"),
        ("**Minutes:** 75 (", "**Minutes:** (", "Minutes"),
        ("### In the lab", "### Elsewhere", "In the lab"),
    ],
)
def test_a_damaged_guide_is_told_in_a_sentence(tmp_path, old, new, said):
    text = text_of("07_encryption")
    assert old in text
    with pytest.raises(UserError, match=said):
        load_guide("07", root=kit_with(tmp_path, text.replace(old, new, 1)))


def test_a_guide_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(UserError, match="there is none"):
        load_guide("07", root=tmp_path)
    root = kit_with(tmp_path, "")
    (root / FOLDER / "07_encryption.md").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read"):
        load_guide("07", root=root)


def test_every_command_of_the_readme_exists_with_its_options():
    from secure_ai.cli import root

    text = (ROOT / "workshop" / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\s*secure-ai workshop ([^#\n]+)", text, flags=re.MULTILINE)
    assert len(lines) > 8
    of_other_owners = {"up", "status", "down", "code"}  # written side by side with this page
    for line in lines:
        command, words = root.commands["workshop"], line.split()
        if words[0] in of_other_owners and words[0] not in command.commands:
            continue
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_the_readme_names_every_agenda_and_links_to_what_is_there():
    text = (ROOT / "workshop" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{file.stem}`" in text for file in (ROOT / "workshop" / "agendas").glob("*.yaml"))
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (ROOT / "workshop" / target).exists(), target
