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
    for name in (module.LOCK, module.SCALE_LOCK, module.KMS_LOCK, module.DEV_LOCK, "pyproject.toml"):
        (root / name).write_text("", encoding="utf-8")
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


def write_bundle(path, tag, names=("six-1.whl",)):
    with tarfile.open(path, "w") as archive:
        for name, content in [*((f"secure-ai/wheels/{n}", b"") for n in names)]:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO(content))
        note = json.dumps({"tag": tag}).encode()
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
