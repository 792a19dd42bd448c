"""An assessment puts the worst first, takes the worst of each area, and never turns silence into safety."""

from __future__ import annotations

from functools import cache

import pytest

from secure_ai.assess.assessment import Assessment, area_of
from secure_ai.assess.registry import AREAS
from secure_ai.core import Level, Outcome
from secure_ai.core.finding import LEVEL_ORDER

from .samples import GIVEN, sample


@cache
def made(kind: str = "everything") -> Assessment:
    return sample(kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", GIVEN)
def test_findings_come_worst_first_and_unassessed_last(kind: str) -> None:
    order = [*reversed(LEVEL_ORDER), Level.UNASSESSED]
    places = [order.index(finding.level) for finding in made(kind).findings]
    assert places == sorted(places)
    assert len({finding.id for finding in made(kind).findings}) == len(made(kind).findings)


@pytest.mark.parametrize("kind", GIVEN)
def test_the_level_of_an_area_is_that_of_its_worst_finding(kind: str) -> None:
    for area, (level, finding) in made(kind).worst_by_area().items():
        levels = [one.level for one in made(kind).findings if area_of(one) == area]
        known = [one for one in levels if one is not Level.UNASSESSED]
        assert level is (max(known, key=LEVEL_ORDER.index) if known else Level.UNASSESSED)
        assert finding is None or (area_of(finding) == area and finding.level is level)


def test_every_area_of_a_finding_is_on_the_report() -> None:
    assert {area_of(finding) for finding in made().findings} == set(AREAS)


@pytest.mark.parametrize("kind", GIVEN)
def test_the_verdict_counts_what_was_not_assessed_and_calls_nothing_safe(kind: str) -> None:
    verdict, left_open = made(kind).verdict(), len(made(kind).left_open())
    assert f"{left_open} risk" in verdict
    above = sum(one.outcome is Outcome.EXCEEDS_THRESHOLD for one in made(kind).findings)
    measured = len(made(kind).measured())
    if not measured:
        assert verdict.startswith("Nothing was measured.")
    elif above:
        assert verdict.startswith(f"{above} of {measured} measured findings")
