"""The GPU memory calculator: :func:`course.memory.estimate` with its numbers filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from course.cards import CARDS, MARGIN, fit
from course.memory import ARCHITECTURES, STATE_BYTES, Architecture, activations, estimate
from course.pipeline.text.expressions import form
from course.pipeline.widgets.controls import Choice, Number, Slider, Switch
from course.pipeline.widgets.view import Group, Piece, State, View, fixed

SHAPES = ("d_model", "d_ff", "layers", "heads", "kv_heads", "head_dim", "vocab", "tied", "qkv_bias")
SHELVES = ("weights", "gradients", "optimizer", "activations")
METHODS = {"full": "Full tuning", "lora": "LoRA", "qlora": "QLoRA"}
OPTIMIZERS = {
    "adamw": "AdamW",
    "adamw8bit": "8-bit AdamW",
    "paged_adamw8bit": "paged 8-bit AdamW",
    "sgd": "SGD",
}
PRECISIONS = {"fp32": "fp32", "mixed": "mixed (bf16 and fp32)", "bf16": "pure bf16"}
GPUS = {"": "not chosen", **{str(gb): f"{gb} GB ({names})" for gb, names in CARDS.items()}}
FITS = {"fits": "fits", "tight": "tight", "no": "too small"}
WIDTH = 600
"""Width of the bar, in units of its drawing."""

GROUPS = (
    Group(
        (
            Choice("model", "Model", {**{name: name for name in ARCHITECTURES}, "custom": "custom"}, listed=True),
            Choice("method", "Method", METHODS),
            Slider("rank", "Rank r", (1, 2, 4, 8, 16, 32, 64, 128, 256), "int"),
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
            Number("d_model", "Width d", 1, 65536),
            Number("d_ff", "MLP width f", 1, 262_144),
            Number("layers", "Layers L", 1, 1000),
            Number("heads", "Query heads", 1, 1024),
            Number("kv_heads", "Key heads", 1, 1024),
            Number("head_dim", "Head size", 1, 4096),
            Number("vocab", "Vocabulary V", 1, 4_194_304),
            Switch("tied", "Head shares the embedding"),
            Switch("qkv_bias", "Bias on q, k, v"),
        ),
        fold="Shapes of the model",
    ),
)


def settle(state: State) -> State:
    """A named model brings its shapes."""
    if state["model"] == "custom":
        return state
    arch = ARCHITECTURES[state["model"]]
    return {**state, **{name: getattr(arch, name) for name in SHAPES}}


def architecture(state: State) -> Architecture:
    return Architecture(state["model"], **{name: state[name] for name in SHAPES})


def _int(count: float) -> str:
    return form(count, "int")


def arithmetic(state: State) -> dict[str, str]:
    """Each shelf's formula with its numbers filled in."""
    arch, method, precision, optimizer = architecture(state), state["method"], state["precision"], state["optimizer"]
    total, element = arch.parameters().total, 4 if precision == "fp32" else 2
    state_bytes = form(
        4.0 if (method, precision, optimizer) == ("full", "bf16", "adamw") else STATE_BYTES[optimizer], "g4"
    )
    if method == "full":
        master = " + 4 B master copy" if precision == "mixed" else ""
        moments = f"{state_bytes} B of moments" if optimizer != "sgd" else "0 B"
        found = {
            "weights": f"{element} B × {_int(total)} parameters",
            "gradients": f"{element} B × {_int(total)}",
            "optimizer": f"({moments}{master}) × {_int(total)}",
        }
    else:
        trained = f"{_int(arch.lora_parameters(state['rank']))} trained"
        matrices = arch.layers * sum(out * into for out, into in arch.shapes.values())
        base = f"{element} B × {_int(total)} frozen"
        if method == "qlora":
            base = f"4.127 bits × {_int(matrices)} in matrices + {element} B × {_int(total - matrices)} others"
        found = {
            "weights": f"{base} + 4 B × {trained}",
            "gradients": f"4 B × {trained}",
            "optimizer": f"{state_bytes} B × {trained}",
        }
    held, tokens = _activations(state), state["batch"] * state["sequence"]
    found["activations"] = (
        f"{_int(tokens)} tokens × ({_int(held.blocks / tokens)} B in blocks + "
        f"{_int((held.head - 4) / tokens)} B at the head)"
    )
    if held.shared:
        found["activations"] += f" + {form(held.shared, 'mb1')} of ids and angles"
    if state["checkpointing"]:
        found["activations"] += f" + one block again, {form(held.recompute, 'gb1')}"
    return found


