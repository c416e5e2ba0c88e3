"""Rules, word classes and frames as values: what rules files say once they are checked."""

from dataclasses import dataclass

from gateway.numbers import Policy
from gateway.values import Category, Tag, Target


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, or one tag rule when `tag` is set.

    Attributes:
        points: what it counts at its target.
        elsewhere: what it counts at the company, the product or nobody.
        aimed: whom it is about.
        default: the target when nothing in the sentence tells.
        words: entries of the lexicon; each is a match by itself.
        phrases: patterns, see patterns.py.
        unless: patterns that take the match back when they fit the same sentence.
        pattern: an admin's own regular expression (RE2), "" for none.
        signal: too weak to count alone; counts when the ear agrees (weigh.py says when).
        certain: counts whatever the ear hears.
        loud: a signal so broad that it counts only where the ear by itself calls the mail abusive.
        hits: sentences that must match; `misses` must not.
        file: where it is written, for messages; `line` counts from 1.
        layer: which of the folders laid over one another it is written in, 0 for the lowest.
        changed: where a site changes it, "FILE:LINE", "" when nobody does.
        inherited: examples that it had before a site changed it; the change may end them.
    """

    id: str
    language: str
    category: Category | None
    points: int
    elsewhere: int
    aimed: Target
    default: Target
    clause: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    pattern: str = ""
    note: str = ""
    hits: tuple[str, ...] = ()
    misses: tuple[str, ...] = ()
    tag: Tag | None = None
    signal: bool = False
    loud: bool = False
    certain: bool = False
    off: bool = False
    file: str = ""
    line: int = 0
    layer: int = 0
    changed: str = ""
    inherited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WordClass:
    """A named class of words of one language; members of several words are allowed."""

    name: str
    words: tuple[str, ...]


FRAMES = ("negated", "reported", "self", "staff", "third", "product", "company", "intense")
"""What a frame can say of a finding; each is a list of phrases with <hit> in rules/LANG/context.toml."""


@dataclass(frozen=True, slots=True)
class LanguagePack:
    """Everything that the rules folder of one language says.

    Attributes:
        endings, cut, swap, double, shorten: see lexicon.Morphology.
        wide: further words of classes that only the ear hears; rules don't reach them.
        frames: name of the frame and its phrases.
        innocent: words that stand for nothing in a text of this language, whatever they look like.
        frequent: very common words, by which a text without accents or in Latin letters is recognised.
    """

    code: str
    endings: tuple[str, ...] = ("",)
    cut: tuple[str, ...] = ()
    swap: tuple[tuple[str, str], ...] = ()
    double: bool = False
    shorten: bool = False
    classes: tuple[WordClass, ...] = ()
    wide: tuple[WordClass, ...] = ()
    frames: tuple[tuple[str, tuple[str, ...]], ...] = ()
    innocent: tuple[str, ...] = ()
    frequent: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All languages, the policy's numbers and the version that incidents name."""

    packs: tuple[LanguagePack, ...]
    policy: Policy
    version: str

    @property
    def scoring(self) -> frozenset[str]:
        """Ids of the rules that give points; tag rules and those that are off don't."""
        return frozenset(rule.id for pack in self.packs for rule in pack.rules if rule.tag is None and not rule.off)
