"""De-identification policies: YAML files that say what happens to every kind of identifier, on what basis."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from secure_ai.anonymize.deidentify.rules import AGES, FITS, RULES, Keep, Redact, Rule
from secure_ai.anonymize.deidentify.standards import STANDARDS, Standard
from secure_ai.core import frameworks
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.discover.classification import ENTITY_CLASSES

NEAREST = {
    "CARDHOLDER_NAME": "PERSON",
    "USERNAME": "PERSON",
    "FAX_NUMBER": "PHONE_NUMBER",
    "STREET_ADDRESS": "LOCATION",
    "DATE_OF_BIRTH": "DATE_TIME",
    "AGE_OVER_89": "AGE",
    "US_MBI": "US_HEALTH_INSURANCE_MEMBER_ID",
}
"""Entities that follow another one's rule where a policy does not name them."""

NEUTRAL = frozenset({"TITLE"})
"""What the detector finds and nobody is known by: it stays where a policy does not name it."""

_MAX_BYTES = 1_000_000
_RULE = TypeAdapter(Rule)


class Statements(BaseModel):
    """What a policy says about the three techniques that Safe Harbor does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keyed_hashes: str
    reversible_tokens: str
    shifted_dates: str


class Policy(BaseModel):
    """What happens to every kind of identifier.

    Attributes:
        name: name of the policy.
        standard: the legal basis, whose limits the file cannot soften.
        basis: framework ids of that basis.
        summary: one sentence for the receipt.
        statements: on keyed hashes, reversible tokens and shifted dates.
        entities: entity → rule.
        columns: column name or glob → rule, before anything else.
        default: rule of entities that are not named.
        unlisted_columns: what happens to a column of which nothing is known and whose values cannot be
            read as text (numbers): ``keep`` or ``drop``.
        threshold: least score of the detector that counts.
        allow: words that are no finding (the hospital's own name).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=80)
    standard: Literal["safe_harbor", "limited_data_set", "expert_determination", "pseudonymization"]
    basis: tuple[str, ...] = ()
    summary: str = ""
    statements: Statements | None = None
    entities: dict[str, Rule] = {}
    columns: dict[str, Rule] = {}
    default: Rule = Redact()
    unlisted_columns: Literal["keep", "drop"] = "keep"
    threshold: float = Field(default=0.4, ge=0, le=1)
    allow: tuple[str, ...] = ()

    @field_validator("basis")
    @classmethod
    def _known_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(frameworks.entry(identifier).id for identifier in value)

    @property
    def limits(self) -> Standard:
        """The limits of the policy's standard."""
        return STANDARDS[self.standard]

    def rule(self, entity: str) -> Rule:
        """Return what happens to a value of ``entity``."""
        found = self.entities.get(entity) or self.entities.get(NEAREST.get(entity, ""))
        if found is not None:
            return found
        if entity in NEUTRAL:
            return KEEP
        if not applies(self.default.action, entity):
            return Redact()
        return self.default

    def column_rule(self, column: str) -> Rule | None:
        """Return the rule of the policy for a column by name or glob, without case; None if it has none."""
        name = column.lower()
        exact = next((rule for key, rule in self.columns.items() if key.lower() == name), None)
        if exact is not None:
            return exact
        return next((rule for key, rule in self.columns.items() if fnmatchcase(name, key.lower())), None)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule that the policy can apply."""
        return (*self.entities.values(), *self.columns.values(), self.default)

    @property
    def needs_key(self) -> bool:
        """Whether an action of the policy is computed with a key."""
        return any(rule.keyed for rule in self.rules)


def applies(action: str, entity: str) -> bool:
    """Whether ``action`` is made for values of ``entity``."""
    return action not in FITS or entity in FITS[action]


def policy_names() -> list[str]:
    """Return the names of the policies that come with the kit."""
    folder = resources.files("secure_ai.anonymize.deidentify").joinpath("policies")
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def load_policy(name_or_path: str | Path | Policy) -> Policy:
    """Return one of the kit's policies by its name, or read a policy file.

    Raises:
        UserError: if it is neither, cannot be read, or holds an entity, action, option or key that is not
            known, or an action that its standard does not permit; the sentence names the entry.
    """
    if isinstance(name_or_path, Policy):
        return name_or_path
    text = str(name_or_path)
    if text in policy_names():
        packaged = resources.files("secure_ai.anonymize.deidentify").joinpath(f"policies/{text}.yaml")
        return read_policy(packaged.read_text("utf-8"), f"{text}.yaml")
    path = Path(text)
    label = shown(path.name or text)
    if not text.strip() or not path.is_file():
        raise UserError(
            f"There is no policy '{shown(text)}': choose {', '.join(policy_names())}, or name a YAML file."
        )
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UserError(f"{label} is too large for a policy: name the right file.")
        content = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"The policy {label} cannot be read as UTF-8 text: check the file.") from None
    return read_policy(content, label)


def read_policy(text: str, label: str = "the policy") -> Policy:
    """Parse and check the YAML ``text`` of a policy; ``label`` names it in messages.

    Raises:
        UserError: as :func:`load_policy`.
    """
    try:
        content = yaml.load(text, Loader=_UniqueKeys)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise UserError(f"{label} is not valid YAML{where}: {_problem(error)}.") from None
    except RecursionError:
        raise UserError(f"{label} is nested too deeply for a policy: name the right file.") from None
    if not isinstance(content, dict):
        raise UserError(f"{label} is not a policy: it must name a standard and say what happens to entities.")
    for part in ("entities", "columns"):
        content[part] = _rules(content.get(part), part, label)
    if "default" in content:
        content["default"] = _rule(content["default"], "default", label)
    _check_entities(content["entities"], label)
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        raise UserError(_first(error, label)) from None
    except UserError as error:
        raise UserError(f"{label}: {error}") from None
    _check_standard(policy, label)
    return policy


class _UniqueKeys(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen and key != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"'{shown(key)}' stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None)
    return shown(problem) if problem and "stands twice" in problem else "check quotes and indentation"


def _rules(given: Any, part: str, label: str) -> dict[str, Rule]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise UserError(f"{label}: '{part}' must list names with their actions.")
    return {str(name): _rule(value, f"{part}: {shown(str(name))}", label) for name, value in given.items()}


def _rule(given: Any, entry: str, label: str) -> Rule:
    content = {"action": given} if isinstance(given, str) else given
    if not isinstance(content, dict) or "action" not in content:
        raise UserError(f"{label}, {entry}: name an action, as in 'action: redact'.")
    action = content["action"]
    if not isinstance(action, str) or action not in RULES:
        near = difflib.get_close_matches(str(action), RULES, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(RULES)}."
        raise UserError(f"{label}, {entry}: the action '{shown(str(action))}' is not known: {hint}")
    try:
        return _RULE.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][-1])
        options = [name for name in RULES[action].model_fields if name != "action"]
        if first["type"] == "extra_forbidden":
            has = f"it has {', '.join(options)}" if options else "it has none"
            raise UserError(f"{label}, {entry}: {action} has no option '{shown(option)}': {has}.") from None
        raise UserError(f"{label}, {entry}: the option {shown(option)}: {_said(first)}.") from None


def _said(error: dict[str, Any]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    return message[:1].lower() + message[1:]


def _first(error: ValidationError, label: str) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(place, Policy.model_fields, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"it may hold {', '.join(Policy.model_fields)}."
        return f"{label} has an entry '{shown(place)}' that no policy has: {hint}"
    if first["type"] == "missing":
        return f"{label} lacks the entry '{place}': add it."
    return f"{label}, {shown(place)}: {_said(first)}."


def _check_entities(entities: dict[str, Rule], label: str) -> None:
    unknown = [name for name in entities if name not in ENTITY_CLASSES and name not in NEUTRAL]
    if unknown:
        from secure_ai.discover.detector import known_entities  # slow to load

        known = {*ENTITY_CLASSES, *known_entities()}
        name = next((name for name in unknown if name not in known), None)
        if name is not None:
            near = difflib.get_close_matches(name.upper(), known, n=3, cutoff=0.5)
            hint = f"did you mean {', '.join(near)}?" if near else f"choose from {', '.join(sorted(known))}."
            raise UserError(f"{label}, entities: the entity '{shown(name)}' is not known: {hint}")
    for name, rule in entities.items():
        if not applies(rule.action, name):
            raise UserError(
                f"{label}, entities: {name}: {rule.action} is made for "
                f"{', '.join(sorted(FITS[rule.action]))} only: choose another action."
            )


def _check_standard(policy: Policy, label: str) -> None:
    limits = policy.limits
    for name, rule in policy.entities.items():
        _object(policy, label, f"entities: {name}", limits.objection(name, rule), rule)
    for name, rule in policy.columns.items():
        _object(policy, label, f"columns: {shown(name)}", limits.objection(None, rule), rule)
    _object(policy, label, "default", limits.objection(None, policy.default), policy.default)
    # What is named nowhere follows the default, or the entity that stands nearest to it.
    for name in sorted(limits.removes):
        rule = policy.rule(name)
        said = limits.objection(name, rule)
        if said:
            raise UserError(
                f"{label}: under {policy.standard} the rule for {name}, {rule.action}, is not permitted: "
                f"{said}."
            )
    if policy.standard == "safe_harbor" and any(
        policy.rule(name).action not in {"age", "redact", "drop"} for name in AGES
    ):
        raise UserError(
            f"{label}, entities: AGE: ages over 89 may not stay under safe_harbor: "
            "use the action age or redact."
        )


def _object(policy: Policy, label: str, entry: str, said: str, rule: Rule) -> None:
    if said:
        raise UserError(f"{label}, {entry}: {policy.standard} does not permit {rule.action}: {said}.")


KEEP = Keep()
