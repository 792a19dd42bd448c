"""Who sees how many rows and which columns, computed from the frames and asked of PostgreSQL."""

from __future__ import annotations

import pandas as pd
import pytest

from secure_ai.access.database.grants import drift, granted_columns, reach, review_grants
from secure_ai.access.database.refusals import Refusal, RefusedError
from secure_ai.core.errors import UserError

PHYSICIANS = ("physician", "nurse_practitioner", "resident")
BRANCH = ("personal banker", "teller", "branch manager")


def patients_of(tables: dict[str, pd.DataFrame], person: pd.Series) -> set[str]:
    encounters, patients = tables["encounters"], tables["patients"]
    if person["role"] == "nurse":
        return set(encounters.loc[encounters["department"] == person["department"], "patient_id"])
    attended = encounters.loc[encounters["attending_staff_id"] == person["staff_id"], "patient_id"]
    panel = patients.loc[patients["primary_care_staff_id"] == person["staff_id"], "patient_id"]
    return set(attended) | set(panel)


def test_the_care_team_sees_its_patients_and_no_others(hospital):
    team = hospital.staff(*PHYSICIANS, "nurse").iloc[::23]
    assert len(team) >= 10
    seen = {}
    for _, person in team.iterrows():
        expected = patients_of(hospital.tables, person)
        with hospital.protected.as_user(person["staff_id"], "treatment") as session:
            for table in ("patients", "encounters", "diagnoses"):
                frame = hospital.tables[table]
                found = session.rows(f"SELECT patient_id FROM {table}")["patient_id"]
                assert sorted(found) == sorted(frame.loc[frame["patient_id"].isin(expected), "patient_id"])
        seen[person["staff_id"]] = len(expected)
    assert min(seen.values()) < max(seen.values())


def test_the_branch_sees_its_customers_and_no_others(bank):
    accounts = bank.tables["accounts"].set_index("account_id")["customer_id"]
    counts = []
    for _, person in bank.staff(*BRANCH).iterrows():
        customers = bank.tables["customers"]
        expected = set(customers.loc[customers["branch_id"] == person["branch_id"], "customer_id"])
        with bank.protected.as_user(person["staff_id"], "service") as session:
            assert set(session.rows("SELECT customer_id FROM customers")["customer_id"]) == expected
            own = session.rows("SELECT customer_id FROM transactions")["customer_id"]
        owners = bank.tables["transactions"]["account_id"].map(accounts)
        assert len(own) == owners.isin(expected).sum()
        counts.append(len(expected))
    assert max(counts) > 0


# sector, role, purpose, statement, the table whose rows it sees (None: refused)
CASES = [
    ("healthcare", "billing_specialist", "payment", "SELECT claim_id, billed FROM claims", "claims"),
    ("healthcare", "billing_specialist", "payment", "SELECT patient_id, payer FROM patients", "patients"),
    ("healthcare", "billing_specialist", "payment", "SELECT birth_date FROM patients", None),
    ("healthcare", "billing_specialist", "payment", "SELECT icd10_code FROM diagnoses", None),
    ("healthcare", "billing_specialist", "payment", "SELECT * FROM patients", None),
    ("healthcare", "physician", "treatment", "SELECT ssn FROM patients", None),
    ("healthcare", "physician", "treatment", "SELECT count(*) FROM claims", None),
    ("healthcare", "nurse", "treatment", "SELECT * FROM deidentified_patients", None),
    ("healthcare", "researcher", "research", "SELECT * FROM deidentified_patients", "patients"),
    ("healthcare", "researcher", "research", "SELECT patient_id FROM patients", None),
    ("healthcare", "researcher", "research", "SELECT * FROM readmission_features", None),
    ("healthcare", None, "readmission_model", "SELECT patient_id FROM patients", None),
    ("healthcare", None, "readmission_model", "SELECT * FROM deidentified_patients", None),
    ("finance", "loan officer", "lending", "SELECT * FROM loans", "loans"),
    ("finance", "loan officer", "lending", "SELECT customer_id, annual_income FROM customers", "customers"),
    ("finance", "loan officer", "lending", "SELECT ssn FROM customers", None),
    ("finance", "loan officer", "lending", "SELECT amount FROM transactions", None),
    ("finance", "fraud analyst", "fraud_review", "SELECT * FROM transactions", "transactions"),
    ("finance", "compliance officer", "fraud_review", "SELECT account_id, status FROM accounts", "accounts"),
    ("finance", "compliance officer", "fraud_review", "SELECT balance FROM accounts", None),
    ("finance", "fraud analyst", "fraud_review", "SELECT first_name FROM customers", None),
    ("finance", "data analyst", "analytics", "SELECT * FROM deidentified_customers", "customers"),
    ("finance", "data analyst", "analytics", "SELECT city FROM customers", None),
    ("finance", "teller", "service", "SELECT annual_income FROM customers", None),
    ("finance", "teller", "service", "SELECT * FROM loans", None),
    ("finance", None, "credit_model", "SELECT * FROM credit_features", "loans"),
    ("finance", None, "credit_model", "SELECT customer_id FROM loans", None),
    ("finance", None, "credit_model", "SELECT * FROM deidentified_customers", None),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[2]}: {case[3]}")
