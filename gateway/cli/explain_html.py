"""`score --explain --html`: the explanation as one self-contained page to attach to a ticket; nothing in it runs or loads."""

from collections.abc import Iterator, Sequence
from html import escape

from gateway.cli.explanation import Explanation, Stretch

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, "Segoe UI", Roboto, Arial, sans-serif; max-width: 50rem; margin: 1.5rem auto; padding: 0 1rem; background: #ffffff; color: #1f2430; }
article { margin-bottom: 3rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid #d9dce1; padding: .75rem; font: inherit; }
mark { background: #ffd7d4; color: #1f2430; padding: 0 .1em; }
mark.uncounted { background: #fff0c2; }
sup { font-weight: 600; }
@media (prefers-color-scheme: dark) { body { background: #14171c; color: #e6e8eb; } pre { border-color: #3a414c; } }
"""


def page(explained: Sequence[Explanation]) -> str:
    """The explanations of some mails as one HTML page."""
    articles = "\n".join(_article(told) for told in explained)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Why these mails were scored so</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{articles}\n</main>\n</body>\n</html>\n"
    )


def _article(told: Explanation) -> str:
    lines = [f"<article>\n<h1>{escape(told.name)}</h1>\n<p><strong>{escape(told.verdict)}</strong></p>"]
    for stretch in told.stretches:
        if stretch.unscored:
            lines.append(f"<p>{escape(stretch.kind)}: {stretch.unscored} characters, not scored.</p>")
        elif stretch.text.strip():
            lines.append(f"<h2>{escape(stretch.kind)}</h2>\n<pre>{''.join(_marked(stretch))}</pre>")
    for title, entries in (
        ("Counted", told.counted),
        ("Not counted", told.uncounted),
        ("The sum", told.arithmetic),
        ("Otherwise", told.otherwise),
        ("Tags", (told.tags,) if told.tags else ()),
        (f"What would follow for {escape(told.whom)}", told.follows),
    ):
        if entries:
            listed = "\n".join(f"<li>{escape(entry)}</li>" for entry in entries)
            lines.append(f"<h2>{title}</h2>\n<ul>\n{listed}\n</ul>")
    return "\n".join([*lines, "</article>"])


def _marked(stretch: Stretch) -> Iterator[str]:
    edges = sorted({0, len(stretch.text), *(edge for mark in stretch.marks for edge in mark.span)})
    for place, until in zip(edges, [*edges[1:], len(stretch.text)], strict=True):
        inside = [mark for mark in stretch.marks if mark.span[0] <= place < mark.span[1]]
        text = escape(stretch.text[place:until])
        if not inside or not text:
            yield text
            continue
        kind = "" if any(mark.counted for mark in inside) else ' class="uncounted"'
        numbers = ",".join(str(mark.number) for mark in inside if mark.span[0] == place)
        yield f"<mark{kind}>{f'<sup>{numbers}</sup>' if numbers else ''}{text}</mark>"
