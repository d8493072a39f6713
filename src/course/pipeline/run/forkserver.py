"""The process that starts a build's kernels and outlives none of them: ``python -m course.pipeline.run.forkserver``.

It imports the heavy libraries once, without using them, and then forks a child for every kernel; a kernel that must not
be forked is started afresh (by ``exec``), from the same child. Linux only;
:mod:`course.pipeline.run.provisioner` is the other side.

Whatever ends first takes the rest along:

- the build: its end of the control socket closes, and every child is killed;
- this process: the kernels die by their parent-death signal;
- a kernel: what it started becomes a child of this process (a subreaper) and is killed.

A kernel has a socket of its own, its line: the server writes the process id and, at the end, the exit code; the build
writes signal numbers, or closes it to be rid of the kernel.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import selectors
import signal
import socket
import sys
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from course.pipeline.run import kernel

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # of <linux/prctl.h>
PATIENCE = 0.1  # seconds between two looks at the control socket while libraries are imported


@dataclass(frozen=True)
class Request:
    """A kernel to start: the command, all of its environment, its working folder, and whether it may be forked."""

    command: list[str]
    environment: dict[str, str]
    folder: str
    fork: bool


def main() -> None:
    """Serve the control socket whose descriptor is the first argument; the others are what to import."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    if sys.argv[2:]:
        _preload(sys.argv[2:], control)
    request = _serve(control)
    if request is None:
        os._exit(0)  # to take all libraries down in order would take longer than to end
    _become(request)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl failed")


def _preload(names: Sequence[str], control: socket.socket) -> None:
    """Import ``names``: modules, or names in modules, which some packages import only when they are asked for."""

    def look(*_: object) -> None:
        if _has_ended(control):
            os._exit(1)

    signal.signal(signal.SIGALRM, look)  # the build may die meanwhile, and a thread must not exist when we fork
    signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)
    gc.disable()  # next to nothing of what imports make is garbage
    kernel.import_kernel()
    for name in names:
        try:
            _import(name)
        except Exception:  # the lesson that imports it will say so, better
            continue
    kernel.prepare()
    signal.setitimer(signal.ITIMER_REAL, 0)
    gc.enable()
    gc.freeze()  # a collection in a child would write to, and so copy, every page that the children share


def _has_ended(control: socket.socket) -> bool:
    """Whether the build closed its end, perhaps behind requests that wait."""
    poll = select.poll()
    poll.register(control, 0)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _import(name: str) -> None:
    module, _, rest = name.partition(":")
    found = importlib.import_module(module)
    if rest:
        getattr(found, rest)


def _serve(control: socket.socket) -> Request | None:
    """Start kernels until the build ends, then return ``None``. In a kernel's process, return what it has to become."""
    lines: dict[int, socket.socket] = {}  # of the living kernels, by process id
    woken, waker = socket.socketpair()
    for end in (woken, waker):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is control:
                if (received := _receive(control)) is None:
                    _kill_all()
                    return None
                request, line, log = received
                server = os.getpid()
                if pid := os.fork():
                    os.close(log)
                    lines[pid] = line
                    selector.register(line, selectors.EVENT_READ, pid)
                    _tell(line, pid)
                else:
                    signal.set_wakeup_fd(-1)
                    for end in (line, control, woken, waker, *lines.values()):
                        end.close()
                    selector.close()
                    _settle(server, log)
                    return request
            elif key.fileobj is woken:
                woken.recv(4096)
                for pid, code in _reap(lines.keys()):
                    _tell(lines.pop(pid), code)
            else:
                _obey(key, lines, selector)


def _receive(control: socket.socket) -> tuple[Request, socket.socket, int] | None:
    """The next kernel to start, its line, and a descriptor for its complaints; ``None`` when the build has ended."""
    data, descriptors, *_ = socket.recv_fds(control, 1 << 20, 2)
    if not data:
        return None
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    request = Request(**json.loads(data))
    line, log = socket.socket(fileno=descriptors[0]), descriptors[1]
    return replace(request, fork=request.fork and _is_single_threaded()), line, log


def _is_single_threaded() -> bool:
    """Whether a child may go on without ``exec``: a lock that another thread holds would stay locked in it for ever."""
    return len(os.listdir("/proc/self/task")) == 1


def _tell(line: socket.socket, number: int) -> None:
    with suppress(OSError):  # the build no longer listens
        line.send(b"%d" % number)


def _obey(key: selectors.SelectorKey, lines: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    """Send a kernel the signal that its line asks for; SIGKILL if the build closed the line."""
    line, pid = key.fileobj, key.data
    assert isinstance(line, socket.socket)
    asked = line.recv(16)
    if pid in lines:
        os.kill(pid, int(asked or signal.SIGKILL))
    if not asked:
        selector.unregister(line)
        line.close()


def _settle(server: int, log: int) -> None:
    """Make this new child a kernel's process: a session of its own, which dies with the server and adopts orphans."""
    os.setsid()
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)  # so an orphan that reaches the server belongs to a kernel that is gone
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    os.dup2(log, 2)
    os.close(log)


def _become(request: Request) -> None:
    os.chdir(request.folder)
    if not request.fork:
        os.execve(request.command[0], request.command, request.environment)
    os.environ.clear()
    os.environ.update(request.environment)
    settings = kernel.Settings.read(Path(request.command[-2]))
    kernel.refresh(settings)
    kernel.run(settings, request.command[-1])


def _reap(kernels: Set[int]) -> list[tuple[int, int]]:
    """Process ids and exit codes of those of ``kernels`` that ended; what they left behind is killed."""
    ended = {}
    with suppress(ChildProcessError):  # there are none left
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = os.waitstatus_to_exitcode(found[1])
    for child in psutil.Process().children():
        if child.pid not in kernels - ended.keys():
            child.kill()
    return [(pid, code) for pid, code in ended.items() if pid in kernels]


def _kill_all() -> None:
    """Kill every child, and theirs, which become children of this process, until there are none."""
    while True:
        for child in psutil.Process().children():
            child.kill()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
