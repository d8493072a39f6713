/** The learning-rate schedule explorer. */

/** @import { View } from "./main.js" */
import { meanShare, share } from "./arithmetic.js";
import { axes } from "./chart.js";
import { form } from "./format.js";

const SHAPES = { constant_with_warmup: "Constant", linear: "Linear", cosine: "Cosine" };
const WIDE = 100;

/**
 * @param {{shape: keyof typeof SHAPES, steps: number, peak: number, warmup: number, now: number}} state shares in percent
 * @returns {View}
 */
export function view({ shape, steps, peak, warmup: percent, now: place }) {
  const warmup = Math.floor((steps * percent) / 100);
  const step = Math.min(steps - 1, Math.floor((steps * place) / 100));
  const now = share(shape, step, warmup, steps);
  const mean = meanShare(shape, warmup, steps);
  const even = Array.from({ length: WIDE + 1 }, (_, k) => Math.floor((steps * k) / WIDE));
  const places = [...new Set([...even, warmup])].sort((a, b) => a - b);
  const chart = axes([0, steps], [0, 1]);
  const texts = {
    rate: form(peak * now, "sci2"),
    share: form(now, "pct1"),
    step: `${form(step, "int")} of ${form(steps, "int")}`,
    warmup: `${form(warmup, "int")} ${warmup === 1 ? "step" : "steps"}`,
    mean: `${form(mean, "pct1")} of the peak`,
    path: form(peak * mean * steps, "f3"),
    snippet: snippet(shape, steps, warmup, peak),
  };
  const summary = `${SHAPES[shape]} after ${texts.warmup} of warmup: the rate at step ${texts.step} is ` +
    `${texts.rate}, ${texts.share} of the peak. Its mean over the run is ${texts.mean}.`;
  return {
    summary,
    texts,
    drawn: {
      line: { d: chart.path(places, (at) => share(shape, at, warmup, steps)) },
      dot: chart.dot(step, now),
      chart: { "aria-label": `Learning rate over the run. ${summary}` },
    },
  };
}

/** @param {string} shape @param {number} steps @param {number} warmup @param {number} peak */
function snippet(shape, steps, warmup, peak) {
  return `SFTConfig(\n    learning_rate=${peak.toFixed(5).replace(/0+$/, "")},\n    lr_scheduler_type="${shape}",\n` +
    `    warmup_steps=${warmup},\n    max_steps=${steps},\n)`;
}
