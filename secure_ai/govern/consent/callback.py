"""What a consent callback answers, looked at before it is believed: one True or False for each person."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from secure_ai.core.errors import UserError

Consent = Callable[[Sequence[str], str], Sequence[bool]]
"""People's keys, a purpose → whether the records of each may be used now; a consent ledger's ``allowed``."""


def ask_consent(consent: Consent, people: Sequence[str], purpose: str) -> np.ndarray:
    """Return what a consent callback answers, a bool for each of ``people``.

    Args:
        consent: asked once with all of them.
        people: keys, each once.
        purpose: what their records are used for.

    Raises:
        UserError: if the callback fails, or does not answer each person with True or False: neither a word
            nor a gap counts as consent. Its own message may quote a key and is not repeated.
    """
    try:
        answers = list(consent(people, purpose))
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"The consent callback failed ({type(error).__name__}), so nobody's consent is known: mend it."
        ) from None
    if len(answers) != len(people) or not all(isinstance(answer, bool | np.bool_) for answer in answers):
        raise UserError("The consent callback must answer True or False for each person, in order.")
    return np.array(answers, dtype=bool)
