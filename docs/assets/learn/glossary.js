/**
 * Definitions beside the terms of a lesson.
 *
 * A term is a link to the glossary, which is all there is without a script. With one, the definition is shown where the
 * term stands. The definitions are a module that the build makes of `docs/glossary.yml`.
 */

import { explain } from "./popover.js";
import { TERMS } from "./terms.js";

explain("a.term", (link) => {
  const known = TERMS[/** @type {HTMLAnchorElement} */ (link).hash.slice(1)];
  if (!known) return [];
  const [name, meaning] = known;
  const term = document.createElement("strong");
  term.textContent = name;
  const text = document.createElement("p");
  text.append(term, " ", meaning);
  const more = document.createElement("a");
  more.href = /** @type {HTMLAnchorElement} */ (link).href;
  more.textContent = "In the glossary";
  const last = document.createElement("p");
  last.append(more);
  return [text, last];
});
