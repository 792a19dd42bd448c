"""A vendor's answers as they were given, with the documents named for them; nothing is judged here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from pydantic import Field, field_validator

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import Strict
from secure_ai.govern.vendors.questionnaire import Questionnaire

LONGEST_TEXT = 2000
# "- encrypted" and "+1 555 0100" are text; "+cmd|..." and "-2+3*SUM(A1)" are not.
_FORMULA = re.compile(r"^\s*([=@]|[+-].*([|!]|\w\())", re.DOTALL)


def is_formula(value: object) -> bool:
    """Return whether a cell would be run by a spreadsheet program."""
    return isinstance(value, str) and bool(_FORMULA.match(value))


class Evidence(Strict):
    """A document that a vendor names for an answer, as the form says it.

    Attributes:
        document: its title.
        kind: one of the questionnaire's kinds.
        issuer: who made it.
        date: when it was issued, or the period that it reports on ended.
        expires: until when it holds, where it says so.
        scope: which service it is about, in its own words.
        place: section and page that answer the question.
        file: file name in the folder of evidence.
        sha256: of that file, as the vendor states it.
    """

    document: str = Field(default="", max_length=LONGEST_TEXT)
    kind: str = Field(default="", max_length=60)
    issuer: str = Field(default="", max_length=300)
    date: str = Field(default="", max_length=40)
    expires: str = Field(default="", max_length=40)
    scope: str = Field(default="", max_length=LONGEST_TEXT)
    place: str = Field(default="", max_length=300)
    file: str = Field(default="", max_length=300)
    sha256: str = Field(default="", max_length=80)

    @field_validator("*", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        if value is None:
            return ""
        if isinstance(value, bool | float | list | dict):
            raise ValueError("is not text")
        return value.isoformat()[:10] if isinstance(value, date) else str(value).strip()


class Answer(Strict):
    """One answer.

    Attributes:
        question: id.
        answer: as given: text, a number, or None where the cell is empty.
        comment: explains; never weighs.
        evidence: the documents named for it.
    """

    question: str
    answer: str | int | float | None = None
    comment: str = Field(default="", max_length=LONGEST_TEXT)
    evidence: tuple[Evidence, ...] = Field(default=(), max_length=20)

    @field_validator("answer", mode="before")
    @classmethod
    def _yes_is_a_word(cls, value: Any) -> Any:
        # YAML reads an unquoted yes as true.
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, list | dict):
            raise ValueError("is not one value")
        return value.strip() or None if isinstance(value, str) else value

    @field_validator("comment", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return "" if value is None else str(value)


class Answers(Strict):
    """Everything that one vendor answered on one form.

    Attributes:
        vendor: its name.
        sector: of the questionnaire.
        release: of the questionnaire.
        answers: one for each question that was answered.
        service: which service the answers are about, in the vendor's words.
        completed_on: the day on which the vendor filled in the form, such as ``"2026-01-31"``.
    """

    vendor: str = Field(min_length=1, max_length=120)
    sector: str
    release: str
    answers: tuple[Answer, ...] = Field(default=(), max_length=1000)
    service: str = Field(default="", max_length=200)
    completed_on: str = Field(default="", max_length=40)

    @field_validator("completed_on", mode="before")
    @classmethod
    def _day(cls, value: Any) -> Any:
        return value.isoformat()[:10] if isinstance(value, date) else value

    def by_question(self) -> Mapping[str, Answer]:
        """Return question id → answer."""
        return {given.question: given for given in self.answers}


def check_answers(answers: Answers, questionnaire: Questionnaire) -> Answers:
    """Return ``answers`` if they belong to the questionnaire.

    Raises:
        UserError: if they are of another sector or release, empty, about an unknown question, answer one
            twice, or hold a formula.
    """
    # Neither its name nor a value: the sentence may go to others than the one who asked.
    form = "The vendor's form"
    if answers.sector != questionnaire.sector:
        raise UserError(f"{form} is for another sector, not for {questionnaire.sector}.")
    if answers.release != questionnaire.release:
        number = re.fullmatch(r"[\d.]{1,12}", answers.release)
        which = f"release {number[0]}" if number else "another release"
        raise UserError(
            f"{form} is of {which} of the questionnaire, and this is {questionnaire.release}: send the "
            "vendor a new form."
        )
    known = {question.id for question in questionnaire.questions}
    seen: set[str] = set()
    for given in answers.answers:
        if given.question not in known:
            raise UserError(
                f"{form} answers the unknown question '{shown(given.question)}': write a new form and "
                "move the answers."
            )
        if given.question in seen:
            raise UserError(f"{form} answers {given.question} twice: ask the vendor which one holds.")
        seen.add(given.question)
        _no_formula(form, given)
    if not any(given.answer is not None for given in answers.answers):
        raise UserError(f"{form} is empty: no question has an answer.")
    return answers


def _no_formula(form: str, given: Answer) -> None:
    cells: list[tuple[str, object]] = [("answer", given.answer), ("comment", given.comment)]
    for evidence in given.evidence:
        cells += evidence.model_dump().items()
    for name, value in cells:
        if is_formula(value):
            raise UserError(
                f"{form} has a formula in {name} of {given.question}: ask for a form with values only."
            )
