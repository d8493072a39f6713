/**
 * Predict, then reveal.
 *
 * The page arrives with each question and, below the code, the result folded away. This module makes a form of the
 * question and veils the result and the prose that tells it: they keep their room, and neither eyes, screen readers nor
 * find-in-page get at them. A notice in their place says so and is the button that shows them without a guess. All
 * questions of a result have one state: the result opens when each is answered, or is shown at once.
 *
 * A guess is stored under the prediction's name and the hash of its text and result:
 * `predict:LESSON/ID:HASH` → `{"guess": number | number[] | null, "waived": boolean, "at": milliseconds}`, where a guess
 * is a number, the index of a choice, or the heights of a sketched line.
 */

import { announce, copies, make, numberField, part, parts } from "./dom.js";
import { readings, unreadable } from "./numbers.js";
import { Sketch, apart, short } from "./sketch.js";
import { store } from "./store.js";

/** @param {number} index */
const letter = (index) => String.fromCharCode(65 + index);

/**
 * How a guess compares with the result, as a sentence.
 *
 * @param {number} guess
 * @param {number} answer
 */
export function compared(guess, answer) {
  if (guess === answer) return "Exactly right.";
  const factor = guess / answer;
  if (Math.abs(factor - 1) < 0.005) return "Right, to within half a percent.";
  const way = guess > answer ? "high" : "low";
  if (!(factor > 0 && Number.isFinite(factor))) return `${short(Math.abs(guess - answer))} too ${way}.`;
  if (factor >= 2) return `Your guess is ${short(factor)} times as large as the result.`;
  if (factor <= 0.5) return `The result is ${short(1 / factor)} times as large as your guess.`;
  return `${short(100 * Math.abs(factor - 1), 2)}% too ${way}.`;
}

/**
 * What all kinds share: the form, what is stored, and the results that wait.
 *
 * @template G a guess
 */
class Prediction {
  /** @param {HTMLElement} root @param {Waiting} waiting */
  constructor(root, waiting) {
    this.root = root;
    this.key = `predict:${root.dataset.key}`;
    this.waiting = waiting;
    this.result = document.getElementById(`${root.id}-result`);
    /** @type {{guess: G | null, waived: boolean, at: number} | null} */
    this.state = null;

    const ask = part(root, ".predict-ask");
    ask.id = `${root.id}-ask`;
    this.field = make("fieldset", { "aria-labelledby": ask.id });
    this.button = make("button", { type: "submit", class: "quiz-button" }, "Compare");
    this.skip = make("button", { type: "button", class: "quiz-button quiz-button--quiet" }, "Show me");
    this.again = make("button", { type: "button", class: "quiz-button quiz-button--quiet" }, "Guess again");
    this.status = make("div", { class: "predict-status", role: "status" });
    this.form = make("form", { novalidate: "", autocomplete: "off" }, this.field);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const guess = this.read();
      if (guess !== null && !this.state) this.set({ guess, waived: false, at: Date.now() });
    });
    this.skip.addEventListener("click", () => {
      this.waiting.waive();
      this.again.focus(); // the button that had the focus is gone
    });
    this.again.addEventListener("click", () => this.forget());
  }

  /* What kinds have of their own. */

  /** @returns {Element[]} what a guess is made with */
  controls() {
    return [];
  }

  /** @returns {HTMLElement | SVGElement | undefined} the control that a focus goes to */
  first() {
    return undefined;
  }

  /** @returns {G | null} the guess, or null when the reader has been told what is missing */
  read() {
    return null;
  }

  /** @param {unknown} _guess that was stored @returns {_guess is G} */
  valid(_guess) {
    return false;
  }

  /** Shows a guess in the controls. @param {G} _guess */
  restore(_guess) {}

  /** Empties the controls. */
  clear() {}

  /** @param {G} _guess @returns {string} */
  words(_guess) {
    return "";
  }

  /** How a guess compares, as a sentence. @param {G} _guess @returns {Array<Node | string>} */
  verdict(_guess) {
    return [];
  }

  start() {
    this.field.append(
      ...this.controls(), make("div", { class: "quiz-buttons" }, this.button, this.skip, this.again), this.status,
    );
    this.root.append(this.form);
    const { guess, waived, at } = Object(store.readJson(this.key));
    if (waived === true) this.state = { guess: null, waived, at };
    else if (this.valid(guess)) {
      this.state = { guess, waived: false, at };
      this.restore(guess);
    }
    this.root.classList.add("is-live");
  }

  /** @param {NonNullable<typeof this.state>} state */
  set(state) {
    const pressed = document.activeElement === this.button;
    this.keep(state);
    this.waiting.update();
    if (pressed) this.again.focus(); // the button that had the focus is gone
    announce();
  }

  /** @param {typeof this.state} state */
  keep(state) {
    this.state = state;
    if (state) store.writeJson(this.key, state);
    else store.remove(this.key);
  }

  forget() {
    this.keep(null);
    this.clear();
    this.waiting.forgetWaived();
    this.first()?.focus();
    announce();
  }

  /** @param {string} message */
  ask(message) {
    this.status.replaceChildren(make("p", { class: "quiz-status quiz-status--ask" }, message));
  }

  show() {
    const { state } = this;
    this.root.classList.toggle("is-done", state !== null);
    this.button.hidden = this.skip.hidden = state !== null;
    this.again.hidden = state === null;
    this.result?.querySelector(".predict-yours")?.remove();
    const guess = state?.guess ?? null;
    if (guess === null) this.status.replaceChildren(...(state ? [make("p", {}, "No guess this time. ", this.link())] : []));
    else if (!this.waiting.isMet) this.status.replaceChildren(make("p", {}, `Noted: ${this.words(guess)}. `, ...this.others()));
    else {
      this.result?.prepend(make("span", { class: "predict-yours" }, "You guessed ", make("strong", {}, this.words(guess)), ". "));
      this.status.replaceChildren(make("p", { class: "predict-compared" }, ...this.verdict(guess), " ", this.link()));
    }
  }

  /** The way to the result, which is open. */
  link() {
    return make("a", { href: `#${this.waiting.folds[0]?.id ?? ""}` }, "See the result");
  }

  /** The way to the questions that the result still waits for. @returns {Array<Node | string>} */
  others() {
    const open = this.waiting.asked.filter((other) => other.state === null);
    return ["The result opens after ", make("a", { href: `#${open[0].root.id}` }, "one more guess"), "."];
  }

  /** What the run gave. @returns {Array<Node | string>} */
  theirs() {
    return this.result ? copies(part(this.result, ".predict-run")) : [];
  }
}

