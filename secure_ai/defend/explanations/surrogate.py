"""A local surrogate: a weighted linear model of the answers around one case, as LIME fits it.

Quick and much used, and shown here because explainers disagree and because this one asks about rows that
nobody could have: the easiest to deceive (see `secure_ai.attack.explanations`).

Source: Ribeiro, Singh & Guestrin, "Why should I trust you?" Explaining the predictions of any classifier
    (2016).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from secure_ai.defend.explanations.players import Players
from secure_ai.defend.explanations.shapley import Contributions

KERNEL_WIDTH = 0.75
RIDGE = 1.0


def local_surrogate(
    scores: Callable[[pd.DataFrame], np.ndarray],
    row: pd.DataFrame,
    others: pd.DataFrame,
    players: Players,
    *,
    samples: int = 1000,
    seed: int = 0,
) -> Contributions:
    """Ask about random rows around the case and fit a linear model, near rows counting more.

    Numbers are drawn from a normal distribution around the case's with the others' standard deviation;
    texts and groups of columns come from one of the others, and count as *the case's own or not*.

    Args:
        scores: rows in, answers out.
        row, others, players: as everywhere.
        samples: random rows.
        seed: of the random rows.
    """
    rng = np.random.default_rng(seed)
    drawn, steps = surroundings(row, others, players, samples, rng)
    answers = scores(drawn)
    distance = np.sqrt((steps**2).sum(axis=1))
    weights = np.exp(-((distance / (KERNEL_WIDTH * np.sqrt(len(players)))) ** 2))
    design = np.column_stack([np.ones(samples), steps])
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[0, 0] = 0
    inverse = np.linalg.inv(design.T @ (design * weights[:, None]) + penalty)
    fitted = inverse @ (design.T @ (weights * answers))
    residual = answers - design @ fitted
    noise = inverse @ (design.T * (weights * residual) ** 2) @ design @ inverse
    # A contribution is what the case differs by from the average of the others, times the slope.
    usual = _steps_of(row, others, players).mean(axis=0)
    return Contributions(
        -fitted[1:] * usual,
        np.sqrt(np.maximum(np.diag(noise)[1:], 0)) * np.abs(usual),
        float(fitted[0] + fitted[1:] @ usual),
    )


def surroundings(
    row: pd.DataFrame, others: pd.DataFrame, players: Players, samples: int, rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return random rows around the case, and (samples, players) how far each player is from the case.

    Distances of numbers are in standard deviations; of the rest 0 (the case's own value) or -1 (another).
    """
    numeric = _numeric(others, players)
    drawn = others.iloc[rng.integers(len(others), size=samples)].reset_index(drop=True)
    steps = _steps_of(row, drawn, players)
    for player in np.flatnonzero(numeric):
        column = players.columns[player][0]
        spread = others[column].to_numpy(dtype=float).std()
        steps[:, player] = rng.normal(size=samples) if spread else 0.0
        drawn[column] = float(row[column].iloc[0]) + spread * steps[:, player]
    return drawn, steps


def _steps_of(row: pd.DataFrame, rows: pd.DataFrame, players: Players) -> np.ndarray:
    numeric = _numeric(rows, players)
    steps = np.zeros((len(rows), len(players)))
    for player, columns in enumerate(players.columns):
        if numeric[player]:
            values = rows[columns[0]].to_numpy(dtype=float)
            steps[:, player] = (values - float(row[columns[0]].iloc[0])) / (values.std() or 1.0)
        else:
            own = [(rows[column].astype(object) == row[column].iloc[0]).to_numpy() for column in columns]
            steps[:, player] = np.logical_and.reduce(own) - 1.0
    return steps


def _numeric(rows: pd.DataFrame, players: Players) -> np.ndarray:
    return np.array(
        [
            len(columns) == 1
            and pd.api.types.is_numeric_dtype(rows[columns[0]].dtype)
            and not pd.api.types.is_bool_dtype(rows[columns[0]].dtype)
            for columns in players.columns
        ]
    )
