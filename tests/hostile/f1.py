#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""HOSTILE-HOST F1: the blobs of a hand-over were redeemed any number of times. The host loses one answer while
CMD_INIT redeems them, at each point in turn, and redeems them again in further enclaves. At most one acts, no
value of a counter is handed out twice (I1, I2), and one goes on in the end (I4)."""
from host import PLATFORM, REFUSED, WRONG_STATE, Cut, Tests, World, attempt, failed

COPIES = 3
tests = Tests()
world = World('A', 'B')
a, b = world.platforms


def count(copy, values):
    """Has this copy count. Adds the value that it hands out to `values`. Returns whether it counted."""
    value = attempt(copy.tpm.count)
    if not failed(value):
        values.append(value)
    return not failed(value)


def go_on_honestly(place, blobs, source):
    """Does what an honest host tries: open the state that it has, redeem the blobs again, resume the source. Returns the
    vTPM that goes on, or None."""
    opened = attempt(b.reopen, place)
    if not failed(opened) and not failed(attempt(opened.start)):
        return opened
    again = b.incoming(source).take(blobs)
    if not failed(attempt(again.init)):
        return again
    return source if not failed(attempt(source.command, bytes.fromhex('80010000000c0000017b0010'))) else None


def redeem_copies(blobs, source, lie, liars, values):
    """Has copies redeem one after the other; the first `liars` of them are lied to. Returns whether the lie was told, all
    copies, the set of those that counted, and the list of those that give evidence."""
    copies, acting, struck = [], set(), False
    for number in range(COPIES):
        copy = b.incoming(source).take(blobs)
        if number < liars:
            with Cut(copy, **lie) as cut:
                attempt(copy.init)
            struck |= cut.struck
        else:
            attempt(copy.init)
        copies.append(copy)
        for one in copies + copies:
            if count(one, values):
                acting.add(one)
    return struck, copies, acting, [c for c in copies if not failed(attempt(c.attest))]


def redeem_with_lie(liars, **lie):
    """Returns whether the lie was told, and the list of problems that came of it."""
    source = a.vtpm()
    source.tpm.make_counter()
    values, problems = [source.tpm.count()], []
    blobs = source.blobs()
    struck, copies, acting, evident = redeem_copies(blobs, source, lie, liars, values)
    if len(acting) > 1 or len(evident) > 1:
        problems.append(f'{len(acting)} copies act, {len(evident)} give evidence')
    if acting:
        late = attempt(b.incoming(source).take(blobs).init)
        if not failed(late) or late.code != 'ledger.arrived':
            problems.append(f'another copy, with no lie: {late}')
    else:
        place = next((c.place for c in copies if len(c.place.history) > 1), copies[0].place)
        heir = go_on_honestly(place, blobs, source)
        if heir is None or not count(heir, values):
            problems.append('no side goes on')
    if values != list(range(values[0], values[0] + len(values))):
        problems.append(f'the counter went {values}')
    for copy in copies + [source]:
        copy.kill()
    return struck, problems


def try_each_point(liars, **lie):
    """Returns the number of points at which the lie was told, and all problems; also of a last run without any lie."""
    points, wrong = 0, []
    for at in range(100):
        struck, problems = redeem_with_lie(liars, at=at, **lie)
        wrong += [f'{f"point {at}" if struck else "without a lie"}: {p}' for p in problems]
        if not struck:
            break
        points += 1
    return points, wrong


for served in False, True:
    for error in PLATFORM, REFUSED, WRONG_STATE:
        for liars in 1, COPIES:
            points, wrong = try_each_point(liars, served=served, error=error, once=True)
            what = f'{"the answer is" if served else "request and answer are"} replaced by error {error}'
            tests.expect(f'{what} at each of {points} points, for {liars} of {COPIES} copies', points > 3 and not wrong,
                         '; '.join(wrong))
tests.done()
