# ---
# title: Rank or target modules?
# module: 4
# summary: A grid of ranks, target modules and seeds that shows what a LoRA budget buys, and which learning rate it needs.
# objectives:
#   - count the trainable parameters of any rank and any choice of target modules before you train
#   - derive how the learning rate must move with rank under alpha/r, alpha = 2r and rsLoRA
#   - split the spread of a grid of runs into shares for rank, target modules and seed
#   - compare two adapters at equal trainable parameters and at their own learning rates
#   - judge a report on a LoRA variant by what it held fixed
# prerequisites: [7]
# tags: [LoRA, Rank, Target modules, Learning rate, Alpha (α), rsLoRA, DoRA, PiSSA]
# weights: [smollm2-135m-instruct]
# plain_numbers:
#   widths of SmolLM2-135M, from its configuration: [192, 576, 1536]
#   sums and products of these widths, written out: [768, 1152, 2112, 3840, 4608, 10176]
#   powers of ten on the grid of rates: [0.001, 0.0032]
#   the sums of squares by hand, of accuracies that the text makes up: [0.35, 0.45, 0.25, 0.04, 0.05, 0.01]
#   the year of a paper that is linked: [2026]
#   the case of an interview question: [128]
#   the limit that claim 4 is held to: [1.05]
#   parameters of SmolLM2-135M, by its name: [135]
#   claim 8 as it is told, and the whole in percent: [100]
# ---

# %% [markdown]
# A LoRA configuration makes two choices before anything trains: a rank, and a list of modules.
# Advice on both contradicts itself, so this lesson trains a grid of {{ runs.grid | int }} adapters.
# You will guess which of the two explains more of the spread in held-out loss, and then compute it.
# The learning rate counts too: all linear layers at rank 4 end at {{ broken.inherited | f3 }} nats a
# token with full tuning's rate, at {{ broken.tuned | f3 }} with their own.
#
# ## Warm-up
#
# ??? question "A weight matrix is 576×576. How many parameters does LoRA train on it at rank 4?"
#     $B$ has $576 \times 4$ entries and $A$ has $4 \times 576$, so $4\,(576 + 576) = 4{,}608$
#     ([LoRA from scratch](lesson:07)).
#
# ??? question "Why does a LoRA run begin exactly at the pretrained model, whatever its rank and α?"
#     Because $B = 0$, so $\frac{\alpha}{r} B A = 0$. The same zero makes the first gradient of $A$
#     vanish: in the first step only $B$ moves.

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": most of an hour on two CPU cores; "full": a GPU
seed = 0

# %% [markdown]
# ## Two ways to spend a budget
#
# Picture the model as a building with a room for each weight matrix, and an adapter as furniture.
# You can put a lot into one kind of room (a high rank on the queries) or a little into every room
# (rank 1 everywhere), for about as many parameters:
#
# ```text
#              q    k    v    o    gate  up   down
#   q, r = 9   ████
#   all, r = 1 █    █    █    █    █     █    █
# ```
#
# Rank decides *how many directions* an update to one matrix may have. The target list decides
# *which functions* can change: with `q_proj` alone you change where a head looks, never what it
# copies. The picture breaks at one point: layers are chained, so a change in one room can partly
# stand in for one missing in another.
#
# The task is the running case's extraction: from a customer's message, JSON with intent, product
# and urgency. Held-out products and phrasings never occur in training.

# %%
from course.models import count_parameters, linear_modules, load_causal_lm, seed_everything

model, tokenizer = load_causal_lm(blocks=2 if profile == "smoke" else None)
pristine = {name: tensor.clone() for name, tensor in model.state_dict().items()}
total = count_parameters(model)

# %% [markdown]
# Learning rates lie on a grid of half decades, $\eta = 10^{k/2}$ for whole numbers $k$: $k=-6$ is
# 0.001 and $k=-5$ is about 0.0032.

# %%
everything = {"q": ["q"], "q+v": ["q", "v"], "q+k+v+o": ["q", "k", "v", "o"],
              "all linear": ["q", "k", "v", "o", "gate", "up", "down"]}  # fmt: skip
budget = {
    "smoke": {"steps": 1, "batch": 1, "held_out": 2, "ranks": (1, 4, 64), "seeds": (0,),
              "around": 0, "extend": 0},
    "laptop": {"steps": 16, "batch": 4, "held_out": 32, "ranks": (1, 4, 16, 64), "seeds": (0, 1, 2),
               "around": 1, "extend": 3},
    "full": {"steps": 96, "batch": 8, "held_out": 192, "ranks": (1, 4, 16, 64),
             "seeds": (0, 1, 2, 3, 4), "around": 1, "extend": 3},
}[profile]  # fmt: skip
STEPS, BATCH, RANKS, SEEDS = (budget[key] for key in ("steps", "batch", "ranks", "seeds"))
SETS = {name: [f"{short}_proj" for short in parts] for name, parts in everything.items()}
LR = {k: 10 ** (k / 2) for k in range(-16, 4)}

# %% [markdown]
# ## What rank and modules cost
#
# A matrix $W \in \mathbb{R}^{d_\text{out} \times d_\text{in}}$ with an adapter of rank $r$ trains
# $r\,(d_\text{out} + d_\text{in})$ parameters. Over a set $S$ of matrices in $L$ equal layers:
#
# $$P(r, S) = r \cdot L \sum_{W \in S} (d_\text{out} + d_\text{in})$$
#
# So the cost is *the rank times a width that belongs to the set*. By hand, for one layer of this
# model: hidden size 576, key and value size 192, feed-forward size 1,536. The query projection has
# width $576 + 576 = 1{,}152$, the whole layer
# $1{,}152 + 768 + 768 + 1{,}152 + 3 \cdot 2{,}112 = 10{,}176$. One unit of rank on all linear
# layers costs almost as much as nine on the queries.

# %%
from peft import LoraConfig, get_peft_model

from course import record

widths = dict.fromkeys(SETS, 0)
for path, module in linear_modules(model):
    for name, targets in SETS.items():
        if path.rsplit(".", 1)[-1] in targets:
            widths[name] += sum(module.weight.shape)  # d_out + d_in

for name, targets in SETS.items():
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=targets))
    assert count_parameters(adapted, trainable_only=True) == 4 * widths[name]
    adapted.unload()

rows = [[name, *(r * widths[name] for r in RANKS), 100 * widths[name] / total] for name in SETS]
record.table("cost.table", rows,
             columns=["modules", *(f"r = {r}" for r in RANKS), "% of the model at r = 1"],
             caption="Trainable parameters by target modules and rank, equal to PEFT's count.")  # fmt: skip
record.values("width", {key: widths[name] for key, name in (("q", "q"), ("all", "all linear"))})
record.value("model.parameters", total)

