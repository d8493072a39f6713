"""Captures: normalised, reviewable, lossless, and compared by kind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.pipeline.base.errors import CourseError
from course.pipeline.results.capture import (
    RELATIVE,
    Capture,
    Chart,
    Html,
    ImageShown,
    Item,
    ItemShown,
    Output,
    Stderr,
    Text,
    differences,
    dumps,
    load,
    path_of,
    save,
)
from course.pipeline.run.collect import from_notebook, normalise
from course.record import MIME

from ..samples import PROVENANCE, capture, figure, lesson, table, value

COMMITTED = sorted((Path(__file__).parents[3] / "build/captures").glob("*/*/capture.json"))
NAME = "0123456789abcdef.png"
LESSON = lesson("# %%\nx = 1\ny = 2", "# %%\nz = 3")


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def recorded(item: Item) -> dict[str, Any]:
    fields = json.loads(dumps(capture(item)))["items"][item.key]
    del fields["cell"]
    return {"output_type": "display_data", "data": {MIME: fields}}


def collect(*outputs: dict[str, Any]) -> Capture:
    """The capture of :data:`LESSON` whose second code cell has these outputs."""
    return from_notebook(LESSON, [{"outputs": []}, {"outputs": list(outputs)}, {"outputs": []}], PROVENANCE)


def test_items_and_outputs_in_order() -> None:
    shown = {"output_type": "execute_result", "data": {"text/plain": "3", "text/html": "<b>3</b>"}}
    made = collect(
        stream("a"), stream("b\n"), recorded(value("n", 5)), stream("c"), recorded(table("t")), recorded(figure("f")),
        shown, stream("ignored 50%", "stderr"),
    )  # fmt: skip
    assert made.outputs == ((), (Text("ab\nc"), ItemShown("t"), ItemShown("f"), Text("3")), ())
    assert {key: item.cell for key, item in made.items.items()} == {"n": 1, "t": 1, "f": 1}
    assert made.values == {"n": 5}
    assert [item.key for item in made.of_type(Chart)] == ["f"]


def test_a_recorded_value_is_not_shown_a_second_time() -> None:
    shown = {"output_type": "execute_result", "data": {"text/plain": "5"}}
    recording, naming = lesson('# %%\nrecord.value("n", 5)'), lesson('# %%\nn = record.value("n", 5)\nn')
    for sample, expected in ((recording, ()), (naming, (Text("5"),))):
        made = from_notebook(sample, [{"outputs": []}, {"outputs": [recorded(value("n", 5)), shown]}], PROVENANCE)
        assert made.outputs[1] == expected


def test_an_output_of_nothing_but_blank_lines_is_none() -> None:
    assert collect(stream("\n \n")).outputs[1] == ()


@pytest.mark.parametrize(
    ("outputs", "message", "line"),
    [
        ([recorded(value("n", 1)), recorded(value("n", 1))], "'n' is recorded twice", 0),
        ([stream("a FutureWarning: old\n", "stderr")], "The cell warns: a FutureWarning: old", 0),
        ([stream("/tmp/ipykernel_12/345.py:2: UserWarning: odd\n  y = 2\n", "stderr")], "warns: UserWarning: odd", 1),
        ([{"output_type": "display_data", "data": {"image/png": "…", "text/plain": "x"}}], "image/png", 0),
        ([{"output_type": "display_data", "data": {"text/html": "<b>"}}], "text/html", 0),
        ([{"output_type": "error", "ename": "E"}], "error", 0),
    ],
)
def test_outputs_that_are_refused_at_their_line(outputs: list[dict[str, Any]], message: str, line: int) -> None:
    with pytest.raises(CourseError, match=re.escape(message)) as caught:
        collect(*outputs)
    assert (caught.value.path, caught.value.line) == (LESSON.path, LESSON.code_cells[1].line + line)
    assert caught.value.hint


def test_a_key_recorded_in_two_cells_is_refused_at_the_second() -> None:
    twice = {"outputs": [recorded(value("n", 1))]}
    with pytest.raises(CourseError, match="recorded twice") as caught:
        from_notebook(LESSON, [twice, {"outputs": []}, twice], PROVENANCE)
    assert caught.value.line == LESSON.code_cells[2].line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m \x1b[1;32mgreen\x1b[K", "red green"),
        (" 10%|#\r 50%|##\r100%|###\ndone", "100%|###\ndone"),
        ("a\r\nb", "a\nb"),
        ("a\x07b\x08\tc", "ab\tc"),
        ("<object at 0x7f3c5a2b1d90>", "<object at 0x…>"),
        ("flags 0x1f", "flags 0x1f"),
        ("saved to /tmp/tmpab12cd_9/out/model.safetensors.", "saved to …/model.safetensors."),
        ("in '/home/someone/x/y.py', line 3", "in '…/y.py', line 3"),
        ("folder /tmp/tmpab12cd_9", "folder /tmp/tmp…"),
        ("folder /tmp/a/tmpab12cd_9", "folder …/tmp…"),
        ("a/tmp/b/c is relative", "a/tmp/b/c is relative"),
        ("at 2025-01-31 12:34:56.789 it", "at <time> it"),
        ("at 2025-01-31T12:34:56Z it", "at <time> it"),
        ("at 2025-01-31T12:34:56+01:00", "at <time>"),
        ("on 2025-01-31", "on 2025-01-31"),
        ("\n\n  a  \n\nb\n\n", "  a\n\nb"),
        ("tensor([ 1,  2])  ", "tensor([ 1,  2])"),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise(text) == expected


PIECES = ["\x1b", "[0m", "[", "\r", "\n", " ", "\t", "/", "/tmp/", "tmp", "abcd1234", "0x", "deadbeef", "…",
          "2025-01-31", "T", "12:34:56", ".5", "Z", "'", "a", "é", "\x08"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_normalise_is_idempotent(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", once)


SCALARS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8) | st.booleans()
TEXTS = st.text(alphabet='[]{}," \n\\0123.-e:ab', max_size=20)


@st.composite
def captures(draw: st.DrawFn) -> Capture:
    items: list[Item] = []
    for place, found in enumerate(draw(st.lists(SCALARS, max_size=4))):
        items.append(value(f"v{place}", found, kind=draw(st.sampled_from(["exact", "relative", "band"]))))
    for place, rows in enumerate(
        draw(st.lists(st.lists(st.lists(SCALARS, min_size=2, max_size=2), max_size=3), max_size=2))
    ):
        items.append(table(f"t{place}", rows=rows, caption=draw(TEXTS)))
    texts = draw(st.lists(st.lists(TEXTS.map(Text), max_size=2), min_size=1, max_size=3))
    return capture(*draw(st.permutations(items)), figure("f"), outputs=texts)


@given(captures())
def test_what_is_written_is_read_back(made: Capture) -> None:
    text = dumps(made)
    assert text.endswith("}\n")
    assert read_back(text) == made
    assert dumps(read_back(text)) == text


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parts[-3])
def test_a_committed_capture_is_written_as_it_was_read(path: Path) -> None:
    made = load(path)
    assert made is not None
    assert dumps(made) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("output", [Text("a"), Stderr("a"), Html("<b>a</b>"), ImageShown(NAME), ItemShown("t")])
def test_each_kind_of_output_is_read_back(output: Output) -> None:
    made = replace(capture(table("t"), outputs=[[output]]), images={NAME: "aGk="})
    assert read_back(dumps(made)).outputs == ((output,),)


def read_back(text: str) -> Capture:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "capture.json"
        path.write_text(text, encoding="utf-8")
        found = load(path)
    assert found is not None
    return found


def test_the_file_is_reviewable() -> None:
    text = dumps(capture(value("b", 2), value("a", 0.5), table("t"), outputs=[[Text("[ 1, 2]")], []]))
    assert text == dumps(capture(table("t"), value("a", 0.5), value("b", 2), outputs=[[Text("[ 1, 2]")], []]))
    lines = text.split("\n")
    assert '   "value": 0.5,' in lines
    assert "    [8, 0.5]," in lines  # one line a row
    assert text.index('"a"') < text.index('"b"') < text.index('"t"')
    assert '"[ 1, 2]"' in text  # texts are never reformatted


def test_save_and_load(tmp_path: Path) -> None:
    path = path_of(tmp_path, "07_sample", "laptop")
    assert path == tmp_path / "07_sample" / "laptop" / "capture.json"
    assert load(path) is None
    made = capture(value("n", 5))
    save(made, path)
    assert load(path) == made


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "{}", '{"format": 0}', '{"format": 1}',
    '{"format": 1, "items": [], "outputs": [], "provenance": {}}',
    '{"format": 1, "items": {"a": 1}, "outputs": [], "provenance": {}}',
    '{"format": 1, "items": {}, "outputs": [], "provenance": {"commit": "x"}}',
])  # fmt: skip
def test_a_file_that_is_no_capture_counts_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "capture.json"
    path.write_text(text)
    assert load(path) is None
    path.write_bytes(b"\xff\xfe")
    assert load(path) is None


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (value("n", 5), value("n", 5), []),
        (value("n", 5), value("n", 6), ["n: 5 → 6"]),
        (value("n", 1.0), value("n", 1.0 + RELATIVE / 2), []),
        (value("n", 1.0), value("n", 1.0 + RELATIVE * 2), ["n: 1.0 → 1.04"]),
        (value("n", 1.0, kind="exact"), value("n", 1.001, kind="exact"), ["n: 1.0 → 1.001"]),
        (value("n", 1.0, kind="band"), value("n", 9.0, kind="band"), []),
        (value("n", "a"), value("n", "b"), ["n: a → b"]),
        (value("n", 1.0), table("n"), ["n: changed"]),
        (table("t"), table("t", rows=[[8, 0.505], [16, 0.25]]), []),
        (table("t"), table("t", rows=[[8, 0.6], [16, 0.25]]), ["t: changed"]),
        (table("t"), table("t", rows=[[9, 0.5], [16, 0.25]]), ["t: changed"]),
        (table("t"), table("t", rows=[[8, 0.5]]), ["t: changed"]),
        (table("t"), table("t", caption="Other."), ["t: changed"]),
        (table("t", kind="exact"), table("t", kind="exact", rows=[[8, 0.505], [16, 0.25]]), ["t: changed"]),
        (figure("f"), figure("f", guides=[["start", 3.01]]), []),
        (figure("f"), figure("f", guides=[["start", 4.0]]), ["f: changed"]),
    ],
)
def test_differences_respect_kinds(before: Item, after: Item, expected: list[str]) -> None:
    assert differences(capture(before), capture(after)) == expected


def test_differences_of_keys_are_sorted() -> None:
    old, new = [value(key, 1) for key in "abcd"], [value(key, 1) for key in "dcxyz"]
    assert differences(capture(*old), capture(*new)) == ["a: gone", "b: gone", "x: new", "y: new", "z: new"]


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "value": lambda made: made["items"]["n"].update(value=6),
    "last digit": lambda made: made["items"]["t"]["rows"][0].__setitem__(1, 0.5000001),
    "caption": lambda made: made["items"]["f"]["figure"].update(caption="It rises."),
    "cell": lambda made: made["items"]["n"].update(cell=0),
    "output": lambda made: made["outputs"][1][0].update(text="a."),
    "image": lambda made: made["images"].update({NAME: "aGlh"}),
    "removed item": lambda made: made["items"].pop("n"),
    "fingerprint": lambda made: made["provenance"].update(fingerprint="0" * 16),
    "inputs": lambda made: made["provenance"]["inputs"].update(code="0" * 16),
}


@pytest.mark.parametrize("change", [*CHANGES.values(), None], ids=[*CHANGES, "nothing but the layout"])
def test_what_is_edited_after_the_run_is_found(
    tmp_path: Path, change: Callable[[dict[str, Any]], object] | None
) -> None:
    path = tmp_path / "capture.json"
    made = capture(value("n", 5), table("t"), figure("f"), outputs=[[], [Text("a"), ImageShown(NAME)]])
    save(replace(made, images={NAME: "aGk="}), path)
    found = load(path)
    assert found is not None
    assert not found.edited
    document = json.loads(path.read_text())
    if change:
        change(document)
    path.write_text(json.dumps(document, sort_keys=True, indent=7))
    found = load(path)
    assert found is not None
    assert found.edited == bool(change)


def test_a_capture_of_another_format_is_none(tmp_path: Path) -> None:
    path = tmp_path / "capture.json"
    save(capture(), path)
    document = json.loads(path.read_text())
    for changed in ({**document, "format": 1}, {name: item for name, item in document.items() if name != "digest"}):
        path.write_text(json.dumps(changed))
        assert load(path) is None


def test_what_a_stranger_wrote_is_clean_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "capture.json"
    drawn = '<svg xmlns="http://www.w3.org/2000/svg"><script>f()</script><rect width="1" /></svg>'
    images = {"0123456789abcdef.svg": drawn}
    outputs: list[list[Output]] = [
        [],
        [Html("<b onclick=f()>b</b><script>f()</script>"), ImageShown("0123456789abcdef.svg")],
    ]
    save(replace(capture(outputs=outputs), images=images), path)
    found = load(path)
    assert found is not None
    assert found.outputs[1][0] == Html("<b>b</b>")
    assert found.images == {"0123456789abcdef.svg": '<svg xmlns="http://www.w3.org/2000/svg"><rect width="1" /></svg>'}
    assert not found.edited
