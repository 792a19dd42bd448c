"""The two institutions as tables: roles and their rhythm, units, services with declared purposes, kinds."""

from __future__ import annotations

from dataclasses import dataclass

FAMILIES = {
    "snooping_colleague": "access",
    "snooping_prominent": "access",
    "snooping_household": "access",
    "bulk_night_reading": "access",
    "break_glass_abuse": "access",
    "dormant_account": "access",
    "export_volume": "export",
    "export_destination": "export",
    "purpose_fields": "purpose",
    "purpose_resource": "purpose",
    "purpose_volume": "purpose",
    "extraction": "model_query",
    "boundary_probing": "model_query",
    "membership_probing": "model_query",
}
TRANSACTION_KINDS = {
    "healthcare": ("phantom_billing", "duplicate_billing", "impossible_day", "upcoding_burst"),
    "finance": ("card_testing", "account_takeover", "mule_layering", "cloned_card"),
}


def family_of(kind: str) -> str:
    """The family of a kind of incident."""
    return FAMILIES.get(kind, "transaction")


def kinds_of(sector: str) -> tuple[str, ...]:
    """The kinds of incidents that can be planted in a sector."""
    return (*FAMILIES, *TRANSACTION_KINDS[sector])


@dataclass(frozen=True)
class Role:
    """How people of a role work.

    Attributes:
        share: of the staff.
        units: where they belong; "*" stands for every care unit or branch.
        per_shift: records opened in a shift, on average.
        reach: "unit" (own unit), "cover" (another care unit each shift) or "all".
        panel: subjects that one person looks after; 0 for whoever comes.
        relation: what the system usually knows.
        purposes, resources, actions: what they do, the first most often.
        office: weekdays only, by day.
        exports: per week.
    """

    name: str
    share: float
    units: tuple[str, ...]
    per_shift: float
    reach: str
    panel: int
    relation: str
    purposes: tuple[str, ...]
    resources: tuple[str, ...]
    office: bool = False
    exports: float = 0.0


@dataclass(frozen=True)
class Service:
    """A program that asks for records to score: what it was declared for.

    Attributes:
        calls: calls a day; 1 is a nightly job.
        records: per call, typically.
    """

    name: str
    model: str
    purpose: str
    resources: tuple[str, ...]
    fields: tuple[str, ...]
    records: int
    calls: int


@dataclass(frozen=True)
class Sector:
    """One institution.

    Attributes:
        care: units that subjects belong to; a bank's branches are numbered by its size.
        exits: destinations that are in use: (name, purpose, roles or "" for all).
        beyond: fields and resources that no service was declared for.
    """

    name: str
    roles: tuple[Role, ...]
    care: tuple[str, ...]
    services: tuple[Service, ...]
    exits: tuple[str, ...]
    feeds: tuple[tuple[str, str, int], ...]
    new_feed: tuple[str, str, int]
    beyond_fields: tuple[str, ...]
    resources: tuple[str, ...]
    subject_prefix: str
    emergency_unit: str
    override_roles: tuple[str, ...]
    models: tuple[str, ...]
    dataset: str


_CLINICAL = ("notes", "medications", "results", "vitals")
HOSPITAL = Sector(
    name="healthcare",
    care=("emergency", "intensive-care", "surgery", "medicine", "pediatrics", "oncology", "cardiology",
          "outpatients"),
    roles=(
        Role("nurse", 0.36, ("*",), 15, "unit", 6, "care_team", ("treatment",), ("vitals", "medications", "notes", "results")),
        Role("float_nurse", 0.05, ("float-pool",), 15, "cover", 6, "cover", ("treatment",), ("vitals", "medications", "notes", "results")),
        Role("physician", 0.17, ("*",), 17, "unit", 12, "care_team", ("treatment",), _CLINICAL),
        Role("therapist", 0.07, ("*",), 9, "unit", 8, "appointment", ("treatment",), ("notes", "appointments")),
        Role("pharmacist", 0.04, ("pharmacy",), 18, "all", 0, "open_case", ("treatment",), ("medications", "results")),
        Role("laboratory_technician", 0.06, ("laboratory",), 16, "all", 0, "open_case", ("treatment",), ("results",)),
        Role("registration_clerk", 0.10, ("*",), 16, "unit", 0, "appointment", ("registration",), ("demographics", "insurance", "appointments")),
        Role("billing_coder", 0.06, ("billing",), 18, "all", 0, "open_case", ("payment",), ("claims", "notes", "insurance"), True, 1.0),
        Role("quality_reviewer", 0.03, ("quality",), 16, "all", 0, "scheduled", ("quality_review",), ("notes", "results", "medications"), True, 0.8),
        Role("data_analyst", 0.03, ("analytics",), 4, "all", 0, "open_case", ("operations",), ("results", "appointments"), True, 3.0),
        Role("system_administrator", 0.03, ("it",), 3, "all", 0, "open_case", ("maintenance",), ("demographics",), True, 0.3),
    ),
    services=(
        Service("svc-triage", "triage@3", "treatment", ("vitals", "results"), ("age", "sex", "heart_rate", "blood_pressure", "lactate"), 1, 120),
        Service("svc-sepsis", "sepsis@5", "treatment", ("vitals", "results", "medications"), ("age", "heart_rate", "temperature", "lactate", "antibiotics"), 25, 96),
        Service("svc-readmission", "readmission@2", "care_management", ("notes", "results"), ("age", "diagnoses", "length_of_stay", "prior_visits"), 400, 1),
        Service("svc-no-show", "no-show@4", "operations", ("appointments",), ("age", "lead_time", "prior_no_shows"), 250, 1),
        Service("svc-coding", "coding@6", "payment", ("notes", "claims"), ("diagnoses", "procedures", "length_of_stay"), 12, 60),
        Service("svc-audit", "audit-sample@1", "quality_review", ("notes", "results", "medications"), ("diagnoses", "medications", "prior_visits"), 900, 1),
    ),
    exits=("internal:bi", "internal:registry", "internal:share"),
    feeds=(("vendor:claims-clearing", "claims", 900), ("vendor:lab-network", "results", 450),
           ("internal:warehouse", "appointments", 2500)),
    new_feed=("vendor:telemetry-partner", "vitals", 700),
    beyond_fields=("ssn", "home_address", "psychotherapy_notes", "employer", "religion", "hiv_status"),
    resources=("notes", "medications", "results", "vitals", "demographics", "insurance", "appointments", "claims"),
    subject_prefix="pat-",
    emergency_unit="emergency",
    override_roles=("nurse", "physician"),
    models=("triage@3", "readmission@2", "sepsis@5"),
    dataset="ehr",
)  # fmt: skip

