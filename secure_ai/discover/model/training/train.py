"""Train the names model: ``python -m secure_ai.discover.model.training.train --open FOLDER``."""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from secure_ai.discover.model import features, store
from secure_ai.discover.model.lexicon import CLASSES, Lexicon
from secure_ai.discover.model.tokens import tokenize
from secure_ai.discover.model.training.corpus import (
    ANY,
    LEARNED,
    Template,
    as_document,
    read_conll,
    read_templates,
)  # fmt: skip
from secure_ai.discover.model.training.examples import Example, fill, joined, label, open_example, with_noise
from secure_ai.discover.model.training.sources import compile_lexicon
from secure_ai.discover.model.training.torch_network import Network
from secure_ai.discover.model.training.values import Values

VERSION = "1.0"
LABELS = ["O", *(f"{place}-{entity}" for entity in LEARNED for place in "BI")]
WIDTH, DILATIONS, DROPOUT = 128, (1, 1, 2, 1, 3), 0.33
BATCH_WORDS = 2_500
BLANK, FORGET_ENTITY, FORGET_OTHER = 0.35, 0.4, 0.12
"""While training: share of entities whose classes are hidden, and of words that count as unknown."""

OPEN_FILES = {
    # file -> (weight in the loss, share of names replaced)
    "wnut17_train.conll": (0.3, 0.6),
    "wnut17_dev.conll": (0.3, 0.6),
    "btc_a.conll": (0.3, 0.6),
    "btc_b.conll": (0.3, 0.6),
    "re3d.conll": (0.3, 0.5),
}
_UNMARKED = frozenset(
    f"{place}-{entity}" for entity in ("NRP", "DATE_TIME", "TITLE", "AGE", "ZIP_CODE") for place in "BI"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, save, and say how well the model does on templates kept aside."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--open", type=Path, required=True, help="folder of the open corpora (CoNLL files)")
    parser.add_argument("--out", type=Path, default=store.FILE)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)

    templates = read_templates()
    opened = [
        (words, tags, *settings)
        for name, settings in OPEN_FILES.items()
        for words, tags in (_usable(words, tags, name) for words, tags in read_conll(options.open / name))
    ]
    lexicon = compile_lexicon(
        templates,
        (word for words, tags, *_ in opened for word, tag in zip(words, tags, strict=True) if tag == "O"),
    )
    vocabulary = _vocabulary(templates, opened)
    network = Network(LABELS, len(vocabulary) + 2, WIDTH, DILATIONS, DROPOUT)
    values = Values(templates, options.seed)
    print(
        f"{len(templates)} templates, {len(opened)} open sentences, {len(vocabulary)} words, "
        f"{len(lexicon.words)} lexicon words"
    )
    best = _train(
        network,
        templates=templates,
        opened=opened,
        values=values,
        lexicon=lexicon,
        vocabulary=vocabulary,
        rounds=options.rounds,
        rng=rng,
    )
    settings = {
        "version": VERSION,
        "labels": LABELS,
        "dilations": DILATIONS,
        "rounds": options.rounds,
        "seed": options.seed,
        "templates": len(templates),
        "words": sum(len(as_document(template).text.split()) for template in templates),
        "open_sentences": len(opened),
    }
    store.save(options.out, best, vocabulary, lexicon, settings)
    print(f"wrote {options.out.name}, {options.out.stat().st_size / 1e6:.1f} MB")


# ---------------------------------------------------------------- data


_LEADING = {
    "the",
    "a",
    "an",
    "our",
    "their",
    "his",
    "her",
    "its",
    "minister",
    "president",
    "secretary",
    "deputy",
}


def _usable(words: list[str], tags: list[str], name: str) -> tuple[list[str], list[str]]:
    # re3d marks pronouns and descriptions too ("hundreds of people"): what is not a name by its capitals
    # is left open.
    if not name.startswith("re3d"):
        return words, tags
    tags = list(tags)
    at = 0
    while at < len(words):
        end = at + 1
        if tags[at].startswith("B-"):
            while end < len(words) and tags[end] == f"I-{tags[at][2:]}":
                end += 1
            inside = words[at:end]
            named = all(word[0].isupper() or word in ("of", "and", "-", "for", "al") for word in inside)
            if not named or inside[0].casefold() in _LEADING or tags[at].endswith("DATE_TIME"):
                tags[at:end] = [ANY] * (end - at)
        at = end
    return words, tags


