"""What follows from findings: nothing is better because nobody measured it; no decision holds by itself."""

from __future__ import annotations

import json
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.assess.assessment import conclude
from secure_ai.assess.change import is_share, overlap, shown, way
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.registry import PARTS
from secure_ai.assess.risks import judge, leave_open, risk_of
from secure_ai.assess.section import Drawing, Section, Table, Text
from secure_ai.assess.treatment import three_things_to_do, treat
from secure_ai.assess.treatment.actions import in_order
from secure_ai.assess.treatment.before_after import before_after_section, measure_again, with_residual
from secure_ai.assess.treatment.losses import link, losses_section, read_losses
from secure_ai.assess.treatment.plan import apply_plan, plan_section, read_plan
from secure_ai.assess.treatment.register import COLUMNS, register_rows
from secure_ai.core import Finding, Level, Measurement, UserError
from secure_ai.govern.loss_inputs import ThreatFrequency

EVASION, EXTRACTION, MEMBERSHIP = "model.evasion", "model.extraction", "model.membership_inference"
EXPLANATIONS = "fairness.explanations"
DATE = "2026-03-31"
# From here on evasion is certain: its level changes.
CERTAIN = risk_of(EVASION).bands.critical
OWN = {
    "source": "incident register 2020-2025",
    "currency": "EUR",
    "scenarios": [
        {
            "name": "gamed", "finding": EVASION, "frequency": {"attempts": 10, "success": [0.01, 0.05]},
            "magnitude": [1_000, 50_000],
        },
        {"name": "fire", "frequency": 0.1, "magnitude": [10_000, 90_000]},
    ],
}  # fmt: skip


def measured(value: float, half: float = 0.02, **fields: object) -> Measurement:
    given = {"name": "rate", "unit": "probability", "interval": (value - half, value + half)} | fields
    return Measurement(
        value=value, n=200, baseline=0.0, method="m", source="s", **given  # type: ignore[arg-type]
    )  # fmt: skip


def found(name: str, value: float | None, half: float = 0.02, **fields: object) -> Finding:
    if value is None:
        return leave_open(name, "it hung.", sector="finance")
    return judge(name, f"{name} was measured", measured(value, half, **fields), sector="finance")


def texts(section: Section | None) -> str:
    assert section is not None
    assert Section.model_validate_json(section.model_dump_json()) == section
    return "\n".join(block.text for block in section.blocks if isinstance(block, Text))


def table(section: Section | None) -> Table:
    assert section is not None
    return next(block for block in section.blocks if isinstance(block, Table))


# --------------------------------------------------------------------------- before and after
@pytest.mark.parametrize(
    ("name", "before", "after", "half", "effect", "words"),
    [
        (EVASION, 0.6, 0.05, 0.02, "better", "Better: 60% (58% to 62%) before, 5%"),
        (EVASION, 0.3, 0.6, 0.02, "worse", "WORSE: 30%"),
        (EVASION, 0.3, 0.28, 0.05, "same", "Not told apart by the 95 % intervals"),
        (EVASION, 0.3, 0.3, 0.05, "same", "The same"),
        (EVASION, 0.3, 0.3, 0.0, "same", "The same"),
        (EVASION, 0.3, None, 0.02, "unassessed", "(it hung); it counts as before"),
        (EVASION, None, 0.3, 0.02, "unassessed", "what changed cannot be told"),
        (EVASION, None, None, 0.02, "unassessed", "Not assessed after mitigation (it hung)."),
        # Just above and just below a band: the level falls, and the intervals do not say so.
        (EVASION, CERTAIN + 0.02, CERTAIN - 0.02, 0.05, "same", "which may be chance: measure more"),
        # The level rose, though the intervals overlap: worse, and the doubt is said.
        (EVASION, CERTAIN - 0.02, CERTAIN + 0.02, 0.05, "worse", "though the intervals overlap"),
        # A figure that ought to be high.
        (EXPLANATIONS, 0.9, 0.3, 0.02, "worse", "WORSE"),
        (EXPLANATIONS, 0.3, 0.9, 0.02, "better", "Better"),
    ],
)  # fmt: skip
def test_what_a_mitigation_did_is_what_the_intervals_tell(name, before, after, half, effect, words):  # noqa: PLR0917
    first, second = found(name, before, half), found(name, after, half)
    (one,) = again = measure_again([first], {name: second})
    assert one.effect == effect and words in one.words
    (treated,) = with_residual([first], again)
    assert treated.after == second.measurement
    assert treated.residual_level is second.level
    assert treated.level is first.level, "what was measured before stays as it is"
    assert words in treated.residual


