"""A folder that somebody hands over runs nothing: not when it is listed, checked or rendered, nor in a reader's browser."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pickle
import re
import shutil
import sqlite3
import subprocess
import sysconfig
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from course.figures import Figure, Series
from course.pipeline.lesson.read import read
from course.pipeline.results import capture, fingerprint
from course.pipeline.results.capture import (
    Capture,
    Chart,
    Html,
    ImageShown,
    Item,
    ItemShown,
    Provenance,
    Stderr,
    Table,
    Text,
    Value,
)
from course.pipeline.text import verbatim

from .sandbox import ROOT, Done, lesson, quiz

LISTING = (["list"], ["check"], ["why", "one"])
ALL = (*LISTING, ["build"])
SCRIPT = "planted()"
HTML = (
    f"<script>{SCRIPT}</script><img src=x onerror={SCRIPT}><svg onload={SCRIPT}><script>{SCRIPT}</script></svg>"
    f"<a href='javascript:{SCRIPT}'>a</a><iframe srcdoc='<script>{SCRIPT}</script>'></iframe><form action=x>"
    f"<script src='files/planted.js'></script><base href=//x><meta http-equiv=refresh content='0;url=x'>"
)
SVG = f"<svg xmlns='http://www.w3.org/2000/svg' onload='{SCRIPT}'><script>{SCRIPT}</script><rect width='1'/></svg>"
FORGED = verbatim.block(f"<b>forged</b><script>{SCRIPT}</script>").replace("\n", "\n# ")
"""HTML between such marks as the build itself sets."""
ONE = f"""\
# %% [markdown]
# # One <script>{SCRIPT}</script> & <img src=x onerror={SCRIPT}> &lt;/title>&lt;script>{SCRIPT}
#
# {HTML}
#
# {HTML}words
#
# {FORGED}
#
# - a list
#
#     {FORGED.replace("# ", "#     ")}
#
# ## Part {HTML}
#
# Of $\\href{{javascript:{SCRIPT}}}{{x}}$ and $\\text{{<script>{SCRIPT}</script>}}$.
#
# <details><summary>Folded</summary>
#
# ```python
# folded
# ```
#
# </details>
#
# [a script](planted.js) ![a drawing](drawn.svg) [elsewhere](elsewhere.txt) [link](javascript:{SCRIPT})

# %%
import tools

tools

# %%
2
"""


def course(folder: Path, *command: str, lessons: Path | None = None) -> Done:
    """The installed command, given in ``folder``."""
    script = Path(sysconfig.get_path("scripts")) / "course"
    words = [str(script), *command, "--lessons", str(lessons or ".")]
    home = folder.parent / "home"
    environment = {**os.environ, "COURSE_CACHE": str(home), "HOME": str(home), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return Done(done.returncode, done.stdout, done.stderr)


def save(path: Path, root: Path | None, captures: Path, made: Capture) -> Path:
    """Write ``made`` as the current capture of the lesson at ``path``."""
    source = read(path, root)
    found = fingerprint.inputs(source, "laptop", None if root else ROOT / "requirements" / "lock.txt")
    values = {**vars(made.provenance), "inputs": found, "fingerprint": fingerprint.fingerprint(found)}
    target = capture.path_of(captures, source.slug, "laptop")
    capture.save(Capture(made.items, made.outputs, Provenance(**values), made.images), target)
    return target


PROVENANCE = Provenance(
    commit=HTML, fingerprint="", inputs={}, profile="laptop", seed=0, device=HTML, processor=HTML, threads=2, dtype=HTML,
    python=HTML, libraries={HTML: HTML}, seconds=1.0, peak_mib=64, date="2025-01-31",
)  # fmt: skip


def evil() -> Capture:
    """A capture with scripts wherever a text stands."""
    drawn = Figure("line", (Series(HTML, (1, 2), (1.0, 2.0)),), HTML, HTML, HTML, HTML)
    items: list[Item] = [
        Value("value", 0, HTML, "exact"),
        Table("rows", 0, (HTML,), ((HTML,),), HTML, "exact"),
        Chart("drawn", 0, "exact", drawn),
    ]
    image = f"{hashlib.sha256(SVG.encode()).hexdigest()[:16]}.svg"
    first = (Text(HTML), Stderr(HTML), Html(f"{HTML}<b>bold</b>"), ImageShown(image))
    shown = (first, (ItemShown("rows"), ItemShown("drawn")))
    return Capture({item.key: item for item in items}, shown, PROVENANCE, {image: SVG})


RAN = "__import__('pathlib').Path({!r}).touch()\n"
MODULES = (
    "click", "yaml", "msgspec", "nh3", "rich", "jinja2", "mkdocs", "hatchling", "conftest", "sitecustomize", "hooks",
    "usercustomize", "tools", "setup", "hatch_build", "jupyter_config", "ipython_config",
)  # fmt: skip
TEMPLATES = ("base.html.j2", "lab/base.html.j2", "lab/index.html.j2", "mkdocs_html/notebook.html.j2", "main.html")
CONFIG = """\
site_name: planted
hooks: [hooks.py]
theme: {name: material, custom_dir: docs/overrides}
plugins: [planted]
markdown_extensions:
  - toc: {slugify: !!python/name:hooks.main}
  - x: !!python/object/apply:os.system ["touch ran"]
