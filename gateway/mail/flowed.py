"""format=flowed: lines that end in a space go on in the next (RFC 3676 sections 4.1 to 4.5)."""


def unflow(text: str, *, delete_space: bool) -> str:
    """Join the lines of flowed text.

    Args:
        text: with line feeds.
        delete_space: the parameter DelSp; the space at the end of a flowed line is no part of the text.

    Returns:
        str: quote marks stay in front of each joined line, the signature delimiter stays alone.
    """
    result: list[str] = []
    parts: list[str] = []
    depth = 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        marks = len(line) - len(content)
        content = content.removeprefix(" ")
        if parts and (marks != depth or content == "-- "):
            result.append(_joined(parts, depth))
            parts = []
        depth = marks
        flows = content.endswith(" ") and content != "-- "
        parts.append(content[:-1] if flows and delete_space else content)
        if not flows:
            result.append(_joined(parts, depth))
            parts = []
    if parts:
        result.append(_joined(parts, depth))
    return "\n".join(result)


def _joined(parts: list[str], depth: int) -> str:
    return ">" * depth + (" " if depth else "") + "".join(parts)
