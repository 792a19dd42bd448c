"""The questionnaire for vendors as data: questions, the documents that answer them, contradictions."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from secure_ai.core.errors import UserError
from secure_ai.core.finding import Level
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import Strict, checked, parse_yaml, read_yaml

SECTORS = ("healthcare", "finance")
YES, NO, PARTLY = "yes", "no", "partly"
Tier = Literal["critical", "high", "standard", "low"]


class Expected(Strict):
    """What an answer must look like, and which answers are good.

    Attributes:
        type: ``"yes_no"`` (also takes "partly", which is never good), ``"choice"`` or ``"number"``.
        good: the good answer or answers; ``"any"`` where the question only informs.
        options: what a choice offers.
        least: smallest good number.
        most: largest good number.
        unit: of a number.
    """

    type: Literal["yes_no", "choice", "number"]
    good: str | tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    unit: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Expected:
        good = self.good_answers
        if self.type == "yes_no" and not set(good) <= {YES, NO, "any"}:
            raise ValueError("a yes_no question has good: yes, no or any")
        if self.type == "choice" and (not self.options or not set(good) <= set(self.options)):
            raise ValueError("a choice has options, and its good answers are among them")
        if self.type == "number" and self.least > self.most:
            raise ValueError("a number has least <= most")
        if self.type != "number" and not good:
            raise ValueError("good answers are missing")
        return self

    @property
    def good_answers(self) -> tuple[str, ...]:
        """Return the good answers of a choice or a yes-or-no question."""
        return (self.good,) if isinstance(self.good, str) else self.good

    def in_words(self) -> str:
        """Return what may be written into the form's cell."""
        if self.type == "yes_no":
            return "yes, no or partly"
        if self.type == "choice":
            return " / ".join(self.options)
        return f"a whole number of {self.unit}"

    def wanted(self) -> str:
        """Return what a good answer is, in words."""
        if self.type == "number":
            if self.least == 0:
                return f"at most {self.most:,} {self.unit}"
            return f"at least {self.least:,} {self.unit}"
        return " or ".join(self.good_answers)


class Question(Strict):
    """One question to a vendor.

    Attributes:
        id: ``area.name``; never reused for another question.
        text: what is asked.
        answer: what an answer must look like.
        accepts: kinds of document that can show the answer.
        level: how bad it is if the answer is not the good one, or is not shown.
        ids: framework ids, see core.frameworks.
        clause: id of the contract clause that closes the gap.
        condition: what has to happen before signing; empty where the clause is enough.
        sectors: who is asked.
        needs: fact of the engagement without which the question is not asked.
        dated_by_evidence: whether the number of months must agree with the date of the document.
    """

    id: str = Field(pattern=r"^[a-z]+\.[a-z_]+$")
    text: str
    answer: Expected
    accepts: tuple[str, ...] = Field(min_length=1)
    level: Level
    ids: tuple[str, ...] = Field(min_length=1)
    clause: str
    condition: str = ""
    sectors: tuple[Literal["healthcare", "finance"], ...] = SECTORS
    needs: Literal["", "personal_data", "ai"] = ""
    dated_by_evidence: bool = False

    @property
    def area(self) -> str:
        """Return the area that the question belongs to."""
        return self.id.partition(".")[0]


class Kind(Strict):
    """A kind of document, and how long it speaks; ``statement`` is a vendor's word and shows nothing."""

    title: str
    independent: bool = False
    statement: bool = False
    most_days: int = Field(ge=1)
    longest_days: int | None = None
    expires: bool = False
    place: bool = False


class Mark(Strict):
    """One side of a contradiction: what the answer is, or what it is above."""

    is_: str | int | None = Field(default=None, alias="is")
    over: int | None = None
    above: str | None = None


class Contradiction(Strict):
    """Answers that cannot all be true."""

    when: dict[str, Mark]
    says: str


class TierRule(Strict):
    """When a vendor of this tier is assessed again."""

    months: int = Field(ge=1, le=60)
    when: str


