"""The script behind `make`: what it installs, when it does nothing, and what it says when it cannot."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import tarfile

import pytest


@pytest.fixture
def kit(repo_root, tmp_path, monkeypatch):
    """kit.py, loaded to work in an empty folder, with every command recorded instead of run."""
    spec = importlib.util.spec_from_file_location("kit", repo_root / "kit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    root = tmp_path / "kit"
    root.mkdir()
    locks = [module.LOCK, module.SCALE_LOCK, module.KMS_LOCK, module.DEV_LOCK]
    for name in (*locks, *map(module.lock_of, module.BESIDE), "pyproject.toml"):
        (root / name).write_text("", encoding="utf-8")
    (root / module.PROXY).mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        (root / module.PROXY / name).write_text("{}", encoding="utf-8")
    monkeypatch.setattr(module, "ROOT", root)
    monkeypatch.setattr(module, "VENV", root / ".venv")
    monkeypatch.setattr(module, "PYTHON", root / ".venv" / "bin" / "python")
    module.ran = []
    monkeypatch.setattr(
        module, "run", lambda command: module.ran.append([str(part) for part in command]) or 0
    )

    def create(folder, **options):
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").symlink_to("/usr/bin/true")

    monkeypatch.setattr(module.venv, "create", create)
    return module


def test_the_first_start_installs_by_hash_and_the_second_installs_nothing(kit):
    kit.ensure_environment([kit.LOCK])
    assert any("--require-hashes" in command and "--no-deps" in command for command in kit.ran)
    kit.ran.clear()
    kit.ensure_environment([kit.LOCK])
    assert kit.ran == []


def test_a_changed_lock_is_installed_again(kit):
    kit.ensure_environment([kit.LOCK])
    kit.ran.clear()
    (kit.ROOT / kit.LOCK).write_text("changed", encoding="utf-8")
    kit.ensure_environment([kit.LOCK])
    assert kit.ran


def test_an_interrupted_installation_is_not_taken_for_a_finished_one(kit, monkeypatch):
    monkeypatch.setattr(kit, "run", lambda command: 1)
    with pytest.raises(kit.SetupError, match="could not be installed; check the connection"):
        kit.ensure_environment([kit.LOCK])
    monkeypatch.setattr(kit, "run", lambda command: kit.ran.append(command) or 0)
    kit.ensure_environment([kit.LOCK])
    assert kit.ran


@pytest.fixture
def with_npm(kit, monkeypatch):
    """An npm that is there and does what it was asked: the proxy's script appears."""

    def run(command):
        command = [str(part) for part in command]
        kit.ran.append(command)
        if "ci" in command:
            script = kit.folder_of("workshop") / kit.PROXY_SCRIPT
            script.parent.mkdir(parents=True)
            script.touch()
        return 0

    monkeypatch.setattr(kit, "run", run)
    monkeypatch.setattr(kit.shutil, "which", lambda name: f"/usr/bin/{name}")


def test_environments_beside_the_kit_stand_alone_and_are_made_once(kit, with_npm):
    assert kit.main(["environment", "workshop", "redteam"]) == 0
    assert {command[0] for command in kit.ran if "pip" in command} == {
        str(kit.ROOT / ".venv-workshop/bin/python"),
        str(kit.ROOT / ".peers/redteam/bin/python"),
    }
    assert sum("ci" in command for command in kit.ran) == 1
    kit.ran.clear()
    assert kit.main(["environment", "workshop", "redteam"]) == 0
    assert kit.ran == []


def test_a_proxy_that_vanished_is_installed_again(kit, with_npm):
    kit.make_beside("workshop")
    (kit.folder_of("workshop") / kit.PROXY_SCRIPT).unlink()
    (kit.folder_of("workshop") / kit.PROXY_SCRIPT).parent.rmdir()
    kit.ran.clear()
    kit.make_beside("workshop")
    assert [command for command in kit.ran if "ci" in command]
    assert not [command for command in kit.ran if "pip" in command]


@pytest.mark.parametrize("names", [[], ["wrokshop"], ["workshop", "../x"], ["dev"]])
def test_an_unknown_environment_is_refused_with_the_known_ones(kit, names, capsys):
    assert kit.main(["environment", *names]) == 2
    assert "workshop, site, peers-anonymity" in capsys.readouterr().err
    assert kit.ran == []


