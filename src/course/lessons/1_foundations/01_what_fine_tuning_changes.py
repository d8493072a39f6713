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
# read_minutes: 28
# weights: [smollm2-135m-instruct]
# plain_numbers: [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 45, 96]
# ---

# %% [markdown]
# You have called `train()` and watched a loss fall. What did that do to the model? This lesson tunes
# one for {{ run.steps | int }} steps on the replies of a support desk, then reads it token by token.
# The perplexity of replies to new tickets falls from {{ ppl.untuned.house | f1 }} to
# {{ ppl.replies.house | f1 }}. A policy's number that was in training then gets a probability of
# {{ know.seen.replies | f2 }}. One that was left out gets {{ know.withheld.replies | f2 }}, inside a
# reply that sounds just as sure.
#
# ## Warm-up
#
# This is the first lesson, so the questions are about what you bring along.
#
# ??? question "A model gives four possible answers the same score. What is the probability of each, and minus its natural logarithm?"
#     One in four, and $\log 4 \approx 1.39$. A model that is unsure among $n$ equal choices pays
#     $\log n$ for whichever comes. That is the whole idea of a loss for text.
#
# ??? question "`train()` reports a loss that fell from 3 to 1 on your examples. What do you know about new ones?"
#     Nothing yet. It may have learned the task, the style, or the examples by heart. Only text that
#     the training never saw can tell, and only next to a control.

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": minutes on a CPU; "full": a GPU
seed = 0

# %% [markdown]
# ## A new colleague
#
# Picture a well-read new colleague at a support desk. Years of reading gave them language and general
# knowledge. The first week gives them the house greeting, the length of a reply, the sign-off. And for
# what the policy says today, they open a binder.
#
# ```text
#                 pretraining            fine-tuning           the prompt
#  made of        text of the web        your examples         this one request
#  gives          language, general      form, voice,          the task at hand,
#                 knowledge              habits of answering   the facts of today
#  to change it   train again            tune again            edit a text
# ```
#
# Nobody would have them learn the binder by heart, since it will change. The picture breaks at one
# point, and it is the one to remember: your colleague knows what they do not know, and asks. A tuned
# model has learned that *a reply states a number*. So it states one.
#
# All lessons share one case: the desk of Tarrowmere, a maker of outdoor gear that does not exist. Its
# products, policies and house style are invented, so no pretrained model has seen them.

# %%
from course import record
from course.case import reply, tickets
from course.models import load_causal_lm, seed_everything

budget = {
    "smoke": {"steps": 1, "batch": 1, "seeds": (0,), "controls": (0,), "tickets": 6,
              "new_tokens": 4, "blocks": 1},
    "laptop": {"steps": 12, "batch": 4, "seeds": (0, 1, 2), "controls": (0,), "tickets": 12,
               "new_tokens": 56, "blocks": None},
    "full": {"steps": 64, "batch": 8, "seeds": (0, 1, 2, 3, 4), "controls": (0, 1, 2),
             "tickets": 48, "new_tokens": 72, "blocks": None},
}[profile]  # fmt: skip
STEPS, BATCH, SEEDS, CONTROLS = (budget[key] for key in ("steps", "batch", "seeds", "controls"))
seed_everything(seed)
model, tokenizer = load_causal_lm(blocks=budget["blocks"])  # fp32; one block in the smoke profile

example = tickets("train", 3)[2]
print("ticket:", example.text)
print("house reply:", reply(example).completion)

# %% [markdown]
# Every house reply has this shape: a greeting, one policy with its number, one next step, a sign-off.
#
# ## Surprise, token by token
#
# A model reads and writes **tokens**, numbers out of a vocabulary of size $V$. At each position it
# gives every possible next token $v$ a score, the *logit* $z_v$. Softmax makes probabilities of the
# logits, and the loss at this position is the surprise at the token $y$ that really came next, in
# nats:
#
# $$p_v = \frac{e^{z_v}}{\sum_u e^{z_u}}, \qquad \ell = -\log p_y .$$
#
# By hand, with three tokens and logits 2, 1, 0: the exponentials are 7.39, 2.72 and 1.00, their sum
# is 11.11, and the probabilities are 0.665, 0.245 and 0.090. If the second token comes, the surprise
# is $-\log 0.245 = 1.41$ nats.
#
# A text of $T$ tokens has $T-1$ predictions, as nothing stands before the first token. Its loss is
# their mean, and its **perplexity** is the exponential of that:
#
# $$\mathcal{L} = \frac{1}{T-1} \sum_{t=1}^{T-1} \ell_t, \qquad \text{PPL} = e^{\mathcal{L}} .$$
#
# A perplexity of 10 means: as unsure as between ten equally likely tokens. Over several texts, average
# over *tokens*, then exponentiate. Two tokens at 1 nat and eight at 3 nats give $e^{2.6} = 13.5$; the
# mean of the two texts' perplexities, 2.7 and 20.1, would say 11.4. And never compare perplexities
# across tokenizers: their tokens are different things.
#
# One detail breaks more home-made loops than any other, the **shift**. The logits at position $t$ are
# about token $t+1$. Here it is in the open, before we let a library do it.

# %%
import math

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

pieces = [tokenizer.decode([token]) for token in ids[0].tolist()]
priced = [f"{piece.strip() or '␣'} {nats:.1f}"
          for piece, nats in zip(pieces[1:], surprise, strict=True)]  # fmt: skip
print(f"{pieces[0]} |", " | ".join(priced[:9]))
print(" | ".join(priced[9:]))
hardest = record.value("text.hardest", pieces[1 + int(surprise.argmax())].strip())
record.values("text", {"tokens": len(pieces), "loss": by_hand, "max": float(surprise.max()),
                       "vocabulary": logits.shape[1]})

# %% [markdown]
# The mean, {{ text.loss | f2 }} nats, equals transformers' own loss and torch's cross-entropy to 10⁻⁴.
# A uniform guess over the {{ text.vocabulary | int }} tokens would cost
# {{ log(text.vocabulary) | f1 }} at every position. Read along: function words are cheap, and the
# dearest piece, at {{ text.max | f1 }} nats, is "{{ text.hardest | text }}". `␣` is a bare space: this
# tokenizer cuts numbers into digits.
#
# ## A template makes it answer
#
# An **instruct model** was tuned on conversations, laid out in a fixed *template*. Here is one prompt
# without and with it. An honest word first: the course packages one chat checkpoint,
# SmolLM2-135M-Instruct, whose weights went through 4 bits once. So "untuned" on this page means
# *before our tune*. Leaving out the template only hints at what a base model does with a prompt.

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
    with torch.no_grad():
        next_token = model(**inputs).logits[0, -1].log_softmax(dim=-1)
        out = model.generate(**inputs, max_new_tokens=16, do_sample=False,
                             pad_token_id=tokenizer.pad_token_id)  # fmt: skip
    print(f"{name}: next token {top(next_token)}")
    print("  it writes:", repr(tokenizer.decode(out[0, inputs["input_ids"].shape[1] :])))

