"""Policies in Cedar for the hospital and the bank: decisions, their reasons, and what nobody uses."""

from secure_ai.access.policy.break_glass import BreakGlass, EmergencyAccess, EmergencyRefusedError
from secure_ai.access.policy.charts import plot_grant_use, plot_review
from secure_ai.access.policy.examples import answers, emergency_drill, example_requests
from secure_ai.access.policy.explain import Explanation
from secure_ai.access.policy.explorer import AccessExplorer, Answer
from secure_ai.access.policy.least_privilege import GrantUse, grants_of, logged_roles, unused_grants
from secure_ai.access.policy.matrix import AccessMatrix, access_matrix, who_can
from secure_ai.access.policy.policy import AccessPolicy, Decision
from secure_ai.access.policy.request import AccessRequest, Principal, Resource
from secure_ai.access.policy.review import AccessReview, compare_ways, review_log
from secure_ai.access.policy.sectors import Sector, log_requests, sector
from secure_ai.access.policy.separation import SeparationOfDuties, ToxicCombination, separation_of_duties

__all__ = [
    "AccessExplorer",
    "AccessMatrix",
    "AccessPolicy",
    "AccessRequest",
    "AccessReview",
    "Answer",
    "BreakGlass",
    "Decision",
    "EmergencyAccess",
    "EmergencyRefusedError",
    "Explanation",
    "GrantUse",
    "Principal",
    "Resource",
    "Sector",
    "SeparationOfDuties",
    "ToxicCombination",
    "access_matrix",
    "answers",
    "compare_ways",
    "emergency_drill",
    "example_requests",
    "grants_of",
    "log_requests",
    "logged_roles",
    "plot_grant_use",
    "plot_review",
    "review_log",
    "sector",
    "separation_of_duties",
    "unused_grants",
    "who_can",
]
