/**
 * The course's arithmetic. The Python library is the reference: these functions are its shapes, step_memory,
 * cards, lora, dpo, schedules, quantization, cost and ladder modules, held to their numbers by vectors.json. Names and units are theirs.
 */

/** @import { REASONS, RUNGS } from "./data.js" */
import { FAMILIES, MARGIN, NF4_BYTES, NORMAL, SHARDINGS, STATE_BYTES, TILE } from "./data.js";

/**
 * @typedef {object} Shapes
 * @property {number} d_model
 * @property {number} d_ff
 * @property {number} layers
 * @property {number} heads
 * @property {number} kv_heads
 * @property {number} head_dim
 * @property {number} vocab
 * @property {boolean} tied
 * @property {boolean} qkv_bias
 * @property {boolean} qk_norm
 * @property {number} experts
 * @property {number} active
 * @property {number} expert_ff
 */
/** @typedef {"full" | "lora" | "qlora"} Method */
/** @typedef {keyof typeof STATE_BYTES} Optimizer */
/**
 * @typedef {object} Setup
 * @property {Shapes} shapes
 * @property {Method} method
 * @property {string} precision
 * @property {Optimizer} optimizer
 * @property {number} rank
 * @property {string[]} targets
 * @property {number} batch
 * @property {number} sequence
 * @property {boolean} checkpointing
 * @property {string} loss
 * @property {boolean} accumulate
 * @property {number} cards
 * @property {string} sharding
 */
/**
 * @typedef {object} Moment bytes that are alive
 * @property {string} name
 * @property {string} phase
 * @property {number} weights
 * @property {number} gradients
 * @property {number} optimizer
 * @property {number} activations
 * @property {number} work
 */

/** @param {number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);

/* ---------- course.shapes ---------- */

/** `[d_out, d_in]` of each matrix of a block that every token passes. @param {Shapes} shapes @returns {Record<string, number[]>} */
export function matrices({ d_model: d, d_ff: f, heads, kv_heads, head_dim }) {
  const q = heads * head_dim;
  const kv = kv_heads * head_dim;
  const attention = { q_proj: [q, d], k_proj: [kv, d], v_proj: [kv, d], o_proj: [d, q] };
  return f ? { ...attention, gate_proj: [f, d], up_proj: [f, d], down_proj: [d, f] } : attention;
}

/** Weights in those matrices. @param {Shapes} shapes */
export function linear(shapes) {
  return sum(Object.values(matrices(shapes)).map(([out, into]) => out * into));
}

/** Weights in the experts of a block. @param {Shapes} shapes */
const routed = (shapes) => 3 * shapes.experts * shapes.d_model * shapes.expert_ff;

/** Parameters of a block. @param {Shapes} shapes */
function blockParameters(shapes) {
  const biases = shapes.qkv_bias ? (shapes.heads + 2 * shapes.kv_heads) * shapes.head_dim : 0;
  const norms = 2 * shapes.d_model + (shapes.qk_norm ? 2 * shapes.head_dim : 0);
  return linear(shapes) + biases + routed(shapes) + shapes.experts * shapes.d_model + norms;
}

/** All parameters. @param {Shapes} shapes */
export function parameters(shapes) {
  return shapes.vocab * shapes.d_model * (shapes.tied ? 1 : 2) + shapes.layers * blockParameters(shapes) + shapes.d_model;
}

/** Parameters that a token passes. @param {Shapes} shapes */
export function activeParameters(shapes) {
  return parameters(shapes) - shapes.layers * 3 * (shapes.experts - shapes.active) * shapes.d_model * shapes.expert_ff;
}

/** Shapes from a `config.json`; throws an Error that says what it cannot read. @param {Record<string, any>} config @returns {Shapes} */
export function fromConfig(config) {
  const family = config.model_type;
  /** @type {Record<string, {qkv_bias?: boolean, qk_norm?: boolean}>} */
  const families = FAMILIES;
  if (!Object.hasOwn(families, family)) {
    throw new Error(`model_type '${family}' is not one of ${Object.keys(families).join(", ")}`);
  }
  /** @param {string} name */
  const number = (name) => {
    if (!(name in config)) throw new Error(`${name} is missing`);
    return Number(config[name]);
  };
  const d = number("hidden_size");
  const heads = number("num_attention_heads");
  const experts = Number(config.num_experts || config.num_local_experts || 0);
  return {
    d_model: d,
    d_ff: experts ? 0 : number("intermediate_size"),
    layers: number("num_hidden_layers"),
    heads,
    kv_heads: Number(config.num_key_value_heads || heads),
    head_dim: Number(config.head_dim || Math.floor(d / heads)),
    vocab: number("vocab_size"),
    tied: Boolean(config.tie_word_embeddings ?? family === "smollm3"),
    qkv_bias: Boolean(families[family].qkv_bias || config.attention_bias),
    qk_norm: Boolean(families[family].qk_norm),
    experts,
    active: experts ? number("num_experts_per_tok") : 0,
    expert_ff: experts ? Number(config.moe_intermediate_size || number("intermediate_size")) : 0,
  };
}

