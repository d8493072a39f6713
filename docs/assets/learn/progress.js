/**
 * What the reader did: read, guessed and answered, shown wherever a page names a lesson.
 *
 * An element with `data-lesson` names one, and lists its questions and predictions as `id:hash` in `data-questions` and
 * `data-predictions`. Everything is counted from what the browser keeps under these names, so that the texts a reader has
 * seen count, and changed ones do not.
 */

import { make, part, parts, progressAddress } from "./dom.js";
import { follow, readingOf } from "./reading.js";
import { answerKey, isDue } from "./reviews.js";
import { store } from "./store.js";

/** @param {string} [list] names as `id:hash id:hash` @returns {Array<{id: string, hash: string}>} */
function named(list = "") {
  return list.split(" ").filter(Boolean).map((name) => {
    const [id, hash] = name.split(":");
    return { id, hash };
  });
}

/** What is known of the lesson that `element` names. @param {HTMLElement} element */
function progressOf(element) {
  const { lesson = "", questions, predictions } = element.dataset;
  const asked = named(questions);
  const answers = asked.map(({ id, hash }) => Object(store.readJson(answerKey(id, hash)))).filter((answer) => answer.done === true);
  const guesses = named(predictions).map(({ id, hash }) => Object(store.readJson(`predict:${id}:${hash}`)));
  const reading = readingOf(lesson);
  return {
    reading,
    read: reading?.done === true,
    questions: asked.length,
    answered: answers.length,
    right: answers.filter((answer) => answer.right === true).length,
    predictions: named(predictions).length,
    guessed: guesses.filter((guess) => guess.waived === false).length,
    due: asked.filter(({ id, hash }) => isDue(id, hash)),
  };
}

/** @typedef {ReturnType<typeof progressOf>} Progress */

/** What is known of a lesson in words; predictions and questions only where it has some. @param {Progress} found @returns {string[]} */
function inWords({ read, reading, predictions, guessed, questions, answered, right }) {
  const words = [read ? "read" : reading ? "begun" : "not read"];
  if (predictions) words.push(`${guessed} of ${predictions} guessed`);
  if (questions) words.push(answered === questions ? `quiz ${right} of ${questions}` : `${answered} of ${questions} answered`);
  return words;
}

/** On a card: only what was done, and a bar for its share. @param {HTMLElement} element @param {Progress} found */
function showOnCard(element, found) {
  const { read, reading, predictions, guessed, questions, answered, right } = found;
  const words = [read ? "✓ read" : reading ? "begun" : "", answered ? `quiz ${right} of ${questions}` : ""];
  element.textContent = words.filter(Boolean).join(" · ");
  element.style.setProperty("--share", String((Number(read) + guessed + answered) / (1 + predictions + questions)));
}

/** In a table: the row's cells. @param {HTMLElement} row @param {Progress} found */
function showInRow(row, { read, reading, predictions, guessed, questions, answered, right }) {
  /** @type {Record<string, string>} */
  const texts = {
    read: read ? "✓ read" : reading ? "begun" : "–",
    guessed: predictions ? `${guessed} of ${predictions}` : "–",
    quiz: questions && answered ? `${right} of ${questions}` : "–",
  };
  for (const cell of parts(row, "[data-shows]")) cell.textContent = texts[cell.dataset.shows ?? ""];
}

/** At a lesson's head: a line. @param {HTMLElement} line @param {Progress} found */
function showAtHead(line, found) {
  const list = progressAddress();
  const yours = list ? make("a", { href: list }, "Your progress") : "Your progress";
  line.replaceChildren(yours, `: ${inWords(found).join(" · ")}`);
}

/** @type {Record<string, (element: HTMLElement, found: Progress) => void>} */
const SHOWN = { P: showAtHead, SPAN: showOnCard, TR: showInRow };

/** Fills every element that names a lesson. */
function show() {
  for (const element of parts(document, "[data-lesson]")) {
    const found = progressOf(element);
    element.classList.toggle("is-read", found.read);
    SHOWN[element.tagName](element, found);
  }
}

/** Where to go on, for the home page: the lesson last opened or the one after it, and what is due; nothing for who has not begun. @param {Element} place */
function goOn(place) {
  const all = parts(document, ".lesson-card").flatMap((card) => {
    const link = /** @type {HTMLAnchorElement} */ (part(card, "a"));
    return parts(card, "[data-lesson]").map((element) => ({ link, ...progressOf(element) }));
  });
  const [last] = all.filter(({ reading }) => reading).sort((a, b) => (b.reading?.at ?? 0) - (a.reading?.at ?? 0));
  const next = last?.read ? all.find(({ read }, at) => !read && at > all.indexOf(last)) ?? all.find(({ read }) => !read) : last;
  document.documentElement.classList.toggle("begun", Boolean(last));
  if (!last) return place.replaceChildren();
  const due = all.reduce((sum, each) => sum + each.due.length, 0);
  /** @type {HTMLElement[]} */
  const shown = [];
  if (next) {
    const title = part(next.link, ".lesson-title").textContent ?? "";
    const section = next.reading?.section ? `#${next.reading.section}` : "";
    shown.push(make("p", {}, next.reading ? "Go on with " : "Next: ", make("a", { href: next.link.href + section }, title)));
  } else shown.push(make("p", {}, "You have read every lesson."));
  const list = progressAddress();
  if (list) {
    const words = due ? `${due} ${due === 1 ? "question is" : "questions are"} due for review` : "Your progress";
    shown.push(make("p", {}, make("a", { href: due ? `${list}#due-for-review` : list }, words)));
  }
  place.replaceChildren(...shown);
}

function update() {
  show();
  const place = document.querySelector('[data-course="continue"]');
  if (place) goOn(place);
}

update();
document.addEventListener("course:progress", update);
window.addEventListener("storage", update);
window.addEventListener("pageshow", (event) => event.persisted && update());

for (const head of parts(document, ".lesson-meta [data-lesson]")) follow(head);
if (document.querySelector('[data-course="due"]')) import("./yours.js").then((page) => page.start());
