"""Decisions of a Cedar policy: allowed or denied, by which rule, and never allowed by mistake."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources
from json.encoder import encode_basestring_ascii as _text
from pathlib import Path
from typing import Any

import cedarpy
from cedarpy import pst

from secure_ai.access.policy.explain import Explainer, Explanation
from secure_ai.access.policy.request import AccessRequest, Principal, Resource, Value
from secure_ai.access.policy.rules import Rule, check_rules, read_rules, read_schema, read_text
from secure_ai.access.policy.slices import IDENTITY, Slice, Words, make_slice, rules_by_action
from secure_ai.access.policy.vocabulary import ROLE, Vocabulary, read_vocabulary
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

SECTORS = ("healthcare", "finance")
REMEMBERED = 50_000
KEPT_SLICES = 4_096  # at most one for each list of roles, action, kind and purpose


@dataclass(frozen=True)
class Decision:
    """What a policy says to one request.

    Attributes:
        allowed: whether it may happen.
        rules: ids of the rules that decided: the permissions, or the prohibitions that override them.
            None where nothing permits it.
        errors: why the request could not be judged; it is then denied.
        alert: a rule that allowed it asks that someone is told.
        reasons: the reasons of ``rules``, in plain words.
    """

    allowed: bool
    rules: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    alert: bool = False
    reasons: tuple[str, ...] = field(default=(), repr=False)

    def sentence(self) -> str:
        """Say the decision and the rule that made it."""
        if self.errors:
            return f"Denied, because the request cannot be judged: {self.errors[0]}."
        if not self.rules:
            return "Denied: no rule permits it."
        verb = "Allowed" if self.allowed else "Denied"
        listed = "; ".join(
            f"{rule} ({reason.rstrip('.')})" if reason else rule
            for rule, reason in zip(self.rules, self.reasons, strict=True)
        )
        return f"{verb} by {listed}." + (" Someone is alerted." if self.alert else "")


class AccessPolicy:
    """A validated Cedar policy; it never changes, so that every decision of it can be repeated.

    A changed file is a new policy: call :meth:`from_files` again. What was decided before is remembered by
    all facts that the rules look at, and by the shape of the rest (see
    :mod:`secure_ai.access.policy.slices`), so a remembered decision is the one that Cedar would make again.

    Not judged, and so denied with an error: an unknown action, kind, role or purpose; an attribute that is
    missing, unknown or of another type than the schema says; and any request at which a rule fails to
    evaluate, even where another rule would permit it (Cedar alone would skip the failing rule, a
    prohibition included).

    Args:
        rules: the policies.
        schema: what they were validated against.
        name: stands in messages.
        remember: whether to remember decisions; without, Cedar is asked each time.
    """

    def __init__(
        self, rules: Iterable[Rule], schema: cedarpy.Schema, *, name: str = "policy", remember: bool = True
    ) -> None:
        self.name, self.schema = name, schema
        self.rules = tuple(rules)
        self.vocabulary: Vocabulary = read_vocabulary(schema)
        self._by_id = {rule.id: rule for rule in self.rules}
        self._order = {name: place for place, name in enumerate(self._by_id)}
        listed = self.vocabulary.references.get("purpose", "")
        self._purpose_type = listed if listed == "Purpose" and self.vocabulary.purposes else ""
        self._by_action = rules_by_action(self.rules, self.vocabulary.actions, schema)
        self._slices: dict[Any, Slice] = {}
        self._shapes: dict[Any, dict[Any, str]] = {}
        self._remembered: dict[Any, Decision] | None = {} if remember else None
        # A value of these is part of what the schema checks; of all others it checks the type.
        self._checked_values = tuple(
            {**self.vocabulary.references, **dict.fromkeys(self.vocabulary.extended)}
        )
        self._explainer = Explainer(self)
        self.evaluations = 0

    @classmethod
    def load(cls, sector: str, *, remember: bool = True) -> AccessPolicy:
        """Return the kit's policy of the hospital (``"healthcare"``) or the bank (``"finance"``).

        Raises:
            UserError: if there is no such sector.
        """
        if sector not in SECTORS:
            raise UserError(
                f"There is no policy for '{shown(str(sector))}': choose from {', '.join(SECTORS)}."
            )
        folder = resources.files(__package__)
        files = [folder / f"{sector}.{ending}" for ending in ("cedar", "cedarschema")]
        texts = [file.read_text(encoding="utf-8") for file in files]
        return cls.from_texts(*texts, names=(files[0].name, files[1].name), remember=remember)

    @classmethod
    def from_files(cls, policy: str | Path, schema: str | Path, *, remember: bool = True) -> AccessPolicy:
        """Return the policy of an organisation's own Cedar file and schema (Cedar's form or JSON).

        Every policy has its own ``@id``, and best an ``@reason``. Entities carry the attribute ``id``; roles
        are parents of the type ``Role``; the purpose is ``context.purpose``.

        Raises:
            UserError: if a file cannot be read or is no Cedar, or a policy does not fit the schema (id and
                line of the policy are named).
        """
        names = (shown(Path(policy).name), shown(Path(schema).name))
        return cls.from_texts(read_text(policy), read_text(schema), names=names, remember=remember)

    @classmethod
    def from_texts(
        cls,
        policy: str,
        schema: str,
        *,
        names: tuple[str, str] = ("policy", "schema"),
        remember: bool = True,
    ) -> AccessPolicy:
        """Return the policy of texts instead of files; see :meth:`from_files`."""
        parsed = read_schema(schema, names[1])
        rules = read_rules(policy, names[0])
        check_rules(rules, policy, parsed, names[0])
        return cls(rules, parsed, name=names[0], remember=remember)

    def without(self, rule: str) -> AccessPolicy:
        """Return the policy without one rule: what would change if it were struck out?"""
        self.rule(rule)
        return AccessPolicy((r for r in self.rules if r.id != rule), self.schema, name=self.name)

    def rule(self, identifier: str) -> Rule:
        """Return the rule of that id.

        Raises:
            UserError: if there is none.
        """
        if identifier not in self._by_id:
            raise UserError(f"{self.name} has no rule '{shown(identifier)}': see policy.rules.")
        return self._by_id[identifier]

    def rules_of(self, action: str) -> tuple[Rule, ...]:
        """Return the rules that can apply to ``action``; none for an unknown one."""
        return self._by_action.get(action, ())

    def permissions(
        self, kind: str, roles: Iterable[str], action: str, resource_kind: str, purpose: str | None = None
    ) -> tuple[Rule, ...]:
        """Return the permissions that these words leave possible; without any the answer is always no."""
        # Not kept: only requests whose words were checked leave a slice behind.
        part = make_slice(self.rules_of(action), self._words(kind, roles, resource_kind, purpose))
        return tuple(rule for rule in part.rules if rule.effect == "permit")

    @property
    def fingerprint(self) -> str:
        """SHA-256 over schema and rules: names in an audit trail which policy decided."""
        texts = [str(self.schema), *(rule.text for rule in self.rules)]
        return hashlib.sha256("\0".join(texts).encode()).hexdigest()

    def decide(self, request: AccessRequest) -> Decision:
        """Return the decision for one request; what cannot be judged is denied."""
        principal, resource = request.principal, request.resource
        words = (principal.kind, principal.roles, request.action, resource.kind, self._purpose(request))
        part = self._slices.get(words)
        if part is None:
            unknown = self.unknown_word(request)
            if unknown:
                return Decision(False, errors=(unknown,))
            part = self._slice(*words)
        shape = self._shape(request)
        if self._remembered is None:
            return self._evaluate(request, part, shape)
        mine, its, around = principal.attributes, resource.attributes, request.context
        key = (
            part,
            shape,
            principal.id == resource.id,
            tuple([principal.id if name == IDENTITY else mine.get(name) for name in part.principal]),
            tuple([resource.id if name == IDENTITY else its.get(name) for name in part.resource]),
            tuple([around.get(name) for name in part.context])
            if "*" not in part.context
            else tuple(around.items()),
        )
        known = self._remembered.get(key)
        if known is None:
            known = self._evaluate(request, part, shape)
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = known
        return known

    def decide_many(self, requests: Iterable[AccessRequest]) -> list[Decision]:
        """Return the decisions for ``requests``, in their order."""
        return [self.decide(request) for request in requests]

    def explain(self, request: AccessRequest) -> Explanation:
        """Say in words what decided, what a prohibition overrode, and what a denied request lacked."""
        return self._explainer.explain(request)

    def unknown_word(self, request: AccessRequest) -> str:
        """Return what the schema does not know of a request, as a phrase; empty if it knows every word."""
        words = self.vocabulary
        named = [
            ("action", request.action, words.actions),
            ("kind of principal", request.principal.kind, words.kinds),
            ("kind of resource", request.resource.kind, words.kinds),
            *((("role", role, words.roles) for role in request.principal.roles) if words.roles else ()),
            *((("purpose", request.purpose, words.purposes),) if words.purposes else ()),
        ]
        for what, word, known in named:
            if word not in known:
                return f"the {what} '{shown(word)}' is not in the policy's vocabulary"
        principals, resources_ = words.actions[request.action]
        if request.principal.kind not in principals or request.resource.kind not in resources_:
            return (
                f"the schema foresees no {request.action} by {request.principal.kind} "
                f"on {request.resource.kind}"
            )
        return ""

    def cedar_request(self, request: AccessRequest) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return the request and its entities in Cedar's own form, for :func:`cedarpy.is_authorized`."""
        principal, resource = request.principal, request.resource
        asked = {
            **_named(request),
            "context": self._values({**request.context, "purpose": request.purpose}),
        }
        entities = [
            {
                "uid": asked["principal"],
                "attrs": {**self._values(principal.attributes), IDENTITY: principal.id},
                "parents": [{"type": ROLE, "id": role} for role in principal.roles],
            },
            {
                "uid": asked["resource"],
                "attrs": {**self._values(resource.attributes), IDENTITY: resource.id},
                "parents": [],
            },
        ]
        if asked["principal"] == asked["resource"] and principal.attributes == resource.attributes:
            entities.pop()  # one's own account; facts that differ stay, and Cedar refuses them
        return asked, entities

    def _short_request(self, request: AccessRequest, part: Slice) -> tuple[dict[str, Any], str]:
        """Return the same with the facts alone that the slice looks at, as JSON: that is quicker to read."""
        principal, resource = request.principal, request.resource
        around: dict[str, Value] = {**request.context, "purpose": request.purpose}
        names = around if "*" in part.context else part.context
        context = self._json(around, names)
        entities = []
        mine = self._json({**principal.attributes, IDENTITY: principal.id}, part.principal)
        roles = principal.roles if part.needs_roles else ()
        if mine != "{}" or roles:
            parents = ",".join([_uid(ROLE, role) for role in roles])
            entities.append(_entity(principal, mine, parents))
        its = self._json({**resource.attributes, IDENTITY: resource.id}, part.resource)
        if its != "{}":
            entities.append(_entity(resource, its))
        return {**_named(request), "context": context}, f"[{','.join(entities)}]"

    def _json(self, attributes: dict[str, Value], names: Iterable[str]) -> str:
        parts = []
        for name in names:
            if name not in attributes:
                continue
            value = attributes[name]
            if value is True:
                text = "true"
            elif value is False:
                text = "false"
            elif value.__class__ is str and name not in self.vocabulary.references:
                text = _text(value)
            elif value.__class__ is str:
                text = f'{{"__entity":{_uid(self.vocabulary.references[name], value)}}}'
            else:
                text = json.dumps(self._value(name, value))
            parts.append(f"{_text(name)}:{text}")
        return f"{{{','.join(parts)}}}"

    def _values(self, attributes: dict[str, Value]) -> dict[str, Any]:
        return {name: self._value(name, value) for name, value in attributes.items()}

    def _value(self, name: str, value: Value) -> Any:
        type_name = self.vocabulary.references.get(name)
        if isinstance(value, tuple):
            return [self._value(name, item) for item in value]
        if type_name is None or not isinstance(value, str):
            return value
        return {"__entity": {"type": type_name, "id": value}}

    def _shape(self, request: AccessRequest) -> tuple[Any, ...]:
        """Return what the schema's check depends on: names, types, and values of enumerated types."""
        shape: list[Any] = [request.purpose]
        for facts in (request.principal.attributes, request.resource.attributes, request.context):
            shape += (None, *facts, *map(type, facts.values()))
            shape += [facts[name] for name in self._checked_values if name in facts]
            shape += [bool(value) for value in facts.values() if value.__class__ is tuple]
        return tuple(shape)

    def _purpose(self, request: AccessRequest) -> str | None:
        """Return the purpose where the schema lists all of them; others are too many to be kept apart."""
        return request.purpose if self._purpose_type else None

    def _words(self, kind: str, roles: Iterable[str], resource_kind: str, purpose: str | None) -> Words:
        listed = self._purpose_type if purpose is not None else ""
        uid = pst.EntityUid(pst.EntityType(listed), purpose) if listed else None
        return Words(kind, frozenset(roles), resource_kind, uid)

    def _slice(
        self, kind: str, roles: tuple[str, ...], action: str, resource_kind: str, purpose: str | None
    ) -> Slice:
        part = make_slice(self.rules_of(action), self._words(kind, roles, resource_kind, purpose))
        # Whether attributes conform depends on kinds, action and having roles, not on which roles.
        part.shapes = self._shapes.setdefault((kind, bool(roles), action, resource_kind), {})
        if len(self._slices) >= KEPT_SLICES:
            self._slices.clear()
        self._slices[kind, roles, action, resource_kind, purpose] = part
        return part

    def _evaluate(self, request: AccessRequest, part: Slice, shape: Any) -> Decision:
        """Ask Cedar; with the schema where this shape of attributes was not seen before."""
        self.evaluations += 1
        problem = part.shapes.get(shape)
        if problem:
            return Decision(False, errors=(problem,))
        itself = (request.principal.kind, request.principal.id) == (
            request.resource.kind,
            request.resource.id,
        )
        if problem is None or itself or part.needs_schema or self.vocabulary.extended:
            asked, entities = self.cedar_request(request)
            answer = cedarpy.is_authorized(asked, part.policies, entities, self.schema)
        else:
            asked, texts = self._short_request(request, part)
            answer = cedarpy.is_authorized(asked, part.policies, texts)
        if answer.decision is cedarpy.Decision.NoDecision:
            problem = self.unknown_word(request) or describe_error(answer.diagnostics.errors)
            part.keep_shape(shape, problem)
            return Decision(False, errors=(problem,))
        part.keep_shape(shape, "")
        if answer.diagnostics.errors:
            return Decision(False, errors=(describe_error(answer.diagnostics.errors),))
        return self._decision(answer.allowed, answer.diagnostics.reasons)

    def _decision(self, allowed: bool, identifiers: list[str]) -> Decision:
        rules = [self._by_id[name] for name in sorted(identifiers, key=self._order.__getitem__)]
        return Decision(
            allowed,
            rules=tuple([rule.id for rule in rules]),
            alert=allowed and any(rule.alert for rule in rules),
            reasons=tuple([rule.reason for rule in rules]),
        )


