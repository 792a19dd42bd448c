"""The vocabulary of purposes: the lawful basis of each, and which further use fits which first one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Literal, Protocol

from pydantic import Field, model_validator

from secure_ai.core.errors import UserError
from secure_ai.core.sources import shown
from secure_ai.core.yaml_files import Strict, checked, parse_yaml, read_yaml

Basis = Literal[
    "consent", "opt_out", "treatment_payment_operations", "contract", "legal_obligation",
    "vital_interests", "public_interest", "none",
]  # fmt: skip
SECTORS = ("healthcare", "finance")
DECIDED_BY_THE_PERSON = ("consent", "opt_out")


class Adopted(Protocol):
    """The vocabularies that a ledger adopted.

    Attributes:
        words: word → basis, of the last.
        ever: word → basis, of all; ``consent`` or ``opt_out`` where it ever was.
        ever_former: former name → word, of all.
    """

    words: Mapping[str, str]
    ever: Mapping[str, str]
    ever_former: Mapping[str, str]


class Purpose(Strict):
    """A purpose of use.

    Attributes:
        word: its name, the one that the access policy uses where it knows the purpose.
        means: what it covers, in a sentence.
        basis: ``consent``: only of people who gave it; ``opt_out``: of all but those who objected;
            the others rest on no decision of the person, so that a withdrawal does not stop them; ``none``:
            no purpose at all, nothing may be read for it.
        citation: framework id of the law behind the basis.
        source: address of that text.
        verified: whether the text was read.
        minimum_age: age from which a person decides alone; younger, a guardian does; None where the law at
            hand leaves it to the states.
        longest: days after which consent ends unless renewed; None where no limit is set.
        former_names: what the same purpose was called before.
        policy_fact: attribute of the access policy's records that says whether the person consents.
        objection_anyway: citation of a right to object or to restrict that is handled case by case.
    """

    word: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z][A-Za-z0-9 _-]*$")
    means: str
    basis: Basis
    citation: str = ""
    source: str = ""
    verified: bool = False
    minimum_age: int | None = Field(default=None, ge=0, le=30)
    longest: int | None = Field(default=None, ge=1)
    former_names: tuple[str, ...] = ()
    policy_fact: str = ""
    objection_anyway: str = ""

    @property
    def decided_by_the_person(self) -> bool:
        """Whether giving, withdrawing or objecting changes anything."""
        return self.basis in DECIDED_BY_THE_PERSON

    def undecidable(self) -> str:
        """Say why neither giving nor withdrawing consent changes anything for this purpose."""
        also = f" A person may turn to {self.objection_anyway}." if self.objection_anyway else ""
        return (
            f"The purpose {self.word} does not rest on consent ({self.basis.replace('_', ' ')}, "
            f"{self.citation or 'no citation'}): giving or withdrawing it changes nothing.{also}"
        )


class Compatibility(Strict):
    """Whether data collected for one purpose may be used for another (GDPR Art. 6(4)).

    Attributes:
        collected_for, purpose: the two.
        answer: ``same``, ``compatible``, ``needs_own_basis`` (the purpose's own basis must carry it, such as
            fresh consent), or ``incompatible``.
        reason: why, in a sentence.
        citation: framework id.
    """

    collected_for: str
    purpose: str
    answer: Literal["same", "compatible", "needs_own_basis", "incompatible"]
    reason: str
    citation: str = ""

    @property
    def allowed(self) -> bool:
        """Whether the use may go on, given that the purpose's own basis is there."""
        return self.answer != "incompatible"


