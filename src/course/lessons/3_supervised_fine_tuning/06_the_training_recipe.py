# ---
# title: The training recipe
# module: 3
# summary: Batch, accumulation, schedule, clipping, decay, precision and checkpoints, each tested on a real model,
#   and a crashed run that resumes to the last bit.
# objectives:
#   - derive when gradient accumulation equals a large batch, and catch a trainer that gets it wrong
#   - predict what clipping, weight decay and bf16 weights do to a step of AdamW
#   - list what a checkpoint must hold, and test a resume to the last bit
#   - choose a step or a run without fooling yourself
#   - track runs and read their loss curves
# prerequisites: [2, 7]
# tags: [Batch, Gradient accumulation, Learning-rate schedule, Gradient clipping, Weight decay, Mixed precision, Checkpoint, Early stopping]
# read_minutes: 30
# weights: [smollm2-135m-instruct]
# plain_numbers: [0, 0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 32, 50, 64, 100, 256, 1000]
# ---

# %% [markdown]
# The idea of a training script is one line, the loss. The rest is recipe, and most of it is copied.
# This lesson tests it ingredient by ingredient. At the end a run is killed at step
# {{ budget.crash | int }} and resumed from its last checkpoint: of the {{ resume.rest | int }} losses
# that follow, {{ resume.nothing.differ | int }} differ from those of an undisturbed run, to the last
# bit. Without Adam's moments {{ resume.moments.differ | int }} differ, by up to
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
# We go through it from left to right, then freeze the whole picture in a file. The comparison breaks
# in one place: in chess the part that the photo misses is small. Here it is twice the board.

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": minutes on a CPU; "full": a GPU
seed = 0

# %%
budget = {
    "smoke": {"blocks": 3, "upper": 1, "train": 12, "held_out": 6, "steps": 3, "save": 1, "crash": 2,
              "seeds": (0,), "rates": (-5,), "sizes": (1, 2, 4), "trainer": 2,
              "full_steps": 2},
    "laptop": {"blocks": None, "upper": 4, "train": 48, "held_out": 32, "steps": 20, "save": 5,
               "crash": 13, "seeds": (0, 1, 2), "rates": (-6, -5, -4), "sizes": (1, 2, 4, 8),
               "trainer": 4, "full_steps": 8},
    "full": {"blocks": None, "upper": 29, "train": 384, "held_out": 128, "steps": 96, "save": 24,
             "crash": 61, "seeds": (0, 1, 2, 3, 4), "rates": (-8, -7, -6, -5, -4),
             "sizes": (1, 2, 4, 8, 16), "trainer": 20, "full_steps": 24},
}[profile]  # fmt: skip
BATCH, STEPS, SEEDS, UPPER = 4, budget["steps"], budget["seeds"], budget["upper"]

# %% [markdown]
# ## A test bench
#
# Forty runs of a real model do not fit on a laptop, and a toy proves little. So we adapt only the
# last {{ budget.upper | int }} of the model's {{ bench.blocks | int }} blocks. What frozen blocks
# below the first adapter give for a ticket never changes. `course.upper` computes it once, keeps it
# and feeds it to the top: the numbers of the whole model, at a fraction of the price. The task is
# the extraction of JSON from tickets, in conversations of at most 64 tokens.

# %%
import torch
from peft import LoraConfig, inject_adapter_in_model

from course import record
from course.case import extraction, reply, tickets
from course.chat import Encoded, collate, encode
from course.models import linear_modules, load_causal_lm, seed_everything
from course.upper import Kept, cut, keep, labeled, nats, stack, token_losses

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
intents, rows = zip(*short("train", budget["train"]), strict=True)
train_set, held_out = kept(rows), kept([row for _, row in short("validation", budget["held_out"])])
replies = kept([encode(tokenizer, t.text, reply(t).completion) for t in tickets("train", 4)])
record.value("bench.blocks", len(model.model.layers))
with torch.no_grad():
    whole = model(**collate(rows[:BATCH], tokenizer.pad_token_id)).loss
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
# Eight examples at once, against the same eight in four parts of two. Extractions alone have answers
# of almost one length. A mix of extractions and written replies does not, and a loader that groups
# by length, to save padding, puts like with like.

