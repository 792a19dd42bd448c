"""The hospital's and the bank's declarations: the tables of the lesson, who reads them, and for what."""

from __future__ import annotations

from secure_ai.access.database.declaration import SERVICE_ROLE, Declaration, Purpose, Relation, Table, View
from secure_ai.core.errors import UserError

# The year alone, and none for those over 89; three digits of the ZIP code, 000 where few people live
# (45 CFR 164.514(b)(2)(i)(B), (C)).
BIRTH_YEAR = (
    "CASE WHEN p.birth_date > {reference_date}::date - interval '90 years' "
    "THEN extract(year FROM p.birth_date)::int END"
)
ZIP3 = "CASE WHEN left(p.zip, 3) = ANY ({small_zip3}) THEN '000' ELSE left(p.zip, 3) END"
PHYSICIANS = ("physician", "nurse_practitioner", "resident")
BRANCH = ("personal banker", "teller", "branch manager")

_PATIENTS = Table(
    "patients",
    {
        "patient_id": "text", "reference": "text", "first_name": "text", "last_name": "text", "sex": "text",
        "birth_date": "date", "ssn": "text", "zip": "text", "city": "text", "state": "text", "phone": "text",
        "payer": "text", "health_plan_number": "text", "primary_care_staff_id": "text", "language": "text",
        "smoker": "boolean", "body_mass_index": "double precision",
    },
    "patient_id", "patient_id", indexes=("primary_care_staff_id",),
)  # fmt: skip
_ENCOUNTERS = Table(
    "encounters",
    {
        "encounter_id": "text", "patient_id": "text", "attending_staff_id": "text", "class": "text",
        "start": "timestamp", "end": "timestamp", "department": "text", "reason": "text",
    },
    "encounter_id", "patient_id", indexes=("attending_staff_id", "department"),
)  # fmt: skip
_DIAGNOSES = Table(
    "diagnoses",
    {
        "diagnosis_id": "text", "encounter_id": "text", "patient_id": "text", "icd10_code": "text",
        "description": "text", "recorded_date": "date",
    },
    "diagnosis_id", "patient_id",
)  # fmt: skip
_CLAIMS = Table(
    "claims",
    {
        "claim_id": "text", "encounter_id": "text", "patient_id": "text", "payer": "text",
        "billed": "double precision", "paid": "double precision", "status": "text", "submitted_date": "date",
    },
    "claim_id", "patient_id",
)  # fmt: skip

HEALTHCARE = Declaration(
    sector="healthcare",
    subject_table="patients",
    tables=(_PATIENTS, _ENCOUNTERS, _DIAGNOSES, _CLAIMS),
    relations=(
        Relation("encounters", "attending_staff_id", "staff_id", PHYSICIANS),
        Relation("patients", "primary_care_staff_id", "staff_id", PHYSICIANS),
        Relation("encounters", "department", "department", ("nurse",)),
    ),
    purposes=(
        Purpose(
            "treatment",
            (*PHYSICIANS, "nurse"),
            "in charge",
            {
                "patients": (
                    "patient_id", "first_name", "last_name", "sex", "birth_date", "city", "phone",
                    "primary_care_staff_id", "language", "smoker", "body_mass_index",
                ),
                "encounters": tuple(_ENCOUNTERS.columns),
                "diagnoses": tuple(_DIAGNOSES.columns),
            },
            inserts={"diagnoses": tuple(_DIAGNOSES.columns)},
        ),
        Purpose(
            "payment",
            ("billing_specialist",),
            "all",
            {
                "patients": ("patient_id", "first_name", "last_name", "payer", "health_plan_number"),
                "claims": tuple(_CLAIMS.columns),
            },
        ),
        Purpose("research", ("researcher",), views=("deidentified_patients",)),
        Purpose("readmission_model", (SERVICE_ROLE,), views=("readmission_features",)),
    ),
    views=(
        View(
            "deidentified_patients",
            "research",
            {
                "reference": "p.reference", "sex": "p.sex", "birth_year": BIRTH_YEAR, "zip3": ZIP3,
                "state": "p.state", "smoker": "p.smoker", "encounters": "count(e.encounter_id)",
            },
            "{schema}.patients p LEFT JOIN {schema}.encounters e ON e.patient_id = p.patient_id "
            "GROUP BY p.patient_id, p.reference, p.sex, p.birth_date, p.zip, p.state, p.smoker",
            {
                "patients": ("patient_id", "reference", "sex", "birth_date", "zip", "state", "smoker"),
                "encounters": ("encounter_id", "patient_id"),
            },
        ),
        View(
            "readmission_features",
            "readmission_model",
            {
                "reference": "p.reference",
                "age": "least(90, extract(year FROM age(e.start, p.birth_date)))::int",
                "sex": "p.sex", "smoker": "p.smoker", "body_mass_index": "p.body_mass_index",
                "department": "e.department",
                "days": '(extract(epoch FROM e."end" - e.start) / 86400)::float8',
            },
            "{schema}.encounters e JOIN {schema}.patients p ON p.patient_id = e.patient_id "
            "WHERE e.class = 'inpatient'",
            {
                "patients": ("patient_id", "reference", "birth_date", "sex", "smoker", "body_mass_index"),
                "encounters": ("patient_id", "class", "start", "end", "department"),
            },
        ),
    ),
    staff_columns=("department",),
    service="readmission-service",
)  # fmt: skip

