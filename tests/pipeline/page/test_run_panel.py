"""How a page says that its lesson can be run: the panel, and the bundle that its commands work on."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import replace

import pytest

from course import weights
from course.pipeline.page import run_panel, wheel
from course.pipeline.page.run_panel import Hosting

from ..samples import HEADER, capture, lesson

ADDED = "# weights: [smollm2-135m-instruct]\n# ---\n"
LESSON = lesson(header=HEADER.removesuffix("# ---\n") + ADDED)
RUN = replace(capture(cells=1).provenance, profile="laptop", seconds=300.0, peak_mib=2048)
NOWHERE = Hosting()
GITHUB = "https://github.com/some/course"


def panel(hosting: Hosting = NOWHERE) -> str:
    return run_panel.panel(LESSON, RUN, wheel.NAME, hosting)


def commands(system: str) -> list[str]:
    found = re.search(rf"<p>{system}</p><div[^>]*><pre[^>]*><code>(.*?)</code>", panel(), re.S)
    assert found
    return found[1].split("\n")


def test_the_commands_name_the_files_of_the_bundle() -> None:
    slug = LESSON.slug
    others = {wheel.NAME: b"", run_panel.VERSIONS: b"", f"{slug}.py": b"", f"{slug}.ipynb": b""}
    with zipfile.ZipFile(io.BytesIO(run_panel.bundle(slug, others))) as made:
        names = {name.removeprefix(f"{slug}/") for name in made.namelist()}
    for system in ("macOS, Linux", "Windows"):
        cd, *_, install, run = commands(system)
        assert cd == f"cd {slug}"
        assert {name for name in names if name in install} == {wheel.NAME, run_panel.VERSIONS}
        assert run == f"python {slug}.py --profile smoke"
    assert f'href="{run_panel.name(LESSON)}" download' in panel()
    assert f"{slug}.ipynb" in panel()


def test_it_tells_what_a_run_costs() -> None:
    text = re.sub(r"<[^>]+>", " ", panel())
    for told in ("5 min on 2 CPU threads", "2.0 GiB", "93 MB", "smoke", "full", "3.11, 3.12 or 3.13", "no GPU"):
        assert re.search(re.escape(told), text, re.I), told


@pytest.mark.parametrize("address", ["", "https://example.org/some/course", "https://github.com/some"])
def test_services_are_offered_only_of_a_repository_of_github(address: str) -> None:
    assert "https:" not in panel(Hosting(address, "gh-pages"))


@pytest.mark.parametrize("address", [GITHUB, f"{GITHUB}/", f"{GITHUB}.git"])
def test_services_open_the_published_notebook(address: str) -> None:
    path = f"lessons/{LESSON.slug}/{LESSON.slug}.ipynb"
    found = re.findall(r'<a href="(https:[^"]*)">([^<]*)</a>', panel(Hosting(address, "b", "v1")))
    links = {label: target for target, label in found}
    assert links == {
        "Open in Colab": f"https://colab.research.google.com/github/some/course/blob/b/v1/{path}",
        "Open in Kaggle": f"https://kaggle.com/kernels/welcome?src={GITHUB}/blob/b/v1/{path}",
        "Open in Binder": f"https://mybinder.org/v2/gh/some/course/b?labpath=v1%2F{path.replace('/', '%2F')}",
        "On GitHub": f"{GITHUB}/blob/b/v1/{path}",
    }


def test_the_same_files_make_the_same_bundle() -> None:
    one, other = {"a": b"1", "b": b"2"}, {"b": b"2", "a": b"1"}
    assert run_panel.bundle("x", one) == run_panel.bundle("x", other)


def test_locked_requirements_become_constraints() -> None:
    locked = (
        "# Note.\na-b==1.0 \\\n    --hash=sha256:12 \\\n    --hash=x\nc==2 ; sys_platform == 'linux' \\\n    --hash=x\n"
    )
    assert (
        run_panel.versions(locked, "d==3+cpu \\\n    --hash=y\n")
        == "a-b==1.0\nc==2 ; sys_platform == 'linux'\nd==3+cpu\n"
    )


def test_every_download_of_weights_has_its_size() -> None:
    assert run_panel.WEIGHTS.keys() == weights.SOURCES.keys()
