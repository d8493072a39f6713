"""Joining modules: what is imported must be there, and what is not known is refused. Chromium runs the result elsewhere."""

from __future__ import annotations

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.site import js_modules


def test_an_import_of_nothing_is_an_error() -> None:
    with pytest.raises(CourseError, match=r"a/b\.js: .*imports a/c\.js"):
        js_modules.join({"a/b.js": 'import { x } from "./c.js";\n'})


def test_modules_that_import_each_other_are_an_error() -> None:
    with pytest.raises(CourseError, match="import each other"):
        js_modules.join({"a.js": 'import "./b.js";\n', "b.js": 'import "./a.js";\n'})


@pytest.mark.parametrize(
    "line",
    [
        "export default function () {}",
        'export * from "./b.js";',
        'export { x } from "./b.js";',
        'import x from "./b.js";',
        'import { x } from "elsewhere";',
        'import data from "./b.json" with { type: "json" };',
        "await ready;",
    ],
)
def test_a_form_that_is_not_known_is_refused(line: str) -> None:
    with pytest.raises(CourseError, match="cannot be joined"):
        js_modules.join({"a.js": f"{line}\n", "b.js": ""})


def test_words_inside_texts_and_comments_stay() -> None:
    source = '/**\n * import what you need\n */\nconst text = `\n  export x`;\nconst lines = ["import torch"];\n'
    assert source.rstrip() in js_modules.join({"a.js": source})


def test_the_order_of_files_makes_no_difference() -> None:
    one, two = {"a.js": "", "b.js": 'import "./a.js";\n'}, {"b.js": 'import "./a.js";\n', "a.js": ""}
    assert js_modules.join(one) == js_modules.join(two)
