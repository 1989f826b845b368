#!/bin/sh
# kill-enclaves.sh DIR SIZE: kill -9 to all vTPM enclaves of the platform at DIR, which are told by the size of their code, but to the process that they are
# forked from.
for process in $(pgrep -P "$(pgrep -f "sgxsim $1" | head -n 1)"); do
	[ "$(cut -d ' ' -f 4 "/proc/$process/statm")" = $((($2 + 4095) / 4096)) ] && grep -q '^Seccomp:[[:space:]]*2' "/proc/$process/status" && kill -9 "$process"
done
true
