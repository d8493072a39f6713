/**
 * When a question comes back: five boxes, as Sebastian Leitner's.
 *
 * The first answer puts a question into the first box. It is due when the box's days are over; a right answer then moves
 * it to the next box, a wrong answer at any time moves it back to the first. A right answer before it is due, such as
 * another try at once, moves nothing: it shows what was just read, not what was remembered.
 */

import { store } from "./store.js";

/** Days that a question waits in each box. */
export const DAYS = [1, 3, 7, 21, 60];

/** @typedef {{hash: string, box: number, at: number}} Review the text last answered, its box, and when that began */

/**
 * @param {Review | null} before
 * @param {string} hash of the text that was answered
 * @param {boolean} right
 * @param {number} now milliseconds
 * @returns {Review}
 */
export function moved(before, hash, right, now) {
  if (!before || before.hash !== hash || !right) return { hash, box: 0, at: now };
  if (now < dueAt(before)) return before;
  return { hash, box: Math.min(before.box + 1, DAYS.length - 1), at: now };
}

/** The first moment of the day a question is due on, where the reader is. @param {Review} review */
export function dueAt({ box, at }) {
  const day = new Date(at);
  day.setHours(0, 0, 0, 0);
  day.setDate(day.getDate() + DAYS[box]);
  return day.getTime();
}

/** Whole days from `now` to the day of `time`; negative in the past. @param {number} time @param {number} now */
export function daysUntil(time, now) {
  const [day, today] = [time, now].map((moment) => new Date(moment).setHours(0, 0, 0, 0));
  return Math.round((day - today) / 86_400_000); // a day may have 23 or 25 hours
}

/** A day as one says it, from today: `today`, `tomorrow`, `in 3 days`, `2 days ago`. @param {number} days */
export function daysInWords(days) {
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(days, "day");
}

/** @param {unknown} value @returns {value is Review} */
export function isReview(value) {
  const { hash, box, at } = Object(value);
  return typeof hash === "string" && Number.isInteger(box) && box in DAYS && Number.isFinite(at);
}

/** @param {string} id @returns {Review | null} */
export function reviewOf(id) {
  const found = store.readJson(`review:${id}`);
  return isReview(found) ? found : null;
}

/** Where the last answer to this very text of a question is kept. @param {string} id @param {string} hash */
export function answerKey(id, hash) {
  return `quiz:${id}:${hash}`;
}

/** Notes an answer that was given now. @param {string} id @param {string} hash @param {boolean} right */
export function answered(id, hash, right) {
  const review = moved(reviewOf(id), hash, right, Date.now());
  store.writeJson(`review:${id}`, review);
  return review;
}

/** Whether a question that was answered reads differently now. @param {string} id @param {string} hash */
export function isChanged(id, hash) {
  const review = reviewOf(id);
  return review !== null && review.hash !== hash && store.read(answerKey(id, hash)) === null;
}

/** Whether a question that was answered asks for another answer. @param {string} id @param {string} hash */
export function isDue(id, hash) {
  const review = reviewOf(id);
  return review !== null && (isChanged(id, hash) || dueAt(review) <= Date.now());
}
