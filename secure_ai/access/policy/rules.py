"""Reading Cedar policies: each rule with its id, reason and line, and errors that say where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cedarpy
from cedarpy import pst

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown

SHOWN_ERRORS = 3
# Cedar's parser calls itself for each bracket and operator; too many of them end the whole program.
MOST_BRACKETS, MOST_OPERATORS = 50, 400
LARGEST_BYTES = 5_000_000
_ID = re.compile(r'@id\(\s*"([^"]*)"\s*\)')
_TOKEN = re.compile(
    r"""(?P<skipped>"(?:[^"\\]|\\.)*"?|//[^\n]*)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>;)|(?P<line>\n)"""
    r"""|(?P<operator>\|\||&&|[-+*.!<>=]+|\b(?:if|then|else|in|is|has|like)\b)""",
    re.DOTALL,
)


@dataclass(frozen=True)
class Rule:
    """One policy of a Cedar file.

    Attributes:
        id: its ``@id``.
        effect: ``"permit"`` or ``"forbid"``.
        reason: its ``@reason`` in plain words; empty where the author gave none.
        references: ids of frameworks (``@reference``, separated by semicolons).
        alert: whether someone is told when it allows something (``@alert("true")``).
        line: where it starts in its file, from 1.
        text: its Cedar text.
        node: its syntax tree.
    """

    id: str
    effect: str
    reason: str
    references: tuple[str, ...]
    alert: bool
    line: int
    text: str
    node: pst.Template

    def sentence(self) -> str:
        """Say what the rule does and why."""
        verb = "permits" if self.effect == "permit" else "forbids"
        return f"{self.id} {verb}: {self.reason or 'no reason is written down.'}"


def read_rules(text: str, name: str) -> tuple[Rule, ...]:
    """Parse the policies of ``text``; ``name`` stands in messages.

    Raises:
        UserError: naming the line and the policy that Cedar cannot read, that has no ``@id`` or whose ``@id``
            is used twice, or that is a template with slots.
    """
    _check_nesting(text, name)
    parts = list(_statements(text))
    if not parts:
        raise UserError(f"{name} has no policy: write at least one permit.")
    try:
        parsed = cedarpy.policies_to_pst(text)
    except ValueError as error:
        raise _syntax_error(parts, name, error) from None
    if parsed.templates:
        raise UserError(f"{name} has a policy with slots (?principal, ?resource): write its entities out.")
    # Cedar numbers the policies of a text in their order.
    nodes = [parsed.static_policies[f"policy{number}"] for number in range(len(parsed.static_policies))]
    rules: dict[str, Rule] = {}
    for (line, part), node in zip(parts, nodes, strict=True):
        identifier = node.annotations.get("id", "").strip()
        if not identifier:
            raise UserError(f'{name}, line {line}: the policy has no id: write @id("...") before it.')
        if identifier in rules:
            raise UserError(
                f"{name}, line {line}: the id '{shown(identifier)}' is used in line "
                f"{rules[identifier].line} already: give each policy its own."
            )
        notes = node.annotations
        references = tuple(item.strip() for item in notes.get("reference", "").split(";") if item.strip())
        rules[identifier] = Rule(
            id=identifier,
            effect=node.effect,
            reason=notes.get("reason", "").strip(),
            references=references,
            alert=notes.get("alert", "false").strip().lower() not in {"false", "no", "0"},
            line=line,
            text=part,
            node=node,
        )
    return tuple(rules.values())


def read_schema(text: str, name: str) -> cedarpy.Schema:
    """Parse a schema in Cedar's own form or in JSON.

    Raises:
        UserError: naming what Cedar cannot read, and the line where it can be told.
    """
    _check_nesting(text, name)
    try:
        return (cedarpy.Schema.from_json_str if text.lstrip().startswith("{") else cedarpy.Schema.from_str)(
            text
        )
    except ValueError as error:
        place = ""
        for line, part in _statements(text):
            try:
                cedarpy.Schema.from_str(part)
            except ValueError as inner:
                if "error parsing schema" in str(inner):
                    place = f", the declaration from line {line}"
                    break
        raise UserError(f"{name}{place}: the schema cannot be read ({_first_line(error)}).") from None


