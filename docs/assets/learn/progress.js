/**
 * What the reader did: read, guessed and answered, shown wherever a page names a lesson.
 *
 * An element with `data-lesson` names one, and lists its questions and predictions as `id:hash` in `data-questions` and
 * `data-predictions`. Everything is counted from what the browser keeps under these names, so that the texts a reader has
 * seen count, and changed ones do not.
 */

import { make, progressAddress } from "./dom.js";
import { isDue } from "./reviews.js";
import { store } from "./store.js";
import { isReading } from "./transfer.js";

const LOOKED = 3000; // milliseconds that a lesson's end is on screen until it counts as read

/** @typedef {{at: number, done?: boolean, section?: string}} Reading last visit; read to the end, or taken back; place */
/** @typedef {{id: string, hash: string}} Named */

/** @param {string} slug @returns {Reading | null} */
function readingOf(slug) {
  const found = store.readJson(`read:${slug}`);
  return isReading(found) ? found : null;
}

/** @param {string} [list] names as `id:hash id:hash` @returns {Named[]} */
export function named(list = "") {
  return list.split(" ").filter(Boolean).map((name) => {
    const [id, hash] = name.split(":");
    return { id, hash };
  });
}

/** What is known of the lesson that `element` names. @param {HTMLElement} element */
export function progressOf(element) {
  const { lesson, questions, predictions } = element.dataset;
  const asked = named(questions);
  const answers = asked.map(({ id, hash }) => store.readJson(`quiz:${id}:${hash}`)).filter((answer) => answer?.done === true);
  const guesses = named(predictions).map(({ id, hash }) => store.readJson(`predict:${id}:${hash}`));
  const reading = readingOf(lesson);
  return {
    reading,
    read: reading?.done === true,
    questions: asked.length,
    answered: answers.length,
    right: answers.filter((answer) => answer.right === true).length,
    predictions: named(predictions).length,
    guessed: guesses.filter((guess) => guess?.waived === false).length,
    due: asked.filter(({ id, hash }) => isDue(id, hash)),
  };
}

/** The same in words, by kind; a kind that a lesson has none of is left out. */
function inWords(found, short) {
  const words = { read: found.read ? "Read" : found.reading ? "Begun" : short ? "" : "Not read" };
  if (found.predictions) words.guessed = `${found.guessed} of ${found.predictions} ${short ? "guessed" : "predictions guessed"}`;
  if (found.questions) {
    words.quiz = found.answered < found.questions && !short
      ? `quiz ${found.answered} of ${found.questions} answered`
      : `quiz ${found.right} of ${found.questions}`;
  }
  return words;
}

/** Fills every element that names a lesson: its cells if it has some, else a line of words. */
function show() {
  for (const element of document.querySelectorAll("[data-lesson]")) {
    const found = progressOf(element);
    const cells = element.querySelectorAll("[data-shows]");
    const short = element.closest(".lesson-card") !== null || cells.length > 0;
    const words = inWords(found, short);
    const begun = found.reading || found.answered || found.guessed;
    element.classList.toggle("is-read", found.read);
    if (cells.length) {
      for (const cell of cells) cell.textContent = cellText(cell.dataset.shows, found);
    } else if (short) element.textContent = begun ? Object.values(words).filter(Boolean).join(" · ") : "";
    else element.replaceChildren(...line(words));
  }
}

function cellText(kind, found) {
  if (kind === "read") return found.read ? "✓ read" : found.reading ? "begun" : "–";
  if (kind === "guessed") return found.predictions ? `${found.guessed} of ${found.predictions}` : "–";
  return found.questions ? `${found.answered ? found.right : "–"} of ${found.questions}` : "–";
}

/** The line at a lesson's head. */
function line(words) {
  const list = progressAddress();
  const yours = list ? make("a", { href: list }, "Your progress") : "Your progress";
  return [yours, `: ${Object.values(words).join(" · ").toLowerCase()}`];
}

/** Notes how far a lesson is read, and offers to say so at its end. @param {HTMLElement} head */
function follow(head) {
  const { lesson } = head.dataset;
  const article = head.closest("article");
  const note = (change) => {
    store.writeJson(`read:${lesson}`, { ...readingOf(lesson), at: Date.now(), ...change });
    show();
    offer();
  };
  const told = make("p", { role: "status" });
  const button = make("button", { type: "button", class: "quiz-button quiz-button--quiet" });
  const end = make("div", { class: "lesson-end" }, told, button);
  const offer = () => {
    const done = readingOf(lesson)?.done === true;
    told.textContent = done ? "You have read this lesson." : "";
    button.textContent = done ? "Mark as not read" : "Mark as read";
  };
  button.addEventListener("click", () => note({ done: readingOf(lesson)?.done !== true }));
  article.append(end);
  offer();

  if (new URLSearchParams(location.search).has("review")) return; // came for a question, not to read
  note({});
  let timer = 0;
  new IntersectionObserver(([{ isIntersecting }]) => {
    clearTimeout(timer);
    if (isIntersecting) timer = setTimeout(() => readingOf(lesson)?.done === undefined && note({ done: true }), LOOKED);
  }).observe(end);
  window.addEventListener("pagehide", () => {
    const above = [...article.querySelectorAll("h2[id]")].filter((h2) => h2.getBoundingClientRect().top < innerHeight / 2);
    store.writeJson(`read:${lesson}`, { ...readingOf(lesson), at: Date.now(), section: above.at(-1)?.id });
  });
}

/** Where to go on, for the home page: the lesson last opened or the one after it, and what is due. */
function goOn(place) {
  const all = [...document.querySelectorAll(".lesson-card [data-lesson]")].map((element) => ({
    link: element.closest(".lesson-card").querySelector("a"), ...progressOf(element),
  }));
  const begun = all.filter(({ reading }) => reading).sort((a, b) => b.reading.at - a.reading.at);
  const last = begun[0];
  const next = last?.read ? all.find(({ read }, at) => !read && at > all.indexOf(last)) ?? all.find(({ read }) => !read) : last;
  const due = all.reduce((sum, each) => sum + each.due.length, 0);
  const parts = [];
  if (next) {
    const title = next.link.querySelector(".lesson-title").textContent;
    const section = next.reading?.section ? `#${next.reading.section}` : "";
    parts.push(make("p", {}, next === last ? "Go on with " : "Next: ", make("a", { href: next.link.href + section }, title)));
  } else if (last) parts.push(make("p", {}, "You have read every lesson."));
  else parts.push(make("p", {}, "What you read, guess and answer is noted here, in this browser only."));
  const list = progressAddress();
  if (list && last) {
    const words = due ? `${due} ${due === 1 ? "question is" : "questions are"} due for review` : "Your progress";
    parts.push(make("p", {}, make("a", { href: due ? `${list}#due-for-review` : list }, words)));
  }
  place.replaceChildren(...parts);
}

function update() {
  show();
  const place = document.querySelector('[data-course="continue"]');
  if (place) goOn(place);
}

update();
const head = document.querySelector(".lesson-meta [data-lesson]");
if (head) follow(head);
if (document.querySelector('[data-course="due"]')) import("./yours.js").then((page) => page.start());
document.addEventListener("course:progress", update);
window.addEventListener("storage", update);
window.addEventListener("pageshow", (event) => event.persisted && update());
