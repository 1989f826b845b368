#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F13: a vTPM took over the id of another one that was there, whose state never opened again. Made
under the id, or brought by a hand-over, also from another platform, it is refused, and the first one goes on."""
from host import Place, Tests, Vtpm, World, attempt, failed

tests = Tests()
world = World('A', 'B')
a, b = world.platforms


def check(how, first, other, code):
    outcome = attempt(other)
    tests.expect(f'{how}: refused', failed(outcome) and outcome.code == code, outcome)
    first.kill()
    opened = attempt(a.reopen, first.place)
    tests.expect(f'{how}: the one that was there opens', not failed(opened), opened)
    value = attempt(opened.start().tpm.count) if not failed(opened) else opened
    tests.expect(f'{how}: and goes on', value == 2, value)


def there():
    v = a.vtpm()
    v.tpm.make_counter()
    return v


def twin_on(platform, v):
    """Makes another vTPM with the id of `v`."""
    return Vtpm(platform, Place(v.place.id)).create().start()


v = there()
check('made under the id', v, lambda: twin_on(a, v), 'ledger.id.taken')
w = there()
twin = twin_on(b, w) # another platform knows nothing of it
check('brought by a hand-over', w, lambda: a.incoming(w).take(twin.blobs()).init(), 'ledger.lineage')
outcome = attempt(twin.tpm.get_random)
tests.expect('the one that was refused goes on where it was', not failed(outcome), outcome)
x = there()
x_moved = b.incoming(x).take(x.blobs()).init() # x has moved to B: its register is still on A
outcome = attempt(twin_on, a, x)
tests.expect('made under the id of one that moved away: refused', failed(outcome) and outcome.code == 'ledger.id.taken', outcome)
x_back = attempt(lambda: a.incoming(x).take(x_moved.blobs()).init().tpm.count())
tests.expect('and the one that moved away comes back', x_back == 2, x_back)
tests.done()
