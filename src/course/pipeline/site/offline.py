"""What the service worker (``docs/sw.js``) needs to keep a whole version of the site: every file with its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from course.pipeline.base import status
from course.pipeline.base.cache import Cache
from course.pipeline.base.hashes import digest
from course.pipeline.site.archive import LEFT_OUT

WORKER, LIST = "sw.js", "offline.json"
_EMPTY = 'const VERSION = "";'


def write(site: Path, source: Path, made: Mapping[str, str], cache: Cache) -> None:
    """Write the list of files of the whole ``site``, and the worker with the list's hash, which is the version.

    Args:
        source: the worker without a version; a site that has none of these gets no list either.
        made: a hash of what a file was made of, by path in the site, where that is known: such files are read once.
    """
    if not source.is_file():
        return
    files: dict[str, str] = {}
    total = 0
    for path, found in sorted(status.files([str(site)])):
        name = path.removeprefix(f"{site}/")
        if LEFT_OUT.fullmatch(name):
            continue
        key = made.get(name)
        files[name] = cache.recall("served", digest(name, key), partial(_hash, path), str) if key else _hash(path)
        total += found.st_size
    listed = json.dumps({"bytes": total, "count": len(files), "files": files}, indent=0).encode()
    (site / LIST).write_bytes(listed)
    text = source.read_text(encoding="utf-8")
    assert _EMPTY in text
    version = hashlib.sha256(listed).hexdigest()
    (site / WORKER).write_text(text.replace(_EMPTY, f'const VERSION = "{version}";'), encoding="utf-8")


def _hash(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
