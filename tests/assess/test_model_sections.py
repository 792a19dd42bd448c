"""The sections on the model file, membership and attribute inference find what leaks, and pass nothing."""

from __future__ import annotations

import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.opening.model_cases import Cases
from secure_ai.assess.progress import Progress
from secure_ai.assess.registry import part_of
from secure_ai.assess.risks import risk_of
from secure_ai.assess.section import Section, Table
from secure_ai.assess.sections.membership_plan import BUDGET, plan, seconds
from secure_ai.attack.supply_chain.guards import Guards
from secure_ai.core import Level, Measurement, Outcome, Unassessed, UserError
from secure_ai.core.frameworks import entry
from secure_ai.defend.model_files.skops_files import save_skops
from tests.assess.model_inputs import (
    CANARY,
    FEATURES,
    LIARS,
    QUICK,
    inputs_with,
    parameters,
    records,
    written,
)

MINE = ("model.unsafe_file", "model.membership_inference", "model.attribute_inference")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that learned its records by heart, one that did not, and their records."""
    place = tmp_path_factory.mktemp("sections")
    inside, outside = records(1200, 1, noise=1.0), records(1200, 2, noise=1.0)
    inside.loc[3, "dose"] = CANARY
    save_skops(
        DecisionTreeClassifier(random_state=0).fit(inside[FEATURES], inside["outcome"]), place / "over.skops"
    )
    save_skops(
        LogisticRegression(max_iter=500).fit(inside[FEATURES], inside["outcome"]), place / "fair.skops"
    )
    joblib.dump(
        LogisticRegression(max_iter=500).fit(inside[FEATURES], inside["outcome"]), place / "fair.joblib"
    )
    written(inside, place, "inside.csv")
    written(outside, place, "outside.csv")
    written(inside.head(60), place, "few.csv")
    return place


def given(folder: Path, model: str, **more: object) -> Inputs:
    tables = {"training": str(folder / "inside.csv"), "held_out": str(folder / "outside.csv")}
    return Inputs(parameters(model=str(folder / model), **(tables | more)))


def run(inputs: Inputs, part: str) -> Section:
    return part_of(part).run(inputs, Progress())


def measured(section: Section) -> Measurement:
    found = section.findings[0].measurement
    assert isinstance(found, Measurement)
    return found


@pytest.fixture(scope="module")
def over_names(folder: Path) -> dict[str, Section]:
    """Return what membership and attribute inference say of the model that learned by heart."""
    return sections_of_over(folder, "names")


def sections_of_over(folder: Path, redact: str) -> dict[str, Section]:
    with given(folder, "over.skops", attributes=["smoker", "dose"], redact=redact) as inputs:
        return {part: run(inputs, part) for part in ("model.membership", "model.attribute")}


def test_a_model_that_learned_by_heart_is_found_and_another_is_not(
    folder: Path, over_names: dict[str, Section]
) -> None:
    over = over_names["model.membership"]
    with given(folder, "fair.skops") as inputs:
        fair = run(inputs, "model.membership")
        again = run(inputs, "model.membership")
    assert over.findings[0].outcome is Outcome.EXCEEDS_THRESHOLD
    assert fair.findings[0].outcome is Outcome.WITHIN_THRESHOLD
    assert fair.model_dump_json() == again.model_dump_json()
    assert "train models of their own" in over.findings[0].attacker_knowledge
    assert measured(over).control is not None and measured(over).baseline < measured(over).value
    kinds = {block.kind for block in over.blocks}
    assert kinds == {"text", "table", "drawing"}


def test_without_the_recipe_the_weaker_attack_says_that_it_is_one(folder: Path) -> None:
    with given(folder, "fair.joblib", trust_pickle=True) as inputs:
        section = run(inputs, "model.membership")
    assert "lower bound" in section.model_dump_json()
    assert "no model of their own" in section.findings[0].attacker_knowledge
    assert measured(section).name == "membership_advantage" and section.findings[0].threshold == 0.1


def test_labels_alone_are_judged_by_advantage(folder: Path) -> None:
    with given(folder, "over.skops", labels_only=True) as inputs:
        section = run(inputs, "model.membership")
    assert section.findings[0].outcome is Outcome.EXCEEDS_THRESHOLD


def test_probabilities_alone_are_enough(folder: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    member = np.arange(600) < 300
    label = rng.integers(0, 2, 600)
    right = np.where(member, rng.uniform(0.9, 1, 600), rng.uniform(0.3, 1, 600))
    chance = np.where(label == 1, right, 1 - right)
    frame = pd.DataFrame({"p_0": 1 - chance, "p_1": chance, "label": label, "member": member.astype(int)})
    place = written(frame, tmp_path, "Maria Huber.csv")
    with Inputs(parameters(probabilities=place)) as inputs:
        section = run(inputs, "model.membership")
        file, attribute = run(inputs, "model.file"), run(inputs, "model.attribute")
    assert section.findings[0].outcome is Outcome.EXCEEDS_THRESHOLD
    assert "Maria" not in section.model_dump_json() and "lower bound" in section.model_dump_json()
    for left in (file, attribute):
        assert left.findings[0].outcome is Outcome.UNASSESSED
    few = written(frame.iloc[295:320], tmp_path, "Maria few.csv")
    with Inputs(parameters(probabilities=few)) as inputs:
        section = run(inputs, "model.membership")
    assert section.findings[0].outcome is Outcome.UNASSESSED and "Maria" not in section.model_dump_json()
    with Inputs(parameters(probabilities=str(tmp_path / "Maria gone.csv"))) as inputs:
        with pytest.raises(UserError) as told:
            run(inputs, "model.membership")
        assert "Maria" not in str(told.value)


def test_a_sensitive_input_that_was_learned_by_heart_is_found(
    folder: Path, over_names: dict[str, Section]
) -> None:
    over = over_names["model.attribute"]
    with given(folder, "fair.skops", attributes=["smoker"]) as inputs:
        fair = run(inputs, "model.attribute")
    assert over.findings[0].outcome is Outcome.EXCEEDS_THRESHOLD
    assert fair.findings[0].outcome is Outcome.WITHIN_THRESHOLD
    table = next(block for block in over.blocks if isinstance(block, Table))
    values = dict(zip(table.columns, zip(*table.rows, strict=True), strict=True))
    assert set(values["input"]) == {"smoker", "dose"}
    assert measured(over).value == max(values["advantage"])


def test_attributes_that_cannot_be_attacked_are_left_open(folder: Path) -> None:
    with given(folder, "fair.skops") as inputs:
        assert run(inputs, "model.attribute").findings[0].outcome is Outcome.UNASSESSED
    with given(folder, "fair.skops", attributes=["ward"]) as inputs:
        section = run(inputs, "model.attribute")
        assert isinstance(section.findings[0].measurement, Unassessed)
        assert "input of the model" in section.findings[0].measurement.reason
    with (
        given(folder, "fair.skops", attributes=["nowhere"]) as inputs,
        pytest.raises(UserError, match="nowhere"),
    ):
        run(inputs, "model.attribute")


@pytest.mark.parametrize("part", ["model.membership", "model.attribute"])
def test_too_few_records_are_no_pass(folder: Path, part: str) -> None:
    with given(folder, "fair.skops", held_out=str(folder / "few.csv"), attributes=["smoker"]) as inputs:
        section = run(inputs, part)
    assert section.findings[0].outcome is Outcome.UNASSESSED and section.findings[0].level is Level.UNASSESSED


@pytest.mark.parametrize("way", ["sleeps", "crashes", "fails"])
def test_a_model_that_does_not_answer_is_unassessed(folder: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "liars_of_sections.py").write_text(LIARS)
    pickled = _pickled(tmp_path, way)
    more = parameters(
        model=pickled, trust_pickle=True, attributes=["smoker"],
        training=str(folder / "inside.csv"), held_out=str(folder / "outside.csv"),
    )  # fmt: skip
    with inputs_with(more, limits=QUICK, modules=[tmp_path]) as inputs:
        for part in ("model.membership", "model.attribute"):
            section = run(inputs, part)
            assert section.findings[0].outcome is Outcome.UNASSESSED
            assert "Traceback" not in section.model_dump_json()


def _pickled(folder: Path, way: str) -> str:
    """Write the pickle of a class that only the contained process can import."""
    import importlib
    import pickle
    import sys

    sys.path.insert(0, str(folder))
    try:
        sys.modules.pop("liars_of_sections", None)
        module = importlib.import_module("liars_of_sections")
        (folder / "m.pkl").write_bytes(pickle.dumps(module.Liar(way)))
    finally:
        sys.path.remove(str(folder))
    return str(folder / "m.pkl")


def test_a_file_that_runs_code_is_found_and_never_opened(folder: Path) -> None:
    with given(folder, "fair.joblib") as inputs:
        file = run(inputs, "model.file")
        assert file.findings[0].outcome is Outcome.EXCEEDS_THRESHOLD
        assert file.facts["guards"] == "not opened"
        for part in ("model.membership", "model.attribute"):
            reason = run(inputs, part).findings[0].measurement
            assert isinstance(reason, Unassessed) and "pickle" in reason.reason


class _Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("touch /tmp/never-touched-by-a-test",)


def test_a_hostile_file_is_worse_than_a_pickle(folder: Path, tmp_path: Path) -> None:
    joblib.dump(_Hostile(), tmp_path / "Maria Huber.joblib")
    with Inputs(parameters(model=str(tmp_path / "Maria Huber.joblib"))) as inputs:
        section = run(inputs, "model.file")
    assert section.findings[0].level is Level.CRITICAL and measured(section).value > 1
    assert "Maria" not in section.model_dump_json() and "system" in section.model_dump_json()
    assert not Path("/tmp/never-touched-by-a-test").exists()


def test_a_skops_file_is_within_and_what_stays_open_is_said(folder: Path) -> None:
    with given(folder, "fair.skops") as inputs:
        section = run(inputs, "model.file")
        assert section.findings[0].outcome is Outcome.WITHIN_THRESHOLD
        from dataclasses import replace

        guards = Guards(network="no filter here", files="closed", processes="closed", resources="closed")
        inputs.__dict__["model"] = replace(inputs.model, kind="pickle", guards=guards)
        section = run(inputs, "model.file")
    assert section.facts["guards"] == "open: network" and "no filter here" in section.model_dump_json()


@pytest.mark.parametrize("redact", ["names", "strict"])
def test_no_raw_value_and_under_strict_no_name_is_shown(
    folder: Path, over_names: dict[str, Section], redact: str
) -> None:
    found = over_names if redact == "names" else sections_of_over(folder, redact)
    text = "".join(section.model_dump_json() for section in found.values())
    for shown in (CANARY, f"{CANARY:,}", "north", str(folder), "over.skops", "inside.csv"):
        assert str(shown) not in text
    assert ("smoker" in text) is (redact == "names")
    for line in text.splitlines():
        json.loads("[" + line.replace("}{", "},{") + "]")


def test_each_risk_is_stated_with_its_source() -> None:
    for name in MINE:
        risk = risk_of(name)
        assert "TO BE STATED" not in risk.model_dump_json()
        assert risk.threshold_source and all(one.effect and one.source for one in risk.mitigations)
        assert all(entry(one).id == one for one in risk.mappings)


@pytest.mark.parametrize("records_read", [200, 2_000, 20_000])
def test_the_plan_stays_within_its_budget(records_read: int) -> None:
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

    rows = pd.DataFrame(np.zeros((records_read, 3)), columns=list("abc"))
    cases = Cases(rows, np.zeros(records_read, int), rows, total=5 * records_read)
    for model in (HistGradientBoostingClassifier(), GradientBoostingClassifier(n_estimators=1000)):
        found = plan(model, model, cases, cases)
        assert found.references * seconds(model, found.trained, 2 * found.trained) <= BUDGET
        assert found.references == 0 or found.trained <= records_read
        assert found.reason
