"""What all commands of governance share: an example that fits, nothing heavy at the start, bad input."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from secure_ai.cli import invoke, root

GROUPS = ("vendor", "handover", "consent", "retention", "estate", "rights", "records", "trace")
SINGLE = ("fairness", "crosswalk", "loss")


def commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command below a group with its path."""
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from commands(one, (*path, name))
    else:
        yield path, command


ALL = [
    found for name in (*GROUPS, *SINGLE) for found in commands(root.commands[name], (name,))
]  # fmt: skip


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_has_an_example_that_it_would_accept(path, command):
    text = " ".join((command.help or "").split())
    assert "Example: secure-ai" in text
    words = shlex.split(text.partition("Example: ")[2])
    assert words[: len(path) + 1] == ["secure-ai", *path]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    used = [word for word in words if re.fullmatch(r"--[a-z-]+", word)]
    assert set(used) <= known
    # All that is required is in the example, and it parses.
    required = {
        max(one.opts, key=len) for one in command.params if isinstance(one, click.Option) and one.required
    }
    assert required <= {*used, "--accept"}
    command.make_context("example", words[len(path) + 1 :])


@pytest.mark.parametrize("name", [*GROUPS, *SINGLE])
def test_help_of_every_group_is_there_and_exits_with_0(name, capsys):
    assert invoke([name, "--help"]) == 0
    assert f"Usage: secure-ai {name}" in capsys.readouterr().out


def test_the_commands_load_nothing_heavy_before_they_run():
    heavy = ("pandas", "numpy", "pyarrow", "duckdb", "yaml", "cryptography", "matplotlib", "secure_ai.govern")
    script = f"import secure_ai.cli, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


