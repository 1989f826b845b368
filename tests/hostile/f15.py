#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F15: the destination chose the collateral that it was judged by. A host that shows older collateral, which
is still valid, is refused by a source whose host has newer one, and the source goes on (I4, I6)."""
import os
import subprocess

from host import Tests, World, attempt, failed

tests = Tests()
world = World('A', 'B')
a, b = world.platforms
old = b.collateral = f'{world.work}/old.cbor'
os.link(f'{b.dir}/collateral.cbor', old)
subprocess.run([os.environ['ISSUE_COLLATERAL'], world.pki, '18'], check=True) # the evaluation number after the default
newer = f'{world.pki}/collateral.cbor'


def hand_over(of_a, of_b):
    a.collateral, b.collateral = of_a, of_b
    a.links, b.links = {}, {}
    for platform in a, b: # no connection that was judged before
        platform.mige.kill()
        platform.mige = platform.start_mige(platform.journal)
    v = a.vtpm()
    outcome = attempt(b.incoming(v).take(v.blobs()).init)
    return outcome, not failed(attempt(v.tpm.get_random))


outcome, _ = hand_over(old, old)
tests.expect('both with the older: taken', not failed(outcome), outcome)
outcome, _ = hand_over(newer, newer)
tests.expect('both with the newer: taken', not failed(outcome), outcome)
outcome, goes_on = hand_over(newer, old)
tests.expect('a destination with the older is refused by a source with the newer', failed(outcome), 'it was taken')
tests.expect('and the source goes on', goes_on)
tests.done()
