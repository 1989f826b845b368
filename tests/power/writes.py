#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""An NV index of one vTPM, with a text of its letter and a number (history.h).
writes.py write AT LETTER COUNT TRACE: defines the index, if there is none, and counts up COUNT times, as fast as it is answered; marks in
TRACE what it asks for and what it was told. Ends 1 if it is not answered to the end.
writes.py read AT: prints letter and number, or "none".
AT: a vTPM's control socket, if its name ends in ctrl.sock; else a data socket."""
import importlib.util
import os
import socket
import struct
import sys

VALUE_SIZE = 16
INDEX = struct.pack('>I', 0x1500002)
PASSWORD = struct.pack('>IIHBH', 9, 0x40000009, 0, 0, 0)
ATTRIBUTES = 0x02040004  # TPMA_NV: AUTHWRITE, AUTHREAD, NO_DA
TRACE_MARK = 9
TPM_RC_RETRY = 0x922


def connect(at):
    if not at.endswith('ctrl.sock'):
        data = socket.socket(socket.AF_UNIX)
        data.connect(at)
        return data
    path = os.path.join(os.path.dirname(__file__), '../e2e/hand-over.py')
    spec = importlib.util.spec_from_file_location('hand_over', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    connect.place = module.Place(at)  # its control channel lives as long as this program
    connect.place.start()
    return connect.place.data


def tpm(data, code, body):
    while True:
        data.sendall(struct.pack('>HII', 0x8002, 10 + len(body), code) + body)
        answer = b''
        while len(answer) < 10 or len(answer) < struct.unpack('>I', answer[2:6])[0]:
            got = data.recv(4096)
            if not got:
                sys.exit(1)
            answer += got
        code_of_answer = struct.unpack('>I', answer[6:10])[0]
        if code_of_answer != TPM_RC_RETRY:
            return code_of_answer, answer[10:]


def read(data):
    code, rest = tpm(data, 0x14e, INDEX + INDEX + PASSWORD + struct.pack('>HH', VALUE_SIZE, 0))
    return rest[6:6 + VALUE_SIZE].decode('ascii', 'replace') if code == 0 else None


def define(data):
    public = INDEX + struct.pack('>HIHH', 0xb, ATTRIBUTES, 0, VALUE_SIZE)
    code = tpm(data, 0x12a, struct.pack('>I', 0x40000001) + PASSWORD + struct.pack('>HH', 0, len(public)) + public)[0]
    if code != 0:
        sys.exit('the index cannot be defined: %#x' % code)


def mark(trace, text):
    os.write(trace, struct.pack('@BBHHIQ', TRACE_MARK, 0, len(text), 0, 0, 0) + text.encode())


def write(data, letter, count, trace):
    before = read(data)
    if before is None or not before.startswith('power-'):
        if before is None:
            define(data)
        number = 0
    else:
        number = int(before[8:])
        mark(trace, 'told read %s %d' % (letter, number))
    for number in range(number + 1, number + 1 + count):
        mark(trace, 'ask write %s %d' % (letter, number))
        value = b'power-%s-%08d' % (letter.encode(), number)
        if tpm(data, 0x137, INDEX + INDEX + PASSWORD + struct.pack('>H', VALUE_SIZE) + value + struct.pack('>H', 0))[0] != 0:
            sys.exit(1)
        mark(trace, 'told write %s %d' % (letter, number))


if __name__ == '__main__':
    connection = connect(sys.argv[2])
    if sys.argv[1] == 'read':
        print(read(connection) or 'none')
    else:
        write(connection, sys.argv[3], int(sys.argv[4]), os.open(sys.argv[5], os.O_WRONLY | os.O_APPEND))
