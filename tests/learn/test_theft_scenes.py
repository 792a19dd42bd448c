"""Claims about the service, the honest accounts and the thieves of chapter 12."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from secure_ai.access.scoring import QueryLog, RateLimit
from secure_ai.attack.extraction import search_linear, solve_linear
from secure_ai.attack.targets import TargetError
from secure_ai.core import Unassessed, UserError
from secure_ai.defend.ownership import OwnershipTest
from secure_ai.learn import theft_scenes as scenes
from secure_ai.learn import theft_tables as tables
from secure_ai.monitor.detection import QueryWatch, lowers_limit
from synthetic_data import load
from synthetic_data.learning_tables import TASKS, learning_table


@pytest.fixture(scope="module")
def case():
    scene = scenes.theft_scene("finance")
    with threadpool_limits(1):
        yield scenes.theft_case(learning_table(load("finance", seed=3, rows=36_000), scene.task), scene)


@pytest.fixture(scope="module")
def linear(case):
    """A house with the linear model, what was asked, and one copy for each kind of answer."""
    log, thief = QueryLog(), case.scene.thief
    accounts = [
        scenes.account(case, thief),
        scenes.account(case, "rounded", "1 decimal"),
        scenes.account(case, "label", "label"),
    ]
    with scenes.open_house(case, accounts, model=case.attacked.linear, on_query=log) as house:
        copies = {
            "all digits": solve_linear(house.target(thief), case.own),
            "1 decimal": solve_linear(house.target("rounded"), case.own, queries=100),
            "label": search_linear(house.target("label"), case.own, halvings=12),
        }
        yield house, log, copies


@pytest.mark.parametrize("sector", scenes.SCENES)
def test_a_scene_is_of_its_sector_and_nobody_has_two_accounts(sector):
    scene = scenes.theft_scene(sector)
    assert TASKS[scene.task] == sector
    names = (*scene.honest, scene.thief, *(thief.name for thief in tables.THIEVES))
    assert len(set(names)) == len(names)


def test_another_sector_and_too_few_rows_are_one_sentence():
    with pytest.raises(UserError, match="choose from healthcare, finance"):
        scenes.theft_scene("retail")
    scene = scenes.theft_scene("finance")
    with pytest.raises(UserError, match="raise `rows`"):
        scenes.theft_case(learning_table(load("finance", seed=3, rows=3000), scene.task), scene)


def test_no_row_belongs_to_two(case):
    parts = [case.own, case.held_out, case.today, case.past]
    together = pd.concat(parts, ignore_index=True)
    assert not together.duplicated().any()
    assert len(case.truth) == len(case.held_out) and case.quality(case.attacked.model) > 0.6
    assert f"{len(case.own):,} applicant records" in case.sentence()


def test_the_weights_shown_are_those_of_the_model_and_equations_find_them(case, linear):
    shown = tables.largest_weights(case, linear[2]["all digits"], most=4)
    assert len(shown) == 4 and (shown["weight in the model"] == shown["weight in the copy"]).all()


def test_rounding_spoils_equations_and_the_label_keeps_the_size_alone(case, linear):
    rows = {answer: tables.linear_theft(case, copy, answer) for answer, copy in linear[2].items()}
    error, same = "largest error of a weight", f"same answer, of {len(case.held_out)}"
    assert rows["all digits"][error] == "under 0.000001" and rows["all digits"][same] == "100%"
    assert float(rows["1 decimal"][error]) > 0.001
    assert rows["label"][error] == "not its size" and rows["label"]["copied by"] == "line search"


def test_kept_questions_are_those_that_were_asked(case, linear):
    house, log, _ = linear
    before = sum(query.actor == case.scene.thief for query in log.queries)
    house.endpoint(case.scene.thief).ask(case.own.head(30))
    kept = scenes.kept_questions(house, log, case.scene.thief).tail(30).reset_index(drop=True)
    assert before and kept.dtypes.equals(case.own.dtypes)
    pd.testing.assert_frame_equal(kept, case.own.head(30), rtol=1e-9, atol=1e-9)


def test_questions_of_a_line_search_leave_the_range_of_people_and_records_do_not(case, linear):
    house, log, _ = linear
    assert tables.never_seen(case, case.past) == 0.0
    assert tables.never_seen(case, scenes.kept_questions(house, log, "label")) > 0.2


@pytest.fixture(scope="module")
def watched(case):
    """What became of the thieves: rows answered, the watch, and the honest demand before."""
    log, threshold = QueryLog(), RateLimit(10**6, 10**7)
    names = (*case.scene.honest, *(thief.name for thief in tables.THIEVES))
    accounts = [scenes.account(case, name, limit=threshold) for name in names]
    with scenes.open_house(case, accounts, on_query=log) as house:
        asked = tables.honest_work(house, case.past, days=5)
        demand = tables.demand(house)
        watch = QueryWatch(log.to_frame(), on_alert=lowers_limit(house.service, rows_per_day=20))
        house.service.gate.on_query = watch
        answered = {thief.name: tables.ask_until_refused(house, thief) for thief in tables.THIEVES}
    return asked, demand, watch, answered


def test_the_trail_alone_tells_what_honest_accounts_need(watched):
    asked, demand, _, _ = watched
    assert len(demand) == 15 and sum(demand) == asked
    limits = tables.limits_table(demand, (10, max(demand)), 100)
    assert limits["honest rows refused"].tolist()[1] == "0%" != limits["honest rows refused"].tolist()[0]
    assert limits["days for 100 answers"].tolist()[0] == 10


def test_made_up_rows_are_noticed_and_answered_no_more(case, watched):
    _, _, watch, answered = watched
    for name in ("hasty", "patient"):
        assert watch.asked(name).first_alert <= len(answered[name]) < 600
    assert len(answered["genuine"]) == len(case.own) and watch.asked("genuine").first_alert is None
    table = tables.thieves_table(case, answered, watch).set_index("thief")
    assert table.loc["genuine", "noticed"] == "no alert" and "at row" in table.loc["hasty", "noticed"]
    assert "to" in table.iloc[-1, -1]
    assert "0 alerts" in tables.honest_alerts(watch, case.scene.honest, 100)


def test_thieves_ask_what_they_say(case):
    own = set(pd.util.hash_pandas_object(case.own, index=False))
    shares = {
        thief.name: pd.util.hash_pandas_object(thief.questions(case), index=False).isin(own).mean()
        for thief in tables.THIEVES
    }
    assert shares["genuine"] == 1 and 0.7 < shares["mixing"] < 0.9
    assert shares["hasty"] == shares["patient"] < 0.2


def test_a_limit_moves_the_clock_of_the_house_and_not_that_of_the_machine(case):
    limited = scenes.account(case, "a", limit=RateLimit(20, 100))
    with scenes.open_house(case, [limited]) as house:
        begin = house.clock.now
        house.endpoint("a", batch=10, patience=3600).ask(case.own.head(60))
        assert 100 <= (house.clock.now - begin).total_seconds() <= 200
        with pytest.raises(TargetError, match="limit"):
            house.endpoint("a", batch=10).ask(case.own.head(60))


def test_claims_are_told_in_words(case):
    claimed = OwnershipTest(97, 100, 0.5, 1e-20, 1e-6, "watermark", "")
    table = tables.claims_table({"a": claimed, "b": Unassessed("It does not answer.")})
    assert table.iloc[0].tolist() == ["a", "97 of 100", "50%", "under 1 in a million", "may be claimed"]
    assert table.iloc[1, -1] == "It does not answer."


def test_other_keys_claim_an_honest_model_about_as_often_as_the_level_says(case):
    assert tables.claims_with_other_keys(case, case.attacked.model, b"the key of a test", keys=30) <= 9
    with pytest.raises(UserError, match="key"):
        tables.claims_with_other_keys(case, case.attacked.model, b"short", keys=1)


def test_too_little_is_said_to_be_too_little(case):
    assert tables.taken_home(case, case.own.head(5)) == "too little to learn from"
    assert np.isfinite(float(tables.taken_home(case, case.own).split("%")[0]))
