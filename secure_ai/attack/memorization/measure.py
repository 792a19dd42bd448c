"""How much a model learns by heart: canaries planted in its notes, looked for in what it says.

Source: Carlini et al., The secret sharer (2019); the effect of duplicates: Kandpal, Wallace & Raffel,
    Deduplicating training data mitigates privacy risks in language models (2022).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from secure_ai.attack.memorization.canaries import CanaryFormat, make_canaries, plant
from secure_ai.attack.memorization.exposure import exposures
from secure_ai.attack.memorization.extraction import extract_secrets
from secure_ai.attack.memorization.ngrams import LanguageModel, NgramModel, check_texts
from secure_ai.core import Measurement, UserError
from secure_ai.core.intervals import wilson

SOURCE = "Carlini et al., The secret sharer (2019)"
RESAMPLES = 1000
HELD_OUT = 0.1
Recipe = LanguageModel | Callable[[list[str]], LanguageModel]
Prepare = Callable[[list[str]], Sequence[str]]


@dataclass(frozen=True)
class Memorization:
    """What a model learned by heart of the canaries planted in its notes.

    Attributes:
        canaries: one row for each: planted (times), exposure (bits), rank, greatest (no secret is as likely),
            first_guess (the beam search says it first), method. No secret and no mark.
        most_bits: the greatest exposure that there is.
        bits_per_character: of the model on notes that it did not learn from: less is a better model.
        notes: how many notes the model learned from, canaries included.
        seed: of resampling.
    """

    canaries: pd.DataFrame
    most_bits: float
    bits_per_character: float
    notes: int
    seed: int = 0

    def by_times(self) -> pd.DataFrame:
        """Return one row for each number of plantings.

        Columns planted, canaries, exposure (median, bits), low, high (interval at 95 %), greatest,
        first_guess (shares).
        """
        rows = []
        for times, own in self.canaries.groupby("planted"):
            low, high = _median_interval(own["exposure"].to_numpy(), self.seed)
            shares = own[["greatest", "first_guess"]].mean()
            rows.append((times, len(own), own["exposure"].median(), low, high, *shares))
        columns = ["planted", "canaries", "exposure", "low", "high", "greatest", "first_guess"]
        return pd.DataFrame(rows, columns=columns)

    def measurements(self) -> list[Measurement]:
        """Return the median exposure and the share extracted, for each number of plantings above 0."""
        table = self.by_times().set_index("planted")
        control = table.loc[0] if 0 in table.index else None
        found = []
        for times, row in table.drop(index=0, errors="ignore").iterrows():
            n = int(row["canaries"])
            found.append(
                Measurement(
                    name=f"canary_exposure_planted_{times}_times",
                    value=float(row["exposure"]),
                    unit="bits (median)",
                    n=n,
                    baseline=_middle(self.most_bits),
                    interval=(float(row["low"]), float(row["high"])),
                    method=f"rank among all secrets; at most {self.most_bits:.1f} bits; "
                    "control: canaries never planted",
                    source=SOURCE,
                    control=None if control is None else float(control["exposure"]),
                )
            )
            hits = round(row["first_guess"] * n)
            found.append(
                Measurement(
                    name=f"canaries_extracted_planted_{times}_times",
                    value=hits / n,
                    unit="probability",
                    n=n,
                    baseline=2.0**-self.most_bits,
                    interval=wilson(hits, n),
                    method="first guess of a beam search; control: canaries never planted",
                    source=SOURCE,
                    control=None if control is None else float(control["first_guess"]),
                )
            )
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each figure: measure, value, low, high, baseline, control, n."""
        rows = [(m.name, m.value, *m.interval, m.baseline, m.control, m.n) for m in self.measurements()]
        return pd.DataFrame(rows, columns=["measure", "value", "low", "high", "baseline", "control", "n"])

    def sentence(self) -> str:
        """Say what the model repeats."""
        table = self.by_times().set_index("planted")
        parts = []
        for times, row in table.drop(index=0, errors="ignore").iterrows():
            n = int(row["canaries"])
            parts.append(
                f"planted {_times(times)}: median exposure {row['exposure']:.1f} bits, "
                f"{round(row['first_guess'] * n)} of {n} said first"
            )
        if 0 in table.index:
            row = table.loc[0]
            parts.append(f"never planted ({int(row['canaries'])} canaries): {row['exposure']:.1f} bits")
        return f"Of {self.most_bits:.1f} bits at most, {'; '.join(parts)}."


