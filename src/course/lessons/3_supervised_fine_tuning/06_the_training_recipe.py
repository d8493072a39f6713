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
#   - track runs and read their loss curves
# prerequisites: [2, 7]
# tags: [Batch, Gradient accumulation, Learning-rate schedule, Gradient clipping, Weight decay,
#   Mixed precision, Checkpoint, Early stopping]
# read_minutes: 30
# weights: [smollm2-135m-instruct]
# plain_numbers: [0, 0.1, 0.2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 32, 48, 64, 100, 1000]
# ---

# %% [markdown]
# The idea of a training script is one line, the loss. The rest is recipe, and most of it is copied.
# This lesson tests it ingredient by ingredient. At the end a run is killed at step
# {{ budget.crash | int }} and resumed from its last checkpoint: of the {{ resume.rest | int }}
# losses that follow, {{ resume.nothing.differ | int }} differ from those of an undisturbed run, to
# the last bit. Without Adam's moments {{ resume.moments.differ | int }} differ, by up to
# {{ resume.moments.largest | f2 }} nats a token.
#
# ## Warm-up
#
# ??? question "How far does the first step of AdamW move a weight?"
#     By about the learning rate $\eta$, whatever the size of the gradient, since Adam divides the
#     gradient by its own size. See [What a step does at rank
#     r](lesson:08#what-a-step-does-at-rank-r).
#
# ??? question "What besides the weights must be in memory to take the next step?"
#     Adam's two averages, $m$ and $v$: twice the bytes of the trained weights ([Where the memory
#     goes](lesson:02)). A checkpoint needs them too, and a few small things.
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
# We go through it from left to right, then freeze the whole picture in a file. The comparison
# breaks in one place: in chess the part that the photo misses is small. Here it is twice the board.

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": minutes on a CPU; "full": a GPU
seed = 0

# %%
budget = {
    "smoke": {"blocks": 2, "upper": 1, "train": 8, "held_out": 4, "batch": 2, "steps": 3, "save": 2,
              "crash": 2, "seeds": (0,), "peaks": 1, "sizes": (1, 2), "trainer_steps": 2,
              "full_steps": 2, "mix": 4},
    "laptop": {"blocks": None, "upper": 3, "train": 48, "held_out": 32, "batch": 4, "steps": 16,
               "save": 4, "crash": 11, "seeds": (0, 1, 2), "peaks": 4, "sizes": (1, 2, 4, 8),
               "trainer_steps": 4, "full_steps": 8, "mix": 8},
    "full": {"blocks": None, "upper": 29, "train": 384, "held_out": 128, "batch": 8, "steps": 96,
             "save": 24, "crash": 61, "seeds": (0, 1, 2, 3, 4), "peaks": 6,
             "sizes": (1, 2, 4, 8, 16), "trainer_steps": 20, "full_steps": 24, "mix": 8},
}[profile]  # fmt: skip
BATCH, STEPS, SEEDS, UPPER = (budget[key] for key in ("batch", "steps", "seeds", "upper"))

# %% [markdown]
# ## A test bench
#
# Forty runs of a real model do not fit on a laptop, and a toy proves little. So we adapt only the
# last {{ budget.upper | int }} of the model's {{ bench.blocks | int }} blocks. What frozen blocks
# below the first adapter give for a ticket never changes. `course.upper` computes it once, keeps it
# and feeds it to the top: the numbers of the whole model, at a fraction of the price. The task is
# the extraction of JSON from tickets, in conversations of at most 64 tokens.

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


def short(split: str, n: int) -> list[tuple[str, Encoded]]:
    """Intent and conversation of the first `n` tickets that take at most 64 tokens."""
    rows = [(t.intent, encode(tokenizer, t.text, extraction(t).completion, system="Extract JSON."))
            for t in tickets(split, 6 * n)]  # fmt: skip
    return [(intent, row) for intent, row in rows if len(row.input_ids) <= 64][:n]


def kept(rows: list[Encoded]) -> list[Kept]:
    return keep(model, rows, tokenizer.pad_token_id, UPPER)