def test_what_got_worse_stands_first_everywhere():
    before = [found(EVASION, 0.6), found(EXTRACTION, 0.2), found(MEMBERSHIP, 0.3)]
    mitigated = {EVASION: found(EVASION, 0.05), EXTRACTION: found(EXTRACTION, 0.9)}
    again = measure_again(before, mitigated)
    section = before_after_section(again)
    assert section is not None and "1 WORSE" in section.summary
    first = section.blocks[0]
    assert isinstance(first, Text) and first.text.startswith("WORSE AFTER MITIGATION")
    assert table(section).rows[0][0] == "WORSE"
    drawing = next(block for block in section.blocks if isinstance(block, Drawing))
    assert "1 got better, 1 got worse and 0 cannot be told apart" in drawing.title
    assert "extraction (WORSE)" in drawing.svg
    treated = with_residual(before, again)
    action, why = three_things_to_do(treated)[0]
    assert action.startswith("Do not put the mitigated version into use") and why.startswith(
        "20% (18% to 22%) before"
    )
    assert treated[2].residual.startswith("Not measured again: counts as before")


def test_a_risk_that_is_there_only_after_mitigation_is_not_dropped():
    again = measure_again([], {EVASION: found(EVASION, 0.4), EXTRACTION: found(EXTRACTION, None)})
    assert [one.effect for one in again] == ["new"]
    section = before_after_section(again)
    assert "Found only after mitigation" in texts(section) and "WORSE AFTER MITIGATION" in texts(section)


def test_figures_of_two_kinds_or_under_a_moved_bar_are_not_taken_for_better():
    first = found(EVASION, 0.6)
    other = judge(EVASION, "t", measured(0.01, name="another_rate"), sector="finance")
    assert measure_again([first], {EVASION: other})[0].effect == "not comparable"
    lenient = judge(EVASION, "t", measured(0.6), sector="finance", thresholds={EVASION: 0.99})
    (one,) = measure_again([first], {EVASION: lenient})
    assert one.effect == "same" and "a moved bar reduces no risk" in one.words


def test_without_a_mitigated_version_nothing_is_said_of_one():
    assert before_after_section(measure_again([found(EVASION, 0.4)], {})) is None
    assert with_residual([found(EVASION, 0.4)], [])[0].residual == found(EVASION, 0.4).residual


@given(one=st.floats(0, 1), other=st.floats(0, 1), half=st.floats(0, 0.3))
def test_better_one_way_is_worse_the_other_way(one, other, half):
    first, second = measured(one, half), measured(other, half)
    opposite = {"better": "worse", "worse": "better", "same": "same"}
    for name in (EVASION, EXPLANATIONS):
        assert way(name, first, second) == opposite[way(name, second, first)]
        assert (way(name, first, second) == "same") == overlap(first, second)


def test_figures_are_shown_in_their_unit():
    assert shown(measured(3.0, 0.0, unit="columns")) == "3 columns"
    assert shown(measured(3.0, 1.0, unit="columns")) == "3 columns (2 to 4)"
    assert is_share("share of rows") and not is_share("questions")


# --------------------------------------------------------------------------- the plan
def write_plan(folder, content) -> str:
    path = folder / "plan.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return str(path)


