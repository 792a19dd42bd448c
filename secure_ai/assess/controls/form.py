"""The questionnaire on controls as a YAML file: empty, to fill in; and filled, read with suspicion."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from secure_ai.assess.controls.questionnaire import Control, Controls, load_controls
from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import MOST_BYTES, Strict, checked, parse_form

LABEL = "The questionnaire on controls"
LONGEST_TEXT = 4000
ANSWERS = ("yes", "no", "partly", "not applicable")
HEAD = """\
# Controls in the organization, {sector}, release {release}.
# answer: yes, no, partly or not applicable; nothing where nobody knows yet: it is listed as unassessed.
# evidence: the documents that show it. document: title or file name; file: its name in the folder of
# evidence, where it is another; kind: one of those named; date and valid_until as 2026-01-31. Without a
# document that counts, a yes is a word.
# An addressable control may be answered no, partly or not applicable: then say why it is not reasonable
# (reason), what is done instead (alternative), and name the document of that decision (45 CFR 164.306(d)(3);
# for banks the measures of 12 CFR 30 App. B III.C, paragraph 1).
# Notes, reasons and alternatives are for you: the report says only that they are there.
"""


class ControlEvidence(Strict):
    """A document that is named for a control.

    Attributes:
        document: its title, or the name of its file.
        kind: of document; may be left out.
        date: when it was made.
        valid_until: its last day, where it states one.
        file: its name in the folder of evidence, where that is not ``document``.
        sha256: of the file, where it was noted.
    """

    document: str = Field(default="", max_length=300)
    kind: str = Field(default="", max_length=60)
    date: str = Field(default="", max_length=40)
    valid_until: str = Field(default="", max_length=40)
    file: str = Field(default="", max_length=300)
    sha256: str = Field(default="", max_length=80)

    @field_validator("*", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return _text(value)


class ControlAnswer(Strict):
    """What was answered on one control.

    Attributes:
        answer: ``"yes"``, ``"no"``, ``"partly"``, ``"not applicable"``; empty where it was not answered.
        evidence: the documents named.
        note: explains; never weighs.
        reason: why an addressable control is not reasonable, or why one does not apply.
        alternative: what is done instead.
    """

    answer: Literal["", "yes", "no", "partly", "not applicable"] = ""
    evidence: tuple[ControlEvidence, ...] = Field(default=(), max_length=20)
    note: str = Field(default="", max_length=LONGEST_TEXT)
    reason: str = Field(default="", max_length=LONGEST_TEXT)
    alternative: str = Field(default="", max_length=LONGEST_TEXT)

    @field_validator("answer", mode="before")
    @classmethod
    def _one_of_four(cls, value: Any) -> Any:
        # YAML reads an unquoted yes as true.
        value = {True: "yes", False: "no"}[value] if isinstance(value, bool) else _text(value)
        value = " ".join(value.replace("_", " ").lower().split())
        value = {"n/a": "not applicable", "na": "not applicable", "partially": "partly"}.get(value, value)
        if value and value not in ANSWERS:
            raise ValueError(f"an answer is one of {', '.join(ANSWERS)}, or empty")
        return value

    @field_validator("evidence", mode="before")
    @classmethod
    def _filled(cls, value: Any) -> Any:
        if isinstance(value, list):
            return [one for one in value if not isinstance(one, dict) or any(map(_there, one.values()))]
        return () if value is None else value

    @field_validator("note", "reason", "alternative", mode="before")
    @classmethod
    def _words(cls, value: Any) -> Any:
        return _text(value)


class ControlsForm(Strict):
    """A filled questionnaire.

    Attributes:
        sector: it is for.
        release: of the questions.
        filled_on: the day on which it was filled in.
        institution: in finance, whether the organization is a bank (the stricter) or another institution.
        cards: in finance, whether it has to do with card data.
        answers: id of a control → what was answered.
    """

    sector: Literal["healthcare", "finance"]
    release: str
    filled_on: str = ""
    institution: Literal["bank", "other"] = "bank"
    cards: bool = True
    answers: dict[str, ControlAnswer] = Field(default_factory=dict)

    @field_validator("release", "filled_on", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return _text(value)

    @field_validator("institution", "cards", mode="before")
    @classmethod
    def _strictest(cls, value: Any, info: Any) -> Any:
        return {"institution": "bank", "cards": True}[info.field_name] if value in (None, "") else value

    @field_validator("answers", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: {} if given is None else given for name, given in value.items()}
        return value


def read_controls(path: str | Path, sector: str) -> ControlsForm:
    """Read a filled questionnaire.

    Raises:
        UserError: if it cannot be read, is no such form, is of another sector or release, or answers
            an unknown control; no value of the form is quoted.
    """
    form = checked(ControlsForm, parse_form(_content(Path(path)), LABEL), LABEL.removeprefix("The "))
    asked = load_controls(sector)
    if form.sector != sector:
        raise UserError(f"{LABEL} is for {form.sector}, not for {sector}: give one of this sector.")
    if form.release != asked.release:
        raise UserError(
            f"{LABEL} is not of release {asked.release}: write a new form and move the answers into it."
        )
    known = {control.id for control in asked.controls}
    if unknown := sorted(set(form.answers) - known):
        name = shown(unknown[0])
        raise UserError(
            f"{LABEL} answers the unknown control '{name}': write a new form and move the answers."
        )
    return form


def write_questionnaire(sector: str, path: str | Path) -> Path:
    """Write an empty questionnaire to fill in, and return its path.

    Raises:
        UserError: if the sector is unknown or the file cannot be written.
    """
    return write_form(load_controls(sector), {}, path)


def write_form(
    asked: Controls, answers: Mapping[str, ControlAnswer], path: str | Path, **about: str | bool
) -> Path:
    """Write a questionnaire with answers in it; :func:`read_controls` reads them back.

    Args:
        asked: the questions.
        answers: id of a control → answer.
        path: of the file.
        about: ``filled_on``, ``institution``, ``cards``.
    """
    lines = [HEAD.format(sector=asked.sector, release=asked.release), "# Kinds of document:"]
    for name, kind in asked.kinds.items():
        lines.append(f"#   {name}: {kind.title} (speaks for {kind.most_days} days)")
    lines += ["", f"sector: {asked.sector}", f'release: "{asked.release}"']
    lines.append(f"filled_on: {about.get('filled_on') or ''}".rstrip())
    if asked.sector == "finance":
        cards = "true" if about.get("cards", True) else "false"
        institution = about.get("institution", "bank")
        lines.append(f"institution: {institution}  # bank; or other: then 16 CFR 314.4 is asked")
        lines.append(f"cards: {cards}  # false: nothing to do with card data")
    lines.append("answers:")
    for control in asked.controls:
        lines += _control(control, answers.get(control.id, ControlAnswer()))
    with atomic_file(Path(path)) as draft:
        draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(path)


def _control(control: Control, given: ControlAnswer) -> Iterable[str]:
    whom = {"": "", "bank": ", banks", "other": ", institutions that are no bank", "cards": ", with cards"}
    yield ""
    yield f"  # {control.question}"
    yield f"  # {', '.join(control.ids)}; {control.status}{whom[control.whom]}."
    yield f"  # Evidence: {control.evidence} ({' / '.join(control.accepts)})."
    if control.may_not_apply:
        yield f"  # Not applicable where {control.may_not_apply}; say so in reason."
    if control.equivalent:
        yield f"  # Instead: {control.equivalent}."
    yield f"  {control.id}:"
    yield f"    answer: {given.answer}".rstrip()
    yield "    evidence:"
    for one in given.evidence or (ControlEvidence(),):
        fields = ", ".join(f"{name}: {json.dumps(value)}" for name, value in one.model_dump().items())
        yield f"      - {{{fields}}}"
    names = ("note", *(("reason", "alternative") if control.takes_alternative else ()))
    names += ("reason",) if control.may_not_apply and "reason" not in names else ()
    for name in names:
        value = getattr(given, name)
        yield f"    {name}: {json.dumps(value)}" if value else f"    {name}:"


def _content(path: Path) -> str:
    try:
        if not path.is_file():
            raise UserError(f"{LABEL} is not there: check the path (controls).")
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{LABEL} is larger than a megabyte: it is another file.")
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{LABEL} is no text in UTF-8: save it as UTF-8.") from None
    except OSError as error:
        raise UserError(f"{LABEL} cannot be read ({system_reason(error)}).") from None
    except ValueError:
        raise UserError(f"{LABEL} cannot be read: check the path (controls).") from None


def _text(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        raise ValueError("this is no text")
    return value.isoformat()[:10] if isinstance(value, date) else str(value).strip()


def _there(value: Any) -> bool:
    return value is not None and value != ""
