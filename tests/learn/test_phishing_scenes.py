"""Claims about the mails, filters, domains and campaigns that chapter 17 shows."""

from __future__ import annotations

import pytest

from secure_ai.attack.phishing import compare_hardening, measure_filter
from secure_ai.core.errors import UserError
from secure_ai.govern.awareness import reporting_culture, simulate_campaign
from secure_ai.learn.phishing_scenes import (
    as_exercise,
    campaign_table,
    caught_by_kind,
    cue_table,
    domain_tricks,
    habits,
    hardening_table,
    lesson_mails,
    three_mails,
    truth_table,
    unit_table,
)

SECTORS = ("healthcare", "finance")
BOTH = pytest.mark.parametrize("sector", SECTORS)


@pytest.fixture(scope="module")
def made():
    return {sector: lesson_mails(sector, 300, seed=3) for sector in SECTORS}


@BOTH
@pytest.mark.parametrize("seed", [1, 7, 8])
def test_of_three_mails_one_is_honest_one_easy_and_one_very_hard(sector, seed, made):
    mails, place = made[sector]
    three = three_mails(mails, place, seed=seed)
    assert sorted(mail.difficulty for mail in three)[0] == ""
    assert sum(mail.malicious for mail in three) == 2
    assert [mail.difficulty for mail in three].count("very") == 1
    (honest,) = (mail for mail in three if not mail.malicious)
    assert honest.sender_domain in place.known_domains and len(honest.cues) > 2


def test_three_mails_without_phishing_are_refused(made):
    mails, place = made["finance"]
    with pytest.raises(UserError, match="make more mails"):
        three_mails([mail for mail in mails if not mail.malicious], place, seed=1)


def test_a_reader_sees_nothing_of_what_is_true_of_a_mail(made):
    mail = next(mail for mail in made["healthcare"][0] if mail.malicious)
    seen = as_exercise(mail, 1)
    assert seen.subject == mail.subject and seen.number == 1
    assert not {"kind", "cues", "difficulty", "template", "premise"} & set(vars(seen))


@BOTH
def test_the_tables_say_of_each_mail_what_is_true(sector, made):
    mails, place = made[sector]
    three = three_mails(mails, place, seed=7)
    truth = truth_table(three, place)
    assert list(truth["cues"]) == [len(mail.cues) for mail in three]
    assert list(truth["is"].str.startswith("phishing")) == [mail.malicious for mail in three]
    cues = cue_table(three, most=20)
    assert cues["words"].str.len().max() <= 20
    assert not cues["words"].str.contains("://").any()


def test_reporting_all_or_nothing_scores_nothing_and_looking_scores_something(made):
    table = habits(made["healthcare"][0], 60, seed=3).set_index("habit")
    assert table.loc["reports everything", "score"] == table.loc["trusts everything", "score"] == 0
    assert table.loc["looks at sender, links and files", "score"] > 0


@BOTH
def test_every_trick_gives_a_name_that_the_detector_accuses(sector, made):
    _, place = made[sector]
    tricks = domain_tricks(place.domain, place.known_domains)
    assert len(tricks) > 8 and (tricks["names"] > 0).all()
    assert not set(tricks["as read"]) & set(place.known_domains)
    assert not tricks["the detector says"].isin(["known", "unknown"]).any()


def test_tables_of_filters_say_what_was_measured(made):
    mails, _ = made["finance"]
    measured = measure_filter(mails, folds=2, seed=3)
    assert caught_by_kind(measured)["mails"].sum() == sum(mail.malicious for mail in mails)
    compared = compare_hardening(mails, budget=3, training_budget=1, most_attacked=6, seed=3)
    table = hardening_table(compared)
    assert list(table["filter"]) == list(compared.table["filter"])
    assert table["pass when attacked anew"].str.contains(r"\d+% of \d+ \(").all()


@BOTH
def test_campaigns_and_units_are_shown_without_people_and_small_units_without_figures(sector):
    campaign = simulate_campaign(sector, seed=3)
    culture = reporting_culture(campaign)
    shown = campaign_table(campaign, culture)
    assert len(shown) == 8 and shown["difficulty"].notna().all()
    units = unit_table(culture)
    hidden = units[units["report"] == "not shown"]
    assert len(hidden) >= 2 and (hidden["click"] == "not shown").all()
    assert not units.astype(str).apply(lambda column: column.str.contains("nan")).to_numpy().any()
