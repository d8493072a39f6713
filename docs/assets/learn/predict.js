/**
 * Predict, then reveal.
 *
 * The page arrives with each question and, below the code, the result folded away. This module makes a form of the
 * question and blurs the prose that tells the result. A guess, or "Show me", unfolds the result; so does unfolding it by
 * hand, or a click on the prose. The guess then stands beside what the run gave. It is stored under the prediction's name and the hash of its text and result:
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
 * How many times the run's number a guess is, as a sentence. There is no such factor where one is zero or the signs differ.
 *
 * @param {number} guess
 * @param {number} answer
 */
export function compared(guess, answer) {
  if (guess === answer) return "Exactly the run's.";
  const factor = guess / answer;
  if (!(factor > 0 && Number.isFinite(factor))) return `${short(Math.abs(guess - answer))} apart.`;
  if (Math.abs(factor - 1) < 0.005) return "Within half a percent of the run's.";
  return `${short(factor)} times the run's.`;
}

/** @typedef {[what: string, words: Array<Node | string>]} Row of a comparison */

/**
 * What all kinds share: the form, what is stored, and the results that wait.
 *
 * @template G a guess
 */
class Prediction {
  /** @param {HTMLElement} root @param {() => void} changed */
  constructor(root, changed) {
    this.root = root;
    this.key = `predict:${root.dataset.key}`;
    this.changed = changed;
    this.cells = (root.dataset.cells ?? "").split(" ");
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
    this.skip.addEventListener("click", () => this.waive());
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

  /** How a guess compares, as rows. @param {G} _guess @returns {Row[]} */
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
    this.show();
  }

  /** Opens the result without a guess. */
  waive() {
    if (!this.state) this.set({ guess: null, waived: true, at: Date.now() });
  }

  /** @param {NonNullable<typeof this.state>} state */
  set(state) {
    const pressed = document.activeElement === this.button || document.activeElement === this.skip;
    this.state = state;
    store.writeJson(this.key, state);
    this.show();
    if (pressed) this.again.focus(); // the button that had the focus is gone
    this.changed();
    announce();
  }

  forget() {
    this.state = null;
    store.remove(this.key);
    this.clear();
    this.show();
    this.first()?.focus();
    this.changed();
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
    else {
      const yours = this.words(guess);
      this.result?.prepend(make("span", { class: "predict-yours" }, "You guessed ", make("strong", {}, yours), ". "));
      this.status.replaceChildren(this.comparison(yours, guess));
    }
  }

  /** @param {string} yours @param {G} guess */
  comparison(yours, guess) {
    /** @type {Row[]} */
    const rows = [["You", [yours]], ["The run", this.theirs()], ...this.verdict(guess)];
    const list = make("dl", {}, ...rows.map(([name, words]) => make("div", {}, make("dt", {}, name), make("dd", {}, ...words))));
    return make("div", { class: "predict-compared" }, list, make("p", {}, this.link()));
  }

  /** The way to the result. */
  link() {
    return make("a", { href: `#reveal-${this.cells[0]}` }, "See the result");
  }

  /** What the run gave. @returns {Array<Node | string>} */
  theirs() {
    return this.result ? copies(part(this.result, ".predict-run")) : [];
  }
}

/** @extends {Prediction<number>} */
class NumberPrediction extends Prediction {
  /** @param {HTMLElement} root @param {() => void} changed */
  constructor(root, changed) {
    super(root, changed);
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

  /** @param {number} guess @returns {Row[]} */
  verdict(guess) {
    return [["Yours is", [compared(guess, Number(this.root.dataset.answer))]]];
  }
}

/** @extends {Prediction<number>} */
class ChoicePrediction extends Prediction {
  /** @param {HTMLElement} root @param {() => void} changed */
  constructor(root, changed) {
    super(root, changed);
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
      const right = state !== null && index === this.right;
      radio.disabled = state !== null;
      this.marks[index].textContent = yours && right ? "yours, and the run's" : yours ? "yours" : right ? "the run's" : "";
      this.items[index].classList.toggle("is-yours", yours);
      this.items[index].classList.toggle("is-run", right);
    });
  }

  /** @param {number} guess */
  words(guess) {
    return letter(guess);
  }

  /** @param {number} guess @returns {Row[]} */
  verdict(guess) {
    return [["You were", [guess === this.right ? "right" : "surprised: the text below the result says why"]]];
  }
}

/** @extends {Prediction<number[]>} */
class CurvePrediction extends Prediction {
  /** @param {HTMLElement} root @param {() => void} changed */
  constructor(root, changed) {
    super(root, changed);
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
    this.sketch.reveal(this.state !== null);
  }

  /** @param {number[]} heights */
  words(heights) {
    const { span } = this.sketch.line;
    const [first, last] = [heights[0], heights[heights.length - 1]].map((y) => short(Math.abs(y) < 1e-3 * (span[1] - span[0]) ? 0 : y));
    return `from ${first} to ${last}`;
  }

  theirs() {
    return [this.words(this.sketch.recorded)];
  }

  /** @param {number[]} guess @returns {Row[]} */
  verdict(guess) {
    const { recorded, line } = this.sketch;
    return [["Apart", [`${short(apart(guess, recorded), 2)} on average (${line.y_label})`]]];
  }
}

/** The prose right after a result, which tells it. @param {HTMLElement} details @returns {Element[]} */
function told(details) {
  const found = [];
  for (let next = details.nextElementSibling; next?.matches("p, ul, ol, blockquote"); next = next.nextElementSibling) {
    found.push(next);
  }
  return found;
}

/** @typedef {NumberPrediction | ChoicePrediction | CurvePrediction} AnyPrediction */

/** @type {Record<string, new (root: HTMLElement, changed: () => void) => AnyPrediction>} */
const KINDS = { number: NumberPrediction, choice: ChoicePrediction, curve: CurvePrediction };

/** The folded results of a page, each with the predictions that it waits for. */
function start() {
  /** @type {AnyPrediction[]} */
  const predictions = [];
  /** @type {Map<HTMLDetailsElement, AnyPrediction[]>} */
  const waiting = new Map();
  const update = () => {
    for (const [details, asked] of waiting) {
      const open = asked.every((prediction) => prediction.state !== null);
      part(details, "summary").textContent = open ? "The result" : "Reveal the result without a guess";
      if (open !== details.classList.contains("is-met")) details.open = open;
      details.classList.toggle("is-met", open);
      for (const prose of told(details)) prose.classList.toggle("is-veiled", !open);
    }
  };
  for (const root of parts(document, ".predict")) {
    const prediction = new KINDS[root.dataset.kind ?? ""](root, update);
    predictions.push(prediction);
    for (const cell of prediction.cells) {
      const details = /** @type {HTMLDetailsElement | null} */ (document.getElementById(`reveal-${cell}`));
      if (details) waiting.set(details, [...(waiting.get(details) ?? []), prediction]);
    }
  }
  for (const prediction of predictions) prediction.start();
  for (const [details, asked] of waiting) {
    /** @param {Event} event */
    const waive = (event) => {
      if (details.open || details.classList.contains("is-met")) return;
      event.preventDefault(); // waiving opens it
      event.stopPropagation();
      for (const prediction of asked) prediction.waive();
    };
    part(details, "summary").addEventListener("click", waive);
    for (const prose of told(details)) prose.addEventListener("click", waive, true);
  }
  update();
}

start();
