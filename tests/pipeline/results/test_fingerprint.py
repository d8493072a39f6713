"""A fingerprint changes with what can change results, and with nothing else."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course import weights
from course.pipeline.base.errors import CourseError
from course.pipeline.lesson.course_format import parse
from course.pipeline.results import fingerprint
from course.pipeline.results.fingerprint import inputs, versions, without_comments

from ..samples import HEADER, PATH, claim, claims_cell, lesson, line_of, source

LESSON = source(
    "# %% [markdown]\n# Prose.",
    '# %% tags=["reveal"]\nimport json\n\nimport torch\nfrom course import shapes\n\nx = shapes.area(2)  # a comment',
    header=HEADER.replace("# fork", "# weights: [minilm-l6-v2]\n# fork"),
)
LIBRARY = {
    "course/__init__.py": '"""The package."""\n',
    "course/shapes.py": '"""Shapes."""\nfrom course.inner import pi\n\n\ndef area(r):\n    return pi() * r\n',
    "course/inner/__init__.py": "from .deep import pi\n",
    "course/inner/deep.py": "import numpy\n\n\ndef pi():\n    from course import late\n    return late.PI\n",
    "course/late.py": "PI = 3\n",
    "course/unrelated.py": "import yaml\n",
    "course/draw.py": "x = 1\n",
}
LOCK = "torch==2.13.0 \\\n    --hash=sha256:ab\nnumpy==2.0.0\npyyaml==6.0\n"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in LIBRARY.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "lock.txt").write_text(LOCK)
    monkeypatch.setattr(fingerprint, "LIBRARY", tmp_path)
    return tmp_path


def found(library: Path, text: str = LESSON, profile: str = "laptop") -> dict[str, str]:
    versions.cache_clear()
    fingerprint._distributions.cache_clear()
    return inputs(parse(text, PATH), profile, library / "lock.txt")


def test_names_of_all_inputs(library: Path) -> None:
    made = found(library)
    assert sorted(made) == [
        "code", "library numpy", "library torch", "module course/__init__.py", "module course/inner/__init__.py",
        "module course/inner/deep.py", "module course/late.py", "module course/shapes.py", "profile",
        "weights minilm-l6-v2",
    ]  # fmt: skip
    assert made["library torch"] == "2.13.0"
    assert made["weights minilm-l6-v2"] == weights.SOURCES["minilm-l6-v2"].weights_sha256
    assert fingerprint.fingerprint(made) == fingerprint.fingerprint(found(library))


def rewrite(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(library: Path) -> None:
        text = (library / name).read_text()
        assert old in text
        (library / name).write_text(text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# Prose.", "# Other prose.\n#\n# {{ x | int }}"),
        ("# a comment", "# another comment"),
        ("  # a comment", ""),
        ("import json\n\n", "import json\n\n\n# a comment\n"),
        ('# %% tags=["reveal"]', '# %% tags=["hide-code"]'),
        ('# %% tags=["reveal"]', "# %%"),
        ("# title: A sample", "# title: Another"),
        ("# summary:", "# plain_numbers:\n#   a width: [4096]\n# summary:"),
        ("# %% [markdown]\n# Prose.\n", ""),
    ],
)
def test_what_a_reader_sees_is_no_input(library: Path, old: str, new: str) -> None:
    assert old in LESSON
    assert found(library, LESSON.replace(old, new)) == found(library)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("course/shapes.py", '"""Shapes."""', '"""Other\n\n    shapes."""'),
        ("course/shapes.py", "    return", '    """Of a circle."""\n\n    # exactly\n    return'),
        ("course/shapes.py", '"""Shapes."""\n', ""),
        ("course/unrelated.py", "yaml", "json"),
        ("course/draw.py", "1", "2"),
        ("lock.txt", "pyyaml==6.0", "pyyaml==6.1"),
        ("lock.txt", "sha256:ab", "sha256:cd"),
    ],
)
def test_what_the_lesson_does_not_use_is_no_input(library: Path, name: str, old: str, new: str) -> None:
    before = found(library)
    rewrite(name, old, new)(library)
    assert found(library) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x = shapes.area(2)", "x = shapes.area(3)"),
        ("seed = 0", "seed = 1"),
        ("x = shapes", "# %%\nx = shapes"),
        ("area(2)", "area('#')"),
        ("import torch", "import torch, yaml"),
        ("# weights: [minilm-l6-v2]\n", ""),
    ],
)
def test_what_the_code_does_is_an_input(library: Path, old: str, new: str) -> None:
    assert old in LESSON
    assert found(library, LESSON.replace(old, new)) != found(library)


@pytest.mark.parametrize(
    ("name", "old", "new", "input_name"),
    [
        ("course/shapes.py", "* r", "* r * r", "module course/shapes.py"),
        ("course/inner/__init__.py", "pi\n", "pi as pi\n", "module course/inner/__init__.py"),
        ("course/inner/deep.py", "late.PI", "late.PI + 0", "module course/inner/deep.py"),
        ("course/late.py", "3", "3.14", "module course/late.py"),
        ("course/__init__.py", "\n", "\nx = 1\n", "module course/__init__.py"),
        ("lock.txt", "torch==2.13.0", "torch==2.13.1", "library torch"),
        ("lock.txt", "numpy==2.0.0", "numpy==2.0.1", "library numpy"),
    ],
)
def test_what_the_lesson_uses_is_an_input(library: Path, name: str, old: str, new: str, input_name: str) -> None:
    before = found(library)
    rewrite(name, old, new)(library)
    after = found(library)
    assert {key for key in before if before[key] != after[key]} == {input_name}


def test_profile_and_weights_are_inputs(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    before = found(library)
    assert found(library, profile="full") == {**before, "profile": "full"}
    other = replace(weights.SOURCES["minilm-l6-v2"], weights_sha256="0" * 64)
    monkeypatch.setitem(weights.SOURCES, "minilm-l6-v2", other)
    assert found(library) == {**before, "weights minilm-l6-v2": "0" * 64}


def test_a_module_that_does_not_exist_is_refused_at_its_line(library: Path) -> None:
    text = LESSON.replace("from course import shapes", "from course import shapse as shapes")
    with pytest.raises(CourseError, match=r"imports course\.shapse, which does not exist") as caught:
        found(library, text)
    assert (caught.value.path, caught.value.line) == (PATH, line_of(text, "shapse"))


def test_a_missing_lock_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="lock file is missing") as caught:
        versions(tmp_path / "none.txt")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('class A:\n    """Doc."""\nx = 1', "class A:\n    pass\nx = 1"),
        ('class A:\n    """Doc."""\n\n    y = 1', "class A:\n    y = 1"),
        ('def f(): "doc"', "def f(): pass"),
        ('def é(): "doc"; return 1', "def é(): pass; return 1"),
        ('"""Module."""\nx = 1', "x = 1"),
        ('def f():\n    """\n    Doc\n\n    more."""\n    # why\n    return 1  # one', "def f():\n    return 1"),
        ('x = """a\n\n# b\n\n"""\n\n# c', 'x = """a\n\n# b\n\n"""'),
        ('x = f"""a\n\n{1}\n\n"""\n\ny = 2', 'x = f"""a\n\n{1}\n\n"""\ny = 2'),
        ("x = '#'  # c", "x = '#'"),
        ('async def f():\n    "doc"\n    return "kept"', 'async def f():\n    return "kept"'),
        ("# only\n", ""),
    ],
)
def test_without_comments(text: str, expected: str) -> None:
    assert without_comments(text) == expected


