"""Read a set of loss scenarios and controls from a file: the kit's illustration, or your own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from secure_ai.core import UserError
from secure_ai.govern.loss_inputs import Control, Effect, LossScenario

SECTORS = ("healthcare", "finance")
SCENARIO_FIELDS = {"name", "reason", "story", "frequency", "magnitude", "most_likely"}
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
        """Return one row a scenario: reason, story, how often and how much with their intervals."""
        return pd.DataFrame(
            {
                "scenario": scenario.name,
                "reason": scenario.reason,
                "what happens": self.stories[scenario.name],
                "times a year": interval(scenario.frequency),
                f"{scenario.currency} each time": interval(scenario.magnitude),
            }
            for scenario in self.scenarios
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
        text = resources.files(__package__).joinpath(f"data/loss_{sector_or_file}.yaml").read_text("utf-8")
        label = f"loss_{sector_or_file}.yaml"
    else:
        path, label = Path(sector_or_file), Path(sector_or_file).name
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise UserError(
                f"'{label}' is neither a sector ({', '.join(SECTORS)}) nor a text file that can be read: "
                "check the path."
            ) from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise UserError(f"{label} is not valid YAML{where}: check its indentation and quotes.") from None
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


def interval(value: float | Sequence[float]) -> str:
    """Return a number or a pair for a table: ``1,000 to 60,000``."""
    if isinstance(value, Sequence):
        return " to ".join(interval(bound) for bound in value)
    return f"{value:,.0f}" if value >= 100 else f"{value:g}"


def _records(content: Mapping[str, Any], key: str, label: str) -> list[dict[str, Any]]:
    records = content.get(key) or []
    if not isinstance(records, list) or not all(
        isinstance(item, dict) and "name" in item for item in records
    ):
        raise UserError(f"{label}: every entry of '{key}' needs a name: write '- name: ...' under '{key}:'.")
    return records


def _scenario(fields: Mapping[str, Any], common: Mapping[str, Any], label: str) -> LossScenario:
    _check_fields(fields, SCENARIO_FIELDS, {"frequency", "magnitude"}, label)
    return LossScenario(
        name=fields["name"],
        frequency=_numbers(fields["frequency"], fields["name"], label),
        magnitude=_pair(fields["magnitude"], fields["name"], label),
        most_likely=fields.get("most_likely"),
        reason=fields.get("reason", ""),
        **common,
    )


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
        raise UserError(f"{label}: '{name}' has {value!r} where a number or [low, high] belongs.")
    return tuple(float(item) for item in values) if isinstance(value, list) else float(value)


def _pair(value: Any, name: str, label: str) -> tuple[float, float]:
    numbers = _numbers(value, name, label)
    if not isinstance(numbers, tuple) or len(numbers) != 2:
        raise UserError(f"{label}: '{name}' has {value!r} where an interval [low, high] belongs.")
    return numbers
