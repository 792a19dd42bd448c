"""The names model: persons, places, organizations, groups, dates, titles, ages and ZIP codes in prose."""

from secure_ai.discover.model.names import NamesModel, load, names_model

__all__ = ["NamesModel", "load", "names_model"]
