#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F6: one refusal made a vTPM MOVED for good. Here the MigE is of another release, which does not know the
request to revoke and refuses it, truly. The vTPM believes nothing by that, and goes on with a MigE that does (I4, I5)."""
import os

from host import RESUME, Tests, World, attempt, failed

tests = Tests()
world = World('A')
a, = world.platforms
ways = {'resumed': lambda v: v.enclave.call(RESUME), 'initialised again': lambda v: v.init(),
        'its next command': lambda v: v.tpm.get_random()}
for way, go_on in ways.items():
    a.mige.kill()
    a.mige = a.start_mige(a.journal, os.environ['OTHER_MIGE'])
    v = a.vtpm()
    v.tpm.make_counter()
    v.blobs()
    outcome = attempt(go_on, v)
    tests.expect(f'{way}, with a MigE of another release: refused', failed(outcome), outcome)
    v.kill()
    w = attempt(a.reopen, v.place)
    outcome = attempt(w.init) if not failed(w) else w
    tests.expect('a new enclave is refused, too', failed(outcome), outcome)
    a.mige.kill()
    a.mige = a.start_mige(a.journal)
    w = attempt(a.reopen, v.place)
    value = attempt(lambda: w.start().tpm.count()) if not failed(w) else w
    tests.expect('with a MigE of its own it goes on', value == 2, value)
    w.kill()
tests.done()
