"""What systemd hears of us (sd_notify(3)): ready, alive, stopping; without systemd nothing happens."""

import contextlib
import os
import socket


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