BAD = [
    (
        ["handover", "check", "p.tar", "--register", "none.sqlite", "--package", "3f"],
        "There is no register none.sqlite",
    ),
    (
        [
            "handover",
            "prepare",
            "t.csv",
            "p.tar",
            "--purpose",
            "none.yaml",
            "--contract",
            "none.yaml",
            "--vendor-key",
            "x25519:a",
            "--signing-key",
            "k",
            "--sender",
            "S",
            "--until",
            "2027-01-01",
            "--register",
            "r.sqlite",
        ],
        "The purpose none.yaml",
    ),
    (
        [
            "handover",
            "receive",
            "none.tar",
            "out",
            "--name",
            "A",
            "--receiving-key",
            "k",
            "--signing-key",
            "k",
            "--trust",
            "nobody",
            "--receipt",
            "r.txt",
        ],
        "--trust is NAME=VALUE",
    ),
    (
        ["handover", "destroy", "t.csv", "--signing-key", "k", "--certificate", "c.txt", "--yes"],
        "holds no hand-over",
    ),
    (["consent", "status", "none.yaml", "P1"], "The settings file none.yaml cannot be read"),
    (["consent", "status", "list.yaml", "P1"], "holds no names with values"),
    (["consent", "status", "other.yaml", "P1"], "is no settings file of a consent ledger"),
    (["consent", "status", "broken.yaml", "P1"], "is not valid YAML"),
    (["consent", "status", "binary.yaml", "P1"], "is not UTF-8 text"),
    (["consent", "init", "c.yaml", "--ledger", "l.sqlite", "--key", "k"], "Say whose purposes"),
    (
        ["consent", "init", "c.yaml", "--ledger", "l.sqlite", "--key", "no/k", "--sector", "finance"],
        "The folder of k does not exist",
    ),
    (
        ["consent", "init", "t.csv", "--ledger", "l.sqlite", "--key", "k", "--sector", "finance"],
        "is there already",
    ),
    (
        ["consent", "filter", "other.yaml", "t.csv", "out.doc", "--purpose", "research", "--person", "id"],
        "The output out.doc is .csv or .parquet",
    ),
    (
        ["consent", "filter", "other.yaml", "t.csv", "t.csv", "--purpose", "research", "--person", "id"],
        "would replace the table",
    ),
    (["consent", "status", "deep.yaml", "P1"], "is not valid YAML"),
    (["consent", "status", "many.yaml", "P1"], "is not valid YAML"),
    (["consent", "status", ".", "P1"], "cannot be read"),
    (["consent", "status", "/dev/zero", "P1"], "is larger than 5 MB"),
    (["retention", "schedule", "none.yaml"], "none.yaml"),
    (["retention", "hold", "list", "none.sqlite"], "There is no ledger of holds"),
    (["retention", "hold", "list", "t.csv"], "t.csv"),
    (
        [
            "retention",
            "hold",
            "place",
            "h.sqlite",
            "--matter",
            "2026-1",
            "--reason",
            "A lawsuit is open",
            "--person",
            "K",
        ],
        "needs both --person and --estate",
    ),
    (["retention", "sweep", "estate.yaml", "--schedule", "finance"], "or say --no-holds"),
    (["retention", "sweep", "none.yaml", "--schedule", "finance", "--no-holds"], "none.yaml"),
    (["estate", "holdings", "none.yaml", "K"], "none.yaml"),
    (["estate", "holdings", "other.yaml", "K"], "other.yaml"),
    (["estate", "search", "other.yaml"], "Name either the key of a person"),
    (
        [
            "rights",
            "init",
            "d.yaml",
            "--sector",
            "finance",
            "--estate",
            "none.yaml",
            "--register",
            "r.sqlite",
        ],
        "The estate none.yaml is not there",
    ),
    (
        [
            "rights",
            "init",
            "d.yaml",
            "--sector",
            "finance",
            "--estate",
            "other.yaml",
            "--register",
            "r.sqlite",
            "--schedule",
            "healthcare",
        ],
        "The schedule is for healthcare",
    ),
    (["rights", "list", "other.yaml"], "is no settings file of a rights desk"),
    (["rights", "laws", "school"], "'school' is not one of"),
    (["records", "processing", "none.yaml", "--out", "o"], "none.yaml"),
    (["records", "dpia", "other.yaml", "--out", "o"], "other.yaml"),
    (["records", "dpia", "dpia.yaml", "--findings", "t.csv", "--out", "o"], "is not valid JSON"),
    (["records", "dpia", "dpia.yaml", "--findings", "empty.json", "--out", "o"], "holds no findings"),
    (["records", "model-card", "card.yaml", "--figures", "figures.json", "--out", "o"], "holds no figures"),
    (["records", "clauses", "contract.txt", "--out", "o"], "Say which laws"),
    (
        ["records", "clauses", "contract.txt", "--regime", "nothing", "--out", "o"],
        "There is no regime 'nothing'",
    ),
    (
        ["records", "policy", "nothing", "--organization", "O", "--sector", "finance", "--out", "o"],
        "no policy 'nothing'",
    ),
    (
        [
            "records",
            "policy",
            "vendors",
            "--organization",
            "O",
            "--sector",
            "finance",
            "--field",
            "x",
            "--out",
            "o",
        ],
        "--field is NAME=VALUE",
    ),
    (["records", "responsibilities", "--organization", "O", "--people", "other.yaml", "--out", "o"], "role"),
    (["records", "example", "dpia", "t.csv"], "is there already"),
    (["fairness", "none.csv", "--decision", "d", "--group", "g"], "none.csv"),
    (["fairness", "t.csv", "--decision", "nothing", "--group", "id"], "no column 'nothing'"),
    (
        ["fairness", "t.csv", "--decision", "yes", "--group", "id", "--score", "yes"],
        "--score needs --outcome",
    ),
    (
        ["fairness", "t.csv", "--decision", "yes", "--group", "sex", "--tolerance", "2"],
        "2.0 is not in the range",
    ),
    (["trace", "prediction", "s#1", "--lineage", "none"], "There is no folder of lineage"),
    (["trace", "person", "P1", "--lineage", "none", "--identifier", "id"], "There is no folder of lineage"),
    (["crosswalk", "GDPR Art. 9999"], "none of the frameworks"),
    (["crosswalk", "--framework", "nothing"], "There is no framework 'nothing'"),
    (["crosswalk", "--by", "color"], "'color' is not one of"),
    (["loss", "none.yaml"], "name a sector"),
    (["loss", "finance", "--years", "3"], "3 is not in the range"),
    (["loss", "finance", "--today", "0001-01-01"], "the year is between"),
]


