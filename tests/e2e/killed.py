#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""killed.py define|write|read DIR COUNT: COUNT TPMs on DIR/vN/data at once, each with an NV index that holds a number.
write: counts up as fast as it is answered, until the TPM is gone; DIR/vN/numbers then has the last that was acknowledged and the last that was asked
for. read: prints, a line each, whether what is there lies between the two; last, how many writes there were."""
import socket
import struct
import sys
import threading

INDEX = struct.pack('>I', 0x1500002)
PASSWORD = struct.pack('>IIHBH', 9, 0x40000009, 0, 0, 0)
ATTRIBUTES = 0x02040004  # TPMA_NV: AUTHWRITE, AUTHREAD, NO_DA


class Gone(Exception):
    pass


def tpm(data, code, body):
    while True:
        try:
            data.sendall(struct.pack('>HII', 0x8002, 10 + len(body), code) + body)
            answer = b''
            while len(answer) < 10 or len(answer) < struct.unpack('>I', answer[2:6])[0]:
                got = data.recv(4096)
                if not got:
                    raise Gone
                answer += got
        except OSError:
            raise Gone
        code_of_answer = struct.unpack('>I', answer[6:10])[0]
        if code_of_answer != 0x922:  # TPM_RC_RETRY
            return code_of_answer, answer[10:]


def write_number(data, number):
    return tpm(data, 0x137, INDEX + INDEX + PASSWORD + struct.pack('>HQH', 8, number, 0))[0]


def define(data, where):
    public = INDEX + struct.pack('>HIHH', 0xb, ATTRIBUTES, 0, 8)
    tpm(data, 0x12a, struct.pack('>I', 0x40000001) + PASSWORD + struct.pack('>HH', 0, len(public)) + public)
    if write_number(data, 0) != 0:
        sys.exit('the index cannot be written')
    with open(where + '/numbers', 'w') as f:
        f.write('0 0')


def write(data, where):
    with open(where + '/numbers') as f:
        acknowledged = asked = int(f.read().split()[1])
    try:
        while True:
            asked += 1
            if write_number(data, asked) != 0:
                break  # TPM_RC_FAILURE: its enclave is gone
            acknowledged = asked
    except Gone:
        pass
    with open(where + '/numbers', 'w') as f:
        f.write('%d %d' % (acknowledged, asked))


def read(data, where):
    code, rest = tpm(data, 0x14e, INDEX + INDEX + PASSWORD + struct.pack('>HH', 8, 0))
    with open(where + '/numbers') as f:
        acknowledged, asked = map(int, f.read().split())
    found = struct.unpack('>Q', rest[6:14])[0] if code == 0 else -1
    results.append(('kept' if acknowledged <= found <= asked else 'LOST: %d, acknowledged %d, asked %d' % (found, acknowledged, asked), asked))


def connect(where):
    data = socket.socket(socket.AF_UNIX)
    data.connect(where + '/data')
    return data


results = []
step = {'define': define, 'write': write, 'read': read}[sys.argv[1]]
threads = []
for i in range(1, int(sys.argv[3]) + 1):
    place = '%s/v%d' % (sys.argv[2], i)
    threads.append(threading.Thread(target=step, args=(connect(place), place)))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for result, _ in results:
    print(result)
if results:
    print(sum(asked for _, asked in results))
