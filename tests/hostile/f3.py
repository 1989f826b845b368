#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F3: a superseded enclave went on answering. The host opens a copy of a vTPM's newest state, or hands
the vTPM over, and asks the enclave that is left behind for what needs a key, an authorization or protected NV data:
nothing leaves (I1), whatever the host does to the question whether this is the newest. GetRandom and PCR_Read may."""
import functools

import tpm as commands
from host import PLATFORM, REFUSED, WRONG_STATE, Cut, Tests, World, Withheld, attempt, failed, to_pse

SIGNER, SEALED, INDEX = 0x81000001, 0x81000002, 0x01800002
SECRETS = {
    'Quote': lambda t: t.quote(SIGNER, b'nonce'),
    'Sign': lambda t: t.sign(SIGNER),
    'Unseal': lambda t: t.unseal(SEALED, commands.password()),
    'NV_Read': lambda t: t.nv_read(INDEX),
    'NV_Increment': lambda t: t.count(),
    'CreatePrimary': lambda t: t.primary(commands.OWNER, b'', b'x', commands.SEALED_PUBLIC),
    'StartAuthSession': lambda t: t.start_session(0, SEALED),
}


class Replay:
    """The host answers the superseded enclave's questions with what the PSE said to it, or to its copy, before."""

    def __init__(self):
        self.heard = []

    def listen(self, enclave, call, body, honest):
        answer = honest()
        if to_pse(call, body):
            self.heard.append(answer)
        return answer

    def speak(self, age, enclave, call, body, honest):
        if not to_pse(call, body):
            return honest()
        if age >= len(self.heard):
            raise Withheld(REFUSED)
        return self.heard[-1 - age]


def provisioned(platform):
    v = platform.vtpm()
    v.tpm.make_signer(SIGNER)
    v.tpm.make_sealed(SEALED, auth=b'', attributes=commands.USER_WITH_AUTH | commands.NO_DA)
    v.tpm.make_counter()
    v.tpm.nv_define(INDEX, commands.NV_OWNERWRITE | commands.NV_AUTHREAD | commands.NV_NO_DA)
    v.tpm.nv_write(INDEX, b'12345678')
    return v


def lies(v, replay):
    """Yields the name of each lie, and what the host then does to messages of the enclave that is left behind."""
    yield 'nothing', None
    for error in PLATFORM, REFUSED, WRONG_STATE:
        yield f'error {error}', Cut(v, 0, served=False, error=error, only=to_pse)
        yield f'error {error} after it was asked', Cut(v, 0, served=True, error=error, only=to_pse)
    for age in range(3):
        yield f'answer {age} ago again', functools.partial(replay.speak, age)


def leave_behind_a_copy(a, b):
    v = provisioned(a)
    return v, lambda: a.reopen(v.place).start()


def hand_over_of(v, b):
    return b.incoming(v).take(v.blobs()).init()


def hand_over(a, b):
    v = provisioned(a)
    return v, lambda: hand_over_of(v, b)


def leave_behind_a_copy_and_hand_over(a, b):
    v = provisioned(a)
    return v, lambda: hand_over_of(a.reopen(v.place).start(), b)


def what_leaves(leave, lie_number):
    """Returns the lie's name, the secrets that an enclave left behind gives away under it, whether harmless commands
    and the heir went on, and the codes by which secrets were refused."""
    leaks, harmless, name, codes = [], True, None, set()
    for secret, ask in SECRETS.items():
        v, supersede = leave(*world.platforms)
        ask(v.tpm) # the enclave may, as long as it is not superseded
        replay = Replay()
        a.lie = replay.listen
        attempt(v.tpm.nv_read, INDEX)
        heir = supersede()
        a.lie = None
        if leave is leave_behind_a_copy:
            harmless &= not failed(attempt(v.tpm.get_random)) and not failed(attempt(v.tpm.pcr_read, range(8)))
        name, a.lie = list(lies(v, replay))[lie_number]
        outcome = attempt(ask, v.tpm)
        if failed(outcome):
            codes.add(outcome.code)
        else:
            leaks.append(secret)
        if not failed(attempt(v.attest)):
            leaks.append('evidence')
        a.lie = None
        if failed(attempt(ask, heir.tpm)):
            harmless = False
        v.kill()
        heir.kill()
    return name, leaks, harmless, codes


tests = Tests()
world = World('A', 'B')
a, b = world.platforms
CODES = {leave_behind_a_copy: 'ledger.copy.superseded', hand_over: 'vtpm.moved',
         leave_behind_a_copy_and_hand_over: 'ledger.copy.superseded'}
for leave, code in CODES.items():
    for number in range(len(list(lies(provisioned(a), Replay())))):
        name, leaks, goes_on, codes = what_leaves(leave, number)
        tests.expect(f'{leave.__name__}: {name}: nothing leaves that needs a key', not leaks, ' '.join(sorted(set(leaks))))
        tests.expect(f'{leave.__name__}: {name}: the rest, and the heir, go on', goes_on)
        if name == 'nothing':
            tests.expect(f'{leave.__name__}: it is refused with {code}', codes == {code}, codes)
tests.done()
