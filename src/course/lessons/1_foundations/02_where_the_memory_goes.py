# ---
# title: Where the memory goes
# module: 1
# summary: Count every byte of a training step, predict the count from the shapes alone, and see what
#   dominates in full tuning, in LoRA and on long sequences.
# objectives:
#   - predict the bytes of weights, gradients and optimizer states of any full or LoRA tune
#   - derive how many bytes a forward pass leaves behind, and check it on a real model
#   - say what bf16, fp16 and the 8-bit floats lose first, and why a master copy exists
#   - decide when gradient checkpointing pays, and what it costs in full tuning and in LoRA
# prerequisites: []
# tags: [Parameter, Optimizer state, Activations, Mixed precision, Gradient checkpointing, Full tuning, LoRA, QLoRA]
# weights: [smollm2-135m-instruct]
# plain_numbers:
#   the layer that the warm-up sets: [576, 1536, 884736]
#   a sum that is written out beside it: [196]
#   limits of number formats, by their definition: [0.008, 0.004, 65504, 448]
#   set by the text, to be squared or subtracted or as a case in a question: [300, 0.001]
#   a wrong guess to choose: [0.95]
#   values that share a scale in QLoRA and 8-bit AdamW, by their definition: [256]
#   the length of sequence that the code computes for: [2048]
#   claim 11 as it is told: [160]
#   ten cards of 80 GB: [800]
# ---

# %% [markdown]
# Why does a model whose weights take {{ step.weights | mb0 }} need {{ step.static | gb1 }} before
# the first token of text is even counted? In this lesson you count every tensor that one training
# step keeps, and predict each count from the shapes. At the largest setting tried, the formula for
# the activations misses the measurement by {{ act.largest_error | pct2 }}.

# %% [markdown]
# ## Warm-up
#
# ??? question "How many parameters has a linear layer from 576 to 1,536 numbers, without a bias?"
#     One weight for every pair of input and output: 576 × 1,536 = 884,736. In 32-bit floats that is
#     four times as many bytes.
#
# ??? question "To update a weight, what must be known besides the weight itself?"
#     Its gradient. By the chain rule, the gradient of a linear layer's weight is built from the
#     layer's *input* and the gradient of its *output*. So somebody has to remember that input from
#     the forward pass until the backward pass comes back. That is half of this lesson.

# %% [markdown]
# ## A workshop with four shelves
#
# Picture a workshop that repairs a machine of $P$ parts. It has four shelves:
#
# ```text
#  shelf         holds                        size grows with            lives
#  ------------  ---------------------------  -------------------------  -----------------------
#  weights       the machine itself           parameters                 always
#  gradients     a note per part to change    TRAINED parameters         backward → update
#  optimizer     a history per part to change TRAINED parameters         always, after one step
#  activations   the work in progress         tokens × depth × width     forward → backward
# ```
#
# The first three depend on the machine and on *how many parts you mean to change*. The fourth
# depends on how much work you put through at once, and does not care about the first three. Every
# memory technique in this course shrinks some shelves and leaves the others nearly alone. LoRA
# freezes the weights and trains a thin pair of matrices, an *adapter*, beside each: it empties the
# middle two. Quantization shrinks the first. Gradient checkpointing shrinks the last. To choose,
# look at which shelf is full. (Where the picture breaks: the shelves fill at different times, and
# the peak counts. Activations are highest just when gradients begin to appear.)
#
# <!-- diagram: step-memory -->

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": minutes on a CPU; "full": a GPU
seed = 0

# %% [markdown]
# The model and the sizes of the measurements. `sizes` lists pairs of batch size $b$ and tokens $T$
# per sequence.

# %%
from course import record
from course.memory import ARCHITECTURES, Architecture, activations, estimate
from course.models import count_parameters, device, load_causal_lm, seed_everything

budget = {
    "smoke": {"sizes": [(1, 32), (1, 64), (2, 32)], "step": (1, 32), "repeats": 1, "blocks": 2},
    "laptop": {"sizes": [(1, 64), (1, 128), (1, 256), (1, 512), (4, 128)], "step": (2, 128),
               "repeats": 3, "blocks": None},
    "full": {"sizes": [(1, 128), (1, 512), (1, 1024), (1, 2048), (8, 256)], "step": (8, 256),
             "repeats": 5, "blocks": None},
}[profile]
seed_everything(seed)
model, tokenizer = load_causal_lm(blocks=budget["blocks"])  # fp32; two blocks in the smoke profile
model.train()
model.config.use_cache = False  # a cache of keys and values serves generation, not training

# %% [markdown]
# ## Parameters, by component
#
# A decoder block of the Llama family has seven weight matrices and two norms. Write $d$ for the
# width of the model, $q$ for the width of all query heads together, $k$ for that of all key heads
# (values are as wide), $f$ for the width of the MLP, $L$ for the number of layers and $V$ for the
# vocabulary. Then
#
# $$P = \underbrace{V d}_{\text{embedding}} + L\,\big(\underbrace{2dq + 2dk}_{\text{attention}}
# + \underbrace{3df}_{\text{MLP}} + \underbrace{2d}_{\text{norms}}\big)
# + d + \underbrace{V d}_{\text{head, unless tied}}$$
#
# The four attention matrices are $q\times d$, $k\times d$, $k\times d$ and $d\times q$; the three
# MLP matrices are $f\times d$ twice and $d\times f$ once. Try it with $d=q=4$, $k=2$, $f=8$, $L=1$,
# $V=10$ and a tied head: 40 + (32 + 16 + 96 + 8) + 4 = 196 parameters.

# %%
arch = Architecture.from_config(model.config)
d, f, L, V = arch.d_model, arch.d_ff, arch.layers, arch.vocab
q, k = arch.heads * arch.head_dim, arch.kv_heads * arch.head_dim

