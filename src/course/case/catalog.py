"""The invented facts of the case: products, intents, urgency levels and policies.

Nothing here exists outside this course, so a pretrained model cannot have learned it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SPLITS: Final = ("train", "validation", "test")
INTENTS: Final = ("return", "exchange", "warranty", "shipping", "sizing", "cancel")
URGENCIES: Final = ("low", "normal", "high")
FIELDS: Final = ("intent", "product", "urgency")

_NAMES: Final[dict[str, tuple[tuple[str, str, str], str, str]]] = {
    # category: (three training products, one validation product, one test product)
    "Jacket": (("Velkarn", "Drosmere", "Quillory"), "Bramzel", "Dostivane"),
    "Pack": (("Tuskwen", "Lomadrin", "Hexfern"), "Pellowick", "Gravanto"),
    "Quilt": (("Snorvel", "Dunnifer", "Wimbrask"), "Yarrolin", "Fenmottle"),
    "Tent": (("Korbassy", "Hulvethorn", "Trindlow"), "Mazzerby", "Rakspindle"),
    "Fleece": (("Plimmoran", "Woldrake", "Sibbenet"), "Crunzelle", "Jarnimoth"),
    "Hammock": (("Swayllan", "Noctivar", "Lullbrake"), "Ferrowisp", "Zindlemoor"),
}

CATEGORIES: Final = tuple(_NAMES)
PRODUCTS: Final[dict[str, tuple[str, ...]]] = {
    "train": tuple(f"{name} {kind}" for kind, names in _NAMES.items() for name in names[0]),
    "validation": tuple(f"{names[1]} {kind}" for kind, names in _NAMES.items()),
    "test": tuple(f"{names[2]} {kind}" for kind, names in _NAMES.items()),
}
"""Product names of each split. Every category is in every split; no product is in two."""


@dataclass(frozen=True)
class Policy:
    """What the desk may promise for one intent.

    `amount` counts `unit`s (`"day"`, `"business day"`, `"hour"`, `"minute"` or `"year"`, in the singular).
    `facts` are house sentences that state it, `inventions` are sentences of about the same length that
    contradict it, and `steps` are next steps that follow "please". `{product}` stands for the product name.
    """

    amount: int
    unit: str
    facts: tuple[str, ...]
    inventions: tuple[str, ...]
    steps: tuple[str, ...]

    @property
    def phrase(self) -> str:
        """The amount in words a reply must contain, such as `45 days`."""
        return f"{self.amount} {self.unit}{'' if self.amount == 1 else 's'}"


POLICIES: Final[dict[str, Policy]] = {
    "return": Policy(
        45,
        "day",
        (
            "You can return your {product} for free within 45 days of delivery.",
            "We refund the {product} in full for 45 days after it arrives.",
        ),
        (
            "You can return your {product} for a fee within 10 days of delivery.",
            "We refund half of the {product} for 90 days after it arrives.",
        ),
        ("choose Start a Return in your account.", "print the prepaid label from your account page."),
    ),
    "exchange": Policy(
        60,
        "day",
        (
            "You can exchange your {product} once within 60 days of delivery.",
            "We swap an unused {product} for 60 days after it arrives.",
        ),
        (
            "You can exchange your {product} twice within 14 days of delivery.",
            "We swap a used {product} for 120 days after it arrives.",
        ),
        ("pick the new item on our Swap page.", "tell us the size or color you would like."),
    ),
    "warranty": Policy(
        7,
        "year",
        (
            "Your {product} is covered against defects for 7 years.",
            "We repair or replace a faulty {product} for 7 years.",
        ),
        (
            "Your {product} is covered against everything for 25 years.",
            "We repair but never replace a {product} for 2 years.",
        ),
        ("send us one photo of the damage.", "upload a picture of the fault on our Repairs page."),
    ),
    "shipping": Policy(
        4,
        "business day",
        (
            "Your {product} should reach you within 4 business days of leaving us.",
            "We deliver the {product} in 4 business days at most.",
        ),
        (
            "Your {product} should reach you within 12 business days of leaving us.",
            "We deliver the {product} in 2 business days at most.",
        ),
        ("open the tracking link in your order email.", "confirm your street address with us."),
    ),
    "sizing": Policy(
        15,
        "minute",
        (
            "Our free fit call for the {product} takes 15 minutes.",
            "We find your {product} size in a free call of 15 minutes.",
        ),
        (
            "Our paid fit call for the {product} takes 50 minutes.",
            "We find your {product} size in a paid visit of 30 minutes.",
        ),
        ("book a time on our Fit page.", "send us your height and chest measurement."),
    ),
    "cancel": Policy(
        18,
        "hour",
        (
            "You can cancel your {product} order within 18 hours of paying.",
            "We cancel a {product} order at no cost for 18 hours.",
        ),
        (
            "You can cancel your {product} order within 72 hours of paying.",
            "We cancel a {product} order for a fee within 6 hours.",
        ),
        ("press Cancel on your order page.", "confirm that we should stop the order."),
    ),
}
"""The desk's policies by intent: the only facts a reply may state."""


def check_split(split: str) -> None:
    """Raise ValueError unless `split` is one of `SPLITS`."""
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: expected one of {', '.join(SPLITS)}")
