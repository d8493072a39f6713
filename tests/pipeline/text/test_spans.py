"""What is not running text is what markdown-it renders as code, as mathematics, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it.token import Token

from course.pipeline.text.spans import Kind, blank, inside, parser, spans


def found(text: str, kind: str) -> list[str]:
    return [text[span.start : span.end] for span in spans(text) if span.kind == kind]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a `b` c", ["`b`"]),
        ("a ``b`c`` `d`", ["``b`c``", "`d`"]),
        ("a `b\nc` d", ["`b\nc`"]),
        ("> a `b\n> c` d", ["`b\n> c`"]),
        ("\\`a` b`", ["` b`"]),
        ("`a", []),
        ("a\n\n    b\n\n    c\n\nd", ["    b\n\n    c"]),
        ("a\n    b", []),
        ("- a\n\n    b `c`", ["`c`"]),
        ("- a\n\n      b", ["      b"]),
        ("```py\na\n```\nb", ["```py\na\n```"]),
        ('~~~ py title="x"\n```\n~~~', ['~~~ py title="x"\n```\n~~~']),
        ("1. a\n\n   ```\n   b\n   ```\n2. `c`", ["   ```\n   b\n   ```", "`c`"]),
        ('!!! note\n    `a`\n\n    ```\n    b\n    ```\n\n        c', ["`a`", "    ```\n    b\n    ```", "        c"]),
        ('??? question "`a`?"\n    b', ["`a`"]),
        ("# `#` #", ["`#`"]),
        ("| a | `b` |\n|---|---|\n| b | `\\|` |", ["`b`", "`\\|`"]),
        ("| `{{ a | int }}` | `{{ b | int }}` |\n|---|---|", ["`{{ a | int }}`", "`{{ b | int }}`"]),
        ("[a](<`b`>) `c`", ["`c`"]),
        ("$`a$`", []),
        ("a\r\n`b`\r\n\r\n    c", ["`b`", "    c"]),
    ],
)  # fmt: skip
def test_code(text: str, code: list[str]) -> None:
    assert found(text, "code") == code


@pytest.mark.parametrize(
    ("kind", "text", "parts"),
    [
        ("math", "$a$, $$b$$ and $c", ["$a$", "$$b$$"]),
        ("math", "from $5 to $6, \\$7", []),
        ("math", "a\n\n$$\nb\n\\begin{x}\n$$\n\nc", ["$$\nb\n\\begin{x}\n$$"]),
        ("title", '!!! note "a" \n    b\n\n- c\n\n    ???+ tip "d"\n        e', ['!!! note "a" ', '    ???+ tip "d"']),
        ("markup", "a <b>c</b> <!-- d --> <https://e.f>", ["<b>", "</b>", "<!-- d -->", "<https://e.f>"]),
        ("markup", '<p a=">">\nb <!-- c\n --></p>', ['<p a=">">', "<!-- c\n -->", "</p>"]),
        ("markup", '[a `b`](c "d") ![e](f) [g][h] [h]\n\n[h]: i', ['(c "d")', "(f)", "[h]", "[h]: i"]),
        ("markup", "a < b and c > d", []),
    ],
)
def test_other_kinds(kind: Kind, text: str, parts: list[str]) -> None:
    assert found(text, kind) == parts


def test_inside_and_blank() -> None:
    text = "a `b`\n\n    c\nd `e`"
    assert [at for at, sign in enumerate(text) if inside(text, "code")(at) and sign.isalpha()] == [3, 11, 16]
    assert blank(text, "code") == "a    \n\n     \nd    "
    assert blank(text, "math") == text


def read(tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    """What the tokens' renderer would put into ``<code>`` and formulas, and the words behind a fence."""
    for token in tokens:
        if token.type in ("code_inline", "code_block", "fence"):
            yield "code", letters(token.info + token.content)
        elif token.type.startswith("math"):
            yield "math", letters(token.content)
        elif token.type == "inline":
            yield from read(token.children or ())


def letters(text: str) -> str:
    return "".join(re.findall("[a-z]", text))


PIECES = st.sampled_from(
    [*"abcdefghij", "`", "``", "```", "~~~", "\n", "\n\n", "\n    ", "\n  ", "> ", "- ", "1. ", "# ", "    ", "\t", "$",
     "$$", '!!! ""\n    ', "|", "\n|-|-|\n", "\\", "[", "](", ")", "**", "<b>", "<!--", "-->", " "]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
@example("- a\n  ```\n  b\n  ```\n")
@example("> ```\n> a\n> ```\n> `b`")
@example("|`a`|b|\n|-|-|\n|`c`|`d`|")
def test_spans_hold_what_markdown_it_renders(text: str) -> None:
    rendered = list(read(parser().parse(text)))
    for kind in ("code", "math"):
        assert [letters(part) for part in found(text, kind)] == [content for name, content in rendered if name == kind]


@given(st.text(max_size=60))
def test_any_text_has_spans_in_order_and_within_it(text: str) -> None:
    starts = [span.start for span in spans(text)]
    assert starts == sorted(starts)
    assert all(0 <= span.start < span.end <= len(text) for span in spans(text))
