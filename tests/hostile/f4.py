#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F4: a wrong password without a trace. The host tries PINs, keeps the TPM from storing what came of
each, kills the enclave, and opens the newest state again, also with a volatile moment of before. After four guesses
the lockout counter says so, and even the right PIN is refused from then on (I3)."""
import tpm as commands
from host import PLATFORM, SHUTDOWN, STOP, STORE_VOLATILE, Cut, Tests, World, attempt, failed, to_pse

SEALED, BY_POLICY, INDEX = 0x81000002, 0x81000003, 0x01800002
PINS = [b'%04d' % n for n in range(739, 743)] # the right one is the last
# By name: a function that makes the authorization, and one that sends the command that uses it.
GUESSES = {
    'an object': (lambda t, pin: commands.password(pin), lambda t, auth: t.unseal(SEALED, auth)),
    'a bound session': (lambda t, pin: t.bound_session(SEALED, pin), lambda t, auth: t.unseal(SEALED, auth)),
    'PolicyAuthValue': (lambda t, pin: t.policy_auth_value(BY_POLICY, pin), lambda t, auth: t.unseal(BY_POLICY, auth)),
    'PolicyPassword': (lambda t, pin: t.policy_password(pin), lambda t, auth: t.unseal(BY_POLICY, auth)),
    'lockoutAuth': (lambda t, pin: commands.password(pin), lambda t, auth: t.lock_reset(auth)),
    'an NV index': (lambda t, pin: commands.password(pin), lambda t, auth: t.nv_read_by(INDEX, auth)),
}


def provisioned(platform):
    v = platform.vtpm()
    v.tpm.make_sealed(SEALED)
    v.tpm.make_sealed(BY_POLICY, attributes=0, policy=commands.AUTH_VALUE_POLICY)
    v.tpm.nv_define(INDEX, commands.NV_OWNERWRITE | commands.NV_AUTHREAD, commands.PIN)
    v.tpm.nv_write(INDEX, b'12345678')
    v.tpm.set_lockout_auth(commands.PIN)
    v.tpm.unseal(SEALED, commands.password(commands.PIN)) # its state says from now on that such things are used
    return v


def keep_moment(v):
    v.enclave.call(STORE_VOLATILE)
    return v.place.volatile


# What the host does with the enclave once the guess is over, before it kills it.
ENDS = {'it is killed': lambda v: None, 'it is initialised again': lambda v: v.init(),
        'it is stopped': lambda v: v.enclave.call(STOP), 'it is shut down': lambda v: v.enclave.call(SHUTDOWN)}


def open_again(place, moment):
    """Opens the state from before the last guess, if the host can; else the newest."""
    v = world.platforms[0].open_any(place, place.before, moment)
    v.init()
    if not moment:
        v.tpm.startup()
    v.tpm.get_random() # with the first command, it stores what INIT changed
    return v


def guess(v, how, pin, lie, end):
    """Tries a PIN. The host lies from message number `lie['after']` to the PSE on. Returns what the guest is told (an
    error, or the answer that shows that the PIN is right), and how many states the host saw the enclave store."""
    prepare, ask = how
    auth = attempt(prepare, v.tpm, pin) # fails where the TPM is locked out, perhaps
    v.place.before = v.place.state
    before = len(v.place.history)
    with Cut(v, lie['after'], served=lie['served'], error=lie['error'], only=to_pse):
        told = attempt(ask, v.tpm, auth) if not failed(auth) else auth
    attempt(end, v)
    v.kill()
    return told, len(v.place.history) - before


def attack(how, with_moment, lie, end):
    """Tries the PINs in turn, and the right one three times at the end. Returns whether the host or the guest
    learnt which is right, the lockout counter afterwards, and what came of the last guess."""
    v = provisioned(world.platforms[0])
    place, moment = v.place, keep_moment(v) if with_moment else b''
    place.before = place.state
    v.kill()
    found, told, seen = False, None, []
    for pin in PINS + PINS[-1:] * 2:
        v = open_again(place, moment)
        told, stored = guess(v, how, pin, lie, end)
        seen.append(stored)
        found |= not failed(told)
    if lie['after'] == 0: # nothing is charged: the host must not see by what is stored which PIN is right
        found |= len(set(seen)) > 1
    v = open_again(place, moment)
    counter = v.tpm.property(commands.LOCKOUT_COUNTER)
    v.kill()
    return found, counter, told


def try_all(how, with_moment):
    """Returns the list of lies that led to something wrong."""
    wrong = []
    for lie in LIES:
        for name, end in ENDS.items():
            if lie['error'] is None and name != 'it is killed':
                continue # it waits for an answer that does not come
            found, counter, last = attack(how, with_moment, lie, end)
            if found or (counter < 3 and lie['after'] > 0): # before the first message, no guess is tried
                wrong.append(f'{lie}, {name}: {"found, " if found else ""}lockout counter {counter}')
            if lie == HONEST and getattr(last, 'code', None) != commands.TPM_RC_LOCKOUT:
                wrong.append(f'{name}: the right PIN is refused with {last}')
    return wrong


def try_lockout_auth(with_moment):
    wrong = []
    how = GUESSES['lockoutAuth']
    for lie in LIES:
        v = provisioned(world.platforms[0])
        place, moment = v.place, keep_moment(v) if with_moment else b''
        place.before = place.state
        v.kill()
        guess(open_again(place, moment), how, PINS[0], lie, ENDS['it is killed'])
        v = open_again(place, moment)
        if not failed(attempt(v.tpm.lock_reset, commands.password(commands.PIN))):
            wrong.append(f'{lie}: a second attempt is let')
        v.kill()
    return wrong


tests = Tests()
world = World('A')
KILLED = [{'after': after, 'served': served, 'error': None} for after, served in ((0, False), (1, False), (1, True))]
HONEST = {'after': 99, 'served': False, 'error': PLATFORM} # nothing is withheld
LIES = KILLED + [{'after': 1, 'served': False, 'error': PLATFORM}, HONEST]
for name, how in GUESSES.items():
    for with_moment in False, True:
        wrong = try_lockout_auth(with_moment) if name == 'lockoutAuth' else try_all(how, with_moment)
        tests.expect(f'{name}, {"with" if with_moment else "without"} a volatile moment: each guess is counted, none succeeds after',
                     not wrong, '; '.join(wrong))
tests.done()
