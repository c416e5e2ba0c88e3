"""Golden files: what a text should be, kept under tests/data/golden for people to read in a diff."""

from pathlib import Path

FOLDER = Path(__file__).parent / "data" / "golden"


class Golden:
    """Compares a text with its golden file, or writes the file anew under --update-golden."""

    def __init__(self, *, update):
        self.update = update

    def check(self, name, text):
        path = FOLDER / name
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.is_file(), f"{name} is missing; write it with --update-golden and read it"
        assert text == path.read_text(encoding="utf-8"), f"{name} differs; if that is right, write it anew with --update-golden"
