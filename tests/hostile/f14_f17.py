#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F14: the owner's policy digest is in evidence, and nothing checked it. F17: evidence without a nonce was
trusted, and a policy pinned from one platform's evidence took another platform. By `tcbind`, with real evidence."""
import json
import subprocess

from host import BUILD, Tests, World

tests = Tests()
world = World('A', 'B')
a, b = world.platforms


def evidence_of(v, name):
    with open(f'{world.work}/{name}', 'wb') as f:
        f.write(v.attest())
    return f'{world.work}/{name}'


def verify(evidence, policy, *options):
    """Returns the exit status, and the codes of the checks that failed."""
    done = subprocess.run([f'{BUILD}/cli/tcbind', 'verify', evidence, '--policy', policy, '--json', *options],
                          capture_output=True, text=True)
    checks = json.loads(done.stdout)['checks'] if done.stdout else []
    return done.returncode, [c['code'] for c in checks if c['result'] == 'fail'] or done.stderr


owner = json.dumps({'platforms': {'unlisted': 'accept'}}).encode()
with_policy, without = a.vtpm(policy=owner), a.vtpm()
made_with, made_without = evidence_of(with_policy, 'with'), evidence_of(without, 'without')
pinned = f'{world.work}/pinned'
world.run('policy', 'from-evidence', made_with, '-o', pinned)
nonce = b'nonce'.hex()
tests.expect('F17: pinned, and with its nonce, it is trusted', verify(made_with, pinned, '--nonce', nonce)[0] == 0,
             verify(made_with, pinned, '--nonce', nonce))
tests.expect('F17: without a nonce it is not judged', verify(made_with, pinned)[0] == 4, verify(made_with, pinned))
with open(pinned) as f:
    policy = json.load(f)
policy['vtpms'] = [{'id': v.place.id.hex(), 'owner_policy': policy['vtpms'][0]['owner_policy']}
                   for v in (with_policy, without)]
with open(pinned, 'w') as f:
    json.dump(policy, f)
status, codes = verify(made_without, pinned, '--nonce', nonce)
tests.expect("F14: one that was made without its owner's policy is refused", status == 1 and 'policy.vtpm.owner_policy' in codes,
             (status, codes))
moved = b.incoming(with_policy).take(with_policy.blobs()).init()
status, codes = verify(evidence_of(moved, 'moved'), pinned, '--nonce', nonce)
tests.expect('F17: moved to a platform that was not seen, it is refused', status == 1 and 'platform.unlisted' in codes,
             (status, codes))
tests.done()