attention, mlp, norms, embedding = L * (2 * d * q + 2 * d * k), L * 3 * d * f, L * 2 * d + d, V * d
P = embedding + attention + mlp + norms + (0 if arch.tied else V * d)
assert P == arch.parameters().total == count_parameters(model)
record.values("n", {"total": P, "embedding": embedding, "attention": attention, "mlp": mlp,
                    "norms": norms, "vocab": V})

# %% [markdown]
# The formula gives {{ n.total | int }}, and so does the model. The MLPs hold
# {{ n.mlp / n.total | pct0 }}, the attention {{ n.attention / n.total | pct0 }}, the norms
# {{ n.norms / n.total | pct2 }}. The embedding, which serves as the output head too, holds
# {{ n.embedding / n.total | pct0 }}: a lot, since this model is narrow and its vocabulary is not. In
# Llama-3.1-70B, embedding and a separate head together hold
# {{ 2 * 128256 * 8192 / count.llama_3_1_70b | pct0 }}.

# %% [markdown]
# ## Sixteen bytes a trained parameter
#
# AdamW keeps two running averages for each trained parameter: of the gradient ($m$) and of its
# square ($v$). With everything in 32-bit floats, of 4 bytes each, a trained parameter costs
#
# $$\underbrace{4}_{\text{weight}} + \underbrace{4}_{\text{gradient}} + \underbrace{4 + 4}_{m,\ v} = 16 \text{ bytes}.$$
#
# A frozen parameter costs 4: it has no gradient and no history.

# %% [markdown] tags=["predict"]
# id: memory-adamw-states
# ask: >-
#   One step of full tuning on this model, in fp32. How many MB (10⁶ bytes) are the optimizer's
#   states? Use the number of parameters above.
# number: step.optimizer / 1e6
# format: f0
# unit: MB

# %%
import torch


def tensor_bytes(tensors):
    return sum(t.numel() * t.element_size() for t in tensors)


def token_batch(b, T):
    return torch.randint(0, V, (b, T), generator=torch.Generator().manual_seed(seed)).to(device())


optimizer = torch.optim.AdamW(model.parameters(), lr=0.0)  # counts bytes, changes nothing
ids = token_batch(1, 32)
model(input_ids=ids, labels=ids).loss.backward()
optimizer.step()
states = [t for state in optimizer.state.values() for t in state.values()]

# %% tags=["reveal"]
weights = tensor_bytes(model.parameters())
gradients = tensor_bytes(p.grad for p in model.parameters())
moments = tensor_bytes(states)
record.values("step", {"weights": weights, "gradients": gradients, "optimizer": moments,
                       "static": weights + gradients + moments, "tensors": len(optimizer.state)})
rows = [["weights", weights], ["gradients", gradients], ["AdamW states", moments]]
record.table("step.shelves", rows, columns=["shelf", "bytes"],
             caption="Counted on the real tensors after one step, in fp32.")
optimizer.zero_grad(set_to_none=True)
del optimizer, states

# %% [markdown]
# Weights and gradients are 4 bytes × {{ n.total | int }} each, and the states twice that. Look at
# the last digits of the states: they are {{ step.optimizer - 8 * n.total | int }} bytes more than 8
# per parameter, because AdamW keeps a 4-byte step counter for each of its {{ step.tensors | int }}
# tensors. The sum is {{ step.static | gb2 }}, and **half of it is the optimizer**. Among
# these three shelves Adam's is the fullest at any size: the ratio 1 : 1 : 2 contains no size at all.

# %% [markdown]
# ## Fewer bits, and what breaks first
#
# A float has a sign, an exponent (its *range*) and a fraction (its *resolution*). Fewer bits mean
# giving up one or the other. Epsilon is the gap between 1 and the next number.

# %%
formats = [torch.float32, torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2]
rows = []
for dtype in formats:
    info = torch.finfo(dtype)
    rows.append([str(dtype).removeprefix("torch."), info.bits, f"{info.max:.3g}", f"{info.eps:.3g}"])
rows.insert(1, ["tf32 (stored as float32)", 19, rows[0][2], f"{2**-10:.3g}"])
rows += [["int8 × a scale", 8, "127 steps", "uniform"], ["int4 × a scale", 4, "7 steps", "uniform"]]
record.table("precision.formats", rows, columns=["format", "bits", "largest", "epsilon"],
             caption="tf32 is a way to multiply, not to store: it saves no memory.")

# %% [markdown]
# bf16 has fp32's range with an epsilon of about 0.008. fp16 has a finer epsilon and a largest number
# of 65,504. The 8-bit floats give up both: e4m3 ends at 448 with an epsilon of 1/8, e5m2 trades one
# more bit of resolution for range. So values are scaled before they are stored in either. Integers
# have no exponent, and their range is carried by the scale alone; lesson 09 is about that.

# %% [markdown] tags=["predict"]
# id: memory-hundred-updates
# ask: >-
#   A weight is 1. One hundred updates of 0.001 are subtracted from it, one after the other. In
#   fp32 the weight ends near 0.9. And in bf16? Just below 1, its numbers are half an epsilon
#   apart, about 0.004.
# choices:
#   - text: Near 0.9 too, rounded to the nearest number that bf16 has.
#     right: abs(precision.bf16 - 0.9) < 0.02
#   - text: Near 0.6, since each update is rounded up to a whole gap.
#     right: precision.bf16 < 0.7
#   - text: Near 0.95, since about every second update is lost.
#     right: abs(precision.bf16 - 0.95) < 0.02
#   - text: Still at 1, as if there had been no update.
#     right: precision.bf16 == 1

# %% tags=["reveal"]
def hundred_updates(dtype):
    weight = torch.tensor(1.0, dtype=dtype)
    for _ in range(100):
        weight -= torch.tensor(0.001, dtype=dtype)
    return float(weight)


square = float(torch.tensor(300.0, dtype=torch.float16) ** 2)
tiny = float(torch.tensor(1e-8).to(torch.float16))
after = {"fp32": hundred_updates(torch.float32), "bf16": hundred_updates(torch.bfloat16)}
record.values("precision", {**after, "square_fp16": str(square), "tiny_fp16": tiny})
print("after 100 updates:", {name: round(weight, 4) for name, weight in after.items()})
print("300 squared in fp16:", square, "| a gradient of 1e-8 in fp16:", tiny)

