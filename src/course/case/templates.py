"""The wording of tickets: one set of templates and urgency cues per split, with nothing shared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_BODIES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "train": {
        "return": (
            "I want to send my {product} back and get a refund.",
            "The {product} is not what I expected, so how do I return it?",
            "Please tell me how to mail the {product} back for my money.",
            "My {product} arrived but I changed my mind and would like it refunded.",
            "I got the {product} as a gift and will not use it, can I bring it back?",
            "We never used the {product}, what do I do to get my money back?",
            "Can you email me a return label for the {product}?",
            "The {product} is too heavy for me and I am giving it back for a refund.",
            "It is still sealed in its box, please take the {product} back and refund me.",
            "I am not happy with my {product} and would rather have the money.",
        ),
        "exchange": (
            "I would like to swap my {product} for another color.",
            "Can I trade the {product} I received for a larger one?",
            "You sent the {product} in green but I need it in blue, please exchange it.",
            "My {product} is too small, please send the next size up in its place.",
            "How do I exchange a {product} for a different model?",
            "I do not want a refund for the {product}, just a different color.",
            "Please replace my new {product} with the same thing in a smaller size.",
            "The {product} is fine but I picked the wrong color, can we switch it?",
            "I have the {product} here and want the longer version instead of it.",
            "Is it possible to change the {product} I got for one in gray?",
        ),
        "warranty": (
            "The zipper on my {product} broke after one season.",
            "A seam of the {product} is coming apart, is that covered?",
            "My {product} has a defect and I want to make a warranty claim.",
            "The fabric on my {product} tore on the first walk, can you repair it?",
            "The buckle of our {product} snapped and we have used it with care.",
            "Water leaks through the {product} although it is nearly new, please fix it.",
            "How long is the {product} under warranty? Mine has a broken strap.",
            "The coating of my {product} is peeling off and I think it is faulty.",
            "I found a hole in the {product} where the stitching failed.",
            "Does the guarantee cover a {product} with a torn loop?",
        ),
        "shipping": (
            "Where is my {product}? The tracking page has not changed.",
            "I ordered the {product} last week and it has not arrived.",
            "When will the {product} be delivered to my house?",
            "The parcel with my {product} seems to be lost in the mail.",
            "Has my {product} left the warehouse with the courier?",
            "Tracking says the {product} was delivered but I have not received it.",
            "How many days does delivery of the {product} take?",
            "My package with the {product} is late, do you know where it is?",
            "The driver missed me, when do they bring the {product} again?",
            "I am waiting for the {product} and have no tracking number.",
        ),
        "sizing": (
            "Which size of the {product} should I buy for my height?",
            "Does the {product} run small or is it true to size?",
            "I am between medium and large, what fits best in the {product}?",
            "I am very tall, is the long {product} the right one for me?",
            "Could you help me pick a size before I buy the {product}?",
            "What are the measurements of the {product} in medium?",
            "Is there a size chart for the {product} with inches?",
            "My brother is broad, will a large {product} be big enough for him?",
            "I wear a small in most brands, would that fit with the {product} too?",
            "How do I measure myself for the {product} I plan to get?",
        ),
        "cancel": (
            "Please cancel my order for the {product}.",
            "I just ordered the {product} and no longer want you to send it.",
            "Can I stop the order of the {product} before it leaves?",
            "I clicked twice and bought the {product} by accident, please undo the order.",
            "Do not ship the {product}, I found one in a local store.",
            "How can I call off a {product} order I have placed?",
            "My son ordered the {product} without asking, please cancel it.",
            "I paid for the {product} a moment ago and need to take the order back.",
            "Please remove the {product} from my open order before packing.",
            "We have changed our plans, so drop the {product} order.",
        ),
    },
    "validation": {
        "return": (
            "How does one hand back a {product} and recover the cost?",
            "This {product} just isn't for us, kindly begin a refund.",
            "I'd prefer my payment returned since the {product} let me down.",
            "Where should our unwanted {product} go so that you reimburse us?",
        ),
        "exchange": (
            "Could this {product} be switched for its red sibling?",
            "Our {product} came in the wrong shade, may we have orange instead?",
            "I'd love a bigger {product} in exchange for this one.",
            "Send me a medium and I will hand over the large {product} I got.",
        ),
        "warranty": (
            "Two rivets popped off our {product}, will you mend that?",
            "A cord inside this {product} frayed without any misuse, so I'd like a repair.",
            "Am I still insured against faults if a {product} clip cracks?",
            "There's a manufacturing flaw along one edge of our {product}.",
        ),
        "shipping": (
            "No sign of our {product} yet, did the carrier lose it?",
            "What day may I expect the {product} on my doorstep?",
            "Our {product} shipment has been stuck at one depot since Monday.",
            "Any update on the delivery status of that {product}?",
        ),
        "sizing": (
            "Would an XL {product} be roomy for someone with wide shoulders?",
            "Unsure about {product} dimensions, what do you suggest at six feet?",
            "Should a slim person go down one size with this {product}?",
            "Got any fitting advice on the {product} for short people?",
        ),
        "cancel": (
            "Kindly scrap this morning's {product} purchase.",
            "Our {product} order was a slip, so halt it before dispatch.",
            "I'd like to withdraw an order containing one {product}.",
            "May we revoke the {product} we bought online an hour back?",
        ),
    },
    "test": {
        "return": (
            "Since unpacking, this {product} sits in a corner; I'd hand it in for a full refund.",
            "Reimburse me, then the {product} goes back by post to wherever you say.",
            "Is some form required when returning one {product} nobody needs?",
            "Photos made the {product} look nicer. I'd like to give it back and be repaid.",
        ),
        "exchange": (
            "Mind trading this black {product} for a yellow one?",
            "Somebody gave me a {product} in large; I'd exchange it against a small.",
            "Wrong variant! Our {product} should be wide, please swap.",
            "Instead of cash, I'd take another color of {product} for the one delivered.",
        ),
        "warranty": (
            "Poor glue: one panel of that {product} came loose by itself.",
            "Would a claim succeed if some {product} fastener bends in normal use?",
            "Threads unravel all over this {product}, which seems a material fault.",
            "Something ripped on our {product}; is mending included in your guarantee?",
        ),
        "shipping": (
            "Still nothing in my mailbox, so who has our {product} parcel?",
            "Which courier carries that {product}, and on what date does it come?",
            "Neighbors got theirs, yet my {product} delivery is overdue.",
            "According to the app, a {product} box went to another city.",
        ),
        "sizing": (
            "At 180 pounds, do I need a medium or large {product}?",
            "Before buying: how generous is the cut of one {product}?",
            "Recommend some {product} size for a petite woman, please.",
            "Are {product} lengths given in your chart meant with or without slack?",
        ),
        "cancel": (
            "Void that {product} order, a friend lent us hers.",
            "Nobody has packed our {product} yet, I hope? Then abort this purchase.",
            "Changed circumstances here: annul an online order of one {product}.",
            "Whatever happens, don't dispatch any {product}; I regret having ordered.",
        ),
    },
}

CUES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "train": {
        "low": (
            "There is no rush.",
            "Answer whenever you like.",
            "Take your time with this.",
            "No hurry at all.",
            "It is not pressing for me.",
            "I only need it next season.",
        ),
        "normal": (
            "",
            "Thanks for your help.",
            "I look forward to your answer.",
            "What should I do next?",
            "Please advise.",
            "Please get back to me this week.",
        ),
        "high": (
            "I leave tomorrow, so please answer today.",
            "This is urgent.",
            "I need this solved ASAP.",
            "My trip starts tonight!",
            "Please act immediately.",
            "I only have a few hours left.",
        ),
    },
    "validation": {
        "low": (
            "No rush on my side.",
            "It can wait, so whenever suits you.",
            "We camp again next season only.",
        ),
        "normal": ("", "Many thanks from me.", "Could you explain the steps?"),
        "high": (
            "We set off tomorrow at dawn.",
            "Reply right away, it's urgent.",
            "It must be sorted within hours.",
        ),
    },
    "test": {
        "low": (
            "Feel free to take your time.",
            "Honestly there's no hurry here.",
            "Any day works, it's not pressing.",
        ),
        "normal": ("", "I appreciate the support.", "Tell me what comes then."),
        "high": (
            "Tonight is my flight, so react immediately.",
            "I cannot wait past today.",
            "Urgent: our trek begins tomorrow morning.",
        ),
    },
}
"""Sentences that carry the urgency, by split and level. An empty cue (level normal) says nothing."""

HIGH_WORDS: Final = ("urgent", "asap", "today", "tonight", "tomorrow", "immediately", "right away", "hours")
LOW_WORDS: Final = ("no rush", "no hurry", "whenever", "take your time", "not pressing", "next season")


@dataclass(frozen=True)
class Template:
    """One wording: `text` contains `{product}` exactly once."""

    id: str
    split: str
    intent: str
    text: str


TEMPLATES: Final[tuple[Template, ...]] = tuple(
    Template(f"{split}-{intent}-{number:02d}", split, intent, text)
    for split, intents in _BODIES.items()
    for intent, bodies in intents.items()
    for number, text in enumerate(bodies)
)


def urgency_from_cues(text: str) -> str:
    """The urgency level that the cue words in `text` announce: "high", "low", or "normal" without any.

    A rule of three lines, and exact on clean and noisy tickets: the label is in the text.
    """
    if any(re.search(rf"\b{word}\b", text, re.IGNORECASE) for word in HIGH_WORDS):
        return "high"
    if any(re.search(rf"\b{word}\b", text, re.IGNORECASE) for word in LOW_WORDS):
        return "low"
    return "normal"
