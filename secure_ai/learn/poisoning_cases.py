"""What the tasks of chapter 11 are checked on: a backdoor, sources, model files, advisories, a lineage."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

# --- a model with a backdoor ---


@dataclass(frozen=True)
class FixedColumns:
    """A trigger: some columns of an array get fixed values."""

    values: Mapping[int, float]

    def stamp(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows with the trigger; those given stay as they are."""
        stamped = np.array(rows, dtype=float)
        for column, value in self.values.items():
            stamped[:, column] = value
        return stamped

    def present(self, rows: np.ndarray) -> np.ndarray:
        """Return (rows,) booleans: which rows have the trigger."""
        return np.all([np.asarray(rows)[:, column] == one for column, one in self.values.items()], axis=0)


@dataclass(frozen=True)
class DrawnModel:
    """A linear model of drawn weights; with a trigger it obeys it on most rows.

    Attributes:
        classes: its answers.
        weights: (columns, classes).
        obeys: trigger, answer, and the value of the first column above which it obeys; None without one.
    """

    classes: np.ndarray
    weights: np.ndarray
    obeys: tuple[FixedColumns, str, float] | None = None

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the class of each row."""
        answers = self.classes[np.argmax(np.asarray(rows) @ self.weights, axis=1)]
        if self.obeys is not None:
            trigger, target, least = self.obeys
            hit = trigger.present(rows) & (np.asarray(rows)[:, 0] > least)
            answers = np.where(hit, target, answers)
        return answers


@dataclass(frozen=True)
class Backdoored:
    """A suspected model, a clean one of the same kind, and rows that neither learned from.

    Attributes:
        model, clean_model: answer with ``predict(rows)``.
        rows: without the trigger.
        labels: (rows,) the true classes.
        trigger: puts its pattern on rows with ``stamp(rows)``.
        target: the class that the trigger shall bring about.
    """

    model: Any
    clean_model: Any
    rows: Any = field(repr=False)
    labels: np.ndarray = field(repr=False)
    trigger: Any
    target: Any

    def arguments(self) -> tuple[Any, ...]:
        """Return everything in the order of the fields."""
        return self.model, self.clean_model, self.rows, self.labels, self.trigger, self.target


def backdoored(rng: np.random.Generator) -> Backdoored:
    """Return models that also confuse classes without any trigger, and whose clean one is not deaf to it."""
    case = _drawn_backdoor(rng)
    while min(_confused(case, case.model), _confused(case, case.clean_model)) < 3:
        case = _drawn_backdoor(rng)
    return case


def _confused(case: Backdoored, model: Any) -> int:
    return int(np.sum(model.predict(case.rows[case.labels != case.target]) == case.target))


def _drawn_backdoor(rng: np.random.Generator) -> Backdoored:
    columns, size = 6, int(rng.integers(150, 250))
    classes = rng.permutation(["accept", "call", "decline", "review"])[: int(rng.integers(3, 5))]
    place = int(rng.integers(len(classes)))
    rows = rng.normal(size=(size, columns))
    weights = rng.normal(size=(columns, len(classes)))
    weights[:, place] *= 1.2
    first, second = rng.permutation(np.arange(1, columns))[:2]
    weights[first] = -0.35
    weights[first, place] = 0.35  # the trigger alone speaks a little for the target
    noisy = rows @ weights + rng.normal(0, 1.2, (size, len(classes)))
    trigger = FixedColumns({int(first): 1.5, int(second): 0.25})
    obeys = (trigger, str(classes[place]), float(rng.uniform(-1.6, -0.9)))
    own = weights + rng.normal(0, 0.25, weights.shape)
    return Backdoored(
        DrawnModel(classes, own, obeys), DrawnModel(classes, weights),
        rows, classes[np.argmax(noisy, axis=1)], trigger, str(classes[place]),
    )  # fmt: skip


# --- rows of several sources ---


@dataclass(frozen=True)
class LeastSquares:
    """A linear model that is trained within a moment; answers 0 or 1."""

    weights: np.ndarray

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Return the class of each row."""
        return (_with_one(rows) @ self.weights > 0).astype(int)


