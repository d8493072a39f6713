/**
 * Sections that are folded or set apart: an address that leads to one of depth opens it, and what is for Monday prints alone.
 */

import { make, parts } from "./dom.js";

/** Opens what the page's address leads to: the fold below a heading, or the one around its target. */
function open() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  const below = target.nextElementSibling;
  if (below instanceof HTMLDetailsElement && below.matches(".deeper")) below.open = true;
  const around = target.closest("details.deeper");
  if (around instanceof HTMLDetailsElement && !around.open) {
    around.open = true;
    target.scrollIntoView();
  }
}

for (const section of parts(document, ".monday")) {
  const button = make("button", { type: "button", class: "quiz-button quiz-button--quiet monday-print" }, "Print this section");
  button.addEventListener("click", () => {
    document.body.classList.add("prints-monday");
    window.addEventListener("afterprint", () => document.body.classList.remove("prints-monday"), { once: true });
    window.print();
  });
  section.prepend(button);
}

if (document.querySelector("details.deeper")) {
  open();
  window.addEventListener("hashchange", open);
}
