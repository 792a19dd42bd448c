"""What notebooks call to teach: parameters, tasks with checks, quizzes, progress, the map by role."""

from secure_ai.learn.engine import (
    CheckResult,
    KnownWrong,
    Lab,
    Status,
    attempt,
    correct,
    fresh,
    incorrect,
    same,
)
from secure_ai.learn.map import next_steps, show_map
from secure_ai.learn.parameters import ParameterError, check_parameters
from secure_ai.learn.path_progress import show_progress
from secure_ai.learn.quiz import load_quiz
from secure_ai.learn.seat import submit

__all__ = [
    "CheckResult",
    "KnownWrong",
    "Lab",
    "ParameterError",
    "Status",
    "attempt",
    "check_parameters",
    "correct",
    "fresh",
    "incorrect",
    "load_quiz",
    "next_steps",
    "same",
    "show_map",
    "show_progress",
    "submit",
]
