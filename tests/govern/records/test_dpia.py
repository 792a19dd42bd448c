"""Claims about the impact assessment: risks are findings, and what was not measured is never low."""

from __future__ import annotations

from datetime import date
from itertools import product
from pathlib import Path

import pytest

from secure_ai.core import Finding, Level, Measurement, Unassessed, UserError
from secure_ai.core.frameworks import entry
from secure_ai.govern import records
from secure_ai.govern.records import DpiaForm, assess_impact, dpia_record, read_dpia, to_markdown
from secure_ai.govern.records.dpia import questions, words
from secure_ai.govern.records.dpia_document import conclusion

DATA = Path(records.__file__).parent / "data"
LEVELS = ("low", "medium", "high", "critical", "unassessed")
VALUE = {"low": 0.05, "medium": 0.15, "high": 0.4, "critical": 0.9, "unassessed": None}
APPROVED = {"by": "C. Head", "on": date(2026, 11, 1)}
COMPLETE = {
    "project": "Scores",
    "processing": {"purposes": "p", "collection": "c"},
    "necessity": {"achieves_purpose": "a", "alternatives": "b", "lawful_basis": "l", "article_9_case": "h"},
    "sign_off": {
        "measures_approved": APPROVED,
        "residual_risks_approved": APPROVED,
        "officer": "A. Officer",
        "advice": "Proceed.",
        "advice_on": date(2026, 10, 30),
        "advice_accepted": True,
        "decided_by": "C. Head",
    },
}


def measurement(value: float, name: str = "prosecutor_risk", n: int = 300) -> Measurement:
    return Measurement(name, value, "probability", n, 0.05, (value / 2, value), "counted", "own")


def finding(identifier: str, value: float | None, level: str = "unassessed", **fields) -> Finding:
    assessed = value is not None
    outcome = "exceeds_threshold" if assessed and value > 0.2 else "within_threshold"
    content = {
        "id": identifier,
        "title": f"Risk {identifier}",
        "threat": "somebody is recognized",
        "asset": "the table",
        "attacker_knowledge": "public registers",
        "measurement": measurement(value) if assessed else Unassessed("no model was given"),
        "threshold": 0.2,
        "outcome": outcome if assessed else "unassessed",
        "likelihood": level,
        "severity": level,
        "level": level,
        "mitigations": ("Generalize the ages.",),
        "mappings": ("GDPR Art. 32",),
    }
    return Finding(**(content | fields))


def form(**changes) -> DpiaForm:
    content = {**COMPLETE, **{key: value for key, value in changes.items() if key != "sign_off"}}
    content["sign_off"] = COMPLETE["sign_off"] | changes.get("sign_off", {})
    return DpiaForm.model_validate(content)


def risk(level: str, identifier: str = "a.b"):
    return finding(identifier, VALUE[level], level)


def test_the_document_has_the_seven_steps_in_order():
    record = dpia_record(assess_impact(form(), [risk("low")]))
    starts = [
        "identify the need",
        "describe the processing",
        "consultation",
        "assess necessity",
        "identify and",
        "identify measures",
        "sign off",
    ]
    assert len(record.sections) == 7
    for number, (section, start) in enumerate(zip(record.sections, starts, strict=True), 1):
        assert section.title.startswith(f"Step {number}: {start}")


@pytest.mark.parametrize(("first", "second"), list(product(LEVELS, LEVELS)))
def test_no_high_risk_is_left_only_where_every_risk_was_assessed_and_none_is_high(first, second):
    left = assess_impact(form(), [risk(first, "a"), risk(second, "b")]).high_risk_left
    if {first, second} & {"high", "critical"}:
        assert left is True
    elif "unassessed" in (first, second):
        assert left is None
    else:
        assert left is False


def test_nothing_measured_is_not_nothing_found():
    dpia = assess_impact(form(), [])
    assert dpia.high_risk_left is None and any("No risk was assessed" in one for one in dpia.blocked_by())
    assert "no finding was given" in " ".join(dpia_record(dpia).unassessed())


def test_an_unassessed_finding_stays_unassessed_in_every_table_and_blocks_the_end():
    dpia = assess_impact(form(), [risk("low", "a"), risk("unassessed", "b")])
    text = to_markdown(dpia_record(dpia))
    assert dpia.blocked_by() == ("Risk b: not assessed, so the risk is not known (no model was given).",)
    assert text.count("Unassessed: no model was given") >= 4
    assert (
        "is not known: 1 of 2 risks was not assessed" in text and "no high risk is left" not in text.lower()
    )


