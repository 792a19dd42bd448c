"""Do synthetic data give away the people they were made from? Three attacks, each with a control group."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from secure_ai.attack.synthetic_data import predicates
from secure_ai.attack.synthetic_data.intervals import Rate
from secure_ai.attack.synthetic_data.neighbors import nearest
from secure_ai.attack.synthetic_data.result import PrivacyAttack, SyntheticPrivacy, attacked, not_made
from secure_ai.attack.synthetic_data.tables import Column, check_control, columns_of, read, row_numbers
from secure_ai.core import UserError
from secure_ai.core.sources import shown

TRIES_PER_ATTACK = 50
MOST_ATTACKS = 100_000


def synthetic_privacy(
    original: object,
    synthetic: object,
    control: object,
    *,
    secrets: Sequence[str] = (),
    known: Sequence[str] | None = None,
    linked: tuple[Sequence[str], Sequence[str]] | None = None,
    n_attacks: int = 500,
    n_columns: int = 3,
    neighbors: int = 1,
    tolerance: float = 0.05,
    seed: int = 0,
) -> SyntheticPrivacy:
    """Measure how far synthetic data single out, link or reveal the people they were made from.

    Each attack is made on training records, on control records of people who were *not* used to make
    the synthetic data, and naively, without using what the synthetic data say. What succeeds on control
    records as well is knowledge of the population; the excess is what the synthetic data give away about
    those in them: risk = (training - control) / (1 - control), about 0 for data that know nothing special
    of the training records, near 1 for copies. A risk below zero is chance.

    * *Singling out*: predicates that fit exactly one distinct synthetic record are tried on people; they
      succeed if they fit exactly one. With one column: values that occur once, and extremes. With several:
      see :func:`predicates.multivariate`. Naively: random predicates. Both groups have the same number of
      records: the larger one is sampled down. Where that is the training table, predicates about records
      left out cannot succeed, and the risk is a lower bound: hold back as many records as you train on.
    * *Linkability*: someone has the first columns of a person in one table and the second in another;
      success if one of the ``neighbors`` nearest synthetic records is the same for both. Naively: random
      synthetic records.
    * *Inference*: someone knows some columns of a person and takes the secret of the nearest synthetic
      record. A number is right within ``tolerance`` of the true one (as a share of it), everything else if
      it is equal. Naively: the secret of a random synthetic record.

    Args:
        original: the training records (frame, Arrow table, path or Source).
        synthetic: the synthetic records, with the same columns.
        control: records of other people from the same population, with the same columns.
        secrets: columns that the attacker wants to know; without any, inference is unassessed.
        known: columns that the attacker of inference knows; all but the secret if not given.
        linked: two sets of columns; without them, linkability is unassessed.
        n_attacks: attacks of each kind, at most one per record for linkability and inference.
        n_columns: columns in a predicate of several.
        neighbors: nearest synthetic records that linkability looks at.
        tolerance: share of the true number by which an inferred one may be wrong.
        seed: seed of every random choice.

    Raises:
        UserError: if the tables do not fit together, a column is missing, a number is infinite or an
            option is out of range, or if the control group contains training records.

    Source: Giomi et al., A Unified Framework for Quantifying Privacy Risk in Synthetic Data (2022).
    """
    _check_options(n_attacks, n_columns, neighbors, tolerance, seed)
    frames = [read(original, "training"), read(synthetic, "synthetic"), read(control, "control")]
    columns = columns_of(*frames)
    chosen, pairs = _check_columns(columns, secrets, known, linked)
    numbers = row_numbers(columns)
    note = check_control(numbers[0], numbers[2])
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(4)]
    # Distances of synthetic records that are equal are decided by their order: let it be random.
    order = streams[0].permutation(len(numbers[1]))
    columns = [_reordered(column, order) for column in columns]
    attacks = _singling_out(columns, numbers[1][order], n_attacks, n_columns, streams[1])
    attacks.append(
        _linkability(columns, pairs, n_attacks, neighbors, streams[2])
        if pairs
        else not_made("linkability", "no two sets of columns were named (linked=).")
    )
    targets = _targets(columns, n_attacks, streams[3])
    attacks += [_inference(columns, s, k, targets, tolerance) for s, k in chosen]
    if not chosen:
        attacks.append(not_made("inference", "no secret column was named (secrets=)."))
    sizes = len(numbers[0]), len(numbers[1]), len(numbers[2])
    notes = [note] if note else []
    if sizes[2] < sizes[0]:
        notes.append(
            f"The control group is smaller ({sizes[2]:,} records) than the training table ({sizes[0]:,}), "
            "which was sampled down for singling out: its risk there is a lower bound."
        )
    return SyntheticPrivacy(tuple(attacks), *sizes, tuple(notes))


def _singling_out(
    columns: list[Column], numbers: np.ndarray, n: int, n_columns: int, rng: np.random.Generator
) -> list[PrivacyAttack]:
    # A predicate fits copies of a record together: the attacker looks at distinct synthetic records.
    distinct = np.sort(np.unique(numbers, return_index=True)[1])
    looked_at = [_reordered(column, distinct) for column in columns]
    size = min(len(columns[0].training), len(columns[0].control))
    training = _sampled([c.training for c in columns], size, rng)
    control = _sampled([c.control for c in columns], size, rng)
    numeric = [c.numeric for c in columns]
    several = min(n_columns, len(columns))

    def made(name: str, found: predicates.Predicates, width: int) -> PrivacyAttack:
        if not len(found.column):
            more = "" if width == 1 else f"; with more columns than n_columns={width} some will"
            return not_made(name, f"no predicate that was tried fits exactly one synthetic record{more}.")
        guesses = predicates.guessed(looked_at, n, width, rng)
        naive = int((predicates.counted(guesses, training, numeric) == 1).sum())
        done = predicates.tried(found, training, control, numeric=numeric, rng=rng)
        count = len(found.column)
        rates = [Rate(float(hit.mean()), count, count / done.effect) for hit in (done.training, done.control)]
        detail = f"{size:,} records in each group; predicates share people, design effect {done.effect:.2f}"
        if size < len(columns[0].training):
            detail += "; a lower bound, because the training table was sampled down"
        return attacked(name, *rates, naive=Rate.counted(naive, n), detail=detail)

    results = [made("singling_out_univariate", predicates.univariate(looked_at, n, rng), 1)]
    found = predicates.multivariate(looked_at, n, several, n * TRIES_PER_ATTACK, rng)
    return [*results, made("singling_out_multivariate", found, several)]


def _linkability(
    columns: list[Column],
    pairs: tuple[list[Column], list[Column]],
    n: int,
    neighbors: int,
    rng: np.random.Generator,
) -> PrivacyAttack:
    n_synthetic = len(columns[0].synthetic)
    k = min(neighbors, n_synthetic)
    rates = []
    for part, which in _targets(columns, n, rng).items():
        first, second = (
            nearest([getattr(c, part)[which] for c in side], [c.synthetic for c in side], side, k)
            for side in pairs
        )
        met = (first[:, :, None] == second[:, None, :]).any(axis=(1, 2))
        rates.append(Rate.counted(int(met.sum()), len(which)))
    # Two random draws of k from m records share none with probability C(m-k, k) / C(m, k).
    naive = 1 - math.comb(n_synthetic - k, k) / math.comb(n_synthetic, k)
    return attacked("linkability", *rates, naive=Rate.exact(naive), detail=f"{k} nearest" if k > 1 else "")


def _inference(
    columns: list[Column],
    secret: Column,
    known: list[Column],
    targets: dict[str, np.ndarray],
    tolerance: float,
) -> PrivacyAttack:
    rates = []
    for part, which in targets.items():
        place = nearest([getattr(c, part)[which] for c in known], [c.synthetic for c in known], known)[:, 0]
        right = _right(secret.synthetic[place], getattr(secret, part)[which], secret, tolerance)
        rates.append(Rate.counted(int(right.sum()), len(which)))
    naive = _share_right(secret, secret.training[targets["training"]], tolerance)
    detail = f"known: {len(known)} columns"
    return attacked("inference", *rates, naive=Rate.exact(naive), secret=secret.name, detail=detail)


def _right(guess: np.ndarray, truth: np.ndarray, secret: Column, tolerance: float) -> np.ndarray:
    if not secret.numeric:
        return guess == truth
    allowed = 0.0 if secret.dates else tolerance * np.abs(truth)
    return (np.abs(guess - truth) <= allowed) | (np.isnan(guess) & np.isnan(truth))


def _share_right(secret: Column, truths: np.ndarray, tolerance: float) -> float:
    """Return how often the secret of a random synthetic record is right, computed over all of them."""
    guesses = np.sort(secret.synthetic)  # missing numbers last
    if not secret.numeric:
        low, high = truths, truths
    else:
        allowed = 0.0 if secret.dates else tolerance * np.abs(truths)
        low, high = truths - allowed, truths + allowed
    right = np.searchsorted(guesses, high, "right") - np.searchsorted(guesses, low, "left")
    return float(right.mean() / len(guesses))


def _targets(columns: list[Column], n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    sizes = {"training": len(columns[0].training), "control": len(columns[0].control)}
    return {part: rng.choice(size, min(n, size), replace=False) for part, size in sizes.items()}


def _sampled(tables: list[np.ndarray], size: int, rng: np.random.Generator) -> list[np.ndarray]:
    if len(tables[0]) == size:
        return tables
    kept = rng.choice(len(tables[0]), size, replace=False)
    return [values[kept] for values in tables]


def _reordered(column: Column, order: np.ndarray) -> Column:
    from dataclasses import replace

    return replace(column, synthetic=column.synthetic[order])


def _check_options(n_attacks: int, n_columns: int, neighbors: int, tolerance: float, seed: int) -> None:
    wholes = {"n_attacks": n_attacks, "n_columns": n_columns, "neighbors": neighbors, "seed": seed}
    for name, value in wholes.items():
        least, most = (0, 2**63) if name == "seed" else (1, MOST_ATTACKS)
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or not least <= value <= most:
            raise UserError(f"{name} must be a whole number from {least} to {most:,}, not {value}.")
    if isinstance(tolerance, str) or not 0 <= tolerance < 1:
        raise UserError(f"tolerance must be at least 0 and below 1, not {tolerance}: 0.05 is usual.")


def _check_columns(
    columns: list[Column],
    secrets: Sequence[str],
    known: Sequence[str] | None,
    linked: tuple[Sequence[str], Sequence[str]] | None,
) -> tuple[list[tuple[Column, list[Column]]], tuple[list[Column], list[Column]] | None]:
    by_name = {column.name: column for column in columns}

    def named(names: Sequence[str], what: str) -> list[Column]:
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            raise UserError(f"{what} must be a list of column names, such as ['age', 'sex'].")
        missing = next((name for name in names if name not in by_name), None)
        if missing is not None:
            there = ", ".join(map(shown, list(by_name)[:20]))
            raise UserError(f"The tables have no column '{shown(missing)}' ({what}): choose from {there}.")
        return [by_name[name] for name in dict.fromkeys(names)]

    chosen = []
    for secret in named(secrets, "secrets"):
        others = columns if known is None else named(known, "known")
        aids = [column for column in others if column is not secret]
        if not aids:
            raise UserError(
                f"Nothing is known besides the secret '{shown(secret.name)}': name other columns."
            )
        chosen.append((secret, aids))
    if linked is None:
        return chosen, None
    if isinstance(linked, str) or len(linked) != 2:
        raise UserError(
            "linked must be two lists of columns, such as (['age', 'sex'], ['diagnosis', 'drug'])."
        )
    first, second = (named(side, "linked") for side in linked)
    shared = [c.name for c in first if c in second]
    if shared or not first or not second:
        problem = f"'{shown(shared[0])}' stands in both" if shared else "one of them is empty"
        raise UserError(f"linked must be two lists of different columns; {problem}.")
    return chosen, (first, second)
