/**
 * Interactive pieces.
 *
 * A piece arrives complete: its controls show the settings, everything below them what follows. This module enables the
 * controls, and shows what follows from other settings in the same places, so that nothing moves. A piece's own module
 * is a pure function from its settings to texts and attributes; it is loaded only where the piece stands.
 *
 * Settings that differ from the first ones stand in the address (`?memory.rank=64`), so a link to them can be shared.
 * What belongs to the reader instead (the card) stays in the browser's storage and is the same on every page, unless the
 * address names another: that holds on the one page, until the reader chooses.
 */

import { part, parts } from "../learn/dom.js";
import { store } from "../learn/store.js";
import { form } from "./format.js";

const QUIET = 700; // milliseconds without a change before the result is read out

/** @typedef {Record<string, Record<string, string>>} Drawn attributes of the elements of a drawing, by their name */

/**
 * @typedef {object} View what a piece shows for its settings
 * @property {string} summary
 * @property {Record<string, string>} texts by the name of the place
 * @property {Drawn} drawn
 */

/** @typedef {Record<string, string | number | boolean>} State a setting's name → its value */

/**
 * @typedef {object} Piece the module of a piece; what it knows of its own settings is more than is known here
 * @property {(state: any) => View} view
 * @property {(state: any, changed: string) => State} [settle] the settings that follow when one was changed
 * @property {(state: any) => string[]} [implied] settings that others bring
 * @property {(root: HTMLElement, change: (settings: Record<string, unknown>) => void) => void} [attach] starts what is the piece's own
 */

/** @type {Record<string, () => Promise<Piece>>} */
const PIECES = {
  beta: () => import("./beta.js"),
  cost: () => import("./cost.js"),
  forward: () => import("./forward.js"),
  ladder: () => import("./ladder.js"),
  memory: () => import("./memory.js"),
  nf4: () => import("./nf4.js"),
  rank: () => import("./rank.js"),
  schedule: () => import("./schedule.js"),
};

/** @typedef {HTMLInputElement | HTMLSelectElement} Control */

/** Whether a box or a radio button is on. @param {Control} control */
const isOn = (control) => control instanceof HTMLInputElement && control.checked;

/** One setting of a piece: a form element, or the radio buttons of one name. */
class Setting {
  /** @param {Control[]} elements */
  constructor(elements) {
    this.elements = elements;
    this.element = elements[0];
    this.name = this.element.name;
    this.steps = this.element.dataset.values?.split(" ");
    this.remember = "remember" in this.element.dataset;
    this.asked = false; // for what is remembered: whether the address says what it is here
  }

  get text() {
    const { element } = this;
    if (element.type === "radio") return this.elements.find(isOn)?.value ?? "";
    if (element.type === "checkbox") return isOn(element) ? "yes" : "no";
    return this.steps ? this.steps[Number(element.value)] : element.value;
  }

  /** Takes a value's text if the setting can have it; anything else is left out. */
  set text(text) {
    const { element } = this;
    if (element.type === "radio") {
      for (const radio of this.elements) {
        if (radio instanceof HTMLInputElement && radio.value === text) radio.checked = true;
      }
    } else if (element instanceof HTMLInputElement && element.type === "checkbox") {
      if (text === "yes" || text === "no") element.checked = text === "yes";
    } else if (this.steps) {
      if (this.steps.includes(text)) element.value = String(this.steps.indexOf(text));
    } else if (element instanceof HTMLSelectElement) {
      if ([...element.options].some((option) => option.value === text)) element.value = text;
    } else {
      const before = element.value;
      element.value = text;
      if (!element.checkValidity()) element.value = before;
    }
  }

  get value() {
    if (this.element.type === "checkbox") return isOn(this.element);
    return this.steps || this.element.type === "number" ? Number(this.text) : this.text;
  }

  set value(value) {
    this.text = typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
  }

  /** The slider's value beside it and for those who hear it. */
  show() {
    if (!this.steps) return;
    const shown = form(Number(this.value), this.element.dataset.style ?? "");
    this.element.setAttribute("aria-valuetext", shown);
    if (this.element.previousElementSibling) this.element.previousElementSibling.textContent = shown;
  }
}

class Widget {
  /** @param {HTMLElement} root @param {Piece} piece */
  constructor(root, { view, settle = (state) => state, implied = () => [], attach = () => {} }) {
    this.root = root;
    this.attach = attach;
    this.view = view;
    this.settle = settle;
    this.implied = implied;
    this.piece = root.dataset.widget;
    this.form = /** @type {HTMLFormElement} */ (part(root, ".widget-form"));
    this.problem = part(root, ".widget-problem");
    this.live = part(root, ".widget-live");
    this.pending = 0;
    const named = /** @type {Control[]} */ (parts(this.form, "[name]"));
    const names = new Set(named.map((element) => element.name));
    this.settings = [...names].map((name) => new Setting(named.filter((element) => element.name === name)));
    this.first = Object.fromEntries(this.settings.map((setting) => [setting.name, setting.text]));
  }

