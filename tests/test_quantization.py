"""Four-bit formats, against bitsandbytes."""

from __future__ import annotations

import pytest
import torch
from bitsandbytes.functional import dequantize_4bit, get_4bit_type, quantize_4bit

from course.quantization import LEVELS, NORMAL, bits, histogram_weights, quantized, relative_error


@pytest.mark.parametrize("name", ["nf4", "fp4"])
def test_levels_equal_bitsandbytes(name: str) -> None:
    table = sorted(set(get_4bit_type(name, device="cpu").tolist()))
    assert LEVELS[name] == pytest.approx(table, abs=1e-6)


@pytest.mark.parametrize("name", ["nf4", "fp4"])
def test_rounding_equals_bitsandbytes(name: str) -> None:
    weights = histogram_weights(1.25, 2)
    packed, state = quantize_4bit(torch.tensor(weights), blocksize=64, quant_type=name)
    theirs = dequantize_4bit(packed, state)
    ours = torch.tensor(quantized(weights, LEVELS[name], 64))
    assert torch.linalg.vector_norm(ours - theirs) < 0.01 * torch.linalg.vector_norm(theirs)


def test_what_lies_on_a_level_stays() -> None:
    assert quantized([3 * level for level in LEVELS["nf4"]], LEVELS["nf4"], 16) == pytest.approx(
        [3 * v for v in LEVELS["nf4"]]
    )
    assert quantized([0.0, 0.0], LEVELS["nf4"], 2) == [0, 0]


def test_normal_weights_suit_nf4_and_flat_ones_int4() -> None:
    normal, flat = histogram_weights(1, 1), [i / 255.5 - 1 for i in range(512)]
    assert relative_error(normal, LEVELS["nf4"], 64) < relative_error(normal, LEVELS["int4"], 64)
    assert relative_error(flat, LEVELS["int4"], 512) < relative_error(flat, LEVELS["nf4"], 512)


def test_one_outlier_spoils_its_block_only() -> None:
    small, large = (relative_error(histogram_weights(1, 16), LEVELS["nf4"], block) for block in (16, 512))
    assert small < large / 2


def test_every_quantile_comes_once() -> None:
    assert sorted(histogram_weights(1, 1)) == NORMAL
    assert bits(64) == 4.5
