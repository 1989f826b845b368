// SPDX-License-Identifier: MIT
/* Codes of the simulated processor, its ACM and the test PKI. */
#include "cli/explain/explain.h"

const struct code_explanation explain_sgxsim[] = {
	{"acm.bank.unlocked", "The ACM ended without locking the processor's AK register.", "Do not start this platform with this ACM; use the one of your build."},
	{"acm.failed", "The ACM did not end well, so the AK was not read.", "Check that the physical TPM answers, and run the platform again."},
	{"acm.signer", "The ACM is signed by another signer than the one in this processor's fuses.",
	 "Use programs of the signer that made the platform: the same signer key, or the same build."},
	{"pki.exists", "The directory of the new PKI is there already.", "Name a new directory."},
	{"pki.unreadable", "The directory is not one that `tcbind pki init` made, or it is not whole.", "Name the PKI's directory."},
	{"ptpm.bus", "The physical TPM cannot be reached at the reset.", "Check the platform's `ptpm` setting and that the TPM answers."},
	{"sgx.fuses", "The processor's fuses are missing or of another size.", "Restore DIR/processor, or make the platform anew with `tcbind platform init`."},
	{"sgx.launch", "An enclave's process could not be started.", "Look at the machine's memory and limits, and at the processor's log."},
	{"sgx.launch.acm", "The ACM was asked for after the reset, where it never runs.", "Reset the platform to run the ACM."},
	{"sgx.launch.malformed", "The request to launch an enclave does not decode.", "Use tcbindd and sgxsim of one version."},
	{"sgx.limit", "The processor has no room for another enclave.", "Stop vTPMs that are not needed."},
	{"sgx.reset", "The platform's reset failed. The message before says why.", "Read the processor's log from its start."},
	{"sgx.signer.failed", "An enclave's image could not be signed.", "Report this."},
	{"sgx.signer.key", "The key that is to sign enclaves is not one that SGX takes: RSA-3072 with exponent 3.",
	 "Make such a key with openssl genpkey; docs/building.md has the command."},
	{"sgx.sigstruct.malformed", "The file beside an enclave's image is not a SIGSTRUCT.", "Sign the enclave's image again."},
	{"sgx.sigstruct.measurement", "The enclave's image is not the one that was signed.", "Put image and signature of one build together."},
	{"sgx.sigstruct.signature", "The signature over an enclave's SIGSTRUCT does not check.", "Sign the enclave's image again."},
	{"sgx.socket", "The processor's socket cannot be made.", "Check the owner, mode and length of DIR/run."},
	{0},
};
