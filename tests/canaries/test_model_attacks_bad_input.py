"""A model or rows on which nothing can be judged: unassessed with the reason, never a score or traceback."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from secure_ai.attack.evasion import Constraints
from secure_ai.attack.targets import HttpEndpoint, TargetError, open_target
from secure_ai.core import Unassessed

from .bad_models import BAD_KINDS, BAD_ROWS, NAME, BadModel, Data, bad_rows, bad_server, usual_data
from .measures import ASKED, PARTS, TRAINED, good

HANGS = 8.0
DOING = re.compile(
    r"\b(ask|check|choose|divide|fill|fit|fix|give|leave|look|loosen|name|say|train|turn|use)\b",
    re.IGNORECASE,
)
# Their questions were kept: they need no rows of the caller.
WITHOUT_ROWS = {"defend.ownership.ownership_test", "defend.ownership.fingerprint_test"}
# One case is all that these explain: none is a wrong argument. A change that was found among few is one.
ENOUGH = {
    ("defend.explanations.explain", "no rows"),
    ("defend.explanations.explain_rows", "no rows"),
    ("defend.explanations.what_would_change", "no rows"),
    ("defend.explanations.what_would_change", "too few rows"),
}
NEED_PROBABILITIES = {
    "attack.extraction.rounding_curve",
    "defend.extraction.compare_answers",
    "defend.robust.check_monotone",
    "defend.robust.review_by_margin",
    "defend.robust.review_curve",
    "attack.gradients.measure_gradient_attack",
    "attack.inversion.measure_inversion",
    "defend.ownership.measure_tracing",
}
QUICK_WITH_LABELS = {
    "attack.attribute_inference.measure_attribute_inference",
    "attack.gradients.measure_transfer",
    "attack.poisoning.measure_backdoor",
    "defend.explanations.explain",
    "defend.ownership.ownership_test",
    "defend.ownership.fingerprint_test",
}
CONSTRAINED = (
    "attack.evasion.measure_evasion",
    "defend.robust.compare_answers",
    "defend.explanations.what_would_change",
)
COLUMNS = ("income", "debts", "age", "children")
IMPOSSIBLE = {
    "everything stays": Constraints(immutable=COLUMNS),
    "only up and only down": Constraints(increasing=COLUMNS, decreasing=COLUMNS),
    "a tie that never holds": Constraints(formulas=("income <= -1 * debts",)),
}


@pytest.fixture(scope="module")
def data() -> Data:
    """Rows on which a model can be judged."""
    return usual_data()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An endpoint that stalls, fails or lies."""
    with bad_server() as url:
        yield url


def outcome(measure: str, model: Any, data: Data) -> Any:
    """Call a measure; a part of a measure may raise what the measure turns into its reason."""
    begun = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = {**ASKED, **TRAINED}[measure](model, data)
        except TargetError as error:
            if measure not in PARTS:
                raise AssertionError(f"raised instead of a reason: {error}") from None
            found = Unassessed(str(error))
    assert time.monotonic() - begun < HANGS
    return found


def assert_reason(found: Any, data: Data) -> None:
    """The result is a reason that says what to do, and names neither a person nor a value."""
    assert isinstance(found, Unassessed), f"a result: {type(found).__name__}"
    assert len(found.reason) > 30
    assert DOING.search(found.reason), found.reason
    assert found.reason.endswith(".")
    assert not any(part in found.reason for part in (*NAME.split(), "Traceback", "object at 0x"))
    values = np.asarray(data.rows)[:, :2].ravel()
    assert not any(f"{value:.0f}" in found.reason for value in values[np.isfinite(values)])


@pytest.mark.parametrize("kind", BAD_KINDS)
@pytest.mark.parametrize("measure", [*ASKED, *TRAINED])
def test_a_model_that_cannot_be_judged_is_unassessed(measure, kind, data):
    model = BadModel(kind)
    assert_reason(
        outcome(measure, model if measure in TRAINED else model.fit(data.rows, data.labels), data), data
    )


@pytest.mark.parametrize(
    "model", [BadModel("cannot be trained"), lambda rows: rows], ids=["fails", "function"]
)
@pytest.mark.parametrize("measure", TRAINED)
def test_a_model_that_cannot_be_trained_is_unassessed(measure, model, data):
    assert_reason(outcome(measure, model, data), data)


@pytest.mark.parametrize("what", ["stalls", "fails", "lies"])
@pytest.mark.parametrize("measure", ASKED)
def test_an_endpoint_that_stalls_fails_or_lies_is_unassessed(measure, what, data, server):
    with HttpEndpoint(f"{server}/{what}", timeout=0.05, retries=0) as endpoint:
        assert_reason(outcome(measure, endpoint, data), data)


@pytest.mark.parametrize(
    ("measure", "what"),
    [
        (measure, what)
        for measure in (*ASKED, *TRAINED)
        for what in BAD_ROWS
        if measure not in WITHOUT_ROWS and (measure, what) not in ENOUGH
    ],
)
def test_rows_on_which_nothing_can_be_judged_are_unassessed(measure, what, data):
    assert_reason(outcome(measure, good(), bad_rows(data, what)), data)


@pytest.mark.parametrize("measure", TRAINED)
def test_labels_of_one_class_are_unassessed(measure, data):
    assert_reason(outcome(measure, good(), bad_rows(data, "one class in the labels")), data)


@pytest.mark.parametrize("measure", sorted(NEED_PROBABILITIES))
def test_labels_alone_are_unassessed_where_the_measure_needs_probabilities(measure, data):
    assert_reason(outcome(measure, open_target(good(), answer="labels"), data), data)


@pytest.mark.parametrize("measure", sorted(QUICK_WITH_LABELS))
def test_labels_alone_are_enough_where_the_measure_says_so(measure, data):
    found = outcome(measure, open_target(good(), answer="labels"), data)
    assert not isinstance(found, Unassessed)
    assert found.sentence()


@pytest.mark.parametrize("rules", IMPOSSIBLE)
@pytest.mark.parametrize("measure", CONSTRAINED)
def test_constraints_that_nothing_can_meet_are_unassessed(measure, rules, data):
    impossible = Data(data.rows, data.labels, data.others, IMPOSSIBLE[rules])
    assert_reason(outcome(measure, good(), impossible), data)


def test_the_table_has_every_measure_that_gives_a_reason(repo_root):
    """What is wrapped by ``reason_instead`` stands in the table: a new measure must be added to it."""
    wrapped = re.compile(r"@reason_instead\n(?:@.*\n)*def (\w+)")
    packages = (
        "attribute_inference",
        "inversion",
        "leakage",
        "membership",
        "unlearning",
        "evasion",
        "gradients",
        "extraction",
        "poisoning",
        "explanations",
        "robust",
        "ownership",
    )
    there = {
        f"{room}.{package}.{name}"
        for room in ("attack", "defend")
        for package in packages
        for path in (repo_root / "secure_ai" / room / package).glob("*.py")
        for name in wrapped.findall(path.read_text())
    }
    assert there == {name.partition(",")[0] for name in (*ASKED, *TRAINED) if name not in PARTS}
