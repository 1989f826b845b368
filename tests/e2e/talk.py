#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""talk.py SOCKET HEX: sends one TPM command to a data socket and prints its whole answer in hex, or what came before the end of the connection.
It waits for the socket and for the answer as long as a slow machine may need."""
import socket
import sys
import time

HANGS = 60  # seconds


def connect(path):
    end = time.monotonic() + HANGS
    while True:
        data = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            data.connect(path)
            data.settimeout(HANGS)
            return data
        except OSError:
            data.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def talk(data, command):
    answer = b''
    try:
        data.sendall(command)
        while len(answer) < 10 or len(answer) < int.from_bytes(answer[2:6], 'big'):
            got = data.recv(4096)
            if not got:
                break
            answer += got
    except ConnectionError:
        pass
    return answer


print(talk(connect(sys.argv[1]), bytes.fromhex(sys.argv[2])).hex(), end='')
