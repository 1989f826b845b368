// SPDX-License-Identifier: MIT
/* Codes of the files that a verifier reads: policies, reference values, collateral, keys. */
#include "cli/explain/explain.h"

const struct code_explanation explain_verify[] = {
	{"collateral.file", "A part of the collateral is missing in the directory, or is there twice.", "Save the service's answer there, each part once (docs/dcap.md)."},
	{"collateral.malformed", "The collateral file does not decode.", "Fetch the collateral again."},
	{"ear.key", "The key for attestation results cannot be used.", "Make one: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out KEYFILE"},
	{"file.large", "The file is larger than one of its kind may be.", "Check that it is the right file."},
	{"file.read", "The file cannot be read.", "Check the path, its owner and its mode."},
	{"file.write", "The file or directory cannot be written.", "Check the path, its owner and its mode, and the disk's space."},
	{"json.malformed", "The file is not JSON as RFC 8259 has it, or has a name twice.", "Correct it at the line and column that are named."},
	{"policy.malformed", "The policy has a member or a value that policies do not have.", "Correct it at the line and column that are named; see docs/policy.md."},
	{"policy.roots", "The policy has as many roots as it can.", "Leave out those that are not needed."},
	{"quote.root.file", "The file is not a certificate.", "Name the root's certificate, in PEM or DER."},
	{"reference.expired", "The CoRIM is not valid now.", "Get a newer one from whoever signs it; check the clock."},
	{"reference.limit", "The reference values are more than a verifier takes: 512 PCR values and 8,192 events a layer, 4 MiB a file.", "Leave out what the policy does not need."},
	{"reference.malformed", "The file has no reference values in a form that is known.", "Check the file; see docs/policy.md."},
	{"reference.profile", "The CoRIM has a profile, which may change what all of it means.", "Get one that means what the base document says."},
	{"reference.signature", "The CoRIM is not signed by the key that the policy names.", "Get the right file, or correct the signer in the policy."},
	{"state.full", "The state of seen collateral has no room for another family of processors or another issuer.", "Keep one state for each purpose."},
	{"state.malformed", "The state of seen collateral is not what this program wrote.", "Restore it, or begin with a new one after looking at why."},
	{0},
};
