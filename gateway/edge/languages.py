"""Which languages our mails are written in: those with a folder of templates that we ship, and those that a site adds."""

import re
from pathlib import Path

from babel import Locale, localedata

from gateway.edge import shipped

WORDS_FILE = "words.toml"
_CODE = re.compile(r"[a-z]{2,3}")
_LOCALES = {"en": "en_GB"}
"""Day before month, as in the others."""


def _found(folder: Path) -> tuple[str, ...]:
    codes = (path.parent.name for path in folder.glob(f"*/{WORDS_FILE}"))
    return tuple(sorted(codes, key=lambda code: (code != "en", code)))


LANGUAGES = _found(shipped.folder("templates"))
"""The shipped ones: English first, of which every key must be there in all others."""


def locale_of(language: str) -> str:
    """The locale in which dates and numbers of a language are written."""
    return _LOCALES.get(language, language)


def name_of(language: str) -> str:
    """What a language calls itself, as it stands at the head of a list."""
    name = str(Locale.parse(language).get_display_name(language) or language)
    return name[:1].upper() + name[1:]


STANDS_IN = "is missing; English stands in for it"
"""Said of what a site's language lacks: an upgrade that brings a new sentence must not stop anybody's mail."""


def new_language(code: str) -> str:
    """Check the code of a language that a site adds.

    Raises:
        ValueError: there is no such language, or it is one of ours.
    """
    if code in LANGUAGES:
        raise ValueError(f"{code} is shipped; only further languages are named here")
    if not _CODE.fullmatch(code) or not localedata.exists(code):
        raise ValueError(f"{code!r} is no language code whose dates can be written; name one of ISO 639-1, for example nl")
    return code
