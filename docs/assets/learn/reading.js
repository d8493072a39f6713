/**
 * How far a lesson is read: when it was last open, at which section it was left, and whether its end was reached.
 *
 * The reader has the last word: what is marked by hand is not marked otherwise by scrolling.
 */

import { announce, make } from "./dom.js";
import { store } from "./store.js";

const LOOKED = 3000; // milliseconds that a lesson's end is on screen until it counts as read

/** @typedef {{at: number, done?: boolean, section?: string}} Reading last visit; end reached, or not says the reader; place */

/** @param {unknown} value @returns {value is Reading} */
export function isReading(value) {
  const { at, done, section } = Object(value);
  return Number.isFinite(at) && ["undefined", "boolean"].includes(typeof done) &&
    ["undefined", "string"].includes(typeof section);
}

/** @param {string} lesson @returns {Reading | null} */
export function readingOf(lesson) {
  const found = store.readJson(`read:${lesson}`);
  return isReading(found) ? found : null;
}

/** @param {string} lesson @param {Partial<Reading>} change */
function note(lesson, change) {
  store.writeJson(`read:${lesson}`, { ...readingOf(lesson), at: Date.now(), ...change });
  announce();
}

/** Notes how far the lesson of this page is read, and lets the reader say so at its end. @param {HTMLElement} head */
export function follow(head) {
  const { lesson = "" } = head.dataset;
  const article = head.closest("article") ?? document.body;
  const told = make("p", { role: "status" });
  const button = make("button", { type: "button", class: "quiz-button quiz-button--quiet" });
  const end = make("div", { class: "lesson-end" }, told, button);
  const show = () => {
    const done = readingOf(lesson)?.done === true;
    told.textContent = done ? "You have read this lesson." : "";
    button.textContent = done ? "Mark as not read" : "Mark as read";
  };
  button.addEventListener("click", () => note(lesson, { done: readingOf(lesson)?.done !== true }));
  document.addEventListener("course:progress", show);
  article.append(end);
  show();

  if (new URLSearchParams(location.search).has("review")) return; // came for a question, not to read
  note(lesson, {});
  let timer = 0;
  new IntersectionObserver((entries) => {
    clearTimeout(timer);
    if (!entries.at(-1)?.isIntersecting) return;
    timer = window.setTimeout(() => {
      if (readingOf(lesson)?.done === undefined) note(lesson, { done: true });
    }, LOOKED);
  }).observe(end);
  window.addEventListener("pagehide", () => {
    const passed = [...article.querySelectorAll("h2[id]")].filter((h2) => h2.getBoundingClientRect().top < innerHeight / 2);
    note(lesson, { section: passed.at(-1)?.id });
  });
}
