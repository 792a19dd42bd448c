"""The rooms give their public names, and load what is heavy only when it is asked for."""

import importlib
import subprocess
import sys
from types import ModuleType

import pytest

PACKAGES = [
    *(f"secure_ai.access.{room}" for room in ("database", "identity", "openid", "policy")),
    *(f"secure_ai.attack.{room}" for room in ("injection", "passwords", "tokens")),
]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there(package):
    module = importlib.import_module(package)
    assert module.__all__ and set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert not isinstance(getattr(module, name), ModuleType)  # a module of that name would hide it
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = module.no_such_name


def test_a_room_that_is_only_opened_loads_no_server_and_no_driver():
    light = [name for name in PACKAGES if not name.endswith("policy")]
    heavy = ("flask", "authlib", "ldap3", "psycopg", "sqlalchemy", "matplotlib")
    program = f"import sys, {', '.join(light)}; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
