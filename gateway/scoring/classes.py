"""The word classes that every language fills: one semantic map, over which the learned ear learns from all languages at once."""

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