GOOD = {"owner": "fraud model owner", "due": "2026-06-30", "decision": "mitigate"}
ACCEPT = {"owner": "credit risk", "decision": "accept", "reason": "small", "accepted_until": "2026-12-31"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "holds no entries"),
        ("- a\n- b\n", "holds no entries"),
        ("model.evasion: [", "no valid YAML"),
        ("model.evasion: soon", "'name: value' lines"),
        ({"model.evason": GOOD}, "model.evason, which is neither a finding nor an area"),
        ({7: GOOD}, "7, which is neither"),
        ({EVASION: GOOD | {"who": "x"}}, "not known, who"),
        ({EVASION: GOOD | {"decision": "ignore"}}, "wrong at decision"),
        ({EVASION: GOOD | {"due": "30.06.2026"}}, "written as 2026-06-30"),
        ({EVASION: GOOD | {"due": "2026-02-30"}}, "written as 2026-06-30"),
        ({EVASION: GOOD | {"due": 20260630.5}}, "wrong at due"),
        ({EVASION: GOOD | {"owner": "jane.doe@bank.example"}}, "write the role"),
        ({EVASION: GOOD | {"owner": ["a", "b"]}}, "wrong at owner"),
        ({EVASION: GOOD | {"owner": "x" * 200}}, "wrong at owner"),
        ({EVASION: {"decision": "accept"}}, "accepted for a reason"),
        ({EVASION: GOOD | {"approved_by": "board"}}, "belong to 'decision: accept'"),
        ({"model": ACCEPT}, "accepts the whole area model"),
    ],
)
def test_a_wrong_plan_is_one_sentence_without_its_values(tmp_path, content, words):
    with pytest.raises(UserError) as refused:
        read_plan(write_plan(tmp_path, content))
    sentence = str(refused.value)
    assert words in sentence and "jane" not in sentence and "x" * 50 not in sentence
    assert "\n" not in sentence and str(tmp_path) not in sentence


def test_a_missing_plan_is_one_sentence(tmp_path):
    for place in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UserError, match="plan"):
            read_plan(place)


def planned(tmp_path, content, *findings, today=DATE):
    return apply_plan(findings, read_plan(write_plan(tmp_path, content)), today)


def test_owner_date_and_decision_reach_the_finding_and_what_lacks_them_is_a_gap(tmp_path):
    done = planned(
        tmp_path, {EVASION: GOOD, "model": {"owner": "model owner"}},
        found(EVASION, 0.6), found(EXTRACTION, 0.9), found(MEMBERSHIP, None),
    )  # fmt: skip
    evasion, extraction, membership = done.findings
    assert (evasion.owner, evasion.due, evasion.decision) == ("fraud model owner", "2026-06-30", "mitigate")
    assert (extraction.owner, extraction.due, extraction.decision) == ("model owner", "to be agreed", "open")
    assert (membership.owner, membership.decision) == ("model owner", "open")
    assert done.gaps == ("model.extraction was measured (high): no due date, no decision.",)
    section = plan_section(done, given=True, today=DATE)
    assert "Gap: model.extraction" in texts(section) and section.facts["gaps"] == 1
    assert table(section).rows[0][:5] == (
        "model.evasion was measured", evasion.level.value, "mitigate", "fraud model owner", "2026-06-30",
    )  # fmt: skip


def test_an_area_decides_nothing_for_what_is_within_its_threshold(tmp_path):
    area = {"model": GOOD}
    within, above = planned(tmp_path, area, found(EVASION, 0.01, 0.0), found(EXTRACTION, 0.9)).findings
    assert (within.owner, within.decision) == ("to be assigned", "open")
    assert (above.owner, above.decision) == ("fraud model owner", "mitigate")


def test_what_an_area_says_never_becomes_the_reason_of_an_acceptance(tmp_path):
    with pytest.raises(UserError, match="accepted for a reason"):
        planned(tmp_path, {"model": GOOD | {"reason": "r"}, EVASION: {"decision": "accept"}})


@pytest.mark.parametrize(
    ("entry", "finding", "holds", "flag"),
    [
        (ACCEPT, found(EVASION, 0.15), True, ""),
        ({**ACCEPT, "accepted_until": None}, found(EVASION, 0.15), True, "accepted without an end"),
        (ACCEPT | {"accepted_until": "2026-03-30"}, found(EVASION, 0.15), False, "ended on 2026-03-30"),
        (ACCEPT | {"accepted_until": DATE}, found(EVASION, 0.15), True, ""),
        (ACCEPT, found(EVASION, None), False, "nobody measured it"),
    ],
)
def test_an_acceptance_holds_or_does_not_count(tmp_path, entry, finding, holds, flag):
    done = planned(tmp_path, {EVASION: entry}, finding)
    (one,) = done.findings
    assert (one.decision == "accept") is holds
    assert flag in " ".join(done.flags) and bool(done.flags) == bool(flag)
    if holds:
        assert one.residual_level is finding.level
        assert "Accepted" in one.residual and "small" in one.residual
    else:
        assert one.decision == "open"


