"""The questions on controls as data: what each asks, by which rule, how binding, what counts as evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import Field, field_validator

from secure_ai.core.errors import UserError
from secure_ai.core.finding import Level
from secure_ai.core.frameworks import FrameworkEntry, entry
from secure_ai.core.yaml_files import Strict, checked, parse_yaml
from secure_ai.govern.vendors.questionnaire import Expected, Kind, Question, Questionnaire

SECTORS = ("healthcare", "finance")
ANY_DOCUMENT = "document"
DECISION = "decision"
BINDING = ("law", "standard")


class Control(Strict):
    """One control.

    Attributes:
        id: stable; never reused for another control.
        question: in plain words.
        ids: framework ids, see core.frameworks; none of a rule that is only proposed.
        status: ``"required"``, or ``"addressable"``: in place, or documented why not and what instead.
        level: how bad it is if the control is not shown.
        evidence: what counts, in words.
        accepts: kinds of document that can show it.
        whom: ``"bank"``, ``"other"`` (no bank) or ``"cards"``; empty for everybody of the sector.
        may_not_apply: the case in which "not applicable" is an answer; empty where there is none.
        equivalent: what the rule itself accepts in place of a required control; empty for nothing.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    question: str
    ids: tuple[str, ...] = Field(min_length=1)
    status: Literal["required", "addressable"]
    level: Level
    evidence: str
    accepts: tuple[str, ...] = Field(min_length=1)
    whom: Literal["", "bank", "other", "cards"] = Field(default="", alias="for")
    may_not_apply: str = ""
    equivalent: str = ""

    @field_validator("ids")
    @classmethod
    def _are_rules(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        for found in map(entry, ids):
            if found.status != "final" or found.superseded_by:
                raise ValueError(f"{found.id} is proposed or superseded, and is not scored")
        return tuple(entry(name).id for name in ids)

    @property
    def frameworks(self) -> tuple[FrameworkEntry, ...]:
        """Return the entries of its ids."""
        return tuple(map(entry, self.ids))

    @property
    def by_law(self) -> bool:
        """Return whether a law or a binding standard asks for it, rather than a voluntary framework."""
        return any(found.kind in BINDING for found in self.frameworks)

    @property
    def takes_alternative(self) -> bool:
        """Return whether something else, documented with its reason, can stand in for it."""
        return self.status == "addressable" or bool(self.equivalent)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of document that count, the documented decision included where one can."""
        decision = (DECISION,) if self.takes_alternative else ()
        return tuple(dict.fromkeys((*self.accepts, *decision, ANY_DOCUMENT)))


@dataclass(frozen=True)
class Controls:
    """The questionnaire of a sector.

    Attributes:
        sector: ``"healthcare"`` or ``"finance"``.
        release: of questions and kinds; a form of another release is refused.
        kinds: kinds of document → title, and for how long one speaks.
        controls: in the order of the form.
    """

    sector: str
    release: str
    kinds: dict[str, Kind]
    controls: tuple[Control, ...]

    def asked(self, institution: str = "bank", *, cards: bool = True) -> tuple[Control, ...]:
        """Return the controls that an organization is asked for.

        Args:
            institution: ``"bank"`` or ``"other"``; in health care it makes no difference.
            cards: whether it stores, processes or transmits card data.
        """
        mine = {"", institution, *(["cards"] if cards else [])}
        return tuple(control for control in self.controls if control.whom in mine)

    def as_questions(self) -> Questionnaire:
        """Return the questionnaire as the judge of vendors' documents wants it."""
        questions = [
            Question(
                id=question_id(control),
                text=control.question,
                answer=Expected(type="yes_no", good="yes"),
                accepts=control.kinds,
                level=control.level,
                ids=control.ids,
                clause="",
            )
            for control in self.controls
        ]
        return Questionnaire(
            sector=self.sector,
            release=self.release,
            rules_are="rules of the house",
            areas={AREA: "Controls"},
            kinds=self.kinds,
            form_most_days=400,
            same_place_most=len(questions),
            one_document_most=len(questions),
            tiers={},
            questions=tuple(questions),
        )


AREA = "control"


def question_id(control: Control) -> str:
    """Return the id of a control as a question to the judge of documents (letters and underscores only)."""
    return f"{AREA}.{control.id}"


@cache
def load_controls(sector: str) -> Controls:
    """Return the questionnaire of a sector.

    Raises:
        UserError: if the sector is unknown.
    """
    if sector not in SECTORS:
        raise UserError(f"There is no questionnaire for this sector: choose from {', '.join(SECTORS)}.")
    common = _read("kinds")
    kinds = {name: checked(Kind, fields, f"kind {name}") for name, fields in common["kinds"].items()}
    controls = tuple(_controls(sector)) + tuple(_controls("ai"))
    names = [control.id for control in controls]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"The control {min(twice)} is there twice.")
    if unknown := {kind for control in controls for kind in control.kinds} - set(kinds):
        raise ValueError(f"There is no kind of document {min(unknown)}.")
    return Controls(sector, common["release"], kinds, controls)


def _controls(name: str) -> Iterable[Control]:
    for fields in _read(name)["controls"]:
        yield checked(Control, fields, f"control {fields.get('id')}")


def _read(name: str) -> Any:
    text = (resources.files(__package__) / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_yaml(text, f"{name}.yaml")
