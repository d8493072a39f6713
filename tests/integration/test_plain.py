"""A folder of percent files as a stranger would write it, built by the real command line into pages that are opened."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from .sandbox import ROOT, Done, execute

FILES = {
    "01-intro.py": """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Cities & numbers
#
# Prose with $x^2$ and a list:
# - the [plots](part_two/plots.ipynb#The-second-part)
# - the [data](data/cities.csv)

# %% Load the data
import pandas as pd
import tools

frame = pd.read_csv("data/cities.csv")
frame

# %%
print("total", tools.total(frame["people"]))
# %matplotlib inline
""",
    "part_two/plots.py": '''\
"""
Plots
=====

Drawn. <img src="img/box.svg"> [Back](../01-intro.py).
"""
import sys

import matplotlib.pyplot as plt
from shared.deep import double

#%% [markdown]
"""
## The second part

* a
* b
"""

#%%
plt.plot([1, 2, 3])
plt.show()
print("careful", file=sys.stderr)
double(21)
#%% tags=["parameters"]
seed = 7
#%%
print("seed", seed, __file__.endswith("plots.py"))
''',
    "part_two/no prose.py": "import os\n\n# In[1]:\n\nprint('plain', __name__, os.path.basename(os.getcwd()))\n",
    "part_two/img/box.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "data/cities.csv": "city,people\nAa,40\nBb,2\n",
    "tools.py": "from shared.deep import double\n\n\ndef total(values):\n    return double(int(sum(values))) // 2\n",
    "shared/__init__.py": "",
    "shared/deep.py": "def double(x):\n    return 2 * x\n",
    "README.md": "# Not a lesson\n",
}


def build(folder: Path, cwd: Path = ROOT) -> Done:
    with tempfile.TemporaryDirectory(prefix="t") as temporary:
        command = [sys.executable, "-m", "course.pipeline.cli", "build", "--lessons", str(folder)]
        return execute(command, {**os.environ, "TMPDIR": temporary}, cwd)


def _ids(html: str) -> set[str]:
    """Anchors of a page, whose attributes need no quotes."""
    return set(re.findall(r'\sid="?([^\s">]+)', html))


@dataclass
class Opened(HTMLParser):
    """The text, images and addresses of a page."""

    path: Path
    text: str = ""
    images: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.images += [found["src"] or ""] if tag == "img" else []
        self.addresses += [found.get("href") or found.get("src") or ""]

    def handle_data(self, data: str) -> None:
        self.text += data

    def missing(self) -> list[str]:
        """Addresses on this site that lead to no file or to no anchor of one."""
        found = []
        for address in filter(None, self.addresses):
            if re.match(r"[a-z]+:|/", address):
                continue
            path, _, anchor = unquote(address).partition("#")
            target = (self.path.parent / path).resolve() if path else self.path
            target = target / "index.html" if target.is_dir() else target
            anchored = not anchor or anchor in _ids(target.read_text(encoding="utf-8")) if target.is_file() else False
            found += [] if anchored or anchor.startswith("__") else [address]
        return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "my-course"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    done = build(folder)
    assert (done.code, done.err) == (0, "")
    return folder


@pytest.fixture
def copied(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "my-course"))


def opened(folder: Path, slug: str) -> Opened:
    return Opened(folder / "_build" / "site" / "lessons" / slug / "index.html")


def test_pages_show_what_the_lessons_show(built: Path) -> None:
    intro = opened(built, "01-intro")
    assert "Cities & numbers" in intro.text
    assert "total 42" in intro.text
    assert "Load the data" in intro.text
    assert intro.tags.count("table") == 1
    assert intro.tags.count("h1") == 1
    assert "math" in intro.tags
    assert "jupytext" not in intro.text
    plots = opened(built, "part_two-plots")
    assert "careful" in plots.text
    assert "seed 0 True" in plots.text  # papermill injects the parameters that there are
    drawn = [name for name in plots.images if name.endswith(".png")]
    assert len(drawn) == 1
    assert (plots.path.parent / drawn[0]).read_bytes().startswith(b"\x89PNG")
    assert ">42</pre>" in plots.path.read_text()
    assert "plain __main__ part_two" in opened(built, "part_two-no-prose").text


def test_every_address_leads_somewhere(built: Path) -> None:
    pages = [Opened(path) for path in (built / "_build" / "site").rglob("index.html")]
    assert len(pages) == 5  # home, progress and three lessons
    assert {page.path.parent.name: page.missing() for page in pages if page.missing()} == {}
    home = next(page for page in pages if page.path.parent.name == "site")
    for slug in ("01-intro", "part_two-plots", "part_two-no-prose"):
        assert f"lessons/{slug}/" in home.addresses


def test_downloads_and_captures_can_be_read(built: Path) -> None:
    folder = opened(built, "part_two-plots").path.parent
    notebook = json.loads((folder / "part_two-plots.executed.ipynb").read_text())
    kinds = [
        kind for cell in notebook["cells"] for output in cell.get("outputs", []) for kind in output.get("data", {})
    ]
    assert kinds == ["image/png"]
    assert (folder / "part_two-plots.py").read_text() == FILES["part_two/plots.py"]
    capture = (built / "_build" / "captures" / "part_two-plots" / "laptop" / "capture.json").read_text()
    assert all(len(line) < 200 for line in capture.split('"images"')[0].split("\n"))


def test_nothing_else_is_written(built: Path) -> None:
    files = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    assert {name for name in files if not name.startswith("_build/")} == set(FILES)


def test_a_second_build_does_nothing(built: Path) -> None:
    assert build(built) == Done(0, "Nothing to do: 3 lessons and the site are current.\n", "")


@pytest.mark.parametrize("cwd", [".", ".."])
def test_a_relative_path_is_as_good(copied: Path, cwd: str) -> None:
    source = copied / "01-intro.py"
    source.write_text(source.read_text().replace("Prose with", "Words with"))
    done = build(Path() if cwd == "." else Path(copied.name), copied / cwd)
    assert (done.code, done.err) == (0, "")
    assert "Words with" in opened(copied, "01-intro").text
    assert " 01-intro " not in done.out  # the versions that count do not depend on where one stands


def test_a_lock_above_the_folder_counts(copied: Path) -> None:
    for version in ("1.0", "1.1"):
        (copied.parent / "requirements.txt").write_text(f"pandas=={version}\n")
        done = build(copied)
        assert done.code == 0
        assert f"{version} is locked" in done.err
        assert " 01-intro " in done.out
        assert " part_two-plots " not in done.out
    assert build(copied).out.startswith("Nothing to do")


@pytest.mark.parametrize(
    ("name", "old", "new", "run"),
    [
        ("01-intro.py", "Prose with", "Other prose with", []),
        ("tools.py", "return", "return 0 +", ["01-intro"]),
        ("shared/deep.py", "2 * x", "x + x", ["01-intro", "part_two-plots"]),
        ("data/cities.csv", "Aa,40", "Aa,41", ["01-intro"]),
    ],
)
def test_an_edit_runs_exactly_what_uses_it(copied: Path, name: str, old: str, new: str, run: list[str]) -> None:
    text = (copied / name).read_text()
    assert old in text
    (copied / name).write_text(text.replace(old, new))
    done = build(copied)
    assert (done.code, done.err) == (0, "")
    ran = [slug for slug in ("01-intro", "part_two-plots", "part_two-no-prose") if f" {slug} " in done.out]
    assert ran == run
    assert "index.html" in done.out


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("part_two/plots.py", "double(21)", "double(21) / 0", "The cell raised ZeroDivisionError"),
        ("part_two/plots.py", "double(21)", "double(21", "Invalid Python"),
        ("tools.py", "return", "return return", "Invalid Python"),
        ("01-intro.py", "import tools", "import no_such_tools", "The cell raised ModuleNotFoundError"),
    ],
)
def test_a_broken_lesson_is_one_message(copied: Path, name: str, old: str, new: str, words: str) -> None:
    text = (copied / name).read_text()
    assert old in text
    broken = text.replace(old, new)
    (copied / name).write_text(broken)
    done = build(copied)
    assert done.code == 1
    line = broken[: broken.index(new)].count("\n") + 1
    assert done.err.startswith(f"✗ {copied / name}:{line}: {words}")
    assert done.err.count("✗") == 1
    assert "Traceback" not in done.err
    assert "total 42" in opened(copied, "01-intro").text  # the previous site stays


def test_lessons_side_by_side_show_their_own_tables(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for n in range(16):
        rows = f"''.join(f'<tr><td>{n}-{{row}}</td></tr>' for row in range(200))"
        (folder / f"l{n}.py").write_text(
            f"# %%\nfrom IPython.display import HTML\n\nHTML('<table>' + {rows} + '</table>')\n"
        )
    done = build(folder)
    assert (done.code, done.err) == (0, "")
    for n in range(16):
        page = opened(folder, f"l{n}").path.read_text("utf-8")
        assert re.findall(r"<td>(\d+-\d+)", page) == [f"{n}-{row}" for row in range(200)]


def test_a_dead_link_is_told_and_does_not_stop_the_build(copied: Path) -> None:
    source = copied / "01-intro.py"
    source.write_text(source.read_text().replace("data/cities.csv)", "data/absent.csv)"))
    done = build(copied)
    assert done.code == 0
    assert done.err.startswith(f"! {source}:17: The address 'data/absent.csv' leads nowhere.\n")
    assert done.err.count("!") == 1
