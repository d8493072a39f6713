/**
 * Empty axes to sketch a line on, with the pointer or with the arrow keys, and the recorded line over it afterwards.
 *
 * The first touch makes a flat line; from then on every point has a height, so a guess is never half drawn.
 */

import { make } from "./dom.js";

const HEIGHT = 240;
const MARGIN = { left: 52, right: 14, top: 14, bottom: 42 };
const MOST = 9; // points to set by hand
const STEPS = 40; // presses of a key from the bottom to the top

/** A number in few characters. @param {number} value @param {number} digits significant ones */
export function short(value, digits = 3) {
  const rounded = Number(value.toPrecision(digits));
  const size = Math.abs(rounded);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return rounded.toExponential().replace("e", " × 10^").replace("+", "").replaceAll("-", "−");
  return rounded.toLocaleString("en-US", { maximumSignificantDigits: digits, useGrouping: size >= 1e4 }).replace("-", "−");
}

/** Mean distance of two lines at their points. @param {number[]} one @param {number[]} other */
export function apart(one, other) {
  return one.reduce((sum, y, place) => sum + Math.abs(y - other[place]), 0) / one.length;
}

/** A round step that divides `range` into at most `count` parts. @param {number} range @param {number} count */
function roundStep(range, count) {
  const rough = range / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
}

/**
 * @typedef {object} Axis
 * @property {number[]} marks
 * @property {(value: number) => number} share
 * @property {(share: number) => number} value
 */

/**
 * One axis: from values to a share of its length and back, and where its marks stand.
 *
 * @param {number} low @param {number} high what it must hold
 * @param {boolean} log
 * @param {boolean} roomy whether there is room beyond, so that its ends give nothing away
 * @returns {Axis}
 */
