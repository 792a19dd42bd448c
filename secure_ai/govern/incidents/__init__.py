"""Incident response: the plan as data, its clocks, continuity, indicators, and the tabletop that plays it."""