# %% [markdown]
# All linear layers cost as much as the queries at a rank {{ width.all / width.q | f1 }} times as
# high, so "q against all" is no comparison until the parameters are held equal.
#
# ## What a step does at rank r
#
# Rank also changes *how fast* an adapter learns, through the scale $s$ that multiplies $BA$. Three
# rules are in use:
#
# | rule | scale $s$ | at rank 4 | at rank 64 |
# |---|---|---|---|
# | fixed α = 8 (LoRA paper) | $\alpha / r$ | 2 | 1/8 |
# | α = 2r (common in tutorials) | $2r / r = 2$ | 2 | 2 |
# | rsLoRA, α = 4 | $\alpha / \sqrt{r}$ | 2 | 1/2 |
#
# With these α values all three are *the same adapter at rank 4*; they differ at every other rank.
# Let $G = \partial \mathcal{L} / \partial W$ ($d_\text{out} \times d_\text{in}$) be the gradient
# that full tuning would see, and $a_k$ the $k$-th row of $A$. By the chain rule,
#
# $$\frac{\partial \mathcal{L}}{\partial B} = s\, G A^\top, \qquad \frac{\partial \mathcal{L}}{\partial A} = s\, B^\top G = 0 \text{ at the start.}$$
#
# Adam divides a gradient by its own size: its first step moves each entry by the learning rate
# $\eta$ against the gradient's sign. So $s$ cancels from the step on $B$; it remains once, in front
# of $BA$:
#
# $$\Delta W = -\,s\,\eta \sum_{k=1}^{r} \text{sign}(G a_k)\, a_k^\top, \qquad -\langle G, \Delta W \rangle = s\,\eta \sum_{k=1}^{r} \lVert G a_k \rVert_1 .$$
#
# ($\langle\cdot,\cdot\rangle$ adds up the products of matching entries, $\lVert\cdot\rVert_1$ the
# absolute values.) The second is the fall in loss that this step promises, to first order: $r$
# positive terms of about equal size, since PEFT draws the rows of $A$ from one distribution,
# whatever the rank. **Progress per step goes with $s \cdot \eta \cdot r$.** The *size* of
# $\Delta W$ behaves differently: if the $r$ terms pointed in unrelated directions, it would grow
# with $\sqrt{r}$.
#
# Small numbers: let every $\lVert G a_k \rVert_1$ be 1 and $\eta = 0.1$. Rank 4 at $s = 2$ promises
# $2 \cdot 0.1 \cdot 4 = 0.8$. At rank 16 the fixed α gives $\frac{1}{2} \cdot 0.1 \cdot 16 = 0.8$
# again, rsLoRA $1 \cdot 0.1 \cdot 16 = 1.6$, and α = 2r gives $2 \cdot 0.1 \cdot 16 = 3.2$.

# %% [markdown] tags=["predict"]
# id: rank-promise
# ask: >-
#   One Adam step on one 192×576 matrix with a random $G$. Going from rank 4 to rank 64, by what
#   factor does the promised fall in loss grow under α = 2r?
# number: first.double.fall
# format: f1
# unit: ×

# %% [markdown] tags=["predict"]
# id: rank-size
# ask: And which rule keeps the *size* of $\Delta W$ about constant?
# choices:
#   - text: A fixed α. It divides by the rank, and the sum has so many terms.
#     right: abs(first.fixed.size - 1) < 0.1
#   - text: α = 2r. It keeps the scale itself.
#     right: abs(first.double.size - 1) < 0.1
#   - text: rsLoRA. It divides by the root of the rank.
#     right: abs(first.rslora.size - 1) < 0.1

# %% tags=["reveal"]
import torch
from peft import inject_adapter_in_model
from torch import nn

RULES = {"fixed": lambda r: {"lora_alpha": 8}, "double": lambda r: {"lora_alpha": 2 * r},
         "rslora": lambda r: {"lora_alpha": 4, "use_rslora": True}}  # fmt: skip
seed_everything(seed)
G = torch.randn(192, 576)  # (d_out, d_in)


def first_step(rank: int, rule: str, eta: float = 1e-3) -> tuple[float, float, float]:
    """Fall promised by one Adam step, size of the update, and its distance from the formula."""
    layer = nn.Sequential(nn.Linear(576, 192, bias=False))
    inject_adapter_in_model(LoraConfig(r=rank, target_modules=["0"], **RULES[rule](rank)), layer)
    lora, A = layer[0], layer[0].lora_A["default"].weight  # A: (r, d_in)
    scale, start = lora.scaling["default"], A.detach().clone()
    optimizer = torch.optim.AdamW([A, lora.lora_B["default"].weight], lr=eta, weight_decay=0.0)
    (G * layer(torch.eye(576)).T).sum().backward()  # a loss whose gradient in W is G
    optimizer.step()
    delta = lora.get_delta_weight("default").detach()  # PEFT's s * B @ A: (d_out, d_in)
    by_hand = -scale * eta * torch.sign(G @ start.T) @ start
    return float(-(G * delta).sum()), float(delta.norm()), float((delta - by_hand).abs().max())


for rule in RULES:
    (fall_4, size_4, error_4), (fall_64, size_64, error_64) = (first_step(r, rule) for r in (4, 64))
    assert max(error_4, error_64) < 1e-6
    record.values(f"first.{rule}", {"fall": fall_64 / fall_4, "size": size_64 / size_4})
    print(f"{rule:7s} promised fall ×{fall_64 / fall_4:.2f}, size ×{size_64 / size_4:.2f}")

# %% [markdown]
# The formula matches PEFT's update entry by entry. A fixed α holds the promise: the rate that
# worked at rank 4 should work at rank 64. rsLoRA holds the size while the promise grows
# {{ first.rslora.fall | f1 }}×. α = 2r holds only the scale. So the folklore that it makes the
# learning rate independent of the rank should *fail*, in a known direction. But this was one step
# on a random $G$.
#
# ## The experiment, in the open
#
# **Held fixed:** model, task, training tickets, steps, batch size, AdamW without weight decay,
# three steps of warmup and a linear decay, clipping at 1. **Varied:** rank, target modules,
# learning rate, and the seed, which draws $A$ and the order of the tickets. **Not separated:** each
# rate is chosen on the held-out tickets that we also report, with a seed that enters the averages.
# That flatters all a little; a report to others needs a third set.
#
# Tickets of at most 64 tokens keep a run cheap.

# %%
from course.case import extraction, tickets
from course.chat import Encoded, encode


def short_examples(split: str, n: int) -> list[Encoded]:
    """The first `n` tickets of a split whose whole conversation has at most 64 tokens."""
    pairs = ((ticket.text, extraction(ticket).completion) for ticket in tickets(split, 6 * n))
    rows = [encode(tokenizer, text, answer, system="Extract JSON.") for text, answer in pairs]
    return [row for row in rows if len(row.input_ids) <= 64][:n]


