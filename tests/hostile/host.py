# SPDX-License-Identifier: MIT
"""A host for the real simulated processor and the real enclaves, frame by frame (edge/frame.h,
edge/calls.h). It does what tcbindd does, honestly, until a test sets `lie`."""
import atexit
import hashlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import uuid

from tpm import Tpm, TpmError

BUILD = os.environ['BUILD']
OK, MALFORMED, REFUSED, WRONG_STATE, LIMIT, CRYPTO, PLATFORM, INTERNAL = range(8)
ECALL, ECALL_RETURN, OCALL, OCALL_RETURN, _, _, POSTED = range(1, 8)
PSE, MIGE, VTPM = 2, 3, 4  # enum enclave_role

PSE_START, PSE_PEER, PSE_FORGET = 0x201, 0x202, 0x203
MIGE_START, MIGE_PEER, MIGE_NET, MIGE_FORGET, MIGE_TIDY = 0x301, 0x302, 0x303, 0x304, 0x305
CREATE, LOAD, INIT, STOP, COMMAND, GET_BLOB, SET_BLOB, RESUME, ATTEST = range(0x401, 0x40a)
STORE_VOLATILE, SHUTDOWN, STATUS = 0x40f, 0x412, 0x413
HOST_STORE, HOST_PEER, HOST_QUOTE, HOST_TIME, HOST_COLLATERAL = range(0x801, 0x806)
LEDGER, JOURNAL, STATE, VOLATILE, CERTIFIED_AK, STEP = range(1, 7)
RUNNING, STOPPED, ESCROWED, MOVED = 2, 3, 4, 5
PERMANENT_BLOB, VOLATILE_BLOB = 1, 2
INBOUND = 1 << 63


class Refused(Exception):
    """An error of an enclave, or one that the host makes: a class, and the diagnosis' code."""

    def __init__(self, error, code='', found=''):
        super().__init__(f'{error} {code}: {found}')
        self.error, self.code, self.found = error, code, found


class Withheld(Refused):
    """The host does not answer as it should."""

    def __init__(self, error=PLATFORM):
        super().__init__(error, 'host.withheld', 'a lie')


class Ended(Exception):
    """The enclave is gone."""


def sized(data):
    return struct.pack('>I', len(data)) + data


def text(data):
    return struct.pack('>H', len(data)) + data


class Reader:
    def __init__(self, data):
        self.rest = data

    def take(self, size):
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def number(self, size):
        return int.from_bytes(self.take(size), 'big')

    def sized(self):
        return self.take(self.number(4))


def put_diagnosis(e):
    return b''.join(text(t.encode()) for t in (e.code, e.found, '', ''))


def get_diagnosis(error, data):
    r = Reader(data)
    return Refused(error, *[r.take(r.number(2)).decode() for _ in range(2)])


def cbor(major, value, data=b''):
    """Encodes a CBOR head, followed by `data`."""
    for code, size in ((24, 1), (25, 2), (26, 4)):
        if value < 24:
            return bytes([major << 5 | value]) + data
        if value < 1 << 8 * size:
            return bytes([major << 5 | code]) + value.to_bytes(size, 'big') + data
    raise ValueError(value)


def cbor_bytes(data):
    return cbor(2, len(data), data)


