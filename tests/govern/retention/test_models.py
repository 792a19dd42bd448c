"""A model forgets the rows that expire, and shows that it is what training without them makes."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from secure_ai.core.errors import UserError
from secure_ai.defend.unlearning import train_counting, train_linear
from secure_ai.govern.estate import Subject
from secure_ai.govern.retention import DatedTraining


def made(train=train_counting):
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"age": rng.normal(size=60), "stay": rng.normal(size=60)})
    labels = (rows["age"] + rng.normal(size=60) > 0).astype(int).to_numpy()
    ids = np.array([f"R{n}" for n in range(60)])
    if train is train_counting:
        rows = (rows > 0).astype(int)
    about = {f"R{n}": (f"P{n % 20}", date(2020 + n % 6, 1, 1)) for n in range(60)}
    return train(rows, labels, ids=ids), about


@pytest.mark.parametrize("train", [train_counting, train_linear])
def test_rows_that_expire_are_unlearned_except_of_held_persons(train):
    training, about = made(train)
    saved = []
    model = DatedTraining(training, about, save=saved.append)
    old = [key for key, (_, day) in about.items() if day < date(2022, 1, 1)]
    kept = [key for key in old if about[key][0] == "P1"]
    removal = model.expire(date(2022, 1, 1), frozenset({"P1"}))
    assert removal.records == len(old) - len(kept) > 0 and removal.method.startswith("unlearned")
    anew = training.from_scratch(np.array([key for key in old if key not in kept], dtype=object))
    rest = model.training.rows
    assert np.allclose(model.model.predict_proba(rest), anew.predict_proba(rest), atol=1e-6)
    assert "no probability differs" in model.key_proof() and saved == [model.model]


def test_a_person_is_unlearned_as_a_whole():
    model = DatedTraining(*made())
    assert model.holding(Subject("P3", "p-3")).records == 3
    assert model.erase([Subject("P3", "p-3")]).records == 3
    assert model.holding(Subject("P3", "p-3")).records == 0
    assert model.erase([Subject("P3", "p-3")]).records == 0


def test_a_training_that_does_not_say_whose_rows_it_has_is_refused():
    training, about = made()
    about.pop("R7")
    with pytest.raises(UserError, match="1 training rows have no person"):
        DatedTraining(training, about)
    twice = train_counting(training.rows, training.labels, ids=np.repeat([f"R{n}" for n in range(30)], 2))
    with pytest.raises(UserError, match="one number"):
        DatedTraining(twice, about)
