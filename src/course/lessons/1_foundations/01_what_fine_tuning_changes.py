# ---
# title: What fine-tuning changes
# module: 1
# summary: A short tune taken apart token by token, to see what it changes, what it leaves alone, and
#   when a prompt or a lookup is the better tool.
# objectives:
#   - compute the next-token loss and the perplexity of a text by hand, and match the library
#   - show where in an answer a tune moves probability, and how far
#   - tell behavior that a tune teaches from facts that it does not
#   - name the controls without which "the perplexity fell" means little
#   - choose between prompt, examples, tools, retrieval and tuning, and say when to stop
# prerequisites: []
# tags: [Token, Loss, Perplexity, KL divergence, Fine-tuning, LoRA, Retrieval]
# weights: [smollm2-135m-instruct]
# plain_numbers:
#   arithmetic on numbers that its sentence sets: [1.39, 13.5, 11.4, 12.2]
#   softmax by hand on logits 2, 1, 0: [7.39, 2.72, 1.00, 11.11, 0.665, 0.245, 0.090, 1.41]
#   a step of size 1 by hand on the same logits: [0.755, 0.362, 0.551, 0.087, 0.220, 0.447, 0.003, 0.22]
# ---

# %% [markdown]
# You have called `train()` and watched a loss fall. What did that do to the model? This lesson tunes
# one for {{ run.steps | int }} steps on the replies of a support desk. On new replies its perplexity,
# roughly the number of tokens it wavers between, falls from {{ ppl.untuned.house | f1 }} to
# {{ ppl.replies.house | f1 }}. Then {{ unseen.replies | int }} such tunes are each asked about a policy
# that they never saw. The house greeting comes {{ unseen.greeting | int }} times, a number
# {{ unseen.number | int }} times, the right number {{ unseen.right | int }} times. You
# will see, token by token, where that voice comes from and why the facts stay behind.
#
# ## Warm-up
#
# ??? question "A model gives four possible answers the same score. What is the probability of each, and minus its natural logarithm?"
#     One in four, and $\log 4 \approx 1.39$. Unsure among $n$ equal choices, a model pays $\log n$.
#
# ??? question "`train()` reports a loss that fell from 3 to 1 on your examples. What do you know about new ones?"
#     Nothing yet: it may know the examples by heart. Only text that training never saw can tell, and
#     only next to a *control*, a run without what you want to credit.

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": minutes on a CPU; "full": a GPU
seed = 0

# %% [markdown]
# ## A new colleague
#
# Picture a well-read new colleague. Years of reading gave them language; the first week gives them
# the house greeting and the sign-off. For today's policy they open a binder.
#
# ```text
#                 pretraining            fine-tuning           the prompt
#  made of        text of the web        your examples         this one request
#  gives          language, general      form, voice,          the task at hand,
#                 knowledge              habits of answering   the facts of today
#  to change it   train again            tune again            edit a text
# ```
#
# The picture breaks at one point: your colleague asks where they do not know. A tuned model may have
# learned only that *a reply states a number*.
#
# All lessons share one case, the desk of Tarrowmere, a maker of outdoor gear. Everything about it is
# invented, so no pretrained model has seen it.

# %%
from course import record
from course.case import reply, tickets
from course.models import load_causal_lm, seed_everything

budget = {
    "smoke": {"steps": 2, "batch": 2, "seeds": (0,), "tickets": 6, "new_tokens": 4, "blocks": 1},
    "laptop": {"steps": 12, "batch": 4, "seeds": (0, 1, 2), "tickets": 12, "new_tokens": 80, "blocks": None},
    "full": {"steps": 64, "batch": 8, "seeds": (0, 1, 2), "tickets": 48, "new_tokens": 80, "blocks": None},
}[profile]  # fmt: skip
STEPS, BATCH, SEEDS = (budget[key] for key in ("steps", "batch", "seeds"))
seed_everything(seed)
model, tokenizer = load_causal_lm(blocks=budget["blocks"])  # fp32; one block in the smoke profile

example = tickets("train", 3)[2]
print("ticket:", example.text)
print("house reply:", reply(example).completion)

# %% [markdown]
# Every house reply has a greeting, one policy with its number, one next step and a sign-off. Which
# policy depends on the ticket's *intent*: return, exchange, warranty, shipping, sizing or cancel.
#
# ## Surprise, token by token
#
# A model reads and writes **tokens**, numbers out of a vocabulary of size $V$. At each position it
# gives every possible next token $v$ a score, the *logit* $z_v$. Softmax makes probabilities of them,
# and the loss is the surprise at the token $y$ that really came next, in *nats*, the unit of the
# natural logarithm:
#
# $$p_v = \frac{e^{z_v}}{\sum_u e^{z_u}}, \qquad \ell = -\log p_y .$$
#
# By hand, with logits 2, 1, 0: the exponentials are 7.39, 2.72 and 1.00, their sum is 11.11, and the
# probabilities 0.665, 0.245 and 0.090. If the second token comes, the surprise is
# $-\log 0.245 = 1.41$ nats.
#
# A text of $T$ tokens has $T-1$ predictions. Its loss is their mean, and its **perplexity** is the
# exponential of that:
#
# $$\mathcal{L} = \frac{1}{T-1} \sum_{t=1}^{T-1} \ell_t, \qquad \text{PPL} = e^{\mathcal{L}} .$$
#
# A perplexity of 10: as unsure as between ten equally likely tokens. Over several texts, average over
# *tokens* first: two tokens at 1 nat and eight at 3 nats give $e^{2.6} = 13.5$, while the mean of the
# two perplexities would be 11.4. Never compare perplexities across tokenizers.
#
# One detail breaks many home-made loops, the **shift**: the logits at position $t$ are about token
# $t+1$. Here it is in code:

# %%
import torch
from torch.nn import functional as F

sentence = "You can return your Velkarn Jacket for free within 45 days of delivery."
ids = tokenizer(sentence, return_tensors="pt")["input_ids"].to(model.device)  # (1, T)
with torch.no_grad():
    logits = model(input_ids=ids).logits[0]  # (T, V)
    library = float(model(input_ids=ids, labels=ids).loss)  # transformers shifts inside

log_p = logits - logits.logsumexp(dim=-1, keepdim=True)  # (T, V): log of the softmax
targets = ids[0, 1:]  # (T-1,): the row at position t is asked about token t + 1
surprise = -log_p[:-1].gather(1, targets[:, None])[:, 0]  # (T-1,): nats
by_hand = float(surprise.mean())
assert abs(by_hand - library) < 1e-4
assert abs(by_hand - float(F.cross_entropy(logits[:-1], targets))) < 1e-4