/** @extends {Prediction<number>} */
class NumberPrediction extends Prediction {
  /** @param {HTMLElement} root @param {Waiting} waiting */
  constructor(root, waiting) {
    super(root, waiting);
    this.unit = root.dataset.unit ?? "";
    this.input = numberField(`${root.id}-input`, root.dataset.answer);
    this.input.addEventListener("input", () => {
      if (this.input.getAttribute("aria-invalid")) {
        this.input.removeAttribute("aria-invalid");
        this.status.replaceChildren();
      }
    });
  }

  controls() {
    const label = make("label", { for: this.input.id }, "Your guess");
    const row = make("div", { class: "quiz-number" }, label, this.input);
    if (this.unit) {
      label.append(make("span", { class: "quiz-hidden" }, ` in ${this.unit}`));
      row.append(make("span", { class: "quiz-unit", "aria-hidden": "true" }, this.unit));
    }
    return [row];
  }

  first() {
    return this.input;
  }

  read() {
    const text = this.input.value.trim();
    const [value] = readings(text, this.unit);
    if (value !== undefined) return value;
    this.input.setAttribute("aria-invalid", "true");
    this.ask(text === "" ? "Type a number first; a rough one is fine." : unreadable(text, this.unit));
    this.input.focus();
    return null;
  }

  /** @param {unknown} guess @returns {guess is number} */
  valid(guess) {
    return typeof guess === "number" && Number.isFinite(guess);
  }

  /** @param {number} guess */
  restore(guess) {
    this.input.value = short(guess, 12);
  }

  clear() {
    this.input.value = "";
  }

  show() {
    super.show();
    this.input.readOnly = this.state !== null;
  }

  /** @param {number} guess */
  words(guess) {
    return short(guess, 12) + (this.unit === "×" ? this.unit : this.unit && ` ${this.unit}`);
  }

