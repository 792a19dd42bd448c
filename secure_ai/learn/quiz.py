"""Quizzes: questions from YAML, as a widget, as text, and as calls that need no browser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from secure_ai.core.errors import UserError
from secure_ai.learn import progress as store
from secure_ai.learn.display import THEMED_BACKGROUND, THEMED_TEXT, Shown, inline, show_with_text
from secure_ai.learn.engine import CheckResult, Status

FOLDER = Path(__file__).parent / "quizzes"
EXAMPLE = "quiz.answer(1, 'a')"


class Question(BaseModel):
    """One question; ``why`` says of every option why it is right or wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str = Field(min_length=1)
    options: dict[str, str] = Field(min_length=2)
    answer: str
    why: dict[str, str]

    @model_validator(mode="after")
    def _consistent(self) -> Question:
        if self.answer not in self.options:
            raise ValueError(f"answer '{self.answer}' is none of the options {', '.join(self.options)}")
        missing = sorted(set(self.options) ^ set(self.why))
        if missing:
            raise ValueError(f"options and why must name the same letters, differing: {', '.join(missing)}")
        if any(len(letter) != 1 or not letter.islower() for letter in self.options):
            raise ValueError("options are named by one small letter each")
        return self


class Questions(BaseModel):
    """A quiz file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = Field(min_length=1)
    questions: tuple[Question, ...] = Field(min_length=1)


def load_quiz(name: str, *, folder: Path | None = None) -> Quiz:
    """Read the quiz ``name`` of a chapter.

    Args:
        name: name of its file without ``.yaml``, such as ``data_inventory``.
        folder: where quiz files are, the kit's own by default.

    Raises:
        UserError: if there is no such quiz, or its file is wrong; names file and question.
    """
    import yaml

    path = (folder or FOLDER) / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in (folder or FOLDER).glob("*.yaml"))) or "none yet"
        raise UserError(f"There is no quiz '{name}': choose from {known}.")
    try:
        # BaseLoader keeps every scalar as text: an option named y or an answer of 1e5 stays what it is.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark is not None else ""
        raise UserError(
            f"The quiz file {path.name} is not valid YAML{line}: check quotes and indentation."
        ) from None
    try:
        return Quiz(name, Questions.model_validate(content))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"The quiz file {path.name}, {_place(first['loc'])}: {first['msg']}.") from None


def _place(location: tuple[int | str, ...]) -> str:
    names = [str(part) for part in location if not isinstance(part, int) and part != "questions"]
    numbers = [part for part in location if isinstance(part, int)]
    where = f"question {numbers[0] + 1}" if numbers else "at the top"
    return where + (f", {' '.join(names)}" if names else "")


@dataclass(frozen=True)
class Quiz:
    """A quiz; see :func:`load_quiz`.

    Attributes:
        name: name of its file.
        content: title and questions.
    """

    name: str
    content: Questions

    def answer(self, number: int, option: str) -> CheckResult:
        """Answer question ``number`` (from 1) with the letter ``option``; never raises."""
        questions = self.content.questions
        if type(number) is not int or not 1 <= number <= len(questions):
            message = f"There is no such question: this quiz has questions 1 to {len(questions)}."
            return CheckResult(Status.ERROR, message)
        question = questions[number - 1]
        letter = option.strip().lower() if type(option) is str else ""
        if letter not in question.options:
            message = f"Question {number} has no such option: choose from {', '.join(question.options)}."
            return CheckResult(Status.ERROR, message)
        status = Status.CORRECT if letter == question.answer else Status.INCORRECT
        unsaved = store.record(f"quiz:{self.name}", f"question_{number}", status.value)
        return CheckResult(status, question.why[letter], note=unsaved)

    def show(self) -> None:
        """Show the quiz: a widget to answer it, and under it the same as text.

        With ``SECURE_AI_WIDGETS=off`` only the text is shown.
        """
        show_with_text(self.widget, self.as_text())

    def as_text(self) -> QuizText:
        """Return the text equivalent, which needs neither scripts nor a running kernel."""
        return QuizText(self)

    def widget(self) -> Any:
        """Return the ipywidgets version: for each question radio buttons, a button and a line of feedback."""
        import ipywidgets

        parts = [ipywidgets.HTML(f"<strong>{inline(self.content.title)}</strong>")]
        parts += [self._question(ipywidgets, number) for number in range(1, len(self.content.questions) + 1)]
        return ipywidgets.VBox(parts)

    def _question(self, ipywidgets: Any, number: int) -> Any:
        question = self.content.questions[number - 1]
        wide = ipywidgets.Layout(width="auto", max_width="60em")
        choices = ipywidgets.RadioButtons(
            options=[(f"{letter}. {text}", letter) for letter, text in question.options.items()],
            value=None,
            layout=wide,
        )
        button = ipywidgets.Button(
            description=f"Check question {number}", tooltip=f"Check your answer to question {number}"
        )
        # A column stretches what it holds to the width of the page unless told not to.
        button.layout = ipywidgets.Layout(width="auto", align_self="flex-start")
        feedback = ipywidgets.HTML(layout=wide)

        def judge(_: Any) -> None:
            if choices.value is None:
                feedback.value = CheckResult(Status.NOT_ATTEMPTED, "Choose one of the options first.").html()
            else:
                feedback.value = self.answer(number, choices.value).html()

        button.on_click(judge)
        prompt = ipywidgets.HTML(f"<p><strong>Question {number}.</strong> {inline(question.prompt)}</p>")
        return ipywidgets.VBox([prompt, choices, button, feedback])


@dataclass(frozen=True, repr=False)
class QuizText(Shown):
    """The text equivalent of a quiz."""

    quiz: Quiz

    def text(self) -> str:
        lines = [f"Quiz: {self.quiz.content.title}"]
        for number, question in enumerate(self.quiz.content.questions, start=1):
            lines += ["", f"{number}. {question.prompt}"]
            lines += [f"   {letter}. {text}" for letter, text in question.options.items()]
        lines += ["", f"Answer in a cell, for example: {EXAMPLE}"]
        return "\n".join(lines)

    def html(self) -> str:
        parts = []
        for number, question in enumerate(self.quiz.content.questions, start=1):
            options = "".join(
                f"<li>{letter}. {inline(text)}</li>" for letter, text in question.options.items()
            )
            reasons = "".join(
                f"<li>{letter}: {'right' if letter == question.answer else 'wrong'}. {inline(why)}</li>"
                for letter, why in question.why.items()
            )
            parts.append(
                f"<p><strong>Question {number}.</strong> {inline(question.prompt)}</p>"
                f'<ul style="list-style:none">{options}</ul>'
                f"<details><summary>Answer to question {number}</summary>"
                f'<ul style="list-style:none">{reasons}</ul></details>'
            )
        return (
            f'<details style="color:{THEMED_TEXT};background:{THEMED_BACKGROUND};max-width:60em">'
            f"<summary>{inline(self.quiz.content.title)}: the same quiz as text</summary>"
            f"{''.join(parts)}<p>To answer in a cell: <code>{EXAMPLE}</code></p></details>"
        )
