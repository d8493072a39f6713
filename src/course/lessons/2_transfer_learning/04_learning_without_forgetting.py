# ---
# title: Learning without forgetting
# module: 2
# summary: Turn the learning rate, watch the task improve and general ability fall, and compare four ways
#   to keep it, full tuning against LoRA at equal task loss among them.
# objectives:
#   - write a warmup and cosine schedule and say how far a run can move a weight with it
#   - derive why the gain of a short tune is linear in the walk and its drift quadratic
#   - say how large a drop on N test items must be before it is more than noise
#   - compare two tuning methods at equal task loss instead of at equal steps
#   - set up rehearsal, layer-wise rates and weight interpolation, each with its control
# prerequisites: [2]
# tags: [Learning rate, Learning-rate schedule, Warmup, Forgetting, Rehearsal, Full tuning, LoRA]
# weights: [smollm2-135m-instruct]
# plain_numbers:
#   gradient that the warm-up sets: [0.001]
#   parameters of SmolLM2-135M, by its name: [135]
#   folklore that lesson 08 decides, and the warmup that a question sets: [100]
#   a weight of typical size, to say what bf16 rounds there: [0.02]
#   the decay that an exercise sets: [0.95]
#   the schedule that a question sets: [1000, 0.0002]
#   a number of items that a question makes up: [600]
# ---

# %% [markdown]
# Tune a model on tickets, and it gets better at tickets. What does it get worse at? One number
# decides most of it, the learning rate. With full tuning at {{ lr.full | sci1 }}, the loss on
# held-out tickets falls from {{ base.task | f2 }} to {{ best.full.task | f2 }} nats a token, and
# the loss on {{ items.n | int }} general questions barely moves, by {{ best.full.forgot | f2 }}. At
# {{ hot.full.rate | sci1 }} the same tickets end at {{ hot.full.task | f2 }} and the questions at
# {{ hot.full.items | f2 }}, worse than a blind guess ({{ blind | f2 }}). Around the best rate lie rates
# with nearly the same ticket loss that differ tenfold in what they forget. Then four remedies get a
# fair test: LoRA, rehearsal, slower lower layers, and going half of the way back. The two famous
# ones, LoRA and rehearsal, do not come out best here.
#
# ## Warm-up
#
# ??? question "Adam's first step: how far does it move a weight whose gradient is 0.001, and one whose gradient is 10?"
#     Both by the learning rate $\eta$. Adam divides the average gradient by the root of the average
#     squared gradient. After one step, and Adam's bias correction, these averages are $g$ and $g^2$,
#     and $g / \sqrt{g^2} = \pm 1$.
#
# ??? question "Full tuning with AdamW in 32 bits: which four numbers does it keep for every weight?"
#     The weight, its gradient and Adam's two averages: 16 bytes. See [Where the memory
#     goes](lesson:02).

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": about 15 minutes on two cores; "full": a GPU
seed = 0

# %% [markdown]
# ## A walk away from home
#
# The pretrained weights are home. Around home lies a region in which the model keeps what it knows.
# Another holds the models that do the task well. You want the overlap:
#
# ```text
#      keeps general ability
#    ┌─────────────────────────┐
#    │                  ┌──────┼───────────────────┐
#    │   home ●─────────┼─▶ ●  │                   │
#    │         short    │ good │      ● ◀─ too far │
#    │         walk     └──────┼───────────────────┘
#    └─────────────────────────┘    does the task well
# ```
#
# Every remedy changes the walk. The **learning rate** sets its length. **Layer-wise rates** let some
# layers walk less. **LoRA** allows only certain directions. **Rehearsal** bends the path.
# **Interpolation** walks part of the way back. A map has two directions, the model 135 million: two
# walks of equal length can do very different damage.

# %%
from course.models import load_causal_lm, seed_everything

seed_everything(seed)
model, tokenizer = load_causal_lm(blocks=2 if profile == "smoke" else None)
home = {name: tensor.clone() for name, tensor in model.state_dict().items()}
PAD = tokenizer.pad_token_id

# %% [markdown]
# The budget. Rates live on a grid of half decades, written as whole numbers $k$:
# $\eta = 10^{k/2}$, so $k = -7$ is {{ 10 ** -3.5 | f5 }}. A pilot on the validation split set the grids; nothing
# here looks at the test split.

# %%
budget = {
    "smoke": {"steps": 2, "batch": 1, "held_out": 2, "items": 4, "replies": 2, "tokens": 3,
              "seeds": (0,), "full": (-8, -7), "lora": (-6, -5), "below": 1, "broken": 2},
    "laptop": {"steps": 8, "batch": 4, "held_out": 18, "items": 60, "replies": 8, "tokens": 32,
               "seeds": (0, 1, 2), "full": (-9, -8, -7, -6, -5), "lora": (-7, -6, -5, -4, -3),
               "below": 2, "broken": 4},
    "full": {"steps": 64, "batch": 8, "held_out": 96, "items": 60, "replies": 16, "tokens": 48,
             "seeds": (0, 1, 2, 3, 4), "full": (-10, -9, -8, -7, -6, -5),
             "lora": (-8, -7, -6, -5, -4, -3), "below": 2, "broken": 16},
}[profile]  # fmt: skip
STEPS, BATCH, SEEDS = budget["steps"], budget["batch"], budget["seeds"]

# %% [markdown]
# ## How far a run can walk
#
# A schedule gives step $t$ of a run of $N$ steps its own rate $\eta_t$. The usual one rises in a
# straight line to the peak $\eta$ over $w$ steps (**warmup**) and then falls along half a cosine:
#
# $$\begin{aligned}
# \eta_t &= \eta\, \frac{t}{w} && t < w \\
# \eta_t &= \frac{\eta}{2} \left(1 + \cos \pi \frac{t - w}{N - w}\right) && t \ge w
# \end{aligned}$$
#
# By hand, with $N = 10$ and $w = 2$: shares of the peak 0, 0.5, 1, and at $t = 6$, half-way down,
# again 0.5. The sum is what matters for the walk. Warmup and cosine each run at half of the peak on
# average, so $\sum_t \eta_t = \eta N / 2$, whatever the warmup (for $w \ge 1$): a cosine run walks half
# as far as a constant one.
#
# Why the sum? One Adam step moves each weight by about $\eta_t$, whatever the size of its gradient
# (exactly so in the first step). If all steps of a weight agree, it moves by about
# $\sum_t \eta_t$; if they cancel, by less. So **half of the peak rate times the number of steps is
# about the length of the leash**, in the unit of a weight. The code checks the formula against
# the library's.

# %%
import math

import torch
from transformers import get_cosine_schedule_with_warmup

from course import record, schedules


def rate(t: int, peak: float, warmup: int, steps: int) -> float:
    """Rate of step t, counted from 0: warmup along a line, then half a cosine."""
    if t < warmup:
        return peak * t / warmup
    return peak / 2 * (1 + math.cos(math.pi * (t - warmup) / (steps - warmup)))


dummy = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=2e-4)
library = get_cosine_schedule_with_warmup(dummy, num_warmup_steps=5, num_training_steps=100)
for t in range(100):
    assert math.isclose(rate(t, 2e-4, 5, 100), library.get_last_lr()[0], abs_tol=1e-15)
    assert math.isclose(rate(t, 1, 5, 100), schedules.share("cosine", t, 5, 100), abs_tol=1e-12)
    dummy.step()
    library.step()
