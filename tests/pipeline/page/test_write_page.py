"""The page of a lesson: folds, bound numbers, links, figures with their data; and the ledger."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import markdown
import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.page.document import document
from course.pipeline.page.fragments import as_data
from course.pipeline.page.listings import ledger
from course.pipeline.page.parts import link_lessons
from course.pipeline.page.write_page import Page, page
from course.pipeline.results import quiz
from course.pipeline.results.capture import Capture, ItemShown, Text
from course.pipeline.text.bind import Bound

from ..samples import (
    CHOICE,
    HEADER,
    NUMBER,
    bundle,
    capture,
    claim,
    claims_cell,
    figure,
    lesson,
    line_of,
    quiz_text,
    source,
    table,
    value,
)

LESSONS = {2: "02_memory", 7: "07_sample", 12: "12_rewards"}
LORA = value("lora.trainable", 9216)


def render(*cells: str, captured: Capture | None = None, questions: tuple[quiz.Question, ...] = ()) -> Page:
    made = lesson(*cells)
    captured = captured or capture(LORA, cells=len(made.code_cells))
    downloads = [("Notebook", "07_sample.ipynb"), ("View", "notebook/")]
    return page(document(bundle(made, captured, questions)), LESSONS, downloads)


def test_front_matter_title_and_meta() -> None:
    made = render("# %% [markdown]\n# ## Section")
    assert made.markdown.startswith('---\ntitle: "A sample"\ndescription: "What the sample finds."\n---\n\n')
    text = made.markdown
    assert text.index("Lesson 07") < text.index("# A sample")
    assert "## Section" in text
    assert 'Lesson 07 · <a href="../#module-4">Parameter-efficient fine-tuning</a>' in text
    assert '<a href="07_sample.ipynb" download>Notebook</a>' in text
    assert '<a href="notebook/">View</a>' in text
    assert "<math" in text[text.index("objectives") :]


def test_headings_say_where_they_are_written() -> None:
    cell = "# %% [markdown]\n# First.\n#\n# ## Second\n#\n# ```text\n# ## code\n# ```\n#\n# ### Third"
    text = render(cell).markdown
    for heading in ("## Second", "### Third"):
        assert f"{heading} {{ data-line={line_of(source(cell), heading)} }}\n" in text
    assert "## code\n" in text


def test_tags_lead_to_their_topics() -> None:
    header = HEADER.replace("# fork", "# tags: [KL divergence]\n# fork")
    made = page(document(bundle(lesson(header=header), capture(cells=1))), LESSONS, [])
    assert '<a href="../../topics/#kl-divergence">KL divergence</a>' in made.markdown


def test_html_comes_out_of_the_conversion_unchanged() -> None:
    outputs = [[], [Text("<a>\n\n*b*")]]
    made = render("# %%\nx = 1", claims_cell(claim(1)), captured=capture(LORA, outputs=outputs))
    extensions = ["pymdownx.details", "pymdownx.superfences", "course.pipeline.text.verbatim"]
    text = markdown.markdown(made.markdown.split("---\n", 2)[2], extensions=extensions)
    assert '<div class="output"><pre tabindex="0">&lt;a&gt;\n\n*b*</pre></div>' in text
    assert '\n<span id="cell-1"></span>\n' in text
    assert not re.search(r"<!-- /?html|verbatim[0-9a-f]|<p><(aside|details|div|span id)", text)


def test_provenance_is_on_the_page_and_escaped() -> None:
    text = render("# %%\nx = 1").markdown
    for part in (
        "0123456789ab",
        "f" * 16,
        "laptop",
        "torch 2.13.0",
        "float32",
        "3.11.9",
        "2,048 MiB",
        "2025-01-31",
        "A processor &lt;4 GHz&gt;",
    ):
        assert part in text


def test_bound_numbers_carry_value_and_source() -> None:
    prose = "# It trains {{ lora.trainable / 2 | int }}, in code `{{ lora.trainable | int }}`, "
    text = render(f"# %% [markdown]\n{prose}in $n = {{{{ lora.trainable | int }}}}$.").markdown
    data = '<data value="4608.0" title="lora.trainable / 2" data-keys="lora.trainable">4,608</data>'
    assert f"It trains {data}, in code `{{{{ lora.trainable | int }}}}`, in $n = 9,216$." in text


def attributes(bound: Bound) -> dict[str, str]:
    element = ElementTree.fromstring(as_data(bound))
    assert element.text == bound.text
    return element.attrib


def test_a_number_carries_value_expression_and_keys() -> None:
    assert attributes(Bound("5", "n.a", 5)) == {"value": "5", "title": "n.a"}  # the key is the expression
    found = attributes(Bound("<1", '1 if "n.c" < n.b else n.a', 1))
    assert found == {"value": "1", "title": '1 if "n.c" < n.b else n.a', "data-keys": "n.a n.b"}
    assert attributes(Bound("6", "2 * 3", 6)) == {"value": "6", "title": "2 * 3", "data-keys": ""}


def test_a_bound_text_is_said_once() -> None:
    found = attributes(Bound('"<a>" & b', '\'"<a>" & b\' if f(n.a, 2) < 3 else "it\'s c"', '"<a>" & b'))
    assert found == {"value": "", "title": "'…' if f(n.a, 2) < 3 else '…'", "data-keys": "n.a"}


PRINTED = [[], [Text("a < b")]]


def test_an_output_follows_its_code_escaped() -> None:
    text = render("# %%\nprint('a < b')", captured=capture(outputs=PRINTED)).markdown
    assert "```python\nprint('a < b')\n```" in text
    assert '<pre tabindex="0">a &lt; b</pre>' in text
    assert text.index('id="cell-1"') < text.index("```python\nprint(") < text.index("a &lt; b")
    assert '<details class="reveal"' not in text
    assert text.count("???") == 1  # the parameters


def test_reveal_folds_the_output_only() -> None:
    text = render('# %% tags=["reveal"]\nprint(1)', captured=capture(outputs=PRINTED)).markdown
    assert re.search(r'<details class="reveal"><summary>Reveal the result</summary>.*a &lt; b.*</details>', text)
    assert "\n```python\nprint(1)\n```" in text


def test_reveal_without_output_folds_nothing() -> None:
    assert "reveal" not in render('# %% tags=["reveal"]\nx = 1').markdown


def test_hide_code_folds_the_code_only() -> None:
    text = render('# %% tags=["hide-code"]\nx = 1\n\ny = 2', captured=capture(outputs=PRINTED)).markdown
    assert '??? abstract "Code"\n\n    ```python\n    x = 1\n\n    y = 2\n    ```\n' in text
    assert '\n<div class="output">' in text


def test_solution_cells_fold_together() -> None:
    made = render(
        '# %% [markdown] tags=["solution"]\n# Because.', '# %% tags=["solution"]\nprint(1)',
        "# %% [markdown]\n# After.", '# %% [markdown] tags=["solution"]\n# Another.', captured=capture(outputs=PRINTED),
    )  # fmt: skip
    text = made.markdown
    assert text.count('??? success "Solution"') == 2
    first = text[text.index("??? success") : text.index("\n\nAfter.")]
    assert "\n    Because.\n" in first
    assert "\n    ```python\n    print(1)\n    ```" in first
    assert re.search(r'\n    <!-- html \w+ -->\n    <div class="output">.*\n    <!-- /html \w+ -->', first)
    assert all(line.startswith("    ") or not line for line in first.split("\n")[1:])


def test_code_with_fences_in_it_stays_one_block() -> None:
    text = render('# %%\nprompt = """\n```json\n{}\n```\n"""').markdown
    assert '````python\nprompt = """\n```json\n{}\n```\n"""\n````' in text


def test_tables_and_figures_with_caption_alternative_and_data() -> None:
    items = [LORA, table("grid.t", caption="Of {{ lora.trainable | int }}."), figure("grid.f", caption="A *figure*.")]
    outputs = [[], [ItemShown("grid.t"), ItemShown("grid.f")]]
    made = render("# %%\nx = 1", captured=capture(*items, outputs=outputs))
    text = made.markdown
    assert re.search(r"<caption>Of <data [^>]*>9,216</data>\.</caption>", text)
    assert "<figcaption>A <em>figure</em>.<p " in text
    assert 'role="img" aria-label="Loss falls with rank."' in text
    for name in ("grid.t.csv", "grid.f.csv"):
        assert f'<a href="{name}" download>Data as CSV</a>' in text
    assert list(csv.reader(made.files["grid.t.csv"].decode().splitlines())) == [
        ["rank", "<loss>"],
        ["8", "0.5"],
        ["16", "0.25"],
    ]
    assert list(csv.reader(made.files["grid.f.csv"].decode().splitlines())) == [
        ["series", "x", "y", "low", "high"], ["q only", "1", "3.0", "2.5", "4.0"], ["q only", "2", "2.0", "1.5", "2.5"],
        ["q only", "4", "1.5", "1.0", "2.0"],
    ]  # fmt: skip


def test_csv_of_a_figure_without_a_spread_quotes_names() -> None:
    item = figure(
        "f", series=[{"name": 'a, "b"', "x": ["x,1"], "y": [2], "low": [], "high": []}], x_log=False, guides=[]
    )
    made = render("# %%\nx = 1", captured=capture(item, outputs=[[], [ItemShown("f")]]))
    assert list(csv.reader(made.files["f.csv"].decode().splitlines()))[1] == ['a, "b"', "x,1", "2", "", ""]


def test_links_to_lessons() -> None:
    made = lesson(
        "# %% [markdown]\n# See [it](lesson:02), [there](lesson:12#the-reward) and [more](https://example.org)."
    )
    text = link_lessons(made.cells[1].source, LESSONS, made, 1, lambda slug: f"{slug}.md")
    assert text == "See [it](02_memory.md), [there](12_rewards.md#the-reward) and [more](https://example.org)."


@pytest.mark.parametrize("target", ["03", "7", "2", "", "07_sample", "sample", "03#there", "٠٧"])
def test_a_link_to_no_lesson_names_its_line(target: str) -> None:
    cell = f"# %% [markdown]\n# First.\n#\n# See [it](lesson:{target})."
    text = source(cell)
    with pytest.raises(CourseError, match="There is no lesson") as caught:
        render(cell)
    assert (caught.value.path, caught.value.line) == (Path("07_sample.py"), line_of(text, "lesson:"))
    assert "02, 07, 12" in caught.value.hint


def questions(tmp_path: Path, text: str) -> tuple[quiz.Question, ...]:
    path = tmp_path / "07_sample.quiz.yml"
    path.write_text(text, encoding="utf-8")
    return quiz.read(path)


def test_the_quiz_stands_where_its_marker_is(tmp_path: Path) -> None:
    text = quiz_text(CHOICE.format(n="x").replace("It is not.", "See [it](lesson:02#a)."), NUMBER)
    made = render("# %% [markdown]\n# Before.\n#\n# <!-- quiz -->\n#\n# After.", questions=questions(tmp_path, text))
    found = re.search(r"Before\.\n\n<!-- html (\w+) -->\n(.*)\n<!-- /html \1 -->\n\nAfter\.", made.markdown)
    assert found
    html = found[2]
    assert html.count('<div class="question"') == 5
    assert 'data-aim="4"' in html
    assert 'data-kind="number" data-answer="4608.0" data-tolerance="0.01" data-unit="parameters"' in html
    assert '<a href="../02_memory/#a">it</a>' in html
    assert html.count("<details") == html.count("<summary>Answer</summary>") == 5  # complete without a script
    assert html.count('class="option" data-right') == html.count('class="why" data-right') - 1 == 4
    root = ElementTree.fromstring(html.replace(" data-right", ' data-right=""'))
    hashes = [element.get("data-hash") for element in root.iter() if element.get("class") == "question"]
    assert len(set(hashes)) == 5


def test_a_broken_link_in_the_quiz_names_the_quiz_and_the_question(tmp_path: Path) -> None:
    text = quiz_text(NUMBER.replace("Fewer.", "See [it](lesson:44)."))
    with pytest.raises(CourseError, match="no lesson 44") as caught:
        render("# %% [markdown]\n# <!-- quiz -->", questions=questions(tmp_path, text))
    assert (caught.value.path, caught.value.line) == (tmp_path / "07_sample.quiz.yml", 2)


def claims_page(*entries: str) -> tuple[Page, str]:
    whole = bundle(lesson("# %%\nx = 1", claims_cell(*entries)), capture(LORA))
    return page(document(whole), LESSONS, []), ledger([whole], "../lessons/")


def test_claims_are_boxes_and_ledger_rows_that_link_to_them() -> None:
    decided, wrong = claim(12, note="Only **here**."), claim(3, **{"for": "1 > 2", "against": "2 > 1"}, text="a < b")
    made, rows = claims_page(decided, wrong)
    text = made.markdown
    assert "lora.trainable ==" not in text  # the expression that decides is not shown
    assert 'class="claim claim--holds" id="claim-12" aria-label="Claim 12"' in text
    number = as_data(Bound("9,216", "lora.trainable", 9216))
    assert f'<span class="verdict verdict--holds">holds</span> Found here: {number}.' in text
    assert "Only <strong>here</strong>." in text
    targets = re.findall(r'href="\.\./lessons/07_sample/#([\w-]+)"', rows)
    assert targets == ["claim-3", "claim-12"]
    for target in targets:
        assert text.count(f'id="{target}"') == 1
    root = ElementTree.fromstring(rows)
    body = [[("".join(cell.itertext())) for cell in row] for row in root.iter("tr")][1:]
    assert [row[0] for row in body] == ["3", "12"]
    assert [row[2] for row in body] == ["wrong", "holds"]
    assert body[1][3] == "9,216Only here."


def test_a_claim_with_a_condition() -> None:
    tests = {"for": "1 > 2", "against": "", "partly": "lora.trainable > 1"}
    made, rows = claims_page(claim(1, **tests, condition="On *one* matrix of {{ lora.trainable | int }}"))
    badge = '<span class="verdict verdict--conditions">holds with conditions</span>'
    number = as_data(Bound("9,216", "lora.trainable", 9216))
    assert f"{badge} On <em>one</em> matrix of {number}. Found here" in made.markdown
    assert f'{badge}<p class="claim-note">On <em>one</em> matrix of {number}</p>' in rows


def test_plumbing_is_left_out_and_budgets_are_folded_where_they_stand() -> None:
    budget = 'budget = {"smoke": 1}[profile]'
    text = render(f'# %%\nimport torch\n{budget}\nloss = torch.f(budget)\nrecord.value("a.b", loss)').markdown
    assert (
        f'import torch\n```\n\n??? abstract "Budget"\n\n    ```python\n    {budget}\n    ```\n\n```python\nloss = '
        in text
    )
    assert "record" not in text


def test_a_section_may_keep_the_address_that_others_link_to() -> None:
    text = render("# %% [markdown]\n# ## Reworded { #as-it-was }\n#\n# ## Plain").markdown
    assert "## Reworded { #as-it-was data-line=" in text
    assert "## Plain { data-line=" in text