def test_a_critical_risk_is_accepted_only_by_a_role_that_approved_it(tmp_path):
    critical = found(EVASION, 0.6).model_copy(update={"level": Level.CRITICAL})
    assert planned(tmp_path, {EVASION: ACCEPT}, critical).findings[0].decision == "open"
    approved = planned(tmp_path, {EVASION: ACCEPT | {"approved_by": "chief risk officer"}}, critical)
    assert approved.findings[0].decision == "accept" and not approved.gaps
    assert approved.findings[0].residual.startswith("Accepted by chief risk officer until 2026-12-31")
    named = planned(tmp_path, {EVASION: ACCEPT | {"approved_by": "Maria Schneider"}}, critical)
    assert named.findings[0].decision == "open"


def test_a_name_of_a_person_is_flagged_and_not_shown(tmp_path):
    done = planned(tmp_path, {EVASION: GOOD | {"owner": "Maria Schneider"}}, found(EVASION, 0.6))
    assert done.findings[0].owner == "[PERSON]"
    assert "model.evasion, owner" in done.flags[0] and "no owner" in done.gaps[0]
    section = plan_section(done, given=True, today=DATE)
    assert "Schneider" not in section.model_dump_json()


def test_dates_are_past_only_beside_the_date_of_the_report(tmp_path):
    late = {EVASION: GOOD | {"due": "2026-01-31"}}
    assert "was due on 2026-01-31" in planned(tmp_path, late, found(EVASION, 0.6)).flags[0]
    undated = planned(tmp_path, late, found(EVASION, 0.6), today=None)
    assert undated.flags == ()
    assert "no date" in texts(plan_section(undated, given=True, today=None))


def test_an_entry_for_what_this_assessment_has_not_is_said(tmp_path):
    assert "model.extraction" in planned(tmp_path, {EXTRACTION: GOOD}, found(EVASION, 0.6)).flags[0]


def test_without_a_plan_everything_above_its_threshold_is_a_gap():
    done = apply_plan([found(EVASION, 0.6), found(EXTRACTION, 0.01, 0.0)], None, DATE)
    level = found(EVASION, 0.6).level.value
    assert done.gaps == (f"model.evasion was measured ({level}): no owner, no due date, no decision.",)
    assert "No plan was given" in texts(plan_section(done, given=False, today=DATE))


# --------------------------------------------------------------------------- losses
def write_losses(folder, content) -> str:
    path = folder / "losses.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return str(path)


LOCK = {"name": "lock", "annual_cost": 5}


def changed(**scenario: object) -> dict:
    first, second = OWN["scenarios"]
    return OWN | {"scenarios": [{**first, **scenario}, second]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no list 'scenarios'"),
        ("scenarios: [", "valid YAML"),
        (changed(finding="model.evason"), "which no assessment has"),
        (changed(finding="Model Evasion!"), "needs the id of a finding"),
        (changed(finding=7), "needs the id of a finding"),
        (changed(frequency=2), "attempts and success"),
        (changed(frequency={"attempts": 1e9, "success": [0.1, 0.2]}), "events a year"),
        (changed(magnitude=[1e-300, 1e300]), "without"),
        (changed(magnitude=[5, math.inf]), "two positive bounds"),
        (changed(name="fire"), "Two loss scenarios"),
        (changed(name=["a"]), "something else than"),
        (changed(currency="USD"), "unknown field"),
        (OWN | {"currency": ["USD"]}, "something else than"),
        (OWN | {"scenarios": {"a": 1}}, "needs a name"),
        (OWN | {"controls": [LOCK | {"effects": {"x": {"frequency": [0.1, 0.2]}}}]}, "acts on 'x'"),
        (OWN | {"controls": [LOCK | {"effects": ["fire"]}]}, "something else than"),
    ],
)  # fmt: skip
def test_wrong_losses_are_one_sentence_before_any_work(tmp_path, content, words):
    path = write_losses(tmp_path, content)
    with pytest.raises(UserError) as refused:
        read_losses(path, "finance")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value) and str(tmp_path) not in str(refused.value)


