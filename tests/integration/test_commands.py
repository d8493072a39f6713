"""The command line from a new lesson to a site, in a repository of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import RunOnSmallDisk
from .courses import SOURCE, Repository
from .sandbox import ROOT, Done, Sandbox, edit, execute


@pytest.fixture
def new(sandbox: Sandbox) -> Path:
    """The source of a lesson made with ``course new``, which has run."""
    command = [sys.executable, "-m", "course.pipeline.cli", "new", "1", "tiny", "--module", "1"]
    done = execute([*command, "--lessons", str(sandbox.lessons)], sandbox.environment, ROOT)
    assert (done.code, done.err) == (0, "")
    path = sandbox.lessons / "1_foundations" / "01_tiny.py"
    assert done.out.split() == ["✓", str(path), "✓", str(path.with_suffix(".quiz.yml"))]
    assert listed(sandbox)["state"] == "none"
    done = sandbox.run()
    assert (done.code, done.err) == (0, "")
    return path


def listed(sandbox: Sandbox) -> dict[str, Any]:
    done = sandbox.course("list", "--json")
    assert (done.code, done.err) == (0, "")
    (row,) = json.loads(done.out)
    return dict(row)


def test_a_new_lesson_runs_and_passes_the_check(sandbox: Sandbox, new: Path) -> None:
    row = listed(sandbox)
    assert row.pop("seconds") >= 0
    assert row == {
        "number": 1,
        "label": "01",
        "slug": "01_tiny",
        "title": "Tiny",
        "state": "current",
        "values": 1,
        "claims": 0,
    }
    assert "01  Tiny" in sandbox.course("list").out
    done = sandbox.course("check")
    assert (done.code, done.err) == (0, "")
    assert "1 lessons" in done.out
    assert sandbox.course("check", "--json") == Done(0, "[]\n", "")


def test_an_edit_of_code_makes_it_stale_and_one_of_prose_does_not(sandbox: Sandbox, new: Path) -> None:
    edit(new, "The question, and", "Another question, and")
    edit(new, "answer = record", "# why: a comment\nanswer = record")
    edit(new.with_suffix(".quiz.yml"), "The right answer.", "The best answer.")
    assert sandbox.course("check").code == 0
    edit(new, "6 * 7", "6 * 8")
    done = sandbox.course("check")
    assert (done.code, done.out) == (1, "")
    assert done.err == f"✗ {new}: The captured results are stale.\n  → Run it: course run 01\n"
    assert listed(sandbox)["state"] == "stale"
    assert sandbox.run().code == 0
    assert sandbox.course("check").code == 0


def test_results_that_somebody_edited_are_found(sandbox: Sandbox, new: Path) -> None:
    path = sandbox.captures / "01_tiny" / "laptop" / "capture.json"
    edit(path, '"value": 42', '"value": 43')
    message = f"✗ {new}: The captured results were edited: they are not what its run recorded.\n"
    hint = "  → Run it again, which records what it finds: course run 01\n"
    assert sandbox.course("check") == Done(1, "", message + hint)
    assert listed(sandbox)["state"] == "edited"
    assert sandbox.course("why", "1").out == "changed: the captured results, by hand\n"
    assert sandbox.run().code == 0
    assert sandbox.course("check").code == 0


def test_check_names_every_problem_with_its_line(sandbox: Sandbox, new: Path) -> None:
    edit(new, "{{ example.answer | int }}", "{{ example.absent | int }}")
    edit(new, "# ## Knowledge check", "# It is {{ example.answer | huge }}.\n#\n# ## Knowledge check")
    done = sandbox.course("check")
    assert done.code == 1
    lines = new.read_text().split("\n")
    first, second = (next(n for n, line in enumerate(lines, 1) if "{{ example." + key in line) for key in ("ab", "an"))
    problems = done.err.strip().split("\n✗ ")
    assert len(problems) == 2
    assert problems[0].startswith(f"✗ {new}:{first}: ")
    assert "example.absent" in problems[0]
    assert problems[1].startswith(f"{new}:{second}: ")
    assert "huge" in problems[1]
    told = sandbox.course("check", "--json")
    assert (told.code, told.err) == (1, "")
    assert [(found["path"], found["line"]) for found in json.loads(told.out)] == [(str(new), first), (str(new), second)]


def test_check_as_json_also_tells_what_cannot_be_read(sandbox: Sandbox, new: Path) -> None:
    edit(new, "seed = 0", "seed = = 0")
    told = sandbox.course("check", "--json")
    assert (told.code, told.err) == (1, "")
    (found,) = json.loads(told.out)
    assert (found["path"], found["line"]) == (str(new), 14)


def test_new_refuses_a_number_that_is_taken(sandbox: Sandbox, new: Path) -> None:
    before = new.read_bytes()
    command = [sys.executable, "-m", "course.pipeline.cli", "new", "1", "other", "--module", "1"]
    done = execute([*command, "--lessons", str(sandbox.lessons)], sandbox.environment, ROOT)
    assert done == Done(1, "", f"✗ {new}: The number 01 is taken.\n  → Choose another number.\n")
    assert new.read_bytes() == before
    assert len(list(new.parent.iterdir())) == 2


def test_build_makes_the_site(built: Repository) -> None:
    assert ">42</data>" in built.page
    assert "<section class=quiz " in built.page
    assert "The index page" in (built.root / "site" / "index.html").read_text()
    assert "lessons/01_tiny/" in (built.root / "site" / "index.html").read_text()
    site = built.root / "site" / "lessons" / "01_tiny"
    assert {path.suffix for path in site.iterdir()} >= {".ipynb", ".py", ".md", ".html"}
    assert [path.name for path in (built.root / "build").iterdir() if path.name.startswith("site.")] == []


def test_a_second_build_does_nothing(repository: Repository) -> None:
    before = repository.files(".")
    done = repository.course("build")
    assert done == Done(0, "Nothing to do: 1 lessons and the site are current.\n", "")
    after = repository.files(".")
    changed = [name for name in after if after[name] != before.get(name)]
    # a copy's files have a status of their own, which is noted in the cache
    assert [name for name in changed if "__pycache__" not in name and not name.startswith("build/cache/")] == []


def test_a_prose_edit_is_rendered_without_running_anything(repository: Repository) -> None:
    before = repository.files("build/captures")
    edit(repository.root / SOURCE, "The question, and", "A sharper question, and")
    done = repository.course("build")
    assert (done.code, done.err) == (0, "")
    assert "Running" not in done.out
    assert "A sharper question, and" in repository.page
    assert repository.files("build/captures") == before


def test_a_build_and_a_run_at_once(repository: Repository) -> None:
    edit(repository.root / SOURCE, "6 * 7", "6 * 8")
    commands = [[sys.executable, "-m", "course.pipeline.cli", *words] for words in (["build"], ["run", "1"])]
    both = [
        subprocess.Popen(
            command, cwd=repository.root, env=repository.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for command in commands
    ]  # fmt: skip
    told = [process.communicate(timeout=240)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(told) == ["", "Another build is at work here. Waiting for it …\n"]
    assert repository.course("build").code == 0
    assert ">48</data>" in repository.page


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        (SOURCE, "{{ example.answer | int }}", "{{ example.absent | int }}", f"✗ {SOURCE}:10: "),
        (SOURCE, "# The question", "# [Somewhere](lesson:77). The question", f"✗ {SOURCE}:10: There is no lesson 77"),
        (SOURCE, "# The question", "# [Somewhere](02_absent.md). The question", "'02_absent.md'"),
        ("docs/index.md", "# The", "[Somewhere](absent.md)\n\n# The", "'absent.md'"),
        ("docs/claims.md", "# The", "[Somewhere](index.md#absent)\n\n# The", "#absent"),
    ],
    ids=["binding", "link to a lesson", "link in a lesson", "link", "anchor"],
)
def test_a_broken_page_leaves_the_previous_site(
    repository: Repository, path: str, old: str, new: str, words: str
) -> None:
    site, captures = repository.files("site"), repository.files("build/captures")
    edit(repository.root / path, old, new)
    done = repository.course("build")
    assert done.code == 1
    assert words in done.err
    assert done.err.count("✗") == 1
    assert "Traceback" not in done.err
    assert repository.files("site") == site
    assert repository.files("build/captures") == captures
    # and it is not taken for current afterwards
    edit(repository.root / path, new, old)
    assert repository.course("build").out.startswith("Nothing to do")


def test_a_lesson_that_fails_leaves_the_previous_site(repository: Repository) -> None:
    site, captures = repository.files("site"), repository.files("build/captures")
    edit(repository.root / SOURCE, "6 * 7", "6 / 0")
    done = repository.course("build")
    assert done.code == 1
    lines = (repository.root / SOURCE).read_text(encoding="utf-8").split("\n")
    line = next(number for number, text in enumerate(lines, 1) if "6 / 0" in text)
    assert done.err.startswith(f"✗ {SOURCE}:{line}: The cell raised ZeroDivisionError: division by zero\n  → ")
    assert repository.files("site") == site
    assert repository.files("build/captures") == captures


def test_a_full_disk_leaves_the_previous_site(built: Repository, tmp_path: Path, on_small_disk: RunOnSmallDisk) -> None:
    size = sum(-(-path.stat().st_size // 4096) * 4 + 4 for path in built.root.rglob("*"))  # KiB, in whole pages
    script = """
cp -a "$BUILT/." "$DISK"
cd "$DISK"
sed -i 's/^site_name: /site_name: The new /' mkdocs.yml
code=0
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$DISK/src" "$PYTHON" -m course.pipeline.cli build || code=$?
ls -A build > "$RESULT/listing"
cp -a site "$RESULT/site"
exit $code
"""
    (tmp_path / "disk").mkdir()
    environment = {**os.environ, "BUILT": str(built.root), "RESULT": str(tmp_path), "PYTHON": sys.executable}
    done = on_small_disk(tmp_path / "disk", f"{size + 64}k", script, environment)
    assert done.returncode == 1, done.stdout
    assert done.stderr.startswith("✗ ")
    assert "The disk is full. Nothing was replaced.\n  → Free some space and run again.\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert Repository(tmp_path).files("site") == built.files("site")
    assert "site.new" not in (tmp_path / "listing").read_text().split()
