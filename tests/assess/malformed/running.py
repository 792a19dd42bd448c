"""Runs a malformed input as the engine would, within bounds, and checks what it ends in."""

from __future__ import annotations

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening import models
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.run.check import check_inputs
from secure_ai.assess.section import Section
from secure_ai.core import Measurement, Outcome, Unassessed, UserError
from tests.assess.malformed.case import CANARY, Case
from tests.assess.model_inputs import QUICK

# Of the wall clock, so that a machine with much else to do does not look like a hang.
HANGS_AFTER = 240


class Hung(BaseException):
    """A case took longer than any input may."""


@contextmanager
def bounded() -> Iterator[None]:
    """Tell a hang: an alarm breaks what waits in Python, the fault handler ends what waits elsewhere."""

    def ring(*_: object) -> None:
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(HANGS_AFTER)
    faulthandler.dump_traceback_later(3 * HANGS_AFTER, exit=True)
    try:
        yield
    finally:
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def check_sentence(sentence: str, folder: Path) -> None:
    """One sentence that a trainer can act on, without a value and without a folder of the machine."""
    assert sentence.strip() and sentence[-1] in ".?" and "\n" not in sentence and len(sentence) < 2500
    assert CANARY not in sentence and str(folder) not in sentence and "Traceback" not in sentence


def check_section(section: Section, folder: Path) -> None:
    """Plain data that validates, without a value or a folder; what is not measured says why."""
    text = section.model_dump_json()
    assert Section.model_validate_json(text) == section
    assert CANARY not in text and str(folder) not in text and "Traceback" not in text
    for finding in section.findings:
        if finding.outcome is Outcome.UNASSESSED:
            assert isinstance(finding.measurement, Unassessed) and finding.measurement.reason.strip()
        else:
            assert isinstance(finding.measurement, Measurement)


def assess(case: Case, given: dict, folder: Path) -> str:
    """Run the sections of one case, as the engine does; return how it ended, after looking at its facts."""
    sections: list[Section] = []
    try:
        parameters = AssessmentParameters.read({"sector": "healthcare"} | given)
        check_inputs(parameters)
        with Inputs(parameters) as inputs:
            for name in case.parts:
                section = part_of(name).run(inputs, Progress())
                check_section(section, folder)
                sections.append(section)
    except UserError as error:
        check_sentence(str(error), folder)
        return "sentence"
    facts = {name: value for section in sections for name, value in section.facts.items()}
    assert {name: facts.get(name) for name in case.facts} == dict(case.facts)
    findings = [finding for section in sections for finding in section.findings]
    measured = any(finding.outcome is not Outcome.UNASSESSED for finding in findings)
    return "report" if measured or any(section.assessed for section in sections) else "open"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are given a fraction of a second, so that those that hang are told soon."""
    monkeypatch.setattr(models, "open_model", partial(models.open_model, limits=QUICK, timeout=0.4))
