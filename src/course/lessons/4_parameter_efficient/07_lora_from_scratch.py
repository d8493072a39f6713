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
# tags: [LoRA, Rank, Alpha (α), Adapter, Singular value decomposition (SVD), Merging, PEFT]
# weights: [smollm2-135m-instruct]
# plain_numbers:
#   found in a paper that is linked, and the whole in percent: [100]
#   shapes of Llama 3 8B, from its configuration: [4096, 1024, 14336]
#   sums of these shapes: [8192, 5120, 18432]
#   the width of SmolLM2-135M, from its configuration: [576]
#   the two steps by hand, from numbers that the text sets: [0.01, 0.06, 0.12, 0.64, 2.72, 1.024, 1.28, 0.192, 0.384, 0.768]
#   claims 1 to 3 as they are told: [65536, 16.8, 256, 83886080, 1.04, 6553600, 0.08]
# ---

# %% [markdown]
# A full fine-tune may move every number of a weight matrix independently. LoRA may not: it adds a
# matrix of low rank, built from far fewer numbers. Why should that be enough? You will make a real
# full update of {{ setup.trained | int }} weights, to turn support tickets into JSON, cut it to
# **rank 8 in all {{ setup.matrices | int }} matrices at once**, and see how much of the gain on
# held-out tickets it keeps, and why. Then you build LoRA by hand and hold it against PEFT.

# %% [markdown]
# ## Warm-up
#
# ??? question "Adam in 32-bit floats: how many bytes does one *trained* parameter cost, and one *frozen* parameter?"
#     Trained: 4 for the weight, 4 for its gradient, 4 + 4 for Adam's two moments: 16 bytes. Frozen:
#     only the weight, 4 bytes ([where the memory goes](lesson:02)). So shrink the *count of trained
#     parameters*.
#
# ??? question "Multiply a column of 3 numbers by a row of 4 numbers. What shape comes out, and how many of its entries can you choose freely?"
#     A 3×4 matrix, an *outer product*. Its 12 entries are made from 3 + 4 numbers. (Six are free:
#     double the column, halve the row, and nothing changes.) Every row is a multiple of the same
#     row: its rank is 1.

# %% [markdown]
# ## A change of rank one
#
# Think of a linear layer as a building of intercoms. A rank-1 change adds one **listener** and one
# **speaker**. The listener reduces all $d_\text{in}$ inputs to a single number: how much of one
# pattern is present. The speaker broadcasts one fixed pattern to all $d_\text{out}$ outputs, as
# loud as that number says. Rank $r$ means $r$ such pairs.
#
# <!-- diagram: lora-forward -->
#
# Where the picture breaks: training *moves* the listeners and the speakers, and a pair has no
# identity of its own: replace $A$ by $MA$ and $B$ by $BM^{-1}$, for any invertible $r\times r$
# matrix $M$, and the layer computes the same. Only the product $BA$ means something.

# %% [markdown]
# ## What rank measures
#
# Let $W \in \mathbb{R}^{d_\text{out}\times d_\text{in}}$ be a weight before the tune and $\Delta W$
# (same shape) the sum of all steps that the tune took. The singular value decomposition writes it
# as listener–speaker pairs, sorted by strength:
#
# $$\Delta W = \sum_{i=1}^{\min(d_\text{out},\,d_\text{in})} \sigma_i\,\mathbf{u}_i\mathbf{v}_i^\top,
# \qquad \sigma_1 \ge \sigma_2 \ge \dots \ge 0$$
#
# $\mathbf{v}_i$ ($d_\text{in}$ numbers) listens, $\mathbf{u}_i$ ($d_\text{out}$ numbers) speaks.
# All have length one; listeners are at right angles to each other, and so are speakers. The first
# $r$ terms are $\Delta W_r$: no matrix of rank $r$ is closer to $\Delta W$ in squared entries (the
# Eckart–Young theorem). The squared entries of $\Delta W$ add up to $\sum_i \sigma_i^2$, so the
# **energy** that rank $r$ captures is
#
# $$E_r = \frac{\sigma_1^2 + \dots + \sigma_r^2}{\sum_i \sigma_i^2}$$
#
# By hand: $\begin{pmatrix} 3 & 0 \\ 0 & 4 \end{pmatrix}$ has $\sigma = (4, 3)$. Its energy is
# $16 + 9 = 25$ and the best rank-1 copy keeps $16/25 = 64$ %.
#
# Energy is geometry, though. We tune to lower a **loss**, and call the drop on held-out tickets the
# **gain**. So ask of one update: how much of its *energy* does a low rank keep, and how much of its
# *gain*?

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": minutes on a CPU; "full": a GPU
seed = 0

# %% [markdown]
# Every seed draws other tickets, in another order, from one training set; no training ticket uses a
# product or wording of the held-out ones.

# %%
from course import record
from course.case import extraction, tickets
from course.chat import batches, completion_loss, encode
from course.models import linear_modules, load_causal_lm, seed_everything
from course.workbench import empty_llama, swap, train

budget = {
    "smoke": {"seeds": (0, 1), "steps": 2, "batch": 2, "heldout": 2, "blocks": 1},
    "laptop": {"seeds": (0, 1, 2), "steps": 12, "batch": 4, "heldout": 12, "blocks": None},
    "full": {"seeds": (0, 1, 2, 3, 4), "steps": 60, "batch": 8, "heldout": 120, "blocks": None},
}[profile]
model, tokenizer = load_causal_lm(blocks=budget["blocks"])  # all, or one in the smoke profile
pad = tokenizer.pad_token_id


def task(split, n):
    examples = [extraction(ticket) for ticket in tickets(split, n, seed)]
    return [encode(tokenizer, e.prompt, e.completion) for e in examples]


train_set, heldout = task("train", 240), task("validation", budget["heldout"])

# %% [markdown]
# We tune exactly the matrices that LoRA will touch, every linear layer inside the blocks, so the
# two methods differ only in the freedom of the update and in the learning rate. Losses are in nats
# (natural-log units) a token.

# %%
matrices = dict(linear_modules(model))
start = {name: module.weight.detach().clone() for name, module in matrices.items()}
base_loss = completion_loss(model, heldout, pad)
print(f"{len(matrices)} matrices; held-out loss before tuning: {base_loss:.3f} nats a token")

