/**
 * The evidence behind every bound number: on hover, focus and tap, the expression, its exact value, its kind, the run,
 * and the way to the cell that recorded it.
 *
 * A page has a hundred numbers and more. By mouse and touch each can be asked at once. In the order of Tab they would
 * stand between a reader and the next link, so they enter it only on demand: the line at the head of a lesson that leads
 * to the run becomes a switch for that, which marks them too. It is remembered and holds for all pages.
 */

import { make, parts } from "./dom.js";
import { explain, point } from "./popover.js";
import { store } from "./store.js";

const NUMBERS = "data";
const KEY = "my:evidence";

/**
 * @typedef {object} Run what a page says of one lesson
 * @property {string} page the address of its page from here; empty on its own
 * @property {string} run when and on what it ran
 * @property {Array<[cell: number, kind: string, keys: string[]]>} cells the keys of one kind that a cell recorded
 */

/** @type {Record<string, string>} */
const kinds = {};
/** @type {Map<string | undefined, Run>} */
const runs = new Map();

for (const block of document.querySelectorAll("script.evidence")) {
  const data = JSON.parse(block.textContent ?? "");
  Object.assign(kinds, data.kinds);
  for (const [label, run] of Object.entries(data.runs)) runs.set(label, run);
}

/** The expression of a number. Its title goes: the browser would show it beside the box. @param {HTMLElement} number */
function expressionOf(number) {
  if (number.title) {
    number.dataset.expression = number.title;
    number.removeAttribute("title");
  }
  return number.dataset.expression ?? "";
}

/** What the box of a number shows. @param {HTMLElement} number */
function describe(number) {
  const expression = expressionOf(number);
  const read = (number.dataset.keys ?? expression).split(" ");
  const label = number.closest("[data-run]")?.getAttribute("data-run");
  const run = label ? runs.get(label) : runs.values().next().value;
  const found = (run?.cells ?? [])
    .map(([cell, kind, keys]) => ({ cell, kind, keys: keys.filter((key) => read.includes(key)) }))
    .filter(({ keys }) => keys.length);
  const said = number.getAttribute("value") || (number.textContent ?? "");
  const exact = /^-?[\d.]/.test(said) ? said.replace("-", "−") : said;
  const nodes = [make("p", { class: "evidence-value" }, make("code", {}, expression), ` = ${exact}`)];
  if (!run || !found.length) {
    return [...nodes, make("p", {}, "Arithmetic with numbers that are written here; no run is behind it.")];
  }
  for (const kind of new Set(found.map((entry) => entry.kind))) nodes.push(make("p", {}, kinds[kind]));
  nodes.push(make("p", { class: "evidence-run" }, run.run), make("p", { class: "evidence-cells" }, ...links(run, found)));
  return nodes;
}

/** One link for each cell; the keys tell several apart. @param {Run} run @param {Array<{cell: number, keys: string[]}>} found */
function links(run, found) {
  /** @type {Map<number, string[]>} */
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
  if (code instanceof HTMLDetailsElement && code.matches(".abstract")) code.open = true;
}

/** Marks the numbers and makes them stops of Tab, or undoes that. @param {boolean} on @returns {HTMLElement[]} the numbers */
function show(on) {
  const numbers = parts(document, NUMBERS).filter((number) => !number.closest("a, button, label, summary"));
  for (const number of numbers) {
    if (on) number.setAttribute("tabindex", "0");
    else number.removeAttribute("tabindex");
  }
  document.documentElement.classList.toggle("shows-evidence", on);
  return numbers;
}

/** Makes a switch of the line that leads to the run. */
function start() {
  let on = store.readJson(KEY) === "shown";
  const line = document.querySelector(".lesson-evidence");
  if (!line) {
    if (on) show(on);
    return;
  }
  const button = make("button", { type: "button" }, "Show where each number comes from");
  const told = make("span", { role: "status" });
  line.replaceChildren(button, " ", told);
  /** @type {HTMLElement | undefined} */
  let first;
  const go = make("button", { type: "button" }, "Go to the first");
  const update = () => {
    const numbers = show(on);
    first = numbers.find((number) => number.checkVisibility());
    button.setAttribute("aria-pressed", String(on));
    told.textContent = on ? `${numbers.length} numbers are marked: point, tap or Tab. ` : "";
    if (on && first) told.after(go);
    else go.remove();
  };
  // Most numbers are further down: without a way to them the switch would seem to do nothing.
  go.addEventListener("click", () => first && point(first));
  button.addEventListener("click", () => {
    on = !on;
    if (on) store.writeJson(KEY, "shown");
    else store.remove(KEY);
    update();
  });
  update();
}

explain(NUMBERS, describe);
start();
