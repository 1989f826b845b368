#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""journey.py TCBIND WORK ID COUNT: hands the vTPM ID, which is on platform WORK/A, over to WORK/B and back, COUNT times in all, as QEMU does it.
After hand-over 1, 10, 100 and COUNT it asks for evidence (WORK/evidence.N, nonce N in four digits), once more inside the vTPM by its NV indices,
and prints "N: BYTES bytes, in NV BYTES"."""
import importlib.util
import os
import subprocess
import sys

TCBIND, WORK, ID, COUNT = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
NONCE, SUMMARY = 0x01400102, 0x01400103

spec = importlib.util.spec_from_file_location('hand_over', os.path.join(os.path.dirname(__file__), '../e2e/hand-over.py'))
hand_over = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hand_over)


def tcbind(*args):
    subprocess.run([TCBIND, *args], check=True, stdout=subprocess.DEVNULL)


def socket_on(platform):
    return f'{WORK}/{platform}/vtpm/{ID}/ctrl.sock'


def of_index(place, code, index, parameters):
    password = bytes.fromhex('00000009400000090000000000')
    body = index.to_bytes(4, 'big') * 2 + password + parameters
    place.data.sendall(b'\x80\x02' + (10 + len(body)).to_bytes(4, 'big') + code.to_bytes(4, 'big') + body)
    answer = place.data.recv(4096)
    if answer[6:10] != bytes(4):
        sys.exit(f'{place.path}: command {code:#x} at {index:#x}: {answer[6:10].hex()}')
    return answer[16:]


def evidence_in_nv(place):
    """Its size; 0: there is none, since it has no room."""
    of_index(place, 0x137, NONCE, (8).to_bytes(2, 'big') + bytes(8) + bytes(2))
    return int.from_bytes(of_index(place, 0x14e, SUMMARY, (4).to_bytes(2, 'big') + bytes(2))[:4], 'big')


def attest(platform, place, number):
    path = f'{WORK}/evidence.{number}'
    tcbind('attest', '--platform', f'{WORK}/{platform}', '--id', ID, '--nonce', f'{number:04}', '-o', path)
    print(f'{number}: {os.path.getsize(path)} bytes, in NV {evidence_in_nv(place)}', flush=True)


source = hand_over.Place(socket_on('A'))
source.start()
for hop in range(1, COUNT + 1):
    to = 'AB'[hop % 2]
    tcbind('vtpm', 'create', '--platform', f'{WORK}/{to}', '--id', ID, '--incoming')
    destination = hand_over.Place(socket_on(to))
    destination.open_data()
    for state in hand_over.PERMANENT, hand_over.VOLATILE:
        destination.ask(hand_over.SET_STATEBLOB, source.blob(state))
    destination.ask(hand_over.INIT, bytes(4))
    source.close()
    source = destination
    if hop in (1, 10, 100, COUNT):
        attest(to, source, hop)
