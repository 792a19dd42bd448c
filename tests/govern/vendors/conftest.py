"""One good answer with one good document, to be spoiled in one place at a time."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from secure_ai.govern.vendors import (
    Answer,
    Answers,
    Engagement,
    Evidence,
    assess_vendor,
    example_day,
    example_engagement,
    example_vendors,
    load_questionnaire,
    write_example_evidence,
)

DAY = date(2026, 11, 2)
SERVICE = "Ward Notes Assistant"
QUESTION = "security.multi_factor"


def evidence(**fields: Any) -> Evidence:
    good = {
        "document": "SOC 2 Type II report",
        "kind": "independent_report",
        "issuer": "Halden Assurance LLP",
        "date": "2026-06-30",
        "scope": SERVICE,
        "place": "section 3, page 20",
    }
    return Evidence(**{**good, **fields})


def answers(*given: Answer, **fields: Any) -> Answers:
    good = {
        "vendor": "Thornfield Clinical AI",
        "sector": "healthcare",
        "release": load_questionnaire("healthcare").release,
        "service": SERVICE,
        "completed_on": "2026-10-26",
    }
    return Answers(**{**good, **fields}, answers=given)


def assess(*given: Answer, today: date = DAY, folder=None, **options: Any):
    options.setdefault("engagement", Engagement(service=SERVICE))
    return assess_vendor(answers(*given), load_questionnaire("healthcare"), today, folder, **options)


def judged(value: Any = "yes", question: str = QUESTION, folder=None, **fields: Any):
    """Return status and codes of flags of one answer with one document."""
    found = assess(Answer(question=question, answer=value, evidence=(evidence(**fields),)), folder=folder)
    result = next(one for one in found.results if one.question == question)
    return result.status, {flag.code for flag in found.flags if flag.question == question}


@pytest.fixture(scope="session", params=["healthcare", "finance"])
def sector(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def assessed(sector, tmp_path_factory):
    """Return the three example vendors' assessments, with their documents."""
    folders = write_example_evidence(sector, tmp_path_factory.mktemp("vendors") / sector)
    asked = load_questionnaire(sector)
    return [
        assess_vendor(form, asked, example_day(), folders[form.vendor], engagement=example_engagement(sector))
        for form in example_vendors(sector)
    ]
