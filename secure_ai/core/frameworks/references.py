"""Find the framework ids in a text, and say which of them are wrong or carry a wrong name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from secure_ai.core.errors import UserError
from secure_ai.core.frameworks import FrameworkEntry, entry

PATTERN = re.compile(
    r"""(?<![\w.$])(?:
        AML\.(?:TA|T|M)\d{4}(?:\.\d{3})?
      | LLM\d{2}(?::\d{4})?(?!\d)
      | (?:GOVERN|MAP|MEASURE|MANAGE)\ \d(?:\.\d{1,2})?(?![\d.]\d)
      | 164\.\d{3}(?!\d)(?:\([a-zA-Z0-9]{1,4}\))*
      | GDPR\ (?:Art\.|Article|Recital)\ \d+(?:\(\w{1,2}\))*
      | HIPAA\ [A-R](?!\w)
      | PCI\ DSS\ (?!4\.0)\d{1,2}\.\d+(?:\.\d+)*(?!\.\d)
      | CCPA\ \d{4}\.\d{3}
      | 11\ CCR\ 7\d{3}
      | 12\ CFR\ 30\ App\.\ B(?:,?\ (?:I{1,3}\.[A-G](?!\w)|Supp\.\ A))?
      | (?!45\ CFR\ 164)\d\d?\ CFR\ \d{1,4}\.\d+(?:\([a-zA-Z0-9]{1,4}\))*
      | \d\d?\ USC\ \d+[a-z]*(?:-\d(?!\d))?(?:\([a-zA-Z0-9]{1,4}\))*
      | (?:GV|ID|PR|DE|RS|RC)\.[A-Z]{2}-\d{2}(?!\d)
      | AI\ Act\ (?:Art\.\ \d+|Article\ \d+|Annex\ [IVX]+(?!\w))(?:\(\w{1,2}\))*
      | SR\ (?:11-7|21-8|23-4|26-2)(?!\d)
      | OCC\ (?:Bulletin\ )?20(?:11-12|21-19|23-17|26-13)(?!\d)
      | Form\ 8-K\ Item\ \d\.\d\d
      | (?:DORA|NIS2)\ Art\.\ \d+(?:\(\w{1,2}\))*
    )""",
    re.VERBOSE,
)
# What follows an id is taken for its name when it starts like one: "AML.T0020 Poison …", "LLM01 (Prompt …".
NAME = re.compile(r"(?: |: | \(| [–—] )(?P<name>[A-Z][\w/'-]*(?: [\w/'-]+)*)")
OTHER = re.compile(r"(?:AI RMF|NIST|HIPAA|GDPR|CCPA|GLBA|PCI|OWASP|MITRE|ATLAS|CFR)\b")
PARAPHRASED = ("NIST AI RMF",)  # its outcomes are sentences of up to eighty words


@dataclass(frozen=True, slots=True)
class Reference:
    """An id found in a text.

    Attributes:
        text: the id as it stands there.
        start: offset of its first character.
        entry: what it names; None if no framework has it.
        problem: a sentence that says what is wrong, empty if nothing is.
    """

    text: str
    start: int
    entry: FrameworkEntry | None
    problem: str = ""


def references(text: str) -> list[Reference]:
    """Return every framework id in ``text``, each resolved and with its printed name checked.

    A name counts as printed beside an id where a capitalized word follows it directly, after a
    space, a colon, a dash or an opening bracket; it must then begin like the true name. The long
    outcomes of the NIST AI RMF are usually paraphrased, and are not compared.
    """
    found = []
    for match in PATTERN.finditer(text):
        try:
            known = entry(match[0])
        except UserError as error:
            found.append(Reference(match[0], match.start(), None, str(error)))
            continue
        problem = ""
        beside = NAME.match(text, match.end())
        if known.framework not in PARAPHRASED and beside and not _another_id(text, beside):
            printed = beside["name"]
            if not any(_agree(printed, name) for name in _true_names(known)):
                problem = f"'{match[0]}' is called '{known.name}', but the text says '{printed}'."
        found.append(Reference(match[0], match.start(), known, problem))
    return found


def _another_id(text: str, beside: re.Match[str]) -> bool:
    start = beside.start("name")
    return bool(PATTERN.match(text, start) or OTHER.match(text, start))


def _true_names(known: FrameworkEntry) -> list[str]:
    names = [known.name]
    if known.detail:
        names.append(known.detail)
    if re.fullmatch(r"AML\.T\d{4}\.\d{3}", known.id):
        names.append(f"{entry(known.id[:-4]).name}: {known.name}")
    return names


def _agree(printed: str, name: str) -> bool:
    """Say whether the printed words are the name, go on after it, or stop at its first punctuation."""
    said, true = printed.split(), re.split(r"[:,(]", name)[0].rstrip(". ").split()
    return [word.casefold() for word in said[: len(true)]] == [word.casefold() for word in true]
