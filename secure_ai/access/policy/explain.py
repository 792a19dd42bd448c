"""Why a policy decided as it did: the rule, what a prohibition overrode, and what a denied request lacked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cedarpy
import pandas as pd
from cedarpy import pst

from secure_ai.access.policy.rules import Rule
from secure_ai.access.policy.words import in_words, joined
from secure_ai.core.sources import shown

if TYPE_CHECKING:
    from secure_ai.access.policy.policy import AccessPolicy, Decision
    from secure_ai.access.policy.request import AccessRequest

# Another role or another kind of record is a different question; another purpose may be a slip.
WEIGHT_OF_WHO_AND_WHAT = 3
MOST_NAMED = 3


@dataclass(frozen=True)
class Condition:
    """One condition of a rule.

    Attributes:
        text: in words.
        who_or_what: it speaks of the asker's role or kind, or of the kind of record.
        holds: whether it holds for the request; a condition that cannot be evaluated does not.
    """

    text: str
    who_or_what: bool
    holds: bool


@dataclass(frozen=True)
class Candidate:
    """A permission that was looked at for a request, with each of its conditions.

    Attributes:
        rule: its id.
        reason: its reason in words.
        conditions: all of them, in the order of the rule.
    """

    rule: str
    reason: str
    conditions: tuple[Condition, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The conditions that do not hold, in words."""
        return tuple(condition.text for condition in self.conditions if not condition.holds)

    @property
    def distance(self) -> int:
        """How far it is: one for each missing circumstance, three for role or kind of record."""
        return sum(
            WEIGHT_OF_WHO_AND_WHAT if condition.who_or_what else 1
            for condition in self.conditions
            if not condition.holds
        )


