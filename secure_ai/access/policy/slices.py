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
        rules: those whose scope admits the principal's kind and roles, the action and the resource's kind.
        principal, resource, context: the attributes that the rules look at, in a fixed order.
        needs_schema: a rule speaks of the action in a condition, so Cedar must see the schema's actions.
        shapes: shapes of attributes that were validated → the problem, empty where they conform.
    """

    rules: tuple[Rule, ...]
    principal: tuple[str, ...]
    resource: tuple[str, ...]
    context: tuple[str, ...]
    needs_schema: bool
    shapes: dict[Any, str] = field(default_factory=dict)

    @cached_property
    def policies(self) -> cedarpy.PolicySet:
        """The rules for Cedar, without the constraint on the action, which was decided before."""
        return policy_set(self.rules)

    def keep_shape(self, shape: Any, problem: str) -> None:
        """Remember whether attributes of this shape conform to the schema."""
        if len(self.shapes) >= KEPT_SHAPES:
            self.shapes.clear()
        self.shapes[shape] = problem


def make_slice(rules: Sequence[Rule], kind: str, roles: Iterable[str], resource_kind: str) -> Slice:
    """Return the slice of ``rules`` (those of one action) for a principal and a kind of resource.

    A rule is left out only where its scope, or the conditions that it begins with, exclude the request by
    the kinds and roles alone. Such conditions cannot fail to evaluate, and Cedar evaluates a rule no
    further than to the first that does not hold; so leaving it out changes neither the decision nor
    its reasons nor its errors.
    """
    asked = _Asked(kind, frozenset(roles), resource_kind)
    kept = tuple(rule for rule in rules if not _excluded(rule.node, asked))
    looked_at: dict[str, set[str]] = {
        "principal": set(),
        "resource": set(),
        "context": set(),
        "action": set(),
    }
    for rule in kept:
        for constraint, name, of in (
            (rule.node.principal, "principal", kind),
            (rule.node.resource, "resource", resource_kind),
        ):
            if any(uid.type.basename == of for uid in pst.entity_uids(constraint)):
                looked_at[name].add(IDENTITY)
        for clause in rule.node.clauses:
            _collect(clause.expr, {"principal": kind, "resource": resource_kind}, looked_at)
    return Slice(
        rules=kept,
        principal=tuple(sorted(looked_at["principal"])),
        resource=tuple(sorted(looked_at["resource"])),
        context=tuple(sorted(looked_at["context"])),
        needs_schema=bool(looked_at["action"]),
    )


def policy_set(rules: Iterable[Rule]) -> cedarpy.PolicySet:
    """Return ``rules`` for Cedar under their own ids, open to any action: the caller has chosen by action."""
    nodes = {rule.id: replace(rule.node, id=rule.id, action=pst.ScopeAny()) for rule in rules}
    return cedarpy.PolicySet.from_pst(pst.PolicySet(templates={}, static_policies=nodes, template_links=()))


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


@dataclass(frozen=True)
class _Asked:
    kind: str
    roles: frozenset[str]
    resource_kind: str

    def kind_of(self, name: str) -> str:
        return self.kind if name == "principal" else self.resource_kind


def _excluded(node: pst.Template, asked: _Asked) -> bool:
    if not (_admits(node.principal, "principal", asked) and _admits(node.resource, "resource", asked)):
        return True
    for clause in node.clauses:
        if isinstance(clause, pst.Unless):
            holds = _known(pst.UnaryOp("not", clause.expr), asked)
        else:
            holds = _known(clause.expr, asked)
        if holds is not True:
            return holds is False
    return False


def _admits(constraint: Any, name: str, asked: _Asked) -> bool:
    """Return False where a scope constraint excludes the request, True where it may admit it."""
    match constraint:
        case pst.ScopeIs(entity_type=of) | pst.ScopeIsIn(entity_type=of):
            return str(of) == asked.kind_of(name)
        case pst.ScopeIn(entity=pst.EntityUid() as uid):
            return _known(pst.BinaryOp("in", pst.Var(name), pst.EntityLit(uid)), asked) is not False
        case _:
            return True


def _known(node: Any, asked: _Asked) -> bool | None:
    """Return what a condition evaluates to where kinds and roles alone decide it, else None."""
    match node:
        case pst.Is(base=pst.Var(name=("principal" | "resource") as name), entity_type=of, in_expr=None):
            return str(of) == asked.kind_of(name)
        case pst.BinaryOp(op="in", left=pst.Var(name="principal"), right=right):
            named = _literals(right)
            if named is None or any(str(uid.type) != ROLE or asked.kind == ROLE for uid in named):
                return None
            return any(uid.id in asked.roles for uid in named)
        case pst.UnaryOp(op="not", arg=arg):
            value = _known(arg, asked)
            return None if value is None else not value
        case pst.BinaryOp(op="or" | "and" as op, left=left, right=right):
            # As Cedar does: the right side only where the left has not decided.
            value = _known(left, asked)
            return value if value is None or value is (op == "or") else _known(right, asked)
        case _:
            return None


def _collect(node: Any, kinds: dict[str, str], found: dict[str, set[str]]) -> None:
    """Add to ``found`` what an expression looks at of each variable."""
    match node:
        case pst.GetAttr(base=pst.Var(name=name), attr=attribute):
            found[name].add(attribute)
        case pst.HasAttr(base=pst.Var(name=name), attrs=attributes):
            found[name].add(attributes[0])
        case pst.Is(base=pst.Var(name=name), in_expr=None) if name in kinds:
            pass  # the kind is part of the slice
        case pst.BinaryOp(op="in", left=pst.Var(name=name), right=right) if name in kinds:
            # Membership in entities of another kind depends on the roles, which are part of the slice.
            named = _literals(right)
            if named is None or any(uid.type.basename == kinds[name] for uid in named):
                found[name].add(IDENTITY)
                _collect(right, kinds, found)
        case pst.Var(name=name):
            found[name].add("*" if name == "context" else IDENTITY)
        case _:
            for part in _parts(node):
                _collect(part, kinds, found)


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
