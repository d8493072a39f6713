"""A prediction on the page and in downloads."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import asdict

from course.pipeline.results.predict import Asked, Prediction, _of
from course.pipeline.text import markup

HOW = "Draw the line. With the keyboard: left and right choose a point, up and down move it."
"""Shown where a script can draw."""


def section(prediction: Prediction, asked: Asked, slug: str, text: Callable[[str], str]) -> str:
    """The question on the page, complete without a script, which makes a form of it.

    Args:
        text: makes HTML of Markdown with bindings.
    """
    data = {
        "key": f"{slug}/{asked.id}:{asked.hash}",
        "kind": asked.kind,
        "answer": "" if asked.answer is None else f"{asked.answer:.15g}",
        "unit": asked.unit,
        "cells": " ".join(map(str, prediction.cells)),
    }
    marks = "".join(f' data-{name}="{html.escape(value)}"' for name, value in data.items() if value)
    choices = "".join(f"<li>{text(choice.text)}</li>" for choice in prediction.choices)
    inner = f'<ol class="predict-choices" type="A">{choices}</ol>' if choices else ""
    if asked.sketch:
        inner = f'<p class="sketch-how">{HOW}</p>{markup.data(asdict(asked.sketch))}'
    name = f"predict-{asked.id}"
    return (
        f'<section class="predict" role="group" id="{name}" aria-labelledby="{name}-title"{marks}>'
        f'<p class="predict-title" id="{name}-title">Predict</p>'
        f'<div class="predict-ask">{text(prediction.ask)}</div>{inner}</section>'
    )


def result(prediction: Prediction, asked: Asked, text: Callable[[str], str]) -> str:
    """The line above the outputs that waited: what the run gave. The script puts the reader's guess before it."""

    def inline(source: str) -> str:
        return text(source).removeprefix("<p>").removesuffix("</p>")

    if asked.sketch:
        run = f'the line <a href="#{html.escape(prediction.curve)}">{html.escape(asked.sketch.name)}</a> of the figure'
    elif asked.choices:
        chosen = inline(prediction.choices[int(asked.answer or 0)].text)
        run = f'<strong class="predict-run">{asked.result}</strong>: {chosen}'
    else:
        number = inline(f"{{{{ {prediction.number} | {prediction.format} }}}}{_of(prediction.unit)}")
        run = f'<strong class="predict-run">{number}</strong>'
    return f'<p class="predict-result" id="predict-{asked.id}-result">The run: {run}</p>'


def markdown(asked: Asked) -> str:
    """The prediction in a download: what to write down before going on."""
    if asked.choices:
        rest = "\n".join(
            f"- **{letter}** {choice.strip()}" for letter, choice in zip("ABCDEF", asked.choices, strict=False)
        )
    elif asked.sketch:
        rest = f"Sketch the line *{asked.sketch.name}* on paper: {asked.sketch.y_label} over {asked.sketch.x_label}."
    else:
        rest = f"Write down a number{f' ({asked.unit})' if asked.unit else ''} before you go on."
    return "\n".join(f"> {line}".rstrip() for line in f"**Predict**\n\n{asked.ask.strip()}\n\n{rest}".split("\n"))
