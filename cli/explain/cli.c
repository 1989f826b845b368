// SPDX-License-Identifier: MIT
/* Codes of the commands: what a person names, QEMU's monitor, and the daemon's socket as a client sees it. */
#include "cli/explain/explain.h"

const struct code_explanation explain_cli[] = {
	{"daemon.answer", "The daemon's answer is not a JSON object.", "Use tcbind and tcbindd of one version."},
	{"daemon.permission", "The platform's socket is another user's.", "Run the command as the platform's owner."},
	{"daemon.silent", "The daemon took the request and did not answer in time.",
	 "See what `tcbind platform run` printed; end it with SIGTERM and run it again. TCBIND_TIMEOUT is the time in seconds."},
	{"daemon.unreachable", "No daemon answers on the platform's socket.", "Start the platform with `tcbind platform run DIR`, and check DIR."},
	{"demo.start", "The demonstration cannot be started: its script or bash is missing.", "Run it from the build tree or a whole installation."},
	{"explain.unknown", "No part of tcbind prints this code.", "Copy the code from the message; `tcbind explain --list` prints all codes."},
	{"guest.log.empty", "The file with the guest's log is empty.", "Read the log in the guest as root, or leave the option out."},
	{"migrate.failed", "QEMU did not complete the migration. The guest goes on at the source.",
	 "Read the destination daemon's log: it says why its MigE or the source's refused."},
	{"migrate.state", "The vTPM does not run on this platform, so there is nothing to move.", "Start the VM, or look where its vTPM is with `tcbind vtpm show`."},
	{"path.long", "A path is longer than the system allows; a unix socket's path has at most 107 bytes.", "Use a shorter directory."},
	{"platform.exists", "The directory of the new platform is there already.", "Name a new directory."},
	{"platform.option", "An option's text is longer than a platform's configuration takes.", "Use a shorter text."},
	{"policy.evidence", "An evidence does not pass its own checks, so nothing is pinned from it.", "Ask for evidence again; do not pin this one."},
	{"policy.evidence.contradiction", "Two evidences of one vTPM id show different EKs or different owners' policies.",
	 "Find out which evidence is of the VM's own vTPM; pin that one alone."},
	{"policy.json", "The owner's policy is not a JSON object.", "Correct the file at the line and column that are named."},
	{"qmp.broken", "QEMU's monitor sent something that is not QMP, or nothing.", "Check that the socket is QEMU's -qmp socket and that nothing else uses it."},
	{"qmp.connect", "QEMU's monitor cannot be reached.", "Check the path of the -qmp socket and that QEMU runs."},
	{"qmp.refused", "QEMU refused a command of its monitor.", "Read the message, which is QEMU's own, and QEMU's log."},
	{"show.unknown", "The file is nothing that tcbind can show.", "Check the file: evidence, a quote, a certificate, a policy, an event log or an IMA list."},
	{"tcbind", "A command failed without a closer reason.", "Report this with the command line and the daemon's log."},
	{"verify.failed", "The verifier failed without a closer reason, such as a lack of memory.", "Try again; report this if it stays."},
	{"version.signers", "The enclaves beside this program have different signers, so they cannot work together.",
	 "Build them again, or sign all of them with sign-enclaves."},
	{0},
};