# %%
import random

mixed = train_set[:4] + replies
mixes = {"json": train_set[:8], "shuffled": random.Random(seed).sample(mixed, 8),
         "sorted": sorted(mixed, key=labeled)}  # fmt: skip
fresh_adapter(seed)
errors = {}
for key, mix in mixes.items():
    large = gradient([mix])
    for rule in ("tokens", "means"):
        errors[key, rule] = float((gradient(parts_of(mix, 2), rule) - large).norm() / large.norm())
    assert errors[key, "tokens"] < 1e-4

# %% tags=["hide-code"]
titles = {"json": "extractions", "shuffled": "extractions and replies, shuffled",
          "sorted": "extractions and replies, by length"}  # fmt: skip
rows = [[titles[key], ", ".join(str(sum(map(labeled, part))) for part in parts_of(mix, 2)),
         f"{errors[key, 'tokens']:.0e}", f"{errors[key, 'means']:.1%}"] for key, mix in mixes.items()]  # fmt: skip
record.table("accumulate.table", rows,
             columns=["eight examples", "labeled tokens", "error, ÷ N", "error, mean of means"],
             caption="Distance from the large batch's gradient, as a share of that gradient's length.")  # fmt: skip
record.values("accumulate", {key: errors[key, "means"] for key in mixes})

# %% [markdown]
# Divided by $N$, what remains is rounding. The mean of means is off by
# {{ accumulate.json | pct1 }} for extractions, {{ accumulate.shuffled | pct1 }} for the shuffled mix
# and {{ accumulate.sorted | pct1 }} when like sits with like. Widely used trainers worked that way
# until it was [noticed and fixed in October 2024](https://unsloth.ai/blog/gradient). Since then
# transformers' `Trainer` fetches all micro-batches of a step first, counts their labels and hands the
# model `num_items_in_batch`, by which the sum of the losses is divided. [Break it](#break-it) shows
# when it still does not.
#
# ## How noisy is a gradient?
#
# Why a larger batch at all? The gradient $g_b$ of a random batch of $b$ tickets estimates $G$, the
# gradient over all tickets. Variances of independent terms add, and a mean divides their sum by
# $b^2$, so
#
# $$\mathbb{E}\, \lVert g_b - G \rVert^2 = \frac{S}{b}, \quad \text{where } S \text{ is the value at } b = 1.$$
#
# The premise is *independent*. A file that was exported by intent and never shuffled breaks it. We
# compute each ticket's gradient once and form batches both ways. (A list of $n$ tickets is finite,
# so we divide by $1 - b/n$.)

# %%
def noise(products: torch.Tensor, order: list[int], b: int) -> float:
    """Mean of |g_b - G|² over the batches of one pass; `products` holds g_i · g_j, (n, n)."""
    counts = torch.tensor([float(labeled(row)) for row in train_set])
    squares = []
    for batch in parts_of(order, b):
        share = -counts / counts.sum()  # minus G, a mean over tokens,
        share[batch] += counts[batch] / counts[batch].sum()  # plus the batch's own mean
        squares.append(float(share @ products @ share))
    return sum(squares) / len(squares) / (1 - b / len(order))


def gram() -> torch.Tensor:
    rows = torch.stack([gradient([[row]]) for row in train_set])  # (n, weights)
    return rows @ rows.T


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
    return record.Series(name, x, list(map(mean, columns)), list(map(min, columns)), list(map(max, columns)))


sizes, single = list(budget["sizes"]), noise(products, shuffled[0], 1)
lines = {name: spread(name, sizes, [[noise(products, order, b) / single for b in sizes] for order in group])
         for name, group in (("shuffled", shuffled), ("by intent", by_intent))}  # fmt: skip
guide = record.Series("1/b", sizes, [1 / b for b in sizes])
record.figure("noise.plot", record.Figure(
    kind="line", series=[*lines.values(), guide], x_label="batch size b", y_label="noise (b = 1 is 1)",
    x_log=True, y_log=True,
    caption="Squared distance of a batch's gradient from that of all tickets. Bands span the seeds.",
    alt="Noise of the gradient over batch size, both logarithmic: tickets shuffled, tickets sorted by "
        "intent, and the line 1/b. The text below compares the right ends."))  # fmt: skip
