"""Templates of the pages that are written for learners: one file each, nothing loaded, all text escaped."""

from __future__ import annotations

from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from secure_ai.learn.map import duration


def render(template: str, **values: object) -> str:
    """Return the page that ``template`` makes of ``values``."""
    return _templates().get_template(template).render(**values)


@cache
def _templates() -> jinja2.Environment:
    folder = resources.files(__package__)
    sources = {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".j2")}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    environment.globals["css"] = Markup(
        resources.files("secure_ai.core").joinpath("report.css").read_text("utf-8")
    )
    return environment
