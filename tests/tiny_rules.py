"""A small rule set in two languages for tests of the scoring room, so that shipped rules may change under them."""

from pathlib import Path

from gateway.edge.rules import load_rules
from gateway.edge.shipped import folder
from gateway.scoring.language import Languages
from gateway.scoring.match import Matcher
from gateway.scoring.weigh import Scorer
from gateway.values import Reading, Segment, SegmentKind

FILES = {
    "en/morphology.toml": """
endings = ["", "s", "ing", "ed", "ish", "er"]
cut = ["e"]
frequent = ["the", "you", "your", "is", "are", "not", "with", "this", "and", "my", "i", "was", "a", "to"]
innocent = ["skilled"]
""",
    "en/classes.toml": """
[you]
words = ["=you", "=u"]
[your]
words = ["=your"]
[me]
words = ["=i", "=me", "=my"]
[staff]
words = ["agent", "team", "customer service"]
[animal]
words = ["monkey", "goat", "guinea pig"]
[outsider]
words = ["neighbour"]
[product]
words = ["router", "app"]
""",
    "en/context.toml": """
negated = ["not saying ... <hit>", "never called ...6 <hit>"]
reported = ["(called|calls) me ... <hit>"]
self = ["i (am|feel|was) ... <hit>", "i ... like (a|an)? <hit>"]
staff = ["<you> ...6 <hit>", "<staff> ...6 <hit>"]
third = ["my <outsider> ...6 <hit>"]
product = ["<hit> <product>"]
intense = ["complete <hit>"]
""",
    "en/rules.toml": """
[[rule]]
id = "en.insult.fool"
category = "insult"
points = 5
clause = ["D2"]
words = ["idiot", "dumb fool"]

[[rule]]
id = "en.profanity.word"
category = "profanity"
points = 5
words = ["fucking", "crap"]

[[rule]]
id = "en.degradation.animal"
category = "degradation"
points = 6
phrases = ["<you> ... (like|as dumb as) (a|an)? <animal>", "^back to your cage$"]
unless = ["like a monkey wrench"]

[[rule]]
id = "en.threat.kill"
category = "threat"
aimed = "anybody"
points = 10
phrases = ["i will (kill|hurt)~? ...2 <you>"]

[[rule]]
id = "en.stalking.home"
category = "stalking"
points = 10
signal = true
phrases = ["<your> (house|street)"]

[[rule]]
id = "en.stalking.dark"
category = "stalking"
points = 10
loud = true
phrases = ["dark when <you> go home"]

[[rule]]
id = "en.pressure.review"
category = "pressure"
aimed = "anybody"
points = 3
phrases = ["or i post ... review"]

[[tag]]
id = "en.tag.harm"
tag = "self_harm"
phrases = ["end it all"]

[[tag]]
id = "en.tag.complaint.weak"
tag = "complaint"
points = 1
phrases = ["was rude", "ask for an apology"]
""",
    "de/morphology.toml": """
endings = ["", "e", "en", "er", "es"]
cut = ["e", "en"]
frequent = ["der", "die", "das", "ist", "sie", "und", "nicht", "ich", "ein", "zu", "mit", "bitte"]
innocent = ["gift"]
""",
    "de/classes.toml": """
[you]
words = ["=sie", "=du"]
[your]
words = ["=ihr", "=ihre"]
[me]
words = ["=ich"]
[staff]
words = ["kollege"]
""",
    "de/rules.toml": """
[[rule]]
id = "de.insult.fool"
category = "insult"
points = 5
words = ["*idiot", "dämlich", "schwein*"]
""",
}


def write(root: Path, files: dict[str, str] = FILES) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (root / "policy.toml").write_text((folder("rules") / "policy.toml").read_text("utf-8"), encoding="utf-8")
    return root


def tongue(text: str) -> str:
    """A language model for tests: Cyrillic is Russian, umlauts and a few words are German, the rest English."""
    if any("\u0400" <= c <= "\u04ff" for c in text):
        return "ru"
    words = set(text.lower().split())
    return "de" if words & {"sie", "ist", "nicht", "ich", "und", "ein"} else "en"


def scorer_of(root: Path) -> Scorer:
    book, _ = load_rules((root,))
    return Scorer(Matcher(book), Languages(tongue, {pack.code: frozenset(pack.frequent) for pack in book.packs}))


def own(text: str, subject: str = "") -> Reading:
    segments = (Segment(SegmentKind.SUBJECT, subject),) if subject else ()
    return Reading((*segments, Segment(SegmentKind.OWN, text)), subject=subject)
