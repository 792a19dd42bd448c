"""Claims about loss models from files, their charts and the what-if widget."""

from __future__ import annotations

import re

import matplotlib as mpl
import pytest
import yaml

from secure_ai.core import UserError
from secure_ai.govern.business_reasons import business_reasons
from secure_ai.govern.loss import before_after
from secure_ai.govern.loss_charts import (
    controls_sentence,
    controls_summary,
    exceedance_sentence,
    exceedance_summary,
    money,
    plot_controls,
    plot_exceedance,
)
from secure_ai.govern.loss_model import interval, load_loss_model
from secure_ai.learn.loss_explorer import LossExplorer

mpl.use("Agg")
SECTORS = ("healthcare", "finance")


@pytest.fixture(scope="module", params=SECTORS)
def model(request):
    return load_loss_model(request.param)


@pytest.mark.parametrize("sector", SECTORS)
def test_every_business_reason_has_a_scenario_and_no_scenario_has_another(sector):
    assert {item.reason for item in load_loss_model(sector).scenarios} == {
        item.key for item in business_reasons(sector)
    }


def test_the_kit_says_that_its_own_figures_are_made_up(model):
    assert {scenario.source for scenario in model.scenarios} == {model.source}
    assert "illustrative" in model.source and "not a statistic" in model.source
    assert all(scenario.year for scenario in model.scenarios)


def test_the_controls_lower_the_average_and_the_bad_year(model):
    result = before_after(model.scenarios, model.controls, 20_000, seed=1)
    assert result.after.sum(axis=1).mean() < result.before.sum(axis=1).mean()
    assert (result.after.mean() <= result.before.mean()).all()


def test_a_scenario_may_name_the_finding_that_measures_its_success(model, tmp_path):
    named = {item.name: item.finding for item in model.scenarios if item.finding}
    assert named == {"decision manipulated": "model.evasion"}
    path = tmp_path / "own.yaml"
    for wrong in (7, ["model.evasion"], "Model Evasion"):
        scenario = {"name": "a", "frequency": {"attempts": 2, "success": [0.1, 0.2]}, "magnitude": [1, 2]}
        path.write_text(yaml.safe_dump({"scenarios": [scenario | {"finding": wrong}]}), encoding="utf-8")
        with pytest.raises(UserError, match="needs the id of a finding"):
            load_loss_model(path)


def test_an_own_file_is_read_like_the_kits(tmp_path):
    own = {
        "currency": "EUR",
        "year": 2025,
        "source": "incident register 2020-2025",
        "scenarios": [
            {"name": "theft", "frequency": 0.1, "magnitude": [100_000, 1_000_000], "reason": "breach"},
            {"name": "fire", "frequency": [0.01, 0.1], "magnitude": [1, 10], "most_likely": 2},
        ],
        "controls": [{"name": "lock", "annual_cost": 5, "effects": {"theft": {"frequency": [0.1, 0.5]}}}],
    }
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(own), encoding="utf-8")
    read = load_loss_model(path)
    assert round(read.scenarios[0].expected_annual_loss, 2) == 40_400.13
    assert (read.scenarios[1].currency, read.scenarios[1].most_likely) == ("EUR", 2)
    assert read.controls[0].effects["theft"].frequency == (0.1, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no list 'scenarios'"),
        ("just words", "no list 'scenarios'"),
        ("scenarios: [{frequency: 1}]", "needs a name"),
        ("scenarios: {a: 1}", "needs a name"),
        ("scenarios: [{name: a, magnitude: [1, 2]}]", "lacks the field 'frequency'"),
        (
            "scenarios: [{name: a, frequency: 1, magnitude: [1, 2], probability: 3}]",
            "unknown field 'probability'",
        ),
        ("scenarios: [{name: a, frequency: often, magnitude: [1, 2]}]", "where a number"),
        ("scenarios: [{name: a, frequency: 1, magnitude: 7}]", "where an interval"),
        ("scenarios: [{name: a, frequency: 1, magnitude: [2, 1]}]", "reversed"),
        ("scenarios: [{name: a, frequency: true, magnitude: [1, 2]}]", "where a number"),
        ("scenarios: [", "no valid YAML"),
        (
            "scenarios: [{name: a, frequency: 1, magnitude: [1, 2]}]\n"
            "controls: [{name: c, annual_cost: 1, effects: {a: 0.5}}]",
            "the effect of 'c' on 'a'",
        ),
        (
            "scenarios: [{name: a, frequency: 1, magnitude: [1, 2]}]\n"
            "controls: [{name: c, annual_cost: [1, 2], effects: {}}]",
            "needs one number",
        ),
    ],
)
def test_a_broken_file_is_refused_in_a_sentence_that_names_it(tmp_path, text, message):
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(message)) as caught:
        load_loss_model(path)
    assert "\n" not in str(caught.value) and str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00binary\x80"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, content):
    path = tmp_path / "own.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match="name a sector"):
        load_loss_model(path)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0"),
        (950, "$950"),
        (999.9, "$1 thousand"),
        (40_400, "$40 thousand"),
        (2_860_000, "$2.9 million"),
        (999_900, "$1 million"),
        (1.2e9, "$1.2 billion"),
        (-30_000, "−$30 thousand"),
    ],
)
def test_money_is_said_as_people_say_it(amount, text):
    assert money(amount) == text