def measure_memorization(
    notes: Sequence[str],
    *,
    recipe: Recipe | None = None,
    form: CanaryFormat | None = None,
    times: Sequence[int] = (1, 4, 16),
    canaries: int = 10,
    never: int = 60,
    edited: bool = False,
    prepare: Prepare | None = None,
    seed: int = 0,
) -> Memorization:
    """Plant canaries in notes, train a model on them, and see what it makes of their secrets.

    Args:
        notes: texts, or documents with a ``text``.
        recipe: a language model to be trained (a copy is), or ``notes -> trained model``; n-grams of up to 20
            characters if not given.
        form: how canaries are written.
        times: how often canaries are planted, a group for each number.
        canaries: how many each group has.
        never: how many are never planted: what they show, a secret shows that was never there.
        edited: copies differ by a word (:func:`plant`).
        prepare: what is done to the notes, canaries included, before training: de-identification, removal of
            duplicates.
        seed: of canaries, their places, notes held out, and resampling.

    Raises:
        UserError: if there are fewer than 20 notes, a number is impossible, or the model cannot be asked.
    """
    notes = check_texts(notes)
    if len(notes) < 20:
        raise UserError(f"{len(notes)} notes are too few to train a language model: give 20 or more.")
    times = sorted(set(times))
    if not times or times[0] < 1:
        raise UserError("times: say how often canaries are planted, each number 1 or more.")
    if canaries < 2 or never < 2:
        raise UserError("Give two canaries or more for each group: a median of one says nothing.")
    form = form or CanaryFormat()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(notes))
    cut = max(round(len(notes) * HELD_OUT), 1)
    held_out, learned = ([notes[place] for place in part] for part in (order[:cut], order[cut:]))
    made = make_canaries(canaries * len(times) + never, form, seed=seed)
    planted = np.repeat([*times, 0], [*([canaries] * len(times)), never])
    texts = plant(learned, made, planted, edited=edited, seed=seed)
    if prepare is not None:
        prepared = prepare(texts)
        texts = check_texts(getattr(prepared, "texts", prepared))
        changed = prepare(held_out)
        held_out = check_texts(getattr(changed, "texts", changed))
    model = _trained(NgramModel() if recipe is None else recipe, texts)
    found = exposures(model, made, seed=seed)
    said = [
        guesses.place_of(canary.secret) == 1
        for canary, guesses in zip(made, extract_secrets(model, made), strict=True)
    ]
    frame = pd.DataFrame(
        {
            "planted": planted,
            "exposure": [one.bits for one in found],
            "rank": [one.rank for one in found],
            "greatest": [one.greatest for one in found],
            "first_guess": said,
            "method": [one.method for one in found],
        }
    )
    return Memorization(frame, form.most_bits, model.bits_per_character(held_out), len(texts), seed)


@dataclass(frozen=True)
class MemorizationComparison:
    """The same canaries in notes that were prepared in different ways.

    Attributes:
        results: name of the preparation → what the model learned by heart.
    """

    results: Mapping[str, Memorization]

    def to_frame(self) -> pd.DataFrame:
        """Return columns preparation, and those of :meth:`Memorization.by_times`."""
        parts = [found.by_times().assign(preparation=name) for name, found in self.results.items()]
        table = pd.concat(parts, ignore_index=True)
        return table[["preparation", *(name for name in table if name != "preparation")]]

    def measurements(self) -> list[Measurement]:
        """Return every figure of every preparation."""
        return [figure for found in self.results.values() for figure in found.measurements()]

    def sentence(self) -> str:
        """Say what each preparation leaves of the canaries that were planted most often."""
        parts = []
        for name, found in self.results.items():
            row = found.by_times().iloc[-1]
            parts.append(
                f"{name}: {row['exposure']:.1f} bits, {round(row['first_guess'] * row['canaries'])} of "
                f"{int(row['canaries'])} said first"
            )
        times = int(next(iter(self.results.values())).by_times()["planted"].max())
        return f"Canaries planted {_times(times)}, by preparation of the notes: {'; '.join(parts)}."


def compare_preparations(
    notes: Sequence[str], preparations: Mapping[str, Prepare | None], **options: Any
) -> MemorizationComparison:
    """Return what the same model learns by heart of the same notes, prepared in different ways.

    Args:
        notes: as in :func:`measure_memorization`.
        preparations: name → what is done to the notes; None for nothing.
        **options: of :func:`measure_memorization`.

    Raises:
        UserError: if there is no preparation; otherwise as :func:`measure_memorization`.
    """
    if not preparations:
        raise UserError("Name at least one preparation of the notes: {'as they are': None}.")
    return MemorizationComparison(
        {
            name: measure_memorization(notes, prepare=prepare, **options)
            for name, prepare in preparations.items()
        }
    )


def _trained(recipe: Recipe, texts: list[str]) -> LanguageModel:
    if hasattr(recipe, "fit"):
        model = copy.deepcopy(recipe)
        return model.fit(texts) or model
    if callable(recipe):
        model = recipe(texts)
        if hasattr(model, "next_log_probabilities"):
            return model
    raise UserError("recipe: give a language model with fit, or a function from notes to a trained one.")


def _median_interval(values: np.ndarray, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    medians = np.median(rng.choice(values, (RESAMPLES, len(values))), axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)


def _middle(most_bits: float) -> float:
    """Return the exposure of a secret in the middle of the ranks: about 1 bit."""
    return most_bits - float(np.log2((2.0**most_bits + 1) / 2))


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(int(count), f"{count} times")