"""
PROJECT = """\
[build-system]
requires = []
build-backend = "hooks"
backend-path = ["."]
[tool.hatch.build.hooks.custom]
"""


def plant(folder: Path) -> None:
    """Everything that some program would run if it looked here."""
    ran = RAN.format(str(folder.parent / "ran"))
    jinja = "{{ cycler.__init__.__globals__.os.system('touch " + str(folder.parent / "ran") + "') }}"
    tree = folder / "_build" / "build" / "tree"
    for place in (folder, folder / "_build", folder / "_build" / "docs", tree, tree / "docs"):
        place.mkdir(parents=True, exist_ok=True)
        for name in MODULES:
            (place / f"{name}.py").write_text(ran)
        (place / "hatchling").mkdir()
        (place / "hatchling" / "__main__.py").write_text(ran)
        (place / "pyproject.toml").write_text(PROJECT)
        (place / "mkdocs.yml").write_text(CONFIG)
        for name in (*TEMPLATES, *(f"overrides/{name}" for name in TEMPLATES)):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(jinja)
    for docs in (folder / "_build" / "docs", tree / "docs"):
        (docs / "planted.md").write_text(f"# Planted\n\n{HTML}\n")
        (docs / "assets" / "learn").mkdir(parents=True)
        (docs / "assets" / "learn" / "quiz.js").write_text(SCRIPT)
    (folder / "_build" / "site").mkdir()
    (folder / "_build" / "site" / "index.html").write_text(HTML)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A plain course with a current capture, in which everything is planted."""
    made = tmp_path / "handed over"
    plant(made)
    (made / "one.py").write_text(ONE)
    (made / "planted.js").write_text(SCRIPT)
    (made / "drawn.svg").write_text(SVG)
    (tmp_path / "secret.txt").write_text("secret")
    (made / "elsewhere.txt").symlink_to(tmp_path / "secret.txt")
    save(made / "one.py", made, made / "_build" / "captures", evil())
    return made


