"""The command's entry point, which answers at once when the last command is repeated and nothing changed since.

Then it imports nothing but this module and :mod:`course.pipeline.base.status`: no command line library, no parser, no
renderer. What the last command left behind is described by the status of every file it read or made (path, size, times,
inode). Any difference, also one that turns out to be none, is left to the real command line, which compares contents.
"""

import os
import sys

from course.pipeline.base.status import DONE, OUTPUT, describe


def main() -> None:
    """Run ``course``."""
    message = unchanged(sys.argv[1:])
    if message is not None:
        print(message)
        return
    import gc

    # Imports, parsers and pages make a great many objects that stay: to look through them as often as Python does by
    # itself is a tenth of a small build.
    gc.set_threshold(100_000)
    try:
        from course.pipeline.cli import main as command_line
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("course"):
            raise  # the package itself is damaged
        print(for_learners(error.name), file=sys.stderr)
        sys.exit(0 if sys.argv[1:] in ([], ["--help"]) else 1)
    command_line()


def for_learners(absent: str | None) -> str:
    """What to say where only what lessons need is installed, and not what the command line needs, such as ``absent``."""
    from importlib.metadata import version

    wheel = f"course-{version('course')}-py3-none-any.whl"
    return (
        "The library of the course is installed: open a lesson's notebook, or run its script with python.\n"
        f"The command 'course' makes a site of lessons. It needs the extras 'build' and 'site' ({absent} is missing).\n"
        f'  → In a copy of the repository: make build. Elsewhere: pip install "{wheel}[build,site]"'
    )


def unchanged(command: list[str]) -> str | None:
    """What ``command`` printed when it found nothing to do, if it would find so again; else ``None``."""
    try:
        path = os.path.join(_root(command), DONE)
        if not os.path.isfile(path):  # nor a pipe, in a folder that others made
            return None
        with open(path, encoding="utf-8") as stream:
            message, tops, known = stream.read().split("\n", 2)
        return message if describe(command, tops.split("\t")) == known else None
    except (OSError, ValueError, IndexError):
        return None


def _root(command: list[str]) -> str:
    """Where the results of ``command`` are: for lessons of another folder, in that folder."""
    for place, word in enumerate(command):
        option, equals, folder = word.partition("=")
        if option == "--lessons":
            return os.path.join(folder if equals else command[place + 1], OUTPUT)
    return ""


if __name__ == "__main__":
    main()
