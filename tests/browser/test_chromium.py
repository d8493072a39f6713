"""The browser of the other tests is one that a hang does not take along."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import psutil
import pytest
from playwright.sync_api import Browser, Error

from browser.support import Chromium


@pytest.fixture
def started(start_browser: Callable[[], Browser]) -> Iterator[Chromium]:
    running = Chromium(start_browser, patience=2.0)
    yield running
    running.close()


def _stop(started: Chromium) -> None:
    """Make it hang: its processes get no more time."""
    assert started.processes
    for process in started.processes:
        if process.is_running():
            process.send_signal(signal.SIGSTOP)


def _adds(started: Chromium) -> bool:
    return started.new_page().evaluate("1 + 1") == 2  # type: ignore[no-any-return] # what a page says


def test_a_browser_that_does_not_close_a_profile_is_replaced(started: Chromium) -> None:
    first, second = started.new_page(), started.new_page()
    before = started.processes
    _stop(started)
    started.close_profile(first)
    started.close_profile(second)
    _, alive = psutil.wait_procs(before, timeout=10)
    assert not alive
    assert _adds(started)


def test_a_browser_that_does_not_open_a_page_is_replaced(started: Chromium) -> None:
    assert _adds(started)
    _stop(started)
    assert _adds(started)


def test_an_error_of_a_browser_that_answers_stays_an_error(started: Chromium) -> None:
    with pytest.raises(Error):
        started.new_page(permissions=["nonsense"])
    assert _adds(started)
