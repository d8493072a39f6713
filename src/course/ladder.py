"""The escalation ladder: the cheapest tool that can mend what was seen to fail. Rungs are in the order of their price."""

from __future__ import annotations

from collections.abc import Mapping

RUNGS: dict[str, str] = {
    "prompt": "A better prompt",
    "examples": "Examples in the prompt",
    "tools": "Tools: let the model call a program",
    "retrieval": "Retrieval: put the facts into the prompt",
    "lora": "LoRA, or QLoRA where memory is short",
    "full": "Full tuning",
}

QUESTIONS: dict[str, str] = {
    "prompted": "Was a careful prompt measured on real cases?",
    "shown": "Were examples in the prompt measured, too?",
    "acts": "Does it fail where it must compute, look up or act?",
    "facts": "Does it fail for want of private or fresh facts?",
    "data": "Are there a few hundred checked examples of the wanted behavior?",
    "short": "Did a well-tuned LoRA of high rank fall short, with much data?",
}

REASONS: dict[str, str] = {
    "prompted": "Nothing is known yet, and a prompt costs an afternoon.",
    "shown": "Examples often show what a prompt could not say, and need no training.",
    "acts": "Tuning does not teach a model to calculate or to know the state of a system.",
    "facts": "Tuning changes behavior far better than knowledge, and facts change.",
    "data": "Without data there is nothing to learn from and nothing to measure with. Collect the examples first.",
    "short": "The limit that LoRA has is rank, and it was reached.",
    "": "The behavior is what fails, and there is data for it: an adapter is enough for most such tasks.",
}
"""Why one stops at a question; without any, the last."""


def decide(answers: Mapping[str, bool]) -> tuple[str, str]:
    """``(rung, question)``: where to stand, and the question that decided it ("" if none did).

    Args:
        answers: yes or no for each of :data:`QUESTIONS`.
    """
    if not answers["prompted"]:
        return "prompt", "prompted"
    if not answers["shown"]:
        return "examples", "shown"
    if answers["acts"]:
        return "tools", "acts"
    if answers["facts"]:
        return "retrieval", "facts"
    if not answers["data"]:
        return "examples", "data"
    return ("full", "short") if answers["short"] else ("lora", "")