# %% [markdown]
# In fp32 the weight reaches {{ precision.fp32 | f1 }}. In bf16 it is still
# {{ precision.bf16 | f1 }}: each update is less than half the gap to the next number, and rounds
# back. **bf16 loses small updates first.** fp16 fails differently: the square of 300 is
# {{ precision.square_fp16 | text }}, and a gradient of 10⁻⁸ becomes {{ precision.tiny_fp16 | f0 }}.
# It *overflows and underflows* first, which is why fp16 training scales its loss.
#
# The cure for lost updates is a **master copy**: compute with 2-byte weights, but add the updates to
# a 4-byte copy. *Mixed precision*, in the layout that the ZeRO paper counts, therefore costs
#
# $$\underbrace{2}_{\text{weight}} + \underbrace{2}_{\text{gradient}} + \underbrace{4}_{\text{master}}
# + \underbrace{8}_{m,\ v} = 16 \text{ bytes again.}$$
#
# So "half precision" does not halve the first three shelves. It halves many *activations* and speeds
# up the multiplications. *Pure* bf16, without a master copy and with bf16 moments, does get to 8
# bytes, and pays with the effect you just saw. (Other layouts keep gradients in fp32, 18 bytes, or
# in both formats, 20.)
#
# <!-- quiz: memory-bf16-update -->

# %% [markdown]
# ## What a forward pass leaves behind
#
# Which tensors must wait for the backward pass? Go through one block and ask of each operation what
# its derivative needs. Count numbers per token; each takes 4 bytes in fp32. "Twice" means that the
# row counts twice:
#
# | operation | its backward needs | numbers a token |
# |---|---|---|
# | norm (twice) | its input, one over its root mean square, the normalized value | $2d + 1$ |
# | the linear layers that read the norm (twice) | their common input, stored once | $d$ |
# | fused attention | queries, keys, values, output, one softmax statistic per head | $2q + 2k + h$ |
# | output projection | its input: the attention's output, already stored | 0 |
# | gate and SiLU, $x\,\sigma(x)$ | the gate, SiLU of the gate | $2f$ |
# | their product, and `down_proj` | the "up" value, the product | $2f$ |
#
# That makes $6d + 2q + 2k + 4f + h + 2$ numbers a token and layer, with $h$ the number of heads.
# Nothing for the additions of the residual stream: the derivative of a sum needs neither term. At
# the end come one more norm, the input of the head, and $V$ numbers for the loss: the
# log-probability of every vocabulary entry. For $b$ sequences of $T$ tokens:
#
# $$a = 4\,b\,T\,\big[\,L\,(6d + 2q + 2k + 4f + h + 2) + 3d + 1 + V\,\big] \text{ bytes.}$$
#
# (Left out: token ids, labels and the table of rotary angles. The library's version includes them.)

# %%
def predicted_bytes(b, T):
    per_layer = 6 * d + 2 * q + 2 * k + 4 * f + arch.heads + 2
    return 4 * b * T * (L * per_layer + 3 * d + 1 + V)


record.value("act.per_token", predicted_bytes(1, 1))
record.value("act.logits_share", V * 4 / predicted_bytes(1, 1))

# %% [markdown]
# The formula says {{ act.per_token | mb2 }} **per token**. Now ask PyTorch. `saved_tensors_hooks`
# calls a function for every tensor that autograd puts aside. Two tensors may be views of the same
# memory, so count each *storage* once, and leave out the parameters, which are on their own shelf.

# %%
from torch.autograd.graph import saved_tensors_hooks


def saved_bytes(model, ids):
    parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
    held = {}  # address of a storage -> the storage; holding it keeps the address from being reused

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in parameters:
            held[storage.data_ptr()] = storage
        return tensor.detach()  # autograd holds this; an output that held itself would never be freed

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        model(input_ids=ids, labels=ids)  # forward and loss; no backward needed to count
    return sum(storage.nbytes() for storage in held.values())


# %% [markdown]
# Measure with two implementations of attention. The *fused* one (`sdpa`) never stores the table of
# attention probabilities. The *eager* one, the textbook formula, stores it: $h\,T$ numbers per
# token, so $h\,T^2$ per sequence. It also copies keys and values for every query head. (The table's
# predictions come from the library's version of the formula.)

# %% [markdown] tags=["predict"]
# id: memory-double-length
# ask: >-
#   Double the length of the sequence. By what factor do the saved bytes grow with fused
#   attention?
# number: 2 ** (log2(act.fused.long * act.longest / (act.fused.short * act.shortest)) / log2(act.longest / act.shortest))
# format: f1
# unit: ×

# %% [markdown] tags=["predict"]
# id: memory-eager-curve
# ask: >-
#   With fused attention the formula gives {{ act.per_token / 1e6 | f2 }} MB per token at every
#   length. Sketch the same for eager attention.
# curve: act.plot
# series: eager

# %% tags=["reveal"]
measured, rows = {}, []
for name, attention_kind in [("fused", "sdpa"), ("eager", "eager")]:
    model.set_attn_implementation(attention_kind)
    for b, T in budget["sizes"]:
        found = measured[name, b, T] = saved_bytes(model, token_batch(b, T))
        expected = activations(arch, b, T, attention=name).saved
        rows.append([name, b, T, found, expected, found - expected])
model.set_attn_implementation("sdpa")
record.table("act.table", rows, columns=["attention", "b", "T", "measured", "predicted", "difference"],
             caption="Bytes saved for backward: counted, and predicted from the shapes.")

# %% tags=["reveal", "hide-code"]
singles = [T for b, T in budget["sizes"] if b == 1]
shortest, longest = singles[0], singles[-1]
for name in ("fused", "eager"):
    per_token = [measured[name, 1, T] / T for T in singles]
    record.values(f"act.{name}", {"short": per_token[0], "long": per_token[-1]})
