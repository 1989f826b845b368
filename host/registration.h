// SPDX-License-Identifier: MIT
/* Where processes that speak swtpm's command line (host/compat/) bring their vTPMs: DIR/run/registrar.sock, SOCK_SEQPACKET. One connection is one
 * vTPM, for as long as it stays open. The client sends one JSON message with its descriptors:
 *   {"fds": [NAME...] in the order of SCM_RIGHTS; names: state_dir, state_file (a file or device that the
 *        state is written into, "state" in state_dir), control_listener, control_client, data_listener, data_client
 *    "state", "volatile": file names        "file_key", "migration_key": {"size": of the AES key, "secret": hex, "kdf": "pbkdf2"
 *        or "sha512" where it is a passphrase}, optional
 *    "options": {"one_command", "data_fixed", "ends_with_data", "ends_with_control", "reject_locality_4", "allow_set_locality",
 *                "initialise", "ends_hard": bool; "config_flags", "startup": int}
 *    "mode": int, of the state file, optional
 *    "create": {"keys": [NAME...], "pcr_banks": enum pcr_bank, "later": [NAME...]}    makes a new vTPM now, whatever is there, with these keys (external_key_of()) and
 *                banks; the latter keys after the answer, or before the vTPM is next used. It is then served if there is a channel}
 * The daemon answers {"ready": true, "id": ...} or {"error": {code, found, wanted, action}}, and {"log": {...}} before and after whenever there is something to
 * say, and {"end": true} when the front has ended: the state is then durable and closed. A new vTPM's without a channel is so with the answer, but for later keys. */
#ifndef TCBIND_HOST_REGISTRATION_H
#define TCBIND_HOST_REGISTRATION_H

#define REGISTRATION_MAX 8192
#define REGISTRATION_FDS 8
#define REGISTRATION_SECRET_MAX 1024 /* a passphrase */

#endif
