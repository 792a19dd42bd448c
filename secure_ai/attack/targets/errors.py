"""Why a target cannot be attacked, and how that becomes *unassessed* instead of a score."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from secure_ai.core import Unassessed, UserError

P = ParamSpec("P")
R = TypeVar("R")


class TargetError(UserError):
    """The model does not answer, or not so that the attack could be judged; nothing follows about safety."""


def reason_instead(attack: Callable[P, R]) -> Callable[P, R | Unassessed]:
    """Let ``attack`` return :class:`Unassessed` with the reason where it would raise :class:`TargetError`.

    Other errors pass: a wrong argument of the caller is no finding about the model.
    """

    @wraps(attack)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R | Unassessed:
        try:
            return attack(*args, **kwargs)
        except TargetError as error:
            return Unassessed(str(error))

    return wrapped