def _activations(state: State) -> Any:
    element = 4 if state["precision"] == "fp32" else 2
    return activations(
        architecture(state), state["batch"], state["sequence"], element=element, method=state["method"],
        rank=state["rank"], checkpointing=state["checkpointing"],
    )  # fmt: skip


def view(state: State) -> View:
    arch = architecture(state)
    cost = estimate(
        arch, state["method"], precision=state["precision"], optimizer=state["optimizer"], rank=state["rank"],
        batch=state["batch"], sequence=state["sequence"], checkpointing=state["checkpointing"],
    )  # fmt: skip
    parameters = arch.parameters().total
    trained = parameters if state["method"] == "full" else arch.lora_parameters(state["rank"])
    name = "a model of custom shapes" if state["model"] == "custom" else state["model"]
    sizes = {shelf: getattr(cost, shelf) for shelf in SHELVES}
    parts = ", ".join(f"{shelf} {form(size, 'gb1')}" for shelf, size in sizes.items())
    total = form(cost.total, "gb1")
    share = form(trained / parameters, "pct2")
    mine = float(state["gpu"] or 0) * 1e9
    verdict = ""
    if mine:
        fitting = fit(cost.total, mine / 1e9)
        words = {"fits": "It fits", "tight": "It is tight", "no": "It is too much"}[fitting]
        verdict = f"{words}: {form(cost.total / mine, 'pct0')} of your {state['gpu']} GB."
    scale = WIDTH / max(cost.total, mine)
    drawn, at = {}, 0.0
    for shelf, size in sizes.items():
        drawn[f"bar.{shelf}"] = {"x": fixed(at), "width": fixed(size * scale)}
        at += size * scale
    drawn["bar.mine"] = {"width": fixed(mine * scale)}
    drawn["bar"] = {"aria-label": f"Stacked bar of {total}: {parts}."}
    texts = {
        "total": total,
        "verdict": verdict,
        "parameters": f"{_int(trained)} of {_int(parameters)} parameters are trained ({share}).",
        "snippet": snippet(state),
        **{f"{shelf}.bytes": form(size, "gb1") for shelf, size in sizes.items()},
        **{f"{shelf}.how": how for shelf, how in arithmetic(state).items()},
    }
    for gb in CARDS:
        fitting = fit(cost.total, gb)
        texts[f"card.{gb}"] = f"{FITS[fitting]}, {form(cost.total / (gb * 1e9), 'pct0')}"
        drawn[f"card.{gb}"] = {"data-fit": fitting, "data-mine": "yes" if str(gb) == state["gpu"] else "no"}
    summary = f"{METHODS[state['method']]} of {name} holds {total} in one training step: {parts}."
    return View(summary if not mine else f"{summary} {verdict}", texts, drawn)


