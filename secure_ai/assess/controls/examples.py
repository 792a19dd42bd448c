"""Filled questionnaires of an invented hospital and bank, with their documents, to practice with."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from secure_ai.assess.controls.form import LABEL, ControlAnswer, ControlEvidence, ControlsForm, write_form
from secure_ai.assess.controls.questionnaire import load_controls
from secure_ai.core.errors import UserError, system_reason
from secure_ai.core.outputs import atomic_file
from secure_ai.core.yaml_files import checked, parse_form

NOTE = "Invented for training; the document of no organization.\n"


def example_form(sector: str) -> ControlsForm:
    """Return the filled questionnaire of the invented hospital or bank.

    Raises:
        UserError: if the sector is unknown.
    """
    load_controls(sector)
    return checked(ControlsForm, _content(sector)["form"], LABEL.removeprefix("The "))


def write_example(sector: str, path: str | Path, folder: str | Path) -> Path:
    """Write the filled questionnaire and the documents that it names, and return the path of the form.

    Some answers are worth nothing on purpose: a document that is missing, expired, or of the future.

    Args:
        sector: ``"healthcare"`` or ``"finance"``.
        path: of the form.
        folder: of the documents; made if it is not there, and both sectors may share it.

    Raises:
        UserError: if the sector is unknown, or something cannot be written.
    """
    form = example_form(sector)
    missing = set(_content(sector)["missing"])
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder of evidence cannot be made ({system_reason(error)}).") from None
    for one in _documents(form):
        if one.file not in missing:
            with atomic_file(place / one.file) as draft:
                draft.write_text(f"{NOTE}{one.document}\n{one.date}\n", encoding="utf-8", newline="\n")
    about = {"filled_on": form.filled_on, "institution": form.institution, "cards": form.cards}
    return write_form(load_controls(sector), form.answers, path, **about)


def _documents(form: ControlsForm) -> list[ControlEvidence]:
    answers: list[ControlAnswer] = list(form.answers.values())
    return [one for answer in answers for one in answer.evidence if one.file]


@cache
def _content(sector: str) -> Any:
    name = f"example_{sector}.yaml"
    text = (resources.files(__package__) / name).read_text(encoding="utf-8")
    return parse_form(text, f"The example {name}")
