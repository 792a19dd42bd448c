"""The pre- and post-test: two forms of like content without a shared question, drawn by seed."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml
from pydantic import Field, model_validator

from secure_ai.core.errors import UserError
from secure_ai.core.outputs import atomic_directory
from secure_ai.core.yaml_files import Strict, checked, read_yaml
from secure_ai.learn.map import CHAPTERS, find_role
from secure_ai.learn.quiz import Question, load_quiz

NAMES = ("A", "B")
QUESTIONS = 10
MOST_SEED = 2**32 - 1

# A question about what was done in the lesson cannot be asked before it.
_REFERS = re.compile(r"\b(your task|this page|the lesson|this chapter|you saw|above)\b", re.IGNORECASE)


class Item(Strict):
    """A question of a form; ``chapter`` and ``number`` say where in the quizzes it stands."""

    chapter: str
    number: int = Field(ge=1)
    prompt: str = Field(min_length=1)
    options: dict[str, str] = Field(min_length=2)
    answer: str
    why: str

    @model_validator(mode="after")
    def _consistent(self) -> Item:
        if self.answer not in self.options:
            raise ValueError("the answer is none of the options")
        return self


class Form(Strict):
    """One form of the test."""

    name: str = Field(pattern="^[AB]$")
    items: tuple[Item, ...] = Field(min_length=1)

    def score(self, answers: Mapping[int, str]) -> int:
        """Count the right answers; a question without an answer is not right.

        Args:
            answers: the letter by the number of the question, from 1.
        """
        return sum(answers.get(number) == item.answer for number, item in enumerate(self.items, start=1))


class Forms(Strict):
    """Both forms, and how they were drawn."""

    path: str
    seed: int
    a: Form
    b: Form

    @model_validator(mode="after")
    def _apart(self) -> Forms:
        first, second = ({(item.chapter, item.number) for item in form.items} for form in (self.a, self.b))
        if first & second or len(self.a.items) != len(self.b.items):
            raise ValueError("the forms must be of one length and share no question")
        if (self.a.name, self.b.name) != NAMES:
            raise ValueError("the forms are named A and B")
        return self

    def form(self, name: str) -> Form:
        """Return the form ``A`` or ``B``.

        Raises:
            UserError: if the name is another.
        """
        if name not in NAMES:
            raise UserError("There are two forms: A and B.")
        return self.a if name == "A" else self.b


@dataclass(frozen=True)
class _Pooled:
    chapter: str
    number: int
    question: Question


def draw_forms(path: str, *, questions: int = QUESTIONS, seed: int = 7) -> Forms:
    """Draw the two forms for a path of the curriculum.

    Both take equally many questions from each chapter, so they are alike in content. Whether they are
    alike in difficulty nobody has measured: let half of the class begin with A and half with B. The
    options stand in another order than in the quiz.

    Args:
        path: one of :data:`secure_ai.learn.map.ROLES`.
        questions: of each form.
        seed: the same seed gives the same forms.

    Raises:
        UserError: if there is no such path, or its quizzes have too few questions for two such forms.
    """
    role = find_role(path)
    if type(seed) is not int or not 0 <= seed <= MOST_SEED:
        raise UserError("The seed is a whole number from 0: give another one.")
    pools = [pool for number in role.chapters if len(pool := _pool(number)) >= len(NAMES)]
    most = sum(len(pool) // 2 for pool in pools)
    if type(questions) is not int or not 1 <= questions <= most:
        raise UserError(f"The quizzes of '{path}' give two forms of 1 to {most} questions: ask for so many.")
    rng = np.random.default_rng(seed)
    shuffled = [[pool[place] for place in rng.permutation(len(pool))] for pool in pools]
    order = rng.permutation(len(pools))
    drawn: dict[str, list[_Pooled]] = {name: [] for name in NAMES}
    turn = 0
    while len(drawn["A"]) < questions:
        pool = shuffled[order[turn % len(order)]]
        if len(pool) >= len(NAMES):
            for name in NAMES:
                drawn[name].append(pool.pop())
        turn += 1
    forms = [_form(name, drawn[name], rng) for name in NAMES]
    return Forms(path=path, seed=seed, a=forms[0], b=forms[1])


@cache  # parsing twenty files takes a second
def _pool(number: str) -> tuple[_Pooled, ...]:
    key = CHAPTERS[number].key
    if number == "RA":
        return ()
    listed = enumerate(load_quiz(key[3:]).content.questions, start=1)
    return tuple(_Pooled(key, place, one) for place, one in listed if not _REFERS.search(one.prompt))


def _form(name: str, drawn: list[_Pooled], rng: np.random.Generator) -> Form:
    # In the order of the curriculum: a reader is not thrown from one matter to the next.
    return Form(name=name, items=tuple(_item(one, rng) for one in sorted(drawn, key=lambda one: one.chapter)))


def _item(pooled: _Pooled, rng: np.random.Generator) -> Item:
    question = pooled.question
    before = sorted(question.options)
    before_of = dict(zip(before, rng.permutation(before).tolist(), strict=True))
    return Item(
        chapter=pooled.chapter,
        number=pooled.number,
        prompt=question.prompt,
        options={letter: question.options[old] for letter, old in before_of.items()},
        answer=next(letter for letter, old in before_of.items() if old == question.answer),
        why=question.why[question.answer],
    )


def read_forms(file: str | Path) -> Forms:
    """Read the forms that :func:`write_forms` wrote into ``forms.yaml``.

    Raises:
        UserError: if the file cannot be read or is not such a file.
    """
    return checked(Forms, read_yaml(file, "test forms"), "test forms")


def write_forms(forms: Forms, folder: str | Path) -> Path:
    """Write a folder, whole or not at all: each form and each key as a page to print, and ``forms.yaml``.

    ``forms.yaml`` holds the answers: keep it from learners until the post-test is over.

    Raises:
        UserError: if it cannot be written.
    """
    target = Path(folder)
    with atomic_directory(target) as draft:
        for form in (forms.a, forms.b):
            pages = {f"form_{form.name}.html": False, f"key_{form.name}.html": True}
            for name, key in pages.items():
                (draft / name).write_text(page(form, key=key), encoding="utf-8")
        text = yaml.safe_dump(forms.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
        (draft / "forms.yaml").write_text(text, encoding="utf-8")
        (draft / "answers.csv").write_text(_sheet(len(forms.a.items)), encoding="utf-8")
    return target


def _sheet(questions: int) -> str:
    numbers = [str(number) for number in range(1, questions + 1)]
    return ",".join(["seat", "when", "form", *numbers]) + "\n"


def page(form: Form, *, key: bool = False) -> str:
    """Return a form as one HTML page to print: black on white, without scripts and without the network.

    Args:
        form: A or B.
        key: whether the right answers and their reasons stand in it.
    """
    title = f"Knowledge test, form {form.name}" + (": the key" if key else "")
    note = (
        "Keep this page from learners until the post-test is over."
        if key
        else "Choose one answer to each question. Leave a question open rather than guess: nobody is graded. "
        "Write your seat below, not your name."
    )
    seat = (
        "" if key else "<p>Seat: ______________________ &emsp; Before / after the workshop (circle one)</p>"
    )
    items = "".join(
        _item_html(form.name, number, item, key) for number, item in enumerate(form.items, start=1)
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f"<h1>{title}</h1><p>{note}</p>{seat}{items}</main></body></html>\n"
    )


def _item_html(form: str, number: int, item: Item, key: bool) -> str:
    name = f"{form}{number}"
    options = "".join(
        f'<li><label><input type="radio" name="{name}" value="{letter}"'
        f"{' checked' if key and letter == item.answer else ''}> {letter}. {_inline(text)}</label></li>"
        for letter, text in item.options.items()
    )
    reason = f"<p><strong>Right: {item.answer}.</strong> {_inline(item.why)}</p>" if key else ""
    return f"<fieldset><legend>{number}. {_inline(item.prompt)}</legend><ul>{options}</ul>{reason}</fieldset>"


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#111;background:#fff;margin:0}
main{max-width:44em;margin:0 auto;padding:1.5em}
h1{font-size:1.5em}
fieldset{border:1px solid #767676;border-radius:4px;margin:1em 0;padding:.6em 1em;break-inside:avoid}
legend{font-weight:600;padding:0 .3em}
ul{list-style:none;padding:0;margin:.3em 0}
li{margin:.35em 0}
@media print{main{max-width:none;padding:0}fieldset{border-color:#999}}
"""