train_set = short_examples("train", STEPS * BATCH)
held_out = short_examples("validation", budget["held_out"])
record.values("data", {"train": len(train_set), "held_out": len(held_out)})

# %% [markdown]
# We measure the **held-out loss** in nats per completion token ($\log V$, a uniform guess, where it
# is no longer a number) and the **intent accuracy**: the six intents begin with six different
# tokens; given `{"intent":"`, which does the model prefer?

# %%
from course.case import INTENTS
from course.tuning import Score, evaluate, tune

intent_ids = [tokenizer(intent, add_special_tokens=False)["input_ids"][0] for intent in INTENTS]
position = len(tokenizer('{"intent":"', add_special_tokens=False)["input_ids"])
assert len(set(intent_ids)) == len(INTENTS)


def score() -> Score:
    return evaluate(model, held_out, tokenizer.pad_token_id, position, intent_ids)


def train(optimizer: torch.optim.Optimizer, seed: int) -> None:
    tune(model, optimizer, train_set, STEPS, BATCH, tokenizer.pad_token_id, seed)


base = score()
record.values("base", {"loss": base.loss, "accuracy": base.accuracy})
print(f"before tuning: {base.loss:.3f} nats a token, intent accuracy {base.accuracy:.2f}")

# %% [markdown]
# A blind pick of the intent is right one time in six; the untuned model does little better.
#
# Each run puts an adapter on the one model in memory, and `unload` takes it off; after PiSSA the
# weights come from a copy, for a reason that [Break it](#break-it) shows. `cache` trains a run only
# once.

# %%
from functools import cache

from peft.optimizers import create_loraplus_optimizer

VARIANTS = {"LoRA": {}, "dropout 0.1": {"lora_dropout": 0.1}, "DoRA": {"use_dora": True},
            "PiSSA": {"init_lora_weights": "pissa_niter_4"}, "LoRA+": {}}  # fmt: skip


