"""A page's title is what its metadata say, else its first heading; code has none."""

from __future__ import annotations

import pytest

from course.pipeline.text.front_matter import title


@pytest.mark.parametrize(
    ("markdown", "found"),
    [
        ("# One\n\n# Two", "One"),
        ("Text.\n\n# One { #here }\n", "One"),
        ("```py\n# not\n```\n\n# One", "One"),
        ("~~~~\n~~~\n# not\n~~~~\n# One #", "One"),
        ("- a\n\n  ```\n# not a list any more", "not a list any more"),
        ("    # not", None),
        ("## Two", None),
    ],
)
def test_title(markdown: str, found: str | None) -> None:
    assert title({}, markdown) == found
    assert title({"title": 5}, markdown) == "5"
