"""General knowledge and simple arithmetic: what a fine-tune on tickets may forget.

The items have nothing to do with the case. Score one by the log-likelihood of each choice after the question
and a space.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final


@dataclass(frozen=True)
class ChoiceItem:
    """A question that one of four choices completes; `answer` is the index, from 0 to 3, of the right one."""

    question: str
    choices: tuple[str, str, str, str]
    answer: int
    topic: str


# topic: lines of "question | right | wrong | wrong | wrong"
_ITEMS: Final[dict[str, str]] = {
    "geography": """
        The capital of Italy is | Rome | Vienna | Lisbon | Athens
        The capital of France is | Paris | Berlin | Madrid | Oslo
        The capital of Japan is | Tokyo | Beijing | Seoul | Bangkok
        The capital of Egypt is | Cairo | Nairobi | Tunis | Lagos
        The capital of Canada is | Ottawa | Toronto | Boston | Chicago
        The largest ocean on Earth is the | Pacific | Atlantic | Arctic | Indian
        The highest mountain above sea level is Mount | Everest | Fuji | Kenya | Etna
        The Sahara Desert is on the continent of | Africa | Asia | Europe | Australia
        The river that flows through London is the | Thames | Seine | Danube | Nile
        The country whose capital is Madrid is | Spain | Portugal | Greece | Poland
        The Great Wall was built in | China | Brazil | Canada | Norway
        The country directly north of the United States mainland is | Canada | Mexico | Cuba | Peru
    """,
    "science": """
        The planet closest to the Sun is | Mercury | Jupiter | Neptune | Saturn
        The chemical formula of water is | H2O | CO2 | NaCl | CH4
        At sea level, pure water freezes at a Celsius temperature of | 0 | 50 | 100 | 25
        The organ that pumps blood through the body is the | heart | liver | lung | stomach
        Most plants get their green color from | chlorophyll | iron | sugar | salt
        The force that pulls objects toward the Earth is called | gravity | friction | magnetism | electricity
        The star at the center of our solar system is the | Sun | Moon | Earth | Mars
        The chemical symbol for gold is | Au | Ag | Fe | Pb
        The gas that people need to breathe in to live is | oxygen | helium | methane | neon
        The natural satellite of the Earth is the | Moon | Sun | comet | galaxy
        The number of legs on a spider is | eight | six | four | ten
        Frozen water is called | ice | steam | sand | smoke
    """,
    "language": """
        The opposite of hot is | cold | loud | fast | tall
        The opposite of up is | down | left | far | old
        The plural of child is | children | childs | childes | childrens
        The past tense of go is | went | goed | gone to | goes
        A word that means the same as big is | large | narrow | quiet | sour
        A young dog is called a | puppy | kitten | calf | lamb
        A young cat is called a | kitten | puppy | foal | chick
        The first letter of the English alphabet is | A | M | Q | Z
        The opposite of early is | late | soon | wet | thin
        The Spanish word for thank you is | gracias | bonjour | danke | ciao
        The past tense of eat is | ate | eated | eats | eating
        A person who writes books is called an | author | engineer | actor | umpire
    """,
    "everyday": """
        The day that comes right after Monday is | Tuesday | Friday | Sunday | Thursday
        The month that comes right after March is | April | July | January | October
        The number of days in one week is | seven | five | nine | twelve
        The number of minutes in one hour is | sixty | thirty | ninety | twelve
        The number of months in one year is | twelve | ten | eight | twenty
        A shape with three sides is called a | triangle | square | circle | pentagon
        The color made by mixing blue and yellow paint is | green | orange | purple | pink
        A tool used to drive nails into wood is a | hammer | spoon | pillow | candle
        Bees make | honey | milk | wool | silk
        The author of Romeo and Juliet is William | Shakespeare | Newton | Lincoln | Mozart
        The first president of the United States was George | Washington | Orwell | Harrison | Clooney
        The instrument with black and white keys is the | piano | violin | drum | flute
    """,
    "arithmetic": """
        2 + 3 = | 5 | 6 | 4 | 7
        7 + 5 = | 12 | 13 | 11 | 14
        9 + 8 = | 17 | 16 | 18 | 15
        10 - 4 = | 6 | 5 | 7 | 4
        15 - 7 = | 8 | 9 | 7 | 6
        3 * 4 = | 12 | 14 | 10 | 16
        6 * 7 = | 42 | 48 | 36 | 49
        5 * 5 = | 25 | 20 | 30 | 35
        20 / 4 = | 5 | 4 | 6 | 8
        18 / 3 = | 6 | 9 | 5 | 7
        Half of 50 is | 25 | 20 | 30 | 15
        100 - 1 = | 99 | 98 | 90 | 89
    """,
}


@cache
def general_items() -> tuple[ChoiceItem, ...]:
    """The 60 items, 12 per topic, in a fixed order; each answer position is right 15 times (3 per topic)."""
    items = []
    for topic, lines in _ITEMS.items():
        for number, line in enumerate(lines.strip().splitlines()):
            question, right, *wrong = (part.strip() for part in line.split("|"))
            answer = number % 4
            wrong.insert(answer, right)
            first, second, third, fourth = wrong
            items.append(ChoiceItem(question, (first, second, third, fourth), answer, topic))
    return tuple(items)
