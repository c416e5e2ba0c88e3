"""As much of style sheets as hides text: declarations, simple rules, colours."""

import re
from dataclasses import dataclass, field

_LONGEST_SHEET = 200_000
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SIMPLE = re.compile(r"(?P<tag>[a-z][a-z0-9]*|\*)?(?P<mark>[.#])?(?P<name>[\w-]+)?")
_NUMBER = re.compile(r"-?\d*\.?\d+")
_NEAR = 24
"""Colours whose channels differ by less than this can't be told apart by a reader."""

Declarations = dict[str, str]
Colour = tuple[int, int, int]

_NAMED: dict[str, Colour] = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "blue": (0, 0, 255),
    "green": (0, 128, 0),
    "yellow": (255, 255, 0),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "silver": (192, 192, 192),
    "lightgray": (211, 211, 211),
    "lightgrey": (211, 211, 211),
    "whitesmoke": (245, 245, 245),
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "ghostwhite": (248, 248, 255),
    "navy": (0, 0, 128),
    "orange": (255, 165, 0),
    "purple": (128, 0, 128),
    "maroon": (128, 0, 0),
}


def declarations(source: str) -> Declarations:
    """Take a style attribute or the inside of a rule apart; a later declaration wins unless an earlier is important."""
    result: Declarations = {}
    for part in source.lower()[:20_000].split(";"):
        name, colon, value = part.partition(":")
        if colon:
            name, value = name.strip(), " ".join(value.split())
            if not result.get(name, "").endswith("!important") or value.endswith("!important"):
                result[name] = value
    return result


def laid_over(lower: Declarations, upper: Declarations) -> Declarations:
    """Two levels of the cascade: the upper wins except over what is important below."""
    merged = dict(lower)
    for name, value in upper.items():
        if not merged.get(name, "").endswith("!important") or value.endswith("!important"):
            merged[name] = value
    return merged


@dataclass(slots=True)
class Sheet:
    """The simple rules of a mail's style sheets.

    Attributes:
        rules: by "tag", ".class", "#id" or "tag.class".
        doubtful: classes and ids that a rule we can't follow touches; what hides them isn't believed.
    """

    rules: dict[str, Declarations] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)

    def add(self, source: str) -> None:
        """Read one style sheet."""
        source = _COMMENT.sub(" ", source[:_LONGEST_SHEET].replace("<!--", " ").replace("-->", " "))
        position = 0
        conditional = 0
        while (brace := source.find("{", position)) >= 0:
            selectors = source[position:brace]
            while "}" in selectors:
                selectors = selectors.partition("}")[2]
                conditional = max(0, conditional - 1)
            selectors = selectors.rpartition(";")[2].strip().lower()
            if selectors.startswith("@"):
                conditional += selectors.replace(" ", "") not in {"@mediaall", "@mediascreen"}
                position = brace + 1
                continue
            end = source.find("}", brace)
            end = len(source) if end < 0 else end
            self._rule(selectors, source[brace + 1 : end], followed=not conditional)
            position = end + 1

    def of(self, tag: str, classes: list[str], name: str) -> Declarations:
        """What the sheets say of an element, from the weakest selector to the strongest."""
        if not self.rules:
            return {}
        result: Declarations = {}
        keys = ["*", tag, *(f".{c}" for c in classes), *(f"{tag}.{c}" for c in classes), f"#{name}", f"{tag}#{name}"]
        for key in keys:
            if (found := self.rules.get(key)) is not None:
                result = laid_over(result, found)
        if result and not self.doubtful.isdisjoint([*classes, name]):
            return {}
        return result

    def _rule(self, selectors: str, body: str, *, followed: bool) -> None:
        found = declarations(body)
        for selector in selectors.split(",")[:200]:
            simple = selector.strip()
            match = _SIMPLE.fullmatch(simple)
            if match and followed and simple:
                tag, mark, name = match["tag"] or "", match["mark"] or "", match["name"] or ""
                key = f"{'' if tag == '*' and mark else tag}{mark}{name}"
                self.rules[key] = laid_over(self.rules.get(key, {}), found)
            elif not hides(found):
                self.doubtful.update(re.findall(r"[.#]([\w-]+)", simple[:500]))


def hides(style: Declarations) -> bool:
    """Whether an element with this style, and all within it, is invisible whatever its children say."""
    value = style.get
    if value("display", "").startswith("none") or value("mso-hide", "").startswith("all"):
        return True
    if _zero(value("opacity", "1")) or _zero(value("max-height", "1")) or _zero(value("max-width", "1")):
        return True
    clipped = value("overflow", "").startswith("hidden")
    if clipped and (_zero(value("height", "1")) or _zero(value("width", "1"))):
        return True
    if value("text-indent", "").startswith("-") and _number(value("text-indent", "")) <= -999:
        return True
    away = value("position", "").startswith(("absolute", "fixed"))
    return away and min(_number(value("left", "0")), _number(value("top", "0"))) <= -999


def unseen(style: Declarations, inherited: bool) -> bool:  # noqa: FBT001 - the state of the parent
    """Whether text is switched off by `visibility`, which a child may switch on again."""
    visibility = style.get("visibility", "")
    if visibility.startswith(("hidden", "collapse")):
        return True
    return False if visibility.startswith("visible") else inherited


def tiny(style: Declarations, inherited: bool) -> bool:  # noqa: FBT001 - the state of the parent
    """Whether text is too small to be seen; a child with a size of its own, not a relative one, is seen again."""
    size = style.get("font-size") or style.get("font", "")
    number = _NUMBER.search(size)
    if not number:
        return False if size.startswith(("small", "medium", "large", "x-", "xx-")) else inherited
    unit = size[number.end() :].lstrip()[:3]
    absolute = not unit.startswith(("em", "rem", "%", "in", "cm", "vw"))
    if float(number[0]) == 0 or (absolute and float(number[0]) < 2):
        return True
    return inherited and unit.startswith(("em", "%"))


def colour(value: str) -> Colour | None:
    """A colour as its channels, None when it can't be told."""
    value = value.removesuffix("!important").strip()
    if value in _NAMED:
        return _NAMED[value]
    if value.startswith("#"):
        digits = value[1:7]
        digits = "".join(digit * 2 for digit in digits) if len(digits) in {3, 4} else digits
        if len(digits) >= 6 and all(digit in "0123456789abcdef" for digit in digits[:6]):
            return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
        return None
    if value.startswith("rgb"):
        numbers = [min(255, int(float(number))) for number in _NUMBER.findall(value[:60])[:3]]
        if len(numbers) == 3:
            return numbers[0], numbers[1], numbers[2]
    return None


def alike(one: Colour | None, other: Colour | None) -> bool:
    """Whether text in one colour on the other can't be read."""
    if one is None or other is None:
        return False
    return all(abs(a - b) < _NEAR for a, b in zip(one, other, strict=True))


def _number(value: str) -> float:
    found = _NUMBER.search(value[:40])
    return float(found[0]) if found else 0.0


def _zero(value: str) -> bool:
    found = _NUMBER.match(value[:40])
    return bool(found) and float(found[0]) < 0.02 if found else False
