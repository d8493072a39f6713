# ---
# title: Instruction tuning
# module: 3
# summary: A conversation as tokens, a loss that counts only the answer, the traps at its end and its
#   edges, and what a short tune buys over a good prompt.
# objectives:
#   - read any chat template token by token, and say which tokens carry a label
#   - compute a batch's loss by hand, and say how token and example weighting differ
#   - explain why pad = EOS can teach a model never to stop, and test for it before training
#   - pack examples without letting them see each other, and prove it on a loss
#   - match TRL's SFTTrainer step for step with a loop you wrote
# prerequisites: [1, 2]
# tags: [Supervised fine-tuning (SFT), Chat template, Prompt mask, Packing]
# weights: [smollm2-135m-instruct]
# plain_numbers:
#   a probability that the warm-up sets, and its logarithm: [0.25, 1.39]
#   the label −100 that PyTorch's cross-entropy skips: [100]
#   two means by hand, of losses that the text sets: [0.875, 1.25]
#   tolerances that the code asserts: [0.01, 0.001]
#   the length of row that the code packs into: [256]
#   TRL's default of max_length: [1024]
#   the batch that the logits are counted for: [2048]
# ---

# %% [markdown]
# A support desk needs two things from a small model: JSON that a program can read, and replies in
# the house's voice. After {{ budget.steps | int }} steps on {{ data.train | int }} examples, the
# share of answers that are pure JSON goes from {{ arms.plain.valid | pct0 }} to
# {{ arms.tuned.valid | pct0 }}, and the share of house rules kept from
# {{ arms.plain.style | pct0 }} to {{ arms.tuned.style | pct0 }}. A careful prompt in words alone
# fails: {{ arms.careful.valid | pct0 }} and {{ arms.careful.style | pct0 }}. But
# {{ budget.shots | int }} examples in the prompt do as well as the tune:
# {{ arms.few.valid | pct0 }} and {{ arms.few.style | pct0 }}, for {{ cost.few | f0 }} prompt tokens
# instead of {{ cost.plain | f0 }}. So here a tune mostly buys a shorter prompt.
#
# The training loop is ten lines. Nearly everything that can go wrong happens before it: in how a
# conversation becomes tokens, and which of them count.
#
# ## Warm-up
#
# ??? question "A model gives the right next token a probability of 0.25. What is its loss there?"
#     $-\ln 0.25 \approx 1.39$ nats. The loss of a text is the mean of this over its predicted tokens.
#
# ??? question "Why does a frozen weight still cost a backward pass?"
#     The gradient travels *through* it to what is trained further down. Only its own gradient and
#     optimizer states are saved. See [Where the memory goes](lesson:02).

# %% tags=["parameters"]
profile = "laptop"  # "smoke": seconds; "laptop": minutes on a CPU; "full": a GPU
seed = 0

# %% [markdown]
# ## A screenplay with one part to learn
#
# To the model a conversation is one long text, like a screenplay. The **chat template** is the
# typesetter: it writes who speaks, what they say, and where each turn ends.
#
# ```text
#   <|im_start|>system     You work at the Trail Desk.            <|im_end|>
#   <|im_start|>user       Extract intent … My zipper broke.      <|im_end|>
#   <|im_start|>assistant  {"intent":"warranty", …}               <|im_end|>
#   └──── read, never graded ────┘└──────────── graded ──────────────────┘
# ```
#
# An actor reads the whole play and learns one part. **Instruction tuning** does the same: the model
# reads everything and is graded on the assistant's lines, *including the mark that ends them*. An
# actor who never learns that mark goes on talking. The picture breaks at one point: an actor knows
# that headings are not speech. To the model, one that it never met is just odd text.
#
# Everything the experiments spend stands in one dictionary.

# %%
from course import record
from course.models import device, load_causal_lm, seed_everything

budget = {
    "smoke": {"steps": 1, "batch": 2, "seeds": (0,), "tickets": 2, "replies": 2, "cap": (4, 6),
              "shots": 1, "match": 1},
    "laptop": {"steps": 12, "batch": 4, "seeds": (0, 1, 2), "tickets": 24, "replies": 12,
               "cap": (48, 80), "shots": 3, "match": 2},
    "full": {"steps": 96, "batch": 8, "seeds": (0, 1, 2, 3, 4), "tickets": 144, "replies": 72,
             "cap": (64, 128), "shots": 3, "match": 6},
}[profile]  # fmt: skip
STEPS, BATCH, SEEDS = budget["steps"], budget["batch"], budget["seeds"]
model, tokenizer = load_causal_lm(blocks=1 if profile == "smoke" else None)
pristine = {name: tensor.clone() for name, tensor in model.state_dict().items()}
EOS, PAD = tokenizer.eos_token_id, tokenizer.pad_token_id
record.values("budget", {"steps": STEPS, "batch": BATCH, "shots": budget["shots"], "seeds": len(SEEDS),
                         "tickets": budget["tickets"], "replies": budget["replies"],
                         "cap_json": budget["cap"][0], "cap_reply": budget["cap"][1]})  # fmt: skip

# %% [markdown]
# ## One conversation, token by token
#
# We write the template out by hand for one ticket and compare with the checkpoint's own. The
# *prompt* asks for intent, product and urgency; the *completion*, the answer, is compact JSON.

# %%
from course.case import extraction, reply, tickets
from course.chat import IGNORE, Encoded, collate, encode

SYSTEM = "You work at the Trail Desk."
example = extraction(tickets("train", 1)[0])


def ids(text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]


segments = [("system", "<|im_start|>system\n"), ("system", SYSTEM), ("system", "<|im_end|>\n"),
            ("user", "<|im_start|>user\n"), ("user", example.prompt), ("user", "<|im_end|>\n"),
            ("assistant", "<|im_start|>assistant\n"), ("assistant", example.completion),
            ("assistant", "<|im_end|>")]  # fmt: skip
by_hand = [(role, ids(text)) for role, text in segments]
flat = [token for _, tokens in by_hand for token in tokens]
prompt_length = sum(len(tokens) for _, tokens in by_hand[:7])
encoded = encode(tokenizer, example.prompt, example.completion, SYSTEM)
assert encoded == Encoded(tuple(flat), prompt_length)
assert encoded.labels == (IGNORE,) * prompt_length + tuple(flat[prompt_length:])

# %% tags=["hide-code"]
rows, start = [], 0
for number, (role, tokens) in enumerate(by_hand):
    words = "·".join(tokenizer.decode([token]).replace("\n", "⏎") for token in tokens)
    some = tokens if len(tokens) <= 4 else [*tokens[:2], "…", tokens[-1]]
    span = f"{start}–{start + len(tokens) - 1}" if len(tokens) > 1 else str(start)
    rows.append([span, role, words, " ".join(map(str, some)), "yes" if number >= 7 else "no"])
    start += len(tokens)
record.table("template.table", rows, columns=["positions", "role", "tokens", "ids", "label"],
             caption="One training example. A dot separates tokens, ⏎ is a line break.")  # fmt: skip
record.values("template", {"tokens": len(flat), "labels": len(flat) - prompt_length, "eos": EOS,
                           "pad": PAD})  # fmt: skip

