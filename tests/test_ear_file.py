"""A damaged file of the ear's weights: a sentence wherever it is read, and mail that goes on meanwhile."""

import asyncio
import contextlib
import io
import random
import re
import zipfile
from datetime import UTC, datetime

import numpy as np
import pytest
from tiny_rules import write

from gateway.edge.ear_model import FILE, load_ear
from gateway.edge.metrics import Metrics
from gateway.edge.reader import ProcessReader
from gateway.edge.rules_checkup import check_up
from gateway.edge.rules_live import LiveRules
from gateway.edge.rules_store import RulesStore
from gateway.edge.shipped import folder
from gateway.edge.weigher import Order
from gateway.errors import BadInput
from gateway.mail.message import ReadingLimits
from gateway.values import Level

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

WHOLE = (folder("rules") / FILE).read_bytes()
DAMAGED = "is damaged, so the learned ear can't be loaded; put back the file of this release, or remove it"
MAIL = b"From: a@client.example\r\nSubject: x\r\n\r\nYou are a dumb fool.\r\n"


def archive(**arrays) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def bare(array) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def other_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("readme.txt", "hello")
    return out.getvalue()


BROKEN = {
    "empty": b"",
    "a text": b"these are no weights\n",
    "cut in the middle": WHOLE[: len(WHOLE) // 2],
    "its end is missing": WHOLE[:-30],
    "its beginning is missing": WHOLE[1000:],
    "overwritten in the middle": WHOLE[:200_000] + bytes(50_000) + WHOLE[250_000:],
    "another archive": other_zip(),
    "a single array": bare(np.zeros(3)),
    "nothing but the languages": archive(languages=np.array(["en"])),
    "parts of another shape": archive(languages=np.array(["en"]), **{"en.scale": np.ones(1), "en.weights": np.zeros(3)}),
    "a pickle": bare(np.array([{}], dtype=object)),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_it_is_a_sentence(tmp_path, data):
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(BadInput) as caught:
        load_ear((tmp_path,))
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.severity) == (str(tmp_path / FILE), 0, "error")
    assert problem.text.startswith((DAMAGED, "was trained for another version"))


def test_any_byte_may_be_wrong(tmp_path):
    rng = random.Random(5)
    for number in range(12):
        data = bytearray(WHOLE)
        for _ in range(rng.choice((1, 40))):
            data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
        place = tmp_path / str(number)
        place.mkdir()
        (place / FILE).write_bytes(data)
        with contextlib.suppress(BadInput):
            load_ear((place,))


def test_what_may_not_be_read(tmp_path):
    (tmp_path / FILE).symlink_to("/proc/self/mem")
    with pytest.raises(BadInput, match=r"ear\.npz: error: (can't be read: |is damaged)"):
        load_ear((tmp_path,))


def test_the_check_of_a_set_tells_it(tmp_path):
    base = write(tmp_path / "base")
    (base / FILE).write_bytes(WHOLE[:-30])
    _, problems = check_up((base,), frozenset({"en"}))
    assert [str(problem) for problem in problems if problem.severity == "error"] == [
        f"{base}/{FILE}: error: {DAMAGED}: then the ear of the folder below it hears, or rules judge alone"
    ]


class House:
    """The rooms around the rules."""

    def __init__(self, root, seconds):
        self.base = write(root / "base")
        order = Order((self.base,), ReadingLimits())
        self.store = RulesStore(root / "state")
        self.reader = ProcessReader(order, 1, seconds)
        self.live = LiveRules(order, self.store, 3, self.reader, Metrics(), lambda: NOW)

    async def level(self):
        _, assessment = await self.reader.weigh(MAIL, "a@client.example")
        return assessment.level


async def test_a_service_does_not_start_with_it_and_names_the_file_that_people_know(tmp_path):
    house = House(tmp_path, 30.0)
    (house.base / FILE).write_bytes(b"x")
    with pytest.raises(BadInput) as caught:
        await house.live.start()
    assert re.fullmatch(rf"{house.base}/{FILE}: error: {DAMAGED}: .*", str(caught.value)), "not our copy of it"
    await house.reader.close()


async def test_a_reload_leaves_the_old_rules_in_force(tmp_path):
    house = House(tmp_path, 30.0)
    await house.live.start()
    before = house.reader.version
    (house.base / FILE).write_bytes(b"x")
    with pytest.raises(BadInput, match="is damaged"):
        await house.live.reload()
    assert (house.reader.version, await house.level()) == (before, Level.ABUSIVE)
    await house.reader.close()


async def test_mail_goes_on_unscored_until_it_is_mended(tmp_path, caplog):
    """The copy by which mail is judged goes bad on the disk, and then the weigher dies."""
    house = House(tmp_path, 3.0)
    await house.live.start()
    assert await house.level() is Level.ABUSIVE
    copy = house.reader.order.folders[0] / FILE
    copy.write_bytes(b"x")
    for worker in list(house.reader._all):
        worker.process.kill()
        await worker.process.wait()
    assert [await house.level() for _ in range(2)] == [None, None]
    assert f"{house.base}/{FILE}: error: {DAMAGED}" in caplog.text
    assert "Traceback" not in caplog.text
    copy.unlink()
    for _ in range(60):
        if await house.level() is Level.ABUSIVE:
            break
        await asyncio.sleep(0.2)
    assert await house.level() is Level.ABUSIVE
    await house.reader.close()
