"""The GPU memory calculator: the timeline of :mod:`course.step_memory` with its numbers filled in."""

from __future__ import annotations

from collections.abc import Sequence

from course.cards import CARDS, MARGIN, fit
from course.pipeline.text.expressions import form
from course.pipeline.widgets.controls import Choice, Number, Slider, Switch
from course.pipeline.widgets.view import Group, Piece, State, View, fixed
from course.shapes import ATTENTION, LINEAR, MODELS, Shapes
from course.step_memory import NF4_BYTES, STATE_BYTES, Moment, Setup, timeline
from course.step_memory import rows as kept

SIZES = (
    "d_model", "d_ff", "layers", "heads", "kv_heads", "head_dim", "vocab", "tied", "qkv_bias", "qk_norm", "experts",
    "active", "expert_ff",
)  # fmt: skip
PARTS = ("weights", "gradients", "optimizer", "activations", "work")
METHODS = {"full": "Full tuning", "lora": "LoRA", "qlora": "QLoRA"}
TARGETS = {"all": LINEAR, "attention": ATTENTION, "qv": ("q_proj", "v_proj")}
MOMENTS = (
    "forward pass", "loss", "last norm", "last block, computed again", "last block", "first block", "embedding", "optimizer"
)  # fmt: skip
PRECISIONS = {
    "bf16": "bf16 weights, bf16=True",
    "mixed": "fp32 weights, bf16=True",
    "plain": "bf16 weights, no autocast",
    "fp32": "fp32",
}
OPTIMIZERS = {
    "adamw_torch_fused": "AdamW, fused (the default)",
    "adamw_torch": "AdamW, not fused",
    "adamw_8bit": "8-bit AdamW",
    "paged_adamw_8bit": "paged 8-bit AdamW",
    "sgd": "SGD",
}
LOSSES = {"tiles": "in tiles (TRL 1.16)", "whole": "from whole logits (transformers)"}
SHARDS = {
    "ddp": "nothing (DDP)",
    "zero1": "optimizer (ZeRO-1)",
    "zero2": "and gradients (ZeRO-2)",
    "zero3": "and weights (ZeRO-3, FSDP)",
}
GPUS = {"": "not chosen", **{str(gb): f"{gb} GB ({names})" for gb, names in CARDS.items()}}
FITS = {"fits": "fits", "tight": "tight", "no": "too small"}
WIDTH = 600
"""Width of the bars, in units of their drawing."""

GROUPS = (
    Group(
        (
            Choice("model", "Model", {**{name: name for name in MODELS}, "custom": "custom"}, listed=True),
            Choice("method", "Method", METHODS),
            Slider("rank", "Rank r", (1, 2, 4, 8, 16, 32, 64, 128, 256), "int"),
            Choice(
                "targets",
                "Adapters on",
                {"all": "all matrices", "attention": "attention", "qv": "q and v"},
                listed=True,
            ),
            Choice("precision", "Precision", PRECISIONS, listed=True),
            Choice("optimizer", "Optimizer", OPTIMIZERS, listed=True),
            Number("batch", "Sequences b", 1, 4096),
            Number("sequence", "Tokens T in each", 1, 1_048_576),
            Switch("checkpointing", "Gradient checkpointing"),
            Choice("gpu", "My GPU, on every page", GPUS, listed=True, remember=True),
        )
    ),
    Group(
        (
            Number("cards", "Cards", 1, 4096),
            Choice("sharding", "They divide", SHARDS, listed=True),
            Choice("loss", "Loss", LOSSES, listed=True),
            Switch("accumulate", "Gradient accumulation"),
        ),
        fold="Several cards, the loss, accumulation",
    ),
    Group(
        (
            Number("d_model", "Width d", 1, 65536),
            Number("d_ff", "MLP width f", 0, 262_144),
            Number("layers", "Layers L", 1, 1000),
            Number("heads", "Query heads", 1, 1024),
            Number("kv_heads", "Key heads", 1, 1024),
            Number("head_dim", "Head size", 1, 4096),
            Number("vocab", "Vocabulary V", 1, 4_194_304),
            Number("experts", "Routed experts", 0, 4096),
            Number("active", "Experts a token", 0, 4096),
            Number("expert_ff", "Expert width", 0, 262_144),
            Switch("tied", "Head shares the embedding"),
            Switch("qkv_bias", "Bias on q, k, v"),
            Switch("qk_norm", "Norms of q and k"),
        ),
        fold="Shapes of the model",
    ),
)