signal = float(products.mean()) - single / len(train_set)  # |G|², less the noise in its estimate
record.values("noise", {"shuffled": lines["shuffled"].y[-1], "sorted": lines["by intent"].y[-1],
                        "b": sizes[-1], "scale": single / max(signal, single / 1e4)})  # fmt: skip

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
# schedule matter? At one peak the comparison would be unfair, since a constant rate walks about twice
# the path of a linear decay. So each shape gets a sweep over the same peaks on the first seed, by
# held-out loss on validation tickets, and then all seeds. `Run` holds everything that decides how
# training goes on. (`t + 1` avoids a trap: in transformers' schedules with warmup, the rate of the
# first step is exactly zero, and it moves nothing.)

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


shapes = ("linear", "cosine", "constant_with_warmup")
best = {shape: min(budget["rates"], key=lambda k: loss_of(trained(shape, k, SEEDS[0])[1]))
        for shape in shapes}  # fmt: skip
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
             [[name, f"{10 ** (k / 2):.1e}", *(round(value, 3) for value in (mean(v), min(v), max(v)))]
              for name, (k, v) in results.items()],
             columns=["shape", "best peak", "held-out loss", "lowest seed", "highest seed"],
             caption="Equal steps, each shape at the best peak of its own sweep.")  # fmt: skip
record.values("schedule", {key: mean(v) for key, (_, v) in zip(("linear", "cosine", "constant", "cold"), results.values(), strict=True)})
edge = (min(budget["rates"]), max(budget["rates"]))
record.values("schedule", {"peak": PEAK, "range": max(max(v) - min(v) for v in final.values()),
                           "rates": len(budget["rates"]), "edges": sum(k in edge for k in best.values())})  # fmt: skip

# %% [markdown]
# TODO schedule
#
# ## Clipping, and what Adam does without it
#
# Clipping shortens a gradient that is too long and keeps its direction. Join all gradients into one
# vector $g$; the limit $\tau$ is usually 1:
#
# $$g \leftarrow g \cdot \min\left(1, \frac{\tau}{\lVert g \rVert}\right).$$

# %%
fresh_adapter(seed)
g = gradient([train_set[:BATCH]])
by_hand = g * min(1.0, 0.1 / float(g.norm()))
nn.utils.clip_grad_norm_(weights.values(), 0.1)
assert torch.allclose(by_hand, torch.cat([p.grad.flatten() for p in weights.values()]), rtol=1e-4)

# %% [markdown]
# Under SGD a step is $\eta g$: a gradient ten times as long is a step ten times as long, and clipping
# is a seat belt. Adam steps along $\hat m / \sqrt{\hat v}$, averages of $g$ and of $g^2$ that forget
# over about 10 and 1,000 steps ($\beta_1 = 0.9$, $\beta_2 = 0.999$). Multiply *every* gradient by 100
# and nothing changes, since the factor cancels. Now let *one* gradient, at step $t$, be $K$ times as
# long as the others, with a large $K$. It rules both averages,
#
# $$\hat m \approx \frac{0.1\, K g}{1 - 0.9^t}, \qquad \hat v \approx \frac{0.001\, K^2 g^2}{1 - 0.999^t},$$
#
# and $K$ cancels from $\hat m / \sqrt{\hat v}$: the bad step is {{ clip.bound | f2 }} $\eta$ at step
# {{ clip.at | int }}, and at most 3.2 $\eta$ ever. So Adam bounds the bad step by itself. But look at
# what comes after it: $m$ forgets the bad gradient in ten steps, $v$ in a thousand.

# %% [markdown] tags=["predict"]
# id: recipe-after-spike
# ask: >-
#   In the middle of a run, the answers of one batch are random tokens. Nothing is clipped. Sketch how
#   far AdamW moves a weight at each step, in units of the learning rate of that step (the root mean
#   square over all weights).
# curve: clip.plot
# series: bad batch, no clipping

# %% tags=["reveal"]
BAD = STEPS // 2


