"""Conditions of Cedar policies in plain words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cedarpy import pst

_OWNERS = {"principal": "who asks", "resource": "the record", "context": "the circumstances"}
_COMPARED = {
    "eq": "is",
    "not_eq": "is not",
    "less": "is less than",
    "less_eq": "is at most",
    "greater": "is more than",
    "greater_eq": "is at least",
    "contains": "contains",
    "in": "is in",
}
UNKNOWN = "a further condition of the rule holds"


def in_words(node: Any) -> str:
    """Return a condition as a clause, such as ``"the purpose is treatment"``.

    What has no short form in words is called a further condition; the rule's text has it.
    """
    match node:
        case pst.UnaryOp(op="not", arg=pst.HasAttr(base=base, attrs=attrs)):
            return f"{_path(base, '.'.join(attrs))} is not given"
        case pst.UnaryOp(op="not", arg=pst.UnaryOp(op="is_empty", arg=arg)):
            return f"at least one of {_term(arg)} is given"
        case pst.UnaryOp(op="not", arg=pst.BinaryOp(op="eq", left=left, right=right)):
            return f"{_term(left)} is not {_term(right)}"
        case pst.UnaryOp(op="not", arg=pst.GetAttr() as arg):
            return f"'{_term(arg)}' does not hold"
        case pst.UnaryOp(op="not", arg=arg):
            return f"not ({in_words(arg)})"
        case pst.UnaryOp(op="is_empty", arg=arg):
            return f"none of {_term(arg)} is given"
        case pst.BinaryOp(op="or"):
            return _alternatives(list(alternatives(node)))
        case pst.BinaryOp(op="and", left=left, right=right):
            return f"{in_words(left)} and {in_words(right)}"
        case pst.BinaryOp(op="in", left=pst.Var(name="principal"), right=right):
            return f"who asks is {_term(right)}"
        case pst.BinaryOp(op="contains_all", left=left, right=right):
            return f"{_term(right)} are all among {_term(left)}"
        case pst.BinaryOp(op="contains_any", left=left, right=right):
            return f"one of {_term(right)} is among {_term(left)}"
        case pst.BinaryOp(op=op, left=left, right=right) if op in _COMPARED:
            return f"{_term(left)} {_COMPARED[op]} {_term(right)}"
        case pst.HasAttr(base=base, attrs=attrs):
            return f"{_path(base, '.'.join(attrs))} is given"
        case pst.Is(base=pst.Var(name=name), entity_type=kind):
            return f"{_OWNERS.get(name, name)} is {_kind(str(kind))}"
        case pst.GetAttr():
            return f"'{_term(node)}' holds"
        case pst.BoolLit(value=value):
            return "always" if value else "never"
        case _:
            return UNKNOWN


def alternatives(node: Any) -> Iterable[Any]:
    """Yield the parts that ``or`` joins."""
    if isinstance(node, pst.BinaryOp) and node.op == "or":
        yield from alternatives(node.left)
        yield from alternatives(node.right)
    else:
        yield node


def joined(items: Iterable[str], word: str = "or") -> str:
    """Return ``a, b or c``."""
    listed = list(items)
    return f" {word} ".join([*([", ".join(listed[:-1])] if len(listed) > 1 else []), *listed[-1:]])


def _alternatives(parts: list[Any]) -> str:
    # "the record is Chart, Notes or Labs" where every part begins alike.
    spoken = [in_words(part) for part in parts]
    for link in (" is ",):
        heads = {text.split(link)[0] for text in spoken}
        if len(heads) == 1 and all(text.count(link) == 1 for text in spoken):
            return f"{heads.pop()}{link}{joined(text.split(link)[1] for text in spoken)}"
    return joined(spoken)


def _term(node: Any) -> str:
    match node:
        case pst.GetAttr(base=base, attr=attribute):
            return _path(base, attribute)
        case pst.Var(name=name):
            return _OWNERS.get(name, name)
        case pst.EntityLit(value=uid):
            return uid.id.replace("_", " ")
        case pst.StringLit(value=value):
            return f"'{value}'" if value else "empty"
        case pst.LongLit(value=value):
            return f"{value:,}"
        case pst.BoolLit(value=value):
            return "true" if value else "false"
        case pst.Set(elements=elements):
            return joined(_term(item) for item in elements)
        case _:
            return "a computed value"


def _path(base: Any, attribute: str) -> str:
    name = attribute.replace("_", " ")
    match base:
        case pst.Var(name="context"):
            return f"the {name}"
        case pst.Var(name="resource"):
            return f"the record's {name}"
        case pst.Var(name="principal"):
            return f"the asker's {name}" if attribute != "id" else "the asker"
        case _:
            return f"{_term(base)}'s {name}"


def _kind(name: str) -> str:
    return {"Staff": "a member of staff", "ServiceAccount": "the account of a service"}.get(name, name)
