/**
 * Progress as a file: everything the course keeps in this browser, to take to another or to put away.
 *
 * A file is read as a whole or not at all. Of two answers to one question the newer is kept.
 */

import { isTick } from "./checklist.js";
import { isReading } from "./reading.js";
import { isReview } from "./reviews.js";
import { store } from "./store.js";

const FORMAT = "course-progress";
const VERSION = 1;
export const LARGEST = 5_000_000; // bytes of a file; a browser keeps no more

/**
 * What may stand under a key, by the key's form; the first part of a key says what it holds.
 *
 * @type {Array<{key: RegExp, valid: (value: unknown) => boolean}>}
 */
const KINDS = [
  { key: /^quiz:[a-z0-9-]+:[0-9a-f]+$/, valid: isAnswer },
  { key: /^review:[a-z0-9-]+$/, valid: isReview },
  { key: /^predict:[^\s:]+\/[\w-]+:[0-9a-f]+$/, valid: isGuess },
  { key: /^read:[^\s:]+$/, valid: isReading },
  { key: /^check:[^\s:]+:[0-9a-f]{8}$/, valid: isTick },
  { key: /^(my|evidence):[a-z]+$/, valid: (value) => typeof value === "string" && value.length < 100 },
];
const PREFIXES = ["check:", "evidence:", "my:", "predict:", "quiz:", "read:", "review:"];
const PLAIN = /^(my|evidence):/; // kept as text, not as JSON

/** @param {unknown} value @returns {value is Record<string, unknown>} */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {unknown} value */
function isAnswer(value) {
  const { done, right, choice, text, tries, at = 0 } = Object(value);
  return typeof done === "boolean" && typeof right === "boolean" && Number.isInteger(choice) &&
    typeof text === "string" && Number.isInteger(tries) && Number.isFinite(at);
}

/** A number, a choice, the heights of a sketched line, or nothing where the reader asked for the result. @param {unknown} value */
function isGuess(value) {
  const { guess, waived, at } = Object(value);
  const numbers = guess === null ? [] : [guess].flat();
  return typeof waived === "boolean" && Number.isFinite(at) && numbers.every(Number.isFinite);
}

/** What the reader's browser holds of the course, as it is stored. @returns {Record<string, unknown>} */
function held() {
  /** @type {Record<string, unknown>} */
  const entries = {};
  for (const key of PREFIXES.flatMap((prefix) => store.keys(prefix))) {
    const value = PLAIN.test(key) ? store.read(key) : store.readJson(key);
    if (isEntry(key, value)) entries[key] = value;
  }
  return entries;
}

/** @param {string} key @param {unknown} value */
function isEntry(key, value) {
  return KINDS.some((kind) => kind.key.test(key) && kind.valid(value));
}

/** How many answers, guesses and other entries there are. */
export function count() {
  return Object.keys(held()).length;
}

/** The text of a file with everything in it. @param {Date} now */
export function save(now) {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, saved: now.toISOString(), entries: held() }, null, 1)}\n`;
}

/** A file that cannot be taken in, with a sentence for the reader. */
export class Refused extends Error {}

/**
 * The entries of a file's text.
 *
 * @param {string} text
 * @returns {Record<string, unknown>}
 * @throws {Refused} nothing of a file that is damaged or not ours is used
 */
export function parse(text) {
  let saved;
  try {
    saved = JSON.parse(text);
  } catch {
    throw new Refused("This is not a progress file, or it is damaged.");
  }
  if (!isObject(saved) || saved.format !== FORMAT) throw new Refused("This file is not from this course.");
  const version = Number.isInteger(saved.version) ? Number(saved.version) : 0;
  if (version < 1) throw new Refused("This file is damaged: it has no version.");
  if (version > VERSION) throw new Refused("This file is from a newer version of the course. Reload the page, then try again.");
  if (!isObject(saved.entries)) throw new Refused("This file is damaged: it has no entries.");
  const wrong = Object.entries(saved.entries).find(([key, value]) => !isEntry(key, value));
  if (wrong) throw new Refused(`This file is damaged at “${wrong[0].slice(0, 60)}”.`);
  return saved.entries;
}

/** Milliseconds at which an entry was made; what does not say counts as oldest. @param {unknown} value */
const madeAt = (value) => Object(value).at ?? 0;

/**
 * Of two entries the newer; of a lesson's reading also what only the older says, such as that its end was reached.
 *
 * @param {string} key
 * @param {unknown} here
 * @param {unknown} there
 */
function newer(key, here, there) {
  const [older, later] = madeAt(there) > madeAt(here) ? [here, there] : [there, here];
  return key.startsWith("read:") ? Object.assign({}, older, later) : later;
}

/**
 * Takes entries in, each unless one as new is there. What has no time (the card) never replaces anything.
 *
 * @param {Record<string, unknown>} entries of a file, parsed
 * @param {number} now a clock that ran ahead elsewhere must not win for ever
 * @returns {{taken: number, older: number}}
 */
export function merge(entries, now) {
  const here = held();
  let taken = 0;
  for (const [key, found] of Object.entries(entries)) {
    const there = madeAt(found) > now ? Object.assign({}, found, { at: now }) : found;
    const value = key in here ? newer(key, here[key], there) : there;
    if (JSON.stringify(value) === JSON.stringify(here[key])) continue;
    if (typeof value === "string") store.write(key, value);
    else store.writeJson(key, value);
    taken += 1;
  }
  return { taken, older: Object.keys(entries).length - taken };
}

/** Forgets everything. */
export function forget() {
  for (const key of PREFIXES.flatMap((prefix) => store.keys(prefix))) store.remove(key);
}
