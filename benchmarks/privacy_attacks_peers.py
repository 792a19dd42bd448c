"""sacroml's LiRA on the splits that ``privacy_attacks.py`` wrote; run by the peer's own interpreter.

``python privacy_attacks_peers.py FOLDER MODELS SETTINGS`` reads ``FOLDER/split_*.npz``, trains the same
targets, attacks them, and writes its scores to ``FOLDER/scores_*.npy``. All settings use the shadow models of
the first, as sacroml does in one output folder; the seconds of their training are in the figures of each.

sacroml imports torch for targets that are networks of torch; a forest never reaches it, so a few empty names
stand in its place and save its gigabytes.
"""

from __future__ import annotations

import importlib.machinery
import json
import logging
import os
import sys
import time
import types
import warnings
from pathlib import Path

import numpy as np


def stand_in(name: str, **names: object) -> types.ModuleType:
    """Enter an empty module of this name."""
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    module.__path__ = []
    module.__dict__.update(names)
    sys.modules[name] = module
    return module


def without_torch() -> None:
    """Let sacroml be imported where torch is not installed."""

    class Absent:
        pass

    functional = stand_in("torch.nn.functional", softmax=None)
    nn = stand_in("torch.nn", Module=Absent, functional=functional)
    data = stand_in("torch.utils.data", DataLoader=Absent, Dataset=Absent, TensorDataset=Absent)
    stand_in("torch", nn=nn, utils=stand_in("torch.utils", data=data), cuda=None, Tensor=Absent)


def processor_seconds() -> float:
    """Seconds of this process on all processors."""
    return sum(os.times()[:2])


def size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    """Attack every split with every setting."""
    warnings.filterwarnings("ignore")
    without_torch()
    from sacroml.attacks import utils
    from sacroml.attacks.likelihood_attack import LIRAAttack
    from sacroml.attacks.target import Target
    from sklearn.ensemble import RandomForestClassifier

    logging.disable(logging.CRITICAL)
    train, spent = utils.train_shadow_models, []

    def clocked(*arguments: object, **named: object) -> None:
        began, busy = time.perf_counter(), processor_seconds()
        train(*arguments, **named)
        spent.append((time.perf_counter() - began, processor_seconds() - busy))

    utils.train_shadow_models = clocked
    folder, models, settings = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
    found = []
    for path in sorted(folder.glob("split_*.npz")):
        split = dict(np.load(path))
        x, y, count = split["rows"], split["labels"], int(split["members"])
        forest = RandomForestClassifier(random_state=int(split["seed"])).fit(x[:count], y[:count])
        same = bool(np.allclose(forest.predict_proba(x), split["answers"], atol=1e-9))
        out = folder / f"out_{path.stem}"
        spent.clear()
        for place, setting in enumerate(settings):
            target = Target(
                model=forest, X_train=x[:count], y_train=y[:count], X_test=x[count:], y_test=y[count:]
            )
            began, busy = time.perf_counter(), processor_seconds()
            attack = LIRAAttack(
                output_dir=str(out), write_report=False, n_shadow_models=models, report_individual=True,
                **setting,
            )  # fmt: skip
            attack.attack(target)
            seconds, busy = time.perf_counter() - began, processor_seconds() - busy
            before = spent[0] if place else (0.0, 0.0)
            np.save(folder / f"scores_{path.stem}_{place}.npy", np.asarray(attack.result["member_prob"]))
            found.append(
                {
                    "split": path.stem,
                    "setting": place,
                    "same": same,
                    "seconds": seconds + before[0],
                    "busy": busy + before[1],
                    "left": size(out),
                }
            )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
