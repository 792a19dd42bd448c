"""A malformed or hostile model ends in a sentence or a correct report; what is not measured is not within."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from secure_ai.assess.opening import models
from secure_ai.attack.supply_chain.guards import Limits
from tests.assess.malformed import Case
from tests.assess.malformed.running import assess, bounded
from tests.assess.malformed_models import model_cases
from tests.assess.malformed_onnx import onnx_cases
from tests.assess.malformed_skops import skops_cases

CASES = [*model_cases(), *skops_cases(), *onnx_cases()]
MUST_REACH = 70
# Enough for an honest start on a busy machine, little for one that hangs.
HASTY = Limits(seconds=4.0, cpu_seconds=60, memory_mib=4096, file_mib=4)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "open_model", partial(models.open_model, limits=HASTY))


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[pytest.mark.slow] if c.slow else [], id=c.id) for c in CASES]
)
def test_a_malformed_model_ends_in_a_sentence_or_a_correct_report(case: Case, tmp_path: Path) -> None:
    given = case.make(tmp_path)
    with bounded():
        ended = assess(case, given, tmp_path)
    assert ended in ("sentence", "open", "report") if case.ends == "either" else ended == case.ends


def test_there_are_as_many_as_promised() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= MUST_REACH
