/** The rank trick, drawn to scale. */

/** @import { View } from "./main.js" */
import { adamBytes, stepShare, trained } from "./arithmetic.js";
import { form, length } from "./format.js";

const SIDE = 150;
const MIDDLE = 244;
const GAP = 5;
const TOP = 92;

/** @param {{d_out: number, d_in: number, rank: number}} state @returns {View} */
export function view({ d_out: dOut, d_in: dIn, rank }) {
  const full = dOut * dIn;
  const thin = trained(dOut, dIn, rank);
  const scale = SIDE / Math.max(dOut, dIn);
  const width = length(dIn * scale);
  const height = length(dOut * scale);
  const below = length(TOP + dOut * scale + 17);
  const line = Math.max(rank * scale, 1);
  const [allBytes, loraBytes] = adamBytes(dOut, dIn, rank);
  const ratio = thin < full ? `${form(full / thin, "x1")} fewer` : "no saving: the rank is too high";
  const [out, into] = [form(dOut, "int"), form(dIn, "int")];
  const summary = `A full update of W, ${out}×${into}, has ${form(full, "int")} numbers. ` +
    `B and A of rank ${rank} have ${form(thin, "int")}: ${ratio}.`;
  return {
    summary,
    texts: {
      "full.count": form(full, "int"),
      how: `${rank} × (${into} + ${out}) = ${form(thin, "int")}`,
      "thin.count": form(thin, "int"),
      ratio: form(full / thin, "x1"),
      "full.bytes": form(allBytes, "mb1"),
      "thin.bytes": form(loraBytes, "mb1"),
      bytes: form(allBytes / loraBytes, "x1"),
      work: form(stepShare(dOut, dIn, rank), "pct1"),
    },
    drawn: {
      w: { width, height },
      ba: { width, height },
      b: { x: length(MIDDLE - GAP - line), width: length(line), height },
      a: { y: length(TOP - GAP - line), width, height: length(line) },
      "a.name": { y: length(TOP - GAP - line - 6) },
      names: { y: below },
      "b.name": { y: below },
      drawing: { "aria-label": `W, B and A drawn to one scale. ${summary}` },
    },
  };
}