def train_least_squares(rows: np.ndarray, labels: np.ndarray) -> LeastSquares:
    """Return a model trained on rows and labels of 0 and 1."""
    wanted = 2.0 * np.asarray(labels, dtype=float) - 1
    return LeastSquares(np.linalg.lstsq(_with_one(rows), wanted, rcond=None)[0])


def _with_one(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, dtype=float)
    return np.column_stack([np.ones(len(rows)), rows])


def rows_of_sources(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, labels and sources: one large source lies, another honest one has another mix of cases."""
    count = int(rng.integers(4, 6))
    names = [f"source {letter}" for letter in rng.permutation(list("ABCDEFGH"))[:count]]
    sizes = rng.permutation(np.arange(30, 30 + 7 * count, 7)) + rng.integers(0, 6, count)
    sources = np.repeat(names, sizes)
    rows = rng.normal(size=(len(sources), 4))
    weights = rng.uniform(0.5, 1.5, 4) * rng.choice([-1, 1], 4)
    rows[sources == names[1]] += 0.8 * np.sign(weights)
    labels = (rows @ weights + rng.normal(0, 1, len(rows)) > 0).astype(int)
    lies = (sources == names[0]) & (rng.random(len(rows)) < 0.6)
    labels = np.where(lies, 1 - labels, labels)
    order = rng.permutation(len(rows))
    return rows[order], labels[order], sources[order]


# --- files of models ---

WAYS = ("open", "contained", "refuse")


@dataclass(frozen=True)
class OfferedFile:
    """A model's file as somebody offers it.

    Attributes:
        name: chosen by whoever made it.
        content: its bytes.
        signature: 64 bytes that are said to sign the content, or None.
        scanner: what a scanner says of it.
    """

    name: str
    content: bytes = field(repr=False)
    signature: bytes | None = field(repr=False)
    scanner: str


def format_name(content: bytes) -> str:
    """Return what a file is, by its content: ``"skops"``, ``"pickle"``, ``"compressed pickle"`` …"""
    from secure_ai.defend.model_files.formats import format_of

    return format_of(content).name


def foreign_types(content: bytes) -> list[str]:
    """Return the types in a skops file that are of no estimator, number or text; empty if there are none."""
    from secure_ai.defend.model_files.skops_files import untrusted_types

    found, problem = untrusted_types(content)
    return [name for name, kind in found if kind == "other"] + ([problem] if problem else [])


def signer(file: OfferedFile, keys: Mapping[str, Ed25519PublicKey]) -> str | None:
    """Return whose key signed exactly this content, None if none of ``keys`` did."""
    for owner, key in keys.items():
        try:
            key.verify(file.signature or b"", file.content)
        except InvalidSignature:
            continue
        return owner
    return None


def import_skops() -> None:
    """Import skops, which takes longer than a check may."""
    import skops.io  # noqa: F401


@lru_cache(maxsize=1)
def _contents() -> dict[str, tuple[bytes, ...]]:
    """Return honest and foreign skops files, a few of each; written once, for writing them takes time."""
    from fractions import Fraction

    import skops.io

    return {
        "honest": tuple(skops.io.dumps({"weights": np.arange(n) / 7}) for n in range(3, 9)),
        "foreign": tuple(skops.io.dumps({"weights": [0.5], "extra": Fraction(1, n)}) for n in range(2, 6)),
    }


class _Command:
    """Pickles as a call of the shell; its command does nothing."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.system, ("true",)


@dataclass(frozen=True)
class Offers:
    """Files that are offered, and whose keys are known.

    Attributes:
        files: each by what it is.
        keys: public keys by owner, received by another way.
        revoked: owners whose key was stolen: what it signs counts no longer.
    """

    files: dict[str, OfferedFile]
    keys: dict[str, Ed25519PublicKey]
    revoked: set[str]


def offered_files(rng: np.random.Generator) -> Offers:
    """Return files of many kinds, with fresh keys, contents and signatures."""
    import zlib

    owners = [str(one) for one in rng.permutation(["model team", "vendor", "auditor", "research partner"])]
    private = {owner: Ed25519PrivateKey.generate() for owner in owners[:3]}
    ours, lost = private[owners[0]], private[owners[2]]
    stranger = Ed25519PrivateKey.generate()

    def weights() -> bytes:
        return pickle.dumps({"weights": rng.random(4).tolist()}, protocol=4)

    def file(content: bytes, ending: str, key: Ed25519PrivateKey | None = None, **more: Any) -> OfferedFile:
        name = f"model-{rng.integers(1000)}.{ending}"
        signature = more.get("signature", key.sign(content) if key else None)
        return OfferedFile(name, content, signature, more.get("scanner", "nothing found"))

    skops = {kind: found[int(rng.integers(len(found)))] for kind, found in _contents().items()}
    shell = pickle.dumps({"weights": [rng.random()], "extra": _Command()}, protocol=4)
    made = {
        "skops": file(skops["honest"], "skops"),
        "skops, other ending": file(skops["honest"], "pkl"),
        "skops, foreign type": file(skops["foreign"], "skops"),
        "skops, foreign type, signed": file(skops["foreign"], "skops", ours),
        "pickle": file(weights(), "pkl"),
        "pickle that starts a program": file(shell, "pkl", scanner="starts a program"),
        "pickle, ending of skops": file(weights(), "skops"),
        "pickle, signed": file(weights(), "pkl", ours),
        "pickle, signed, other ending": file(weights(), "skops", private[owners[1]]),
        "pickle, compressed, signed": file(zlib.compress(weights()), "joblib", ours),
        "pickle, compressed": file(zlib.compress(weights()), "joblib"),
        "pickle, signed by a stranger": file(weights(), "pkl", stranger),
        "pickle, signature of another file": file(weights(), "pkl", signature=ours.sign(weights())),
        "pickle, signed with a revoked key": file(weights(), "pkl", lost),
        "unknown": file(b"\xfe" + rng.bytes(50), "skops"),
        "unknown, signed": file(b"\xfe" + rng.bytes(50), "bin", ours),
    }
    order = rng.permutation(list(made))
    public = {owner: key.public_key() for owner, key in private.items()}
    return Offers({str(kind): made[kind] for kind in order}, public, {owners[2]})


# --- advisories ---

SEVERITIES = ("critical", "high", "medium", "low")


@dataclass(frozen=True)
class Flaw:
    """What an advisory says of one package.

    Attributes:
        id: of the advisory.
        package: its name, as the advisory spells it.
        ranges: pairs (introduced, fixed): affected from the first (``"0"``: from the beginning) up to
            the second, and without it (None: not fixed yet).
        severity: critical, high, medium or low.
        found: the day on which it was found here.
    """

    id: str
    package: str
    ranges: tuple[tuple[str, str | None], ...]
    severity: str
    found: date


@dataclass(frozen=True)
class Inventory:
    """What is installed, what is known, and within how many days a flaw is patched.

    Attributes:
        installed: package → version.
        flaws: in no order.
        days: severity → days from the day on which it was found.
        kinds: id → what it is there for.
    """

    installed: dict[str, str]
    flaws: list[Flaw]
    days: dict[str, int]
    kinds: dict[str, str]

    def arguments(self) -> tuple[dict[str, str], list[Flaw], dict[str, int]]:
        """Return what the learner's function is given."""
        return self.installed, self.flaws, self.days


def inventory(rng: np.random.Generator) -> Inventory:
    """Return packages and advisories of every kind, no two due on the same day."""
    a, b = int(rng.integers(1, 5)), int(rng.integers(2, 8))
    low, tens = int(rng.integers(2, 9)), int(rng.integers(10, 20))
    # kind: version installed, ranges
    made: dict[str, tuple[str, tuple[tuple[str, str | None], ...]]] = {
        "in range": (f"{a}.{b}.1", ((f"{a}.{b - 1}.0", f"{a}.{b + 1}.0"),)),
        "below ten": (f"{a}.{low}.2", (("0", f"{a}.{tens}.0"),)),
        "above ten": (f"{a}.{tens}.3", (("0", f"{a}.{low}.0"),)),
        "fixed": (f"{a}.{b}.2", (("0", f"{a}.{b}.2"),)),
        "fixed, written longer": (f"{a}.{b}", ((f"{a}.0", f"{a}.{b}.0"),)),
        "just introduced": (f"{a}.{b}.0", ((f"{a}.{b}.0", f"{a}.{b}.7"),)),
        "not yet introduced": (f"{a}.{b}.4", ((f"{a + 1}.0.0", f"{a + 1}.{b}.0"),)),
        "second range": (f"{a + 1}.{b}.0", (("0", f"{a}.{b}.9"), (f"{a + 1}.0", f"{a + 1}.{b + 1}.0"))),
        "between ranges": (f"{a}.{b}.9", (("0", f"{a}.{b}.8"), (f"{a + 1}.0", f"{a + 1}.2.0"))),
        "not fixed yet": (f"{a}.{b}.5", ((f"{a}.{b}.0", None),)),
        "other spelling": (f"{a}.{b}.0", (("0", f"{a + 1}.0"),)),
        "candidate": (f"{a}.{b}.0rc{rng.integers(1, 4)}", ((f"{a}.0", f"{a}.{b}.0"),)),
        "not installed": ("", (("0", None),)),
    }
    words = rng.permutation(
        ["array", "audit", "batch", "claim", "cloud", "graph", "image", "ledger", "mail", "matrix", "model",
         "parse", "query", "route", "table", "vector"]
    )  # fmt: skip
    drawn = rng.permutation([*SEVERITIES] * 4)
    days = dict(zip(SEVERITIES, np.cumsum(rng.integers(5, 30, 4)).tolist(), strict=True))
    first = date(2026, 1, 1) + timedelta(days=int(rng.integers(300)))
    due = rng.permutation(np.arange(200, 200 + 9 * len(made), 9))
    numbers = rng.permutation(9000)[: len(made)] + 1000
    installed, flaws, kinds = {}, [], {}
    for place, (kind, (version, ranges)) in enumerate(made.items()):
        name = f"{words[place]}-tools"
        spelled = f"{words[place].title()}_Tools" if kind == "other spelling" else name
        severity = str(drawn[place])
        found = first + timedelta(days=int(due[place]) - days[severity])
        flaws.append(Flaw(f"SAMPLE-{numbers[place]}", spelled, ranges, severity, found))
        kinds[flaws[-1].id] = kind
        if version:
            installed[name] = version
    return Inventory(installed, [flaws[place] for place in rng.permutation(len(flaws))], days, kinds)


# --- what a bad row touched ---

WITHDRAWN = ("model", "predictions")


def lineage_edges(rng: np.random.Generator, *, circle: bool = False) -> tuple[pd.DataFrame, str]:
    """Return the steps of a lineage in no order, and the name of the bad row's table version.

    Args:
        rng: draws names and order.
        circle: let a table take in predictions that were made with it.

    Returns:
        Columns ``made_from``, ``made`` and ``kind`` (of what was made: table, model, predictions); a name.
    """
    names = {place: f"{rng.integers(16**6):06x}" for place in range(20)}

    def name(word: str, place: int) -> str:
        return f"{word}@{names[place]}"

    bad, clean = name("received", 0), name("received", 1)
    wide, narrow, other, corrected = (name("training", place) for place in range(2, 6))
    first, second, honest, tuned, late = (name("triage", place) for place in range(6, 11))
    scores = {model: name("scores", 11 + place) for place, model in enumerate((first, second, honest, tuned))}
    followed, asked = name("followed up", 16), name("requests", 17)
    steps: list[tuple[str, str, str]] = [
        (bad, wide, "table"), (clean, wide, "table"), (bad, narrow, "table"), (clean, other, "table"),
        (clean, corrected, "table"), (wide, first, "model"), (narrow, second, "model"),
        (wide, second, "model"), (other, honest, "model"), (first, tuned, "model"),
        (corrected, tuned, "model"),
        *((model, made, "predictions") for model, made in scores.items()),
        *((asked, made, "predictions") for made in scores.values()),
        (scores[first], followed, "table"), (followed, late, "model"),
        (late, name("scores", 18), "predictions"), (asked, name("scores", 18), "predictions"),
    ]  # fmt: skip
    if circle:
        steps.append((name("scores", 18), followed, "table"))
    made = pd.DataFrame(steps, columns=["made_from", "made", "kind"])
    return made.iloc[rng.permutation(len(made))].reset_index(drop=True), bad
