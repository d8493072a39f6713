"""When a tune pays for itself: examples sent with every call, against one tune and its hosting."""

from __future__ import annotations


def call(tokens_in: float, tokens_out: float, price_in: float, price_out: float) -> float:
    """Price of one call, in the currency of the prices, which are per million tokens."""
    return (tokens_in * price_in + tokens_out * price_out) / 1e6


def break_even(fixed: float, saved: float) -> float | None:
    """Units (calls, months) after which ``saved`` a unit has paid ``fixed``; none if nothing is saved."""
    return fixed / saved if saved > 0 else None
