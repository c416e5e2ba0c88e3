"""`courtesy rules replay` over much mail: are its figures those of a count by other means, and how fast is it?

    python benchmarks/replay.py [--generated 10000] [--shared FOLDER] [--seed 1]

FOLDER has real-mail/ (messages) and mails/ (labelled mails, a line each); what isn't there is left out. The other set is
the shipped one with a tiny change in each language. The count reads and scores each mail by itself, in one process, with
nothing of the replay's (tests/replaying.py).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from email.message import EmailMessage
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from replaying import Count, as_counted, generated, sentences_of, tiny_change

from gateway.edge.scorer import rules_folders
from gateway.edge.sources import mails

SHARED = Path(__file__).resolve().parents[2] / "shared"


def labelled(folder: Path, into: Path) -> int:
    number = 0
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            message = EmailMessage()
            message["From"] = f"{case['id']}@client.example"
            message["To"] = "support@shop.example"
            message["Subject"] = " ".join(case["subject"].split())
            message["Date"] = "Tue, 24 Nov 2026 12:00:00 +0000"
            message.set_content(case["body"])
            (into / f"{case['id']}.eml").write_bytes(message.as_bytes())
            number += 1
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generated", type=int, default=10_000)
    parser.add_argument("--shared", type=Path, default=SHARED)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    shipped = rules_folders()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        site = tiny_change(root / "site", shipped)
        paths = [root / "generated"]
        paths[0].mkdir()
        for name, message in generated(options.generated, sentences_of(shipped), options.seed):
            (paths[0] / name).write_bytes(message)
        if (options.shared / "mails").is_dir():
            (root / "mails").mkdir()
            print(f"{labelled(options.shared / 'mails', root / 'mails')} labelled mails")
            paths.append(root / "mails")
        if (options.shared / "real-mail").is_dir():
            paths.append(options.shared / "real-mail")
        names = [str(path) for path in paths]

        begun = time.monotonic()
        command = [sys.executable, "-m", "gateway.cli", "rules", "replay", "--old", "shipped", "--new", str(site), "--json", *names]
        report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        took = time.monotonic() - begun
        print(f"replay: {report['mails']} mails under both sets in {took:.0f} s with the loading of both, {report['mails'] / took:.0f} a second")
        print(json.dumps({name: value for name, value in report.items() if name not in {"examples", "rules", "senders"}}, indent=1))

        count = Count(shipped, (*shipped, site))
        begun = time.monotonic()
        wanted = count.of(mails(names))
        took = time.monotonic() - begun
        print(f"count: {wanted['mails']} mails in {took:.0f} s in one process, {wanted['mails'] / took:.0f} a second")
    counted = as_counted(report)
    for name, value in counted.items():
        assert value == wanted[name], f"{name}: the replay says {value}, the count {wanted[name]}"
    for which, number in enumerate(("old", "new")):
        assert report["senders"]["warned"][number] == len(wanted["warned"][which]), number
        assert report["consequences"].get("hold", {}).get(number, 0) == wanted["held"][which], number
    added = sorted(set(wanted["warned"][1]) - set(wanted["warned"][0]))
    assert report["senders"]["warned"]["added"] == added
    print(f"every figure is the same: {', '.join(counted)}, warned senders ({len(added)} more), held mails")


if __name__ == "__main__":
    main()