# %% [markdown]
# `encode` of the course's library gave the same ids and labels: {{ template.labels | int }} labels
# among {{ template.tokens | int }} tokens. `<|im_start|>` and `<|im_end|>` are *one* token each; a
# customer who types them gets the real thing, so strip them from user text. The heading
# `<|im_start|>assistant⏎` belongs to the prompt: at serving time **you** write it. And the last label
# is `<|im_end|>`, the mark to stop. Two of the template's habits stay invisible until you ask.

# %%
user_only = [{"role": "user", "content": "Hi"}]
plain = tokenizer.apply_chat_template(user_only, tokenize=False)
ready = tokenizer.apply_chat_template(user_only, tokenize=False, add_generation_prompt=True)
silent, ours = plain.split("<|im_start|>user")[0], "".join(text for _, text in segments[:3])
record.values("system", {"silent": len(ids(silent)), "ours": len(ids(ours))})
print("you wrote one turn:     ", user_only)
print("inserted before it:     ", repr(silent))
print("add_generation_prompt:  ", repr(ready.removeprefix(plain)))

# %% [markdown]
# Leave out the system message and this template **silently inserts its own**,
# {{ system.silent | int }} tokens; ours takes {{ system.ours | int }}. Tune with one and serve with
# the other, and the model meets a prompt it was not tuned on. `add_generation_prompt=True` adds the
# assistant's heading; without it the model has to guess whose turn it is. Other checkpoints have
# other habits: print yours.
#
# ## The loss, and who counts in it
#
# Let example $i$ of a batch of $b$, padded to $T$ tokens, have tokens $x_{i,1} \dots x_{i,T}$ and a
# mask $m_{i,t}$: 1 where token $t$ belongs to the completion, else 0. Its answer has
# $n_i = \sum_t m_{i,t}$ tokens and the probability $\prod_t p_\theta(x_{i,t} \mid x_{i,<t})$ over
# them. Maximizing the product over all examples means minimizing minus the sum of logarithms;
# dividing by the number of labeled tokens makes a mean in nats:
#
# $$\mathcal{L} = \frac{-1}{\sum_i n_i} \sum_{i=1}^{b} \sum_{t=2}^{T} m_{i,t} \log p_\theta(x_{i,t} \mid x_{i,<t})$$
#
# **The shift:** the logits at position $t$ predict token $t+1$, so logits $1 \dots T-1$ meet labels
# $2 \dots T$. Models of transformers do this inside; hand them labels *unshifted*. **The mask:** a
# label of −100 is what PyTorch's cross-entropy skips.
#
# **The weighting** is a choice. Answer one has 2 tokens with losses 1 and 3; answer two has 6
# tokens of 0.5 each. The formula weights by token: $(1 + 3 + 3)/8 = 0.875$. Averaging each answer
# first weights by example: $(2 + 0.5)/2 = 1.25$. Neither is wrong; by token, long answers dominate.

# %% [markdown] tags=["predict"]
# id: sft-reply-share
# ask: >-
#   Our training set is half extractions (on average {{ data.labels_json | f0 }} labeled tokens) and
#   half replies ({{ data.labels_reply | f0 }}). What share of the labels in the token-weighted loss
#   belongs to replies?
# number: 100 * data.reply_share
# format: f0
# unit: "%"

# %% tags=["reveal"]
n = STEPS * BATCH // 2  # half extractions, half replies, all on different tickets
source = tickets("train", 2 * n)
pairs = [extraction(t) for t in source[:n]] + [reply(t) for t in source[n:]]
train_set = [encode(tokenizer, p.prompt, p.completion, SYSTEM) for p in pairs]
answers = [len(e.input_ids) - e.prompt_length for e in train_set]
total = sum(len(e.input_ids) for e in train_set)
record.values("data", {
    "train": len(train_set), "tokens": total, "labeled": sum(answers) / total,
    "labels_json": sum(answers[:n]) / n, "labels_reply": sum(answers[n:]) / n,
    "reply_share": sum(answers[n:]) / sum(answers)})  # fmt: skip
print(f"{sum(answers[:n])} labels in extractions, {sum(answers[n:])} in replies, {total} tokens in all")

# %% [markdown]
# Replies are half of the examples and hold {{ data.reply_share | pct0 }} of the labels, so
# {{ data.reply_share | pct0 }} of the terms in the loss. And only {{ data.labeled | pct0 }} of all
# tokens carry a label. Now a batch and its loss by hand, with the formula above.

# %%
import torch
from torch.nn import functional as F

four = [train_set[0], train_set[1], train_set[n], train_set[n + 1]] if n > 1 else train_set
longest = max(len(e.input_ids) for e in four)
rows = {"input_ids": [], "attention_mask": [], "labels": []}
for e in four:
    fill = longest - len(e.input_ids)
    rows["input_ids"].append([*e.input_ids, *[PAD] * fill])
    rows["attention_mask"].append([1] * len(e.input_ids) + [0] * fill)
    rows["labels"].append([*e.labels, *[IGNORE] * fill])
batch = {key: torch.tensor(value, device=device()) for key, value in rows.items()}  # each (b, T)
assert all(torch.equal(batch[key], other) for key, other in collate(four, PAD).items())

with torch.no_grad():
    out = model(**batch)  # transformers shifts and averages by itself
logits, targets = out.logits[:, :-1], batch["labels"][:, 1:]  # the shift: (b, T-1, V), (b, T-1)
nll = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE, reduction="none")
nll = nll.view(targets.shape)  # (b, T-1), zero where there is no label
counts = (targets != IGNORE).sum(dim=1)  # n_i
by_token = nll.sum() / counts.sum()
by_example = (nll.sum(dim=1) / counts).mean()
assert abs(by_token - out.loss) < 1e-4
half = len(four) // 2
means = [nll[i : i + half].sum() / counts[i : i + half].sum() for i in (0, half)]
record.values("weighting", {"token": by_token.item(), "example": by_example.item(),
                            "halves": sum(means).item() / 2})  # fmt: skip
print(f"by token {by_token:.3f} (transformers: {out.loss:.3f}), by example {by_example:.3f}")

# %% [markdown]
# The token-weighted loss, {{ weighting.token | f3 }}, equals the model's own to $10^{-4}$, and
# `collate` built the same tensors. Weighted by example, the same batch has
# {{ weighting.example | f3 }}: know which one you report.
#
# ## Two traps at the edges
#
# **Which side to pad.** In training, pads on the right are harmless: no real token looks to its
# right, and pads have no label. In generation the next token is read in the *last column*, so pads
# must stand on the left. Both sides against each prompt alone:

# %%
def padded(rows: list, side: str) -> dict[str, torch.Tensor]:
    """Token rows as one batch, with pads on one side: ids and attention mask, each (b, T)."""
    width, tokens, mask = max(map(len, rows)), [], []
    for row in rows:
        fill = width - len(row)
        left, right = (fill, 0) if side == "left" else (0, fill)
        tokens.append([PAD] * left + [*row] + [PAD] * right)
        mask.append([0] * left + [1] * len(row) + [0] * right)
    return {"input_ids": torch.tensor(tokens, device=device()),
            "attention_mask": torch.tensor(mask, device=device())}  # fmt: skip


