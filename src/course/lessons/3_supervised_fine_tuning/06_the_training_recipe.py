# ---
# title: The training recipe
# module: 3
# summary: Batch, accumulation, schedule, clipping, decay, precision and checkpoints, each tested on
#   a real model, and a crashed run that resumes to the last bit.
# objectives:
#   - derive when gradient accumulation equals a large batch, and catch a trainer that gets it wrong
#   - predict what clipping, weight decay and bf16 weights do to a step of AdamW
#   - list what a checkpoint must hold, and test a resume to the last bit
#   - choose a step or a run without fooling yourself
#   - track a run and read its loss curves
# prerequisites: [2]
# tags: [Batch, Gradient accumulation, Learning-rate schedule, Gradient clipping, Weight decay,
#   Mixed precision, Checkpoint, Early stopping]
# weights: [smollm2-135m-instruct]
# plain_numbers:
#   the factor that the code gives one gradient: [100]
#   Adam's second average, by its definition, and a factor that the text sets: [0.999, 0.001, 1000]
#   the logarithm of 1000 over 0.001: [6900]
#   AdamW and L2 by hand, on a weight of 2: [0.9999, 1.9998, 1.999]
#   the length of run that the text supposes: [100000]
#   2 to the 8 and to the 9, from the bits of bf16: [256, 512]
#   a release of torch: [2.10]
#   counted in the Llama 3 paper, which is linked: [419]
# ---

# %% [markdown]
# Most of a training script is recipe, and most recipes are copied. This lesson tests them
# ingredient by ingredient. At the end a run breaks off at step {{ budget.crash | int }} and is
# resumed from its last checkpoint: of the {{ resume.rest | int }} losses that follow,
# {{ resume.nothing.differ | int }} differ from those of an undisturbed run, to the last bit.
#
# ## Warm-up
#
# ??? question "What does AdamW keep for each trained weight, and how many bytes is that in fp32?"
#     Two averages, $m$ of its gradient and $v$ of the gradient's square: 8 bytes. See [Sixteen bytes
#     a trained parameter](lesson:02#sixteen-bytes-a-trained-parameter).
#
# ??? question "Why does a small update to a 16-bit weight sometimes do nothing?"
#     The sum is rounded to the nearest number that 16 bits can hold, and that may be the old weight.
#     See [Fewer bits, and what breaks first](lesson:02#fewer-bits-and-what-breaks-first).
#
# ## An adjourned game
#
# A photo of the board does not let you go on with an adjourned game of chess. You also need whose
# turn it is, who may still castle, and the clocks. A training run is like that: the weights are the
# board. The next step depends on everything in this picture.
#
# ```text
#  order of tickets ─┐            ÷ N        |g| ≤ τ      m, v        η(t), λ
#  random numbers  ──┴─ batch ──→ loss ──→ gradient ──→ clipping ──→ AdamW ──→ weights (32 or 16 bits)
#                         ↑                                                        │
#                         └──────────────────── next step ─────────────────────────┘
# ```
#
# We go from left to right, then freeze the whole picture in a file. In chess the photo misses
# little. Here it misses twice the board: Adam's moments.

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": minutes on a CPU; "full": a GPU
seed = 0

# %%
budget = {
    "smoke": {"blocks": 2, "upper": 1, "train": 8, "held_out": 4, "batch": 2, "steps": 4, "save": 2,
              "crash": 3, "seeds": (0,), "peaks": (-4,), "trainer_steps": 2,
              "full_steps": 2, "mix": 4, "long": 4},
    "laptop": {"blocks": None, "upper": 3, "train": 48, "held_out": 32, "batch": 4, "steps": 16,
               "save": 4, "crash": 11, "seeds": (0, 1, 2), "peaks": (-6, -5, -4, -3),
               "trainer_steps": 4, "full_steps": 8, "mix": 8, "long": 64},
    "full": {"blocks": None, "upper": 29, "train": 384, "held_out": 128, "batch": 8, "steps": 96,
             "save": 24, "crash": 61, "seeds": (0, 1, 2, 3, 4), "peaks": (-7, -6, -5, -4, -3),
             "trainer_steps": 20, "full_steps": 24, "mix": 8, "long": 192},
}[profile]  # fmt: skip
BATCH, STEPS, SEEDS, UPPER = (budget[key] for key in ("batch", "steps", "seeds", "upper"))

# %% [markdown]
# ## A test bench
#
# Dozens of runs of a whole model are too slow for a laptop. So we adapt only the last
# {{ budget.upper | int }} of the model's {{ bench.blocks | int }} blocks. What the frozen blocks
# below give for a ticket never changes: `course.upper` computes it once and feeds it to the top.
# The adapter is LoRA, the subject of [lesson 07](lesson:07): beside each frozen matrix $W$ a
# product $BA$ of two thin trained ones, of which $B$ starts at zero. The task is the extraction of
# JSON from tickets, in conversations of at most 64 tokens.

# %% tags=["hide-code"]
import os

import torch
from peft import LoraConfig, inject_adapter_in_model

from course import record
from course.case import extraction, reply, tickets
from course.chat import IGNORE, Encoded, collate, encode
from course.models import device, linear_modules, load_causal_lm, seed_everything
from course.upper import Kept, cut, keep, labeled, nats, stack, token_losses

if torch.cuda.is_available():  # a GPU repeats itself to the last bit only on request
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(True)

model, tokenizer = load_causal_lm(blocks=budget["blocks"])
model.requires_grad_(False)


def short(split: str, n: int) -> list[Encoded]:
    """Conversations of the first `n` tickets that take at most 64 tokens."""
    rows = [encode(tokenizer, t.text, extraction(t).completion, system="Extract JSON.")
            for t in tickets(split, 6 * n)]  # fmt: skip
    found = [row for row in rows if len(row.input_ids) <= 64][:n]
    assert len(found) == n
    return found


def kept(rows: list[Encoded]) -> list[Kept]:
    return keep(model, rows, tokenizer.pad_token_id, UPPER)

