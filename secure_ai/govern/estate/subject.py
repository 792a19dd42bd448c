"""The person that a request, a hold or a sweep is about, and the values by which a trace would be known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Subject:
    """One person in the organization's data.

    Attributes:
        key: the value of the key column by which the organization's tables know the person
            (``patient_id``, ``customer_id``).
        pseudonym: a random identifier that stands for the person in logs, receipts and backups; it says
            nothing once the table that links it to ``key`` has forgotten the person.
        identifiers: kind of identifier → values, as they stand in the data (``"name"``, ``"mrn"``, ``"ssn"``,
            ``"phone"`` …); never written to a log, a receipt or an error.
        birth_date: ISO date, where known: with a name it identifies.
        shared: values among ``identifiers`` that other people of the organization have, too; each alone
            points to nobody, and the others' records that hold it must stay.
        namesakes: keys of the other people with the same name; nothing of theirs is touched by mistake.
    """

    key: str
    pseudonym: str
    identifiers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    birth_date: str = ""
    shared: frozenset[str] = frozenset()
    namesakes: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """Show the pseudonym alone: a subject may end up in an exception or a log."""
        return f"Subject({self.pseudonym})"