b, T = max(budget["sizes"], key=lambda size: size[0] * size[1])
record.values("act", {
    "shortest": shortest, "longest": longest, "largest_b": b, "largest_t": T,
    "largest_error": abs(predicted_bytes(b, T) / measured["fused", b, T] - 1),
    "library_error": max(abs(row[-1]) for row in rows),
})
record.figure("act.plot", record.Figure(
    kind="line", x_label="tokens in the sequence, T", y_label="saved, MB per token", x_log=True,
    series=[record.Series(name, singles, [measured[name, 1, T] / T / 1e6 for T in singles])
            for name in ("fused", "eager")],
    caption="Saved bytes per token: flat with fused attention, rising with eager attention.",
    alt="Two lines over the sequence length. Fused attention stays flat; eager attention starts higher "
        "and rises in proportion to the length.",
))

# %% [markdown]
# With fused attention the cost *per token* is {{ act.fused.short | mb2 }} at
# {{ act.shortest | int }} tokens and {{ act.fused.long | mb2 }} at {{ act.longest | int }}: the
# total is linear in $b\,T$. Twice the length takes twice the bytes, just as twice the batch does.
# With eager attention it rises from {{ act.eager.short | mb2 }} to {{ act.eager.long | mb2 }} a token:
# that growth is the quadratic part. The formula above is off by {{ act.largest_error | pct2 }} at the
# largest setting (the small items left out), the library's by {{ act.library_error | int }} bytes at worst.
#
# One number deserves a second look. {{ act.logits_share | pct1 }} of the bytes are log-probabilities
# over the vocabulary, {{ n.vocab | int }} numbers a token. The count sees this table once. The logits
# and their gradient are as large, but they are temporaries that live for a moment around the loss. At
# the peak expect two or three such tables. On a GPU, runs often stop on this line: the numbers here
# are a lower bound of the peak.

# %% [markdown]
# ## Trade memory for compute
#
# **Gradient checkpointing** stores only the input of each block, $d$ numbers a token, and runs the
# block's forward pass again when the backward pass arrives there. Saved: $L\,d$ numbers instead of
# $L\,(6d + \dots)$, plus, for a moment, the contents of *one* block.
#
# What does it cost? Count in units of one forward pass. The backward pass multiplies twice for each
# forward multiplication: once for the gradient of the layer's input, once for that of its weight. So
# a full step is 1 + 2 = 3 units, and one more forward makes 4: a third more. That is an upper bound,
# for two reasons. The head is not run again. And PyTorch stops rerunning a block as soon as the last
# *saved* tensor is back: the final product with `down_proj` only makes the block's output, and no
# derivative in the block needs it, so a full step skips it.

# %% [markdown] tags=["predict"]
# id: memory-checkpoint-lora
# ask: >-
#   With LoRA, nearly all weights are frozen, and need no gradient. How many units is a LoRA step
#   without checkpointing? So how much more compute does checkpointing cost LoRA here?
# number: 100 * ck.lora.more
# format: f0
# unit: "%"

# %%
import time

from peft import LoraConfig, get_peft_model
from torch.utils.flop_counter import FlopCounterMode


def step_cost(model, b, T):
    """Floating-point operations (matrix products, exact) and the fewest seconds of forward + backward."""
    ids, seconds = token_batch(b, T), []
    model.set_attn_implementation("eager")  # the counter sees every product of eager attention
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=ids).loss.backward()
    model.set_attn_implementation("sdpa")
    for _ in range(budget["repeats"]):
        start = time.perf_counter()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.accelerator.synchronize() if ids.device.type != "cpu" else None
        seconds.append(time.perf_counter() - start)
    model.zero_grad(set_to_none=True)
    return counter.get_total_flops(), min(seconds)


# %% [markdown]
# Each method is measured without and with checkpointing: full tuning first, then LoRA on all seven
# matrices. Its *rank*, 16, is the width of the thin matrices.

# %% tags=["reveal"]
rank = 16


def compare(method, model):
    b, T = budget["step"]
    found = {}
    for label in ("plain", "checkpointed"):
        if label == "checkpointed":
            model.activation_checkpointing_enable()
        flops, seconds = step_cost(model, b, T)
        saved = saved_bytes(model, token_batch(b, T))
        again = activations(arch, b, T, method=method, rank=rank,
                            checkpointing=label == "checkpointed").recompute
        found[label] = (saved, saved + again, flops, seconds)
    model.activation_checkpointing_disable()
    (saved, _, flops, seconds), (kept, held, more, longer) = found["plain"], found["checkpointed"]
    record.values(f"ck.{method}", {"plain": saved, "kept": kept, "held": held, "memory": held / saved,
                                   "flops": flops, "more": more / flops - 1})
    record.value(f"ck.{method}.time", longer / seconds - 1, kind="band")
    return [method, saved, held, f"{held / saved:.0%}", f"+{more / flops - 1:.0%}"]


rows = [compare("full", model)]
tuned = get_peft_model(model, LoraConfig(r=rank, target_modules="all-linear", lora_dropout=0.0))
trainable = record.value("lora.trainable", count_parameters(tuned, trainable_only=True))
assert trainable == arch.lora_parameters(rank)
rows.append(compare("lora", tuned))
record.table("ck.table", rows, caption="Bytes of activations, and operations of matrix products.",
             columns=["method", "saved", "held, checkpointed", "ratio", "extra compute"])

# %% [markdown]
# In full tuning, checkpointing leaves {{ ck.full.memory | pct0 }} of the activations (the block under
# recomputation included) for {{ ck.full.more | pct0 }} more compute. With LoRA the same switch costs
# {{ ck.lora.more | pct0 }} more. A LoRA step is only about 1 + 1 = 2 units to begin with, since the
# gradients of the frozen weights are never computed: its bound is a *half*. And the adapter of
# `down_proj` runs after the frozen product, so that one is rerun too. The memory that remains is
# mostly the last stretch, which is not checkpointed: the final norm and the vocabulary's
# log-probabilities.
#
# Operations are counted exactly. The time of the fastest step changed by {{ ck.full.time | pct0 }} in
# full tuning and by {{ ck.lora.time | pct0 }} with LoRA; other work on the machine disturbs steps this
# short, so trust the counts.
#
# Check the cost of full tuning by hand: rerun six of the seven matrices and both products of
# attention. The batch cancels.