  /** @param {number} guess @returns {Array<Node | string>} */
  verdict(guess) {
    return ["You guessed ", this.words(guess), "; it came out at ", ...this.theirs(), ". ",
      compared(guess, Number(this.root.dataset.answer))];
  }
}

/** @extends {Prediction<number>} */
class ChoicePrediction extends Prediction {
  /** @param {HTMLElement} root @param {Waiting} waiting */
  constructor(root, waiting) {
    super(root, waiting);
    this.list = part(root, ".predict-choices");
    this.items = [...this.list.children];
    this.right = Number(root.dataset.answer);
    this.marks = this.items.map(() => make("span", { class: "predict-mark" }));
    this.radios = this.items.map((item, index) => {
      const radio = make("input", { type: "radio", name: root.id, value: String(index), id: `${root.id}-${index}` });
      const words = make("div", { class: "option-text" }, ...item.childNodes);
      const mark = make("span", { class: "option-letter", "aria-hidden": "true" }, letter(index));
      item.append(make("label", { for: radio.id }, radio, mark, words, this.marks[index]));
      radio.addEventListener("change", () => this.status.replaceChildren());
      return radio;
    });
  }

  controls() {
    return [this.list];
  }

  first() {
    return this.radios[0];
  }

  read() {
    const choice = this.radios.findIndex((radio) => radio.checked);
    if (choice >= 0) return choice;
    this.ask("Choose one first.");
    return null;
  }

  /** @param {unknown} guess @returns {guess is number} */
  valid(guess) {
    return typeof guess === "number" && Number.isInteger(guess) && guess in this.items;
  }

  /** @param {number} guess */
  restore(guess) {
    this.radios[guess].checked = true;
  }

  clear() {
    for (const radio of this.radios) radio.checked = false;
  }

  show() {
    super.show();
    const { state } = this;
    this.radios.forEach((radio, index) => {
      const yours = state?.guess === index;
      const right = this.waiting.isMet && index === this.right;
      radio.disabled = state !== null;
      this.marks[index].textContent = yours && right ? "your guess, and right" : yours ? "your guess" : right ? "right" : "";
      this.items[index].classList.toggle("is-yours", yours);
      this.items[index].classList.toggle("is-run", right);
    });
  }

  /** @param {number} guess */
  words(guess) {
    return letter(guess);
  }

  /** @param {number} guess @returns {Array<Node | string>} */
  verdict(guess) {
    if (guess === this.right) return ["Right: ", ...this.theirs(), " is what happened."];
    return [`You chose ${letter(guess)}; what happened is `, ...this.theirs(), ". The text below the result says why."];
  }
}

/** @extends {Prediction<number[]>} */
class CurvePrediction extends Prediction {
  /** @param {HTMLElement} root @param {Waiting} waiting */
  constructor(root, waiting) {
    super(root, waiting);
    const line = JSON.parse(part(root, "script").textContent ?? "");
    this.sketch = new Sketch(line, root.id, part(root, ".sketch-how"), () => this.status.replaceChildren());
  }

  controls() {
    return [this.sketch.element];
  }

  first() {
    return this.sketch.first();
  }

  read() {
    if (this.sketch.heights) return this.sketch.heights;
    this.ask("Draw the line first: with the pointer, or with the arrow keys on its points.");
    return null;
  }

  /** @param {unknown} guess @returns {guess is number[]} */
  valid(guess) {
    return Array.isArray(guess) && guess.length === this.sketch.xs.length && guess.every((y) => Number.isFinite(y));
  }

  /** @param {number[]} guess */
  restore(guess) {
    this.sketch.set(guess);
  }

  clear() {
    this.sketch.set(null);
  }

  show() {
    super.show();
    this.sketch.reveal(this.waiting.isMet);
  }

  /** @param {number[]} heights */
  words(heights) {
    const { span } = this.sketch.line;
    const [first, last] = [heights[0], heights[heights.length - 1]].map((y) => short(Math.abs(y) < 1e-3 * (span[1] - span[0]) ? 0 : y));
    return `from ${first} to ${last}`;
  }

  /** @param {number[]} guess @returns {Array<Node | string>} */
  verdict(guess) {
    const { recorded, line } = this.sketch;
    return [`Your line goes ${this.words(guess)}, the measured one ${this.words(recorded)}. `,
      `On average they are ${short(apart(guess, recorded), 2)} apart (${line.y_label}).`];
  }
}