class Purposes(Strict):
    """The purposes of an organization.

    Attributes:
        sector: ``"healthcare"``, ``"finance"``, or a name of your own.
        purposes: in order.
        compatible: judged pairs; a pair that nobody judged is incompatible.
    """

    sector: str
    purposes: tuple[Purpose, ...] = Field(min_length=1)
    compatible: tuple[Compatibility, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Purposes:
        words = [purpose.word for purpose in self.purposes]
        former = [name for purpose in self.purposes for name in purpose.former_names]
        if len({*words, *former}) < len(words) + len(former):
            raise ValueError("a word, or a former name, stands for two purposes")
        for pair in self.compatible:
            if missing := {pair.collected_for, pair.purpose} - set(words):
                raise ValueError(f"the pair names {min(missing)!r}, which is no purpose")
        return self

    @classmethod
    def load(cls, sector_or_file: str | Path) -> Purposes:
        """Read the kit's vocabulary of a sector, or a YAML file of the organization's own.

        Raises:
            UserError: if it cannot be read or says nothing consistent.
        """
        name = str(sector_or_file)
        label = f"purposes {shown(Path(name).name)}"
        if name in SECTORS:
            text = resources.files(__package__).joinpath(f"purposes_{name}.yaml").read_text("utf-8")
            return checked(cls, parse_yaml(text, label), label)
        advice = f"name a sector ({', '.join(SECTORS)}) or a YAML file"
        return checked(cls, read_yaml(sector_or_file, "purposes", advice=advice), label)

    def __getitem__(self, word: str) -> Purpose:
        """Return a purpose by its word or a former name.

        Raises:
            UserError: if there is none; the message lists those that exist.
        """
        for purpose in self.purposes:
            if word == purpose.word or word in purpose.former_names:
                return purpose
        known = ", ".join(purpose.word for purpose in self.purposes)
        raise UserError(f"There is no purpose '{shown(str(word))}': choose from {known}.")

    @property
    def words(self) -> dict[str, str]:
        """Word → lawful basis."""
        return {purpose.word: purpose.basis for purpose in self.purposes}

    @property
    def former(self) -> dict[str, str]:
        """Former name → word."""
        return {name: purpose.word for purpose in self.purposes for name in purpose.former_names}

    @property
    def of_the_person(self) -> tuple[Purpose, ...]:
        """The purposes that a person decides about."""
        return tuple(purpose for purpose in self.purposes if purpose.decided_by_the_person)

    def compatibility(self, collected_for: str, purpose: str) -> Compatibility:
        """Say whether data collected for one purpose may serve another.

        A pair that the table does not judge is incompatible: somebody must weigh it first (Art. 6(4)).
        """
        first, second = self[collected_for], self[purpose]
        if first == second:
            return Compatibility(
                collected_for=first.word, purpose=second.word, answer="same",
                reason="It is the purpose they were collected for.", citation="GDPR Art. 5(1)(b)",
            )  # fmt: skip
        for pair in self.compatible:
            if (pair.collected_for, pair.purpose) == (first.word, second.word):
                return pair
        return Compatibility(
            collected_for=first.word, purpose=second.word, answer="incompatible",
            reason="Nobody has weighed this further use: write the pair with its reason into the table.",
            citation="GDPR Art. 6(4)",
        )  # fmt: skip

    def unknown_to(self, policy_purposes: Iterable[str]) -> Mapping[str, str]:
        """Return words of the access policy that this vocabulary lacks → what that means."""
        known = {*self.words, *self.former}
        return {
            word: "the policy grants for a purpose whose lawful basis nobody stated"
            for word in policy_purposes
            if word not in known
        }


def check_change(before: Adopted, after: Purposes) -> None:
    """Refuse a change of the vocabulary by which a withdrawal would be got around.

    A rename is of one purpose, to a word that was never used, and for good. Everything else would let two
    histories run together, or a history be left behind.

    Args:
        before: what the ledger adopted, from the first vocabulary to the last.
        after: what is to be adopted.

    Raises:
        UserError: naming the word that may not change like that.
    """
    for name, old in before.ever_former.items():
        if name in after.words:
            raise UserError(f"The former name {name} would come to mean another purpose: take a new word.")
        final = after.former.get(old, old)
        if (final in after.words or name in after.former) and after.former.get(name) != final:
            raise UserError(f"{name} is a former name of {old}: list it among the former names of {final}.")
    renamed: dict[str, str] = {}
    for name, new in after.former.items():
        if name in before.ever_former or name not in before.ever:
            continue
        if new in before.ever or new in renamed or name not in before.words:
            raise UserError(
                f"{name} cannot become {new}: a purpose in use is renamed alone, to a word that was never "
                "used; a consent to one purpose is none to another."
            )
        renamed[new] = name
    for name, basis in before.ever.items():
        new = after.former.get(name, name)
        if basis in DECIDED_BY_THE_PERSON and after.words.get(new, basis) != basis:
            raise UserError(
                f"The basis of {new} cannot change from {basis} to {after.words[new]}: who withdrew would be "
                "used all the same; take a new word."
            )
