"""The language identifier as a function: py3langid, restricted to our languages and their neighbours, loaded once."""

from functools import cache

from gateway.scoring.language import NEIGHBOURS, Identify


@cache
def load_identifier(languages: tuple[str, ...]) -> Identify:
    """Load the model; takes most of a second, so it is done once a process.

    Args:
        languages: codes of our own languages.

    Returns:
        Identify: text to language code.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415 - numpy and the model load here

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=False)
    identifier.set_languages(sorted({*languages, *NEIGHBOURS}))

    def identify(text: str) -> str:
        return str(identifier.classify(text)[0])

    return identify
