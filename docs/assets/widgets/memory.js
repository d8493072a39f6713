/** The GPU memory calculator. */

/** @import { Drawn, View } from "./main.js" */
/** @import { Method, Moment, Optimizer, Setup, Shapes } from "./arithmetic.js" */
import { activeParameters, alive, fit, fromConfig, keptPerToken, linear, parameters, sizes, timeline } from "./arithmetic.js";
import { CARDS, LINEAR, MODELS, NF4_BYTES, STATE_BYTES } from "./data.js";
import { form, length } from "./format.js";

const SIZES = [
  "d_model", "d_ff", "layers", "heads", "kv_heads", "head_dim", "vocab", "tied", "qkv_bias", "qk_norm", "experts",
  "active", "expert_ff",
];
const PARTS = /** @type {const} */ (["weights", "gradients", "optimizer", "activations", "work"]);
const MOMENTS = [
  "forward pass", "loss", "last norm", "last block, computed again", "last block", "first block", "embedding", "optimizer",
];
const METHODS = { full: "Full tuning", lora: "LoRA", qlora: "QLoRA" };
const TARGETS = { all: LINEAR, attention: LINEAR.slice(0, 4), qv: ["q_proj", "v_proj"] };
const FITS = { fits: "fits", tight: "tight", no: "too small" };
const VERDICTS = { fits: "It fits", tight: "It is tight", no: "It is too much" };
const WIDTH = 600;

/**
 * @typedef {object} Choices
 * @property {keyof typeof MODELS | "custom"} model
 * @property {Method} method
 * @property {number} rank
 * @property {keyof typeof TARGETS} targets
 * @property {string} precision
 * @property {Optimizer} optimizer
 * @property {number} batch
 * @property {number} sequence
 * @property {boolean} checkpointing
 * @property {string} gpu GB, or ""
 * @property {number} cards
 * @property {string} sharding
 * @property {string} loss
 * @property {boolean} accumulate
 */
/** @typedef {Choices & Shapes} State */

/** A named model brings its shapes; a shape that was edited makes the model a custom one. @param {State} state @param {string} changed */
export function settle(state, changed) {
  if (SIZES.includes(changed)) return { ...state, model: "custom" };
  if (state.model === "custom") return state;
  /** @type {Record<string, unknown>} */
  const shapes = MODELS[state.model];
  return { ...state, ...Object.fromEntries(SIZES.map((name) => [name, shapes[name]])) };
}

/** Settings that a link need not carry, since another setting brings them. @param {State} state */
export function implied(state) {
  return state.model === "custom" ? [] : SIZES;
}

/**
 * Lets a reader paste a `config.json`.
 *
 * @param {HTMLElement} root
 * @param {(settings: Record<string, unknown>) => void} change
 */
export function attach(root, change) {
  const paste = root.querySelector("textarea");
  const said = root.querySelector(".paste-said");
  if (!paste || !said) return;
  paste.disabled = false;
  paste.addEventListener("input", () => {
    if (!paste.value.trim()) {
      said.textContent = "";
      return;
    }
    try {
      const config = JSON.parse(paste.value);
      change({ model: "custom", ...fromConfig(config.text_config ?? config) });
      said.textContent = "Read. The shapes of the model are those of this file.";
    } catch (error) {
      said.textContent = error instanceof SyntaxError ? "This is not yet JSON." : `It cannot be read: ${/** @type {Error} */ (error).message}.`;
    }
  });
}

/** @param {number} count */
const whole = (count) => form(count, "int");

/** @param {State} state @returns {Setup} */
const setupOf = (state) => ({ ...state, shapes: state, targets: TARGETS[state.targets] });

/** What each part of the peak is made of, in words. @param {Setup} setup @param {Moment} peak */
function arithmetic(setup, peak) {
  const { shapes, optimizer, method } = setup;
  const { trained, trainedBytes, tokens, w } = sizes(setup);
  const counted = `${whole(trained)} trained`;
  const each = STATE_BYTES[optimizer] * (optimizer.startsWith("adamw_torch") ? trainedBytes : 1);
  let weights = `${w} B × ${whole(parameters(shapes))}`;
  if (method === "qlora") {
    const quantized = shapes.layers * linear(shapes);
    const others = `2 B × ${whole(parameters(shapes) - quantized)} others`;
    weights = `${form(8 * NF4_BYTES, "f3")} bits × ${whole(quantized)} in matrices + ${others}`;
  }
  if (method !== "full") weights += ` + ${trainedBytes} B × ${counted}`;
  const blocks = setup.checkpointing ? "one block at a time, and the inputs of all" : `${whole(shapes.layers)} blocks`;
  return {
    weights,
    gradients: `${trainedBytes} B × ${counted}, as far as they are made`,
    optimizer: `${form(each, "g4")} B × ${counted}`,
    activations: `${whole(keptPerToken(setup))} B a token in a block × ${whole(tokens)} tokens, ${blocks}`,
    work: `what lives only at this moment: ${peak.name}`,
  };
}

