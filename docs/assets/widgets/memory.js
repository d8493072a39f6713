/** The GPU memory calculator. */

/** @import { Drawn, View } from "./main.js" */
import { activations, estimate, fit, loraParameters, matrices, parameters } from "./arithmetic.js";
import { ARCHITECTURES, CARDS, STATE_BYTES } from "./data.js";
import { form, length } from "./format.js";

const SHAPES = ["d_model", "d_ff", "layers", "heads", "kv_heads", "head_dim", "vocab", "tied", "qkv_bias"];
const SHELVES = /** @type {const} */ (["weights", "gradients", "optimizer", "activations"]);
const METHODS = { full: "Full tuning", lora: "LoRA", qlora: "QLoRA" };
const FITS = { fits: "fits", tight: "tight", no: "too small" };
const VERDICTS = { fits: "It fits", tight: "It is tight", no: "It is too much" };
const WIDTH = 600;

/** @import { Architecture, Method, Optimizer } from "./arithmetic.js" */

/**
 * @typedef {object} Choices
 * @property {keyof typeof ARCHITECTURES | "custom"} model
 * @property {Method} method
 * @property {string} precision
 * @property {Optimizer} optimizer
 * @property {number} rank
 * @property {number} batch
 * @property {number} sequence
 * @property {boolean} checkpointing
 * @property {string} gpu GB, or ""
 */
/** @typedef {Choices & Architecture} State */

/** A named model brings its shapes; a shape that was edited makes the model a custom one. @param {State} state @param {string} changed */
export function settle(state, changed) {
  if (SHAPES.includes(changed)) return { ...state, model: "custom" };
  if (state.model === "custom") return state;
  /** @type {Record<string, unknown>} */
  const arch = ARCHITECTURES[state.model];
  return { ...state, ...Object.fromEntries(SHAPES.map((name) => [name, arch[name]])) };
}

/** Settings that a link need not carry, since another setting brings them. @param {State} state */
export function implied(state) {
  return state.model === "custom" ? [] : SHAPES;
}

/** @param {number} count */
const whole = (count) => form(count, "int");

/** @param {State} state */
function held(state) {
  const element = state.precision === "fp32" ? 4 : 2;
  return activations(state, state.batch, state.sequence, { ...state, element });
}

/** How each shelf is computed, in words. @param {State} state */
function arithmetic(state) {
  const { method, precision, optimizer } = state;
  const total = parameters(state);
  const element = precision === "fp32" ? 4 : 2;
  const bf16Moments = method === "full" && precision === "bf16" && optimizer === "adamw";
  const stateBytes = form(bf16Moments ? 4 : STATE_BYTES[optimizer], "g4");
  const found = { weights: "", gradients: "", optimizer: "", activations: "" };
  if (method === "full") {
    const master = precision === "mixed" ? " + 4 B master copy" : "";
    const moments = optimizer === "sgd" ? "0 B" : `${stateBytes} B of moments`;
    found.weights = `${element} B × ${whole(total)} parameters`;
    found.gradients = `${element} B × ${whole(total)}`;
    found.optimizer = `(${moments}${master}) × ${whole(total)}`;
  } else {
    const trained = `${whole(loraParameters(state, state.rank))} trained`;
    let base = `${element} B × ${whole(total)} frozen`;
    if (method === "qlora") {
      const quantized = matrices(state);
      base = `4.127 bits × ${whole(quantized)} in matrices + ${element} B × ${whole(total - quantized)} others`;
    }
    found.weights = `${base} + 4 B × ${trained}`;
    found.gradients = `4 B × ${trained}`;
    found.optimizer = `${stateBytes} B × ${trained}`;
  }
  const saved = held(state);
  const tokens = state.batch * state.sequence;
  found.activations = `${whole(tokens)} tokens × (${whole(saved.blocks / tokens)} B in blocks + ` +
    `${whole((saved.head - 4) / tokens)} B at the head)`;
  if (saved.shared) found.activations += ` + ${form(saved.shared, "mb1")} of ids and angles`;
  if (state.checkpointing) found.activations += ` + one block again, ${form(saved.recompute, "gb1")}`;
  return found;
}

