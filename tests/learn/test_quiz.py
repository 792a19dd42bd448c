"""Quizzes: the same questions as widget, text and calls; and a wrong file named with its question."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from secure_ai.core import UserError
from secure_ai.learn import progress
from secure_ai.learn.engine import Status
from secure_ai.learn.quiz import FOLDER, load_quiz

GOOD = """
title: Where data hides
questions:
  - prompt: Is a ZIP code < 5 digits `harmless`?
    options: {y: "Yes, always", n: No & never, m: 1e5}
    answer: n
    why: {y: It narrows people down., n: Together with a birth date it names people., m: That is a number.}
  - prompt: Second?
    options: {a: one, b: two}
    answer: a
    why: {a: Right so., b: Not so.}
"""


@pytest.fixture
def quiz(tmp_path, monkeypatch):
    monkeypatch.setenv("SECURE_AI_PROGRESS", str(tmp_path / "progress.sqlite"))
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    return load_quiz("good", folder=tmp_path)


def test_yaml_keeps_letters_and_numbers_as_text(quiz):
    assert list(quiz.content.questions[0].options.items()) == [
        ("y", "Yes, always"),
        ("n", "No & never"),
        ("m", "1e5"),
    ]


def test_answers_are_judged_with_their_reason_and_recorded(quiz):
    assert quiz.answer(1, "y").text() == "Not yet: It narrows people down."
    assert quiz.answer(1, " N ").text() == "Correct. Together with a birth date it names people."
    assert progress.statuses("quiz:good") == {"question_1": "correct"}


@pytest.mark.parametrize(
    "number,option", [(0, "a"), (3, "a"), ("1", "a"), (True, "a"), (None, "a"), (1.0, "a")]
)
def test_unknown_question_is_a_sentence(quiz, number, option):
    result = quiz.answer(number, option)
    assert (result.status, result.message) == (
        Status.ERROR,
        "There is no such question: this quiz has questions 1 to 2.",
    )


@pytest.mark.parametrize("option", ["z", "", "ab", None, 1, ["a"], ...])
def test_unknown_option_is_a_sentence(quiz, option):
    result = quiz.answer(2, option)
    assert (result.status, result.message) == (
        Status.ERROR,
        "Question 2 has no such option: choose from a, b.",
    )


def test_plain_text_has_questions_and_options_but_no_answers(quiz):
    text = quiz.as_text().text()
    assert "1. Is a ZIP code < 5 digits `harmless`?" in text and "   n. No & never" in text
    assert "names people" not in text and "quiz.answer(1, 'a')" in text


class _Balance(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_html_is_balanced_escaped_and_needs_no_script(quiz):
    html = quiz.as_text().html()
    parser = _Balance()
    parser.feed(html)
    assert parser.open == [] and parser.tags.count("details") == parser.tags.count("summary") == 3
    assert (
        "script" not in parser.tags
        and "No &amp; never" in html
        and "&lt; 5 digits <code>harmless</code>" in html
    )
    assert "n: right. Together" in html and "y: wrong. It narrows" in html


def test_widget_is_labelled_and_answers(quiz):
    box = quiz.widget()
    prompt, choices, button, feedback = box.children[1].children
    assert "Question 1." in prompt.value and [label for label, _ in choices.options][1] == "n. No & never"
    assert choices.value is None and button.description == "Check question 1"
    button.click()
    assert "Choose one of the options first." in feedback.value
    choices.value = "y"
    button.click()
    assert "Not yet:" in feedback.value
    choices.value = "n"
    button.click()
    assert "Correct." in feedback.value and 'role="status"' in feedback.value
    assert progress.statuses("quiz:good") == {"question_1": "correct"}


def test_show_gives_widget_and_text_and_only_text_when_widgets_are_off(quiz, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    quiz.show()
    assert [type(item).__name__ for item in shown] == ["VBox", "QuizText"]
    shown.clear()
    monkeypatch.setenv("SECURE_AI_WIDGETS", "off")
    quiz.show()
    assert [type(item).__name__ for item in shown] == ["QuizText"]


BAD = {
    "no mapping": ("- a", "at the top"),
    "empty": ("", "at the top"),
    "no questions": ("title: x\nquestions: []", "at the top"),
    "answer is no option": (
        GOOD.replace("answer: a", "answer: c"),
        "question 2: .*answer 'c' is none of the options a, b",
    ),
    "why is missing": (
        GOOD.replace(", b: Not so.", ""),
        "question 2: .*must name the same letters, differing: b",
    ),
    "one option": (GOOD.replace("{a: one, b: two}", "{a: one}"), "question 2, options"),
    "long letter": (
        GOOD.replace("a: one", "aa: one")
        .replace("{a: Right", "{aa: Right")
        .replace("answer: a", "answer: aa"),
        "one small letter",
    ),
    "unknown field": (GOOD + "    points: 3\n", "question 2, points"),
    "no prompt": (GOOD.replace("  - prompt: Second?\n    options", "  - options"), "question 2, prompt"),
    "bad yaml": ("title: [", r"not valid YAML \(line 1\)"),
}


@pytest.mark.parametrize("content,place", BAD.values(), ids=BAD)
def test_wrong_file_is_named_with_its_question(tmp_path, content, place):
    (tmp_path / "bad.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=rf"^The quiz file bad\.yaml.*{place}"):
        load_quiz("bad", folder=tmp_path)


def test_binary_file_is_a_sentence(tmp_path):
    (tmp_path / "bad.yaml").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UserError, match=r"bad\.yaml is not valid YAML"):
        load_quiz("bad", folder=tmp_path)


@pytest.mark.parametrize("name", ["nothing", "../quizzes/x", ""])
def test_unknown_quiz_lists_the_known_ones(tmp_path, quiz, name):
    with pytest.raises(UserError, match="choose from good"):
        load_quiz(name, folder=tmp_path)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_quiz_of_a_chapter_is_valid_and_its_answers_do_not_all_share_a_letter(path):
    questions = load_quiz(path.stem).content.questions
    assert 2 <= len(questions) <= 4
    assert len({question.answer for question in questions}) > 1
    for question in questions:
        assert len(set(question.why.values())) == len(question.why)
        assert all(re.search(r"[.!?]$", why) for why in question.why.values())
