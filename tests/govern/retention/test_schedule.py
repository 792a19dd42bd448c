"""The retention schedule says what must be kept, what may not be kept longer, and what wins."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import entry
from secure_ai.govern.estate import Holding, Subject
from secure_ai.govern.retention import (
    Period,
    RetentionSchedule,
    data_classes,
    lint_schedule,
    statutory_duties,
    today_in,
)

TODAY = date(2026, 11, 22)
ADULT = Subject("P1", "pseudonym-1", {}, "1970-05-01")
DAYS = st.dates(date(1950, 1, 1), date(2090, 12, 31))
PERIODS = st.builds(Period, months=st.integers(1, 400)) | st.builds(Period, days=st.integers(1, 9000))

CLASSES = {
    "healthcare": (
        "medical_record claim message access_log research_extract training_data model search_index cache "
        "backup statistics consent_record request_record"
    ),
    "finance": (
        "customer_record account transaction loan wire message access_log research_extract training_data "
        "model search_index cache backup statistics consent_record request_record"
    ),
}


def own_file(folder: Path, change) -> Path:
    source = Path(__file__).parents[3] / "secure_ai/govern/retention/schedules/healthcare.yaml"
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    change(content)
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("sector", CLASSES)
def test_every_class_of_the_sector_has_a_rule(sector):
    assert data_classes(sector) == RetentionSchedule.load(sector).classes == tuple(CLASSES[sector].split())


@pytest.mark.parametrize("sector", CLASSES)
def test_no_maximum_is_shorter_than_the_longest_duty(sector):
    schedule = RetentionSchedule.load(sector)
    for name in schedule.classes:
        minimum = schedule.minimum(name)
        assert minimum is None or schedule.rule(name).maximum.after(TODAY) >= minimum.after(TODAY)
    assert not [problem for problem in lint_schedule(schedule) if problem.refused]


def test_every_duty_says_where_it_stands_and_where_it_was_read():
    assert all(
        duty.source.startswith("http") and duty.read_at.startswith("http") for duty in statutory_duties()
    )
    assert all(duty.verified or duty.note for duty in statutory_duties())
    assert len({duty.id for duty in statutory_duties()}) == len(statutory_duties())


@pytest.mark.parametrize(
    ("sector", "data_class", "law", "period"),
    [
        ("healthcare", "access_log", "164.316(b)(2)(i)", "6 years"),
        ("healthcare", "medical_record", "22 CCR 70751", "7 years"),
        ("finance", "transaction", "31 CFR 1010.430(d)", "5 years"),
        ("finance", "message", "12 CFR 1002.12(b)(1)", "25 months"),
        ("finance", "access_log", "PCI DSS 10.5.1", "1 year"),
    ],
)
def test_the_longest_duty_governs_its_class(sector, data_class, law, period):
    first = RetentionSchedule.load(sector).duties_of(data_class)[0]
    assert (first.law, str(first.period)) == (law, period)


def test_a_duty_stands_up_to_its_last_day_and_not_a_day_longer():
    schedule = RetentionSchedule.load("finance")
    holding = Holding("transactions", "transaction", 3, date(2018, 1, 1), date(2021, 11, 22))
    [last] = schedule.blocks(ADULT, holding, TODAY)
    assert (last.kind, last.reference, last.until) == ("duty", "31 CFR 1010.430(d)", TODAY)
    assert schedule.blocks(ADULT, holding, TODAY + timedelta(days=1)) == ()


def test_records_of_a_minor_are_kept_until_the_age_that_the_state_says():
    schedule = RetentionSchedule.load("healthcare")
    child = Subject("P2", "pseudonym-2", {}, "2010-03-05")
    holding = Holding("encounters", "medical_record", 1, date(2012, 1, 1), date(2012, 1, 1))
    found = {block.reference: block.until for block in schedule.blocks(child, holding, TODAY)}
    assert found == {"22 CCR 70751": date(2029, 3, 5)}
    new_york = RetentionSchedule.load("healthcare", home_state="US-NY")
    found = {block.reference: block.until for block in new_york.blocks(child, holding, TODAY)}
    assert found == {"10 NYCRR 405.10(a)(4)": date(2031, 3, 5)}
    assert schedule.blocks(ADULT, holding, TODAY) == ()


def test_without_a_birth_date_a_person_may_be_as_young_as_the_record():
    unknown = Subject("P3", "pseudonym-3")
    holding = Holding("encounters", "medical_record", 1, date(2012, 1, 1), date(2012, 1, 1))
    blocks = RetentionSchedule.load("healthcare").blocks(unknown, holding, TODAY)
    assert blocks[0].until == date(2031, 1, 1)


def test_a_holding_without_dates_is_kept_because_nobody_can_say_that_the_period_is_over():
    block = RetentionSchedule.load("healthcare").blocks(ADULT, Holding("claims", "claim", 2), TODAY)[0]
    assert block.until is None and "no dates" in block.reason


def test_an_empty_holding_and_a_class_without_duty_block_nothing():
    schedule = RetentionSchedule.load("healthcare")
    assert schedule.blocks(ADULT, Holding("claims", "claim", 0), TODAY) == ()
    assert schedule.blocks(ADULT, Holding("cache", "cache", 5), TODAY) == ()


def test_customer_identification_is_kept_until_five_years_after_the_account_is_closed():
    holding = Holding("customers", "customer_record", 1, date(2008, 1, 1), date(2008, 1, 1))
    schedule = RetentionSchedule.load("finance")
    assert schedule.blocks(ADULT, holding, TODAY)[0].until is None
    closed = schedule.with_relationship_end(lambda person: date(2020, 2, 29))
    assert closed.blocks(ADULT, holding, date(2025, 3, 1))[0].until == date(2025, 3, 1)
    assert closed.blocks(ADULT, holding, date(2025, 3, 2)) == ()


def test_jurisdictions_choose_which_duties_apply():
    federal = RetentionSchedule.load("healthcare", jurisdictions=["US"])
    assert str(federal.minimum("medical_record")) == "5 years"
    with pytest.raises(UserError, match="'US-XX' has no duties"):
        RetentionSchedule.load("healthcare", jurisdictions=["US-XX"])


@pytest.mark.parametrize("sector", CLASSES)
def test_one_state_at_most_has_duties_in_a_house(sector):
    for state in ("US-CA", "US-NY", ""):
        schedule = RetentionSchedule.load(sector, home_state=state)
        assert {d.jurisdiction for d in schedule.duties if d.jurisdiction.startswith("US-")} <= {state}
        assert schedule.home_state == state
    assert RetentionSchedule.load(sector).home_state == "US-CA"
    with pytest.raises(UserError, match="'US-CA' and 'US-NY' at once"):
        RetentionSchedule.load(sector, jurisdictions=["US", "US-NY", "US-CA"])


@pytest.mark.parametrize("state", ["US-TX", "US", "EU", "CA", "", None, 5, ["US-CA"]])
def test_a_home_state_without_known_duties_is_refused_instead_of_passed_over(tmp_path, state):
    if state is None or state == "":
        assert RetentionSchedule.load("healthcare", home_state=state).home_state == (
            "" if state == "" else "US-CA"
        )
        return
    with pytest.raises(UserError, match="home_state"):
        RetentionSchedule.load("healthcare", home_state=state)


def test_a_block_tells_whose_law_it_is():
    schedule = RetentionSchedule.load("healthcare")
    child = Subject("P2", "pseudonym-2", {}, "2010-03-05")
    holding = Holding("encounters", "medical_record", 1, date(2025, 1, 1), date(2025, 1, 1))
    found = {block.reference: block.jurisdiction for block in schedule.blocks(child, holding, TODAY)}
    assert found == {"22 CCR 70751": "US-CA", "42 CFR 482.24(b)(1)": "US"}
    assert schedule.person_block("medical_record", child, TODAY).jurisdiction == "US-CA"


def test_a_duty_blocks_nothing_before_the_day_from_which_it_applies():
    [duty] = [one for one in statutory_duties() if one.id == "ai_act_deployer_logs"]
    assert duty.applies_from == min(one.start for one in entry("AI Act Art. 26").applies)
    schedule = RetentionSchedule.load("healthcare", jurisdictions=["EU"])
    for today, references in (
        (duty.applies_from - timedelta(days=1), []),
        (duty.applies_from, ["EU AI Act Art. 26(6)"]),
    ):
        holding = Holding("log", "access_log", 3, today - timedelta(days=9), today - timedelta(days=9))
        assert [block.reference for block in schedule.blocks(ADULT, holding, today)] == references
    assert schedule.duties_of("access_log", date(2026, 11, 22)) == ()
    assert "from 2027-12-02" in schedule.to_frame().set_index("class").loc["access_log", "by"]


def test_a_duty_of_the_states_is_never_said_to_rest_on_the_gdpr():
    for sector in CLASSES:
        found = RetentionSchedule.load(sector).conflicts()
        cited = found[found["resolution"].str.contains(r"17\(3\)\(b\)")]
        assert not cited.empty and cited["resolution"].str.contains("Union or Member State law only").all()
    european = RetentionSchedule.load("healthcare", jurisdictions=["EU"]).conflicts()
    assert european["resolution"].str.startswith("The duty governs to its end (GDPR Art. 17(3)(b))").all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((None, {}), "a sector or a file"),
        ((5, {}), "a sector or a file"),
        (("", {}), "a sector or a file"),
        (("healthcare", {"jurisdictions": "US"}), "takes a list"),
        (("healthcare", {"jurisdictions": 5}), "takes a list"),
        (("healthcare", {"jurisdictions": []}), "takes a list"),
        (("healthcare", {"jurisdictions": [None]}), "takes a list"),
        (("healthcare", {"relationship_end": date(2020, 1, 1)}), "function"),
    ],
)
def test_a_schedule_asked_for_in_a_wrong_way_is_refused_in_a_sentence(given, message):
    with pytest.raises(UserError, match=message):
        RetentionSchedule.load(given[0], **given[1])


def test_a_schedule_that_would_be_refused_can_be_looked_at(tmp_path):
    path = own_file(tmp_path, lambda content: content["classes"]["claim"].update(maximum="3 years"))
    schedule = RetentionSchedule.load(path, check=False)
    assert [problem.data_class for problem in lint_schedule(schedule) if problem.refused] == ["claim"]


def test_conflicts_are_said_with_their_resolution():
    found = RetentionSchedule.load("healthcare").conflicts()
    claims = found[found["class"] == "claim"]
    assert "GDPR Art. 5(1)(e)" in claims["conflict"].iloc[0] and "10 years" in claims["resolution"].iloc[0]


def test_a_maximum_below_the_statutory_minimum_is_refused_even_if_the_file_names_no_duty(tmp_path):
    path = own_file(tmp_path, lambda content: content["classes"]["claim"].update(maximum="3 years"))
    with pytest.raises(UserError, match=r"'claim' may be kept for 3 years only, but 42 CFR 424\.516"):
        RetentionSchedule.load(path)


def test_an_own_duty_of_a_contract_counts_as_well(tmp_path):
    def add(content):
        content["duties"] = [
            {
                "id": "payer_contract", "law": "contract 17", "title": "Payer", "jurisdiction": "US",
                "period": "9 years", "counts_from": "service", "classes": {"healthcare": ["claim"]},
                "source": "contract 17, section 4", "verified": True,
            }
        ]  # fmt: skip

    schedule = RetentionSchedule.load(own_file(tmp_path, add))
    assert str(schedule.minimum("claim")) == "9 years"
    assert any("contract 17" in problem.problem for problem in lint_schedule(schedule))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["classes"].pop("cache"), "'cache' has no rule"),
        (lambda c: c["classes"]["cache"].update(maximum="0 days"), "is no period"),
        (lambda c: c["classes"]["cache"].update(maximum="-3 days"), "is no period"),
        (lambda c: c["classes"]["cache"].update(maximum=30), "is no period"),
        (lambda c: c["classes"]["cache"].update(maximum="999 years"), "is no period"),
        (lambda c: c["classes"]["cache"].update(reason=""), r"classes\.cache\.reason"),
        (lambda c: c["classes"]["cache"].update(maxmum="1 day"), "maxmum"),
        (lambda c: c.update(sector="law firm"), "sector"),
        (lambda c: c.update(jurisdictions=[]), "jurisdictions"),
        (lambda c: c.pop("classes"), "classes"),
    ],
)
def test_a_wrong_schedule_is_refused_with_the_place(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        RetentionSchedule.load(own_file(tmp_path, change))


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "\x00", "a: &a [*a]", "{}"])
def test_a_file_that_is_no_schedule_is_refused_in_a_sentence(tmp_path, text):
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"own\.yaml"):
        RetentionSchedule.load(path)
    with pytest.raises(UserError, match="cannot be read"):
        RetentionSchedule.load(tmp_path / "nowhere.yaml")


def test_an_unknown_class_is_refused_instead_of_guessed():
    with pytest.raises(UserError, match="no rule for the class 'diaries'"):
        RetentionSchedule.load("healthcare").blocks(ADULT, Holding("x", "diaries", 1), TODAY)


def test_a_time_of_day_is_no_date():
    holding = Holding("claims", "claim", 1, TODAY, TODAY)
    with pytest.raises(UserError, match="today_in"):
        RetentionSchedule.load("healthcare").blocks(ADULT, holding, datetime(2026, 11, 22, tzinfo=UTC))


def test_today_is_the_date_of_the_organizations_zone():
    def clock():
        return datetime(2026, 11, 22, 3, 30, tzinfo=UTC)

    assert today_in(clock, "America/New_York") == date(2026, 11, 21)
    assert today_in(clock, "Europe/Berlin") == date(2026, 11, 22)
    with pytest.raises(UserError, match="without zone"):
        today_in(lambda: datetime(2026, 11, 22, 3, 30))
    with pytest.raises(UserError, match="no time zone"):
        today_in(clock, "Middle/Earth")


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("6 years", date(2020, 2, 29), date(2026, 3, 1)),
        ("4 years", date(2020, 2, 29), date(2024, 2, 29)),
        ("1 month", date(2026, 1, 31), date(2026, 3, 1)),
        ("25 months", date(2024, 12, 31), date(2027, 1, 31)),
        ("30 days", date(2024, 2, 15), date(2024, 3, 16)),
        ("200 years", date(9990, 1, 1), date.max),
    ],
)
def test_a_period_ends_by_the_calendar_and_rather_a_day_late(period, start, end):
    assert Period.parse(period).after(start) == end


@given(PERIODS, DAYS)
def test_what_lies_before_the_cutoff_is_over_and_nothing_else(period, today):
    cutoff = period.cutoff(today)
    assert period.after(cutoff) >= today > period.after(cutoff - timedelta(days=1))


@given(PERIODS, DAYS, st.integers(1, 500))
def test_a_later_record_never_ends_earlier(period, day, later):
    assert period.after(day + timedelta(days=later)) >= period.after(day)