@dataclass(frozen=True)
class Explanation:
    """A decision with its reasons.

    Each condition was evaluated by Cedar on this very request, so what is called missing is missing, and with
    all of a candidate's conditions met, and no prohibition, the candidate permits. Which candidate is called
    the nearest is a judgement: the fewest missing conditions, where role and kind of record count triple.

    Attributes:
        decision: what was decided.
        rules: the rules that decided.
        overridden: ids of permissions that would have allowed it without the prohibition.
        nearest: for a denial without a permission, the permission that came nearest; None if there is
            none for this action.
        candidates: all permissions for this action, nearest first.
    """

    decision: Decision
    rules: tuple[Rule, ...]
    overridden: tuple[str, ...] = ()
    nearest: Candidate | None = None
    candidates: tuple[Candidate, ...] = ()

    def sentence(self) -> str:
        """Say the decision, the rule, and what was missing or overrode."""
        text = self.decision.sentence()
        if self.decision.allowed or self.decision.errors:
            return text
        if self.overridden:
            return f"{text} It overrides {joined(self.overridden, 'and')}."
        if self.nearest is None:
            return f"{text} No rule permits this action to anyone."
        also = "Nor would any rule permit it: t" if self.rules else "T"
        return (
            f"{text} {also}he nearest is {self.nearest.rule} ({self.nearest.reason.rstrip('.')}); missing: "
            f"{'; '.join(self.nearest.missing)}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each condition looked at: rule, missing in all, condition, holds."""
        rows = [
            (candidate.rule, len(candidate.missing), condition.text, condition.holds)
            for candidate in self.candidates
            for condition in candidate.conditions
        ]
        return pd.DataFrame(rows, columns=["rule", "conditions missing", "condition", "holds"])


@dataclass(frozen=True)
class _Atom:
    rule: str
    text: str
    who_or_what: bool
    expression: Any


class Explainer:
    """Evaluates the conditions of a policy's permissions one by one; one Cedar call for all of an action."""

    def __init__(self, policy: AccessPolicy) -> None:
        self._policy = policy
        self._probes: dict[str, tuple[cedarpy.PolicySet, dict[str, _Atom]]] = {}

    def explain(self, request: AccessRequest) -> Explanation:
        """Return the explanation of the policy's decision on ``request``."""
        policy = self._policy
        decision = policy.decide(request)
        rules = tuple(policy.rule(identifier) for identifier in decision.rules)
        if decision.errors:
            return Explanation(decision, rules)
        candidates = self._candidates(request)
        candidates.sort(key=lambda found: found.distance)  # stable: the order of the file decides ties
        met = tuple(found.rule for found in candidates if not found.missing)
        return Explanation(
            decision=decision,
            rules=rules,
            overridden=() if decision.allowed else met,
            nearest=candidates[0] if candidates and not met else None,
            candidates=tuple(candidates),
        )

    def _candidates(self, request: AccessRequest) -> list[Candidate]:
        policies, atoms = self._probe(request.action)
        if not atoms:
            return []
        asked, entities = self._policy.cedar_request(request)
        schema = self._policy.schema
        answer = cedarpy.is_authorized(asked, policies, entities, schema)
        satisfied = set(answer.diagnostics.reasons)
        conditions: dict[str, list[Condition]] = {}
        for identifier, atom in atoms.items():
            holds = identifier in satisfied
            text = atom.text if holds else atom.text + _outside(atom.expression, request)
            conditions.setdefault(atom.rule, []).append(Condition(text, atom.who_or_what, holds))
        return [
            Candidate(rule, self._policy.rule(rule).reason, tuple(found))
            for rule, found in conditions.items()
        ]

    def _probe(self, action: str) -> tuple[cedarpy.PolicySet, dict[str, _Atom]]:
        """Return one little permission for each condition of each permission of ``action``."""
        if action not in self._probes:
            nodes, atoms = {}, {}
            for rule in self._policy.rules_of(action):
                if rule.effect != "permit":
                    continue
                for number, expression in enumerate(_conditions(rule.node)):
                    identifier = f"{rule.id} #{number}"
                    nodes[identifier] = pst.Template(
                        id=identifier,
                        effect="permit",
                        principal=pst.ScopeAny(),
                        action=pst.ScopeAny(),
                        resource=pst.ScopeAny(),
                        clauses=(pst.When(expression),),
                        annotations={},
                    )
                    atoms[identifier] = _Atom(
                        rule.id, in_words(expression), _who_or_what(expression), expression
                    )
            found = pst.PolicySet(templates={}, static_policies=nodes, template_links=())
            self._probes[action] = (cedarpy.PolicySet.from_pst(found), atoms)
        return self._probes[action]


def _conditions(node: pst.Template) -> Iterator[Any]:
    """Yield the conditions that all must hold: of the scope, and of each clause."""
    yield from _scope(node.principal, pst.Var("principal"))
    yield from _scope(node.resource, pst.Var("resource"))
    some = False
    for clause in node.clauses:
        some = True
        negated = isinstance(clause, pst.Unless)
        yield from _conjuncts(clause.expr, negated)
    if not some and isinstance(node.principal, pst.ScopeAny) and isinstance(node.resource, pst.ScopeAny):
        yield pst.BoolLit(True)


def _scope(constraint: Any, variable: pst.Var) -> Iterator[Any]:
    match constraint:
        case pst.ScopeEq(entity=uid):
            yield pst.BinaryOp("eq", variable, pst.EntityLit(uid))
        case pst.ScopeIn(entity=uid):
            yield pst.BinaryOp("in", variable, pst.EntityLit(uid))
        case pst.ScopeIs(entity_type=kind):
            yield pst.Is(variable, kind, None)
        case pst.ScopeIsIn(entity_type=kind, entity=uid):
            yield pst.Is(variable, kind, None)
            yield pst.BinaryOp("in", variable, pst.EntityLit(uid))


def _conjuncts(expression: Any, negated: bool) -> Iterator[Any]:
    """Split at ``and``; where a clause says ``unless``, at ``or``, since not (a or b) is not a and not b."""
    match expression:
        case pst.BinaryOp(op=op, left=left, right=right) if op == ("or" if negated else "and"):
            yield from _conjuncts(left, negated)
            yield from _conjuncts(right, negated)
        case pst.UnaryOp(op="not", arg=arg) if negated:
            yield from _conjuncts(arg, False)
        case _:
            yield pst.UnaryOp("not", expression) if negated else expression


def _outside(expression: Any, request: AccessRequest) -> str:
    """Name what was asked for beyond what is held, where "all are among" did not hold; else nothing."""
    match expression:
        case pst.BinaryOp(op="contains_all", left=held, right=asked):
            mine, wanted = _value(held, request), _value(asked, request)
            if not isinstance(mine, tuple) or not isinstance(wanted, tuple):
                return ""
            more = [f"'{shown(str(item))}'" for item in wanted if item not in mine]
            rest = [f"{len(more) - MOST_NAMED} more"] if len(more) > MOST_NAMED else []
            return f" ({joined([*more[:MOST_NAMED], *rest], 'and')} {'is' if len(more) == 1 else 'are'} not)"
        case _:
            return ""


def _value(node: Any, request: AccessRequest) -> Any:
    """Return a fact of the request; None for what is computed."""
    match node:
        case pst.GetAttr(base=pst.Var(name="principal"), attr=name):
            return request.principal.attributes.get(name)
        case pst.GetAttr(base=pst.Var(name="resource"), attr=name):
            return request.resource.attributes.get(name)
        case pst.GetAttr(base=pst.Var(name="context"), attr=name):
            return request.context.get(name)
        case _:
            return None


def _who_or_what(expression: Any) -> bool:
    match expression:
        case pst.Is() | pst.BinaryOp(op="in", left=pst.Var()):
            return True
        case pst.BinaryOp(op="or", left=left, right=right):
            return _who_or_what(left) and _who_or_what(right)
        case _:
            return False