def moves(seed: int, bad: bool, clip: float) -> tuple[list[float], Run, float]:
    """Root mean square of each step over its learning rate, the run, and the held-out loss."""
    run, sizes = Run(seed, PEAK), []
    for t in range(STEPS):
        batch = run.batch()
        if bad and t == BAD:
            batch = [Kept(row.hidden, row.labels.where(row.labels < 0, torch.randint_like(row.labels, 9999)))
                     for row in batch]  # fmt: skip
        eta, before = run.optimizer.param_groups[0]["lr"], [p.detach().clone() for p in weights.values()]
        step(run, batch, clip)
        moved = torch.cat([(p - q).detach().flatten() for p, q in zip(weights.values(), before, strict=True)])
        sizes.append(float(moved.square().mean().sqrt()) / eta)
    return sizes, run, loss_of(nats(model, held_out))


free, clipped = ([moves(s, True, clip) for s in SEEDS] for clip in (float("inf"), 1.0))
calm = moves(SEEDS[0], False, 1.0)

# %% tags=["reveal", "hide-code"]
lines = {"no bad batch": calm, "bad batch, no clipping": free[0], "bad batch, clipped at 1": clipped[0]}
record.figure("clip.plot", record.Figure(
    kind="line", series=[record.Series(name, list(range(1, STEPS + 1)), line[0]) for name, line in lines.items()],
    x_label="step", y_label="move of a weight, in η",
    caption="How far AdamW moves the weights, first seed. The bad batch comes at step {{ clip.at | int }}.",
    alt="Size of each step in units of the learning rate: a calm run, and two with a bad batch in the "
        "middle, clipped or not. The text below compares them after the bad batch."))  # fmt: skip
for key, runs in (("free", free), ("clipped", clipped)):
    record.values(f"clip.{key}", {"loss": mean(r[2] for r in runs), "low": min(r[2] for r in runs), "high": max(r[2] for r in runs),
                                  "bad": runs[0][0][BAD], "after": mean(runs[0][0][BAD + 1 :]), "norm": runs[0][1].norms[BAD],
                                  "usual": mean(runs[0][1].norms[:BAD])})  # fmt: skip
record.values("clip.calm", {"after": mean(calm[0][BAD + 1 :]), "share": mean(n > 1 for n in calm[1].norms)})
record.values("clip", {"at": BAD + 1, "bound": 0.1 / (1 - 0.9 ** (BAD + 1)) * ((1 - 0.999 ** (BAD + 1)) / 0.001) ** 0.5})

# %% [markdown]
# TODO clip
#
# ## Weight decay: toward what?
#
# Decay pulls weights toward zero. AdamW does it *beside* the gradient's step; the older way puts
# $\lambda\theta$, the gradient of $\frac{\lambda}{2} \lVert \theta \rVert^2$, *inside* the gradient:
#
# $$\begin{aligned}
# \text{AdamW:}\quad \theta &\leftarrow (1 - \eta\lambda)\,\theta - \eta\, u(g) \\
# \text{L2:}\quad \theta &\leftarrow \theta - \eta\, u(g + \lambda\theta), \qquad u = \hat m / (\sqrt{\hat v} + \epsilon)
# \end{aligned}$$
#
# Inside, the pull is divided by its own size like everything else. Take a weight of 2 with gradient
# 0, $\eta = 0.001$, $\lambda = 0.1$. AdamW takes $1 - \eta\lambda = 0.9999$ of it, 1.9998. L2 sees a
# gradient of 0.2, and Adam's first step is $\eta$ whatever the size: 1.999, for *any* $\lambda$.

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
# Over a run, with gradients aside, AdamW multiplies a weight by $\prod_t (1 - \eta_t \lambda)$, about
# $\exp(-\lambda \sum_t \eta_t)$. What it pulls toward depends on what is trained. In full tuning
# it is $W = 0$, *away* from the pretrained model. On LoRA factors it is $BA = 0$, the pretrained model itself.
# Norms and biases are spared, since a norm's weight has its neutral value at 1. Ask `Trainer`:

# %%
from transformers import Trainer

path = sum(PEAK * share("linear", t + 1, 3, STEPS + 1) for t in range(STEPS))
decayed = set(Trainer.get_decay_parameter_names(None, model))
spared = {name.split(".")[-2] for name, _ in model.named_parameters() if name not in decayed}
assert set(weights) <= decayed  # the factors of LoRA do decay
print("spared:", *sorted(spared))