  start() {
    /** @type {HTMLFieldSetElement} */ (part(this.form, "fieldset")).disabled = false;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", ({ target }) => this.changed(/** @type {Control} */ (target)));
    this.form.addEventListener("change", () => this.keep());
    const reset = /** @type {HTMLButtonElement} */ (part(this.root, ".widget-reset"));
    reset.disabled = false;
    reset.addEventListener("click", () => this.reset());
    window.addEventListener("storage", () => this.recall());
    document.addEventListener("course:remembered", () => this.recall());
    const given = new URLSearchParams(location.search);
    for (const setting of this.settings) setting.asked = setting.remember && given.has(`${this.piece}.${setting.name}`);
    this.apply((setting) => given.get(`${this.piece}.${setting.name}`));
    this.root.classList.add("is-live");
    this.recall();
    this.attach(this.root, (settings) => {
      this.adopt(/** @type {State} */ ({ ...this.state(), ...settings }));
      this.say(this.show());
      this.keep();
    });
  }

  /** Gives settings the texts that `choose` returns, where it returns one. @param {(setting: Setting) => string | null} choose */
  apply(choose) {
    for (const setting of this.settings) {
      const text = setting.remember && !setting.asked ? null : choose(setting);
      if (text !== null) setting.text = text;
    }
    this.adopt(this.settle(this.state(), ""));
  }

  recall() {
    for (const setting of this.settings) {
      if (setting.remember && !setting.asked) setting.text = store.read(`my:${setting.name}`) ?? "";
    }
    this.show();
  }

  /** @returns {State} */
  state() {
    return Object.fromEntries(this.settings.map((setting) => [setting.name, setting.value]));
  }

  /** @param {State} state */
  adopt(state) {
    for (const setting of this.settings) {
      if (setting.value !== state[setting.name]) setting.value = state[setting.name];
    }
  }

  reset() {
    for (const setting of this.settings) setting.asked = false;
    this.apply((setting) => this.first[setting.name]);
    this.show();
    this.keep();
  }

  /** @param {Control} element that the reader changed */
  changed(element) {
    for (const setting of this.settings) if (setting.name === element.name) setting.asked = false;
    const wrong = this.settings.find((setting) => !setting.element.checkValidity());
    this.problem.hidden = !wrong;
    for (const { element: each } of this.settings) {
      if (each.type === "number") each.setAttribute("aria-invalid", String(!each.checkValidity()));
    }
    if (wrong) {
      const { min, max, labels } = /** @type {HTMLInputElement} */ (wrong.element);
      this.problem.textContent = `${labels?.[0].textContent}: a whole number from ${form(Number(min), "int")} to ${form(Number(max), "int")}, please.`;
      this.say(this.problem.textContent);
      return;
    }
    this.adopt(this.settle(this.state(), element.name));
    this.say(this.show());
  }

  /** Fills the places of the piece. @returns {string} all of it in a sentence */
  show() {
    const { summary, texts, drawn } = this.view(this.state());
    for (const setting of this.settings) setting.show();
    for (const element of this.root.querySelectorAll("[data-text]")) {
      const text = texts[element.getAttribute("data-text") ?? ""];
      if (element.textContent !== text) element.textContent = text;
    }
    for (const element of this.root.querySelectorAll("[data-draw]")) {
      const attributes = drawn[element.getAttribute("data-draw") ?? ""];
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    }
    /** @type {HTMLAnchorElement} */ (part(this.root, ".widget-link")).href = this.address();
    return summary;
  }

  /** The result is read out once the reader pauses, not at every step of a slider. @param {string} sentence */
  say(sentence) {
    clearTimeout(this.pending);
    this.pending = window.setTimeout(() => {
      this.live.textContent = sentence;
    }, QUIET);
  }

  address() {
    const url = new URL(location.href);
    const implied = this.implied(this.state());
    for (const setting of this.settings) {
      const key = `${this.piece}.${setting.name}`;
      const usual = setting.remember ? !setting.asked : setting.text === this.first[setting.name] || implied.includes(setting.name);
      if (usual) url.searchParams.delete(key);
      else url.searchParams.set(key, setting.text);
    }
    url.hash = this.root.id;
    return url.href;
  }

  /** Puts the settings into the address, without touching its anchor, and what is the reader's into the storage. */
  keep() {
    for (const setting of this.settings) {
      if (setting.remember && !setting.asked && (store.read(`my:${setting.name}`) ?? "") !== setting.text) {
        store.write(`my:${setting.name}`, setting.text);
        document.dispatchEvent(new CustomEvent("course:remembered"));
      }
    }
    const url = new URL(this.address());
    url.hash = location.hash;
    try {
      history.replaceState(history.state, "", url);
    } catch {
      // Some browsers refuse this for files and after many changes; the link below the piece has the settings.
    }
  }
}

for (const root of parts(document, "[data-widget]:not(.is-live)")) {
  PIECES[root.dataset.widget ?? ""]().then((piece) => new Widget(root, piece).start());
}
