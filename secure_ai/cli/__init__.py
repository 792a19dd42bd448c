"""The command ``secure-ai``: check the kit, open it, make data, protect them, watch, practise, assess."""

from secure_ai.cli import (  # noqa: F401  (each adds its commands)
    access,
    alerting,
    assessment,
    assistant,
    attacks,
    dependencies,
    encryption,
    governance_answers,
    governance_consent,
    governance_consent_tables,
    governance_estate,
    governance_figures,
    governance_handover,
    governance_papers,
    governance_records,
    governance_retention,
    governance_returns,
    governance_reviews,
    governance_rights,
    governance_trace,
    governance_vendors,
    incidents,
    lineage,
    models,
    monitoring,
    personal_data,
    playbook,
    progress_commands,
    tables,
    workshop,
    workshop_labs,
    workshop_teaching,
)
from secure_ai.cli.app import invoke, main, root

__all__ = ["invoke", "main", "root"]
