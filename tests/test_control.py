"""The control socket: who may ask, what is answered, and what the commands do when nobody listens."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from gateway_process import GatewayProcess, mail, settings
from ledger_makers import a_standing, an_incident
from smtp_sink import ThreadedSink

from gateway.cli.main import main
from gateway.edge.control import SOCKET, ControlServer, ask
from gateway.edge.settings import load_settings
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import GatewayError, LedgerFailed

SENDER_LIST = ["sender", "list", "--json", "--config"]


async def answer(name, arguments):
    match name:
        case "echo":
            return arguments
        case "ledger":
            raise LedgerFailed("the disk is full")
        case "stumble":
            raise RuntimeError("a bug")
        case "slow":
            await asyncio.sleep(30)
    raise GatewayError(f"there is no operation {name}")


@pytest.fixture
async def control(tmp_path):
    server = ControlServer(tmp_path, answer)
    await server.start()
    yield tmp_path
    await server.stop()
    assert not (tmp_path / SOCKET).exists()


async def asked(state, name, arguments=None, seconds=10.0):
    return await asyncio.to_thread(ask, state, name, arguments or {}, seconds)


async def raw(state, data: bytes) -> dict:
    reader, writer = await asyncio.open_unix_connection(state / SOCKET)
    writer.write(data)
    writer.write_eof()
    try:
        return json.loads(await reader.read())
    finally:
        writer.close()
        await writer.wait_closed()


async def test_an_answer(control):
    assert await asked(control, "echo", {"address": "Änna ☂"}) == {"address": "Änna ☂"}
    assert oct((control / SOCKET).stat().st_mode & 0o777) == "0o600"


async def test_a_large_answer(control):
    assert len((await asked(control, "echo", {"x": "é" * 3_000_000}))["x"]) == 3_000_000


@pytest.mark.parametrize(("name", "text"), [("ledger", "the disk is full"), ("unknown", "there is no operation unknown")])
async def test_trouble_is_a_sentence(control, name, text):
    with pytest.raises(GatewayError, match=text):
        await asked(control, name)


async def test_a_bug_is_a_sentence_too_and_the_next_question_is_answered(control):
    with pytest.raises(GatewayError, match="stumbled"):
        await asked(control, "stumble")
    assert await asked(control, "echo") == {}


@pytest.mark.parametrize("data", [b"", b"\n", b"nonsense\n", b"[]\n", b'{"call": "echo"}\n', b'{"call": "echo", "arguments": 3}\n', b"\xff\xfe\n", b"[" * 100_000 + b"\n"])
async def test_nonsense_is_told_so(control, data):
    assert "can't be understood" in (await raw(control, data))["error"]


async def test_a_service_that_doesnt_answer_in_time(control):
    with pytest.raises(GatewayError, match="in time"):
        await asked(control, "slow", seconds=0.2)


async def test_the_servers_end_with_a_silent_client(tmp_path):
    server = ControlServer(tmp_path, answer)
    await server.start()
    _, writer = await asyncio.open_unix_connection(tmp_path / SOCKET)
    await asyncio.sleep(0.1)  # until it is accepted
    async with asyncio.timeout(5):
        await server.stop()
    writer.close()
    await writer.wait_closed()


def test_nobody_listens(tmp_path):
    with pytest.raises(ConnectionError):
        ask(tmp_path, "echo", {})
    with socket.socket(socket.AF_UNIX) as left_behind:  # by a service that was killed
        left_behind.bind(str(tmp_path / SOCKET))
    with pytest.raises(ConnectionError):
        ask(tmp_path, "echo", {})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")
async def test_others_may_not_ask():
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        os.chmod(state, 0o755)  # noqa: PTH101 - no waiting worth a thread
        server = ControlServer(state, answer)
        await server.start()
        program = (
            "import os, socket, sys\n"
            "os.setuid(int(sys.argv[2]))\n"
            "s = socket.socket(socket.AF_UNIX)\n"
            "s.connect(sys.argv[1])\n"
            's.sendall(b\'{"call": "echo", "arguments": {}}\\n\')\n'
            "print(s.makefile().read())\n"
        )

        def as_user(user):
            asking = [sys.executable, "-S", "-c", program, str(state / SOCKET), str(user)]
            return subprocess.run(asking, capture_output=True, text=True, timeout=30, check=False)

        # the file's mode keeps strangers out; the credentials of the peer would even if it didn't
        assert "PermissionError" in (await asyncio.to_thread(as_user, 65534)).stderr
        (state / SOCKET).chmod(0o666)
        told = (await asyncio.to_thread(as_user, 65534)).stdout
        assert json.loads(told) == {"error": "only root and the user of the service may ask"}
        assert json.loads((await asyncio.to_thread(as_user, 0)).stdout) == {"result": {}}
        await server.stop()


# --- the commands ---------------------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path):
    return settings(tmp_path, 1025)


async def record(config):
    async with await TinyLedger.open(load_settings(config).ledger_folder) as ledger:
        await ledger.record(an_incident(), a_standing())


def courtesy(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)


def test_without_a_service_the_ledger_is_opened_itself(config):
    load_settings(config).state.mkdir()
    asyncio.run(record(config))
    done = courtesy(*SENDER_LIST, config)
    assert done.exit_code == 0
    assert [row["address"] for row in json.loads(done.stdout)] == ["anna@example.net"]


def test_a_ledger_that_another_process_has_is_a_sentence(config):
    folder = load_settings(config).ledger_folder
    program = (
        "import asyncio, sys, pathlib\n"
        "from gateway.edge.tinydb_ledger import TinyLedger\n"
        "async def main():\n"
        "    async with await TinyLedger.open(pathlib.Path(sys.argv[1])):\n"
        "        print('open', flush=True); sys.stdin.read()\n"
        "asyncio.run(main())\n"
    )
    load_settings(config).state.mkdir()
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        done = courtesy(*SENDER_LIST, config)
        other.stdin.close()
        other.wait(30)
    assert done.exit_code == 1
    assert f"is in use by process {other.pid}" in done.stderr
    assert "if it has just been started, try again in a few seconds" in done.stderr
    assert "stop it" not in done.stderr


def test_a_torn_ledger_is_a_sentence(config):
    load_settings(config).state.mkdir()
    asyncio.run(record(config))
    for shard in (load_settings(config).ledger_folder / "senders").glob("*.json"):
        shard.write_bytes(b"{")
    done = courtesy("sender", "show", "anna@example.net", "--config", config)
    assert done.exit_code == 1
    assert "is torn or no JSON" in done.stderr


def test_a_state_folder_that_cant_be_made_is_a_sentence(config):
    load_settings(config).state.write_bytes(b"a file in its place")
    done = courtesy(*SENDER_LIST, config)
    assert done.exit_code == 1
    assert done.stderr.strip().count("\n") == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["sender", "show", "nobody@client.example"], "nothing is known of nobody@client.example"),
        (["incident", "show", "XYZ"], "there is no incident XYZ"),
        (["held", "show", "XYZ"], "no mail is held as XYZ"),
        (["held", "show", "../../etc/passwd"], "can't be the id of a held mail"),
        (["sender", "block", "nonsense"], "nonsense is not a mail address"),
    ],
)
def test_what_isnt_there(config, arguments, text):
    done = courtesy(*arguments, "--config", config)
    assert (done.exit_code, text in done.stderr) == (1, True), done.output


def test_bad_settings_are_told_with_their_lines(config):
    config.write_text(config.read_text().replace('mode = "enforce"', 'mode = "x"'))
    done = courtesy(*SENDER_LIST, config)
    assert done.exit_code == 1
    assert f"{config}:1: error: mode must be" in done.stderr


def test_a_running_service_is_asked(tmp_path):
    with ThreadedSink() as sink, GatewayProcess(settings(tmp_path, sink.port)) as gateway:
        gateway.send(mail("Hello"), "anna@client.example")
        assert json.loads(gateway.courtesy("sender", "block", "anna@client.example", "--json"))["standing"] == "blocked"
        assert gateway.send(mail("Hello", number=2), "anna@client.example")[0] == 550
        with pytest.raises(GatewayError, match=r"there is no operation rules\.explode"):
            ask(tmp_path / "state", "rules.explode", {})
        with pytest.raises(GatewayError, match="can't be understood"):
            ask(tmp_path / "state", "sender.block", {"wrong": 1})
