"""A notebook has every cell whole, and folds those that teach nothing."""

from __future__ import annotations

import nbformat

from course.pipeline.page.document import document
from course.pipeline.page.portable import File
from course.pipeline.page.write_notebook import notebooks

from ..samples import bundle, capture, lesson, value


def test_what_only_records_is_folded_and_the_parameters_are_not() -> None:
    cells = ["x = 1\nprint(x)", 'record.value("a.b", x)', 'print(2)\nrecord.value("a.c", x)']
    made = lesson(*(f"# %%\n{cell}" for cell in cells), '# %% tags=["hide-code"]\nprint(3)')
    whole = document(bundle(made, capture(value("lora.trainable", 1), cells=len(made.code_cells))))
    (notebook, _) = (nbformat.reads(text, as_version=4) for text in notebooks(File(whole, {}, ".ipynb")))
    folded = {c.source: c.metadata.get("jupyter", {}).get("source_hidden", False) for c in notebook.cells}
    parameters = made.code_cells[0].source
    wanted = {parameters: False, cells[0]: False, cells[1]: True, cells[2]: False, "print(3)": True}
    assert {source: folded[source] for source in wanted} == wanted
