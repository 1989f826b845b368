#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F11: an update of the processor (CPUSVN) lost all sealed state. After the update ledger, journal and the
states of vTPMs open and are sealed anew, also what a hand-over left open; after a way back to the older processor, what
was sealed since is refused (I4)."""
from host import CRYPTO, REFUSED, Tests, World, attempt, failed

tests = Tests()
world = World('A')
a, = world.platforms


def set_component(value):
    """Sets the first component of the fused CPUSVN. Returns its former value."""
    path = f'{a.dir}/processor/svn'
    with open(path, 'rb') as f:
        fuses = f.read()
    with open(path, 'wb') as f:
        f.write(bytes([value]) + fuses[1:])
    return fuses[0]


def power_cycle(value):
    a.power_off()
    before = set_component(value)
    a.power_on()
    return before


stopped, running = a.vtpm(), a.vtpm()
for v in stopped, running:
    v.tpm.make_counter()
stopped.enclave.call(0x412) # CALL_VTPM_SHUTDOWN
escrowed = a.vtpm()
escrowed.tpm.make_counter()
blobs = escrowed.blobs()
old = {v: v.place.state for v in (stopped, running, escrowed)}
old_ledger, old_steps, old_journal = a.ledger, list(a.steps), a.journal
with open(f'{a.dir}/processor/svn', 'rb') as f:
    component = f.read()[0]

outcome = attempt(power_cycle, component + 1)
tests.expect('after an update PSE and MigE start', not failed(outcome), outcome)
tests.expect('ledger and journal are sealed anew', a.ledger != old_ledger and a.journal != old_journal)
for name, v in ('stopped', stopped), ('running', running), ('handed over, undecided', escrowed):
    opened = attempt(a.reopen, v.place)
    value = attempt(lambda: opened.start().tpm.count()) if not failed(opened) else opened
    tests.expect(f'a vTPM that was {name} goes on', value == 2, value)
    tests.expect('and its state is sealed anew', v.place.state != old[v])

outcome = attempt(power_cycle, component)
tests.expect('set back, the processor does not open what was sealed since', failed(outcome), 'it starts')
# The host puts back the stores that it kept from before the update. Then only the older states open.
a.ledger, a.steps, a.journal = old_ledger, old_steps, old_journal
outcome = attempt(a.start_enclaves)
refused = attempt(a.reopen, stopped.place)
tests.expect('nor a state of since', failed(refused) and refused.code.startswith('seal.'), refused)
tests.done()