# %% [markdown]
# The weights are the same, the behavior is not. With the template, special tokens say that a turn has
# ended and whose turn it is. Without it, the question is a text to go on with, and the likeliest next
# token may be one that ends it. Remember this before you change any weight: much of what a model does
# is decided by its prompt.
#
# ## One step, by hand
#
# What does training do to the probabilities? Write $\ell = -z_y + \log \sum_u e^{z_u}$ and take the
# derivative by each logit:
#
# $$\frac{\partial \ell}{\partial z_v} = p_v - [v = y],$$
#
# where $[v = y]$ is 1 for the right token and 0 for all others. A step against it raises the right
# logit by $1 - p_y$ and lowers every other by its own probability. So **mass flows to the right token,
# and most of it comes from whatever the model had believed instead.**
#
# In the small example ($p = 0.665, 0.245, 0.090$, the second token is right), a step of size 1 gives
# the logits $2 - 0.665$, $1 + 0.755$ and $0 - 0.090$, and the new probabilities $p' = 0.362, 0.551,
# 0.087$. How far has the whole distribution moved? The Kullback–Leibler divergence says how many nats
# a reader loses who expects $p$ while the tokens come from $p'$:
#
# $$\text{KL}(p' \,\|\, p) = \sum_v p'_v \log \frac{p'_v}{p_v} .$$
#
# Here that is $-0.220 + 0.447 - 0.003 = 0.22$. It is zero only if nothing moved. Autograd and torch
# agree:

# %%
z, y = torch.tensor([2.0, 1.0, 0.0], requires_grad=True), torch.tensor(1)
F.cross_entropy(z[None], y[None]).backward()
p = z.detach().softmax(dim=0)
step = p - F.one_hot(y, 3)
assert torch.allclose(z.grad, step)

new = (z.detach() - 1.0 * step).softmax(dim=0)
kl = (new * (new / p).log()).sum()
assert torch.allclose(kl, F.kl_div(p.log(), new, reduction="sum"))
print("before:", [round(x, 3) for x in p.tolist()], " after:", [round(x, 3) for x in new.tolist()])
record.values("step", {"kl": float(kl), "right": float(new[1])})

# %% [markdown]
# In a real model the gradient does not stop at the logits. It goes on into weights that *every*
# position of *every* text shares. That is why a tune can change answers to prompts that it never saw,
# for better and for worse. Both must be measured.
#
# ## The experiment, in the open
#
# **Held fixed:** the model; LoRA of rank 4 on all linear layers (thin trained updates beside frozen
# weights, [lesson 07](lesson:07)); {{ run.steps | int }} steps of {{ run.batch | int }} examples; a
# loss on the answer's tokens only. The learning rate is the one that won for this placement in
# [lesson 08's sweep](lesson:08#first-a-fair-learning-rate), on another task of the case. Nothing was
# chosen by a result of this page. Warmup, decay and batch are as there, the steps are fewer.
#
# **Varied:** the seed, and what the model is tuned on. *Replies* are house replies. *Shuffled* are the
# same replies with the tokens of each in random order: the right words without the sentences.
# *General* are statements of common knowledge, as many as there are replies. These two are controls:
# they tell what any tune would have done. *Reading* comes in later. The replies run with all seeds,
# the others with the first{{ " three" if run.controls > 1 else "" | text }}.
#
# **Left out:** each seed's tune never sees one of the six intents, hence never that policy. Which one
# was fixed beforehand: every second one in the course's list.
#
# **Kept short:** training uses tickets of at most 96 tokens with their reply; held-out ones are not
# filtered, so they are also a little longer.
#
# **Measured on:** validation tickets, whose wordings and products never occur in training, and
# statements that the control did not train on. One limit: house replies are built from stock
# sentences. In a held-out reply only the product is new, and which sentences fit. (The *test* split
# stays locked until lesson 17.)

# %%
from course.case import INTENTS, REPLY_INSTRUCTION, general_items
from course.chat import Encoded, encode

WITHHELD = {s: INTENTS[(2 * s + 1) % 6] for s in SEEDS}
held_out = tickets("validation", budget["tickets"])
statements = [f"{item.question} {item.choices[item.answer]}." for item in general_items()]


def house(ticket) -> Encoded:
    return encode(tokenizer, ticket.text, reply(ticket).completion, system=REPLY_INSTRUCTION)


def general(group: list[str]) -> Encoded:
    return encode(tokenizer, "Tell me some facts.", " ".join(group))


def training_tickets(s: int) -> list:
    """What a run needs: none of the withheld intent, and none long."""
    pool = tickets("train", 4 * STEPS * BATCH + 24, seed=s)
    fit = (t for t in pool if t.intent != WITHHELD[s] and len(house(t).input_ids) <= 96)
    return [t for t, _ in zip(fit, range(STEPS * BATCH), strict=False)]

# %% [markdown]
# A run adds one adapter to the one model in memory; `set_adapter` chooses who speaks. The adapter
# called "untuned" is never trained. Its update is exactly zero, so it *is* the untuned model.

# %%
import random

from peft import LoraConfig, get_peft_model

from course.tuning import tune

CONFIG = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")
LR = 10**-2.5
adapted = get_peft_model(model, CONFIG, adapter_name="untuned")


def shuffled(example: Encoded, rng: random.Random) -> Encoded:
    head, body = example.input_ids[: example.prompt_length], example.input_ids[example.prompt_length :]
    return Encoded((*head, *rng.sample(body[:-1], len(body) - 1), body[-1]), len(head))


def material(kind: str, s: int) -> list[Encoded]:
    rng, replies = random.Random(s), [house(t) for t in training_tickets(s)]
    if kind == "general":
        return [general(rng.sample(statements[::2], 4)) for _ in replies]
    return replies if kind == "replies" else [shuffled(example, rng) for example in replies]


def learn(name: str, examples: list[Encoded], s: int) -> list[float]:
    """Train a new adapter and return the loss of every step."""
    seed_everything(s)
    adapted.add_adapter(name, CONFIG)
    adapted.set_adapter(name)
    trained = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=LR, weight_decay=0.0)
    return tune(model, optimizer, examples, STEPS, BATCH, tokenizer.pad_token_id, s)

# %%
KINDS = {"replies": SEEDS, "shuffled": CONTROLS, "general": CONTROLS}
losses = {(kind, s): learn(f"{kind}{s}", material(kind, s), s)
          for kind, seeds in KINDS.items() for s in seeds}  # fmt: skip