# %%
def rerun_share(a, T):
    """Operations a token that checkpointing repeats, per operation of a step of full tuning."""
    matrices = {name: 2 * out * into for name, (out, into) in a.shapes.items()}
    attention_products = 4 * T * a.heads * a.head_dim  # scores, and probabilities times values
    block = sum(matrices.values()) + attention_products
    forward = a.layers * block + 2 * a.d_model * a.vocab  # with the head
    return a.layers * (block - matrices["down_proj"]) / (3 * forward)


here = record.value("ck.predicted", rerun_share(arch, budget["step"][1]))
eight = record.value("ck.predicted_8b", rerun_share(ARCHITECTURES["Llama-3.1-8B"], 2048))
print(f"predicted: {here:.1%} more here, {eight:.1%} more for Llama-3.1-8B at 2,048 tokens")

# %% [markdown]
# The arithmetic gives {{ ck.predicted | pct1 }}, the counter {{ ck.full.more | pct1 }}. At 8B the head
# weighs less and the extra compute is {{ ck.predicted_8b | pct0 }}, still short of a third.

# %% [markdown]
# ## LoRA empties two shelves, and leaves one full
#
# Rank 16 on all seven matrices trains {{ lora.trainable | int }} new parameters, as many as
# {{ lora.trainable / n.total | pct1 }} of the model's. Gradients and optimizer states shrink to the
# same share.

# %% [markdown] tags=["predict"]
# id: memory-lora-shelf
# ask: >-
#   And the *activations*? By what factor do the saved bytes shrink when only
#   {{ lora.trainable / n.total | pct1 }} of the parameters are trained?
# choices:
#   - text: About 30×, like gradients and optimizer states.
#     right: lora.act_ratio < 0.1
#   - text: About 2×, since half of the saved inputs belong to weights and half to the rest.
#     right: lora.act_ratio >= 0.1 and lora.act_ratio < 0.8
#   - text: Hardly at all.
#     right: lora.act_ratio >= 0.8

# %% tags=["reveal"]
(_, full_saved, *_), (_, lora_saved, *_) = rows  # measured above, without checkpointing
record.value("lora.act_ratio", lora_saved / full_saved)
b, T = budget["step"]
shelves = {"weights": [], "gradients": [], "AdamW states": [], "activations": []}
for method in ("full", "lora"):
    cost = estimate(arch, method, precision="fp32", rank=rank, batch=b, sequence=T)
    for shelf, size in zip(shelves, (cost.weights, cost.gradients, cost.optimizer, cost.activations),
                           strict=True):
        shelves[shelf].append(size / 1e6)
    record.values(f"shelf.{method}", {"weights": cost.weights, "activations": cost.activations,
                                      "total": cost.total})
record.figure("lora.shelves", record.Figure(
    kind="stacked", x_label="method", y_label="MB", series=[
        record.Series(shelf, ["full", "LoRA"], sizes) for shelf, sizes in shelves.items()],
    caption="One step in fp32: LoRA removes gradients and optimizer states; the activations stay.",
    alt="Two stacked bars. Full tuning has weights, gradients, twice as much optimizer state, "
        "and activations. "
        "LoRA has the same weights, almost no gradients or states, and almost the same activations.",
))

# %% [markdown]
# Hardly at all: {{ lora.act_ratio | pct0 }} of the bytes remain. Frozen linear layers no longer save
# their input, but the adapter beside each reads *the same input* and must. And the gradient still
# travels through attention and SiLU down to the first adapter, so those save what they always saved.
# What goes is mostly the norms' normalized values: only the norms' own weights, now frozen, needed
# them. The total falls from {{ shelf.full.total | gb2 }} to {{ shelf.lora.total | gb2 }}:
# {{ shelf.lora.weights / shelf.lora.total | pct0 }} of it weights,
# {{ shelf.lora.activations / shelf.lora.total | pct0 }} activations.
#
# In bf16 there is a further twist: PEFT keeps adapters in fp32 by default, so each adapter saves an
# fp32 *copy* of its bf16 input. The library's formula includes it.
#
# **The rule of the lesson:** with few tokens a step, full tuning is dominated by optimizer states and
# LoRA by weights; with many, both are dominated by activations, and LoRA gets there first. Then reach
# for checkpointing and smaller batches, not for a lower rank.

# %% [markdown]
# ## Break it
#
# A classic leak: an evaluation loop that collects its losses, `losses.append(loss)`. A loss is one
# number of four bytes. But it is also the end of a *graph*, and the graph holds every saved tensor.
# Run four batches and count what is still alive afterwards: keep the loss, keep its `item()`, or keep
# the loss after `backward()`.

# %%
import weakref


def alive_after(body, batches=4):
    """Bytes of saved tensors that still exist after ``batches`` calls of ``body``."""
    references, kept = [], []

    def pack(tensor):
        references.append(weakref.ref(tensor.untyped_storage()))  # sees the storage, does not hold it
        return tensor.detach()

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        for _ in range(batches):
            kept.append(body(model(input_ids=ids, labels=ids).loss))
    alive = {s.data_ptr(): s.nbytes() for reference in references if (s := reference()) is not None}
    return sum(size for address, size in alive.items() if address not in parameters)


def trained(loss):
    loss.backward()
    model.zero_grad(set_to_none=True)
    return loss


