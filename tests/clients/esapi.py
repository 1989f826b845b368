# SPDX-License-Identifier: MIT
"""esapi.py NAME: one use of the TSS's ESAPI through tpm2-pytss, on the TPM of TPM2TOOLS_TCTI. What it prints must be the same with any TPM of libtpms.
esapi.py --list: the names."""
import hashlib
import os
import sys

from tpm2_pytss import *

AES = TPMT_SYM_DEF(algorithm=TPM2_ALG.AES, keyBits=TPMU_SYM_KEY_BITS(sym=128), mode=TPMU_SYM_MODE(sym=TPM2_ALG.CFB))
NONE = TPMT_SYM_DEF(algorithm=TPM2_ALG.NULL)
NO_TICKET = TPMT_TK_HASHCHECK(tag=TPM2_ST.HASHCHECK, hierarchy=TPM2_RH.OWNER)


def secret(auth=b"", data=b""):
    return TPM2B_SENSITIVE_CREATE(TPMS_SENSITIVE_CREATE(userAuth=TPM2B_AUTH(auth), data=TPM2B_SENSITIVE_DATA(data)))


def scheme(alg, hash_alg=TPM2_ALG.SHA256):
    s = TPMT_SIG_SCHEME(scheme=alg)
    s.details.any.hashAlg = hash_alg
    return s


FIXED = TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT


def template(alg):
    attributes = FIXED | TPMA_OBJECT.USERWITHAUTH
    if alg == "sealed":
        return TPM2B_PUBLIC.parse("keyedhash", objectAttributes=attributes)
    attributes |= TPMA_OBJECT.SENSITIVEDATAORIGIN
    if alg in ("rsa2048", "aes128cfb") or "ecdh" in alg:
        attributes |= TPMA_OBJECT.DECRYPT
    else:
        attributes |= TPMA_OBJECT.SIGN_ENCRYPT
    if alg == "aes128cfb":
        attributes |= TPMA_OBJECT.SIGN_ENCRYPT
    return unsymmetric(TPM2B_PUBLIC.parse(alg, objectAttributes=attributes)) if "-sha256" in alg else TPM2B_PUBLIC.parse(alg, objectAttributes=attributes)


def unsymmetric(public):
    public.publicArea.parameters.asymDetail.symmetric.algorithm = TPM2_ALG.NULL
    return public


def refused(function, *arguments, **named):
    try:
        function(*arguments, **named)
    except TSS2_Exception as e:
        print(f"refused 0x{e.rc:x}")
        return
    raise AssertionError("was not refused")


def attested(attest):
    return TPMS_ATTEST.unmarshal(bytes(attest.attestationData))[0]


def primary(t, alg="ecc256"):
    return t.create_primary(secret(), alg + ":aes128cfb")[0]


def child(t, parent, alg, auth=b"", data=b""):
    private, public, *_ = t.create(parent, secret(auth, data), template(alg) if isinstance(alg, str) else alg)
    key = t.load(parent, private, public)
    t.tr_set_auth(key, auth)
    return key, private, public


def nv(t, size=16, attributes=TPMA_NV.OWNERREAD | TPMA_NV.OWNERWRITE | TPMA_NV.AUTHREAD | TPMA_NV.AUTHWRITE, index=0x1500010):
    public = TPM2B_NV_PUBLIC(TPMS_NV_PUBLIC(nvIndex=index, nameAlg=TPM2_ALG.SHA256, attributes=attributes, dataSize=size))
    return t.nv_define_space(b"nv", public)


def policy(t, kind=TPM2_SE.POLICY):
    return t.start_auth_session(ESYS_TR.NONE, ESYS_TR.NONE, kind, NONE, TPM2_ALG.SHA256)


def t_random(t):
    assert len(t.get_random(20)) == 20 and t.get_random(16) != t.get_random(16)
    t.stir_random(b"noise")


