"""YAML with lines: typed access, and nothing but a CourseError whatever the text."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.base.errors import CourseError
from course.pipeline.base.yamlfile import parse

PATH = Path("a.yml")


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("word", str, "word"),
        ("12", str, "12"),
        ("1_000", str, "1_000"),
        ("0.50", str, "0.50"),
        ("12:30", str, "12:30"),
        ("'yes'", str, "yes"),
        ("12", int, 12),
        ("12", float, 12.0),
        ("0.5", float, 0.5),
        ("1e-3", float, 0.001),
        ("true", bool, True),
    ],
)
def test_scalars(text: str, kind: type[str], expected: object) -> None:
    found: object = parse(text, PATH).scalar(kind, "It")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch ran']",
        "!!python/object/new:os.system ['touch ran']",
        "!!python/name:os.system",
    ],
)
def test_nothing_in_a_document_is_run(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for whole in (text, f"a: {text}", f"? {text}\n: 1", f"[{text} ]"):
        node = parse(whole, PATH)
        for read in (
            lambda node=node: node.scalar(str, "It"),
            lambda node=node: node.fields("It", {"a"}).get("a", str),
            lambda node=node: [child.scalar(str, "It") for child in node.items("It")],
        ):
            with suppress(CourseError):
                read()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("yes", str, "must be text"),
        ("~", str, "must be text"),
        ("[a]", str, "must be text"),
        ("2024-01-01", str, "must be text"),
        ("2024-13-45", str, "must be text"),  # looks like a date and is none
        ("!!python/name:os.system x", str, "must be text"),
        ("!!int abc", int, "whole number"),
        ("1.5", int, "whole number"),
        ("true", int, "whole number"),
        ("true", float, "must be a number"),
        ("word", float, "must be a number"),
        ("1", bool, "true or false"),
    ],
)
def test_scalars_of_another_kind_are_refused_at_their_line(text: str, kind: type[str], message: str) -> None:
    node = parse(f"\n\n{text}", PATH, offset=10)
    with pytest.raises(CourseError, match=message) as caught:
        node.scalar(kind, "It")
    assert (caught.value.path, caught.value.line) == (PATH, 13)


def test_fields_lists_and_defaults() -> None:
    fields = parse("name: a\nlist:\n  - 1\n  - 2\n", PATH).fields("It", {"name", "list", "more"})
    assert fields.get("name", str) == "a"
    assert fields.get("more", int, 5) == 5
    assert fields.list("list", lambda node: node.scalar(int, "One")) == (1, 2)
    assert fields.list("more", lambda node: node.scalar(int, "One")) == ()
    assert [node.line for node in fields.need("list").items("It")] == [3, 4]
    assert "name" in fields
    assert "more" not in fields
    with pytest.raises(CourseError, match="lacks the field 'more'"):
        fields.get("more", int)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "empty", 1),
        ("# only a comment\n", "empty", 1),
        ("a: 1\nb: [1\nc: 2\n", "Not valid YAML", 3),
        ("a: 1\n\tb: 2\n", "Not valid YAML", 2),
        ("a: *missing\n", "Not valid YAML", 1),
        ("a: 1\n---\nb: 2\n", "Not valid YAML", 2),
        ("a: \x01\n", "Not valid YAML", 1),
        ("- a\n", "must be a mapping", 1),
        ("a: 1\nc: 2\n", "unknown field 'c'", 2),
        ("a: 1\nb: 2\na: 3\n", "field 'a' twice", 3),
    ],
)
def test_malformed_documents_name_their_line(text: str, message: str, line: int) -> None:
    with pytest.raises(CourseError, match=message) as caught:
        parse(text, PATH, offset=3).fields("It", {"a", "b"})
    assert caught.value.line == line + 3


SNIPPETS = st.sampled_from(
    [
        "a: ",
        "- ",
        "\n",
        "  ",
        "!!",
        "!x ",
        "&a ",
        "*a",
        "2024-",
        "13-45",
        "'",
        '"',
        "[",
        "}",
        "~",
        ": ",
        "? ",
        "|",
        "<<",
        "é",
        "%",
        "1e5",
        "0x",
        "...",
    ]
)


@given(st.lists(SNIPPETS, max_size=12).map("".join), st.sampled_from([str, int, float, bool]))
def test_any_text_gives_a_value_or_a_course_error(text: str, kind: type[str]) -> None:
    refused = None
    try:
        fields = parse(text, PATH).fields("It", {"a", "1e5", "x"})
        found = [fields.get(name, kind) for name in fields.found]
    except CourseError as error:
        refused = error
    if refused is None:
        assert all(isinstance(item, kind) for item in found)
    else:
        assert refused.path == PATH
        assert refused.line is not None
        assert 1 <= refused.line <= text.count("\n") + 1
