"""A month of activity: who opened, exported, asked and paid what, with planted incidents and their truth."""

from __future__ import annotations

from synthetic_data.activity.month import Month, make_month
from synthetic_data.activity.sectors import family_of, kinds_of

__all__ = ["Month", "family_of", "kinds_of", "make_month"]
