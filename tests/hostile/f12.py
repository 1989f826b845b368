#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F12: a hand-over within one platform that was interrupted between two steps of the ledger left neither side able
to go on. Here each answer in turn is lost, or the enclave is killed there, up to the first command; also with the daemon,
PSE and MigE. Afterwards an honest host gets one side to go on, with all that was acknowledged, and never two (I1, I2, I4)."""
from host import PERMANENT_BLOB, PLATFORM, Cut, Tests, World, attempt, failed

tests = Tests()
world = World('A')
a, = world.platforms


def export_again(source):
    """Exports the source's state again, as if the blobs were lost. Returns the vTPM that it becomes, or None."""
    old = attempt(a.reopen, source.place)
    if failed(old):
        return None
    attempt(old.init) # by which it learns that it was granted
    blob = attempt(old.blob, PERMANENT_BLOB)
    if failed(blob) or not blob:
        return None
    heir = a.incoming(source).take([(PERMANENT_BLOB, blob)])
    return heir if not failed(attempt(heir.init)) and not failed(attempt(heir.tpm.startup)) else None


def honest(source, places):
    """Tries what tcbindd and its user try: the newest states, the source, new blobs of the source. Returns the vTPMs
    that go on."""
    heirs = []
    for place in places:
        v = attempt(a.reopen, place)
        if not failed(v) and not failed(attempt(v.start)):
            heirs.append(v)
    if not heirs and failed(attempt(source.tpm.get_random)):
        again = export_again(source)
        heirs += [again] if again is not None else []
    if not failed(attempt(source.tpm.count)):
        heirs.append(source)
    return heirs


def cut_at(at, served, error, restart):
    source = a.vtpm()
    source.tpm.make_counter()
    blobs = source.blobs()
    d = a.incoming(source).take(blobs)
    values = []
    with Cut(d, at, served, error, once=True) as cut:
        for step in d.init, d.tpm.count:
            outcome = attempt(step)
            if isinstance(outcome, int):
                values.append(outcome)
    d.kill()
    if restart: # with the daemon every enclave ends
        source.kill()
        a.restart_enclaves()
    heirs = honest(source, [d.place, source.place])
    going = []
    for v in heirs:
        value = attempt(v.tpm.count)
        if not failed(value):
            values.append(value)
            going.append(v)
    problems = []
    if len(going) != 1:
        problems.append(f'{len(going)} go on')
    if values != sorted(set(values)):
        problems.append(f'the counter went {values}')
    for v in heirs:
        v.kill()
    return cut.struck, problems


for restart in False, True:
    for served, error in (False, PLATFORM), (True, PLATFORM), (False, None), (True, None):
        points, wrong = 0, []
        for at in range(100):
            struck, problems = cut_at(at, served, error, restart)
            if not struck:
                break
            points += 1
            wrong += [f'point {at}: {p}' for p in problems]
        what = f'{"the answer is lost" if error else "the enclave is killed"} {"after" if served else "before"} it is served'
        tests.expect(f'{what}{", then PSE and MigE end" if restart else ""}: one side goes on, at each of {points} points',
                     points > 5 and not wrong, '; '.join(wrong))
tests.done()
