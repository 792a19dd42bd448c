"""What stands between a check and the learner's code: is there an answer, copies, errors as sentences."""

from __future__ import annotations

import ast
import contextlib
import copy
import dis
import inspect
import os
import sys
import textwrap
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any

from secure_ai.core.errors import UserError
from secure_ai.learn.engine import CheckResult, Status, incorrect, not_attempted
from secure_ai.learn.worker import Late, TimeLimit, drop_displays, run, time_limit

NEXT_AFTER_ERROR = "Call your function in a cell of its own to see what happens, or open a hint."

EXPLANATIONS: dict[type[BaseException], str] = {
    SystemExit: "it asked Python to quit, where it should return its answer",
    KeyboardInterrupt: "it raised an interrupt, where it should return its answer",
    RecursionError: "it calls itself without ever stopping",
    MemoryError: "it needs more memory than this computer has",
    ZeroDivisionError: "it divides by zero",
    KeyError: "it looks up a key or a column that is not there",
    IndexError: "it asks for a position past the end of a sequence",
    FileNotFoundError: "it opens a file that does not exist",
    PermissionError: "it opens something that it has no right to open",
    ModuleNotFoundError: "it imports a module that is not installed",
    ImportError: "it imports a name that the module does not have",
    UnicodeError: "it reads or writes characters in the wrong encoding",
    NotImplementedError: "part of it is marked as not written yet",
    AssertionError: "an `assert` in it did not hold",
    TypeError: "an operation or a call got a kind of value that it cannot use",
    ValueError: "a call got a value that it cannot use",
    StopIteration: "it asks an iterator for more than it holds",
    SyntaxError: "it runs text as Python that is no Python",
    OSError: "a file or a connection could not be used",
}


class _Stop(BaseException):
    """Ends a check from inside :func:`attempt` with a result."""

    def __init__(self, result: CheckResult) -> None:
        super().__init__()
        self.result = result


def evaluate(judge: Callable[[Any], CheckResult], value: Any, seconds: float | None = None) -> CheckResult:
    """Run ``judge`` on ``value`` in a worker thread and return a result, whatever happens."""
    # Imported by almost every check: the first one must not spend its time on that.
    import numpy as np  # noqa: F401
    import pandas as pd  # noqa: F401

    limit = time_limit(seconds)
    try:
        result = run(lambda: _judge(judge, value), limit)
    except KeyboardInterrupt:
        return CheckResult(Status.ERROR, "The check was interrupted before it had finished.")
    except Late:
        message = f"Your code did not finish within {limit:g} seconds and was stopped."
        return CheckResult(
            Status.ERROR, message, "Look for a loop that never ends, or for work that is repeated."
        )
    if isinstance(result, CheckResult):
        return result
    return CheckResult(Status.ERROR, "The check itself failed; this is an error of the kit, not yours.")


def _judge(judge: Callable[[Any], CheckResult], value: Any) -> CheckResult:
    try:
        drop_displays()
        if unanswered(value):
            return not_attempted()
        if _pretends(value):
            return _pretender()
        result = judge(value)
        if type(result) is not CheckResult:
            return CheckResult(
                Status.ERROR, "The check gave no result; this is an error of the kit, not yours."
            )
        return result
    except _Stop as stop:
        return stop.result
    except TimeLimit:
        raise
    except BaseException as error:
        return describe(error, value)


# --- is there an answer at all? ---


def unanswered(value: Any) -> bool:
    """Whether ``value`` is the starter: ``...``, None, something that holds ``...``, or an empty function."""
    if value is None or value is ...:
        return True
    if type(value) in (list, tuple, set, frozenset):
        return any(item is ... for item in value)
    if type(value) is dict:
        return any(item is ... for item in value.values())
    return type(value) is types.FunctionType and _is_empty(value)


EMPTY_OPERATIONS = {
    "RESUME",
    "NOP",
    "LOAD_CONST",
    "RETURN_VALUE",
    "RETURN_CONST",
    "POP_TOP",
    "COPY_FREE_VARS",
}


def _is_empty(function: types.FunctionType) -> bool:
    returned: Any = None
    for step in dis.get_instructions(function.__code__):
        if step.opname not in EMPTY_OPERATIONS:
            return False
        if step.opname in ("LOAD_CONST", "RETURN_CONST"):
            returned = step.argval
    return returned is None or returned is ...


def _has_gap(function: Any) -> bool:
    """Whether the source of ``function`` still holds a ``...`` where a statement or a value should be."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return False
    kinds = (ast.Expr, ast.Return, ast.Assign, ast.AnnAssign)
    values = (node.value for node in ast.walk(tree) if isinstance(node, kinds))
    return any(isinstance(value, ast.Constant) and value.value is ... for value in values)


def _pretends(value: Any, depth: int = 2) -> bool:
    """Whether ``value``, or what it holds, is an object whose own ``==`` could agree with everything."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset, dict):
        if depth == 0:
            return False
        items = value.values() if kind is dict else value
        return any(_pretends(item, depth - 1) for _, item in zip(range(1000), items, strict=False))
    for base in type.__getattribute__(kind, "__mro__"):
        equality = vars(base).get("__eq__")
        if equality is not None:
            return isinstance(equality, types.FunctionType) and not _trusted_file(
                equality.__code__.co_filename
            )
    return False


