"""What the site says about all lessons together: their cards, by module, and the claims ledger."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from course.pipeline import markup
from course.pipeline.lesson import MODULES
from course.pipeline.render import badge, duration
from course.pipeline.store import Bundle


def ledger(bundles: Sequence[Bundle], prefix: str) -> str:
    """The claims ledger: every registered claim with verdict, value and a link to its box in the lesson."""
    rows = [
        row
        for bundle in bundles
        if bundle.registered
        for row in bundle.recall("ledger rows", prefix, partial(_ledger_rows, bundle, prefix))
    ]
    head = "".join(f'<th scope="col">{name}</th>' for name in ("#", "The claim", "Verdict", "Found here", "Decided in"))
    body = "".join(row for _, row in sorted(rows))
    return (
        '<div class="table-scroll" tabindex="0" role="region" aria-label="Claims ledger">'
        f'<table class="ledger"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _ledger_rows(bundle: Bundle, prefix: str) -> list[tuple[int, str]]:
    """The claims of one lesson, each with its number."""
    rows = []
    for decided in (decided for cell in bundle.claims.values() for decided in cell):
        claim, href = decided.claim, f"{prefix}{bundle.lesson.slug}/#{decided.anchor}"
        note = f'<p class="claim-note">{markup.inline_html(decided.note)}</p>' if decided.note else ""
        rows.append(
            (
                claim.number,
                f'<tr><td class="number">{claim.number}</td><td>{markup.inline_html(claim.text)}'
                f'<span class="claim-source">{markup.inline_html(claim.source)}</span></td><td>{badge(decided)}</td>'
                f"<td>{markup.inline_html(decided.found)}{note}</td>"
                f'<td><a href="{href}">Lesson {bundle.lesson.number:02}</a></td></tr>',
            )
        )
    return rows


def lesson_list(bundles: Sequence[Bundle], prefix: str) -> str:
    """Cards of all lessons, grouped by module, or by folder if they are plain."""
    out = []
    for folder, group in by_folder(bundles).items():
        title = f"<h3>{html.escape(folder)}</h3>" if folder else ""
        out.append(f'{title}<ul class="lesson-list">{"".join(_plain_card(b, prefix) for b in group)}</ul>')
    for module, name in MODULES.items():
        cards = [
            bundle.recall("card", prefix, partial(_card, bundle, prefix))
            for bundle in bundles
            if bundle.lesson.header.module == module
        ]
        if cards:
            out.append(f'<h3 id="module-{module}">{module} · {name}</h3><ol class="lesson-list">{"".join(cards)}</ol>')
    return "".join(out)


def by_folder(bundles: Sequence[Bundle]) -> dict[str, list[Bundle]]:
    """The plain lessons by the name of their folder below the course's, which is the empty name."""
    groups: dict[str, list[Bundle]] = {}
    for bundle in (bundle for bundle in bundles if bundle.lesson.is_plain):
        folder = bundle.lesson.path.parent.relative_to(bundle.lesson.folders[-1])
        groups.setdefault("" if folder == Path() else folder.as_posix(), []).append(bundle)
    return groups


def _plain_card(bundle: Bundle, prefix: str) -> str:
    title, seconds = html.escape(bundle.lesson.header.title), bundle.captured.provenance.seconds
    return (
        f'<li class="lesson-card"><a href="{prefix}{bundle.lesson.slug}/"><span class="lesson-title">{title}</span></a>'
        f'<p class="lesson-times">Run {duration(seconds)}</p></li>'
    )


def _card(bundle: Bundle, prefix: str) -> str:
    header, seconds = bundle.lesson.header, bundle.captured.provenance.seconds
    return (
        f'<li class="lesson-card"><a href="{prefix}{bundle.lesson.slug}/">'
        f'<span class="lesson-number">{bundle.lesson.number:02}</span> '
        f'<span class="lesson-title">{html.escape(header.title)}</span></a><p>{markup.inline_html(header.summary)}</p>'
        f'<p class="lesson-times">Read {header.read_minutes} min · run {duration(seconds)}</p></li>'
    )
