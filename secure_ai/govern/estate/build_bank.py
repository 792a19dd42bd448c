"""The estate of the bank."""

from secure_ai.govern.estate.layout import Layout, Place

_PARTY = ("debtor_name", "debtor_iban", "creditor_name", "creditor_iban", "remittance")

BANK = Layout(
    name="bank",
    key="customer_id",
    places=(
        Place("customers", "customer_record", date_column="customer_since_date"),
        Place(
            "accounts",
            "account",
            date_column="opened_date",
            record_column="account_id",
            identify={"account_id": "account_id", "iban": "iban", "account_number": "account_number"},
        ),
        Place(
            "cards",
            "account",
            date_column="issued",
            record_column="card_id",
            identify={"pan": "pan", "token": "token"},
        ),
        Place("loans", "loan", date_column="issued_date", record_column="loan_id"),
        Place(
            "transactions",
            "transaction",
            by="account_id",
            column="account_id",
            date_column="timestamp",
            record_column="transaction_id",
        ),
        Place(
            "chats",
            "message",
            date_column="timestamp",
            record_column="chat_id",
            mentions=("text",),
            kind="notes",
        ),
        Place(
            "wires",
            "wire",
            by="account_id",
            column="account_id",
            date_column="timestamp",
            record_column="wire_id",
            mentions=_PARTY,
            identify={"end_to_end_id": "record", "uetr": "record"},
            engine="duckdb",
        ),
        Place("staff", "", column="staff_id"),
    ),
    identities={
        "customers": {
            "first_name": "name",
            "last_name": "name",
            "birth_date": "birth_date",
            "ssn": "ssn",
            "phone": "phone",
            "email": "email",
            "street": "address",
        },
        "accounts": {"account_id": "account_id", "iban": "iban", "account_number": "account_number"},
        "cards": {"pan": "pan", "token": "token"},
    },
    bystanders=(
        ("staff", "staff_id", {"first_name": "name", "last_name": "name", "phone": "phone"}),
        ("wires", "account_id", {"creditor_name": "name", "creditor_iban": "iban"}),
    ),
    texts=("chats", "chat_id", "customer_id", "text"),
    messages=("emails", "email_id", "text", "timestamp"),
    extract=("transactions", "account_id", "account_id", ("ip", "device"), "timestamp"),
    training=(
        "loans",
        "defaulted",
        ("purpose", "home_ownership", "term_months", "credit_score", "debt_to_income", "delinquencies_2y"),
        {"credit_score": (580, 640, 700, 760), "debt_to_income": (10, 20, 35)},
        "issued_date",
    ),
    statistics=(
        ("transactions by category and channel", "transactions", ("mcc", "channel"), "amount"),
        ("customers by branch", "customers", ("branch_id",), "annual_income"),
        ("loans by purpose", "loans", ("purpose",), "amount"),
    ),
    log=("access_log", "timestamp", ("staff_id", "action", "resource", "reason")),
    dated={"cards": ("accounts", "account_id", "opened_date", "issued")},
)
