"""How a reader runs a lesson: the panel on its page, and the bundle of files that the panel's commands work on."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from course.pipeline.lesson.model import Lesson
from course.pipeline.page import fragments
from course.pipeline.results.capture import Provenance
from course.pipeline.text import markup

PYTHON = "3.11, 3.12 or 3.13"
"""What ``requires-python`` in pyproject.toml allows."""
ENVIRONMENT = (
    "The libraries: 0.4 GB to download, 2 GB of disk; on Linux, where torch brings CUDA's libraries, several GB more."
)
"""Measured with the locked versions on Linux with torch's CPU build."""
WEIGHTS = {
    "smollm2-135m-instruct": ("SmolLM2-135M-Instruct", 93, 542),
    "minilm-l6-v2": ("all-MiniLM-L6-v2", 84, 92),
}
"""Weights → their name, MB of the download and MB unpacked. They are pinned, so these do not change."""
VERSIONS = "versions.txt"
"""The file of the bundle that pins every library."""
_PIN = re.compile(r"^[\w.-]+==[^\s;]+(?: ;[^\\\n]*)?", re.M)
_GITHUB = re.compile(r"https://github\.com/(?P<repository>[\w.-]+/[\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True)
class Hosting:
    """Where readers find the sources and the published notebooks.

    Attributes:
        repository: address of the sources, or empty.
        branch: the branch of it that the published site stands on.
        folder: the site's folder in that branch, or empty.
    """

    repository: str = ""
    branch: str = ""
    folder: str = ""


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


def versions(*locked: str) -> str:
    """The pins of hash-locked requirements as constraints for pip, which then installs what the machine needs of them."""
    return "".join(f"{pin.rstrip()}\n" for text in locked for pin in _PIN.findall(text))


def panel(lesson: Lesson, run: Provenance, wheel: str, hosting: Hosting) -> str:
    """The panel as HTML.

    Args:
        run: the run that the page shows; its time and memory are those of its profile.
        wheel: file name of the course's wheel.
        hosting: links to services are there only if the repository is one of GitHub.
    """
    run_it = f"pip install -c {VERSIONS} ./{wheel}\npython {lesson.slug}.py --profile smoke"
    unix = f"cd {lesson.slug}\npython3 -m venv env\nsource env/bin/activate\n{run_it}"
    windows = f"cd {lesson.slug}\npy -m venv env\nenv\\Scripts\\activate\n{run_it}"
    measured = (f"{fragments.duration(run.seconds)} on {fragments.machine(run)}", f"{run.peak_mib / 1024:.1f} GiB")
    profiles = {
        "smoke": ("a minute or two: tiny runs that show that all works", "at most 2 GiB"),
        "laptop": ("minutes on a CPU", "a few GiB"),
        "full": ("for a GPU: more steps and seeds; not measured", "not measured"),
    } | {run.profile: measured}
    rows = [[name, *texts] for name, texts in profiles.items()]
    weights = [WEIGHTS[used] for used in lesson.header.weights if used in WEIGHTS]
    needs = (
        f"Python {PYTHON}. No account, no key, no GPU.",
        ENVIRONMENT,
        *(f"{label}: downloads {size} MB on first use, takes {disk} MB of disk." for label, size, disk in weights),
    )
    listed = "".join(f"<li>{text}</li>" for text in needs)
    return (
        '<details class="run-panel abstract" id="run-this-lesson"><summary>Run this lesson</summary>'
        f'<p data-online><a href="{name(lesson)}" download>One bundle</a> (under 1 MB) has the script, the notebook, the '
        "library and its locked versions. Unpack it, open a terminal where its folder is, and:</p>"
        f"{_commands('macOS, Linux', unix)}{_commands('Windows', windows)}"
        f"<p>As on this page: <code>--profile {run.profile}</code>. The notebook: "
        f"<code>pip install -c {VERSIONS} jupyterlab</code>, then "
        f"<code>jupyter lab {lesson.slug}.ipynb</code>.</p>"
        f"<ul>{listed}</ul>{markup.table(['profile', 'time', 'memory'], rows, '')}{_services(lesson, hosting)}"
        "<p>This page leaves out what only records, plots or sets budgets: the notebook has it. The script prints "
        "what the page shows.</p></details>"
    )


def _commands(system: str, commands: str) -> str:
    return f'<p>{system}</p><div class="highlight"><pre><code>{html.escape(commands)}</code></pre></div>'


def _services(lesson: Lesson, hosting: Hosting) -> str:
    """Links to places where a notebook runs without an installation. Nothing is requested before a reader follows one."""
    if not (found := _GITHUB.fullmatch(hosting.repository)):
        return ""
    own, branch = found["repository"], hosting.branch
    path = "/".join(filter(None, (hosting.folder, "lessons", lesson.slug, f"{lesson.slug}.ipynb")))
    notebook = f"github.com/{own}/blob/{branch}/{path}"
    links = {
        "Open in Colab": f"https://colab.research.google.com/github/{own}/blob/{branch}/{path}",
        "Open in Kaggle": f"https://kaggle.com/kernels/welcome?src=https://{notebook}",
        "Open in Binder": f"https://mybinder.org/v2/gh/{own}/{branch}?labpath={quote(path, safe='')}",
        "On GitHub": f"https://{notebook}",
    }
    shown = "".join(f'<li><a href="{html.escape(address)}">{label}</a></li>' for label, address in links.items())
    return f'<ul class="downloads" aria-label="Run it elsewhere">{shown}</ul>'
