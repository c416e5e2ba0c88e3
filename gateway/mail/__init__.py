"""What a mail says: bytes in, values out. Pure."""