# %% tags=["hide-code"]
record.values("setup", {
    "matrices": len(matrices),
    "trained": sum(weight.numel() for weight in start.values()),
    "steps": budget["steps"],
    "batch": budget["batch"],
    "seeds": len(budget["seeds"]),
    "heldout": budget["heldout"],
})  # fmt: skip
record.value("loss.base", base_loss)

# %% [markdown]
# ## A real update, taken apart
#
# The course's loop trains: AdamW without weight decay, a rate that rises over four steps, loss on
# the answer's tokens only. We keep the difference and put the original weights back, so one model
# serves every run.

# %%
import torch

FULL_RATE = 2e-4
recipe = {"steps": budget["steps"], "batch_size": budget["batch"], "pad_id": pad}


@torch.no_grad()
def put_back(change=None):
    """Set every weight to its original value, plus `change(name)` if there is one."""
    for name, module in matrices.items():
        module.weight.copy_(start[name] if change is None else start[name] + change(name))


def full_tune(seed):
    """Return the update of every matrix, the held-out loss it reaches, and seconds a step."""
    model.requires_grad_(False)
    weights = [module.weight.requires_grad_(True) for module in matrices.values()]
    _, seconds = train(model, weights, train_set, learning_rate=FULL_RATE, seed=seed, **recipe)
    model.requires_grad_(False)
    update = {name: module.weight.detach() - start[name] for name, module in matrices.items()}
    loss = completion_loss(model, heldout, pad)
    put_back()
    return update, loss, seconds


update, full_loss, full_seconds = full_tune(budget["seeds"][0])
print(f"held-out loss after the full tune: {full_loss:.3f}")

# %% [markdown] tags=["predict"]
# id: lora-energy
# ask: >-
#   Of a matrix of this size whose entries are independent random numbers, the best rank 8
#   captures a tenth of the energy or less. How much does it capture of the update that Adam just
#   made, over all matrices? (A hint: Adam divides each entry's gradient by its own typical size,
#   so entries with small gradients move about as far as those with large ones.)
# choices:
#   - text: About as little, a tenth or so.
#     right: energy.top_8 < 0.25
#   - text: Roughly half.
#     right: energy.top_8 >= 0.25 and energy.top_8 <= 0.75
#   - text: Nearly all.
#     right: energy.top_8 > 0.75

# %% [markdown] tags=["predict"]
# id: lora-energy-weight
# ask: >-
#   And the pretrained weight $W$ itself: does rank 8 capture a larger share of it than of its
#   update?
# choices:
#   - text: Yes, in most rows. Pretraining has had far longer to find structure.
#     right: energy.over_weight < 0.5 * energy.rows
#   - text: No, in most rows a smaller one.
#     right: energy.over_weight >= 0.5 * energy.rows

# %%
RANK = 8


def energy(matrix, rank=RANK):
    """Share of the squared entries that the best copy of this rank keeps."""
    power = torch.linalg.svdvals(matrix).square()
    return float(power[:rank].sum() / power.sum())


# %% tags=["reveal", "hide-code"]
generator = torch.Generator().manual_seed(seed)
chosen = ("q_proj", "v_proj", "o_proj", "gate_proj", "down_proj")
rows = []
for name in matrices:
    depth, kind = int(name.split(".")[2]), name.rpartition(".")[2]
    if kind in chosen and depth in (0, 15, 29):
        noise = torch.randn(*start[name].shape, generator=generator)  # (d_out, d_in)
        shares = [round(energy(matrix), 3) for matrix in (update[name], start[name], noise)]
        rows.append([f"block {depth} {kind}", "×".join(map(str, start[name].shape)), *shares])
record.table(
    "energy.table", rows, ["matrix", "shape", "update", "weight itself", "random"],
    caption="Energy captured by the best rank 8: a full tune's update, the pretrained weight, and noise.",
)  # fmt: skip
record.values("energy", {
    "rows": len(rows),
    "over_weight": sum(tuned > weight for *_, tuned, weight, _ in rows),
    "least_ratio": min(tuned / random for *_, tuned, _, random in rows),
})  # fmt: skip

# %% [markdown]
# Rank 8 captures at least {{ energy.least_ratio | f1 }} times as large a share of the update as of
# noise, and a larger one than of the weight itself in {{ energy.over_weight | int }} of
# {{ energy.rows | int }} rows: tuning moves a matrix along preferred directions. But over all
# matrices and seeds it leaves {{ 1 - energy.top_8 | pct0 }} of the energy out. **The update is
# concentrated, not low-rank.** On energy alone, LoRA's case would be weak.

# %% [markdown]
# ## Cut the update, keep the gain
#
# Put $W + \Delta W_r$ back into every matrix at once and measure the held-out loss. The share of
# the gain that survives is
#
# $$\text{kept}(r) = \frac{\mathcal{L}(W) - \mathcal{L}(W + \Delta W_r)}
# {\mathcal{L}(W) - \mathcal{L}(W + \Delta W)}$$
#
# Perhaps *any* part of the update would keep as much. So there are three controls: the update heard
# through $r$ **random** listeners, scaled up to the energy of $\Delta W_r$; the **whole** update,
# shrunk to the energy of $\Delta W_r$; and the **rest**, $\Delta W - \Delta W_r$.

# %%
RANKS = (1, 2, 8, 32)


def parts(update, svd, seed):
    """Return `part(kind, rank)`, which gives the change of a matrix by its name."""
    generator = torch.Generator().manual_seed(seed)

    def part(kind, rank):
        def change(name):
            delta, (U, S, Vh) = update[name], svd[name]
            top = (U[:, :rank] * S[:rank]) @ Vh[:rank]  # (d_out, d_in), rank r
            if kind == "top":
                return top
            if kind == "rest":
                return delta - top
            if kind == "random":  # keep what r random orthonormal listeners hear
                noise = torch.randn(delta.shape[1], rank, generator=generator)
                Q = torch.linalg.qr(noise.to(delta.device)).Q  # (d_in, r)
                delta = delta @ Q @ Q.T
            return delta * (top.norm() / delta.norm())  # "random" and "whole": top's energy

        return change

    return part


# %% [markdown] tags=["predict"]
# id: lora-strongest-pair
# ask: >-
#   The strongest pair of each update carries {{ energy.top_1 | pct0 }} of the energy, over all
#   matrices together. Keep only that pair, everywhere. How much of the *gain* stays?
# number: 100 * keep.top_1
# format: f0
# unit: "%"