def test_the_table_of_cases(sectors, case):
    sector, role, purpose, statement, table = case
    chosen = sectors[sector]
    service = chosen.protected.declaration.service
    who = service if role is None else chosen.staff(role)["staff_id"].iloc[0]
    with chosen.protected.as_user(who, purpose) as session:
        answer = session.attempt(statement)
    if table is None:
        assert isinstance(answer, Refusal)
        assert answer.sqlstate == "42501"
        assert answer.target in statement
    else:
        assert len(answer) == len(chosen.tables[table])


@pytest.mark.parametrize(
    ("sector", "role", "purpose"),
    [
        ("healthcare", "billing_specialist", "treatment"),
        ("healthcare", "physician", "payment"),
        ("healthcare", "it_administrator", "treatment"),
        ("healthcare", "physician", "research"),
        ("healthcare", "researcher", "readmission_model"),
        ("finance", "teller", "lending"),
        ("finance", "call center agent", "service"),
        ("finance", "data analyst", "credit_model"),
    ],
)
def test_a_role_that_may_not_act_for_a_purpose_gets_no_session(sectors, sector, role, purpose):
    chosen = sectors[sector]
    with pytest.raises(RefusedError, match="may act for this purpose"):
        chosen.protected.as_user(chosen.staff(role)["staff_id"].iloc[0], purpose)


def test_the_model_sees_its_features_of_its_rows_only(hospital):
    with hospital.protected.as_model() as session:
        features = session.rows("SELECT * FROM readmission_features")
    encounters = hospital.tables["encounters"]
    assert len(features) == (encounters["class"] == "inpatient").sum()
    assert list(features) == ["reference", "age", "sex", "smoker", "body_mass_index", "department", "days"]
    assert features["age"].max() <= 90
    assert not features["reference"].isin(hospital.tables["patients"]["patient_id"]).any()


def test_one_column_more_is_refused_recorded_by_the_client_and_logged_by_the_server(hospital, postgresql):
    before = postgresql.refused_in_server_log().get("readmission_model", 0)
    with hospital.protected.as_model() as session, pytest.raises(RefusedError, match=r"42501.*patients"):
        session.rows("SELECT reference, phone FROM patients")
    event = hospital.protected.audit.events[-1]
    assert (event.actor, event.outcome, event.target) == ("readmission-service", "denied", "patients")
    assert event.alert
    assert postgresql.refused_in_server_log()["readmission_model"] == before + 1


def test_the_deidentified_view_shows_years_and_three_digits_of_the_zip_code(hospital):
    researcher = hospital.staff("researcher")["staff_id"].iloc[0]
    with hospital.protected.as_user(researcher, "research") as session:
        seen = session.rows("SELECT * FROM deidentified_patients")
    patients = hospital.tables["patients"]
    zip3 = patients["zip"].str[:3]
    expected = zip3.where(~zip3.isin(["036", "059", "102"]), "000")
    assert sorted(seen["zip3"]) == sorted(expected)
    today = max(
        hospital.tables["encounters"][["start", "end"]].max().max(),
        pd.Timestamp(hospital.tables["claims"]["submitted_date"].max()),
        pd.Timestamp(hospital.tables["diagnoses"]["recorded_date"].max()),
    ).normalize()
    young = patients["birth_date"] > today - pd.DateOffset(years=90)
    assert seen["birth_year"].isna().sum() == (~young).sum()
    assert sorted(seen["birth_year"].dropna()) == sorted(patients.loc[young, "birth_date"].dt.year)


