"""Read a set of loss scenarios and controls from a file: the kit's illustration, or your own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from secure_ai.core import UserError
from secure_ai.core.figures import percent
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import parse_yaml, read_yaml
from secure_ai.govern.loss_inputs import Control, Effect, LossScenario, SecondaryLoss, ThreatFrequency

SECTORS = ("healthcare", "finance")
SCENARIO_FIELDS = {
    "name", "reason", "story", "frequency", "magnitude", "most_likely", "secondary", "source", "year",
    "finding",
}  # fmt: skip
FINDING_ID = re.compile(r"[a-z0-9_.-]+")  # as in secure_ai.core.Finding
CONTROL_FIELDS = {"name", "annual_cost", "effects"}


@dataclass(frozen=True)
class LossModel:
    """What an organisation thinks can happen, and what it could do about it.

    Attributes:
        scenarios: the ways to lose money.
        controls: the measures under discussion.
        stories: scenario name → one sentence that tells it.
        source: where the figures come from.
    """

    scenarios: tuple[LossScenario, ...]
    controls: tuple[Control, ...]
    stories: Mapping[str, str]
    source: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row a scenario: reason, story, how often and how much with their intervals.

        Where any scenario has a secondary loss there is a column for it.
        """
        table = pd.DataFrame(
            {
                "scenario": scenario.name,
                "reason": scenario.reason,
                "what happens": self.stories[scenario.name],
                "times a year": interval(scenario.frequency),
                f"{scenario.currency} each time": interval(scenario.magnitude),
                "and then": _follows(scenario.secondary),
            }
            for scenario in self.scenarios
        )
        return table if table["and then"].any() else table.drop(columns="and then")

    def sources(self) -> pd.DataFrame:
        """Return where the figures of each scenario come from: ``scenario``, ``year``, ``source``."""
        return pd.DataFrame(
            [(item.name, item.year, item.source) for item in self.scenarios],
            columns=["scenario", "year", "source"],
        )


def load_loss_model(sector_or_file: str | Path) -> LossModel:
    """Read scenarios and controls.

    Args:
        sector_or_file: ``"healthcare"`` or ``"finance"`` for the kit's illustration, or the path of
            a YAML file of the same form (``secure_ai/govern/data/loss_healthcare.yaml``).

    Raises:
        UserError: if the file is missing, no YAML, or a field is missing, unknown or out of range.
    """
    if str(sector_or_file) in SECTORS:
        label = f"loss_{sector_or_file}.yaml"
        content = parse_yaml(resources.files(__package__).joinpath(f"data/{label}").read_text("utf-8"), label)
    else:
        label = Path(sector_or_file).name
        content = read_yaml(
            sector_or_file, "loss file", advice=f"name a sector ({', '.join(SECTORS)}) or a text file"
        )
    if not isinstance(content, dict) or not content.get("scenarios"):
        raise UserError(
            f"{label} has no list 'scenarios': start from secure_ai/govern/data/loss_finance.yaml."
        )
    common = {
        "currency": content.get("currency", "USD"),
        "source": str(content.get("source", "not stated")),
        "year": content.get("year"),
    }
    scenarios = [_scenario(fields, common, label) for fields in _records(content, "scenarios", label)]
    controls = [_control(fields, common["source"], label) for fields in _records(content, "controls", label)]
    stories = {fields["name"]: fields.get("story", "") for fields in content["scenarios"]}
    return LossModel(tuple(scenarios), tuple(controls), stories, common["source"])


def interval(value: float | Sequence[float] | ThreatFrequency) -> str:
    """Return a number, a pair or attempts with their success for a table: ``1,000 to 60,000``."""
    if isinstance(value, ThreatFrequency):
        return f"{interval(value.attempts)} attempts, {_shares(value.success)} of them successful"
    if isinstance(value, Sequence):
        return " to ".join(interval(bound) for bound in value)
    return f"{value:,.0f}" if value >= 100 else f"{value:g}"


def _shares(pair: Sequence[float]) -> str:
    return " to ".join(percent(share) for share in pair)


def _follows(secondary: SecondaryLoss | None) -> str:
    if secondary is None:
        return ""
    return f"in {_shares(secondary.chance)} of cases {interval(secondary.magnitude)} more"