# %% [markdown] tags=["predict"]
# id: lora-without-the-pair
# ask: And how much stays if you keep everything *except* that pair?
# number: 100 * keep.rest_1
# format: f0
# unit: "%"

# %%
plan = [(kind, rank) for rank in RANKS for kind in ("top", "random")]
plan += [(kind, rank) for rank in (1, RANK) for kind in ("whole", "rest")]
runs, listeners = [], []
for s in budget["seeds"]:
    if s != budget["seeds"][0]:
        update, full_loss, full_seconds = full_tune(s)
    svd = {name: torch.linalg.svd(delta, full_matrices=False) for name, delta in update.items()}
    part, losses = parts(update, svd, s), {}
    for kind, rank in plan:
        put_back(part(kind, rank))
        losses[kind, rank] = completion_loss(model, heldout, pad)
    runs.append({"full": full_loss, "seconds": full_seconds, "losses": losses})
    power = [S.square() for _, S, _ in svd.values()]
    runs[-1]["energy"] = {
        rank: float(sum(p[:rank].sum() for p in power) / sum(p.sum() for p in power))
        for rank in RANKS
    }
    listeners.append({name: Vh[:RANK].clone() for name, (_, _, Vh) in svd.items()})
    put_back()

# %% tags=["reveal", "hide-code"]
from statistics import mean

kept = {
    (kind, rank): [
        (base_loss - run["losses"][kind, rank]) / (base_loss - run["full"]) for run in runs
    ]
    for kind, rank in plan
}
rows = [
    [rank, round(mean(run["energy"][rank] for run in runs), 3)]
    + [
        round(mean(kept[kind, rank]), 3) if (kind, rank) in kept else ""
        for kind in ("top", "random", "whole", "rest")
    ]
    for rank in RANKS
]
columns = ["rank", "energy", "gain kept: strongest", "random", "whole, shrunk", "rest"]
record.table("keep.table", rows, columns, caption="Shares of the whole update's energy and gain, mean over seeds.")

# %% tags=["reveal", "hide-code"]
for kind, rank in plan:
    shares = kept[kind, rank]
    record.value(f"keep.{kind}_{rank}", mean(shares))
    record.values(f"keep.{kind}_{rank}", {"low": min(shares), "high": max(shares)})
for rank in RANKS:
    record.value(f"energy.top_{rank}", mean(run["energy"][rank] for run in runs))
    record.value(f"loss.cut_{rank}", mean(run["losses"]["top", rank] for run in runs))
record.values("loss.full", {"low": min(r["full"] for r in runs), "high": max(r["full"] for r in runs)})
record.value("loss.full", mean(run["full"] for run in runs))


def band(name, kind):
    values = [kept[kind, rank] for rank in RANKS]
    low, high = [min(v) for v in values], [max(v) for v in values]
    return record.Series(name, RANKS, [mean(v) for v in values], low, high)


record.figure("keep.plot", record.Figure(
    kind="line", x_log=True, x_label="rank kept in every matrix", y_label="share of the whole update",
    series=[
        band("gain, strongest directions", "top"),
        band("gain, random directions", "random"),
        record.Series("energy", RANKS, [mean(r["energy"][k] for r in runs) for k in RANKS]),
    ],
    caption="Gain and energy kept after cutting a full tune's update to rank r. Bands: lowest and "
    "highest of {{ setup.seeds | int }} seeds.",
    alt="Line chart, rank 1 to 32 on a logarithmic axis. The gain kept by the strongest directions "
    "starts high at rank 1 and is close to all of it by rank 8. The energy kept lies well below at "
    "rank 1 and rises. Random directions with equal energy keep far less gain at low rank.",
))  # fmt: skip

# %% [markdown]
# The strongest pairs keep {{ keep.top_1 | pct0 }} of the gain at rank 1 and {{ keep.top_8 | pct0 }}
# at rank 8. Random listeners with as much energy keep {{ keep.random_1 | pct0 }} and
# {{ keep.random_8 | pct0 }}. So *which* $r$ directions are kept matters.
#
# Two controls spoil the simple story. The whole update, shrunk to the energy of rank 1 (about
# {{ sqrt(energy.top_1) | pct0 }} of its length), keeps {{ keep.whole_1 | pct0 }}. And with the
# strongest pair *thrown away*, the rest keeps {{ keep.rest_1 | pct0 }}; without the strongest
# eight, {{ keep.rest_8 | pct0 }}. The two pieces at rank 1 add up to
# {{ keep.top_1 + keep.rest_1 | pct0 }}: the loss is not linear in the weights. One reading that
# fits: the pieces push the model the same way, and once it is there, more push buys little. For
# this gain the update is **redundant**, in length and in directions.
#
# So the careful sentence is *a few directions are enough for most of the gain*, not *the update has
# low rank*, and not *only these directions work*. LoRA needs only the first.
#
# What this does not show:
#
# - **Other tasks.** This one is narrow ({{ setup.steps | int }} steps of {{ setup.batch | int }}
#   tickets, {{ setup.heldout | int }} held-out ones, a small model), and much of the gain is the
#   fixed shape of the JSON. On long training with new knowledge, Biderman and others (in the
#   reading) find updates of a rank 10 to 100 times that of usual LoRA configurations, and that LoRA
#   then learns less.
# - **Small losses.** A share of the gain flatters small leftovers. The mean losses are
#   {{ loss.cut_1 | f3 }} at rank 1, {{ loss.cut_8 | f3 }} at rank 8 and {{ loss.full | f3 }} in
#   full.
# - **Why these directions.** Equal energy in the weights is not equal effect on the outputs. The
#   strongest listeners may sit where the layer's inputs are large (exercise 3).

