// SPDX-License-Identifier: MIT
/* issue_collateral PKI NUMBER: issues the collateral of a test root anew, with this evaluation number. */
#include <stdio.h>
#include <stdlib.h>

#include "sgxsim/pki.h"

int main(int argc, char **argv)
{
	struct pki_collateral_options options;
	struct diagnosis d = {0};

	if (argc != 3)
		return 2;
	pki_collateral_defaults(&options);
	options.evaluation_number = (uint32_t)strtoul(argv[2], NULL, 10);
	if (pki_issue_collateral(argv[1], &options, &d) == TCB_OK)
		return 0;
	(void)fprintf(stderr, "issue_collateral: %s: found %s\n", d.code, d.found);
	return 1;
}
