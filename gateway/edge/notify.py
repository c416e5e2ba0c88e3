"""What systemd hears of us (sd_notify(3)) and gives to us (sd_listen_fds(3)); without systemd nothing happens."""

import contextlib
import os
import socket

from gateway.errors import GatewayError

_FIRST_DESCRIPTOR = 3
"""SD_LISTEN_FDS_START."""


def notify(*lines: str) -> None:
    """Tell the service manager some lines such as READY=1, if there is one.

    Args:
        lines: without line ends.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        # trouble with the manager's socket is no reason to stop taking mail
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            manager.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            manager.sendall("\n".join(lines).encode())


def watchdog_seconds() -> float:
    """Seconds between two signs of life that the manager asks for (half of its patience); 0 when it asks for none."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 2_000_000 if mine and microseconds.isdecimal() else 0.0


def passed_socket() -> socket.socket | None:
    """The listening socket that the service manager opened for us, None when it opened none.

    It stays open while we restart, so that clients wait instead of being turned away.

    Raises:
        GatewayError: it passed more than one, or something that doesn't listen.
    """
    mine = os.environ.pop("LISTEN_PID", "") == str(os.getpid())
    number = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)  # none of this is for our weighers
    if not mine or number in {"", "0"}:
        return None
    if number != "1":
        raise GatewayError(f"systemd passes {number} sockets and one is wanted: leave one ListenStream= in the .socket unit")
    try:
        passed = socket.socket(fileno=_FIRST_DESCRIPTOR)
        listens = passed.type == socket.SOCK_STREAM and passed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise GatewayError(f"the socket that systemd passes can't be used: {error.strerror}") from error
    if not listens:
        raise GatewayError("the socket that systemd passes doesn't listen for streams: use ListenStream= and Accept=no in the .socket unit")
    passed.set_inheritable(False)
    return passed