record.value("schedule.first", rate(0, 2e-4, 5, 100))
record.value("schedule.mean", sum(rate(t, 1, 5, 100) for t in range(100)) / 100)

# %% [markdown]
# All hundred rates agree. The rate of step 0 is {{ schedule.first | f0 }}: with a warmup,
# transformers' first batch changes nothing. A short run cannot spare one, so this lesson counts steps
# from 1 and lets the schedule end one step after the run. Move the sliders and watch the sum of all
# rates:
#
# <!-- widget: schedule shape=cosine peak=0.0002 steps=100 warmup=5 now=50 -->
#
# ## Gain is linear, forgetting is quadratic
#
# Call the weights at home $\theta$ and the walk $\Delta$. For a short walk, any loss is a slope and
# a curvature ($g$ is the gradient at home, $H$ the matrix of second derivatives):
#
# $$\mathcal{L}(\theta + \Delta) \approx \mathcal{L}(\theta) + g^\top \Delta + \frac{1}{2} \Delta^\top H \Delta .$$
#
# The *task* is new, so at home its slope is steep, and the gain begins **linear** in the walk. In
# *general* ability the model was trained for long: home lies near the bottom of a valley, where the
# slope of the *pretraining loss* is about zero. Then forgetting begins **quadratic**. For any
# one test that is a hypothesis. Walk only the share $\lambda$ of the way:
#
# $$\begin{aligned}
# \text{gain}(\lambda) &\approx \lambda\, |g_\text{task}^\top \Delta| \\
# \text{forgetting}(\lambda) &\approx \frac{\lambda^2}{2}\, \Delta^\top H_\text{gen}\, \Delta
# \end{aligned}$$
#
# By hand: a walk gains 2 nats and forgets 0.4. Half of it gains about 1 and forgets
# $0.4 \cdot 0.5^2 = 0.1$: half of the gain for a quarter of the price.
#
# ## A ruler for forgetting
#
# The course's general set has {{ items.n | int }} questions with four choices each, none about the
# case. A choice scores the sum of the log-probabilities of its tokens after the question.
# **Accuracy** is the share of questions whose right choice scores best; **item loss** is
# $-\log p(\text{right})$ with $p$ the softmax over the four scores. A blind guess has $\log 4$.
#
# Knowledge may survive while the manner of answering does not. So there is a second ruler,
# **drift**. Let the untuned model reply to general requests; at every token of these replies
# compare its next-token distribution $\pi_0$ with that of the tuned model:
#
# $$\text{drift} = \frac{1}{M} \sum_{i=1}^{M} \sum_{v=1}^{V} \pi_0(v \mid i) \log \frac{\pi_0(v \mid i)}{\pi_\theta(v \mid i)}$$
#
# This is a Kullback–Leibler divergence, in nats a token, over $M$ positions and a vocabulary of $V$.
# It is zero at home and never negative, so its slope at home is exactly zero and it must begin
# quadratically. It says how much has changed, not whether for the worse.

# %%
from course.case import INTENTS, extraction, general_items, tickets
from course.chat import Encoded, collate, encode
from course.retention import Retention, general_prompts, own_replies, retention
from course.tuning import evaluate, labeled_logits

items = general_items()[: budget["items"]]
own = {split: own_replies(model, tokenizer, general_prompts(split, n), budget["tokens"])
       for split, n in (("rehearsal", STEPS), ("held-out", budget["replies"]))}  # fmt: skip
start = retention(model, tokenizer, items)
p, n = start.accuracy, len(items)
half_width = 1.96 * math.sqrt(p * (1 - p) / n)
record.values("items", {"n": n, "accuracy": p, "loss": start.loss, "half_width": half_width})
record.value("blind", math.log(4))
example = own["rehearsal"][0]
print(f"right: {p:.1%} ± {half_width:.1%}, item loss {start.loss:.3f}")
print(tokenizer.decode(example.input_ids[example.prompt_length :]))

# %% [markdown]
# The untuned model gets {{ items.accuracy | pct0 }} right. The standard error of a share $a$ over $n$
# items is $\sqrt{a(1-a)/n}$, so the 95 % interval is {{ items.accuracy | pct0 }} ±
# {{ 100 * items.half_width | f0 }} points: too coarse to see most forgetting. Two things sharpen it.
# Pair the *same* items before and after: if nothing were lost, each item that flips would be equally
# likely to flip either way, so $m$ flips all in one direction have the two-sided probability
# $2 \cdot 0.5^m$. And the item loss moves with every item long before one flips.

# %% [markdown] tags=["predict"]
# id: forget-flips
# ask: >-
#   After a tune, $m$ items have flipped from right to wrong and none the other way. How large must
#   $m$ be for a two-sided probability below 5 %?
# number: flips.needed
# format: int
# unit: items

# %% tags=["reveal"]
needed = next(m for m in range(1, 60) if 2 * 0.5**m < 0.05)
record.values("flips", {"needed": needed, "chance": 2 * 0.5**needed, "points": 100 * needed / n})
print(f"{needed} flips: {2 * 0.5**needed:.3f}; that is {100 * needed / n:.0f} points of accuracy")

# %% [markdown]
# Six: five would still leave {{ 2 * 0.5 ** 5 | f4 }}. So on {{ items.n | int }} items a drop of
# {{ flips.points | f0 }} points *can* be shown, if nothing flips back; two flips never can. On this
# page **forgetting** means the change of the item loss against the untuned model.
#
# ## The run, in the open
#
# The task is the extraction of [lesson 05](lesson:05): a ticket in, JSON with intent, product and urgency out.
# We keep tickets of at most 64 tokens, which saves time and makes the set lopsided.
# A run sees each training ticket once, in the same order for every method; `rows` adds, if asked, an
# example from a `pool` to every `every`-th batch.

# %%
import random


def short_tickets(split: str, n: int) -> list[Encoded]:
    """The first n tickets of a split whose whole conversation has at most 64 tokens."""
    pairs = ((ticket.text, extraction(ticket).completion) for ticket in tickets(split, 6 * n))
    rows = [encode(tokenizer, text, answer, system="Extract JSON.") for text, answer in pairs]
    return [row for row in rows if len(row.input_ids) <= 64][:n]


train_set = short_tickets("train", STEPS * BATCH + STEPS)  # the last ones are for a control
held_out = short_tickets("validation", budget["held_out"])
POOLS = {"none": [], "general": own["rehearsal"], "tickets": train_set[STEPS * BATCH :]}


