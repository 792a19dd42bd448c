"""Who is asking: identified by details that agree, with one answer whoever is or is not on file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from secure_ai.core.errors import UserError
from secure_ai.govern.estate.subject import Subject
from secure_ai.govern.rights.forms import RequestForm
from secure_ai.govern.rights.laws import Law

WEAK = frozenset({"name", "birth_date", "sex", "city", "state", "zip", "address", "key"})
"""What others may know or count up to: at least one detail of another kind must agree."""
MOST_ATTEMPTS = 3
ASK_AGAIN = (
    "We cannot tell from these details whom the request is about. Send the request again with the name, the "
    "date of birth and a number from one of our letters or cards, or come to the desk with an identity "
    "document. We send this same letter whether or not we keep data about a person."
)
NO_AUTHORITY = (
    "The request was made for somebody else, and we have no paper that lets the requester act for that "
    "person. We looked nothing up."
)
NOT_YOURS = (
    "The details are not those of the account that the request came from. To ask for another person, send "
    "the paper that lets you act for them. We looked nobody else up."
)


class Finder(Protocol):
    """Finds people by what is stated; :class:`secure_ai.govern.estate.people.People` does."""

    def find(self, **known: str) -> Sequence[Subject]: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of looking.

    Attributes:
        state: ``"identified"``, ``"ask"`` (for one more detail) or ``"refused"``.
        subject: the person; None unless identified.
        log: why, for the audit trail: it names nobody and is not sent to the requester.
        letter: what the requester is told.
        citation: of the law that asks for it.
        alert: whether somebody should look at it now.
    """

    state: Literal["identified", "ask", "refused"]
    subject: Subject | None = None
    log: str = ""
    letter: str = ""
    citation: str = ""
    alert: bool = False


def check_authority(form: RequestForm, law: Law, today: date) -> Verdict | None:
    """Return why the requester may not act for the person, before anybody is looked up; None if they may.

    A parent is refused where the child is of age by the birth date that the parent states: whether it is
    that of somebody on file plays no part, so the refusal says nothing about it.
    """
    if form.requester == "self":
        return None
    citation = law.proxies.get(form.requester, law.identity_citation)
    paper, log = form.authority, ""
    if form.requester == "other" or paper is None:
        log = f"asked for somebody else as '{form.requester}', without authority"
    elif paper.signed > today:
        log = "the paper is dated in the future"
    elif paper.expires is not None and paper.expires < today:
        log = "the paper has expired"
    elif form.requester == "parent" and not is_minor(form.stated.get("birth_date", ""), law.majority, today):
        log = "the child is of age by the date stated, or no date (YYYY-MM-DD) is stated"
    if not log:
        return None
    return Verdict("refused", None, log, NO_AUTHORITY, citation, form.requester == "other")


def identify(form: RequestForm, law: Law, people: Finder, today: date, attempts: int = 0) -> Verdict:
    """Return whom the request is about, or that one more detail is needed, or why it is refused.

    Nobody, several people, and one person with too few details get the same letter. From an account only
    the person of that account can be asked about; anything else is refused and raises an alert.

    Args:
        form: the request.
        law: under which it is answered.
        people: who is known.
        today: day of looking.
        attempts: how often details did not identify anybody before.
    """
    citation = law.identity_citation
    if attempts >= MOST_ATTEMPTS:
        closed = f"{ASK_AGAIN} This request is closed after {attempts} attempts; make a new one in person."
        return Verdict(
            "refused", None, f"{attempts} attempts did not identify anybody", closed, citation, True
        )
    stated = {kind: tidy(kind, value) for kind, value in form.stated.items()}
    try:
        found = list(people.find(**stated)) if stated else []
    except UserError:
        return Verdict("ask", None, "a kind of detail that is not known here", ASK_AGAIN, citation)
    if form.requester == "self" and form.signed_in:
        found = [subject for subject in found if subject.key == form.signed_in]
        if not found:
            # The same whether the details are another person's or nobody's.
            log = "the details are not those of the account that asks"
            return Verdict("refused", None, log, NOT_YOURS, citation, True)
    if len(found) != 1:
        log = "several people agree with it" if found else "nobody agrees with all of it"
        return Verdict("ask", None, log, ASK_AGAIN, citation)
    if len(stated) < law.identity_points or not set(stated) - WEAK:
        log = f"fewer than {law.identity_points} details, or none but what others may know"
        return Verdict("ask", None, log, ASK_AGAIN, citation)
    return Verdict("identified", found[0], "identified", "", citation)


def is_minor(birth_date: str, majority: int, today: date) -> bool:
    """Return whether somebody born then is younger than that; False where the date is not known."""
    try:
        birth = date.fromisoformat(birth_date[:10])
    except ValueError:
        return False
    age = today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
    return 0 <= age < majority


def tidy(kind: str, value: str) -> str:
    """Return a name as first name, last name, and anything else without spaces at its ends."""
    value = " ".join(value.split())
    if kind == "name" and value.count(",") == 1:
        last, first = value.split(",")
        return f"{first.strip()} {last.strip()}"
    return value
