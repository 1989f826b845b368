# SPDX-License-Identifier: MIT
"""Commands of a TPM 2.0, as a machine sends them: of the vTPMs under test, and of the physical TPM's stand-in."""
import hashlib
import hmac
import os
import struct

OWNER, LOCKOUT, NULL = 0x40000001, 0x4000000a, 0x40000007
LOCKOUT_COUNTER, MAX_TRIES = 0x20e, 0x20f
TPM_RC_LOCKOUT, TPM_RC_RETRY = 0x921, 0x922
FIXED_TPM, FIXED_PARENT, SENSITIVE_DATA_ORIGIN, USER_WITH_AUTH, NO_DA = 1 << 1, 1 << 4, 1 << 5, 1 << 6, 1 << 10
NV_OWNERWRITE, NV_AUTHWRITE, NV_COUNTER, NV_AUTHREAD, NV_NO_DA = 1 << 1, 1 << 2, 1 << 4, 1 << 18, 1 << 25
SEALED_PUBLIC = struct.pack('>HHIHHH', 8, 0xb, 0x52, 0, 0x10, 0) # fixedTPM, fixedParent, userWithAuth
PIN = b'0742'
# H(zeros || TPM_CC_PolicyAuthValue): what PolicyAuthValue and PolicyPassword make of a new session
AUTH_VALUE_POLICY = hashlib.sha256(bytes(32) + struct.pack('>I', 0x16b)).digest()


def sized(data):
    return struct.pack('>H', len(data)) + data


def password(value=b''):
    return struct.pack('>I', 0x40000009) + sized(b'') + b'\0' + sized(value)


class TpmError(Exception):
    def __init__(self, code):
        super().__init__(f'TPM answers {code:#x}')
        self.code = code


