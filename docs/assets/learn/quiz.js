/**
 * Knowledge checks.
 *
 * The page arrives complete: every question with its answers folded below it. This module turns each question into a
 * form that marks an answer at once, explains it, keeps the score and remembers it. An answer is stored under the
 * question's id and the hash of its text, so it survives new versions of a page and a changed question comes back.
 */

import { announce, copies, make, numberField, part, parts, progressAddress } from "./dom.js";
import { isRight, readings, unreadable } from "./numbers.js";
import { report } from "./report.js";
import { answerKey, answered, daysInWords, daysUntil, dueAt, isChanged, isDue, reviewOf } from "./reviews.js";
import { store } from "./store.js";

/**
 * @param {Array<{done: boolean, right: boolean}>} states one for each question
 * @returns {{right: number, answered: number, total: number}}
 */
export function score(states) {
  const done = states.filter((state) => state.done);
  return { right: done.filter((state) => state.right).length, answered: done.length, total: states.length };
}

/**
 * @typedef {object} State of one question
 * @property {boolean} done
 * @property {boolean} right
 * @property {number} choice index of an option, or -1
 * @property {string} text that was typed
 * @property {number} tries
 * @property {number} [at] when it was answered
 */

/** @param {number} index */
const letter = (index) => String.fromCharCode(65 + index);
/** @returns {State} */
const blank = () => ({ done: false, right: false, choice: -1, text: "", tries: 0 });

/** Questions that the address asks to be answered anew: `?review=lora-zero-init&review=lora-count-576`. */
const asked = new Set(new URLSearchParams(location.search).getAll("review"));

/** Takes a question out of the address once it is answered, so that a reload shows the answer. @param {string} id */
function settle(id) {
  asked.delete(id);
  const url = new URL(location.href);
  url.searchParams.delete("review");
  for (const other of asked) url.searchParams.append("review", other);
  try {
    history.replaceState(history.state, "", url);
  } catch {
    // Some browsers refuse this for files: a reload then asks once more.
  }
}

/** What all kinds of question share: the form, its state, storing and restoring it. */
class Question {
  /** @param {HTMLElement} root @param {number} number from 1 @param {() => void} changed */
  constructor(root, number, changed) {
    this.root = root;
    this.id = root.dataset.id ?? "";
    this.hash = root.dataset.hash ?? "";
    this.key = answerKey(this.id, this.hash);
    this.changed = changed;
    /** @type {State} */
    this.state = blank();
    this.review = asked.has(this.id);
    this.answers = part(root, ".answers");

    const ask = part(root, ".ask");
    ask.id = `${root.id}-ask`;
    const legend = make("legend", { id: `${root.id}-legend` }, `Question ${number}`);
    this.field = make("fieldset", { "aria-labelledby": `${legend.id} ${ask.id}` }, legend, ask);
    this.button = make("button", { type: "submit", class: "quiz-button quiz-check" }, "Check");
    this.status = make("p", { class: "quiz-status", role: "status" });
    this.again = make("button", { type: "button", class: "quiz-button quiz-again", hidden: "" }, "Try again");
    this.again.addEventListener("click", () => {
      this.reset();
      this.changed();
      announce();
      this.first().focus();
    });
    this.buttons = make("div", { class: "quiz-buttons" }, this.button, this.again, this.status);
    this.news = make("p", { class: "quiz-news" });
    this.after = make("div", { class: "quiz-after" });
    this.form = make("form", { novalidate: "", autocomplete: "off" }, this.field);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.state.done) this.check();
    });
  }

  /* What kinds have of their own. */

  /** @returns {HTMLElement} the control that a focus goes to */
  first() {
    return this.button;
  }

  /** Whether a stored state can be shown. @param {State} _state */
  valid(_state) {
    return false;
  }

  /** Shows the state's answer in the controls. */
  restore() {}

  /** Empties the controls. */
  clear() {}

  /** Marks the answer that is given, or says what is missing. */
  check() {}

  /** Puts the form in place of the folded answers, then shows what was stored. */
  start() {
    this.root.prepend(this.form);
    this.answers.hidden = true;
    this.root.classList.add("is-live");
    const stored = this.stored();
    if (stored && !this.review) {
      this.state = stored;
      this.restore();
    }
    if (this.review) this.tell(`A review${stored ? ". Your earlier answer is kept until you give this one" : ""}.`);
    else if (isChanged(this.id, this.hash)) this.tell("This question changed since you answered it.");
    this.field.after(this.after);
    this.show();
  }

  /** Says above the question why it is asked again. @param {string} news */
  tell(news) {
    this.news.textContent = news;
    part(this.root, ".ask").before(this.news);
  }

  stored() {
    const kept = store.readJson(this.key);
    const state = Object.assign(blank(), kept);
    return kept && this.valid(state) ? state : null;
  }

  save() {
    if (this.state.done) {
      this.state.at = Date.now();
      answered(this.id, this.hash, this.state.right);
      this.news.remove();
      if (this.review) settle(this.id);
    }
    if (this.state.done || !this.review) store.writeJson(this.key, this.state); // a review's first try replaces nothing
    this.changed();
    announce();
  }

  reset() {
    this.state = blank();
    store.remove(this.key);
    this.clear();
    this.say("");
    this.show();
  }

  /** @param {string} message @param {"" | "ask" | "right" | "wrong"} kind */
  say(message, kind = "") {
    this.status.textContent = message;
    this.status.className = kind ? `quiz-status quiz-status--${kind}` : "quiz-status";
  }

  show() {
    const { done, right } = this.state;
    this.root.classList.toggle("is-right", done && right);
    this.root.classList.toggle("is-wrong", done && !right);
    // The button keeps its place and its focus; once the answer is marked it does nothing more.
    this.button.setAttribute("aria-disabled", String(done));
    this.button.textContent = done ? "Checked" : "Check";
    this.again.hidden = !done || right;
    this.after.replaceChildren(...(done ? [this.schedule(), report(this.root)] : []));
  }

  /** When the question comes back, and after a review the way back to the list. */
  schedule() {
    const line = make("p", { class: "quiz-schedule" });
    const review = reviewOf(this.id);
    if (isDue(this.id, this.hash)) {
      line.append(make("a", { href: `?review=${this.id}#${this.root.id}` }, "Due for review: answer it again"));
    } else if (review) line.append(`Comes back for review ${daysInWords(daysUntil(dueAt(review), Date.now()))}.`);
    const list = progressAddress();
    if (this.review && list) line.append(" ", make("a", { href: `${list}#due-for-review` }, "All reviews"));
    return line;
  }
}