# %%
encoded = short("train", budget["train"])
train_set, held_out = kept(encoded), kept(short("validation", budget["held_out"]))
replies = kept([encode(tokenizer, t.text, reply(t).completion)
                for t in tickets("train", budget["mix"] // 2)])  # fmt: skip
record.value("bench.blocks", len(model.model.layers))
with torch.no_grad():
    whole = model(**collate(encoded[:BATCH], tokenizer.pad_token_id)).loss
    cut(model, UPPER)
    assert torch.allclose(model(**stack(train_set[:BATCH])).loss, whole, rtol=1e-5)

names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
lora = LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=names)
inject_adapter_in_model(lora, model)
weights = {name: p for name, p in model.named_parameters() if p.requires_grad}


def fresh_adapter(seed: int) -> None:
    """Seed all random numbers, draw A and set B to zero."""
    seed_everything(seed)
    for module in model.modules():
        if hasattr(module, "reset_lora_parameters"):
            module.reset_lora_parameters("default", True)

# %% tags=["hide-code"]
record.values("budget", {key: value for key, value in budget.items() if isinstance(value, int)})
record.value("bench.trained", sum(p.numel() for p in weights.values()))

# %% [markdown]
# The top gives the loss of the whole model (the assertion). The adapters train
# {{ bench.trained | int }} numbers. Untrained, the held-out loss is {{ base.loss | f2 }} nats a
# token.
#
# ## What do you divide by?
#
# A batch that does not fit in memory is cut into $k$ micro-batches, whose gradients are added up
# before one step: *gradient accumulation*. Write $\ell_i$ for the loss of labeled token $i$, $N_j$
# for the labeled tokens of micro-batch $j$, and $N = \sum_j N_j$. The large batch has
#
# $$\mathcal{L} = \frac{1}{N} \sum_{i} \ell_i = \sum_{j=1}^{k} \frac{1}{N} \sum_{i \in j} \ell_i .$$
#
# The gradient of a sum is the sum of the gradients. So accumulation *is* the large batch **if every
# part is divided by the same** $N$, which must be counted before the first backward pass. The
# tempting code takes the mean of each part and averages the means:
#
# $$\mathcal{L}_\text{means} = \frac{1}{k} \sum_{j=1}^{k} \frac{1}{N_j} \sum_{i \in j} \ell_i .$$
#
# Now a token of part $j$ weighs $1/(k N_j)$ instead of $1/N$. By hand: one part of 2 tokens with
# loss 1, one of 6 tokens with loss 3. The large batch has $(2 \cdot 1 + 6 \cdot 3)/8 = 2.5$, the
# mean of means $(1 + 3)/2 = 2$. A token of the short part counts three times as much as one of the
# long part. Only equal $N_j$ are safe.

# %%
def parts_of(rows: list, size: int) -> list[list]:
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def accumulate(parts: list[list[Kept]], rule: str = "tokens") -> float:
    """Add the gradients of all parts to `p.grad`. Returns the loss."""
    N, total = sum(labeled(row) for part in parts for row in part), 0.0
    for part in parts:
        losses, _ = token_losses(model, part)  # nats, one for each labeled token
        loss = losses.sum() / N if rule == "tokens" else losses.mean() / len(parts)
        loss.backward()
        total += loss.item()
    return total


def gradient(parts: list[list[Kept]], rule: str = "tokens") -> torch.Tensor:
    """All gradients of the adapter as one vector, without dropout."""
    model.eval()
    model.zero_grad()
    accumulate(parts, rule)
    return torch.cat([p.grad.flatten() for p in weights.values()])

# %% [markdown]
# Eight examples at once, against the same eight in four parts of two. Extractions have answers of
# almost one length, a mix with written replies does not. A loader that groups by length, to save
# padding, puts like with like. (While $B = 0$, $A$ has no gradient: we compare $B$'s.)

# %%
import random

MIX = budget["mix"]
mixed = train_set[: MIX // 2] + replies
mixes = {"json": train_set[:MIX], "shuffled": random.Random(seed).sample(mixed, MIX),
         "sorted": sorted(mixed, key=labeled)}  # fmt: skip
fresh_adapter(seed)
errors = {}
for key, mix in mixes.items():
    large = gradient([mix])
    for rule in ("tokens", "means"):
        off = gradient(parts_of(mix, MIX // 4), rule) - large
        errors[key, rule] = float(off.norm() / large.norm())
    assert errors[key, "tokens"] < 1e-4

# %% tags=["hide-code"]
titles = {"json": "extractions", "shuffled": "extractions and replies, shuffled",
          "sorted": "extractions and replies, by length"}  # fmt: skip
rows = [[titles[key], ", ".join(str(sum(map(labeled, part))) for part in parts_of(mix, MIX // 4)),
         f"{errors[key, 'tokens']:.0e}", f"{errors[key, 'means']:.1%}"]
        for key, mix in mixes.items()]  # fmt: skip
record.table("accumulate.table", rows,
             columns=["eight examples", "labeled tokens", "error, ÷ N", "error, mean of means"],
             caption="Distance from the large batch's gradient, over its length.")  # fmt: skip
record.values("accumulate", {key: errors[key, "means"] for key in mixes})

# %% [markdown]
# Divided by $N$, what remains is rounding. The mean of means is off by {{ accumulate.json | pct1 }}
# for extractions alone, and by {{ accumulate.sorted | pct1 }} when like sits with like. (One batch;
# what a whole run loses was not measured.) Widely used trainers averaged means until a [fix in
# October 2024](https://unsloth.ai/blog/gradient). transformers' `Trainer` now fetches all
# micro-batches of a step first, counts their labels and hands the model `num_items_in_batch` to
# divide by. [Break it](#break-it) shows when it still goes wrong.
#
# ## How noisy is a gradient?
#
# Why a larger batch at all? The gradient $g_b$ of a random batch of $b$ tickets estimates $G$, that
# of all tickets. Variances of independent terms add, and a mean divides their sum by $b^2$. So for
# tickets of equal weight
#
# $$\mathbb{E}\, \lVert g_b - G \rVert^2 = \frac{S}{b}, \qquad S = \mathbb{E}\, \lVert g_1 - G \rVert^2 .$$
#
# Four times the batch halves the typical error, at four times the price. Once $b$ is well above
# $S / \lVert G \rVert^2$, the *noise scale*, more buys little (McCandlish and others, below). All
# this needs *independent* tickets. A file sorted by intent has none: shuffle before you cut.
#
# ## Schedules, at equal steps
#
# A narrow question: does the *shape* of the schedule matter? At one peak the comparison would be
# unfair: a constant rate walks nearly twice the path of a linear decay. So each shape gets a sweep
# over the same {{ schedule.peaks | int }} peaks on the first seed, by held-out loss on validation
# tickets, and then {{ schedule.seeds | int }} seeds at its best peak. The run without warmup takes
# the peak found with it.
#
# `Run` holds everything that decides how training goes on. (`t + 1` avoids a trap: with warmup, the
# first step of transformers' schedules has rate zero.)

# %%
from torch import nn

from course.schedules import share


class Run:
    """A run: optimizer, schedule, order of the tickets and place in it, losses so far."""

    def __init__(self, seed, peak, shape="linear", warmup=3, data=train_set, steps=STEPS):
        fresh_adapter(seed)
        model.zero_grad()  # whatever an earlier experiment left behind
        self.optimizer = torch.optim.AdamW(weights.values(), lr=peak, weight_decay=0.0)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda t: share(shape, t + 1, warmup, steps + 1))
        self.order, self.queue, self.data = random.Random(seed), [], data
        self.losses, self.norms = [], []

    def batch(self) -> list[Kept]:
        if len(self.queue) < BATCH:  # a new epoch
            self.queue = self.order.sample(range(len(self.data)), len(self.data))
        picked, self.queue = self.queue[:BATCH], self.queue[BATCH:]
        return [self.data[i] for i in picked]

# %%
def step(run: Run, batch: list[Kept], clip: float = 1.0) -> None:
    model.train()  # dropout on
    run.losses.append(accumulate([batch]))
    run.norms.append(nn.utils.clip_grad_norm_(weights.values(), clip).item())
    run.optimizer.step()
    run.schedule.step()
    run.optimizer.zero_grad()

# %%
from functools import cache

counts = torch.tensor([float(labeled(row)) for row in held_out])


def loss_of(summed: torch.Tensor) -> float:
    """Held-out loss, each token weighted equally, from the sums of each ticket."""
    return float(summed.sum() / counts.sum())


@cache
def trained(shape: str, k: int, seed: int, warmup: int = 3) -> tuple[Run, torch.Tensor]:
    """A whole run with peak 10**(k/2), and the summed loss of each held-out ticket."""
    run = Run(seed, 10 ** (k / 2), shape, warmup)
    for _ in range(STEPS):
        step(run, run.batch())
    return run, nats(model, held_out)


def sweep(shape: str) -> dict[int, float]:
    """Held-out loss by k, first seed."""
    return {k: loss_of(trained(shape, k, SEEDS[0])[1]) for k in budget["peaks"]}

# %%
shapes = ("linear", "cosine", "constant_with_warmup")
sweeps = {shape: sweep(shape) for shape in shapes}
best = {shape: min(losses, key=losses.get) for shape, losses in sweeps.items()}
final = {shape: [loss_of(trained(shape, best[shape], s)[1]) for s in SEEDS] for shape in shapes}
cold = [loss_of(trained("linear", best["linear"], s, 0)[1]) for s in SEEDS]
PEAK = 10 ** (best["linear"] / 2)

# %% tags=["hide-code"]
def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


fresh_adapter(seed)
record.value("base.loss", loss_of(nats(model, held_out)))
titled = {"linear": "linear", "cosine": "cosine", "constant_with_warmup": "constant"}
results = {**{titled[shape]: (best[shape], losses) for shape, losses in final.items()},
           "linear, no warmup": (best["linear"], cold)}  # fmt: skip
record.table("schedule.table",
             [[name, f"{10 ** (k / 2):.1e}", *(round(how(v), 3) for how in (mean, min, max))]
              for name, (k, v) in results.items()],
             columns=["shape", "best peak", "held-out loss", "lowest seed", "highest seed"],
             caption="Equal steps, each shape at the best peak of its own sweep.")  # fmt: skip
for key, (_, v) in zip(("linear", "cosine", "constant", "cold"), results.values(), strict=True):
    record.value(f"schedule.{key}", mean(v))
lowest = min(list(results)[:3], key=lambda name: mean(results[name][1]))
ends = [(min(v), max(v)) for v in final.values()]
edges = sum(best[shape] in (min(losses), max(losses)) for shape, losses in sweeps.items())
record.values("schedule", {
    "peak": PEAK, "first": lowest, "edges": edges, "seeds": len(SEEDS),
    "peaks": len(budget["peaks"]), "range": max(high - low for low, high in ends),
    "linear_range": ends[0][1] - ends[0][0],
    "apart": max(low for low, _ in ends) - min(high for _, high in ends)})  # fmt: skip
record.figure("schedule.plot", record.Figure(
    kind="line", series=[record.Series(titled[shape], [10 ** (k / 2) for k in v], list(v.values()))
                         for shape, v in sweeps.items()],
    x_label="peak learning rate", y_label="held-out loss (nats a token)", x_log=True, y_log=True,
    caption="The sweeps, first seed, in steps of half a decade.",
    alt="Held-out loss over the peak learning rate, both logarithmic, one line for each shape of "
        "schedule. The table has the minima."))  # fmt: skip

# %% [markdown]
# {{ "No best peak lies at the edge of its sweep" if schedule.edges == 0 else "A best peak at the edge of its sweep is only a bound" | text }}.
# The lowest mean belongs to {{ schedule.first | text }}. Linear and cosine differ by
# {{ abs(schedule.cosine - schedule.linear) | f3 }}, linear's own seeds by
# {{ schedule.linear_range | f3 }}. The best and the worst shape
# {{ "do not overlap" if schedule.apart > 0 else "overlap" | text }}, but a finer grid of peaks might
# change the order. Folklore warns of runs without warmup. Here that one ends at
# {{ schedule.cold | f3 }}, with warmup at {{ schedule.linear | f3 }}: a difference
# {{ "beyond" if abs(schedule.cold - schedule.linear) > schedule.linear_range else "within" | text }}
# the spread of seeds. What decay and warmup do in long runs, {{ budget.steps | int }} steps cannot
# show.
#
# ## Clipping, and what Adam does without it
#
# Clipping shortens a gradient that is too long and keeps its direction. Join the gradients of *all*
# parameters into one vector $g$; the limit $\tau$ is usually 1:
#
# $$g \leftarrow g \cdot \min\left(1, \frac{\tau}{\lVert g \rVert}\right).$$
#
# By hand, against torch. Then the opposite: what does a step do with a gradient 100 times as long?

# %%
fresh_adapter(seed)
g = gradient([train_set[:BATCH]])
short_g = g * min(1.0, 0.1 / float(g.norm()))
nn.utils.clip_grad_norm_(weights.values(), 0.1)
found = torch.cat([p.grad.flatten() for p in weights.values()])
assert torch.allclose(short_g, found, rtol=1e-4)

for key, optimizer in (("sgd", torch.optim.SGD), ("adam", torch.optim.AdamW)):
    moved = []
    for K in (1, 100):
        p = nn.Parameter(torch.zeros_like(g))
        p.grad = K * g
        optimizer([p], lr=1e-3).step()
        moved.append(float(p.detach().norm()))
    record.value(f"clip.{key}", moved[1] / moved[0])
    print(f"{optimizer.__name__:5s} step of 100 g over step of g: {moved[1] / moved[0]:.2f}")

# %% [markdown]
# Under SGD a step is $\eta g$, and clipping is a seat belt. AdamW's step stays as long as it was. It
# goes along $\hat m / \sqrt{\hat v}$, averages of $g$ and of $g^2$ that forget over about 10 and
# 1,000 steps ($\beta_1 = 0.9$, $\beta_2 = 0.999$), and a factor in *every* gradient cancels. In the
# first step each weight moves by $\eta$, whatever the size. (Only $B$ does; $A$ has no gradient yet.)
#
# Now let *one* gradient, at step $t$, be $K$ times as long as the others, with a large $K$. It
# rules both averages,
#
# $$\begin{aligned}
# \hat m &\approx \frac{0.1\, K g}{1 - 0.9^t} \\
# \hat v &\approx \frac{0.001\, K^2 g^2}{1 - 0.999^t}
# \end{aligned}$$
#
# and $K$ cancels from $\hat m / \sqrt{\hat v}$: the bad step is {{ clip.bound | f2 }} $\eta$ at
# step {{ clip.at | int }}, and at most 3.2 $\eta$, late in a long run. So Adam bounds the bad step.
# But $m$ repeats it, *in the same direction*, for about ten more steps, each 0.9 of the one before:
# ten times its length in all. And $v$ forgets far more slowly. Once $m$ is clean, steps are much too
# short while $0.001\, K^2 \cdot 0.999^n$ outweighs 1: in a long run $n = 6{,}900$ steps if
# $K = 1000$, none if $K$ is below 32.

# %% [markdown] tags=["predict"]
# id: recipe-after-spike
# ask: >-
#   In the middle of a run, the answers of one batch are random tokens. Nothing is clipped. Sketch
#   how far AdamW moves the weights at each step (root mean square), in units of that step's
#   learning rate.
# curve: clip.plot
# series: bad batch, no clipping

# %% tags=["reveal", "hide-code"]
import math

BAD = STEPS // 2


def position() -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in weights.values()])


def moves(seed: int, bad: bool, clip: float) -> tuple[list[float], list[torch.Tensor], Run, float]:
    """Rms of each step over its rate; where the bad step and the last one end; held-out loss."""
    run, sizes, marks = Run(seed, PEAK), [], []
    dice = torch.Generator().manual_seed(seed)  # so that dropout draws the same numbers in all runs
    for t in range(STEPS):
        batch = run.batch()
        if bad and t == BAD:
            lots = [torch.randint(len(tokenizer), row.labels.shape, generator=dice)
                    for row in batch]  # fmt: skip
            batch = [row._replace(labels=row.labels.where(row.labels == IGNORE, lot.to(device())))
                     for row, lot in zip(batch, lots, strict=True)]  # fmt: skip
        eta, before = run.optimizer.param_groups[0]["lr"], position()
        step(run, batch, clip)
        sizes.append(float((position() - before).square().mean().sqrt()) / eta)
        if t in (BAD, STEPS - 1):
            marks.append(position())
    return sizes, marks, run, loss_of(nats(model, held_out))


settings = {"calm": (False, math.inf), "free": (True, math.inf), "clipped": (True, 1.0)}
clip_runs = {key: [moves(s, *setting) for s in SEEDS] for key, setting in settings.items()}

# %% tags=["reveal", "hide-code"]
named = {"calm": "no bad batch, no clipping", "free": "bad batch, no clipping",
         "clipped": "bad batch, clipped at 1"}  # fmt: skip
x = list(range(1, STEPS + 1))
record.figure("clip.plot", record.Figure(
    kind="line",
    series=[record.Series(name, x, clip_runs[key][0][0]) for key, name in named.items()],
    x_label="step", y_label="move of a weight, in η",
    caption="How far AdamW moves the weights, first seed. Step {{ clip.at | int }} is the bad one.",
    alt="Size of each step in units of the learning rate: a run without a bad batch, and two with "
        "one in the middle, clipped or not. The table below compares them."))  # fmt: skip
rows = []
for key, group in clip_runs.items():
    ends = [end for *_, end in group]
    row = {"bad": mean(sizes[BAD] for sizes, *_ in group), "low": min(ends), "high": max(ends),
           "next": mean(sizes[BAD + 1] for sizes, *_ in group), "loss": mean(ends),
           "after": mean(mean(sizes[BAD + 1 :]) for sizes, *_ in group)}  # fmt: skip
    record.values(f"clip.{key}", row)
    rows.append([named[key], *(f"{row[name]:.2f}" for name in ("bad", "next", "after")),
                 f"{row['loss']:.3f} ({row['low']:.3f} to {row['high']:.3f})"])  # fmt: skip
record.table("clip.table", rows,
             columns=["run", "bad step", "next step", "all later", "held-out loss, end"],
             caption="Mean step in η, and loss with its lowest and highest seed.")  # fmt: skip
gaps = [[float((a - b).norm()) for a, b in zip(free[1], calm[1], strict=True)]
        for free, calm in zip(clip_runs["free"], clip_runs["calm"], strict=True)]  # fmt: skip
first = clip_runs["free"][0][2].norms
t = BAD + 1
record.values("clip", {
    "at": t, "bound": 0.1 / (1 - 0.9**t) * ((1 - 0.999**t) / 0.001) ** 0.5, "later": STEPS - t,
    "echo": mean(end / start for start, end in gaps), "norm": first[BAD],
    "usual": mean(first[:BAD]),
    "share": mean(norm > 1 for s in SEEDS
                  for norm in trained("linear", best["linear"], s)[0].norms)})  # fmt: skip

# %% [markdown]
# The bad gradient is {{ clip.norm / clip.usual | f1 }} times as long as usual (first seed), but no
# step is long: the bad one is {{ clip.free.bad / clip.calm.bad | f2 }} times as long as in the calm
# run, all later ones {{ clip.free.after / clip.calm.after | f2 }} times on average. (All lines fall:
# where gradients shrink or disagree, $m$ drops below $\sqrt{v}$.) Yet the held-out loss ends at
# {{ clip.free.loss | f3 }} instead of {{ clip.calm.loss | f3 }}. What is wrong must be the
# *direction*: for several steps $m$ still pulls toward random tokens. At the end the weights are
# {{ clip.echo | f1 }} times as far from the calm run's as right after the bad step (later gradients
# differ too). No lull shows: $K$ is small, and the run ends before $m$ is clean.
#
# With clipping the loss is {{ clip.clipped.loss | f3 }}. Compare it with the recipe, which clips too
# and had no bad batch: {{ schedule.linear | f3 }}. So the bad batch costs
# {{ clip.clipped.loss - schedule.linear | f3 }} with clipping,
# {{ clip.free.loss - clip.calm.loss | f3 }} without. Under Adam, clipping protects less from one long
# step than from its echo. But in the recipe {{ clip.share | pct0 }} of all gradients were longer than
# 1: clipping also changes how much a good batch counts. Log the length *before* clipping.
#
# ## Weight decay: toward what?
#
# Decay pulls weights toward zero. AdamW does it *beside* the gradient's step; the older way puts
# $\lambda\theta$, the gradient of $\frac{\lambda}{2} \lVert \theta \rVert^2$, *inside* the
# gradient:
#
# $$\begin{aligned}
# \text{AdamW:}\quad \theta &\leftarrow (1 - \eta\lambda)\,\theta - \eta\, u(g) \\
# \text{L2:}\quad \theta &\leftarrow \theta - \eta\, u(g + \lambda\theta)
# \end{aligned}$$
#
# where $u$ is Adam's step over the rate, $\hat m / (\sqrt{\hat v} + \epsilon)$. Inside, the pull is
# divided by its own size like everything else. Take a weight of 2 with gradient 0, $\eta = 0.001$,
# $\lambda = 0.1$. AdamW takes $1 - \eta\lambda = 0.9999$ of it, 1.9998. L2 sees a gradient of 0.2,
# and Adam's first step is $\eta$ whatever the size: 1.999, for *any* $\lambda > 0$. Against torch,
# with two more weights:

# %%
theta, g = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.0, 0.3, -0.02])
eta, lam = 1e-3, 0.1


def u(g: torch.Tensor) -> torch.Tensor:
    """Adam's first step over the learning rate."""
    m, v = 0.1 * g, 0.001 * g**2
    return (m / (1 - 0.9)) / ((v / (1 - 0.999)).sqrt() + 1e-8)


by_hand = {torch.optim.AdamW: (1 - eta * lam) * theta - eta * u(g),
           torch.optim.Adam: theta - eta * u(g + lam * theta)}  # fmt: skip
for optimizer, expected in by_hand.items():
    p = nn.Parameter(theta.clone())
    p.grad = g.clone()
    optimizer([p], lr=eta, weight_decay=lam).step()
    assert torch.allclose(p.detach(), expected, rtol=1e-6, atol=0)
    print(f"{optimizer.__name__:5s}", [f"{value:.6f}" for value in p.tolist()])

# %% [markdown]
# The first number of each line is ours. Over a run, gradients aside, AdamW multiplies a
# weight by $\prod_t (1 - \eta_t \lambda)$, about $\exp(-\lambda \sum_t \eta_t)$. In full tuning that
# pulls toward $W = 0$, *away* from the pretrained model. On LoRA factors it pulls toward $BA = 0$,
# the pretrained model itself. `Trainer` spares norms and biases, and its `weight_decay` is 0 unless
# you set it.

# %% tags=["hide-code"]
walked = sum(PEAK * share("linear", t + 1, 3, STEPS + 1) for t in range(STEPS))
record.values("decay", {"path": walked, "shrink": 1 - math.exp(-0.1 * walked),
                        "long": 1 - math.exp(-0.1 * 5e-5 * 1e5)})  # fmt: skip

# %% [markdown]
# How strong is the pull? Our rates sum to {{ decay.path | f3 }}, so $\lambda = 0.1$ would take
# {{ decay.shrink | pct1 }} of a weight over the whole run. At a mean rate of $5 \cdot 10^{-5}$ for
# 100,000 steps it would take {{ decay.long | pct0 }}. Decay is a knob of long runs.
#
# ## Sixteen bits: who keeps the master copy?
#
# bf16 keeps 8 significant bits, so between $2^e$ and $2^{e+1}$ its numbers are $2^{e-7}$ apart. An
# update below half of that, $2^{e-8}$, rounds back to where it started. Adam's first step is $\eta$
# for every weight. So a weight moves only if $\eta \ge 2^{e-8}$: only if $|w|$ is below about
# $256\,\eta$ to $512\,\eta$. That is a prediction for a real model, here the
# {{ bf16.weights | int }} pretrained weights of the top blocks.

# %%
matrices = {name: m.weight for name, m in linear_modules(model) if name.endswith("base_layer")}
pretrained = {name: w.detach().clone() for name, w in matrices.items()}
flat = torch.cat([w.flatten() for w in pretrained.values()])
for w in matrices.values():
    w.requires_grad_(True)
fresh_adapter(seed)  # with B = 0 these are the gradients of the pretrained model
gradient([train_set[:8]])
full_gradient = {name: w.grad.clone() for name, w in matrices.items()}


def unmoved(eta: float, dtype: torch.dtype) -> float:
    """Share of the weights that one step of AdamW leaves where they are."""
    still = 0
    for name, w in pretrained.items():
        p = nn.Parameter(w.to(dtype, copy=True))
        p.grad = full_gradient[name].to(dtype)
        torch.optim.AdamW([p], lr=eta, weight_decay=0.0).step()
        still += int((p.detach() == w.to(dtype)).sum())
    return still / len(flat)

# %% tags=["hide-code"]
record.values("bf16", {"weights": len(flat), "median": float(flat.abs().median())})

# %% [markdown] tags=["predict"]
# id: recipe-bf16-still
# ask: >-
#   Half of these weights are larger than {{ bf16.median | f3 }} in absolute value. They are stored
#   in bf16 and take one step of AdamW at $\eta = 10^{-5}$. What share does not move?
# number: 100 * bf16.still.e5
# format: f0
# unit: "%"

# %% tags=["reveal"]
exponent = flat.abs().clamp(min=1e-30).log2().floor()
rows = []
for k in (6, 5, 4, 3):
    eta = 10.0**-k
    predicted = float((eta < 2.0 ** (exponent - 8)).float().mean())
    still, master = unmoved(eta, torch.bfloat16), unmoved(eta, torch.float32)
    rows.append([f"{eta:.0e}", f"{predicted:.1%}", f"{still:.1%}", f"{master:.1%}"])
    record.value(f"bf16.still.e{k}", still)
    record.value(f"bf16.master.e{k}", master)
record.table("bf16.table", rows, columns=["η", "predicted", "bf16 weights", "fp32 weights"],
             caption="Share of weights that do not move in one step of AdamW.")

# %% [markdown]
# At $10^{-5}$ {{ bf16.still.e5 | pct1 }} of the weights stand still, close to the prediction; in fp32
# hardly any do. What was rounded away is gone, so most stand still at the next step again. Does the
# loss notice? We fully tune these blocks twice, once rounding the weights to bf16 after each step.
# Both start rounded and compute in fp32: only storage differs.

# %% tags=["hide-code"]
from collections.abc import Callable


def fall(eta: float, store: Callable) -> float:
    """Fall of the loss on some training tickets in a few steps of full tuning."""
    fresh_adapter(seed)
    model.eval()
    for name, w in matrices.items():
        w.requires_grad_(True)
        w.data.copy_(pretrained[name].bfloat16())
    optimizer, losses = torch.optim.AdamW(matrices.values(), lr=eta, weight_decay=0.0), []
    for _ in range(budget["full_steps"]):
        model.zero_grad()
        losses.append(accumulate([train_set[:BATCH]]))
        optimizer.step()
        for w in matrices.values():
            w.data.copy_(store(w))
    for name, w in matrices.items():  # as it was
        w.data.copy_(pretrained[name])
        w.requires_grad_(False)
    return losses[0] - losses[-1]


for k in (5, 4):
    found = {"fp32": fall(10.0**-k, torch.clone), "bf16": fall(10.0**-k, torch.Tensor.bfloat16)}
    record.values(f"fall.e{k}", found)

# %% [markdown]
# By step {{ budget.full_steps | int }} at $10^{-5}$ the loss falls by {{ fall.e5.fp32 | f3 }} with
# fp32 weights and by {{ fall.e5.bf16 | f3 }} with bf16 weights; at $10^{-4}$ by
# {{ fall.e4.fp32 | f3 }} and {{ fall.e4.bf16 | f3 }}. No error is raised. LoRA usually escapes:
# PEFT keeps adapters in fp32 unless told otherwise (`autocast_adapter_dtype`).
#
# *Mixed precision* computes in bf16 while weights and gradients stay in fp32. In torch that is
# `autocast`:

# %%
model.zero_grad()
with torch.autocast(device().type, dtype=torch.bfloat16):
    out = model(**stack(train_set[:1]))
out.loss.backward()
some = next(iter(weights.values()))
print("logits:", out.logits.dtype, "| weight:", some.dtype, "| its gradient:", some.grad.dtype)

# %% [markdown]
# But `autocast` changes no weight's type: you have a master copy only **if you load one**.
# transformers 5 loads a checkpoint in the type it was saved in (`dtype="auto"`), often bf16. With
# `bf16=True` on top, nobody holds fp32 weights, and the table above is your run. For full tuning,
# ask for `dtype=torch.float32`.
#
# fp16 needs one thing more. Its smallest number is $2^{-24}$, and a gradient below half of that
# becomes zero. So the loss is multiplied by a scale before the backward pass, and the gradients are
# divided by it afterwards (`GradScaler`). bf16, with the range of fp32, needs none of this.
#
# ## What is in a checkpoint
#
# Freeze the picture at the top of the page. Everything a step reads must be in the file:

# %%
GENERATORS = [torch] if device().type == "cpu" else [torch, torch.get_device_module(device())]


def snapshot(run: Run) -> dict:
    """Everything that decides how this run goes on. Save it before the next step."""
    return {
        "weights": {name: p.detach() for name, p in weights.items()},
        "optimizer": run.optimizer.state_dict(),  # m, v and the count of steps
        "schedule": run.schedule.state_dict(),
        "random numbers": [g.get_rng_state() for g in GENERATORS],  # for dropout
        "data": {"order": run.order.getstate(), "queue": run.queue},
    }

# %% tags=["hide-code"]
import io


def file_size(piece: object) -> int:
    buffer = io.BytesIO()
    torch.save(piece, buffer)
    return len(buffer.getvalue())


done, _ = trained("linear", best["linear"], SEEDS[0])
pieces = {name: file_size(piece) for name, piece in snapshot(done).items()}
record.values("checkpoint", {name.split()[0]: size for name, size in pieces.items()}, kind="band")

# %% [markdown]
# The weights take {{ checkpoint.weights | mb2 }} and Adam's moments
# {{ checkpoint.optimizer | mb2 }}; schedule, random numbers and the place in the data take a few
# kilobytes each. [Break it](#break-it) shows what each is worth.
#
# **Which format?** `torch.save` writes a *pickle*, a small program that rebuilds objects by calling
# functions. Whoever made the file chooses them. This one only makes an empty folder:

# %%
import pickle
import tempfile
from pathlib import Path

scratch = tempfile.TemporaryDirectory()
folder = Path(scratch.name)


class Cuckoo:
    def __reduce__(self):  # "to rebuild me, call os.mkdir"
        return os.mkdir, (str(folder / "hatched"),)


torch.save({"weights": torch.ones(2), "note": Cuckoo()}, folder / "adapter.pt")
try:
    torch.load(folder / "adapter.pt", weights_only=True)
except pickle.UnpicklingError:
    refused = not (folder / "hatched").exists()
torch.load(folder / "adapter.pt", weights_only=False)
hatched = (folder / "hatched").exists()
record.values("pickle", {"refused": refused, "hatched": hatched})
print("weights_only=True refused it:", refused, "| weights_only=False ran it:", hatched)

# %% [markdown]
# Loading the file ran its code. `weights_only=True`, the default since PyTorch 2.6, allows only a
# short list of harmless types, and our snapshot is made of those. It is a filter, not a wall: ways
# around it were found and closed, the last in 2.10
# ([CVE-2026-24747](https://nvd.nist.gov/vuln/detail/CVE-2026-24747)). safetensors goes further: a
# file is a length, a header in JSON, and bytes. There is nothing in it to run.

# %% [markdown]
# ## A crash, and a resume to the last bit
#
# The run saves every {{ budget.save | int }} steps and dies after step {{ budget.crash | int }}. The
# file is written under another name, forced to the disk and then renamed, so that a crash *while
# saving* leaves the last good one.

# %%
class Crash(Exception):
    """The process ends."""


def train_until_crash(run: Run) -> None:
    for t in range(1, STEPS + 1):
        step(run, run.batch())
        if t % budget["save"] == 0:
            with open(folder / "last.part", "wb") as file:
                torch.save(snapshot(run), file)
                file.flush()
                os.fsync(file.fileno())  # on the disk before it gets its name
            os.replace(folder / "last.part", folder / "last.pt")
        if t == budget["crash"]:
            raise Crash


undisturbed, undisturbed_nats = trained("linear", best["linear"], SEEDS[0])
crashed = Run(SEEDS[0], PEAK)
try:
    train_until_crash(crashed)
except Crash:
    assert crashed.losses == undisturbed.losses[: budget["crash"]]
saved_at = budget["crash"] // budget["save"] * budget["save"]
later = undisturbed.losses[saved_at:]

# %% [markdown]
# To resume, make a fresh `Run`, then put every piece back. (`without` is for Break it.)

# %%
def resume(*without: str) -> tuple[list[float], float]:
    """Losses from the checkpoint to the end of the run, and the held-out loss."""
    state, run = torch.load(folder / "last.pt", weights_only=True), Run(SEEDS[0], PEAK)
    for name, p in weights.items():
        p.data.copy_(state["weights"][name])
    if "moments" in without:
        state["optimizer"]["state"] = {}
    if "schedule" in without:
        state["optimizer"]["param_groups"] = run.optimizer.state_dict()["param_groups"]
    else:
        run.schedule.load_state_dict(state["schedule"])
    run.optimizer.load_state_dict(state["optimizer"])
    if "data" not in without:
        run.order.setstate(state["data"]["order"])
        run.queue = state["data"]["queue"]
    if "random numbers" not in without:
        for generator, numbers in zip(GENERATORS, state["random numbers"], strict=True):
            generator.set_rng_state(numbers)
    for _ in range(STEPS - saved_at):
        step(run, run.batch())
    return run.losses, loss_of(nats(model, held_out))


complete = resume()
assert complete == (later, loss_of(undisturbed_nats))

# %% [markdown]
# `==` between lists of floats: not close, equal. So a resume is *testable*, in any project: run a few
# steps, save, run on; load, run on; compare. Two limits: here crash and resume share a process, so
# state left in memory would go unnoticed (resume yours in a new one); and the last bit needs the
# same machine, libraries and number of threads (on a GPU also `torch.use_deterministic_algorithms`).
#
# The same test for `Trainer`, with a LoRA on all {{ bench.blocks | int }} blocks:

# %%
from peft import get_peft_model
from transformers import PrinterCallback, Trainer, TrainingArguments

HALF = budget["trainer_steps"] // 2


def trainer_run(name: str, resume_from: Path | None = None) -> dict[str, torch.Tensor]:
    """The adapter after a run of Trainer that saves half-way."""
    seed_everything(seed)
    adapted = get_peft_model(load_causal_lm(blocks=budget["blocks"])[0], lora)
    args = TrainingArguments(
        str(folder / name), max_steps=HALF * 2, save_steps=HALF, seed=seed,
        per_device_train_batch_size=2, learning_rate=1e-3, remove_unused_columns=False,
        dataloader_pin_memory=False, report_to="none", disable_tqdm=True)  # fmt: skip
    trainer = Trainer(adapted, args, train_dataset=list(encoded),
                      data_collator=lambda rows: collate(rows, tokenizer.pad_token_id))  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=resume_from and str(resume_from))
    return {key: p.detach() for key, p in adapted.named_parameters() if p.requires_grad}


straight = trainer_run("straight")
halfway = folder / "straight" / f"checkpoint-{HALF}"
continued = trainer_run("continued", halfway)
equal = all(torch.equal(straight[key], continued[key]) for key in straight)

# %% tags=["hide-code"]
record.values("trainer", {"equal": equal, "trained": sum(p.numel() for p in straight.values())})
holds = {"adapter_model.safetensors": "weights", "optimizer.pt": "moments",
         "scheduler.pt": "schedule",
         "rng_state.pth": "random numbers", "trainer_state.json": "step, epoch, logged values",
         "training_args.bin": "the arguments, a pickle",
         "adapter_config.json": "rank, α, modules"}  # fmt: skip
rows = [[name, what, (halfway / name).stat().st_size] for name, what in holds.items()]
record.table("trainer.files", rows, columns=["file", "holds", "bytes"],
             caption="A checkpoint that Trainer wrote.", kind="band")  # fmt: skip

# %% [markdown]
# The {{ trainer.trained | int }} weights after the resume are
# {{ "equal to the last bit" if trainer.equal else "not equal" | text }} to those of a run that was
# never stopped. All `.pt`, `.pth` and `.bin` files here are pickles. To *use* the adapter you need
# only the first and the last file. The place in the data is missing: `Trainer` derives the order from
# the seed again and skips the batches already seen. With another seed or file it goes on somewhere
# else, without a word.
#
# ## Which run, which step?
#
# Held-out loss picks a rate, a shape, a seed, or the best step. (*Early stopping* ends the run when
# it has not improved for a while; Exercise 3.) But it flatters the winner, who is partly good and
# partly lucky on these very tickets: the **winner's curse**. It grows with the number of candidates
# and with the noise of the judge (Cawley and Talbot, below). So choose on validation tickets, and
# report on test tickets that chose nothing. On this page the same tickets chose and scored, so it
# claims no winner.
#
# ## Track it, then read it
#
# A tracker keeps settings and curves of every run. TensorBoard is the plainest: event files in a
# folder, no account; `tensorboard --logdir runs` shows them in a browser. Others, by name in
# `report_to`, are MLflow, Weights & Biases and the local-first
# [Trackio](https://huggingface.co/docs/trackio). `tracked` logs to TensorBoard and keeps the weights
# of the best step:

# %%
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK


def tracked(name: str, data: list[Kept], steps: int) -> dict:
    """Log a run; keep the weights at the lowest held-out loss."""
    run, best = Run(SEEDS[0], PEAK, data=data, steps=steps), {"loss": math.inf}
    with SummaryWriter(str(folder / "runs" / name)) as writer:
        for t in range(1, steps + 1):
            step(run, run.batch())
            writer.add_scalar("train/loss", run.losses[-1], t)
            writer.add_scalar("train/gradient_norm", run.norms[-1], t)
            if t % 2 == 0:
                loss = loss_of(nats(model, held_out))
                writer.add_scalar("held_out/loss", loss, t)
                if loss < best["loss"]:
                    best = {"loss": loss, "step": t,
                            "weights": {name: p.detach().clone() for name, p in weights.items()}}
    return best

# %%
def read(name: str, tag: str) -> dict[int, float]:
    """The values of a run by step, from its event file."""
    events = EventAccumulator(str(folder / "runs" / name))
    events.Reload()
    return {event.step: event.value for event in events.Scalars(tag)}


tracked("recipe", train_set, STEPS)
assert list(read("recipe", "train/loss").values()) == torch.tensor(undisturbed.losses).tolist()
kept_best = tracked("eight", train_set[:8], budget["long"])
for name, p in weights.items():
    p.data.copy_(kept_best["weights"][name])
assert loss_of(nats(model, held_out)) == kept_best["loss"]
record.value("tracking.known", len(INTEGRATION_TO_CALLBACK))

# %% [markdown]
# The file gives back the curve, and the kept weights the best loss (the assertions). In `Trainer`
# this is `load_best_model_at_end=True` with `metric_for_best_model`, and `EarlyStoppingCallback` to
# stop. Now read a curve before you see it.

# %% [markdown] tags=["predict"]
# id: recipe-eight-tickets
# ask: >-
#   A second run sees only eight tickets, again and again for {{ budget.long | int }} steps. Peak, shape
#   and batch are the recipe's. Sketch its loss on the held-out tickets.
# curve: track.plot
# series: eight tickets, held-out

# %% tags=["reveal", "hide-code"]
series = []
for key, title in (("recipe", "recipe"), ("eight", "eight tickets")):
    train, test = read(key, "train/loss"), read(key, "held_out/loss")
    series += [record.Series(f"{title}, {what}", list(curve), list(curve.values()))
               for what, curve in (("training", train), ("held-out", test))]  # fmt: skip
    lowest = min(test, key=test.get)
    record.values(f"run.{key}", {"train": mean(list(train.values())[-4:]), "best": test[lowest],
                                 "held_out": list(test.values())[-1], "best_step": lowest})  # fmt: skip
record.figure("track.plot", record.Figure(
    kind="line", series=series, x_label="step", y_label="loss (nats a token)", x_log=True, y_log=True,
    caption="Two runs, from TensorBoard's files. Training with dropout, held-out without.",
    alt="Training and held-out loss over steps, both logarithmic, of the recipe and of a run on eight "
        "tickets. The text below names the ends."))  # fmt: skip

# %% [markdown]
# On its eight tickets the long run ends at a training loss of {{ run.eight.train | f4 }} (mean of
# four steps), the recipe at {{ run.recipe.train | f3 }}. On held-out tickets it ends at
# {{ run.eight.held_out | f3 }}, the recipe at {{ run.recipe.held_out | f3 }}. Only the held-out curve
# tells learning from memorizing. It is lowest, {{ run.eight.best | f3 }}, at step
# {{ run.eight.best_step | int }} of {{ budget.long | int }}, and ends at
# {{ run.eight.held_out / run.eight.best | f1 }} times that, while the training loss falls on:
# *overfitting*. (One seed. And do not compare that best step with the recipe's: the rate had hardly
# decayed by then.)
#
# ## Break it
#
# **A trainer that averages means.** `Trainer` leaves the division to the model if its `forward`
# accepts further keyword arguments. A model of your own without them gets the old rule, without a
# word. Accepting them is not enough: a `forward` that takes `**kwargs` and ignores
# `num_items_in_batch` gets the *sum* of the means, a gradient about $k$ times too long. Divide by
# that number, or set `accepts_loss_kwargs = False` on the model. Setting the trainer's flag by hand
# shows both rules:

# %%
def trainer_gradient(rows: list[Kept], counts_tokens: bool) -> torch.Tensor:
    """What one SGD step of Trainer at rate 1 subtracts, in four parts."""
    fresh_adapter(seed)
    before = torch.cat([p.detach().flatten() for p in weights.values()])
    args = TrainingArguments(
        str(folder / "means"), per_device_train_batch_size=MIX // 4,
        gradient_accumulation_steps=4, max_steps=1, optim="sgd", learning_rate=1.0,
        max_grad_norm=0.0, save_strategy="no",
        train_sampling_strategy="sequential", remove_unused_columns=False,
        dataloader_pin_memory=False, report_to="none", disable_tqdm=True)  # fmt: skip
    trainer = Trainer(model, args, train_dataset=rows, data_collator=stack)
    trainer.model_accepts_loss_kwargs = counts_tokens
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return before - torch.cat([p.detach().flatten() for p in weights.values()])


drops = [module for module in model.modules() if isinstance(module, nn.Dropout)]
for module in drops:  # the comparison needs equal forward passes
    module.p = 0.0
for rule, counts_tokens in (("tokens", True), ("means", False)):
    found = trainer_gradient(mixes["sorted"], counts_tokens)
    fresh_adapter(seed)
    expected = gradient(parts_of(mixes["sorted"], MIX // 4), rule)
    assert (found - expected).norm() < 1e-3 * expected.norm()
for module in drops:
    module.p = lora.lora_dropout

# %% [markdown]
# Both assertions hold: with the flag `Trainer` steps along our gradient over $N$; without it, along
# our mean of means. To test yours: one step on eight at once and one on four parts of two, dropout
# off, must agree.
#
# **A checkpoint with a hole.** The resume from before, with pieces left out.

# %% [markdown] tags=["predict"]
# id: recipe-resume-piece
# ask: A guess. One piece is missing. Which one harms the held-out loss at the end of the run most?
# choices:
#   - text: Adam's moments, the largest piece.
#     right: resume.worst == "moments"
#   - text: The schedule.
#     right: resume.worst == "schedule"
#   - text: The place in the data.
#     right: resume.worst == "data"
#   - text: The random numbers that dropout draws from.
#     right: resume.worst == "random numbers"

# %% tags=["reveal"]
alone = ("moments", "schedule", "data", "random numbers")
off = {}
for missing in ((), *((piece,) for piece in alone), alone):
    losses, end = resume(*missing) if missing else complete
    gaps = [abs(a - b) for a, b in zip(losses, later, strict=True)]
    off[missing] = {"differ": sum(gap > 0 for gap in gaps), "first": gaps[0], "largest": max(gaps),
                    "end": end - loss_of(undisturbed_nats)}  # fmt: skip

# %% tags=["reveal", "hide-code"]
rows = []
for missing, row in off.items():
    key, name = {0: ("nothing", "nothing"), 4: ("all", "all but the weights")}.get(
        len(missing), (missing[0].split()[0] if missing else "", *missing))
    record.values(f"resume.{key}", row)
    rows.append([name, row["differ"], f"{row['first']:.4f}", f"{row['largest']:.4f}",
                 f"{row['end']:+.4f}"])  # fmt: skip
record.table("resume.table", rows,
             columns=["missing", "losses that differ", "first", "largest", "held-out, end"],
             caption="Resumed against undisturbed: differences in nats a token.")  # fmt: skip
worst = max(alone, key=lambda piece: off[piece,]["end"])
record.values("resume", {"rest": len(later), "saved": saved_at, "worst": worst})

# %% [markdown]
# Without the moments or the schedule the *first* loss is still right, since weights and tickets
# are; then Adam starts over with steps of $\eta$ for every weight, or the rate warms up again.
# Without data or random numbers the first loss is off at once. That alone is no damage: other tickets
# have other losses. Judge by the last column; positive is worse. In units of the spread of seeds
# ({{ schedule.linear_range | f3 }}), missing moments cost
# {{ resume.moments.end / max(schedule.linear_range, 1e-9) | f1 }}, the schedule
# {{ resume.schedule.end / max(schedule.linear_range, 1e-9) | f1 }}, the place in the data
# {{ resume.data.end / max(schedule.linear_range, 1e-9) | f1 }}; all four together
# {{ resume.all.end / max(schedule.linear_range, 1e-9) | f1 }}: harms do not add up. This is one crash of one run;
# the equality test needs no such caution.
#
# ## At 7B and 70B
#
# A checkpoint takes 12 bytes for each trained weight (4 + 8). How often to save? Let a save
# take $\delta$ seconds and let $M$ seconds pass between failures. Saving every $\Delta$ seconds
# costs the share $\delta/\Delta$, and a failure loses half an interval, the share $\Delta/(2M)$.
# The sum is smallest at
#
# $$\Delta = \sqrt{2\, \delta M} \quad \text{(Young, 1974).}$$

# %% tags=["hide-code"]
from course.workbench import empty_llama

rows = []
for key, name in (("b7", "Llama-2-7B"), ("b70", "Llama-3-70B")):
    big = empty_llama(name)
    numbers = {"all weights": sum(p.numel() for p in big.parameters()),
               "LoRA, r = 16": sum(16 * sum(m.weight.shape)
                                   for _, m in linear_modules(big))}  # fmt: skip
    for what, n in numbers.items():
        seconds = 12 * n / 2e9
        every = (2 * seconds * 24 * 3600) ** 0.5
        rows.append([name, what, f"{12 * n / 1e9:,.1f} GB", f"{seconds:,.1f} s",
                     f"{every / 60:.0f} min"])  # fmt: skip
        record.value(f"scale.{key}.{what[:4].rstrip().lower()}", 12 * n)
record.value("scale.failure", 54 * 24 / 419)
record.table("scale.table", rows,
             columns=["model", "trained", "checkpoint", "to write", "save every"],
             caption="fp32 weights and both moments, at 2 GB/s and a failure a day.")  # fmt: skip

# %% [markdown]
# Speed and failure rate are assumptions; put in yours. The [Llama 3
# paper](https://arxiv.org/abs/2407.21783) (2024) counts 419 unexpected interruptions in 54 days on up
# to 16 thousand GPUs, one every {{ scale.failure | f1 }} hours. Several GPUs bring the
# mean of means back, each with its own token count; `Trainer` repairs it
# (`average_tokens_across_devices`, on by default).
#
# What carries over: what was derived, and the resume test. What does not: the rates and the ranking
# of the schedules.
#
# ## Exercises
#
# ### Exercise 1: Three parts
# Three micro-batches have 10, 20 and 70 labeled tokens and mean losses 1, 2 and 3. What is the loss
# of the batch, what the mean of means? And how much more does a token of the first part count than
# one of the last, under the wrong rule?

# %% tags=["solution"]
N_j, loss_j = (10, 20, 70), (1.0, 2.0, 3.0)
whole = sum(n * loss for n, loss in zip(N_j, loss_j, strict=True)) / sum(N_j)
record.values("exercise", {"batch": whole, "means": sum(loss_j) / 3, "ratio": N_j[2] / N_j[0]})
print(whole, sum(loss_j) / 3, N_j[2] / N_j[0])

# %% [markdown] tags=["solution"]
# {{ exercise.batch | f1 }} against {{ exercise.means | f1 }}. A token weighs $1/(3 N_j)$, so the
# first part's count {{ exercise.ratio | f0 }} times as much.

# %% [markdown]
# ### Exercise 2: Round by lot
# Repair bf16 weights without a master copy: round *up or down at random*, with probabilities that
# make the result right on average (*stochastic rounding*). A bf16 number is the upper half of an
# fp32 number's 32 bits. Where do you add the random number? Compare with `fall` at $10^{-5}$.

# %% tags=["solution"]
def round_by_lot(w: torch.Tensor) -> torch.Tensor:
    """bf16 values (kept as fp32), up or down with probability equal to the nearness."""
    bits = w.detach().clone().view(torch.int32)
    bits += torch.randint_like(bits, 2**16)  # carries into the upper half
    return bits.bitwise_and(-(2**16)).view(torch.float32)


record.value("exercise.lot", fall(1e-5, round_by_lot))

# %% [markdown] tags=["solution"]
# Add it to the lower 16 bits, then cut them off. The loss falls by {{ exercise.lot | f3 }}, with
# nearest rounding by {{ fall.e5.bf16 | f3 }}, in fp32 by {{ fall.e5.fp32 | f3 }}. An update of a tenth
# of a gap now moves one weight in ten by a whole gap: right on average, at the price of noise.

# %% [markdown]
# ### Exercise 3: Patience
# Early stopping with patience $p$ ends a run after $p$ evaluations without a new lowest loss. Write
# it, and apply it to the held-out curve of the run on eight tickets. What would patience 1 and 2
# have saved, and what would they have missed?

# %% tags=["solution"]
def stop_at(curve: dict[int, float], patience: int) -> int:
    """The step at which early stopping ends the run (the last one, if it never does)."""
    lowest, waited = math.inf, 0
    for t, loss in curve.items():
        lowest, waited = (loss, 0) if loss < lowest else (lowest, waited + 1)
        if waited == patience:
            return t
    return t


curve = read("eight", "held_out/loss")
for patience in (1, 2):
    t = stop_at(curve, patience)
    record.values(f"exercise.patience_{patience}", {
        "stop": t, "best": min(loss for at, loss in curve.items() if at <= t)})  # fmt: skip
    print(f"patience {patience}: stops at step {t}")

# %% [markdown] tags=["solution"]
# Patience 1 saves {{ budget.long - exercise.patience_1.stop | int }} of {{ budget.long | int }} steps,
# patience 2 {{ budget.long - exercise.patience_2.stop | int }}. Of the whole run's best loss they miss
# {{ exercise.patience_1.best - run.eight.best | f3 }} and
# {{ exercise.patience_2.best - run.eight.best | f3 }} nats. On a bumpier curve patience 1 can stop at
# a mere bump. (And a best loss flatters itself: it was chosen.)

# %% [markdown]
# ## Knowledge check
#
# <!-- quiz -->
#
# ## Checklist
#
# - [ ] My loss is divided by the labeled tokens of the *whole* batch; eight at once and four parts of
#   two agree, dropout off.
# - [ ] My data is shuffled before it is cut into batches.
# - [ ] I log both losses, the rate and the gradient norm before clipping, with config and seed.
# - [ ] I know where my fp32 weights are.
# - [ ] My checkpoint holds weights, moments, schedule, random states and the place in the data, and I
#   have tested a resume with `==`, in a new process.
# - [ ] I take strangers' weights as safetensors; a pickle only with a current PyTorch and `weights_only=True`.
# - [ ] What chose the model does not score it.
#
# ## Interview questions
#
# ??? question "Your loss changes when you go from a batch of 8 to four parts of 2. Why, and how do you prove it?"
#     First suspect: each part is divided by its own number of labeled tokens. Proof: one SGD step at
#     rate 1 both ways, without dropout; the weights change by the gradient. If they agree, look at
#     dropout and at how the logged loss is averaged.
#
# ??? question "Why does clipping at norm 1 stay in recipes although Adam's step hardly depends on the gradient's size?"
#     Adam bounds the one step, but $m$ repeats its direction for about ten more, and after a large
#     spike $v$ keeps steps short for thousands. Clipping keeps the spike out of both.
#
# ??? question "You resume and the loss jumps, then recovers. What was missing?"
#     Look at when. If the very first loss differs, the weights, the data order or the random numbers
#     are off. If it is right and the next ones jump, suspect the optimizer: missing moments or a
#     schedule that starts again.
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | Gradient norm $k$ times too long | `**kwargs` taken, `num_items_in_batch` ignored | divide by it, or `accepts_loss_kwargs = False` |
# | Loss does not fall, no error, bf16 | updates below half a gap | load fp32, or LoRA in fp32 |
# | Long lull after one spike | $v$ inflated by one batch | clip; look at that batch |
# | Loss jumps a few steps after a resume | moments or schedule not loaded | restore all, test with `==` |
#
# ## Further reading
#
# - McCandlish and others, *An Empirical Model of Large-Batch Training*, 2018,
#   [arXiv:1812.06162](https://arxiv.org/abs/1812.06162). Noise against signal, and useful batches.
# - Loshchilov and Hutter, *Decoupled Weight Decay Regularization*, 2017,
#   [arXiv:1711.05101](https://arxiv.org/abs/1711.05101). AdamW, and why L2 in Adam is something else.
# - Zamirai and others, *Revisiting BFloat16 Training*, 2020,
#   [arXiv:2010.06192](https://arxiv.org/abs/2010.06192). Lost updates, and Exercise 2.
# - Cawley and Talbot, *On Over-fitting in Model Selection and Subsequent Selection Bias in Performance
#   Evaluation*, 2010, [JMLR 11](https://jmlr.org/papers/v11/cawley10a.html). The winner's curse in full.
# - Young, *A first order approximation to the optimum checkpoint interval*, 1974,
#   [doi:10.1145/361147.361115](https://doi.org/10.1145/361147.361115). The square root, in two pages.
#
# ## For your readiness packet
#
# Start the training log: the recipe as one file, how each value was chosen, the curves of training
# and held-out loss, the step that was kept and by which tickets, and the result of the resume test.