def test_another_currency_keeps_its_code():
    assert money(5_000_000, "CHF") == "CHF 5 million"


def test_numbers_and_intervals_read_alike():
    assert [interval(0.05), interval((0.05, 0.4)), interval((150_000, 6e6))] == [
        "0.05",
        "0.05 to 0.4",
        "150,000 to 6,000,000",
    ]


def test_the_title_of_the_curve_is_its_finding_and_no_formula(model):
    result = before_after(model.scenarios, model.controls, 2_000, seed=1)
    figure = plot_exceedance(result)
    axes = figure.axes[0]
    assert axes.get_title(loc="left").replace("\\$", "$") == exceedance_sentence(result)
    assert axes.get_xlabel() and axes.get_ylabel() and axes.get_xscale() == "log"
    figure.draw_without_rendering()
    assert "$1 million" in [label.get_text().replace("\\$", "$") for label in axes.get_xticklabels()]
    mpl.pyplot.close(figure)


def test_the_sentence_the_table_and_the_simulation_say_the_same(model):
    result = before_after(model.scenarios, model.controls, 2_000, seed=1)
    table = exceedance_summary(result)
    for side in table.columns:
        assert table.loc["one year in 20 costs more than", side] in exceedance_sentence(result)


def test_the_sentence_on_controls_names_the_surest_and_the_least_sure(model):
    result = before_after(model.scenarios, model.controls, 2_000, seed=1)
    single = result.controls[result.controls["control"] != "all together"].sort_values("chance_it_pays")
    sentence = controls_sentence(result)
    assert sentence.index(single["control"].iloc[-1]) < sentence.index(single["control"].iloc[0])
    assert len(controls_summary(result)) == len(model.controls) + 1
    mpl.pyplot.close(plot_controls(result))


def test_a_curve_of_years_without_loss_is_refused():
    result = before_after([load_loss_model("finance").scenarios[1]], [], 1, seed=0)
    result.before.iloc[:] = 0.0
    with pytest.raises(UserError, match="no curve"):
        plot_exceedance(result)


def test_the_what_if_agrees_with_the_simulation_and_its_text_with_its_widget(model):
    explorer = LossExplorer(model, years=2_000, seed=1)
    table = explorer.look()
    expected = exceedance_summary(before_after(model.scenarios, model.controls, 2_000, seed=1))
    assert [list(row[1:]) for row in table.rows] == expected.to_numpy().tolist()
    widget = explorer.widget()
    view = widget.children[-1]
    assert table.html() in view.value and 'alt="Loss exceedance curve.' in view.value
    widget.children[0].value = False
    rest = [control.name for control in model.controls[1:]]
    assert explorer.look(rest).html() in view.value


def test_a_control_at_no_effect_changes_nothing_and_a_weaker_one_saves_less(model):
    explorer = LossExplorer(model, years=2_000, seed=1)
    none, half, full = (explorer.simulate(share=share).after.sum().sum() for share in (0, 0.5, 1))
    assert none == explorer.simulate([]).before.sum().sum()
    assert full < half < none


def test_the_what_if_refuses_what_is_not_there():
    explorer = LossExplorer(load_loss_model("finance"), years=10)
    with pytest.raises(UserError, match="choose from"):
        explorer.look(["hope"])
    with pytest.raises(UserError, match="from 0 to 1"):
        explorer.look(share=1.5)


def test_an_own_file_may_give_attempts_secondary_losses_and_a_source_of_its_own(tmp_path):
    own = {
        "source": "workshop of March",
        "year": 2026,
        "scenarios": [
            {
                "name": "fraud",
                "frequency": {"attempts": [10, 50], "success": [0.01, 0.1]},
                "magnitude": [1_000, 9_000],
                "secondary": {"chance": [0.1, 0.2], "magnitude": [5_000, 90_000]},
                "source": "claims register",
                "year": 2025,
            },
            {"name": "theft", "frequency": 0.1, "magnitude": [1_000, 9_000]},
        ],
    }
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(own), encoding="utf-8")
    model = load_loss_model(path)
    assert model.scenarios[0].expected_annual_loss > 0
    assert model.sources().values.tolist() == [
        ["fraud", 2025, "claims register"],
        ["theft", 2026, "workshop of March"],
    ]
    table = model.to_frame()
    assert table["times a year"][0] == "10 to 50 attempts, 1% to 10% of them successful"
    assert table["and then"].tolist() == ["in 10% to 20% of cases 5,000 to 90,000 more", ""]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"frequency": {"attempts": 5}}, "needs 'attempts' and 'success'"),
        ({"frequency": {"attempts": 5, "success": 0.1}}, "where an interval"),
        ({"secondary": [1, 2]}, "needs 'chance' and 'magnitude'"),
        ({"secondary": {"chance": [0.1, 2], "magnitude": [1, 2]}}, "must stay below 1"),
    ],
)
def test_a_half_stated_part_is_refused(tmp_path, fields, words):
    scenario = {"name": "fraud", "frequency": 1, "magnitude": [1, 2]} | fields
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"scenarios": [scenario]}), encoding="utf-8")
    with pytest.raises(UserError, match=words):
        load_loss_model(path)