def test_words_alone_reduce_no_risk():
    decided = {"a.b": {"measures": ["Be careful"], "approved": APPROVED}}
    dpia = assess_impact(form(measures=decided), [risk("high")])
    assert dpia.risks[0].residual is Level.HIGH and dpia.consult_authority() is True
    assert "not measured again: counted as before" in to_markdown(dpia_record(dpia))


def test_a_second_measurement_reduces_the_risk_and_both_are_shown():
    dpia = assess_impact(form(), [risk("high")], {"a.b": risk("low")})
    text = to_markdown(dpia_record(dpia))
    assert dpia.high_risk_left is False and dpia.blocked_by() == ()
    assert "reduced from high to low, measured again" in text and "40%" in text and "5%" in text


def test_a_second_measurement_that_failed_does_not_pass():
    dpia = assess_impact(form(), [risk("high")], {"a.b": risk("unassessed")})
    assert dpia.high_risk_left is None and dpia.blocked_by()


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ({"other": risk("low", "other")}, "belongs to none of the findings"),
        ({"a.b": finding("a.b", 0.05, "low", threshold=0.5)}, "moved bar"),
        ({"a.b": finding("a.b", 0.05, "low", measurement=measurement(0.05, "recall"))}, "another figure"),
    ],
)
def test_a_second_measurement_of_another_thing_is_refused(after, message):
    with pytest.raises(UserError, match=message):
        assess_impact(form(), [risk("high")], after)


def test_the_files_overrule_a_no(inventories):
    answers = dict.fromkeys((question["id"] for question in questions()), False)
    dpia = assess_impact(form(screening=answers), [risk("low")], inventories=inventories["healthcare"])
    assert dpia.screening()["sensitive_data"] is True
    assert any("the files hold some" in one for one in dpia.blocked_by())
    assert "yes (found in the files)" in to_markdown(dpia_record(dpia))


def test_special_categories_ask_for_a_case_of_article_9(inventories):
    necessity = {**COMPLETE["necessity"], "article_9_case": None}
    dpia = assess_impact(form(necessity=necessity), [risk("low")], inventories=inventories["healthcare"])
    assert any("Art. 9(2)" in reason for reason in dpia.blocked_by())


@pytest.mark.parametrize(
    ("answers", "required"),
    [
        ({"large_scale_special": True}, True),
        ({"scoring": True, "large_scale": True}, True),
        ({"scoring": True}, None),
        ({}, None),
        (dict.fromkeys((question["id"] for question in questions()), False), False),
    ],
)
def test_the_need_follows_from_the_answers_and_is_open_without_them(answers, required):
    assert assess_impact(form(screening=answers), [risk("low")]).required() is required


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"measures_approved": {"by": "C. Head"}}, "measures are not approved"),
        ({"residual_risks_approved": {}}, "residual risks are not approved"),
        ({"residual_risks_approved": APPROVED | {"by": " a. officer "}}, "may not decide"),
        ({"advice": None}, "advice of the data protection officer is missing"),
        ({"advice_accepted": None}, "not said"),
        ({"advice_accepted": False}, "overruled without a reason"),
        ({"advice": "TBD"}, "advice of the data protection officer is missing"),
        ({"measures_approved": APPROVED | {"by": "???"}}, "measures are not approved"),
        ({"advice_accepted": False, "overruled_because": "n/a"}, "overruled without a reason"),
    ],
)
def test_a_sign_off_that_lacks_something_blocks(change, reason):
    dpia = assess_impact(form(sign_off=change), [risk("low")])
    assert any(reason in one for one in dpia.blocked_by())
    assert "reason stands against" in conclusion(dpia) or "reasons stand against" in conclusion(dpia)


def test_an_approval_of_a_later_day_than_the_document_blocks():
    dpia = assess_impact(form(), [risk("low")], dated=date(2026, 10, 31))
    assert sum("later day" in one for one in dpia.blocked_by()) == 2
    assert assess_impact(form(), [risk("low")], dated=date(2026, 11, 1)).blocked_by() == ()


@pytest.mark.parametrize("field", ["lawful_basis", "achieves_purpose", "alternatives"])
def test_a_step_with_a_stand_in_blocks(field):
    necessity = {**COMPLETE["necessity"], field: "[to do]"}
    assert assess_impact(form(necessity=necessity), [risk("low")]).blocked_by()


def test_a_level_that_fell_without_its_figure_is_refused():
    with pytest.raises(UserError, match="fell from high to low"):
        assess_impact(form(), [risk("high")], {"a.b": finding("a.b", 0.4, "low")})


def test_a_reduction_within_the_intervals_says_so():
    dpia = assess_impact(form(), [risk("high")], {"a.b": finding("a.b", 0.3, "medium")})
    assert dpia.risks[0].effect().endswith("the 95 % intervals overlap")


