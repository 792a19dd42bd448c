"""The words of a Cedar schema: which kinds, actions, roles and purposes a request may name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

import cedarpy

from secure_ai.core.errors import UserError

ROLE = "Role"
_ENTITY = re.compile(r"^entity (\w+)(?: in \[[^\]]*\])? = \{|^entity (\w+)(?: in \[[^\]]*\])?;", re.MULTILINE)
_ENUM = re.compile(r"^entity (\w+) enum \[(.*?)\];", re.MULTILINE | re.DOTALL)
_ACTION = re.compile(
    r'^action ("(?:[^"\\]|\\.)*")(?: in \[[^\]]*\])?(?: appliesTo \{(.*?)^\})?', re.M | re.DOTALL
)
_ATTRIBUTE = re.compile(r"(?<![\w:])\"?(\w+)\"?\??: (?:Set<)?(?:__cedar::)?(\w+)>?")
_APPLIES = r"{side}: \[([^\]]*)\]"
_EXTENSIONS = {"ipaddr", "decimal", "datetime", "duration"}


@dataclass(frozen=True)
class Vocabulary:
    """The words that a schema knows.

    Attributes:
        kinds: entity types that are not enumerated, in the schema's order.
        enumerations: enumerated entity type → its values (``"Role"``, ``"Purpose"`` ...).
        actions: action → (kinds of principals, kinds of resources) that it applies to.
        references: attribute → the entity type of its value.
        extended: attributes of Cedar's extension types (addresses, decimals, times).
    """

    kinds: tuple[str, ...]
    enumerations: Mapping[str, tuple[str, ...]]
    actions: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
    references: Mapping[str, str]
    extended: frozenset[str]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that the schema enumerates; none where it leaves them open."""
        return self.enumerations.get(ROLE, ())

    @property
    def purposes(self) -> tuple[str, ...]:
        """The purposes of use that the schema enumerates."""
        return self.enumerations.get("Purpose", ())

    def actions_on(self, kind: str) -> tuple[str, ...]:
        """Return the actions that apply to resources of ``kind``."""
        return tuple(name for name, (_, resources) in self.actions.items() if kind in resources)


def read_vocabulary(schema: cedarpy.Schema) -> Vocabulary:
    """Read the words of ``schema``.

    Cedar renders every schema in one form, whatever it was written in; that form is read here.

    Raises:
        UserError: if the schema has namespaces, or gives one attribute two entity types.
    """
    text = str(schema)
    if re.search(r"^namespace ", text, re.MULTILINE):
        raise UserError("The schema has a namespace, which this kit does not read: write it without one.")
    enumerations = {
        name: tuple(json.loads(f"[{values.rstrip().rstrip(',')}]")) for name, values in _ENUM.findall(text)
    }
    kinds = tuple(first or second for first, second in _ENTITY.findall(text))
    actions = {}
    for name, applies in _ACTION.findall(text):
        sides = [re.search(_APPLIES.format(side=side), applies) for side in ("principal", "resource")]
        listed = [tuple(re.findall(r"\w+", side[1])) if side else () for side in sides]
        actions[json.loads(name)] = (listed[0], listed[1])
    references: dict[str, str] = {}
    extended = set()
    for attribute, type_name in _ATTRIBUTE.findall(text):
        if type_name in _EXTENSIONS:
            extended.add(attribute)
        if type_name not in kinds and type_name not in enumerations:
            continue
        if references.setdefault(attribute, type_name) != type_name:
            raise UserError(
                f"The schema gives the attribute '{attribute}' two types, {references[attribute]} and "
                f"{type_name}: use two names."
            )
    return Vocabulary(kinds, enumerations, actions, references, frozenset(extended))
