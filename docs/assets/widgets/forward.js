/** The LoRA forward pass with every number in sight. */

/** @import { View } from "./main.js" */
import { descend } from "./arithmetic.js";
import { form } from "./format.js";

const X = [1, 2];
const Y = [0, 4];
const RATE = 0.01;
const ROWS = { b: [1, 1], a: [0, 0], both: [0, 0] };
const COLUMNS = { b: [0, 0], a: [1, 1], both: [0, 0] };

/** @param {number[]} values */
const vector = (values) => `(${values.map((value) => form(value, "f3")).join(", ")})`;

/** @param {{alpha: number, step: number, start: keyof typeof ROWS}} state @returns {View} */
export function view({ alpha, step, start }) {
  const now = descend(X, Y, ROWS[start], COLUMNS[start], alpha, RATE, step);
  const update = now.b.flatMap((b) => now.a.map((a) => form(alpha * b * a, "f3")));
  const merged = now.b.flatMap((b, i) => now.a.map((a, k) => form(Number(i === k) + alpha * b * a, "f3")));
  const asleep = [...now.to_a, ...now.to_b].every((gradient) => gradient === 0);
  const texts = {
    a: vector(now.a),
    b: vector(now.b),
    heard: form(now.heard, "f3"),
    spoken: vector(now.spoken),
    h: vector(now.h),
    loss: form(now.loss, "f3"),
    to_a: vector(now.to_a),
    to_b: vector(now.to_b),
    update: `(${update[0]}, ${update[1]}; ${update[2]}, ${update[3]})`,
    merged: `(${merged[0]}, ${merged[1]}; ${merged[2]}, ${merged[3]})`,
    note: asleep ? "Both gradients are zero: nothing will ever move." : "At least one gradient is not zero.",
  };
  const summary = `After ${step} ${step === 1 ? "step" : "steps"} of descent, Ax = ${texts.heard}, ` +
    `the adapter adds ${texts.spoken}, h = ${texts.h} and the loss is ${texts.loss}. ${texts.note}`;
  return { summary, texts, drawn: {} };
}