# %% [markdown]
# ## Two thin matrices
#
# Cutting afterwards saves nothing: the full update had to be trained first. LoRA *trains inside*
# the changes of rank $r$ at most. Freeze $W$ and write
#
# $$h = W x + \frac{\alpha}{r}\,B\,(A\,x), \qquad
# B \in \mathbb{R}^{d_\text{out}\times r},\quad A \in \mathbb{R}^{r\times d_\text{in}}$$
#
# The rows of $A$ listen and the columns of $B$ speak.
#
# **Parameters.** $A$ and $B$ hold
# $r\,d_\text{in} + d_\text{out}\,r = r\,(d_\text{in} + d_\text{out})$. For a square matrix of side
# $d$ the saving is $d^2 / 2rd = d/2r$: it *grows* with the model. At $d = 4096$ and $r = 8$ it is
# {{ c1.ratio | x0 }}; at our model's $d = 576$ only {{ 576 / 16 | x0 }}.
#
# **Multiply–adds.** For one token, the full layer costs $d_\text{out}\,d_\text{in}$ forward, as
# much again to send the gradient back to $x$, and as much again for the gradient of $W$: three
# units. LoRA drops only the third; the frozen $W$ still works in both directions, as long as
# anything below it trains. Its own matrices add $3\,r\,(d_\text{in} + d_\text{out})$: for the
# square layer above, {{ cost.share | pct1 }} of a full step's products remain. **The parameters
# shrink by hundreds; the arithmetic shrinks by a third at most.** What LoRA buys is memory (no
# gradient and no Adam moments for $W$) and small files.
#
# **The scale $\alpha/r$.** $BA$ is a sum of $r$ pairs. Dividing by $r$ is meant to keep its size,
# and so the learning rate, when $r$ changes; $\alpha$ sets the volume. Whether $1/r$ is the right
# power is disputed: rsLoRA argues for $1/\sqrt{r}$.
#
# What is given up: every change of rank above $r$.
#
# Move the sides and the rank; the matrices are drawn to scale.
#
# <!-- widget: rank -->

# %% [markdown]
# ## Why one matrix starts at zero
#
# Write $s = \alpha/r$ and let $g = \partial\mathcal{L}/\partial h$ (length $d_\text{out}$) be what
# arrives from above. The chain rule, one factor at a time:
#
# $$\frac{\partial \mathcal{L}}{\partial B} = s\,g\,(A x)^\top \qquad
# \frac{\partial \mathcal{L}}{\partial A} = s\,B^\top g\,x^\top$$
#
# Each gradient contains the *other* matrix. With $B = 0$ training starts exactly at the pretrained
# model, and with $A$ random, $B$ has a gradient at once. $A$'s first gradient is zero; it wakes up
# when $B$ has moved. If *both* were zero, both gradients would stay zero forever.
#
# By hand, with $W = I$, $r = 1$, $s = 2$, and the loss $\frac{1}{2}\lVert h - y\rVert^2$:
#
# - $x = (1, 2)$, $y = (0, 4)$, $A = (1\;\;1)$, $B = (0, 0)$. Then $Ax = 3$, $h = (1, 2)$,
#   $g = h - y = (1, -2)$.
# - $\partial\mathcal{L}/\partial B = 2 \cdot (1, -2) \cdot 3 = (6, -12)$.
#   $\partial\mathcal{L}/\partial A = 2 \cdot 0 = 0$.
# - One step with learning rate $0.01$: $B = (-0.06,\; 0.12)$. Now
#   $h = (1, 2) + 2 \cdot 3 \cdot B = (0.64,\; 2.72)$, and the loss falls from $2.5$ to $1.024$.
# - The new $g = (0.64, -1.28)$, $B^\top g = -0.192$, and
#   $\partial\mathcal{L}/\partial A = 2 \cdot (-0.192) \cdot (1, 2)$, which is $(-0.384, -0.768)$: awake.
#
# The same layer: take more steps, turn the volume up, or start with $A$ or both at zero.
#
# <!-- widget: forward step=1 -->

# %% [markdown]
# ## Build it
#
# The forward line is the equation, with $x$ as rows: `F.linear(x, A)` computes $A x$ for every
# token. $A$ starts as PyTorch starts a linear layer, and PEFT its $A$.

# %%
import math

from torch import nn
from torch.nn import functional as F


class LoRALinear(nn.Module):
    """A frozen linear layer plus a trainable change of rank r."""

    def __init__(self, base, rank, alpha):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = alpha / rank
        self.A = nn.Parameter(base.weight.new_empty(rank, base.in_features))  # (r, d_in)
        self.B = nn.Parameter(base.weight.new_zeros(base.out_features, rank))  # (d_out, r)
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, x):  # (..., d_in)
        # h = W x + α/r · B (A x)
        return self.base(x) + F.linear(F.linear(x, self.A), self.B) * self.scale  # (..., d_out)

    @torch.no_grad()
    def update(self):
        return self.scale * (self.B @ self.A)  # (d_out, d_in)


# %% [markdown]
# First the example you did by hand, with autograd as the judge.

# %%
layer = LoRALinear(nn.Linear(2, 2, bias=False), rank=1, alpha=2)
x, y = torch.tensor([1.0, 2.0]), torch.tensor([0.0, 4.0])
with torch.no_grad():
    layer.base.weight.copy_(torch.eye(2))
    layer.A.copy_(torch.tensor([[1.0, 1.0]]))
for step in (1, 2):
    loss = 0.5 * (layer(x) - y).square().sum()
    grad_A, grad_B = torch.autograd.grad(loss, (layer.A, layer.B))
    print(f"step {step}: loss {loss.item():.3f}, dA {grad_A.squeeze()}, dB {grad_B.squeeze()}")
    with torch.no_grad():
        layer.A -= 0.01 * grad_A
        layer.B -= 0.01 * grad_B

# %% [markdown]
# The numbers are the ones above. Now give every matrix of the real model such a layer; `swap` is
# one `setattr` on the parent module.

# %%
ALPHA = 16


def inject(seed):
    """Put a LoRALinear around every matrix; return the new layers by name."""
    seed_everything(seed)
    model.requires_grad_(False)
    layers = {name: LoRALinear(module, RANK, ALPHA) for name, module in matrices.items()}
    for name, layer in layers.items():
        swap(model, name, layer)
    return layers


def eject():
    for name, module in matrices.items():
        swap(model, name, module)


# %% [markdown]
# ## Deeper: the same as PEFT { #the-same-as-peft }
#
# At $B = 0$ even a layer that ignores $A$ would pass. So both implementations get the same
# *non-zero* $B$, and we compare logits and every gradient.

# %%
probe = next(batches(train_set, 2, 1, pad, seed))
ours = inject(budget["seeds"][0])
first_A = {name: layer.A.detach().clone() for name, layer in ours.items()}
with torch.no_grad():
    for layer in ours.values():
        nn.init.normal_(layer.B, std=0.02)
