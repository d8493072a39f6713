"""A page of the zip: what a disk needs is put right, and what cannot be found is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from course.pipeline.base.errors import CourseError
from course.pipeline.site.archive import page

POLICY = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'self'; script-src 'self' 'sha256-x'\">"
THEME = '<script defer src="../assets/javascripts/bundle.1.min.js"></script>'
MODULES = (
    '<script type=module src="../assets/learn/quiz.js"></script><script src="../assets/main.js" type="module"></script>'
)


def test_modules_are_named_to_the_one_script_and_the_policy_lets_them_run(tmp_path: Path) -> None:
    made = page(f"{POLICY}{MODULES}{THEME}", "a/index.html", tmp_path)
    run = '<script src="../assets/course.js" data-modules="assets/learn/quiz.js assets/main.js"></script>\n'
    policy = POLICY.replace("'self'", "'self' file:").replace("script-src", "script-src blob:")
    assert made == f"{policy}{run}{THEME}"


@pytest.mark.parametrize(("changed", "told"), [(f"{MODULES}{THEME}", "Policy"), (f"{POLICY}{MODULES}", "bundle")])
def test_a_theme_that_has_changed_is_told(tmp_path: Path, changed: str, told: str) -> None:
    with pytest.raises(CourseError, match=f"a/index.html has .*{told}.* 0 times instead of once"):
        page(changed, "a/index.html", tmp_path)