class Choice extends Question {
  /** @param {HTMLElement} root @param {number} number @param {() => void} changed */
  constructor(root, number, changed) {
    super(root, number, changed);
    this.options = parts(root, ".option");
    this.whys = parts(root, ".why");
    this.rightIndex = this.options.findIndex((option) => option.hasAttribute("data-right"));
    this.notes = this.options.map(() => make("div", { class: "quiz-note" }));
    this.radios = this.options.map((option, index) => {
      const radio = make("input", { type: "radio", name: root.id, value: String(index), id: `${root.id}-${index}` });
      const words = make("div", { class: "option-text" }, ...option.childNodes);
      const mark = make("span", { class: "option-letter", "aria-hidden": "true" }, letter(index));
      option.append(make("label", { for: radio.id }, radio, mark, words), this.notes[index]);
      radio.addEventListener("change", () => this.say(""));
      return radio;
    });
    this.field.append(part(root, ".options"), this.buttons);
  }

  first() {
    return this.radios[0];
  }

  /** @param {State} state */
  valid(state) {
    return state.done && Number.isInteger(state.choice) && state.choice in this.options;
  }

  restore() {
    this.radios[this.state.choice].checked = true;
    this.state.right = this.state.choice === this.rightIndex;
  }

  check() {
    const choice = this.radios.findIndex((radio) => radio.checked);
    if (choice < 0) {
      this.say("Choose an answer first.", "ask");
      return;
    }
    this.state = { ...blank(), done: true, choice, right: choice === this.rightIndex };
    this.save();
    this.show();
  }

  clear() {
    for (const radio of this.radios) radio.checked = false;
  }

  show() {
    super.show();
    const { done, choice, right } = this.state;
    this.radios.forEach((radio, index) => {
      radio.disabled = done;
      this.notes[index].replaceChildren(...(done ? copies(this.whys[index]) : []));
      this.options[index].classList.toggle("option--right", done && index === this.rightIndex);
      this.options[index].classList.toggle("option--wrong", done && index === choice && !right);
    });
    if (done && right) this.say("Right. Each answer is explained above.", "right");
    else if (done) {
      this.say(`Not this time: you chose ${letter(choice)}, the answer is ${letter(this.rightIndex)}. ` +
        "Each is explained above.", "wrong");
    }
  }
}

class NumberQuestion extends Question {
  /** @param {HTMLElement} root @param {number} number @param {() => void} changed */
  constructor(root, number, changed) {
    super(root, number, changed);
    this.answer = Number(root.dataset.answer);
    this.tolerance = Number(root.dataset.tolerance ?? 0);
    this.unit = root.dataset.unit ?? "";
    this.status.id = `${root.id}-status`;
    this.input = numberField(`${root.id}-input`, root.dataset.answer);
    this.input.setAttribute("aria-describedby", this.status.id);
    const label = make("label", { for: this.input.id }, "Your answer");
    if (this.unit) label.append(make("span", { class: "quiz-hidden" }, ` in ${this.unit}`));
    const row = make("div", { class: "quiz-number" }, label, this.input);
    if (this.unit) row.append(make("span", { class: "quiz-unit", "aria-hidden": "true" }, this.unit));
    this.give = make("button", { type: "button", class: "quiz-button quiz-button--quiet", hidden: "" }, "Show the answer");
    this.give.addEventListener("click", () => this.finish(false));
    this.status.before(this.give);
    this.note = make("div", { class: "quiz-note" });
    this.field.append(row, this.buttons, this.note);
    this.input.addEventListener("input", () => {
      if (this.input.getAttribute("aria-invalid") === "true") {
        this.input.removeAttribute("aria-invalid");
        this.say("");
      }
    });
  }

