"""The command line: ``course build``, ``run``, ``check``, ``new`` and ``list``.

Exit codes: 0 success; 1 a lesson, quiz, page or the machine has a problem, told on stderr; 2 a wrong command
line; 130 interrupted.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from course.pipeline import builtin, capture, site
from course.pipeline.errors import CourseError
from course.pipeline.lesson import Cell
from course.pipeline.store import LESSONS, Bundle, load

PROFILES = ("smoke", "laptop", "full")
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

Command = TypeVar("Command", bound=Callable[..., Any])


def main() -> None:
    """Entry point: every problem becomes one message and an exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cancelled job cleans up as Ctrl-C does
    try:
        sys.exit(cli.main(standalone_mode=False))
    except CourseError as error:
        err.print(f"[bold red]✗[/] {_escape(str(error))}")
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        err.print("Interrupted. What was finished is kept; run the same command to go on.")
        sys.exit(130)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _shared(command: Command) -> Command:
    """Options that say where lessons and captures are."""
    for option in (
        click.option(
            "--lessons",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            default=LESSONS,
            is_eager=True,
            help="Folder of lesson sources: of the course, or of any percent files.",
        ),
        click.option(
            "--captures",
            type=click.Path(path_type=Path),
            callback=lambda context, _, value: value or builtin.captures_of(context.params["lessons"], LESSONS),
            help="Folder of captures.  [default: build/captures; for other lessons, _build/captures in their folder]",
        ),
        click.option("--profile", type=click.Choice(PROFILES), default="laptop", show_default=True),
    ):
        command = option(command)
    return command


def _limited(command: Command) -> Command:
    return click.option(
        "--cell-seconds",
        type=click.IntRange(1),
        default=7200,
        show_default=True,
        help="Stop a cell after so many seconds.",
    )(command)


@click.group(help=__doc__)
def cli() -> None:
    pass


@cli.command()
@_shared
@_limited
@click.option("--all", "everything", is_flag=True, help="Run every lesson, also those that are current.")
def build(lessons: Path, captures: Path, profile: str, cell_seconds: int, everything: bool) -> None:
    """Run the lessons whose inputs changed, then render the site if anything on it changed."""
    bundles = load(lessons, captures, profile)
    stale = [bundle for bundle in bundles if everything or not bundle.is_current]
    root = builtin.root_of(lessons, LESSONS)
    if root != Path():
        builtin.prepare(lessons, captures, profile)
    if not stale and site.is_current(root):
        out.print(f"Nothing to do: {len(bundles)} lessons and the site are current.")
        return
    _run_all(stale, captures, profile, cell_seconds)
    _refuse(load(lessons, captures, profile))
    started = time.monotonic()
    out.print("Rendering the site …")
    for warning in site.render(root):
        err.print(f"[yellow]![/] {_escape(warning)}")
    out.print(f"[green]✓[/] {root / 'site' / 'index.html'} ({time.monotonic() - started:.1f} s)")


@cli.command()
@_shared
@_limited
@click.argument("labels", nargs=-1, required=True, metavar="LESSON…")
def run(labels: Sequence[str], lessons: Path, captures: Path, profile: str, cell_seconds: int) -> None:
    """Run lessons by number or name, current or not, and keep what they record."""
    bundles = {bundle.lesson.label: bundle for bundle in load(lessons, captures, profile)}
    wanted = [label.zfill(2) if label.isdecimal() else label for label in labels]
    for label in wanted:
        if label not in bundles:
            raise CourseError(f"There is no lesson {label}.", hint=f"Lessons: {', '.join(bundles)}.")
    _run_all([bundles[label] for label in wanted], captures, profile, cell_seconds)