# %%
model = tuned.unload().requires_grad_(True)  # the plain model again, all parameters trained
parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
ids = token_batch(1, 32)
variants = {"kept": lambda loss: loss, "item": lambda loss: loss.item(), "backward": trained}
leak = {name: alive_after(body) for name, body in variants.items()}
record.values("leak", {**leak, "one": activations(arch, 1, 32).saved})
print(*(f"{name:9} {size:>12,} bytes alive" for name, size in leak.items()), sep="\n")

# %% [markdown]
# Keeping the loss keeps {{ leak.kept | mb0 }} alive after four batches,
# {{ leak.kept / leak.one | x1 }} what a single one saves, and so on until memory runs out:
# what you *see* is a crash in the middle of an evaluation, after many good batches.
# `loss.item()` leaves {{ leak.item | int }} bytes: the batch's 32 token ids, which the loop itself
# still holds. The third line may surprise you: after `backward()` the graph has given up its saved
# tensors, and four kept losses hold {{ leak.backward - leak.item | int }} bytes more than that. So the
# training loop forgives this habit and the evaluation loop does not. The fix: evaluate under
# `torch.no_grad()`, and keep numbers, not tensors.

# %% [markdown]
# ## At 7B and 70B
#
# The *meta device* builds a model with shapes and no memory, so real architectures can be counted
# here. The numbers are those of each public `config.json` (hub ids in the table, read 2026-11).

# %% tags=["hide-code"]
from transformers import AutoConfig, AutoModelForCausalLM


def count_on_meta(a):
    config = AutoConfig.for_model(
        "qwen2" if a.qkv_bias else "llama", hidden_size=a.d_model, intermediate_size=a.d_ff,
        num_hidden_layers=a.layers, num_attention_heads=a.heads, num_key_value_heads=a.kv_heads,
        head_dim=a.head_dim, vocab_size=a.vocab, tie_word_embeddings=a.tied,
        bos_token_id=1, eos_token_id=2, pad_token_id=0)
    with torch.device("meta"):
        return count_parameters(AutoModelForCausalLM.from_config(config))


rows = []
for a in ARCHITECTURES.values():
    counted = count_on_meta(a)
    assert counted == a.parameters().total
    rows.append([a.source, counted, f"{a.parameters().mlp / counted:.0%}",
                 f"{(a.parameters().embedding + a.parameters().head) / counted:.0%}"])
    record.value("count." + a.name.lower().replace("-", "_").replace(".", "_"), counted)
record.table("count.table", rows, caption="Exact parameter counts, from modules on the meta device.",
             columns=["architecture", "parameters", "in MLPs", "in embedding and head"])

# %% [markdown]
# "7B" is a name: the three models of that name differ by up to
# {{ (count.qwen2_5_7b / count.llama_2_7b - 1) | pct0 }}. Now the shelves, for one sequence of 2,048
# tokens. *QLoRA* is LoRA over frozen matrices stored in 4 bits. Full tuning is in mixed precision
# without checkpointing, LoRA and QLoRA (rank 16, all matrices, bf16 compute) with it, so compare
# activations only between those two.

# %% tags=["hide-code"]
rows, names = [], {"Llama-3.1-8B": "b8", "Llama-3.1-70B": "b70"}
for name, key in names.items():
    for method in ("full", "lora", "qlora"):
        cost = estimate(ARCHITECTURES[name], method, rank=16, batch=1, sequence=2048,
                        checkpointing=method != "full")
        parts = (cost.weights, cost.gradients, cost.optimizer, cost.activations, cost.total)
        rows.append([name, method, *(f"{part / 1e9:.1f}" for part in parts)])
        record.values(f"{key}.{method}", {"total": cost.total, "weights": cost.weights,
                                          "fixed": cost.total - cost.activations,
                                          "activations": cost.activations})
record.table("big.table", rows, caption="Predicted GB (10⁹ bytes). The master copy is under optimizer.",
             columns=["model", "method", "weights", "gradients", "optimizer", "activations", "total"])
eight_bit = estimate(ARCHITECTURES["Llama-3.1-8B"], optimizer="adamw8bit")
pure = estimate(ARCHITECTURES["Llama-3.1-8B"], precision="bf16")
record.values("b8", {"adam8": eight_bit.total - eight_bit.activations,
                     "pure": pure.total - pure.activations})
bare = estimate(ARCHITECTURES["Llama-3.1-70B"], "qlora", rank=16, batch=1, sequence=2048)
record.value("b70.qlora_bare", bare.total)  # without checkpointing

# %% [markdown]
# In full tuning the ratio of the first three shelves does not change with size. Checkpointing decides
# the last row: without it, QLoRA at 70B takes {{ b70.qlora_bare | gb0 }} instead of
# {{ b70.qlora.total | gb0 }}. What is **not** in the table: temporaries around the loss, the CUDA
# context, and what the allocator cannot reuse. None of it was measured on a GPU here. Treat the
# totals as a floor. QLoRA stores the seven matrices with 4 + 8/64 + 32/(64 · 256) = {{ 4 + 8/64 + 32/(64 * 256) | f3 }} bits a
# weight: the 4-bit format NF4, with scales that are quantized too
# ([arXiv:2305.14314](https://arxiv.org/abs/2305.14314)); lesson 09 measures it. Embedding, head and
# norms stay in bf16, the adapters in fp32; all are under weights.
#
# Two more levers. **8-bit AdamW** stores the moments in one byte each with a scale per 256 values:
# full tuning of 8B drops from {{ b8.full.fixed | gb0 }} to {{ b8.adam8 | gb0 }} before activations.
# **Paged** optimizers take the same bytes, but may move them to the host when the card is full.
#
# Now your own run. The calculator fills the same formulas in, for any method, optimizer and length;
# start from the row of the table that you know, and change one setting at a time.
#
# <!-- widget: memory model=Llama-3.1-8B method=qlora -->

