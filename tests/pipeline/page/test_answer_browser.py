"""A recorded table of answers: cards on the page, a table in downloads."""

from __future__ import annotations

import json
import re
from html import unescape

from course.pipeline.page.document import Document, document
from course.pipeline.page.portable import File
from course.pipeline.page.write_markdown import markdown
from course.pipeline.page.write_notebook import notebooks
from course.pipeline.page.write_page import page
from course.pipeline.results.capture import ItemShown

from ..samples import bundle, capture, lesson, table, value

ROWS = [["Where is <it>?", "I am | sorry.", "On its way."], ["Is it cheap?", 42, "Yes & no."]]


def made() -> Document:
    parsed = lesson('# %% tags=["answers"]\nx = 1')
    columns = ["ticket", "untuned", "tuned"]
    found = table("said.all", columns=columns, rows=ROWS, caption="What *each* said of {{ n | int }}.")
    captured = capture(found, value("n", 2), outputs=[[], [ItemShown("said.all")]])
    return document(bundle(parsed, captured))


def texts(html: str, pattern: str) -> list[str]:
    return [unescape(found) for found in re.findall(pattern, html)]


def test_the_page_has_every_answer_in_a_card_below_what_was_asked() -> None:
    shown = page(made(), {}, []).markdown
    whole = shown[shown.index('<section class="output output--answers answer-browser" id="said.all"') :]
    first, second = whole.split('<div class="answered">')[1:]
    assert texts(first, "<strong>(.*?)</strong>") == ["ticket", "untuned", "tuned"]
    assert texts(first, "<pre>(.*?)</pre>") == ROWS[0]
    assert texts(second.split("</div></section>")[0], "<pre>(.*?)</pre>") == ["Is it cheap?", "42", "Yes & no."]
    assert "What <em>each</em> said of" in whole
    assert 'aria-labelledby="said.all-caption"' in whole


def test_its_data_can_be_taken_away() -> None:
    made_page = page(made(), {}, [])
    assert 'href="said.all.csv"' in made_page.markdown
    assert made_page.files["said.all.csv"].decode().split("\n")[1] == "Where is <it>?,I am | sorry.,On its way."


def test_downloads_have_the_table() -> None:
    told = markdown(File(made(), {}, ".md"))
    assert "| ticket | untuned | tuned |" in told
    assert "| Where is <it>? | I am \\| sorry. | On its way. |" in told
    _, executed = notebooks(File(made(), {}, ".ipynb"))
    (output,) = (output for cell in json.loads(executed)["cells"] for output in cell.get("outputs", []))
    assert "<td>Where is &lt;it&gt;?</td>" in output["data"]["text/html"]
