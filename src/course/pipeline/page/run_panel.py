"""How a reader runs a lesson: the panel on its page, and the bundle of files that the panel's commands work on."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Mapping
from urllib.parse import quote

from course.pipeline.lesson.model import Lesson
from course.pipeline.page import fragments
from course.pipeline.results.capture import Provenance
from course.pipeline.text import markup

PYTHON = "3.11, 3.12 or 3.13"
"""What ``requires-python`` in pyproject.toml allows."""
ENVIRONMENT = "about 2 GB of disk for the libraries (on Linux with CUDA libraries, 7 GB)"
WEIGHTS = {
    "smollm2-135m-instruct": ("SmolLM2-135M-Instruct", 93, 542),
    "minilm-l6-v2": ("all-MiniLM-L6-v2", 84, 92),
}
"""Weights → their name, MB of the download and MB unpacked. They are pinned, so these do not change."""
NOTEBOOKS = "gh-pages"
"""The branch that a published site stands on, where services find its notebooks."""
_GITHUB = re.compile(r"https://github\.com/(?P<repository>[\w.-]+/[\w.-]+?)(?:\.git)?/?")


def name(lesson: Lesson) -> str:
    """The file name of the bundle."""
    return f"{lesson.slug}.zip"


def bundle(folder: str, files: Mapping[str, bytes]) -> bytes:
    """A zip of ``files`` in one ``folder``; the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{folder}/{file}", (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return out.getvalue()


def panel(lesson: Lesson, run: Provenance, wheel: str, repository: str) -> str:
    """The panel as HTML.

    Args:
        run: the run that the page shows; its time and memory are those of its profile.
        wheel: file name of the course's wheel.
        repository: address of the sources; links to services are there only if it is one of GitHub.
    """
    install = f"pip install ./{wheel}"
    run_it = f"python {lesson.slug}.py --profile smoke"
    unix = f"cd {lesson.slug}\npython3 -m venv env\nsource env/bin/activate\n{install}\n{run_it}"
    windows = f"cd {lesson.slug}\npy -m venv env\nenv\\Scripts\\activate\n{install}\n{run_it}"
    rows = [
        ["smoke", "well under a minute: tiny runs that show that everything works", "less"],
        [
            run.profile,
            f"{fragments.duration(run.seconds)} on {fragments.machine(run)}",
            f"{run.peak_mib / 1024:.1f} GiB",
        ],
    ]
    profiles = markup.table(["profile", "time", "memory"], rows, "")
    weights = [WEIGHTS[used] for used in lesson.header.weights if used in WEIGHTS]
    needs = "".join(
        f"<li>{text}</li>"
        for text in (
            f"Python {PYTHON}; no account, no key, no GPU",
            ENVIRONMENT,
            *(f"{label}: {size} MB to download on first use, {disk} MB on disk" for label, size, disk in weights),
        )
    )
    return (
        '<details class="run-panel abstract" id="run-this-lesson"><summary>Run this lesson</summary>'
        f'<p data-online><a class="run-bundle" href="{name(lesson)}" download>Download everything it needs</a>: '
        "script, notebook, library and locked versions. Unpack it, open a terminal beside the folder, and:</p>"
        f"{_commands('macOS and Linux', unix)}{_commands('Windows', windows)}"
        f"<p>Without <code>--profile smoke</code> it runs the profile <code>{run.profile}</code>, as this page shows it. "
        "To work in the notebook, also <code>pip install jupyterlab</code> and open "
        f"<code>{lesson.slug}.ipynb</code>. For exactly the library versions of this page, run "
        "<code>pip install --no-deps -r requirements.txt</code> before the wheel.</p>"
        f'<ul class="run-needs">{needs}</ul>{profiles}{_services(lesson, repository)}</details>'
    )


def _commands(system: str, commands: str) -> str:
    shown = html.escape(commands)
    return (
        f'<p class="run-system">{system}</p><div class="highlight"><pre tabindex="0"><code>{shown}</code></pre></div>'
    )


def _services(lesson: Lesson, repository: str) -> str:
    """Links to places where a notebook runs without an installation. Nothing is requested before a reader follows one."""
    if not (found := _GITHUB.fullmatch(repository)):
        return ""
    path, own = f"lessons/{lesson.slug}/{lesson.slug}.ipynb", found["repository"]
    notebook = f"github.com/{own}/blob/{NOTEBOOKS}/{path}"
    links = {
        "Open in Colab": f"https://colab.research.google.com/github/{own}/blob/{NOTEBOOKS}/{path}",
        "Open in Kaggle": f"https://kaggle.com/kernels/welcome?src=https://{notebook}",
        "Open in Binder": f"https://mybinder.org/v2/gh/{own}/{NOTEBOOKS}?labpath={quote(path, safe='')}",
        "On GitHub": f"https://{notebook}",
    }
    shown = "".join(f'<li><a href="{html.escape(address)}">{label}</a></li>' for label, address in links.items())
    return f'<ul class="run-services" aria-label="Run it elsewhere">{shown}</ul>'