/* ---------- course.step_memory ---------- */

/** What a setup decides at once: bytes of numbers, counts of what is trained. @param {Setup} setup */
export function sizes(setup) {
  const { shapes, method, precision, rank } = setup;
  const full = method === "full";
  const qlora = method === "qlora";
  const autocast = qlora || precision === "bf16" || precision === "mixed";
  const w = !qlora && (precision === "mixed" || precision === "fp32") ? 4 : 2;
  const adapted = Object.fromEntries(Object.entries(matrices(shapes)).filter(([name]) => setup.targets.includes(name)));
  const adapter = sum(Object.values(adapted).map(([out, into]) => rank * (out + into)));
  const trainedBlock = full ? blockParameters(shapes) : adapter;
  return {
    full, autocast, w, adapted, trainedBlock,
    e: !qlora && precision === "fp32" ? 4 : 2,
    casts: autocast && w === 4,
    trainedBytes: { full: w, lora: 4, qlora: 2 }[method],
    tokens: setup.batch * setup.sequence,
    trained: full ? parameters(shapes) : shapes.layers * trainedBlock,
  };
}

/** What a block keeps for its backward pass, in bytes a token. @param {Setup} setup */
export function keptPerToken(setup) {
  const { shapes } = setup;
  const { full, e, w, casts, adapted, autocast, trainedBytes } = sizes(setup);
  const { d_model: d, d_ff: f, active: k, expert_ff: m } = shapes;
  const q = shapes.heads * shapes.head_dim;
  const kv = shapes.kv_heads * shapes.head_dim;
  let kept = 2 * (4 * d + 4) + e * 2 * (q + kv) + 4 * shapes.heads;
  if (full) kept += 2 * w * d;
  if (shapes.qk_norm) kept += 4 * (q + kv) + 4 * (shapes.heads + shapes.kv_heads) + (full ? e * (q + kv) : 0);
  const readers = [["q_proj", "k_proj", "v_proj"], ["gate_proj", "up_proj"]].filter(([name]) => f || name === "q_proj");
  if (full) {
    kept += (casts ? sum(readers.map((names) => names.length)) : readers.length) * e * d;
  } else {
    kept += Object.keys(adapted).length * setup.rank * (autocast ? 2 : 4);
    if (trainedBytes === e) {
      kept += readers.filter((names) => names.some((name) => name in adapted)).length * e * d;
      if ("down_proj" in adapted) kept += e * f;
    } else {
      kept += sum(Object.values(adapted).map(([, into]) => into)) * (autocast ? 2 : 4);
    }
  }
  if (f) kept += 3 * e * f + (full ? e * f : 0);
  if (shapes.experts) kept += 4 * shapes.experts + 12 * k + 3 * e * k * m + e * k * d + (full ? e * k * (d + m) : 0);
  return kept;
}

/** Bytes of all weights, undivided. @param {Setup} setup */
export function weightBytes(setup) {
  const { shapes, method } = setup;
  const { trained, trainedBytes, w } = sizes(setup);
  if (method === "full") return trained * w;
  const quantized = method === "qlora" ? shapes.layers * linear(shapes) : 0;
  return Math.ceil(quantized * NF4_BYTES) + (parameters(shapes) - quantized) * w + trained * trainedBytes;
}

/** Bytes of the optimizer's states, undivided. @param {Setup} setup */
export function stateBytes(setup) {
  const { trained, trainedBytes } = sizes(setup);
  const own = setup.optimizer.startsWith("adamw_torch") ? trainedBytes : 1;
  return Math.ceil(trained * STATE_BYTES[setup.optimizer] * own);
}

/** What a block keeps, with copies of its weights. @param {Setup} setup */
function keptBlock(setup) {
  const { casts, autocast, trainedBlock, tokens } = sizes(setup);
  let cast = casts ? 2 * (linear(setup.shapes) + routed(setup.shapes)) : 0;
  if (setup.method === "lora" && autocast) cast += 2 * trainedBlock;
  return { block: tokens * keptPerToken(setup) + cast, cast };
}

/** What the last norm and the loss keep. @param {Setup} setup */
function keptHead(setup) {
  const { d_model: d, vocab } = setup.shapes;
  const { tokens, w, full, e, casts } = sizes(setup);
  const norm = tokens * (4 * d + 4 + (full ? w * d : 0));
  if (setup.loss === "tiles") return norm + tokens * (w * d + 24);
  return norm + tokens * (4 * vocab + 8 + (full ? e * d : 0)) + (casts ? 2 * vocab * d : 0);
}

