"""The sections of an assessment in their order: what each needs, which risks it judges, and its function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from secure_ai.assess.inputs import Inputs
from secure_ai.assess.parameters import AssessmentParameters
from secure_ai.assess.progress import Progress
from secure_ai.assess.section import Section

AREAS = ("data", "model", "fairness", "assistant", "controls", "monitoring", "vendor")


@dataclass(frozen=True)
class Part:
    """A section that can be run.

    Attributes:
        id: stable name, such as ``"model.membership"``.
        title: its heading on the report and in the notebook.
        module: of :mod:`secure_ai.assess.sections`; its function ``assess(inputs, progress) -> Section``.
        needs: parameters of which one must be given.
        risks: ids of :mod:`secure_ai.assess.risks` that are unassessed where it cannot run.
        absent: why not, where none of ``needs`` was given.
    """

    id: str
    title: str
    module: str
    needs: tuple[str, ...]
    risks: tuple[str, ...]
    absent: str

    def given(self, parameters: AssessmentParameters) -> bool:
        """Whether there is something for it to assess."""
        return any(getattr(parameters, name) for name in self.needs)

    def run(self, inputs: Inputs, progress: Progress) -> Section:
        """Assess, or say what was left open."""
        if not self.given(inputs.parameters):
            return self.left_open(inputs.parameters, self.absent)
        function: Callable[[Inputs, Progress], Section] = import_module(
            f"secure_ai.assess.sections.{self.module}"
        ).assess
        return function(inputs, progress)

    def left_open(self, parameters: AssessmentParameters, reason: str) -> Section:
        """Return the section with nothing measured, and why."""
        from secure_ai.assess.risks import leave_open

        found = tuple(leave_open(name, reason, sector=parameters.sector) for name in self.risks)
        return Section(id=self.id, title=self.title, summary=f"not assessed: {reason}", findings=found)


DATA, MODEL = ("data",), ("model",)
NO_DATA, NO_MODEL = "No data were given.", "No model was given."
NO_ASSISTANT = "No assistant was given."
PARTS = (
    Part(
        "data.inventory", "Inventory and classification", "inventory", DATA,
        ("data.safe_harbor_identifiers", "data.payment_cards", "data.special_categories"), NO_DATA,
    ),
    Part("data.exposure", "Exposure by tier", "exposure", DATA, (), NO_DATA),
    Part(
        "data.reidentification", "Re-identification risk", "reidentification", DATA,
        ("data.reidentification.prosecutor", "data.reidentification.journalist",
         "data.reidentification.marketer"), NO_DATA,
    ),
    Part("data.anonymization", "What anonymization would cost", "anonymization", DATA, (), NO_DATA),
    Part("model.file", "The model's file", "model_file", MODEL, ("model.unsafe_file",), NO_MODEL),
    Part(
        "model.membership", "Membership inference", "membership", ("model", "probabilities"),
        ("model.membership_inference",), "Neither a model nor its probabilities were given.",
    ),
    Part(
        "model.attribute", "Attribute inference", "attribute_inference", MODEL,
        ("model.attribute_inference",), NO_MODEL,
    ),
    Part("model.extraction", "Extraction", "extraction", MODEL, ("model.extraction",), NO_MODEL),
    Part("model.evasion", "Evasion within the rules", "evasion", MODEL, ("model.evasion",), NO_MODEL),
    Part("model.poisoning", "Sensitivity to poisoning", "poisoning", MODEL, ("model.poisoning",), NO_MODEL),
    Part(
        "model.fairness", "Fairness by group", "fairness", ("model", "probabilities"),
        ("fairness.selection_rate", "fairness.error_rates"),
        "Neither a model nor its probabilities were given.",
    ),
    Part(
        "model.explanations", "Decisions explained", "explanations", MODEL,
        ("fairness.explanations",), NO_MODEL,
    ),
    Part(
        "assistant.redteam", "Attacks on the assistant", "assistant", ("assistant",),
        ("assistant.prompt_injection", "assistant.leakage", "assistant.agency", "assistant.over_refusal"),
        NO_ASSISTANT,
    ),
    Part(
        "controls.questionnaire", "Controls in the organization", "controls", ("controls",),
        ("controls.required", "controls.addressable"), "No questionnaire of controls was given.",
    ),
    Part(
        "monitoring.log", "The audit log", "audit_log", ("log",),
        ("monitoring.audit_log", "monitoring.trail"), "No audit log was given.",
    ),
    Part(
        "vendor.due_diligence", "The vendor", "vendor", ("vendor",), ("vendor.due_diligence",),
        "No vendor's answers were given.",
    ),
)  # fmt: skip


def part_of(name: str) -> Part:
    """Return one section by its id."""
    return next(part for part in PARTS if part.id == name)
