// SPDX-License-Identifier: MIT
/* TCB statuses: names, and how those of a processor, its TDX module and its quoting enclave become one. */
#include "verify/appraise/tcb.h"

static const char *const status_names[] = {
	[TCB_UP_TO_DATE] = "UpToDate",
	[TCB_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
	[TCB_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
	[TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
	[TCB_OUT_OF_DATE] = "OutOfDate",
	[TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
	[TCB_TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
	[TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
	[TCB_REVOKED] = "Revoked",
	[TCB_NOT_SUPPORTED] = "NotSupported",
};

const char *tcb_status_name(enum tcb_status status)
{
	return status_names[status];
}

bool tcb_status_parse(struct span name, enum tcb_status *ret_status)
{
	for (unsigned i = 0; i < sizeof status_names / sizeof status_names[0]; i++) {
		if (span_is_text(name, status_names[i])) {
			*ret_status = (enum tcb_status)i;
			return true;
		}
	}
	return false;
}

enum tcb_status tcb_converge(enum tcb_status platform, enum tcb_status other)
{
	if (platform == TCB_REVOKED || platform == TCB_NOT_SUPPORTED)
		return platform;
	if (other == TCB_REVOKED || other == TCB_NOT_SUPPORTED)
		return other;
	if (other != TCB_OUT_OF_DATE && other != TCB_OUT_OF_DATE_CONFIGURATION_NEEDED)
		return platform;
	switch (platform) {
	case TCB_UP_TO_DATE:
	case TCB_SW_HARDENING_NEEDED: return TCB_OUT_OF_DATE;
	case TCB_CONFIGURATION_NEEDED:
	case TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED: return TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
	default: return platform;
	}
}

static bool needs_configuration(enum tcb_status status)
{
	return status == TCB_CONFIGURATION_NEEDED || status == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
	       status == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
}

/* A TD that was built under an old module, on a platform where all is new by now: only a relaunch is wanting. `converged`: platform and
 * module together, since an old module makes an otherwise new TD OutOfDate. */
static bool may_advise_relaunch(const struct tcb_findings *f, enum tcb_status converged, enum tcb_status qe)
{
	return qe == TCB_UP_TO_DATE && f->sgx < TCB_OUT_OF_DATE && f->module == TCB_OUT_OF_DATE &&
	       (converged == TCB_OUT_OF_DATE || converged == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED);
}

enum tcb_error tcb_conclude(const struct tcb_findings *findings, enum tcb_status qe, enum tcb_status *ret_status)
{
	enum tcb_status converged = tcb_converge(findings->platform, findings->module);
	bool relaunch = may_advise_relaunch(findings, converged, qe);

	if (relaunch && findings->running == RUNNING_UNKNOWN)
		return TCB_REFUSED;
	if (relaunch && findings->running == RUNNING_NEWEST)
		*ret_status = needs_configuration(findings->sgx) || needs_configuration(converged)
				      ? TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
				      : TCB_TD_RELAUNCH_ADVISED;
	else
		*ret_status = tcb_converge(converged, qe);
	return TCB_OK;
}
