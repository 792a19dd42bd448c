"""The passphrase of a key ring: from an argument, the environment or a prompt, and long enough."""

from __future__ import annotations

import getpass
import os
import sys
import unicodedata
import warnings

from secure_ai.encrypt.key_rings.errors import PassphraseError

VARIABLE = "SECURE_AI_PASSPHRASE"
NEW_VARIABLE = "SECURE_AI_NEW_PASSPHRASE"
MINIMUM_CHARACTERS = 15  # NIST SP 800-63B-4, 3.1.1.2: a password that is the only factor
MAXIMUM_CHARACTERS = 1024


def read_passphrase(
    given: str | None = None,
    *,
    confirm: bool = False,
    variable: str = VARIABLE,
    prompt: str = "Passphrase of the key ring: ",
) -> bytes:
    """Return the passphrase as bytes: ``given``, else the environment variable, else asked for.

    It is normalized to NFC first, so that the same passphrase typed on another system is the same bytes.

    Args:
        given: the passphrase; None to look further.
        confirm: ask twice at the prompt, for a passphrase that is being set.
        variable: the environment variable.
        prompt: the question.

    Raises:
        PassphraseError: if there is none and nobody can be asked, it is shorter than 15 characters or
            longer than 1,024, or the two that were typed differ.
    """
    found = given if given is not None else os.environ.get(variable)
    if found is None:
        found = _ask(prompt, variable)
        if confirm and found != _ask("The same again: ", variable):
            raise PassphraseError("The two passphrases differ: type the same one twice.")
    if not isinstance(found, str):
        raise PassphraseError("The passphrase is not text: give it as a string.")
    found = unicodedata.normalize("NFC", found)
    if len(found) < MINIMUM_CHARACTERS or not found.strip():
        raise PassphraseError(
            f"The passphrase is too short: it needs {MINIMUM_CHARACTERS} characters, such as five random "
            "words."
        )
    if len(found) > MAXIMUM_CHARACTERS:
        raise PassphraseError(f"The passphrase is too long: at most {MAXIMUM_CHARACTERS} characters.")
    # Asked beforehand: the exception of a failed encoding would carry the passphrase along.
    if any("\ud800" <= character <= "\udfff" for character in found):
        raise PassphraseError("The passphrase has characters that are no text: choose another.")
    return found.encode("utf-8")


def _ask(prompt: str, variable: str) -> str:
    # In a notebook, getpass is the kernel's, and there is no terminal.
    if getpass.getpass.__module__ == "getpass" and not (sys.stdin is not None and sys.stdin.isatty()):
        raise PassphraseError(f"No passphrase was given: set the environment variable {variable}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except (EOFError, OSError, NotImplementedError, getpass.GetPassWarning):
        raise PassphraseError(f"No passphrase was given: set the environment variable {variable}.") from None