@cache
def lora_run(
    targets: str, rank: int, k: int, seed: int, rule: str = "fixed", variant: str = "LoRA"
) -> Score:
    """One adapter, trained at learning rate 10**(k/2), scored, and taken off again."""
    seed_everything(seed)
    settings = {**RULES[rule](rank), **VARIANTS[variant]}
    adapted = get_peft_model(model, LoraConfig(r=rank, target_modules=SETS[targets], **settings))
    if variant == "LoRA+":  # B sixteen times as fast as A, around the same geometric mean
        optimizer = create_loraplus_optimizer(
            adapted, torch.optim.AdamW, lr=LR[k] / 4, loraplus_lr_ratio=16, weight_decay=0.0
        )
    else:
        trainable = [p for p in adapted.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(trainable, lr=LR[k], weight_decay=0.0)
    train(optimizer, seed)
    result = score()
    adapted.unload()
    if variant == "PiSSA":
        model.load_state_dict(pristine)
    return result


# %% [markdown]
# ## First, a fair learning rate
#
# One learning rate for all would be unfair: fewer adapted matrices move the model less per step, so
# a small set may need a higher one. Each set gets its own sweep at rank 4, around a pilot's guess
# and extended while the best rate lies at an edge: an optimum there is none.

# %% [markdown] tags=["predict"]
# id: rank-rate-of-a-set
# ask: >-
#   The progress of a step goes with $s \cdot \eta \cdot r$, summed over all adapted matrices.
#   Which of these two sets does best at the higher learning rate?
# choices:
#   - text: "`q`, which has few matrices to move."
#     right: lr.q > lr.all
#   - text: All linear layers, which have more to learn.
#     right: lr.all > lr.q
#   - text: Both at the same rate. Adam adapts it to each parameter.
#     right: lr.all == lr.q

# %%
from collections.abc import Callable, Iterable


def sweep(run: Callable[[int], Score], center: int, below: int = 1) -> dict[int, float]:
    """Losses by k from center - below to center + 1, extended while the best k is at an edge."""
    around = budget["around"]  # 0 in the smoke profile: the center alone
    losses = {k: run(k).loss for k in range(center - below * around, center + around + 1)}
    for _ in range(budget["extend"]):
        best = min(losses, key=losses.get)
        if min(losses) < best < max(losses):
            break
        further = best - 1 if best == min(losses) else best + 1
        losses[further] = run(further).loss
    return dict(sorted(losses.items()))


centers = {"q": -3, "q+v": -4, "q+k+v+o": -4, "all linear": -5}
sweeps = {name: sweep(lambda k, name=name: lora_run(name, 4, k, SEEDS[0]), center)
          for name, center in centers.items()}  # fmt: skip
best_k = {name: min(losses, key=losses.get) for name, losses in sweeps.items()}


def ends_at_edge(losses: dict[int, float]) -> bool:
    return min(losses, key=losses.get) in (min(losses), max(losses))

# %% [markdown]
# Full tuning gets the same sweep, for all {{ model.parameters | int }} parameters.

# %%
@cache
def full_run(k: int, seed: int) -> Score:
    """Full tuning at learning rate 10**(k/2), scored, and the weights put back."""
    seed_everything(seed)
    model.requires_grad_(True)
    train(torch.optim.AdamW(model.parameters(), lr=LR[k], weight_decay=0.0), seed)
    result = score()
    model.load_state_dict(pristine)
    return result


full_losses = sweep(lambda k: full_run(k, SEEDS[0]), -7)
full_k = min(full_losses, key=full_losses.get)
full_scores = [full_run(full_k, s) for s in SEEDS]
full_loss = sum(run.loss for run in full_scores) / len(SEEDS)
full_accuracy = sum(run.accuracy for run in full_scores) / len(SEEDS)

# %% tags=["reveal", "hide-code"]
curves = [*sweeps.items(), ("full tuning", full_losses)]
record.figure("lr.plot", record.Figure(
    kind="line", series=[record.Series(name, [LR[k] for k in losses], list(losses.values()))
                         for name, losses in curves],
    x_label="learning rate", y_label="held-out loss (nats a token)", x_log=True, y_log=True,
    caption="Held-out loss against learning rate: rank 4, one seed. The best rate of full tuning is "
            "{{ lr.full | sci1 }}, that of all linear layers {{ lr.all | sci1 }}.",
    alt="Held-out loss over learning rate on logarithmic axes: one line for each set of target "
        "modules and one for full tuning. The text below compares their minima."))  # fmt: skip
keys = {"q": "q", "q+v": "qv", "q+k+v+o": "qkvo", "all linear": "all"}
record.values("lr", {keys[name]: LR[k] for name, k in best_k.items()})
record.values("lr_k", {keys[name]: k for name, k in best_k.items()})
record.values("full", {"loss": full_loss, "accuracy": full_accuracy, "k": full_k})
record.value("lr.full", LR[full_k])
record.value("lr.sweeps", len(curves))
record.value("lr.edges", sum(ends_at_edge(losses) for _, losses in curves))
record.value("lr.half_decades", best_k["all linear"] - full_k)
record.value("lr.ratio", LR[best_k["all linear"]] / LR[full_k])

# %% [markdown]
# The queries did best at {{ lr.q | sci1 }}, all linear layers at {{ lr.all | sci1 }}. A best rate
# at the end of its line would be only a bound; {{ lr.edges | int }} of {{ lr.sweeps | int }} lines
# end there. LoRA's best rate is {{ lr.ratio | f0 }} times full tuning's on all linear layers and
# {{ lr.q / lr.full | f0 }} times on the queries. One seed and steps of 3.2× leave each factor
# uncertain by a step either way, and both depend on $s$: halving α doubles the rate LoRA needs in
# its first step. One reason that they exceed 1: with $B$ at zero and small entries in $A$, the same
# η moves $W$ less than a full step, which changes every entry by η.
#
# ## Does the rate survive a change of rank?
#
# Now test the derivation on whole runs: all linear layers at rank 64 under the three rules, each
# swept around rank 4's best rate. The derivation speaks about *speed*, so look at the **lowest
# usable rate**: the smallest whose loss is within 10 % of its line's best.

# %% [markdown] tags=["predict"]
# id: rank-usable-rate
# ask: >-
#   From rank 4 to rank 64 the promised fall grows 16-fold under α = 2r. By how many half decades
#   (factors of 3.2) does its lowest usable rate move? Down is negative.
# number: rules.double.edge
# format: int

# %% tags=["reveal"]
high, home = max(RANKS), best_k["all linear"]
reference = sweep(lambda k: lora_run("all linear", 4, k, SEEDS[0]), home, below=2)
at_high = {rule: sweep(lambda k, rule=rule: lora_run("all linear", high, k, SEEDS[0], rule), home,
                       below=2) for rule in RULES}  # fmt: skip


def lowest_usable(losses: dict[int, float]) -> int:
    return min(k for k, value in losses.items() if value <= 1.1 * min(losses.values()))


labels = {"fixed": "fixed α", "double": "α = 2r", "rslora": "rsLoRA"}
curves = [("r = 4", reference),
          *((f"r = {high}, {labels[rule]}", losses) for rule, losses in at_high.items())]  # fmt: skip
record.figure("rules.plot", record.Figure(
    kind="line", series=[record.Series(name, [LR[k] for k in losses], list(losses.values()))
                         for name, losses in curves],
    x_label="learning rate", y_label="held-out loss (nats a token)", x_log=True, y_log=True,
    caption="All linear layers, one seed: three ways to scale one adapter to the highest rank.",
    alt="Held-out loss over learning rate for rank 4 and for the highest rank under three scaling "
        "rules. The text below compares where the lines become low."))  # fmt: skip
for rule, losses in at_high.items():
    best = min(losses, key=losses.get)
    record.values(f"rules.{rule}", {
        "moved": best - home, "edge": lowest_usable(losses) - lowest_usable(reference),
        "best": losses[best], "price": losses[home] - losses[best]})  # fmt: skip

# %% [markdown]
# In half decades, the lowest usable rate moved by {{ rules.fixed.edge | int }} with a fixed α
# (predicted 0), {{ rules.rslora.edge | int }} with rsLoRA (about −1) and
# {{ rules.double.edge | int }} with α = 2r (about −2). The left end of the figure is a finer ruler:
# there the fixed-α line lies on rank 4's, rsLoRA's below both, and α = 2r's lowest, the predicted
# order.
#
# Carrying rank 4's rate to rank 64 *costs* {{ rules.double.price | f3 }} nats with α = 2r,
# {{ rules.double.price / rules.double.best | pct0 }} of its best loss, and at most
# {{ max(rules.fixed.price, rules.rslora.price) | f3 }} with the others. So α = 2r is a usable
# *default at one rank*, not a law for moving between ranks.
#
# ## The grid
#
# Every rank with every target set and seed, at the fixed α. Ranks inherit their set's best rate *at
# rank 4*, as the derivation allows. The last section priced this for all linear layers at rank 64;
# elsewhere, inheriting may hide a benefit of rank. So may the rule: at rank 64 that seed's best was
# {{ rules.fixed.best | f3 }} with a fixed α, {{ rules.double.best | f3 }} with α = 2r.

# %%
grid = {(name, r, s): lora_run(name, r, best_k[name], s)
        for name in SETS for r in RANKS for s in SEEDS}  # fmt: skip
record.value("runs.grid", len(grid))


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


cell = {(name, r): [grid[name, r, s] for s in SEEDS] for name in SETS for r in RANKS}
loss = {key: mean(run.loss for run in runs) for key, runs in cell.items()}  # mean over seeds
accuracy = {key: mean(run.accuracy for run in runs) for key, runs in cell.items()}

# %% [markdown] tags=["predict"]
# id: rank-direction
# ask: >-
#   In the map below, moving right multiplies the rank by 4, moving down adds modules. Along which
#   direction does the loss change more?
# choices:
#   - text: To the right. From rank 1 to 64 an update has 64 times as many directions.
#     right: anova.rank > 2 * anova.target
#   - text: Down. More kinds of matrices can change.
#     right: anova.target > 2 * anova.rank
#   - text: About equally, since both add parameters.
#     right: anova.target <= 2 * anova.rank and anova.rank <= 2 * anova.target

# %% [markdown] tags=["predict"]
# id: rank-corner
# ask: >-
#   Full tuning ends at {{ full.loss | f3 }} nats a token. And the corner "all linear, highest
#   rank"?
# number: grid.all.r64
# format: f3
# unit: nats a token

# %% tags=["reveal", "hide-code"]
record.figure("grid.loss", record.Figure(
    kind="heatmap", x_label="rank", y_label="target modules",
    series=[record.Series(name, [f"r = {r}" for r in RANKS], [loss[name, r] for r in RANKS])
            for name in SETS],
    caption="Held-out loss in nats a token, mean over seeds. Untuned {{ base.loss | f2 }}, "
            "full tuning {{ full.loss | f3 }}.",
    alt="Held-out losses: one row for each set of target modules, one column for each rank. The "
        "next table has the same numbers."))  # fmt: skip
spread = {}
for key, runs in cell.items():
    spread[key] = max(run.loss for run in runs) - min(run.loss for run in runs)
record.table("grid.table", [[name, r, round(loss[name, r], 3), round(spread[name, r], 3),
                             round(accuracy[name, r], 3)] for name, r in cell],
             columns=["modules", "rank", "held-out loss", "range over seeds", "intent accuracy"],
             caption="The grid in numbers. The range is the largest minus the smallest loss.")  # fmt: skip
record.value("grid.range", mean(spread.values()))
for name in SETS:
    record.values(f"grid.{keys[name]}", {f"r{r}": loss[name, r] for r in RANKS})
    record.values(f"acc.{keys[name]}", {f"r{r}": accuracy[name, r] for r in RANKS})

# %% [markdown]
# The corner ends at {{ grid.all.r64 | f3 }}, rank 1 in its row at {{ grid.all.r1 | f3 }}. At rank
# 4, adding `v` to `q` gains {{ grid.q.r4 - grid.qv.r4 | f3 }}; all the rest gain another
# {{ grid.qv.r4 - grid.all.r4 | f3 }}. The range over seeds is {{ grid.range | f3 }} nats on
# average: by this cautious yardstick, a smaller difference is no finding. Intent accuracy is
# coarser: one of {{ data.held_out | int }} tickets is {{ 1 / data.held_out | pct1 }}, so use it to
# see *whether* decisions are learned, not to rank neighbors.
#
# ## How much of the spread is rank?
#
# "Matters more" can be made exact. Let $y_{trs}$ be the loss with target set $t$, rank $r$ and seed
# $s$; a dot means "averaged over". The total sum of squares is the sum of four parts:
#
# $$\begin{aligned}
# SS_\text{target} &= RS \sum_t (\bar y_{t\cdot\cdot} - \bar y)^2 \\
# SS_\text{rank} &= TS \sum_r (\bar y_{\cdot r \cdot} - \bar y)^2 \\
# SS_\text{both} &= S \sum_{t,r} (\bar y_{tr\cdot} - \bar y_{t\cdot\cdot} - \bar y_{\cdot r\cdot} + \bar y)^2 \\
# SS_\text{seed} &= \sum_{t,r,s} (y_{trs} - \bar y_{tr\cdot})^2
# \end{aligned}$$
#
# where $T$, $R$ and $S$ count the sets, ranks and seeds. The cross terms vanish because deviations
# from an average sum to zero over the averaged index. By hand, four runs with one seed: losses 0.5
# and 0.4 (set one, ranks low and high) and 0.3 and 0.2 (set two). The mean is 0.35, the sets
# average 0.45 and 0.25, the ranks 0.4 and 0.3. $SS_\text{target} = 2\,(0.1^2 + 0.1^2) = 0.04$,
# $SS_\text{rank} = 2\,(0.05^2 + 0.05^2) = 0.01$, $SS_\text{both} = 0$, total 0.05: the target
# explains 80 % and the rank 20 %.

# %%
import math


def sums_of_squares(y: dict[tuple[str, int, int], float]) -> dict[str, float]:
    """Shares of the total sum of squares: target, rank, their interaction, and seed."""
    grand = mean(y.values())
    by_set = {t: mean(v for key, v in y.items() if key[0] == t) for t in SETS}
    by_rank = {r: mean(v for key, v in y.items() if key[1] == r) for r in RANKS}
    by_cell = {(t, r): mean(y[t, r, s] for s in SEEDS) for t in SETS for r in RANKS}
    parts = {"target": 0.0, "rank": 0.0, "both": 0.0, "seed": 0.0}
    for (t, r, _), value in y.items():  # summing over all runs supplies the factors RS, TS and S
        parts["target"] += (by_set[t] - grand) ** 2
        parts["rank"] += (by_rank[r] - grand) ** 2
        parts["both"] += (by_cell[t, r] - by_set[t] - by_rank[r] + grand) ** 2
        parts["seed"] += (value - by_cell[t, r]) ** 2
    total = sum((value - grand) ** 2 for value in y.values())
    assert math.isclose(sum(parts.values()), total, rel_tol=1e-6)
    return {name: part / total for name, part in parts.items()}


shares = sums_of_squares({key: run.loss for key, run in grid.items()})
record.values("anova", shares)
print("  ".join(f"{name} {share:.0%}" for name, share in shares.items()))

# %% [markdown]
# The shares belong to *this grid*, and rank owes most of its share to one cell, `q` with rank 1;
# the other rows are nearly flat. A **paired** comparison is sharper. Runs with one seed see the
# tickets in one order, so we subtract run from run before averaging: rank 16 from rank 4 within
# each set, and all linear layers from `q` and from `q+v` at ranks 4 and 16. Positive means that the
# loss fell.

# %%
def paired(first: list[float], second: list[float]) -> dict[str, float]:
    """Mean of first - second over pairs, and the standard error of that mean."""
    gaps = [a - b for a, b in zip(first, second, strict=True)]
    center = mean(gaps)
    deviation = math.sqrt(sum((g - center) ** 2 for g in gaps) / max(1, len(gaps) - 1))
    return {"mean": center, "error": deviation / math.sqrt(len(gaps))}


low, mid = RANKS[-3:-1] if len(RANKS) > 2 else RANKS  # 4 and 16
pairs = [(name, s) for name in SETS for s in SEEDS]
record.values("paired.rank", paired([grid[name, low, s].loss for name, s in pairs],
                                    [grid[name, mid, s].loss for name, s in pairs]))  # fmt: skip
pairs = [(r, s) for r in (low, mid) for s in SEEDS]
for key, name in (("target", "q"), ("qv", "q+v")):
    record.values(f"paired.{key}", paired([grid[name, r, s].loss for r, s in pairs],
                                          [grid["all linear", r, s].loss for r, s in pairs]))  # fmt: skip

# %% [markdown]
# From rank 4 to 16 the difference is {{ paired.rank.mean | f3 }} nats (standard error
# {{ paired.rank.error | f3 }}), an average over sets that rise and sets that fall. From `q` to all
# linear layers it is {{ paired.target.mean | f3 }} ({{ paired.target.error | f3 }}), from `q+v`
# {{ paired.qv.mean | f3 }} ({{ paired.qv.error | f3 }}). Pairs that share a seed, a set or a rank
# are not quite independent: the errors are a scale, not a test.
#
# ## The same budget, spent differently
#
# More modules also means more parameters, so the grid cannot say *why* a wide set does better. Put
# the loss over trainable parameters: if only the count mattered, the lines would lie on one
# another.

# %% [markdown] tags=["predict"]
# id: rank-equal-budget
# ask: >-
#   Give `q` and all linear layers the same number of trainable parameters, as many as all linear
#   layers have at rank 4. Which has the lower loss?
# choices:
#   - text: "`q`, whose directions are concentrated in one kind of matrix."
#     right: equal.all - equal.q > grid.range
#   - text: All linear layers, which spread them.
#     right: equal.q - equal.all > grid.range
#   - text: Neither, by more than the range over seeds. The count is what matters.
#     right: abs(equal.q - equal.all) <= grid.range

# %% tags=["reveal", "hide-code"]
from itertools import pairwise


def line(name: str) -> record.Series:
    per_rank = [[run.loss for run in cell[name, r]] for r in RANKS]
    return record.Series(name, [r * widths[name] for r in RANKS], [mean(row) for row in per_rank],
                         [min(row) for row in per_rank], [max(row) for row in per_rank])  # fmt: skip


record.figure("grid.budget", record.Figure(
    kind="line", series=[line(name) for name in SETS], x_label="trainable parameters",
    y_label="held-out loss (nats a token)", x_log=True, guides=[("full tuning", full_loss)],
    caption="Held-out loss over trainable parameters, a point for each rank; bands span the seeds. "
            "At the budget of all linear layers with rank 4, the queries alone reach "
            "{{ equal.q | f3 }} and all linear layers {{ equal.all | f3 }}.",
    alt="One line for each set of target modules, held-out loss over trainable parameters on a "
        "logarithmic axis, with bands for the seeds and a dashed line for full tuning."))  # fmt: skip


def at_budget(name: str, parameters: float) -> float:
    """Mean loss of a set at a parameter count, linear in the logarithm between two ranks."""
    points = [(math.log(r * widths[name]), loss[name, r]) for r in RANKS]
    x = min(max(math.log(parameters), points[0][0]), points[-1][0])
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]