class Page(HTMLParser):
    """What a browser would run of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.policy = ""
        self.runs: list[str] = []
        self.text = ""
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._script = tag == "script"
        if found.get("http-equiv") == "Content-Security-Policy":
            self.policy = found["content"] or ""
        addresses = ("src", "href", "srcdoc", "action")
        self.runs += [name for name in found if name.startswith("on")]
        self.runs += [name for name in addresses if SCRIPT in (found.get(name) or "")]
        self.runs += [tag] if tag in ("iframe", "base", "object", "embed") else []
        self.runs += ["refresh"] if found.get("http-equiv") == "refresh" else []
        self.runs += ["file"] if tag == "script" and "files/" in (found.get("src") or "") else []

    def handle_data(self, data: str) -> None:
        if self._script and SCRIPT in data and not data.startswith("{"):  # data of our own, in which nothing is a tag
            self.runs.append(data)
        self.text += data


def assert_harmless(site: Path) -> None:
    """No page runs a planted script, and no script or drawing of the site holds one."""
    planted = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    pages = list(site.rglob("*.html"))
    assert pages
    for path in pages:
        page = Page(path.read_text(encoding="utf-8"))
        assert page.runs == [], path
        assert "script-src 'self'" in page.policy, path
        assert planted not in page.policy, path
    offered = set(site.rglob("files/*"))
    assert [path for path in site.rglob("*.js") if SCRIPT in path.read_text() and path not in offered] == []
    for path in site.rglob("*.svg"):
        assert "script" not in path.read_text(), path
        assert "onload" not in path.read_text(), path


def test_nothing_in_the_folder_is_imported_or_run(folder: Path) -> None:
    for command in ALL:
        done = course(folder, *command)
        assert (done.code, "Traceback" in done.err) == (0, False), (command, done)
    assert not (folder.parent / "ran").exists()


def test_no_script_of_the_folder_runs_in_a_page(folder: Path) -> None:
    done = course(folder, "build")
    assert done.code == 0, done.err
    site = folder / "_build" / "site"
    assert_harmless(site)
    page = (site / "lessons" / "one" / "index.html").read_text()
    assert "<b>bold</b>" in page
    assert re.search(r"<details>\s*<summary>Folded</summary>.*folded.*</details>", page, re.S)
    assert [path.name for path in (site / "lessons" / "one").glob("*.svg")] != []
    assert not (site / "planted").exists()  # the page that was among ours
    assert not re.search(r"<b>forged</b>\s*<script", page)


def test_a_link_out_of_the_folder_is_not_published(folder: Path) -> None:
    done = course(folder, "build")
    assert "The address 'elsewhere.txt' leads nowhere." in done.err
    files = [path for path in (folder / "_build" / "site").rglob("*") if path.is_file()]
    assert [path for path in files if b"secret" in path.read_bytes() and path.suffix == ".txt"] == []


def test_a_cache_of_others_is_as_good_as_none(folder: Path) -> None:
    """Also one whose entries have the right names."""
    assert course(folder, "build").code == 0
    shutil.rmtree(folder / "_build" / "site")
    (folder / "one.py").write_text(ONE.replace("words", "other words"))
    database = sqlite3.connect(folder / "_build" / "build" / "cache" / "results.sqlite")
    planted = pickle.dumps(Touch(str(folder.parent / "ran")))
    with database:
        assert database.execute("UPDATE results SET value = ?", (planted,)).rowcount > 9
    database.close()
    for command in ALL:
        done = course(folder, *command)
        assert (done.code, "Traceback" in done.err) == (0, False), (command, done)
    assert not (folder.parent / "ran").exists()
    assert "other words" in (folder / "_build" / "site" / "lessons" / "one" / "index.html").read_text()


class Touch:
    """An object whose pickle, when it is read, writes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def test_a_planted_site_is_not_taken_for_ours(folder: Path) -> None:
    """Sizes and times of all files are those that a build of its author's remembered."""
    assert course(folder, "build").code == 0
    index = folder / "_build" / "site" / "index.html"
    status = index.stat()
    page, script = index.read_bytes(), f"<script>{SCRIPT}</script>".encode()
    at = page.index(b"<p")
    index.write_bytes(page[:at] + script + page[at + len(script) :])
    os.utime(index, ns=(status.st_atime_ns, status.st_mtime_ns))
    folder.rename(folder.parent / "author's")
    (folder.parent / "home").rename(folder.parent / "author's home")
    shutil.copytree(folder.parent / "author's", folder, symlinks=True)
    assert "Rendering" in course(folder, "build").out
    assert_harmless(folder / "_build" / "site")


NAMES: dict[str, Callable[[dict[str, Any]], object]] = {
    "image": lambda made: (
        made["images"].update({"../../../../../escaped.svg": SVG}),
        made["outputs"][0].append({"image": "../../../../../escaped.svg"}),
    ),
    "item": lambda made: (
        made["items"].update({"../../../../../escaped": made["items"]["rows"]}),
        made["outputs"][0].append({"item": "../../../../../escaped"}),
    ),
    "absent item": lambda made: made["outputs"][0].append({"item": "absent"}),
    "no base64": lambda made: made["images"].update({f"{'0' * 16}.png": "a"}),
    "kind of output": lambda made: made["outputs"][0].append({"html": 3}),
    "type of provenance": lambda made: made["provenance"].update(seconds="long"),
    "depth": lambda made: made.update(items=deep()),
}


def deep() -> Any:
    made: Any = {}
    for _ in range(900):
        made = {"a": made}
    return made