out = model(**probe)
out.loss.backward()
our_logits = out.logits.detach()
eject()

# %%
from peft import LoraConfig, get_peft_model

config = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=list(matrices))
peft_model = get_peft_model(model, config)
pairs = {}  # name -> PEFT's A and B
for name, layer in ours.items():
    theirs = peft_model.get_submodule(f"base_model.model.{name}")
    A, B = theirs.lora_A["default"].weight, theirs.lora_B["default"].weight
    with torch.no_grad():
        A.copy_(layer.A)
        B.copy_(layer.B)
    pairs[name] = (A, B)

out = peft_model(**probe)
out.loss.backward()
logit_gap = (out.logits.detach() - our_logits).abs().max().item()
grad_gap = max(
    (other.grad - mine.grad).abs().max().item()
    for name, layer in ours.items()
    for other, mine in zip(pairs[name], (layer.A, layer.B), strict=True)
)
assert logit_gap < 1e-4
assert grad_gap < 1e-4
record.value("peft.trainable", sum(p.numel() for p in peft_model.parameters() if p.requires_grad))
print("logits and gradients agree within 1e-4")

# %% [markdown]
# PEFT counts {{ peft.trainable | int }} trainable parameters; by hand, sum
# $r\,(d_\text{in} + d_\text{out})$. The last proof is training: PEFT takes its first steps here,
# and the next section trains our layers from the same start.

# %%
with torch.no_grad():
    for name, (A, B) in pairs.items():
        A.copy_(first_A[name])
        B.zero_()
peft_model.zero_grad()
LORA_RATE = 3e-3
trained = [p for p in peft_model.parameters() if p.requires_grad]
lora_recipe = recipe | {"learning_rate": LORA_RATE}
few = lora_recipe | {"steps": min(3, budget["steps"]), "seed": budget["seeds"][0]}
peft_losses, _ = train(peft_model, trained, train_set, **few)
model = peft_model.unload()

by_hand = sum(RANK * sum(weight.shape) for weight in start.values())
assert by_hand == sum(p.numel() for p in trained)
print(f"{by_hand:,} parameters, by hand and by PEFT")

# %% [markdown]
# ## Full update against rank eight
#
# Same steps, batches and order, {{ setup.seeds | int }} seeds; only the learning rates differ. They
# come from a short trial with seed 0 on the same validation split (three rates for LoRA, two for
# full tuning), so both results are a little flattered; [lesson 08](lesson:08) does the grid
# properly.

# %% [markdown] tags=["predict"]
# id: lora-against-the-cut
# ask: >-
#   After {{ setup.steps | int }} steps, full tuning reaches {{ loss.full | f3 }} nats a token,
#   and its update cut to rank 8 reaches {{ loss.cut_8 | f3 }}. Where does LoRA of rank 8 end,
#   *trained* at that rank from a random $A$?
# choices:
#   - text: Clearly above the cut. The cut has hindsight.
#     right: loss.lora - loss.cut_8 > (loss.lora.high - loss.lora.low) / 2
#   - text: About equal, as far as {{ setup.seeds | int }} seeds can tell.
#     right: abs(loss.lora - loss.cut_8) <= (loss.lora.high - loss.lora.low) / 2
#   - text: Clearly below the cut. LoRA has freedom to adapt.
#     right: loss.cut_8 - loss.lora > (loss.lora.high - loss.lora.low) / 2

# %%
lora_losses, lora_seconds = [], []
for s in budget["seeds"]:
    layers = inject(s)
    adapters = [p for layer in layers.values() for p in (layer.A, layer.B)]
    losses, seconds = train(model, adapters, train_set, seed=s, **lora_recipe)
    if s == budget["seeds"][0]:  # same A, same batches as PEFT had
        assert all(abs(a - b) < 1e-3 for a, b in zip(losses, peft_losses, strict=False))
    lora_losses.append(completion_loss(model, heldout, pad))
    lora_seconds.append(seconds)

# %% tags=["reveal", "hide-code"]
record.values("loss.lora", {"low": min(lora_losses), "high": max(lora_losses)})
record.value("loss.lora", mean(lora_losses))
record.value("share.lora", mean(
    (base_loss - loss) / (base_loss - run["full"])
    for loss, run in zip(lora_losses, runs, strict=True)
))  # fmt: skip
cut = [run["losses"]["top", RANK] for run in runs]
rows = [["before tuning", 0, *[round(base_loss, 4)] * 3]]
for label, count, values in (
    ("full", sum(w.numel() for w in start.values()), [run["full"] for run in runs]),
    ("full, cut to rank 8 afterwards", by_hand, cut),
    ("LoRA, rank 8", by_hand, lora_losses),
):
    rows.append([label, count, *(round(x, 4) for x in (mean(values), min(values), max(values)))])
record.table("compare.table", rows, ["method", "numbers in the change", "held-out loss", "lowest", "highest"],
             caption="Equal steps and data; mean, lowest and highest over seeds.")  # fmt: skip
record.values("time", {
    "full": mean(run["seconds"] for run in runs),
    "lora": mean(lora_seconds),
}, kind="band")  # fmt: skip

# %% [markdown]
# LoRA reaches {{ share.lora | pct0 }} of the full tune's gain with
# {{ peft.trainable / setup.trained | pct1 }} of its trained numbers. Its seeds lie
# {{ (loss.lora.high - loss.lora.low) / (loss.full.high - loss.full.low) | f1 }} times as far apart
# as full tuning's, so compare lowest and highest before you say that it beats the cut or loses to
# it. The cut shows that a good low-rank change *exists*. Whether training *finds* one is a separate
# question, of learning rate and patience.
#
# Our first losses and PEFT's agreed within $10^{-3}$, as asserted. A LoRA step took
# {{ time.lora / time.full | f2 }} of the time of a full step on the machine that made this page,
# where a count of these products alone gives {{ 2 / 3 + peft.trainable / setup.trained | pct0 }}.
# The count leaves out the frozen rest of the model and the overhead of two more small products for
# each matrix. Time it on your own machine.

# %% [markdown]
# ## Merge and unmerge
#
# After training, $W' = W + \frac{\alpha}{r}BA$ is an ordinary matrix: merged, the layer costs what
# it did before tuning. We compare the last LoRA model's logits with the merged ones.