record.values("equal", {keys[name]: at_budget(name, 4 * widths["all linear"]) for name in SETS})
record.value("equal.parameters", 4 * widths["all linear"])

# %% [markdown]
# `q` at rank 64 ends at {{ grid.q.r64 | f3 }}; all linear layers at rank 4 end at
# {{ grid.all.r4 | f3 }} with {{ equal.parameters / (64 * width.q) | pct0 }} of the parameters. At
# equal parameters, {{ equal.parameters | int }}, the loss falls by {{ equal.q - equal.all | f3 }}
# from `q` to all linear layers,
# {{ "more than the range over seeds: the count is not all that separates the sets" if equal.q - equal.all > grid.range else "no more than the range over seeds" | text }}.
# Values between two trained ranks are interpolated; exercise 2 trains the match.
#
# What this does not show: this is one task, a small model and {{ data.train | int }} short training
# examples, which may need few directions. Published results see low ranks fall behind in long runs
# on large data (further reading).
#
# ## How much of full tuning's gain?
#
# In "0.1 % of the parameters, 95 % of the gain", the gain is the fall in loss over full tuning's.

# %%
def gain(value: float) -> float:
    """Share of full tuning's fall in held-out loss."""
    return (base.loss - value) / (base.loss - full_loss)


rows = [[name, r, 100 * r * widths[name] / total, gain(loss[name, r])] for name, r in cell]
small = ("q", 4)  # about 0.1 % of this model
record.values("tenth", {"share": 4 * widths["q"] / total, "gain": gain(loss[small]),
                        "loss": loss[small], "accuracy": accuracy[small]})  # fmt: skip