def check_rules(rules: tuple[Rule, ...], text: str, schema: cedarpy.Schema, name: str) -> None:
    """Validate the policies against the schema.

    Raises:
        UserError: with the id and line of the policies that name what the schema does not know.
    """
    result = cedarpy.validate_policies(text, schema)
    if result.validation_passed:
        return
    lines = {rule.id: rule.line for rule in rules}
    problems = []
    for error in result.errors:
        identifier = result.id_annotations_by_policy_id.get(error.policy_id, "")
        what = re.sub(r"^for policy `[^`]*`,?:?\s*", "", _first_line(error.error))
        problem = f"line {lines[identifier]}, policy '{identifier}': {what}" if identifier in lines else what
        if problem not in problems:
            problems.append(problem)
    more = len(problems) - SHOWN_ERRORS
    listed = "; ".join(problems[:SHOWN_ERRORS]) + (f"; and {more} more" if more > 0 else "")
    raise UserError(f"{name} does not fit its schema: {listed}.")


def read_text(path: str | Path) -> str:
    """Read a policy or schema file.

    Raises:
        UserError: if it is missing, unreadable or no text.
    """
    file = Path(path)
    try:
        if file.stat().st_size > LARGEST_BYTES:
            raise UserError(
                f"The file {shown(file.name)} is larger than {LARGEST_BYTES:,} bytes: split the policy."
            )
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError):
        raise UserError(f"The file {shown(file.name)} cannot be read as text: check the path.") from None


def _check_nesting(text: str, name: str) -> None:
    """Refuse what Cedar's parser would not survive; its own limit is about as low.

    Raises:
        UserError: naming the line.
    """
    line, depth, operators = 1, 0, 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "end":
            operators = 0
        elif kind == "operator":
            operators += len(token[0]) if token[0][0] in "-!<>" else 1
        elif kind in ("open", "close"):
            depth = max(0, depth + (1 if kind == "open" else -1))
        if depth > MOST_BRACKETS or operators > MOST_OPERATORS:
            raise UserError(
                f"{name}, line {line}: more than {MOST_BRACKETS} brackets within each other or "
                f"{MOST_OPERATORS} operators in one policy: split it."
            )
        line += token[0].count("\n")


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Split Cedar text at the semicolons outside strings, comments and braces: first line, and text."""
    start, line, depth, i = -1, 1, 0, 0
    first = 1
    while i < len(text):
        character = text[i]
        if text.startswith("//", i):
            end = text.find("\n", i)
            i = len(text) if end < 0 else end
            continue
        if start < 0 and not character.isspace():
            start, first = i, line
        if character == '"':
            end = i + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            line += text.count("\n", i, end)
            i = end
        elif character in "{}":
            depth += 1 if character == "{" else -1
        elif character == ";" and depth <= 0:
            yield first, text[start : i + 1]
            start, depth = -1, 0
        line += character == "\n"
        i += 1
    if start >= 0:
        yield first, text[start:]


def _syntax_error(parts: list[tuple[int, str]], name: str, error: ValueError) -> UserError:
    for line, part in parts:
        try:
            cedarpy.policies_to_pst(part)
        except ValueError as inner:
            found = _ID.search(part)
            policy = f", policy '{shown(found[1])}'" if found else ""
            return UserError(f"{name}, line {line}{policy}: Cedar cannot read it ({_first_line(inner)}).")
    return UserError(f"{name}: Cedar cannot read it ({_first_line(error)}).")


def _first_line(error: object) -> str:
    return shown_sentence(str(error).splitlines()[0] if str(error) else "no reason given")


def shown_sentence(text: str, limit: int = 240) -> str:
    """Return one line of Cedar's, as it may stand in a message."""
    clean = "".join(c if c.isprintable() else " " for c in text).strip().rstrip(".")
    return clean if len(clean) <= limit else clean[:limit] + "…"