# %%
with torch.no_grad():
    apart = model(**probe).logits  # (batch, T, V)
    lora_update = {name: layer.update() for name, layer in layers.items()}
    eject()
    for name, module in matrices.items():
        module.weight += lora_update[name]  # merge
    merged = model(**probe).logits
    for name, module in matrices.items():
        module.weight -= lora_update[name]  # unmerge
    left = max((m.weight - start[name]).abs().max().item() for name, m in matrices.items())

scale = apart.abs().max().item()
gap = (apart - merged).abs().max().item()
assert gap < 1e-3 * scale
assert left < 1e-5
record.values("merge", {"gap": gap, "scale": scale, "left": left}, kind="band")
put_back()
print("merged logits agree within 0.1 % of the largest logit; weights return within 1e-5")

# %% [markdown]
# The largest logit difference is {{ merge.gap | sci1 }} where the largest logit is
# {{ merge.scale | f1 }}: rounding, because $(W + sBA)x$ and $Wx + sB(Ax)$ round at different
# places. Unmerging leaves up to {{ merge.left | sci1 }} in a weight for the same reason; exercise 2
# asks about 16 bits. If you need the original back *exactly*, keep it, as we did.

# %% [markdown]
# ## Break it
#
# **Both matrices at zero.** It looks tidy. The largest gradient in any adapter matrix:

# %%
layers = inject(seed)
with torch.no_grad():
    for layer in layers.values():
        layer.A.zero_()
model(**probe).loss.backward()
largest = max(p.grad.abs().max().item() for q in layers.values() for p in (q.A, q.B))
eject()
assert largest == 0
record.value("zero.gradient", largest)
print("largest gradient of any A or B:", largest)

# %% [markdown]
# Exactly zero, and zero again after every step. You would *see* a loss that only wiggles with the
# batches, at any learning rate, and no error. One line catches it: after the first `backward()`,
# some trainable gradient must not be zero.
#
# **Shapes that do not multiply.** A formula that circulates reads "$W' = W + B \cdot A$, with $A$
# of size $d \times r$ and $B$ of size $r \times k$". Take it at its word, for a weight of our
# `v_proj`'s shape, then for a square one with $r = 1$:

# %%
d, k, r = 192, 576, 8  # W is d×k
W, A, B = torch.zeros(d, k), torch.ones(d, r), torch.ones(r, k)
try:
    W + B @ A
    multiplies = True
except RuntimeError as error:
    multiplies = False
    print("W + B @ A:", error)

square = torch.zeros(k, k)
wrong = square + torch.ones(1, k) @ torch.ones(k, 1)  # "B @ A" at r = 1: one number
print("square W, r = 1:", tuple(wrong.shape), "every entry", wrong.unique().tolist())
record.values("shapes", {"multiplies": multiplies, "reversed": (W + A @ B).shape == W.shape,
                         "silent": wrong.shape == square.shape})  # fmt: skip

# %% [markdown]
# The first failure is the good kind: it stops. In the second, $BA$ is a legal $r \times r$ product;
# at $r = 1$ it is a single number, which broadcasting adds to *every* weight without a word. With
# those shapes the product has to be $AB$. This course keeps the paper's, $d_\text{out}\times r$ for
# $B$ and $r\times d_\text{in}$ for $A$, and the product $BA$.

# %% [markdown]
# ## At 7B and 70B
#
# The count needs no weights: on the `meta` device a model has shapes and takes no memory. The
# shapes are the published ones ([Llama 2](https://arxiv.org/abs/2307.09288) and [Llama
# 3](https://arxiv.org/abs/2407.21783)); PEFT does the counting.

# %% [markdown] tags=["predict"]
# id: lora-count-llama
# ask: >-
#   A common tutorial prints {{ c2.claimed | int }} trainable parameters for $r = 16$ on all
#   linear layers of Llama-3-8B. How many do *you* count? Per block, q and o are 4096×4096, k and
#   v are 1024×4096, gate and up are 14336×4096, down is 4096×14336; there are 32 blocks. (One
#   line of arithmetic: add up $d_\text{in} + d_\text{out}$ over the seven.)
# number: c2.found
# format: int

# %%
from functools import cache

QV, ATTENTION = ("q_proj", "v_proj"), ("q_proj", "k_proj", "v_proj", "o_proj")


@cache
def count(name, targets, rank):
    """(trainable, all) parameters that PEFT counts for this configuration."""
    names = targets if isinstance(targets, str) else list(targets)
    config = LoraConfig(r=rank, target_modules=names, task_type="CAUSAL_LM")
    adapted = get_peft_model(empty_llama(name), config, low_cpu_mem_usage=True)
    return adapted.get_nb_trainable_parameters()


# %% tags=["reveal", "hide-code"]
rows = []
for name in ("Llama-2-7B", "Llama-3-8B", "Llama-3-70B"):
    for label, targets in (("q, v", QV), ("q, k, v, o", ATTENTION), ("all linear", "all-linear")):
        trained, total = count(name, targets, 16)
        size = f"{trained * 2 / 1e6:.0f} MB"  # bf16: two bytes a number
        rows.append([name, label, f"{trained:,}", f"{trained / total:.3%}", size])
columns = ["architecture", "targets", "trainable at r = 16", "share", "file in bf16"]
record.table("scale.table", rows, columns, caption="Exact adapter sizes, counted by PEFT.")

# %% tags=["hide-code"]
one, _ = count("Llama-3-8B", ("layers.0.self_attn.q_proj",), 8)
record.values("c1", {"trainable": one, "full": 4096 * 4096, "ratio": 4096 * 4096 / one})
found, total = count("Llama-3-8B", "all-linear", 16)
double, double_total = count("Llama-3-8B", "all-linear", 32)
record.values("c2", {"claimed": 83886080, "found": found, "share": found / total,
                     "double": double, "double_share": double / double_total,
                     "double_of_base": double / (double_total - double)})  # fmt: skip
found, total = count("Llama-3-8B", ATTENTION, 16)
record.values("c3", {"claimed": 6553600, "found": found, "share": found / total,
                     "qv": count("Llama-3-8B", QV, 16)[0], "eight": count("Llama-3-8B", ATTENTION, 8)[0],
                     "other": count("Llama-2-13B", QV, 8)[0]})  # fmt: skip
