#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A vTPM's control channel as QEMU speaks it, without a machine.
hand-over.py move FROM TO: starts the vTPM at the control socket FROM, moves it to the place at TO up to CMD_INIT there, sends no command,
says "moved" and stays until its input ends.
hand-over.py again FROM TO: of the vTPM at FROM, which was granted and does not run any more: its permanent state to TO, and CMD_INIT there.
hand-over.py start AT: CMD_INIT, TPM2_Startup."""
import array
import socket
import struct
import sys

INIT, GET_STATEBLOB, SET_STATEBLOB, SET_DATAFD = 2, 0xC, 0xD, 0x10
PERMANENT, VOLATILE = 1, 2


class Place:
    def __init__(self, path):
        self.path = path
        self.control = socket.socket(socket.AF_UNIX)
        self.control.connect(path)

    def read(self, size):
        got = b''
        while len(got) < size:
            more = self.control.recv(size - len(got))
            if not more:
                sys.exit(f'{self.path}: no answer')
            got += more
        return got

    def must(self):
        result = struct.unpack('>I', self.read(4))[0]
        if result != 0:
            sys.exit(f'{self.path}: result {result:#x}')

    def ask(self, command, body=b''):
        self.control.sendall(struct.pack('>I', command) + body)
        self.must()

    def open_data(self):
        self.data, theirs = socket.socketpair(socket.AF_UNIX)
        self.control.sendmsg([struct.pack('>I', SET_DATAFD)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [theirs.fileno()]))])
        theirs.close()
        self.must()

    def start(self):
        self.open_data()
        self.ask(INIT, struct.pack('>I', 0))
        self.data.sendall(bytes.fromhex('80010000000c000001440000'))
        answer = self.data.recv(10)
        if answer[6:] != bytes(4):
            sys.exit(f'{self.path}: TPM2_Startup: {answer.hex()}')

    def close(self):
        self.control.close()
        self.data.close()

    def blob(self, kind):
        self.ask(GET_STATEBLOB, struct.pack('>III', 1, kind, 0))
        flags, _, size = struct.unpack('>III', self.read(12))
        return struct.pack('>III', flags, kind, size) + self.read(size)


if __name__ == '__main__':
    if sys.argv[1] == 'start':
        Place(sys.argv[2]).start()
    elif sys.argv[1] == 'again':
        source, destination = Place(sys.argv[2]), Place(sys.argv[3])
        source.control.sendall(struct.pack('>II', INIT, 0))
        if source.read(4) == bytes(4):
            sys.exit(f'{source.path}: it runs')
        destination.ask(SET_STATEBLOB, source.blob(PERMANENT))
        destination.ask(INIT, struct.pack('>I', 0))
    else:
        source, destination = Place(sys.argv[2]), Place(sys.argv[3])
        source.start()
        for state in PERMANENT, VOLATILE:
            destination.ask(SET_STATEBLOB, source.blob(state))
        destination.ask(INIT, struct.pack('>I', 0))
        print('moved', flush=True)
        sys.stdin.read()