def settle(state: State) -> State:
    """A named model brings its shapes."""
    if state["model"] == "custom":
        return state
    shapes = MODELS[state["model"]]
    return {**state, **{name: getattr(shapes, name) for name in SIZES}}


def setup_of(state: State) -> Setup:
    """The setup that a state of the controls means."""
    return Setup(
        Shapes(state["model"], **{name: state[name] for name in SIZES}), state["method"], state["precision"],
        state["optimizer"], state["rank"], TARGETS[state["targets"]], state["batch"], state["sequence"],
        state["checkpointing"], state["loss"], state["accumulate"], state["cards"], state["sharding"],
    )  # fmt: skip


def _int(count: float) -> str:
    return form(count, "int")


def _gigabytes(size: float) -> str:
    return f"{form(size, 'gb1')} ({form(size / 2**30, 'f1')} GiB)"


def arithmetic(setup: Setup, peak: Moment) -> dict[str, str]:
    """What each part of the peak is made of, with the numbers filled in."""
    shapes, trained = setup.shapes, f"{_int(setup.trained)} trained"
    state_bytes = STATE_BYTES[setup.optimizer] * (
        setup.trained_bytes if setup.optimizer.startswith("adamw_torch") else 1
    )
    weights = f"{setup.weight_bytes} B × {_int(shapes.parameters)}"
    if setup.method == "qlora":
        quantized = shapes.layers * shapes.linear
        others = f"2 B × {_int(shapes.parameters - quantized)} others"
        weights = f"{form(8 * NF4_BYTES, 'f3')} bits × {_int(quantized)} in matrices + {others}"
    if setup.method != "full":
        weights += f" + {setup.trained_bytes} B × {trained}"
    row = sum(row.size for row in kept(setup))
    blocks = (
        f"{_int(shapes.layers)} blocks" if not setup.checkpointing else "one block at a time, and the inputs of all"
    )
    return {
        "weights": weights,
        "gradients": f"{setup.trained_bytes} B × {trained}, as far as they are made",
        "optimizer": f"{form(state_bytes, 'g4')} B × {trained}",
        "activations": f"{_int(row)} B a token in a block × {_int(setup.tokens)} tokens, {blocks}",
        "work": f"what lives only at this moment: {peak.name}",
    }


def view(state: State) -> View:
    setup = setup_of(state)
    moments = timeline(setup)
    peak = max(moments, key=lambda moment: moment.total)
    name = "a model of custom shapes" if state["model"] == "custom" else state["model"]
    sizes = {part: getattr(peak, part) for part in PARTS}
    parts = ", ".join(f"{part} {form(size, 'gb1')}" for part, size in sizes.items())
    parameters, total = setup.shapes.parameters, form(peak.total, "gb1")
    mine = float(state["gpu"] or 0) * 1e9
    verdict = ""
    if mine:
        words = {"fits": "It fits", "tight": "It is tight", "no": "It is too much"}[fit(peak.total, mine / 1e9)]
        verdict = f"{words}: {form(peak.total / mine, 'pct0')} of your {state['gpu']} GB."
    scale = WIDTH / max(peak.total, mine)
    drawn, at = {}, 0.0
    for part, size in sizes.items():
        drawn[f"bar.{part}"] = {"x": fixed(at), "width": fixed(size * scale)}
        at += size * scale
    drawn["bar.mine"] = {"width": fixed(mine * scale)}
    drawn["bar"] = {"aria-label": f"Stacked bar of {total}: {parts}."}
    each = "" if setup.cards == 1 else f" on each of {_int(setup.cards)} cards"
    active = setup.shapes.active_parameters
    routed = "" if active == parameters else f" A token passes {_int(active)} of them."
    share = form(setup.trained / parameters, "pct2")
    texts = {
        "total": _gigabytes(peak.total),
        "when": f"{each} at the peak of a step: {peak.name}.",
        "verdict": verdict,
        "parameters": f"{_int(setup.trained)} of {_int(parameters)} parameters are trained ({share}).{routed}",
        "snippet": snippet(state),
        **{f"{part}.bytes": form(size, "gb1") for part, size in sizes.items()},
        **{f"{part}.how": how for part, how in arithmetic(setup, peak).items()},
    }
    found = {moment.name: moment for moment in moments}
    for index, name_of in enumerate(MOMENTS):
        moment = found.get(name_of)
        size = moment.total if moment else 0
        texts[f"moment.{index}"] = form(size, "gb1") if moment else "not in this step"
        drawn[f"moment.{index}"] = {
            "data-peak": "yes" if moment is peak else "no", "aria-label": f"{name_of}: {texts[f'moment.{index}']}"
        }  # fmt: skip
        at = 0.0
        for part in PARTS:
            width = getattr(moment, part) / peak.total * WIDTH if moment else 0.0
            drawn[f"moment.{index}.{part}"] = {"x": fixed(at), "width": fixed(width)}
            at += width
    for gb in CARDS:
        fitting = fit(peak.total, gb)
        texts[f"card.{gb}"] = f"{FITS[fitting]}, {form(peak.total / (gb * 1e9), 'pct0')}"
        drawn[f"card.{gb}"] = {"data-fit": fitting, "data-mine": "yes" if str(gb) == state["gpu"] else "no"}
    summary = f"{METHODS[state['method']]} of {name} holds {total}{each} at its peak, {peak.name}: {parts}."
    return View(summary if not mine else f"{summary} {verdict}", texts, drawn)