PARTS = st.sampled_from([
    "x = 1", "x = 1  # c", "# c", "", "y = '''a\n\n# b'''", "def f():\n    '''doc\n\n    doc'''", "def g(): 'doc'",
    "class A:\n    # c\n    'doc'\n    z = 2",
    "if x:\n    # c\n    x = f'''{x}\n\n'''", "w = ('a'\n     # c\n     'b')",
])  # fmt: skip


@given(st.lists(PARTS, max_size=6).map("\n".join))
def test_removing_comments_keeps_the_meaning(text: str) -> None:
    cleaned = without_comments(text)
    assert "# c" not in cleaned

    def meaning(code: str) -> str:
        tree = ast.parse(code)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                if ast.get_docstring(node, clean=False) is not None:
                    del node.body[0]
                node.body = [item for item in node.body if not isinstance(item, ast.Pass)]
        return ast.dump(tree)

    assert meaning(cleaned) == meaning(text)
    assert without_comments(cleaned) == cleaned


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('A = 1\n"""What A is."""\n', "A = 1"),
        ('class C:\n    a: int\n    """What a is."""\n    b = 2\n', "class C:\n    a: int\n    b = 2"),
        ('f()\n"""Not below an assignment."""\n', 'f()\n"""Not below an assignment."""'),
    ],
)
def test_texts_that_document_attributes_do_not_count_in_modules(text: str, kept: str) -> None:
    assert without_comments(text, module=True) == kept
    assert '"""' in without_comments(text)  # a notebook's cell shows such a text


def test_claims_do_not_count() -> None:
    plain = lesson("# %%\nx = 1")
    assert inputs(plain, "laptop") == inputs(lesson("# %%\nx = 1", claims_cell(claim(1))), "laptop")
