/**
 * Predict, then reveal.
 *
 * The page arrives with each question and, below the code, the result folded away. This module makes a form of the
 * question and blurs the prose that tells the result. A guess, or "Show me", unfolds the result; so does unfolding it by
 * hand, or a click on the prose. The guess then stands beside what the run gave. It is stored under the prediction's name and the hash of its text and result:
 * `predict:LESSON/ID:HASH` → `{"guess": number | number[] | null, "waived": boolean, "at": milliseconds}`, where a guess
 * is a number, the index of a choice, or the heights of a sketched line.
 */

import { announce, copies, make } from "./dom.js";
import { readings, unreadable } from "./numbers.js";
import { Sketch, apart, short } from "./sketch.js";
import { store } from "./store.js";

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

/** What all kinds share: the form, what is stored, and the results that wait. */
class Prediction {
  /** @param {HTMLElement} root @param {() => void} changed */
  constructor(root, changed) {
    this.root = root;
    this.key = `predict:${root.dataset.key}`;
    this.changed = changed;
    this.cells = (root.dataset.cells ?? "").split(" ");
    this.result = document.getElementById(`${root.id}-result`);
    /** @type {{guess: any, waived: boolean, at: number} | null} */
    this.state = null;

    const ask = root.querySelector(".predict-ask");
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

  start() {
    this.field.append(
      ...this.controls(), make("div", { class: "quiz-buttons" }, this.button, this.skip, this.again), this.status,
    );
    this.root.append(this.form);
    const stored = /** @type {any} */ (store.readJson(this.key));
    if (stored?.waived === true) this.state = { guess: null, waived: true, at: stored.at };
    else if (stored && this.valid(stored.guess)) this.state = stored;
    if (this.state && !this.state.waived) this.restore(this.state.guess);
    this.root.classList.add("is-live");
    this.show();
  }

  /** Opens the result without a guess. */
  waive() {
    if (!this.state) this.set({ guess: null, waived: true, at: Date.now() });
  }

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
    this.first().focus();
    this.changed();
    announce();
  }

  ask(message) {
    this.status.replaceChildren(make("p", { class: "quiz-status quiz-status--ask" }, message));
  }

  show() {
    const { state } = this;
    this.root.classList.toggle("is-done", state !== null);
    this.button.hidden = this.skip.hidden = state !== null;
    this.again.hidden = state === null;
    this.result?.querySelector(".predict-yours")?.remove();
    const yours = state && !state.waived ? this.words(state.guess) : null;
    if (yours) {
      this.result?.prepend(make("span", { class: "predict-yours" }, "You guessed ", make("strong", {}, yours), ". "));
    }
    this.status.replaceChildren(...(yours ? [this.comparison(yours, state.guess)] : []));
    if (state?.waived) this.status.replaceChildren(make("p", {}, "No guess this time. ", this.link()));
  }

  /** Rows of a comparison: what is compared, and its words. */
  comparison(yours, guess) {
    const rows = [["You", [yours]], ["The run", this.theirs()], ...this.verdict(guess)];
    const list = make("dl", {}, ...rows.map(([name, words]) => make("div", {}, make("dt", {}, name), make("dd", {}, ...words))));
    return make("div", { class: "predict-compared" }, list, make("p", {}, this.link()));
  }

  /** The way to the result. */
  link() {
    return make("a", { href: `#reveal-${this.cells[0]}` }, "See the result");
  }

  /** What the run gave. */
  theirs() {
    return copies(this.result.querySelector(".predict-run"));
  }
}

