"""Every SMTP reply of ours, named; a reply that downstream gave is passed on as it is."""

from gateway.values import Reply

ACCEPTED_HELD = Reply(250, "Message accepted", "2.6.0")
ACCEPTED_OWN = Reply(250, "Message accepted", "2.6.0")

TROUBLE = Reply(451, "Temporary trouble here, please try again later", "4.3.0")
DOWNSTREAM_AWAY = Reply(451, "The mailbox server can't be reached, please try again later", "4.3.0")
DEADLINE = Reply(451, "This took too long, please try again later", "4.3.0")
CLOSING = Reply(421, "Service is closing, please try again later", "4.3.2")
TOO_BUSY = Reply(421, "Too many connections, please try again later", "4.7.0")
IDLE = Reply(421, "Idle for too long, closing", "4.4.2")
TOO_MANY_ERRORS = Reply(421, "Too many errors, closing", "4.7.0")
MEMORY_FULL = Reply(451, "Too many messages in flight, please try again later", "4.3.1")
TOO_MANY_RECIPIENTS = Reply(452, "Too many recipients", "4.5.3")

BARE_LINE_ENDS = Reply(550, "Bare CR or LF in the message (RFC 5321 section 2.3.8)", "5.6.0")
RELAY_DENIED = Reply(550, "This address is not served here", "5.7.1")
TOO_BIG = Reply(552, "Message is too big", "5.3.4")
LOOP = Reply(554, "Too many hops, this mail is in a loop", "5.4.6")
BAD_SYNTAX = Reply(501, "Syntax error in arguments", "5.5.4")
BAD_ADDRESS = Reply(553, "Address not understood", "5.1.3")
UTF8_NOT_OFFERED = Reply(553, "Internationalized addresses are not offered here", "5.6.7")


def blocked(reference: str, appeals: str) -> Reply:
    """The reply to mail of a sender whom a person blocked.

    Args:
        reference: incident or block reference; ASCII.
        appeals: address at which a person answers; ASCII.

    Returns:
        Reply: 550 5.7.1 with nothing in it that the sender controls (RFC 5321 section 4.3.2, RFC 3463; F18).
    """
    return Reply(550, f"Mail from this address is not accepted; reference {reference}; appeals to {appeals}", "5.7.1")
