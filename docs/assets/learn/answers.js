/**
 * The answer browser: choose what was asked, and see what each model answered. Without this script all answers stand one
 * below the other; with it the others stay where the browser's own search finds them.
 */

import { make, part, parts } from "./dom.js";

const WIDEST = 90; // characters of an entry of the list

/** What was asked, in one short line. @param {HTMLElement} shown @param {number} at */
function entry(shown, at) {
  const text = (part(shown, ".asked pre").textContent ?? "").replace(/\s+/g, " ").trim();
  return `${at + 1}. ${text.length > WIDEST ? `${text.slice(0, WIDEST - 1).trimEnd()}…` : text}`;
}

/** @param {HTMLElement} browser */
function start(browser) {
  const all = parts(browser, ".answered");
  const [first] = all;
  if (!first) return;
  const select = make("select", { id: `${browser.id}-choice`, autocomplete: "off" });
  select.append(...all.map((shown, at) => make("option", {}, entry(shown, at))));
  const asks = part(first, ".asked strong").textContent ?? "";
  const label = make("label", { for: select.id }, `Choose one of ${all.length}: ${asks}`);
  /** @param {string} text @param {number} by */
  const step = (text, by) => {
    const button = make("button", { type: "button", class: "quiz-button quiz-button--quiet" }, text);
    button.addEventListener("click", () => show((select.selectedIndex + by + all.length) % all.length));
    return button;
  };

  /** @param {number} chosen */
  function show(chosen) {
    select.selectedIndex = chosen;
    for (const [at, shown] of all.entries()) {
      if (at === chosen) shown.removeAttribute("hidden");
      else shown.setAttribute("hidden", "until-found");
    }
  }

  select.addEventListener("change", () => show(select.selectedIndex));
  for (const [at, shown] of all.entries()) shown.addEventListener("beforematch", () => show(at));
  first.before(make("div", { class: "answer-browser-choice" }, label, select, step("Previous", -1), step("Next", 1)));
  show(0);
}

for (const browser of parts(document, ".answer-browser")) start(browser);
