/**
 * The evidence behind every bound number: on hover, focus and tap, the expression, its exact value, its kind, the run,
 * and the way to the cell that recorded it.
 *
 * A page has a hundred numbers and more. By mouse and touch each can be asked at once. In the order of Tab they would
 * stand between a reader and the next link, so they enter it only on demand: the line at the head of a lesson that leads
 * to the run becomes a switch for that. It is remembered and holds for all pages.
 */

import { make } from "./dom.js";
import { explain } from "./popover.js";
import { store } from "./store.js";

const NUMBERS = "data";
const KEY = "my:evidence";

/**
 * @typedef {object} Run what a page says of one lesson
 * @property {string} page the address of its page from here; empty on its own
 * @property {string} run when and on what it ran
 * @property {Array<[number, string, string]>} cells a cell's index, a kind, and the keys of that kind it recorded
 */

/** @type {Record<string, string>} */
const kinds = {};
/** @type {Map<string, Run>} */
const runs = new Map();

for (const block of document.querySelectorAll("script.evidence")) {
  const data = JSON.parse(block.textContent ?? "");
  Object.assign(kinds, data.kinds);
  for (const [label, run] of Object.entries(data.runs)) runs.set(label, run);
}

/** The keys that an expression reads; what stands in quotes is text. @param {string} expression */
export function keysOf(expression) {
  return new Set(expression.replace(/"[^"]*"|'[^']*'/g, "").match(/(?<![\w.])[A-Za-z_][\w.]*/g));
}

/** The expression of a number. Its title goes: the browser would show it beside the box. */
function expressionOf(number) {
  if (number.title) {
    number.dataset.expression = number.title.slice(0, -` = ${number.value}`.length);
    number.removeAttribute("title");
  }
  return number.dataset.expression ?? "";
}

/** @param {HTMLDataElement} number */
function describe(number) {
  const expression = expressionOf(number);
  const label = number.closest("[data-run]")?.dataset.run;
  const run = label ? runs.get(label) : runs.values().next().value;
  const read = keysOf(expression);
  const found = (run?.cells ?? [])
    .map(([cell, kind, keys]) => ({ cell, kind, keys: keys.split(" ").filter((key) => read.has(key)) }))
    .filter(({ keys }) => keys.length);
  const said = number.value === "…" ? (number.textContent ?? "") : number.value;
  const exact = /^-?[\d.]/.test(said) ? said.replace("-", "−") : said;
  const nodes = [make("p", { class: "evidence-value" }, make("code", {}, expression), ` = ${exact}`)];
  if (!run || !found.length) {
    return [...nodes, make("p", {}, "Arithmetic with numbers that are written here; no run is behind it.")];
  }
  for (const kind of new Set(found.map((entry) => entry.kind))) nodes.push(make("p", {}, kinds[kind]));
  nodes.push(make("p", { class: "evidence-run" }, run.run), make("p", { class: "evidence-cells" }, ...links(run, found)));
  return nodes;
}

/** One link for each cell; the keys tell several apart. */
function links(run, found) {
  const cells = new Map();
  for (const { cell, keys } of found) cells.set(cell, [...(cells.get(cell) ?? []), ...keys]);
  return [...cells].flatMap(([cell, keys], place) => {
    const words = cells.size === 1 ? ["Go to the cell"] : ["The cell of ", make("code", {}, keys.join(", "))];
    const link = make("a", { href: `${run.page}#cell-${cell}` }, ...words);
    if (!run.page) link.addEventListener("click", () => unfold(document.getElementById(`cell-${cell}`)));
    return place ? [make("br"), link] : [link];
  });
}

/** Opens what hides a cell: the solution it is in, and its own folded code. @param {HTMLElement | null} cell */
function unfold(cell) {
  for (let around = cell?.closest("details"); around; around = around.parentElement?.closest("details")) {
    around.open = true;
  }
  const code = (cell?.closest("p") ?? cell)?.nextElementSibling;
  if (code?.matches("details.abstract")) code.open = true;
}

/** Whether numbers are stops of Tab. @param {boolean} on */
function show(on) {
  document.documentElement.classList.toggle("shows-evidence", on);
  for (const number of document.querySelectorAll(NUMBERS)) {
    if (on && !number.closest("a, button, label, summary")) number.setAttribute("tabindex", "0");
    else number.removeAttribute("tabindex");
  }
}

/** Makes a switch of the line that leads to the run. */
function start() {
  let on = store.readJson(KEY) === "shown";
  const line = document.querySelector(".lesson-evidence");
  if (line) {
    const button = make("button", { type: "button", "aria-pressed": String(on) }, "Show where each number comes from");
    button.addEventListener("click", () => {
      on = !on;
      button.setAttribute("aria-pressed", String(on));
      if (on) store.writeJson(KEY, "shown");
      else store.remove(KEY);
      show(on);
    });
    line.replaceChildren(button);
  }
  if (on) show(on);
}

explain(NUMBERS, describe);
start();