def _records(content: Mapping[str, Any], key: str, label: str) -> list[dict[str, Any]]:
    records = content.get(key) or []
    if not isinstance(records, list) or not all(
        isinstance(item, dict) and "name" in item for item in records
    ):
        raise UserError(f"{label}: every entry of '{key}' needs a name: write '- name: ...' under '{key}:'.")
    return records


def _scenario(fields: Mapping[str, Any], common: Mapping[str, Any], label: str) -> LossScenario:
    _check_fields(fields, SCENARIO_FIELDS, {"frequency", "magnitude"}, label)
    name, given = fields["name"], fields["frequency"]
    frequency: float | tuple[float, ...] | ThreatFrequency
    if isinstance(given, dict):
        parts = _parts(given, ("attempts", "success"), "frequency", name, label)
        frequency = ThreatFrequency(
            _numbers(parts["attempts"], name, label), _pair(parts["success"], name, label)
        )
    else:
        frequency = _numbers(given, name, label)
    secondary = None
    if fields.get("secondary") is not None:
        parts = _parts(fields["secondary"], ("chance", "magnitude"), "secondary", name, label)
        secondary = SecondaryLoss(*(_pair(parts[key], name, label) for key in ("chance", "magnitude")))
    return LossScenario(
        name=name,
        frequency=frequency,
        magnitude=_pair(fields["magnitude"], name, label),
        most_likely=fields.get("most_likely"),
        reason=fields.get("reason", ""),
        secondary=secondary,
        finding=_finding(fields.get("finding"), name, label),
        **{**common, **{key: fields[key] for key in ("source", "year") if fields.get(key) is not None}},
    )


def _finding(value: Any, name: str, label: str) -> str:
    if value is not None and (not isinstance(value, str) or not FINDING_ID.fullmatch(value)):
        raise UserError(f"{label}: '{name}' needs the id of a finding, such as 'finding: model.evasion'.")
    return value or ""


def _parts(value: Any, keys: tuple[str, str], what: str, name: str, label: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(keys):
        raise UserError(f"{label}: the {what} of '{name}' needs '{keys[0]}' and '{keys[1]}', and no more.")
    return value


def _control(fields: Mapping[str, Any], source: str, label: str) -> Control:
    _check_fields(fields, CONTROL_FIELDS, {"annual_cost", "effects"}, label)
    effects = {}
    for scenario, effect in (fields["effects"] or {}).items():
        if not isinstance(effect, dict) or not set(effect) <= {"frequency", "magnitude"}:
            raise UserError(
                f"{label}: the effect of '{fields['name']}' on '{scenario}' needs 'frequency: [low, high]' "
                "or 'magnitude: [low, high]'."
            )
        effects[scenario] = Effect(
            **{what: _pair(pair, fields["name"], label) for what, pair in effect.items()}
        )
    cost = _numbers(fields["annual_cost"], fields["name"], label)
    if isinstance(cost, tuple):
        raise UserError(f"{label}: the annual cost of '{fields['name']}' needs one number, not an interval.")
    return Control(fields["name"], cost, effects, source)


def _check_fields(fields: Mapping[str, Any], known: set[str], needed: set[str], label: str) -> None:
    name, unknown, missing = fields["name"], sorted(set(fields) - known), sorted(needed - set(fields))
    if unknown:
        raise UserError(
            f"{label}: '{name}' has an unknown field '{unknown[0]}': use {', '.join(sorted(known))}."
        )
    if missing:
        raise UserError(f"{label}: '{name}' lacks the field '{missing[0]}': add it.")


def _numbers(value: Any, name: str, label: str) -> float | tuple[float, ...]:
    values = value if isinstance(value, list) else [value]
    if any(isinstance(item, bool) or not isinstance(item, int | float) for item in values):
        raise UserError(
            f"{label}: '{shown(str(name))}' has something else where a number or [low, high] belongs."
        )
    return tuple(float(item) for item in values) if isinstance(value, list) else float(value)


def _pair(value: Any, name: str, label: str) -> tuple[float, float]:
    numbers = _numbers(value, name, label)
    if not isinstance(numbers, tuple) or len(numbers) != 2:
        raise UserError(
            f"{label}: '{shown(str(name))}' has something else where an interval [low, high] belongs."
        )
    return numbers
