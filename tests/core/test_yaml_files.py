"""YAML that people hand in: what is hostile or broken in it is one sentence, at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from secure_ai.assess import read_parameters
from secure_ai.attack.evasion import Constraints
from secure_ai.core import UserError
from secure_ai.core.yaml_files import parse_yaml, read_yaml
from secure_ai.govern.loss_model import load_loss_model

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
READERS: dict[str, Callable[[Path], object]] = {
    "parameters": lambda path: read_parameters(path, {}),
    "rules": Constraints.from_yaml,
    "losses": load_loss_model,
    "any": lambda path: read_yaml(path, "file"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "a: &a [*a]",
        "a: 2026-99-99",
        "\tno: tabs",
        "[" * 5000,
        "a: 'open",
        "\x00",
        "a: !!python/name:os.system",
    ],
    ids=["billion laughs", "holds itself", "no date", "tab", "deep", "open quote", "null", "python"],
)
def test_a_hostile_file_is_one_sentence_in_every_reader(tmp_path: Path, reader: str, text: str) -> None:
    (tmp_path / "given.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        READERS[reader](tmp_path / "given.yaml")
    assert str(tmp_path) not in str(error.value) and str(error.value).endswith(".")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of this system")
@pytest.mark.parametrize("reader", READERS)
def test_a_pipe_a_folder_and_nothing_are_told_and_not_waited_for(tmp_path: Path, reader: str) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    for name in ("pipe.yaml", "folder.yaml", "absent.yaml"):
        with pytest.raises(UserError):
            READERS[reader](tmp_path / name)


def test_anchors_that_are_used_as_they_are_meant_are_fine() -> None:
    assert parse_yaml("a: &a {x: 1}\nb: *a\n", "file") == {"a": {"x": 1}, "b": {"x": 1}}
