"""The course without a connection: the zip opened from a disk, and the copy that a browser keeps of one whole version."""

from __future__ import annotations

import functools
import io
import re
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from browser.support import DESKTOP, NewPage
from course.pipeline.base.cache import Cache
from course.pipeline.site import archive, offline

WINDOW: ViewportSize = {"width": DESKTOP["width"], "height": DESKTOP["height"]}
DOCS = Path(__file__).parents[2] / "docs"
WORKER_READY = "navigator.serviceWorker.getRegistration().then((found) => found?.active?.state ?? '')"


def _watched(page: Page, allowed: str) -> tuple[Page, list[str]]:
    """A page, and what it complains about or asks for elsewhere than at addresses that begin with ``allowed``."""
    problems: list[str] = []
    page.context.set_default_timeout(15_000)
    page.context.on(
        "request", lambda r: None if r.url.startswith((allowed, "data:", "blob:")) else problems.append(f"asks {r.url}")
    )
    page.context.on(
        "requestfailed", lambda r: None if "ABORTED" in (r.failure or "") else problems.append(f"fails {r.url}")
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
    return page, problems


@pytest.fixture(scope="module")
def unpacked(built_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zip with a space")
    runtime = (DOCS / archive.RUNTIME).read_text(encoding="utf-8")
    with zipfile.ZipFile(io.BytesIO(archive.pack(built_site, runtime, "course"))) as packed:
        packed.extractall(folder)
    return folder / "course"


def test_the_zip_works_from_a_disk(new_page: NewPage, unpacked: Path) -> None:
    page, problems = _watched(new_page(viewport=WINDOW, color_scheme="light"), unpacked.as_uri())
    page.goto((unpacked / "index.html").as_uri())
    page.locator(".md-content a[href*='lora_from_scratch']").first.click()
    expect(page.locator("h1")).to_contain_text("LoRA from scratch")

    question = page.locator('.quiz .question[data-kind="choice"]').first
    question.locator(".option[data-right] input").check()
    question.get_by_role("button", name="Check", exact=True).click()
    expect(question).to_have_class(re.compile(r"\bis-right\b"))

    page.get_by_title("Switch to the dark theme").click()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")
    page.locator(".md-footer__link--next").click()
    expect(page.locator("body")).to_have_attribute("data-md-color-scheme", "slate")

    page.goto((unpacked / "tools" / "index.html").as_uri())
    piece = page.locator("#widget-memory.is-live")
    expect(piece).to_be_attached()
    before = piece.inner_text()
    piece.locator("select").first.select_option(index=1)
    expect(piece).not_to_have_text(before)

    page.locator("input[name=query]").click()
    page.keyboard.type("target modules not found", delay=20)
    found = page.locator(".md-search-result__item:first-child .md-search-result__link", has_text="not found")
    expect(found).to_be_visible()
    found.click()
    expect(page).to_have_url(re.compile(rf"^{re.escape(unpacked.as_uri())}/.+/index\.html.*#pitfalls$"))
    expect(page.locator("h1")).to_be_visible()
    assert problems == []


def test_pages_of_the_zip_open_clean(new_page: NewPage, unpacked: Path) -> None:
    """All but most of the lessons, of which one is as good as another."""
    page, problems = _watched(new_page(viewport=WINDOW), unpacked.as_uri())
    told = []
    lessons = sorted(unpacked.glob("lessons/*/"))
    pages = [
        path
        for path in sorted(unpacked.rglob("*.html"))
        if not any(path.is_relative_to(lesson) for lesson in lessons[1:])
    ]
    assert len(pages) > 5
    for path in pages:
        page.goto(path.as_uri())
        told += [f"{path.name}: {problem}" for problem in problems]
        problems.clear()
    assert told == []


def test_modules_run_from_memory_as_they_do_from_a_server(new_page: NewPage, tmp_path: Path) -> None:
    modules = {
        "a/main.js": 'import {\n  add as plus, count, step,\n} from "./b/math.js";\nimport * as all from "../c.js";\n'
        'import again from "./b/math.js";\n// as import torch, or from "./nowhere.js"\n'
        'step();\nconst late = await import("../late.js");\n'
        "document.title = [plus(1, 2), count, again, all.text, late.name, import.meta.url].join(' ');\n",
        "a/b/math.js": "const add = (x, y) => x + y;\nexport let count = 0;\n"
        "export function step() {\n  count += 1;\n}\nexport { add };\nexport default 'once';\n",
        "c.js": 'export const text = `from "./x"`;\n',
        "late.js": "class Late {}\nexport const name = Late.name;\n",
        "broken.js": 'import "./nowhere.js";\n',
    }
    (tmp_path / archive.SCRIPT).parent.mkdir()
    runtime = (DOCS / archive.RUNTIME).read_text(encoding="utf-8")
    (tmp_path / archive.SCRIPT).write_text(archive.script(modules, runtime), encoding="utf-8")
    start = tmp_path / "index.html"
    run = f'<script src="{archive.SCRIPT}" data-modules="broken.js a/main.js"></script>'
    start.write_text(f"<!doctype html><meta charset=utf-8><title></title>{run}", encoding="utf-8")
    page, problems = _watched(new_page(), tmp_path.as_uri())
    page.goto(start.as_uri())
    expect(page).to_have_title(f'3 1 once from "./x" Late {tmp_path.as_uri()}/a/main.js')
    assert [problem for problem in problems if "nowhere.js" not in problem] == []
    assert problems != []


# ---------- the copy in the browser ----------


@dataclass
class Served:
    """A server of the folder ``root``, which can be switched off and changed."""

    root: Path
    url: str = ""
    down: bool = False
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def served(built_site: Path, tmp_path: Path) -> Iterator[Served]:
    """The site as version 1.0 and, by another name, again."""
    made = Served(tmp_path / "www")
    for name in ("1.0", "latest"):
        shutil.copytree(built_site, made.root / name, ignore=shutil.ignore_patterns("*.map", "lunr", "*.zip"))

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if made.down:
                self.close_connection = True
                return
            made.asked.append(self.path)
            super().do_GET()

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), functools.partial(Handler, directory=str(made.root)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    made.url = f"http://127.0.0.1:{server.server_port}/"
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def reader(new_page: NewPage) -> Page:
    page = new_page(viewport=WINDOW)
    page.context.set_default_timeout(20_000)
    return page


def _publish(site: Path, change: Callable[[Path], object], tmp_path: Path) -> None:
    """Change the built site and write its list anew, as a build does."""
    change(site)
    offline.write(site, DOCS / offline.WORKER, {}, Cache(tmp_path / "cache", ""))


def _reworded(site: Path) -> None:
    """Another title on two pages: a mixture of versions would show both."""
    for name in ("index.html", "tools/index.html"):
        path = site / name
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"<title>", "<title>New: ", text, count=1), encoding="utf-8")


