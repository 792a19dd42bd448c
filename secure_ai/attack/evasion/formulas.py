"""Formulas that tie the columns of a row: read from text, computed over many rows, never run as code.

``"installment = amount / months"`` says how a column follows from others, ``"amount <= 5 * income"`` what
must stay true. A column whose name is no plain word stands in backticks: `` `Credit amount` ``.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np

from secure_ai.core import UserError

LONGEST = 500
QUOTED = re.compile(r"`([^`]+)`")
SINGLE_EQUALS = re.compile(r"(?<![<>=!])=(?!=)")
BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
COMPARED: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "min": lambda *values: reduce(np.minimum, values),
    "max": lambda *values: reduce(np.maximum, values),
    "round": lambda value, digits=0: np.round(value, int(digits)),
    "floor": np.floor,
    "ceil": np.ceil,
    "log": np.log,
    "exp": np.exp,
}


@dataclass(frozen=True)
class Formula:
    """A formula over the columns of a row.

    Attributes:
        text: as it was written.

    Raises:
        UserError: if the text is no formula, or uses something else than columns, numbers, texts,
            ``+ - * / // % **``, comparisons, ``and or not``, ``a if b else c`` and
            ``abs min max round floor ceil log exp``.
    """

    text: str

    def __post_init__(self) -> None:
        _ = self._tree
        if self.target is None and not isinstance(
            self._tree, ast.Compare | ast.BoolOp | ast.IfExp | ast.UnaryOp
        ):
            raise self._wrong("compare something, or write 'column = formula'")

    @property
    def target(self) -> str | None:
        """Return the column that the formula computes; None where it only says what must be true."""
        parts = SINGLE_EQUALS.split(self.text)
        if len(parts) == 1:
            return None
        name = parts[0].strip()
        return name.strip("`") if QUOTED.fullmatch(name) or name.isidentifier() else None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the columns that it reads, in order of appearance."""
        called = {id(node.func) for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        found = [n for n in ast.walk(self._tree) if isinstance(n, ast.Name) and id(n) not in called]
        return tuple(dict.fromkeys(self._columns.get(n.id, n.id) for n in found))

    def compute(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the value of each row; a division by zero is infinite or NaN, as in numpy.

        Args:
            columns: column → its values, all of one length.

        Raises:
            UserError: if texts are computed with as if they were numbers.
        """
        with np.errstate(all="ignore"):
            try:
                value = self._value(self._tree, columns)
            except (TypeError, ValueError, ZeroDivisionError, np.exceptions.DTypePromotionError):
                raise self._wrong("texts can only be compared with == and !=") from None
        rows = len(next(iter(columns.values()))) if columns else 1
        return np.broadcast_to(np.asarray(value), (rows,))

    def linear(self) -> tuple[dict[str, float], float] | None:
        """Return (column → factor, constant) if the computed part is linear, else None.

        Of a comparison it is left side less right side.
        """
        tree = self._tree
        if isinstance(tree, ast.Compare):
            if len(tree.ops) > 1:
                return None
            left, right = self._linear(tree.left), self._linear(tree.comparators[0])
            return None if left is None or right is None else _sum(left, right, -1.0)
        return self._linear(tree)

    @property
    def comparison(self) -> type | None:
        """Return the operator of a single comparison, else None."""
        return type(self._tree.ops[0]) if isinstance(self._tree, ast.Compare) else None

    @cached_property
    def _columns(self) -> dict[str, str]:
        return {f"_quoted_{i}": name for i, name in enumerate(QUOTED.findall(self._body))}

    @property
    def _body(self) -> str:
        return SINGLE_EQUALS.split(self.text)[-1] if self.target is not None else self.text

    @cached_property
    def _tree(self) -> ast.expr:
        if not isinstance(self.text, str) or not 0 < len(self.text) <= LONGEST:
            raise UserError(f"A formula is a text of at most {LONGEST} characters, such as 'a <= 2 * b'.")
        if len(SINGLE_EQUALS.split(self.text)) > 1 and self.target is None:
            raise self._wrong("to the left of = stands one column; to compare write ==")
        places = iter(range(LONGEST))
        plain = QUOTED.sub(lambda _: f"_quoted_{next(places)}", self._body)
        try:
            tree = ast.parse(plain.strip(), mode="eval").body
            self._check(tree)
        except (SyntaxError, RecursionError, MemoryError, ValueError):
            raise self._wrong("it cannot be read") from None
        return tree

    def _wrong(self, why: str) -> UserError:
        return UserError(
            f"Formula '{str(self.text)[:80]}': {why}. Examples: 'installment = amount / months', "
            "'amount <= 5 * income', `Credit amount` in backticks."
        )

    def _check(self, node: ast.AST) -> None:
        allowed = (
            isinstance(node, ast.Name | ast.IfExp)
            or (isinstance(node, ast.Constant) and isinstance(node.value, int | float | str))
            or (isinstance(node, ast.BinOp) and type(node.op) in BINARY)
            or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not))
            or (isinstance(node, ast.Compare) and all(type(op) in COMPARED for op in node.ops))
            or isinstance(node, ast.BoolOp)
            or (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in FUNCTIONS
                and not node.keywords
                and len(node.args) > 0
            )
        )
        if not allowed:
            raise self._wrong("use columns, numbers, texts, + - * / // % **, comparisons, and, or, not, "
                              "if-else, abs, min, max, round, floor, ceil, log, exp alone")  # fmt: skip
        children = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
        for child in children:
            if isinstance(child, ast.expr):
                self._check(child)

    def _value(self, node: ast.AST, columns: Mapping[str, np.ndarray]) -> Any:
        def value(part: ast.AST) -> Any:
            return self._value(part, columns)

        match node:
            case ast.Name(id=name):
                return columns[self._columns.get(name, name)]
            case ast.Constant(value=constant):
                return float(constant) if isinstance(constant, int | float) else constant
            case ast.BinOp(left=left, op=op, right=right):
                # numpy's numbers divide by zero without raising.
                return BINARY[type(op)](np.asarray(value(left)), value(right))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return np.logical_not(value(operand))
            case ast.UnaryOp(operand=operand):
                return np.negative(value(operand))
            case ast.Compare(left=left, ops=ops, comparators=others):
                values = [value(left), *map(value, others)]
                pairs = zip(values, ops, values[1:], strict=False)
                return reduce(np.logical_and, [_compared(a, op, b) for a, op, b in pairs])
            case ast.BoolOp(op=op, values=parts):
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return reduce(join, map(value, parts))
            case ast.IfExp(test=test, body=body, orelse=other):
                return np.where(value(test), value(body), value(other))
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return FUNCTIONS[name](*map(value, arguments))
        raise TypeError(type(node).__name__)

    def _linear(self, node: ast.AST) -> tuple[dict[str, float], float] | None:
        match node:
            case ast.Name(id=name):
                return {self._columns.get(name, name): 1.0}, 0.0
            case ast.Constant(value=constant) if isinstance(constant, int | float):
                return {}, float(constant)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self._linear(operand)
                return None if inner is None else _sum(({}, 0.0), inner, -1.0)
            case ast.BinOp(left=left, op=op, right=right):
                first, second = self._linear(left), self._linear(right)
                if first is None or second is None:
                    return None
                if isinstance(op, ast.Add | ast.Sub):
                    return _sum(first, second, 1.0 if isinstance(op, ast.Add) else -1.0)
                if isinstance(op, ast.Mult) and (not first[0] or not second[0]):
                    fixed, other = (first, second) if not first[0] else (second, first)
                    return _sum(({}, 0.0), other, fixed[1])
                if isinstance(op, ast.Div) and not second[0] and second[1]:
                    return _sum(({}, 0.0), first, 1 / second[1])
        return None


def _compared(left: Any, op: ast.cmpop, right: Any) -> Any:
    if isinstance(op, ORDERS) and any(np.asarray(side).dtype.kind in "OUST" for side in (left, right)):
        raise TypeError("order of texts")
    return COMPARED[type(op)](left, right)


def _sum(
    first: tuple[dict[str, float], float], second: tuple[dict[str, float], float], factor: float
) -> tuple[dict[str, float], float]:
    names = {**first[0], **second[0]}
    factors = {name: first[0].get(name, 0.0) + factor * second[0].get(name, 0.0) for name in names}
    return factors, first[1] + factor * second[1]