def t_capabilities(t):
    for capability, first, count in ((TPM2_CAP.ALGS, 0, 64), (TPM2_CAP.COMMANDS, 0x11F, 200), (TPM2_CAP.ECC_CURVES, 0, 16)):
        more, data = t.get_capability(capability, first, count)
        print(int(capability), more, data.marshal().hex())
    print(t.get_capability(TPM2_CAP.TPM_PROPERTIES, 0x100, 60)[1].marshal().hex())


def t_hash(t):
    for alg, python in ((TPM2_ALG.SHA1, "sha1"), (TPM2_ALG.SHA256, "sha256"), (TPM2_ALG.SHA384, "sha384"), (TPM2_ALG.SHA512, "sha512")):
        assert bytes(t.hash(b"abc", alg)[0]) == hashlib.new(python, b"abc").digest()
        sequence = t.hash_sequence_start(b"", alg)
        for _ in range(5):
            t.sequence_update(sequence, b"x" * 1000)
        assert bytes(t.sequence_complete(sequence, b"end")[0]) == hashlib.new(python, b"x" * 5000 + b"end").digest()


def t_pcr(t):
    digest = hashlib.sha256(b"x").digest()
    t.pcr_extend(ESYS_TR.PCR16, TPML_DIGEST_VALUES([TPMT_HA(hashAlg=TPM2_ALG.SHA256, digest=TPMU_HA(sha256=digest))]))
    value = bytes(t.pcr_read("sha256:16")[2][0])
    assert value == hashlib.sha256(bytes(32) + digest).digest()
    print(t.pcr_event(ESYS_TR.PCR16, b"event").marshal().hex())
    t.pcr_reset(ESYS_TR.PCR16)
    print(t.pcr_read("sha256:16")[2].marshal().hex())
    refused(t.pcr_reset, ESYS_TR.PCR0)


def t_event_sequence(t):
    sequence = t.hash_sequence_start(b"", TPM2_ALG.NULL)
    t.sequence_update(sequence, b"a" * 900)
    print(t.event_sequence_complete(ESYS_TR.PCR16, sequence, b"b").marshal().hex())


def t_ecc_sign(t):
    parent = primary(t)
    key, _, _ = child(t, parent, "ecc256:ecdsa-sha256", b"auth")
    digest = hashlib.sha256(b"m").digest()
    signature = t.sign(key, digest, scheme(TPM2_ALG.ECDSA), NO_TICKET)
    t.verify_signature(key, digest, signature)
    refused(t.verify_signature, key, bytes(32), signature)
    t.tr_set_auth(key, b"wrong")
    refused(t.sign, key, digest, scheme(TPM2_ALG.ECDSA), NO_TICKET)


def t_rsa_sign(t):
    key, _, _ = child(t, primary(t, "rsa2048"), "rsa2048:rsapss-sha256")
    digest = hashlib.sha256(b"m").digest()
    t.verify_signature(key, digest, t.sign(key, digest, scheme(TPM2_ALG.RSAPSS), NO_TICKET))
    refused(t.sign, key, bytes(31), scheme(TPM2_ALG.RSAPSS), NO_TICKET)


def t_rsa_encrypt(t):
    key, _, _ = child(t, primary(t), "rsa2048")
    oaep = TPMT_RSA_DECRYPT(scheme=TPM2_ALG.OAEP)
    oaep.details.anySig.hashAlg = TPM2_ALG.SHA256
    for s in (TPMT_RSA_DECRYPT(scheme=TPM2_ALG.RSAES), oaep):
        assert bytes(t.rsa_decrypt(key, t.rsa_encrypt(key, b"message", s), s)) == b"message"
    refused(t.rsa_decrypt, key, bytes(256), oaep)


def t_ecdh(t):
    key, _, _ = child(t, primary(t), "ecc256:ecdh-sha256")
    z, point = t.ecdh_key_gen(key)
    assert t.ecdh_zgen(key, point).marshal() == z.marshal()
    assert t.ec_ephemeral(TPM2_ECC.NIST_P256)[0].size > 64
    print(t.ecc_parameters(TPM2_ECC.NIST_P384).marshal().hex())


