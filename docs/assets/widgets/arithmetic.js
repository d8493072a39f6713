/**
 * The course's arithmetic. The Python library is the reference: these functions are its memory, cards, lora, dpo,
 * schedules, quantization, cost and ladder modules, held to their numbers by vectors.json. Names and units are theirs.
 */

/** @import { REASONS, RUNGS } from "./data.js" */
import { MARGIN, NF4_BYTES, NORMAL, STATE_BYTES } from "./data.js";

/**
 * @typedef {object} Architecture
 * @property {number} d_model
 * @property {number} d_ff
 * @property {number} layers
 * @property {number} heads
 * @property {number} kv_heads
 * @property {number} head_dim
 * @property {number} vocab
 * @property {boolean} tied
 * @property {boolean} qkv_bias
 */
/** @typedef {"full" | "lora" | "qlora"} Method */
/** @typedef {keyof typeof STATE_BYTES} Optimizer */

/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);

/* ---------- course.memory ---------- */

/** `[d_out, d_in]` of each of the seven matrices of a block. @param {Architecture} arch */
export function shapes(arch) {
  const { d_model: d, d_ff: f } = arch;
  const q = arch.heads * arch.head_dim;
  const kv = arch.kv_heads * arch.head_dim;
  return [[q, d], [kv, d], [kv, d], [d, q], [f, d], [f, d], [d, f]];
}

/** @param {number[]} shape */
const size = ([out, into]) => out * into;

/** Number of parameters. @param {Architecture} arch */
export function parameters(arch) {
  const biases = arch.qkv_bias ? (arch.heads + 2 * arch.kv_heads) * arch.head_dim : 0;
  const embedding = arch.vocab * arch.d_model;
  return (
    embedding * (arch.tied ? 1 : 2) +
    arch.layers * (sum(shapes(arch).map(size)) + biases) +
    (2 * arch.layers + 1) * arch.d_model
  );
}

/** Parameters of the seven matrices of all layers. @param {Architecture} arch */
export function matrices(arch) {
  return arch.layers * sum(shapes(arch).map(size));
}

/** `r · (d_in + d_out)` for every matrix of every layer. @param {Architecture} arch @param {number} rank */
export function loraParameters(arch, rank) {
  return arch.layers * sum(shapes(arch).map(([out, into]) => rank * (out + into)));
}

/**
 * Bytes saved for backward: in blocks, at the head, shared, and the one block that is computed again.
 *
 * @param {Architecture} arch
 * @param {number} batch
 * @param {number} sequence
 * @param {{element: number, method: Method, rank: number, checkpointing: boolean}} settings
 */
export function activations(arch, batch, sequence, { element, method, rank, checkpointing }) {
  const { d_model: d, d_ff: f, heads: h } = arch;
  const q = h * arch.head_dim;
  const kv = arch.kv_heads * arch.head_dim;
  const e = element;
  const full = method === "full";
  const attend = e * (2 * q + 2 * kv) + 4 * h;
  const norm = 4 * d + 4;
  let block;
  if (full) block = 2 * (norm + 2 * e * d) + attend + e * 4 * f;
  else if (e === 4) block = 2 * (norm + e * d) + attend + e * 4 * f + 7 * 4 * rank;
  else block = 2 * norm + attend + e * 3 * f + 4 * (5 * d + q + f) + 7 * 4 * rank;
  const head = norm + 4 * arch.vocab + 8 + (full ? 2 * e * d : 0);
  const tokens = batch * sequence;
  const ids = full ? 8 : 0;
  if (checkpointing) {
    return { blocks: tokens * arch.layers * e * d, head: tokens * head + 4, shared: tokens * ids, recompute: tokens * block };
  }
  return {
    blocks: tokens * (arch.layers * block - (full ? 0 : norm)),
    head: tokens * head + 4,
    shared: tokens * ids + 2 * arch.head_dim * e * sequence,
    recompute: 0,
  };
}

/**
 * Bytes of one training step, by shelf.
 *
 * @param {Architecture} arch
 * @param {Method} method
 * @param {{precision: string, optimizer: Optimizer, rank: number, batch: number, sequence: number, checkpointing: boolean}} settings
 */
