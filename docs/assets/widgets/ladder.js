/** Which tool: the escalation ladder. */

/** @import { View } from "./main.js" */
import { decide } from "./arithmetic.js";
import { REASONS, RUNGS } from "./data.js";

/** @param {Parameters<typeof decide>[0]} state @returns {View} */
export function view(state) {
  const [rung, question] = decide(state);
  return {
    summary: `${RUNGS[rung]}. ${REASONS[question]}`,
    texts: { rung: RUNGS[rung], why: REASONS[question] },
    drawn: Object.fromEntries(Object.keys(RUNGS).map((name) => [name, { "data-here": name === rung ? "yes" : "no" }])),
  };
}
