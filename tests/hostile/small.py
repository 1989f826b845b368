#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST, the smaller ones that are closed: a request between two enclaves is sent once, whatever error the host
makes of it; a policy that no hand-over could carry is refused when the vTPM is made."""
import json

from host import (CRYPTO, HOST_PEER, INTERNAL, LIMIT, MALFORMED, PLATFORM, REFUSED, WRONG_STATE, Tests, World, Withheld,
                  attempt, failed)

tests = Tests()
world = World('A', 'B')
a, b = world.platforms

for error in MALFORMED, REFUSED, WRONG_STATE, LIMIT, CRYPTO, PLATFORM, INTERNAL:
    v = a.vtpm()
    v.tpm.make_counter()
    sent = []

    def lie(enclave, call, body, honest):
        if call != HOST_PEER or enclave is not v.enclave:
            return honest()
        sent.append(body)
        honest()
        raise Withheld(error)
    a.lie = lie
    outcome = attempt(v.tpm.count)
    a.lie = None
    tests.expect(f'a commit whose answer is made error {error} is sent once', failed(outcome) and len(sent) == 1, len(sent))
    v.kill()
    value = attempt(lambda: a.open_any(v.place).start().tpm.count())
    tests.expect('and is made once', value == 3, value)


def policy_of(size):
    empty = json.dumps({'//': ''}).encode()
    return json.dumps({'//': 'x' * (size - len(empty))}).encode()


outcome = attempt(a.vtpm, policy_of(16 * 1024 + 1))
tests.expect('a policy of more than 16 KiB is refused when the vTPM is made', failed(outcome), 'it is taken')
v = attempt(a.vtpm, json.dumps({'platforms': {'unlisted': 'accept'}}).encode().ljust(16 * 1024))
tests.expect('one of 16 KiB is taken', not failed(v), v)
outcome = attempt(lambda: b.incoming(v).take(v.blobs()).init().tpm.get_random())
tests.expect('and the vTPM can be handed over', not failed(outcome), outcome)
tests.done()