def test_a_bundle_without_the_workshop_leaves_it_to_the_network_and_one_with_it_does_not(kit, with_npm):
    write_bundle(kit.ROOT.parent / "x.bundle.tar", kit.platform_tag(), locks=[kit.LOCK])
    kit.make_beside("workshop")
    assert not any("--no-index" in command or "--offline" in command for command in kit.ran)
    kit.ran.clear()
    (kit.ROOT / kit.lock_of("workshop")).write_text("changed", encoding="utf-8")
    cache = io.BytesIO()
    tarfile.open(fileobj=cache, mode="w").close()
    files = {kit.NPM_CACHE: cache.getvalue()}
    locks = [kit.LOCK, kit.lock_of("workshop")]
    write_bundle(kit.ROOT.parent / "x.bundle.tar", kit.platform_tag(), locks=locks, files=files)
    (kit.ROOT / kit.PROXY / "package-lock.json").write_text("[]", encoding="utf-8")
    (kit.folder_of("workshop") / kit.PROXY_SCRIPT).unlink()
    (kit.folder_of("workshop") / kit.PROXY_SCRIPT).parent.rmdir()
    kit.make_beside("workshop")
    assert any("--no-index" in command for command in kit.ran if "pip" in command)
    assert all("--offline" in command for command in kit.ran if "ci" in command)


def test_a_bundle_knows_only_what_it_can_take(kit, capsys):
    assert kit.main(["bundle", "everything"]) == 2
    assert "workshop and site" in capsys.readouterr().err


def write_bundle(path, tag, names=("six-1.whl",), locks=None, files=None):
    with tarfile.open(path, "w") as archive:
        contents = dict.fromkeys(names, b"") | (files or {})
        for name, content in contents.items():
            entry = tarfile.TarInfo(f"secure-ai/wheels/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        note = json.dumps({"tag": tag} | ({"locks": locks} if locks else {})).encode()
        entry = tarfile.TarInfo("secure-ai/wheels/BUNDLE.json")
        entry.size = len(note)
        archive.addfile(entry, io.BytesIO(note))


def test_with_a_bundle_beside_it_the_network_is_not_asked(kit):
    write_bundle(kit.ROOT.parent / "x.bundle.tar", kit.platform_tag())
    kit.ensure_environment([kit.LOCK])
    assert all("--no-index" in command for command in kit.ran)


@pytest.mark.parametrize(
    ("rest", "spread"),
    [([], True), (["-k", "labs"], True), (["--pdb"], False), (["-n", "0"], False), (["-s"], False)],
)
def test_test_files_are_spread_over_the_cores_unless_the_caller_says_how(kit, rest, spread):
    kit.test(rest)
    command = kit.ran[-1]
    assert ("loadfile" in command) is spread and command[-len(rest) :] == (rest or command)


def test_a_bundle_for_another_machine_is_refused(kit):
    write_bundle(kit.ROOT.parent / "x.bundle.tar", "cp39-plan9-vax")
    with pytest.raises(kit.SetupError, match="made for cp39-plan9-vax"):
        kit.ensure_environment([kit.LOCK])


def test_a_bundle_must_fit_the_python_of_the_environment_that_is_there(kit):
    kit.VENV.mkdir()
    (kit.VENV / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.99.1\n", encoding="utf-8")
    assert kit.platform_tag().startswith("cp399-")


def test_a_bundle_cannot_write_outside_its_folder(kit, tmp_path):
    write_bundle(kit.ROOT.parent / "x.bundle.tar", kit.platform_tag(), names=["../../../../evil.whl"])
    folder = tmp_path / "out"
    folder.mkdir()
    kit.find_wheels(folder)
    assert not list(tmp_path.parent.glob("evil.whl"))
    assert not (tmp_path / "evil.whl").exists()


def test_an_unsupported_python_is_refused_in_a_sentence(kit, monkeypatch, capsys):
    monkeypatch.setattr(kit.sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(kit.shutil, "which", lambda name: None)
    assert kit.main(["start"]) == 2
    assert "needs 3.11, 3.12 or 3.13" in capsys.readouterr().err


@pytest.mark.slow
def test_a_bundle_installs_without_the_network(repo_root, tmp_path):
    made = subprocess.run(["make", "bundle"], cwd=repo_root, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (bundle,) = (repo_root / "dist").glob("*.bundle.tar")
    with tarfile.open(bundle) as archive:
        archive.extractall(tmp_path, filter="data")
    bundle.unlink()
    # An address that nobody serves: whatever is asked of it fails.
    closed = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": "/dev/null", "PATH": "/usr/bin:/bin"}
    import sys

    installed = subprocess.run(
        [sys.executable, "kit.py", "install"],
        cwd=tmp_path / "secure-ai",
        env=closed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr
    doctor = subprocess.run(
        [".venv/bin/secure-ai", "doctor"],
        cwd=tmp_path / "secure-ai",
        capture_output=True,
        text=True,
        check=False,
    )
    assert doctor.returncode == 0, doctor.stdout


def test_every_command_that_help_names_is_there(kit, capsys):
    with pytest.raises(SystemExit):
        kit.main(["--help"])
    named = capsys.readouterr().out.partition("{")[2].partition("}")[0].replace("\n", "").split(",")
    assert {name.strip() for name in named} == set(kit.COMMANDS)


def test_site_hands_its_options_on_to_the_build(kit):
    assert kit.main(["site", "--out", "there"]) == 0
    assert kit.ran[-1][1:] == [str(kit.ROOT / "site" / "build.py"), "--out", "there"]
