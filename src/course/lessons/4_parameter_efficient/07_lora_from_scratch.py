# ---
# title: LoRA from scratch
# module: 4
# summary: Take a real full fine-tune apart, see how little of it is needed, then build LoRA in a few
#   lines and match PEFT's outputs, gradients and losses.
# objectives:
#   - predict the trainable parameters of any LoRA configuration before a library prints them
#   - explain what "the update is low rank" does and does not mean, from a measured update
#   - build, inject, merge and unmerge a LoRA layer, and check it against PEFT
#   - say why B starts at zero, why A must not, and what α/r is for
# prerequisites: [2]
# read_minutes: 30
# weights: [smollm2-135m-instruct]
# plain_numbers: [4096, 576, 192, 8, 16, 12, 25, 64]
# ---

# %% [markdown]
# A full fine-tune may move every number of a weight matrix on its own. LoRA may not: it adds a matrix
# of low rank, built from far fewer numbers. Why should that be enough? You will make a real full
# update of {{ setup.trained | int }} weights, cut it down to **rank 1 in all
# {{ setup.matrices | int }} matrices at once**, and see that the stump still keeps
# {{ keep.top_1 | pct0 }} of what the tune gained on held-out tickets. The reason is *not* that the rest
# of the update is small. Then you build LoRA by hand and hold it against PEFT.

# %% [markdown]
# ## Warm-up
#
# ??? question "Adam in 32-bit floats: how many bytes does one *trained* parameter cost, and one *frozen* parameter?"
#     Trained: 4 for the weight, 4 for its gradient, 4 + 4 for Adam's two moments: 16 bytes. Frozen: only
#     the weight, 4 bytes. This is the arithmetic of [where the memory goes](lesson:02), and it is why the
#     *count of trained parameters* is the number to shrink.
#
# ??? question "Multiply a column of 3 numbers by a row of 4 numbers. What shape comes out, and how many of its entries can you choose freely?"
#     A 3×4 matrix, an *outer product*. It has 12 entries, but they are made from 3 + 4 numbers. Every
#     row is a multiple of the same row: its rank is 1. LoRA is this observation, used at scale.

# %% [markdown]
# ## A change of rank one
#
# Think of a linear layer as a building of intercoms. A rank-1 change adds one **listener** and one
# **speaker**. The listener hears all $d_\text{in}$ inputs and reduces them to a single number: how much
# of one particular pattern is present. The speaker broadcasts one fixed pattern to all
# $d_\text{out}$ outputs, as loud as that number says. Rank $r$ means $r$ such pairs.
#
# ```text
#                      x  (d_in numbers)
#              ┌───────┴────────┐
#              │                ▼
#              │          A  (r × d_in)     r listeners
#   W  (d_out × d_in)           │  r numbers
#      frozen                   ▼
#              │          B  (d_out × r)    r speakers
#              │                │  × α/r
#              └──────(+)───────┘
#                      ▼
#                      h  (d_out numbers)
# ```
#
# Where the picture breaks: real intercoms have fixed rooms. Here training *moves* the listeners and the
# speakers, and a pair has no identity of its own: multiply $A$ by an invertible $r\times r$ matrix, $B$ by
# its inverse, and the layer computes the same. Only the product means something.

# %% [markdown]
# ## What rank measures
#
# Let $W \in \mathbb{R}^{d_\text{out}\times d_\text{in}}$ be a weight before the tune and
# $\Delta W$ (same shape) the sum of all steps that the tune took. The singular value decomposition writes
# any $\Delta W$ as listener–speaker pairs, sorted by strength:
#
# $$\Delta W = \sum_{i=1}^{\min(d_\text{out},\,d_\text{in})} \sigma_i\,\mathbf{u}_i\mathbf{v}_i^\top,
# \qquad \sigma_1 \ge \sigma_2 \ge \dots \ge 0$$
#
# $\mathbf{v}_i$ (length $d_\text{in}$) listens, $\mathbf{u}_i$ (length $d_\text{out}$) speaks, both have
# length one. Keep the first $r$ terms and you have $\Delta W_r$, the closest matrix of rank $r$
# (the Eckart–Young theorem). The squared entries of $\Delta W$ add up to $\sum_i \sigma_i^2$, so the
# **energy** that rank $r$ captures is
#
# $$E_r = \frac{\sigma_1^2 + \dots + \sigma_r^2}{\sum_i \sigma_i^2}$$
#
# By hand: $\begin{pmatrix} 3 & 0 \\ 0 & 4 \end{pmatrix}$ has $\sigma = (4, 3)$. Its energy is $16 + 9 = 25$
# and the best rank-1 copy keeps $16/25 = 64$ %. And
# $\begin{pmatrix} 2 & 4 \\ 1 & 2 \end{pmatrix} = \begin{pmatrix} 2 \\ 1 \end{pmatrix}
# \begin{pmatrix} 1 & 2 \end{pmatrix}$ has rank 1: $E_1$ is 100 %.
#
# Energy is geometry, though. Nobody fine-tunes to be close to a matrix; we tune to lower a **loss**. So we
# ask two questions of the same update, and they get different answers: how much of its *energy* has
# low rank, and how much of its *gain*?

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": minutes on a CPU; "full": a GPU
seed = 0

# %% [markdown]
# The budget is in the open. Every seed gives another order of the training tickets; the held-out tickets
# have products and wordings that no training ticket uses.

