"""Puts the scorer together from what lies on disk: rules, word forms, the language model, the learned ear."""

from collections.abc import Sequence
from pathlib import Path

from gateway.edge.collection import uncollected
from gateway.edge.ear_model import load_ear
from gateway.edge.language_model import load_identifier
from gateway.edge.languages import LANGUAGES
from gateway.edge.rules import load_rules
from gateway.edge.shipped import folder
from gateway.scoring.ear import Ear
from gateway.scoring.language import Languages
from gateway.scoring.match import Matcher
from gateway.scoring.patterns import parse
from gateway.scoring.rules import RuleBook
from gateway.scoring.weigh import Scorer


def rules_folders(site: Path | None = None, only: Path | None = None) -> tuple[Path, ...]:
    """The rules folders in force: shipped, then the site's; or just the one that replaces them."""
    if only is not None:
        return (only,)
    return (folder("rules"), *((site,) if site is not None else ()))


def load_scorer(
    folders: Sequence[Path], *, use_ear: bool = True, use_rules: bool = True, languages: frozenset[str] | None = None
) -> Scorer:
    """Build a scorer.

    Args:
        folders: rules folders, later ones laid over earlier ones.
        use_ear: off to judge by rules alone (benchmarks).
        use_rules: off to listen by the ear alone (benchmarks).
        languages: only these rules, None for all.

    Raises:
        BadInput: with every problem of the rules files.
    """
    book, _ = load_rules(folders, languages)
    return build_scorer(book, load_ear(tuple(folders)) if use_ear else None, use_rules=use_rules)


@uncollected()
def build_scorer(book: RuleBook, ear: Ear | None, *, use_rules: bool = True) -> Scorer:
    """Build a scorer from a checked rule book."""
    frequent = {pack.code: frozenset(pack.frequent) for pack in book.packs}
    languages = Languages(load_identifier(tuple(sorted(frequent))), frequent, frozenset(LANGUAGES))
    scorer = Scorer(Matcher(book), languages, ear, use_rules=use_rules)
    parse.cache_clear()  # tens of thousands of phrases that nobody asks for again
    return scorer