heads = [e.input_ids[: e.prompt_length] for e in train_set[:6]]
with torch.no_grad():
    alone = torch.cat([model(**padded([h], "left")).logits[:, -1] for h in heads])  # (6, V)
    column = {side: model(**padded(heads, side)).logits[:, -1] for side in ("left", "right")}
assert (column["left"] - alone).abs().max() < 1e-2
same = {side: int((c.argmax(1) == alone.argmax(1)).sum()) for side, c in column.items()}
longest_heads = sum(len(h) == max(map(len, heads)) for h in heads)
record.values("sides", {"n": len(heads), "unpadded": longest_heads, **same})
print(f"same next token as alone: left {same['left']}, right {same['right']} of {len(heads)}")

# %% [markdown]
# Left-padded, {{ sides.left | int }} of {{ sides.n | int }} agree (logits within 0.01).
# Right-padded it is {{ sides.right | int }}, and {{ sides.unpadded | int }} needed no padding at all.
# No error: the model answers a prompt that ends in pads. `generate` warns; your own loop does not.
#
# **Which token pads.** This checkpoint pads with `<|im_end|>`: `pad_token_id` is
# {{ template.pad | int }} and so is `eos_token_id`. Then "mask every label whose *id* is the pad's"
# also masks the one label that teaches the model to stop. The default collator of transformers for
# language modeling does exactly this:

# %%
from transformers import DataCollatorForLanguageModeling

collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
careless = collator([{"input_ids": list(e.input_ids)} for e in four])["labels"]
record.values("trap", {"collator_eos": int((careless == EOS).sum()),
                       "ours_eos": int((batch["labels"] == EOS).sum())})  # fmt: skip
print("labels that say stop:", *(int((x == EOS).sum()) for x in (batch["labels"], careless)))

# %% [markdown]
# Our batch has {{ trap.ours_eos | int }} labels that say stop, the collator's
# {{ trap.collator_eos | int }}. So mask by *position*, as `collate` does, or give padding a token of
# its own. [Break it](#break-it) shows what the lost label does to a model.
#
# ## Packing
#
# Pads cost as much arithmetic as words. **Packing** puts several examples into one row instead. But
# in a row attention looks back over the border, into somebody else's ticket:
#
# ```text
#             A A A B B B                  A A A B B B
#         A   █                        A   █
#         A   █ █                      A   █ █
#         A   █ █ █                    A   █ █ █
#         B   █ █ █ █                  B         █
#         B   █ █ █ █ █                B         █ █
#         B   █ █ █ █ █ █              B         █ █ █
#             naive                        block-diagonal
# ```
#
# Two repairs are on offer. A **block-diagonal mask** decides *who is seen*. **Position ids** that
# start again at 0 with each example change *how far away* things appear; this model's rotary
# embedding uses only differences of positions.

# %% [markdown] tags=["predict"]
# id: sft-pack-repair
# ask: >-
#   Example B is packed behind A. Which repair alone gives B the loss that it has by itself?
# choices:
#   - text: Restarted positions. B then believes that it stands at the beginning.
#     right: abs(pack.positions - pack.alone) < 0.001 and abs(pack.mask - pack.alone) > 0.001
#   - text: The mask. B then sees only itself, and differences of positions are unchanged.
#     right: abs(pack.mask - pack.alone) < 0.001 and abs(pack.positions - pack.alone) > 0.001
#   - text: Neither. It takes both.
#     right: abs(pack.mask - pack.alone) > 0.001 and abs(pack.positions - pack.alone) > 0.001

# %% tags=["reveal"]
first, second = train_set[:2]
a, b = len(first.input_ids), len(second.input_ids)
pair = torch.tensor([first.input_ids + second.input_ids], device=device())
only_b = torch.tensor([(IGNORE,) * a + second.labels], device=device())
restart = torch.tensor([[*range(a), *range(b)]], device=device())
block = torch.ones(a + b, a + b, dtype=torch.bool, device=device()).tril()
block[a:, :a] = False  # rows of B, columns of A
mask = {"attention_mask": block[None, None]}  # (1, 1, T, T)
ways = {"naive": {}, "positions": {"position_ids": restart}, "mask": mask,
        "both": {**mask, "position_ids": restart},
        "detected": {"position_ids": restart, "use_cache": False}}  # fmt: skip
with torch.no_grad():
    loss_b = {"alone": model(**collate([second], PAD)).loss.item()}
    for name, how in ways.items():
        loss_b[name] = model(input_ids=pair, labels=only_b, **how).loss.item()
record.values("pack", loss_b)
assert max(abs(loss_b[k] - loss_b["alone"]) for k in ("mask", "both", "detected")) < 1e-3
record.table("pack.table", [[name, round(value, 3)] for name, value in loss_b.items()],
             columns=["example B", "loss in nats a token"],
             caption="The loss of B's completion, alone and packed behind A in five ways.")  # fmt: skip

# %% [markdown]
# Naively packed, B's loss falls from {{ pack.alone | f3 }} to {{ pack.naive | f3 }}: A, a solved
# extraction, is in sight. Restarted positions alone still leak. The mask alone restores the loss to
# within 0.001: with rotary positions the mask does the work.
#
# Yet the last row is the call of "positions" plus `use_cache=False`, and it is right. transformers
# reads the borders off restarted positions and builds the blocks itself, but only if it has *neither*
# an attention mask *nor* a cache. A plain call makes a cache, and leaks without a word. TRL
# switches the cache off.
#
# What is saved? We pack by "longest first, into the fullest row that has room", and so should TRL.

# %%
from datasets import Dataset, disable_progress_bars
from trl import pack_dataset

from course.chat import batches

disable_progress_bars()
ROOM = 256
lengths = sorted((len(e.input_ids) for e in train_set), reverse=True)
room = []  # what is left in each row
for length in lengths:
    fitting = [i for i, left in enumerate(room) if left >= length]
    if fitting:
        room[min(fitting, key=lambda i: room[i])] -= length
    else:
        room.append(ROOM - length)
packed = pack_dataset(Dataset.from_dict({"input_ids": [list(e.input_ids) for e in train_set]}), ROOM)
assert len(packed) == len(room)

epoch = list(batches(train_set, BATCH, STEPS, PAD, seed))  # as the loop below will see them
real, cells = (sum(int(getattr(x["attention_mask"], f)()) for x in epoch) for f in ("sum", "numel"))
record.values("pads", {"rows": len(room), "packed": sum(room) / (ROOM * len(room)),
                       "batches": 1 - real / cells})  # fmt: skip
print(f"{len(train_set)} examples in {len(room)} rows of {ROOM}, {sum(room) / (ROOM * len(room)):.0%} "
      f"pads; in batches of {BATCH}, {1 - real / cells:.0%} pads")

# %% [markdown]
# TRL's best-fit packing needs {{ pads.rows | int }} rows of 256 tokens, and so does ours. It leaves
# {{ pads.packed | pct0 }} of the cells empty; the random batches of the loop below are
# {{ pads.batches | pct0 }} pads: at these lengths packing saves little. And at an equal number of
# rows a step holds more examples, so there are fewer steps.
#
# ## Ten lines of training, then TRL
#
# The loop trains a LoRA adapter, a thin pair of matrices beside each frozen one
# ([LoRA from scratch](lesson:07) builds it), on the upper half of the blocks, so that the backward
# pass may stop halfway. `labeled_logits` sends only labeled positions through the output head: the
# same loss for less work. `relabel` lets us spoil the labels later.

