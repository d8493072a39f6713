/**
 * Numbers as text, in the formats that bindings on the pages have (docs/contribute/lesson-format.md).
 */

/** @type {Record<string, [bytes: number, name: string]>} */
const UNITS = { kb: [1e3, "kB"], mb: [1e6, "MB"], gb: [1e9, "GB"], tb: [1e12, "TB"] };
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/**
 * Scripts round an exact half up, Python to the even digit.
 *
 * @param {string} exact the value to 100 decimals
 * @param {number} digits
 * @param {string} up the usual text
 */
function even(exact, digits, up) {
  const [whole, decimals] = exact.split(".");
  const down = digits ? `${whole}.${decimals.slice(0, digits)}` : whole;
  return /^50*$/.test(decimals.slice(digits)) && Number(down.at(-1)) % 2 === 0 ? down : up;
}

/** Fixed decimals, as Python writes them. @param {number} value @param {number} digits */
export function fixed(value, digits) {
  return even(value.toFixed(100), digits, value.toFixed(digits));
}

/** A length in a drawing, as short as SVG reads it. @param {number} value @param {number} digits */
export function length(value, digits = 2) {
  return String(Number(fixed(value, digits)));
}

/** @param {string} text */
function grouped(text) {
  const [whole, decimals] = text.split(".");
  const found = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return decimals === undefined ? found : `${found}.${decimals}`;
}

/** A real minus sign, and no negative zero. @param {string} text */
function minus(text) {
  const positive = /^-0(\.0+)?\D*$/.test(text) ? text.slice(1) : text;
  return positive.startsWith("-") ? `−${positive.slice(1)}` : positive;
}

/** @param {number} exponent */
function power(exponent) {
  const digits = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("");
  return ` × 10${exponent < 0 ? "⁻" : ""}${digits}`;
}

/** Shortest text of `digits` significant digits. @param {number} value @param {number} digits */
function general(value, digits) {
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e").map(Number);
  if (exponent >= -4 && exponent < digits) return String(Number(value.toPrecision(digits)));
  return mantissa + power(exponent);
}

/**
 * @param {number} value
 * @param {string} style such as "int", "f2", "pct1", "gb1", "x0", "sci1"
 * @returns {string}
 */
export function form(value, style) {
  if (style === "int") return minus(grouped(fixed(value, 0)));
  const [, name, last] = style.match(/^([a-z]+?)(\d)$/) ?? ["", "", ""];
  const digits = Number(last);
  if (name in UNITS) return minus(`${grouped(fixed(value / UNITS[name][0], digits))} ${UNITS[name][1]}`);
  if (name === "f") return minus(grouped(fixed(value, digits)));
  if (name === "pct") return minus(`${grouped(fixed(100 * value, digits))} %`);
  if (name === "x") return minus(`${grouped(fixed(value, digits))}×`);
  if (name === "g") return minus(general(value, digits));
  if (name === "sci") {
    const [mantissa, exponent] = value.toExponential(digits).split("e");
    return minus(even(value.toExponential(100).split("e")[0], digits, mantissa) + power(Number(exponent)));
  }
  throw new Error(`unknown format ${style}`);
}