def t_aes(t):
    key, _, _ = child(t, primary(t), "aes128cfb")
    iv = bytes(16)
    sealed, after = t.encrypt_decrypt_2(key, False, TPM2_ALG.NULL, iv, b"p" * 1000)
    assert bytes(t.encrypt_decrypt_2(key, True, TPM2_ALG.NULL, iv, sealed)[0]) == b"p" * 1000 and bytes(after) != iv
    assert bytes(t.encrypt_decrypt(key, True, TPM2_ALG.NULL, iv, sealed)[0]) == b"p" * 1000


def t_hmac(t):
    key, _, _ = child(t, primary(t), "hmac")
    one = bytes(t.hmac(key, b"x" * 900, TPM2_ALG.SHA256))
    sequence = t.hmac_start(key, b"", TPM2_ALG.SHA256)
    t.sequence_update(sequence, b"x" * 500)
    assert bytes(t.sequence_complete(sequence, b"x" * 400)[0]) == one and len(one) == 32


def t_seal(t):
    item, _, _ = child(t, primary(t), "sealed", b"auth", b"sealed")
    assert bytes(t.unseal(item)) == b"sealed"
    t.tr_set_auth(item, b"other")
    refused(t.unseal, item)


def t_encrypted_session(t):
    parent = primary(t)
    item, _, _ = child(t, parent, "sealed", b"auth", b"sealed")
    for salt, bind in ((parent, ESYS_TR.NONE), (ESYS_TR.NONE, item), (parent, item)):
        session = t.start_auth_session(salt, bind, TPM2_SE.HMAC, AES, TPM2_ALG.SHA256)
        t.trsess_set_attributes(session, TPMA_SESSION.ENCRYPT | TPMA_SESSION.DECRYPT | TPMA_SESSION.CONTINUESESSION)
        for _ in range(3):
            t.trsess_set_attributes(session, TPMA_SESSION.ENCRYPT | TPMA_SESSION.CONTINUESESSION)
            assert bytes(t.unseal(item, session1=session)) == b"sealed"
        t.flush_context(session)


def t_policy(t):
    parent = primary(t)
    trial = policy(t, TPM2_SE.TRIAL)
    t.policy_pcr(trial, b"", "sha256:8")
    t.policy_command_code(trial, TPM2_CC.Unseal)
    digest = t.policy_get_digest(trial)
    print(bytes(digest).hex())
    public = TPM2B_PUBLIC.parse("keyedhash", authPolicy=bytes(digest), objectAttributes=FIXED)
    private, made, *_ = t.create(parent, secret(b"", b"by policy"), public)
    item = t.load(parent, private, made)
    session = policy(t)
    t.policy_pcr(session, b"", "sha256:8")
    t.policy_command_code(session, TPM2_CC.Unseal)
    assert bytes(t.unseal(item, session1=session)) == b"by policy"
    refused(t.unseal, item)
    session = policy(t)
    t.policy_pcr(session, b"", "sha256:8")
    t.policy_command_code(session, TPM2_CC.Unseal)
    t.pcr_event(ESYS_TR.PCR8, b"later")
    refused(t.unseal, item, session1=session)


def t_policies(t):
    for step in (lambda s: t.policy_password(s), lambda s: t.policy_auth_value(s), lambda s: t.policy_nv_written(s, True),
                 lambda s: t.policy_locality(s, TPMA_LOCALITY.THREE), lambda s: t.policy_cp_hash(s, bytes(32)),
                 lambda s: t.policy_name_hash(s, bytes(32)), lambda s: t.policy_template(s, bytes(32)),
                 lambda s: t.policy_secret(ESYS_TR.ENDORSEMENT, s, b"", b"", b"", 0), lambda s: t.policy_physical_presence(s),
                 lambda s: t.policy_or(s, TPML_DIGEST([bytes(32), b"\1" * 32]))):
        trial = policy(t, TPM2_SE.TRIAL)
        step(trial)
        print(bytes(t.policy_get_digest(trial)).hex())
        t.flush_context(trial)


