"""Claims about policies, cards and responsibilities: gaps are counted, figures come from measurements."""

from __future__ import annotations

import re

import pytest

from secure_ai.core import Finding, Measurement, Unassessed, UserError
from secure_ai.govern.records import (
    CardText,
    Paragraph,
    card_prompts,
    data_card,
    model_card,
    policy_fields,
    policy_names,
    read_card,
    responsibility_record,
    to_html,
    to_markdown,
    write_policy,
)
from secure_ai.govern.records.policy import _template, policy
from secure_ai.govern.responsibilities import (
    DPO,
    activity_references,
    check_people,
    check_responsibilities,
    officer_duties,
    responsibility_chart,
    roles,
)

SECTORS = ("healthcare", "finance")
ASKED_FOR = {
    "acceptable_use",
    "public_chatbots",
    "retention",
    "vendors",
    "human_review",
    "model_change",
    "incident",
    "data_subject_requests",
}
MITCHELL = [
    "Model details",
    "Intended use",
    "Factors",
    "Metrics",
    "Evaluation data",
    "Training data",
    "Quantitative analyses",
    "Ethical considerations",
    "Caveats and recommendations",
]


def recall(value: float, low: float, high: float, name: str = "recall") -> Measurement:
    return Measurement(name, value, "probability", 100, 0.1, (low, high), "held-out rows", "own")


def test_the_policies_that_the_program_names_are_there():
    assert set(policy_names()) == ASKED_FOR


@pytest.mark.parametrize("sector", SECTORS)
@pytest.mark.parametrize("name", sorted(ASKED_FOR))
def test_a_policy_counts_every_field_until_it_is_filled(name, sector):
    fields = policy_fields(name)
    empty = policy(name, "Example", sector)
    assert set(empty.open_points()) == set(fields.values())
    full = policy(name, "Example", sector, dict.fromkeys(fields, "A role"))
    assert (
        full.open_points() == () and full.facts["Fields filled"] == f"{len(fields) + 1} of {len(fields) + 1}"
    )
    assert not re.search(r"[{}@]", to_markdown(full)) and "not legal advice" in full.note


@pytest.mark.parametrize("name", sorted(ASKED_FOR))
def test_a_template_uses_each_of_its_fields_and_no_other(name):
    head, body = _template(name)
    assert set(re.findall(r"\{(\w+)\}", body)) - {"organization"} == set(head["fields"])
    assert set(re.findall(r"^@(\w+)", body, re.MULTILINE)) <= set(SECTORS)


def test_a_sector_reads_its_own_rules_only():
    health, bank = (to_markdown(policy("acceptable_use", "E", sector)) for sector in SECTORS)
    assert "clinician decides" in health and "clinician" not in bank and "credit" in bank


@pytest.mark.parametrize("value", ["", "  ", "TBD", "n/a", "[name]", "<role>", "???", "...", "___"])
def test_a_stand_in_fills_no_field(value):
    assert (
        policy_fields("incident")["lead"] in policy("incident", "E", "finance", {"lead": value}).open_points()
    )


def test_a_name_stays_a_name():
    page = to_html(policy("incident", "<img src=x>|", "finance", {"lead": "{counsel} <b>"}))
    assert "<img" not in page and "{counsel} &lt;b&gt;" in page


def test_the_rules_in_the_policy_are_those_that_decide():
    assert "no records in public tools" in to_markdown(policy("acceptable_use", "E", "finance"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing", "E", "finance"), "no policy 'nothing'"),
        (("../policy", "E", "finance"), "no policy"),
        (("incident", "E", "school"), "no sector"),
        (("incident", "E", "finance", {"boss": "x"}), "no field 'boss'"),
        (("incident", "E", "finance", {"lead": 5}), "takes a text"),
        (("incident", "E", "finance", {"lead": "x" * 501}), "up to 500"),
    ],
)
def test_a_policy_that_cannot_be_filled_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        policy(*arguments)


def test_a_policy_is_written_under_its_name(tmp_path):
    written = write_policy("incident", "E", "finance", tmp_path, formats=("md", "html"))
    assert [path.name for path in written.files.values()] == ["policy_incident.md", "policy_incident.html"]


def test_a_model_card_has_the_headings_of_the_paper_and_no_figure_that_was_not_given():
    card = model_card(CardText(name="Scores"))
    assert [section.title for section in card.sections] == MITCHELL
    assert len(card.unassessed()) == 3 and len(card.open_points()) == sum(
        map(len, card_prompts("model_card").values())
    )
    assert "performance, groups, attacks" in card.summary


