"""What an access explorer needs, with or without a browser: the choices, and the answer to one choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from secure_ai.access.policy.explain import Explanation
from secure_ai.access.policy.policy import AccessPolicy
from secure_ai.access.policy.request import AccessRequest
from secure_ai.access.policy.sectors import Sector, sector
from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown


@dataclass(frozen=True)
class Answer:
    """The answer to one choice.

    Attributes:
        allowed: the decision.
        rule: id of the first rule that decided; empty where none did.
        sentence: the decision with its rule, and for a denial what was missing or what overrode.
        rule_text: the Cedar text of that rule, or of the permission that came nearest.
        explanation: everything.
    """

    allowed: bool
    rule: str
    sentence: str
    rule_text: str
    explanation: Explanation

    def to_frame(self) -> pd.DataFrame:
        """Return the conditions of the permissions looked at."""
        return self.explanation.to_frame()


class AccessExplorer:
    """Pick who, what and why; see the decision and its rule.

    Args:
        name: the sector, ``"healthcare"`` or ``"finance"``.
        policy: another policy in the sector's words; the kit's by default.
    """

    def __init__(self, name: str, policy: AccessPolicy | None = None) -> None:
        self.sector: Sector = sector(name)
        self.policy = policy or AccessPolicy.load(name)

    @property
    def roles(self) -> tuple[str, ...]:
        """Who can ask."""
        return self.policy.vocabulary.roles

    @property
    def kinds(self) -> tuple[str, ...]:
        """What can be asked for."""
        return tuple(self.sector.records)

    @property
    def purposes(self) -> tuple[str, ...]:
        """Why."""
        return self.policy.vocabulary.purposes

    @property
    def relationships(self) -> tuple[str, ...]:
        """How the asker can stand to the person concerned."""
        return self.policy.vocabulary.enumerations.get("Relationship", ())

    def actions(self, kind: str) -> tuple[str, ...]:
        """Return what can be done to records of ``kind``.

        Raises:
            UserError: if there is no such kind.
        """
        if kind not in self.sector.records:
            raise UserError(
                f"There is no kind of record '{shown(kind)}': choose from {', '.join(self.kinds)}."
            )
        return self.policy.vocabulary.actions_on(kind)

    def choices(self, kind: str) -> dict[str, tuple[Any, ...]]:
        """Return every further fact that can be varied for ``kind``, with its values; the usual one first.

        The names are those that :meth:`ask` takes: ``who_active``, ``what_vip``, ``break_glass`` ...
        """
        self.actions(kind)
        found: dict[str, tuple[Any, ...]] = {}
        for prefix, facts in (
            ("who_", self.sector.staff),
            ("what_", self.sector.records[kind]),
            ("", self.sector.context),
        ):
            for name, usual in facts.items():
                if isinstance(usual, bool):
                    found[prefix + name] = (usual, not usual)
                else:
                    values = self.policy.vocabulary.enumerations.get(
                        self.policy.vocabulary.references.get(name, ""), ()
                    )
                    if values:
                        found[prefix + name] = (usual, *(value for value in values if value != usual))
        if "approved_by" in self.sector.context:
            found["second_person"] = (False, True)
        return found

    def request(self, role: str, action: str, kind: str, purpose: str, **facts: Any) -> AccessRequest:
        """Return the request that a choice stands for; ``facts`` as in :meth:`choices`."""
        sides: dict[str, dict[str, Any]] = {"who": {"roles": role}, "what": {"kind": kind}, "": {}}
        for name, value in facts.items():
            if name == "second_person":
                sides[""].update(approved_by="a second person" if value else None)
                continue
            side, _, fact = name.partition("_")
            if side not in ("who", "what"):
                side, fact = "", name
            sides[side][fact] = value
        return self.sector.request(sides["who"], action, sides["what"], purpose, **sides[""])

    def ask(self, role: str, action: str, kind: str, purpose: str, **facts: Any) -> Answer:
        """Return the answer to one choice.

        Raises:
            UserError: if a fact is not known; what the policy does not know is a denial that says so.
        """
        explanation = self.policy.explain(self.request(role, action, kind, purpose, **facts))
        rule = explanation.decision.rules[0] if explanation.decision.rules else ""
        shown_rule = rule or (explanation.nearest.rule if explanation.nearest else "")
        return Answer(
            allowed=explanation.decision.allowed,
            rule=rule,
            sentence=explanation.sentence(),
            rule_text=self.policy.rule(shown_rule).text if shown_rule else "",
            explanation=explanation,
        )