class NumberPrediction extends Prediction {
  controls() {
    const { unit = "" } = this.root.dataset;
    this.unit = unit;
    this.input = make("input", {
      type: "text", inputmode: "text", id: `${this.root.id}-input`, autocapitalize: "off", spellcheck: "false",
    });
    const label = make("label", { for: this.input.id }, "Your guess");
    if (unit) label.append(make("span", { class: "quiz-hidden" }, ` in ${unit}`));
    const row = make("div", { class: "quiz-number" }, label, this.input);
    if (unit) row.append(make("span", { class: "quiz-unit", "aria-hidden": "true" }, unit));
    this.input.addEventListener("input", () => {
      if (this.input.getAttribute("aria-invalid")) {
        this.input.removeAttribute("aria-invalid");
        this.status.replaceChildren();
      }
    });
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

  valid(guess) {
    return typeof guess === "number" && Number.isFinite(guess);
  }

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

  words(guess) {
    return short(guess, 12) + (this.unit === "×" ? this.unit : this.unit && ` ${this.unit}`);
  }

  verdict(guess) {
    return [["Yours is", [compared(guess, Number(this.root.dataset.answer))]]];
  }
}

class ChoicePrediction extends Prediction {
  controls() {
    this.list = this.root.querySelector(".predict-choices");
    this.items = [...this.list.children];
    this.right = Number(this.root.dataset.answer);
    this.marks = this.items.map(() => make("span", { class: "predict-mark" }));
    this.radios = this.items.map((item, index) => {
      const radio = make("input", { type: "radio", name: this.root.id, value: String(index), id: `${this.root.id}-${index}` });
      const words = make("div", { class: "option-text" }, ...item.childNodes);
      const mark = make("span", { class: "option-letter", "aria-hidden": "true" }, letter(index));
      item.append(make("label", { for: radio.id }, radio, mark, words, this.marks[index]));
      radio.addEventListener("change", () => this.status.replaceChildren());
      return radio;
    });
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

  valid(guess) {
    return Number.isInteger(guess) && guess in this.items;
  }

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

  words(guess) {
    return letter(guess);
  }

  verdict(guess) {
    return [["You were", [guess === this.right ? "right" : "surprised: the text below the result says why"]]];
  }
}

class CurvePrediction extends Prediction {
  controls() {
    const line = JSON.parse(this.root.querySelector("script").textContent);
    const how = this.root.querySelector(".sketch-how");
    this.sketch = new Sketch(line, this.root.id, how, () => this.status.replaceChildren());
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

  valid(guess) {
    return Array.isArray(guess) && guess.length === this.sketch.xs.length && guess.every((y) => Number.isFinite(y));
  }

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

  words(heights) {
    const { span } = this.sketch.line;
    const [first, last] = [heights[0], heights.at(-1)].map((y) => short(Math.abs(y) < 1e-3 * (span[1] - span[0]) ? 0 : y));
    return `from ${first} to ${last}`;
  }

  theirs() {
    return [this.words(this.sketch.recorded)];
  }

  verdict(guess) {
    const { recorded, line } = this.sketch;
    return [["Apart", [`${short(apart(guess, recorded), 2)} on average (${line.y_label})`]]];
  }
}

/** The prose right after a result, which tells it. */
function told(details) {
  const found = [];
  for (let next = details.nextElementSibling; next?.matches("p, ul, ol, blockquote"); next = next.nextElementSibling) {
    found.push(/** @type {HTMLElement} */ (next));
  }
  return found;
}

const KINDS = { number: NumberPrediction, choice: ChoicePrediction, curve: CurvePrediction };

/** The folded results of a page, each with the predictions that it waits for. */
function start() {
  /** @type {Prediction[]} */
  const predictions = [];
  /** @type {Map<HTMLDetailsElement, Prediction[]>} */
  const waiting = new Map();
  const update = () => {
    for (const [details, asked] of waiting) {
      const open = asked.every((prediction) => prediction.state !== null);
      details.querySelector("summary").textContent = open ? "The result" : "Reveal the result without a guess";
      if (open !== details.classList.contains("is-met")) details.open = open;
      details.classList.toggle("is-met", open);
      for (const prose of told(details)) prose.classList.toggle("is-veiled", !open);
    }
  };
  for (const root of document.querySelectorAll(".predict")) {
    const prediction = new KINDS[root.dataset.kind](root, update);
    predictions.push(prediction);
    for (const cell of prediction.cells) {
      const details = document.getElementById(`reveal-${cell}`);
      if (details) waiting.set(details, [...(waiting.get(details) ?? []), prediction]);
    }
  }
  for (const prediction of predictions) prediction.start();
  for (const [details, asked] of waiting) {
    const waive = (event) => {
      if (details.open || details.classList.contains("is-met")) return;
      event.preventDefault(); // waiving opens it
      event.stopPropagation();
      for (const prediction of asked) prediction.waive();
    };
    details.querySelector("summary").addEventListener("click", waive);
    for (const prose of told(details)) prose.addEventListener("click", waive, true);
  }
  update();
}

start();
