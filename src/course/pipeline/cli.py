"""The command line: ``course build``, ``run``, ``check``, ``measure``, ``why``, ``list``, ``new``, ``shard`` and
``merge``.

Exit codes: 0 success; 1 a lesson, quiz, page or the machine has a problem, told on stderr; 2 a wrong command
line; 130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from course.pipeline.base.errors import CourseError
from course.pipeline.base.lock import exclusive
from course.pipeline.base.paths import LESSONS, ROOT
from course.pipeline.course import Course
from course.pipeline.lesson import scaffold, visible_code
from course.pipeline.lesson.course_format import misnamed
from course.pipeline.results import measured, quiz
from course.pipeline.results.bundle import Bundle
from course.pipeline.run import measure as measure_step
from course.pipeline.run import schedule, shards
from course.pipeline.run.limits import Limits
from course.pipeline.run.runner import Options, job_of, unlocked
from course.pipeline.run.runner import run as run_lessons
from course.pipeline.site import default_site, versions
from course.pipeline.site.build import Site
from course.pipeline.site.generator import GENERATORS

PROFILES = ("smoke", "laptop", "full")
out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)

Command = TypeVar("Command", bound=Callable[..., Any])


def main() -> None:
    """Entry point: every problem becomes one message and an exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cancelled job cleans up as Ctrl-C does
    try:
        _stand_somewhere()
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


def _stand_somewhere() -> None:
    try:
        Path.cwd()
    except FileNotFoundError:
        hint = "Go to the course's folder with cd, and give the command again."
        raise CourseError("The folder that this terminal is in was deleted.", hint=hint) from None


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
            callback=lambda _context, _option, lessons: default_site.checked(lessons),
            help="Folder of lesson sources: of the course, or of any percent files.",
        ),
        click.option(
            "--captures",
            type=click.Path(path_type=Path),
            callback=lambda context, _, value: value or default_site.captures_of(context.params["lessons"], LESSONS),
            help="Folder of captures.  [default: build/captures; for other lessons, _build/captures in their folder]",
        ),
        click.option("--profile", type=click.Choice(PROFILES), default="laptop", show_default=True),
    ):
        command = option(command)
    return command