# %%
from course import record
from course.case import extraction, tickets
from course.chat import batches, completion_loss, encode
from course.models import linear_modules, load_causal_lm, seed_everything

budget = {
    "smoke": {"seeds": (0, 1), "steps": 2, "batch": 2, "heldout": 4, "blocks": 2},
    "laptop": {"seeds": (0, 1, 2), "steps": 12, "batch": 4, "heldout": 18, "blocks": None},
    "full": {"seeds": (0, 1, 2, 3, 4), "steps": 60, "batch": 8, "heldout": 120, "blocks": None},
}[profile]
model, tokenizer = load_causal_lm()
pad = tokenizer.pad_token_id


def task(split, n):
    examples = [extraction(ticket) for ticket in tickets(split, n, seed)]
    return [encode(tokenizer, e.prompt, e.completion) for e in examples]


train_set, heldout = task("train", 240), task("validation", budget["heldout"])

# %% [markdown]
# We tune exactly the matrices that LoRA could touch later: every linear layer inside the transformer
# blocks. Embeddings, norms and the tied output head stay frozen, so that the two methods differ in
# one thing only, the freedom of the update.

# %%
matrices = dict(linear_modules(model))
if budget["blocks"]:  # the smoke profile trains the last blocks only
    last = len(matrices) // model.config.num_hidden_layers * budget["blocks"]
    matrices = dict(list(matrices.items())[-last:])
start = {name: module.weight.detach().clone() for name, module in matrices.items()}
base_loss = completion_loss(model, heldout, pad)

record.values("setup", {
    "matrices": len(matrices),
    "trained": sum(weight.numel() for weight in start.values()),
    "steps": budget["steps"],
    "batch": budget["batch"],
    "seeds": len(budget["seeds"]),
    "heldout": budget["heldout"],
})  # fmt: skip
record.value("loss.base", base_loss)
print(f"{len(matrices)} matrices; held-out loss before tuning: {base_loss:.3f} nats a token")

# %% [markdown]
# ## A real update, taken apart
#
# One plain training loop serves the whole lesson: AdamW, a four-step warmup, loss on the answer's tokens
# only.

# %%
import time

import torch


def train(model, parameters, learning_rate, seed, steps=budget["steps"]):
    """Train `parameters`; return the loss of every step and the mean seconds a step took."""
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=0.0)
    losses, began = [], time.perf_counter()
    for step, batch in enumerate(batches(train_set, budget["batch"], steps, pad, seed), start=1):
        optimizer.param_groups[0]["lr"] = learning_rate * min(1, step / 4)
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses, (time.perf_counter() - began) / steps


# %% [markdown]
# A full tune moves every entry freely. Afterwards we keep the difference and put the original weights
# back, so that one model in memory serves every run.

# %%
FULL_RATE = 1e-4


@torch.no_grad()
def put_back(change=None):
    """Set every weight to its original value, plus `change(name)` if there is one."""
    for name, module in matrices.items():
        module.weight.copy_(start[name] if change is None else start[name] + change(name))


def full_tune(seed):
    """Return the update of every matrix, the held-out loss it reaches, and seconds a step."""
    model.requires_grad_(False)
    weights = [module.weight.requires_grad_(True) for module in matrices.values()]
    _, seconds = train(model, weights, FULL_RATE, seed)
    model.requires_grad_(False)
    update = {name: module.weight.detach() - start[name] for name, module in matrices.items()}
    loss = completion_loss(model, heldout, pad)
    put_back()
    return update, loss, seconds


first = budget["seeds"][0]
full = {first: full_tune(first)}  # seed -> (update, loss, seconds)
print(f"held-out loss after the full tune: {full[first][1]:.3f}")

# %% [markdown]
# !!! question "Predict"
#     Of a matrix whose entries are independent random numbers, the best rank 8 captures only a few percent of
#     the energy. For the update that Adam just made, will rank 8 capture **about as little**,
#     **roughly half**, or **nearly all**? And the pretrained weight $W$ itself: more or less than its update?
#     Write down two guesses. (A hint against "nearly all": Adam divides every entry's step by that entry's own
#     typical size, so small entries move about as far as large ones.)

# %% tags=["reveal"]
RANK = 8
update = full[first][0]
generator = torch.Generator().manual_seed(seed)


def energy(matrix, rank=RANK):
    """Share of the squared entries that the best copy of this rank keeps."""
    power = torch.linalg.svdvals(matrix).square()
    return float(power[:rank].sum() / power.sum())


kinds = list(dict.fromkeys(name.rpartition(".")[2] for name in matrices))  # q_proj, k_proj, …
rows = []
for kind in kinds:
    named = [name for name in matrices if name.endswith(kind)]
    for name in (named[0], named[len(named) // 2], named[-1]) if kind in kinds[::2] else ():
        d_out, d_in = start[name].shape
        noise = torch.randn(d_out, d_in, generator=generator)
        shares = [energy(matrix) for matrix in (update[name], start[name], noise)]
        block = next(part for part in name.split(".") if part.isdigit())
        rows.append([f"block {block} {kind}", f"{d_out}×{d_in}", *(f"{s:.0%}" for s in shares)])
record.table(
    "energy.table", rows, ["matrix", "shape", "update", "weight itself", "random"],
    caption="Energy captured by the best rank 8: a full tune's update, the pretrained weight, and noise.",
)  # fmt: skip
