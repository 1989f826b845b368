#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F7: an enclave with an older ISVSVN got what a newer one had sealed, by a hand-over; and nobody applied
the owner's rule for vTPM enclaves. Both are refused before the source decides, so that it goes on (I4, I6)."""
import json
import os
import shutil
import subprocess

from host import BUILD, Tests, World, attempt, failed

tests = Tests()
world = World('A', 'B')
a, b = world.platforms


def signed(svn):
    """Makes a copy of the vTPM enclave's image, signed with this ISVSVN. Returns its path."""
    image = f'{world.work}/svn{svn}/vtpm.enclave'
    os.makedirs(os.path.dirname(image), exist_ok=True)
    shutil.copy(f'{BUILD}/enclave/vtpm/vtpm.enclave', image)
    subprocess.run([f'{BUILD}/sgxsim/sign-enclave', '-k', os.environ['SIGNER'], '-r', 'vtpm', '-s', str(svn),
                    '-o', f'{image}.sig', image], check=True)
    return image


def hand_over(platform, source_svn, svn, policy=b''):
    """Returns the destination's outcome, and whether the source goes on."""
    v = a.vtpm(policy=policy, image=signed(source_svn))
    outcome = attempt(platform.incoming(v, signed(svn)).take(v.blobs()).init)
    return outcome, not failed(attempt(v.tpm.get_random))


def code(outcome):
    return outcome.code if failed(outcome) else 'taken'


for platform in a, b:
    outcome, goes_on = hand_over(platform, 2, 1)
    tests.expect(f'SVN 2 to SVN 1 on {platform.name} is refused', code(outcome) == 'mige.destination.enclave', code(outcome))
    tests.expect('and the source goes on', goes_on)
    outcome, goes_on = hand_over(platform, 1, 2)
    tests.expect(f'SVN 1 to SVN 2 on {platform.name} is taken', code(outcome) == 'taken' and not goes_on, code(outcome))

# The owner's rule.
rule = json.dumps({'enclaves': {'vtpm': [{'mrenclave': '00' * 32, 'min_isv_svn': 1}]}}).encode()
outcome, goes_on = hand_over(b, 1, 1, rule)
tests.expect("an enclave that the owner's policy does not list is refused", code(outcome) == 'mige.destination.enclave', code(outcome))
tests.expect('and the source goes on', goes_on)
mrenclave = subprocess.run([f'{BUILD}/sgxsim/sign-enclave', '-m', '-r', 'vtpm', signed(1)], check=True,
                           capture_output=True, text=True).stdout.strip()
for svn, wanted in (3, 'mige.destination.enclave'), (2, 'taken'):
    rule = json.dumps({'enclaves': {'vtpm': [{'mrenclave': mrenclave, 'min_isv_svn': svn}]}, 'platforms': {'unlisted': 'accept'}}).encode()
    outcome, goes_on = hand_over(b, 1, 2, rule)
    tests.expect(f"SVN 2, where the owner's policy asks for {svn}: {wanted}", code(outcome) == wanted, code(outcome))
tests.done()