def _running(command: Command) -> Command:
    """Options that say how lessons run."""
    limits = Limits()
    for option in (
        click.option("--jobs", type=click.IntRange(1), help="Lessons side by side.  [default: one a core]"),
        click.option("--keep-going", is_flag=True, help="After a lesson fails, go on with the others."),
        click.option("--no-fork", is_flag=True, help="Start every kernel anew instead of forking it from a warm one."),
        click.option("--scheduler", default="", metavar="ADDRESS", help="Run on the Dask cluster at this address."),
        click.option(
            "--cell-seconds", type=click.IntRange(1), default=limits.cell_seconds, show_default=True,
            help="Stop a cell after so many seconds.",
        ),
        click.option(
            "--lesson-seconds", type=click.IntRange(1), default=limits.lesson_seconds, show_default=True,
            help="Stop a lesson after so many seconds.",
        ),
        click.option(
            "--memory-mib", type=click.IntRange(1), default=limits.memory_mib,
            help="Stop a lesson that takes more memory.  [default: what the machine has]",
        ),
        click.option(
            "--output-bytes", type=click.IntRange(1), default=limits.output_bytes, show_default=True,
            help="Stop a cell that prints more.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def _options(
    profile: str, jobs: int | None, keep_going: bool, no_fork: bool, scheduler: str, cell_seconds: int,
    lesson_seconds: int, memory_mib: int | None, output_bytes: int,
) -> Options:  # fmt: skip
    limits = Limits(cell_seconds, lesson_seconds, output_bytes, memory_mib)
    return Options(profile, limits, jobs, keep_going, not no_fork, scheduler)


@click.group(help=__doc__)
def cli() -> None:
    pass


@cli.command()
@_shared
@_running
@click.option("--all", "everything", is_flag=True, help="Run every lesson, also those that are current.")
@click.option("--only", multiple=True, metavar="LESSON", help="Run no other lesson than this (repeatable).")
@click.option(
    "--generator", type=click.Choice(list(GENERATORS)), default="mkdocs", help="The site generator.", show_default=True
)
def build(
    lessons: Path, captures: Path, profile: str, everything: bool, only: Sequence[str], generator: str, **running: Any
) -> None:
    """Run the lessons whose inputs changed, then render the site if anything on it changed."""
    course = Course(lessons, captures, profile, generator)
    with course.alone(_wait):
        look = course.look()
        bundles = course.load()
        stale = [bundle for bundle in bundles if everything or not bundle.is_current]
        if only:
            chosen = _chosen(bundles, only)
            stale, left = [b for b in stale if b in chosen], [b for b in stale if b not in chosen]
            if left:
                names = ", ".join(bundle.lesson.label for bundle in left)
                out.print(f"Stale, shown with their last results: {names}")
        nothing = f"Nothing to do: {len(bundles)} lessons and the site are current."
        site = course.site(bundles)
        if not stale and site.is_current():
            out.print(nothing)
        else:
            if stale:
                options = _options(profile, **running)
                look, site = course.run(site, stale, lambda found, kept: _run(found, captures, options, kept))
            _render(site)
        if not everything and all(bundle.is_current for bundle in site.bundles):
            look.remember(nothing)


@cli.command()
@_shared
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
def serve(lessons: Path, captures: Path, profile: str, port: int) -> None:
    """Show the site on this machine and follow edits of pages, prose and quizzes. Runs nothing."""
    from course.pipeline.site.serve import Server, follow  # with an HTTP server, which no build needs

    course = Course(lessons, captures, profile)

    def render() -> None:
        try:
            with course.alone(_wait):
                site = course.site(course.load())
                if not site.is_current():
                    _render(site)
        except CourseError as error:  # told, and mended by the next edit
            err.print(f"[bold red]✗[/] {_escape(str(error))}")

    render()
    server = Server(course.root / "site", port)
    out.print(f"http://127.0.0.1:{server.server_address[1]}/  (Ctrl-C ends)")
    follow(render, course.sources, server, threading.Event())


@cli.command()
@click.argument("version")
@click.option("--alias", default="latest", show_default=True, help="A name that leads to this version.")
def publish(version: str, alias: str) -> None:
    """Render the committed results as VERSION of the site, beside earlier ones, into the branch gh-pages."""
    os.environ[versions.VARIABLE] = version
    course = Course(LESSONS, ROOT, "laptop")
    with course.alone(_wait):
        site = course.site(course.load())
        if not site.is_current():
            _render(site)
        versions.deploy(course.root / "site", version, alias)
    out.print(f"[green]✓[/] version {version} is on the branch {versions.BRANCH}; push it to publish.")


@cli.command()
@_shared
@_running
@click.argument("labels", nargs=-1, required=True, metavar="LESSON…")
def run(labels: Sequence[str], lessons: Path, captures: Path, profile: str, **running: Any) -> None:
    """Run lessons by number or name, current or not, and keep what they record."""
    with exclusive(captures, _wait):
        chosen = _chosen(Course(lessons, captures, profile).load(), labels)
        _run(chosen, captures, _options(profile, **running))


@cli.command()
@_shared
@click.argument("label", metavar="LESSON")
def why(label: str, lessons: Path, captures: Path, profile: str) -> None:
    """Name the inputs of a lesson that changed since it ran."""
    (bundle,) = _chosen(Course(lessons, captures, profile).load(), [label])
    if bundle.results is None:
        out.print(f"{bundle.lesson.slug} has not run with the profile {profile}.")
        return
    changes = bundle.changes(bundle.run) + ["the captured results, by hand"] * bundle.results.edited
    for change in changes:
        out.print(f"changed: {change}", markup=False)
    if not changes:
        out.print(f"{bundle.lesson.slug} is current: {len(bundle.inputs)} inputs are as they were.")


@cli.command()
@_shared
@click.argument("count", type=click.IntRange(1), metavar="N")
@click.option("--all", "everything", is_flag=True, help="Divide every lesson, also those that are current.")
def shard(count: int, lessons: Path, captures: Path, profile: str, everything: bool) -> None:
    """Divide the lessons to run into N parts of about equal duration, as JSON for a CI matrix."""
    bundles = Course(lessons, captures, profile).load()
    options = Options(profile)
    wanted = {job_of(b, captures, options): b for b in bundles if everything or not b.is_current}
    parts = [part for part in schedule.shards(list(wanted), count) if part]
    rows = [
        {
            "lessons": " ".join(wanted[job].lesson.label for job in part),
            "seconds": round(sum(job.seconds or 0 for job in part)),
        }
        for part in parts
    ]
    print(json.dumps(rows))


@cli.command()
@_shared
@click.argument("parts", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FOLDER…")
def merge(parts: Sequence[Path], lessons: Path, captures: Path, profile: str) -> None:
    """Join captures that parts of a build made elsewhere; refused if one was made from other inputs."""
    with exclusive(captures, _wait):
        for slug in shards.merge(parts, Course(lessons, captures, profile).load(), captures, profile):
            out.print(f"[green]✓[/] {slug}")


@cli.command()
@_shared
@click.option("--json", "as_json", is_flag=True, help="Print problems as JSON.")
def check(lessons: Path, captures: Path, profile: str, as_json: bool) -> None:
    """Check sources, quizzes, bindings, claims, typed numbers and visible code. Runs nothing."""
    try:
        bundles, over = Course(lessons, captures, profile).load(), visible_code.allowed(lessons)
    except CourseError as error:
        if as_json:
            print(_as_json([error]))
            sys.exit(1)
        raise
    found = [] if any(bundle.lesson.is_plain for bundle in bundles) else misnamed(lessons)  # any name will do there
    found += [problem for bundle in bundles for problem in bundle.problems()]
    sized = (visible_code.problem(bundle.lesson, over.get(bundle.lesson.slug)) for bundle in bundles)
    found += [problem for problem in sized if problem]
    found += quiz.given_away([question for bundle in bundles for question in bundle.questions])
    found += [
        bundle.lesson.error("The captured results are stale.", hint=f"Run it: course run {bundle.lesson.label}")
        for bundle in bundles
        if not bundle.is_current and not (bundle.results and bundle.results.edited)  # which is a problem already
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
@click.option("--file", "path", type=click.Path(path_type=Path), default=ROOT / measured.NAME, show_default=True)
@click.option("--again", is_flag=True, help="Measure all, not only what the file lacks.")
def measure(path: Path, again: bool) -> None:
    """Compare the memory model with PyTorch's tracker: 1B, 8B and 70B steps on tensors without numbers."""
    known = measured.read(path) if path.exists() and not again else None
    table = Table("Model", "Method", "Precision", "Loss", "Batch", "Checkpoints", "Tracker", "Model", "Error", box=None)

    def row(cell: measured.Cell) -> tuple[str, ...]:
        asked = cell.setup
        return (
            asked.shapes.name, asked.method, asked.precision, asked.loss, f"{asked.batch} × {asked.sequence}",
            "yes" if asked.checkpointing else "no", f"{cell.measured / 1e9:.2f} GB", f"{cell.modeled / 1e9:.2f} GB",
            f"{cell.error:+.2%}",
        )  # fmt: skip

    from course.pipeline.run.execute import commit_of  # with papermill, which no other command needs here

    found = measure_step.measure(path, known, commit_of(Path.cwd()), lambda cell: err.print("  ".join(row(cell))))
    for cell in found.cells:
        table.add_row(*row(cell))
    out.print(table)
    worst = max(found.cells, key=lambda cell: abs(cell.error))
    out.print(f"{len(found.cells)} cells; the largest error is {worst.error:+.2%}.")


@cli.command()
@click.argument("number", type=int)
@click.argument("slug")
@click.option("--module", type=int, required=True, help="The module (1 to 9) it belongs to.")
@click.option("--lessons", type=click.Path(path_type=Path), default=LESSONS, help="Folder of lesson sources.")
def new(number: int, slug: str, module: int, lessons: Path) -> None:
    """Make the two files of a new lesson."""
    for path in scaffold.new(lessons, number, slug, module):
        out.print(f"[green]✓[/] {path}")


@cli.command("list")
@_shared
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_(lessons: Path, captures: Path, profile: str, as_json: bool) -> None:
    """List lessons: number, title, whether the results are current, how long the run took."""
    rows = [_summary(bundle) for bundle in Course(lessons, captures, profile).load()]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("", "Lesson", "Results", "Run", "Values", "Claims"):
        table.add_column(name, justify="right" if name in ("Run", "Values", "Claims") else "left")
    for row in rows:
        seconds = "" if row["seconds"] is None else f"{row['seconds']:.0f} s"
        table.add_row(
            row["label"], _escape(row["title"]), row["state"], seconds, str(row["values"]), str(row["claims"])
        )
    out.print(table)


def _as_json(problems: Sequence[CourseError]) -> str:
    return json.dumps(
        [
            {"message": found.message, "path": str(found.path), "line": found.line, "hint": found.hint}
            for found in problems
        ]
    )


def _summary(bundle: Bundle) -> dict[str, Any]:
    found = bundle.results
    return {
        "number": bundle.lesson.number,
        "label": bundle.lesson.label,
        "slug": bundle.lesson.slug,
        "title": bundle.lesson.header.title,
        "state": "none" if found is None else "edited" if found.edited else "current" if bundle.is_current else "stale",
        "seconds": found.provenance.seconds if found else None,
        "values": len(found.capture.values) if found else 0,
        "claims": sum(map(len, bundle.registered.values())),
    }


def _render(site: Site) -> None:
    """Make the site, unless a lesson has a problem: then print all of them and stop."""
    problems = [problem for bundle in site.bundles for problem in bundle.problems()]
    for problem in problems[:-1]:
        err.print(f"[bold red]✗[/] {_escape(str(problem))}")
    if problems:
        raise problems[-1]
    started = time.monotonic()
    out.print("Rendering the site …")
    for warning in site.render():
        err.print(f"[yellow]![/] {_escape(warning)}")
    out.print(f"[green]✓[/] {site.root / 'site' / 'index.html'} ({time.monotonic() - started:.1f} s)")


def _wait() -> None:
    err.print("Another build is at work here. Waiting for it …")


def _chosen(bundles: Sequence[Bundle], labels: Sequence[str]) -> list[Bundle]:
    by_label = {bundle.lesson.label: bundle for bundle in bundles}
    wanted = [label.zfill(2) if label.isdecimal() else label for label in labels]
    for label in wanted:
        if label not in by_label:
            raise CourseError(f"There is no lesson {label}.", hint=f"Lessons: {', '.join(by_label)}.")
    return [by_label[label] for label in wanted]


def _run(
    bundles: Sequence[Bundle], captures: Path, options: Options, kept: Callable[[Bundle], object] = lambda _: None
) -> None:
    if not bundles:
        return
    for line in unlocked(bundles):
        err.print(f"[yellow]![/] {line} The results say what was installed; make build installs what is locked.")
    problems = run_lessons(bundles, captures, options, out, kept)
    for problem in problems[:-1]:
        err.print(f"[bold red]✗[/] {_escape(str(problem))}")
    if problems:
        raise problems[-1]


if __name__ == "__main__":
    main()
