"""Check that every part of the kit works on this machine, and say what to do where one does not."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from secure_ai.core.errors import UserError
from secure_ai.project import in_seat, project_root, work_folder

REINSTALL = "run 'make start' again (it repairs .venv); if that does not help, delete the folder .venv first"
IN_SEAT = "tell your instructor, who can mend the room"
FREE_GIGABYTES = 1


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's answer.

    Attributes:
        part: what was looked at.
        ok: whether it works.
        detail: what was found.
        remedy: what to do where it does not work, else empty.
    """

    part: str
    ok: bool
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        """Return the line as it is printed."""
        line = f"{'OK  ' if self.ok else 'FAIL'}  {self.part}: {self.detail}"
        return line if self.ok else f"{line}. Remedy: {self.remedy}."


class Broken(Exception):
    """A part does not work; carries what was found and the remedy."""

    def __init__(self, detail: str, remedy: str = REINSTALL) -> None:
        super().__init__(detail)
        self.detail, self.remedy = detail, remedy


def run_checks(*, quick: bool = False) -> list[Check]:
    """Check the parts of the kit, each by using it.

    Args:
        quick: only what can be told without loading the libraries (under a second).

    Returns:
        One :class:`Check` per part, in a fixed order. Nothing is raised: a part that fails in an
        unforeseen way is a FAIL line too.
    """
    parts = QUICK_PARTS if quick else QUICK_PARTS + FULL_PARTS
    return [_run(part, probe) for part, probe in parts]


def _run(part: str, probe: Callable[[], str]) -> Check:
    try:
        return Check(part, True, probe())
    except Broken as broken:
        detail, remedy = broken.detail, broken.remedy
    except UserError as error:
        return Check(part, False, str(error).rstrip("."), "as said")
    except Exception as error:
        detail, remedy = f"does not work ({type(error).__name__})", REINSTALL
    return Check(part, False, detail, IN_SEAT if in_seat() else remedy)


def _python() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise Broken(
            f"this is {version}, the kit needs 3.11 to 3.13",
            "install Python 3.11, 3.12 or 3.13, then 'make start'",
        )
    return version


def _packages() -> str:
    wanted = locked_versions((project_root() / "requirements.lock").read_text(encoding="utf-8"))
    wrong = []
    for name, version in wanted:
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = "missing"
        if installed != version:
            wrong.append(f"{name} is {installed}, the lock says {version}")
    if wrong:
        raise Broken(f"{len(wrong)} of {len(wanted)} differ from the lock ({wrong[0]})")
    return f"all {len(wanted)} are exactly those of the lock"


def locked_versions(lock: str) -> list[tuple[str, str]]:
    """Return (name, version) of the lock's lines that apply to this Python and system."""
    from packaging.markers import Marker

    found = []
    for name, version, marker in re.findall(
        r"^([a-z0-9][a-z0-9._-]*)==(\S+)(?: ; ([^\\\n]+))?", lock, flags=re.M
    ):
        if not marker or Marker(marker.strip()).evaluate():
            found.append((name, version))
    return found


def _disk() -> str:
    free = shutil.disk_usage(work_folder()).free / 2**30
    if free < FREE_GIGABYTES:
        raise Broken(f"{free:.1f} GB free", f"free at least {FREE_GIGABYTES} GB on this disk")
    return f"more than {FREE_GIGABYTES} GB free"


def _folders() -> str:
    root, wanted = work_folder(), ("notebooks", "labs", "solutions", "synthetic_data")
    if in_seat():  # solutions come when they are released, and the data's code lies with the room
        wanted = wanted[:2]
    missing = [name for name in wanted if not (root / name).is_dir()]
    if missing:
        raise Broken(
            f"{missing[0]}/ is missing",
            "unpack or clone the kit again; your work in labs/ can be copied over",
        )
    for name in ("labs", "."):
        try:
            with tempfile.NamedTemporaryFile(dir=root / name):
                pass
        except OSError:
            raise Broken(
                f"the folder of the {'seat' if in_seat() else 'kit'} cannot be written",
                "copy the kit to a folder of your own, such as Documents",
            ) from None
    return f"{', '.join(wanted[:-1])} and {wanted[-1]} are there and can be written"


def _lessons() -> str:
    root = work_folder()
    for folder in ("notebooks", "labs", "solutions"):
        for path in sorted((root / folder).glob("*.ipynb")):
            try:
                json.loads(path.read_text(encoding="utf-8"))["cells"]
            except (ValueError, KeyError, TypeError):
                fix = "lab reset" if folder == "labs" else "git checkout --"
                target = path.stem if folder == "labs" else f"{folder}/{path.name}"
                command = f"secure-ai {fix} {target}" if folder == "labs" else f"{fix} {target}"
                raise Broken(f"{folder}/{path.name} is damaged", f"run '{command}'") from None
    count = len(list((root / "notebooks").glob("*.ipynb")))
    if count == 0:
        raise Broken("there is no lesson in notebooks/", "unpack or clone the kit again")
    return f"{count} lessons with their labs can be read"


def _jupyter() -> str:
    from jupyter_client.kernelspec import KernelSpecManager

    command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    # A bare "python" is replaced by the Python that runs JupyterLab; a path may be anybody's.
    if Path(command).is_absolute() and Path(command).parent != Path(sys.executable).parent:
        raise Broken(
            "the kernel 'python3' belongs to another Python", "start by 'make start', not by 'jupyter lab'"
        )
    return f"JupyterLab {importlib.metadata.version('jupyterlab')}, its kernel is this Python"


