"""Claims about legal clocks, case by case, at their boundaries."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secure_ai.core import UserError
from secure_ai.core.frameworks import entry
from secure_ai.govern.incidents import CLOCK_IDS, IncidentFacts, clocks_for, clocks_frame, form_8k_deadline
from secure_ai.govern.incidents.clocks import federal_holidays

HOSPITAL = {
    "hipaa_role": "covered_entity", "phi": True, "data_unintelligible": False, "hipaa_exception": "none",
    "low_probability_of_compromise": False, "discovered": "2026-03-02T10:00:00-05:00",
    "individuals": 400, "residents_by_state": {"NY": 400},
}  # fmt: skip
EUROPEAN = {
    "timezone": "Europe/Berlin", "gdpr_applies": True, "gdpr_role": "controller", "personal_data": True,
    "risk_to_persons": "high", "data_unintelligible": False, "aware": "2026-06-01T10:00:00+02:00",
}  # fmt: skip
BANK = {
    "bank_role": "banking_organization", "bank_regulator": "OCC", "actual_harm": True,
     "material_disruption": True,
    "notification_incident_determined": "2026-06-01T10:00:00-04:00",
}  # fmt: skip

DORA = {"dora_entity": True, "dora_major": True, "aware": "2026-06-01T08:00:00Z", "timezone": "UTC"}


def clock(identifier: str, base: dict, **changes):
    facts = IncidentFacts(**{**base, **changes})
    return next(state for state in clocks_for(facts) if state.id == identifier)


@pytest.mark.parametrize(
    ("identifier", "base", "changes", "status", "decided_by"),
    [
        ("gdpr_authority", EUROPEAN, {}, "applies", "risk_to_persons"),
        ("gdpr_authority", EUROPEAN, {"risk_to_persons": "risk"}, "applies", "risk_to_persons"),
        ("gdpr_authority", EUROPEAN, {"risk_to_persons": "unlikely"}, "not_applicable", "risk_to_persons"),
        ("gdpr_authority", EUROPEAN, {"gdpr_role": "processor"}, "not_applicable", "gdpr_role"),
        ("gdpr_processor", EUROPEAN, {"gdpr_role": "processor"}, "applies", "personal_data"),
        ("gdpr_authority", EUROPEAN, {"gdpr_applies": False}, "not_applicable", "gdpr_applies"),
        ("gdpr_persons", EUROPEAN, {}, "applies", "risk_removed_afterwards"),
        ("gdpr_persons", EUROPEAN, {"risk_to_persons": "risk"}, "not_applicable", "risk_to_persons"),
        ("gdpr_persons", EUROPEAN, {"data_unintelligible": True}, "not_applicable", "data_unintelligible"),
        ("gdpr_persons", EUROPEAN, {"risk_removed_afterwards": True}, "not_applicable",
         "risk_removed_afterwards"),
        ("hipaa_individuals", HOSPITAL, {}, "applies", "low_probability_of_compromise"),
        ("hipaa_individuals", HOSPITAL, {"phi": False}, "not_applicable", "phi"),
        ("hipaa_individuals", HOSPITAL, {"data_unintelligible": True}, "not_applicable",
         "data_unintelligible"),
        ("hipaa_individuals", HOSPITAL, {"low_probability_of_compromise": True}, "not_applicable",
         "low_probability_of_compromise"),
        ("hipaa_individuals", HOSPITAL, {"low_probability_of_compromise": None}, "applies",
         "low_probability_of_compromise"),
        ("hipaa_individuals", HOSPITAL, {"hipaa_exception": None}, "applies", "hipaa_exception"),
        ("hipaa_individuals", HOSPITAL, {"hipaa_exception": "unintentional_workforce"}, "not_applicable",
         "hipaa_exception"),
        ("hipaa_individuals", HOSPITAL, {"hipaa_exception": "could_not_retain"}, "not_applicable",
         "hipaa_exception"),
        ("hipaa_individuals", HOSPITAL, {"hipaa_role": "business_associate"}, "not_applicable", "hipaa_role"),
        ("hipaa_covered_entity", HOSPITAL, {"hipaa_role": "business_associate"}, "applies",
         "low_probability_of_compromise"),
        ("hipaa_media", HOSPITAL, {"individuals": 500, "residents_by_state": {"NY": 500}}, "not_applicable",
         "residents_by_state"),
        ("hipaa_media", HOSPITAL, {"individuals": 501, "residents_by_state": {"NY": 501}}, "applies",
         "residents_by_state"),
        ("hipaa_media", HOSPITAL, {"individuals": 900, "residents_by_state": {"NY": 450, "NJ": 450}},
         "not_applicable", "residents_by_state"),
        ("hipaa_media", HOSPITAL, {"individuals": 500, "residents_by_state": None}, "not_applicable",
         "residents_by_state"),
        ("bank_regulator", BANK, {}, "applies", "material_disruption"),
        ("bank_regulator", BANK, {"bank_role": "none"}, "not_applicable", "bank_role"),
        ("bank_regulator", BANK, {"notification_incident_determined": None, "material_disruption": False},
         "not_applicable", "material_disruption"),
        ("bank_customers", {"bank_role": "service_provider", "scheduled_maintenance": False,
          "discovered": "2026-06-01T10:00:00-04:00"}, {"service_disruption_hours": 4}, "applies",
         "service_disruption_hours"),
        ("bank_customers", {"bank_role": "service_provider", "scheduled_maintenance": False},
         {"service_disruption_hours": 3.9}, "not_applicable", "service_disruption_hours"),
        ("bank_customers", {"bank_role": "service_provider"}, {"scheduled_maintenance": True},
         "not_applicable",
         "scheduled_maintenance"),
        ("sec_8k", {"sec_registrant": False}, {}, "not_applicable", "sec_registrant"),
        ("sec_8k", {"sec_registrant": True}, {"material": False}, "not_applicable", "material"),
        ("nis2_early_warning", {"nis2_entity": True, "dora_entity": True}, {}, "not_applicable",
         "dora_entity"),
    ],
)  # fmt: skip
def test_which_fact_decides_a_clock(identifier, base, changes, status, decided_by):
    state = clock(identifier, base, **changes)
    assert (state.status, state.decided_by) == (status, decided_by)
    assert ("not applicable because" in state.sentence()) == (status == "not_applicable")


@pytest.mark.parametrize(
    ("identifier", "base", "changes", "missing"),
    [
        ("gdpr_authority", EUROPEAN, {"risk_to_persons": None}, ("risk_to_persons",)),
        ("gdpr_authority", EUROPEAN, {"aware": None}, ("aware",)),
        ("gdpr_persons", EUROPEAN, {"data_unintelligible": None}, ("data_unintelligible",)),
        ("hipaa_individuals", HOSPITAL, {"data_unintelligible": None}, ("data_unintelligible",)),
        ("hipaa_individuals", HOSPITAL, {"discovered": None}, ("discovered",)),
        ("hipaa_media", HOSPITAL, {"individuals": None}, ("individuals",)),
        ("hipaa_media", HOSPITAL, {"individuals": 501, "residents_by_state": None}, ("residents_by_state",)),
        ("hipaa_media", HOSPITAL, {"individuals": 900, "residents_by_state": {"NY": 300}}, ("individuals",)),
        ("hipaa_secretary", HOSPITAL, {"individuals": None, "residents_by_state": None}, ("individuals",)),
        ("hipaa_individuals", HOSPITAL, {"business_associate_discovered": "2026-02-20T10:00:00-05:00"},
         ("business_associate_is_agent",)),
        ("bank_regulator", BANK, {"notification_incident_determined": None},
         ("notification_incident_determined",)),
        ("sec_8k", {"sec_registrant": True, "material": True}, {}, ("materiality_determined",)),
        ("sec_8k", {"sec_registrant": True}, {}, ("material", "materiality_determined")),
    ],
)  # fmt: skip
def test_an_undecided_clock_names_the_fact_that_is_missing(identifier, base, changes, missing):
    state = clock(identifier, base, **changes)
    assert (state.status, state.missing) == ("undecided", missing)
    assert "act as if it applies" in state.sentence()


@pytest.mark.parametrize(
    ("identifier", "base", "changes", "deadline"),
    [
        # 72 elapsed hours: over the change to summer time they end an hour later on the wall.
        ("gdpr_authority", EUROPEAN, {"aware": "2026-03-27T10:00:00+01:00"}, "2026-03-30T11:00:00+02:00"),
        ("gdpr_authority", EUROPEAN, {"aware": "2026-10-23T10:00:00+02:00"}, "2026-10-26T09:00:00+01:00"),
        ("gdpr_authority", EUROPEAN, {"aware": "2026-12-24T18:00:00+01:00"}, "2026-12-27T18:00:00+01:00"),
        ("gdpr_authority", EUROPEAN, {"aware": None, "discovered": "2026-06-01T08:00:00Z"},
         "2026-06-04T10:00:00+02:00"),
        ("hipaa_individuals", HOSPITAL, {}, "2026-05-01T23:59:59-04:00"),
        ("hipaa_individuals", HOSPITAL, {"discovered": "2028-01-01T00:30:00-05:00"},
         "2028-03-01T23:59:59-05:00"),
        ("hipaa_individuals", HOSPITAL, {"discovered": "2027-01-01T00:30:00-05:00"},
         "2027-03-02T23:59:59-05:00"),
        # Half past midnight in London is still the day before in New York.
        ("hipaa_individuals", HOSPITAL, {"discovered": "2026-03-03T00:30:00+00:00"},
         "2026-05-01T23:59:59-04:00"),
        ("hipaa_individuals", HOSPITAL, {"should_have_known": "2026-02-01T10:00:00-05:00"},
         "2026-04-02T23:59:59-04:00"),
        ("hipaa_individuals", HOSPITAL, {"should_have_known": "2026-03-09T10:00:00-05:00"},
         "2026-05-01T23:59:59-04:00"),
        ("hipaa_individuals", HOSPITAL, {"business_associate_discovered": "2026-02-20T10:00:00-05:00",
         "business_associate_is_agent": True}, "2026-04-21T23:59:59-04:00"),
        ("hipaa_individuals", HOSPITAL, {"business_associate_discovered": "2026-02-20T10:00:00-05:00",
         "business_associate_is_agent": False}, "2026-05-01T23:59:59-04:00"),
        ("hipaa_individuals", HOSPITAL, {"law_enforcement_statement": "written",
         "law_enforcement_delay_until": "2026-06-15T12:00:00-04:00"}, "2026-06-15T12:00:00-04:00"),
        ("hipaa_individuals", HOSPITAL, {"law_enforcement_statement": "oral",
         "law_enforcement_statement_at": "2026-04-20T12:00:00-04:00",
         "law_enforcement_delay_until": "2026-07-15T12:00:00-04:00"}, "2026-05-20T12:00:00-04:00"),
        ("hipaa_individuals", HOSPITAL, {"law_enforcement_statement": "written",
         "law_enforcement_delay_until": "2026-03-20T12:00:00-04:00"}, "2026-05-01T23:59:59-04:00"),
        # Fewer than 500: sixty days after the year of discovery, in a leap year 29 February.
        ("hipaa_secretary", HOSPITAL, {"individuals": 499, "residents_by_state": None},
         "2027-03-01T23:59:59-05:00"),
        ("hipaa_secretary", HOSPITAL, {"individuals": 500, "residents_by_state": None},
         "2026-05-01T23:59:59-04:00"),
        ("hipaa_secretary", HOSPITAL, {"discovered": "2027-12-31T23:59:00-05:00"},
         "2028-02-29T23:59:59-05:00"),
        ("hipaa_secretary", HOSPITAL, {"discovered": "2028-01-01T00:01:00-05:00"},
         "2029-03-01T23:59:59-05:00"),
        ("hipaa_secretary", HOSPITAL, {"individuals": None, "residents_by_state": {"NY": 300, "NJ": 200}},
         "2026-05-01T23:59:59-04:00"),
        ("bank_regulator", BANK, {"notification_incident_determined": "2026-03-07T20:00:00-05:00"},
         "2026-03-09T09:00:00-04:00"),
        ("bank_regulator", BANK, {"notification_incident_determined": "2026-12-31T23:00:00-05:00"},
         "2027-01-02T11:00:00-05:00"),
        ("dora_initial", DORA,
         {"dora_classified": "2026-06-01T10:00:00Z"}, "2026-06-01T14:00:00+00:00"),
        ("dora_initial", DORA,
         {"dora_classified": "2026-06-02T06:00:00Z"}, "2026-06-02T08:00:00+00:00"),
        ("dora_initial", DORA,
         {"dora_classified": "2026-06-03T06:00:00Z"}, "2026-06-03T10:00:00+00:00"),
    ],
)  # fmt: skip
def test_deadlines_at_their_boundaries(identifier, base, changes, deadline):
    state = clock(identifier, base, **changes)
    assert state.deadline.isoformat() == deadline


@pytest.mark.parametrize(
    ("determined", "due"),
    [
        ("2026-06-01T10:00:00-04:00", "2026-06-05"),  # Monday → Friday
        ("2026-06-04T10:00:00-04:00", "2026-06-10"),  # Thursday → Wednesday
        ("2026-06-06T10:00:00-04:00", "2026-06-11"),  # Saturday: the four days include Monday
        ("2026-06-07T10:00:00-04:00", "2026-06-11"),
        ("2026-06-16T10:00:00-04:00", "2026-06-23"),  # over Juneteenth, a Friday
        ("2026-07-01T10:00:00-04:00", "2026-07-08"),  # 4 July is a Saturday, observed on Friday 3
        ("2026-11-24T10:00:00-05:00", "2026-12-01"),  # over Thanksgiving
        ("2027-12-30T10:00:00-05:00", "2028-01-06"),  # 1 January 2028 is a Saturday, observed on Friday 31
        ("2026-12-31T23:30:00-08:00", "2027-01-07"),  # already 1 January, a holiday, in Washington
        ("2026-11-10T10:00:00-05:00", "2026-11-17"),  # over Veterans Day
    ],
)
def test_form_8k_is_due_after_four_business_days(determined, due):
    deadline = form_8k_deadline(datetime.fromisoformat(determined))
    assert deadline.date() == date.fromisoformat(due) and (deadline.hour, deadline.minute) == (17, 30)


def test_a_delay_by_the_attorney_general_moves_form_8k():
    base = {"sec_registrant": True, "materiality_determined": "2026-06-01T10:00:00-04:00"}
    assert clock("sec_8k", base).deadline.isoformat() == "2026-06-05T17:30:00-04:00"
    later = clock("sec_8k", base, attorney_general_delay_until="2026-07-01T12:00:00-04:00")
    assert later.deadline.isoformat() == "2026-07-01T12:00:00-04:00" and "Attorney General" in later.limit


def test_eleven_holidays_a_year_and_none_before_they_existed():
    assert len(federal_holidays(2026)) == 11 and date(2026, 7, 3) in federal_holidays(2026)
    assert date(2021, 12, 31) in federal_holidays(2021) and date(2022, 1, 1) not in federal_holidays(2022)


@pytest.mark.parametrize(
    ("regulator", "reference"), [("OCC", "12 CFR 53.3"), ("FRB", "12 CFR 225.302"), ("FDIC", "12 CFR 304.23")]
)
def test_the_regulator_decides_who_is_told(regulator, reference):
    assert clock("bank_regulator", BANK, bank_regulator=regulator).reference == reference


def test_every_clock_cites_a_known_reference():
    states = clocks_for(IncidentFacts())
    assert tuple(state.id for state in states) == CLOCK_IDS
    assert all(entry(state.reference) for state in states)


def test_nothing_known_leaves_every_clock_undecided():
    states = clocks_for(IncidentFacts())
    assert {state.status for state in states} == {"undecided"} and all(state.missing for state in states)


def test_the_table_says_what_is_left_and_what_is_missing():
    now = datetime(2026, 6, 1, 20, tzinfo=UTC)
    table = clocks_frame(clocks_for(IncidentFacts(**EUROPEAN)), now).set_index("clock")
    assert table.loc["Notification to the supervisory authority", "hours left"] == 60.0
    assert "missing: hipaa_role" in table.loc["Notification to individuals", "because"]


OPTIONAL = {
    "personal_data": st.booleans(), "data_unintelligible": st.booleans(), "gdpr_applies": st.booleans(),
    "gdpr_role": st.sampled_from(["controller", "processor"]),
    "risk_to_persons": st.sampled_from(["unlikely", "risk", "high"]),
    "hipaa_role": st.sampled_from(["covered_entity", "business_associate", "none"]), "phi": st.booleans(),
    "low_probability_of_compromise": st.booleans(), "individuals": st.integers(0, 1_200),
    "bank_role": st.sampled_from(["banking_organization", "service_provider", "none"]),
    "material_disruption": st.booleans(), "actual_harm": st.booleans(), "sec_registrant": st.booleans(),
    "discovered": st.datetimes(datetime(2025, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)),
}  # fmt: skip


@settings(max_examples=35, deadline=None)
@given(st.fixed_dictionaries({}, optional=OPTIONAL), st.fixed_dictionaries({}, optional=OPTIONAL))
def test_learning_more_never_turns_a_decided_clock_around(known, learned):
    """Of facts without a presumption: what is decided stays decided, whatever else becomes known."""
    before = {state.id: state for state in clocks_for(IncidentFacts(**known))}
    after = {state.id: state for state in clocks_for(IncidentFacts(**{**learned, **known}))}
    for name, state in before.items():
        if state.status == "not_applicable":
            assert after[name].status == "not_applicable"
        if state.status == "applies" and not (name.startswith("hipaa") and "presumed" in state.why):
            assert after[name].status == "applies"


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"discovered": "2026-01-01T10:00:00"}, "discovered: needs a time zone"),
        ({"individuals": -1}, "individuals"),
        ({"individuals": True}, "individuals"),
        ({"phi": "maybe"}, "phi: is yes"),
        ({"moon": True}, "moon: is no fact"),
        ({"timezone": "Mars/Base"}, "no time zone 'Mars/Base'"),
        ({"timezone": "../etc/passwd"}, "no time zone"),
        ({"residents_by_state": {"New York": 3}}, "residents_by_state"),
        ({"individuals": 5, "residents_by_state": {"NY": 6}}, "6 affected residents together"),
        (
            {"occurred": "2026-02-01T00:00:00Z", "discovered": "2026-01-01T00:00:00Z"},
            "lies before 'occurred'",
        ),
        ({"law_enforcement_delay_until": "2026-02-01T00:00:00Z"}, "law_enforcement_statement"),
        ({"law_enforcement_statement": "oral"}, "law_enforcement_statement_at"),
        ({"law_enforcement_statement": "written"}, "names a time"),
        ({"discovered": "9999-12-31T10:00:00Z"}, "of the year 9999"),
        ({"material": False, "materiality_determined": "2026-02-01T00:00:00Z"}, "not material"),
        ({"service_disruption_hours": float("nan")}, "service_disruption_hours"),
    ],
)
def test_facts_that_cannot_be_are_refused(facts, sentence):
    with pytest.raises(UserError, match=sentence):
        IncidentFacts(**facts)


def test_what_is_learned_is_checked_again():
    facts = IncidentFacts(individuals=3).with_facts(phi=True)
    assert facts.known()["phi"] is True
    with pytest.raises(UserError, match="affected residents"):
        facts.with_facts(residents_by_state={"NY": 9})


def test_remaining_time_is_negative_once_it_is_over():
    state = clock("bank_regulator", BANK)
    assert state.remaining_minutes(state.deadline + timedelta(minutes=3)) == -3


def test_clocks_want_facts():
    with pytest.raises(UserError, match="IncidentFacts"):
        clocks_for({"phi": True})


@pytest.mark.parametrize(
    ("determined", "zone", "due"),
    [
        # Wednesday evening in Honolulu is Thursday in Washington: the earlier day counts.
        ("2026-06-03T20:00:00-10:00", "Pacific/Honolulu", "2026-06-09"),
        ("2026-06-03T20:00:00-10:00", "America/New_York", "2026-06-10"),
        ("2026-06-04T03:00:00+02:00", "Europe/Berlin", "2026-06-09"),
    ],
)
def test_the_earlier_day_counts_where_the_company_is_elsewhere(determined, zone, due):
    base = {"sec_registrant": True, "timezone": zone, "materiality_determined": determined}
    assert clock("sec_8k", base).deadline.date() == date.fromisoformat(due)


def test_the_attorney_general_cannot_delay_without_end():
    base = {"sec_registrant": True, "materiality_determined": "2026-06-01T10:00:00-04:00"}
    state = clock("sec_8k", base, attorney_general_delay_until="2030-01-01T12:00:00-05:00")
    assert (
        state.deadline.date() == date(2026, 6, 5) + timedelta(days=120) and "order of the SEC" in state.limit
    )


def test_a_bank_that_has_nothing_disrupted_is_reminded_of_customer_notice():
    state = clock("bank_regulator", BANK, notification_incident_determined=None, material_disruption=False)
    assert state.status == "not_applicable" and "Supplement A" in state.sentence()


def test_dora_is_undecided_while_it_is_not_known_since_when_one_was_aware():
    state = clock("dora_initial", DORA, aware=None, dora_classified="2026-06-01T10:00:00Z")
    assert (state.status, state.missing) == ("undecided", ("aware",))
    classified = clock("dora_initial", DORA, dora_major=None, dora_classified="2026-06-01T10:00:00Z")
    assert classified.status == "applies", "who classified it as major has said that it is"


@pytest.mark.parametrize(
    "facts",
    [
        {"dora_major": False, "dora_classified": "2026-06-01T10:00:00Z"},
        {"occurred": "2026-02-01T00:00:00Z", "should_have_known": "2026-01-01T00:00:00Z"},
        {"occurred": "2026-02-01T00:00:00Z", "business_associate_discovered": "2026-01-01T00:00:00Z"},
    ],
)
def test_facts_that_contradict_each_other_are_refused(facts):
    with pytest.raises(UserError):
        IncidentFacts(**facts)


@pytest.mark.parametrize("base", [HOSPITAL, EUROPEAN, BANK, DORA])
def test_no_clock_becomes_not_applicable_by_forgetting_a_fact(base):
    """Whatever single fact is taken away: what applied then applies, or is undecided."""
    before = {state.id: state.status for state in clocks_for(IncidentFacts(**base))}
    for name in base:
        for state in clocks_for(IncidentFacts(**{key: value for key, value in base.items() if key != name})):
            if state.status == "not_applicable":
                assert before[state.id] == "not_applicable", (name, state.id)