def t_nv(t):
    index = nv(t)
    t.nv_write(index, b"0123456789")
    assert bytes(t.nv_read(index, 4, 3)) == b"3456"
    refused(t.nv_read, index, 17)
    refused(t.nv_write, index, b"x" * 17)
    refused(nv, t)
    t.nv_undefine_space(index)
    counter = nv(t, 8, TPMA_NV.OWNERREAD | TPMA_NV.OWNERWRITE | TPMA_NV.AUTHREAD | TPMA_NV.AUTHWRITE | TPM2_NT.COUNTER << TPMA_NV.TPM2_NT_SHIFT)
    refused(t.nv_read, counter, 8)
    t.nv_increment(counter)
    first = int.from_bytes(bytes(t.nv_read(counter, 8)), "big")
    t.nv_increment(counter)
    assert int.from_bytes(bytes(t.nv_read(counter, 8)), "big") == first + 1
    public, name = t.nv_read_public(counter)
    print(public.marshal().hex(), bytes(name).hex())


def t_nv_big(t):
    index = nv(t, 2048)
    for offset in (0, 1024):
        t.nv_write(index, os.urandom(1024), offset)
    assert len(t.nv_read(index, 1024)) == 1024


def t_nv_many(t):
    made = []
    try:
        for i in range(300):
            made.append(nv(t, 512, index=0x1500100 + i))
    except TSS2_Exception as e:
        assert e.rc == 0x14b
    print(f"{len(made)} indices of 512 bytes", file=sys.stderr)  # how many is not swtpm's to say: ours has its own indices too
    assert len(made) >= 100
    for index in made:
        t.nv_undefine_space(index)
    nv(t, 512)


def t_quote(t):
    key, _, public = child(t, primary(t), unsymmetric(TPM2B_PUBLIC.parse("ecc256:ecdsa-sha256", objectAttributes=FIXED | TPMA_OBJECT.SIGN_ENCRYPT |
                           TPMA_OBJECT.RESTRICTED | TPMA_OBJECT.SENSITIVEDATAORIGIN | TPMA_OBJECT.USERWITHAUTH)))
    attest, signature = t.quote(key, "sha256:0,16", b"nonce", scheme(TPM2_ALG.ECDSA))
    blob = attested(attest)
    assert bytes(blob.extraData) == b"nonce"
    print(bytes(blob.attested.quote.pcrDigest).hex())
    t.verify_signature(key, hashlib.sha256(bytes(attest)).digest(), signature)
    digest, ticket = t.hash(b"\xffTCG" + b"forged", TPM2_ALG.SHA256)
    refused(t.sign, key, digest, scheme(TPM2_ALG.ECDSA), ticket)


def t_certify(t):
    parent = primary(t)
    key, _, _ = child(t, parent, "ecc256:ecdsa-sha256")
    other, _, _ = child(t, parent, "rsa2048")
    attest, signature = t.certify(other, key, b"q", scheme(TPM2_ALG.ECDSA))
    assert bytes(attested(attest).attested.certify.name) == bytes(t.read_public(other)[1])
    index = nv(t)
    t.nv_write(index, b"0123456789abcdef")
    attest, _ = t.nv_certify(key, index, b"q", scheme(TPM2_ALG.ECDSA), 8, 4)
    assert bytes(attested(attest).attested.nv.nvContents) == b"456789ab"


def t_credential(t):
    parent = primary(t)
    key, _, _ = child(t, parent, "ecc256:ecdsa-sha256")
    blob, sealed = t.make_credential(parent, b"credential", t.read_public(key)[1])
    assert bytes(t.activate_credential(key, parent, blob, sealed)) == b"credential"
    other, _, _ = child(t, parent, "ecc256:ecdsa-sha256")
    refused(t.activate_credential, other, parent, blob, sealed)


