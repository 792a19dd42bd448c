"""What happens to each column of a table: by its name, by what it holds, or because nothing is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from secure_ai.anonymize.deidentify.policy import KEEP, Policy, applies
from secure_ai.anonymize.deidentify.receipt import ColumnChange
from secure_ai.anonymize.deidentify.rules import FITS, Rule
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.discover.column_names import words_of
from secure_ai.discover.verdict import DOUBTFUL, Verdict

SURE = 0.9
"""From this confidence on, a policy file cannot keep a column that its standard removes."""

_OF_PEOPLE = frozenset(
    {"patient", "person", "customer", "member", "subject", "client", "employee", "user", "holder", "insured"}
)
_CODES = ("MEDICAL_RECORD_NUMBER", "UUID", "UNIQUE_IDENTIFIER", "US_HEALTH_INSURANCE_MEMBER_ID", "US_MBI")
_GIVEN = frozenset({"first", "given", "forename", "fname", "firstname"})
_FAMILY = frozenset({"last", "family", "surname", "lname", "lastname", "maiden"})
# Kept columns of these kinds hold short values of a known form: nothing else can hide in them.
_PLAIN = frozenset(
    {"DATE_TIME", "DATE_OF_BIRTH", "YEAR", "AGE", "AGE_OVER_89", "ZIP_CODE", "STATE", "SEX", "NATIONALITY"}
)


@dataclass(frozen=True)
class ColumnPlan:
    """What happens to one column.

    Attributes:
        column: its name.
        mode: ``keep``; ``drop``; ``value`` (each value is one identifier); ``text`` (values are read);
            ``scan`` (values are kept, and read for identifiers that have a form); ``nested`` (taken apart
            into fields, each of which has a plan of its own).
        entity: what its values are, in mode ``value``.
        rule: the rule, in mode ``value``.
        role: ``given`` or ``family`` where it holds one part of names.
        change: the line of the receipt.
    """

    column: str
    mode: str
    change: ColumnChange
    entity: str = ""
    rule: Rule = KEEP
    role: str = ""


def plan_column(policy: Policy, name: str, kind: str, verdict: Verdict) -> ColumnPlan:
    """Decide what happens to the column ``name``.

    Args:
        policy: the policy.
        name: the column.
        kind: ``text``, ``number``, ``date``, ``boolean``, ``nested`` or ``binary``.
        verdict: what the column was found to hold.

    Raises:
        UserError: if the policy names the column with a rule that its standard does not permit for
            what it surely holds.
    """
    entities = verdict.entities
    override = policy.column_rule(name)
    if override is not None:
        if kind in {"nested", "binary"} and override.action not in {"keep", "drop", "redact"}:
            raise UserError(
                f"The policy {policy.name} gives column '{shown(name)}' the action {override.action}, but "
                f"its content is {kind}: use drop, or name its fields ('{shown(name)}.field')."
            )
        return _overridden(policy, name, entities, verdict, override)
    if kind == "nested":
        return ColumnPlan(
            name, "nested", ColumnChange(name, entities, "fields", "taken apart; its fields are listed below")
        )
    if kind == "binary":
        reason = f"binary content, which is not examined; to keep it, name it under columns in {policy.name}"
        return ColumnPlan(name, "drop", ColumnChange(name, entities, "drop", reason))
    if kind == "text" and (verdict.free_text or not entities):
        reason = verdict.evidence if verdict.free_text else "nothing is known of it: its values are read"
        return ColumnPlan(name, "text", ColumnChange(name, entities, "text", reason))
    if kind == "boolean" and not entities:
        return _kept(name, entities, "a yes or no")
    if not entities:
        if policy.unlisted_columns == "drop":
            reason = f"nothing is known of it; to keep it, name it under columns in {policy.name}"
            return ColumnPlan(name, "drop", ColumnChange(name, (), "drop", reason))
        reason = "numbers of which nothing is known; the policy keeps such columns"
        return _kept(name, entities, reason, examined=False)
    entity = next((e for e in entities if policy.rule(e).action != "keep"), entities[0])
    rule = policy.rule(entity)
    if rule.action == "keep":
        if kind == "text" and entity not in _PLAIN and verdict.confidence <= DOUBTFUL:
            reason = f"{verdict.evidence}; that is doubtful, so its values are read"
            return ColumnPlan(name, "text", ColumnChange(name, entities, "text", reason))
        if kind == "text" and entity not in _PLAIN:
            reason = f"{verdict.evidence}; read for identifiers that have a form"
            return ColumnPlan(name, "scan", ColumnChange(name, entities, "keep", reason, kept=True))
        return _kept(name, entities, verdict.evidence)
    return _by_rule(name, entities, entity, rule, verdict.evidence)


def _by_rule(name: str, entities: tuple[str, ...], entity: str, rule: Rule, reason: str) -> ColumnPlan:
    change = ColumnChange(name, entities, rule.described(), reason)
    if rule.action == "drop":
        return ColumnPlan(name, "drop", change)
    return ColumnPlan(name, "value", change, entity, rule, role_of(name) if entity == "PERSON" else "")


def _kept(name: str, entities: tuple[str, ...], reason: str, *, examined: bool = True) -> ColumnPlan:
    return ColumnPlan(
        name, "keep", ColumnChange(name, entities, "keep", reason, kept=True, examined=examined)
    )


def _overridden(
    policy: Policy, name: str, entities: tuple[str, ...], verdict: Verdict, rule: Rule
) -> ColumnPlan:
    entity = next((e for e in entities if applies(rule.action, e)), "")
    sure = next((e for e in entities if e in policy.limits.removes and verdict.confidence >= SURE), None)
    said = policy.limits.objection(sure, rule) if sure and not verdict.free_text else ""
    if said:
        raise UserError(
            f"The policy {policy.name} gives column '{shown(name)}' the action {rule.action}, but it holds "
            f"{sure}: {policy.standard} does not permit that, because {said}."
        )
    if rule.action == "keep":
        return _kept(name, entities, "the policy names it", examined=bool(entities))
    if not entity:
        fitting = FITS.get(rule.action)
        entity = "UNIQUE_IDENTIFIER" if fitting is None else "PERSON" if "PERSON" in fitting else min(fitting)
    return _by_rule(name, entities, entity, rule, "the policy names it")


def role_of(name: str) -> str:
    """Return ``given`` or ``family`` where a column's name says that it holds that part of names."""
    words = set(words_of(name))
    return "given" if words & _GIVEN else "family" if words & _FAMILY else ""


