"""Malformed inputs of an assessment: made from a seed, the same each time, a case per way of being wrong."""

from tests.assess.malformed.case import CANARY, Case

__all__ = ["CANARY", "Case"]
