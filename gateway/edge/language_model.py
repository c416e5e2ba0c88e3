"""The language identifier as a function: py3langid, restricted to our languages and their neighbours, loaded once."""

from functools import cache

from gateway.errors import BadInput, Problem
from gateway.scoring.language import NEIGHBOURS, Identify


@cache
def load_identifier(languages: tuple[str, ...]) -> Identify:
    """Load the model; takes most of a second, so it is done once a process.

    Args:
        languages: codes of our own languages.

    Returns:
        Identify: text to language code.

    Raises:
        BadInput: the model doesn't know one of them.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - numpy and the model load here

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=False)
    if unknown := sorted(set(languages) - set(identifier.labels)):
        text = "is no language that mail can be told to be in; name the folder by one of the codes of ISO 639-1 that py3langid knows"
        raise BadInput(tuple(Problem(f"{code}/", 0, text) for code in unknown))
    identifier.set_languages(sorted({*languages, *NEIGHBOURS}))

    def identify(text: str) -> str:
        return str(identifier.classify(text)[0])

    return identify