# %% tags=["hide-code"]
shrink = 1 - float(torch.exp(torch.tensor(-0.1 * path)))
record.values("decay", {"path": path, "shrink": shrink, "long": 1 - float(torch.exp(torch.tensor(-0.1 * 1e-4 * 0.5 * 1e5)))})

# %% [markdown]
# TODO decay
#
# ## Sixteen bits: who keeps the master copy?
#
# bf16 keeps 8 significant bits, so between $2^e$ and $2^{e+1}$ its numbers are $2^{e-7}$ apart. An
# update below half of that, $2^{e-8}$, rounds back to where it started. Adam's first step is $\eta$
# for every weight. So a weight moves only if $\eta \ge 2^{e-8}$: only if $|w|$ is below about
# $256\,\eta$ to $512\,\eta$. That is a prediction for a real model, here the {{ bf16.weights | int }}
# pretrained weights of the top blocks.

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
        p = nn.Parameter(w.to(dtype))
        p.grad = full_gradient[name].to(dtype)
        torch.optim.AdamW([p], lr=eta, weight_decay=0.0).step()
        still += int((p.detach() == w.to(dtype)).sum())
    return still / len(flat)

# %% tags=["hide-code"]
record.values("bf16", {"weights": len(flat), "median": float(flat.abs().median())})

# %% [markdown] tags=["predict"]
# id: recipe-bf16-still
# ask: >-
#   Half of these weights are larger than {{ bf16.median | f3 }} in absolute value. They are stored in
#   bf16 and take one step of AdamW at $\eta = 10^{-5}$. What share does not move?
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
    record.values(f"bf16.still", {f"e{k}": still})
    record.values(f"bf16.master", {f"e{k}": master})
record.table("bf16.table", rows, columns=["η", "predicted", "bf16 weights", "fp32 weights"],
             caption="Share of weights that do not move in one step of AdamW.")

# %% [markdown]
# TODO bf16. Is it visible in the loss? The same full tuning of these blocks twice, with weights rounded to bf16 after
# every step and not. Both start from rounded weights and compute in fp32: only the storage differs.

# %%
def fall(eta: float, rounded: bool) -> float:
    """Fall of the loss on the first training tickets in some steps of full tuning."""
    fresh_adapter(seed)
    model.eval()
    for name, w in matrices.items():
        w.data.copy_(pretrained[name].bfloat16())
    optimizer, losses = torch.optim.AdamW(matrices.values(), lr=eta, weight_decay=0.0), []
    for _ in range(budget["full_steps"]):
        model.zero_grad()
        losses.append(accumulate([train_set[:BATCH]]))
        optimizer.step()
        for w in matrices.values() if rounded else ():
            w.data.copy_(w.bfloat16())
    return losses[0] - losses[-1]


for k in (5, 4):
    record.values(f"fall.e{k}", {"fp32": fall(10.0**-k, False), "bf16": fall(10.0**-k, True)})
for name, w in matrices.items():
    w.data.copy_(pretrained[name])
    w.requires_grad_(False)

# %% [markdown]
# TODO fall. *Mixed precision* keeps both: `autocast` computes in bf16, while weights and gradients stay in fp32.
# fp16 needs one thing more. Its smallest number is $2^{-24}$, and what is below half of that becomes 0. So the
# loss is multiplied by a scale before the backward pass, and the gradients are divided by it after.

# %%
model.zero_grad()
with torch.autocast("cpu", dtype=torch.bfloat16):
    losses, _ = token_losses(model, train_set[:1])
    logits = model.get_output_embeddings()(train_set[0].hidden)
losses.mean().backward()
one = next(iter(weights.values()))
print("computed:", logits.dtype, "| weight:", one.dtype, "| its gradient:", one.grad.dtype)

entries = torch.cat([g.flatten() for g in full_gradient.values()])
entries = entries[entries != 0]
for name, scale in (("plain", 1.0), ("scaled", 2.0**16)):
    half = (entries * scale).half()
    record.values(f"fp16.{name}", {"lost": float((half == 0).float().mean()), "inf": float(half.isinf().float().mean())})