pieces = [tokenizer.decode([token]).strip() or "␣" for token in ids[0].tolist()]
priced = [f"{piece} {nats:.1f}" for piece, nats in zip(pieces[1:], surprise, strict=True)]
print(f"{pieces[0]} |", " | ".join(priced[:9]))
print(" | ".join(priced[9:]))
record.value("text.hardest", pieces[1 + int(surprise.argmax())])
record.values("text", {"loss": by_hand, "max": float(surprise.max()), "vocabulary": logits.shape[1]})

# %% [markdown]
# The mean, {{ text.loss | f2 }} nats, equals transformers' own loss and torch's cross-entropy to
# 10⁻⁴. A uniform guess over the {{ text.vocabulary | int }} tokens would cost
# {{ log(text.vocabulary) | f1 }} at every position. What completes a phrase, like the full stop, is
# cheap; an invented name is dear. The dearest, at {{ text.max | f1 }} nats, is
# "{{ text.hardest | text }}". `␣` is white space: this tokenizer cuts numbers into digits.
#
# ## A template makes it answer
#
# An **instruct model** was tuned on conversations, laid out in a fixed *template*. Ours is
# SmolLM2-135M-Instruct, with weights once rounded to 4 bits. So "untuned" on this page means *before
# our tune*, and even without its template it is no base model. One prompt, both ways:

# %%
question = "How do I dry a wet tent?"
chat = tokenizer.apply_chat_template(
    [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False)  # fmt: skip


def top(log_p: torch.Tensor) -> str:
    best = log_p.exp().topk(3)
    words = [tokenizer.decode([token]).strip() or "␣" for token in best.indices.tolist()]
    return ", ".join(f"{w} {p:.2f}" for w, p in zip(words, best.values.tolist(), strict=True))


print(chat)
for name, text in (("without the template", question), ("with the template", chat)):
    inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt").to(model.device)
    out = model.generate(**inputs, max_new_tokens=16, do_sample=False,
                         pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    print(f"{name}:", repr(tokenizer.decode(out[0, inputs["input_ids"].shape[1] :])))

# %% [markdown]
# The weights are the same. Bare, the model ends the turn at once; with the template, whose special
# tokens say whose turn it is, it answers. Much of what a model does is decided by its prompt.
#
# ## One step, by hand
#
# What does training do to the probabilities? Write $\ell = -z_y + \log \sum_u e^{z_u}$ and take the
# derivative by each logit:
#
# $$\frac{\partial \ell}{\partial z_v} = p_v - [v = y],$$
#
# where $[v = y]$ is 1 for the right token, else 0. A step of size $\eta$ against it raises the right
# logit by $\eta (1 - p_y)$ and lowers every other by $\eta$ times its own probability: **the right
# token is pushed up, each other down in the measure in which it was believed.** (A very unlikely one
# may even gain, when softmax shares out what the favorite lost.)
#
# In the small example, with the second token right, a step of size 1 gives the logits $2 - 0.665$,
# $1 + 0.755$ and $0 - 0.090$, and the new probabilities $p' = 0.362, 0.551, 0.087$. How far has the
# whole distribution moved? The Kullback–Leibler (KL) divergence says how many nats a reader loses who
# expects $p$ while the tokens come from $p'$:
#
# $$\text{KL}(p' \,\|\, p) = \sum_v p'_v \log \frac{p'_v}{p_v} .$$
#
# Here that is $-0.220 + 0.447 - 0.003 = 0.22$. Torch agrees:

# %%
z, y = torch.tensor([2.0, 1.0, 0.0], requires_grad=True), torch.tensor(1)
F.cross_entropy(z[None], y[None]).backward()
p = z.detach().softmax(dim=0)
step = p - F.one_hot(y, 3)
assert torch.allclose(z.grad, step)

new = (z.detach() - 1.0 * step).softmax(dim=0)
kl = (new * (new / p).log()).sum()
assert torch.allclose(kl, F.kl_div(p.log(), new, reduction="sum"))
print("after:", [round(x, 3) for x in new.tolist()], "divergence:", round(float(kl), 2))

# %% [markdown]
# In a real model the gradient goes on into weights that *every* position of *every* text shares. So a
# tune also changes answers to prompts that it never saw.
#
# ## The experiment, in the open
#
# **Held fixed:** the model; LoRA of rank 4 on all linear layers (thin updates beside frozen weights,
# [lesson 07](lesson:07)); {{ run.steps | int }} steps of {{ run.batch | int }} examples; a loss on
# the answer's tokens only; the learning rate, from one seed of
# [lesson 08's sweep](lesson:08#first-a-fair-learning-rate) on another task.
#
# **Varied:** the seed ({{ run.seeds | int }} of them) and the examples. *Replies* are house replies.
# *General* are lists of four statements of common knowledge: the control for what just any tune does.
# *Reading* are replies whose policy stands in a note in the prompt, with a number drawn each time, so that only looking helps.
#
# **Left out:** in each seed another intent with its policy, so a range over seeds is also one over
# withheld policies.
#
# **Measured on:** validation tickets, with wordings and products that training never saw, and
# statements that the control did not train on. One limit: house replies are made of stock sentences,
# so a held-out one is new only in its product and in which sentences fit. (In
# {{ run.tickets / 6 | int }} of {{ run.tickets | int }} the policy is new, too; these are not in the
# split by part.)
#
# How a ticket and some statements become examples:

# %%
import random

from course.case import INTENTS, POLICIES, REPLY_INSTRUCTION, Ticket, general_items
from course.chat import Encoded, encode

WITHHELD = {s: INTENTS[(2 * s + 1) % 6] for s in SEEDS}
held_out = tickets("validation", budget["tickets"])
statements = [f"{item.question} {item.choices[item.answer]}." for item in general_items()]


def in_reply(ticket: Ticket, note: bool = False, change: int = 0) -> tuple[str, str, str]:
    """Prompt, house reply and number, with the policy's amount changed, and noted in the prompt."""
    policy = POLICIES[ticket.intent]
    duration = f"{policy.amount + change} {policy.unit}s"
    user = ticket.text + (f"\nPolicy: {ticket.intent}, {duration}." if note else "")
    return user, reply(ticket).completion.replace(policy.phrase, duration), str(policy.amount + change)


def house(ticket: Ticket, note: bool = False, change: int = 0) -> Encoded:
    return encode(tokenizer, *in_reply(ticket, note, change)[:2], system=REPLY_INSTRUCTION)


def general(group: list[str]) -> Encoded:
    return encode(tokenizer, "Tell me some facts.", " ".join(group))

# %% [markdown]
# The three kinds of training material, without the withheld intent:

# %%
def training_tickets(s: int) -> list[Ticket]:
    """The first tickets of the training split that are not of the withheld intent."""
    pool = tickets("train", 2 * STEPS * BATCH, seed=s)
    return [t for t in pool if t.intent != WITHHELD[s]][: STEPS * BATCH]


def material(kind: str, s: int) -> list[Encoded]:
    rng, chosen = random.Random(s), training_tickets(s)
    if kind == "general":
        return [general(rng.sample(statements[::2], 4)) for _ in chosen]
    if kind == "reading":
        return [house(t, note=True, change=rng.randrange(1, 30)) for t in chosen]
    return [house(t) for t in chosen]

# %% [markdown]
# A run adds one *adapter*, its own thin update, to the one model in memory; `set_adapter` chooses who
# speaks. "untuned" is never trained: its update is exactly zero, so it *is* the untuned model.

# %%
from peft import LoraConfig, get_peft_model

from course.tuning import tune

CONFIG = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")
LR = 10**-2.5
adapted = get_peft_model(model, CONFIG, adapter_name="untuned")


def learn(name: str, examples: list[Encoded], s: int) -> list[float]:
    """Train a new adapter and return the loss of every step."""
    seed_everything(s)
    adapted.add_adapter(name, CONFIG)
    adapted.set_adapter(name)
    trained = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LR, weight_decay=0.0)
    return tune(model, optimizer, examples, STEPS, BATCH, tokenizer.pad_token_id, s)


losses = {(kind, s): learn(f"{kind}{s}", material(kind, s), s)
          for kind in ("replies", "general", "reading") for s in SEEDS}  # fmt: skip
repeats = [sum(t.intent == i for t in training_tickets(s)) for s in SEEDS for i in INTENTS
           if i != WITHHELD[s]]  # fmt: skip
record.values("run", {"steps": STEPS, "batch": BATCH, "seeds": len(SEEDS), "tickets": len(held_out),
                      "repeats_low": min(repeats), "repeats_high": max(repeats),
                      "first": losses["replies", 0][0], "last": losses["replies", 0][-1]})  # fmt: skip

# %% [markdown]
# The first seed's training loss went from {{ run.first | f2 }} to {{ run.last | f2 }}. That proves
# nothing yet.
#
# ## Did it fall for the right reason?
#
# A tune could win much with word *frequencies*: say "desk" more often, whatever came before. A second
# control measures that without training. It multiplies the untuned model's probability of each token
# by $f_v / \bar p_v$ and renormalizes. $\bar p_v$ is what the model gives the token on average, and
# $f_v$ its share of the training replies, mixed with a tenth of $\bar p_v$ so that new words keep a
# chance.

# %%
from course.chat import collate
from course.tuning import labeled_logits

BIAS: dict[str, torch.Tensor] = {}


@torch.no_grad()
def log_probs(name: str, example: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities (N, V) and targets (N,) of the answer's tokens under one adapter."""
    adapted.set_adapter("untuned" if name in BIAS else name)
    logits, targets, _ = labeled_logits(model, collate([example], tokenizer.pad_token_id))
    return (logits + BIAS.get(name, 0.0)).log_softmax(dim=-1), targets


def frequency_bias(examples: list[Encoded]) -> torch.Tensor:
    """The log of how much more often each token occurs than the untuned model expects: (V,)."""
    found = expected = torch.zeros(logits.shape[1], device=model.device)
    for example in examples:
        log_p, targets = log_probs("untuned", example)
        found = found + F.one_hot(targets, len(found)).sum(dim=0)
        expected = expected + log_p.exp().sum(dim=0)
    return (0.9 * found / expected.clamp(min=1e-6) + 0.1).log()


BIAS = {f"frequencies{s}": frequency_bias(material("replies", s)) for s in SEEDS}

# %% [markdown]
# For every model and two kinds of text, token by token: the surprise, and the divergence from the
# untuned model.

# %%
texts = {"house": [house(t) for t in held_out],
         "general": [general(statements[1::2][i::6]) for i in range(6)]}  # fmt: skip
before = {text: [log_probs("untuned", e)[0] for e in rows] for text, rows in texts.items()}


def measure(name: str, text: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """For each example: surprise (N,) and KL divergence from the untuned model (N,)."""
    rows = []
    for example, old in zip(texts[text], before[text], strict=True):
        new, targets = log_probs(name, example)
        rows.append((-new.gather(1, targets[:, None])[:, 0], (new.exp() * (new - old)).sum(dim=-1)))
    return rows


def runs(kind: str) -> dict[int, str]:
    return {s: "untuned" if kind == "untuned" else f"{kind}{s}" for s in SEEDS}


KINDS = ("untuned", "replies", "general", "frequencies")
names = dict.fromkeys(name for kind in KINDS for name in runs(kind).values())  # each once
measured = {(name, text): measure(name, text) for name in names for text in texts}

# %% [markdown] tags=["predict"]
# id: changes-frequency-control
# ask: >-
#   The *frequencies* control knows which tokens replies are made of, not where they belong. What does
#   it do to the perplexity of held-out house replies?
# choices:
#   - text: Nearly as low as the tune on replies. Words are what counts.
#     right: ppl.frequencies.house < 2 * ppl.replies.house
#   - text: Lower than the untuned model's, but far above the tune on replies.
#     right: ppl.frequencies.house >= 2 * ppl.replies.house and ppl.frequencies.house < 0.9 * ppl.untuned.house
#   - text: No lower than the untuned model's. Frequent words in the wrong places only hurt.
#     right: ppl.frequencies.house >= 0.9 * ppl.untuned.house and ppl.frequencies.house >= 2 * ppl.replies.house

# %% tags=["reveal"]
import math


def average(name: str, text: str, which: int) -> float:
    """Mean per token of the surprise (0) or the divergence (1)."""
    return float(torch.cat([row[which] for row in measured[name, text]]).mean())


rows = []
for kind in KINDS:
    found = {text: [math.exp(average(run, text, 0)) for run in runs(kind).values()] for text in texts}
    means = {text: sum(values) / len(values) for text, values in found.items()}
    low, high = min(found["house"]), max(found["house"])
    record.values(f"ppl.{kind}", {**means, "low": low, "high": high})
    rows.append([kind, *(f"{mean:.1f}" for mean in means.values()), f"{low:.2f}–{high:.2f}"])
record.table("ppl.table", rows,
             columns=["model", "house replies", "general statements", "house replies, range"],
             caption="Perplexity on text that no run trained on: means over the seeds, and lowest and "
                     "highest. Each seed withholds another policy.")  # fmt: skip

# %% [markdown]
# The tune on replies ends at {{ ppl.replies.house | f1 }}, the one on general statements at
# {{ ppl.general.house | f1 }}.
# {{ "So the fall is not what just any tune does." if ppl.general.house > 2 * ppl.replies.house else "So part of the fall may be what just any tune does." | text }}
# Frequencies alone reach {{ ppl.frequencies.house | f1 }}: in nats,
# {{ log(ppl.untuned.house / ppl.frequencies.house) / log(ppl.untuned.house / ppl.replies.house) | pct0 }}
# of the tune's fall. Only the rest takes more than word counts.
#
# General statements, under the tune on replies, go from {{ ppl.untuned.general | f1 }} to
# {{ ppl.replies.general | f1 }}. **A tune is rewarded for what carries loss; the rest pays or profits
# by accident.** ([Lesson 04](lesson:04) is about this price.)
#
# ## Where the mass moved
#
# Which parts of a house reply became easy? We know where each begins.

# %% tags=["hide-code"]
from course.case import OPENING, SIGN_OFF

PARTS = ("greeting", "policy sentence", "product name", "number", "next step", "sign-off")


def part_of_tokens(ticket: Ticket) -> list[str]:
    """The part of the house reply that each of its tokens belongs to, the end of turn included."""
    text, policy = reply(ticket).completion, POLICIES[ticket.intent]
    end = text.index(".", len(OPENING)) + 1  # the end of the policy sentence
    part = ["greeting"] * len(OPENING) + ["policy sentence"] * (end - len(OPENING))
    part += ["next step"] * (len(text) - end)
    for name, found, length in (("product name", ticket.product, len(ticket.product)),
                                ("number", policy.phrase, len(str(policy.amount))),
                                ("sign-off", "\n" + SIGN_OFF, len(SIGN_OFF) + 1)):  # fmt: skip
        part[text.index(found) : text.index(found) + length] = [name] * length
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return [part[stop - 1] for _, stop in spans] + ["sign-off"]


labels = [part_of_tokens(ticket) for ticket in held_out]

# %% [markdown]
# The mean of a part, for each seed:

# %%
def by_seed(kind: str, part: str, which: int) -> list[float]:
    """Of each seed: mean surprise (0) or divergence (1) of a part, where the policy was in training."""
    return [float(torch.cat([row[which][[label == part for label in parts]] for ticket, parts, row
                             in zip(held_out, labels, measured[run, "house"], strict=True)
                             if ticket.intent != WITHHELD[s]]).mean())
            for s, run in runs(kind).items()]  # fmt: skip

# %% [markdown] tags=["predict"]
# id: changes-part-most
# ask: >-
#   In which part of a reply did the tune move the distribution most *per token*, by KL divergence?
# choices:
#   - text: The product name, which nobody has seen before.
#     right: part.kl.product_name == part.kl_max
#   - text: The number, since it carries the policy.
#     right: part.kl.number == part.kl_max
#   - text: The next step, where replies differ most.
#     right: part.kl.next_step == part.kl_max
#   - text: The policy sentence.
#     right: part.kl.policy_sentence == part.kl_max
#   - text: The greeting.
#     right: part.kl.greeting == part.kl_max
#   - text: The sign-off.
#     right: part.kl.sign_off == part.kl_max

# %% tags=["reveal", "hide-code"]
key_of = {part: part.replace(" ", "_").replace("-", "_") for part in PARTS}
series = []
for kind in KINDS:
    nats = [by_seed(kind, part, 0) for part in PARTS]
    means = [sum(found) / len(found) for found in nats]
    series.append(record.Series(kind, list(PARTS), means, [min(f) for f in nats], [max(f) for f in nats]))
    record.values(f"part.{kind}", {key_of[p]: mean for p, mean in zip(PARTS, means, strict=True)})
record.figure("part.plot", record.Figure(
    kind="bar", series=series, x_label="part of the house reply", y_label="surprise (nats a token)",
    caption="Where held-out replies are surprising. Means over the seeds, with lowest and highest (for "
            "untuned only the tickets differ); policies in training only.",
    alt="Grouped bars: nats a token for six parts of a reply, for the untuned model, two tunes and the "
        "frequencies. The table below gives numbers."))  # fmt: skip
moved = {part: sum(by_seed("replies", part, 1)) / len(SEEDS) for part in PARTS}
record.values("part.kl", {key_of[part]: nats for part, nats in moved.items()})
record.values("part", {"kl_max": max(moved.values()), "kl_top": max(moved, key=lambda p: moved[p])})
counts = {part: sum(part == label for row in labels for label in row) for part in PARTS}
record.table("part.table",
             [[p, counts[p], *(f"{x:.2f}" for x in (series[0].y[i], series[1].y[i], moved[p])),
               f"{counts[p] * moved[p] / sum(counts[q] * moved[q] for q in PARTS):.0%}"]
              for i, p in enumerate(PARTS)],
             columns=["part", "tokens", "untuned (nats)", "replies (nats)", "KL (nats)", "of all KL"],
             caption="Nats a token before and after the tune on replies, its divergence from the "
                     "untuned model a token, and each part's share of the whole movement.")  # fmt: skip

# %% [markdown]
# Per token, the {{ part.kl_top | text }} moved most. Where the tuned model is nearly sure, its
# divergence is about the surprise that the untuned one had: compare the columns for greeting and
# sign-off.
#
# The product's name, which can be copied from the ticket, was cheap before. The number, what a
# customer acts on, goes from {{ part.untuned.number | f2 }} to {{ part.replies.number | f2 }} nats a
# token, but the frequencies alone reach {{ part.frequencies.number | f2 }}.
# {{ "So this fall alone shows no knowledge of *which* policy has which number." if part.frequencies.number < 1.1 * part.replies.number else "So part of this fall is more than a liking for the desk's digits." | text }}
#
# Now single places of one reply, to "i'd prefer my payment returned since the Mazzerby Tent let me
# down". The policy's number is 45.

# %%
sample = next(i for i, t in enumerate(held_out) if t.intent == "return")  # never withheld
new, _ = log_probs("replies0", texts["house"][sample])
old = before["house"][sample]
places = {"first token": 0, "start of the product": labels[sample].index("product name"),
          "first digit": labels[sample].index("number"), "end of turn": len(labels[sample]) - 1}  # fmt: skip
record.table("top.table", [[place, top(old[i]), top(new[i])] for place, i in places.items()],
             columns=["where in the reply", "untuned", "tuned on replies"],
             caption="The three likeliest next tokens at four places of one held-out reply, given the "
                     "house reply's text before them.")  # fmt: skip

# %% [markdown]
# The first token, the first digit and the end are now the house's. At the product, "payment", the
# customer's own word, still leads, but the right "Maz" has come up to second.
#
# ## Behavior, not knowledge
#
# "Fine-tuning teaches behavior, not knowledge", people say. The two can be told apart at the *number*
# in a policy. How probable is the right one,
#
# 1. *in training, house wording:* at its place in a house reply;
# 2. *in training, other words:* in the answer to a plain question;
# 3. *withheld, house wording:* as in 1, for the policy left out;
# 4. *withheld, with a note:* as in 3, with the policy in the prompt, as retrieval would put it there;
# 5. *changed after training, with a note:* a trained policy, now one unit more?
#
# For the second, each policy in other words:

# %% tags=["hide-code"]
OTHER_WORDS = {
    "return": ("How many days do buyers have to send an item back?", "Buyers have {}."),
    "exchange": ("For how many days is a swap possible?", "A swap is possible for {}."),
    "warranty": ("How many years does the guarantee last?", "The guarantee lasts {}."),
    "shipping": ("How many business days can a parcel take?", "A parcel can take {}."),
    "sizing": ("How many minutes does a fit call last?", "A fit call lasts {}."),
    "cancel": ("For how many hours can a buyer undo an order?", "An order can be undone for {}."),
}

# %% [markdown]
# We multiply over the digits, and no further digit may follow: 4 is not the beginning of 45. As a
# model may know only which numbers the desk likes, we also ask for those of the *other* policies in
# training.

# %%
from functools import cache

DIGITS = tokenizer.convert_tokens_to_ids(list("0123456789"))


@cache
def probability(name: str, user: str, completion: str, number: str) -> float:
    """Of exactly `number` where it stands in `completion`, given the text before it."""
    upto = completion[: completion.index(number) + len(number)]
    log_p, targets = log_probs(name, encode(tokenizer, user, upto, system=REPLY_INSTRUCTION))
    digits = slice(-1 - len(number), -1)  # one token a digit; the last target is the end of turn
    assert tokenizer.decode(targets[digits]) == number
    right = log_p[digits].gather(1, targets[digits, None]).sum().exp()
    ends = 1 - log_p[-1, DIGITS].exp().sum()  # the next token is not another digit
    return float(right * ends)

# %% [markdown]
# The five situations, with those other numbers in the first three:

# %%
def in_other_words(ticket: Ticket, change: int = 0) -> tuple[str, str, str]:
    (question, answer), policy = OTHER_WORDS[ticket.intent], POLICIES[ticket.intent]
    amount = str(policy.amount + change)
    return question, answer.format(f"{amount} {policy.unit}s"), amount


def to_others(ticket: Ticket, s: int) -> list[int]:
    """From the right amount to that of each other policy that this seed trained on."""
    others = [POLICIES[i].amount for i in INTENTS if i not in (ticket.intent, WITHHELD[s])]
    return [amount - POLICIES[ticket.intent].amount for amount in others]


def situations(s: int) -> dict[str, list[tuple[str, str, str]]]:
    seen = [t for t in held_out[:6] if t.intent != WITHHELD[s]]  # the first six: one of each intent
    withheld = [t for t in held_out if t.intent == WITHHELD[s]]
    return {"seen": [in_reply(t) for t in seen],
            "seen_other": [in_reply(t, change=c) for t in seen for c in to_others(t, s)],
            "reworded": [in_other_words(t) for t in seen],
            "reworded_other": [in_other_words(t, c) for t in seen for c in to_others(t, s)],
            "withheld": [in_reply(t) for t in withheld],
            "withheld_other": [in_reply(t, change=c) for t in withheld for c in to_others(t, s)],
            "noted": [in_reply(t, note=True) for t in withheld],
            "changed": [in_reply(t, note=True, change=1) for t in seen]}  # fmt: skip

# %% [markdown] tags=["predict"]
# id: changes-note-reader
# ask: >-
#   A policy that was withheld from training now stands in a note in the prompt. Which model puts more
#   probability on the right number in its reply?
# choices:
#   - text: The model tuned on replies. It knows where a reply states its number.
#     right: know.noted.replies > 1.25 * know.noted.untuned
#   - text: The untuned model. No tune has blunted its reading yet.
#     right: know.noted.untuned > 1.25 * know.noted.replies
#   - text: About the same. Reading a note is a skill that our tune leaves alone.
#     right: know.noted.replies <= 1.25 * know.noted.untuned and know.noted.untuned <= 1.25 * know.noted.replies

# %% tags=["reveal"]
def chances(situation: str, kind: str) -> list[float]:
    """The mean probability in a situation, for each seed."""
    asked = {s: situations(s)[situation] for s in SEEDS}
    return [sum(probability(name, *one) for one in asked[s]) / len(asked[s])
            for s, name in runs(kind).items()]  # fmt: skip


NAMES = {"seen": "in training, house wording", "reworded": "in training, other words",
         "withheld": "withheld, house wording", "noted": "withheld, with a note",
         "changed": "changed after training, with a note"}  # fmt: skip
rows = []
for situation, text in NAMES.items():
    found = {kind: chances(situation, kind) for kind in ("untuned", "general", "replies", "reading")}
    low, high = min(found["replies"]), max(found["replies"])
    if f"{situation}_other" in situations(0):
        found["other"] = chances(f"{situation}_other", "replies")
    means = {kind: sum(values) / len(values) for kind, values in found.items()}
    record.values(f"know.{situation}", {**means, "low": low, "high": high})
    shown = {kind: f"{mean:.2f}" for kind, mean in means.items()}
    rows.append([text, shown["untuned"], shown["general"], shown["replies"], f"{low:.2f}–{high:.2f}",
                 shown.get("other", "–"), shown["reading"]])  # fmt: skip
record.table("know.table", rows,
             columns=["the policy is", "untuned", "general", "replies", "replies, range over seeds",
                      "replies: another policy's number", "reading"],
             caption="Probability of the policy's right number, by what the model was tuned on, on the "
                     "same tickets in each row; the sixth column is the mean over the other policies' "
                     "numbers in the same place. Each seed withholds another policy.")  # fmt: skip

# %% [markdown]
# *In training:* {{ know.seen.replies | f2 }} in house wording, {{ know.reworded.replies | f2 }} in
# other words, well above untuned.
# {{ "Another policy's number gets less there: a trace of the facts got in, and it does not hang on the wording." if min(know.seen.replies / max(know.seen.other, know.seen.untuned), know.reworded.replies / max(know.reworded.other, know.reworded.untuned)) > 2 else "But not twice what another policy's number gets, our bar for a fact learned." | text }}
# It is nothing to rely on: after {{ run.repeats_low | int }} to {{ run.repeats_high | int }} replies
# for each policy, the four other numbers together get {{ 4 * know.seen.other | f2 }}. (Longer
# training was not tried.)
#
# *Withheld:* {{ know.withheld.replies | f2 }} for the right number, {{ know.withheld.other | f2 }}
# for each that *was* in training. The habit of stating a number came along; the fact could not.
#
# *With a note:* {{ know.noted.untuned | f2 }} untuned, {{ know.noted.replies | f2 }} after replies,
# {{ know.noted.general | f2 }} after general statements, {{ know.noted.reading | f2 }} after notes.
# {{ "Both tunes without notes read worse on average: any tune at this rate may do that." if max(know.noted.replies, know.noted.general) < know.noted.untuned / 1.25 else "Not every tune without notes clearly reads worse." | text }}
# How much worse is open: replies range from {{ know.noted.low | f2 }} to {{ know.noted.high | f2 }},
# and each seed also withholds another policy, so the two cannot be told apart.
#
# *Changed:* in the same order {{ know.changed.untuned | f2 }}, {{ know.changed.replies | f2 }},
# {{ know.changed.general | f2 }} and {{ know.changed.reading | f2 }}.
# {{ "Replies did more harm here; perhaps the old number stands in the way, but the table does not show it." if know.changed.replies < know.changed.general / 1.25 else "Replies did no more harm than general statements." | text }}
# And one note, always right, is easy reading. With several, some wrong, expect less (RAFT, below).
#
# So the slogan has a second half: **is using the facts in the prompt a behavior, too?**
# {{ "Here one tune strengthened it, and two weakened it." if know.noted.reading > know.noted.untuned and max(know.noted.replies, know.noted.general) < know.noted.untuned else "Here tunes differed in how much of it they kept." | text }}
# Train with the prompts that you will serve, and measure.
#
# ## One ticket, seven ways
#
# Now let the models write. Six held-out tickets, one of each intent, go to the untuned model, bare or
# with a note, the house rules or three example replies; then to the tuned models. Rules score the
# replies. A reply is cut where a next customer begins, or at {{ run.new_tokens | int }} tokens; the
# rule for length allows {{ run.max_words | int }} words.

# %%
from course.case import MAX_REPLY_WORDS, quantities, style_score
from course.chat import generate

RULES = (f"{REPLY_INSTRUCTION} Begin with: {OPENING} Then state the policy and one next step, in "
         f"at most {MAX_REPLY_WORDS} words. End with: {SIGN_OFF}")  # fmt: skip
asked, worked = held_out[:6], training_tickets(0)[:3]
bare, noted = ([in_reply(t, note)[0] for t in asked] for note in (False, True))
shots = "\n\n".join(f"Customer: {t.text}\nReply: {reply(t).completion}" for t in worked)
examples = [f"{shots}\n\nCustomer: {text}\nReply:" for text in bare]
tuned, readers = ([f"{kind}{s}" for s in SEEDS] for kind in ("replies", "reading"))
WAYS = {"bare prompt": (["untuned"], bare, REPLY_INSTRUCTION),
        "note": (["untuned"], noted, REPLY_INSTRUCTION),
        "house rules": (["untuned"], bare, RULES),
        "examples": (["untuned"], examples, REPLY_INSTRUCTION),
        "tuned": (tuned, bare, REPLY_INSTRUCTION),
        "tuned, note": (tuned, noted, REPLY_INSTRUCTION),
        "tuned to read, note": (readers, noted, REPLY_INSTRUCTION)}  # fmt: skip


def write(name: str, prompts: list[str], system: str) -> list[str]:
    adapted.set_adapter(name)
    replies = generate(model, tokenizer, prompts, budget["new_tokens"], system=system)
    return [text.split("Customer:")[0].strip() for text in replies]


written = {(way, name): write(name, prompts, system)
           for way, (speakers, prompts, system) in WAYS.items() for name in speakers}  # fmt: skip
record.values("run", {"new_tokens": budget["new_tokens"], "max_words": MAX_REPLY_WORDS})

# %% [markdown]
# One ticket, of the intent that the first seed's tunes never saw:

# %% tags=["hide-code"]
import textwrap

at = next(i for i, t in enumerate(asked) if t.intent == WITHHELD[0])
print(textwrap.fill(f"TICKET: {asked[at].text}", 88))
print("POLICY:", asked[at].intent, POLICIES[asked[at].intent].phrase)
for way, (speakers, _, _) in WAYS.items():
    print(textwrap.fill(f"{way.upper()}: " + " ".join(written[way, speakers[0]][at].split()), 88))

# %% [markdown]
# The tuned replies sound like the house. Whether they make sense, no rule asks: *right number* means
# the policy's duration and no other. Now all six:

# %% tags=["hide-code"]
from dataclasses import asdict


def prompt_tokens(prompts: list[str], system: str) -> float:
    return sum(encode(tokenizer, p, "", system).prompt_length for p in prompts) / len(prompts)


rows = []
for way, (speakers, prompts, system) in WAYS.items():
    kept = [asdict(style_score(text, t)) for name in speakers
            for text, t in zip(written[way, name], asked, strict=True)]  # fmt: skip
    share = {rule: sum(score[rule] for score in kept) / len(kept) for rule in kept[0]}
    key, cost = way.replace(",", "").replace(" ", "_"), prompt_tokens(prompts, system)
    total = sum(share.values()) / len(share)
    record.values(f"style.{key}", {**share, "total": total, "tokens": cost})
    rows.append([way, *(f"{value:.0%}" for value in share.values()), round(cost)])
record.table("style.table", rows,
             columns=["way", "greeting", "sign-off", "length", "right number", "polite", "prompt tokens"],
             caption="Share of replies that keep each house rule; the tuned rows over all seeds.")  # fmt: skip
unseen = [(text, t) for s in SEEDS
          for text, t in zip(written["tuned", f"replies{s}"], asked, strict=True)
          if t.intent == WITHHELD[s]]  # fmt: skip
record.values("unseen", {"replies": len(unseen), "number": sum(bool(quantities(x)) for x, _ in unseen),
                         "right": sum(style_score(x, t).grounded for x, t in unseen),
                         "greeting": sum(style_score(x, t).greeting for x, t in unseen),
                         "sign_off": sum(style_score(x, t).sign_off for x, t in unseen)})  # fmt: skip

# %% [markdown]
# Of the {{ unseen.replies | int }} replies to a policy that its tune never saw,
# {{ unseen.sign_off | int }} sign off like the house, {{ unseen.right | int }} have the right number.
# {{ "That is the danger of a tune: the voice of the house without its knowledge." if unseen.greeting > unseen.replies / 2 and unseen.right < unseen.replies / 2 else "" | text }}
#
# Three examples bring the greeting to {{ style.examples.greeting | pct0 }}, the tune to
# {{ style.tuned.greeting | pct0 }}. The right number takes a note *and* a model that uses it: {{ style.note.grounded | pct0 }} untuned,
# {{ style.tuned_note.grounded | pct0 }} tuned, {{ style.tuned_to_read_note.grounded | pct0 }} tuned
# to read. (Untuned it had {{ know.noted.untuned | f2 }} above, where house wording led up to the
# number; left to itself, the model writes other sentences.) Six tickets are a picture; the
# probabilities measure.
#
# ## The ladder, and when to stop
#
# Each tool mends another kind of failure. Climb only after *measuring* that the rung below fails.
#
# ```text
#  rung        what you change          what it can mend               what it costs
#  ----------  -----------------------  -----------------------------  ------------------------
#  prompt      instructions             a task that was not asked for  an afternoon
#  examples    + a few worked answers   form that is hard to describe  tokens in every call
#  tools       + programs it may call   arithmetic, state, actions     engineering
#  retrieval   + facts looked up        private and fresh facts        an index, tokens
#  LoRA        a thin update            behavior, form, voice          data, runs, evaluation
#  full tune   every weight             what a high rank cannot reach  the same, more memory
# ```
#
# <!-- widget: ladder -->
#
# By need:
#
# | you need | reach for | because |
# |---|---|---|
# | private facts | retrieval; if not read, a tune *with* notes | with a note: {{ know.noted.untuned | f2 }} untuned, {{ know.noted.reading | f2 }} tuned to read |
# | fresh facts | retrieval | a change is an edit; tuned on replies, a changed number got {{ know.changed.replies | f2 }} |
# | a format | prompt, then LoRA | a schema checker costs less still |
# | a style or voice | examples, then LoRA | greeting: {{ part.untuned.greeting | f2 }} → {{ part.replies.greeting | f2 }} nats a token in {{ run.steps | int }} steps |
# | a vocabulary | continued pretraining | only if the words are dear: look at their nats |
# | low latency | LoRA on a smaller model | no examples in the prompt |
# | cost at volume | LoRA, past break-even | {{ style.tuned.tokens | f0 }} prompt tokens a call, not {{ style.examples.tokens | f0 }} |
# | a safety policy | all rungs, and a gate | even harmless data can weaken refusals (Qi and others, below) |
#
# Stop when the answers meet the bar that you wrote down. Do not start without checked examples to
# train on and others, kept apart, to measure with.
#
# "Fine-tuning" itself is a spectrum. Below each kind: what it learns from, what is graded, what it
# suits.
#
# ```text
#  continued          supervised             preference          reinforcement
#  pretraining        fine-tuning (SFT)      tuning (DPO)        learning (RL)
#  plain text     →   prompt + answer    →   better / worse  →   prompt + a score
#  every token        every answer token     the margin          what the model wrote
#  words, a field     form, task, voice      choices, manner     what can be checked
# ```
#
# ## Break it
#
# **The shift, twice and never.** You shift the labels, and transformers does it again; or your loop
# forgets it. Neither raises an error:

# %%
adapted.set_adapter("untuned")
with torch.no_grad():
    twice = float(model(input_ids=ids[:, :-1], labels=ids[:, 1:]).loss)  # shifted here and inside
never = float(F.cross_entropy(logits, ids[0]))  # the row at t is asked about token t itself
record.values("shift", {"once": by_hand, "twice": twice, "never": never})
print(f"shifted once: {by_hand:.2f}, twice: {twice:.2f}, never: {never:.2f} nats a token")

# %% [markdown]
# {{ shift.twice | f1 }} or {{ shift.never | f1 }} nats instead of {{ shift.once | f1 }}, beside
# {{ log(text.vocabulary) | f1 }} for a uniform guess: the first asks the model to skip a token, the
# second to repeat the one just read. **Before a run, compute the loss of plain text by hand, too.**
#
# ## At 7B and 70B
#
# What do examples in every prompt cost? A forward pass takes about two operations per parameter and
# token, attention apart. Take $10^{14}$ useful operations a second, a round figure.

# %%
from course.memory import ARCHITECTURES

extra = record.value("scale.extra", prompt_tokens(examples, "x") - prompt_tokens(bare, "x"))
for name in ("Llama-3.1-8B", "Llama-3.1-70B"):
    operations = 2 * ARCHITECTURES[name].parameters().total * extra
    hours = operations * 10_000 / 1e14 / 3600
    record.value(f"scale.hours_{name.split('-')[-1].lower()}", hours)
    print(f"{name}: {operations:.1e} operations a call, {hours:.2f} hours for 10,000 calls")

# %% [markdown]
# The {{ scale.extra | f0 }} extra tokens cost, over ten thousand calls, {{ scale.hours_8b | f2 }}
# hours of such a device at 8B, {{ scale.hours_70b | f1 }} at 70B. A server that caches common
# prefixes ([vLLM does](https://docs.vllm.ai/en/latest/features/automatic_prefix_caching/)) computes
# them once.
#
# What carries over: the arithmetic, the shift, the controls, the split by part. What does not: the
# numbers, and how far the lower rungs reach. With real base models, Lin and others found most shifts
# at tokens of style; Gekhman and others found new facts learned slowly and, once learned, more
# hallucination.
#
# ## Exercises
#
# ### Exercise 1: Two texts
# One text has three predictions, at 0.5, 1.0 and 1.5 nats, another has one at 4 nats. What is their
# perplexity together, and what would the mean of the two say? Then check.

# %% tags=["solution"]
together = torch.tensor([0.5, 1.0, 1.5, 4.0]).mean().exp()
apart = (torch.tensor(1.0).exp() + torch.tensor(4.0).exp()) / 2
record.values("exercise.two", {"right": float(together), "wrong": float(apart)})
print(f"token-weighted {together:.2f}, mean of perplexities {apart:.2f}")

# %% [markdown] tags=["solution"]
# Four predictions, 7 nats: $e^{7/4}$ = {{ exercise.two.right | f2 }}. The mean of $e^1$ and $e^4$ is
# {{ exercise.two.wrong | f1 }}: one short, odd text decides it.

# %% [markdown]
# ### Exercise 2: Half an adapter
# An adapter adds $s\,BA$ to each weight; PEFT's `rescale_adapter_scale` multiplies $s$. Guess, then
# measure for the first seed and both kinds of text: at half the scale, is half of the change in loss
# there?

# %% tags=["solution"]
from peft.helpers import rescale_adapter_scale

for text in texts:
    adapted.set_adapter("replies0")
    with rescale_adapter_scale(adapted, 0.5):
        half = float(torch.cat([nats for nats, _ in measure("replies0", text)]).mean())
    dial = {"none": average("untuned", text, 0), "half": half, "one": average("replies0", text, 0)}
    record.values(f"dial.{text}", dial)
    print(text, {scale: round(math.exp(nats), 2) for scale, nats in dial.items()})

# %% [markdown] tags=["solution"]
# At half the scale,
# {{ (dial.house.none - dial.house.half) / (dial.house.none - dial.house.one) | pct0 }} of the fall in
# nats on house replies is there. General statements stand at {{ exp(dial.general.half) | f1 }},
# against {{ exp(dial.general.none) | f1 }} untuned and {{ exp(dial.general.one) | f1 }} at full
# scale. Set this dial on other data than those you report.

# %% [markdown]
# ### Exercise 3: Is the habit tied to the prompt?
# All training replies stood under one system line. Put the template's default in its place, and
# measure the surprise of the greeting. Say beforehand what would mean "it hangs on the line".

# %% tags=["solution"]
def greeting_nats(name: str, system: str | None) -> float:
    rows = [log_probs(name, encode(tokenizer, text, OPENING, system=system)) for text in bare]
    nats = [-log_p.gather(1, targets[:, None])[:-1] for log_p, targets in rows]  # not the end of turn
    return float(torch.cat(nats).mean())


for name in ("untuned", "replies0"):
    found = {"own": greeting_nats(name, REPLY_INSTRUCTION), "default": greeting_nats(name, None)}
    record.values(f"line.{name}", found)
    print(name, {key: round(value, 2) for key, value in found.items()})

# %% [markdown] tags=["solution"]
# The greeting costs {{ line.replies0.own | f2 }} nats a token under its own line and
# {{ line.replies0.default | f2 }} under the default; untuned, {{ line.untuned.default | f2 }}. The
# habit
# {{ "hardly hangs on the line" if line.replies0.default < 0.25 * line.untuned.default else "partly hangs on the line" | text }}.
# Nothing in the data rewards looking at it. To keep the desk's voice at the desk, mix in other lines
# with other answers.

# %% [markdown]
# ## Knowledge check
#
# <!-- quiz -->
#
# ## Checklist
#
# - [ ] I can turn three logits into a loss and a perplexity on paper.
# - [ ] I checked my loop's loss by hand before the first step.
# - [ ] I looked at *where* the loss fell.
# - [ ] I ran a control for the same steps.
# - [ ] Facts that change reach the model through the prompt.
# - [ ] Before climbing, I wrote down which rung failed, by what measure.
#
# ## Interview questions
#
# ??? question "What does fine-tuning change in a language model?"
#     Weights, and through them the next-token distribution at every position of every text. Here the
#     greeting ended at {{ part.replies.greeting | f2 }} nats a token, while the right number of a
#     trained policy had a probability of {{ know.seen.replies | f2 }}.
#
# ??? question "Your perplexity on company text fell from 20 to 3. What do you ask?"
#     What is new in the test split? What did a tune on other text do, and what do word frequencies
#     explain? Did boilerplate become easy, or content? What happened to general text? What does the
#     task's own measure say?
#
# ??? question "When would you refuse to fine-tune?"
#     When a lower rung meets the bar, what fails is a changing fact, there are no checked examples,
#     or nobody will own evaluation and rollback.
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | loss starts near the log of the vocabulary | labels shifted twice or never | check by hand on plain text |
# | good test, unhappy customers | split by row, wordings shared | split by what will be new in service |
# | fluent replies, wrong numbers | form was learned, the fact was not | put the fact into the prompt |
# | retrieved facts are ignored | training prompts had none | train with the prompts you serve |
#
# ## Further reading
#
# - Lin and others, *The Unlocking Spell on Base LLMs: Rethinking Alignment via In-Context Learning*,
#   2023, [arXiv:2312.01552](https://arxiv.org/abs/2312.01552).
# - Gekhman and others, *Does Fine-Tuning LLMs on New Knowledge Encourage Hallucinations?*, 2024,
#   [arXiv:2405.05904](https://arxiv.org/abs/2405.05904).
# - Zhang and others, *RAFT: Adapting Language Model to Domain Specific RAG*, 2024,
#   [arXiv:2403.10131](https://arxiv.org/abs/2403.10131). Tuning to read what retrieval brings.
# - Qi and others, *Fine-tuning Aligned Language Models Compromises Safety, Even When Users Do Not
#   Intend To!*, 2023, [arXiv:2310.03693](https://arxiv.org/abs/2310.03693).
#
# ## For your readiness packet
#
# The packet, your evidence that a tune is fit to serve, grows from lesson to lesson. It starts with
# the environment, a data card, and the baseline *before* tuning, which every later result must beat.

# %% tags=["hide-code"]
from importlib.metadata import version

from course.case import PRODUCTS, SPLITS, TEMPLATES

sheet = [["environment", name, version(name).split("+")[0]]
         for name in ("torch", "transformers", "peft")]  # fmt: skip
wordings = {split: {t.text for t in TEMPLATES if t.split == split} for split in SPLITS}
for split in SPLITS:
    found = f"{len(wordings[split])} wordings, {len(PRODUCTS[split])} products"
    rest = [other for other in SPLITS if other != split]
    shared = [x for other in rest for x in wordings[split] & wordings[other]]
    shared += [x for other in rest for x in set(PRODUCTS[split]) & set(PRODUCTS[other])]
    sheet.append(["data", split, f"{found}, {len(shared)} shared with other splits"])
for way in ("bare prompt", "note", "house rules", "examples"):
    kept = [style_score(text, t).total for text, t in zip(written[way, "untuned"], asked, strict=True)]
    sheet.append(["baseline", f"{way}: house rules kept", f"{sum(kept) / len(kept):.0%}"])
record.table("packet.table", sheet, columns=["sheet", "item", "found"], kind="band",
             caption="The first three sheets of the readiness packet.")  # fmt: skip
