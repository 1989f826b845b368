#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F6: one refusal made a vTPM MOVED for good. Here the revocation of its hand-over is refused, by a MigE of
another release, which does not know the request, or by the host, which forges the refusal. The vTPM believes nothing by
that (I5): the enclave that was refused goes on with an honest MigE, and so does a new enclave (I4)."""
import os

from host import REFUSED, RESUME, Cut, Tests, World, attempt, failed, to_mige

tests = Tests()
world = World('A')
a, = world.platforms
WAYS = {'resumed': lambda v: v.enclave.call(RESUME), 'initialised again': lambda v: v.init(),
        'its next command': lambda v: v.tpm.get_random()}


def use_mige(image=None):
    """Replaces the MigE that runs by one of this image."""
    a.mige.kill()
    a.mige = a.start_mige(a.journal, image)


def refused_by_other_release(v, ask):
    """Makes the request `ask` while a MigE of another release runs, then lets an honest one run again. Returns the
    second outcome: the first request may only find that the session with the former MigE is gone."""
    use_mige(os.environ['OTHER_MIGE'])
    outcomes = [attempt(ask, v) for _ in range(2)]
    use_mige()
    return outcomes[1]


def refused_by_host(v, ask):
    """Makes the request `ask` while the host answers every message to the MigE with REFUSED. Returns the outcome."""
    with Cut(v, 0, served=False, error=REFUSED, only=to_mige):
        return attempt(ask, v)


def escrowed():
    """Makes a vTPM whose counter is at 1, and whose hand-over is not decided."""
    v = a.vtpm()
    v.tpm.make_counter()
    v.blobs()
    return v


def switched_on(v):
    """Has the enclave that was refused run again. A refused CMD_INIT leaves the TPM switched off."""
    return v if not failed(attempt(v.tpm.get_random)) else v.start()


def check_same_enclave(what, way, refuse, code):
    v = escrowed()
    outcome = refuse(v, WAYS[way])
    tests.expect(f'{way}, {what}: refused', failed(outcome) and outcome.code == code, outcome)
    value = attempt(lambda: switched_on(v).tpm.count())
    tests.expect(f'{way}, {what}: the enclave that was refused goes on', value == 2, value)
    v.kill()
    value = attempt(lambda: a.reopen(v.place).start().tpm.count())
    tests.expect(f'{way}, {what}: a new enclave opens what it stored', value == 3, value)


def check_new_enclave(what, way, refuse, code):
    v = escrowed()
    attempt(refuse, v, WAYS[way])
    v.kill()
    w = attempt(a.reopen, v.place)
    outcome = refuse(w, lambda w: w.init()) if not failed(w) else w
    tests.expect(f'{way}, {what}: a new enclave is refused, too', failed(outcome) and outcome.code == code, outcome)
    w = attempt(a.reopen, v.place)
    value = attempt(lambda: w.start().tpm.count()) if not failed(w) else w
    tests.expect(f'{way}, {what}: with an honest MigE a new enclave goes on', value == 2, value)


for way in WAYS:
    for check in check_same_enclave, check_new_enclave:
        check('with a MigE of another release', way, refused_by_other_release, 'mige.request')
        check('by a forged answer', way, refused_by_host, 'host.withheld')
tests.done()
