/** The β explorer. */

/** @import { Drawn, View } from "./main.js" */
import { divergence, loss, optimum, weight } from "./arithmetic.js";
import { axes } from "./chart.js";
import { form, length } from "./format.js";

const REFERENCE = [0.5, 0.25, 0.25];
const REWARDS = [0, Math.log(2) / 2, Math.log(4) / 2];
const MARGINS = Array.from({ length: 81 }, (_, i) => i - 40);
const LOSS = axes([-40, 40], [0, 4]);
const WEIGHT = axes([-40, 40], [0, 1]);
const BAR = 200;

/** @param {{beta: number, margin: number}} state @returns {View} */
export function view({ beta, margin }) {
  const pairLoss = loss(margin, beta);
  const pairWeight = weight(margin, beta);
  const push = beta * pairWeight;
  const policy = optimum(REFERENCE, REWARDS, beta);
  const small = form(pairWeight, pairWeight >= 0.0005 ? "f3" : "sci1");
  /** @type {Record<string, string>} */
  const texts = {
    loss: form(pairLoss, "f3"),
    weight: small,
    push: form(push, push >= 0.00005 ? "f4" : "sci1"),
    distance: `${form(1 / beta, "f1")} nats`,
    kl: `${form(divergence(policy, REFERENCE), "f3")} nats`,
  };
  const at = `at ${form(margin, "f0")} nats.`;
  const of = `of a pair against its margin at β = ${form(beta, "f2")}`;
  /** @type {Drawn} */
  const drawn = {
    "loss.line": { d: LOSS.path(MARGINS, (m) => loss(m, beta)) },
    "loss.dot": LOSS.dot(margin, pairLoss),
    "weight.line": { d: WEIGHT.path(MARGINS, (m) => weight(m, beta)) },
    "weight.dot": WEIGHT.dot(margin, pairWeight),
    "loss.chart": { "aria-label": `Loss ${of}; ${texts.loss} ${at}` },
    "weight.chart": { "aria-label": `Weight ${of}; ${small} ${at}` },
  };
  policy.forEach((p, i) => {
    texts[`pi.${i + 1}`] = form(p, "pct1");
    drawn[`pi.${i + 1}`] = { width: length(p * BAR) };
  });
  const summary = `At β = ${form(beta, "f2")} and a margin of ${form(margin, "f0")} nats the pair's loss is ` +
    `${texts.loss} and its weight ${small}. ` +
    `The best policy gives the three answers ${texts["pi.1"]}, ${texts["pi.2"]} and ${texts["pi.3"]}.`;
  return { summary, texts, drawn };
}
