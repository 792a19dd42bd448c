"""An endpoint that hangs, lies or crashes ends in a sentence or a correct report, and is never within."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening import assistants, models
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.attack.assistant.endpoint import client
from tests.assess.asked_models import FEATURES, records
from tests.assess.malformed import Case
from tests.assess.malformed.running import assess, bounded, impatient  # noqa: F401 - a fixture
from tests.assess.malformed_answers import sampled
from tests.assess.malformed_assistants import ASSISTANTS, assistant_cases
from tests.assess.malformed_endpoints import BEHAVIORS, SERVER, at, endpoint_cases

CASES = [*endpoint_cases(), *assistant_cases()]
MUST_REACH = {"endpoint": 60, "assistant": 60}
pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with SERVER.running(BEHAVIORS | ASSISTANTS):
        yield


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """An assistant is waited for as shortly as a model is."""
    monkeypatch.setattr(assistants, "TIMEOUT", 0.3)
    monkeypatch.setattr(client, "LONGEST_WAIT", 0.02)


@pytest.mark.parametrize("case", sampled(CASES))
def test_a_hostile_endpoint_ends_in_a_sentence_or_a_correct_report(case: Case, tmp_path: Path) -> None:
    given = case.make(tmp_path)
    with bounded():
        ended = assess(case, given, tmp_path)
    assert ended == case.ends


def test_there_are_as_many_as_promised() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    counted = Counter(case.kind.split(",")[0] for case in CASES)
    assert all(counted[kind] >= least for kind, least in MUST_REACH.items())


ASKING = tuple(f"model.{name}" for name in ("membership", "attribute", "extraction", "evasion", "fairness"))


@pytest.mark.parametrize(("path", "most"), [("hangs_everywhere", 2), ("turns_everywhere", 3)])
def test_an_endpoint_that_fails_once_is_not_asked_again_by_other_sections(
    path: str, most: int, tmp_path: Path
) -> None:
    case = Case("endpoint", path, at(path, attributes=["debts"], groups=["sex"]), "open", ASKING)
    with bounded():
        assert assess(case, case.make(tmp_path), tmp_path) == "open"
    assert SERVER.asked[path] <= most


def test_labels_only_learns_the_same_of_classes_and_of_probabilities(tmp_path: Path) -> None:
    found = []
    for path in ("labels", "labels_of_probabilities", "labels_of_one_probability"):
        with Inputs(AssessmentParameters.read(at(path, labels_only=True)(tmp_path))) as inputs:
            found.append(part_of("model.membership").run(inputs, Progress()))
    assert found[0].facts["attack"] == "label-only" and found[0] == found[1] == found[2]


def test_an_endpoint_that_is_steady_is_measured_however_often_it_is_asked(tmp_path: Path) -> None:
    endpoint = models.open_model(AssessmentParameters.read(at("honest")(tmp_path)), ExitStack())
    rows = records(700, 3)[FEATURES]
    whole = endpoint.target().probabilities(rows)
    parts = [endpoint.target().probabilities(rows[start : start + 70]) for start in range(0, 700, 70)]
    assert whole.shape == (700, 2) and np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(fitted_chances(rows), whole[:, 1])


def fitted_chances(rows: pd.DataFrame) -> np.ndarray:
    """Return what the honest endpoint gives to the second class."""
    scores = (rows["income"] - 50) / 10 - (rows["debts"] - 20) / 5
    return np.array([1 / (1 + math.exp(-score)) for score in scores])
