"""A sender, a vendor with certificates, and a package that was prepared once for all tests."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from secure_ai.core.audit import AuditLog
from secure_ai.encrypt.transport.certificates import CertificateAuthority
from secure_ai.encrypt.transport.public_keys import (
    KeyPairFiles,
    generate_recipient_key,
    generate_signing_key,
    read_public_line,
)
from secure_ai.govern.handover import (
    Contract,
    HandoverRegister,
    Purpose,
    declare_purpose,
    prepare_handover,
    vendor_key,
)

TODAY = date(2026, 3, 2)
VENDOR = "Acme Models"
CLOCK = lambda: datetime(2026, 3, 2, tzinfo=UTC)  # noqa: E731


def claims(rows: int = 40) -> pd.DataFrame:
    """Return invented claims of ten people."""
    return pd.DataFrame(
        {
            "patient_id": [f"P{number % 10:09d}" for number in range(rows)],
            "member_name": ["Maria Lopez"] * rows,
            "billed": [100.0 + number for number in range(rows)],
            "status": ["paid", "denied"] * (rows // 2),
            "region": ["north", "south"] * (rows // 2),
            "year": [2024 + number % 2 for number in range(rows)],
        }
    )


PURPOSE = {
    "name": "denials model",
    "description": "A vendor predicts which claims will be denied.",
    "columns": {
        "patient_id": "claims of one person",
        "billed": "the amount",
        "status": "what is predicted",
        "region": "the rules",
    },
    "deidentify": "safe_harbor",
    "legal_basis": ["164.502(b)"],
    "person_column": "patient_id",
}


@dataclass
class Parties:
    """Keys and certificates of both sides, and the sender's register and trail."""

    folder: Path
    signing: KeyPairFiles
    receiving: KeyPairFiles
    vendor_signing: KeyPairFiles
    authority: CertificateAuthority
    certificate: Path
    register: HandoverRegister
    audit: AuditLog

    @property
    def trusted(self) -> dict[str, str]:
        return {"Lakeside": self.signing.public}

    @property
    def verifier(self):
        return vendor_key(self.vendor_signing.public, VENDOR, today=TODAY, signing=True)

    def contract(self, **changed) -> Contract:
        fields = {
            "id": "C-17", "vendor": VENDOR, "purposes": ("denials model",), "signed": date(2026, 1, 1),
            "ends": date(2026, 12, 31), "contact": "privacy office",
        }  # fmt: skip
        return Contract(**{**fields, **changed})

    def prepare(self, name="package", purpose: Purpose | None = None, source=None, **changed):
        fields = {
            "sender": "Lakeside", "contract": self.contract(), "retention_until": date(2026, 9, 1),
            "register": self.register, "today": TODAY, "authority": self.authority.certificate, "seed": 1,
            "audit": self.audit,
        }  # fmt: skip
        vendor = changed.pop("vendor", self.certificate)
        return prepare_handover(
            claims() if source is None else source, purpose or declare_purpose(**PURPOSE), vendor,
            self.signing.private, self.folder / name, **{**fields, **changed},
        )  # fmt: skip


@pytest.fixture
def parties(tmp_path) -> Parties:
    (tmp_path / "authority").mkdir()
    authority = CertificateAuthority("State Authority", tmp_path / "authority", CLOCK())
    receiving = generate_recipient_key(tmp_path / "receiving.key")
    certificate = authority.certify(VENDOR, read_public_line(receiving.public, "x25519"))
    return Parties(
        tmp_path, generate_signing_key(tmp_path / "signing.key"), receiving,
        generate_signing_key(tmp_path / "vendor.key"), authority, certificate,
        HandoverRegister(tmp_path / "register.db"), AuditLog(clock=CLOCK),
    )  # fmt: skip


@pytest.fixture
def x25519():
    return X25519PrivateKey.generate().public_key()


@pytest.fixture
def ed25519():
    return Ed25519PrivateKey.generate().public_key()