_CUSTOMERS = Table(
    "customers",
    {
        "customer_id": "text", "reference": "text", "first_name": "text", "last_name": "text", "sex": "text",
        "birth_date": "date", "ssn": "text", "zip": "text", "city": "text", "state": "text", "phone": "text",
        "employment": "text", "employment_years": "double precision", "annual_income": "double precision",
        "branch_id": "text",
    },
    "customer_id", "customer_id", indexes=("branch_id",),
)  # fmt: skip
_ACCOUNTS = Table(
    "accounts",
    {
        "account_id": "text", "customer_id": "text", "type": "text", "iban": "text", "opened_date": "date",
        "balance": "double precision", "status": "text",
    },
    "account_id", "customer_id",
)  # fmt: skip
_TRANSACTIONS = Table(
    "transactions",
    {
        "transaction_id": "text", "account_id": "text", "customer_id": "text", "timestamp": "timestamp",
        "amount": "double precision", "merchant": "text", "channel": "text", "country": "text",
    },
    "transaction_id", "customer_id", ("accounts", "account_id"), ("account_id",),
)  # fmt: skip
_LOANS = Table(
    "loans",
    {
        "loan_id": "text", "customer_id": "text", "issued_date": "date", "amount": "double precision",
        "term_months": "integer", "purpose": "text", "debt_to_income": "double precision",
        "credit_score": "integer", "delinquencies_2y": "integer", "defaulted": "boolean",
    },
    "loan_id", "customer_id",
)  # fmt: skip

FINANCE = Declaration(
    sector="finance",
    subject_table="customers",
    tables=(_CUSTOMERS, _ACCOUNTS, _TRANSACTIONS, _LOANS),
    relations=(Relation("customers", "branch_id", "branch_id", BRANCH),),
    purposes=(
        Purpose(
            "service",
            BRANCH,
            "in charge",
            {
                "customers": (
                    "customer_id", "first_name", "last_name", "birth_date", "city", "phone", "branch_id",
                ),
                "accounts": tuple(_ACCOUNTS.columns),
                "transactions": tuple(_TRANSACTIONS.columns),
            },
            inserts={"transactions": tuple(_TRANSACTIONS.columns)},
        ),
        Purpose(
            "lending",
            ("loan officer",),
            "all",
            {
                "customers": (
                    "customer_id", "first_name", "last_name", "employment", "employment_years",
                    "annual_income",
                ),
                "loans": tuple(_LOANS.columns),
            },
        ),
        Purpose(
            "fraud_review",
            ("fraud analyst", "compliance officer"),
            "all",
            {
                "accounts": ("account_id", "customer_id", "status"),
                "transactions": tuple(_TRANSACTIONS.columns),
            },
        ),
        Purpose("analytics", ("data analyst",), views=("deidentified_customers",)),
        Purpose("credit_model", (SERVICE_ROLE,), views=("credit_features",)),
    ),
    views=(
        View(
            "deidentified_customers",
            "analytics",
            {
                "reference": "p.reference", "sex": "p.sex", "birth_year": BIRTH_YEAR, "zip3": ZIP3,
                "state": "p.state", "employment": "p.employment", "accounts": "count(a.account_id)",
            },
            "{schema}.customers p LEFT JOIN {schema}.accounts a ON a.customer_id = p.customer_id "
            "GROUP BY p.customer_id, p.reference, p.sex, p.birth_date, p.zip, p.state, p.employment",
            {
                "customers": ("customer_id", "reference", "sex", "birth_date", "zip", "state", "employment"),
                "accounts": ("account_id", "customer_id"),
            },
        ),
        View(
            "credit_features",
            "credit_model",
            {
                "reference": "p.reference", "amount": "l.amount", "term_months": "l.term_months",
                "annual_income": "p.annual_income", "debt_to_income": "l.debt_to_income",
                "credit_score": "l.credit_score", "delinquencies_2y": "l.delinquencies_2y",
            },
            "{schema}.loans l JOIN {schema}.customers p ON p.customer_id = l.customer_id",
            {
                "customers": ("customer_id", "reference", "annual_income"),
                "loans": (
                    "customer_id", "amount", "term_months", "debt_to_income", "credit_score",
                    "delinquencies_2y",
                ),
            },
        ),
    ),
    staff_columns=("branch_id",),
    service="credit-service",
)  # fmt: skip

DECLARATIONS = {"healthcare": HEALTHCARE, "finance": FINANCE}


def declaration(sector: str) -> Declaration:
    """Return the declaration of a sector.

    Raises:
        UserError: if the sector is unknown.
    """
    try:
        return DECLARATIONS[sector]
    except (KeyError, TypeError):
        raise UserError("The sector is 'healthcare' or 'finance'.") from None