class Questionnaire(Strict):
    """The questions for one sector, with the rules by which answers are judged.

    Attributes:
        sector: ``"healthcare"`` or ``"finance"``.
        release: of the questions and rules; a form of another release is refused.
        rules_are: where the figures come from.
        areas: area → title, in order.
        kinds: kinds of document.
        form_most_days: how old a filled form may be.
        same_place_most: how many questions one passage of a document may answer.
        one_document_most: how many answers may rest on one document before it has to be read in full.
        tiers: how often a vendor is assessed again.
        questions: in the order of the form.
        contradictions: answers that cannot all be true.
    """

    sector: Literal["healthcare", "finance"]
    release: str
    rules_are: str
    areas: dict[str, str]
    kinds: dict[str, Kind]
    form_most_days: int = Field(ge=1)
    same_place_most: int = Field(ge=1)
    one_document_most: int = Field(ge=1)
    tiers: dict[Tier, TierRule]
    questions: tuple[Question, ...] = Field(min_length=1)
    contradictions: tuple[Contradiction, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Questionnaire:
        names = [question.id for question in self.questions]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"the question {min(twice)} is there twice")
        for question in self.questions:
            if question.area not in self.areas:
                raise ValueError(f"{question.id}: there is no area {question.area}")
            if unknown := set(question.accepts) - set(self.kinds):
                raise ValueError(f"{question.id}: there is no kind of document {min(unknown)}")
            if any(self.kinds[kind].statement for kind in question.accepts):
                raise ValueError(f"{question.id}: a vendor's word shows nothing")
            if question.level is Level.UNASSESSED:
                raise ValueError(f"{question.id}: a level is low, medium, high or critical")
        for rule in self.contradictions:
            told = {*rule.when, *(mark.above for mark in rule.when.values() if mark.above)}
            if unknown := told - set(names):
                raise ValueError(f"a contradiction names the unknown question {min(unknown)}")
        return self

    def __getitem__(self, identifier: str) -> Question:
        """Return a question by its id.

        Raises:
            UserError: if there is none of that id.
        """
        for question in self.questions:
            if question.id == identifier:
                return question
        raise UserError(f"The questionnaire has no question '{shown(identifier)}'.")

    def asked(self, engagement: Engagement) -> tuple[Question, ...]:
        """Return the questions that an engagement needs; the vendor has no say in it."""
        return tuple(question for question in self.questions if engagement.needs(question.needs))


class Engagement(Strict):
    """What the organization wants from the vendor; stated by the organization, never by the vendor.

    The defaults are the strictest, so that a forgotten fact makes no question disappear.

    Attributes:
        service: the name of the service as contracts and certificates have it; empty if open.
        data: ``"identified"``, ``"deidentified"`` or ``"none"`` (no data about people).
        essential: whether care or banking stops without it.
        ai: whether it contains a model.
    """

    service: str = ""
    data: Literal["identified", "deidentified", "none"] = "identified"
    essential: bool = True
    ai: bool = True

    @property
    def tier(self) -> Tier:
        """Return how closely the vendor is watched."""
        if self.data == "identified" and self.essential:
            return "critical"
        if self.data == "identified" or self.essential:
            return "high"
        return "standard" if self.data == "deidentified" else "low"

    def needs(self, fact: str) -> bool:
        """Return whether a question that needs ``fact`` is asked."""
        return {"": True, "personal_data": self.data != "none", "ai": self.ai}[fact]


def load_questionnaire(sector: str, file: str | Path | None = None) -> Questionnaire:
    """Return the questionnaire of a sector.

    Args:
        sector: ``"healthcare"`` or ``"finance"``.
        file: an organization's own, in the form of the kit's ``vendors/data/questionnaire.yaml``.

    Raises:
        UserError: if the sector is unknown, or the file cannot be read or is not consistent.
    """
    if sector not in SECTORS:
        raise UserError(f"There is no sector '{shown(str(sector))}': choose from {', '.join(SECTORS)}.")
    if file is None:
        return _own(sector)
    label = f"questionnaire {shown(Path(file).name)}"
    try:
        return _build(read_yaml(file, "questionnaire"), sector, label)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise UserError(
            f"The {label} is not in the form of the kit's ({type(error).__name__}): "
            "start from vendors/data/questionnaire.yaml."
        ) from None


@cache
def _own(sector: str) -> Questionnaire:
    text = resources.files(__package__).joinpath("data/questionnaire.yaml").read_text(encoding="utf-8")
    return _build(parse_yaml(text, "questionnaire"), sector, "questionnaire")


def _build(content: dict[str, Any], sector: str, label: str) -> Questionnaire:
    foreign = tuple(start for other in SECTORS if other != sector for start in content["ids_of"][other])
    questions = [
        {**question, "ids": [name for name in question["ids"] if not name.startswith(foreign)]}
        for question in content["questions"]
        if sector in question.get("sectors", SECTORS)
    ]
    known = {question["id"] for question in questions}
    rules = [rule for rule in content.get("contradictions", ()) if set(rule["when"]) <= known]
    fields = {name: value for name, value in content.items() if name != "ids_of"}
    fields |= {"sector": sector, "questions": questions, "contradictions": rules}
    return checked(Questionnaire, fields, label)
