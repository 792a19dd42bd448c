"""Acceptable use of AI as rules that decide: allowed, ask first or denied, why, and what to do instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from secure_ai.core import UserError

# The four sensitivity tiers of secure_ai.discover, by name.
TIERS = ("public", "internal", "confidential", "restricted")
STRICTEST_FIRST = ("deny", "ask", "allow")
WORDS = {"allow": "allowed", "ask": "ask first", "deny": "not allowed"}

Tier = Literal["public", "internal", "confidential", "restricted"]
Effect = Literal["allow", "ask", "deny"]


class Rule(BaseModel):
    """One rule of the policy. It applies to a request where everything that it names is true."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    effect: Effect
    tools: tuple[str, ...] = Field(default=(), description="Tools that it speaks of; none named: all.")
    tasks: tuple[str, ...] = Field(default=(), description="Tasks that it speaks of; none named: all.")
    at_least: Tier | None = Field(default=None, description="Lowest tier of data that it speaks of.")
    at_most: Tier | None = Field(default=None, description="Highest tier of data that it speaks of.")
    identifiers: bool | None = Field(default=None, description="Whether the text identifies somebody.")
    human_review: bool | None = Field(default=None, description="Whether a person decides in the end.")
    reason: str = Field(min_length=1, description="Why, in a sentence that staff accept.")
    alternative: str = Field(default="", description="What to do instead.")
    references: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _says_what_to_do_instead(self) -> Rule:
        if self.effect != "allow" and not self.alternative.strip():
            raise ValueError("a rule that does not allow must say what to do instead (alternative)")
        return self

    def applies(self, request: Request) -> bool:
        """Say whether the rule speaks of this request."""
        tier = TIERS.index(request.tier)
        return (
            (not self.tools or request.tool in self.tools)
            and (not self.tasks or request.task in self.tasks)
            and (self.at_least is None or tier >= TIERS.index(self.at_least))
            and (self.at_most is None or tier <= TIERS.index(self.at_most))
            and (self.identifiers is None or self.identifiers == (request.identifiers > 0))
            and (self.human_review is None or self.human_review == request.human_review)
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to do with an AI tool.

    Attributes:
        tool: the tool (``"public_chatbot"``, ``"approved_assistant"``, ``"approved_model"``).
        tier: sensitivity of the data: public, internal, confidential or restricted.
        identifiers: how many identifiers of persons the text holds.
        task: what for: draft, translate, summarize, code or decide.
        human_review: whether a person decides in the end.

    Raises:
        UserError: if the tier is none of the four, or the count is negative.
    """

    tool: str
    tier: str
    identifiers: int = 0
    task: str = "draft"
    human_review: bool = True

    def __post_init__(self) -> None:
        if self.tier not in TIERS:
            raise UserError(f"'{self.tier}' is no tier of data: use {', '.join(TIERS)}.")
        if self.identifiers < 0:
            raise UserError(f"A text cannot hold {self.identifiers} identifiers: give 0 or more.")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy says to a request.

    Attributes:
        effect: allow, ask or deny.
        rule: the rule that decided, or ``"what no rule allows is denied"``.
        reason: why.
        alternative: what to do instead, empty where it is allowed.
        references: framework ids that the rule rests on.
    """

    effect: Effect
    rule: str
    reason: str
    alternative: str
    references: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the decision as staff would read it."""
        words = {"allow": "Allowed", "ask": "Ask first", "deny": "Not allowed"}[self.effect]
        return f"{words} ({self.rule}). {self.reason}" + (
            f" Instead: {self.alternative}" if self.alternative else ""
        )


def load_policy(rules: Sequence[Rule | dict[str, Any]] | None = None) -> tuple[Rule, ...]:
    """Return rules that were checked: the kit's proposal, or yours.

    Args:
        rules: rules, or mappings with the fields of :class:`Rule`.

    Raises:
        UserError: if a rule lacks a field, has an unknown one or names a tier that is not there,
            or two rules have the same name.
    """
    given = _data()["rules"] if rules is None else rules
    checked = []
    for number, rule in enumerate(given, 1):
        try:
            checked.append(rule if isinstance(rule, Rule) else Rule.model_validate(rule))
        except ValidationError as error:
            first = error.errors()[0]
            name = rule.get("name", f"number {number}") if isinstance(rule, dict) else f"number {number}"
            where = ".".join(str(part) for part in first["loc"]) or "the rule"
            raise UserError(f"Rule '{name}': {where}: {first['msg']}.") from None
    names = [rule.name for rule in checked]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise UserError(f"Two rules are called '{repeated}': give each its own name.")
    return tuple(checked)


def decide(rules: Sequence[Rule], request: Request) -> Decision:
    """Decide a request: the strictest rule that applies wins, and what no rule names is denied.

    Among rules of the same effect the first one decides, so its reason is the one that is given.
    """
    applying = [rule for rule in rules if rule.applies(request)]
    for effect in STRICTEST_FIRST:
        for rule in applying:
            if rule.effect == effect:
                return Decision(effect, rule.name, rule.reason, rule.alternative, rule.references)
    return Decision(
        "deny",
        "what no rule allows is denied",
        "The policy does not speak of this use.",
        "Ask the security officer; a new rule may be needed.",
    )


def tools() -> dict[str, str]:
    """Return tool → what it is, as the kit's policy knows them."""
    return dict(_data()["tools"])


def policy_frame(rules: Sequence[Rule]) -> pd.DataFrame:
    """Return the policy as a table to hang on a wall: rule, effect, reason, instead."""
    return pd.DataFrame(
        [(rule.name, WORDS[rule.effect], rule.reason, rule.alternative) for rule in rules],
        columns=["rule", "effect", "reason", "instead"],
    )


def decisions_frame(rules: Sequence[Rule], requests: Mapping[str, Request]) -> pd.DataFrame:
    """Return what the policy says to named requests: request, decision, reason, instead."""
    decisions = {name: decide(rules, request) for name, request in requests.items()}
    return pd.DataFrame(
        [(name, WORDS[item.effect], item.reason, item.alternative) for name, item in decisions.items()],
        columns=["request", "decision", "reason", "instead"],
    )


@cache
def _data() -> dict[str, Any]:
    return yaml.safe_load(
        resources.files(__package__).joinpath("data/acceptable_use.yaml").read_text("utf-8")
    )
