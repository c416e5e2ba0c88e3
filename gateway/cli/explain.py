"""`score --explain`: the mail with its findings marked, the sum, and what would follow, readable by an agent, with or without colour."""

from rich.console import Console
from rich.text import Text

from gateway.cli.explanation import Explanation, Mark, Stretch, crosses


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
    spans: dict[tuple[int, int], list[Mark]] = {}
    # the longest first, so that brackets close in the order in which they opened wherever they can
    for mark in sorted(stretch.marks, key=lambda mark: (mark.span[0], -mark.span[1], mark.number)):
        spans.setdefault(mark.span, []).append(mark)
    for (start, end), marks in spans.items():
        numbers = ",".join(str(mark.number) for mark in marks)
        starts.setdefault(start, []).append(f"[{numbers}:")
        # where brackets of several findings meet, each says at its end whose it is
        ends.setdefault(end, []).insert(0, f":{numbers}]" if any(crosses(marks[0], other) for other in stretch.marks) else "]")
    shown = Text()
    edges = sorted({0, len(stretch.text), *starts, *ends})
    for place, until in zip(edges, [*edges[1:], len(stretch.text)], strict=True):
        for edge in (*ends.get(place, ()), *starts.get(place, ())):
            shown.append(edge, style="dim")
        inside = [mark for mark in stretch.marks if mark.span[0] <= place < mark.span[1]]
        style = "bold red" if any(mark.counted for mark in inside) else "yellow" if inside else ""
        shown.append(stretch.text[place:until], style=style)
    return shown