def snippet(state: State) -> str:
    """The same settings for transformers, PEFT, bitsandbytes and TRL."""
    method, precision, tuned = state["method"], state["precision"], state["method"] != "full"
    quantized = method == "qlora"
    source = "path/to/model" if state["model"] == "custom" else ARCHITECTURES[state["model"]].source
    dtype = "bfloat16" if precision == "bf16" or (tuned and precision == "mixed") else "float32"
    lines = ["import torch"]
    lines += [f"from peft import LoraConfig{', get_peft_model' * tuned}"] * tuned
    lines += [f"from transformers import AutoModelForCausalLM{', BitsAndBytesConfig' * quantized}"]
    lines += ["from trl import SFTConfig", "", "model = AutoModelForCausalLM.from_pretrained("]
    lines += [f'    "{source}",', f"    dtype=torch.{dtype},"]
    if quantized:
        lines += ["    quantization_config=BitsAndBytesConfig(", "        load_in_4bit=True,"]
        lines += ['        bnb_4bit_quant_type="nf4",', "        bnb_4bit_use_double_quant=True,"]
        lines += [f"        bnb_4bit_compute_dtype=torch.{dtype},", "    ),"]
    lines += [")"]
    if tuned:
        lines += ["model = get_peft_model(model, LoraConfig("]
        lines += [f'    r={state["rank"]}, lora_alpha={2 * state["rank"]}, target_modules="all-linear",']
        lines += ['    task_type="CAUSAL_LM",', "))  # the adapter is kept in fp32"]
    lines += ["arguments = SFTConfig(", '    output_dir="tune",']
    lines += [f"    per_device_train_batch_size={state['batch']},", f"    max_length={state['sequence']},"]
    lines += [f"    gradient_checkpointing={state['checkpointing']},"]
    names = {"adamw": "adamw_torch", "adamw8bit": "adamw_bnb_8bit", "paged_adamw8bit": "paged_adamw_8bit"}
    lines += [f'    optim="{names.get(state["optimizer"], "sgd")}",']
    mixed = precision == "mixed" or (tuned and precision == "bf16")
    note = "  # weights and gradients in fp32, no second copy: the same bytes in all" if mixed and not tuned else ""
    lines += [f"    bf16={mixed},{note}", ")"]
    return "\n".join(lines)


def rows(state: State) -> Sequence[Sequence[str]]:
    shown = view(state).texts
    body = [(shelf, shown[f"{shelf}.how"], shown[f"{shelf}.bytes"]) for shelf in SHELVES]
    return [("shelf", "bytes", "in GB"), *body, ("total", "", shown["total"])]


def _shelf(name: str) -> str:
    return (
        f'<div class="shelf"><dt><span class="swatch shelf-{name}"></span>{name.capitalize()}</dt>'
        f'<dd class="shelf-bytes" data-text="{name}.bytes"></dd><dd class="shelf-how" data-text="{name}.how"></dd></div>'
    )


def _card(gb: int, names: str) -> str:
    return f'<li data-draw="card.{gb}"><b>{gb} GB</b> <em data-text="card.{gb}"></em> <span>{names}</span></li>'


def _rect(shelf: str) -> str:
    return f'<rect class="shelf-{shelf}" data-draw="bar.{shelf}" y="8" height="28"></rect>'


TEMPLATE = (
    '<p class="widget-number"><b data-text="total"></b> in one training step. <span data-text="verdict"></span></p>'
    f'<svg class="widget-bar" viewBox="0 0 {WIDTH} 44" preserveAspectRatio="none" role="img" data-draw="bar">'
    f'<rect class="bar-mine" data-draw="bar.mine" x="0" y="0" height="44"></rect>{"".join(map(_rect, SHELVES))}</svg>'
    f'<dl class="shelves">{"".join(map(_shelf, SHELVES))}</dl><p class="widget-note" data-text="parameters"></p>'
    f'<p class="widget-subtitle">Which cards hold it</p><ul class="widget-cards">'
    f"{''.join(_card(gb, names) for gb, names in CARDS.items())}</ul>"
    f'<p class="widget-note">A card fits if {form(MARGIN, "pct0")} of it stays free for temporaries, the allocator and the '
    "CUDA context, which are not counted. That margin is a guess; the totals are a floor. 1 GB is 10⁹ bytes.</p>"
    '<details class="widget-code"><summary>The same settings in code</summary>'
    '<pre><code data-text="snippet"></code></pre></details>'
)

PIECE = Piece(
    name="memory",
    title="GPU memory calculator",
    groups=GROUPS,
    start={
        "model": "Llama-3.1-8B", "method": "qlora", "rank": 16, "precision": "mixed", "optimizer": "adamw", "batch": 1,
        "sequence": 2048, "checkpointing": True, "gpu": "",
    },
    view=view,
    template=TEMPLATE,
    rows=rows,
    settle=settle,
)  # fmt: skip