record.value("cost.share", (2 * 4096**2 + 3 * one) / (3 * 4096**2))

# %% [markdown]
# The seven sums are twice 8,192 (q and o), twice 5,120 (k and v) and three times 18,432 (the MLP):
# {{ c2.found / 32 / 16 | int }} per block. Times 32 blocks and $r = 16$: {{ c2.found | int }}. The
# printed figure is exactly what $r = 32$ gives ({{ c2.double | int }}). Count before you trust a
# pasted log.
#
# From 8B to 70B the share *falls*: width enters $W$ squared and the adapter only once. The
# equation, the zero start and the merge stay the same; this page's measured shares do not carry
# over. For memory at 70B, put these counts into [lesson 02's](lesson:02) arithmetic.

# %% [markdown] tags=["claims"]
# - number: 1
#   text: "LoRA r=8 on a 4096×4096 matrix trains 65,536 parameters instead of 16.8M: 256× fewer"
#   source: common tutorial figure
#   value: "{{ c1.trainable | int }} instead of {{ c1.full | int }}: {{ c1.ratio | x0 }} fewer"
#   for: c1.trainable == 65536 and c1.full == 4096 * 4096 and c1.ratio == 256
#   against: "c1.trainable != 65536 or c1.full != 4096 * 4096 or c1.ratio != 256"
#   note: >-
#     Exact, for this one matrix. It says nothing about time: a training step's matrix
#     products only fall to {{ cost.share | pct0 }}.
# - number: 2
#   text: r=16 on all linear layers of Llama-3-8B prints 83,886,080 trainable parameters (1.04 %)
#   source: common tutorial figure
#   value: "{{ c2.found | int }} ({{ c2.share | pct2 }})"
#   for: c2.found == c2.claimed
#   against: "c2.found != c2.claimed"
#   note: >-
#     The figure is exactly that of r=32, which is {{ c2.double_of_base | pct2 }} of the base
#     model (PEFT, whose total includes the adapter, prints {{ c2.double_share | pct2 }}).
# - number: 3
#   text: r=16 on q,k,v,o of Llama-3.1-8B prints 6,553,600 trainable parameters (0.08 %)
#   source: common tutorial figure
#   value: "{{ c3.found | int }} ({{ c3.share | pct2 }})"
#   for: c3.found == c3.claimed
#   against: "c3.found != c3.claimed"
#   note: >-
#     Llama 3.1 keeps the shapes of Llama 3. 0.08 % fits {{ c3.qv | int }}: q and v at r=16,
#     or all four at r=8. And {{ c3.other | int }} is what q and v at r=8 give on
#     Llama-2-13B's shape.
# - number: 30
#   text: W' = W + B·A with A of d×r and B of r×k
#   source: a formula that circulates in tutorials
#   value: torch refuses the product for a d×k weight with d ≠ k
#   for: shapes.multiplies
#   against: "not shapes.multiplies"
#   note: >-
#     With these shapes the product must be A·B. On a square weight B·A is r×r, and at r=1 it
#     is added to every entry without an error.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1: both orders, by hand
#
# Let $B = \begin{pmatrix} 1 \\ 2 \end{pmatrix}$, $A = \begin{pmatrix} 1 & 0 & -1 \end{pmatrix}$ and
# $x = (2, 5, 1)$. Compute $(BA)x$ and $B(Ax)$ and count the multiplications of each. Then give both
# counts for any $d_\text{out}, d_\text{in}, r$, and for $d = 4096$, $r = 8$.

# %% [markdown] tags=["solution"]
# $Ax = 2 - 1 = 1$ (3 multiplications), $B \cdot 1 = (1, 2)$ (2 more): 5.
# $BA = \begin{pmatrix} 1 & 0 & -1 \\ 2 & 0 & -2 \end{pmatrix}$ (6), times $x$ is $(1, 2)$ (6 more):
# 12. In general $B(Ax)$ takes $r\,(d_\text{in} + d_\text{out})$ for each token. $(BA)x$ takes
# $r\,d_\text{in}\,d_\text{out}$ once, and $d_\text{in}\,d_\text{out}$ for each token. A counter
# agrees:

# %% tags=["solution"]
from torch.utils.flop_counter import FlopCounterMode

d, r = 4096, 8
A, B, x = (torch.empty(s, device="meta") for s in ((r, d), (d, r), (d, 1)))
counts = {}
for label, run_it in (("B(Ax)", lambda: B @ (A @ x)), ("(BA)x", lambda: (B @ A) @ x)):
    with FlopCounterMode(display=False) as counter:
        run_it()
    counts[label] = counter.get_total_flops() // 2  # one multiply-add counts as two
record.values("order", {"thin": counts["B(Ax)"], "thick": counts["(BA)x"]})
print({label: f"{n:,}" for label, n in counts.items()})

# %% [markdown] tags=["solution"]
# For one token the thick order needs {{ order.thick / order.thin | x0 }} more. Forming $BA$ pays
# only once, to add it to $W$: merged, it costs nothing more for each token.

# %% [markdown]
# ### Exercise 2: merge into 16 bits
#
# Many base models are stored in bf16, with 8 significant bits. Round the weights to bf16, merge the
# LoRA update, and round again. How far is the update that *arrived* from the one you trained,
# relative to its size? Does the loss notice? Guess both first.

# %% tags=["solution"]
def arrived(name):
    """What a bf16 weight really changes by when the update is merged into it."""
    low = start[name].bfloat16()
    return (low.float() + lora_update[name]).bfloat16().float() - low.float()


error = math.sqrt(
    sum((arrived(n) - lora_update[n]).square().sum().item() for n in matrices)
    / sum(lora_update[n].square().sum().item() for n in matrices)
)
put_back(lambda n: start[n].bfloat16().float() - start[n] + lora_update[n])
apart_loss = completion_loss(model, heldout, pad)
put_back(lambda n: start[n].bfloat16().float() - start[n] + arrived(n))
merged_loss = completion_loss(model, heldout, pad)
put_back()
record.values("bf16", {"error": error, "apart": apart_loss, "merged": merged_loss})
print(f"relative error {error:.2f}; loss apart {apart_loss:.4f}, merged {merged_loss:.4f}")