def test_what_is_granted_is_what_was_declared(sectors):
    for sector in sectors.values():
        review = drift(sector.protected)
        assert review.clean, review.to_frame()
        declared = sector.protected.declaration.expected()
        real = reach(sector.protected)
        assert real["columns"].str.split(", ").map(len).sum() == len(declared) == review.checked


# A change and how it is undone; DATA is the schema, @ the prefix of the roles.
CHANGES = [
    ("GRANT SELECT (ssn) ON DATA.patients TO PUBLIC", "REVOKE SELECT (ssn) ON DATA.patients FROM PUBLIC"),
    (
        'REVOKE SELECT (claim_id) ON DATA.claims FROM "@_payment"',
        'SET ROLE "@_owner"; GRANT SELECT (claim_id) ON DATA.claims TO "@_payment"; RESET ROLE',
    ),
    ('GRANT "@_payment" TO "@_research"', 'REVOKE "@_payment" FROM "@_research"'),
    ("CREATE VIEW DATA.shortcut AS SELECT * FROM DATA.patients", "DROP VIEW DATA.shortcut"),
    (
        'CREATE TABLE DATA.copied AS SELECT 1 AS id; GRANT SELECT ON DATA.copied TO "@_payment"',
        "DROP TABLE DATA.copied",
    ),
    (
        "CREATE FUNCTION DATA.open() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "DROP FUNCTION DATA.open()",
    ),
    (
        "ALTER TABLE DATA.claims NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE DATA.claims FORCE ROW LEVEL SECURITY",
    ),
    ('GRANT CREATE ON SCHEMA DATA TO "@_payment"', 'REVOKE CREATE ON SCHEMA DATA FROM "@_payment"'),
    ('ALTER ROLE "@_research" BYPASSRLS', 'ALTER ROLE "@_research" NOBYPASSRLS'),
]


def test_drift_and_ways_around_the_rules_are_found(hospital, postgresql):
    protected = hospital.protected
    schema, prefix = protected.schema, protected.prefix
    undone = [
        tuple(sql.replace("DATA", f'"{schema}"').replace("@", prefix) for sql in pair) for pair in CHANGES
    ]
    with postgresql.connect() as administrator:
        for change, _ in undone:
            administrator.execute(change)
        try:
            review = drift(protected)
        finally:
            for _, restore in undone:
                administrator.execute(restore)
    shown = review.to_frame()
    assert {
        "privilege not declared",
        "privilege missing",
        "role can become another",
        "granted to PUBLIC",
        "view without security barrier",
        "view bypasses row-level security",
        "table without row-level security",
        "row-level security not forced on the owner",
        "SECURITY DEFINER function with an open search_path",
        "SECURITY DEFINER function for everybody",
        "schema writable by a login",
        "role bypasses row-level security",
    } <= set(shown["kind"])
    ssn = review.drift[review.drift["column"] == "ssn"]
    assert {"payment", "research", "treatment"} <= set(ssn["role"])
    assert prefix not in shown.to_string()
    assert drift(protected).clean


def test_the_review_works_on_any_database_by_its_address(hospital, postgresql):
    protected = hospital.protected
    expected = protected.declaration.expected()
    expected["role"] = protected.prefix + "_" + expected["role"]
    assert review_grants(postgresql.dsn(), expected, [protected.schema]).clean
    less = expected[expected["column"] != "phone"]
    review = review_grants(postgresql.dsn(), less, [protected.schema])
    assert list(review.drift["column"].unique()) == ["phone"]
    assert "1 was never declared" in review.sentence()
    with pytest.raises(UserError, match="no such role"):
        review_grants(postgresql.dsn(), expected.assign(role="nobody_of_this_name"), [protected.schema])
    with pytest.raises(UserError, match="lack the column privilege"):
        review_grants(postgresql.dsn(), expected.drop(columns="privilege"), [protected.schema])
    with postgresql.connect() as connection, pytest.raises(UserError, match="no such role"):
        granted_columns(connection, "nobody_of_this_name")
