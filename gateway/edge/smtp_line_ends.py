"""Whether a message has line ends other than CRLF: the door and the way out both look, so it must cost next to nothing.

Vectorised, as counting octets three times took a third of the relay's time for a mail of 100 kB.
"""

import numpy as np

_CR, _LF = 13, 10
_BLOCK = 1 << 20


def bare_line_ends(message: bytes) -> bool:
    """Whether a CR stands without its LF or a LF without its CR (RFC 5321 section 2.3.8)."""
    if not message:
        return False
    octets = np.frombuffer(message, dtype=np.uint8)
    if octets[0] == _LF or octets[-1] == _CR:
        return True
    for start in range(0, len(octets), _BLOCK):
        block = octets[start : start + _BLOCK + 1]
        if not np.array_equal(block[:-1] == _CR, block[1:] == _LF):
            return True
    return False
