/**
 * The boxes of a lesson's checklist, which can be ticked and stay so.
 *
 * A box is kept under its lesson and the hash of its text: another text is another promise, and comes unticked.
 */

import { announce, make } from "./dom.js";
import { store } from "./store.js";

const BLOCKS = "ul, ol, p, div, pre, table";

/** @typedef {{checked: boolean, at: number}} Tick */

/** @param {unknown} value @returns {value is Tick} */
export function isTick(value) {
  const { checked, at } = Object(value);
  return typeof checked === "boolean" && Number.isFinite(at);
}

/** FNV-1a in 32 bits: eight digits that another text hardly has. @param {string} text */
function hashed(text) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Makes the text beside a box its label. @param {HTMLInputElement} box @returns {string} the text */
function label(box) {
  const text = [];
  for (let node = box.nextSibling; node && !(node instanceof Element && node.matches(BLOCKS)); node = node.nextSibling) {
    text.push(node);
  }
  const around = make("label");
  box.before(around);
  around.append(box, ...text);
  return (around.textContent ?? "").replace(/\s+/g, " ").trim();
}

/** @param {HTMLInputElement} box @param {string} lesson */
function start(box, lesson) {
  const key = `check:${lesson}:${hashed(label(box))}`;
  const recall = () => {
    const kept = store.readJson(key);
    box.checked = isTick(kept) && kept.checked;
  };
  box.disabled = false;
  box.autocomplete = "off"; // what the browser remembers of a form is older than the store
  box.removeAttribute("aria-hidden");
  box.addEventListener("change", () => {
    store.writeJson(key, { checked: box.checked, at: Date.now() });
    announce();
  });
  window.addEventListener("storage", recall);
  window.addEventListener("pageshow", (event) => event.persisted && recall());
  recall();
}

if (document.querySelector(".task-list-item")) {
  const lesson = document.querySelector(".lesson-meta [data-lesson]")?.getAttribute("data-lesson");
  /** @type {NodeListOf<HTMLInputElement>} */
  const boxes = document.querySelectorAll(".task-list-item input[type=checkbox]");
  if (lesson) for (const box of boxes) start(box, lesson);
}