record.table("gain.table", [[*row[:2], round(row[2], 3), round(row[3], 3)] for row in rows],
             columns=["modules", "rank", "% of parameters", "share of full tuning's gain"],
             caption="Gain relative to full tuning at the same steps and its own best rate.")  # fmt: skip

# %% [markdown]
# The queries at rank 4 train {{ tenth.share | pct2 }} of the parameters and reach
# {{ tenth.gain | pct1 }} of full tuning's gain. But the untuned model starts at
# {{ base.loss | f2 }} nats: its instruction names no field, so even the field names surprise it,
# and an adapter can collect much of the gain with those alone. As losses, {{ tenth.loss | f3 }} is
# {{ tenth.loss / full.loss | f2 }} times full tuning's {{ full.loss | f3 }}; intent accuracy is
# {{ tenth.accuracy | pct0 }} against {{ full.accuracy | pct0 }}. A share of a gain flatters whoever
# starts far away.
#
# ## Dropout, DoRA, PiSSA, LoRA+
#
# Four variants, each on all linear layers at rank 4: LoRA **dropout** on the adapter's input;
# **DoRA**, which learns the length of each row of $W$ apart from its direction; **PiSSA**, which
# starts $A$ and $B$ from the leading singular vectors of $W$; **LoRA+**, which gives $B$ a higher
# learning rate than $A$ (16 times here). Each gets plain LoRA's sweep on one seed, then all seeds
# at its own best rate.

# %% tags=["hide-code"]
def try_variant(variant: str) -> dict[str, float]:
    """All seeds at the best rate of a sweep on the first seed."""
    swept = sweep(lambda k: lora_run("all linear", 4, k, SEEDS[0], "fixed", variant), home)
    k = min(swept, key=swept.get)
    runs = [lora_run("all linear", 4, k, s, "fixed", variant) for s in SEEDS]
    losses = [run.loss for run in runs]
    return {"rate": LR[k], "loss": mean(losses), "range": max(losses) - min(losses),
            "accuracy": mean(run.accuracy for run in runs), "edge": ends_at_edge(swept)}  # fmt: skip


tried = {variant: try_variant(variant) for variant in VARIANTS}
record.table(
    "variants.table",
    [[name, f"{row['rate']:.1e}", *(round(row[key], 3) for key in ("loss", "range", "accuracy"))]
     for name, row in tried.items()],
    columns=["variant", "learning rate", "held-out loss", "range over seeds", "intent accuracy"],
    caption="LoRA variants on all linear layers at rank 4, each at the best rate of its own sweep.")  # fmt: skip
for key, row in zip(("lora", "dropout", "dora", "pissa", "loraplus"), tried.values(), strict=True):
    record.values(f"variants.{key}", row)
best_other = min(list(VARIANTS)[1:], key=lambda name: tried[name]["loss"])
gap = tried["LoRA"]["loss"] - tried[best_other]["loss"]
record.values("variants.best", {"name": best_other, "gap": gap})

# %% [markdown]
# The best of them, {{ variants.best.name | text }}, ends {{ abs(variants.best.gap) | f3 }} nats
# from plain LoRA, whose seeds range over {{ variants.lora.range | f3 }}. It is also partly the
# luckiest of four, and a variant that moves the weights faster can lead only because the run is
# short. A 2026 re-evaluation with large sweeps found all methods, vanilla LoRA included, within one
# to two percent of each other once each had its own rate (Lee and others, below).
#
# ## Break it
#
# **The inherited learning rate.** You move a full-tuning script to LoRA and keep its learning rate.
# No error; you conclude that LoRA does not work for you.
#
# **The base that is no longer the base.** PiSSA moves the leading part of $W$ into $BA$. After
# `unload()` you hold the residual; nothing warns you, and the next adapter gets a damaged base.

# %%
inherited = lora_run("all linear", 4, full_k, SEEDS[0]).loss

seed_everything(seed)
pissa = {**RULES["fixed"](4), **VARIANTS["PiSSA"]}
get_peft_model(model, LoraConfig(r=4, target_modules=SETS["all linear"], **pissa)).unload()
damaged = score().loss
model.load_state_dict(pristine)
restored = score().loss
assert restored == base.loss
tuned = grid["all linear", 4, SEEDS[0]].loss
record.values("broken", {"inherited": inherited, "tuned": tuned, "damaged": damaged})
print(f"full tuning's rate: {inherited:.3f}, its own rate: {tuned:.3f}")
print(f"base {base.loss:.3f}, after PiSSA and unload {damaged:.3f}, restored {restored:.3f}")