# %% [markdown] tags=["claims"]
# - number: 9
#   text: "Full tuning of an 8B model needs about 80 GB: ten A100-80GB"
#   source: common tutorial figure
#   value: "{{ b8.full.fixed | gb0 }} before activations in mixed precision (16 bytes a parameter)"
#   for: >-
#     abs(b8.full.fixed / 80e9 - 1) < 0.1 or (b8.full.fixed > 9 * 80e9 and b8.full.fixed <= 10
#     * 80e9)
#   against: "b8.full.fixed > 1.1 * 80e9 and b8.full.fixed < 9 * 80e9"
#   note: >-
#     The two halves contradict each other, since ten such cards hold 800 GB; either one would
#     have counted. Other recipes differ: pure bf16 takes {{ b8.pure | gb0 }}, and 8-bit AdamW
#     with a master copy takes {{ b8.adam8 | gb0 }}. Activations come on top.
# - number: 10
#   text: "Full tuning of a 7B model: 14 GB of weights plus 56 GB of Adam states"
#   source: common tutorial figure
#   value: >-
#     {{ 2 * count.llama_2_7b | gb1 }} + {{ 8 * count.llama_2_7b | gb1 }} for Llama-2-7B, but
#     {{ 16 * count.llama_2_7b | gb0 }} in all
#   for: abs(16 * count.llama_2_7b / 70e9 - 1) < 0.1
#   against: "abs(2 * count.llama_2_7b / 14e9 - 1) > 0.1 or abs(8 * count.llama_2_7b / 56e9 - 1) > 0.1"
#   partly: abs(2 * count.llama_2_7b / 14e9 - 1) < 0.1 and abs(8 * count.llama_2_7b / 56e9 - 1) < 0.1
#   condition: "For weights in bf16 and Adam's two moments in fp32 alone"
#   note: >-
#     Both products are right for bf16 weights and fp32 moments; the sum leaves out gradients
#     ({{ 2 * count.llama_2_7b | gb1 }}) and the fp32 master copy ({{ 4 * count.llama_2_7b |
#     gb1 }}).
# - number: 11
#   text: "70B: full tuning 1.4 TB, LoRA 160 GB, QLoRA 48 GB"
#   source: common tutorial figure
#   value: "{{ b70.full.total | tb2 }}, {{ b70.lora.total | gb0 }} and {{ b70.qlora.total | gb0 }}"
#   for: >-
#     abs(b70.full.total / 1.4e12 - 1) < 0.1 and abs(b70.lora.total / 160e9 - 1) < 0.1 and
#     abs(b70.qlora.total / 48e9 - 1) < 0.1
#   against: "abs(b70.full.total / 1.4e12 - 1) > 0.5 or abs(b70.lora.total / 160e9 - 1) > 0.5"
#   partly: abs(b70.lora.total / 160e9 - 1) < 0.1 and abs(b70.qlora.total / 48e9 - 1) < 0.1
#   condition: "For the two adapter figures, with one sequence of 2,048 tokens and checkpointing"
#   note: >-
#     The two adapter figures hold for one sequence of 2,048 tokens with checkpointing at rank
#     16; without checkpointing QLoRA takes {{ b70.qlora_bare | gb0 }}. 1.4 TB is 20 bytes a
#     parameter: the 16 counted here and an fp32 copy of the gradients, which some layouts
#     add. Computed, not run.
# - number: 12
#   text: "Gradient checkpointing: about 30 % more compute, half the memory"
#   source: common tutorial figure
#   value: >-
#     +{{ ck.full.more | pct0 }} compute in full tuning, +{{ ck.lora.more | pct0 }} with LoRA;
#     {{ ck.full.memory | pct0 }} and {{ ck.lora.memory | pct0 }} of the activations remain
#   for: >-
#     abs(ck.full.more - 0.3) < 0.05 and abs(ck.lora.more - 0.3) < 0.05 and abs(ck.full.memory
#     - 0.5) < 0.1 and abs(ck.lora.memory - 0.5) < 0.1
#   against: "ck.full.more > 0.5 or ck.full.memory > 0.75"
#   partly: ck.full.more <= 1 / 3 and ck.full.memory <= 0.5
#   condition: "In full tuning, read as limits"
#   note: >-
#     It holds for full tuning, read as limits that the derivation gives: at most a third more
#     compute, at least half of the activations gone. Llama-3.1-8B at 2,048 tokens: +{{
#     ck.predicted_8b | pct0 }} by the same arithmetic. For LoRA the limit is one half. Only
#     activations shrink: of all bytes of this full step, {{ (step.static + ck.full.held) /
#     (step.static + ck.full.plain) | pct0 }} remain.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1: the crossover
# In full tuning of this model in fp32, at how many tokens per step (batch × sequence) do the
# activations overtake the other three shelves together? Work it out from two numbers on this page,
# then check.

# %% tags=["solution"]
crossover = record.value("ex.crossover", round(16 * P / predicted_bytes(1, 1)))
print(f"16 bytes × {P:,} parameters / {predicted_bytes(1, 1):,} bytes a token = {crossover:,} tokens")

# %% [markdown] tags=["solution"]
# About {{ ex.crossover | int }} tokens: eight sequences of modest length. For such a small model
# activations take over early, since per layer the parameters grow with $d^2$, the activations with $d$.
# Larger models cross later.

# %% [markdown]
# ### Exercise 2: checkpoint every second block
# `activation_checkpointing_enable(every_n_layers=2)` checkpoints only every second block. Predict
# the saved bytes for one sequence of 32 tokens from two calls of `activations`, then measure.

# %% tags=["solution"]
plain = activations(arch, 1, 32).blocks
thin = activations(arch, 1, 32, checkpointing=True)
model.activation_checkpointing_enable(every_n_layers=2)
half = saved_bytes(model, token_batch(1, 32))
model.activation_checkpointing_disable()
guess = plain // 2 + thin.blocks // 2 + thin.head
record.values("ex.half", {"measured": half, "error": abs(guess / half - 1)})
print(f"predicted {guess:,}, measured {half:,} bytes")

# %% [markdown] tags=["solution"]
# Half of the blocks save everything, half only their input: the estimate is off by
# {{ ex.half.error | pct2 }} (ids and rotary angles again). You pay for half of the recomputation.

