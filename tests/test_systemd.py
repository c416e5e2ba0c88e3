"""The shipped units stand systemd's own examination, and the service says and takes what they expect."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_process import GatewayProcess, mail, settings, with_socket
from smtp_sink import ThreadedSink

from gateway.edge.notify import notify, passed_socket, watchdog_seconds
from gateway.edge.settings import Settings
from gateway.edge.shipped import folder

UNIT = "courtesy.service"
UNITS = sorted(path.name for path in folder("systemd").iterdir())
SERVICES = [name for name in UNITS if name.endswith(".service")]


@pytest.fixture
def units(tmp_path):
    """The units with a command that exists here: `verify` asks for it."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze (Debian package systemd)")
    for name in UNITS:
        text = (folder("systemd") / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("/opt/courtesy/bin/courtesy", sys.executable), encoding="utf-8")
    return tmp_path


@pytest.mark.server
def test_verify_has_nothing_to_say(units):
    """It exits 0 on unknown keys too, so any word of it is a finding."""
    command = ["systemd-analyze", "verify", "--man=no", *(str(units / name) for name in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.server
@pytest.mark.parametrize("name", SERVICES)
def test_they_are_hardened(units, name):
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(units / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_the_units_belong_together():
    """One user has the state folder, every timer has its service, and each command is one of ours."""
    assert UNIT in SERVICES
    texts = {name: (folder("systemd") / name).read_text(encoding="utf-8") for name in UNITS}
    for name in SERVICES:
        assert re.search(r"^ExecStart=/opt/courtesy/bin/courtesy \w+", texts[name], re.MULTILINE), name
        assert "\nUser=courtesy\nDynamicUser=yes\n" in texts[name], name
        assert re.search(r"^StateDirectory=courtesy( |$)", texts[name], re.MULTILINE), name
    for name in UNITS:
        if name.endswith((".timer", ".socket")):
            assert f"{name.rpartition('.')[0]}.service" in SERVICES
    listen = re.search(r"^ListenStream=(.*)$", texts["courtesy.socket"], re.MULTILINE)[1]
    assert listen == Settings.model_fields["listen"].default.address


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path, monkeypatch):
    """A service manager's notify socket."""
    name = str(tmp_path / "notify") if request.param == "path" else f"\0{tmp_path.name}.notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(name)
        server.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))
        yield server


def test_notify(manager):
    notify("READY=1", "STATUS=listening")
    assert manager.recv(1000) == b"READY=1\nSTATUS=listening"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "@nobody-is-there"])
def test_without_a_manager_nothing_happens(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


@pytest.mark.parametrize(("asked", "pid", "seconds"), [("60000000", None, 30), ("", None, 0), ("soon", None, 0), ("60000000", "1", 0)])
def test_watchdog_seconds(monkeypatch, asked, pid, seconds):
    monkeypatch.setenv("WATCHDOG_USEC", asked)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    else:
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert watchdog_seconds() == seconds


def test_the_service_is_ready_alive_and_stopping(manager, tmp_path, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    with ThreadedSink() as sink:
        with GatewayProcess(settings(tmp_path, sink.port)) as gateway:
            assert manager.recv(1000).decode() == f"READY=1\nSTATUS=listening on 127.0.0.1:{gateway.port}"
            assert [manager.recv(1000) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        manager.settimeout(1)
        last = b""
        while last != b"STOPPING=1":
            last = manager.recv(1000)
        with pytest.raises(TimeoutError):
            manager.recv(1000)
    assert not any("Traceback" in line for line in gateway.lines)


def listening(kind=socket.SOCK_STREAM):
    sock = socket.socket(socket.AF_INET, kind)
    sock.bind(("127.0.0.1", 0))
    return sock


def test_socket_activation(tmp_path):
    """The passed socket takes mail, and a client that comes while the service is away waits and is served."""
    with ThreadedSink() as sink, listening() as passed:
        passed.listen()
        port = passed.getsockname()[1]
        gateway = GatewayProcess(settings(tmp_path, sink.port, mode="pass"), passed)
        gateway.start()
        try:
            assert gateway.port == port
            assert gateway.send(mail("Hello.", number=1), "anna@client.example")[0] == 250
            gateway.stop()
            early = socket.create_connection(("127.0.0.1", port), timeout=90)
            early.sendall(b"QUIT\r\n")
            gateway.start()
            assert early.makefile("rb").read().startswith(b"220 gw.shop.example ESMTP\r\n221 ")
            early.close()
            assert gateway.send(mail("Hello again.", number=2), "anna@client.example")[0] == 250
        finally:
            gateway.stop()
    assert len(sink.mails) == 2


def test_a_socket_that_does_not_listen_is_refused_with_a_sentence(tmp_path):
    config = settings(tmp_path, 1025)
    serve = [sys.executable, "-m", "gateway.cli", "serve", "--config", str(config)]
    with listening() as idle, listening(socket.SOCK_DGRAM) as datagrams:
        for sock, number, says in ((idle, 1, "doesn't listen"), (datagrams, 1, "doesn't listen"), (idle, 2, "passes 2 sockets")):
            command = with_socket(serve, sock, number)
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, pass_fds=(sock.fileno(),))
            assert done.returncode == 1
            assert says in done.stderr
            assert "Traceback" not in done.stderr


def test_what_was_passed_to_another_process_is_left_alone(monkeypatch):
    for pid, number in (("1", "1"), (str(os.getpid()), ""), (str(os.getpid()), "0"), ("", "")):
        monkeypatch.setenv("LISTEN_PID", pid)
        monkeypatch.setenv("LISTEN_FDS", number)
        assert passed_socket() is None
        assert "LISTEN_FDS" not in os.environ


def test_the_wheel_carries_it():
    assert (Path(folder("systemd")) / UNIT).is_file()