# %%
from collections.abc import Callable, Iterable

from peft import LoraConfig, get_peft_model
from torch import nn

from course.tuning import labeled_logits

RATE = 0.01
LINEAR = [f"{name}_proj" for name in ("q", "k", "v", "o", "gate", "up", "down")]


def adapter(seed: int, steps: int) -> tuple:
    """The model with a fresh adapter, an optimizer and a schedule for `steps` steps."""
    seed_everything(seed)
    blocks = model.config.num_hidden_layers
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=LINEAR,
                      layers_to_transform=[*range(blocks // 2, blocks)])  # fmt: skip
    adapted = get_peft_model(model, lora)
    weights = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / 3) * (1 - step / steps)
    )
    return adapted, weights, optimizer, schedule


# %%
def fit(data: Iterable[dict], steps: int, seed: int, relabel: Callable = lambda x: x) -> list[float]:
    adapted, weights, optimizer, schedule = adapter(seed, steps)
    losses = []
    model.train()
    for batch in data:
        batch["labels"] = relabel(batch["labels"])
        logits, targets, _ = labeled_logits(model, batch)  # (N, V), (N,), shifted
        loss = F.cross_entropy(logits, targets)  # a mean over the batch's labeled tokens
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    adapted.merge_and_unload()
    model.eval()
    return losses


# %% [markdown]
# TRL's `SFTTrainer` takes conversations with a `prompt` and a `completion` and does the rest. We give
# it the same adapter, optimizer and schedule and forbid shuffling. And we make it harder: TRL gets
# *half* batches, the short answers first, and accumulates two of them. A mean of two means would be a
# different loss (Exercise 1); TRL divides each half's sum by the labels of the whole batch, as our
# formula does.
#
# One difference: the template writes a line break after `<|im_end|>`, and TRL keeps it as a labeled
# token; `encode` stops at the mark. For this comparison we append it.

# %%
match = budget["match"]
half = BATCH // 2  # of each batch: extractions first, then replies
shown = [p for i in range(0, match * half, half)
         for p in (*pairs[i : i + half], *pairs[n + i : n + i + half])]  # fmt: skip
ours = [encode(tokenizer, p.prompt, p.completion, SYSTEM) for p in shown]
ours = [Encoded((*e.input_ids, *ids("\n")), e.prompt_length) for e in ours]
chats = [{"prompt": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": p.prompt}],
          "completion": [{"role": "assistant", "content": p.completion}]} for p in shown]  # fmt: skip
by_loop = fit((collate(ours[i : i + BATCH], PAD) for i in range(0, len(ours), BATCH)), match, seed)

# %%
import tempfile

from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

model.load_state_dict(pristine)
adapted, _, optimizer, schedule = adapter(seed, match)
with tempfile.TemporaryDirectory() as folder:
    trainer = SFTTrainer(
        model=adapted,
        args=SFTConfig(folder, per_device_train_batch_size=half, gradient_accumulation_steps=2,
                       max_steps=match, logging_steps=1, train_sampling_strategy="sequential",
                       activation_checkpointing=False, bf16=False, dataloader_pin_memory=False,
                       save_strategy="no", report_to="none", disable_tqdm=True,
                       use_cpu=device().type == "cpu"),
        train_dataset=Dataset.from_list(chats), processing_class=tokenizer,
        optimizers=(optimizer, schedule),
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    prepared = trainer.train_dataset
    assert [tuple(row) for row in prepared["input_ids"]] == [e.input_ids for e in ours]
    assert [tuple(row) for row in prepared["labels"]] == [e.labels for e in ours]
    trainer.train()

# %% tags=["hide-code"]
by_trl = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
adapted.unload()
model.__dict__.pop("forward", None)  # TRL put a loss without full logits in front of the model
model.load_state_dict(pristine)
model.eval()
gaps = [abs(x - y) for x, y in zip(by_loop, by_trl, strict=True)]
assert max(gaps) < 5e-3
record.table("match.table", [[step + 1, round(x, 4), round(y, 4)] for step, (x, y)
                             in enumerate(zip(by_loop, by_trl, strict=True))],
             columns=["step", "our loop", "SFTTrainer"],
             caption="Training loss, step for step: whole batches by hand, two half batches in TRL.")  # fmt: skip
record.value("match.gap", max(gaps), kind="band")

# %% [markdown]
# Ids and labels agree exactly, the losses to {{ match.gap | sci1 }}. `SFTTrainer` masked
# the prompt because the columns are called `prompt` and `completion`; a `messages` column is trained
# on *in full*, unless you set `assistant_only_loss`. It cuts at `max_length`, 1,024 by default. Its
# defaults of bf16 and gradient checkpointing we turned off. `packing=True` packs by best fit with
# restarted positions.
#
# ## What does tuning buy?
#
# Four ways to get the work done, on test tickets whose wordings and products never occur in
# training: the instruct model with the **short prompt** of the training data; with a **careful
# prompt** that spells out keys, values, policies and form; with {{ budget.shots | int }} **examples**
# as earlier turns; and **tuned**, with the short prompt, on {{ budget.seeds | int }} seeds. The middle
# two are the controls: if either suffices, you need not tune for quality.

# %%
def chat(prompt: str, shots: Iterable = ()) -> list[int]:
    """Token ids of a conversation that waits for the assistant."""
    turns = [("system", SYSTEM)]
    for shot in shots:
        turns += [("user", shot.prompt), ("assistant", shot.completion)]
    turns = [{"role": role, "content": text} for role, text in [*turns, ("user", prompt)]]
    return ids(tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))


@torch.no_grad()
def answer(rows: list[list[int]], cap: int) -> list[list[int]]:
    """Greedy answers to token rows, padded on the left, up to and with the mark to stop."""
    out = model.generate(**padded(rows, "left"), max_new_tokens=cap, do_sample=False,
                         pad_token_id=PAD, eos_token_id=EOS)  # fmt: skip
    out = out[:, max(map(len, rows)) :].tolist()
    return [row[: row.index(EOS) + 1] if EOS in row else row for row in out]


# %% [markdown]
# **Valid** is the share of answers that are one JSON object, of any keys, and nothing else.
# **Fields** is the share of the three fields that are right in the first JSON object (0 if it lacks
# one). **Style** is the share kept of five house rules: greeting, sign-off, length, courtesy
# and facts. **Grounded** is the last rule alone: the reply states the policy's duration, no other,
# and no invented promise. An anchor for fields: a constant answer gets the intent right once in six,
# the urgency once in three, the product never, 17 % in all. Any legal answer fits into
# {{ budget.cap_json | int }} and {{ budget.cap_reply | int }} new tokens.

# %% tags=["hide-code"]
import json

from course.case import field_accuracy, parse_extraction, style_score

test = tickets("test", budget["tickets"])
test_replies = test[: budget["replies"]]
CAP, REPLY_CAP = budget["cap"]


