"""Data minimization: the fewest and coarsest columns that still do the work of all."""

from secure_ai.anonymize.minimize.search import minimize

__all__ = ["minimize"]
