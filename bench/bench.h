// SPDX-License-Identifier: MIT
/* The bench: swtpm and tcbind in turn, in one run, on one core. main.c is the run, rows_*.c what is measured, server.c what is measured on,
 * report.c the table, the JSON and the plot. It judges nothing: goals are shown beside what was seen. */
#ifndef TCBIND_BENCH_BENCH_H
#define TCBIND_BENCH_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ends the bench, and with it all that it started. */
_Noreturn void bench_fail(const char *what, unsigned value);
void bench_check(bool ok, const char *what);

double bench_now_us(void);
void bench_pause_ms(long ms);
double bench_median(double *values, size_t count); /* sorts them */

/* ---- what is measured on ---- */

enum side { SWTPM, TCBIND, SIDES };

struct server {
	int pid, data, control; /* the process, its connected data and control sockets */
	char dir[PATH_MAX];
};

/* The work directory, and in it the one platform of the run. */
extern char bench_work[PATH_MAX - 64], bench_build[PATH_MAX - 64];
/* This process, the platform, and all that they start from now on keep to one core; or may use all. */
void bench_pin(bool one_core);
/* Two at most; what follows is about the one that was started or selected last. */
void platform_start(unsigned number, const char *name);
void platform_select(unsigned number);
/* Ends the platform with all its vTPMs. */
void platform_stop(void);
/* Sum over the platform's processes: private pages, KiB; and how many processes. */
double platform_uss_kib(unsigned *ret_processes);
double process_uss_kib(int pid);
unsigned platform_quotes(void); /* that its physical TPM has made */

/* `swtpm socket` of a side, with a new TPM, started up; `name` says where. */
void server_start(enum side side, const char *name, struct server *ret);
/* Without a TPM yet: it waits for CMD_INIT on its control socket. */
void server_start_waiting(enum side side, const char *name, struct server *ret);
/* The process only: a state of this name may be there; microseconds until TPM2_Startup was answered. */
double server_start_timed(enum side side, const char *name, struct server *ret);
void server_stop(struct server *s);
/* An empty program that is linked as ours is, started and ended: microseconds. */
double nothing_timed(void);
/* Answers each command at once, with nothing: what the sockets alone cost. In `ret` only pid and data are set. */
void echo_start(struct server *ret);
/* `swtpm_setup` of a side, into a new directory; microseconds until it ended. */
double server_setup_timed(enum side side, const char *name);

/* A vTPM of the platform, behind its own control socket, as QEMU has it: created, with a data channel, started up. Its process is the platform's. */
void native_create(char ret_id[37], const char *options);
void native_connect(const char *id, struct server *ret); /* not initialised yet */
void native_start(const char *id, struct server *ret);
void native_stop(struct server *s);

/* ---- results ---- */

/* A goal is a ratio (tcbind to swtpm, or the other way round) or a figure of tcbind's alone. */
enum goal { GOAL_NONE, GOAL_AT_MOST_RATIO, GOAL_TIMES_FASTER, GOAL_AT_MOST, GOAL_AT_LEAST };

struct row {
	const char *name, *unit;
	double swtpm, tcbind; /* 0: not measured */
	enum goal goal;
	double wanted;
	const char *note; /* or NULL */
};

void report_add(const struct row *row);
void report_note(const char *text);
/* The verifier's own bench (build/bench/verify_bench), if it was built: its JSON becomes a member of ours. */
void report_include_verifier(const char *dir);
/* Table on standard output; DIR/bench.json, DIR/bench.svg. */
void report_write(const char *dir);

/* ---- rows ---- */

void rows_commands(void); /* commands on the data socket */
void rows_nv(void);       /* NV writes, alone and 64 at once */
void rows_start(void);
void rows_setup(void);
void rows_migration(void);
void rows_memory(void);   /* 50 and 1,000 vTPMs, and what their number costs */

#endif