# %%
intents, encoded = zip(*short("train", budget["train"]), strict=True)
train_set = kept(encoded)
held_out = kept([row for _, row in short("validation", budget["held_out"])])
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
# The assertion holds the top, fed from what was kept, to the loss of the whole model. The adapters
# train {{ bench.trained | int }} numbers.
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
# mean of means $(1 + 3)/2 = 2$. Each token of the short part counts three times as much as one of
# the long part. The two agree for all losses only if all $N_j$ are equal.

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
# Eight examples at once, against the same eight in four parts of two. Extractions alone have
# answers of almost one length. A mix of extractions and written replies does not, and a loader that
# groups by length, to save padding, puts like with like.

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
        errors[key, rule] = float((gradient(parts_of(mix, MIX // 4), rule) - large).norm() / large.norm())
    assert errors[key, "tokens"] < 1e-4

# %% tags=["hide-code"]
titles = {"json": "extractions", "shuffled": "extractions and replies, shuffled",
          "sorted": "extractions and replies, by length"}  # fmt: skip
rows = [[titles[key], ", ".join(str(sum(map(labeled, part))) for part in parts_of(mix, MIX // 4)),
         f"{errors[key, 'tokens']:.0e}", f"{errors[key, 'means']:.1%}"]
        for key, mix in mixes.items()]  # fmt: skip
record.table("accumulate.table", rows,
             columns=["eight examples", "labeled tokens", "error, ÷ N", "error, mean of means"],
             caption="Distance from the large batch's gradient, over that gradient's length.")  # fmt: skip
record.values("accumulate", {key: errors[key, "means"] for key in mixes})

# %% [markdown]
# Divided by $N$, what remains is rounding. The mean of means is off by {{ accumulate.json | pct1 }}
# for extractions, {{ accumulate.shuffled | pct1 }} for the shuffled mix and
# {{ accumulate.sorted | pct1 }} when like sits with like. (This is one batch, before training; what
# a whole run loses was not measured.) Widely used trainers worked that way until a [fix in October
# 2024](https://unsloth.ai/blog/gradient). Since then
# transformers' `Trainer` fetches all micro-batches of a step first, counts their labels and hands
# the model `num_items_in_batch`, by which the sum of the losses is divided. [Break it](#break-it)
# shows when it still does not.
#
# ## How noisy is a gradient?
#
# Why a larger batch at all? The gradient $g_b$ of a random batch of $b$ tickets estimates $G$, the
# gradient over all tickets. Variances of independent terms add, and a mean divides their sum by
# $b^2$, so
#
# $$\mathbb{E}\, \lVert g_b - G \rVert^2 = \frac{S}{b}, \qquad S = \mathbb{E}\, \lVert g_1 - G \rVert^2 .$$
#
# The premise is *independent*. A file that was exported by intent and never shuffled breaks it. We
# compute each ticket's gradient once and form batches both ways. (A list of $n$ tickets is finite,
# so we divide by $1 - b/n$.)

# %%
def gram() -> torch.Tensor:
    """Products g_i · g_j of the tickets' gradients, (n, n): they give the length of any mixture."""
    rows = torch.stack([gradient([[row]]) for row in train_set])  # (n, weights)
    return (rows @ rows.T).cpu()


tokens = torch.tensor([float(labeled(row)) for row in train_set])
G = tokens / tokens.sum()  # a batch is described by the share that each ticket has in it


def noise(products: torch.Tensor, order: list[int], b: int) -> float:
    """Mean of |g_b - G|² over the batches of one pass."""
    squares = []
    for batch in parts_of(order, b):
        gap = -G
        gap[batch] += tokens[batch] / tokens[batch].sum()
        squares.append(float(gap @ products @ gap))
    return sum(squares) / len(squares) / (1 - b / len(order))


fresh_adapter(seed)
products, everyone = gram(), range(len(train_set))
shuffled = [random.Random(s).sample(everyone, len(everyone)) for s in SEEDS]
by_intent = [sorted(order, key=lambda i: intents[i]) for order in shuffled]

# %% tags=["hide-code"]
def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def spread(name: str, x: list, runs: list[list[float]]) -> record.Series:
    """A line through the means over seeds, with a band from the lowest to the highest."""
    columns = list(zip(*runs, strict=True))
    middle, low, high = (list(map(how, columns)) for how in (mean, min, max))
    return record.Series(name, x, middle, low, high)


sizes, single = list(budget["sizes"]), noise(products, shuffled[0], 1)
lines = {}
for name, group in (("shuffled", shuffled), ("by intent", by_intent)):
    lines[name] = spread(name, sizes, [[noise(products, order, b) / single for b in sizes]
                                       for order in group])  # fmt: skip
guide = record.Series("1/b", sizes, [1 / b for b in sizes])
record.figure("noise.plot", record.Figure(
    kind="line", series=[*lines.values(), guide], x_label="batch size b",
    y_label="noise (b = 1 is 1)", x_log=True, y_log=True,
    caption="Squared distance of a batch's gradient from that of all tickets; bands over seeds.",
    alt="Noise of the gradient over batch size, both logarithmic: tickets shuffled, tickets sorted "
        "by intent, and the line 1/b. The text below compares the right ends."))  # fmt: skip


def noise_scale(products: torch.Tensor) -> float:
    """S over |G|²; the measured |G|² has a share of noise in it, which is taken out."""
    S = noise(products, shuffled[0], 1)
    return S / max(float(G @ products @ G) - S / len(train_set), S / 1e4)


record.values("noise", {"shuffled": lines["shuffled"].y[-1], "sorted": lines["by intent"].y[-1],
                        "b": sizes[-1], "scale": noise_scale(products)})  # fmt: skip

# %% [markdown]
# Shuffled, a batch of {{ noise.b | int }} has {{ noise.shuffled | f3 }} of a single ticket's noise,
# where $1/b$ says {{ 1 / noise.b | f3 }}. By intent it keeps {{ noise.sorted | f3 }}: more tickets,
# but less news in each. The ratio $S / \lVert G \rVert^2$ is the *noise scale* of McCandlish and
# others: the batch at which noise and signal are equally long. It is {{ noise.scale | f1 }} here,
# before training. Far below it, doubling $b$ makes steps truer; far above, only dearer. Exercise 3
# measures it after training.
#
# ## Schedules, at equal steps
#
# Lesson 04 is about the learning rate itself. Here is a narrow question: does the *shape* of the
# schedule matter? At one peak the comparison would be unfair, since a constant rate walks about
# twice the path of a linear decay. So each shape gets a sweep over the same peaks on the first
# seed, by held-out loss on validation tickets, and then all seeds. `Run` holds everything that
# decides how training goes on. (`t + 1` avoids a trap: in transformers' schedules with warmup, the
# rate of the first step is exactly zero, and it moves nothing.)

# %%
from torch import nn

from course.schedules import share


class Run:
    """A run: optimizer, schedule, order of the tickets and place in it, losses so far."""

    def __init__(self, seed, peak, shape="linear", warmup=3, data=train_set):
        fresh_adapter(seed)
        model.zero_grad()  # whatever an earlier experiment left behind
        self.optimizer = torch.optim.AdamW(weights.values(), lr=peak, weight_decay=0.0)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda t: share(shape, t + 1, warmup, STEPS + 1))
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
    """Held-out loss by k, extended until the best k has a neighbor on either side."""
    losses, k = {}, -5
    while len(losses) < budget["peaks"]:
        losses[k] = loss_of(trained(shape, k, SEEDS[0])[1])
        best = min(losses, key=losses.get)
        if {best - 1, best + 1} <= set(losses):
            break
        k = best + 1 if best + 1 not in losses else best - 1
    return dict(sorted(losses.items()))

# %%
shapes = ("linear", "cosine", "constant_with_warmup")
sweeps = {shape: sweep(shape) for shape in shapes}
best = {shape: min(losses, key=losses.get) for shape, losses in sweeps.items()}
final = {shape: [loss_of(trained(shape, best[shape], s)[1]) for s in SEEDS] for shape in shapes}
cold = [loss_of(trained("linear", best["linear"], s, 0)[1]) for s in SEEDS]
PEAK = 10 ** (best["linear"] / 2)

# %% tags=["hide-code"]
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
order = sorted(list(results)[:3], key=lambda name: mean(results[name][1]))
edges = sum(best[shape] in (min(losses), max(losses)) for shape, losses in sweeps.items())
record.values("schedule", {
    "peak": PEAK, "range": max(max(v) - min(v) for v in final.values()), "edges": edges,
    "first": order[0], "second": order[1],
    "gap": mean(results[order[1]][1]) - mean(results[order[0]][1])})  # fmt: skip
record.figure("schedule.plot", record.Figure(
    kind="line", series=[record.Series(titled[shape], [10 ** (k / 2) for k in v], list(v.values()))
                         for shape, v in sweeps.items()],
    x_label="peak learning rate", y_label="held-out loss (nats a token)", x_log=True, y_log=True,
    caption="The sweeps, first seed, in steps of half a decade.",
    alt="Held-out loss over the peak learning rate, both logarithmic, one line for each shape of "
        "schedule. The table has the minima."))  # fmt: skip

# %% [markdown]
# {{ "Every sweep ends with a neighbor on both sides of its best" if schedule.edges == 0 else "A sweep that ended at an edge gives only a bound" | text }}.
# The lowest mean belongs to {{ schedule.first | text }}, {{ schedule.gap | f3 }} below
# {{ schedule.second | text }}. One shape over its seeds spans up to {{ schedule.range | f3 }}, so
# {{ "the seed makes more of a difference than the shape" if schedule.gap <= schedule.range else "seeds alone do not explain it, though steps of 3.2 between peaks might" | text }}.
# The advantage of decay, less noise at the end, belongs to long runs; {{ budget.steps | int }}
# steps cannot show it. Warmup guards the first steps, in which Adam's $v$ rests on a gradient or
# two. Without it the linear schedule ends at {{ schedule.cold | f3 }} instead of
# {{ schedule.linear | f3 }}:
# {{ "a harm beyond the spread of seeds" if schedule.cold - schedule.linear > schedule.range else "the harm that folklore promises does not show here" | text }}.
#
# ## Clipping, and what Adam does without it
#
# Clipping shortens a gradient that is too long and keeps its direction. Join the gradients of *all*
# parameters into one vector $g$; the limit $\tau$ is usually 1:
#
# $$g \leftarrow g \cdot \min\left(1, \frac{\tau}{\lVert g \rVert}\right).$$
#
# By hand, against torch, with a limit low enough to act. Then the opposite: what does one step do
# with a gradient 100 times as long?

# %%
fresh_adapter(seed)
g = gradient([train_set[:BATCH]])
by_hand = g * min(1.0, 0.1 / float(g.norm()))
nn.utils.clip_grad_norm_(weights.values(), 0.1)
assert torch.allclose(by_hand, torch.cat([p.grad.flatten() for p in weights.values()]), rtol=1e-4)

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
# Under SGD a step is $\eta g$, {{ clip.sgd | f0 }} times as long, and clipping is a seat belt.
# AdamW's is {{ clip.adam | f2 }} times as long. It steps along $\hat m / \sqrt{\hat v}$, averages
# of $g$ and of $g^2$ that forget over about 10 and 1,000 steps ($\beta_1 = 0.9$,
# $\beta_2 = 0.999$), and a factor in *every* gradient cancels. Now let *one* gradient, at step $t$,
# be $K$ times as long as the others, with a large $K$. It rules both averages,
#
# $$\begin{aligned}
# \hat m &\approx \frac{0.1\, K g}{1 - 0.9^t} \\
# \hat v &\approx \frac{0.001\, K^2 g^2}{1 - 0.999^t}
# \end{aligned}$$
#
# and $K$ cancels from $\hat m / \sqrt{\hat v}$: the bad step is {{ clip.bound | f2 }} $\eta$ at
# step {{ clip.at | int }}, and at most 3.2 $\eta$ ever. So Adam bounds the bad step by itself. But
# look at what comes after it: $m$ forgets the bad gradient in ten steps, $v$ in a thousand.

# %% [markdown] tags=["predict"]
# id: recipe-after-spike
# ask: >-
#   In the middle of a run, the answers of one batch are random tokens. Nothing is clipped. Sketch
#   how far AdamW moves the weights at each step (root mean square), in units of that step's
#   learning rate.
# curve: clip.plot
# series: bad batch, no clipping

# %% tags=["reveal", "hide-code"]
BAD = STEPS // 2


def position() -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in weights.values()])


def lottery(labels: torch.Tensor) -> torch.Tensor:
    return labels.where(labels == IGNORE, torch.randint_like(labels, len(tokenizer)))


def moves(seed: int, bad: bool, clip: float) -> tuple[list[float], Run, float]:
    """Root mean square of each step over its learning rate, the run, and the held-out loss."""
    run, sizes = Run(seed, PEAK), []
    for t in range(STEPS):
        batch = run.batch()
        if bad and t == BAD:
            batch = [row._replace(labels=lottery(row.labels)) for row in batch]
        eta, before = run.optimizer.param_groups[0]["lr"], position()
        step(run, batch, clip)
        sizes.append(float((position() - before).square().mean().sqrt()) / eta)
    return sizes, run, loss_of(nats(model, held_out))


free, clipped = ([moves(s, True, clip) for s in SEEDS] for clip in (float("inf"), 1.0))
calm = moves(SEEDS[0], False, 1.0)

# %% tags=["reveal", "hide-code"]
lines = {"no bad batch": calm, "bad batch, no clipping": free[0],
         "bad batch, clipped at 1": clipped[0]}  # fmt: skip
x = list(range(1, STEPS + 1))
record.figure("clip.plot", record.Figure(
    kind="line", series=[record.Series(name, x, line[0]) for name, line in lines.items()],
    x_label="step", y_label="move of a weight, in η",
    caption="How far AdamW moves the weights, first seed. Step {{ clip.at | int }} is the bad one.",
    alt="Size of each step in units of the learning rate: a calm run, and two with a bad batch in "
        "the middle, clipped or not. The text below compares them after the bad batch."))  # fmt: skip
for key, runs in (("free", free), ("clipped", clipped)):
    ends, (first_sizes, first_run, _) = [end for *_, end in runs], runs[0]
    record.values(f"clip.{key}", {
        "loss": mean(ends), "low": min(ends), "high": max(ends), "bad": first_sizes[BAD],
        "after": mean(first_sizes[BAD + 1 :]), "norm": first_run.norms[BAD],
        "usual": mean(first_run.norms[:BAD])})  # fmt: skip
record.values("clip.calm", {"after": mean(calm[0][BAD + 1 :]),
                            "share": mean(norm > 1 for norm in calm[1].norms)})  # fmt: skip
t = BAD + 1
record.values("clip", {"at": t, "bound": 0.1 / (1 - 0.9**t) * ((1 - 0.999**t) / 0.001) ** 0.5})

# %% [markdown]
# The bad batch has a gradient of length {{ clip.free.norm | f1 }}, after a usual
# {{ clip.free.usual | f1 }}, and moves the weights by {{ clip.free.bad | f2 }} $\eta$. From there on
# the unclipped run moves {{ clip.free.after | f2 }} $\eta$ a step on average, the clipped one
# {{ clip.clipped.after | f2 }}, the run without a bad batch {{ clip.calm.after | f2 }}:
# {{ "without clipping the steps after the bad one are shorter, as an inflated $v$ predicts" if clip.free.after < clip.clipped.after else "the shorter steps that an inflated $v$ predicts do not show in so short a run" | text }}.
# Compare the two runs with a bad batch, which differ in clipping alone; the calm run is clipped too.
# The held-out loss is {{ clip.free.loss | f3 }} without clipping (mean over seeds,
# {{ clip.free.low | f3 }} to {{ clip.free.high | f3 }}) and {{ clip.clipped.loss | f3 }} with it
# ({{ clip.clipped.low | f3 }} to {{ clip.clipped.high | f3 }}). And {{ clip.calm.share | pct0 }} of
# the calm run's gradients were longer than 1: a limit that acts so often mainly changes how much
# each batch counts. Log the length *before* clipping.
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
# and Adam's first step is $\eta$ whatever the size: 1.999, for *any* $\lambda$.

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
# Over a run, with gradients aside, AdamW multiplies a weight by $\prod_t (1 - \eta_t \lambda)$,
# about $\exp(-\lambda \sum_t \eta_t)$. What it pulls toward depends on what is trained. In full
# tuning it is $W = 0$, *away* from the pretrained model. On LoRA factors it is $BA = 0$, the
# pretrained model itself. Norms and biases are spared, since a norm's weight has its neutral value
# at 1. Ask `Trainer`:

# %%
from transformers import Trainer

path = sum(PEAK * share("linear", t + 1, 3, STEPS + 1) for t in range(STEPS))
decayed = set(Trainer.get_decay_parameter_names(None, model))
spared = {name.split(".")[-2] for name, _ in model.named_parameters() if name not in decayed}
assert set(weights) <= decayed  # the factors of LoRA do decay
print("spared:", *sorted(spared))

# %% tags=["hide-code"]
import math

record.values("decay", {"path": path, "shrink": 1 - math.exp(-0.1 * path),
                        "long": 1 - math.exp(-0.1 * 5e-5 * 1e5)})  # fmt: skip

# %% [markdown]
# On LoRA factors decay is thus a pull back to the start. But how strong? Our rates sum to
# {{ decay.path | f3 }}, so $\lambda = 0.1$ takes {{ decay.shrink | pct1 }} of a weight over the
# whole run. At a mean rate of $5 \cdot 10^{-5}$ for 100,000 steps it would take
# {{ decay.long | pct0 }}. Decay is a knob of long runs.
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
# At $10^{-5}$, a usual rate of full tuning, {{ bf16.still.e5 | pct1 }} of the weights stand still,
# as predicted; in fp32 {{ bf16.master.e5 | pct1 }} do. And they stand still at the next step again,
# since what was rounded away is gone. Does the loss notice? The same full tuning of these blocks
# twice, once with the weights rounded to bf16 after each step. Both start from rounded weights and
# compute in fp32, so only the storage differs.

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
# In {{ budget.full_steps | int }} steps at $10^{-5}$ the loss falls by {{ fall.e5.fp32 | f3 }} with
# fp32 weights and by {{ fall.e5.bf16 | f3 }} with bf16 weights; at $10^{-4}$ by
# {{ fall.e4.fp32 | f3 }} and {{ fall.e4.bf16 | f3 }}. No error is raised, the run merely learns
# less. LoRA hardly feels this: $B$ starts at zero, where bf16's numbers are dense, rates are
# higher, and PEFT keeps adapters in fp32 unless told otherwise (`autocast_adapter_dtype`).
#
# *Mixed precision* has both: `autocast` computes in bf16, and weights and gradients stay in fp32.
# fp16 needs one thing more. Its smallest number is $2^{-24}$, and what is below half of that
# becomes zero. So the loss is multiplied by a scale before the backward pass, and the gradients are
# divided by it afterwards.

# %%
model.zero_grad()
with torch.autocast(device().type, dtype=torch.bfloat16):
    losses, _ = token_losses(model, train_set[:1])
    logits = model.get_output_embeddings()(train_set[0].hidden)
losses.mean().backward()
one = next(iter(weights.values()))
print("computed:", logits.dtype, "| weight:", one.dtype, "| its gradient:", one.grad.dtype)

entries = torch.cat([g.flatten() for g in full_gradient.values()])
entries = entries[entries != 0]
for name, scale in (("plain", 1.0), ("scaled", 2.0**16)):
    half = (entries * scale).half()
    record.values(f"fp16.{name}", {"lost": float((half == 0).float().mean()),
                                   "inf": float(half.isinf().float().mean())})  # fmt: skip

# %% [markdown]
# Of the nonzero gradients above, {{ fp16.plain.lost | pct2 }} would become zero in fp16, and
# {{ fp16.scaled.lost | pct2 }} with a scale of $2^{16}$, the first that PyTorch's `GradScaler`
# tries; {{ fp16.scaled.inf | pct2 }} would overflow. If any does, `GradScaler` skips the step and
# halves the scale; after 2,000 good steps it doubles it. bf16, with the range of fp32, needs none
# of this.
#
# ## What is in a checkpoint
#
# Freeze the picture at the top of the page. Everything a step reads must be in the file:

# %%
def snapshot(run: Run) -> dict:
    """Everything that decides how this run goes on."""
    return {
        "weights": {name: p.detach() for name, p in weights.items()},
        "optimizer": run.optimizer.state_dict(),  # m, v and the count of steps
        "schedule": run.schedule.state_dict(),
        "random numbers": [torch.get_rng_state(), *torch.cuda.get_rng_state_all()],  # dropout
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
# Saved one by one, the weights take {{ checkpoint.weights | mb2 }} and Adam's moments
# {{ checkpoint.optimizer | mb2 }}; then {{ checkpoint.schedule | kb1 }} for the schedule,
# {{ checkpoint.random | kb1 }} for random numbers, {{ checkpoint.data | kb1 }} for the place in the
# data. [Break it](#break-it) shows what each is worth.
#
# **Which format?** `torch.save` writes a *pickle*, a small program that rebuilds objects by calling
# functions. Whoever made the file chooses the functions. This one only makes an empty folder:

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
# Loading the file ran its code. `weights_only=True`, the default since PyTorch 2.6, allows tensors
# and plain containers only, and all pieces of our snapshot are that. safetensors goes further:
# there is nothing in it to run. The file is the length of a header (8 bytes), a header in JSON, and
# bytes. So it can be read without the library:

# %%
import json
import struct

from safetensors.torch import load_file, save_file

path = folder / "adapter.safetensors"
save_file({name: p.detach() for name, p in weights.items()}, path)
raw = path.read_bytes()
(length,) = struct.unpack("<Q", raw[:8])
header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
for name, tensor in load_file(path).items():
    first, last = header[name]["data_offsets"]
    values = torch.frombuffer(bytearray(data[first:last]), dtype=torch.float32)
    assert torch.equal(values.view(header[name]["shape"]), tensor)
print(min(header), header[min(header)])

# %% [markdown]
# ## A crash, and a resume to the last bit
#
# The run saves every {{ budget.save | int }} steps and dies before step
# {{ budget.crash + 1 | int }}. The file is written under another name and then renamed, so that a
# crash *while saving* leaves the last good one.

# %%
class PowerCut(Exception):
    """Somebody trips over the cable."""


def train_until_power_cut(run: Run) -> None:
    for t in range(1, STEPS + 1):
        step(run, run.batch())
        if t % budget["save"] == 0:
            torch.save(snapshot(run), folder / "last.part")
            os.replace(folder / "last.part", folder / "last.pt")
        if t == budget["crash"]:
            raise PowerCut


undisturbed, undisturbed_nats = trained("linear", best["linear"], SEEDS[0])
crashed = Run(SEEDS[0], PEAK)
try:
    train_until_power_cut(crashed)
except PowerCut:
    assert crashed.losses == undisturbed.losses[: budget["crash"]]
saved_at = budget["crash"] // budget["save"] * budget["save"]
later = undisturbed.losses[saved_at:]

# %% [markdown]
# A new process knows nothing: make a fresh `Run`, then put every piece back. `without` leaves
# pieces out, for the experiment in Break it.

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
        torch.set_rng_state(state["random numbers"][0])
        torch.cuda.set_rng_state_all(state["random numbers"][1:])
    for _ in range(STEPS - saved_at):
        step(run, run.batch())
    return run.losses, loss_of(nats(model, held_out))


losses, end = resume()
assert losses == later
assert end == loss_of(undisturbed_nats)

# %% [markdown]
# `==` between lists of floats: not close, equal. The steps between checkpoint and crash are done
# again and give the same losses. That makes a resume *testable*, in any project: run a few steps,
# save, run on; load, run on; compare with `==`. (On a GPU, some kernels add in varying order unless
# `torch.use_deterministic_algorithms` is on, as it is in this lesson.) The same test for `Trainer`,
# with a LoRA of real size on all {{ bench.blocks | int }} blocks:

# %%
from peft import get_peft_model
from transformers import PrinterCallback, TrainingArguments

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
# never stopped. Note `training_args.bin`: it is a pickle, so do not load a stranger's with
# `weights_only=False`. And for *using* the adapter only the first and the last file are needed.
#
# ## Which run, which step?
#
# Every choice between candidates needs a judge: held-out loss to pick the best step (and to stop
# when it no longer falls, *early stopping*), to pick a rate, a shape, a seed. A noisy judge
# flatters the winner, who is partly good and partly lucky on these very tickets: the **winner's
# curse**. Take the {{ curse.runs | int }} runs of the schedule table. Let {{ curse.few | int }}
# random tickets choose the best run, then score it on all other tickets; repeat with fresh draws.
# The control is a run fixed in advance.

# %%
runs = torch.stack([trained(shape, best[shape], s)[1] for shape in shapes for s in SEEDS])
few, generator = len(held_out) // 4, torch.Generator().manual_seed(seed)
gaps = {"chosen": [], "fixed": []}
for _ in range(2000):
    order = torch.randperm(len(held_out), generator=generator)
    used, fresh = (runs[:, part].sum(dim=1) / counts[part].sum()  # losses of all runs
                   for part in (order[:few], order[few:]))  # fmt: skip
    for name, i in (("chosen", int(used.argmin())), ("fixed", 0)):
        gaps[name].append(float(fresh[i] - used[i]))
record.values("curse", {name: mean(values) for name, values in gaps.items()})
record.values("curse", {"runs": len(runs), "few": few})

# %% [markdown]
# On fresh tickets the chosen run is {{ curse.chosen | f3 }} nats worse than the score that it won
# with; the run fixed in advance, {{ curse.fixed | f3 }}. That difference is no property of the
# model. It is made by choosing, and grows with the number of candidates and the noise of the judge.
# So choose on validation tickets, report on test tickets that chose nothing, and open those once.
#
# ## Track it, then read it
#
# A tracker keeps settings and curves of every run, so that you can compare today's with last
# month's. TensorBoard is the plainest: event files in a folder, no account, no network;
# `tensorboard --logdir runs` shows them in a browser. As of 2026-11, transformers knows
# {{ tracking.known | int }} trackers by name (`report_to`), MLflow, Weights & Biases and the
# local-first [Trackio](https://huggingface.co/docs/trackio) among them. Five runs, one change each:

# %%
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

changes = {"the recipe": {}, "rate × 10": {"peak": 10 * PEAK}, "rate ÷ 30": {"peak": PEAK / 30},
           "no warmup": {"warmup": 0}, "eight tickets": {"data": train_set[:8]}}  # fmt: skip
for name, change in changes.items():
    run = Run(SEEDS[0], **{"peak": PEAK, **change})
    with SummaryWriter(str(folder / "runs" / name)) as writer:
        for t in range(1, STEPS + 1):
            step(run, run.batch())
            writer.add_scalar("train/loss", run.losses[-1], t)
            writer.add_scalar("train/gradient_norm", run.norms[-1], t)
            if t % budget["save"] == 0:
                writer.add_scalar("held_out/loss", loss_of(nats(model, held_out)), t)


record.value("tracking.known", len(INTEGRATION_TO_CALLBACK))


def read(name: str, tag: str) -> dict[int, float]:
    """The values of a run by step, from its event file."""
    events = EventAccumulator(str(folder / "runs" / name))
    events.Reload()
    return {event.step: event.value for event in events.Scalars(tag)}


assert list(read("the recipe", "train/loss").values()) == torch.tensor(undisturbed.losses).tolist()

# %% [markdown]
# What was written is what is read, in fp32 (the assertion). Now read like a doctor, before you see
# the names:

# %% tags=["hide-code"]
letters = {"A": "rate ÷ 30", "B": "eight tickets", "C": "no warmup", "D": "the recipe",
           "E": "rate × 10"}  # fmt: skip
record.figure("gallery.plot", record.Figure(
    kind="line", series=[record.Series(letter, *zip(*read(name, "train/loss").items(), strict=True))
                         for letter, name in letters.items()],
    x_label="step", y_label="training loss (nats a token)", y_log=True,
    caption="Training losses of five runs, read back from TensorBoard's files.",
    alt="Training loss over steps of five runs, A to E. The table below names them."))  # fmt: skip
short_names = dict(zip(letters, ("low", "eight", "cold", "recipe", "high"), strict=True))
record.values("gallery", {key: letter for letter, key in short_names.items()})

# %% [markdown] tags=["predict"]
# id: recipe-gallery
# ask: >-
#   One is the recipe itself. Each of the others changes one thing: a thirtieth of the rate, ten
#   times the rate, no warmup, or only eight tickets, again and again, instead of
#   {{ budget.train | int }}. Which one saw eight tickets?
# choices:
#   - text: A
#     right: gallery.eight == "A"
#   - text: B
#     right: gallery.eight == "B"
#   - text: C
#     right: gallery.eight == "C"
#   - text: D
#     right: gallery.eight == "D"
#   - text: E
#     right: gallery.eight == "E"

# %% tags=["reveal", "hide-code"]
rows = []
for letter, name in letters.items():
    train, test = read(name, "train/loss"), read(name, "held_out/loss")
    best_step = min(test, key=test.get)
    tail = mean(list(train.values())[-4:])
    rows.append([letter, name, round(tail, 3), round(test[max(test)], 3),
                 f"{test[best_step]:.3f} at {best_step}"])  # fmt: skip
    record.values(f"run.{short_names[letter]}", {
        "train": tail, "held_out": test[max(test)], "best": test[best_step],
        "best_step": best_step, "top": max(train.values()),
        "norm": max(read(name, "train/gradient_norm").values())})  # fmt: skip
record.table("gallery.table", rows,
             columns=["curve", "run", "training loss, end", "held-out, end", "best held-out, step"],
             caption="The runs behind the letters. Training loss: mean of the last four steps.")

# %% [markdown]
# **{{ gallery.low | text }}, rate too low**: smooth and slow, a straight decline that ends at
# {{ run.low.train | f2 }}. **{{ gallery.high | text }}, rate too high**: it leaps up to
# {{ run.high.top | f1 }} before it settles, with gradients as long as {{ run.high.norm | f0 }}.
# **{{ gallery.cold | text }}, no warmup** and **{{ gallery.recipe | text }}, the recipe** end at
# {{ run.cold.train | f2 }} and {{ run.recipe.train | f2 }}. And **{{ gallery.eight | text }}, eight
# tickets**: {{ run.eight.train | f3 }},
# {{ "the best training curve of all" if run.eight.train < min(run.recipe.train, run.cold.train) else "a fine training curve" | text }},
# with a held-out loss of {{ run.eight.held_out | f3 }} against {{ run.recipe.held_out | f3 }} for
# the recipe. The training curve alone cannot tell learning from memorizing; only the held-out one
# can. For this run the best step was {{ run.eight.best_step | int }}, at {{ run.eight.best | f3 }}.
#
# ## Break it
#
# **A trainer that averages means.** `Trainer` counts tokens only if the model can take the count:
# its `forward` must accept further keyword arguments, or you pass a `compute_loss_func`. A model of
# your own with a plain `forward` gets the old rule, in any version, without a word. Setting the
# flag by hand shows both:

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


def dropout(p: float) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = p


dropout(0.0)  # the comparison needs equal forward passes
for rule, counts_tokens in (("tokens", True), ("means", False)):
    found = trainer_gradient(mixes["sorted"], counts_tokens)
    fresh_adapter(seed)
    expected = gradient(parts_of(mixes["sorted"], MIX // 4), rule)
    assert (found - expected).norm() < 1e-3 * expected.norm()
dropout(lora.lora_dropout)

# %% [markdown]
# Both assertions hold: `Trainer` with the flag steps along our gradient over $N$; without it, along
# our mean of means, {{ accumulate.sorted | pct0 }} off. Symptom: losses that depend on how you
# split one and the same batch. Test: two runs of one step, 8 × 1 against 2 × 4, must agree.
#
# **A checkpoint with a hole.** The resume from before, with pieces left out.

# %% [markdown] tags=["predict"]
# id: recipe-resume-piece
# ask: One piece is missing. Which one harms the held-out loss at the end of the run most?
# choices:
#   - text: Adam's moments, two thirds of the file.
#     right: resume.worst == "moments"
#   - text: The schedule, about a kilobyte.
#     right: resume.worst == "schedule"
#   - text: The place in the data.
#     right: resume.worst == "data"
#   - text: The random numbers that dropout draws from.
#     right: resume.worst == "random numbers"

# %% tags=["reveal"]
single = ("moments", "schedule", "data", "random numbers")
off = {}
for missing in ((), *((piece,) for piece in single), single):
    losses, end = resume(*missing)
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
worst = max(single, key=lambda piece: off[piece,]["end"])
record.values("resume", {"rest": len(later), "saved": saved_at, "worst": worst})

# %% [markdown]
# With all pieces, nothing differs. Without the moments, the first loss is still right, since the
# weights are; then Adam takes a sign step in the middle of the run, and later losses are off by up
# to {{ resume.moments.largest | f3 }}. Without the place in the data they differ most of all
# ({{ resume.data.largest | f3 }}), yet that is not damage: other tickets come next, and other
# tickets have other losses. So judge by the last column. There, seeds alone make a difference of up
# to {{ schedule.range | f3 }}. Missing moments cost {{ resume.moments.end | f3 }}, the missing
# schedule {{ resume.schedule.end | f3 }}: the run warms up again and stops in the middle of its
# decay. The piece that harms most here is {{ resume.worst | text }}. This is one crash of one run;
# the equality test needs no such caution, and a run that passes it can be compared with others.
#
# ## At 7B and 70B
#
# The bytes follow from the count of trained weights: 12 for each. How often to save? Let a save
# take $\delta$ seconds and let $M$ seconds pass between failures. Saving every $\tau$ seconds costs
# the share $\delta/\tau$, and a failure loses half an interval, the share $\tau/(2M)$. The sum is
# smallest at
#
# $$\tau = \sqrt{2\, \delta M} \quad \text{(Young, 1974).}$$

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
             caption="Checkpoints of fp32 weights and both moments, at 2 GB/s and a failure a day.")  # fmt: skip

# %% [markdown]
# The disk's speed and a failure a day are assumptions; put in yours. A full 70B checkpoint is
# {{ scale.b70.all / scale.b70.lora | x0 }} the size of the LoRA one. Failures are no rarity at
# scale: the Llama 3 paper (2024, [arXiv:2407.21783](https://arxiv.org/abs/2407.21783)) counts 419
# unexpected interruptions in 54 days on up to 16 thousand GPUs, one every {{ scale.failure | f1 }}
# hours. What carries over from this page: all that was derived (accumulation, the noise law, Adam
# and the bad batch, decay, half a gap in bf16) and the resume test. What does not: the rates, the
# noise scale, and that shapes of a schedule hardly differ, which a run of {{ budget.steps | int }}
# steps cannot settle for one of 100,000.
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
# The loss falls by {{ exercise.lot | f3 }}, with nearest rounding by {{ fall.e5.bf16 | f3 }}, in
# fp32 by {{ fall.e5.fp32 | f3 }}. An update of a tenth of a gap now moves one weight in ten by a
# whole gap: right on average, at the price of noise. (Zamirai and others, below.)

# %% [markdown]
# ### Exercise 3: Should the batch grow?
# The noise scale was measured before training. Measure it after a run of the recipe. Would you use
# a larger batch late in training? Say first what you expect: what happens to $\lVert G \rVert$ when
# the model has learned?

# %% tags=["solution"]
run = Run(SEEDS[0], PEAK)
for _ in range(STEPS):
    step(run, run.batch())
late = gram()
record.values("exercise", {"late": noise_scale(late),
                           "noise": noise(late, shuffled[0], 1) / noise(products, shuffled[0], 1),
                           "signal": float((G @ late @ G) / (G @ products @ G))})  # fmt: skip
print(f"noise scale: {noise_scale(products):.1f} before, {noise_scale(late):.1f} after")

# %% [markdown] tags=["solution"]
# The noise is {{ exercise.noise | g2 }} times what it was, the squared length of $G$
# {{ exercise.signal | g2 }} times, and the noise scale {{ exercise.late | f1 }} instead of
# {{ noise.scale | f1 }}. What all tickets agree on is learned first, so the signal goes and the
# disagreement stays.
# {{ "With batches smaller than that, a late step is mostly noise, and a larger batch or a lower rate helps: the decay of a schedule is the cheap way to have it" if exercise.late > 4 else "Here even our small batch stays above it" | text }}.
#
# ## Knowledge check
#
# <!-- quiz -->
#
# ## Checklist
#
# - [ ] My loss is divided by the labeled tokens of the *whole* batch, and 8 × 1 and 2 × 4 give the same step.
# - [ ] My data is shuffled before it is cut into batches.
# - [ ] I log training and held-out loss, learning rate and gradient norm before clipping, with config and seed.
# - [ ] I know where my master copy is, if weights are 16 bits wide.
# - [ ] My checkpoint holds weights, moments, schedule, random states and the place in the data, and I
#   have tested a resume with `==`.
# - [ ] I load strangers' files with `weights_only=True` or as safetensors.
# - [ ] What chose the model does not score it.
#
# ## Interview questions
#
# ??? question "Your loss changes when you go from batch 8 to 4 × 2 with accumulation. Why, and how do you prove it?"
#     Probably each part is divided by its own number of labeled tokens, so tokens in short parts count too
#     much. Proof: one SGD step at rate 1 from the same weights both ways, without dropout; the difference of
#     the weights is the gradient. Fix: divide sums by the tokens of all parts. If the gradients agree, look
#     at dropout, at batch-dependent layers, and at a logged loss that is averaged differently.
#
# ??? question "Why does clipping at norm 1 stay in recipes although Adam's step hardly depends on the gradient's size?"
#     Adam bounds the one step, but its second moment remembers a spike for about a thousand steps and
#     shortens them all. Clipping keeps the spike out of $v$. If most steps are clipped, it does something
#     else: it gives every batch the same say, and the norm before clipping should be looked at.
#
# ??? question "You resume and the loss jumps, then recovers. What was missing?"
#     Most often Adam's moments or the schedule: the first step is a sign step at a rate that may belong to
#     the start of the run. Check that optimizer and scheduler were loaded, print the rate and the step
#     counter after loading, and run the equality test on a short run.
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | Loss depends on how a batch is split | mean of means | sum over tokens ÷ all labeled tokens |
# | First step off by a lot, only in notebooks | gradients left by an earlier cell | `zero_grad()` before the run |
# | Loss does not fall, no error, bf16 | updates below half a gap | fp32 master copy, or LoRA in fp32 |
# | Long lull after one spike | $v$ inflated by one batch | clip; look at that batch |
# | Loss jumps at a resume | moments or schedule not loaded | restore all, test with `==` |
# | First step does nothing | schedule starts at rate 0 | count from step 1 |
# | Test score falls after release | test set chose the model | choose on validation, open the test once |
#
# ## Further reading
#
# - McCandlish and others, *An Empirical Model of Large-Batch Training*, 2018,
#   [arXiv:1812.06162](https://arxiv.org/abs/1812.06162). The noise scale, and how it predicts useful batches.
# - Pascanu, Mikolov and Bengio, *On the difficulty of training Recurrent Neural Networks*, 2012,
#   [arXiv:1211.5063](https://arxiv.org/abs/1211.5063). Clipping by norm, with the picture of the cliff.
# - Loshchilov and Hutter, *Decoupled Weight Decay Regularization*, 2017,
#   [arXiv:1711.05101](https://arxiv.org/abs/1711.05101). AdamW, and why L2 in Adam is something else.
# - Micikevicius and others, *Mixed Precision Training*, 2017,
#   [arXiv:1710.03740](https://arxiv.org/abs/1710.03740). Master copies and loss scaling.
# - Zamirai and others, *Revisiting BFloat16 Training*, 2020,
#   [arXiv:2010.06192](https://arxiv.org/abs/2010.06192). Lost updates, and two ways to keep them.
# - Dodge and others, *Fine-Tuning Pretrained Language Models: Weight Initializations, Data Orders, and
#   Early Stopping*, 2020, [arXiv:2002.06305](https://arxiv.org/abs/2002.06305). What seeds alone do.
# - Cawley and Talbot, *On Over-fitting in Model Selection and Subsequent Selection Bias in Performance
#   Evaluation*, 2010, [JMLR 11](https://jmlr.org/papers/v11/cawley10a.html). The winner's curse in full.
# - Young, *A first order approximation to the optimum checkpoint interval*, 1974,
#   [doi:10.1145/361147.361115](https://doi.org/10.1145/361147.361115). The square root, in two pages.
#
# ## For your readiness packet
#
# Start the training log: the recipe as one file (batch, accumulation, peak, shape, warmup,
# clipping, decay, precision, seed), how each value was chosen, the curves of training and held-out
# loss, the step that was kept and by which tickets, and the result of the resume test.
