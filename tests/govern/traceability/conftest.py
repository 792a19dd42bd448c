"""A model with its lineage, register, keys, card and code: everything that a trail can be compared with."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from secure_ai.core.audit import AuditLog
from secure_ai.defend.lineage import Lineage
from secure_ai.encrypt.transport.public_keys import KeyPairFiles, generate_signing_key
from secure_ai.govern.traceability import (
    ModelRegister,
    approve_model,
    code_version,
    record_model,
    trace_prediction,
)

TRAINED, APPROVED, MADE, TODAY = date(2026, 3, 1), date(2026, 3, 5), date(2026, 3, 10), date(2026, 4, 1)
MODEL = "triage@v1"


def claims(people: int = 8) -> pd.DataFrame:
    """Return three claims of each of some people."""
    return pd.DataFrame(
        {
            "patient_id": [f"P{number % people:03d}" for number in range(3 * people)],
            "billed": [100.0 + number for number in range(3 * people)],
            "denied": [number % 2 for number in range(3 * people)],
        }
    )


def requests() -> pd.DataFrame:
    """Return claims that were scored, of two people of whom one is in the training rows."""
    return pd.DataFrame({"patient_id": ["P001", "P900"], "billed": [90.0, 80.0]})


ROLES = pd.DataFrame(
    {
        "staff_id": ["dana", "victor"],
        "role": ["model_developer", "model_validator"],
    }
)


@dataclass
class Scene:
    """What there is."""

    folder: Path
    lineage: Lineage
    register: ModelRegister
    dana: KeyPairFiles
    victor: KeyPairFiles
    prediction: str = ""
    audit: AuditLog = field(default_factory=AuditLog)

    @property
    def keys(self) -> dict[str, str]:
        return {"dana": self.dana.public, "victor": self.victor.public}

    @property
    def artifact(self) -> Path:
        return self.folder / "model.skops"

    @property
    def card(self) -> Path:
        return self.folder / "card.md"

    @property
    def code(self) -> Path:
        return self.folder / "code"

    def given(self, **changed: Any) -> dict[str, Any]:
        """Return every argument that a complete trail needs."""
        return {
            "today": TODAY, "register": self.register, "head": self.register.head(),
            "keys": self.keys, "artifact": self.artifact,
            "code": self.code, "card": self.card, "sources": {"claims": claims(), "requests": requests()},
            "consent": lambda people, purpose: [True] * len(people), "roles": ROLES, "sector": "healthcare",
            **changed,
        }  # fmt: skip

    def trail(self, **changed: Any):
        return trace_prediction(self.prediction, self.lineage, **self.given(**changed))

    def record(self, **changed: Any):
        fields = {
            "lineage": self.lineage, "artifact": self.artifact, "code": code_version(self.code),
            "card": self.card,
            "purpose": "denials", "trained_by": "dana", "signing_key": self.dana.private, "today": TRAINED,
        }  # fmt: skip
        return record_model(self.register, MODEL, **{**fields, **changed})

    def approve(self, **changed: Any):
        fields = {
            "approved_by": "victor", "policy": "AI-7 version 2", "until": date(2026, 12, 31),
            "keys": self.keys, "signing_key": self.victor.private, "today": APPROVED, "audit": self.audit,
        }  # fmt: skip
        return approve_model(self.register, MODEL, **{**fields, **changed})


@pytest.fixture
def bare(tmp_path) -> Scene:
    """A prediction whose lineage alone is recorded."""
    time = {"now": datetime.combine(TRAINED, datetime.min.time(), UTC)}
    lineage = Lineage(tmp_path / "lineage", key=b"k" * 32, clock=lambda: time["now"])
    scene = Scene(
        tmp_path, lineage, ModelRegister(tmp_path / "models.jsonl"),
        generate_signing_key(tmp_path / "dana.key"), generate_signing_key(tmp_path / "victor.key"),
    )  # fmt: skip
    scene.artifact.write_bytes(b"weights of version 1")
    scene.card.write_text("# Triage\n")
    scene.code.mkdir()
    (scene.code / "train.py").write_text("fit()\n")
    with lineage.job("collect") as job:
        table = job.write("training table", job.read("claims", claims(), identifier="patient_id"))
    with lineage.job("train") as job:
        model = job.train("triage", table.head(12), version="v1", artifact=scene.artifact)
    time["now"] = datetime.combine(MADE, datetime.min.time(), UTC)
    with lineage.job("score") as job:
        asked = job.read("requests", requests(), identifier="patient_id")
        scored = job.predict("scores", asked.assign(score=[0.2, 0.8]), model=model)
    scene.prediction = scored["row_of:scores"].iloc[0]
    return scene


@pytest.fixture
def scene(bare) -> Scene:
    """The same, recorded and approved."""
    bare.record()
    bare.approve(roles=ROLES, sector="healthcare")
    return bare
