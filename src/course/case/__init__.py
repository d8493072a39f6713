"""The running case: the support desk of Tarrowmere, a maker of outdoor gear that does not exist.

Everything is made from a seed, with the standard library alone: tickets, gold extractions, replies in
house style, preference pairs, faulty data on demand, and general items that have nothing to do with the case.
"""

from course.case.catalog import CATEGORIES, FIELDS, INTENTS, POLICIES, PRODUCTS, SPLITS, URGENCIES, Policy
from course.case.faults import with_contamination, with_duplicates, with_wrong_labels
from course.case.general import ChoiceItem, general_items
from course.case.preferences import AXES, PreferencePair, preference_pair, preference_pairs
from course.case.replies import MAX_REPLY_WORDS, OPENING, REPLY_INSTRUCTION, SIGN_OFF, reply
from course.case.scoring import StyleScore, field_accuracy, parse_extraction, quantities, style_score
from course.case.templates import CUES, TEMPLATES, Template, urgency_from_cues
from course.case.tickets import EXTRACTION_INSTRUCTION, Example, Ticket, extraction, max_tickets, tickets

__all__ = [
    "AXES",
    "CATEGORIES",
    "CUES",
    "EXTRACTION_INSTRUCTION",
    "FIELDS",
    "INTENTS",
    "MAX_REPLY_WORDS",
    "OPENING",
    "POLICIES",
    "PRODUCTS",
    "REPLY_INSTRUCTION",
    "SIGN_OFF",
    "SPLITS",
    "TEMPLATES",
    "URGENCIES",
    "ChoiceItem",
    "Example",
    "Policy",
    "PreferencePair",
    "StyleScore",
    "Template",
    "Ticket",
    "extraction",
    "field_accuracy",
    "general_items",
    "max_tickets",
    "parse_extraction",
    "preference_pair",
    "preference_pairs",
    "quantities",
    "reply",
    "style_score",
    "tickets",
    "urgency_from_cues",
    "with_contamination",
    "with_duplicates",
    "with_wrong_labels",
]
