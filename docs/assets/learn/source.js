/**
 * A pencil beside each heading of a lesson: to the line of the source where the section is written.
 *
 * Where the site names no repository, it shows that file and line instead, to be copied into an editor. Without a script
 * the page names its file at the end.
 */

import { copier, make } from "./dom.js";
import { explain } from "./popover.js";

const WORDS = "Edit this section";

const source = document.querySelector(".page-source");
const path = source?.querySelector("code")?.textContent ?? "";
const address = source?.getAttribute("data-lines");

for (const heading of source ? document.querySelectorAll("[data-line]") : []) {
  const line = heading.getAttribute("data-line");
  heading.append(address
    ? make("a", { class: "section-source", href: `${address}#L${line}`, title: WORDS, "aria-label": WORDS })
    : make("button", { class: "section-source", type: "button", "aria-label": WORDS }));
}

explain("button.section-source", (pencil) => {
  const place = `${path}:${pencil.parentElement?.getAttribute("data-line")}`;
  const shown = make("code", {}, place);
  const [button, told] = copier("Copy", place, shown);
  return [make("p", {}, "This section is written in"), make("p", {}, shown), make("p", {}, button, " ", told)];
});