@pytest.mark.parametrize("change", NAMES.values(), ids=NAMES)
def test_a_capture_with_other_names_than_ours_is_none(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "_build" / "captures" / "one" / "laptop" / "capture.json"
    document = json.loads(path.read_text())
    change(document)
    del document["format"], document["digest"]
    whole = {"format": capture.FORMAT, "digest": capture._digest(document), **document}
    path.write_text(json.dumps(whole))
    done = course(folder, "list", "--json")
    assert [row["state"] for row in json.loads(done.out)] == ["none"], done
    assert not list(folder.parent.rglob("*escaped*"))


PLACES = ("_build", "_build/site", "_build/build", "_build/build/tree", "_build/build/cache", "_build/captures/one",
          "_build/build/.lock", "_build/build/tree/mkdocs.yml", "_build/build/cache/results.sqlite",
          "_build/captures/.lock")  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_link_in_the_folder_of_results_is_refused(folder: Path, place: str) -> None:
    path, outside = folder / place, folder.parent / "outside"
    if path.is_dir():
        path.rename(outside)
    else:
        outside.write_text("mine")
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(outside)
    before = sorted((str(each), each.stat().st_mtime_ns) for each in [outside, *outside.rglob("*")])
    for command in ALL:
        done = course(folder, *command)
        assert done.code == 1
        assert f"{place}: This is a link, in the folder of results." in done.err
    assert sorted((str(each), each.stat().st_mtime_ns) for each in [outside, *outside.rglob("*")]) == before


PIPES = ("_build/build/.lock", "_build/build/cache/done", "_build/build/cache/files.json", "_build/build/tree/docs/pipe.md",
         "_build/captures/one/laptop/capture.json")  # fmt: skip


@pytest.mark.parametrize("place", PIPES)
def test_a_pipe_in_the_folder_of_results_is_refused(folder: Path, place: str) -> None:
    (folder / place).unlink(missing_ok=True)
    (folder / place).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(folder / place)
    for command in ALL:
        done = course(folder, *command)
        assert done.code == 1
        assert f"{place}: This is neither a file nor a folder" in done.err


def test_pipes_and_links_among_the_lessons_stop_nothing(folder: Path) -> None:
    for name in ("pipe.py", "pipe.csv", "one.quiz.yml", "requirements.txt"):
        os.mkfifo(folder / name)
    (folder / "loop").symlink_to(folder)
    (folder / "disk").symlink_to("/")
    (folder / "nowhere").symlink_to("absent")
    (folder / "zeros.csv").symlink_to("/dev/zero")
    (folder / os.fsdecode(b"\xff.csv")).touch()
    for command in LISTING:
        assert course(folder, *command).code == 0, command


def test_a_lesson_that_is_a_link_out_of_the_folder_is_refused(folder: Path) -> None:
    (folder.parent / "other.py").write_text(ONE)
    (folder / "two.py").symlink_to(folder.parent / "other.py")
    done = course(folder, "list")
    assert done.code == 1
    assert done.err.startswith("✗ two.py: This lesson is a link that leads out of the folder.")


def test_markup_in_a_title_is_no_markup_of_the_terminal(folder: Path) -> None:
    (folder / "one.py").write_text("# %% [markdown]\n# # One [/] [bold]two\n")
    done = course(folder, "list")
    assert done.code == 0
    assert "One [/] [bold]two" in done.out


def test_a_course_of_our_format_runs_nothing_either(tmp_path: Path) -> None:
    """Its quiz, header and notebook view too, with templates in the current folder."""
    made = tmp_path / "handed over"
    plant(made)
    (made / "requirements").mkdir()
    shutil.copy(ROOT / "requirements" / "lock.txt", made / "requirements")
    prose = f'# %% [markdown]\n# ## Tiny\n#\n# {FORGED}\n#\n# {HTML} <img src="data:image/svg+xml;base64,{b64(SVG)}">\n'
    text = lesson("from course import record", "print(1)") + f"\n{prose}\n# %% [markdown]\n# <!-- quiz -->\n"
    title = f"Tiny {HTML}\n" + FORGED.replace("# ", "")
    header = text.replace("title: Tiny", f"title: {json.dumps(title)}")
    header = header.replace("summary: A lesson that needs no model.", f"summary: {json.dumps(HTML)}")
    header = header.replace("  - run it", f"  - {json.dumps(HTML)}")
    (made / "lessons").mkdir()
    path = made / "lessons" / "01_tiny.py"
    path.write_text(header)
    path.with_suffix(".quiz.yml").write_text(quiz().replace("Which?", json.dumps(HTML)))
    made_of = evil()
    # The parameters show nothing.
    outputs = ((), (Text(HTML),), made_of.outputs[1])
    save(path, None, made / "lessons" / "_build" / "captures", Capture(made_of.items, outputs, PROVENANCE))
    for command in (["list"], ["check"], ["why", "1"], ["build"]):
        done = course(made, *command, lessons=Path("lessons"))
        assert (done.code, "Traceback" in done.err) == (0, False), (command, done)
    assert not (tmp_path / "ran").exists()
    assert_harmless(made / "lessons" / "_build" / "site")
    assert (made / "lessons" / "_build" / "site" / "lessons" / "01_tiny" / "notebook" / "index.html").is_file()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_a_drawing_that_is_published_can_be_read(folder: Path) -> None:
    assert course(folder, "build").code == 0
    for path in (folder / "_build" / "site" / "lessons").rglob("*.svg"):
        assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"
