"""`score --explain`: the mail with its findings marked, the sum, and what would follow, readable by an agent, with or without colour."""

from rich.console import Console
from rich.text import Text

from gateway.cli.explanation import Explanation, Stretch


def show(told: Explanation) -> None:
    """Print one mail's explanation."""
    console = Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
    console.print(Text(f"{told.name}: {told.verdict}", style="bold"))
    for stretch in told.stretches:
        if stretch.unscored:
            console.print(Text(f"  {stretch.kind}: {stretch.unscored} characters, not scored", style="dim"))
        elif stretch.text.strip():
            console.print(Text(f"  {stretch.kind}:", style="dim"))
            console.print(_marked(stretch))
    for title, lines in (
        ("counted", told.counted),
        ("not counted", told.uncounted),
        ("the sum", told.arithmetic),
        ("otherwise", told.otherwise),
        ("tags", (told.tags,) if told.tags else ()),
        (f"what would follow for {told.whom}", told.follows),
    ):
        if lines:
            console.print(Text(f"  {title}:", style="dim"))
            for line in lines:
                console.print(Text(f"    {line}"))


def _marked(stretch: Stretch) -> Text:
    """The text with numbers around each finding, so that it is told without colour as well."""
    starts: dict[int, list[str]] = {}
    ends: dict[int, list[str]] = {}
    for mark in stretch.marks:
        starts.setdefault(mark.span[0], []).append(f"[{mark.number}:")
        ends.setdefault(mark.span[1], []).insert(0, "]")
    shown = Text()
    edges = sorted({0, len(stretch.text), *starts, *ends})
    for place, until in zip(edges, [*edges[1:], len(stretch.text)], strict=True):
        for edge in (*ends.get(place, ()), *starts.get(place, ())):
            shown.append(edge, style="dim")
        inside = [mark for mark in stretch.marks if mark.span[0] <= place < mark.span[1]]
        style = "bold red" if any(mark.counted for mark in inside) else "yellow" if inside else ""
        shown.append(stretch.text[place:until], style=style)
    return shown
