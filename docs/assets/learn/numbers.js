/** Numbers as people write them, and whether one is the answer. */

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * Reads a number the way people write it: `9216`, `9,216`, `9 216`, `1.2e6`, `1.2 × 10^6`, `−3`. A percentage is a
 * hundredth, unless the unit is the percent itself.
 *
 * @param {string} text what was typed
 * @param {string} unit the question's unit, which may follow the number
 * @returns {number | null} the number, or null where the text is not one
 */
export function parseNumber(text, unit = "") {
  let rest = text.normalize("NFC").trim().toLowerCase();
  let scale = 1;
  const suffix = unit.normalize("NFC").trim().toLowerCase();
  if (suffix && rest.endsWith(suffix)) rest = rest.slice(0, -suffix.length).trim();
  else if (rest.endsWith("%")) {
    rest = rest.slice(0, -1).trim();
    scale = 100;
  }
  rest = rest
    .replace(/[\u2212\u2013]/g, "-")
    .replace(/10([⁻-]?)([⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, sign, digits) =>
      `10^${sign ? "-" : ""}${[...digits].map((digit) => SUPERSCRIPTS.indexOf(digit)).join("")}`)
    .replace(/\s*[×x*·]\s*10\s*(?:\^|\*\*)\s*/g, "e")
    .replace(/(\d)[\s_'\u2019](?=\d{3}(?!\d))/g, "$1");
  const plain = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/;
  const grouped = /^[+-]?\d{1,3}(,\d{3})+(\.\d*)?(e[+-]?\d+)?$/;
  if (grouped.test(rest)) rest = rest.replaceAll(",", "");
  if (!plain.test(rest)) return null;
  const value = Number(rest) / scale;
  return Number.isFinite(value) ? value : null;
}

/**
 * Whether a number answers the question.
 *
 * @param {number} value what the learner gave
 * @param {number} answer the captured value
 * @param {number} tolerance relative; 0 asks for the exact number (up to rounding in floating point)
 */
export function isRight(value, answer, tolerance = 0) {
  return Math.abs(value - answer) <= Math.max(tolerance, 1e-9) * Math.abs(answer);
}