/** What lives only while the loss is computed, and while its gradient is. @param {Setup} setup */
function lossWork(setup) {
  const { d_model: d, vocab } = setup.shapes;
  const { tokens, w, full, e, casts } = sizes(setup);
  if (setup.loss === "whole") return [tokens * vocab * (e === 4 ? 4 : 6), 8 * tokens * vocab];
  const tile = e * Math.min(tokens, TILE[0]) * TILE[1];
  const chunk = casts ? 2 * Math.min(vocab, TILE[1]) * d : 0;
  const made = 4 * tokens * d + (full ? 4 * vocab * d : 0);
  return [tile + chunk + 28 * tokens, tile + 2 * chunk + made + (w === 2 ? Math.floor(made / 2) : 0)];
}

/** What lives beside a block's kept tensors when its last adapter computes. @param {Setup} setup */
function unkept(setup) {
  const { adapted, autocast, tokens, e } = sizes(setup);
  if (setup.method !== "lora" || !("down_proj" in adapted) || setup.precision === "fp32") return 0;
  const { d_model: d, d_ff: f } = setup.shapes;
  return tokens * (autocast ? (4 + e) * f + 4 * e * d : e * f + (12 + 3 * e) * d);
}

/** What a card has of weights, gradients and states. @param {Setup} setup */
function shares(setup) {
  const { trained, trainedBlock, trainedBytes, w } = sizes(setup);
  const { cards, shapes } = setup;
  const stage = cards === 1 ? 0 : SHARDINGS.indexOf(setup.sharding);
  const ends = shapes.vocab * shapes.d_model * w;
  const blocks = weightBytes(setup) - ends * (shapes.tied ? 1 : 2);
  const one = stage < 2 ? trained : trainedBlock;
  return {
    /** @param {number} size @param {number} from */
    share: (size, from) => (stage >= from ? Math.ceil(size / cards) : size),
    gathered: stage === 3 ? Math.max(2 * Math.floor(blocks / shapes.layers), ends) : 0,
    reduced: cards === 1 ? 0 : one * trainedBytes,
  };
}

/** One step on one card, moment by moment. @param {Setup} setup @returns {Moment[]} */
export function timeline(setup) {
  const { shapes, accumulate } = setup;
  const { d_model: d, layers } = shapes;
  const { full, w, e, tokens, trained, trainedBlock, trainedBytes } = sizes(setup);
  const { share, gathered, reduced } = shares(setup);
  const whole = share(weightBytes(setup), 3) + gathered;
  const held = stateBytes(setup);
  const all = trained * trainedBytes;
  const embedding = full ? shapes.vocab * d * w : 0;
  /** @type {Moment[]} */
  const found = [];
  /** @param {string} name @param {string} phase @param {number} made @param {number} activations @param {number} work */
  const moment = (name, phase, made, activations, work) => {
    const gradients = share(accumulate ? all : made, 2);
    found.push({ name, phase, weights: whole, gradients, optimizer: share(held, 1), activations, work: work + reduced });
  };
  const { block, cast } = keptBlock(setup);
  const head = keptHead(setup);
  const [forward, backward] = lossWork(setup);
  const kept = setup.checkpointing ? tokens * d * w : block;
  const again = setup.checkpointing ? block : 0;
  const shared = 2 * shapes.head_dim * w * setup.sequence + 8 * tokens;
  const unread = full || setup.checkpointing ? 0 : tokens * (4 * d + 4);
  const saved = layers * kept + shared - unread;
  const copies = again && (full || w === 2) ? layers * cast : 0;
  const stream = tokens * d * w;
  const f = Math.max(shapes.d_ff, shapes.active * shapes.expert_ff);
  const widest = full ? w * d * Math.max(shapes.d_ff, shapes.experts * shapes.expert_ff) : 0;
  const mlp = stream + 2 * e * tokens * f + widest;
  moment("forward pass", "forward", 0, saved + head + copies, forward);
  moment("loss", "backward", 0, saved + head, backward);
  moment("last norm", "backward", embedding, saved + 4 * tokens * d, 22 * tokens * d);
  if (again) moment("last block, computed again", "backward", embedding, saved + again, stream + unkept(setup));
  moment("last block", "backward", embedding, saved + again, mlp);
  moment("first block", "backward", embedding + (layers - 1) * trainedBlock * trainedBytes, kept + again + shared, mlp);
  moment("embedding", "backward", all, shared, embedding * (shapes.tied ? 2 : Number(accumulate)));
  moment("optimizer", "optimizer", all, 0, share(setup.optimizer === "adamw_torch" ? all : 0, 1));
  return found;
}

/** All that is alive at a moment. @param {Moment} moment */
export function alive({ weights, gradients, optimizer, activations, work }) {
  return weights + gradients + optimizer + activations + work;
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
