#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tpm2-tools.sh NAME: one piece of work with tpm2-tools, in the current directory, on the TPM of TPM2TOOLS_TCTI (started up, cleared). Ends 0 if it
# worked. What it prints must be the same with any TPM of libtpms; the runner compares. Without NAME: the names.
set -eu

refused() { if "$@" >/dev/null 2>&1; then echo "was not refused: $*" >&2; return 1; fi; }
sha() { printf %s "$2" | "${1}sum" | cut -d ' ' -f 1; }
primary() { tpm2_createprimary -Q -C o -c primary.ctx "$@"; }
seal() { printf %s "$1" | tpm2_create -Q -C primary.ctx -i- -u sealed.pub -r sealed.priv "${@:2}" && tpm2_load -Q -C primary.ctx -u sealed.pub -r sealed.priv -c sealed.ctx; }
trial() { tpm2_startauthsession -S trial.ctx && "$@" && tpm2_flushcontext trial.ctx; }
policy_session() { tpm2_startauthsession --policy-session -S session.ctx; }

t_capabilities() {
	tpm2_getcap algorithms
	tpm2_getcap commands
	tpm2_getcap ecc-curves
	tpm2_getcap pcrs
	tpm2_getcap properties-fixed
}
t_parameters() {
	local name
	for name in rsa1024 rsa2048 rsa3072 ecc256 ecc384 ecc521 aes128cfb aes256cbc hmac keyedhash xor camellia128; do
		tpm2_testparms $name 2>/dev/null && echo $name yes || echo $name no
	done
	tpm2_geteccparameters ecc256 -o curve && sha256sum curve
}
t_random() {
	tpm2_getrandom 32 -o a && tpm2_getrandom 32 -o b && ! cmp -s a b
	echo noise | tpm2_stirrandom -Q
	tpm2_getrandom --hex 48 | wc -c
	refused tpm2_getrandom 70000
}
t_selftest() { tpm2_selftest -f && tpm2_gettestresult && tpm2_incrementalselftest rsa ecc && echo tested; }
t_clock() {
	tpm2_readclock | sed 's/: .*//'
	tpm2_setclock 900000000 && tpm2_readclock | grep -q 'clock: 9000'
	tpm2_clockrateadjust s
	refused tpm2_setclock 100
}
t_hash() {
	local alg
	for alg in sha1 sha256 sha384 sha512; do
		[ "$(printf abc | tpm2_hash -Q -g $alg --hex)" = "$(sha $alg abc)" ] && echo $alg
	done
	head -c 5000 /dev/zero >long && tpm2_hash -C o -g sha256 -t ticket -o digest long && cmp digest <(openssl dgst -sha256 -binary long) && [ -s ticket ]
}
t_pcr() {
	tpm2_pcrread sha1:all+sha256:all+sha384:all+sha512:all
	tpm2_pcrextend "16:sha256=$(sha sha256 a),sha1=$(sha sha1 a)" && tpm2_pcrread sha1:16+sha256:16
	echo event | tpm2_pcrevent 16 | sed 1d
	tpm2_pcrread sha256:16+sha512:16
	tpm2_pcrreset 16 23 && tpm2_pcrread sha256:16
	refused tpm2_pcrreset 0
}
t_pcrallocate() {
	tpm2_pcrallocate -Q sha1:none+sha256:all+sha384:all+sha512:none
	tpm2_shutdown -c
}
t_nv() {
	tpm2_nvdefine -Q 0x1500001 -s 64 -a 'ownerread|ownerwrite|authread|authwrite' -p nvpass
	printf 0123456789 | tpm2_nvwrite 0x1500001 -P nvpass -i-
	[ "$(tpm2_nvread 0x1500001 -P nvpass -s 4 --offset 3)" = 3456 ]
	tpm2_nvreadpublic 0x1500001
	refused tpm2_nvread 0x1500001 -P wrong -s 4
	tpm2_nvdefine -Q 0x1500002 -a 'nt=counter|ownerread|ownerwrite' && tpm2_nvincrement 0x1500002 -C o && tpm2_nvincrement 0x1500002 -C o
	tpm2_nvdefine -Q 0x1500003 -a 'nt=bits|ownerread|ownerwrite' && tpm2_nvsetbits 0x1500003 -C o -i 5 && tpm2_nvread 0x1500003 -C o | xxd -p
	tpm2_nvdefine -Q 0x1500004 -a 'nt=extend|ownerread|ownerwrite' && echo x | tpm2_nvextend 0x1500004 -C o -i- && tpm2_nvread 0x1500004 -C o | xxd -p -c 64
	tpm2_nvreadlock -Q 0x1500001 -C o 2>/dev/null || echo "no read lock without its attribute"
	tpm2_nvundefine -Q 0x1500001 && tpm2_nvundefine -Q 0x1500002
	tpm2_getcap handles-nv-index | grep -i 0x15 # a vTPM of ours has indices of its own besides
}
t_nvlocks() {
	tpm2_nvdefine -Q 0x1500001 -s 8 -a 'ownerread|ownerwrite|read_stclear|write_stclear'
	printf abc | tpm2_nvwrite 0x1500001 -C o -i-
	tpm2_nvwritelock 0x1500001 -C o && refused tpm2_nvwrite 0x1500001 -C o -i /etc/hostname
	tpm2_nvreadlock 0x1500001 -C o && refused tpm2_nvread 0x1500001 -C o
	tpm2_nvdefine -Q 0x1500002 -s 8 -a 'ownerread|ownerwrite|policydelete|policy_write' -C p -L <(printf '%064d' 0 | xxd -r -p) 2>/dev/null || true
	echo locked
}
t_nvcertify() {
	primary && tpm2_create -Q -C primary.ctx -G ecc -u k.pub -r k.priv -a 'sign|fixedtpm|fixedparent|sensitivedataorigin|userwithauth' &&
		tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx
	tpm2_nvdefine -Q 0x1500001 -s 8 -a 'ownerread|ownerwrite|authread|authwrite' && printf 12345678 | tpm2_nvwrite 0x1500001 -C o -i-
	tpm2_nvcertify -C k.ctx -g sha256 -f plain -s ecdsa -o sig --attestation attest --size 8 0x1500001 -c o
	tpm2_readpublic -Q -c k.ctx -f pem -o k.pem && openssl dgst -sha256 -verify k.pem -signature sig attest
	tpm2_print -t TPMS_ATTEST attest | grep type
}
t_primaries() {
	local alg
	for alg in rsa2048 ecc256 ecc384 keyedhash rsa2048:aes256cfb; do
		tpm2_createprimary -Q -C o -G $alg -c p.ctx 2>/dev/null && echo "$alg yes" || echo "$alg no"
		tpm2_flushcontext -t
	done
	tpm2_createprimary -Q -C n -c null.ctx -u a.pub && tpm2_createprimary -Q -C n -c null.ctx -u b.pub && cmp a.pub b.pub && echo "the same seed, the same key"
	tpm2_createprimary -Q -C e -P "" -p keypass -c e.ctx && refused tpm2_createprimary -Q -C o -P wrong -c o.ctx
}
t_sign_rsa() {
	local scheme
	primary && tpm2_create -Q -C primary.ctx -G rsa2048 -u k.pub -r k.priv -p sesame && tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx
	echo message >m && tpm2_readpublic -Q -c k.ctx -f pem -o k.pem
	for scheme in rsassa rsapss; do
		tpm2_sign -Q -c k.ctx -p sesame -g sha256 -s $scheme -o sig m && tpm2_verifysignature -Q -c k.ctx -g sha256 -s sig -m m && echo $scheme
	done
	tpm2_sign -Q -c k.ctx -p sesame -g sha256 -f plain -s rsassa -o plain m && openssl dgst -sha256 -verify k.pem -signature plain m
	refused tpm2_sign -Q -c k.ctx -p wrong -g sha256 -o sig m
	echo other >m && refused tpm2_verifysignature -Q -c k.ctx -g sha256 -s sig -m m
}
t_sign_ecc() {
	local curve
	primary -G ecc && echo message >m
	for curve in ecc256 ecc384 ecc521; do
		tpm2_create -Q -C primary.ctx -G $curve:ecdsa -u k.pub -r k.priv 2>/dev/null || { echo no $curve; continue; }
		tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx
		tpm2_readpublic -Q -c k.ctx -f pem -o k.pem && tpm2_sign -Q -c k.ctx -g sha256 -f plain -o sig m &&
			openssl dgst -sha256 -verify k.pem -signature sig m && echo $curve
		tpm2_flushcontext -t
	done
}
t_hmac() {
	local got
	primary && printf 0123456789abcdef0123456789abcdef | xxd -r -p >key && tpm2_import -Q -C primary.ctx -G hmac -i key -u k.pub -r k.priv 2>/dev/null ||
		tpm2_create -Q -C primary.ctx -G hmac -u k.pub -r k.priv
	tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx
	got=$(echo message | tpm2_hmac -c k.ctx --hex) && [ ${#got} = 64 ] && [ "$got" = "$(echo message | tpm2_hmac -c k.ctx --hex)" ] && echo the same twice
	head -c 3000 /dev/zero | tpm2_hmac -c k.ctx -o long && [ "$(stat -c %s long)" = 32 ]
}
t_encrypt_rsa() {
	local scheme
	primary && tpm2_create -Q -C primary.ctx -G rsa2048 -u k.pub -r k.priv && tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx && printf secret >m
	for scheme in rsaes oaep null; do
		[ $scheme = null ] && head -c 256 /dev/zero | tr '\0' '\1' >m
		tpm2_rsaencrypt -Q -c k.ctx -s $scheme -o c m && tpm2_rsadecrypt -Q -c k.ctx -s $scheme -o d c && cmp m d && echo $scheme
	done
	tpm2_readpublic -Q -c k.ctx -f pem -o k.pem && printf for-the-tpm | openssl pkeyutl -encrypt -pubin -inkey k.pem -out c && tpm2_rsadecrypt -c k.ctx -s rsaes c
}
t_encrypt_aes() {
	local mode
	primary && head -c 1000 /dev/zero >m
	for mode in cfb cbc ctr ofb ecb; do
		tpm2_create -Q -C primary.ctx -G aes128$mode -u k.pub -r k.priv 2>/dev/null || { echo no $mode; continue; }
		tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx && head -c 16 /dev/zero >iv
		head -c 992 m >whole
		if tpm2_encryptdecrypt -Q -c k.ctx -t iv -o c whole 2>/dev/null && tpm2_encryptdecrypt -Q -c k.ctx -t iv -d -o d c 2>/dev/null; then
			cmp whole d && ! cmp -s whole c && echo $mode
		else
			echo cannot $mode
		fi
		tpm2_flushcontext -t
	done
}
t_ecdh() {
	primary && tpm2_create -Q -C primary.ctx -G ecc256:ecdh -u k.pub -r k.priv && tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx
	tpm2_ecdhkeygen -u point -o z1 -c k.ctx && tpm2_ecdhzgen -u point -o z2 -c k.ctx && cmp z1 z2 && echo agreed
	tpm2_ecephemeral -Q -u q -t counter ecc256 && [ -s q ] && echo ephemeral
}
t_seal() {
	primary && seal a-secret && [ "$(tpm2_unseal -c sealed.ctx)" = a-secret ]
	seal with-auth -p sesame && [ "$(tpm2_unseal -c sealed.ctx -p sesame)" = with-auth ] && refused tpm2_unseal -c sealed.ctx -p wrong
	head -c 128 /dev/urandom >big && tpm2_create -Q -C primary.ctx -i big -u b.pub -r b.priv && tpm2_load -Q -C primary.ctx -u b.pub -r b.priv -c b.ctx &&
		tpm2_unseal -c b.ctx | cmp - big
	head -c 129 /dev/urandom >big && refused tpm2_create -Q -C primary.ctx -i big -u b.pub -r b.priv
	tpm2_createprimary -Q -C e -c other.ctx && refused tpm2_load -Q -C other.ctx -u sealed.pub -r sealed.priv -c no.ctx
	printf '\377' | dd of=sealed.priv bs=1 seek=40 conv=notrunc status=none && refused tpm2_load -Q -C primary.ctx -u sealed.pub -r sealed.priv -c no.ctx
	echo sealed
}
t_policy_pcr() {
	tpm2_pcrextend "16:sha256=$(sha sha256 good)" && primary && trial tpm2_policypcr -Q -S trial.ctx -l sha256:0,16 -L policy
	xxd -p -c 64 policy
	seal a-secret -L policy -a 'fixedtpm|fixedparent'
	[ "$(tpm2_unseal -c sealed.ctx -p pcr:sha256:0,16)" = a-secret ]
	refused tpm2_unseal -c sealed.ctx
	tpm2_pcrextend "16:sha256=$(sha sha256 bad)" && refused tpm2_unseal -c sealed.ctx -p pcr:sha256:0,16
}
t_policy_or() {
	trial tpm2_policycommandcode -Q -S trial.ctx -L a TPM2_CC_Unseal
	tpm2_startauthsession -S trial.ctx && tpm2_policypassword -Q -S trial.ctx -L b && tpm2_policyor -Q -S trial.ctx -L both sha256:a,b && tpm2_flushcontext trial.ctx
	xxd -p -c 64 both
	primary && seal or-secret -L both -a 'fixedtpm|fixedparent'
	policy_session && tpm2_policycommandcode -Q -S session.ctx TPM2_CC_Unseal && tpm2_policyor -Q -S session.ctx sha256:a,b &&
		[ "$(tpm2_unseal -c sealed.ctx -p session:session.ctx)" = or-secret ]
	tpm2_flushcontext session.ctx
}
t_policy_secret_signed() {
	trial tpm2_policysecret -Q -S trial.ctx -c o -L policy && xxd -p -c 64 policy
	primary && seal by-owner -L policy -a 'fixedtpm|fixedparent' && policy_session && tpm2_policysecret -Q -S session.ctx -c o &&
		[ "$(tpm2_unseal -c sealed.ctx -p session:session.ctx)" = by-owner ] && tpm2_flushcontext session.ctx
	openssl genrsa -out key.pem 2048 2>/dev/null && openssl rsa -in key.pem -pubout -out pub.pem 2>/dev/null && tpm2_loadexternal -Q -C o -G rsa -u pub.pem -c signer.ctx
	printf '\0\0\0\0' >qualifier && openssl dgst -sha256 -sign key.pem -out sig qualifier
	trial tpm2_policysigned -Q -S trial.ctx -g sha256 -s sig -f rsassa -c signer.ctx -L policy
	seal by-signer -L policy -a 'fixedtpm|fixedparent' && policy_session && tpm2_policysigned -Q -S session.ctx -g sha256 -s sig -f rsassa -c signer.ctx &&
		[ "$(tpm2_unseal -c sealed.ctx -p session:session.ctx)" = by-signer ] && tpm2_flushcontext session.ctx
}
t_policy_authorize() {
	openssl genrsa -out key.pem 2048 2>/dev/null && openssl rsa -in key.pem -pubout -out pub.pem 2>/dev/null
	tpm2_loadexternal -Q -G rsa -C o -u pub.pem -c signer.ctx -n signer.name
	trial tpm2_policypcr -Q -S trial.ctx -l sha256:16 -L pcr.policy
	trial tpm2_policyauthorize -Q -S trial.ctx -L policy -i pcr.policy -n signer.name
	openssl dgst -sha256 -sign key.pem -out sig pcr.policy
	primary && seal approved -L policy -a 'fixedtpm|fixedparent'
	tpm2_verifysignature -Q -c signer.ctx -g sha256 -m pcr.policy -s sig -t ticket -f rsassa
	policy_session && tpm2_policypcr -Q -S session.ctx -l sha256:16 && tpm2_policyauthorize -Q -S session.ctx -i pcr.policy -n signer.name -t ticket &&
		[ "$(tpm2_unseal -c sealed.ctx -p session:session.ctx)" = approved ]
	tpm2_flushcontext session.ctx
}
t_policy_nv() {
	tpm2_nvdefine -Q 0x1500001 -s 1 -a 'ownerread|ownerwrite|authread|authwrite' && printf '\005' | tpm2_nvwrite 0x1500001 -C o -i-
	printf '\004' | { trial tpm2_policynv -Q -S trial.ctx -i- -L policy 0x1500001 sgt; } && xxd -p -c 64 policy
	primary && seal while-greater -L policy -a 'fixedtpm|fixedparent'
	policy_session && printf '\004' | tpm2_policynv -Q -S session.ctx -i- 0x1500001 sgt && [ "$(tpm2_unseal -c sealed.ctx -p session:session.ctx)" = while-greater ]
	tpm2_flushcontext session.ctx
	printf '\003' | tpm2_nvwrite 0x1500001 -C o -i- && policy_session && printf '\004' | refused tpm2_policynv -Q -S session.ctx -i- 0x1500001 sgt
	tpm2_flushcontext session.ctx
}
t_policies() {
	local i
	trial tpm2_policyauthvalue -Q -S trial.ctx -L p1 && trial tpm2_policylocality -Q -S trial.ctx -L p2 three && trial tpm2_policynvwritten -Q -S trial.ctx -L p3 s
	trial tpm2_policyrestart -Q -S trial.ctx && trial tpm2_policyduplicationselect -Q -S trial.ctx -N <(head -c 34 /dev/zero) -L p4 2>/dev/null || true
	for i in 1 2 3; do xxd -p -c 64 p$i; done
	tpm2_createpolicy -Q --policy-pcr -l sha256:0,1 -L p5 && xxd -p -c 64 p5
}
t_sessions() {
	primary && seal in-session -p sesame
	tpm2_startauthsession --hmac-session -c primary.ctx -S enc.ctx && tpm2_sessionconfig --enable-encrypt --enable-decrypt enc.ctx
	[ "$(tpm2_unseal -c sealed.ctx -p session:enc.ctx+sesame)" = in-session ]
	tpm2_sessionconfig enc.ctx | grep -i -e decrypt -e encrypt && tpm2_flushcontext enc.ctx
	tpm2_startauthsession --audit-session -S audit.ctx && tpm2_getrandom -Q 8 -S audit.ctx -o r && tpm2_sessionconfig audit.ctx | grep -i audit: && tpm2_flushcontext audit.ctx
	tpm2_getcap handles-loaded-session | wc -l
}
t_quote() {
	tpm2_createek -Q -c ek.ctx -G rsa -u ek.pub && tpm2_createak -Q -C ek.ctx -c ak.ctx -G ecc -g sha256 -s ecdsa -u ak.pub -f pem -n ak.name
	tpm2_pcrextend "16:sha256=$(sha sha256 a)"
	tpm2_quote -Q -c ak.ctx -l sha256:0,1,16 -q 001122 -m msg -s sig -o pcrs -g sha256 && tpm2_checkquote -Q -u ak.pub -m msg -s sig -f pcrs -g sha256 -q 001122
	refused tpm2_checkquote -Q -u ak.pub -m msg -s sig -f pcrs -g sha256 -q 001123
	tpm2_print -t TPMS_ATTEST msg | grep -A99 pcrSelect
	tpm2_gettime -Q -c ak.ctx -q 0011 -g sha256 -o sig --attestation att && tpm2_print -t TPMS_ATTEST att | grep -e magic -e type
}
t_credential() {
	tpm2_createek -Q -c ek.ctx -G rsa -u ek.pub && tpm2_createak -Q -C ek.ctx -c ak.ctx -G rsa -g sha256 -s rsassa -u ak.pub -n ak.name && printf 12345678 >secret
	tpm2_makecredential -Q -e ek.pub -s secret -n "$(xxd -p -c 99 ak.name)" -o cred
	tpm2_startauthsession --policy-session -S session.ctx && tpm2_policysecret -Q -S session.ctx -c e &&
		tpm2_activatecredential -Q -c ak.ctx -C ek.ctx -i cred -o opened -P session:session.ctx && cmp secret opened
	tpm2_flushcontext session.ctx
	printf '\377' | dd of=cred bs=1 seek=60 conv=notrunc status=none
	tpm2_startauthsession --policy-session -S session.ctx && tpm2_policysecret -Q -S session.ctx -c e &&
		refused tpm2_activatecredential -Q -c ak.ctx -C ek.ctx -i cred -o opened -P session:session.ctx
	tpm2_flushcontext session.ctx && echo activated
}
t_certify() {
	primary && tpm2_create -Q -C primary.ctx -G rsa2048:rsassa-sha256 -u s.pub -r s.priv && tpm2_load -Q -C primary.ctx -u s.pub -r s.priv -c s.ctx
	tpm2_create -Q -C primary.ctx -G ecc -u k.pub -r k.priv --creation-data data --creation-hash hash -t ticket && tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx
	tpm2_certify -Q -c k.ctx -C s.ctx -g sha256 -o att -s sig -f plain && tpm2_readpublic -Q -c s.ctx -f pem -o s.pem && openssl dgst -sha256 -verify s.pem -signature sig att
	tpm2_certifycreation -Q -C s.ctx -c k.ctx -d hash -t ticket -g sha256 -o sig -f plain --attestation att -s rsassa && openssl dgst -sha256 -verify s.pem -signature sig att
}
t_import_duplicate() {
	openssl ecparam -name prime256v1 -genkey -noout -out key.pem && primary && tpm2_import -Q -C primary.ctx -G ecc -i key.pem -u k.pub -r k.priv &&
		tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx && tpm2_readpublic -Q -c k.ctx -f pem -o got.pem
	cmp got.pem <(openssl ec -in key.pem -pubout 2>/dev/null) && echo imported
	tpm2_startauthsession -S trial.ctx && tpm2_policycommandcode -Q -S trial.ctx -L dup.policy TPM2_CC_Duplicate && tpm2_flushcontext trial.ctx
	tpm2_createprimary -Q -C n -c target.ctx -G rsa -g sha256 && tpm2_readpublic -Q -c target.ctx -o target.pub
	tpm2_create -Q -C primary.ctx -G rsa -p sesame -L dup.policy -u d.pub -r d.priv -a 'sensitivedataorigin|userwithauth|decrypt|sign' && tpm2_load -Q -C primary.ctx -u d.pub -r d.priv -c d.ctx
	policy_session && tpm2_policycommandcode -Q -S session.ctx TPM2_CC_Duplicate && tpm2_duplicate -Q -C target.ctx -c d.ctx -G aes -p session:session.ctx -o key.enc -r dup.priv -s dup.seed
	tpm2_flushcontext session.ctx && tpm2_flushcontext -t
	tpm2_import -Q -C target.ctx -u d.pub -r new.priv -i dup.priv -s dup.seed -k key.enc -L dup.policy && tpm2_load -Q -C target.ctx -u d.pub -r new.priv -c new.ctx && echo duplicated
}
t_persistent() {
	primary && tpm2_evictcontrol -Q -C o -c primary.ctx 0x81010000 && tpm2_getcap handles-persistent | grep 0x81010000 || true
	tpm2_readpublic -c 0x81010000 | grep -A1 'type:' && tpm2_evictcontrol -Q -C o -c 0x81010000 && tpm2_getcap handles-persistent | grep 0x81010000 || true
	tpm2_flushcontext -t && tpm2_getcap handles-transient | wc -l
}
t_hierarchies() {
	tpm2_changeauth -Q -c o newowner && refused tpm2_createprimary -Q -C o -c p.ctx && tpm2_createprimary -Q -C o -P newowner -c p.ctx
	tpm2_changeauth -Q -c l lockpass && tpm2_clear -Q lockpass 2>/dev/null || tpm2_clear -Q -c l lockpass
	tpm2_createprimary -Q -C o -c p.ctx && echo cleared
	tpm2_clearcontrol -Q -C l s && refused tpm2_clear -Q -c l && tpm2_clearcontrol -Q -C p c && tpm2_clear -Q -c p
	tpm2_hierarchycontrol -Q -C e ehEnable clear && refused tpm2_createprimary -Q -C e -c p.ctx
	tpm2_getcap properties-variable | grep -e Enable -e AuthSet -e disableClear
}
t_changekeyauth() {
	primary && tpm2_create -Q -C primary.ctx -G ecc -p old -u k.pub -r k.priv && tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx
	tpm2_changeauth -Q -c k.ctx -C primary.ctx -p old -r new.priv new && tpm2_load -Q -C primary.ctx -u k.pub -r new.priv -c n.ctx && echo m >m
	tpm2_sign -Q -c n.ctx -p new -g sha256 -o sig m && refused tpm2_sign -Q -c n.ctx -p old -g sha256 -o sig m
	tpm2_changeeps -Q && tpm2_changepps -Q && echo seeds
}
t_lockout() {
	tpm2_dictionarylockout -Q -s -n 3 -t 10 -l 10 && primary && tpm2_create -Q -C primary.ctx -G ecc -p right -u k.pub -r k.priv && tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx
	echo m >m && for _ in 1 2 3; do refused tpm2_sign -Q -c k.ctx -p wrong -g sha256 -o sig m; done
	refused tpm2_sign -Q -c k.ctx -p right -g sha256 -o sig m && tpm2_getcap properties-variable | grep -e inLockout -e LOCKOUT_COUNTER
	tpm2_dictionarylockout -Q -c && tpm2_sign -Q -c k.ctx -p right -g sha256 -o sig m && echo open
}
t_audit() {
	tpm2_setcommandauditstatus -Q TPM2_CC_GetRandom && primary && tpm2_create -Q -C primary.ctx -G rsa2048:rsassa-sha256 -u s.pub -r s.priv && tpm2_load -Q -C primary.ctx -u s.pub -r s.priv -c s.ctx
	tpm2_getrandom -Q 4 -o r && tpm2_getcommandauditdigest -Q -P "" -c s.ctx -g sha256 -m att -s sig -f plain && tpm2_readpublic -Q -c s.ctx -f pem -o s.pem &&
		openssl dgst -sha256 -verify s.pem -signature sig att
}
t_raw() {
	printf '\200\001\000\000\000\014\000\000\001\173\000\010' | tpm2_send | head -c 12 | xxd -p
	printf '\200\001\000\000\000\012\000\000\377\377' | tpm2_send | xxd -p
	printf '\200\001\000\000\000\014\000\000\001\104\000\000' | tpm2_send | xxd -p
	tpm2_rc_decode 0x101
}
t_context() {
	primary && seal kept && for _ in 1 2 3 4 5; do [ "$(tpm2_unseal -c sealed.ctx)" = kept ]; done
	cp sealed.ctx broken && printf '\377' | dd of=broken bs=1 seek=$(($(stat -c %s broken) / 2)) conv=notrunc status=none && refused tpm2_unseal -c broken
	tpm2_shutdown && tpm2_startup -c 2>&1 | grep -ci error || echo "startup after shutdown is only for after a reset"
}
t_long_work() {
	primary && tpm2_create -Q -C primary.ctx -G rsa3072 -u k.pub -r k.priv 2>/dev/null && tpm2_load -Q -C primary.ctx -u k.pub -r k.priv -c k.ctx && echo rsa3072
	for _ in 1 2 3; do tpm2_createprimary -Q -C n -G rsa2048 -c n.ctx && tpm2_flushcontext -t; done && echo three
}
t_openssl_provider() {
	export TPM2OPENSSL_TCTI=$TPM2TOOLS_TCTI
	openssl genpkey -provider tpm2 -provider default -propquery '?provider=tpm2' -algorithm EC -pkeyopt group:P-256 -out key.pem 2>log && grep -c 'TSS2 PRIVATE KEY' key.pem
	openssl req -provider tpm2 -provider default -propquery '?provider=tpm2' -new -x509 -key key.pem -subj /CN=vtpm -out cert.pem 2>>log
	openssl x509 -in cert.pem -noout -subject && openssl verify -CAfile cert.pem cert.pem
	openssl rand -provider tpm2 -hex 16 | wc -c
}
t_pkcs11() {
	export TPM2_PKCS11_TCTI=$TPM2TOOLS_TCTI TPM2_PKCS11_STORE=$PWD/store
	mkdir store && tpm2_ptool init >/dev/null && tpm2_ptool addtoken --pid 1 --label t --sopin so --userpin user >/dev/null
	tpm2_ptool addkey --label t --userpin user --algorithm ecc256 --key-label k >/dev/null
	local module
	module=$(find /usr/lib -name 'libtpm2_pkcs11.so*' | head -n 1)
	pkcs11-tool --module "$module" --login --pin user -O 2>/dev/null | grep -c 'EC_POINT'
	openssl dgst -sha256 -binary </etc/os-release >digest && pkcs11-tool --module "$module" --login --pin user --label k --sign -m ECDSA -i digest -o sig 2>/dev/null && stat -c %s sig
}
t_clevis() {
	printf disk-key | clevis encrypt tpm2 '{"pcr_bank":"sha256","pcr_ids":"16"}' >jwe && clevis decrypt <jwe
	echo
	tpm2_pcrextend "16:sha256=$(sha sha256 other)" && refused clevis decrypt <jwe
}

if [ $# -eq 0 ]; then
	declare -F | sed -n 's/^declare -f t_//p'
	exit
fi
"t_$1"