@cli.command()
@_shared
@click.option("--json", "as_json", is_flag=True, help="Print problems as JSON.")
def check(lessons: Path, captures: Path, profile: str, as_json: bool) -> None:
    """Check sources, quizzes, bindings, claims and typed numbers against the captures. Runs nothing."""
    try:
        bundles = load(lessons, captures, profile)
    except CourseError as error:
        if as_json:
            print(_as_json([error]))
            sys.exit(1)
        raise
    found = [problem for bundle in bundles for problem in bundle.problems()]
    found += [
        bundle.lesson.error("The captured results are stale.", hint=f"Run it: course run {bundle.lesson.label}")
        for bundle in bundles
        if not bundle.is_current
    ]
    if as_json:
        print(_as_json(found))
    for problem in () if as_json else found:
        err.print(f"[bold red]✗[/] {_escape(str(problem))}")
    if found:
        sys.exit(1)
    if not as_json:
        out.print(f"[green]✓[/] {len(bundles)} lessons: sources, quizzes, bindings and claims are in order.")


@cli.command()
@click.argument("number", type=int)
@click.argument("slug")
@click.option("--module", type=int, required=True, help="The module (1 to 9) it belongs to.")
@click.option("--lessons", type=click.Path(path_type=Path), default=LESSONS, help="Folder of lesson sources.")
def new(number: int, slug: str, module: int, lessons: Path) -> None:
    """Make the two files of a new lesson."""
    from course.pipeline import scaffold

    for path in scaffold.new(lessons, number, slug, module):
        out.print(f"[green]✓[/] {path}")


@cli.command("list")
@_shared
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_(lessons: Path, captures: Path, profile: str, as_json: bool) -> None:
    """List lessons: number, title, whether the results are current, how long the run took."""
    rows = [_summary(bundle) for bundle in load(lessons, captures, profile)]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("", "Lesson", "Results", "Run", "Values", "Claims"):
        table.add_column(name, justify="right" if name in ("Run", "Values", "Claims") else "left")
    for row in rows:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.0f} s"
        table.add_row(row["label"], row["title"], row["state"], seconds, str(row["values"]), str(row["claims"]))
    out.print(table)


def _as_json(problems: Sequence[CourseError]) -> str:
    return json.dumps(
        [
            {"message": found.message, "path": str(found.path), "line": found.line, "hint": found.hint}
            for found in problems
        ]
    )


def _summary(bundle: Bundle) -> dict[str, Any]:
    found = bundle.capture
    return {
        "number": bundle.lesson.number,
        "label": bundle.lesson.label,
        "slug": bundle.lesson.slug,
        "title": bundle.lesson.header.title,
        "state": "none" if found is None else "current" if bundle.is_current else "stale",
        "seconds": found.provenance.seconds if found else None,
        "values": len(found.values) if found else 0,
        "claims": sum(map(len, bundle.registered.values())),
    }


def _refuse(bundles: Sequence[Bundle]) -> None:
    """Print all problems of all lessons, then stop."""
    problems = [problem for bundle in bundles for problem in bundle.problems()]
    for problem in problems[:-1]:
        err.print(f"[bold red]✗[/] {_escape(str(problem))}")
    if problems:
        raise problems[-1]


def _run_all(bundles: Sequence[Bundle], captures: Path, profile: str, cell_seconds: int) -> None:
    if not bundles:
        return
    from course.pipeline.execute import Limits, execute

    for place, bundle in enumerate(bundles, 1):
        name = f"{bundle.lesson.label} {bundle.lesson.header.title}"
        last = f", last time {bundle.capture.provenance.seconds:.0f} s" if bundle.capture else ""
        out.print(f"[{place}/{len(bundles)}] Running {name} ({profile}{last})", markup=False)
        started = time.monotonic()

        def progress(cell: Cell, number: int, total: int, started: float = started) -> None:
            out.print(f"    cell {number}/{total}, line {cell.line}, {time.monotonic() - started:.0f} s", style="dim")

        found = execute(bundle.lesson, profile, Limits(cell_seconds=cell_seconds), progress)
        if bundle.capture:
            for line in capture.differences(bundle.capture, found):
                out.print(f"    changed: {line}", markup=False)
        capture.save(found, capture.path_of(captures, bundle.lesson.slug, profile))
        out.print(f"[green]✓[/] {name} ({found.provenance.seconds:.0f} s)")


if __name__ == "__main__":
    main()