@pytest.fixture
def workplace(tmp_path, monkeypatch, capsys):
    """A folder with files that are not what is asked for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("id,sex,yes\n1,f,1\n2,m,0\n3,f,0\n")
    (tmp_path / "other.yaml").write_text("color: blue\n")
    (tmp_path / "list.yaml").write_text("- 1\n")
    (tmp_path / "broken.yaml").write_text("a: [1\n")
    (tmp_path / "deep.yaml").write_text("[" * 1_900)
    (tmp_path / "many.yaml").write_text("[" * 100_000)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "empty.json").write_text("{}")
    (tmp_path / "figures.json").write_text('{"performance": {"AUC": {"value": 0.9}}}')
    (tmp_path / "contract.txt").write_text("The vendor does what the hospital says. " * 20)
    invoke(["records", "example", "dpia", "dpia.yaml"])
    (tmp_path / "card.yaml").write_text("name: model\n")
    capsys.readouterr()
    return tmp_path


@pytest.mark.parametrize(("arguments", "said"), BAD, ids=[" ".join(arguments)[:60] for arguments, _ in BAD])
def test_bad_input_is_one_sentence_exit_code_2_and_nothing_is_written(arguments, said, workplace, capsys):
    before = {path: path.read_bytes() for path in workplace.rglob("*") if path.is_file()}
    assert invoke(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and said in error and error.count("\n") == 1
    assert {path: path.read_bytes() for path in workplace.rglob("*") if path.is_file()} == before
    assert not [path for path in workplace.rglob("*") if path.suffix == ".partial"]


INTERRUPTED = [
    ["fairness", "t.csv", "--decision", "yes", "--group", "sex", "--out", "o"],
    ["loss", "finance", "--years", "200", "--out", "o"],
    ["crosswalk", "--framework", "CCPA", "--out", "o"],
    ["retention", "schedule", "finance", "--out", "o"],
    ["records", "dpia", "dpia.yaml", "--out", "o"],
    ["records", "policy", "vendors", "--organization", "O", "--sector", "finance", "--out", "o"],
    ["records", "responsibilities", "--organization", "O", "--out", "o"],
]


@pytest.mark.parametrize("arguments", INTERRUPTED, ids=[" ".join(one[:2]) for one in INTERRUPTED])
def test_an_interruption_leaves_the_old_documents(arguments, workplace, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    (workplace / "o").mkdir()
    (workplace / "o" / "old.md").write_text("old")
    before = sorted(path.name for path in workplace.iterdir())
    monkeypatch.setattr("secure_ai.govern.records.write_record", interrupted)
    assert invoke(arguments) == 130
    assert [path.name for path in (workplace / "o").iterdir()] == ["old.md"]
    assert sorted(path.name for path in workplace.iterdir()) == before
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_with_files_of_somebody_else_is_not_replaced(workplace, capsys):
    assert invoke(["retention", "schedule", "finance", "--out", "."]) == 2
    (workplace / "mine").mkdir()
    (workplace / "mine" / "letter.txt").write_text("mine")
    assert invoke(["retention", "schedule", "finance", "--out", "mine"]) == 2
    error = capsys.readouterr().err
    assert "you are in it" in error and "holds other files" in error
    assert [path.name for path in (workplace / "mine").iterdir()] == ["letter.txt"]
    for formats in (["md", "html"], ["md"]):
        more = [word for name in formats for word in ("--format", name)]
        assert invoke(["retention", "schedule", "finance", "--out", "new", *more]) == 0
        assert {path.suffix[1:] for path in (workplace / "new").iterdir()} == set(formats)