def _keep(page: Page, address: str) -> None:
    page.goto(f"{address}offline/")
    page.get_by_role("button", name=re.compile(r"Keep this course offline \(\d+\.\d MB\)")).click()
    expect(page.get_by_text("The whole course is kept in this browser")).to_be_visible(timeout=30_000)


def test_nothing_is_kept_unasked(served: Served, reader: Page) -> None:
    for path in ("", "offline/"):
        reader.goto(f"{served.url}1.0/{path}", wait_until="networkidle")
    assert reader.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    assert reader.evaluate("caches.keys()") == []


def test_a_kept_course_is_read_without_a_server(served: Served, reader: Page) -> None:
    address = f"{served.url}1.0/"
    _keep(reader, address)
    served.down = True
    problems: list[str] = []
    reader.on("pageerror", lambda error: problems.append(str(error)))
    reader.goto(address)
    reader.locator(".md-content a[href*='lora_from_scratch']").first.click()
    expect(reader.locator("h1")).to_contain_text("LoRA from scratch")
    question = reader.locator('.quiz .question[data-kind="choice"]').first
    question.locator(".option[data-right] input").check()
    question.get_by_role("button", name="Check", exact=True).click()
    reader.goto(f"{address}tools?memory.method=full")  # no slash, and a query
    expect(reader.locator("#widget-memory.is-live")).to_be_attached()
    reader.locator("input[name=query]").click()
    reader.keyboard.type("rank")
    expect(reader.locator(".md-search-result__link").first).to_be_attached()
    assert problems == []