class Tpm:
    def __init__(self, execute):
        self.execute = execute

    def run(self, code, handles=(), auth=(), parameters=b'', returns_handle=False):
        """Executes a command. Returns handle and parameters of the response. Raises TpmError for an error code."""
        body = b''.join(struct.pack('>I', h) for h in handles)
        if auth:
            area = b''.join(auth)
            body += struct.pack('>I', len(area)) + area
        body += parameters
        command = struct.pack('>HII', 0x8002 if auth else 0x8001, 10 + len(body), code) + body
        result = TPM_RC_RETRY
        while result == TPM_RC_RETRY:
            answer = self.execute(command)
            result = struct.unpack('>I', answer[6:10])[0]
        if result != 0:
            raise TpmError(result)
        rest, handle = answer[10:], None
        if returns_handle:
            handle, rest = struct.unpack('>I', rest[:4])[0], rest[4:]
        if auth:
            rest = rest[4:4 + struct.unpack('>I', rest[:4])[0]]
        return handle, rest

    # ---- what needs nothing ----

    def startup(self):
        self.run(0x144, parameters=b'\0\0')

    def get_random(self):
        return self.run(0x17b, parameters=b'\0\x10')[1]

    def pcr_read(self, pcrs):
        chosen = sum(1 << pcr for pcr in pcrs).to_bytes(3, 'little')
        data = self.run(0x17e, parameters=struct.pack('>IHB', 1, 0xb, 3) + chosen)[1]
        return b''.join(data[20 + i * 34:52 + i * 34] for i in range(len(pcrs)))

    def property(self, number):
        data = self.run(0x17a, parameters=struct.pack('>III', 6, number, 1))[1]
        return struct.unpack('>I', data[13:17])[0]

    # ---- keys ----

    def primary(self, hierarchy, auth, data, public):
        sensitive = sized(sized(auth) + sized(data))
        return self.run(0x131, [hierarchy], [password()], sensitive + sized(public) + bytes(6), True)

    def _persist(self, handle, persistent):
        self.run(0x120, [OWNER, handle], [password()], struct.pack('>I', persistent))
        self.run(0x165, parameters=struct.pack('>I', handle))

    def make_sealed(self, persistent, auth=PIN, attributes=USER_WITH_AUTH, policy=b'', data=b'secret'):
        """A persistent sealed object; its name."""
        public = struct.pack('>HHI', 8, 0xb, FIXED_TPM | FIXED_PARENT | attributes) + sized(policy) + struct.pack('>HH', 0x10, 0)
        handle, answer = self.primary(OWNER, auth, data, public)
        self._persist(handle, persistent)
        return answer[-34:]

    def make_signer(self, persistent):
        attributes = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN | USER_WITH_AUTH | NO_DA | 1 << 18
        public = struct.pack('>HHI', 0x23, 0xb, attributes) + sized(b'') + struct.pack('>HHHHH', 0x10, 0x18, 0xb, 3, 0x10) + bytes(4)
        handle, _ = self.primary(OWNER, b'', b'', public)
        self._persist(handle, persistent)

    def unseal(self, handle, auth):
        return self.run(0x15e, [handle], [auth])[1]

    def sign(self, key):
        ticket = struct.pack('>HI', 0x8024, NULL) + sized(b'')
        return self.run(0x15d, [key], [password()], sized(bytes(32)) + struct.pack('>H', 0x10) + ticket)[1]

    def quote(self, key, data):
        """(TPMS_ATTEST, TPMT_SIGNATURE)"""
        chosen = struct.pack('>IHB', 1, 0xb, 3) + b'\xff\xff\xff'
        answer = self.run(0x158, [key], [password()], sized(data) + struct.pack('>H', 0x10) + chosen)[1]
        size = struct.unpack('>H', answer[:2])[0]
        return answer[2:2 + size], answer[2 + size:]

    # ---- NV memory ----

    def nv_define(self, index, attributes, auth=b'', size=8):
        public = struct.pack('>IHI', index, 0xb, attributes) + sized(b'') + struct.pack('>H', size)
        self.run(0x12a, [OWNER], [password()], sized(auth) + sized(public))

    def nv_write(self, index, data):
        self.run(0x137, [OWNER, index], [password()], sized(data) + b'\0\0')

    def nv_read_by(self, index, auth, size=8):
        return self.run(0x14e, [index, index], [auth], struct.pack('>HH', size, 0))[1][2:]

    def nv_read(self, index):
        return self.nv_read_by(index, password())

    def make_counter(self, index=0x01800001):
        self.nv_define(index, NV_COUNTER | NV_AUTHREAD | NV_AUTHWRITE | NV_NO_DA)
        self.count()

    def count(self, index=0x01800001):
        """Increments the counter. Returns its value."""
        self.run(0x134, [index, index], [password()])
        return int.from_bytes(self.nv_read(index), 'big')

    # ---- authorizations ----

    def set_lockout_auth(self, auth):
        self.run(0x129, [LOCKOUT], [password()], sized(auth))

    def lock_reset(self, auth):
        self.run(0x139, [LOCKOUT], [auth])

    def start_session(self, kind, bind=NULL):
        """(handle, session key's part of the nonces): HMAC 0, policy 1; unsalted."""
        nonce = os.urandom(16)
        parameters = sized(nonce) + sized(b'') + struct.pack('>BHH', kind, 0x10, 0xb)
        handle, answer = self.run(0x176, [NULL, bind], parameters=parameters, returns_handle=True)
        return handle, answer[2:], nonce

    def _prove(self, session, key, handle, tpm_nonce):
        """An HMAC over TPM2_Unseal of this object (Part 1, 19.6)."""
        digest = hashlib.sha256(struct.pack('>I', 0x15e) + self.name(handle)).digest()
        fresh = os.urandom(16)
        proof = hmac.new(key, digest + fresh + tpm_nonce + b'\0', 'sha256').digest()
        return struct.pack('>I', session) + sized(fresh) + b'\0' + sized(proof)

    def bound_session(self, handle, auth):
        """An authorization by an HMAC session that is bound to the object: the guess is in the session's key."""
        session, tpm_nonce, nonce = self.start_session(0, handle)
        key = hmac.new(auth, struct.pack('>I', 1) + b'ATH\0' + tpm_nonce + nonce + struct.pack('>I', 256), 'sha256').digest()
        return self._prove(session, key, handle, tpm_nonce)

    def policy_password(self, auth):
        session, _, _ = self.start_session(1)
        self.run(0x18c, [session])
        return struct.pack('>I', session) + sized(b'') + b'\0' + sized(auth)

    def policy_auth_value(self, handle, auth):
        session, tpm_nonce, _ = self.start_session(1)
        self.run(0x16b, [session])
        return self._prove(session, auth, handle, tpm_nonce)

    def name(self, handle):
        answer = self.run(0x173, [handle])[1]
        return answer[2 + struct.unpack('>H', answer[:2])[0] + 2:][:34]