def test_advice_may_be_overruled_with_a_reason_that_is_shown():
    dpia = assess_impact(
        form(sign_off={"advice_accepted": False, "overruled_because": "The ward needs it."}), [risk("low")]
    )
    assert dpia.blocked_by() == () and "The ward needs it." in to_markdown(dpia_record(dpia))


@pytest.mark.parametrize("level", ["high", "critical"])
def test_a_high_residual_risk_brings_the_consultation_of_the_authority(level):
    text = to_markdown(dpia_record(assess_impact(form(), [risk(level)])))
    assert "Consultation of the supervisory authority" in text and "within 8 weeks" in text
    assert "What the authority is given" in text


def test_without_a_high_risk_no_consultation_is_asked_for():
    text = to_markdown(dpia_record(assess_impact(form(), [risk("medium")])))
    assert "What the authority is given" not in text


@pytest.mark.parametrize("sector", ["healthcare", "finance"])
def test_the_examples_read_and_leave_their_gaps_visible(sector):
    example = read_dpia(DATA / f"dpia_{sector}.yaml")
    record = dpia_record(assess_impact(example, [risk("medium")]))
    assert len(record.open_points()) > 10 and assess_impact(example, [risk("medium")]).blocked_by()


def test_groups_of_people_are_unassessed_until_measured():
    assert (
        "results by group of people were not given"
        in dpia_record(assess_impact(form(), [risk("low")])).unassessed()
    )


@pytest.mark.parametrize(
    ("changes", "findings", "message"),
    [
        ({"measures": {"x": {}}}, [risk("low")], "measure 'x'"),
        ({"screening": {"magic": True}}, [risk("low")], "no screening question"),
        ({}, [risk("low"), risk("low")], "Two findings have the id"),
    ],
)
def test_what_belongs_nowhere_is_refused(changes, findings, message):
    with pytest.raises(UserError, match=message):
        assess_impact(form(**changes), findings)


def test_every_source_in_the_texts_is_known():
    data = words()
    sources = [question["source"] for question in data["screening"]["law"]]
    sources += [one["source"] for one in data["consultation"]["provide"]]
    assert all(entry(source) for source in sources)
    assert {level.value for level in Level} - {"unassessed"} == set(data["overall"])


def test_what_an_assessment_measured_again_is_the_second_measurement():
    first = finding("a.b", 0.9, "critical")
    reduced = first.model_copy(update={"after": measurement(0.05), "residual_level": Level.LOW})
    made = assess_impact(form(), [reduced])
    assert made.residual is Level.LOW and made.high_risk_left is False
    assert made.risks[0].effect() == "reduced from critical to low, measured again"
    assert made.risks[0].after is not None and made.risks[0].after.outcome == "within_threshold"
    # A file of its own goes before it.
    assert assess_impact(form(), [reduced], {"a.b": risk("high")}).residual is Level.HIGH


def test_what_was_not_assessed_after_mitigation_or_only_accepted_stays_as_it_was_or_unknown():
    first = finding("a.b", 0.9, "critical")
    hung = first.model_copy(update={"after": Unassessed("it hung"), "residual_level": Level.UNASSESSED})
    made = assess_impact(form(), [hung])
    assert made.high_risk_left is None and "it hung" in " ".join(made.blocked_by())
    # A level of its own, without a measurement, is words: an acceptance in the plan reduces nothing.
    accepted = first.model_copy(update={"residual_level": Level.LOW, "decision": "accept"})
    assert assess_impact(form(), [accepted]).residual is Level.CRITICAL


def test_which_side_of_the_threshold_is_bad_follows_from_the_first_measurement():
    low_is_bad = finding("a.b", 0.1, "high", outcome="exceeds_threshold")
    after = low_is_bad.model_copy(update={"after": measurement(0.9), "residual_level": Level.LOW})
    again = assess_impact(form(), [after]).risks[0].after
    assert again is not None and again.outcome == "within_threshold"
    better = finding("a.b", 0.15, "low", outcome="exceeds_threshold")
    assert assess_impact(form(), [low_is_bad], {"a.b": better}).residual is Level.LOW
    lower = finding("a.b", 0.05, "low", outcome="exceeds_threshold")
    with pytest.raises(UserError, match="its figure did not"):
        assess_impact(form(), [low_is_bad], {"a.b": lower})


def test_another_figure_in_the_same_file_is_no_second_measurement():
    first = finding("a.b", 0.9, "critical")
    other = {"after": measurement(0.01, name="another"), "residual_level": Level.LOW}
    assert assess_impact(form(), [first.model_copy(update=other)]).residual is Level.CRITICAL