export function axis(low, high, log, roomy) {
  if (log) {
    const [from, to] = roomy ? [low / 2, high * 2] : [low, high];
    const [a, b] = [Math.log10(from), Math.log10(to)];
    const marks = [];
    for (let power = Math.floor(a); power <= b; power += 1) {
      for (const factor of b - a < 2 ? [1, 2, 5] : [1]) {
        const mark = factor * 10 ** power;
        if (mark >= from * 0.999 && mark <= to * 1.001) marks.push(mark);
      }
    }
    return { marks, share: (v) => (Math.log10(v) - a) / (b - a), value: (s) => 10 ** (a + s * (b - a)) };
  }
  const room = roomy ? 0.3 * (high - low || Math.abs(high) || 1) : 0;
  let [from, to] = [low >= 0 && roomy ? 0 : low - room, high + room];
  const step = roundStep(to - from || 1, 6);
  if (roomy) [from, to] = [Math.floor(from / step) * step, Math.ceil(to / step) * step];
  const marks = [];
  for (let n = Math.ceil(from / step - 1e-9); n * step <= to + 1e-9 * step; n += 1) marks.push(Number((n * step).toPrecision(12)));
  return { marks, share: (v) => (v - from) / (to - from), value: (s) => from + s * (to - from) };
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @typedef {(x: number, y: number) => [string, string]} Place from values to the drawing's coordinates */

/**
 * @typedef {object} Line what was recorded
 * @property {string} name
 * @property {number[]} x
 * @property {number[]} y
 * @property {string} x_label
 * @property {string} y_label
 * @property {boolean} x_log
 * @property {boolean} y_log
 * @property {[number, number]} span the lowest and highest value of all lines of its figure
 */

export class Sketch {
  /** @param {Line} line @param {string} id of the prediction @param {HTMLElement} how to draw, in words @param {() => void} changed */
  constructor(line, id, how, changed) {
    this.line = line;
    this.changed = changed;
    /** @type {number[] | null} */
    this.heights = null;
    this.locked = false;
    const last = line.x.length - 1;
    const count = Math.min(line.x.length, MOST);
    const places = [...Array(count).keys()].map((n) => Math.round((n * last) / (count - 1)));
    this.xs = places.map((place) => line.x[place]);
    this.recorded = places.map((place) => line.y[place]);
    this.x = axis(Math.min(...line.x), Math.max(...line.x), line.x_log, false);
    this.y = axis(...line.span, line.y_log, true);

    this.plot = draw("g", { class: "sketch-plot" });
    this.svg = draw("svg", { class: "sketch", role: "group", "aria-label": `${line.name}: ${line.y_label} over ${line.x_label}` }, this.plot);
    how.id = `${id}-how`;
    this.svg.setAttribute("aria-describedby", how.id);
    this.element = make("div", { class: "sketch-box" }, how, this.svg);
    this.handles = this.xs.map((x, place) => this.handle(x, place));
    this.listen();
    new ResizeObserver(() => this.render()).observe(this.svg);
  }

  /** @param {number} x @param {number} place */
  handle(x, place) {
    const handle = draw("circle", { class: "sketch-handle", r: 6, role: "slider", "aria-orientation": "vertical" });
    handle.setAttribute("aria-label", `${this.line.x_label} ${short(x)}`);
    handle.addEventListener("keydown", (event) => this.press(event, place));
    handle.addEventListener("focus", () => this.rove(place));
    return handle;
  }

  first() {
    return this.handles[this.handles.findIndex((handle) => handle.getAttribute("tabindex") === "0")] ?? this.handles[0];
  }

  /** One point is a stop of Tab, the arrow keys go to the others. @param {number} place */
  rove(place) {
    for (const [other, handle] of this.handles.entries()) {
      handle.setAttribute("tabindex", !this.locked && other === place ? "0" : "-1");
    }
  }

  /** @param {KeyboardEvent} event @param {number} place */
  press(event, place) {
    /** @type {Record<string, number>} */
    const asides = { ArrowLeft: -1, ArrowRight: 1, Home: -place, End: this.xs.length - 1 - place };
    /** @type {Record<string, number>} */
    const ups = { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5 };
    const { key } = event;
    if (this.locked || !(key in asides || key in ups)) return;
    event.preventDefault();
    if (key in asides) this.handles[place + asides[key]]?.focus();
    else this.move(place, this.y.share(this.height(place)) + ups[key] / STEPS);
  }

  /** @param {number} place */
  height(place) {
    return this.heights?.[place] ?? this.y.value(0.5);
  }

  /** @param {number} place @param {number} share of the axis, from below */
  move(place, share) {
    const height = this.y.value(Math.min(1, Math.max(0, share)));
    this.heights ??= this.xs.map(() => height);
    this.heights[place] = Number(height.toPrecision(4));
    this.render();
    this.changed();
  }

  /** @param {number[] | null} heights */
  set(heights) {
    this.heights = heights && [...heights];
    this.render();
  }

  /** Draws the recorded line over the sketch, which then stands. @param {boolean} shown */
  reveal(shown) {
    this.locked = shown;
    this.svg.classList.toggle("is-shown", shown);
    this.rove(0);
    this.render();
  }

  listen() {
    /** @type {number | null} the point that the pointer set last */
    let last = null;
    const follow = (/** @type {PointerEvent} */ event) => {
      const box = this.svg.getBoundingClientRect();
      const across = (event.clientX - box.left - MARGIN.left) / (box.width - MARGIN.left - MARGIN.right);
      const share = 1 - (event.clientY - box.top - MARGIN.top) / (HEIGHT - MARGIN.top - MARGIN.bottom);
      const away = this.xs.map((x) => Math.abs(this.x.share(x) - across));
      const place = away.indexOf(Math.min(...away));
      // A quick pointer skips points: those between follow the straight line.
      const from = last ?? place;
      const start = this.heights ? this.y.share(this.height(from)) : share;
      for (let at = from; at !== place; at += Math.sign(place - from)) {
        if (at !== from) this.move(at, start + ((share - start) * (at - from)) / (place - from));
      }
      this.move(place, share);
      last = place;
    };
    this.svg.addEventListener("pointerdown", (event) => {
      if (this.locked || event.button !== 0) return;
      this.svg.setPointerCapture(event.pointerId);
      last = null;
      follow(event);
      event.preventDefault();
    });
    this.svg.addEventListener("pointermove", (event) => {
      if (!this.locked && this.svg.hasPointerCapture(event.pointerId)) follow(event);
    });
  }

  render() {
    const width = this.svg.clientWidth;
    if (!width) return; // not on screen
    const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
    /** @type {Place} */
    const at = (x, y) => [
      (MARGIN.left + this.x.share(x) * inner.width).toFixed(1), (MARGIN.top + (1 - this.y.share(y)) * inner.height).toFixed(1),
    ];
    /** @param {number[]} xs @param {number[]} ys */
    const path = (xs, ys) => `M${xs.map((x, place) => at(x, ys[place]).join(" ")).join("L")}`;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const parts = this.frame(width, at);
    if (this.locked) parts.push(draw("path", { class: "sketch-run", d: path(this.line.x, this.line.y) }));
    if (this.heights) parts.push(draw("path", { class: "sketch-yours", d: path(this.xs, this.heights) }));
    const end = this.xs.length - 1;
    if (this.locked) parts.push(this.name("sketch-run", "the run", at(this.xs[end], this.recorded[end]), this.clash()));
    if (this.locked && this.heights) {
      parts.push(this.name("sketch-yours", "you", at(this.xs[end], this.heights[end]), -this.clash()));
    }
    this.handles.forEach((handle, place) => {
      const [cx, cy] = at(this.xs[place], this.height(place));
      handle.setAttribute("cx", cx);
      handle.setAttribute("cy", cy);
      handle.classList.toggle("is-unset", !this.heights);
      handle.setAttribute("aria-valuemin", String(Number(this.y.value(0).toPrecision(4))));
      handle.setAttribute("aria-valuemax", String(Number(this.y.value(1).toPrecision(4))));
      handle.setAttribute("aria-valuenow", String(Number(this.height(place).toPrecision(4))));
      handle.setAttribute("aria-valuetext", this.heights ? `${short(this.height(place))} ${this.line.y_label}` : "not drawn yet");
      if (this.locked) handle.setAttribute("aria-disabled", "true");
      else handle.removeAttribute("aria-disabled");
    });
    this.plot.replaceChildren(...parts);
    if (!this.handles[0].isConnected) this.svg.append(...this.handles);
  }

  /** 1 where the run ends above the sketch, else −1: the name of each line stands on its side of the other. */
  clash() {
    const end = this.xs.length - 1;
    return !this.heights || this.recorded[end] >= this.heights[end] ? 1 : -1;
  }

  /** @param {string} kind @param {string} text @param {[string, string]} place @param {number} side */
  name(kind, text, [x, y], side) {
    const beside = Math.min(HEIGHT - MARGIN.bottom - 4, Math.max(MARGIN.top + 8, Number(y) + (side > 0 ? -8 : 16)));
    return draw("text", { class: `sketch-name ${kind}`, x, y: beside, "text-anchor": "end" }, text);
  }

  /** Axes, marks and labels. @param {number} width @param {Place} at @returns {SVGElement[]} */
  frame(width, at) {
    const right = width - MARGIN.right;
    const bottom = HEIGHT - MARGIN.bottom;
    /** @type {SVGElement[]} */
    const parts = [];
    for (const mark of this.y.marks) {
      const [, y] = at(this.line.x[0], mark);
      parts.push(draw("line", { class: "sketch-grid", x1: MARGIN.left, x2: right, y1: y, y2: y }));
      parts.push(draw("text", { class: "sketch-mark", x: MARGIN.left - 6, y: Number(y) + 4, "text-anchor": "end" }, short(mark)));
    }
    const marks = this.line.x.length <= 6 ? this.line.x : this.x.marks;
    for (const mark of marks) {
      const [x] = at(mark, this.y.value(0));
      parts.push(draw("text", { class: "sketch-mark", x, y: bottom + 15, "text-anchor": "middle" }, short(mark)));
    }
    const middle = (MARGIN.left + right) / 2;
    parts.push(draw("text", { class: "sketch-label", x: middle, y: HEIGHT - 6, "text-anchor": "middle" }, this.line.x_label));
    const turned = `translate(12 ${(MARGIN.top + bottom) / 2}) rotate(-90)`;
    parts.push(draw("text", { class: "sketch-label", transform: turned, "text-anchor": "middle" }, this.line.y_label));
    return parts;
  }
}