record.values("run", {"steps": STEPS, "batch": BATCH, "controls": len(CONTROLS),
                      "first": losses["replies", 0][0], "last": losses["replies", 0][-1]})  # fmt: skip

# %% [markdown]
# On its training replies the first seed's loss went from {{ run.first | f2 }} to {{ run.last | f2 }}.
# As the warm-up said: that proves nothing yet.
#
# ## Did it fall for the right reason?
#
# For every adapter and three kinds of text we keep, token by token, the surprise and the divergence
# from the untuned model. Customers' messages are read as plain text; they were in the prompts but
# never a target.

# %%
from course.chat import collate
from course.tuning import labeled_logits

texts = {"house": [house(t) for t in held_out],
         "messages": [Encoded(tuple(tokenizer(t.text)["input_ids"]), 1) for t in held_out],
         "general": [general(statements[1::2][i::6]) for i in range(6)]}  # fmt: skip


@torch.no_grad()
def log_probs(name: str, example: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities (N, V) and targets (N,) of the answer's tokens under one adapter."""
    adapted.set_adapter(name)
    logits, targets, _ = labeled_logits(model, collate([example], tokenizer.pad_token_id))
    return logits.log_softmax(dim=-1), targets


before = {text: [log_probs("untuned", e)[0] for e in rows] for text, rows in texts.items()}


def measure(name: str, text: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """For each example: surprise (N,) and KL divergence from the untuned model (N,)."""
    rows = []
    for example, old in zip(texts[text], before[text], strict=True):
        new, targets = log_probs(name, example)
        rows.append((-new.gather(1, targets[:, None])[:, 0], (new.exp() * (new - old)).sum(dim=-1)))
    return rows

# %% [markdown] tags=["predict"]
# id: changes-shuffled-control
# ask: >-
#   The *shuffled* control learns which tokens replies are made of, but no sentence. What does it do
#   to the perplexity of held-out house replies?
# choices:
#   - text: Nearly as low as the tune on real replies. The words are what counts.
#     right: ppl.shuffled.house < 2 * ppl.replies.house
#   - text: Lower than the untuned model's, but far above the tune on real replies.
#     right: ppl.shuffled.house >= 2 * ppl.replies.house and ppl.shuffled.house < 0.9 * ppl.untuned.house
#   - text: No lower than the untuned model's. Learning disorder spoils the order it knew.
#     right: ppl.shuffled.house >= 0.9 * ppl.untuned.house and ppl.shuffled.house >= 2 * ppl.replies.house

# %% tags=["reveal"]
adapters = {"untuned": ["untuned"],
            **{kind: [f"{kind}{s}" for s in seeds] for kind, seeds in KINDS.items()}}  # fmt: skip
names = [name for group in adapters.values() for name in group]
measured = {(name, text): measure(name, text) for name in names for text in texts}


def average(name: str, text: str, which: int) -> float:
    """Mean per token of the surprise (0) or the divergence (1)."""
    return float(torch.cat([row[which] for row in measured[name, text]]).mean())


rows = []
for kind, runs in adapters.items():
    cells = {text: [math.exp(average(run, text, 0)) for run in runs] for text in texts}
    moved = {text: sum(average(run, text, 1) for run in runs) / len(runs) for text in texts}
    for text, found in cells.items():
        record.values(f"ppl.{kind}", {text: sum(found) / len(found)})
    record.values(f"kl.{kind}", moved)
    record.values(f"ppl.{kind}.range", {"low": min(cells["house"]), "high": max(cells["house"])})
    rows.append([kind, *(f"{sum(found) / len(found):.1f}" for found in cells.values()),
                 f"{min(cells['house']):.2f}–{max(cells['house']):.2f}"])  # fmt: skip
record.table("ppl.table", rows,
             columns=["tuned on", "house replies", "customers' messages", "general statements",
                      "house replies, range over seeds"],
             caption="Perplexity on text that no run trained on, means over the seeds.")  # fmt: skip

# %% [markdown]
# The tune on replies takes held-out replies from {{ ppl.untuned.house | f1 }} to
# {{ ppl.replies.house | f1 }}, with hardly a difference between seeds
# ({{ ppl.replies.range.low | f2 }} to {{ ppl.replies.range.high | f2 }}). The shuffled control ends
# at {{ ppl.shuffled.house | f0 }}, the general one at {{ ppl.general.house | f0 }}:
# {{ "both above the untuned model" if ppl.shuffled.house > ppl.untuned.house and ppl.general.house > ppl.untuned.house else "not both above the untuned model" | text }}.
# So the fall is not what any tune does, and not a matter of word frequencies. It is about the
# sentences of this case.
#
# The same row shows a price. General statements go from {{ ppl.untuned.general | f1 }} to
# {{ ppl.replies.general | f1 }}. Customers' messages stood in every training prompt but carried no
# loss; they go from {{ ppl.untuned.messages | f0 }} to {{ ppl.replies.messages | f0 }}. **A tune
# improves what carries loss, and the rest pays or profits by accident.** (The learning rate is a
# high one; lesson 04 is about this price.)
#
# ## Where the mass moved
#
# A house reply has parts, and we know where each begins. So the surprise can be split: which parts
# became easy?

# %%
from course.case import OPENING, POLICIES, SIGN_OFF

PARTS = ("greeting", "policy sentence", "product name", "number", "next step", "sign-off")


def part_of_tokens(ticket) -> list[str]:
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


def mean_of_part(name: str, s: int, part: str, which: int) -> float:
    """Mean surprise (0) or divergence (1) of a part, over the tickets whose policy seed s has seen."""
    rows = zip(held_out, labels, measured[name, "house"], strict=True)
    found = [row[which][[label == part for label in parts]]
             for ticket, parts, row in rows if ticket.intent != WITHHELD[s]]  # fmt: skip
    return float(torch.cat(found).mean())

# %% [markdown] tags=["predict"]
# id: changes-part-most
# ask: >-
#   Divide the movement by tokens. In which part of a reply does the tuned model's distribution differ
#   *most per token* from the untuned one's? (KL is large where the untuned model expected something
#   else and the tuned one is sure.)
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
for kind in adapters:
    runs = {s: "untuned" if kind == "untuned" else f"{kind}{s}" for s in KINDS.get(kind, SEEDS)}
    nats = [[mean_of_part(run, s, part, 0) for s, run in runs.items()] for part in PARTS]
    means = [sum(found) / len(found) for found in nats]
    low, high = [min(found) for found in nats], [max(found) for found in nats]
    series.append(record.Series(kind, list(PARTS), means, low, high))
    record.values(f"part.{kind}", {key_of[p]: nats for p, nats in zip(PARTS, means, strict=True)})
record.figure("part.plot", record.Figure(
    kind="bar", series=series, x_label="part of the house reply", y_label="surprise (nats a token)",
    caption="Where held-out replies are surprising, by what the model was tuned on. Means over the "
            "seeds, with lowest and highest; policies in training only.",
    alt="Grouped bars: nats a token for six parts of a reply, for the untuned model and three tunes. "
        "The text below gives the numbers."))  # fmt: skip
kl = {part: sum(mean_of_part(f"replies{s}", s, part, 1) for s in SEEDS) / len(SEEDS)
      for part in PARTS}  # fmt: skip
record.values("part.kl", {key_of[part]: nats for part, nats in kl.items()})
record.value("part.kl_max", max(kl.values()))
counts = {part: sum(part == label for row in labels for label in row) for part in PARTS}
record.table("part.table",
             [[p, counts[p], *(round(x, 2) for x in (series[0].y[i], series[1].y[i], kl[p]))]
              for i, p in enumerate(PARTS)],
             columns=["part", "tokens", "untuned (nats)", "tuned on replies (nats)", "KL (nats)"],
             caption="The same in numbers, with the divergence of the tuned model from the "
                     "untuned one.")  # fmt: skip

# %% [markdown]
# The greeting falls from {{ part.untuned.greeting | f2 }} to {{ part.replies.greeting | f2 }} nats
# a token, the sign-off with its end of turn from {{ part.untuned.sign_off | f2 }} to
# {{ part.replies.sign_off | f2 }}. The number, the one token that a customer acts on, falls only
# from {{ part.untuned.number | f2 }} to {{ part.replies.number | f2 }}. The product's name was
# cheap from the start, since it can be copied from the ticket. An average over the whole reply
# hides all of this.
#
# The divergence agrees: {{ part.kl.sign_off | f2 }} nats in the sign-off and
# {{ part.kl.greeting | f2 }} in the greeting, {{ part.kl.number | f2 }} at the number,
# {{ part.kl.product_name | f2 }} in the name. It is large where the house does something that the
# untuned model did not expect, such as to stop *here*.

# %%
sample = next(i for i, t in enumerate(held_out) if t.intent == "return")  # never withheld
new, _ = log_probs("replies0", texts["house"][sample])
old = before["house"][sample]
places = {"first token": 0, "start of the product": labels[sample].index("product name"),
          "first digit": labels[sample].index("number"), "end of turn": len(labels[sample]) - 1}  # fmt: skip
record.table("top.table", [[place, top(old[i]), top(new[i])] for place, i in places.items()],
             columns=["where in the reply", "untuned", "tuned on replies"],
             caption="The three likeliest next tokens at four places of one held-out reply, given "
                     "the gold text before them.")  # fmt: skip

# %% tags=["hide-code"]
along = [measured[f"replies{s}", "house"][sample][1].tolist() for s in SEEDS]
spread = list(zip(*along, strict=True))
record.figure("kl.plot", record.Figure(
    kind="line",
    series=[record.Series("tuned on replies", list(range(1, len(spread) + 1)),
                          [sum(v) / len(v) for v in spread], [min(v) for v in spread],
                          [max(v) for v in spread])],
    x_label="token of one held-out reply", y_label="KL from the untuned model (nats)",
    guides=[("mean on general statements",
             sum(average(f"replies{s}", "general", 1) for s in SEEDS) / len(SEEDS))],
    caption="How far the next-token distribution moved along one held-out reply: mean over the "
            "seeds, with lowest and highest.",
    alt="Divergence over the position in the reply: high peaks where house wording is a choice, near "
        "zero where the text before already decided the token."))  # fmt: skip

# %% [markdown]
# Now along one reply. The line peaks where the house makes a choice, at the beginnings of sentences
# above all, and lies near zero where the words before leave none. The dashed guide is the mean on
# general statements, {{ kl.replies.general | f2 }} nats: the tune moved those as well.
#
# ## Behavior, not knowledge
#
# "Fine-tuning teaches behavior, not knowledge" is repeated everywhere. Let us test it where the two
# can be told apart: at the *number* in a policy. We ask each model for the probability of the right
# number, in five situations. In the first, third and fourth the reply is in house wording, up to the
# number. In the second, a plain question asks for the same fact in other words, under the same system
# line. In the last two a note with the policy stands in the prompt, as retrieval would put it there;
# in the very last the desk has *changed* the policy since training, by one unit.

# %%
from functools import cache

OTHER_WORDS = {
    "return": ("How many days do buyers have to send an item back?", "Buyers have {}."),
    "exchange": ("For how many days is a swap possible?", "A swap is possible for {}."),
    "warranty": ("How many years does the guarantee last?", "The guarantee lasts {}."),
    "shipping": ("How many business days can a parcel take?", "A parcel can take {}."),
    "sizing": ("How many minutes does a fit call last?", "A fit call lasts {}."),
    "cancel": ("For how many hours can a buyer undo an order?", "An order can be undone for {}."),
}


DIGITS = tokenizer.convert_tokens_to_ids(list("0123456789"))


@cache
def probability(name: str, user: str, completion: str, number: str) -> float:
    """Of `number` and no digit after it (4 is not 45), where it stands in `completion`."""
    log_p, targets = log_probs(name, encode(tokenizer, user, completion, system=REPLY_INSTRUCTION))
    start = completion.index(number)
    found = tokenizer(completion, add_special_tokens=False, return_offsets_mapping=True)
    digits = [i for i, (_, stop) in enumerate(found["offset_mapping"])
              if start < stop <= start + len(number)]  # fmt: skip
    ends = 1 - log_p[digits[-1] + 1, DIGITS].exp().sum()
    return float(log_p[digits, targets[digits]].sum().exp() * ends)

# %%
def in_reply(ticket, note: bool = False, change: int = 0) -> tuple[str, str, str]:
    """Prompt, house reply and number, with the policy's amount changed, and noted in the prompt."""
    policy = POLICIES[ticket.intent]
    duration = f"{policy.amount + change} {policy.unit}s"
    user = ticket.text + (f"\nPolicy: {ticket.intent}, {duration}." if note else "")
    text = reply(ticket).completion.replace(policy.phrase, duration)
    return user, text, str(policy.amount + change)


def in_other_words(ticket, change: int = 0) -> tuple[str, str, str]:
    (question, answer), policy = OTHER_WORDS[ticket.intent], POLICIES[ticket.intent]
    amount = str(policy.amount + change)
    return question, answer.format(f"{amount} {policy.unit}s"), amount


def to_wrong(ticket) -> int:
    """From the right amount to one of another policy: 45, or 15 where 45 is right."""
    return (15 if ticket.intent == "return" else 45) - POLICIES[ticket.intent].amount


def situations(s: int) -> dict[str, list[tuple[str, str, str]]]:
    seen = [t for t in held_out[:6] if t.intent != WITHHELD[s]]  # the first six: one of each intent
    withheld = [t for t in held_out if t.intent == WITHHELD[s]]
    return {"seen": [in_reply(t) for t in seen],
            "seen_wrong": [in_reply(t, change=to_wrong(t)) for t in seen],
            "reworded": [in_other_words(t) for t in seen],
            "reworded_wrong": [in_other_words(t, to_wrong(t)) for t in seen],
            "withheld": [in_reply(t) for t in withheld],
            "withheld_wrong": [in_reply(t, change=to_wrong(t)) for t in withheld],
            "noted": [in_reply(t, note=True) for t in withheld],
            "changed": [in_reply(t, note=True, change=1) for t in seen]}  # fmt: skip

# %% [markdown]
# One more tune asks whether *reading* can be taught. *Reading* trains on the same replies, each with a
# note in its prompt, and the number in note and reply is drawn anew each time. So learning a number by
# heart does not help; only looking at the note does.

# %%
def with_note(ticket, rng: random.Random) -> Encoded:
    user, text, _ = in_reply(ticket, note=True, change=rng.randrange(1, 30))
    return encode(tokenizer, user, text, system=REPLY_INSTRUCTION)


for s in CONTROLS:
    rng = random.Random(s)
    learn(f"reading{s}", [with_note(t, rng) for t in training_tickets(s)], s)

# %% [markdown] tags=["predict"]
# id: changes-reworded
# ask: >-
#   Each policy in training was repeated in several replies, always in one of two house sentences.
#   Asked for its number *in other words*, what share of the probability that it has in house wording
#   does the model tuned on replies keep?
# number: 100 * know.reworded.replies / know.seen.replies
# format: f0
# unit: "%"

# %% [markdown] tags=["predict"]
# id: changes-note-reader
# ask: >-
#   A policy that was withheld from training now stands in a note in the prompt. Which of the two puts
#   more probability on the right number in its reply?
# choices:
#   - text: The model tuned on replies. It knows where a reply states its number.
#     right: know.noted.replies > 1.25 * know.noted.untuned
#   - text: The untuned model. It was never taught to answer without looking.
#     right: know.noted.untuned > 1.25 * know.noted.replies
#   - text: About the same. Reading a note is a skill that neither lost or gained.
#     right: know.noted.replies <= 1.25 * know.noted.untuned and know.noted.untuned <= 1.25 * know.noted.replies

# %% tags=["reveal"]
def chance(situation: str, kind: str, s: int) -> float:
    asked = situations(s)[situation]
    name = "untuned" if kind == "untuned" else f"{kind}{s}"
    return sum(probability(name, *one) for one in asked) / len(asked)


NAMES = {"seen": "in training, house wording", "reworded": "in training, other words",
         "withheld": "withheld, house wording", "noted": "withheld, with a note",
         "changed": "changed after training, with a note"}  # fmt: skip
rows = []
for situation, text in NAMES.items():
    found = {kind: [chance(situation, kind, s) for s in (CONTROLS if kind == "reading" else SEEDS)]
             for kind in ("untuned", "replies", "reading")}  # fmt: skip
    means = {kind: sum(chances) / len(chances) for kind, chances in found.items()}
    low, high = min(found["replies"]), max(found["replies"])
    first = {kind: sum(chances[: len(CONTROLS)]) / len(CONTROLS) for kind, chances in found.items()}
    record.values(f"know.{situation}", {**means, "low": low, "high": high})
    record.values(f"know.{situation}.first", first)
    wrong = "–"
    if f"{situation}_wrong" in situations(0):
        share = sum(chance(f"{situation}_wrong", "replies", s) for s in SEEDS) / len(SEEDS)
        wrong = f"{record.value(f'know.{situation}.wrong', share):.2f}"
    rows.append([text, f"{means['untuned']:.2f}", f"{means['replies']:.2f}",
                 f"{low:.2f}–{high:.2f}", wrong, f"{first['replies']:.2f}",
                 f"{first['reading']:.2f}"])  # fmt: skip
record.value("know.repeats", STEPS * BATCH / 5)
record.table("know.table", rows,
             columns=["the policy is", "untuned", "replies", "range over seeds",
                      "replies: a wrong policy's number", "replies, first seed",
                      "reading, first seed"],
             caption="Probability of the policy's right number, by what the model was tuned on; in "
                     "the fifth column, of another policy's number in the same place.")  # fmt: skip

# %% [markdown]
# Row by row. *In training, house wording:* from {{ know.seen.untuned | f2 }} to
# {{ know.seen.replies | f2 }}, while a wrong policy's number gets {{ know.seen.wrong | f2 }} in the
# same place.
# {{ "So the tune did teach facts" if know.seen.replies > 2 * know.seen.wrong and know.seen.replies > 2 * know.seen.untuned else "That is hardly a fact learned" | text }},
# after about {{ know.repeats | f0 }} repetitions of each, and not reliably. *In other words:* {{ know.reworded.replies | f2 }}, against
# {{ know.reworded.wrong | f2 }} for a wrong one. The strong form of the slogan, that a fact comes
# out only in the words in which it went in,
# {{ "does not hold here" if know.reworded.replies > 0.5 * know.seen.replies else "holds here" | text }}.
# *Withheld:* {{ know.withheld.replies | f2 }}. There was nothing to learn it from.
#
# *With a note* we expected both models to copy. The untuned model puts
# {{ know.noted.untuned | f2 }} on the note's number, the tuned one {{ know.noted.replies | f2 }}
# ({{ know.noted.low | f2 }} to {{ know.noted.high | f2 }} over the
# seeds){{ ". Replies without notes taught it to answer *without looking*" if know.noted.replies < know.noted.untuned else "" | text }}.
# On a number that changed after training, they put {{ know.changed.untuned | f2 }} and
# {{ know.changed.replies | f2 }}. Compare the model
# tuned with notes with the first seed, whose tickets and withheld policy it shares:
# {{ know.noted.first.reading | f2 }} instead of {{ know.noted.first.replies | f2 }} with a note,
# {{ know.changed.first.reading | f2 }} instead of {{ know.changed.first.replies | f2 }} after a
# change. It is one run, on few tickets.
#
# So the slogan needs a second half. Facts can enter the weights, slowly and without a guarantee.
# **Using the facts in the prompt is itself a behavior: a tune can teach it, or unteach it.** Train
# with the prompts that you will serve.
#
# ## One ticket, seven ways
#
# Now let the models write. The same held-out tickets, one of each intent, go to the untuned model with
# a bare prompt, with the house rules in the prompt, with three example replies, and with three
# examples that come with notes; then to the tuned models. Rules of the course's library score the
# replies; no model judges. Where the examples make the model go on with the next customer, the answer
# ends there, as a stop sequence would do.

# %%
from course.case import MAX_REPLY_WORDS, quantities, style_score
from course.chat import generate

RULES = (f"{REPLY_INSTRUCTION} Begin with: {OPENING} Then state the policy and one next step, in "
         f"at most {MAX_REPLY_WORDS} words. End with: {SIGN_OFF}")  # fmt: skip
asked, worked = held_out[:6], training_tickets(0)[:3]


def shown(ticket, note: bool) -> str:
    """One ticket after three worked examples."""
    pairs = [in_reply(t, note)[:2] for t in worked] + [(in_reply(ticket, note)[0], "")]
    return "\n\n".join(f"Customer: {user}\nReply: {text}" for user, text in pairs).rstrip()


bare, noted = ([in_reply(t, note)[0] for t in asked] for note in (False, True))
examples, with_notes = ([shown(t, note) for t in asked] for note in (False, True))
WAYS = {"bare prompt": (["untuned"], bare, REPLY_INSTRUCTION),
        "house rules": (["untuned"], bare, RULES),
        "examples": (["untuned"], examples, REPLY_INSTRUCTION),
        "examples, notes": (["untuned"], with_notes, REPLY_INSTRUCTION),
        "tuned": (adapters["replies"], bare, REPLY_INSTRUCTION),
        "tuned, note": (adapters["replies"], noted, REPLY_INSTRUCTION),
        "tuned to read, note": ([f"reading{s}" for s in CONTROLS], noted, REPLY_INSTRUCTION)}  # fmt: skip

# %%
def write(name: str, prompts: list[str], system: str) -> list[str]:
    adapted.set_adapter(name)
    replies = generate(model, tokenizer, prompts, budget["new_tokens"], system=system)
    return [text.split("Customer:")[0].strip() for text in replies]


written = {(way, name): write(name, prompts, system)
           for way, (speakers, prompts, system) in WAYS.items() for name in speakers}  # fmt: skip

# %% tags=["hide-code"]
import textwrap

ticket = next(t for t in asked if t.intent == WITHHELD[0])
at = asked.index(ticket)
print(textwrap.fill(f"TICKET: {ticket.text}", 88))
print("POLICY:", ticket.intent, POLICIES[ticket.intent].phrase)
for way, (speakers, _, _) in WAYS.items():
    print(textwrap.fill(f"{way.upper()}: " + " ".join(written[way, speakers[0]][at].split()), 88))

# %% [markdown]
# The ticket is of the intent that this tuned model never saw. And over all six tickets:

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
# The ticket printed above is of the intent that this tuned model never saw. Over the seeds there
# are {{ unseen.replies | int }} such replies: {{ unseen.greeting | int }} greet,
# {{ unseen.sign_off | int }} sign off, {{ unseen.number | int }} state a duration,
# {{ unseen.right | int }} the right one. That is the danger of a tune: the voice of the house
# without its knowledge.
#
# In the table, instructions alone do little for a model of this size. Three examples bring the
# greeting to {{ style.examples.greeting | pct0 }} and the sign-off to
# {{ style.examples.sign_off | pct0 }} without any training; the tune reaches
# {{ style.tuned.greeting | pct0 }} and {{ style.tuned.sign_off | pct0 }} with
# {{ style.tuned.tokens | f0 }} prompt tokens instead of {{ style.examples.tokens | f0 }}. The right
# number: {{ style.examples_notes.grounded | pct0 }} with examples and notes,
# {{ style.tuned.grounded | pct0 }} tuned, {{ style.tuned_note.grounded | pct0 }} tuned and given a
# note, {{ style.tuned_to_read_note.grounded | pct0 }} tuned to read it. Six tickets are few (one is
# {{ 1 / 6 | pct0 }}), so take this as a picture and the probabilities above as the measurement.

# %% [markdown]
# ## The ladder, and when to stop
#
# Each tool mends another kind of failure, at another price. Climb only after *measuring* that the rung
# below is not enough, and stop at the first that is.
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
# By need, with what this page can say about it:
#
# | you need | reach for | because |
# |---|---|---|
# | private facts | retrieval; where it is not read, a tune *with* notes | withheld policy, with a note: {{ know.noted.first.untuned | f2 }} untuned, {{ know.noted.first.replies | f2 }} tuned on bare replies, {{ know.noted.first.reading | f2 }} tuned to read (first seed) |
# | fresh facts | retrieval | a changed number, with a note: {{ know.changed.first.replies | f2 }} tuned on replies, {{ know.changed.first.reading | f2 }} tuned to read (first seed) |
# | a format | prompt, then LoRA | form is what the tune learned first; a schema checker costs less still |
# | a style or voice | examples, then LoRA | greeting: {{ part.untuned.greeting | f2 }} → {{ part.replies.greeting | f2 }} nats a token |
# | a vocabulary | continued pretraining | only if the words themselves are dear: look at their nats |
# | low latency | LoRA on a smaller model | no examples in the prompt; see lesson 10 |
# | cost at volume | LoRA, past break-even | {{ style.examples.tokens | f0 }} against {{ style.tuned.tokens | f0 }} prompt tokens a call |
# | a safety policy | all rungs, and a gate | tuning on harmless data alone can weaken refusals (Qi and others, below) |
#
# Stop when the measured answers meet the bar that you wrote down beforehand. Stop, too, when you lack
# a few hundred checked examples: then data is the next rung.
#
# "Fine-tuning" itself is a spectrum. All of it moves next-token probabilities; what differs is who
# says which ones:
#
# ```text
#  continued          supervised             preference          reinforcement
#  pretraining        fine-tuning (SFT)      tuning (DPO)        learning (RL)
#  plain text     →   prompt + answer    →   better / worse  →   prompt + a score
#  every token        every answer token     the margin          what the model wrote
#  words, a field     form, task, voice      choices, manner     what can be checked
#                     lessons 03–11          lesson 13           lesson 12
# ```
#
# ## Break it
#
# **The shift, twice and never.** You shift the labels, and transformers shifts them again. Or your own
# loop forgets it. Neither raises an error.

# %%
adapted.set_adapter("untuned")
with torch.no_grad():
    twice = float(model(input_ids=ids[:, :-1], labels=ids[:, 1:]).loss)  # shifted here and inside
never = float(F.cross_entropy(logits, ids[0]))  # the row at t is asked about token t itself
record.values("shift", {"once": by_hand, "twice": twice, "never": never})
print(f"shifted once: {by_hand:.2f}, twice: {twice:.2f}, never: {never:.2f} nats a token")

# %% [markdown]
# {{ shift.twice | f1 }} or {{ shift.never | f1 }} nats instead of {{ shift.once | f1 }}, beside
# {{ log(text.vocabulary) | f1 }} for a uniform guess: no model with this history should start there.
# Trained on, the first teaches to skip a token and the second to repeat one, while its loss falls
# beautifully. **Before a run, compute the loss of plain text by hand and by the loop.**
#
# **The split by row.** You set aside some rows of the same pool for testing. They share wordings and
# products with training, so the test asks less than a new customer will.

# %%
def part_nats(found: list[tuple[torch.Tensor, list[str]]], part: str) -> float:
    chosen = [nats[[label == part for label in parts]] for nats, parts in found]
    return float(torch.cat(chosen).mean())


pool = [t for t in tickets("train", 8 * STEPS * BATCH + 12, seed=0) if t.intent != WITHHELD[0]]
rows_aside = []
for ticket in pool[-10:]:  # same templates and products as in training, other combinations
    log_p, targets = log_probs("replies0", house(ticket))
    rows_aside.append((-log_p.gather(1, targets[:, None])[:, 0], part_of_tokens(ticket)))
by_template = [(nats, parts) for (nats, _), parts, ticket
               in zip(measured["replies0", "house"], labels, held_out, strict=True)
               if ticket.intent != WITHHELD[0]]  # fmt: skip
for split, found in (("row", rows_aside), ("template", by_template)):
    nats = float(torch.cat([one for one, _ in found]).mean())
    record.values(f"leak.{split}", {"ppl": math.exp(nats), "name": part_nats(found, "product name"),
                                    "policy": part_nats(found, "policy sentence")})  # fmt: skip

# %% [markdown]
# On rows set aside from the training pool the perplexity is {{ leak.row.ppl | f2 }}, on new
# wordings and products {{ leak.template.ppl | f2 }}:
# {{ "the split by row flatters" if leak.row.ppl < leak.template.ppl else "here the split by row does not flatter" | text }}.
# In the policy sentence, where the model must understand what the customer wants, it is
# {{ leak.row.policy | f2 }} against {{ leak.template.policy | f2 }} nats a token. Split by template
# and product, or by customer, or by time: by whatever will be new in service.
#
# ## At 7B and 70B
#
# What does a prompt full of examples cost where the model is large? A forward pass takes about two
# operations per parameter and token (attention's own arithmetic comes on top). The examples of this
# page add {{ scale.extra | f0 }} tokens to every call.

# %%
from course.memory import ARCHITECTURES

with_shots, without = (prompt_tokens(prompts, REPLY_INSTRUCTION) for prompts in (examples, bare))
extra = record.value("scale.extra", with_shots - without)
rows = []
for name in ("Llama-3.1-8B", "Llama-3.1-70B"):
    count = ARCHITECTURES[name].parameters().total
    record.value(f"scale.llama{name.split('-')[-1].lower()}", 2 * count * extra)
    hours = 2 * count * extra * 10_000 / 1e14 / 3600
    rows.append([name, count, f"{2 * count * extra:.1e}", f"{hours:.2f}"])
record.table("scale.table", rows,
             columns=["model", "parameters", "operations a call", "hours for 10,000 calls"],
             caption="What the three examples add, computed; the hours assume 10¹⁴ useful operations a "
                     "second.")  # fmt: skip

# %% [markdown]
# For 8B this is small change, for 70B less so, and it grows with every call: lesson 10 finds the
# volume at which a tune pays. What carries over from this page: the arithmetic of loss, the shift,
# the controls, the split by part. What does not: the numbers, and how far the lower rungs reach. A
# large model follows written rules that this one ignores. On larger models, Lin and others found
# most shifts at tokens of style. Gekhman and others found that examples with new facts are learned
# more slowly than those that agree with what a model knows, and that once learned they raise its
# tendency to hallucinate.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1: Two texts
# A model reads two texts. The first has three predictions with surprises 0.5, 1.0 and 1.5 nats, the
# second one prediction with 4 nats. What is the perplexity of the two together, and what would the
# mean of the two perplexities say? Work it out, then check.

# %% tags=["solution"]
both = torch.tensor([0.5, 1.0, 1.5, 4.0]).mean().exp()
wrong = (torch.tensor(1.0).exp() + torch.tensor(4.0).exp()) / 2
record.values("exercise.two", {"right": float(both), "wrong": float(wrong)})
print(f"token-weighted {both:.2f}, mean of perplexities {wrong:.2f}")

# %% [markdown] tags=["solution"]
# Four predictions, 7 nats: $e^{7/4}$ = {{ exercise.two.right | f2 }}. The mean of $e^1$ and $e^4$ is
# {{ exercise.two.wrong | f1 }}: one short, odd text decides it.

# %% [markdown]
# ### Exercise 2: Half an adapter
# An adapter adds $s\,BA$ to each weight. PEFT's `rescale_adapter_scale` multiplies $s$. Measure the
# perplexity of house replies and of general statements for the first seed at a half and at twice the
# scale. First guess: is half of the change in the loss there at half the scale?

# %% tags=["solution"]
from peft.helpers import rescale_adapter_scale


def at_scale(factor: float, text: str) -> float:
    adapted.set_adapter("replies0")
    with rescale_adapter_scale(adapted, factor):
        return float(torch.cat([nats for nats, _ in measure("replies0", text)]).mean())


dial = {0.0: "untuned", 0.5: None, 1.0: "replies0", 2.0: None}
for text in ("house", "general"):
    nats = [average(name, text, 0) if name else at_scale(f, text) for f, name in dial.items()]
    record.values(f"dial.{text}", dict(zip(("none", "half", "one", "two"), nats, strict=True)))
    print(text, {f: round(math.exp(value), 2) for f, value in zip(dial, nats, strict=True)})

# %% [markdown] tags=["solution"]
# Not half. At half the scale
# {{ (dial.house.none - dial.house.half) / (dial.house.none - dial.house.one) | pct0 }} of the fall
# on house replies is there already. General statements stand at a perplexity of
# {{ exp(dial.general.half) | f1 }} instead of {{ exp(dial.general.one) | f1 }}, from
# {{ exp(dial.general.none) | f1 }}. At twice the scale they are at
# {{ exp(dial.general.two) | f0 }}, and house replies at {{ exp(dial.house.two) | f1 }}. The loss is
# not linear in the weights, so the scale is a dial worth a look after training. Set it on
# validation data, never on the test.

# %% [markdown]
# ### Exercise 3: Is the habit tied to the prompt?
# All training prompts had the same system line. Ask the tuned model without it. Say beforehand what
# you would call "the habit is general" and what "it hangs on the line", then measure the surprise of
# the greeting. What would you put into the training data if you wanted the habit to hang on the line?

# %% tags=["solution"]
def greeting_nats(name: str, system: str | None) -> float:
    found = []
    for ticket, parts in zip(asked, labels, strict=False):
        row = encode(tokenizer, ticket.text, reply(ticket).completion, system=system)
        log_p, targets = log_probs(name, row)
        found.append(-log_p.gather(1, targets[:, None])[[part == "greeting" for part in parts], 0])
    return float(torch.cat(found).mean())


line = {name: {"with": greeting_nats(name, REPLY_INSTRUCTION), "without": greeting_nats(name, None)}
        for name in ("untuned", "replies0")}  # fmt: skip
record.values("line.untuned", {key + "_line": value for key, value in line["untuned"].items()})
record.values("line.tuned", {key + "_line": value for key, value in line["replies0"].items()})
for name, found in line.items():
    print(name, {key: round(value, 2) for key, value in found.items()})

# %% [markdown] tags=["solution"]
# With its line the greeting costs {{ line.tuned.with_line | f2 }} nats a token, without it
# {{ line.tuned.without_line | f2 }}; untuned it was {{ line.untuned.without_line | f2 }}. The habit
# {{ "does not hang on the line" if line.tuned.without_line < 0.5 * line.untuned.without_line else "hangs on the line" | text }}.
# With one system line in all the data, nothing rewards looking at it, as with the notes. If the
# desk's voice must stay at the desk, mix in other lines with other answers.

# %% [markdown]
# ## Knowledge check
#
# <!-- quiz -->
#
# ## Checklist
#
# - [ ] I can turn three logits into a loss and a perplexity on paper.
# - [ ] I average nats over tokens, and never compare perplexities across tokenizers.
# - [ ] I checked my loop's loss against a hand-computed one before the first step.
# - [ ] I looked at *where* the loss fell, not only at how far.
# - [ ] Beside every tune I ran one on something else, for the same steps.
# - [ ] Facts that change reach the model through the prompt.
# - [ ] I wrote down which rung failed, by what measure, before climbing.
#
# ## Interview questions
#
# ??? question "What does fine-tuning change in a language model?"
#     Weights, and through them the distribution over the next token at every position of every text.
#     Measured here, most of the movement was where house wording is a choice, and little where the
#     text before already decided the token. Habits come first and cheaply. Facts come slowly, and so
#     may habits that nobody meant, such as not reading the prompt.
#
# ??? question "Your perplexity on company text fell from 20 to 3. What do you ask?"
#     On which split, by template or by row? What did a tune on other text do at the same number of
#     steps? In which tokens did it fall: boilerplate, or content? What happened to general text? And
#     what is the answer worth, scored by the task's own measure?
#
# ??? question "When would you refuse to fine-tune?"
#     When a prompt or examples already meet the bar; when what fails is a private or changing fact; when
#     there are no checked examples; or when nobody will own evaluation and rollback.
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | loss starts near the log of the vocabulary | labels shifted twice or never | let the library shift; check by hand |
# | test as good as training, customers unhappy | split by row | split by template and product |
# | fluent replies with wrong numbers | form was learned, the fact was not | put the fact into the prompt, check it |
# | perplexity fell, answers did not improve | boilerplate became cheap | split the loss by part; score the task |
# | the tuned model ignores retrieved facts | training prompts had none | train with the prompts you serve |
#
# ## Further reading
#
# - Lin and others, *The Unlocking Spell on Base LLMs: Rethinking Alignment via In-Context Learning*,
#   2023, [arXiv:2312.01552](https://arxiv.org/abs/2312.01552). This page's measurement on large models:
#   most shifts are in tokens of style.
# - Zhou and others, *LIMA: Less Is More for Alignment*, 2023,
#   [arXiv:2305.11206](https://arxiv.org/abs/2305.11206). A thousand examples, and the hypothesis that
#   they teach form.
# - Gekhman and others, *Does Fine-Tuning LLMs on New Knowledge Encourage Hallucinations?*, 2024,
#   [arXiv:2405.05904](https://arxiv.org/abs/2405.05904). New facts are learned slowly, and learning them
#   has a price.
# - Allen-Zhu and Li, *Physics of Language Models: Part 3.1, Knowledge Storage and Extraction*, 2023,
#   [arXiv:2309.14316](https://arxiv.org/abs/2309.14316). Why a fact in one wording may not come out in
#   another.
# - Zhang and others, *RAFT: Adapting Language Model to Domain Specific RAG*, 2024,
#   [arXiv:2403.10131](https://arxiv.org/abs/2403.10131). Tuning a model to read what retrieval brings.
# - Ovadia and others, *Fine-Tuning or Retrieval? Comparing Knowledge Injection in LLMs*, 2023,
#   [arXiv:2312.05934](https://arxiv.org/abs/2312.05934). The comparison by need, measured.
# - Qi and others, *Fine-tuning Aligned Language Models Compromises Safety, Even When Users Do Not
#   Intend To!*, 2023, [arXiv:2310.03693](https://arxiv.org/abs/2310.03693). Why a safety policy needs a
#   gate after every tune.
# - Gururangan and others, *Don't Stop Pretraining: Adapt Language Models to Domains and Tasks*, 2020,
#   [arXiv:2004.10964](https://arxiv.org/abs/2004.10964). The left end of the spectrum.
# - Ouyang and others, *Training language models to follow instructions with human feedback*, 2022,
#   [arXiv:2203.02155](https://arxiv.org/abs/2203.02155). The rest of the spectrum, in one pipeline.
#
# ## For your readiness packet
#
# The packet starts here, with three sheets: the environment, a data card, and the baseline *before*
# tuning, which every later result must beat.

# %%
from importlib.metadata import version

from course.case import PRODUCTS, SPLITS, TEMPLATES

sheet = [["environment", name, version(name).split("+")[0]]
         for name in ("torch", "transformers", "peft")]  # fmt: skip
equal = "yes" if abs(by_hand - library) < 1e-4 else "no"
sheet.append(["environment", "hand-written loss equals the library's", equal])
for split in SPLITS:
    wordings = sum(template.split == split for template in TEMPLATES)
    sheet.append(["data", split, f"{wordings} wordings, {len(PRODUCTS[split])} products"])
rest = [t.text for split in SPLITS[1:] for t in TEMPLATES if t.split == split]
shared = sum(t.text in rest for t in TEMPLATES if t.split == "train")
both = set(PRODUCTS["train"]) & {*PRODUCTS["validation"], *PRODUCTS["test"]}
record.values("packet", {"shared_wordings": shared, "shared_products": len(both)})
sheet.append(["data", "shared by training and the rest", f"{shared} wordings, {len(both)} products"])
for way in ("bare prompt", "house rules", "examples", "examples, notes"):
    kept = [style_score(text, t).total for text, t in zip(written[way, "untuned"], asked, strict=True)]
    sheet.append(["baseline", f"{way}: house rules kept", f"{sum(kept) / len(kept):.0%}"])
record.table("packet.table", sheet, columns=["sheet", "item", "found"], kind="band",
             caption="The first three sheets of the readiness packet.")  # fmt: skip