def _named(request: AccessRequest) -> dict[str, Any]:
    return {
        "principal": {"type": request.principal.kind, "id": request.principal.id},
        "action": {"type": "Action", "id": request.action},
        "resource": {"type": request.resource.kind, "id": request.resource.id},
    }


def _uid(kind: str, identifier: str) -> str:
    return f'{{"type":{_text(kind)},"id":{_text(identifier)}}}'


def _entity(of: Principal | Resource, attributes: str, parents: str = "") -> str:
    return f'{{"uid":{_uid(of.kind, of.id)},"attrs":{attributes},"parents":[{parents}]}}'


def describe_error(errors: list[str]) -> str:
    """Return Cedar's message as a phrase with names of attributes and rules, no value of the request."""
    # Cedar quotes the entities first; what is wrong comes after them.
    text = errors[0].rpartition("]: ")[2] if errors else ""
    attribute = re.search(r"attribute `\"?(\w{1,60})\"?`", text)
    rule = re.search(r"while evaluating policy `([\w #.-]{1,80})`", text)
    enumerated = re.search(r"entity `(\w{1,60})::.*is of an enumerated entity type", text)
    where = f" at the rule {rule[1]}" if rule else ""
    if enumerated:
        return f"a value of the type {enumerated[1]} is none of those that the schema lists"
    if attribute and "should not exist" in text:
        return f"the attribute '{attribute[1]}' is not one that the schema knows here"
    if attribute:
        return f"the attribute '{attribute[1]}' is missing or of another type than the schema says{where}"
    if "context" in text:
        return f"a circumstance is missing or of another type than the schema says{where}"
    return f"its facts do not fit the schema{where}"