def test_groups_are_compared_by_their_intervals():
    groups = {
        "sex": [("F", recall(0.7, 0.65, 0.75)), ("M", recall(0.5, 0.45, 0.55)), ("X", Unassessed("3 people"))]
    }
    text = to_markdown(model_card(CardText(name="S"), by_group=groups))
    assert "Lowest 50% (M), highest 70% (F); their 95 % intervals do not overlap. Not assessed: X." in text
    near = {"sex": [("F", recall(0.7, 0.5, 0.8)), ("M", recall(0.6, 0.4, 0.75))]}
    assert "intervals overlap" in to_markdown(model_card(CardText(name="S"), by_group=near))


def test_one_measured_group_is_no_comparison():
    groups = {"sex": [("F", recall(0.7, 0.65, 0.75)), ("M", Unassessed("nobody"))]}
    assert "cannot be compared" in to_markdown(model_card(CardText(name="S"), by_group=groups))
    none = {"sex": [("F", Unassessed("nobody"))]}
    assert "no group of sex was measured" in " ".join(
        model_card(CardText(name="S"), by_group=none).unassessed()
    )


def test_groups_in_different_figures_are_refused():
    with pytest.raises(UserError, match="measured differently"):
        model_card(
            CardText(name="S"),
            by_group={"sex": [("F", recall(1, 1, 1)), ("M", recall(1, 1, 1, "precision"))]},
        )


def test_attacks_and_fairness_have_their_place():
    attack = Finding(
        id="model.membership", title="Membership", threat="t", asset="a", attacker_knowledge="k",
        measurement=Unassessed("no model"), outcome="unassessed", likelihood="unassessed",
        severity="unassessed", level="unassessed",
    )  # fmt: skip
    text = to_markdown(
        model_card(CardText(name="S"), attacks=[attack], fairness=[Paragraph("Odds by group.")])
    )
    assert "Unassessed: no model" in text and "Odds by group." in text


@pytest.mark.parametrize("sector", SECTORS)
def test_a_data_card_shows_counts_and_no_value(sector, inventories):
    card = data_card(CardText(name="Tables"), inventories[sector])
    text = to_markdown(card)
    samples = {s for one in inventories[sector] for column in one.columns for s in column.samples}
    assert not [sample for sample in samples if len(sample) > 4 and sample in text]
    assert card.facts["Records"] == sum(one.n_rows for one in inventories[sector])
    assert len(card.open_points()) == sum(map(len, card_prompts("data_card").values()))


def test_a_card_with_a_stray_entry_is_refused_with_its_place(tmp_path):
    (tmp_path / "card.yaml").write_text("name: S\nsections: {metrics: {speed: fast}}")
    with pytest.raises(UserError, match="metrics has no entry 'speed'"):
        read_card(tmp_path / "card.yaml")
    with pytest.raises(UserError, match="no card 'x'"):
        card_prompts("x")


@pytest.mark.parametrize("scope", ["ai security", "governance", "all"])
def test_every_scope_of_the_chart_is_whole(scope):
    chart = responsibility_chart(scope)
    assert check_responsibilities(chart) == [] and list(chart.columns) == list(roles())
    assert all(activity_references(scope).values()) and set(activity_references(scope)) == set(chart.index)


def test_the_officer_answers_only_for_monitoring():
    chart = responsibility_chart("all")
    assert list(chart.index[chart[DPO].str.contains("[AR]")]) == ["Monitor compliance and advise"]
    assert {"task", "position"} == set(officer_duties()["kind"])


@pytest.mark.parametrize("role", ["executive", "security officer", "model owner", "data owner"])
def test_an_officer_with_a_conflicting_role_is_found(role):
    people = dict.fromkeys(roles(), "B") | {DPO: "A. Person"}
    assert check_people(people) == []
    gaps = check_people(people | {role: " a.  person"})
    assert [gap.activity for gap in gaps] == [DPO] and role in gaps[0].problem


def test_a_role_without_a_name_is_a_gap_in_the_document():
    record = responsibility_record("E", {"executive": "B"})
    assert f"who is the {DPO}" in record.open_points() and "gaps were found" in record.summary
    with pytest.raises(UserError, match="no role"):
        responsibility_record("E", {"king": "B"})
    with pytest.raises(UserError, match="no scope"):
        responsibility_chart("everything")