/** @param {State} state @returns {View} */
export function view(state) {
  const cost = estimate(state, state.method, state);
  const sum = SHELVES.reduce((bytes, shelf) => bytes + cost[shelf], 0);
  const all = parameters(state);
  const trained = state.method === "full" ? all : loraParameters(state, state.rank);
  const name = state.model === "custom" ? "a model of custom shapes" : state.model;
  const parts = SHELVES.map((shelf) => `${shelf} ${form(cost[shelf], "gb1")}`).join(", ");
  const total = form(sum, "gb1");
  const mine = Number(state.gpu) * 1e9;
  let verdict = "";
  if (mine) verdict = `${VERDICTS[fit(sum, mine / 1e9)]}: ${form(sum / mine, "pct0")} of your ${state.gpu} GB.`;
  /** @type {Record<string, string>} */
  const texts = {
    total,
    verdict,
    parameters: `${whole(trained)} of ${whole(all)} parameters are trained (${form(trained / all, "pct2")}).`,
    snippet: snippet(state),
  };
  const scale = WIDTH / Math.max(sum, mine);
  /** @type {Drawn} */
  const drawn = { "bar.mine": { width: length(mine * scale) }, bar: { "aria-label": `Stacked bar of ${total}: ${parts}.` } };
  let at = 0;
  const how = arithmetic(state);
  for (const shelf of SHELVES) {
    texts[`${shelf}.bytes`] = form(cost[shelf], "gb1");
    texts[`${shelf}.how`] = how[shelf];
    drawn[`bar.${shelf}`] = { x: length(at), width: length(cost[shelf] * scale) };
    at += cost[shelf] * scale;
  }
  for (const gb of CARDS) {
    const fitting = fit(sum, gb);
    texts[`card.${gb}`] = `${FITS[fitting]}, ${form(sum / (gb * 1e9), "pct0")}`;
    drawn[`card.${gb}`] = { "data-fit": fitting, "data-mine": String(gb) === state.gpu ? "yes" : "no" };
  }
  const summary = `${METHODS[state.method]} of ${name} holds ${total} in one training step: ${parts}.`;
  return { summary: mine ? `${summary} ${verdict}` : summary, texts, drawn };
}

const OPTIMIZERS = { adamw: "adamw_torch", adamw8bit: "adamw_bnb_8bit", paged_adamw8bit: "paged_adamw_8bit", sgd: "sgd" };
/** @param {boolean} value */
const yes = (value) => (value ? "True" : "False");

/** The same settings for transformers, PEFT, bitsandbytes and TRL. @param {State} state */
function snippet(state) {
  const { method, precision, rank } = state;
  const tuned = method !== "full";
  const quantized = method === "qlora";
  const source = state.model === "custom" ? "path/to/model" : ARCHITECTURES[state.model].source;
  const dtype = precision === "bf16" || (tuned && precision === "mixed") ? "bfloat16" : "float32";
  const mixed = precision === "mixed" || (tuned && precision === "bf16");
  const lines = ["import torch"];
  if (tuned) lines.push("from peft import LoraConfig, get_peft_model");
  lines.push(
    `from transformers import AutoModelForCausalLM${quantized ? ", BitsAndBytesConfig" : ""}`,
    "from trl import SFTConfig", "", "model = AutoModelForCausalLM.from_pretrained(",
    `    "${source}",`, `    dtype=torch.${dtype},`,
  );
  if (quantized) {
    lines.push(
      "    quantization_config=BitsAndBytesConfig(", "        load_in_4bit=True,",
      '        bnb_4bit_quant_type="nf4",', "        bnb_4bit_use_double_quant=True,",
      `        bnb_4bit_compute_dtype=torch.${dtype},`, "    ),",
    );
  }
  lines.push(")");
  if (tuned) {
    lines.push(
      "model = get_peft_model(model, LoraConfig(",
      `    r=${rank}, lora_alpha=${2 * rank}, target_modules="all-linear",`,
      '    task_type="CAUSAL_LM",', "))  # the adapter is kept in fp32",
    );
  }
  const note = mixed && !tuned ? "  # weights and gradients in fp32, no second copy: the same bytes in all" : "";
  lines.push(
    "arguments = SFTConfig(", '    output_dir="tune",', `    per_device_train_batch_size=${state.batch},`,
    `    max_length=${state.sequence},`, `    gradient_checkpointing=${yes(state.checkpointing)},`,
    `    optim="${OPTIMIZERS[state.optimizer]}",`, `    bf16=${yes(mixed)},${note}`, ")",
  );
  return lines.join("\n");
}
