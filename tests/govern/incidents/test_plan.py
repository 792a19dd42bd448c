"""Claims about the incident plan: the kit's hold together, and a broken one is refused in a sentence."""

from __future__ import annotations

import pytest
import yaml

from secure_ai.core import UserError
from secure_ai.core.frameworks import entry
from secure_ai.govern.incidents import load_plan, parse_plan

BASE = """
name: ours
sector: healthcare
version: "2"
roles: {lead: leads, security: looks}
steps:
  - {id: see, phase: detect, owner: lead, within_minutes: 5, what: look, evidence: [note]}
  - {id: stop, phase: contain, owner: security, within_minutes: 9, after: [see], what: stop it,
     evidence: [note]}
"""


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_the_plan_of_a_sector_has_every_phase_and_every_role_owns_a_step(sector):
    plan = load_plan(sector)
    assert {step.phase for step in plan.steps} == set(plan.phases)
    assert {step.owner for step in plan.steps} == set(plan.roles)
    assert len(plan.to_frame()) == len(plan.steps) and sector in plan.sector


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_every_reference_of_a_plan_is_a_known_one(sector):
    for step in load_plan(sector).steps:
        assert all(entry(reference).id for reference in step.references)


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_ordered_steps_come_after_their_prerequisites(sector):
    seen: set[str] = set()
    for step in load_plan(sector).ordered():
        assert set(step.after) <= seen
        seen.add(step.id)


def _changed(path: list, value: object) -> str:
    content = yaml.safe_load(BASE)
    place = content
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return yaml.safe_dump(content)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (_changed(["steps", 1, "owner"], "nobody"), "owned by 'nobody', which is no role"),
        (_changed(["steps", 1, "after"], ["nothing"]), "comes after 'nothing', which is no step"),
        (_changed(["steps", 1, "after"], []), "'stop' stands alone"),
        (_changed(["steps", 0, "after"], ["stop"]), "of a later phase"),
        (_changed(["steps", 1, "after"], ["stop"]), "wait for one another: stop → stop"),
        (_changed(["steps", 1, "phase"], "dream"), "which the plan does not have"),
        (_changed(["steps", 1, "id"], "see"), "Two steps are called 'see'"),
        (_changed(["steps", 1, "clock"], "gdpr_authority"), "needs one deadline"),
        (_changed(["steps", 1, "within_minutes"], None), "needs one deadline"),
        (_changed(["steps", 1, "within_minutes"], -3), r"step 2 \(stop\), within_minutes"),
        (_changed(["steps", 1, "color"], "red"), "color: is no field of a plan"),
        (_changed(["steps", 1, "evidence"], []), "evidence"),
        (_changed(["roles", "idle"], "waits"), "'idle' owns no step"),
        (_changed(["steps"], []), "steps"),
        (_changed(["name"], 7), "name"),
        (BASE.replace("within_minutes: 9", "clock: lunar"), "names the clock 'lunar'"),
        (BASE + "name: again\n", "'name' stands twice"),
        ("- a list", "is no mapping"),
        ("", "is no mapping"),
        ("name: [", "no valid YAML near line"),
        ("a: &a [x]\nb: *a", "aliases"),
        ("!!python/object/apply:os.system [x]", "no valid YAML"),
    ],
)
def test_a_broken_plan_is_refused_in_a_sentence(text, sentence):
    with pytest.raises(UserError, match=sentence):
        parse_plan(text)


def test_steps_in_a_circle_are_named():
    content = yaml.safe_load(BASE)
    content["steps"][0]["after"] = ["third"]
    content["steps"][1]["phase"] = "detect"
    content["steps"].append({**content["steps"][1], "id": "third", "after": ["stop"], "evidence": ["list"]})
    with pytest.raises(UserError, match="see → third → stop → see"):
        parse_plan(yaml.safe_dump(content))


def test_an_organisation_brings_its_own_file(tmp_path):
    (tmp_path / "ours.yaml").write_text(BASE)
    assert [step.id for step in load_plan(tmp_path / "ours.yaml").ordered()] == ["see", "stop"]


@pytest.mark.parametrize("make", ["missing", "folder", "bytes", "huge"])
def test_an_unreadable_plan_is_said_to_be_one(tmp_path, make):
    file = tmp_path / "ours.yaml"
    if make == "folder":
        file.mkdir()
    elif make == "bytes":
        file.write_bytes(b"\xff\xfe\x00\xd8")
    elif make == "huge":
        file.write_text("#" * 1_100_000)
    with pytest.raises(UserError, match=r"The plan ours\.yaml"):
        load_plan(file)
