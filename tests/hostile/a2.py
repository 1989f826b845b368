#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST A2: a MigE with an old or an empty journal, or a second one beside the first, could have a hand-over
decided twice. The PSE's ledger knows the newest journal, and the MigE that opened it last."""
from host import Cut, Tests, World, attempt, failed, to_mige

tests = Tests()
world = World('A', 'B', 'C')
a, b, c = world.platforms


def granted_then_lost(v):
    """Has a hand-over to B granted, and kills its destination. Returns the blobs."""
    blobs = v.blobs()
    d = b.incoming(v).take(blobs)
    with Cut(d, 1, served=True, error=None, only=to_mige):
        attempt(d.init)
    d.kill()
    return blobs


def start_with(journal):
    """Starts one more MigE. If it starts, the host uses it from then on. Returns the MigE, or the error."""
    mige = attempt(a.start_mige, journal)
    if not failed(mige):
        a.mige = mige
    return mige


def check(what, journal, code):
    v = a.vtpm()
    v.tpm.make_counter()
    old = a.journal
    blobs = v.blobs() if journal == 'escrowed' else None
    old = a.journal if journal == 'escrowed' else old
    blobs = blobs or v.blobs()
    d = b.incoming(v).take(blobs)
    with Cut(d, 1, served=True, error=None, only=to_mige): # it is granted to B
        attempt(d.init)
    a.mige.kill()
    a.links, b.links = {}, {}
    mige = start_with(b'' if journal == 'empty' else old)
    tests.expect(f'{what}: does not start', failed(mige) and mige.code == code, mige)
    thief = attempt(c.incoming(v).take(blobs).init)
    tests.expect(f'{what}: the hand-over is granted to no other platform', failed(thief))
    tests.expect(f'{what}: nor revoked', failed(attempt(v.tpm.get_random)))
    if failed(mige):
        a.mige = a.start_mige(a.journal)
    heir = attempt(lambda: b.incoming(v).take(blobs).init().tpm.count())
    tests.expect(f'with the newest journal, it comes to where it was granted to', heir == 2, heir)


a.vtpm().blobs() # the journal has a first version
check('a journal of before the hand-over', 'before', 'ledger.journal.old')
check('a journal with the hand-over undecided', 'escrowed', 'ledger.journal.old')
check('an empty journal', 'empty', 'ledger.journal.missing')

# Two at once, from the same newest journal.
v = a.vtpm()
v.tpm.make_counter()
blobs = v.blobs()
first, second = a.mige, a.start_mige(a.journal)
outcomes = []
for mige, platform in (first, b), (second, c), (first, b):
    a.mige = mige
    a.links, b.links, c.links = {}, {}, {}
    outcomes.append(attempt(lambda: platform.incoming(v).take(blobs).init().tpm.count()))
tests.expect('of two that run, one grants', sum(not failed(o) for o in outcomes) == 1, outcomes)
tests.expect('the one that was started last', outcomes[1] == 2, outcomes)
tests.done()
