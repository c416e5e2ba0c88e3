"""What a site's further languages lack that isn't an error: what then happens, and which file would mend it."""

from collections.abc import Iterator
from pathlib import Path

from gateway.edge.languages import LANGUAGES
from gateway.edge.rules_files import FORMS_FILE, MORPHOLOGY_FILE
from gateway.edge.settings import Settings
from gateway.edge.spoken import FILE, Spoken


def lacking(settings: Settings, spoken: dict[str, Spoken]) -> Iterator[str]:
    """Say what further languages lack.

    Args:
        settings: in force.
        spoken: what is understood in each language.

    Yields:
        str: a sentence each.
    """
    rules = Path(settings.rules_dir) if settings.rules_dir else None
    for code in settings.languages:
        folder = f"{settings.rules_dir.rstrip('/') or 'rules_dir'}/{code}"
        if rules is None or not (rules / code / MORPHOLOGY_FILE).is_file():
            yield f"there is no {folder}/{MORPHOLOGY_FILE}, so mail in {code} isn't known as such and nobody is answered in it; write rules for {code}"
        elif not (rules / code / FORMS_FILE).is_file():
            yield f"there is no {folder}/{FORMS_FILE}, so what mail programs quote in {code} may be taken for the sender's own words; add it"
        said = spoken[code]
        if said.deadlines is None:
            yield f"{code}/{FILE} has no [deadlines], so a customer's own deadline isn't seen in {code}; the days under [cases] hold instead"
        if not said.requests:
            yield f"{code}/{FILE} has no requests, so notes in front of folded mail show only what has numbers in it; add them"
    if rules is not None:
        written = {path.parent.name for path in rules.glob(f"*/{MORPHOLOGY_FILE}")}
        for code in sorted(written - {*LANGUAGES, *settings.languages}):
            yield f"{settings.rules_dir.rstrip('/')}/{code} has rules of a language that isn't named in languages, so its mail is answered in {settings.language}"