def text_of(row: list[int]) -> str:
    return tokenizer.decode(row, skip_special_tokens=True).strip()


def pure_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def score_json(rows: list[list[int]]) -> dict[str, float]:
    out = answer(rows, CAP)
    texts = [text_of(row) for row in out]
    right = [field_accuracy(parse_extraction(s), t) for s, t in zip(texts, test, strict=True)]
    return {"valid": sum(map(pure_json, texts)) / len(test), "fields": sum(right) / len(test),
            "length": sum(map(len, out)) / len(out),
            "stopped": sum(row[-1] == EOS for row in out) / len(out)}  # fmt: skip


def score_replies(rows: list[list[int]]) -> dict[str, float]:
    kept = [style_score(text_of(row), t)
            for row, t in zip(answer(rows, REPLY_CAP), test_replies, strict=True)]  # fmt: skip
    return {"style": sum(s.total for s in kept) / len(kept),
            "grounded": sum(s.grounded for s in kept) / len(kept)}  # fmt: skip


# %%
from course.case import INTENTS, OPENING, POLICIES, SIGN_OFF, URGENCIES

rules = "; ".join(f"{intent}: {policy.phrase}" for intent, policy in POLICIES.items())
SPEC = (f'\nAnswer with one line of JSON and nothing else, with the keys "intent" (one of '
        f'{", ".join(INTENTS)}), "product" (its full name) and "urgency" ({", ".join(URGENCIES)}).')
FORM = (f'\nBegin with "{OPENING}" State the rule that applies ({rules}). Then one next step with '
        f'"please". At most 55 words. End with "{SIGN_OFF}".')  # fmt: skip
few = tickets("train", budget["shots"], seed=1)
prompts = {
    "plain": ([chat(extraction(t).prompt) for t in test],
              [chat(reply(t).prompt) for t in test_replies]),
    "careful": ([chat(extraction(t).prompt + SPEC) for t in test],
                [chat(reply(t).prompt + FORM) for t in test_replies]),
    "few": ([chat(extraction(t).prompt, map(extraction, few)) for t in test],
            [chat(reply(t).prompt, map(reply, few)) for t in test_replies]),
}  # fmt: skip
arms = {name: [score_json(a) | score_replies(b)] for name, (a, b) in prompts.items()}
cost = {name: sum(map(len, a)) / len(a) for name, (a, _) in prompts.items()}

# %% [markdown]
# Now tune, once per seed, masked as above; and for the next section with the **unmasked** loss, where
# every token of the prompt is a label too. Same examples, order, steps, rate. A pilot, not on this
# page, chose the rate by the masked loss on *extractions* (one seed, validation tickets). About three
# times as much was better on replies and worse on extractions, for both losses. The first seed's tune
# also writes replies to the careful prompt.

# %%
held_out = {"json": [encode(tokenizer, extraction(t).prompt, extraction(t).completion, SYSTEM)
                     for t in test],
            "reply": [encode(tokenizer, reply(t).prompt, reply(t).completion, SYSTEM)
                      for t in test_replies]}  # fmt: skip
unmasked_set = [Encoded(e.input_ids, 0) for e in train_set]  # no prompt: every token is a label


@torch.no_grad()
def answer_loss(rows: list[Encoded]) -> float:
    """Nats per labeled token, each token weighted equally."""
    logits, targets, _ = labeled_logits(model, collate(rows, PAD))
    return F.cross_entropy(logits, targets).item()


# %%
base_loss = {task: answer_loss(rows) for task, rows in held_out.items()}
losses = {"masked": [], "unmasked": []}
arms |= {"tuned": [], "unmasked": []}
curves = {}
for s in SEEDS:
    for name, data in (("masked", train_set), ("unmasked", unmasked_set)):
        curves[name, s] = fit(batches(data, BATCH, STEPS, PAD, s), STEPS, s)
        losses[name].append({task: answer_loss(rows) for task, rows in held_out.items()})
        a, b = prompts["plain"]
        if name == "masked":
            arms["tuned"].append(score_json(a) | score_replies(b))
            if s == SEEDS[0]:  # the facts in the prompt *and* the tuned weights
                record.values("both", score_replies(prompts["careful"][1]))
                keep = {key: tensor.clone() for key, tensor in model.state_dict().items()}
        else:
            arms["unmasked"].append(score_json(a))
        model.load_state_dict(pristine)

# %% tags=["hide-code"]
def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


def spread(rows: list[dict], key: str) -> str:
    """Mean over seeds, and the range where there are several."""
    values = [row[key] for row in rows]
    middle = f"{mean(values):.0%}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.0%} to {max(values):.0%})"


for name, runs in arms.items():
    record.values(f"arms.{name}", {key: mean(run[key] for run in runs) for key in runs[0]})
names = {"plain": "short prompt", "careful": "careful prompt",
         "few": f"{budget['shots']} examples", "tuned": "tuned"}  # fmt: skip
record.table("arms.table", [
    [label, round(cost.get(name, cost["plain"])), *(spread(arms[name], key) for key in
                                                    ("valid", "fields", "style", "grounded"))]
    for name, label in names.items()],
    columns=["", "prompt tokens", "valid JSON", "fields right", "style", "grounded"],
    caption="Test tickets; mean over seeds, and the range. Prompt tokens: of an extraction.")  # fmt: skip
record.values("cost", cost)
bars = []
for name, label in names.items():
    per_key = [[run[key] for run in arms[name]] for key in ("valid", "fields", "style", "grounded")]
    bars.append(record.Series(label, ["valid JSON", "fields right", "style", "grounded"],
                              [mean(v) for v in per_key], [min(v) for v in per_key],
                              [max(v) for v in per_key]))  # fmt: skip
record.figure("arms.plot", record.Figure(
    kind="bar", series=bars, x_label="score", y_label="share",
    caption="Four ways to get the work done. Whiskers span the seeds of the tune.",
    alt="Grouped bars for valid JSON, fields right, style and grounded, four bars each: short prompt, "
        "careful prompt, examples, tuned. The table above has the numbers."))  # fmt: skip

