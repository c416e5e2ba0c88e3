"""The word classes that every language fills: one semantic map, over which the learned ear learns from all languages at once."""

from zlib import crc32

SHARED = (
    "you", "your", "me", "staff", "boss", "family", "child", "partner", "friend", "outsider", "group_origin", "group_religion",
    "group_orientation", "group_disability", "group_sex", "slur", "title", "stupid", "brain", "lazy", "incompetent", "dishonest",
    "mad", "useless", "nasty", "ugly", "pathetic", "animal", "vermin", "plant", "object", "waste", "machine", "cage", "nursery",
    "schooling", "low_job", "job_loss", "evolution", "mock", "body", "face", "voice", "sex", "clothes", "photo", "sweet", "bed",
    "harm", "weapon", "blood", "death", "fire", "disease", "suffer", "fear", "revenge", "curse", "watch", "know", "home", "car",
    "shift", "routine", "kids_place", "online", "publish", "dark", "order", "delivery", "money", "contract", "account",
    "technical", "device", "telecom", "travel", "medical", "housing", "office", "school_office", "game", "waiting", "contact",
    "please", "thanks", "greeting", "sorry", "praise", "complaint", "lawful", "privacy", "cancel", "refund", "review",
    "deadline", "anger", "grief", "hardship", "despair", "profane_strong", "profane_mild", "food", "clock", "negation",
    "question", "wish", "ought", "like", "very", "laugh", "if", "will", "irony", "even", "someone",
)  # fmt: skip
"""Names of the shared classes; docs/classes.md says what belongs into each."""

FEWEST_WORDS = 8
RESERVED = ("you", "your", "me", "staff", "title")
"""Classes that may be small: a language has only so many pronouns."""

LEXICON = ("profanity", "insult", "degradation", "harassment", "threat", "stalking", "discrimination", "sexual")
"""Categories whose rules' single words are marks of their own: an ugly word, whoever it is said to."""

OWN = 128
"""Slots for the classes that one language has beside the shared ones."""

MARKS = len(SHARED) + len(LEXICON) + OWN
"""How many different marks a word can bear for the ear."""


def mark_of(name: str) -> int | None:
    """The mark of a word class; the same name is the same mark in every language.

    A class named x_... (one letter, then _) is a part of some rule's phrases and no meaning of its own: it has no mark.
    """
    if name[1:2] == "_":
        return None
    return SHARED.index(name) if name in SHARED else len(SHARED) + len(LEXICON) + crc32(name.encode()) % OWN


def lexicon_mark(category: str) -> int | None:
    """The mark of the words that rules of a category name."""
    return len(SHARED) + LEXICON.index(category) if category in LEXICON else None
