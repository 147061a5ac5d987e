#!/usr/bin/env python3
"""Ports on which nobody listens, below those that the system gives to outgoing connections: one of those may be taken
before the program that it is for listens there. As a program it prints as many as it is asked for, or one."""

import random
import socket
import sys

FIRST, LAST = 10_000, 20_000


def free_ports(count):
    """So many, as they come after one that is chosen by chance."""
    begin, found = random.randrange(FIRST, LAST), []
    for offset in range(LAST - FIRST):
        port = FIRST + (begin - FIRST + offset) % (LAST - FIRST)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError("all ports are taken")


if __name__ == "__main__":
    print(*free_ports(int(sys.argv[1]) if len(sys.argv) > 1 else 1), sep="\n")