# %% [markdown]
# The short prompt names JSON and the three keys, but not the allowed values. Words do not mend that:
# with the careful prompt no answer is pure JSON, and {{ arms.careful.fields | pct0 }} of the fields
# is less than the anchor. **Examples do.** Both they and the tune give
# {{ arms.tuned.valid | pct0 }} valid JSON; their {{ arms.few.fields | pct0 }} of the fields is at the
# lower end of the range of the tune's seeds; style differs by about a point. So against examples the
# tune bought hardly any quality here. It bought prompt tokens: {{ cost.plain | f0 }} a call instead
# of {{ cost.few | f0 }}.
#
# Look at *what* was learned. Form: completely. Decisions: {{ arms.tuned.fields | pct0 }} of the
# fields; the product can be copied, intent and urgency must be judged. Facts: not at all. Not one
# tuned reply is grounded, so style ends near four rules of five. Nor do the facts in the prompt help:
# the careful prompt grounds {{ arms.careful.grounded | pct0 }} of the replies alone, and
# {{ both.grounded | pct0 }} with the tuned weights (first seed). Only the examples ground any:
# {{ arms.few.grounded * budget.replies | f0 }} replies of {{ budget.replies | int }}.
#
# What the table does not show: the test has {{ budget.tickets | int }} tickets and
# {{ budget.replies | int }} replies, so one answer moves valid by {{ 1 / budget.tickets | pct0 }}
# and grounded by {{ 1 / budget.replies | pct0 }}; the range over seeds holds none of that. It is one
# choice and order of examples, which cannot show all six intents, one wording of the careful prompt,
# and one small model: a larger one may follow careful words better.
#
# ## Should the prompt count too?
#
# Masking is a habit of this field, not a law. Let $\rho$ be the share of answer tokens among those
# that are predicted, that is all but the first of each row. For one batch the unmasked loss is exactly
#
# $$\mathcal{L}_\text{all} = \rho\,\mathcal{L}_\text{answer} + (1 - \rho)\,\mathcal{L}_\text{prompt},$$
#
# two tasks in one: answer, and write tickets. Over our set $\rho$ is
# {{ data.labeled * data.tokens / (data.tokens - data.train) | pct0 }}. Does practice in writing
# tickets help to answer them? Published findings differ. Shi and others: loss on the instruction
# often helps, most of all where instructions are long and answers short, or examples few.
# Huerta-Enochian and Ko, for data with short answers: small weights on the prompt for short tasks,
# near 1 for long ones.

# %% [markdown] tags=["predict"]
# id: sft-mask-or-not
# ask: >-
#   Same examples, order, steps and learning rate, {{ budget.seeds | int }} seeds. Which has the lower
#   held-out loss on the *answers* of extractions?
# choices:
#   - text: Masked. Every gradient goes into the task that is measured.
#     right: mask.json.wins == mask.seeds
#   - text: Unmasked. It learns from all tokens, {{ 1 / data.labeled | f1 }} times as many.
#     right: mask.json.wins == 0
#   - text: Sometimes one, sometimes the other, depending on the seed.
#     right: mask.json.wins > 0 and mask.json.wins < mask.seeds

# %% tags=["reveal", "hide-code"]
rows = [["untuned", *(f"{base_loss[k]:.3f}" for k in held_out),
         *(spread(arms["plain"], k) for k in ("valid", "fields"))]]
for name, arm in (("masked", "tuned"), ("unmasked", "unmasked")):
    ranges = []
    for task in held_out:
        values = [run[task] for run in losses[name]]
        record.value(f"mask.{name}.{task}", mean(values))
        ranges.append(f"{mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")
    rows.append([name, *ranges, *(spread(arms[arm], k) for k in ("valid", "fields"))])
record.table("mask.table", rows,
             columns=["", "loss, extractions", "loss, replies", "valid JSON", "fields right"],
             caption="Held-out loss in nats per answer token, and task scores; mean and range.")  # fmt: skip
for task in held_out:
    gaps = [u[task] - m[task] for m, u in zip(losses["masked"], losses["unmasked"], strict=True)]
    record.values(f"mask.{task}", {"gap": mean(gaps), "least": min(gaps),
                                   "wins": sum(g > 0 for g in gaps)})  # fmt: skip
shown_curves = [record.Series(f"{name}, seed {s}", list(range(1, STEPS + 1)), curve)
                for (name, s), curve in curves.items() if s == SEEDS[0]]  # fmt: skip
record.figure("mask.plot", record.Figure(
    kind="line", series=shown_curves, x_label="step", y_label="training loss (nats a token)",
    caption="Training loss, first seed. The two lines are means over different tokens: they must "
            "not be compared.",
    alt="Two falling lines of training loss over steps, masked and unmasked, on the same "
        "batches."))  # fmt: skip
record.values("mask", {"seeds": len(SEEDS), "base_json": base_loss["json"],
                       "base_reply": base_loss["reply"]})  # fmt: skip

# %% [markdown]
# Masked ends lower in {{ mask.json.wins | int }} of {{ mask.seeds | int }} seeds on extractions and
# in {{ mask.reply.wins | int }} on replies. Set the gaps beside the ranges. On replies the gap is
# {{ mask.reply.gap | f3 }} nats, and the ranges do not touch. On extractions it is
# {{ mask.json.gap | f3 }}, the ranges overlap, and the closest seed differs by only
# {{ mask.json.least | f3 }}; valid JSON and fields do not tell the two apart. Where does the gap come
# from? Ask the first gradient, split as the formula splits the loss.

# %%
adapted, weights, *_ = adapter(seed, STEPS)
whole = torch.tensor([[*e.input_ids, *[IGNORE] * (longest - len(e.input_ids))] for e in four],
                     device=device())  # fmt: skip
prompt_only = torch.where(batch["labels"] == IGNORE, whole, IGNORE)


def gradient(labels: torch.Tensor) -> tuple[torch.Tensor, int]:
    logits, targets, _ = labeled_logits(model, {**batch, "labels": labels})
    parts = torch.autograd.grad(F.cross_entropy(logits, targets), weights)
    return torch.cat([part.flatten() for part in parts]), len(targets)


(g_all, n_all), (g_answer, n_answer), (g_prompt, _) = map(
    gradient, (whole, batch["labels"], prompt_only)
)
rho = n_answer / n_all
blend = rho * g_answer + (1 - rho) * g_prompt
assert torch.allclose(g_all, blend, atol=1e-3 * g_all.abs().max().item())
cosine = {"all": F.cosine_similarity(g_all, g_answer, dim=0).item(),
          "prompt": F.cosine_similarity(g_prompt, g_answer, dim=0).item()}  # fmt: skip
record.values("cosine", {**cosine, "rho": rho})
adapted.unload()
print({name: round(value, 3) for name, value in cosine.items()})

# %% [markdown]
# At the start, on four examples, the unmasked gradient has a cosine of {{ cosine.all | f2 }} with
# the answer's, and the prompt's own gradient one of {{ cosine.prompt | f2 }}: 1 would be the same
# direction, 0 unrelated. So a part of the unmasked step goes elsewhere. What Shi and others gain is
# less overfitting, for which a single pass leaves little room. "Masking wins" would say too much: it
# had the lower loss in one pass, at a rate chosen for it. See Exercise 3.
#
# ## The wrong template
#
# The tuned model of the first seed, asked in four ways: as it was tuned; without a system message,
# so that the template inserts its own; in a plain form like Alpaca's (without its opening sentence;
# it has no place for a system message); and with no template at all. Then the reverse: a tune *on*
# the Alpaca form, served in its form and in ours.

# %%
def alpaca(prompt: str) -> list[int]:
    return ids(f"### Instruction:\n{prompt}\n\n### Response:\n")


served = {
    "as tuned": chat,
    "default system": lambda p: ids(tokenizer.apply_chat_template(
        [{"role": "user", "content": p}], add_generation_prompt=True, tokenize=False)),
    "alpaca": alpaca,
    "none": lambda p: ids(p + "\n"),
}  # fmt: skip


def serve(form: str) -> dict[str, float]:
    heads = [served[form](extraction(t).prompt) for t in test]
    rows = [Encoded((*h, *ids(extraction(t).completion), EOS), len(h))
            for h, t in zip(heads, test, strict=True)]  # fmt: skip
    return {"loss": answer_loss(rows), **score_json(heads)}


