#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""cancel.py CONTROL DATA: RSA-3072 primary keys, each cancelled 4 ms after it was asked for (a key takes some hundred). Prints how many of 20
were cancelled, and whether the TPM answers afterwards."""
import socket
import struct
import sys
import time

TPM_RC_CANCELED = 0x909


def connect(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s


control, data = connect(sys.argv[1]), connect(sys.argv[2])


def tpm(tag, code, body, then=lambda: None):
    data.sendall(struct.pack('>HII', tag, 10 + len(body), code) + body)
    then()
    answer = b''
    while len(answer) < 10 or len(answer) < struct.unpack('>I', answer[2:6])[0]:
        answer += data.recv(4096)
    return struct.unpack('>I', answer[6:10])[0], answer[10:]


def create_primary(unique):
    public = struct.pack('>HHIHHHHIH', 1, 0xb, 0x40072, 0, 0x10, 0x10, 3072, 0, len(unique)) + unique
    return (struct.pack('>IIIHBH', 0x40000001, 9, 0x40000009, 0, 0, 0) + struct.pack('>HHH', 4, 0, 0) +
            struct.pack('>H', len(public)) + public + struct.pack('>HI', 0, 0))


def cancel():
    time.sleep(0.004)
    control.sendall(struct.pack('>I', 9))
    if control.recv(4) != b'\0\0\0\0':
        sys.exit('CMD_CANCEL_TPM_CMD was refused')


cancelled = 0
for i in range(20):
    code, rest = tpm(0x8002, 0x131, create_primary(b'%d' % i), cancel)
    cancelled += code == TPM_RC_CANCELED
    if code == 0:
        tpm(0x8001, 0x165, rest[:4])  # FlushContext
cancel()  # of nothing
print(cancelled, tpm(0x8001, 0x17b, struct.pack('>H', 8))[0])
