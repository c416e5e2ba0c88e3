"""Everything that can block or fail: sockets, files, clocks."""
