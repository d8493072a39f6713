"""Pages are prepared while lessons run: what goes wrong meanwhile is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from course.pipeline import cli
from course.pipeline.base.errors import CourseError
from course.pipeline.course import Course
from course.pipeline.results.bundle import Bundle
from course.pipeline.site import generator
from course.pipeline.site.build import Site

from .samples import bundle, capture, lesson


def fault(*_: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize("place", [(generator, "warm_up"), (Site, "prepare")])
def test_a_fault_while_pages_are_prepared_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: tuple[object, str]
) -> None:
    made = bundle(lesson("# %%\nx = 1"), capture())

    def ran(
        _bundles: Any, _captures: Any, _options: Any, _out: Any, kept: Callable[[Bundle], object]
    ) -> list[CourseError]:
        kept(made)
        return []

    monkeypatch.setattr(Course, "load", lambda _: [made])
    monkeypatch.setattr(cli, "run_lessons", ran)
    monkeypatch.setattr(generator, "warm_up", lambda _: None)
    monkeypatch.setattr(Site, "prepare", lambda *_: None)
    monkeypatch.setattr(*place, fault)
    done = CliRunner().invoke(cli.cli, ["build", "--lessons", str(tmp_path)])
    assert isinstance(done.exception, ZeroDivisionError)
