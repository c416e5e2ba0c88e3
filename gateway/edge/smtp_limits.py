"""What all sessions together may take of us: connections, connections of one address, bytes of mail in memory."""

from collections import Counter

from gateway.edge.settings import Limits


class Reservation:
    """The bytes that one mail takes; grows as blocks arrive."""

    def __init__(self, memory: "Memory") -> None:
        self._memory = memory
        self._bytes = 0

    def grow(self, count: int) -> bool:
        """Take more bytes; False, and nothing taken, when there are none left."""
        if not self._memory.take(count):
            return False
        self._bytes += count
        return True

    def release(self) -> None:
        """Give all bytes back; again is harmless."""
        self._memory.give(self._bytes)
        self._bytes = 0


class Memory:
    """The budget of mail in flight."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    @property
    def taken(self) -> int:
        """Bytes in flight now."""
        return self._taken

    def reserve(self) -> Reservation:
        """Begin a mail's reservation, with nothing taken yet."""
        return Reservation(self)

    def take(self, count: int) -> bool:
        """Take bytes; False when the budget has none left."""
        if self._taken + count > self._limit:
            return False
        self._taken += count
        return True

    def give(self, count: int) -> None:
        """Give bytes back."""
        self._taken -= count


class Doors:
    """Counts who is connected."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_address: Counter[str] = Counter()
        self._total = 0
        self.entered = 0

    @property
    def connections(self) -> int:
        """How many sessions are open."""
        return self._total

    def enter(self, address: str) -> bool:
        """Let a client in; False when there are too many, of it or at all."""
        if self._total >= self._limits.connections or self._by_address[address] >= self._limits.connections_per_address:
            if not self._by_address[address]:
                del self._by_address[address]
            return False
        self._by_address[address] += 1
        self._total += 1
        self.entered += 1
        return True

    def leave(self, address: str) -> None:
        """A client that was let in has gone."""
        self._total -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