def rows(step: int, order: list[int], pool: str, every: int) -> list[Encoded]:
    """The tickets of a step, and an example of the pool in every so many batches."""
    batch = [train_set[i] for i in order[step * BATCH : (step + 1) * BATCH]]
    extra = POOLS[pool]
    return [*batch, extra[step // every % len(extra)]] if extra and step % every == 0 else batch


# %% [markdown]
# The loop is the usual one; the formula of the schedule stands where the rate is set.

# %%
def train(groups, seed, steps=STEPS, pool="none", every=1, warmup=2, clip=1.0) -> list[float]:
    """Tune parameter groups (each with its peak "lr") and return the loss of every step."""
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0, fused=True)
    peaks = [group["lr"] for group in optimizer.param_groups]
    trained = [p for group in optimizer.param_groups for p in group["params"]]
    order = random.Random(seed).sample(range(STEPS * BATCH), STEPS * BATCH)
    losses = []
    model.train()
    for step in range(steps):
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = rate(step + 1, peak, warmup, steps + 1)
        logits, targets, _ = labeled_logits(model, collate(rows(step, order, pool, every), PAD))
        loss = torch.nn.functional.cross_entropy(logits.float(), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, clip)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    model.eval()
    return losses


# %% [markdown]
# `measure` reads tickets, items and drift. Full runs may be measured twice: at the end, and half of
# the way back home, at $\theta + \frac{1}{2}\Delta$. They also note how far each block walked,
# $\lVert \Delta_\ell \rVert / \lVert W_\ell \rVert$ over the weights of block $\ell$. LoRA uses rank 4
# and α = 8 on all linear layers, as in [Rank or target modules?](lesson:08).

# %%
from functools import cache
from typing import NamedTuple

from peft import LoraConfig, get_peft_model

from course.retention import drift, next_token_logprobs, walk

INTENT_IDS = [tokenizer(intent, add_special_tokens=False)["input_ids"][0] for intent in INTENTS]
INTENT_AT = len(tokenizer('{"intent":"', add_special_tokens=False)["input_ids"])
reference = next_token_logprobs(model, own["held-out"], PAD)  # (M, V), at home


class Outcome(NamedTuple):
    task: float  # nats a completion token on held-out tickets
    accuracy: float  # share of held-out tickets with the right intent
    items: Retention
    drift: float  # nats a token on the untuned model's replies

    @property
    def forgot(self) -> float:
        """Change of the item loss against the untuned model, in nats."""
        return self.items.loss - start.loss

    @property
    def changes(self) -> list[float]:
        """The same for every item: before and after, paired."""
        return [a - b for a, b in zip(self.items.losses, start.losses, strict=True)]


def measure() -> Outcome:
    task = evaluate(model, held_out, PAD, INTENT_AT, INTENT_IDS)
    moved = drift(model, own["held-out"], reference, PAD)
    return Outcome(*task, retention(model, tokenizer, items), moved)


base = measure()
record.values("base", {"task": base.task, "accuracy": base.accuracy})

# %%
halved = set()  # rates at which every seed, not only the first, is measured halfway home too


class Run(NamedTuple):
    end: Outcome
    half: Outcome | None  # at theta + delta / 2
    blocks: list[float]  # how far each block walked
    farthest: float  # the largest change of any single weight


@torch.no_grad()
def inspect(halfway: bool) -> Run:
    """Measure a fully tuned model, and half of the way back; then go home."""
    end, half, walked = measure(), None, walk(model, home)
    if halfway:
        tuned = model.state_dict()
        model.load_state_dict({name: home[name].lerp(tuned[name], 0.5) for name in home})
        half = measure()
    model.load_state_dict(home)
    return Run(end, half, *walked)


@cache
def full_run(k: int, seed: int, pool: str = "none", every: int = 1) -> Run:
    model.requires_grad_(True)
    groups = [{"params": list(model.parameters()), "lr": 10 ** (k / 2)}]
    train(groups, seed, pool=pool, every=every)
    return inspect(halfway=pool == "none" and (seed == SEEDS[0] or k in halved))


# %%
@cache
def lora_run(k: int, seed: int, pool: str = "none") -> Outcome:
    seed_everything(seed)
    adapted = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))
    trainable = [p for p in adapted.parameters() if p.requires_grad]
    train([{"params": trainable, "lr": 10 ** (k / 2)}], seed, pool=pool)
    outcome = measure()
    adapted.unload()
    return outcome


# %% [markdown]
# How sure is a change of the item loss? The **bootstrap** draws as many items again, with replacement,
# many times; the middle 95 % of the means is the interval.

# %%
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean as mean

picker = random.Random(0)
PICKS = [picker.choices(range(len(items)), k=len(items)) for _ in range(1000)]


