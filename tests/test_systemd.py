"""The shipped unit stands systemd's own examination, and the service says what a notify unit waits for."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from gateway_process import GatewayProcess, settings
from smtp_sink import ThreadedSink

from gateway.edge.notify import notify, watchdog_seconds
from gateway.edge.shipped import folder

UNIT = "courtesy.service"


@pytest.fixture
def unit(tmp_path):
    """The unit with a command that exists here: `verify` asks for it."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze (Debian package systemd)")
    text = (folder("systemd") / UNIT).read_text(encoding="utf-8")
    assert "ExecStart=/opt/courtesy/bin/courtesy serve" in text
    copy = tmp_path / UNIT
    copy.write_text(text.replace("/opt/courtesy/bin/courtesy", sys.executable), encoding="utf-8")
    return copy


@pytest.mark.server
def test_verify_has_nothing_to_say(unit):
    """It exits 0 on unknown keys too, so any word of it is a finding."""
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.server
def test_it_is_hardened(unit):
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


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


def test_the_wheel_carries_it():
    assert (Path(folder("systemd")) / UNIT).is_file()
