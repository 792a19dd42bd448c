"""What an attack asks: any model, scoring function or endpoint, its answers counted and checked."""

from secure_ai.attack.targets.errors import TargetError, reason_instead
from secure_ai.attack.targets.preflight import check_rows, check_target
from secure_ai.attack.targets.target import Answer, Asked, Target, open_target

__all__ = [
    "Answer",
    "Asked",
    "Target",
    "TargetError",
    "check_rows",
    "check_target",
    "open_target",
    "reason_instead",
]
