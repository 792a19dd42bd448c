"""Fixtures of the tests that start kernels."""

from __future__ import annotations

import pytest

from secure_ai.learn.forkserver import install_kernelspec


@pytest.fixture(scope="module")
def warm_kernels(tmp_path_factory):
    """Jupyter finds the warm kernel; used by the modules that name it in their marks."""
    folder = tmp_path_factory.mktemp("jupyter")
    install_kernelspec(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        yield