class Enclave:
    """A process that the processor launched. One ecall at a time; its ocalls go to the platform."""
    count = 0

    def __init__(self, platform, image):
        Enclave.count += 1
        self.platform, self.session, self.place = platform, Enclave.count, None
        asker = socket.socket(socket.AF_UNIX)
        asker.connect(f'{platform.dir}/run/sgx.sock')
        asker.sendall(text(image.encode()))
        answer, fds, _, _ = socket.recv_fds(asker, 4096, 1)
        asker.close()
        if answer[0] != OK:
            raise get_diagnosis(answer[0], answer[1:])
        self.role = int.from_bytes(answer[65:67], 'big')
        self.pid = int.from_bytes(answer[-4:], 'big')
        self.stream = socket.socket(fileno=fds[0])

    def kill(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.stream.close()

    def _receive(self, size):
        data = b''
        while len(data) < size:
            try:
                more = self.stream.recv(min(size - len(data), 1 << 20))
            except OSError:
                more = b''
            if not more:
                raise Ended(f'enclave {self.session}')
            data += more
        return data

    def _frame(self):
        size, kind, _, call, error = struct.unpack('>IBBHI', self._receive(12))
        return kind, call, error, self._receive(size)

    def _send(self, kind, call, error, body):
        try:
            self.stream.sendall(struct.pack('>IBBHI', len(body), kind, 0, call, error) + body)
        except OSError as e:
            raise Ended(f'enclave {self.session}') from e

    def _serve(self, call, body):
        def honest():
            return self.platform.serve(self, call, body)
        if call == HOST_STORE and body[0] == STATE:
            self.place.history.append(body[5:]) # a host that says it could not store it has it all the same
        return self.platform.lie(self, call, body, honest) if self.platform.lie else honest()

    def _answer(self, call, body, posted):
        try:
            if posted:
                raise posted
            self._send(OCALL_RETURN, call, OK, self._serve(call, body))
        except Refused as e:
            self._send(OCALL_RETURN, call, e.error, put_diagnosis(e))

    def call(self, call, body=b''):
        self._send(ECALL, call, OK, body)
        posted = None
        while True:
            kind, got, error, answer = self._frame()
            if kind == POSTED:
                try:
                    self._serve(got, answer)
                except Refused as e:
                    posted = posted or e
            elif kind == OCALL:
                self._answer(got, answer, posted)
                posted = None
            elif error != OK:
                raise get_diagnosis(error, answer)
            elif posted:
                raise posted
            else:
                return answer


class Place:
    """Where a vTPM's files are: the newest of each, and every state that there ever was."""

    def __init__(self, identifier):
        self.id, self.state, self.volatile, self.history = identifier, b'', b'', []


class Vtpm:
    """A vTPM enclave in a place. One place may be opened by several: that is a lie of the host."""

    def __init__(self, platform, place=None, image=None):
        self.platform = platform
        self.enclave = Enclave(platform, image or platform.images['vtpm'])
        self.place = self.enclave.place = place or Place(uuid.uuid4().bytes)
        self.tpm = Tpm(self.command)

    def create(self, incoming=False, policy=b''):
        body = self.place.id + bytes([incoming]) + sized(policy) + sized(b'') * 3 + bytes(3)
        self.enclave.call(CREATE, body)
        return self

    def load(self, state=None, volatile=b''):
        body = self.place.id + sized(self.place.state if state is None else state) + sized(volatile)
        try:
            self.enclave.call(LOAD, body)
        except Refused:
            self.kill()
            raise
        return self

    def init(self, flags=0):
        self.enclave.call(INIT, struct.pack('>I', flags))
        return self

    def start(self):
        """Does what QEMU and firmware do when a machine is switched on."""
        self.init()
        self.tpm.startup()
        return self

    def command(self, command):
        return Reader(self.enclave.call(COMMAND, b'\0' + sized(command))).sized()

    def blob(self, kind):
        return Reader(self.enclave.call(GET_BLOB, struct.pack('>I', kind))).sized()

    def blobs(self):
        return [(kind, self.blob(kind)) for kind in (PERMANENT_BLOB, VOLATILE_BLOB)]

    def take(self, blobs):
        for kind, blob in blobs:
            self.enclave.call(SET_BLOB, struct.pack('>I', kind) + sized(blob))
        return self

    def phase(self):
        return self.enclave.call(STATUS)[0]

    def attest(self, nonce=b'nonce'):
        return Reader(self.enclave.call(ATTEST, sized(nonce))).sized()

    def kill(self):
        self.enclave.kill()
        self.platform.forget(self.enclave)


class Platform:
    """A processor, its physical TPM's stand-in, and one honest host's stores."""

    def __init__(self, world, name):
        self.world, self.name, self.dir = world, name, f'{world.work}/{name}'
        self.address = f'127.0.0.1:{4000 + len(world.platforms)}'
        self.lie = self.network = None
        self.ledger, self.steps, self.journal, self.certified_ak = b'', [], b'', b''
        self.journals, self.links, self.collateral = [], {}, None
        self.images = {role: f'{BUILD}/enclave/{role}/{role}.enclave' for role in ('pse', 'mige', 'vtpm')}
        self.parts = []
        world.run('platform', 'init', self.dir, '--pki', world.pki, '--name', name)
        for part in 'run', 'ptpm':
            os.makedirs(f'{self.dir}/{part}', 0o700, exist_ok=True)
        self.power_on()

    # ---- power ----

    def power_on(self):
        ptpm = f'{self.dir}/run/ptpm.sock'
        self.parts = [subprocess.Popen([
            world_program('swtpm'), 'socket', '--tpm2', '--tpmstate', f'dir={self.dir}/ptpm', '--server',
            f'type=unixio,path={ptpm}', '--ctrl', f'type=unixio,path={ptpm}.ctrl', '--flags', 'not-need-init',
            '--log', f'file={self.dir}/run/ptpm.log'])]
        while not os.path.exists(ptpm):
            time.sleep(0.01)
        self.parts.append(subprocess.Popen([f'{BUILD}/sgxsim/sgxsim', self.dir, '--ptpm', f'swtpm:path={ptpm}', '--acm',
                                            f'{BUILD}/sgxsim/acm.enclave'], stdout=subprocess.PIPE))
        if self.parts[1].stdout.readline() != b'ready\n':
            raise Ended('sgxsim')
        self.start_enclaves()

    def power_off(self):
        for part in reversed(self.parts):
            part.kill()
            part.wait()
        for name in 'ptpm.sock', 'ptpm.sock.ctrl', 'sgx.sock':
            if os.path.exists(f'{self.dir}/run/{name}'):
                os.unlink(f'{self.dir}/run/{name}')
        self.links = {}

    def start_enclaves(self):
        self.pse = Enclave(self, self.images['pse'])
        stored = (b'\x01' + sized(self.ledger) if self.ledger else b'') + b''.join(b'\x06' + sized(s) for s in self.steps)
        self.pse.call(PSE_START, sized(self.name.encode()) + sized(stored))
        self.mige = self.start_mige(self.journal)

    def start_mige(self, journal, image=None):
        """Starts a MigE. If another runs, the host lies by this."""
        mige = Enclave(self, image or self.images['mige'])
        mige.call(MIGE_START, sized(self.address.encode()) + sized(self.name.encode()) + sized(journal))
        return mige

    def restart_enclaves(self):
        """The daemon crashes, and PSE and MigE with it."""
        self.pse.kill()
        self.mige.kill()
        self.links = {}
        self.start_enclaves()

    # ---- services ----

    def serve(self, enclave, call, body):
        r = Reader(body)
        if call == HOST_STORE:
            return self._store(enclave, r.number(1), r.sized())
        if call == HOST_PEER:
            return sized(self._peer(enclave, r.number(1), r.sized()))
        if call == HOST_QUOTE:
            return self._quote(body)
        if call == HOST_TIME:
            return struct.pack('>Q', int(time.time()))
        if call == HOST_COLLATERAL:
            with open(self.collateral or f'{self.dir}/collateral.cbor', 'rb') as f:
                return sized(f.read())
        raise Refused(MALFORMED)

    def _store(self, enclave, slot, data):
        if slot == LEDGER:
            self.ledger, self.steps = data, []
        elif slot == STEP:
            self.steps.append(data)
        elif slot == JOURNAL:
            self.journal = data
            self.journals.append(data)
        elif slot == STATE:
            enclave.place.state = data
        elif slot == VOLATILE:
            enclave.place.volatile = data
        return b''

    def _peer(self, enclave, role, message):
        body = struct.pack('>Q', enclave.session) + sized(message)
        if role == PSE:
            r = Reader(self.pse.call(PSE_PEER, body))
            error, reply = r.number(1), r.sized()
            if error != OK:
                raise get_diagnosis(error, reply)
            return reply
        return self._relay(self.mige, self.mige.call(MIGE_PEER, body))

    def forget(self, enclave):
        self.pse.call(PSE_FORGET, struct.pack('>Q', enclave.session))
        self.mige.call(MIGE_FORGET, struct.pack('>Q', enclave.session))

    def _quote(self, commitment):
        control = socket.socket(socket.AF_UNIX)
        control.connect(f'{self.dir}/run/ptpm.sock')

        def execute(command):
            control.sendall(command)
            return control.recv(4096)
        tpm = Tpm(execute)
        attest, signature = tpm.quote(0x81010003, hashlib.sha256(b'\0' + commitment).digest())
        pcrs = b''.join(tpm.pcr_read(range(first, first + 8)) for first in (0, 8, 16))
        control.close()
        path = cbor(5, 3) + b'\x01\x00' + b'\x02\x01' + b'\x03' + cbor_bytes(b'')
        document = (cbor(5, 4) + b'\x01' + cbor_bytes(attest) + b'\x02' + cbor_bytes(signature) +
                    b'\x03' + cbor_bytes(pcrs) + b'\x04' + path)
        return sized(document) + sized(b'') + sized(b'')

    # ---- the MigE's connections ----

    def _relay(self, mige, answer):
        """Does what the MigE's steps say until its request is answered. `network` may lose bytes."""
        while True:
            r = Reader(answer)
            connection, address, data, close, answered = r.number(8), r.sized(), r.sized(), r.number(1), r.number(1)
            reply = r.sized()
            if address:
                self.links[connection] = [self.world.at(address.decode()), INBOUND | self.world.next_link(), b'']
            link = self.links.get(connection)
            got = self._exchange(link, data) if link and (data or not answered) else b''
            if close:
                self.links.pop(connection, None)
            if answered:
                if link and not close:
                    link[2] += got
                return reply
            if link:
                got, link[2] = link[2] + got, b''
            answer = mige.call(MIGE_NET, struct.pack('>QB', connection, not got) + sized(got))

    def _exchange(self, link, data):
        peer, number, _ = link
        if self.network and not self.network('out', peer, data):
            return b''
        r = Reader(peer.mige.call(MIGE_NET, struct.pack('>QB', number, 0) + sized(data)))
        r.number(8), r.sized()
        back = r.sized()
        return back if not self.network or self.network('back', peer, back) else b''

    def tidy(self):
        """The MigE tells peers how hand-overs ended."""
        for number in range(1, 20):
            answer = self.mige.call(MIGE_TIDY, struct.pack('>Q', number))
            done = Reader(answer[8:])
            done.sized(), done.sized()
            if done.rest[1]:
                return
            self._relay(self.mige, answer)

    # ---- vTPMs ----

    def vtpm(self, policy=b'', image=None):
        """Makes a new vTPM, and switches it on."""
        return Vtpm(self, image=image).create(policy=policy).start()

    def incoming(self, vtpm, image=None):
        """Makes an empty place that waits for this vTPM."""
        return Vtpm(self, Place(vtpm.place.id), image).create(incoming=True)

    def reopen(self, place, **load):
        return Vtpm(self, place).load(**load)

    def open_any(self, place, first=b'', volatile=b''):
        """Opens the first state that the ledger accepts: `first`, then all others from the newest on. None: no state opens."""
        for state in dict.fromkeys(([first] if first else []) + place.history[::-1]):
            v = attempt(self.reopen, place, state=state, volatile=volatile)
            if not failed(v):
                return v
        return None


def world_program(name):
    """The real swtpm, as the platform finds it, and not the stand-in that tcbind installs."""
    return os.environ.get('REAL_SWTPM') or shutil.which(name)


class World:
    """One root, and platforms below it. Everything ends with the test."""

    def __init__(self, *names):
        self.work = tempfile.mkdtemp(prefix='tcbind-hostile.')
        self.pki, self.platforms, self._links = f'{self.work}/P', [], 0
        atexit.register(self.end)
        self.run('pki', 'init', self.pki)
        for name in names:
            self.platforms.append(Platform(self, name))

    def run(self, *args):
        done = subprocess.run([f'{BUILD}/cli/tcbind', *args], capture_output=True, text=True)
        if done.returncode != 0:
            raise Ended(f'tcbind {" ".join(args)}: {done.stderr}')
        return done.stdout

    def at(self, address):
        return next(p for p in self.platforms if p.address == address)

    def next_link(self):
        self._links += 1
        return self._links

    def end(self):
        for platform in self.platforms:
            platform.power_off()
        shutil.rmtree(self.work, ignore_errors=True)


class Cut:
    """A lie at one point: the ocall number `at` of one enclave, counted from 0, gets an error. `served`: it is
    done all the same. `struck` tells whether the point was reached. `error` None: the enclave is
    killed there. `once`: what follows is served."""

    def __init__(self, vtpm, at, served, error=PLATFORM, only=None, once=False):
        self.vtpm, self.at, self.served, self.error, self.only, self.once = vtpm, at, served, error, only, once
        self.seen, self.struck = 0, False

    def __call__(self, enclave, call, body, honest):
        if enclave is not self.vtpm.enclave or (self.only is not None and not self.only(call, body)):
            return honest()
        self.seen += 1
        if self.seen <= self.at or (self.once and self.struck):
            return honest()
        self.struck = True
        if self.served and self.seen == self.at + 1:
            honest()
        if self.error is None:
            enclave.kill()
            raise Ended('killed by its host')
        raise Withheld(self.error)

    def __enter__(self):
        self.vtpm.platform.lie = self
        return self

    def __exit__(self, *_):
        self.vtpm.platform.lie = None
        return False


def to_mige(call, body):
    """For a Cut: messages to the MigE; the first opens the session."""
    return call == HOST_PEER and body[0] == MIGE


def to_pse(call, body):
    return call == HOST_PEER and body[0] == PSE


def attempt(function, *args, **named):
    """Calls the function. Returns what it returns, or the error that it raises."""
    try:
        return function(*args, **named)
    except (Refused, Ended, TpmError) as e:
        return e


def failed(outcome):
    return isinstance(outcome, Exception)


# ---- TAP ----

class Tests:
    def __init__(self):
        self.count = self.failures = 0

    def expect(self, name, holds, why=''):
        self.count += 1
        print(f'{"ok" if holds else "not ok"} {self.count} - {name}', flush=True)
        if not holds:
            self.failures += 1
            print(f'# {why}', flush=True)

    def done(self):
        print(f'1..{self.count}')
        raise SystemExit(self.failures != 0)