model.load_state_dict(keep)
table = {("chat", form): serve(form) for form in served}
model.load_state_dict(pristine)
other = [Encoded((*alpaca(p.prompt), *e.input_ids[e.prompt_length :]), len(alpaca(p.prompt)))
         for p, e in zip(pairs, train_set, strict=True)]  # fmt: skip
fit(batches(other, BATCH, STEPS, PAD, SEEDS[0]), STEPS, SEEDS[0])
table |= {("alpaca", form): serve(form) for form in ("alpaca", "as tuned")}

# %% tags=["hide-code"]
model.load_state_dict(pristine)
label = {"as tuned": "the chat template, our system", "default system": "the chat template, its system",
         "alpaca": "Alpaca form", "none": "no template"}  # fmt: skip
record.table("serve.table", [
    ["chat template" if tuned_on == "chat" else "Alpaca form", label[form], f"{row['loss']:.3f}",
     *(f"{row[key]:.0%}" for key in ("valid", "fields", "stopped"))]
    for (tuned_on, form), row in table.items()],
    columns=["tuned on", "served with", "loss", "valid JSON", "fields right", "stopped"],
    caption="Extraction on test tickets, one seed: the same weights, asked in different forms.")  # fmt: skip
for (tuned_on, form), row in table.items():
    record.values(f"serve.{tuned_on}_{form.replace(' ', '_')}", row)

# %% [markdown]
# The silently inserted system message hardly matters *here*: the loss rises by
# {{ serve.chat_default_system.loss - serve.chat_as_tuned.loss | f3 }} nats, every answer stays valid,
# and the fields are even higher, by less than one ticket can move them
# ({{ 1 / budget.tickets | pct0 }}). The Alpaca form costs validity:
# {{ serve.chat_alpaca.valid | pct0 }}. With no template nothing works. The tune on the Alpaca form is
# as good in its own form as ours is in ours, and it too loses validity in the other. So neither form
# is better; serving must match training. All of this is one seed.
#
# ## Break it
#
# **The model that never stops.** Same tune, but labels masked by the pad's *id*. What does the
# model think of `<|im_end|>` right after a complete, correct answer, and how long are its answers?

# %%
@torch.no_grad()
def stop_probability() -> float:
    """Mean probability of the mark to stop right after the right answer."""
    found = []
    for row in held_out["json"][:6]:
        out = model(input_ids=torch.tensor([row.input_ids[:-1]], device=device()))
        found.append(out.logits[0, -1].softmax(dim=0)[EOS].item())
    return mean(found)


stop = {"base": stop_probability()}
model.load_state_dict(keep)
stop["tuned"] = stop_probability()
model.load_state_dict(pristine)
fit(batches(train_set, BATCH, STEPS, PAD, SEEDS[0]), STEPS, SEEDS[0],
    relabel=lambda labels: labels.masked_fill(labels == PAD, IGNORE))  # fmt: skip
stop["trap"] = stop_probability()
trapped = score_json(prompts["plain"][0])
sample = text_of(answer([prompts["plain"][0][0]], CAP)[0])
model.load_state_dict(pristine)
record.values("stop", stop)
record.values("trapped", trapped)
print("probability of the mark:", {name: round(value, 3) for name, value in stop.items()})
print("one trapped answer:", sample)

# %% [markdown]
# Read the trapped answer: an object, then the next, then another, until the limit.
# {{ trapped.stopped | pct0 }} of its answers stop and {{ trapped.valid | pct0 }} are valid JSON. Yet
# {{ trapped.fields | pct0 }} of the fields in the first object are right, as with the good tune: only
# the end is missing. The untuned model gave the mark a probability of {{ stop.base | pct0 }}, the
# tune {{ stop.tuned | pct0 }}, the trap {{ stop.trap | pct1 }}. The missing label did not leave the
# old habit alone: training on everything *but* the end wiped it out.
#
# The training loss shows nothing: the one position that would is left out. Mask by position, and
# check after collation that every row of labels contains the mark.
#
# **Labels shifted by hand.** You shift the labels, and the model shifts them again. Or you write the
# loss yourself and forget the shift.

# %%
def in_place(labels: torch.Tensor) -> bool:
    """Whether every label is the token at its own position."""
    return bool(((labels == batch["input_ids"]) | (labels == IGNORE)).all())


shifts = {"right": 0, "unshifted": 1, "twice": -1}
wrong = {}
for name, by in shifts.items():
    moved = batch["labels"].roll(by, dims=1)
    assert in_place(moved) == (by == 0)  # catches labels that moved
    with torch.no_grad():
        wrong[name] = model(**{**batch, "labels": moved}).loss.item()
