"""A diagram: a drawing, and the same in words for those who do not see it."""

from __future__ import annotations

import html
from dataclasses import dataclass

from course.pipeline.diagrams.canvas import WIDTH


@dataclass(frozen=True)
class Diagram:
    """A drawing that explains.

    Attributes:
        name: by which authors ask for it.
        title: what it shows, as its caption says it.
        about: what there is to see, in a few sentences.
        height: of the drawing, in units of which its width has 360.
        drawn: the elements of the drawing.
    """

    name: str
    title: str
    about: str
    height: float
    drawn: str

    def svg(self) -> str:
        """The drawing as one ``<svg>`` element, in the theme's colors; each has a fallback for where there is no theme."""
        title, about = (html.escape(text, quote=False) for text in (self.title, self.about))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="figure diagram" viewBox="0 0 {WIDTH} {self.height:g}" '
            f'role="img"><title>{title}</title><desc>{about}</desc>{self.drawn}</svg>'
        )

    def markdown(self) -> str:
        """The diagram in words, for files without pictures."""
        return f"**Diagram: {self.title}.** {self.about}"