def _widgets() -> str:
    import ipywidgets

    ipywidgets.IntSlider(value=1)
    folder = (
        Path(sys.prefix) / "share" / "jupyter" / "labextensions" / "@jupyter-widgets" / "jupyterlab-manager"
    )
    if not folder.is_dir():
        raise Broken("the JupyterLab half of ipywidgets is missing")
    return f"ipywidgets {ipywidgets.__version__} with its JupyterLab extension"


def _notebook_runs() -> str:
    import nbformat
    import papermill
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")])
    # The kernel's remarks on its own transport would stand among the lines of the answer.
    quiet = ["--IPKernelApp.log_level=50"]
    NotebookClient(notebook, timeout=60, kernel_name="python3", extra_arguments=quiet).execute()
    if notebook.cells[0].outputs[0]["data"]["text/plain"] != "42":
        raise Broken("a kernel started but did not answer")
    return f"a kernel ran a cell (papermill {papermill.__version__})"


def _tables() -> str:
    from secure_ai.core.sources import load_extension, open_source

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probe.csv"
        path.write_text("zip,age\n02155,41\n02139,33\n", encoding="utf-8")
        source = open_source(path)
        if source.types["zip"] != "VARCHAR" or source.n_rows != 2:
            raise Broken("a CSV file is read wrongly")
        for name in ("excel", "sqlite_scanner", "postgres_scanner"):
            load_extension(source.connection, name)
    version = importlib.metadata.version("duckdb")
    return f"DuckDB {version} reads CSV, Parquet, JSON, Excel, SQLite and PostgreSQL"


def _detection() -> str:
    from secure_ai.discover import detect

    # A number of a range that is never issued, so that this file holds nobody's data.
    found = detect(["Please write to Wojciech Nowak at nobody@example.org today."])[0]
    if "EMAIL_ADDRESS" not in {span.entity_type for span in found}:
        raise Broken("an e-mail address in a sentence was not found")
    if "PERSON" not in {span.entity_type for span in found} and "SECURE_AI_NLP" not in os.environ:
        raise Broken("the names model does not find a name in a sentence")
    return (
        f"Presidio {importlib.metadata.version('presidio-analyzer')} finds personal data, without the network"
    )


def _synthetic_data() -> str:
    import synthetic_data

    rows = {
        sector: len(synthetic_data.load(sector, seed=1, rows=100).tables)
        for sector in ("healthcare", "finance")
    }
    return f"hospital ({rows['healthcare']} tables) and bank ({rows['finance']} tables) were generated"


def _formats() -> str:
    import pyiso20022  # noqa: F401
    from fhir.resources.R4B.patient import Patient

    Patient(active=True)
    return "FHIR R4 and ISO 20022 libraries answer"


def _learning() -> str:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    if list(model.predict([[-5.0], [9.0]])) != [0, 1]:
        raise Broken("a model was trained but predicts wrongly")
    return f"scikit-learn {importlib.metadata.version('scikit-learn')} trains a model"


def _charts() -> str:
    from matplotlib.figure import Figure

    with tempfile.TemporaryFile() as file:
        Figure().savefig(file, format="png")
    return f"matplotlib {importlib.metadata.version('matplotlib')} draws"


def _encryption() -> str:
    from secure_ai.encrypt.files import TamperedFileError, decrypt_file, encrypt_file
    from secure_ai.encrypt.key_rings import LocalKeyRing

    ring = LocalKeyRing.in_memory("probe")
    with tempfile.TemporaryDirectory() as folder:
        plain, sealed, back = (Path(folder) / name for name in ("plain", "sealed", "back"))
        plain.write_bytes(b"probe" * 1000)
        encrypt_file(plain, sealed, ring, "probe")
        decrypt_file(sealed, back, ring)
        if back.read_bytes() != plain.read_bytes():
            raise Broken("a file was encrypted and does not come back")
        altered = bytearray(sealed.read_bytes())
        altered[-1] ^= 1
        sealed.write_bytes(altered)
        try:
            decrypt_file(sealed, back, ring)
        except TamperedFileError:
            return "a file comes back, and an altered one is refused"
    raise Broken("an altered file was not noticed")


def _policies() -> str:
    from secure_ai.access.policy import AccessExplorer

    for sector in ("healthcare", "finance"):
        explorer = AccessExplorer(sector)
        kind = explorer.kinds[0]
        asked = (explorer.roles[0], explorer.actions(kind)[0], kind, explorer.purposes[0])
        if explorer.ask(*asked, who_active=False).allowed:
            raise Broken("a policy allows what it must not")
    return "the policies of hospital and bank decide"


def _database() -> str:
    from secure_ai.access.database.server import database

    with database(url="") as server, server.connect() as connection:
        (version,) = connection.execute("SHOW server_version").fetchone()
    return f"PostgreSQL {version} starts and stops"


QUICK_PARTS: list[tuple[str, Callable[[], str]]] = [
    ("Python", _python),
    ("Packages", _packages),
    ("Disk", _disk),
    ("Folders", _folders),
    ("Lessons and labs", _lessons),
]
FULL_PARTS: list[tuple[str, Callable[[], str]]] = [
    ("JupyterLab", _jupyter),
    ("Widgets", _widgets),
    ("Running notebooks", _notebook_runs),
    ("Tables", _tables),
    ("Detection", _detection),
    ("Synthetic data", _synthetic_data),
    ("Exchange formats", _formats),
    ("Encryption", _encryption),
    ("Access policies", _policies),
    ("Database", _database),
    ("Machine learning", _learning),
    ("Charts", _charts),
]


def all_ok(checks: Iterable[Check]) -> bool:
    """Tell whether every check passed."""
    return all(check.ok for check in checks)