def _pretender() -> CheckResult:
    return incorrect(
        "Your answer is an object of your own making that decides by itself what it equals.",
        "Hand in a plain value: a number, a text, a list, a table.",
    )


def _trusted_file(name: str) -> bool:
    # Generated methods (dataclasses, attrs, enum) have names in angle brackets; notebook cells have not.
    if name.startswith("<") and not name.startswith("<ipython-input"):
        return True
    roots = (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), *_kit_roots())  # noqa: PTH120
    return not _in_cell(name) and name.startswith(roots)


def _kit_roots() -> tuple[str, ...]:
    import secure_ai

    return tuple(str(path) for path in secure_ai.__path__)


def _in_cell(name: str) -> bool:
    return "ipykernel_" in name or name.startswith("<ipython-input")


# --- calling the learner's function ---

_raised = threading.local()


def attempt(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], none_is_an_answer: bool) -> Any:
    """Call ``function``; see :func:`secure_ai.learn.engine.attempt`."""
    if unanswered(function) and not (none_is_an_answer and function is not None):
        raise _Stop(not_attempted())
    if not callable(function):
        raise _Stop(
            incorrect("The check needs your function itself.", "Hand in its name, without parentheses.")
        )
    with contextlib.suppress(ValueError, TypeError):
        signature = inspect.signature(function)
        if not _fits(signature, args, kwargs):
            given = len(args) + len(kwargs)
            raise _Stop(
                incorrect(
                    f"Your function cannot be called with {given} argument{'' if given == 1 else 's'}.",
                    "Keep the parameters of the starter as they were.",
                )
            )
    try:
        result = function(*map(_copy, args), **{name: _copy(value) for name, value in kwargs.items()})
    except (_Stop, TimeLimit):
        raise
    except BaseException as error:
        _raised.error = error
        raise
    if result is ...:
        raise _Stop(not_attempted())
    if result is None and not none_is_an_answer:
        if _has_gap(function):
            raise _Stop(not_attempted())
        raise _Stop(incorrect("Your function returns nothing.", "End it with `return` and the answer."))
    if inspect.iscoroutine(result):
        result.close()
        raise _Stop(incorrect("Your function is asynchronous.", "Write `def` in place of `async def`."))
    if _pretends(result):
        raise _Stop(_pretender())
    return result


def _fits(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def _copy(value: Any) -> Any:
    # What cannot be copied (a connection, an open file) is handed over itself.
    try:
        return copy.deepcopy(value)
    except Exception:
        return value


# --- errors as sentences ---


def describe(error: BaseException, value: Any) -> CheckResult:
    """Say in a sentence what ``error`` means, without its text: that may quote data."""
    own = getattr(_raised, "error", None) is error
    _raised.error = None
    frame = None
    for item in _frames(error):
        if _in_cell(item.tb_frame.f_code.co_filename) or _is_code_of(item.tb_frame.f_code, value):
            own, frame = True, item
    name = type.__getattribute__(type(error), "__name__")
    if not own:
        message = f"The check cannot work with this answer ({name}): is it of the kind that is asked for?"
        return CheckResult(
            Status.ERROR, message, "Read the task again: what should be handed in, and what returned?"
        )
    where = ""
    if frame is not None and _in_cell(frame.tb_frame.f_code.co_filename):
        where = f" on line {frame.tb_lineno} of your cell"
    return CheckResult(Status.ERROR, f"Your code raised {name}{where}: {_explain(error)}.", NEXT_AFTER_ERROR)


def _frames(error: BaseException) -> Iterator[types.TracebackType]:
    # Past the object's own __getattribute__, which may be hostile.
    trace = BaseException.__getattribute__(error, "__traceback__")
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_code_of(code: types.CodeType, value: Any) -> bool:
    value = value.__func__ if type(value) is types.MethodType else value
    if type(value) is types.FunctionType:
        return code is value.__code__
    return code in _method_codes(value)


def _method_codes(value: Any) -> list[types.CodeType]:
    kind = type(value)
    members = [item for base in type.__getattribute__(kind, "__mro__") for item in vars(base).values()]
    found = [item.__code__ for item in members if type(item) is types.FunctionType]
    return [code for code in found if not _trusted_file(code.co_filename)]


def _is_the_kits_error(kind: type) -> bool:
    """Whether it is UserError or one of the kit's own kinds of it, and no class of the learner's."""
    if UserError not in type.__getattribute__(kind, "__mro__"):
        return False
    module, name = (type.__getattribute__(kind, part) for part in ("__module__", "__name__"))
    home = sys.modules.get(module) if type(module) is str and module.startswith("secure_ai.") else None
    return home is not None and vars(home).get(name) is kind


def _explain(error: BaseException) -> str:
    if _is_the_kits_error(type(error)):
        return str(error).rstrip(".")  # by contract one sentence without personal values
    if type(error) in (NameError, UnboundLocalError, AttributeError):
        name = error.name  # type: ignore[attr-defined]
        if type(name) is str and name.isidentifier() and len(name) < 60:
            if type(error) is AttributeError:
                return f"it asks for `.{name}`, which that object does not have"
            return f"it uses the name `{name}`, which is not defined there"
    for base in type.__getattribute__(type(error), "__mro__"):
        if base in EXPLANATIONS:
            return EXPLANATIONS[base]
    return "something in it failed"