def test_a_new_version_is_told_and_never_mixed(served: Served, reader: Page, tmp_path: Path) -> None:
    address, site = f"{served.url}1.0/", served.root / "1.0"
    _keep(reader, address)
    reader.goto(address)
    _publish(site, _reworded, tmp_path)

    served.asked.clear()
    reader.reload()
    notice = reader.locator(".offline-notice")
    expect(notice).to_contain_text("A new version of the course is here")
    fetched = [path for path in served.asked if path.endswith((".html", "/", ".js", ".css")) and "sw.js" not in path]
    assert len(fetched) < 10, fetched  # what is the same is not fetched again
    assert not reader.title().startswith("New")
    reader.goto(f"{address}tools/")  # not asked for yet: still the old one, all of it
    assert not reader.title().startswith("New")
    other = reader.context.new_page()
    other.goto(address)
    assert not other.title().startswith("New")

    with other.expect_navigation():
        reader.get_by_role("button", name="Read the new one").click()
    for page in (reader, other):
        expect(page).to_have_title(re.compile("^New: "))
        expect(page.locator(".offline-notice.is-shown")).to_have_count(0)
    served.down = True
    for path in ("", "tools/"):
        reader.goto(address + path)
        expect(reader).to_have_title(re.compile("^New: "))
    assert len(reader.evaluate("caches.keys()")) == 1


def test_a_version_that_cannot_be_fetched_whole_is_told_and_not_kept(
    served: Served, reader: Page, tmp_path: Path
) -> None:
    address, site = f"{served.url}1.0/", served.root / "1.0"
    _keep(reader, address)
    reader.goto(address)
    _publish(site, _reworded, tmp_path)
    damaged = site / "tools" / "index.html"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole + b"<!-- of a third version -->")
    reader.reload()
    expect(reader.locator(".offline-notice")).to_contain_text("could not be kept")
    assert not reader.title().startswith("New")
    damaged.write_bytes(whole)
    reader.get_by_role("button", name="Try again").click()
    reader.get_by_role("button", name="Read the new one").click()
    expect(reader).to_have_title(re.compile("^New: "))


def test_a_copy_that_fails_leaves_nothing(served: Served, reader: Page) -> None:
    (served.root / "1.0" / "tools" / "index.html").write_text("of another version")
    reader.goto(f"{served.url}1.0/offline/")
    reader.get_by_role("button", name=re.compile("Keep this course")).click()
    expect(reader.get_by_text("so nothing is kept")).to_be_visible(timeout=30_000)
    assert reader.evaluate("caches.keys()") == []
    assert reader.evaluate(WORKER_READY) == ""


def test_versions_side_by_side_are_kept_apart(served: Served, reader: Page) -> None:
    for name in ("1.0", "latest"):
        _keep(reader, f"{served.url}{name}/")
    reader.reload()
    reader.get_by_role("button", name="Remove the copy").click()
    expect(reader.get_by_text("No copy is kept in this browser")).to_be_visible()
    (left,) = reader.evaluate("caches.keys()")
    assert "/1.0/" in left
    served.down = True
    reader.goto(f"{served.url}1.0/tools/")
    expect(reader.locator("h1")).to_be_visible()


def test_the_manifest_names_icons_of_their_sizes(built_site: Path, served: Served, reader: Page) -> None:
    reader.goto(f"{served.url}1.0/tools/")
    manifest: dict[str, Any] = reader.evaluate(
        "fetch(document.querySelector('link[rel=manifest]').href).then((answer) => answer.json())"
    )
    base = "new URL(path, document.querySelector('link[rel=manifest]').href).href"
    assert reader.evaluate(f"(path) => {base}", manifest["scope"]) == f"{served.url}1.0/"
    size = """(path) => new Promise((resolve) => { const image = new Image();
        image.onload = () => resolve(`${image.naturalWidth}x${image.naturalHeight}`); image.src = URL_; })"""
    pictures = [icon for icon in manifest["icons"] if icon["type"] == "image/png"]
    assert pictures
    for icon in pictures:
        assert reader.evaluate(size.replace("URL_", base), icon["src"]) == icon["sizes"]
