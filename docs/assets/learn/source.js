/**
 * A pencil beside each heading of a lesson: to the line of the source where the section is written. It waits for a
 * pointer; for the keyboard, which would stop at every one of them, all are listed at the end of the page, folded.
 *
 * Where the site names no repository, it shows that file and line instead, to be copied into an editor. Without a script
 * the page names its file at the end.
 */

import { copier, make, parts } from "./dom.js";
import { explain } from "./popover.js";

const WORDS = "Edit this section";

/** The words of a heading, without the sign that links to it. @param {HTMLElement} heading */
function titleOf(heading) {
  return (heading.textContent ?? "").replace(/¶$/, "").trim();
}

const source = document.querySelector(".page-source");
const path = source?.querySelector("code")?.textContent ?? "";
const address = source?.getAttribute("data-lines");

const headings = source ? parts(document, "[data-line]") : [];
const list = make("ul", {}, ...headings.map((heading) => {
  const line = heading.dataset.line;
  const shown = address ? make("a", { href: `${address}#L${line}` }, `line ${line}`) : make("code", {}, `${path}:${line}`);
  return make("li", {}, `${titleOf(heading)}: `, shown);
}));
if (headings.length) source?.after(make("details", { class: "section-lines" }, make("summary", {}, "Lines of its sections"), list));

for (const heading of headings) {
  const line = heading.dataset.line;
  heading.append(address
    ? make("a", { class: "section-source", href: `${address}#L${line}`, title: WORDS, "aria-label": WORDS, tabindex: "-1" })
    : make("button", { class: "section-source", type: "button", "aria-label": WORDS, tabindex: "-1" }));
}

explain("button.section-source", (pencil) => {
  const place = `${path}:${pencil.parentElement?.getAttribute("data-line")}`;
  const shown = make("code", {}, place);
  const [button, told] = copier("Copy", place, shown);
  return [make("p", {}, "This section is written in"), make("p", {}, shown), make("p", {}, button, " ", told)];
});
