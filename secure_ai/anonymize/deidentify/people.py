"""Who is who: mentions of one person linked within a document, and one made-up person for each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from secure_ai.anonymize.deidentify.names import (
    MadeUp,
    Mention,
    culture_of,
    fold,
    gender_of,
    is_name,
    make_up,
    parse_name,
    render,
)
from secure_ai.encrypt.secret_keys import Mac

# Words that are names, too: they are not looked for beyond where a detector saw them.
_COMMON = """
    a an and are art august bill black blue brown chase chance christian church clay cook dean drew
    faith field fields frank french friend gay gene german glass good grace grant gray green hall hand
    hands hill home hope house hunter ivy jack joy june jewel king knight lake lane law light long love
    major mark market may miles miller monday moon mason north page park parker patience paul penny
    power price prince queen ray rich rob rock rose ruby rush sandy sharp short small snow spring stone
    story strong summer sue sunday the trust van virginia wade walk wall ward waters west white will
    winter wise wood woods young april january february march july september october november december
    charity mercy rest case day days sun son friday tuesday best chad china india israel jordan georgia
    paris london florence austin dallas madison lincoln washington jackson dr mr mrs ms patient nurse
    doctor sex gold silver pink bank baker cash archer frost flowers noble hospital clinic medical
    center health care street avenue road city county department office account team for with from
    insurance card new york san saint discharge admission note visit follow pain left right
"""
COMMON_WORDS = frozenset(_COMMON.split())


@dataclass
class Cast:
    """The made-up people of a run: one for each true person, no two alike.

    A made-up name is a function of the key and the person, so that it comes out the same in every
    document and run. Where two people of one run happen to get the same name, the one met later gets
    another: with a name list of a culture of some 100,000 combinations this is rare below a thousand people.
    """

    mac: Mac
    _names: dict[str, MadeUp] = field(default_factory=dict)
    _taken: set[tuple[str, str]] = field(default_factory=set)

    def made_up(self, person: str, mention: Mention) -> MadeUp:
        """Return the made-up name of ``person``, who is mentioned as ``mention``."""
        known = self._names.get(person)
        if known is not None:
            return known
        for attempt in range(1000):
            made = make_up(
                self.mac, person, mention, (mention.given, mention.middle, mention.family), attempt
            )
            if (fold(made.given), fold(made.family)) not in self._taken:
                break
        self._taken.add((fold(made.given), fold(made.family)))
        self._names[person] = made
        return made


@dataclass
class _Person:
    key: str
    given: str
    family: str
    gender: str
    mention: Mention


@dataclass
class People:
    """The people of one document, in order of appearance."""

    cast: Cast | None
    people: list[_Person] = field(default_factory=list)

    def add(self, mentions: list[Mention]) -> None:
        """Take note of the people that ``mentions`` name in full, so that shorter mentions find them."""
        for mention in mentions:
            if mention.single or len(mention.given) == 1:
                continue
            key = f"{mention.given} {mention.family}"
            if all(person.key != key for person in self.people):
                gender = mention.gender or gender_of(mention.given)
                self.people.append(_Person(key, mention.given, mention.family, gender, mention))

    def find(self, mention: Mention) -> tuple[str, Mention]:
        """Return whose ``mention`` it is, and the mention with its words named as that person's."""
        if not mention.single:
            found = self._initial(mention) if len(mention.given) == 1 else None
            return (found.key if found else f"{mention.given} {mention.family}"), mention
        word = mention.family or mention.given
        if not word:
            return "", mention
        for person in reversed(self.people):
            family = word in (person.family, person.family.split(" ")[-1])
            if not family and word != person.given:
                continue
            if mention.gender and person.gender and mention.gender != person.gender:
                continue
            return person.key, _as(mention, "family" if family else "given")
        if mention.gender:
            return word, mention
        return word, _as(mention, "family" if _rather_family(word) else "given")

    def replace(self, text: str, role: str = "") -> str:
        """Return the made-up name of a mention, written as the mention was."""
        mention = parse_name(text, role)
        key, mention = self.find(mention)
        if not key:
            return "[PERSON]"
        person = next((p for p in self.people if p.key == key), None)
        made = self.cast.made_up(key, person.mention if person else mention)
        return render(text, mention, made)

    def words(self) -> set[str]:
        """Return the folded names to look for elsewhere in the document.

        Three letters or more, and no common word.
        """
        names = {
            word
            for person in self.people
            if any(is_name(part) for part in f"{person.given} {person.family}".split())
            for part in (person.given, person.family)
            for word in part.split()
        }
        return {word for word in names if len(word) > 2 and word not in COMMON_WORDS}

    def _initial(self, mention: Mention) -> _Person | None:
        fits = [p for p in self.people if p.family == mention.family and p.given.startswith(mention.given)]
        return fits[-1] if fits else None


def _rather_family(word: str) -> bool:
    return gender_of(word) == "" and (is_name(word) and culture_of(word, "family") != "")


def _as(mention: Mention, kind: str) -> Mention:
    """Return a mention of one name with its words taken as given or as family name."""
    pieces = tuple(
        replace(piece, kind=kind) if piece.kind in {"given", "family"} else piece for piece in mention.pieces
    )
    word = mention.family or mention.given
    return replace(
        mention, pieces=pieces, given=word if kind == "given" else "", family=word if kind == "family" else ""
    )
