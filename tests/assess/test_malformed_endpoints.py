"""An endpoint that hangs, lies or crashes ends in a sentence or a correct report, and is never within."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.assess.malformed import Case
from tests.assess.malformed.running import assess, bounded, impatient  # noqa: F401 - a fixture
from tests.assess.malformed_endpoints import BEHAVIORS, SERVER, endpoint_cases

CASES = endpoint_cases()
MUST_REACH = 60
pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with SERVER.running(BEHAVIORS):
        yield


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_a_hostile_endpoint_ends_in_a_sentence_or_a_correct_report(case: Case, tmp_path: Path) -> None:
    given = case.make(tmp_path)
    with bounded():
        ended = assess(case, given, tmp_path)
    assert ended == case.ends


def test_there_are_as_many_as_promised() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= MUST_REACH
