"""What PyTorch's own memory tracker says of a training step, without the memory and without a GPU.

Tensors under ``FakeTensorMode`` have shapes and types but no numbers, so a step of a 70B model runs on a laptop in minutes,
operator by operator, and ``torch.distributed._tools.mem_tracker`` counts what is alive after each. ``course measure``
compares :mod:`course.step_memory` with it.

What stands in for something else, so that the count is that of a GPU and a trainer:

- TRL's loss folds tiles of logits with Triton kernels that allocate nothing; here these kernels are left out.
- transformers leaves a causal mask out where it is not needed, which it cannot see of tensors without numbers.
- Adapters are made in their final type, since fake parameters cannot be exchanged for others.
"""

from __future__ import annotations

import contextlib
import gc
import warnings
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed._tools.mem_tracker import MemTracker

from course.step_memory import PHASES, Setup

DTYPES = {4: torch.float32, 2: torch.bfloat16}


class _NoModules:
    """In place of the tracker's look at single modules, which takes most of the time and keeps leaves of graphs alive."""

    is_bw = False
    parents: frozenset[str] = frozenset()

    def register_user_hooks(self, *_: Any) -> None: ...

    def clear_user_hooks(self) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class _PhaseTracker(MemTracker):
    """A tracker of totals, whose peak can start anew."""

    def __init__(self) -> None:
        super().__init__()
        self._mod_tracker: Any = _NoModules()

    def restart(self) -> None:
        self._peak_mem_snap = self.get_tracker_snapshot()
        self._peak_mem = {device: snap["Total"] for device, snap in self._peak_mem_snap.items()}

    def peak(self) -> int:
        """Most bytes alive after any operator since the last restart."""
        return int(max(snap["Total"] for snap in self.get_tracker_snapshot("peak").values()))


def measure(setup: Setup) -> list[dict[str, int]]:
    """Peak bytes of each phase (forward, backward, optimizer), in the first and in the second step.

    Args:
        setup: a model of dense blocks on one card, tuned in full or with LoRA.

    Raises:
        ValueError: the tracker cannot run this setup.
    """
    if setup.method == "qlora" or setup.shapes.experts or setup.cards > 1 or "adamw_torch" not in setup.optimizer:
        raise ValueError("Fake tensors run no 4-bit weights, routed experts or 8-bit states; one card is tracked.")
    with as_on_a_gpu(), FakeTensorMode(allow_non_fake_inputs=True):
        model = build(setup)
        fused = setup.optimizer == "adamw_torch_fused"
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(trained, fused=fused, foreach=not fused)  # as on a GPU, where foreach is the rule
        return steps(setup, model, optimizer)


def steps(setup: Setup, model: Any, optimizer: torch.optim.Optimizer, count: int = 2) -> list[dict[str, int]]:
    """``count`` steps of ``model``, tracked: the peak of each phase in bytes."""
    tracker = _PhaseTracker()
    tracker.track_external(model, optimizer)
    ids = torch.ones(setup.batch, setup.sequence, dtype=torch.long)
    cast = torch.autocast("cpu", torch.bfloat16) if setup.autocast else contextlib.nullcontext()
    found = []
    with tracker:
        for _ in range(count):
            peaks = {}
            for phase in PHASES:
                tracker.restart()
                if phase == "forward":
                    with cast:
                        loss = _loss(setup, model, ids)
                elif phase == "backward":
                    loss.backward()
                    del loss
                else:
                    optimizer.step()
                peaks[phase] = tracker.peak()
            if not setup.accumulate:
                optimizer.zero_grad()
            gc.collect()  # checkpointing leaves cycles, which else end at a time of Python's choice
            found.append(peaks)
    return found


def _loss(setup: Setup, model: Any, ids: torch.Tensor) -> torch.Tensor:
    if setup.loss == "whole":
        found: torch.Tensor = model(input_ids=ids, labels=ids).loss
    else:
        found = -model(input_ids=ids, labels=ids, fused_lm_head=True).log_probs.sum()
    return found


def build(setup: Setup) -> Any:
    """A Llama of the setup's shapes, with adapters, checkpointing and TRL's loss where it asks for them."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, LlamaConfig
    from trl.trainer.utils import add_fused_lm_head

    shapes = setup.shapes
    config = LlamaConfig(
        hidden_size=shapes.d_model, intermediate_size=shapes.d_ff, num_hidden_layers=shapes.layers,
        num_attention_heads=shapes.heads, num_key_value_heads=shapes.kv_heads, head_dim=shapes.head_dim,
        vocab_size=shapes.vocab, tie_word_embeddings=shapes.tied, use_cache=False,
    )  # fmt: skip
    base = model = AutoModelForCausalLM.from_config(
        config, dtype=DTYPES[setup.weight_bytes], attn_implementation="sdpa"
    ).train()
    if setup.method != "full":
        adapter = LoraConfig(r=setup.rank, target_modules=list(setup.targets), lora_dropout=0.0)
        with patch.object(torch.nn.Module, "to", lambda self, *_args, **_kwargs: self):  # made in fp32, and left there
            model = get_peft_model(base, adapter, autocast_adapter_dtype=False)
    if setup.checkpointing:
        if setup.method != "full":
            model.enable_input_require_grads()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            base.gradient_checkpointing_enable()
    if setup.loss == "tiles":
        add_fused_lm_head(base, outputs=("log_probs", "entropy", "is_top1"))  # as SFTTrainer does
    return model


@contextlib.contextmanager
def as_on_a_gpu() -> Iterator[None]:
    """Leave out what only a processor allocates: tiles folded in torch, and a mask that is not needed."""
    with contextlib.ExitStack() as stack:
        for name in ("_forward_tile", "_backward_tile", "_addmm_fp32"):
            stack.enter_context(patch(f"trl.kernels.chunked_logprob.{name}", lambda *_args, **_kwargs: None))
        stack.enter_context(patch("transformers.masking_utils.find_packed_sequence_indices", lambda *_args: None))
        yield