def middle(values: Iterable[float]) -> tuple[float, float]:
    """The middle 95 % of the values."""
    line = sorted(values)
    return line[len(line) // 40], line[-1 - len(line) // 40]


def flips(o: Outcome) -> tuple[int, int]:
    """Items that went from right to wrong, and from wrong to right."""
    pairs = list(zip(start.right, o.items.right, strict=True))
    return pairs.count((True, False)), pairs.count((False, True))


# %% [markdown]
# ## The sweep: wasted, good, diverging
#
# Five rates for each method, half a decade apart, one seed, everything else equal.
#
# LoRA in short ([LoRA from scratch](lesson:07) builds it): freeze $W$, learn two
# thin matrices $A$ and $B$ of rank $r$, and use $W + sBA$ with
# $s = \alpha / r$, here $8/4 = 2$. $B$ starts at zero, so Adam's first step sets its entries to
# $\pm\eta$. The random entries of $A$ have a root mean square of {{ 1 / sqrt(3 * 576) | f3 }} here. An entry of the first
# change $sBA$ sums $r = 4$ such terms of either sign: about
# $2 \cdot \eta \cdot \sqrt{4} \cdot {{ 1 / sqrt(3 * 576) | f3 }} \approx 0.1\,\eta$, where a step of full tuning makes
# $\eta$.

# %% [markdown] tags=["predict"]
# id: forget-rates
# ask: >-
#   By what factor is LoRA's best rate above that of full tuning? (The grid has steps of 3.2.)
# choices:
#   - text: Below 1. LoRA has fewer parameters, so each should be moved with care.
#     right: lr.ratio < 0.9
#   - text: About 1 to 3. Adam normalizes the size of the gradient away.
#     right: lr.ratio >= 0.9 and lr.ratio < 5
#   - text: About 10 or more. The same rate moves W much less through the two factors.
#     right: lr.ratio >= 5

# %%
full_sweep = {k: full_run(k, SEEDS[0]) for k in budget["full"]}
lora_sweep = {k: lora_run(k, SEEDS[0]) for k in budget["lora"]}
ends = {"full tuning": {k: run.end for k, run in full_sweep.items()}, "LoRA": lora_sweep}
best = {name: min(line, key=lambda k, line=line: line[k].task) for name, line in ends.items()}
halved.add(best["full tuning"])

# %% tags=["reveal", "hide-code"]
record.figure("lr.plot", record.Figure(
    kind="line", x_label="peak learning rate", y_label="held-out loss (nats a token)",
    x_log=True, y_log=True, guides=[("untuned", base.task)],
    series=[record.Series(name, [10 ** (k / 2) for k in line], [o.task for o in line.values()])
            for name, line in ends.items()],
    caption="Held-out loss on tickets against the peak rate, one seed. Best for full tuning: "
            "{{ lr.full | sci1 }}, for LoRA {{ lr.lora | sci1 }}.",
    alt="Held-out loss over learning rate, one line for full tuning and one for LoRA. The dashed "
        "line is the untuned model. The table below has the numbers."))  # fmt: skip

# %% tags=["reveal", "hide-code"]
listed = [[name, f"{10 ** (k / 2):.1e}", round(o.task, 3), round(o.accuracy, 2),
           round(o.items.loss, 3), "{} / {}".format(*flips(o)), round(o.drift, 3)]
          for name, line in ends.items() for k, o in line.items()]  # fmt: skip
listed.insert(0, ["untuned", "", round(base.task, 3), round(base.accuracy, 2),
                  round(start.loss, 3), "", 0.0])  # fmt: skip
record.table("lr.table", listed,
             columns=["method", "peak rate", "ticket loss", "intent accuracy", "item loss",
                      "items lost / won", "drift"],
             caption="The sweep in numbers: two columns of gain, three of what it cost.")  # fmt: skip
keys = {"full tuning": "full", "LoRA": "lora"}
record.values("lr", {keys[name]: 10 ** (k / 2) for name, k in best.items()})
record.value("lr.ratio", 10 ** ((best["LoRA"] - best["full tuning"]) / 2))
record.value("lr.edges", sum(best[name] in (min(line), max(line)) for name, line in ends.items()))
for name, line in ends.items():
    for label, k in (("cold", min(line)), ("best", best[name]), ("hot", max(line))):
        o, (lost, won) = line[k], flips(line[k])
        low, high = middle(mean(o.changes[i] for i in pick) for pick in PICKS)
        record.values(f"{label}.{keys[name]}", {
            "task": o.task, "accuracy": o.accuracy, "items": o.items.loss, "forgot": o.forgot,
            "low": low, "high": high, "lost": lost, "won": won, "right": o.items.accuracy,
            "drift": o.drift, "rate": 10 ** (k / 2)})  # fmt: skip
good = full_sweep[best["full tuning"]]
leash = sum(rate(t + 1, 10 ** (best["full tuning"] / 2), 2, STEPS + 1) for t in range(STEPS))
record.values("walk", {"leash": leash, "farthest": good.farthest, "blocks": mean(good.blocks)})

# %% [markdown]
# **Wasted:** at {{ cold.full.rate | sci1 }} full tuning ends at {{ cold.full.task | f2 }} nats, for
# the same time. **Good:** {{ best.full.task | f3 }} at {{ lr.full | sci1 }}. **Too hot:**
# {{ hot.full.task | f2 }} at {{ hot.full.rate | sci1 }}, with {{ hot.full.right | pct0 }} of the items
# right. LoRA's best rate is {{ lr.ratio | f0 }} times that of full tuning;
# [Rank or target modules?](lesson:08#first-a-fair-learning-rate) decides the folklore of 10 to 100 times.
# {{ "Neither line ends" if lr.edges == 0 else "Not both lines are safe: at least one ends" | text }} with its
# best value at an edge, where it would be only a bound.
#
# Now the price. At full tuning's best rate the item loss changes by {{ best.full.forgot | f3 }} nats
# (95 % interval over items {{ best.full.low | f3 }} to {{ best.full.high | f3 }}): within its noise.
# LoRA at its best rate loses {{ best.lora.lost | int }} items, wins {{ best.lora.won | int }}, and
# forgets {{ best.lora.forgot | f3 }} ({{ best.lora.low | f3 }} to {{ best.lora.high | f3 }}). That is
# largely the rate: one row up in the table, half a decade lower, LoRA has (in this seed) nearly the
# same ticket loss, less than a tenth of the drift, and as many items won as lost. Full tuning
# shows the same: the rates on either side of its best have about the same ticket loss, and the higher
# one drifts more than ten times as far. **A rate that wins a little task loss can cost an order of
# magnitude in forgetting.** The task loss alone does not warn you.
#
# These {{ data.held_out | int }} tickets also picked the rate, so its loss is slightly flattered, and
# intent accuracy on so few is too coarse to read any order into it.
#
# The leash of the good full run is {{ walk.leash | sci2 }}; the weight that went
# farthest moved by {{ walk.farthest | sci2 }}, all of it.
#
# ## Halfway home
#
# The derivation predicts what $\theta + \frac{1}{2}\Delta$ does. Testing it needs no training:
# average the tuned weights with the untuned ones (known as WiSE-FT) and measure. We do it for every
# run of the sweep, and with all seeds at the best rate.

# %% [markdown] tags=["predict"]
# id: forget-half
# ask: >-
#   Full tuning at its best rate, then half of the way back. By the derivation, how much of the
#   drift stays?
# number: 100 * half.drift
# format: f0
# unit: "%"

# %% tags=["reveal"]
def halfway(k: int) -> dict[str, float]:
    """Shares of gain and forgetting that stay at half of the walk: ratios of means over seeds."""
    runs = [full_run(k, s) for s in SEEDS]
    end, half = [run.end for run in runs], [run.half for run in runs]
    whole, kept = (base.task - mean(o.task for o in side) for side in (end, half))
    return {"gain": kept / whole, "task": mean(o.task for o in half),
            "end": mean(o.task for o in end), "moved": mean(o.drift for o in half),
            "drift": mean(o.drift for o in half) / mean(o.drift for o in end),
            "forgot": mean(o.forgot for o in half), "all": mean(o.forgot for o in end)}  # fmt: skip


record.values("half", halfway(best["full tuning"]))
listed = [[f"{10 ** (k / 2):.1e}", round(end.task, 3), round(half.task, 3), round(end.drift, 3),
           round(half.drift, 3), round(half.drift / end.drift, 2), round(end.forgot, 3),
           round(half.forgot, 3)]
          for k, (end, half, *_) in full_sweep.items()]  # fmt: skip
record.table("half.table", listed,
             columns=["peak rate", "ticket loss, end", "halfway", "drift, end", "halfway", "share",
                      "forgotten on items, end", "halfway"],
             caption="Halfway home from each run of the sweep, one seed.")  # fmt: skip

# %% [markdown]
# Over all seeds {{ half.drift | pct0 }} of the drift stays. The quadratic law says 25 %, a straight
# line 50 %. The column "share" shows how far the law reaches: about a quarter at every rate but the
# highest, where the walk is too long for a formula of second order.
#
# Of the gain {{ half.gain | pct0 }} stays, far more than half: the slope is steepest at home and
# flattens on the way. In ticket loss that is {{ half.task | f3 }} instead of {{ half.end | f3 }}. On
# the items forgetting goes from {{ half.all | f3 }} to {{ half.forgot | f3 }}, too small against its
# noise to test the law.
#
# ## Slower below
#
# **Layer-wise learning-rate decay** gives lower layers a smaller rate, since they are thought to hold
# what is general ([Howard and Ruder](https://arxiv.org/abs/1801.06146)). With the top at depth $L$ and a factor $\xi < 1$ a layer:
#
# $$\begin{aligned}
# \eta_\ell &= \eta\, \xi^{L - \ell} \\
# \frac{1}{L+1} \sum_{\ell=0}^{L} \eta_\ell &= \eta\, \frac{1 - \xi^{L+1}}{(L+1)(1 - \xi)}
# \end{aligned}$$
#
# By hand, $\xi = 0.5$ and $L = 2$: rates $\frac{\eta}{4}, \frac{\eta}{2}, \eta$, mean
# $\frac{7}{12}\eta$. The second formula is the control that is often missing: decay lowers the *mean*
# rate too. Here $\xi = 0.9$ over 31 depths makes a mean of {{ llrd.mean | f2 }} of the top rate, one
# step of our grid. So the fair partner of a decayed run is, roughly, the uniform run one $k$ lower.
#
# One trap: this model *ties* its output head to its embedding, so one matrix, a fifth of all weights,
# is the lowest and the highest layer at once. We count it as the lowest.

# %%
XI, DEPTH = 0.9, model.config.num_hidden_layers


def depth_of(name: str) -> int:
    """0 for the (tied) embedding, 1 to DEPTH for the blocks; the last norm goes with the top."""
    if name.startswith("model.layers."):
        return int(name.split(".")[2]) + 1
    return 0 if "embed" in name else DEPTH


@cache
def decayed_run(k: int, seed: int) -> Run:
    model.requires_grad_(True)
    layers = {depth: [] for depth in range(DEPTH + 1)}
    for name, parameter in model.named_parameters():
        layers[depth_of(name)].append(parameter)
    groups = [{"params": layer, "lr": 10 ** (k / 2) * XI ** (DEPTH - depth)}  # eta * xi^(L - l)
              for depth, layer in layers.items()]  # fmt: skip
    train(groups, seed)
    return inspect(halfway=False)


mean_share = (1 - XI ** (DEPTH + 1)) / ((DEPTH + 1) * (1 - XI))
assert math.isclose(mean_share, mean(XI ** (DEPTH - d) for d in range(DEPTH + 1)))

# %% tags=["hide-code"]
k = best["full tuning"]
decayed = {s: decayed_run(k, s) for s in SEEDS}
lower = {s: full_run(k - 1, s) for s in SEEDS}
upper = {s: full_run(k, s) for s in SEEDS}
record.figure("llrd.plot", record.Figure(
    kind="line", x_label="block (1 is next to the input)", y_label="walk (% of the weights)",
    series=[record.Series(name, list(range(1, DEPTH + 1)),
                          [100 * mean(run.blocks[b] for run in runs.values()) for b in range(DEPTH)])
            for name, runs in (("uniform", upper), ("uniform, half a decade lower", lower),
                               ("decay 0.9 per layer", decayed))],
    caption="How far each block walks, as a share of its own length; mean over seeds.",
    alt="Walk of every block, one line each for the uniform rate, for the uniform rate half a decade "
        "lower and for decayed rates. The prose below gives the decayed walk at both ends."))  # fmt: skip

# %% tags=["hide-code"]
record.value("llrd.mean", mean_share)
for name, runs in (("llrd.decayed", decayed), ("llrd.lower", lower), ("llrd.upper", upper)):
    record.values(name, {"task": mean(r.end.task for r in runs.values()),
                         "drift": mean(r.end.drift for r in runs.values()),
                         "bottom": mean(r.blocks[0] for r in runs.values()),
                         "top": mean(r.blocks[-1] for r in runs.values())})  # fmt: skip


def spread(values: Iterable[float]) -> str:
    values = list(values)
    return f"{mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


record.table("llrd.table",
             [[name, *(spread(f(r.end) for r in runs.values()) for f in
                       (lambda o: o.task, lambda o: o.forgot, lambda o: o.drift))]
              for name, runs in (("uniform", upper), ("uniform, half a decade lower", lower),
                                 ("decay 0.9 per layer", decayed))],
             columns=["rates", "ticket loss", "forgotten on items", "drift"],
             caption="Uniform and decayed rates: mean over seeds, with smallest and largest.")  # fmt: skip

# %% [markdown]
# The decayed walk goes from {{ llrd.decayed.bottom | pct2 }} in the first block to
# {{ llrd.decayed.top | pct2 }} in the last. Against its fair partner, half a decade lower, decay has
# less drift ({{ llrd.decayed.drift | f3 }} against {{ llrd.lower.drift | f3 }}) *and* less ticket loss
# ({{ llrd.decayed.task | f3 }} against {{ llrd.lower.task | f3 }}). So a lower mean rate does not
# explain it. What is missing is the reversed order (fast below, slow above) and a run in which only
# the tied embedding is slow. Without them "the lower layers hold what is general" stays a guess.
#
# ## Rehearsal
#
# Rehearsal mixes general examples into the training batches. But *which*? The data that taught the
# model is rarely at hand. **Self-rehearsal** ([Huang and others](https://arxiv.org/abs/2403.01244)) trains on the untuned model's own replies to general
# requests. Where the model is sure, that teaches it to stay. Where it is not, it also teaches it to be
# surer: the gradient of a token's loss vanishes only where its probability is already 1.
#
# Our {{ data.rehearsal | int }} requests share no topic and no wording with the second ruler, but they
# are its cousins (bread here, cheese there): a test of near transfer, not of general ability.
#
# **Controlled:** each batch has the same {{ data.batch | int }} tickets, for the same number of steps. A
# reply is *added* to every second batch (1 example in 9) or to every batch (1 in 5).
# **A placebo:** a fifth *ticket* in every batch (one seed).

# %% [markdown] tags=["predict"]
# id: forget-rehearsal
# ask: >-
#   One reply added to every batch of four tickets. How much of the drift on the *held-out* requests
#   (other topics, other wording) goes away?
# number: 100 * rehearse.fifth.removed
# format: f0
# unit: "%"

# %% tags=["reveal"]
text = " ".join(tokenizer.decode(e.input_ids) for e in own["rehearsal"]).lower()
assert not any(item.question.lower() in text for item in items)
record.values("data", {"rehearsal": len(own["rehearsal"]), "replies": len(own["held-out"]),
                       "held_out": len(held_out), "batch": BATCH, "steps": STEPS,
                       "tickets": STEPS * BATCH})  # fmt: skip

MIXES = {"ninth": ("general", 2), "fifth": ("general", 1), "placebo": ("tickets", 1)}
mixed = {"none": [full_run(best["full tuning"], s).end for s in SEEDS]}  # these ran already
for name, mix in MIXES.items():
    seeds = SEEDS[:1] if name == "placebo" else SEEDS
    mixed[name] = [full_run(best["full tuning"], s, *mix).end for s in seeds]

titles = {"none": "tickets only", "ninth": "1 reply in 9", "fifth": "1 reply in 5",
          "placebo": "a fifth ticket"}  # fmt: skip
record.table("rehearse.table",
             [[titles[name], spread(o.task for o in runs), spread(o.forgot for o in runs),
               spread(o.drift for o in runs)] for name, runs in mixed.items()],
             columns=["batch", "ticket loss", "forgotten on items", "drift"],
             caption="Full tuning at its best rate: mean over seeds, with smallest and largest.")  # fmt: skip
for name, runs in mixed.items():
    drifted, same = mean(o.drift for o in runs), mixed["none"][: len(runs)]  # the same seeds
    record.values(f"rehearse.{name}", {
        "task": mean(o.task for o in runs), "forgot": mean(o.forgot for o in runs),
        "drift": drifted, "removed": 1 - drifted / mean(o.drift for o in same)})  # fmt: skip

# %% [markdown]
# At equal steps one reply in nine removes {{ rehearse.ninth.removed | pct0 }} of the drift and one in
# five {{ rehearse.fifth.removed | pct0 }}: about a third, and twice the replies do not help more. A
# fifth ticket *adds* drift, so it is the reply that does it. On the items forgetting goes from
# {{ rehearse.none.forgot | f3 }} to {{ rehearse.fifth.forgot | f3 }} with one in five, and the
# seeds' ranges overlap. The price: its mean ticket loss rises from {{ rehearse.none.task | f3 }} to
# {{ rehearse.fifth.task | f3 }}. Was it worth that? The next section asks.
#
# ## Full tuning or LoRA, at equal quality
#
# "LoRA forgets less" may just mean that it learned less. A fair question fixes the task loss
# first. Each run is a point, task loss across and forgetting up; a method's points over learning rates
# trace its **frontier**. Where both reach the same task loss, compare the heights.

# %%
from course.retention import at_level


def frontier(name: str, seed: int) -> list[Outcome]:
    """Runs of one method at its best rate, one and two half decades below."""
    rates = range(best[name] - budget["below"], best[name] + 1)
    return [lora_run(k, seed) if name == "LoRA" else full_run(k, seed).end for k in rates]


lines = {(name, s): frontier(name, s) for name in keys for s in SEEDS}


def undominated(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points (task loss, lost) without those that another point beats on both; home stays."""
    kept = []
    for x, y in sorted(points):  # from the lowest task loss upward
        if not kept or y < kept[-1][1]:
            kept.append((x, y))
    return kept if (base.task, 0.0) in kept else [*kept, (base.task, 0.0)]


def lost_at(name: str, seed: int, level: float, ruler: Callable, log_y: bool = False) -> float:
    """What a method has lost where its frontier passes a task loss."""
    points = [(o.task, ruler(o)) for o in lines[name, seed]]
    return at_level(undominated([*points, (base.task, 0.0)]), level, log_y)


# %% [markdown]
# At which task loss? Three levels were set beforehand: 90, 95 and 98 % of the gain that every line
# reaches. Drift spans decades and is interpolated in its logarithm (next to home, where it is zero,
# along a straight line).

# %%
LEVELS = (0.9, 0.95, 0.98)  # shares of the common gain
T95 = {1: 0.0, 3: 4.30, 5: 2.78}[len(SEEDS)]  # Student's t, two-sided 95 %, seeds - 1 degrees
reach = max(min(o.task for o in (base, *line)) for line in lines.values())  # every line gets there
targets = {share: base.task - share * (base.task - reach) for share in LEVELS}


def paired(level: float, ruler: Callable, log_y: bool = False) -> tuple[list, list, float, float]:
    """Full tuning, LoRA, mean difference, and half of its 95 % interval over the seeds."""
    full, lora = ([lost_at(name, s, level, ruler, log_y) for s in SEEDS] for name in keys)
    gaps = [a - b for a, b in zip(full, lora, strict=True)]
    square = sum((gap - mean(gaps)) ** 2 for gap in gaps) / max(1, len(gaps) - 1)
    return full, lora, mean(gaps), T95 * math.sqrt(square / len(gaps))


# %% [markdown] tags=["predict"]
# id: forget-frontier
# ask: >-
#   At the same ticket loss, on the same tickets: which method has drifted less?
# choices:
#   - text: LoRA, beyond the 95 % interval at all three levels. It can only move in a few directions.
#     right: equal.drift.less == 3
#   - text: Full tuning, likewise. It can pick the best of all directions.
#     right: equal.drift.more == 3
#   - text: No method wins beyond the interval at all three levels.
#     right: equal.drift.less < 3 and equal.drift.more < 3

# %% tags=["reveal", "hide-code"]
clouds = {name: [o for s in SEEDS for o in lines[name, s]] for name in keys}
clouds["full, halfway home"] = [full_run(best["full tuning"], s).half for s in SEEDS]
clouds["full, decay 0.9"] = [decayed[s].end for s in SEEDS]
clouds["full, 1 reply in 5"] = mixed["fifth"]
record.figure("frontier", record.Figure(
    kind="scatter", x_label="held-out loss on tickets (nats a token)", x_log=True,
    y_label="drift (nats a token)", y_log=True,
    series=[record.Series(name, [o.task for o in cloud], [o.drift for o in cloud])
            for name, cloud in clouds.items()],
    caption="The frontier: better at tickets to the left, less drift further down. All seeds.",
    alt="Scatter of drift over held-out task loss for full tuning, LoRA, and full tuning halfway "
        "home, with decayed rates and with rehearsal. The tables below compare them at equal task "
        "loss."))  # fmt: skip

# %% tags=["reveal", "hide-code"]
RULERS = {"drift": (lambda o: o.drift, True), "items": (lambda o: o.forgot, False)}
listed = []
for ruler, (read, log_y) in RULERS.items():
    found = {share: paired(level, read, log_y) for share, level in targets.items()}
    for share, (full, lora, gap, wide) in found.items():
        listed.append([ruler, f"{share:.0%}", round(targets[share], 3), spread(full), spread(lora),
                       f"{gap:+.3f} ± {wide:.3f}"])  # fmt: skip
    full, lora, gap, wide = found[LEVELS[1]]
    record.values(f"equal.{ruler}", {
        "full": mean(full), "lora": mean(lora), "gap": gap, "wide": wide,
        "less": sum(gap > wide for *_, gap, wide in found.values()),
        "more": sum(gap < -wide for *_, gap, wide in found.values())})  # fmt: skip
record.values("equal", {"target": targets[LEVELS[1]], "seeds": len(SEEDS), "t": T95})
record.table("equal.table", listed,
             columns=["ruler", "share of the gain", "ticket loss", "full tuning", "LoRA",
                      "full − LoRA"],
             caption="Lost at equal task loss, interpolated per seed: mean and range over seeds, "
                     "and the paired difference with its 95 % interval over seeds.")  # fmt: skip
boots = []
for pick in PICKS[:300]:  # the same question with other items
    boots.append(paired(targets[LEVELS[1]], lambda o, p=pick: mean(o.changes[i] for i in p))[2])
low, high = middle(boots)
record.values("equal.boot", {"low": low, "high": high})

# %% [markdown]
# The folklore is not seen here: at every level LoRA's mean drift is the higher one. At the middle
# level, a ticket loss of {{ equal.target | f3 }}, full tuning has drifted by
# {{ equal.drift.full | f3 }} and LoRA by {{ equal.drift.lora | f3 }}, a paired difference of
# {{ equal.drift.gap | f3 }} ± {{ equal.drift.wide | f3 }} (95 %,
# {{ equal.seeds | int }} seeds). Full tuning is lower beyond the interval at
# {{ equal.drift.more | int }} of the three levels, LoRA at {{ equal.drift.less | int }}. On the items
# full tuning is lower beyond the seeds' interval at {{ equal.items.more | int }}, but over items the
# middle difference could be {{ equal.boot.low | f3 }} to {{ equal.boot.high | f3 }}: no verdict.
# Seeds change only the order of the same {{ data.tickets | int }} tickets (and LoRA's start), and the
# points of both methods are half a decade apart, so the lines between them are guesses.
#
# This does not contradict papers in which LoRA forgets less. They train long on large data,
# where full tuning may learn, and walk, further than LoRA can. Ours is one small model,
# {{ data.steps | int }} steps, one narrow task.
#
# The remedies get the same test: each run against plain full tuning *at the run's own ticket loss*. A
# ratio below 1 is a gain.

# %% tags=["hide-code"]
def against_full(runs: Sequence[Outcome]) -> list[float]:
    """Drift of each seed's run over that of plain full tuning at its ticket loss, where it has one."""
    ratios = []
    for s, o in zip(SEEDS, runs, strict=True):
        if min(p.task for p in lines["full tuning", s]) <= o.task < base.task:
            ratios.append(o.drift / lost_at("full tuning", s, o.task, lambda p: p.drift, log_y=True))
    return ratios


remedies = {"half": ("halfway home", clouds["full, halfway home"]),
            "decay": ("decay 0.9 per layer", clouds["full, decay 0.9"]),
            "ninth": ("1 reply in 9", mixed["ninth"]), "fifth": ("1 reply in 5", mixed["fifth"])}  # fmt: skip
listed = []
for key, (title, runs) in remedies.items():
    ratios = against_full(runs)
    low, high = (min(ratios), max(ratios)) if ratios else (0.0, 0.0)
    record.values(f"remedy.{key}", {"n": len(ratios), "low": low, "high": high})
    listed.append([title, spread(o.task for o in runs), spread(o.drift for o in runs),
                   f"{low:.2f} to {high:.2f}" if ratios else "outside", len(ratios)])  # fmt: skip
record.table("remedy.table", listed,
             columns=["full tuning with", "ticket loss", "drift", "ratio to plain", "seeds"],
             caption="Drift against plain full tuning at the same ticket loss: smallest and largest "
                     "ratio over the seeds whose ticket loss plain full tuning reaches.")  # fmt: skip

# %% [markdown]
# **Decay** has the best ratio, {{ remedy.decay.low | f2 }} to {{ remedy.decay.high | f2 }}. **Halfway
# home** beats a shorter walk slightly in each seed. **One reply in nine** gains a little too, since it
# costs almost no ticket loss. **One reply in five** is *worse* in {{ remedy.fifth.n | int }} seeds,
# {{ remedy.fifth.low | f2 }} to {{ remedy.fifth.high | f2 }}: a plain run at a lower rate buys more for
# that ticket loss. In the seed that drops out it beats plain tuning on both: no verdict.
#
# A seed drops out where the remedy's ticket loss is below that of every plain run, a success which the
# ratio cannot count. Two or three seeds make no interval; these are hints.
#
# ## Break it
#
# **A rate that diverges.** Full tuning at {{ broken.rate | sci1 }}, with and without its two
# supposed safeguards, warmup and clipping.

# %% tags=["hide-code"]
hot_k, first_steps = max(budget["full"]) + 1, budget["broken"]
tries = {"neither": (0, 1e9), "warmup": (first_steps // 2, 1e9), "clipping": (0, 1.0),
         "both": (first_steps // 2, 1.0)}  # fmt: skip
curves = {}
for name, (warmup, clip) in tries.items():
    model.requires_grad_(True)
    groups = [{"params": list(model.parameters()), "lr": 10 ** (hot_k / 2)}]
    curves[name] = train(groups, SEEDS[0], first_steps, warmup=warmup, clip=clip)
    model.load_state_dict(home)
ceiling = 2 * math.log(model.config.vocab_size)  # for a loss that is no number
curves = {name: [x if x < ceiling else ceiling for x in line] for name, line in curves.items()}
record.values("broken", {"rate": 10 ** (hot_k / 2), "start": curves["neither"][0], "steps": first_steps,
                         "share": 1 / (first_steps // 2)})  # fmt: skip
record.values("broken.second", {name: line[1] for name, line in curves.items()})
record.values("broken.last", {name: line[-1] for name, line in curves.items()})
record.table("broken.table", [[name, round(line[1], 1), round(line[-1], 1)] for name, line in curves.items()],
             columns=["with", "second loss", "last loss"],
             caption="Training loss in nats a token. The first loss is {{ broken.start | f1 }} in all.")  # fmt: skip

# %% [markdown]
# The last losses look equal because {{ broken.last.neither | f1 }} is a ceiling, twice the loss of a
# blind guess at a token, that the code puts on any higher loss. All four runs end there: equally
# useless, and the table cannot order them. The second loss comes after one update. Clipping divides
# every gradient by the same number, and Adam divides that number out again: the first step has the
# same length with or without it. Warmup does change the rate (the first step takes
# {{ broken.share | pct0 }} of the peak), but only postpones the peak.
#
# So what are they for? **Warmup** covers the steps in which Adam's averages rest on a few batches.
# **Clipping** keeps one odd batch from dominating them. Neither makes a rate good that is too high. The
# fix is the sweep.
#
# ## At 7B and 70B
#
# The formulas stay. What changes is the size of everything around them.

# %%
SIZES = {"7B": 7e9, "70B": 70e9}
for size, parameters in SIZES.items():
    record.value(f"scale.copy{size.lower()}", 2 * parameters)  # bytes of a second copy in 16 bits
weight, step = 0.02, 2e-5  # LlamaConfig's initializer_range; the rate of Llama 2's tune
as_bf16 = torch.tensor(weight, dtype=torch.bfloat16)
moved = as_bf16 - torch.tensor(step, dtype=torch.bfloat16)
spacing = float(torch.finfo(torch.bfloat16).eps) * 2 ** math.floor(math.log2(weight))
record.values("scale", {"spacing": spacing, "lost": bool(moved == as_bf16)})
print(f"bf16 near {weight}: {spacing:.1e} apart; a step of {step:.0e} is lost: {moved == as_bf16}")

# %% [markdown]
# **Published rates are lower, and runs longer.** Llama 2's report gives one rate for its supervised
# tune, $2 \cdot 10^{-5}$ with a cosine and two epochs
# ([arXiv:2307.09288](https://arxiv.org/abs/2307.09288)). Near 0.02, a typical
# starting weight, bf16 numbers are {{ scale.spacing | sci1 }} apart, so such
# a step vanishes in rounding: hence the 32-bit master copy of [Where the memory goes](lesson:02).
#
# **The factor stays.** "LoRA Without Regret", on Llama and Qwen models, found the best LoRA rate about
# ten times that of full tuning, nearer fifteen in short runs.
#
# **The frontier is open.** On Llama 2 7B, with far more data, Biderman and others found that LoRA
# learned less and forgot less, mostly on one common curve, with cases on code in which it learned as
# much and forgot less. Kalajdzievski's fits on Llama 2 7B chat suggest that neither early stopping nor
# fewer trained parameters avoids forgetting.
#
# **Rehearsal data is a budget.** Scialom and others kept nearly all of a model's old skills with 1 %
# of the old data. **Interpolation** needs a copy of the untuned weights:
# {{ scale.copy7b | gb0 }} for 7B and {{ scale.copy70b | gb0 }} for 70B in 16 bits. For an adapter,
# scale α.

# %% [markdown] tags=["claims"]
# - number: 25
#   text: 10–20 % general data prevents forgetting; LoRA forgets less
#   source: common advice; the second half is the title of Biderman and others, 2024
#   value: >-
#     1 reply in 9 removes {{ rehearse.ninth.removed | pct0 }} of the drift, 1 in 5
#     {{ rehearse.fifth.removed | pct0 }}; forgetting on items {{ rehearse.none.forgot | f3 }} without,
#     {{ rehearse.fifth.forgot | f3 }} with 1 in 5. At equal task loss LoRA has drifted less at
#     {{ equal.drift.less | int }} of 3 levels and forgotten less on items at
#     {{ equal.items.less | int }}
#   for: >-
#     min(rehearse.ninth.removed, rehearse.fifth.removed) >= 0.8 and
#     rehearse.fifth.forgot <= 0.2 * max(0, rehearse.none.forgot) and equal.drift.less == 3 and
#     equal.items.less == 3 and equal.boot.low > 0
#   partly: >-
#     (rehearse.fifth.removed >= 0.5 and equal.drift.more == 0) or equal.drift.less == 3
#   note: >-
#     'Prevents' means at least 80 % less drift on other requests and on the items, 'less' beyond the
#     95 % interval over seeds at all three levels. Shares are counted in examples. One small model,
#     a short run.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1: How low is the lowest rate?
# A model of 32 blocks, $\xi = 0.95$, 33 depths. Which share of the top rate does the embedding get, and
# what is the mean? By how much would you raise the top to keep the mean?

# %% tags=["solution"]
shares = [0.95 ** (32 - depth) for depth in range(33)]
record.values("exercise", {"bottom": shares[0], "mean": mean(shares), "lift": 1 / mean(shares)})
print(f"bottom {shares[0]:.2f}, mean {mean(shares):.2f}, top to raise {1 / mean(shares):.1f}-fold")

# %% [markdown] tags=["solution"]
# The bottom gets $0.95^{32} =$ {{ exercise.bottom | f2 }} of the top rate; the mean is
# {{ exercise.mean | f2 }}. To hold it, the top rate must go up {{ exercise.lift | f1 }}-fold;
# without that, a decayed run is compared at half the mean rate.

# %% [markdown]
# ### Exercise 2: Rescue a run that went too far
# Take the next rate above the best one (first seed). By the quadratic law, which share of its drift
# stays at $\lambda = 0.5$? Then look: does the law hold after the longer walk, and which end of the
# line has the lower ticket loss?

# %% tags=["solution"]
run = full_run(best["full tuning"] + 1, SEEDS[0])
rescue = {0.5: run.half, 1.0: run.end}
for share, o in rescue.items():
    print(f"{share:3.1f}: tickets {o.task:.3f}, forgot {o.forgot:+.3f}, drift {o.drift:.3f}")
record.values("rescue", {"share_drift": run.half.drift / run.end.drift,
                         "task": run.half.task, "forgot": run.half.forgot,
                         "end": run.end.task, "end_forgot": run.end.forgot})  # fmt: skip

# %% [markdown] tags=["solution"]
# A quarter, says the law; it was {{ rescue.share_drift | pct0 }}. The ticket loss is
# {{ rescue.task | f3 }} halfway and {{ rescue.end | f3 }} at the end, the forgetting
# {{ rescue.forgot | f2 }} and {{ rescue.end_forgot | f2 }}:
# walking back forgets less and pays in ticket loss.

# %% [markdown]
# ### Exercise 3: Both remedies at once
# Does LoRA need rehearsal too? Train it at its best rate with one reply in five (first seed). First
# say which of ticket loss, items and drift you expect to move, and what would make it a finding.

# %% tags=["solution"]
together = lora_run(best["LoRA"], SEEDS[0], "general")
alone = lora_run(best["LoRA"], SEEDS[0])
record.values("both", {"task": together.task, "alone": alone.task,
                       "drift": together.drift, "drift_alone": alone.drift,
                       "forgot": together.forgot, "forgot_alone": alone.forgot})  # fmt: skip
print(f"tickets {alone.task:.3f} → {together.task:.3f}")
print(f"items {alone.forgot:+.3f} → {together.forgot:+.3f}")
print(f"drift {alone.drift:.3f} → {together.drift:.3f}")

# %% [markdown] tags=["solution"]
# The drift is {{ both.drift | f3 }} nats a token instead of {{ both.drift_alone | f3 }}; the ticket
# loss goes from {{ both.alone | f3 }} to {{ both.task | f3 }}, forgetting on the items from
# {{ both.forgot_alone | f3 }} to {{ both.forgot | f3 }}. But the sweep has a plain LoRA run half a
# decade lower that does better on all three. For a finding: that control, all seeds, paired, and a
# fifth ticket as placebo.

# %% [markdown]
# ## Knowledge check
#
# <!-- quiz -->
#
# ## Checklist
#
# - [ ] I can write warmup and cosine from memory and say what the sum of the rates means.
# - [ ] I sweep the rate in half decades until both neighbors of the best one are worse.
# - [ ] I measure something general before and after every tune, on the same items, and pair them.
# - [ ] I compare methods at equal task loss, at several levels, with seeds and a control for each.
# - [ ] Rehearsal and test share no topic, no wording and no item.
#
# ## Interview questions
#
# ??? question "Your tuned model does the task, but customers say that it has become dumb. What do you do?"
#     Measure before fixing: a general set, before and after, on the same items. If the loss is real, go
#     down the list by price: half-way interpolation, which needs no training; a lower rate or fewer
#     steps; rehearsal with the old model's own replies. Compare each at equal task loss.
#
# ??? question "Someone shows that LoRA forgets less than full tuning. What do you ask?"
#     At which task loss? At its own best rate each? A method that learned less often forgets less
#     for that alone. I want both frontiers, with seeds, compared where the task losses are equal.
#
# ??? question "The loss explodes at step 3. Somebody proposes gradient clipping. Will it help?"
#     With Adam, hardly, if the rate is the cause: Adam divides the size of the gradient out again. I
#     would lower the peak rate first and lengthen the warmup second.
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | The first logged rate is 0 | warmup counts from 0 | in short runs start at step 1 |
# | A parameter in two groups, or in none | head and embedding are tied | group by parameter, not by module name |
# | Rehearsal looks perfect | it contains the test items or their wording | split by topic and wording, and check by code |
# | General accuracy unchanged, users complain | the general set has another format than use | add a ruler in chat format |
#
# ## Further reading
#
# - Biderman and others, *LoRA Learns Less and Forgets Less*, 2024,
#   [arXiv:2405.09673](https://arxiv.org/abs/2405.09673). The frontier at 7B.
# - Wortsman and others, *Robust fine-tuning of zero-shot models*, 2021,
#   [arXiv:2109.01903](https://arxiv.org/abs/2109.01903). WiSE-FT: the walk back.
# - Scialom and others, *Fine-tuned Language Models are Continual Learners*, 2022,
#   [arXiv:2205.12393](https://arxiv.org/abs/2205.12393). A little rehearsal.
# - Kalajdzievski, *Scaling Laws for Forgetting When Fine-Tuning Large Language Models*, 2024,
#   [arXiv:2401.05605](https://arxiv.org/abs/2401.05605). Forgetting under LoRA, fitted.
# - Schulman and others, *LoRA Without Regret*, 2025, [Thinking
#   Machines](https://thinkingmachines.ai/blog/lora/). The factor of ten.
#
# ## For your readiness packet
#
# Add to the training log the sweep with its edges and the sum of its rates; to the evaluation the
# general set before and after (item loss with its interval, flips both ways), the second ruler in chat
# format, and your remedy with its control. Keep the untuned weights: they are the rollback.
