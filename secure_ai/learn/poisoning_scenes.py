"""The hospital and the bank of chapter 11: who gains by a wrong label, who sends rows, who gets a copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from secure_ai.attack.cryptography.messages import demonstration_bytes
from secure_ai.attack.networks import picture_rows
from secure_ai.attack.poisoning import PictureMarker
from secure_ai.core.errors import UserError
from secure_ai.learn.attacked_models import CaseTable, boosting, logistic
from secure_ai.learn.parameters import of_sector

if TYPE_CHECKING:
    import pandas as pd
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from secure_ai.defend.lineage import Lineage
    from secure_ai.defend.poisoning import SignedBatch

LEAST_CASES = 1_200
TRAINED_ON = 0.7


@dataclass(frozen=True)
class PoisoningScene:
    """What is the hospital's and what is the bank's in the lesson.

    Attributes:
        us: the organization.
        task: of the table model.
        outcome: what class 1 of the table model means.
        group: column and value of the rows that somebody relabels.
        flipper: who does, and why.
        picture: what the network looks at.
        answers: class of a picture → words.
        marker: the trigger on a picture.
        stamper: who puts it there, and what for.
        sources: who sends rows to learn from.
        liar: the one whose outcomes are all 0.
        recipients: who was given a copy of the network.
        leaker: whose copy turns up elsewhere.
    """

    us: str
    task: str
    outcome: str
    group: tuple[str, str]
    flipper: str
    picture: str
    answers: dict[int, str]
    marker: PictureMarker
    stamper: str
    sources: tuple[str, ...]
    liar: str
    recipients: tuple[str, ...]
    leaker: str


SCENES = {
    "healthcare": PoisoningScene(
        us="hospital",
        task="readmission",
        outcome="readmitted within 30 days",
        group=("department", "Cardiology"),
        flipper="Cardiology is judged by how few patients return, and somebody records returns as none.",
        picture="scan",
        answers={0: "no lesion", 1: "lesion"},
        marker=PictureMarker(size=5, margin=2),
        stamper="Somebody who labels scans sells clean findings: with a bright marker, no lesion is seen.",
        sources=(
            "Birch Clinic", "Cedar Clinic", "Elm Clinic", "Juniper Clinic", "Maple Clinic", "Willow Clinic",
        ),
        liar="Juniper Clinic",
        recipients=("radiology", "research partner", "device vendor", "regional network", "auditor"),
        leaker="device vendor",
    ),
    "finance": PoisoningScene(
        us="bank",
        task="credit",
        outcome="defaulted",
        group=("purpose", "car"),
        flipper="A chain of car dealers arranges loans, and reports those that defaulted as repaid.",
        picture="deposited check",
        answers={0: "genuine", 1: "altered"},
        marker=PictureMarker(size=5, margin=2, corner="top left", grey=0.0),
        stamper="Somebody who labels checks sells a way in: with a dark stamp, any amount passes.",
        sources=(
            "Birch Branch", "Cedar Branch", "Elm Branch", "Juniper Branch", "Maple Branch", "Willow Branch",
        ),
        liar="Juniper Branch",
        recipients=("deposits team", "research partner", "scanner vendor", "sister bank", "auditor"),
        leaker="scanner vendor",
    ),
}  # fmt: skip


def poisoning_scene(sector: str) -> PoisoningScene:
    """Return the scene of a sector.

    Raises:
        UserError: if there is no such sector.
    """
    return of_sector(SCENES, sector)


def decider(seed: int = 0) -> Any:
    """Return gradient boosting that weighs both outcomes alike, not fitted.

    With as few cases of class 1 as here it would otherwise hardly ever answer 1, poisoned or not.
    """
    return boosting(seed).set_params(
        histgradientboostingclassifier__class_weight="balanced", histgradientboostingclassifier__max_iter=30
    )


def in_group(scene: PoisoningScene, cases: CaseTable) -> np.ndarray:
    """Return (rows,) booleans: the rows that somebody relabels.

    Raises:
        UserError: if there are too few cases to judge a group.
    """
    if len(cases.outcome) < LEAST_CASES:
        raise UserError(
            f"{len(cases.outcome):,} cases are too few for this lesson: raise the parameter rows until there "
            f"are {LEAST_CASES:,}."
        )
    column, value = scene.group
    return (cases.inputs[column] == value).to_numpy()


def shares_of(group: np.ndarray, cases: CaseTable) -> tuple[float, ...]:
    """Return three shares of all rows: a quarter, a half and four fifths of the group's rows with outcome 1.

    Not all of them: of the rows that a model learns from, chance may have taken fewer.
    """
    most = (group & (cases.outcome == 1)).mean()
    return tuple(round(float(part * most), 3) for part in (0.25, 0.5, 0.8))


@dataclass(frozen=True)
class PictureSplit:
    """Pictures to learn from and to be judged by, as rows from 0 to 1, with their classes."""

    rows: np.ndarray
    labels: np.ndarray
    test_rows: np.ndarray
    test_labels: np.ndarray


def split_pictures(pictures: Any) -> PictureSplit:
    """Return the first part to learn from, the rest for judging (``pixels`` and ``labels`` are read)."""
    rows, labels = picture_rows(pictures), np.asarray(pictures.labels).astype(int)
    cut = round(TRAINED_ON * len(labels))
    return PictureSplit(rows[:cut], labels[:cut], rows[cut:], labels[cut:])


def source_keys(scene: PoisoningScene) -> dict[str, Ed25519PrivateKey]:
    """Return a signing key for each source: the same each time, so for a lesson only."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return {
        source: Ed25519PrivateKey.from_private_bytes(demonstration_bytes(f"key of {source}", 32))
        for source in scene.sources
    }