export function estimate(arch, method, { precision, optimizer, rank, batch, sequence, checkpointing }) {
  const total = parameters(arch);
  const element = precision === "fp32" ? 4 : 2;
  const held = activations(arch, batch, sequence, { element, method, rank, checkpointing });
  const saved = held.blocks + held.head + held.shared + held.recompute;
  if (method === "full") {
    const state = precision === "bf16" && optimizer === "adamw" ? 4 : STATE_BYTES[optimizer];
    const master = precision === "mixed" ? 4 : 0;
    return {
      weights: total * element,
      gradients: total * element,
      optimizer: Math.ceil(total * state) + total * master,
      activations: saved,
    };
  }
  const trained = loraParameters(arch, rank);
  const quantized = method === "qlora" ? matrices(arch) : 0;
  return {
    weights: Math.ceil(quantized * NF4_BYTES) + (total - quantized) * element + trained * 4,
    gradients: trained * 4,
    optimizer: Math.ceil(trained * STATE_BYTES[optimizer]),
    activations: saved,
  };
}

/* ---------- course.cards ---------- */

/** Whether `total` bytes fit a card of so many GB. @param {number} total @param {number} gigabytes */
export function fit(total, gigabytes) {
  const capacity = gigabytes * 1e9;
  if (total <= (1 - MARGIN) * capacity) return "fits";
  return total <= capacity ? "tight" : "no";
}

/* ---------- course.lora ---------- */

/** Parameters of A and B. @param {number} dOut @param {number} dIn @param {number} rank */
export function trained(dOut, dIn, rank) {
  return rank * (dIn + dOut);
}

/**
 * Multiply–adds of a LoRA step of one layer, as a share of a full step's.
 *
 * @param {number} dOut
 * @param {number} dIn
 * @param {number} rank
 */
export function stepShare(dOut, dIn, rank) {
  return (2 * dOut * dIn + 3 * trained(dOut, dIn, rank)) / (3 * dOut * dIn);
}

/**
 * `[full, LoRA]` bytes of weights, gradients and Adam's moments in fp32.
 *
 * @param {number} dOut
 * @param {number} dIn
 * @param {number} rank
 */
export function adamBytes(dOut, dIn, rank) {
  return [16 * dOut * dIn, 4 * dOut * dIn + 16 * trained(dOut, dIn, rank)];
}

/**
 * One forward and backward pass of a layer with W = I, rank 1 and loss ½‖h − y‖².
 *
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} a
 * @param {number[]} b
 * @param {number} scale
 */
export function forward(x, y, a, b, scale) {
  const heard = sum(a.map((weight, i) => weight * x[i]));
  const spoken = b.map((weight) => scale * weight * heard);
  const h = x.map((value, i) => value + spoken[i]);
  const g = h.map((found, i) => found - y[i]);
  const back = sum(b.map((weight, i) => weight * g[i]));
  return {
    a, b, heard, spoken, h,
    loss: sum(g.map((error) => error * error)) / 2,
    to_a: x.map((value) => scale * back * value),
    to_b: g.map((error) => scale * error * heard),
  };
}

/**
 * The pass after so many steps of plain gradient descent on A and B.
 *
 * @param {number[]} x
 * @param {number[]} y
 * @param {number[]} a
 * @param {number[]} b
 * @param {number} scale
 * @param {number} rate
 * @param {number} steps
 */
export function descend(x, y, a, b, scale, rate, steps) {
  for (let step = 0; step < steps; step += 1) {
    const now = forward(x, y, a, b, scale);
    a = a.map((weight, i) => weight - rate * now.to_a[i]);
    b = b.map((weight, i) => weight - rate * now.to_b[i]);
  }
  return forward(x, y, a, b, scale);
}

/* ---------- course.dpo ---------- */

