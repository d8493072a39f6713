/** The break-even calculator. */

/** @import { View } from "./main.js" */
import { breakEven, call } from "./arithmetic.js";
import { axes } from "./chart.js";
import { form } from "./format.js";

const MONTHS = 24;

/** @param {number} amount */
const money = (amount) => form(amount, Math.abs(amount) >= 1000 ? "f0" : "f2");

/**
 * @param {Record<"calls" | "prompt" | "examples" | "answer" | "price_in" | "price_out" | "factor" | "tune" | "hosting", number>} state
 * @returns {View}
 */
export function view({ calls, prompt, examples, answer, price_in: priceIn, price_out: priceOut, factor, tune, hosting }) {
  const few = call(prompt + examples, answer, priceIn, priceOut);
  const tuned = call(prompt, answer, priceIn * factor, priceOut * factor);
  const fewMonth = calls * few;
  const tunedMonth = calls * tuned + hosting;
  const saved = fewMonth - tunedMonth;
  const months = breakEven(tune, saved);
  const needed = breakEven(tune / MONTHS + hosting, few - tuned);
  let paid = "never";
  if (months !== null) paid = months <= 120 ? `after ${form(months, "f1")} months` : "after more than ten years";
  const top = Math.max(fewMonth * MONTHS, tune + tunedMonth * MONTHS);
  const chart = axes([0, MONTHS], [0, top]);
  const crosses = months !== null && months <= MONTHS;
  const texts = {
    paid,
    few: money(fewMonth),
    tuned: money(tunedMonth),
    saved: money(saved),
    thousand: money(1000 * (few - tuned)),
    needed: needed === null ? "none" : `${form(Math.ceil(needed), "int")} a month`,
    top: money(top),
  };
  const summary = `Examples in the prompt cost ${texts.few} a month, the tune ${texts.tuned} with its hosting. ` +
    `The tune is paid ${paid}.`;
  return {
    summary,
    texts,
    drawn: {
      "few.line": { d: chart.path([0, MONTHS], (m) => fewMonth * m) },
      "tuned.line": { d: chart.path([0, MONTHS], (m) => tune + tunedMonth * m) },
      dot: crosses ? chart.dot(months, fewMonth * months) : { cx: "-10.00", cy: "-10.00" },
      chart: { "aria-label": `Total cost over ${MONTHS} months of both ways. ${summary}` },
    },
  };
}