  first() {
    return this.input;
  }

  /** @param {State} state */
  valid(state) {
    return typeof state.text === "string" && Number.isInteger(state.tries) && state.tries > 0 && typeof state.right === "boolean";
  }

  restore() {
    this.input.value = this.state.text;
  }

  check() {
    const text = this.input.value;
    const given = readings(text, this.unit);
    if (given.length === 0) {
      this.input.setAttribute("aria-invalid", "true");
      this.say(text.trim() === "" ? "Type a number first." : unreadable(text, this.unit), "ask");
      return;
    }
    this.state.text = text;
    this.state.tries += 1;
    const right = isRight(given, this.answer, this.tolerance);
    if (right || this.state.tries > 1) this.finish(right);
    else {
      this.save();
      this.show();
    }
  }

  /** @param {boolean} right */
  finish(right) {
    const focused = document.activeElement === this.give;
    Object.assign(this.state, { text: this.input.value, done: true, right });
    this.save();
    this.show();
    if (focused) this.button.focus();
  }

  clear() {
    this.input.value = "";
    this.input.removeAttribute("aria-invalid");
  }

  show() {
    super.show();
    const { done, right, tries } = this.state;
    this.input.readOnly = done;
    this.give.hidden = done || tries === 0;
    const part = done ? ".why" : tries > 0 ? ".hint" : null;
    const source = part && this.answers.querySelector(part);
    this.note.replaceChildren(...(source ? copies(source) : []));
    this.note.classList.toggle("quiz-note--hint", !done);
    if (done && right) this.say(tries > 1 ? "Right, on the second try." : "Right.", "right");
    else if (done) this.say("Not this time. The answer and the way to it:", "wrong");
    else if (tries > 0) this.say(source ? "Not yet. Here is a hint; try once more." : "Not yet. Try once more.", "ask");
  }
}

/**
 * The knowledge check of a page: its questions, wherever they stand, and one score, where the last of them stand.
 *
 * @param {HTMLElement[]} sections
 */
function enhance(sections) {
  const quiz = sections[sections.length - 1];
  const aim = Number(quiz.dataset.aim ?? 0);
  const line = make("p", { class: "quiz-score", role: "status" });
  const retry = make("button", { type: "button", class: "quiz-button" }, "Try the wrong ones again");
  const over = make("button", { type: "button", class: "quiz-button quiz-button--quiet" }, "Start over");
  const result = make("div", { class: "quiz-result" }, line, make("div", { class: "quiz-buttons" }, retry, over));
  /** @type {Array<Choice | NumberQuestion>} */
  const questions = [];
  const roots = sections.flatMap((section) => parts(section, ".question"));
  const total = roots.length;

  const update = () => {
    const { right, answered } = score(questions.map((question) => question.state));
    const finished = answered === total;
    if (finished) {
      const verdict = right === total ? "Everything right." : right >= aim ? "On target." : "The explanations say where to look again.";
      line.textContent = `${right} of ${total} (aim: ${aim}). ${verdict}`;
    } else line.textContent = answered ? `${answered} of ${total} answered.` : `${total} questions (aim: ${aim}).`;
    quiz.classList.toggle("is-finished", finished);
    quiz.classList.toggle("is-passed", finished && right >= aim);
    retry.hidden = !finished || right === total;
    over.hidden = !questions.some((question) => question.state.done || question.state.tries > 0);
  };
  /** @param {typeof questions} chosen */
  const resetAll = (chosen) => {
    for (const question of chosen) question.reset();
    update();
    announce();
    chosen[0]?.first().focus();
  };

  roots.forEach((root, index) => {
    const Kind = root.dataset.kind === "number" ? NumberQuestion : Choice;
    questions.push(new Kind(root, index + 1, update));
  });
  for (const question of questions) question.start();
  retry.addEventListener("click", () => resetAll(questions.filter((question) => !question.state.right)));
  over.addEventListener("click", () => resetAll(questions));
  quiz.append(result);
  for (const section of sections) section.classList.add("is-live");
  update();
}

const sections = parts(document, ".quiz:not(.is-live)");
if (sections.length) enhance(sections);
if (asked.size) document.getElementById(location.hash.slice(1))?.scrollIntoView(); // forms are taller than folded answers