# %% [markdown]
# The fix for the first is the sweep above; for the second `model.load_state_dict(pristine)`, or
# reloading. [PEFT's PiSSA
# example](https://github.com/huggingface/peft/tree/main/examples/pissa_finetuning) converts the
# adapter to an ordinary one.
#
# ## At 7B and 70B
#
# The cost formula needs only shapes, here those of Llama 3 (table 3 of *The Llama 3 Herd of
# Models*, 2024, [arXiv:2407.21783](https://arxiv.org/abs/2407.21783)).

# %%
shapes = {"8B": (4096, 1024, 14336, 32), "70B": (8192, 1024, 28672, 80)}
rows = []
for size, (d, kv, ff, layers) in shapes.items():  # hidden, key/value, feed-forward, layers
    per_layer = {"q": 2 * d, "q+v": 3 * d + kv, "q+k+v+o": 6 * d + 2 * kv}
    per_layer["all linear"] = per_layer["q+k+v+o"] + 3 * (d + ff)
    for name, width in per_layer.items():
        rows.append([size, name, 16 * layers * width, round(per_layer["all linear"] / width, 2)])
        record.value(f"scale.llama{size.lower()}.{keys[name]}", 16 * layers * width)
record.table("scale.table", rows,
             columns=["model", "modules", "parameters at r = 16", "rank for one rank of all linear"],
             caption="Trainable parameters at rank 16 on Llama 3's shapes, and the rank that costs as "
                     "much as rank 1 on all linear layers.")  # fmt: skip

# %% [markdown]
# Even rank 16 on all linear layers of the 8B shape, {{ scale.llama8b.all | int }} parameters, is
# small beside the frozen weights, in 16-bit precision with Adam
# ([Where the memory goes](lesson:02)), so cost does not decide. The cost formula, the first-step
# derivation and the need for a sweep per set carry over; the numbers of the grid do not. Published
# results on large models favor wide placement. The QLoRA paper needed adapters on all linear layers
# to match full tuning of a 7B model, and found rank unimportant once all had one. "LoRA Without
# Regret" reports that attention-only adapters fell behind even at matched parameters, that the best
# LoRA rate was about ten times full tuning's and, with the factor 1/r, nearly independent of the
# rank, and that low ranks run out of capacity on large datasets.

# %% [markdown] tags=["claims"]
# - number: 4
#   text: 0.1 % of the parameters, 95 % of the gain
#   source: common tutorial figure
#   value: >-
#     {{ tenth.share | pct2 }} of the parameters (q, r = 4): {{ tenth.gain | pct1 }} of full
#     tuning's fall in loss
#   for: tenth.gain >= 0.95 and tenth.loss <= 1.05 * full.loss
#   partly: tenth.gain >= 0.95
#   note: >-
#     A share of the fall does not say what remains: {{ tenth.loss / full.loss | f2 }} times
#     full tuning's loss. 'Holds' asks for at most 1.05 times as well.
# - number: 5
#   text: Rank hardly matters between 4 and 16; target modules matter most
#   source: common advice; the QLoRA paper reports both for a 7B model
#   value: >-
#     rank 4 to 16: {{ paired.rank.mean | f3 }} nats; q to all linear: {{ paired.target.mean |
#     f3 }}; shares of the spread: target {{ anova.target | pct0 }}, rank {{ anova.rank | pct0
#     }}
#   for: anova.target > anova.rank and abs(paired.rank.mean) <= 0.2 * paired.target.mean
#   partly: anova.target > anova.rank or abs(paired.rank.mean) <= 0.5 * paired.target.mean
#   note: >-
#     A 135M model, a short run, one extraction task; 'hardly' is taken as at most a fifth of
#     the effect of the modules.
# - number: 6
#   text: Query and value projections are enough
#   source: common reading of the LoRA paper's section 7.1
#   value: >-
#     q+v is {{ paired.qv.mean | f3 }} nats above all linear layers at equal rank and {{
#     equal.qv - equal.all | f3 }} at equal parameters
#   for: equal.qv <= 1.05 * equal.all and paired.qv.mean <= 2 * paired.qv.error
#   against: "paired.qv.mean > 4.303 * paired.qv.error"
#   note: >-
#     'Holds' asks for a loss within 5 % at equal parameters and no paired difference beyond two
#     standard errors; 'wrong', for a 95 % interval of that difference above zero (three seeds).
# - number: 7
#   text: α = 2r makes the learning rate independent of r
#   source: common tutorial rule
#   value: >-
#     from rank 4 to 64 the lowest usable rate moved by {{ rules.double.edge | int }} half
#     decades, the best by {{ rules.double.moved | int }}; keeping the rate cost {{
#     rules.double.price | f3 }} nats
#   for: rules.double.moved == 0 and rules.double.edge == 0
#   partly: rules.double.price <= 0.1 * rules.double.best
#   note: >-
#     One seed, steps of half a decade. A fixed α moved the lowest usable rate by {{
#     rules.fixed.edge | int }}. 'With conditions' means that keeping rank 4's rate cost at most a
#     tenth of the best loss: the usable range shifts, and a rate inside both can be kept.
# - number: 8
#   text: LoRA wants 10–100× the learning rate of full tuning
#   source: common advice
#   value: "{{ lr.ratio | f0 }}× (all linear layers, r = 4, α = 8, on a grid of half decades)"
#   for: lr.half_decades >= 2 and lr.half_decades <= 4
#   partly: lr.half_decades == 1 or lr.half_decades == 5
#   note: >-
#     For the queries alone it is {{ lr.q / lr.full | f0 }}×. The factor also depends on α: halving
#     α doubles the rate that LoRA needs in its first step.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1: Spend the same budget twice
# Which rank on the queries alone costs as much as rank 4 on all linear layers of this model? And on
# all four attention projections? Use the widths per layer, 1,152 and 3,840, on paper; then check.

# %% tags=["solution"]
ranks = {name: round(4 * widths["all linear"] / widths[name]) for name in SETS}
record.values("exercise.rank", {keys[name]: rank for name, rank in ranks.items()})
print(ranks)

# %% [markdown] tags=["solution"]
# Multiply 4 by the ratio of the widths: $4 \cdot 10{,}176 / 1{,}152$, rounded to
# {{ exercise.rank.q | int }}, and $4 \cdot 10{,}176 / 3{,}840$, rounded to
# {{ exercise.rank.qkvo | int }}. The budgets agree within four percent.

