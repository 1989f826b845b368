#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# guest-prefix.py CONTROL: gives swtpm a data channel as QEMU does, and resets PCR 20, which locality 0 may
# not: plainly, behind a TCG prefix that names locality 2, plainly; then as locality 2 of CMD_SET_LOCALITY.
# Prints the code of each answer.
import socket
import struct
import sys

SET_LOCALITY, SET_DATAFD = 0x05, 0x10
RESET = bytes.fromhex("80020000001b0000013d0000001400000009400000090000000000")
PREFIX = struct.pack(">IBI", 8, 2, len(RESET))

control = socket.socket(socket.AF_UNIX)
control.connect(sys.argv[1])
ours, theirs = socket.socketpair()
ours.settimeout(10)


def ask(code, body=b"", fds=()):
    socket.send_fds(control, [struct.pack(">I", code) + body], fds)
    result = control.recv(64)
    assert result == bytes(4), result


def command(request):
    ours.send(request)
    print(ours.recv(4096)[6:10].hex())


ask(SET_DATAFD, fds=[theirs.fileno()])
command(RESET)
command(PREFIX + RESET)
command(RESET)
ask(SET_LOCALITY, bytes([2]))
command(RESET)
