"""Guesses in the order in which a cracker makes them: frequent words first, then words changed by rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

# Cheap habits first. A year, an exclamation mark, a swapped letter: what every rule set of a cracker holds.
_ENDINGS = (
    "1", "!", "123", "12", "2", "01", "1!", "123!", "#1", "@1", "11", "7", "22", "69", "1234", "12345", "00",
)  # fmt: skip
_YEARS = tuple(str(year) for year in range(2026, 1984, -1))
_LOOK_ALIKES = (
    str.maketrans({"a": "@"}),
    str.maketrans({"o": "0"}),
    str.maketrans({"a": "@", "o": "0"}),
    str.maketrans({"a": "@", "e": "3", "o": "0", "i": "1", "s": "$"}),
    str.maketrans({"a": "4", "e": "3", "o": "0", "i": "1", "s": "5"}),
)


def base_words(extra: Iterable[str] = (), *, most: int = 8000) -> tuple[str, ...]:
    """Return the words that rules are applied to: ``extra`` first, then the commonest words and names.

    ``extra`` is what an attacker knows of the place: its name, its trade, the seasons. The lists are those of
    zxcvbn, taken in turn by frequency.
    """
    from zxcvbn.frequency_lists import FREQUENCY_LISTS as lists

    chosen = [
        lists[name] for name in ("passwords", "female_names", "male_names", "surnames", "english_wikipedia")
    ]
    found = dict.fromkeys(word.lower() for word in extra)
    for rank in range(max(len(words) for words in chosen)):
        if len(found) >= most:
            break
        found |= dict.fromkeys(words[rank] for words in chosen if rank < len(words) and len(words[rank]) > 2)
    return tuple(islice(found, most))


def guesses(extra: Iterable[str] = (), *, most_words: int = 8000) -> Iterator[str]:
    """Yield each guess once, the same order at each run.

    First the 30,000 commonest passwords as they are, then rule after rule over :func:`base_words`: as it is,
    capitalized, with an ending, with a year, with look-alike letters, and these together; last,
    every ending of one to three digits over the first words.
    """
    seen: set[str] = set()
    for guess in _in_order(tuple(extra), most_words):
        if guess not in seen:
            seen.add(guess)
            yield guess


def _in_order(extra: tuple[str, ...], most: int) -> Iterator[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS as lists

    words = base_words(extra, most=most)
    yield from lists["passwords"]
    for word in words[: len(extra)]:
        for form in (word, word.capitalize()):
            yield form
            yield from (form + ending for ending in (*_ENDINGS, *_YEARS, *(year + "!" for year in _YEARS)))
    yield from words
    yield from (word.capitalize() for word in words)
    short = words[: most // 4]
    for ending in _ENDINGS:
        for word in words:
            yield word + ending
            yield word.capitalize() + ending
    for table in _LOOK_ALIKES:
        for word in words:
            swapped = word.translate(table)
            if swapped != word:
                # A cracker capitalizes before it swaps, and after.
                for form in (swapped, swapped.capitalize(), word.capitalize().translate(table)):
                    yield from (form + ending for ending in ("", "!", "1", "1!"))
    for year in _YEARS:
        for word in short:
            yield from (
                word + year,
                word.capitalize() + year,
                word + year + "!",
                word.capitalize() + year + "!",
            )
    for length in (1, 2, 3):
        for number in range(10**length):
            ending = f"{number:0{length}d}"
            for word in (*words[: len(extra)], *short[: max(1, most // 10)]):
                yield from (word + ending, word.capitalize() + ending, word.capitalize() + ending + "!")
