"""The generator's configuration is the author's with a few entries replaced."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from course.pipeline.base.errors import CourseError
from course.pipeline.site import config

PATH = Path("mkdocs.yml")
TEXT = """\
site_name: A course # of courses
site_url: !ENV [A_SITE, OTHER_SITE, ""]
theme:
  name: material
  features: [a, b]
markdown_extensions:
  - admonition
  - own.terms:
      glossary: glossary.yml
  - other:
      make: !!python/name:material.extensions.emoji.twemoji
nav:
  - index.md
"""


def test_what_only_a_generator_knows_is_kept() -> None:
    found = config.replaced(TEXT, {("docs_dir",): "docs", ("nav",): [{"Home": "index.md"}]})
    assert "!!python/name:material.extensions.emoji.twemoji" in found
    assert "!ENV [A_SITE, OTHER_SITE, ''" in found.replace('""', "''")
    read = config.parse(found, PATH)
    assert (read.name, read.nav) == ("A course", [{"Home": "index.md"}])


def test_an_entry_of_an_entry_is_replaced() -> None:
    found = config.replaced(
        TEXT, {("theme", "custom_dir"): "overrides", ("markdown_extensions", "own.terms", "glossary"): "/a/b.yml"}
    )
    read = yaml.load(found, config._Loader)
    assert read["theme"] == {"name": "material", "features": ["a", "b"], "custom_dir": "overrides"}
    assert {"own.terms": {"glossary": "/a/b.yml"}} in read["markdown_extensions"]


@pytest.mark.parametrize(
    ("set_to", "address"), [({}, ""), ({"OTHER_SITE": "https://a.org/x"}, "https://a.org/x/"), ({"A_SITE": ""}, "")]
)
def test_values_come_from_the_environment(
    set_to: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in set_to.items():
        monkeypatch.setenv(name, value)
    assert config.parse(TEXT, PATH).address == address


def test_nothing_that_a_tag_names_is_imported() -> None:
    text = "site_name: !!python/object/apply:os.system [exit 1]\n"
    assert config.parse(text, PATH).name is None


def test_what_is_no_yaml_is_told_with_its_line() -> None:
    with pytest.raises(CourseError, match=r"mkdocs\.yml:\d"):
        config.parse("a: 1\nb: [\n", PATH)