# %% [markdown]
# ### Exercise 2: Train the match
# The budget figure interpolates between two ranks. Train the queries at the rank of exercise 1
# (first seed, their best rate) and compare with all linear layers at rank 4, same seed. Does the
# interpolation mislead? Why does the code need no new learning rate for the new rank?

# %% tags=["solution"]
exact = lora_run("q", ranks["q"], best_k["q"], SEEDS[0]).loss
record.values("exercise.exact", {"q": exact, "all": tuned})
print(f"q at rank {ranks['q']}: {exact:.3f}, all linear at rank 4: {tuned:.3f}")

# %% [markdown] tags=["solution"]
# {{ exercise.exact.q | f3 }} for the queries against {{ exercise.exact.all | f3 }} for all linear
# layers, the same budget to about one percent. The interpolated mean over seeds,
# {{ equal.q | f3 }}, is {{ abs(exercise.exact.q - equal.q) | f3 }} away; only more than the range
# over seeds, {{ grid.range | f3 }}, would mislead. With a fixed α the promise does not depend on
# the rank, so rank 4's best rate is reasonable; to be strict, sweep again.

# %% [markdown]
# ### Exercise 3: Attention or feed-forward?
# Are the feed-forward matrices (`gate`, `up`, `down`) alone as good as all linear layers at the
# same budget? Find the rank, say how you choose the learning rate and what difference you would
# accept as real, then run it.

# %% tags=["solution"]
SETS["feed-forward"] = ["gate_proj", "up_proj", "down_proj"]
mlp_width = widths["all linear"] - widths["q+k+v+o"]
mlp_rank = round(4 * widths["all linear"] / mlp_width)
mlp = lora_run("feed-forward", mlp_rank, home, SEEDS[0]).loss
record.values("exercise.mlp", {"rank": mlp_rank, "loss": mlp})
print(f"feed-forward at rank {mlp_rank}: {mlp:.3f}")

# %% [markdown] tags=["solution"]
# At rank {{ exercise.mlp.rank | int }} (rounded down: about seven percent fewer parameters) and the
# rate of all linear layers, the feed-forward matrices alone reach {{ exercise.mlp.loss | f3 }},
# against {{ exercise.exact.all | f3 }} for all linear layers. One run at an inherited rate settles
# nothing: sweep the rate for the new set and compare over several seeds.

# %% [markdown]
# ## Knowledge check
#
# <!-- quiz -->
#
# ## Checklist
#
# - [ ] I can count the parameters of any rank and target list from the shapes.
# - [ ] I can say what $\alpha/r$, $\alpha = 2r$ and $\alpha/\sqrt{r}$ each hold constant when the
#   rank grows.
# - [ ] I give every target set its own learning rate, and extend a sweep whose best lies at the
#   edge.
# - [ ] I compare adapters at equal parameters before I name modules or rank as the cause.
# - [ ] I report a range over seeds, and call no difference inside it a finding unless it is paired.
# - [ ] I check a base model after `unload()`.
#
# ## Interview questions
#
# ??? question "You have memory for about one million trainable parameters. How do you spend them?"
#     All linear layers at the rank that fits, because the target list decides which functions can
#     change. Then try one alternative at equal parameters, its own learning rate, three seeds.
#     Raise the rank only if training loss stalls while full tuning's still falls: that shows
#     missing capacity.
#
# ??? question "A colleague raises the rank from 8 to 128 with α = 2r and the loss explodes. What happened?"
#     The scale stays at 2 while a step's progress sums over the rank: about 16 times as much at the
#     same learning rate. Lower the rate by up to 16×, keep α fixed, or sweep again. If it then
#     trains, the rank was not the cause.
#
# ??? question "A paper reports that a LoRA variant beats LoRA by one point. What do you check first?"
#     LoRA's own sweep of the learning rate; the effective step size, which α and the initialization
#     change (a larger one can win at a rate too low for LoRA); seeds and their spread; equal
#     parameters and steps.
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | The adapter hardly learns | full tuning's learning rate was inherited | sweep; start one decade higher |
# | A higher rank diverges | often α = 2r at a lower rank's rate | fixed α, or a new sweep |
# | "Target modules not found" | another architecture's names | `target_modules="all-linear"` |
# | The best rate is the largest tried | the sweep ended early | extend it |
# | A ranking flips with the seed | a difference inside the spread | more seeds, or call it a tie |
#
# ## Further reading
#
# - Hu and others, *LoRA: Low-Rank Adaptation of Large Language Models*, 2021,
#   [arXiv:2106.09685](https://arxiv.org/abs/2106.09685). Section 7: which matrices, which rank.
# - Dettmers and others, *QLoRA: Efficient Finetuning of Quantized LLMs*, 2023,
#   [arXiv:2305.14314](https://arxiv.org/abs/2305.14314). Adapters on all linear layers.
# - Biderman and others, *LoRA Learns Less and Forgets Less*, 2024,
#   [arXiv:2405.09673](https://arxiv.org/abs/2405.09673). Long runs, where LoRA falls behind.
# - Schulman and others, *LoRA Without Regret*, 2025, [Thinking
#   Machines](https://thinkingmachines.ai/blog/lora/). Rank, placement and rate against full tuning.
# - Kalajdzievski, *A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA*, 2023,
#   [arXiv:2312.03732](https://arxiv.org/abs/2312.03732). The argument for $\alpha/\sqrt{r}$.
# - Lee and others, *Learning Rate Matters: Vanilla LoRA May Suffice for LLM Fine-tuning*, 2026,
#   [arXiv:2602.04998](https://arxiv.org/abs/2602.04998). A sweep for each variant.
# - Liu and others, *DoRA: Weight-Decomposed Low-Rank Adaptation*, 2024,
#   [arXiv:2402.09353](https://arxiv.org/abs/2402.09353). Magnitude and direction apart.
# - Meng and others, *PiSSA: Principal Singular Values and Singular Vectors Adaptation*, 2024,
#   [arXiv:2404.02948](https://arxiv.org/abs/2404.02948). Start from the weights' leading part.
# - Hayou and others, *LoRA+: Efficient Low Rank Adaptation of Large Models*, 2024,
#   [arXiv:2402.12354](https://arxiv.org/abs/2402.12354). Why $A$ and $B$ want different rates.
# - Jain and others, *NEFTune: Noisy Embeddings Improve Instruction Finetuning*, 2023,
#   [arXiv:2310.05914](https://arxiv.org/abs/2310.05914). Noise on embeddings; in TRL,
#   `neftune_noise_alpha`.
# - Chen and others, *LongLoRA: Efficient Fine-tuning of Long-Context Large Language Models*, 2023,
#   [arXiv:2309.12307](https://arxiv.org/abs/2309.12307). When embeddings and norms must train too.
#
# ## For your readiness packet
#
# Training log: the target list and why; rank, α and scaling rule; the sweep of the learning rate,
# with its edges; the comparison at equal parameters; the range over seeds.
