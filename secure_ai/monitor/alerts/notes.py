"""Notes that people write when they handle an alert: one short line, without personal values.

The kit's detector reads a note before it is kept. It finds most names and numbers, not all; so a note stays
in the store, is shown to those who work there, and is in no message and no audit trail.
"""

from __future__ import annotations

from collections.abc import Callable

from secure_ai.core.errors import UserError

LONGEST_NOTE = 200
# Times and places are what notes are about ("on the rota of 12 March").
_NO_FINDING = frozenset({"DATE_TIME", "LOCATION", "ORGANIZATION", "NRP", "AGE"})

NoteCheck = Callable[[str], bool]


def holds_personal_value(note: str) -> bool:
    """Say whether the kit's detector finds a name or an identifier of a person in a note.

    The first call loads the detector, which takes some seconds.
    """
    from secure_ai.discover import detect

    return any(span.entity_type not in _NO_FINDING for span in detect([note])[0])


def checked_note(note: str, what: str, check: NoteCheck, *, needed: bool = False) -> str:
    """Return a note without blanks around it.

    Args:
        note: as it was written.
        what: its name in an error.
        check: says whether it holds a personal value.
        needed: whether there must be one.

    Raises:
        UserError: if it is missing, too long, more than a line, or holds a personal value; it is not shown.
    """
    if not isinstance(note, str) or len(note) > LONGEST_NOTE or not (note.isprintable() or not note):
        raise UserError(f"The {what} must be one line of at most {LONGEST_NOTE} characters.")
    note = note.strip()
    if needed and len(note) < 3:
        raise UserError(f"A {what} is needed: say why in a few words.")
    if note and check(note):
        raise UserError(
            f"The {what} seems to hold a name or an identifier of a person: write it with the identifiers "
            "of the alert, such as 'on the rota, confirmed by the ward'."
        )
    return note
