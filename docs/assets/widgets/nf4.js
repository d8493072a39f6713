/** The NF4 explorer. */

/** @import { Drawn, View } from "./main.js" */
import { blockBits, histogramWeights, relativeError } from "./arithmetic.js";
import { LEVELS } from "./data.js";
import { form, length } from "./format.js";

/** @type {Record<keyof typeof LEVELS, string>} */
const FORMATS = { nf4: "NF4", int4: "int4", fp4: "fp4" };
const [WIDTH, HEIGHT, TICKS, BINS, BAR] = [600, 120, 16, 60, 200];

/** @param {number[]} weights @param {number} top the largest magnitude */
function bars(weights, top) {
  const counts = new Array(BINS).fill(0);
  for (const w of weights) counts[Math.min(BINS - 1, Math.floor(((w / top + 1) / 2) * BINS))] += 1;
  const scale = HEIGHT / Math.max(...counts);
  const step = WIDTH / BINS;
  const steps = counts.map((n, i) => `V${length(HEIGHT - n * scale)}H${length((i + 1) * step)}`);
  return `M0 ${HEIGHT}${steps.join("")}V${HEIGHT}Z`;
}

/** @param {number[]} levels */
const ticks = (levels) =>
  levels.map((level) => `M${length(((level + 1) / 2) * (WIDTH - 2) + 1)} ${HEIGHT + 4}v${TICKS}`).join("");

/**
 * @param {{format: keyof typeof LEVELS, tails: number, outlier: number, block: number}} state
 * @returns {View}
 */
export function view({ format, tails, outlier, block }) {
  const weights = histogramWeights(tails, outlier);
  const names = /** @type {Array<keyof typeof LEVELS>} */ (Object.keys(FORMATS));
  /** @type {Record<string, number>} */
  const found = Object.fromEntries(names.map((name) => [name, relativeError(weights, LEVELS[name], block)]));
  const best = names.reduce((one, other) => (found[other] < found[one] ? other : one));
  /** @type {Record<string, string>} */
  const texts = {
    bits: form(blockBits(block), "f2"),
    note: `${FORMATS[best]} loses least here.`,
    format: `${FORMATS[format]}: ${LEVELS[format].length} levels`,
  };
  /** @type {Drawn} */
  const drawn = {
    bars: { d: bars(weights, Math.max(...weights.map(Math.abs))) },
    levels: { d: ticks(LEVELS[format]) },
  };
  for (const name of names) {
    texts[`${name}.error`] = form(found[name], "pct1");
    drawn[`${name}.bar`] = { width: length(Math.min(1, found[name] / 0.25) * BAR) };
  }
  const errors = names.map((name) => `${FORMATS[name]} ${texts[`${name}.error`]}`).join(", ");
  const summary = `In blocks of ${block}, the error relative to the weights is: ${errors}. ${texts.note}`;
  drawn.chart = { "aria-label": `Histogram of 512 weights, with the levels of ${FORMATS[format]} below it. ${summary}` };
  return { summary, texts, drawn };
}
