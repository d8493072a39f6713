"""Which tool: the escalation ladder, climbed by answering."""

from __future__ import annotations

import html
from collections.abc import Sequence

from course.ladder import QUESTIONS, REASONS, RUNGS, decide
from course.pipeline.widgets.controls import Switch
from course.pipeline.widgets.view import Group, Piece, State, View


def view(state: State) -> View:
    rung, question = decide(state)
    summary = f"{RUNGS[rung]}. {REASONS[question]}"
    drawn = {name: {"data-here": "yes" if name == rung else "no"} for name in RUNGS}
    return View(summary, {"rung": RUNGS[rung], "why": REASONS[question]}, drawn)


def rows(state: State) -> Sequence[Sequence[str]]:
    """Every question with the rung that it leads to: what the piece is without answers."""
    stops = {"prompted": False, "shown": False, "acts": True, "facts": True, "data": False, "short": True}
    passed = {name: not stop for name, stop in stops.items()}
    body = []
    for name, stop in stops.items():
        rung, _ = decide({**passed, name: stop})
        body.append((QUESTIONS[name], "yes" if stop else "no", RUNGS[rung]))
    return [("question", "answer", "then"), *body, ("none of these", "", RUNGS["lora"])]


def _rule(question: str, answer: str, rung: str) -> str:
    cells = f"<td>{answer}</td><td>{html.escape(rung)}</td>"
    return f'<tr><th scope="row">{html.escape(question)}</th>{cells}</tr>'


START = {"prompted": True, "shown": True, "acts": False, "facts": False, "data": True, "short": False}

TEMPLATE = (
    '<p class="widget-number"><b data-text="rung"></b></p><p data-text="why"></p><ol class="ladder">'
    + "".join(f'<li data-draw="{name}">{html.escape(text)}</li>' for name, text in RUNGS.items())
    + '</ol><details class="widget-code"><summary>All the rules</summary><table class="widget-table"><thead><tr>'
    '<th scope="col">question</th><th scope="col">answer</th><th scope="col">then</th></tr></thead><tbody>'
    + "".join(_rule(question, answer, rung) for question, answer, rung in rows(START)[1:])
    + "</tbody></table></details>"
    '<p class="widget-note">The first question that decides wins. Whatever the rung: measure it against the one below, '
    "on cases that nothing was tuned on.</p>"
)

PIECE = Piece(
    name="ladder",
    title="Which tool?",
    groups=(Group(tuple(Switch(name, text) for name, text in QUESTIONS.items())),),
    start=START,
    view=view,
    template=TEMPLATE,
    rows=rows,
)
