"""Versions of the site side by side in one branch, with a menu to choose among them: mike's work on a finished site."""

from __future__ import annotations

from pathlib import Path

VARIABLE = "SITE_VERSION"
"""The variable of the environment that makes a site one version among others."""
BRANCH = "gh-pages"


def deploy(site: Path, version: str, alias: str) -> None:
    """Commit the finished ``site`` to :data:`BRANCH` as ``version``, and copy it to ``alias``; nothing is pushed."""
    from mike import commands

    # mike would run MkDocs at this place; the site is made already, in more steps than MkDocs knows of.
    with commands.deploy(
        {"site_dir": str(site), "use_directory_urls": True}, version, aliases=[alias], update_aliases=True,
        alias_type=commands.AliasType.copy, branch=BRANCH,
    ):  # fmt: skip
        pass
