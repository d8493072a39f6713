/**
 * Numbers as people write them, and whether one is the answer: the judge of pages, which notebooks have as
 * `course/answers.py`. Both are held to `tests/answers.json`.
 */

const EXACT = 1e-9; // what decimals lose in binary
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const SPACE = "[ \\t\\n\\r\\u00a0\\u2009\\u202f]";
const TEN_TO_THE = `10${SPACE}*(?:\\^|\\*\\*)${SPACE}*`;
const NUMBER = new RegExp(`^([+-]?)${SPACE}*([0-9.,_]*[0-9][0-9.,_]*)(e[+-]?[0-9]+)?$`);
/** What groups thousands, what begins decimals, and numbers written so; the notation of the course first. */
const NOTATIONS = [[",", "."], [".", ","]].map(([comma, point]) => ({
  comma,
  point,
  pattern: new RegExp(`^(?:[1-9][0-9]{0,2}([${comma}_])[0-9]{3}(?:\\1[0-9]{3})*|[0-9]*)(?:[${point}][0-9]*)?$`),
}));

/** @param {string} text */
const trimmed = (text) => text.replace(new RegExp(`^${SPACE}+|${SPACE}+$`, "g"), "");

/** @param {string} text @returns {number[]} */
function numbers(text) {
  const parts = NUMBER.exec(text);
  if (!parts) return [];
  const [, sign, digits, power] = parts;
  return NOTATIONS.filter(({ pattern }) => pattern.test(digits)).map(({ comma, point }) =>
    Number(sign + digits.replaceAll(comma, "").replaceAll("_", "").replace(point, ".") + (power ?? "")));
}

/**
 * The numbers that a text may mean, in the notation of the course first. Read are `9216`, `9,216`, `9 216`, `9.216,5`,
 * `0.25`, `0,25`, `−3`, `1/8`, `1.2e6`, `1.2 × 10^6` and `10⁻³`. A percentage is a hundredth, unless the unit is the
 * percent itself. `1,536` is 1536 or 1.536, and `1.536` is 1.536 or 1536. Other units, and letters that multiply, as in
 * `64 k`, are not read: a learner is told to write digits.
 *
 * @param {string} text what was typed
 * @param {string} unit the question's unit, which may follow the number
 * @returns {number[]} none where the text is not a number
 */
export function readings(text, unit = "") {
  let [rest, suffix] = [text, unit].map((part) => trimmed(part.normalize("NFC")).toLowerCase());
  let scale = 1;
  if (suffix && rest.endsWith(suffix)) rest = trimmed(rest.slice(0, -suffix.length));
  else if (rest.endsWith("%")) {
    rest = trimmed(rest.slice(0, -1));
    scale = 100;
  }
  rest = rest
    .replace(/[\u2212\u2013]/g, "-")
    .replace(/10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, power) =>
      `10^${[...power].map((sign) => (sign === "⁻" ? "-" : SUPERSCRIPTS.indexOf(sign))).join("")}`)
    .replace(new RegExp(`${SPACE}*[×x*·]${SPACE}*${TEN_TO_THE}`, "g"), "e")
    .replace(new RegExp(`^([+-]?)${TEN_TO_THE}`), (_, sign) => `${sign}1e`)
    .replace(/([0-9])[ \t\u00a0\u2009\u202f'\u2019](?=[0-9])/g, "$1_");
  const line = rest.indexOf("/");
  const above = numbers(trimmed(line < 0 ? rest : rest.slice(0, line)));
  const below = line < 0 ? [1] : numbers(trimmed(rest.slice(line + 1)));
  const found = above.flatMap((number) => below.filter(Boolean).map((divisor) => number / divisor / scale));
  return [...new Set(found.filter(Number.isFinite))];
}

/**
 * Whether one of the readings answers the question.
 *
 * @param {number[]} given
 * @param {number} answer the captured value
 * @param {number} tolerance relative; 0 asks for the exact number, up to rounding in binary
 */
export function isRight(given, answer, tolerance = 0) {
  return given.some((number) => Math.abs(number - answer) <= Math.max(tolerance, EXACT) * Math.abs(answer));
}

/**
 * What to say of a text that is no number.
 *
 * @param {string} text
 * @param {string} unit
 */
export function unreadable(text, unit = "") {
  const given = text.trim().slice(0, 40);
  return `I could not read “${given}” as a number${unit ? ` (${unit})` : ""}. Write digits: 9216, 9,216, 0.25, 1/8 or 1.2e6.`;
}
