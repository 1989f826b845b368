// SPDX-License-Identifier: MIT
/* mlockall(), where it has no limit. */
#include "edge/memory_lock.h"

#include <sys/mman.h>
#include <sys/resource.h>

bool memory_lock(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return false;
	/* With a limit of 0 the call succeeds for CAP_IPC_LOCK only. */
	limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? RLIM_INFINITY : 0;
	return setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}