_PROFILE = ("profile", "accounts", "transactions", "cards")
BANK = Sector(
    name="finance",
    care=(),
    roles=(
        Role("teller", 0.24, ("*",), 16, "unit", 0, "own_branch", ("customer_request",), ("accounts", "transactions", "profile")),
        Role("relief_teller", 0.05, ("relief-pool",), 16, "cover", 0, "cover", ("customer_request",), ("accounts", "transactions", "profile")),
        Role("call_center_agent", 0.20, ("call-center",), 18, "all", 0, "open_case", ("customer_request",), _PROFILE),
        Role("personal_banker", 0.16, ("*",), 11, "unit", 40, "own_branch", ("advice",), ("profile", "accounts", "investments")),
        Role("loan_officer", 0.11, ("lending",), 10, "all", 0, "open_case", ("loan_application",), ("profile", "income", "accounts"), True, 0.5),
        Role("fraud_analyst", 0.08, ("fraud",), 17, "all", 0, "open_case", ("fraud_review",), ("transactions", "cards", "devices"), False, 0.8),
        Role("compliance_officer", 0.05, ("compliance",), 15, "all", 0, "scheduled", ("compliance_review",), ("transactions", "profile", "accounts"), True, 1.2),
        Role("data_analyst", 0.05, ("analytics",), 4, "all", 0, "open_case", ("analysis",), ("transactions", "accounts"), True, 3.0),
        Role("branch_manager", 0.04, ("*",), 8, "unit", 0, "own_branch", ("supervision",), ("accounts", "profile"), True, 0.5),
        Role("system_administrator", 0.02, ("it",), 3, "all", 0, "open_case", ("maintenance",), ("profile",), True, 0.3),
    ),
    services=(
        Service("svc-credit", "credit-score@4", "loan_application", ("income", "accounts"), ("income", "debts", "payment_history", "employment_years"), 1, 110),
        Service("svc-fraud", "payment-fraud@7", "fraud_review", ("transactions", "cards", "devices"), ("amount", "merchant_category", "country", "device_age"), 30, 96),
        Service("svc-churn", "churn@2", "retention", ("profile", "transactions"), ("tenure", "products", "monthly_logins"), 400, 1),
        Service("svc-affordability", "affordability@3", "loan_application", ("income", "transactions"), ("income", "rent", "debts"), 12, 60),
        Service("svc-screening", "sanctions@6", "compliance_review", ("profile", "transactions"), ("country", "customer_type", "amount"), 900, 1),
        Service("svc-offers", "next-offer@5", "marketing", ("profile",), ("tenure", "products", "age_band"), 250, 1),
    ),
    exits=("internal:bi", "internal:risk-mart", "internal:share"),
    feeds=(("vendor:statement-print", "accounts", 900), ("vendor:card-processor", "cards", 450),
           ("internal:warehouse", "transactions", 2500)),
    new_feed=("vendor:credit-bureau", "income", 700),
    beyond_fields=("ssn", "home_address", "ethnicity", "medical_payments", "religion", "union_dues"),
    resources=("profile", "accounts", "transactions", "cards", "investments", "income", "devices"),
    subject_prefix="cus-",
    emergency_unit="call-center",
    override_roles=("call_center_agent", "fraud_analyst"),
    models=("credit-score@4", "payment-fraud@7", "churn@2"),
    dataset="core-banking",
)  # fmt: skip

SECTOR = {"healthcare": HOSPITAL, "finance": BANK}