def test_the_kits_own_figures_are_called_an_illustration_in_the_first_sentence():
    section = losses_section(read_losses(None, "healthcare"), [], illustration=True, seed=1)
    first = section.blocks[0]
    assert isinstance(first, Text) and "are an illustration that was made up for this kit" in first.text
    assert section.facts["illustration"] is True and section.summary.startswith("An illustration")
    assert "this assessment has no such finding" in texts(section)


def test_a_measured_success_rate_takes_the_place_of_the_stated_one(tmp_path):
    model = read_losses(write_losses(tmp_path, OWN), "finance")
    (finding,) = with_residual(
        [found(EVASION, 0.4)], measure_again([found(EVASION, 0.4)], {EVASION: found(EVASION, 0.1)})
    )
    gamed, fire = link(model, [finding])
    assert isinstance(gamed.now.frequency, ThreatFrequency) and isinstance(
        gamed.after.frequency, ThreatFrequency
    )
    assert gamed.now.frequency.success == pytest.approx((0.38, 0.42))
    assert gamed.after.frequency.success == pytest.approx((0.08, 0.12))
    assert gamed.now.frequency.attempts == 10, "how often somebody tries was not measured"
    assert fire.now is fire.after is fire.stated and not fire.words
    section = losses_section(model, [finding], illustration=False, seed=1)
    assert "measured 40% (38% to 42%), which is used in its place" in texts(section)
    row = dict(zip(table(section).columns, table(section).rows[0], strict=True))
    assert row["expected as stated"] < row["expected after mitigation"] < row["expected as measured"]
    assert section.facts["measured_scenarios"] == 1 and section.facts["currency"] == "EUR"
    drawings = [block for block in section.blocks if isinstance(block, Drawing)]
    assert len(drawings) == 1 and "mitigated version, as measured" in drawings[0].title


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (found(EVASION, None), "was not measured (it hung), so this stays"),
        (found(EVASION, 12.0, unit="questions"), "is no share of attempts that succeed"),
        (None, "this assessment has no such finding"),
    ],
)
def test_what_was_not_measured_leaves_the_stated_range_and_says_so(tmp_path, finding, words):
    model = read_losses(write_losses(tmp_path, OWN), "finance")
    gamed, _ = link(model, [finding] if finding else [])
    assert gamed.now is gamed.stated and words in gamed.words


def test_losses_are_the_same_for_a_seed_and_controls_have_an_uncertainty():
    model, findings = read_losses(None, "finance"), [found(EVASION, 0.4)]
    first = losses_section(model, findings, illustration=True, seed=5)
    assert first == losses_section(model, findings, illustration=True, seed=5)
    assert first.facts != losses_section(model, findings, illustration=True, seed=6).facts
    assert first.facts["expected_loss_low"] < first.facts["expected_loss"] < first.facts["expected_loss_high"]
    controls = next(b for b in first.blocks if isinstance(b, Table) and "chance it pays" in b.columns)
    rows = [dict(zip(controls.columns, row, strict=True)) for row in controls.rows]
    assert {row["control"] for row in rows} == {one.name for one in model.controls} | {"all together"}
    assert all(row["saves at least"] < row["saves"] < row["saves at most"] for row in rows)


def test_a_control_without_cost_and_years_without_loss_still_make_a_section(tmp_path):
    content = OWN | {
        "scenarios": [{"name": "never", "frequency": 0, "magnitude": [1, 2]}],
        "controls": [{"name": "free", "annual_cost": 0, "effects": {"never": {"frequency": [0.1, 0.2]}}}],
    }
    section = losses_section(
        read_losses(write_losses(tmp_path, content), "finance"), [], illustration=False, seed=1
    )
    assert "No simulated year has a loss" in texts(section) and section.facts["expected_loss"] == 0


