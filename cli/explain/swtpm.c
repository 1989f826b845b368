// SPDX-License-Identifier: MIT
/* Codes of the programs that stand in for swtpm: states in users' directories, their keys, and the platform that serves them. */
#include "cli/explain/explain.h"

const struct code_explanation explain_swtpm[] = {
	{"compat.home", "This user has no directory in which a private platform could be kept.", "Set HOME or XDG_STATE_HOME, or TCBIND_PLATFORM to a platform that runs."},
	{"compat.platform", "No platform serves this swtpm.", "Run `tcbind platform run DIR` and set TCBIND_PLATFORM=DIR, or see the log beside the private platform."},
	{"registrar.create", "The daemon could not make the vTPM that swtpm_setup asked for.", "See the daemon's log."},
	{"registrar.key", "The program asks for a kind of key that the daemon does not know.", "Use programs of one release."},
	{"registrar.message", "The daemon does not understand the program's message.", "Use programs of one release."},
	{"registrar.socket", "The daemon's socket for swtpm's programs cannot be made.", "Check the owner, mode and length of DIR/run."},
	{"setup.link", "The TPM that swtpm_setup has started does not answer.", "See the daemon's log."},
	{"setup.tpm", "The TPM refused a step of swtpm_setup.", "See the log; the TPM's answer stands in the message."},
	{"swtpm.key", "The state needs the key that it was written with: there is none, or another one.", "Give --key (or --migration-key for a migrated state) as before; check the file's mode and key derivation."},
	{"swtpm.state", "The file is neither a state of tcbind nor one of swtpm 0.5 or later for TPM 2.", "Name the directory of that vTPM, or an empty one."},
	{"swtpm.volatile", "A volatile state of swtpm came without the permanent state that it belongs to.", "Load swtpm's permanent state with it."},
	{"vtpm.later", "The file of keys that are still to be made is not what this program wrote.", "Remove that file, which stands beside the state; the keys are then not made."},
	{"vtpm.removed", "The state of a vTPM was removed after it was made.", "Restore its state file; nothing if the vTPM is not wanted any more."},
	{0},
};