few_steps = max(1, STEPS // 3)
curve = fit(batches(train_set, BATCH, few_steps, PAD, seed), few_steps, seed,
            relabel=lambda labels: labels.roll(1, dims=1))  # fmt: skip
echo = text_of(answer([prompts["plain"][0][0]], 8)[0])
wrong |= {"first": curve[0], "last": curve[-1], "held_out": answer_loss(held_out["json"])}
model.load_state_dict(pristine)
record.values("wrong", wrong | {"steps": few_steps})
print({k: round(v, 3) for k, v in wrong.items()}, repr(echo))

# %% [markdown]
# On our four examples the untuned model's loss is {{ wrong.right | f2 }}; without a shift it reads
# {{ wrong.unshifted | f2 }}, shifted twice {{ wrong.twice | f2 }}. No error anywhere. Train without
# the shift for {{ wrong.steps | int }} steps, and the training loss even falls, from
# {{ wrong.first | f2 }} to {{ wrong.last | f2 }}. But the task is now to repeat the token just read:
# on held-out extractions the true loss has risen from {{ mask.base_json | f2 }} to
# {{ wrong.held_out | f2 }}. Two checks catch both. Before the model: every label that is not −100
# equals the input id *at its own position* (`in_place`). After one forward pass: a loss that you
# wrote yourself equals `model(**batch).loss`.

# %% [markdown]
# ## At 7B and 70B
#
# Templates, masks and shifts do not know the size of the model. What grows is the price of a mistake,
# and one bill that masking can cut. The logits of a batch are $b \times T \times V$
# numbers, with $V$ the size of the vocabulary; the loss needs only the rows of labeled positions
# (`labeled_logits` above). For Llama 3's vocabulary, 8 sequences of 2,048 tokens, in fp32:

# %%
from course.workbench import LLAMA_SHAPES

labeled_share = sum(answers) / total
vocabulary = LLAMA_SHAPES["Llama-3-8B"][0]
full_logits = 8 * 2048 * vocabulary * 4  # b, T, V, bytes
record.values("scale", {"logits": full_logits, "labeled": full_logits * labeled_share})
print(f"all positions {full_logits / 1e9:.1f} GB, labeled ones {full_logits * labeled_share / 1e9:.1f} GB")

# %% [markdown]
# {{ scale.logits | gb1 }} shrink to {{ scale.labeled | gb1 }} at our share of labels, before any
# gradient, for 8B and 70B alike. Sclar and others report that sensitivity to formatting remains in
# larger and in instruction-tuned models. The rival may change: measure careful prompt and examples
# again on the large model. None of this was run here at 7B.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1: A mean of means
# A batch is split into two halves. The first has 3 labels with a summed loss of 6, the second 9
# labels with a summed loss of 9. What is the token-weighted loss? What is the mean of the halves'
# means? By what factor does a token of the first half count more in it?

# %% tags=["solution"]
halves = [(6.0, 3), (9.0, 9)]  # summed loss, labels
right = sum(s for s, _ in halves) / sum(k for _, k in halves)
means = sum(s / k for s, k in halves) / 2
factor = (1 / (2 * 3)) / (1 / 12)
record.values("exercise.means", {"right": right, "means": means, "factor": factor})
print(right, means, factor)

# %% [markdown] tags=["solution"]
# $15/12 = {{ exercise.means.right | f2 }}$ against $(2 + 1)/2 = {{ exercise.means.means | f2 }}$.
# In the mean of means a token of the short half weighs 1/6 instead of 1/12,
# {{ exercise.means.factor | f0 }} times as much. transformers had this bug in gradient accumulation
# until October 2024
# ([Fixing Gradient Accumulation](https://huggingface.co/blog/gradient_accumulation)).

# %% [markdown]
# ### Exercise 2: Pack three
# Pack three training examples into one row with restarted positions and no mask. Show that the
# row's loss equals the token-weighted loss of the same three in a padded batch. Then count the
# cells of both.

# %% tags=["solution"]
three = train_set[:3]
row = {key: torch.tensor([[x for e in three for x in getattr(e, key)]], device=device())
       for key in ("input_ids", "labels")}  # fmt: skip
positions = torch.tensor([[t for e in three for t in range(len(e.input_ids))]], device=device())
usual_way = collate(three, PAD)
with torch.no_grad():
    one_row = model(**row, position_ids=positions, use_cache=False).loss.item()
    one_batch = model(**usual_way).loss.item()
assert abs(one_row - one_batch) < 1e-3
record.values("exercise.three", {"row": row["input_ids"].numel(), "loss": one_row,
                                 "batch": usual_way["input_ids"].numel()})  # fmt: skip
print(f"{one_row:.3f} {one_batch:.3f}")

# %% [markdown] tags=["solution"]
# Both {{ exercise.three.loss | f3 }}; {{ exercise.three.row | int }} cells against
# {{ exercise.three.batch | int }}. It works because every example's first token is masked. With an
# *unmasked* loss the first token of B would be predicted from the end of A: mask it, as TRL does.

# %% [markdown]
# ### Exercise 3: A fair chance for the unmasked loss
# The learning rate was chosen for the masked loss. Why could that be unfair, and in which direction?
# How large is the gap, seed by seed, beside its standard error? What does a report need before it may
# say that masking is better?

# %% tags=["solution"]
for task in held_out:
    gaps = [u[task] - m[task] for m, u in zip(losses["masked"], losses["unmasked"], strict=True)]
    variance = sum((g - mean(gaps)) ** 2 for g in gaps) / max(1, len(gaps) - 1)
    error = (variance / len(gaps)) ** 0.5
    record.values(f"exercise.{task}", {"gap": mean(gaps), "error": error})
    print(f"{task}: unmasked minus masked {mean(gaps):.3f} nats, standard error {error:.3f}")

# %% [markdown] tags=["solution"]
# If only a part of each unmasked step serves the answers, a higher rate could make up for some of it,
# so a rate chosen for the masked loss favors masking. The gap is
# {{ exercise.json.gap / max(exercise.json.error, 1e-9) | f1 }} standard errors on extractions and
# {{ exercise.reply.gap / max(exercise.reply.error, 1e-9) | f1 }} on replies. From three seeds a 95 % interval
# reaches about 4.3 errors to each side (Student's $t$, two degrees of freedom). So at this rate the
# difference is clear on replies and not on extractions. A fair report sweeps the rate of both losses
# on validation data (start with `RATE` above), repeats over more seeds, and trains for several passes
# as well, where the published benefit of the unmasked loss should appear.

# %% [markdown]
# ## Knowledge check
#
# <!-- quiz -->
#
# ## Checklist
#
# - [ ] I print one rendered example with its labels before every run.
# - [ ] The mark that ends a turn has a label, and I check it after collation, not before.
# - [ ] I pad on the right to train and on the left to generate.
# - [ ] My loss divides by labeled tokens, across accumulated batches too, or I say why not.
# - [ ] A packed example has the loss it has alone.
# - [ ] Serving and training render prompts with the same code, system message included.
# - [ ] I compare a tune with a careful prompt and with examples, not with a bare prompt.
#
# ## Interview questions
#
# ??? question "A tuned model gives good answers and then rambles until the limit. Where do you look?"
#     At the labels after collation: does the end-of-turn token have one? Usual causes: pad = EOS
#     with masking by id, or truncation that cuts the end off. Then at serving: is it among the stop
#     tokens? I would confirm with its probability after a correct answer.
#
# ??? question "Training loss starts far above the base model's loss on the same batch. What now?"
#     First the labels: where they are not −100, they equal the input ids at the same position. Then
#     the loss: mine equals the model's own, since an adapter starts at zero. If both hold, the
#     template or tokenizer may be another model's.
#
# ??? question "Would you mask the prompt?"
#     By default, yes: the gradient goes where the metric is. With long prompts, short answers and
#     little data there is published evidence for giving the prompt a weight, so I would sweep it.
#
# ## Pitfalls
#
# | symptom | cause | fix |
# |---|---|---|
# | Never stops | the end mark has no label | mask by position; check labels after collation |
# | Fine in training, poor in production | another template or system message | one rendering function for both |
# | Batched answers worse than single ones | padded on the right | pad on the left to generate |
# | First loss far too high | labels shifted twice or not at all | the two checks under [Break it](#break-it) |
# | Packed loss suspiciously low | examples see each other | block mask, or restarted positions with no mask and no cache |
#
# ## Further reading
#
# - Wei and others, *Finetuned Language Models Are Zero-Shot Learners*, 2021,
#   [arXiv:2109.01652](https://arxiv.org/abs/2109.01652). Where instruction tuning comes from.
# - Shi and others, *Instruction Tuning With Loss Over Instructions*, 2024,
#   [arXiv:2405.14394](https://arxiv.org/abs/2405.14394). The case against masking.
# - Huerta-Enochian and Ko, *Instruction Fine-Tuning: Does Prompt Loss Matter?*, 2024,
#   [arXiv:2401.13586](https://arxiv.org/abs/2401.13586). A weight between masked and unmasked.
# - Kundu and others, *Enhancing Training Efficiency Using Packing with Flash Attention*, 2024,
#   [arXiv:2407.09105](https://arxiv.org/abs/2407.09105). Packing by position ids in transformers.
# - Sclar and others, *Quantifying Language Models' Sensitivity to Spurious Features in Prompt
#   Design*, 2023, [arXiv:2310.11324](https://arxiv.org/abs/2310.11324). What a format alone can change.
#
# ## For your readiness packet
#
# To the training log: one rendered example with its labels; template, system message, and the
# function that renders them; share of labeled tokens; the loss's weighting; padding, packing and
# their check. To the baseline: careful prompt and examples, with scores and prompt tokens.