def test_many_events_are_simulated_over_fewer_years(tmp_path):
    content = OWN | {"scenarios": [{"name": "often", "frequency": 1_000, "magnitude": [1, 2]}]}
    section = losses_section(
        read_losses(write_losses(tmp_path, content), "finance"), [], illustration=False, seed=1
    )
    assert section.facts["years"] == 2_000 and "2,000 simulated years" in texts(section)


# --------------------------------------------------------------------------- order, register, the whole
def test_the_worst_is_treated_first_and_what_was_decided_otherwise_last():
    high, low, accepted = found(EVASION, 0.9), found(EXTRACTION, 0.76, 0.0), found(MEMBERSHIP, 0.9)
    accepted = accepted.model_copy(update={"decision": "accept"})
    ordered = in_order([accepted, low, high, found("model.poisoning", None)])
    assert ordered[-1] is accepted and len(ordered) == 3
    left = [one.level for one in ordered[:2]]
    assert left == sorted(left, key=list(Level).index, reverse=True)


def test_three_things_to_do_name_no_action_twice_and_end_with_what_is_to_be_measured():
    findings = [found(EVASION, 0.9), found(EVASION, 0.8), found("model.poisoning", None)]
    actions = three_things_to_do(findings)
    assert len(actions) == len({action for action, _ in actions}) == 2
    assert actions[0] == (str(findings[0].mitigations[0]), findings[0].title)
    assert actions[1][0] == str(findings[2].mitigations[0])
    assert three_things_to_do([found(EVASION, 0.01, 0.0)]) == []


def test_a_row_of_the_register_leaves_empty_what_was_not_measured():
    rows = register_rows([found(EVASION, 0.4), found(EXTRACTION, None)])
    assert all(tuple(row) == COLUMNS for row in rows)
    assert (rows[0]["figure"], rows[0]["interval"]) == (0.4, "0.38 to 0.42")
    assert (rows[1]["figure"], rows[1]["outcome"], rows[1]["level"]) == (None, "unassessed", "unassessed")
    assert "it hung" in rows[1]["title"] and rows[0]["frameworks"]
    json.dumps(rows, allow_nan=False)


def parameters(**options: object) -> AssessmentParameters:
    return AssessmentParameters.read({"sector": "finance", "model": "m.skops", "date": DATE} | options)


def test_an_assessment_is_concluded_with_everything_that_follows(tmp_path):
    asked = parameters(
        mitigated_model="n.skops",
        plan=write_plan(tmp_path, {EVASION: GOOD}),
        losses=write_losses(tmp_path, OWN),
    )
    sections = [Section(id="model.evasion", title="t", summary="s", findings=(found(EVASION, 0.6),))]
    again = [Section(id="model.evasion", title="t", summary="s", findings=(found(EVASION, 0.05),))]
    made = conclude(asked, sections, again)
    assert [section.id for section in made.treatment] == [
        "treatment.actions", "treatment.before_after", "treatment.plan", "treatment.losses",
    ]  # fmt: skip
    (finding,) = made.findings
    assert finding.residual.startswith("Better") and finding.owner == "fraud model owner"
    assert Finding.model_validate_json(finding.model_dump_json()) == finding
    assert conclude(asked, sections, again) == made, "the same input, the same result"


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_whatever_was_measured_or_not_the_treatment_is_made_and_hides_nothing(data):
    names = [name for part in PARTS for name in part.risks]
    value = st.one_of(st.none(), st.floats(0, 1))
    before = [found(name, data.draw(value), 0.0) for name in names]
    after = {name: found(name, data.draw(value), 0.0) for name in data.draw(st.sets(st.sampled_from(names)))}
    treated, sections = treat(parameters(), before, after)
    assert [one.id for one in treated] == names
    for old, new in zip(before, treated, strict=True):
        assert (new.level, new.measurement, new.outcome) == (old.level, old.measurement, old.outcome)
        assert (new.after is not None) == (old.id in after)
        if old.level is Level.UNASSESSED or old.id not in after:
            continue
        if after[old.id].level is Level.UNASSESSED:
            assert new.residual_level is Level.UNASSESSED and "Not assessed" in new.residual
    assert all(Section.model_validate_json(one.model_dump_json()) == one for one in sections)