/** @param {State} state @returns {View} */
export function view(state) {
  const setup = setupOf(state);
  const moments = timeline(setup);
  const peak = moments.reduce((most, moment) => (alive(moment) > alive(most) ? moment : most));
  const sum = alive(peak);
  const all = parameters(state);
  const { trained } = sizes(setup);
  const name = state.model === "custom" ? "a model of custom shapes" : state.model;
  const parts = PARTS.map((part) => `${part} ${form(peak[part], "gb1")}`).join(", ");
  const total = form(sum, "gb1");
  const mine = Number(state.gpu) * 1e9;
  const verdict = mine ? `${VERDICTS[fit(sum, mine / 1e9)]}: ${form(sum / mine, "pct0")} of your ${state.gpu} GB.` : "";
  const each = state.cards === 1 ? "" : ` on each of ${whole(state.cards)} cards`;
  const active = activeParameters(state);
  const routed = active === all ? "" : ` A token passes ${whole(active)} of them.`;
  /** @type {Record<string, string>} */
  const texts = {
    total: `${total} (${form(sum / 2 ** 30, "f1")} GiB)`,
    when: `${each} at the peak of a step: ${peak.name}.`,
    verdict,
    parameters: `${whole(trained)} of ${whole(all)} parameters are trained (${form(trained / all, "pct2")}).${routed}`,
    snippet: snippet(state, setup),
  };
  const scale = WIDTH / Math.max(sum, mine);
  /** @type {Drawn} */
  const drawn = { "bar.mine": { width: length(mine * scale) }, bar: { "aria-label": `Stacked bar of ${total}: ${parts}.` } };
  let at = 0;
  const how = arithmetic(setup, peak);
  for (const part of PARTS) {
    texts[`${part}.bytes`] = form(peak[part], "gb1");
    texts[`${part}.how`] = how[part];
    drawn[`bar.${part}`] = { x: length(at), width: length(peak[part] * scale) };
    at += peak[part] * scale;
  }
  for (const [index, title] of MOMENTS.entries()) {
    const moment = moments.find((each) => each.name === title);
    const shown = moment ? form(alive(moment), "gb1") : "not in this step";
    texts[`moment.${index}`] = shown;
    drawn[`moment.${index}`] = { "data-peak": moment === peak ? "yes" : "no", "aria-label": `${title}: ${shown}` };
    at = 0;
    for (const part of PARTS) {
      const width = moment ? (moment[part] / sum) * WIDTH : 0;
      drawn[`moment.${index}.${part}`] = { x: length(at), width: length(width) };
      at += width;
    }
  }
  for (const gb of CARDS) {
    const fitting = fit(sum, gb);
    texts[`card.${gb}`] = `${FITS[fitting]}, ${form(sum / (gb * 1e9), "pct0")}`;
    drawn[`card.${gb}`] = { "data-fit": fitting, "data-mine": String(gb) === state.gpu ? "yes" : "no" };
  }
  const summary = `${METHODS[state.method]} of ${name} holds ${total}${each} at its peak, ${peak.name}: ${parts}.`;
  return { summary: mine ? `${summary} ${verdict}` : summary, texts, drawn };
}

/** @param {boolean} value */
const yes = (value) => (value ? "True" : "False");

/** The same settings as a complete script. @param {State} state @param {Setup} setup */
function snippet(state, setup) {
  const { w, autocast, adapted } = sizes(setup);
  const tuned = state.method !== "full";
  const quantized = state.method === "qlora";
  const source = state.model === "custom" ? "path/to/model" : MODELS[state.model].source;
  const names = Object.keys(adapted).map((name) => `"${name}"`);
  const targets = state.targets === "all" && !state.experts ? '"all-linear"' : `[${names.join(", ")}]`;
  const lines = tuned ? ["import warnings", ""] : [];
  lines.push("import torch", "from datasets import Dataset");
  if (tuned) lines.push("from peft import LoraConfig");
  lines.push(
    `from transformers import AutoModelForCausalLM, AutoTokenizer${quantized ? ", BitsAndBytesConfig" : ""}`,
    "from trl import SFTConfig, SFTTrainer", "",
  );
  if (tuned) {
    const asked = "  # PEFT 0.21 asks transformers 5.23 by an old name";
    lines.push(`warnings.filterwarnings("ignore", ".is_gradient_checkpointing.", FutureWarning)${asked}`);
  }
  lines.push(
    `source = "${source}"`, "model = AutoModelForCausalLM.from_pretrained(", "    source,",
    `    dtype=torch.${w === 4 ? "float32" : "bfloat16"},`,
  );
  if (quantized) {
    lines.push(
      "    quantization_config=BitsAndBytesConfig(", "        load_in_4bit=True,",
      '        bnb_4bit_quant_type="nf4",', "        bnb_4bit_use_double_quant=True,",
      "        bnb_4bit_compute_dtype=torch.bfloat16,", "    ),",
    );
  }
  lines.push(
    ")", "examples = [  # yours: hundreds of them",
    '    {"prompt": "My parcel has not arrived.", "completion": " I am sorry. What is your order number?"},',
    "]", "trainer = SFTTrainer(", "    model,", "    SFTConfig(", '        output_dir="tune",',
    `        per_device_train_batch_size=${state.batch},`,
  );
  if (state.accumulate) lines.push("        gradient_accumulation_steps=8,");
  lines.push(
    `        max_length=${state.sequence},`, `        activation_checkpointing=${yes(state.checkpointing)},`,
    `        optim="${state.optimizer}",`, `        bf16=${yes(autocast)},`,
  );
  if (state.cards > 1 && state.sharding === "zero3") lines.push('        fsdp=True,');
  lines.push(
    "    ),", "    train_dataset=Dataset.from_list(examples),",
    "    processing_class=AutoTokenizer.from_pretrained(source),",
  );
  if (tuned) {
    const { rank } = state;
    const adapter = `r=${rank}, lora_alpha=${2 * rank}, target_modules=${targets}, task_type="CAUSAL_LM"`;
    lines.push("    peft_config=LoraConfig(", `        ${adapter}`, "    ),");
  }
  lines.push(")", "trainer.train()", 'trainer.save_model("tune")');
  if (state.cards > 1) lines.push(`# Start it with: accelerate launch --num_processes ${state.cards} tune.py`);
  if (state.cards > 1 && (state.sharding === "zero1" || state.sharding === "zero2")) {
    lines.push("# ZeRO-1 and ZeRO-2 need DeepSpeed and its configuration.");
  }
  return lines.join("\n");
}