/** −log σ(βΔ) in nats. @param {number} margin @param {number} beta */
export function loss(margin, beta) {
  const z = beta * margin;
  return Math.max(-z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}

/** σ(−βΔ). @param {number} margin @param {number} beta */
export function weight(margin, beta) {
  const z = beta * margin;
  return z >= 0 ? Math.exp(-z) / (1 + Math.exp(-z)) : 1 / (1 + Math.exp(z));
}

/** π* ∝ π_ref · exp(r/β). @param {number[]} reference @param {number[]} rewards @param {number} beta */
export function optimum(reference, rewards, beta) {
  const top = Math.max(...rewards);
  const raised = reference.map((p, i) => p * Math.exp((rewards[i] - top) / beta));
  const total = sum(raised);
  return raised.map((p) => p / total);
}

/** KL(π ‖ π_ref) in nats. @param {number[]} policy @param {number[]} reference */
export function divergence(policy, reference) {
  return sum(policy.map((p, i) => (p > 0 ? p * Math.log(p / reference[i]) : 0)));
}

/* ---------- course.schedules ---------- */

/**
 * Rate at a step, counted from 0, as a share of the peak.
 *
 * @param {string} shape
 * @param {number} step
 * @param {number} warmup
 * @param {number} steps
 */
export function share(shape, step, warmup, steps) {
  if (step < warmup) return step / Math.max(1, warmup);
  if (shape === "constant_with_warmup") return 1;
  const progress = (step - warmup) / Math.max(1, steps - warmup);
  if (shape === "linear") return Math.max(0, 1 - progress);
  return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
}

/** Mean over all steps. @param {string} shape @param {number} warmup @param {number} steps */
export function meanShare(shape, warmup, steps) {
  let total = 0;
  for (let step = 0; step < steps; step += 1) total += share(shape, step, warmup, steps);
  return total / steps;
}

/* ---------- course.quantization ---------- */

/**
 * Weights after rounding to the nearest level times the largest magnitude of their block.
 *
 * @param {number[]} weights
 * @param {number[]} levels
 * @param {number} block
 */
export function quantized(weights, levels, block) {
  const found = [];
  for (let start = 0; start < weights.length; start += block) {
    const part = weights.slice(start, start + block);
    const scale = Math.max(...part.map(Math.abs));
    for (const w of part) {
      const nearest = levels.reduce((one, other) => (Math.abs(w / scale - other) < Math.abs(w / scale - one) ? other : one));
      found.push(scale ? scale * nearest : 0);
    }
  }
  return found;
}

/**
 * Root mean square of the rounding error, as a share of that of the weights.
 *
 * @param {number[]} weights
 * @param {number[]} levels
 * @param {number} block
 */
export function relativeError(weights, levels, block) {
  const rounded = quantized(weights, levels, block);
  return Math.sqrt(sum(weights.map((w, i) => (w - rounded[i]) ** 2)) / sum(weights.map((w) => w * w)));
}

/** Bits a weight, with a share of the block's fp32 scale. @param {number} block */
export function blockBits(block) {
  return 4 + 32 / block;
}

/** Normal quantiles in a fixed mixed order, reshaped. @param {number} tails @param {number} outlier */
export function histogramWeights(tails, outlier) {
  const shaped = NORMAL.map((_, i) => NORMAL[(i * 197 + 101) % NORMAL.length]).map((w) => Math.sign(w) * Math.abs(w) ** tails);
  const top = shaped.indexOf(Math.max(...shaped));
  return shaped.map((w, i) => (i === top ? w * outlier : w));
}

/* ---------- course.cost ---------- */

/**
 * Price of one call; prices are per million tokens.
 *
 * @param {number} tokensIn
 * @param {number} tokensOut
 * @param {number} priceIn
 * @param {number} priceOut
 */
export function call(tokensIn, tokensOut, priceIn, priceOut) {
  return (tokensIn * priceIn + tokensOut * priceOut) / 1e6;
}

/** Units after which `saved` a unit has paid `fixed`, or null. @param {number} fixed @param {number} saved */
export function breakEven(fixed, saved) {
  return saved > 0 ? fixed / saved : null;
}

/* ---------- course.ladder ---------- */

/**
 * `[rung, question]`: where to stand, and the question that decided it.
 *
 * @param {Record<Exclude<keyof typeof REASONS, "">, boolean>} answers
 * @returns {[rung: keyof typeof RUNGS, question: keyof typeof REASONS]}
 */
export function decide(answers) {
  if (!answers.prompted) return ["prompt", "prompted"];
  if (!answers.shown) return ["examples", "shown"];
  if (answers.acts) return ["tools", "acts"];
  if (answers.facts) return ["retrieval", "facts"];
  if (!answers.data) return ["examples", "data"];
  return answers.short ? ["full", "short"] : ["lora", ""];
}