def names_people(plan: ColumnPlan) -> bool:
    """Whether a column holds names of people that do not stay: they are looked for in the texts beside."""
    held = {plan.entity, *plan.change.entities[:1]}
    return plan.mode in {"value", "drop"} and bool(held & {"PERSON", "CARDHOLDER_NAME"})


def name_pairs(parts: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the columns of given and family names that belong together: (given, family).

    ``contact_first`` goes with ``contact_last``; where there is one of each, they belong together
    whatever they are called.

    Args:
        parts: (column, role) of columns that hold one part of names.
    """
    given = [name for name, role in parts if role == "given"]
    family = [name for name, role in parts if role == "family"]
    if len(given) == len(family) == 1:
        return ((given[0], family[0]),)
    rests = {name: tuple(w for w in words_of(name) if w not in _GIVEN | _FAMILY) for name in given + family}
    pairs = []
    for first in given:
        fits = [last for last in family if rests[last] == rests[first]]
        alike = [other for other in given if rests[other] == rests[first]]
        if len(fits) == len(alike) == 1:
            pairs.append((first, fits[0]))
    return tuple(pairs)


def person_column(
    columns: Sequence[str], verdicts: Iterable[Verdict], wanted: str | None = None
) -> str | None:
    """Return the column that says whose record a row is: ``wanted``, or one that looks like it.

    Raises:
        UserError: if there is no column ``wanted``.
    """
    if wanted is not None:
        if wanted not in columns:
            raise UserError(f"There is no column '{shown(wanted)}' to tell people by: check --person-column.")
        return wanted
    codes = [
        name
        for name, verdict in zip(columns, verdicts, strict=True)
        if verdict.entities and verdict.entities[0] in _CODES
    ]
    return next((name for name in codes if _OF_PEOPLE & set(words_of(name))), codes[0] if codes else None)
