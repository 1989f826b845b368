#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F2: old state came back by a hand-over. A refusal that the host forged was taken for the MigE's,
a state of an old moment was sealed as moved, and was exported again. Here the host forges the end of a hand-over
at every point, keeps every state that was ever stored, and has each exported once the vTPM was granted: none that
is older than the last acknowledged one leaves (I2, I5), and the newest does (I4)."""
from host import PERMANENT_BLOB, PLATFORM, REFUSED, WRONG_STATE, Cut, RESUME, Tests, World, attempt, failed, to_mige

tests = Tests()
world = World('A', 'B')
a, b = world.platforms


def start_any(place):
    heir = a.open_any(place)
    return heir if heir is not None and not failed(attempt(heir.start)) else None


def forge_refusals(v, error, once):
    """Begins and cancels hand-overs, each with a forged answer at another point of the revocation, or
    with forged answers from there on. After each the vTPM is opened again; what runs in the end, or None."""
    for at in range(12):
        attempt(v.blobs)
        with Cut(v, at, served=False, error=error, once=once) as cut:
            attempt(v.enclave.call, RESUME)
            attempt(v.tpm.get_random)
            attempt(v.init)
        v.kill()
        v = start_any(v.place)
        if v is None or failed(attempt(v.tpm.count)):
            return None
        if not cut.struck:
            break
    return v


def export_all(v, newest, error):
    """Exports every state of the place, after a grant whose destination died. Returns the counters that arrive at B,
    those among them that are old, and the codes by which states were refused."""
    first = b.incoming(v).take(v.blobs())
    with Cut(first, 1, served=True, error=None, only=to_mige): # its grant is made, and its host ends
        attempt(first.init)
    first.kill()
    v.kill()
    arrived, old, refusals = [], [], set()
    for state in dict.fromkeys(v.place.history):
        source = attempt(a.reopen, v.place, state=state)
        if failed(source):
            refusals.add(source.code)
            continue
        attempt(source.init) # by which it learns that it was granted
        blob = attempt(source.blob, PERMANENT_BLOB)
        if failed(blob):
            with Cut(source, 0, served=False, error=error):
                blob = attempt(source.blob, PERMANENT_BLOB)
        if not failed(blob) and blob:
            heir = b.incoming(source).take([(PERMANENT_BLOB, blob)])
            if not failed(attempt(heir.init)) and not failed(attempt(heir.tpm.startup)):
                value = attempt(heir.tpm.count) # it fails in a state of before the counter was made
                arrived.append(value)
                old += [value] if failed(value) or value <= newest else []
    return arrived, old, refusals


for error in REFUSED, WRONG_STATE, PLATFORM:
    for once in True, False:
        what = f'error {error}, forged {"once" if once else "from there on"}'
        v = a.vtpm()
        v.tpm.make_counter()
        v = forge_refusals(v, error, once)
        tests.expect(f'{what}, while a hand-over is cancelled: the vTPM goes on', v is not None)
        if v is None:
            continue
        newest = v.tpm.count()
        arrived, old, refusals = export_all(v, newest, error)
        tests.expect(f'{what}: no state older than {newest} is exported again', not old, f'the counter went back to {old}')
        tests.expect(f'{what}: the older ones do not open', refusals == {'ledger.state.old'}, refusals)
        tests.expect(f'{what}: the newest is, once', arrived == [newest + 1], arrived)
tests.done()
