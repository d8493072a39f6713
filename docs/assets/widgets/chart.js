/** Small line charts whose axes stand still, so that only the lines move. */

import { length } from "./format.js";

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [340, 200, 40, 34, 10, 10];

/** @param {[number, number]} xs @param {[number, number]} ys the ranges of both axes */
export function axes(xs, ys) {
  /** @param {number} x @param {number} y */
  const at = (x, y) => [
    LEFT + ((x - xs[0]) / (xs[1] - xs[0])) * (WIDTH - LEFT - RIGHT),
    HEIGHT - BOTTOM - ((y - ys[0]) / (ys[1] - ys[0])) * (HEIGHT - BOTTOM - TOP),
  ];
  return {
    /** @param {number[]} places @param {(x: number) => number} f */
    path: (places, f) => {
      const points = places.map((x) => at(x, f(x)).map((at) => Math.round(10 * Number(length(at, 1)))));
      /** @param {number[]} point @param {number} i */
      const step = (point, i) => point.map((at, k) => length((at - points[i][k]) / 10, 1));
      return `M${points[0].map((at) => length(at / 10, 1)).join(" ")}l${points.slice(1).flatMap(step).join(" ")}`;
    },
    /** @param {number} x @param {number} y */
    dot: (x, y) => {
      const [cx, cy] = at(Math.min(x, xs[1]), Math.min(y, ys[1])).map((at) => length(at));
      return { cx, cy };
    },
  };
}