def _vocabulary(templates: Sequence[Template], opened: Sequence[tuple]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for template in templates:
        for piece in template:
            for word in tokenize(piece.text).words:
                counts[word.casefold()] = counts.get(word.casefold(), 0) + 2 - (piece.type is not None)
    for words, *_ in opened:
        for word in words:
            counts[word.casefold()] = counts.get(word.casefold(), 0) + 1
    kept = sorted(
        word for word, count in counts.items() if count >= 3 and not word[0].isdigit() and "\n" not in word
    )
    return {word: row for row, word in enumerate(kept, 2)}


def _examples(
    templates: Sequence[Template],
    opened: Sequence[tuple],
    values: Values,
    rng: np.random.Generator,
) -> Iterator[Example]:
    every = frozenset(LABELS)
    order = rng.permutation(len(templates))
    for position, index in enumerate(order):
        template = templates[index]
        if rng.random() < 0.15:
            template = joined(template, templates[order[position - 1]], rng)
        swap = (0.0, 0.5, 1.0)[int(rng.choice(3, p=(0.25, 0.35, 0.4)))]
        yield label(fill(with_noise(template, rng), values, rng, swap))
    for words, tags, weight, swap in opened:
        yield open_example(
            words, tags, unknown=_UNMARKED, every=every, weight=weight, values=values, rng=rng, swap=swap
        )


def _batches(examples: list[Example], rng: np.random.Generator) -> list[list[Example]]:
    examples = [example for example in examples if example.tokens.words]
    examples.sort(key=lambda example: len(example.tokens.words) + rng.random() * 4)
    batches, current, longest = [], [], 0
    for example in examples:
        longest = max(longest, len(example.tokens.words))
        if current and longest * (len(current) + 1) > BATCH_WORDS:
            batches.append(current)
            current, longest = [], len(example.tokens.words)
        current.append(example)
    if current:
        batches.append(current)
    return [batches[i] for i in rng.permutation(len(batches))]


_TAG = {name: i for i, name in enumerate(LABELS)}


def tensors(
    batch: Sequence[Example],
    lexicon: Lexicon,
    vocabulary: dict[str, int],
    rng: np.random.Generator,
    hide: bool = True,
) -> dict[str, torch.Tensor]:
    """Turn examples into the network's input; ``hide`` keeps some of its knowledge from it, at random."""
    longest = max(len(example.tokens.words) for example in batch)
    mask = np.zeros((len(batch), longest), dtype=bool)
    allowed = np.ones((len(batch), longest, len(LABELS)), dtype=bool)
    words, grams, starts, shapes, bits, gaps, phrases, cases = [], [], [], [], [], [], [], []
    for row, example in enumerate(batch):
        tokens = example.tokens
        mask[row, : len(tokens.words)] = True
        codes = lexicon.phrase_codes(tokens.words)
        case = features.letter_case(tokens.words)
        hidden = False
        for i, word in enumerate(tokens.words):
            if example.entity[i]:
                if i == 0 or not example.entity[i - 1]:
                    hidden = hide and rng.random() < BLANK
            else:
                # Ordinary words that no list knows occur too.
                hidden = hide and rng.random() < FORGET_OTHER
            forgotten = hide and rng.random() < (FORGET_ENTITY if example.entity[i] else FORGET_OTHER)
            known = features.word_row(word, vocabulary)
            words.append(features.UNKNOWN if forgotten and known != features.NUMBER else known)
            starts.append(len(grams))
            grams.extend(features.n_grams(word))
            shapes.append(features.shape(word))
            bits.append(0 if hidden else lexicon.bits(word))
            phrases.append(0 if hidden else codes[i])
            allowed[row, i] = False
            for name in example.allowed[i]:
                allowed[row, i, _TAG[name]] = True
        gaps += tokens.gaps
        cases += [case] * len(tokens.words)
    classes = (np.array(bits)[:, None] >> np.arange(len(CLASSES)) & 1).astype(np.float32)
    return {
        "mask": torch.from_numpy(mask),
        "allowed": torch.from_numpy(allowed),
        "words": torch.tensor(words),
        "grams": torch.tensor(grams),
        "gram_starts": torch.tensor(starts),
        "shapes": torch.tensor(shapes),
        "classes": torch.from_numpy(classes),
        "gaps": torch.tensor(gaps),
        "phrases": torch.tensor(phrases),
        "cases": torch.tensor(cases),
        "weights": torch.tensor([example.weight for example in batch]),
    }


# ---------------------------------------------------------------- the loop


def _train(
    network: Network,
    *,
    templates: Sequence[Template],
    opened: Sequence[tuple],
    values: Values,
    lexicon: Lexicon,
    vocabulary: dict[str, int],
    rounds: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.01, betas=(0.9, 0.98))
    # The average of the weights over the last thousand steps generalizes better than the last ones.
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    step = 0
    for number in range(rounds):
        began, losses, count = time.monotonic(), 0.0, 0
        network.train()
        batches = _batches(list(_examples(templates, opened, values, rng)), rng)
        for position, batch in enumerate(batches):
            done = (number + position / len(batches)) / rounds
            rate = min(1, (step + 1) / 300) * (0.5 + 0.5 * math.cos(math.pi * done)) * 0.98 + 0.02
            for group in optimizer.param_groups:
                group["lr"] = 2e-3 * rate
            inputs = tensors(batch, lexicon, vocabulary, rng)
            loss = network.crf.loss(network(inputs), inputs["allowed"], inputs["mask"])
            loss = (loss * inputs["weights"]).sum() / inputs["mask"].sum()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            step += 1
            keep = min(0.999, step / (step + 10))
            with torch.no_grad():
                for name, value in network.state_dict().items():
                    average[name].mul_(keep).add_(value, alpha=1 - keep)
            losses += loss.item()
            count += 1
        print(
            f"round {number + 1:>2}: loss {losses / count:.4f}, {time.monotonic() - began:.0f} s", flush=True
        )
    network.load_state_dict(average)
    return network.arrays()


if __name__ == "__main__":
    main()
