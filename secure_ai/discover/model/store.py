"""The names model's file: weights, vocabulary, lexicon and how it was made, in one ``.npz``."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from secure_ai.core.errors import UserError
from secure_ai.discover.model.lexicon import Lexicon
from secure_ai.discover.model.network import Network

FILE = Path(__file__).with_name("names.npz")
_TEXT = ("vocabulary", "lexicon_words", "lexicon_phrases", "settings")


def save(
    path: Path,
    weights: dict[str, np.ndarray],
    vocabulary: dict[str, int],
    lexicon: Lexicon,
    settings: dict[str, Any],
) -> None:
    """Write the model; weights are kept in half precision."""
    words: dict[int, list[str]] = {}
    for word, bits in sorted(lexicon.words.items()):
        words.setdefault(bits, []).append(word)
    phrases: dict[int, list[str]] = {}
    for first, rests in sorted(lexicon.phrases.items()):
        for rest, code in rests:
            phrases.setdefault(code, []).append(" ".join((first, *rest)))
    texts = {
        "vocabulary": "\n".join(sorted(vocabulary, key=vocabulary.get)),
        "lexicon_words": json.dumps({str(bits): "\n".join(group) for bits, group in words.items()}),
        "lexicon_phrases": json.dumps({str(code): "\n".join(group) for code, group in phrases.items()}),
        "settings": json.dumps(settings),
    }
    arrays = {f"weight:{name}": np.asarray(value, dtype=np.float16) for name, value in weights.items()}
    arrays |= {
        f"text:{name}": np.frombuffer(value.encode("utf-8"), dtype=np.uint8) for name, value in texts.items()
    }
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read(path: Path = FILE) -> tuple[Network, dict[str, Any]]:
    """Read a model and its settings (labels, dilations, how it was trained).

    Raises:
        UserError: if the file is missing or is no such model.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            texts = {name: stored[f"text:{name}"].tobytes().decode("utf-8") for name in _TEXT}
            weights = {name[7:]: stored[name] for name in stored.files if name.startswith("weight:")}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"The names model {path.name} cannot be read ({type(error).__name__}): install the kit again, or "
            "rebuild the model as its card says."
        ) from None
    settings = json.loads(texts["settings"])
    words = {
        word: int(bits)
        for bits, group in json.loads(texts["lexicon_words"]).items()
        for word in group.split("\n")
    }
    phrases: dict[str, list] = {}
    for code, group in json.loads(texts["lexicon_phrases"]).items():
        for phrase in group.split("\n"):
            first, *rest = phrase.split(" ")
            phrases.setdefault(first, []).append((tuple(rest), int(code)))
    for rests in phrases.values():
        rests.sort(key=lambda item: (-len(item[0]), item[0]))
    # Rows 0 and 1 are the unknown word and numbers.
    vocabulary = {word: row for row, word in enumerate(texts["vocabulary"].split("\n"), 2)}
    network = Network(weights, vocabulary, Lexicon(words, phrases), settings["labels"], settings["dilations"])
    return network, settings
