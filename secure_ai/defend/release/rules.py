"""The release rules and their thresholds: read from YAML, each with its source, checked before use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from secure_ai.core import UserError
from secure_ai.core.sources import shown

LARGEST_FILE = 1 << 20
KNOWN = (
    "stored_records",
    "stored_values",
    "min_samples_leaf",
    "smallest_leaf",
    "forests_without_bootstrap",
    "degrees_of_freedom",
    "class_size",
    "equal_answers",
    "small_cells",
    "class_disclosure",
    "epsilon",
)
Text = Annotated[str, Field(min_length=1, max_length=400)]
Bound = Annotated[float, Field(allow_inf_nan=False)]


class Rule(BaseModel):
    """One rule: the figure that is still within it, and the words of the committee.

    Attributes:
        at_least, at_most: exactly one of them is given.
        unit: of the figure.
        asks, why, remedy: question, reason and answer, a sentence each.
        source: where the threshold comes from.
        severity: how bad it is where the rule is not met; the house's judgment.
        enabled: False leaves the rule out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_least: Bound | None = None
    at_most: Bound | None = None
    unit: Text
    asks: Text
    why: Text
    remedy: Text
    source: Text
    severity: Literal["low", "medium", "high", "critical"]
    enabled: bool = True

    @model_validator(mode="after")
    def _one_bound(self) -> Rule:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("give either at_least or at_most")
        return self

    @property
    def threshold(self) -> float:
        """The bound, whichever it is."""
        return self.at_most if self.at_least is None else self.at_least  # type: ignore[return-value]

    @property
    def limit(self) -> str:
        """The bound in words: "at least 5"."""
        return f"{'at most' if self.at_least is None else 'at least'} {self.threshold:,g}"

    def holds(self, value: float) -> bool:
        """Say whether the figure is within the rule."""
        return value <= self.threshold if self.at_least is None else value >= self.threshold


class ReleaseRules(BaseModel):
    """All rules; ``rules.yaml`` beside this module is the kit's own set and an example of every part.

    Attributes:
        rules: each rule by its name.
        zero: a probability up to this counts as zero.
        decimals: to which answers are given out; None if they are given as they are.
        smooth_models: whether the rules about equal answers are also asked of models whose answers change
            smoothly with the input.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: dict[str, Rule]
    zero: Annotated[float, Field(ge=0, lt=0.5)] = 1e-8
    decimals: Annotated[int, Field(ge=0, le=15)] | None = None
    smooth_models: bool = False

    @model_validator(mode="after")
    def _all_known(self) -> ReleaseRules:
        if unknown := sorted(set(self.rules) - set(KNOWN)):
            raise ValueError(f"there is no rule {unknown[0]}; known are {', '.join(KNOWN)}")
        if missing := [name for name in KNOWN if name not in self.rules]:
            raise ValueError(f"the rule {missing[0]} is missing: set enabled: false to leave it out")
        return self

    def with_thresholds(self, source: str, /, **thresholds: float) -> ReleaseRules:
        """Return the same rules with other thresholds, and where those come from.

        Raises:
            UserError: if a rule is unknown, a threshold is no number, or the source is not said.

        >>> load_rules().with_thresholds("our release policy", min_samples_leaf=20).rules[
        ...     "min_samples_leaf"
        ... ].limit
        'at least 20'
        """
        if not isinstance(source, str) or not source.strip():
            raise UserError("Say where the thresholds come from: with_thresholds('our release policy', ...).")
        kept = self.model_dump()
        for name, value in thresholds.items():
            if name not in kept["rules"]:
                raise UserError(f"There is no release rule {shown(name)}; known are {', '.join(KNOWN)}.")
            bound = "at_most" if kept["rules"][name]["at_least"] is None else "at_least"
            kept["rules"][name] |= {bound: value, "source": source}
        return _checked(kept, "thresholds")


def load_rules(source: str | Path | Mapping[str, Any] | ReleaseRules | None = None) -> ReleaseRules:
    """Read release rules: the kit's own if nothing is named.

    Args:
        source: a YAML file like the kit's ``rules.yaml``, its content as a dict, or rules as they are.

    Raises:
        UserError: if the file cannot be read, or a rule is missing, unknown or contradicts itself.
    """
    if isinstance(source, ReleaseRules):
        return source
    if isinstance(source, Mapping):
        return _checked(dict(source), "rules")
    if source is None:
        text, name = resources.files(__package__).joinpath("rules.yaml").read_text("utf-8"), "rules.yaml"
    else:
        text, name = _read(Path(source))
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        raise UserError(
            f"{name} is no YAML: copy the kit's rules.yaml and change the figures in it."
        ) from None
    return _checked(content, name)


def _read(path: Path) -> tuple[str, str]:
    name = f"The file of release rules {shown(path.name)}"
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UserError(f"{name} is larger than a megabyte: it cannot be a file of rules.")
        return path.read_text("utf-8"), name
    except (OSError, ValueError):
        raise UserError(f"{name} cannot be read: check its path and that it is text in UTF-8.") from None


def _checked(content: Any, name: str) -> ReleaseRules:
    if not isinstance(content, dict):
        raise UserError(f"{name} holds no release rules: copy the kit's rules.yaml and change the figures.")
    try:
        return ReleaseRules.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = " > ".join(str(part) for part in first["loc"]) or "the file"
        said = first["msg"].removeprefix("Value error, ")
        raise UserError(f"Release rules ({shown(name)}), {shown(place)}: {said}.") from None