def t_contexts(t):
    parent = primary(t)
    item, _, _ = child(t, parent, "sealed", b"", b"sealed")
    saved = t.context_save(item)
    t.flush_context(item)
    again = t.context_load(saved)
    assert bytes(t.unseal(again)) == b"sealed"
    session = t.start_auth_session(ESYS_TR.NONE, ESYS_TR.NONE, TPM2_SE.HMAC, NONE, TPM2_ALG.SHA256)
    t.context_load(t.context_save(session))
    forged = TPMS_CONTEXT.unmarshal(saved.marshal())[0] if hasattr(TPMS_CONTEXT, "Unmarshal") else saved
    assert forged is not None


def t_slots(t):
    handles = []
    try:
        while len(handles) < 20:
            handles.append(primary(t))
    except TSS2_Exception as e:
        print(len(handles), f"0x{e.rc:x}")
    for handle in handles:
        t.flush_context(handle)
    sessions = []
    try:
        while len(sessions) < 100:
            sessions.append(policy(t))
    except TSS2_Exception as e:
        print(len(sessions), f"0x{e.rc:x}")


def t_persistent(t):
    key = t.evict_control(ESYS_TR.OWNER, primary(t), 0x81000010)
    child(t, key, "ecc256:ecdsa-sha256")
    saved = t.tr_serialize(key)
    assert t.read_public(t.tr_deserialize(saved))[1] == t.read_public(key)[1]
    t.evict_control(ESYS_TR.OWNER, key, 0x81000010)


def t_created_loaded(t):
    key, _, _ = t.create_loaded(primary(t), secret(), TPM2B_TEMPLATE(template("ecc256:ecdsa-sha256").publicArea.marshal()))
    t.verify_signature(key, bytes(32), t.sign(key, bytes(32), scheme(TPM2_ALG.ECDSA), NO_TICKET))


def t_auth(t):
    parent = primary(t)
    key, private, public = child(t, parent, "ecc256:ecdsa-sha256", b"old")
    private = t.object_change_auth(key, parent, b"new")
    key = t.load(parent, private, public)
    t.tr_set_auth(key, b"new")
    t.sign(key, bytes(32), scheme(TPM2_ALG.ECDSA), NO_TICKET)
    t.hierarchy_change_auth(ESYS_TR.OWNER, b"owner")
    t.flush_context(parent)
    t.tr_set_auth(ESYS_TR.OWNER, b"")
    refused(primary, t)
    t.tr_set_auth(ESYS_TR.OWNER, b"owner")
    primary(t)


def t_lockout(t):
    t.dictionary_attack_parameters(2, 10, 10)
    key, _, _ = child(t, primary(t), "ecc256:ecdsa-sha256", b"right")
    t.tr_set_auth(key, b"wrong")
    for _ in range(3):
        refused(t.sign, key, bytes(32), scheme(TPM2_ALG.ECDSA), NO_TICKET)
    t.tr_set_auth(key, b"right")
    refused(t.sign, key, bytes(32), scheme(TPM2_ALG.ECDSA), NO_TICKET)
    t.dictionary_attack_lock_reset()
    t.sign(key, bytes(32), scheme(TPM2_ALG.ECDSA), NO_TICKET)


def t_clock(t):
    before = t.read_clock().clockInfo.clock
    t.clock_set(before + 1000000)
    assert t.read_clock().clockInfo.clock >= before + 1000000
    refused(t.clock_set, 1)


def t_self_test(t):
    t.self_test(True)
    print(t.incremental_self_test(TPML_ALG([TPM2_ALG.RSA, TPM2_ALG.AES])).marshal().hex())
    print(int(t.get_test_result()[1]))


def t_clear(t):
    t.evict_control(ESYS_TR.OWNER, primary(t), 0x81000010)
    t.clear(ESYS_TR.LOCKOUT)
    refused(t.tr_from_tpmpublic, 0x81000010)


names = [name[2:] for name in list(globals()) if name.startswith("t_")]
if sys.argv[1] == "--list":
    print("\n".join(names))
else:
    with ESAPI(os.environ["TPM2TOOLS_TCTI"]) as tpm:
        globals()["t_" + sys.argv[1]](tpm)
