"""What an assessment of data alone leaves open: each threat, why it was not measured, what it would take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MODEL = "No model was given, and this version of the assessment measures data only."
ASSISTANT = "No assistant was given, and this version of the assessment measures data only."
MODEL_SUPPLY = (
    "Have the model tested by the team that owns it, with its training rows and a held-out set at hand, "
    "and file the result beside this report."
)
ASSISTANT_SUPPLY = (
    "Have the assistant tested on its own endpoint with attack prompts and harmless ones, and file the "
    "result beside this report."
)


@dataclass(frozen=True)
class Absent:
    """One threat that was not assessed."""

    id: str
    title: str
    threat: str
    asset: str
    attacker_knowledge: str
    reason: str
    supply: str
    mappings: tuple[str, ...]
    sector_mappings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def _model(name: str, title: str, threat: str, knowledge: str, *mappings: str) -> Absent:
    return Absent(
        f"model.{name}",
        title,
        threat,
        "The AI model",
        knowledge,
        MODEL,
        MODEL_SUPPLY,
        (*mappings, "MEASURE 2.7"),
    )


def _assistant(name: str, title: str, threat: str, knowledge: str, *mappings: str) -> Absent:
    return Absent(
        f"assistant.{name}",
        title,
        threat,
        "The AI assistant",
        knowledge,
        ASSISTANT,
        ASSISTANT_SUPPLY,
        mappings,
    )


ABSENT = (
    _model(
        "membership_inference",
        "Membership inference was not measured",
        "From the model's answers somebody learns that a person was in its training data.",
        "Can query the model and holds the person's record.",
        "AML.T0024.000",
    ),
    _model(
        "attribute_inference",
        "Attribute inference was not measured",
        "From the model's answers somebody learns an unknown attribute of a person.",
        "Can query the model and knows the person's other attributes.",
        "AML.T0024.001",
    ),
    _model(
        "extraction",
        "Model extraction was not measured",
        "Somebody rebuilds the model from its answers.",
        "Can query the model.",
        "AML.T0024.002",
    ),
    _model(
        "evasion",
        "Evasion was not measured",
        "Somebody changes an input slightly so that the model decides wrongly.",
        "Can change some fields of the input within plausible bounds.",
        "AML.T0015",
    ),
    _model(
        "poisoning",
        "Sensitivity to poisoned training data was not measured",
        "Somebody places records in the training data so that the model learns a wrong rule.",
        "Can add or change some training records.",
        "AML.T0020",
        "LLM04:2025",
    ),
    _model(
        "unsafe_file",
        "The model file was not examined",
        "Loading the model file runs code of a stranger.",
        "Can replace the model file on its way.",
        "AML.T0011.000",
        "LLM03:2025",
    ),
    _assistant(
        "prompt_injection",
        "Prompt injection was not measured",
        "Text that the assistant reads gives it instructions that its owner did not give.",
        "Can write to the assistant, or place text in a document that it reads.",
        "AML.T0051",
        "LLM01:2025",
    ),
    _assistant(
        "leakage",
        "Leakage by the assistant was not measured",
        "The assistant discloses personal data, secrets or its instructions.",
        "Can write to the assistant.",
        "AML.T0057",
        "LLM02:2025",
        "LLM07:2025",
    ),
    _assistant(
        "agency",
        "Excessive agency was not measured",
        "The assistant uses its tools for something that nobody with the right to do so asked for.",
        "Can write to the assistant, or place text in a document that it reads.",
        "AML.T0053",
        "LLM06:2025",
    ),
    Absent(
        "controls.questionnaire",
        "Organizational and technical controls were not assessed",
        "A required control is missing and nobody knows.",
        "The organization",
        "Not applicable: this is a review of what is in place.",
        "No questionnaire of controls was given, and this version of the assessment measures data only.",
        "Have the security officer record which controls are in place, with evidence for each.",
        ("GOVERN 1.4",),
        {"healthcare": ("164.308(a)(1)(ii)(A)",), "finance": ("12 CFR 30 App. B III.B",)},
    ),
    Absent(
        "monitoring.audit_log",
        "The audit log was not assessed",
        "Misuse of the data leaves no trace, or the trace can be altered.",
        "The log of access to the data",
        "Has legitimate access to the systems.",
        "No audit log was given, and this version of the assessment measures data only.",
        "Have the log of access to this data reviewed: who read it, who could alter it, how long it stays.",
        ("GDPR Art. 32", "MEASURE 3.1"),
        {"healthcare": ("164.312(b)",), "finance": ("12 CFR 30 App. B III.C",)},
    ),
)