def snippet(state: State) -> str:
    """The same settings as a complete script for transformers, PEFT, bitsandbytes and TRL."""
    setup, tuned = setup_of(state), state["method"] != "full"
    quantized = state["method"] == "qlora"
    source = "path/to/model" if state["model"] == "custom" else MODELS[state["model"]].source
    dtype = "float32" if setup.weight_bytes == 4 else "bfloat16"
    names = ", ".join(
        f'"{name}"' for name in setup.adapted
    )  # with experts "all-linear" adapts these and the router, too
    targets = '"all-linear"' if state["targets"] == "all" and not setup.shapes.experts else f"[{names}]"
    lines = ["import warnings", ""] * tuned + ["import torch", "from datasets import Dataset"]
    lines += ["from peft import LoraConfig"] * tuned
    lines += [f"from transformers import AutoModelForCausalLM, AutoTokenizer{', BitsAndBytesConfig' * quantized}"]
    lines += ["from trl import SFTConfig, SFTTrainer", ""]
    asked = "  # PEFT 0.21 asks transformers 5.23 by an old name"
    lines += [f'warnings.filterwarnings("ignore", ".is_gradient_checkpointing.", FutureWarning){asked}'] * tuned
    lines += [f'source = "{source}"']
    lines += ["model = AutoModelForCausalLM.from_pretrained(", "    source,", f"    dtype=torch.{dtype},"]
    if quantized:
        lines += ["    quantization_config=BitsAndBytesConfig(", "        load_in_4bit=True,"]
        lines += ['        bnb_4bit_quant_type="nf4",', "        bnb_4bit_use_double_quant=True,"]
        lines += ["        bnb_4bit_compute_dtype=torch.bfloat16,", "    ),"]
    lines += [")", "examples = [  # yours: hundreds of them"]
    lines += ['    {"prompt": "My parcel has not arrived.", "completion": " I am sorry. What is your order number?"},']
    lines += ["]", "trainer = SFTTrainer(", "    model,", "    SFTConfig(", '        output_dir="tune",']
    lines += [f"        per_device_train_batch_size={state['batch']},"]
    lines += ["        gradient_accumulation_steps=8,"] * state["accumulate"]
    lines += [f"        max_length={state['sequence']},", f"        activation_checkpointing={state['checkpointing']},"]
    lines += [f'        optim="{state["optimizer"]}",', f"        bf16={setup.autocast},"]
    lines += ["        fsdp=True,"] * (setup.cards > 1 and state["sharding"] == "zero3")
    lines += ["    ),", "    train_dataset=Dataset.from_list(examples),"]
    lines += ["    processing_class=AutoTokenizer.from_pretrained(source),"]
    if tuned:
        adapter = f'r={state["rank"]}, lora_alpha={2 * state["rank"]}, target_modules={targets}, task_type="CAUSAL_LM"'
        lines += ["    peft_config=LoraConfig(", f"        {adapter}", "    ),"]
    lines += [")", "trainer.train()", 'trainer.save_model("tune")']
    if setup.cards > 1:
        lines += [f"# Start it with: accelerate launch --num_processes {setup.cards} tune.py"]
        lines += ["# ZeRO-1 and ZeRO-2 need DeepSpeed and its configuration."] * (
            state["sharding"] in ("zero1", "zero2")
        )
    return "\n".join(lines)