# %% [markdown] tags=["solution"]
# The error is {{ bf16.error | pct0 }} of the update's size: the update is small beside the weights,
# and bf16 rounds relative to the *weight*. The loss goes from {{ bf16.apart | f4 }} to
# {{ bf16.merged | f4 }} (the last seed's adapter). As energy, the error is only
# {{ bf16.error ** 2 | pct1 }} of the update's, and rounding has no preferred direction, which may
# make it milder still; that is a guess. Merge into a 32-bit copy when you can.

# %% [markdown]
# ### Exercise 3: do two seeds listen to the same thing?
#
# For two seeds, each full update of the {{ setup.matrices | int }} matrices has its own eight
# strongest listeners (`listeners`, each $8 \times d_\text{in}$ with orthonormal rows). Measure the
# overlap of the two subspaces, $\phi = \lVert V_1 V_2^\top \rVert_F^2 / 8$, which is 1 for the same
# subspace. What would unrelated subspaces give? What would a high value mean for the claim that the
# task "has" a few directions, and what else could explain it?

# %% tags=["solution"]
one, two = listeners[0], listeners[1]
overlap = mean((one[n] @ two[n].T).square().sum().item() / RANK for n in one)
chance = mean(RANK / one[n].shape[1] for n in one)
record.values("overlap", {"seeds": overlap, "chance": chance})
print(f"overlap {overlap:.2f}, by chance {chance:.3f}")

# %% [markdown] tags=["solution"]
# Independent random subspaces of dimension 8 overlap by $8/d_\text{in}$ on average, here
# {{ overlap.chance | pct1 }}. The two seeds overlap by {{ overlap.seeds | pct0 }}. They differ only
# in which tickets came and in what order. A value far above chance says that the directions are no
# accident of that draw, not that they belong to the *task*: this model's inputs could be largest
# there, whatever the task. To tell, tune on other data (the replies, `course.case.reply`) and
# measure again.

# %% [markdown]
# ## Knowledge check
#
# <!-- quiz -->

# %% [markdown]
# ## Checklist
#
# - [ ] I can write $h = Wx + \frac{\alpha}{r}B(Ax)$ with every shape, from memory
# - [ ] I know why $B$ starts at zero and $A$ does not, and what both at zero looks like in a log
# - [ ] I can say what "low-rank update" means: enough for the gain, not a description of the energy
# - [ ] I can state what LoRA saves in parameters, in memory and in arithmetic: three numbers
# - [ ] I merge only with the original kept, and compare logits before and after

# %% [markdown]
# ## Interview questions
#
# ??? question "Why does LoRA work?"
#     A change of low rank is enough for the gain: here a full update cut to rank 1 kept
#     {{ keep.top_1 | pct0 }} on a narrow task. The full update is not low-rank for that: those
#     pairs held only {{ energy.top_1 | pct0 }} of its energy, and the rest alone kept
#     {{ keep.rest_1 | pct0 }}. On long training with much new knowledge, LoRA learns less (Biderman
#     and others).
#
# ??? question "Why is B initialized to zero and not A? Could you swap them?"
#     One must be zero so that training starts at the pretrained model; the other must not, because
#     each one's gradient contains the other. Swapped, $B$ waits one step instead of $A$. That is
#     not equivalent in training: Hayou and others find that starting with $B = 0$ allows larger
#     learning rates and on average does better.
#
# ??? question "Does LoRA make training 256 times faster?"
#     No. Trained parameters, gradients and optimizer states fall by hundreds, but the frozen
#     weights still do the forward pass and pass gradients back, so matrix products fall by at most
#     a third. More comes only from a lighter optimizer step, or from a larger batch.

# %% [markdown]
# ## Pitfalls
#
# | Symptom | Cause | Fix |
# |---|---|---|
# | Loss wiggles and never falls; no error | both $A$ and $B$ zero, or no adapter parameter in the optimizer | assert a non-zero gradient after the first backward |
# | Loss jumps at step 0 against the base model | $B$ not zero | assert that the first logits equal the base model's |
# | Trainable count is not the one you computed | a target matched nothing, or too much; grouped k and v are narrower | print the matched modules and count over them |
# | Merged model behaves differently | another $\alpha/r$ than trained, or merged into 16 or 4 bits | the adapter's own scale; merge in 32 bits; compare logits |
# | Shapes fit, results are nonsense | matrices stored transposed, as in GPT-2's `Conv1D` | transpose, or `fan_in_fan_out=True` in PEFT |
# | A larger rank trains worse | $\alpha$ kept at the same learning rate, so the scale shrank | keep $\alpha/r$, or rsLoRA, or retune the rate ([lesson 08](lesson:08)) |

# %% [markdown]
# ## Further reading
#
# - Hu and others, *LoRA: Low-Rank Adaptation of Large Language Models*, 2021,
#   [arXiv:2106.09685](https://arxiv.org/abs/2106.09685). The source of the notation, and of
#   exercise 3.
# - Aghajanyan, Zettlemoyer and Gupta, *Intrinsic Dimensionality Explains the Effectiveness of
#   Language Model Fine-Tuning*, 2020, [arXiv:2012.13255](https://arxiv.org/abs/2012.13255). The
#   observation that motivated LoRA.
# - Biderman and others, *LoRA Learns Less and Forgets Less*, 2024,
#   [arXiv:2405.09673](https://arxiv.org/abs/2405.09673). The limits, with the spectra of full
#   updates.
# - Shuttleworth and others, *LoRA vs Full Fine-tuning: An Illusion of Equivalence*, 2024,
#   [arXiv:2410.21228](https://arxiv.org/abs/2410.21228). Equal losses, different spectra.
# - Hayou, Ghosh and Yu, *The Impact of Initialization on LoRA Finetuning Dynamics*, 2024,
#   [arXiv:2406.08447](https://arxiv.org/abs/2406.08447). Why zero $B$ and zero $A$ are not the same
#   choice.
# - Kalajdzievski, *A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA*, 2023,
#   [arXiv:2312.03732](https://arxiv.org/abs/2312.03732). The case for $\alpha/\sqrt{r}$.

# %% [markdown]
# ## For your readiness packet
#
# Add to the *training log*: the adapter's configuration, with the trainable count **you computed**
# beside the library's; the largest logit difference between the merged and the unmerged model; and
# where the untouched base weights are kept, the first half of the *rollback note*.