# %% [markdown]
# ### Exercise 3: 70B on one card
# You have one card of 80 GB and want to tune the 70B architecture on sequences as long as possible.
# Which shelf do you shrink first, what limits you then, and what does the calculation not tell you?

# %% tags=["solution"]
big = ARCHITECTURES["Llama-3.1-70B"]
longest_fit = max(
    T for T in range(1024, 65536, 1024)
    if estimate(big, "qlora", sequence=T, checkpointing=True).total < 0.85 * 80e9)
record.value("ex.tokens", longest_fit)
print("QLoRA, checkpointing, 85 % of 80 GB:", longest_fit, "tokens")

# %% [markdown] tags=["solution"]
# Weights first: in bf16 they alone exceed the card, so QLoRA. Then checkpointing, without which the
# activations of 80 blocks fill the rest. By the formula {{ ex.tokens | int }} tokens fit, with 15 %
# kept free for what is not counted. That margin is a guess, not a measurement: at long sequences the
# logits and their gradient ({{ ex.tokens * 128256 * 4 | gb1 }} a copy in fp32) are what to watch.
# Start at a quarter of that length, read the device's own peak counter, and work up.

# %% [markdown]
# ## Knowledge check
#
# <!-- quiz -->

# %% [markdown]
# ## Checklist
#
# - [ ] I know which of the four shelves is full before I choose a technique.
# - [ ] I count 16 bytes for each *trained* parameter with AdamW, in fp32 and in mixed precision.
# - [ ] I use fused attention, so that memory grows with $T$ and not with $T^2$.
# - [ ] I expect at most a third more compute from checkpointing in full tuning, a half with LoRA.
# - [ ] My evaluation runs under `torch.no_grad()` and keeps numbers.
# - [ ] I add head-room for temporaries, and check against the device's peak counter.
#
# ## Interview questions
#
# ??? question "Estimate the memory for full fine-tuning of an 8B model, out loud."
#     Mixed precision with AdamW: 2 bytes of weights, 2 of gradients, 4 of master copy, 8 of moments,
#     so 16 × {{ count.llama_3_1_8b / 1e9 | f2 }} billion: about {{ b8.full.fixed | gb0 }} before activations. That is more than one
#     80 GB card, so shard the states over cards, or do not train all parameters. Then activations:
#     proportional to tokens, about {{ b8.full.activations / 2048 | mb0 }} each in bf16 without
#     checkpointing.
#
# ??? question "When is gradient checkpointing a bad idea?"
#     When activations are not the full shelf (short sequences, small batch), or when the run is
#     limited by compute and fits anyway. It cannot help with weights or optimizer states. With LoRA
#     its relative price is higher: up to a half, rather than a third.
#
# ??? question "Why bf16 rather than fp16, and what does bf16 still need?"
#     bf16 has fp32's range, so no loss scaling. Its resolution is coarse: small updates round away.
#     It needs an fp32 master copy (or fp32 adapters, as PEFT does, or stochastic rounding).
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | out of memory in evaluation, after many batches | losses kept with their graph | `torch.no_grad()`, `.item()` |
# | out of memory at the first update | AdamW's states appear then | 8-bit states, fewer trained parameters |
# | memory grows with the square of the length | eager attention | `attn_implementation="sdpa"` |
# | lower LoRA rank, same memory | activations dominate | checkpointing, smaller batch with accumulation |
# | loss stops falling in pure bf16 | updates below half the gap between numbers | master copy or fp32 trained weights |
# | inf or nan in fp16 | above 65,504 | bf16, or loss scaling |
#
# ## Further reading
#
# - Rajbhandari, Rasley, Ruwase, He, *ZeRO: Memory Optimizations Toward Training Trillion Parameter
#   Models*, 2019,
#   [arXiv:1910.02054](https://arxiv.org/abs/1910.02054). The 16 bytes, and how to spread them over
#   cards.
# - Chen, Xu, Zhang, Guestrin, *Training Deep Nets with Sublinear Memory Cost*, 2016,
#   [arXiv:1604.06174](https://arxiv.org/abs/1604.06174). Where gradient checkpointing comes from.
# - Korthikanti et al., *Reducing Activation Recomputation in Large Transformer Models*, 2022,
#   [arXiv:2205.05198](https://arxiv.org/abs/2205.05198). Count activations per operation; recompute
#   only the cheap ones.
# - Micikevicius et al., *Mixed Precision Training*, 2017 (ICLR 2018),
#   [arXiv:1710.03740](https://arxiv.org/abs/1710.03740). Master weights and loss scaling.
# - Dettmers, Lewis, Shleifer, Zettlemoyer, *8-bit Optimizers via Block-wise Quantization*, 2021,
#   [arXiv:2110.02861](https://arxiv.org/abs/2110.02861). Where three quarters of the optimizer shelf
#   can go.
#
# ## For your readiness packet
#
# Write the memory plan of the support-desk tune: the longest example you will train on, the batch,
# and the predicted bytes of each shelf. This cell starts it, with the tickets of the running case.

# %%
from course.case import extraction, tickets
from course.chat import encode

examples = [extraction(ticket) for ticket in tickets("train", 64, seed=seed)]
lengths = sorted(len(encode(tokenizer, e.prompt, e.completion).input_ids) for e in examples)
plan = estimate(arch, "lora", precision="fp32", rank=16, batch=8, sequence=lengths[-1])
record.values("packet", {"median": lengths[len(lengths) // 2], "longest": lengths[-1],
                         "total": plan.total, "activations": plan.activations})

# %% [markdown]
# Of 64 training tickets, the median has {{ packet.median | int }} tokens and the longest
# {{ packet.longest | int }} (prompt and answer). LoRA at rank 16 with a batch of 8 padded to the
# longest is predicted to hold {{ packet.total | gb2 }},
# {{ packet.activations / packet.total | pct0 }} of it activations. When you train it, put the peak
# you observe beside the prediction. A gap you can explain is the best sign that you understand your
# run.
