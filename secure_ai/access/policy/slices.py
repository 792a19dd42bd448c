"""Which rules can apply to a request, and which of its facts they look at: quick and exact decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any

import cedarpy
from cedarpy import pst

from secure_ai.access.policy.rules import Rule
from secure_ai.access.policy.vocabulary import ROLE

IDENTITY = "id"
KEPT_SHAPES = 4_096


@dataclass(eq=False)  # told apart by identity, so that it can be part of a key
class Slice:
    """The rules that one kind of request can meet, ready to evaluate.

    Attributes:
        rules: those that the principal's kind and roles, the action, the resource's kind and the purpose
            leave possible.
        nodes: their syntax trees without the constraints and conditions that those words have met already.
        principal, resource, context: the attributes that the rest looks at, in a fixed order.
        needs_roles: the rest still asks for the principal's roles.
        needs_schema: a rule speaks of the action in a condition, so Cedar must see the schema's actions.
        shapes: shapes of attributes that were validated → the problem, empty where they conform.
    """

    rules: tuple[Rule, ...]
    nodes: tuple[pst.Template, ...]
    principal: tuple[str, ...]
    resource: tuple[str, ...]
    context: tuple[str, ...]
    needs_roles: bool
    needs_schema: bool
    shapes: dict[Any, str] = field(default_factory=dict)

    @cached_property
    def policies(self) -> cedarpy.PolicySet:
        """The rest of the rules for Cedar, under their own ids and open to any action."""
        nodes = {
            rule.id: replace(node, id=rule.id) for rule, node in zip(self.rules, self.nodes, strict=True)
        }
        return cedarpy.PolicySet.from_pst(
            pst.PolicySet(templates={}, static_policies=nodes, template_links=())
        )

    def keep_shape(self, shape: Any, problem: str) -> None:
        """Remember whether attributes of this shape conform to the schema."""
        if len(self.shapes) >= KEPT_SHAPES:
            self.shapes.clear()
        self.shapes[shape] = problem


@dataclass(frozen=True)
class Words:
    """What is known of a request before its facts are looked at.

    Attributes:
        kind, roles, resource_kind: of the principal and of the resource.
        purpose: what ``context.purpose`` will be; None where any text may come.
    """

    kind: str
    roles: frozenset[str]
    resource_kind: str
    purpose: pst.EntityUid | None = None

    def kind_of(self, name: str) -> str:
        """Return the kind of ``"principal"`` or ``"resource"``."""
        return self.kind if name == "principal" else self.resource_kind


def make_slice(rules: Sequence[Rule], words: Words) -> Slice:
    """Return the slice of ``rules`` (those of one action) for a request of these words.

    A rule is left out only where its scope, or the conditions that it begins with, exclude the request by the
    words alone. Such conditions cannot fail to evaluate, and Cedar evaluates a rule no further than to the
    first that does not hold; so leaving it out changes neither the decision nor its reasons nor its errors.
    Nor does leaving a condition out that the words have met.
    """
    kept = tuple(rule for rule in rules if not _excluded(rule.node, words))
    nodes = tuple(_rest(rule.node, words) for rule in kept)
    found = _LookedAt(words)
    for node in nodes:
        for constraint, name in ((node.principal, "principal"), (node.resource, "resource")):
            found.constraint(constraint, name)
        for clause in node.clauses:
            found.expression(clause.expr)
    return Slice(
        rules=kept,
        nodes=nodes,
        principal=tuple(sorted(found.attributes["principal"])),
        resource=tuple(sorted(found.attributes["resource"])),
        context=tuple(sorted(found.attributes["context"])),
        needs_roles=found.roles,
        needs_schema=bool(found.attributes["action"]),
    )


def rules_by_action(
    rules: Sequence[Rule], actions: Iterable[str], schema: cedarpy.Schema
) -> dict[str, tuple[Rule, ...]]:
    """Return for each action the rules whose constraint on the action admits it.

    Cedar itself is asked, with the schema, so that groups of actions count as they do in a decision.
    """
    probes = {
        rule.id: pst.Template(
            id=rule.id,
            effect="permit",
            principal=pst.ScopeAny(),
            action=rule.node.action,
            resource=pst.ScopeAny(),
            clauses=(),
            annotations={},
        )
        for rule in rules
    }
    policies = cedarpy.PolicySet.from_pst(
        pst.PolicySet(templates={}, static_policies=probes, template_links=())
    )
    entities = cedarpy.Entities.from_json_str("[]", schema)
    found = {}
    for action in actions:
        # Kinds that no schema has: only the constraint on the action is asked about.
        request = {
            "principal": {"type": "Anyone", "id": ""},
            "action": {"type": "Action", "id": action},
            "resource": {"type": "Anything", "id": ""},
            "context": {},
        }
        satisfied = set(cedarpy.is_authorized(request, policies, entities).diagnostics.reasons)
        found[action] = tuple(rule for rule in rules if rule.id in satisfied)
    return found


def _excluded(node: pst.Template, words: Words) -> bool:
    for constraint, name in ((node.principal, "principal"), (node.resource, "resource")):
        if _met(constraint, name, words) is False:
            return True
    for clause in node.clauses:
        holds = _holds(clause, words)
        if holds is not True:
            return holds is False
    return False


def _rest(node: pst.Template, words: Words) -> pst.Template:
    """Return what of a rule that is not excluded remains to be evaluated."""
    sides = {
        name: pst.ScopeAny() if _met(constraint, name, words) else constraint
        for constraint, name in ((node.principal, "principal"), (node.resource, "resource"))
    }
    clauses = tuple(clause for clause in node.clauses if _holds(clause, words) is not True)
    return replace(node, action=pst.ScopeAny(), clauses=clauses, annotations={}, **sides)


def _met(constraint: Any, name: str, words: Words) -> bool | None:
    """Return whether a scope constraint admits the request, None where the words do not decide it."""
    variable = pst.Var(name)
    match constraint:
        case pst.ScopeAny():
            return True
        case pst.ScopeIs(entity_type=of):
            return str(of) == words.kind_of(name)
        case pst.ScopeIn(entity=pst.EntityUid() as uid):
            return _known(pst.BinaryOp("in", variable, pst.EntityLit(uid)), words)
        case pst.ScopeIsIn(entity_type=of, entity=pst.EntityUid() as uid):
            if str(of) != words.kind_of(name):
                return False
            return _known(pst.BinaryOp("in", variable, pst.EntityLit(uid)), words)
        case _:
            return None


def _holds(clause: Any, words: Words) -> bool | None:
    negated = isinstance(clause, pst.Unless)
    return _known(pst.UnaryOp("not", clause.expr) if negated else clause.expr, words)


def _known(node: Any, words: Words) -> bool | None:
    """Return what a condition evaluates to where the words alone decide it, else None."""
    match node:
        case pst.Is(base=pst.Var(name=("principal" | "resource") as name), entity_type=of, in_expr=None):
            return str(of) == words.kind_of(name)
        case pst.BinaryOp(op="in", left=pst.Var(name="principal"), right=right):
            named = _literals(right)
            if named is None or any(str(uid.type) != ROLE or words.kind == ROLE for uid in named):
                return None
            return any(uid.id in words.roles for uid in named)
        case pst.BinaryOp(
            op="eq",
            left=pst.GetAttr(base=pst.Var(name="context"), attr="purpose"),
            right=pst.EntityLit(value=uid),
        ) if words.purpose is not None:
            return uid == words.purpose
        case pst.UnaryOp(op="not", arg=arg):
            value = _known(arg, words)
            return None if value is None else not value
        case pst.BinaryOp(op="or" | "and" as op, left=left, right=right):
            # As Cedar does: the right side only where the left has not decided.
            value = _known(left, words)
            return value if value is None or value is (op == "or") else _known(right, words)
        case _:
            return None


class _LookedAt:
    """Collects which attributes of each variable rules look at, and whether they ask for roles."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.attributes: dict[str, set[str]] = {
            name: set() for name in ("principal", "resource", "context", "action")
        }
        self.roles = False

    def constraint(self, constraint: Any, name: str) -> None:
        """Add what a scope constraint looks at."""
        self.roles |= name == "principal" and not isinstance(constraint, pst.ScopeAny)
        if any(uid.type.basename == self._words.kind_of(name) for uid in pst.entity_uids(constraint)):
            self.attributes[name].add(IDENTITY)

    def expression(self, node: Any) -> None:
        """Add what an expression looks at."""
        match node:
            case pst.GetAttr(base=pst.Var(name=name), attr=attribute):
                self.attributes[name].add(attribute)
            case pst.HasAttr(base=pst.Var(name=name), attrs=attributes):
                self.attributes[name].add(attributes[0])
            case pst.Is(base=pst.Var(name="principal" | "resource"), in_expr=None):
                pass  # the kind is part of the slice
            case pst.BinaryOp(op="in", left=pst.Var(name=("principal" | "resource") as name), right=right):
                self.roles |= name == "principal"
                # Membership in entities of another kind depends on the roles, which are part of the slice.
                named = _literals(right)
                if named is None or any(uid.type.basename == self._words.kind_of(name) for uid in named):
                    self.attributes[name].add(IDENTITY)
                    self.expression(right)
            case pst.Var(name=name):
                self.roles |= name == "principal"
                self.attributes[name].add("*" if name == "context" else IDENTITY)
            case _:
                for part in _parts(node):
                    self.expression(part)


def _literals(node: Any) -> list[pst.EntityUid] | None:
    match node:
        case pst.EntityLit(value=uid):
            return [uid]
        case pst.Set(elements=elements) if all(isinstance(item, pst.EntityLit) for item in elements):
            return [item.value for item in elements]
        case _:
            return None


def _parts(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, tuple):
        yield from node
    elif is_dataclass(node):
        yield from (getattr(node, item.name) for item in fields(node))