/** What may tell a result: prose, lists, claims, boxes, tables and formulas right after it. */
const TELLS = "p, ul, ol, blockquote, math, .claim, .box, .admonition, .table-scroll, .data-table";

/** @param {HTMLDetailsElement} fold @returns {HTMLElement[]} */
function told(fold) {
  const found = [];
  for (let next = fold.nextElementSibling; next instanceof HTMLElement && next.matches(TELLS); next = next.nextElementSibling) {
    found.push(next);
  }
  return found;
}

const SEARCHABLE = "predict-searchable";

/** A result, in one fold or several, with the questions that it waits for. */
class Waiting {
  /** @param {string[]} cells */
  constructor(cells) {
    /** @type {HTMLDetailsElement[]} */
    this.folds = cells.flatMap((cell) => document.getElementById(`reveal-${cell}`) ?? []).filter((one) => one instanceof HTMLDetailsElement);
    this.told = this.folds.flatMap(told);
    /** @type {AnyPrediction[]} */
    this.asked = [];
    this.isMet = false;
    for (const fold of this.folds) {
      part(fold, "summary").addEventListener("click", (event) => {
        if (this.isMet) return;
        event.preventDefault(); // showing it opens it
        this.waive();
      });
      fold.addEventListener("toggle", () => {
        if (fold.open && !this.isMet) this.waive(); // find-in-page has opened it
      });
    }
    for (const element of this.told) element.addEventListener("beforematch", () => this.waive());
  }

  /** Shows the result; what was not guessed stays so. */
  waive() {
    for (const prediction of this.asked) if (!prediction.state) prediction.keep({ guess: null, waived: true, at: Date.now() });
    this.update();
    announce();
  }

  /** Asks again for what was not guessed. */
  forgetWaived() {
    for (const prediction of this.asked) if (prediction.state?.waived) prediction.keep(null);
    this.update();
  }

  update() {
    const before = this.isMet;
    this.isMet = this.asked.every((prediction) => prediction.state !== null);
    const searchable = store.read(SEARCHABLE) === "1";
    for (const fold of this.folds) {
      part(fold, "summary").textContent = this.isMet ? "The result" : "Hidden until you guess. Show without guessing";
      if (this.isMet !== before) fold.open = this.isMet;
      fold.classList.toggle("is-met", this.isMet);
      fold.classList.toggle("is-veiled", !this.isMet && !searchable);
    }
    for (const element of this.told) {
      element.classList.toggle("is-veiled", !this.isMet && !searchable);
      if (!this.isMet && searchable) element.setAttribute("hidden", "until-found");
      else element.removeAttribute("hidden");
    }
    for (const prediction of this.asked) prediction.show();
  }
}

/** @typedef {NumberPrediction | ChoicePrediction | CurvePrediction} AnyPrediction */

/** @type {Record<string, new (root: HTMLElement, waiting: Waiting) => AnyPrediction>} */
const KINDS = { number: NumberPrediction, choice: ChoicePrediction, curve: CurvePrediction };

/**
 * Whether find-in-page reaches veiled results, and shows what it finds, is the reader's choice, where browsers can do that.
 *
 * @param {Waiting[]} all
 */
function offerSearch(all) {
  if (!("onbeforematch" in document.documentElement)) return;
  const box = make("input", { type: "checkbox", autocomplete: "off" });
  box.checked = store.read(SEARCHABLE) === "1";
  box.addEventListener("change", () => {
    if (box.checked) store.write(SEARCHABLE, "1");
    else store.remove(SEARCHABLE);
    for (const waiting of all) waiting.update();
  });
  const label = make("label", { class: "predict-search" }, box, " Find-in-page finds hidden results");
  all[0].asked[0].root.prepend(label);
}

function start() {
  /** @type {Map<string, Waiting>} */
  const results = new Map();
  for (const root of parts(document, ".predict")) {
    const cells = root.dataset.cells ?? "";
    const waiting = results.get(cells) ?? new Waiting(cells.split(" "));
    results.set(cells, waiting);
    const prediction = new KINDS[root.dataset.kind ?? ""](root, waiting);
    waiting.asked.push(prediction);
    prediction.start();
  }
  for (const waiting of results.values()) waiting.update();
  if (results.size) offerSearch([...results.values()]);
}

start();
