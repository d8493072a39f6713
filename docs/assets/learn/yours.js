/** The page "Your progress": what is due, progress as a file, and forgetting it. */

import { announce, make, part, parts } from "./dom.js";
import { DAYS, daysInWords, daysUntil, dueAt, isChanged, isDue, reviewOf } from "./reviews.js";
import { store } from "./store.js";
import { LARGEST, Refused, count, forget, merge, parse, save } from "./transfer.js";

/** @param {number} number @param {string} one @param {string} many */
const plural = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

/** The link of a question to its place. @param {HTMLElement} question */
const linkOf = (question) => /** @type {HTMLAnchorElement} */ (part(question, "a"));

/** The address at which `questions` of one lesson are asked anew. @param {HTMLElement[]} questions */
function reviewAddress(questions) {
  const url = new URL(linkOf(questions[0]).href);
  for (const { dataset } of questions) url.searchParams.append("review", dataset.id ?? "");
  return url.href;
}

/** Why a question is due. @param {HTMLElement} question */
function reason({ dataset: { id = "", hash = "" } }) {
  const review = reviewOf(id);
  if (!review || isChanged(id, hash)) return "changed since you answered";
  const { at, box } = review;
  return `answered ${daysInWords(daysUntil(at, Date.now()))} · box ${box + 1} of ${DAYS.length}`;
}

/** @param {HTMLElement} question */
function item(question) {
  const link = /** @type {HTMLAnchorElement} */ (linkOf(question).cloneNode(true));
  link.href = reviewAddress([question]);
  return make("li", {}, link, make("span", { class: "due-reason" }, reason(question)));
}

/** Lists what is due, by lesson, or says when something will be. @param {HTMLElement} place */
function listDue(place) {
  const questions = parts(document, "[data-question]");
  const due = questions.filter(({ dataset: { id = "", hash = "" } }) => isDue(id, hash));
  if (!due.length) {
    const times = questions.map(({ dataset }) => reviewOf(dataset.id ?? "")).filter((review) => review !== null).map(dueAt);
    const words = times.length
      ? `Nothing is due. The next review is ${daysInWords(daysUntil(Math.min(...times), Date.now()))}.`
      : "Nothing is due. Questions come back here after you have answered them in a lesson.";
    place.replaceChildren(make("p", {}, words));
    return;
  }
  /** @type {HTMLElement[]} */
  const shown = [make("p", {}, `${plural(due.length, "question is", "questions are")} due.`)];
  for (const list of parts(document, "[data-questions-of]")) {
    const here = due.filter((question) => list.contains(question));
    if (!here.length) continue;
    const title = make("h3", {}, list.dataset.questionsOf ?? "");
    const all = here.length > 1 ? [make("a", { href: reviewAddress(here) }, `Review these ${here.length}`)] : [];
    shown.push(make("div", { class: "due-head" }, title, ...all), make("ul", { class: "due" }, ...here.map(item)));
  }
  place.replaceChildren(...shown);
}

/** Hands the reader a file. @param {string} name @param {string} text */
function download(name, text) {
  const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  make("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** The buttons that save, take in and forget. @param {HTMLElement} place */
function offerFile(place) {
  /** @param {string} words @param {string[]} kinds */
  const button = (words, ...kinds) => make("button", { type: "button", class: ["quiz-button", ...kinds].join(" ") }, words);
  const [exporting, importing] = [button("Save to a file"), button("Take in a file", "quiz-button--quiet")];
  const forgetting = button("Forget everything…", "quiz-button--quiet");
  const chooser = make("input", { type: "file", accept: ".json,application/json", hidden: "", "aria-label": "Progress file" });
  const told = make("p", { class: "quiz-status", role: "status" });
  /** @param {string} words @param {"right" | "wrong" | "ask"} kind */
  const say = (words, kind) => {
    told.textContent = words;
    told.className = `quiz-status quiz-status--${kind}`;
  };
  const kept = () => (store.lasts() ? "" : " This browser keeps nothing for this page, so it lasts until you leave.");

  exporting.addEventListener("click", () => {
    const day = new Date().toISOString().slice(0, 10);
    download(`course-progress-${day}.json`, save(new Date()));
    say(`Saved ${plural(count(), "entry", "entries")}.`, "right");
  });
  importing.addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", async () => {
    const [file] = chooser.files ?? [];
    chooser.value = ""; // so that the same file can be chosen again
    if (!file) return;
    try {
      if (file.size > LARGEST) throw new Refused("This file is too large to be a progress file.");
      const { taken, older } = merge(parse(await file.text()), Date.now());
      announce();
      document.dispatchEvent(new CustomEvent("course:remembered"));
      const left = older ? `; ${plural(older, "was", "were")} here already, as new or newer` : "";
      say(`Took in ${plural(taken, "entry", "entries")}${left}.${kept()}`, "right");
    } catch (error) {
      say(error instanceof Refused ? `${error.message} Nothing was changed.` : "The file could not be read. Nothing was changed.", "wrong");
    }
  });

  const [yes, no] = [button("Forget it"), button("Keep it", "quiz-button--quiet")];
  const sum = make("p", {});
  const dialog = make("dialog", { class: "forget", "aria-labelledby": "forget-title" },
    make("h2", { id: "forget-title" }, "Forget everything?"), sum, make("div", { class: "quiz-buttons" }, no, yes));
  forgetting.addEventListener("click", () => {
    sum.textContent = `This browser holds ${plural(count(), "entry", "entries")} of the course: answers, guesses, ` +
      "reviews, what you read and ticked, and your card. A file you saved can be taken in again.";
    dialog.showModal();
  });
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => {
    forget();
    announce();
    document.dispatchEvent(new CustomEvent("course:remembered"));
    dialog.close();
    say("Everything is forgotten.", "right");
  });
  place.replaceChildren(make("div", { class: "quiz-buttons" }, exporting, importing, forgetting), chooser, told, dialog);
  if (!store.lasts()) say("This browser keeps nothing for this page: progress lasts until you leave it.", "ask");
}

/** The reader's card, for every calculator. @param {HTMLSelectElement} select */
function offerCard(select) {
  const key = `my:${select.dataset.my}`;
  const recall = () => {
    const mine = store.read(key) ?? "";
    if ([...select.options].some(({ value }) => value === mine)) select.value = mine;
  };
  select.addEventListener("change", () => {
    store.write(key, select.value);
    document.dispatchEvent(new CustomEvent("course:remembered"));
  });
  document.addEventListener("course:remembered", recall);
  window.addEventListener("storage", recall);
  recall();
}

/** Fills the page. */
export function start() {
  const place = part(document, '[data-course="due"]');
  const update = () => listDue(place);
  update();
  document.addEventListener("course:progress", update);
  window.addEventListener("storage", update);
  for (const file of parts(document, '[data-course="file"]')) offerFile(file);
  for (const select of parts(document, "[data-my]")) offerCard(/** @type {HTMLSelectElement} */ (select));
  document.querySelector(".yours")?.classList.add("is-live");
}