def rows(state: State) -> Sequence[Sequence[str]]:
    shown = view(state).texts
    body = [(part, shown[f"{part}.how"], shown[f"{part}.bytes"]) for part in PARTS]
    return [("at the peak", "bytes", "in GB"), *body, ("together", "", shown["total"])]


def _shelf(name: str) -> str:
    return (
        f'<div class="shelf"><dt><span class="swatch shelf-{name}"></span>{name.capitalize()}</dt>'
        f'<dd class="shelf-bytes" data-text="{name}.bytes"></dd><dd class="shelf-how" data-text="{name}.how"></dd></div>'
    )


def _card(gb: int, names: str) -> str:
    return f'<li data-draw="card.{gb}"><b>{gb} GB</b> <em data-text="card.{gb}"></em> <span>{names}</span></li>'


def _rect(draw: str, part: str, y: int, height: int) -> str:
    return f'<rect class="shelf-{part}" data-draw="{draw}.{part}" y="{y}" height="{height}"></rect>'


def _moment(index: int, name: str) -> str:
    bars = "".join(_rect(f"moment.{index}", part, 2, 12) for part in PARTS)
    return (
        f'<div class="moment"><dt>{name.capitalize()}</dt><dd class="moment-bar"><svg viewBox="0 0 {WIDTH} 16" '
        f'preserveAspectRatio="none" role="img" data-draw="moment.{index}">{bars}</svg></dd>'
        f'<dd class="moment-bytes" data-text="moment.{index}"></dd></div>'
    )


TEMPLATE = (
    '<p class="widget-number"><b data-text="total"></b><span data-text="when"></span> <span data-text="verdict"></span></p>'
    f'<svg class="widget-bar" viewBox="0 0 {WIDTH} 44" preserveAspectRatio="none" role="img" data-draw="bar">'
    f'<rect class="bar-mine" data-draw="bar.mine" x="0" y="0" height="44"></rect>'
    f"{''.join(_rect('bar', part, 8, 28) for part in PARTS)}</svg>"
    f'<dl class="shelves">{"".join(map(_shelf, PARTS))}</dl><p class="widget-note" data-text="parameters"></p>'
    '<p class="widget-subtitle">The step, moment by moment</p>'
    f'<dl class="moments">{"".join(_moment(index, name) for index, name in enumerate(MOMENTS))}</dl>'
    '<p class="widget-subtitle">Which cards hold it</p><ul class="widget-cards">'
    f"{''.join(_card(gb, names) for gb, names in CARDS.items())}</ul>"
    f'<p class="widget-note">A card fits if {form(MARGIN, "pct0")} of it stays free for the CUDA context and what the '
    "allocator cannot reuse, which are not counted. That margin is a guess. 1 GB is 10⁹ bytes, 1 GiB is 2³⁰: drivers "
    "report GiB.</p>"
    '<details class="widget-paste"><summary>Paste a config.json</summary><label for="widget-memory-paste">The '
    "<code>config.json</code> of a model, from its page on a hub or from its folder. It stays in your browser.</label>"
    '<textarea id="widget-memory-paste" rows="6" spellcheck="false" autocomplete="off" disabled></textarea>'
    '<p class="paste-said" role="status"></p></details>'
    '<details class="widget-code"><summary>The same settings in code</summary>'
    '<pre><code data-text="snippet"></code></pre></details>'
)

PIECE = Piece(
    name="memory",
    title="GPU memory calculator",
    groups=GROUPS,
    start={
        "model": "Llama-3.1-8B", "method": "qlora", "rank": 16, "targets": "all", "precision": "bf16",
        "optimizer": "adamw_torch_fused", "batch": 1, "sequence": 2048, "checkpointing": True, "gpu": "", "cards": 1,
        "sharding": "ddp", "loss": "tiles", "accumulate": False,
    },
    view=view,
    template=TEMPLATE,
    rows=rows,
    settle=settle,
)  # fmt: skip