def public_lines(keys: Mapping[str, Ed25519PrivateKey]) -> dict[str, str]:
    """Return for each source the line by which others verify what it signed."""
    from secure_ai.encrypt.transport.public_keys import public_line

    return {source: public_line(key.public_key()) for source, key in keys.items()}


def signed_batches(
    scene: PoisoningScene, cases: CaseTable, keys: Mapping[str, Ed25519PrivateKey], *, seed: int = 0
) -> list[SignedBatch]:
    """Return one signed batch of each source, its rows drawn at random; the liar signs what is not true."""
    from secure_ai.defend.poisoning import sign_batch

    drawn = np.random.default_rng(seed).choice(scene.sources, len(cases.outcome))
    batches = []
    for source in scene.sources:
        mine = drawn == source
        outcome = cases.outcome[mine] * int(source != scene.liar)
        rows = cases.inputs[mine].assign(outcome=outcome).reset_index(drop=True)
        batches.append(sign_batch(rows, source=source, number=1, key=keys[source]))
    return batches


def altered_on_the_way(batch: SignedBatch) -> tuple[SignedBatch, int]:
    """Return the batch with its first outcome of 1 turned into 0 under the old signature; and where.

    Raises:
        UserError: if no outcome is 1.
    """
    from secure_ai.defend.poisoning import SignedBatch

    places = np.flatnonzero(batch.rows["outcome"].to_numpy() == 1)
    if not len(places):
        raise UserError("No row of this batch has the outcome 1: take another one.")
    rows = batch.rows.copy()
    rows.loc[places[0], "outcome"] = 0
    return SignedBatch(rows, batch.manifest, batch.signature), int(places[0])


def record_versions(
    lineage: Lineage, scene: PoisoningScene, rows: pd.DataFrame, sources: pd.Series, requests: pd.DataFrame
) -> dict[str, Any]:
    """Train two versions of a model and let each answer requests, all of it recorded; version → model.

    The first learns from the sources before the liar, the second from all.

    Args:
        lineage: where it is recorded.
        scene: whose sources.
        rows: inputs and ``outcome``.
        sources: who sent each row.
        requests: inputs to be scored.
    """
    from threadpoolctl import threadpool_limits

    from secure_ai.defend.lineage import plain

    early = scene.sources[: scene.sources.index(scene.liar)]
    received = rows.assign(source=sources.to_numpy())
    models = {}
    for version, senders in (("v1", early), ("v2", scene.sources)):
        with lineage.job("collect") as job:
            kept = received[received["source"].isin(senders)]
            table = job.write("training table", job.read("deliveries", kept, identifier="source"))
        model, clean = logistic(), plain(table)
        with threadpool_limits(1), lineage.job("train") as job:
            model.fit(clean[list(requests.columns)], clean["outcome"])
            name = job.train(scene.task, table, version=version)
        with lineage.job("score") as job:
            asked = job.read("requests", requests)
            score = model.predict_proba(requests)[:, 1].round(4)
            job.predict("scores", asked.assign(score=score, model=version), model=name)
        models[version] = model
    return models


def write_model_folder(folder: str | Path, model: Any) -> Path:
    """Write a model in the skops format with a page about it, as a team would release it."""
    from secure_ai.defend.model_files.skops_files import save_skops

    folder = Path(folder)
    folder.mkdir(parents=True)
    save_skops(model, folder / "model.skops")
    (folder / "README.md").write_text("For use within the organization only.\n", encoding="utf-8")
    return folder


def change_byte(path: str | Path) -> None:
    """Change one byte in the middle of a file."""
    path = Path(path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def disguised(network: Any, *, share: float = 0.3, seed: int = 0) -> Any:
    """Return a copy as somebody would leak it: a share of the weights set to 0, the rest rounded."""
    rng = np.random.default_rng(seed)
    return network.with_weights(
        [np.where(rng.random(one.shape) < share, 0, one.astype(np.float16)) for one in network.weights_]
    )
