/* SPDX-License-Identifier: MIT */
/* docs/protocol.md as a Promela model: one vTPM, two platforms. README.md says what is left out.
 * A comment "event: ..." names the transitions that check-trace knows by the same names. */
#ifndef FAULTS
#define FAULTS 2    /* what host, network and crashes may do wrong in a run */
#endif
#ifndef HANDOVERS
#define HANDOVERS 2 /* that a run may begin */
#endif
#ifndef COMMITS
#define COMMITS 1   /* commands of the guest that change the TPM's state */
#endif

/* Kinds of faults. Each costs one of FAULTS. KINDS narrows a run to some of them. */
#define WITHHELD 1          /* an answer, or a request */
#define VTPM_KILLED 2
#define VTPM_SECOND 4       /* a vTPM enclave beside a living one */
#define STATE_OLD 8         /* a state that is not the newest is loaded */
#define STATE_AHEAD 16      /* a state whose step was not made is loaded */
#define MIGE_KILLED 32
#define MIGE_SECOND 64
#define CONNECTION_LOST 128
#define PSE_RESTARTED 256
#define POWER_CUT 512
#define BLOBS_BAD 1024      /* a grant cannot be adopted */
#ifndef KINDS
#define KINDS 2047
#endif
#define MAY_FAIL(kind) (((KINDS) & kind) != 0 && faults < FAULTS)
#define FAULT(kind) MAY_FAIL(kind); faults++

#define NOBODY 9
#define PLATFORM(enclave) ((enclave) / 2)   /* enclaves 0 and 1 of a kind are on A (0), 2 and 3 on B (1) */
#define OTHER(platform) (1 - (platform))

mtype = { NONE, HERE, ESCROWED, MOVED,                     /* phases of a register; a vTPM's belief */
	  EMPTY,                                           /* of a vTPM enclave that has no TPM */
	  FREE, REDEEMED, ARRIVING, RETURNING, SETTLED,    /* of a journal's entry, as ESCROWED */
	  OK, REFUSED, LOST,                               /* answers; LOST: TCB_PLATFORM, "not now" */
	  ALONE, REKEY, ESCROW, REVOKE, GRANT, RETURN, SETTLE, /* what a journal version changes */
	  REDEEM, CONFIRM, ASKED, ANSWERED, KEY,           /* of a connection */
	  NOTHING, EXPORTS, IMPORTS, RENOUNCES };          /* what a vTPM enclave is in the midst of */

/* A sealed state of the vTPM. The tag stands for its digest. */
typedef Sealed { byte generation; byte tag; byte previous; byte value };

/* A PSE's register. */
typedef Register {
	mtype phase = NONE;
	byte generation;
	Sealed newest;              /* the register has its tag; the rest is what the file with this digest says */
	byte handover;
	bit unsettled;
	byte stored_incarnation = NOBODY;
	byte incarnation = NOBODY;  /* these and all below: memory of the PSE */
	byte holder = NOBODY;
	byte offered;
	byte expected;              /* hand-over of the expected arrival */
	byte expected_by = NOBODY;
	bit granted;
	byte journal_holder = NOBODY
};
Register R[2];

/* An entry of a MigE's journal. */
typedef Entry {
	mtype state = FREE;
	byte handover;
	byte generation;
	byte settled;
	byte arrival;               /* hand-over whose source is to be told */
	byte redeemer = NOBODY
};
Entry J[2];                         /* in the newest journal of each platform */
typedef Ahead { bit is; mtype change; byte handover; Entry entry };
Ahead ahead[2];                     /* a journal version that was stored without its step */

typedef MigE_memory {
	bit alive;
	bit current;                /* no other MigE has committed since */
	bit doubt;                  /* a step was not answered, or the session broke */
	bit unanswered;             /* ... a journal version's step */
	Entry entry
};
MigE_memory M[4];

typedef vTPM_memory {
	mtype belief = EMPTY;
	byte generation;
	byte tag;
	byte value;
	byte handover;
	bit leased;
	bit open;                   /* the session with the PSE */
	mtype doing = NOTHING;
	byte under_way;               /* the hand-over that it exports, imports or renounces */
	Sealed unsure               /* tag 0: none */
};
vTPM_memory V[4];

/* Connection 0 to 3: a vTPM's request to a source; 4 to 7: a MigE's, when it tidies up. */
typedef Connection { mtype kind = NONE; mtype stage = NONE; byte handover; byte by; bit cancelled; bit opens };
Connection C[8];

/* A hand-over, and its blobs. `opens`: under the key that the journal has. */
typedef Handover { byte source; byte generation; byte value; bit made; bit opens; bit decided };
Handover H[HANDOVERS + 1];

Sealed posted[2];                   /* stored by an enclave, perhaps without its step */
Sealed old[2];                      /* one that the host has put by */
byte faults, handovers, commits, tags = 1;
bit calm, take_ahead;

/* What the guest saw. */
byte acknowledged;
byte last = NOBODY;                 /* who answered last */
bit retired[4];                     /* another enclave answered later */

/* Scratch, zero between steps. */
mtype answer = OK, what;
Entry N;
byte p, i;
bit fits, served = 1, answered = 1;

#define REST \
	forget_useless(0); forget_useless(1); p = 0; answer = OK; fits = 0

inline copy_sealed(to_, from_)
{
	to_.generation = from_.generation; to_.tag = from_.tag; to_.previous = from_.previous; to_.value = from_.value
}

inline clear_sealed(sealed_)
{
	sealed_.generation = 0; sealed_.tag = 0; sealed_.previous = 0; sealed_.value = 0
}

/* What no fault can use any more. */
inline forget_useless(x)
{
	if
	:: !MAY_FAIL(STATE_OLD) -> clear_sealed(old[x])
	:: else
	fi;
	if
	:: !MAY_FAIL(STATE_AHEAD) || posted[x].tag <= R[x].newest.tag -> clear_sealed(posted[x])
	:: else
	fi
}

/* ---- the invariants ---- */

/* False. An assertion names what it shows, and the verifier prints it. */
bool I1, I2, I4, I5;

/* The response to a command that needs the lease leaves. It is judged where the PSE decided. */
inline answer_guest(v)
{
	assert(I1 || !retired[v]);
	assert(I2 || V[v].value >= acknowledged);
	if
	:: last != v && last != NOBODY -> retired[last] = 1
	:: else
	fi;
	last = v
}

inline check_registers()
{
	assert(I1 || !(R[0].phase == HERE && R[1].phase == HERE))
}

inline believe_moved(v, about)
{
	assert(I5 || H[about].decided);
	V[v].belief = MOVED;
	V[v].handover = about
}

/* ---- the PSE: requests of vTPM enclaves; each is one step ---- */

#define IS_NEWEST(s) (R[p].newest.tag == s.tag)
#define IS_NEXT(s) (R[p].phase == HERE && R[p].newest.tag == s.previous && s.tag != 0)
#ifdef FORGET_GENERATION
#define SAME_GENERATION(g) true
#define IS_LATER(g) true
#else
#define SAME_GENERATION(g) (R[p].generation == g)
#define IS_LATER(g) ((g) > R[p].generation)
#endif
#ifdef RESUME_ANY
#define MAY_RESUME(v) true
#else
#define MAY_RESUME(v) (R[p].incarnation == v)
#endif

#ifdef RESUME_WITH_OLD_RECORD
#define COMMITS_GENERATION true
#else
#define COMMITS_GENERATION (R[p].generation == posted[p].generation)
#endif

/* event: open */
inline pse_open(v, s, resumes)
{
	p = PLATFORM(v);
	if
	:: R[p].phase != NONE && SAME_GENERATION(s.generation) && (IS_NEWEST(s) || IS_NEXT(s)) &&
	   (!resumes || MAY_RESUME(v)) ->
		R[p].holder = v;
		R[p].incarnation = v;
		R[p].offered = 0;
#ifndef FORGET_OPENER
		R[p].stored_incarnation = v;
#endif
		if
		:: IS_NEWEST(s)
		:: else -> pse_store_state(v, s)
		fi;
		answer = OK
	:: else -> answer = REFUSED
	fi
}

inline pse_store_state(v, s)
{
	R[p].newest.generation = s.generation;
	R[p].newest.tag = s.tag;
	R[p].newest.value = s.value;
	R[p].incarnation = v;
	R[p].stored_incarnation = v;
	R[p].offered = 0
}

/* event: commit */
inline pse_commit(v)
{
	p = PLATFORM(v);
	if
	:: R[p].holder == v && R[p].phase == HERE && R[p].newest.tag == posted[p].previous &&
	   COMMITS_GENERATION ->
		pse_store_state(v, posted[p]);
		answer = OK
	:: else -> answer = REFUSED
	fi
}

/* event: check */
inline pse_check(v)
{
	p = PLATFORM(v);
	answer = (R[p].holder == v -> OK : REFUSED)
}

/* event: offer */
inline pse_offer(v, h)
{
	p = PLATFORM(v);
	if
	:: R[p].holder == v && R[p].phase == HERE && R[p].newest.tag == V[v].tag -> R[p].offered = h; answer = OK
	:: else -> answer = REFUSED
	fi
}

#define MAY_COME(g) (R[p].phase == NONE || (R[p].phase != HERE && IS_LATER(g)))

/* event: expect */
inline pse_expect(v, h)
{
	p = PLATFORM(v);
	if
	:: MAY_COME(H[h].generation + 1) ->
		R[p].expected = h;
		R[p].expected_by = v;
		R[p].granted = 0;
		answer = OK
	:: else -> answer = REFUSED
	fi
}

/* event: arrive */
inline pse_arrive(v, h)
{
	p = PLATFORM(v);
	if
	:: R[p].expected == h && R[p].expected_by == v && R[p].granted && R[p].phase != ESCROWED &&
	   MAY_COME(H[h].generation + 1) ->
		pse_store_state(v, posted[p]);
		R[p].generation = posted[p].generation;
		R[p].phase = HERE;
		R[p].handover = h;
		R[p].unsettled = 1;
		R[p].holder = v;
		R[p].expected = 0;
		R[p].expected_by = NOBODY;
		R[p].granted = 0;
		check_registers();
		answer = OK
	:: else -> answer = REFUSED
	fi
}

/* ---- the PSE: requests of MigEs ---- */

/* A journal version and its change, as one step: N becomes the newest. fits: the change is possible.
 * event: journal-commit */
inline pse_journal_commit(m, what, about)
{
	p = PLATFORM(m);
	fits = R[p].journal_holder == m && M[m].current;
	if
	:: what == ESCROW -> fits = fits && R[p].phase == HERE && R[p].offered == about
	:: what == GRANT -> fits = fits && R[p].phase == ESCROWED && R[p].handover == about
	:: else
	fi;
	if
	:: fits -> pse_change(what, about); keep_journal(m); answer = OK
	:: else -> answer = REFUSED
	fi;
	fits = 0
}

inline pse_change(what, about)
{
	if
	:: what == ESCROW ->
		R[p].phase = ESCROWED; R[p].handover = about; R[p].unsettled = 0; R[p].offered = 0
	:: what == REVOKE && R[p].phase == ESCROWED && R[p].handover == about -> R[p].phase = HERE
	:: what == GRANT -> R[p].phase = MOVED; R[p].unsettled = 1; H[about].decided = 1
	:: what == RETURN && R[p].phase == MOVED && R[p].handover == about -> R[p].phase = HERE; R[p].unsettled = 0
	:: what == SETTLE && R[p].handover == about -> R[p].unsettled = 0
	:: what == REKEY -> H[about].opens = 0 /* the blobs are under the key of before */
	:: else
	fi;
	check_registers()
}

inline copy_entry(to_, from_)
{
	to_.state = from_.state; to_.handover = from_.handover; to_.generation = from_.generation;
	to_.settled = from_.settled; to_.arrival = from_.arrival; to_.redeemer = from_.redeemer
}

inline clear_entry(entry_)
{
	entry_.state = FREE; entry_.handover = 0; entry_.generation = 0; entry_.settled = 0; entry_.arrival = 0; entry_.redeemer = NOBODY
}

inline keep_journal(m)
{
	copy_entry(J[p], N);
	forget_ahead();
	for (i : 2 * p .. 2 * p + 1) {
		if
		:: i != m -> M[i].current = 0
		:: else
		fi
	};
	i = 0
}

inline forget_ahead()
{
	ahead[p].is = 0; ahead[p].change = 0; ahead[p].handover = 0;
	clear_entry(ahead[p].entry)
}

/* event: granted */
inline pse_granted(m, about)
{
	p = PLATFORM(m);
	if
	:: R[p].journal_holder == m ->
		R[p].granted = R[p].granted || R[p].expected == about;
		answer = OK
	:: else -> answer = REFUSED
	fi
}

/* event: renounced */
inline pse_renounce(m, h)
{
	p = PLATFORM(m);
	if
	:: R[p].journal_holder == m && !(R[p].phase != NONE && R[p].phase != MOVED && R[p].handover == h) ->
#ifndef RENOUNCE_ALONE
		if
		:: R[p].expected == h -> R[p].expected = 0; R[p].expected_by = NOBODY; R[p].granted = 0
		:: else
		fi;
#endif
		answer = OK
	:: else -> answer = REFUSED
	fi
}

/* ---- what the host makes of a request ---- */

/* Served and answered; served, and the answer withheld; not served. A forged error is a withheld answer. */
inline choose_fate()
{
	if
	:: true
	:: FAULT(WITHHELD) -> served = 0; answered = 0
	:: FAULT(WITHHELD) -> answered = 0
	fi
}

#define ASK_PSE(v, request) \
	choose_fate(); \
	if \
	:: served -> request \
	:: else \
	fi; \
	if \
	:: !answered -> answer = LOST; V[v].open = 0 \
	:: else \
	fi; \
	served = 1; answered = 1

#define MIGE_ASKS_PSE(m, request) \
	choose_fate(); \
	if \
	:: served -> request \
	:: else \
	fi; \
	if \
	:: !answered -> answer = LOST; M[m].doubt = 1 \
	:: else \
	fi; \
	served = 1; answered = 1

/* The journal's next version N is stored, then asked for. */
inline journal_commit(m, what, about)
{
	p = PLATFORM(m);
	if
	:: R[p].journal_holder == m && M[m].current ->
		ahead[p].is = 1; ahead[p].change = what; ahead[p].handover = about;
		copy_entry(ahead[p].entry, N)
	:: else
	fi;
	MIGE_ASKS_PSE(m, pse_journal_commit(m, what, about));
	if
	:: answer == OK -> copy_entry(M[m].entry, N)
	:: answer == LOST -> M[m].unanswered = 1
	:: else
	fi;
	clear_entry(N)
}

/* ---- the MigE: one call of it is one step ---- */

#define SERVES(m) (M[m].alive && !M[m].doubt)
#define E M[m].entry
#define GONE(e) (e.state == REDEEMED || e.state == ARRIVING -> e.generation : e.settled)
#define HAS(e, h) ((e.state == ESCROWED || e.state == REDEEMED) && e.handover == (h))

/* The entry without what is open: e.settled, and who is to be told. */
inline settled_next(m, settled_)
{
	if
	:: (settled_) > 0 -> N.state = SETTLED; N.settled = settled_; N.arrival = E.arrival
	:: else
	fi
}

inline mige_escrow(m, v, h)
{
	if
	:: E.state != FREE && V[v].generation <= GONE(E) -> answer = REFUSED
	:: else ->
		N.state = ESCROWED; N.handover = h; N.generation = V[v].generation;
		N.settled = (E.state == FREE -> 0 : GONE(E)); N.arrival = E.arrival;
		journal_commit(m, ESCROW, h)
	fi
}

inline mige_escrow_again(m, v)
{
	if
	:: E.state == REDEEMED && E.generation == V[v].generation ->
		V[v].handover = E.handover;
		copy_entry(N, E);
		journal_commit(m, REKEY, E.handover)
	:: else -> answer = REFUSED
	fi
}

#ifdef REVOKE_ANY
#define NAMES(h) true
#else
#define NAMES(h) (E.handover == h)
#endif

/* fits: the outcome is GRANTED. */
inline mige_revoke(m, v, about, granted_)
{
	granted_ = 0;
	if
	:: E.state != FREE && V[v].generation <= GONE(E) -> granted_ = 1; answer = OK
	:: else ->
		if
		:: E.state == ESCROWED && NAMES(about) ->
			assert(I5 || E.handover == about);
			settled_next(m, E.settled);
			journal_commit(m, REVOKE, E.handover)
		:: else -> /* the register may have it: an escrow that was undone took its entry along */
			copy_entry(N, E);
			journal_commit(m, REVOKE, about)
		fi
	fi
}

/* journal_check_arrival() */
#ifdef FORGET_GENERATION
#define MAY_ARRIVE(h) (!(E.state == RETURNING && E.handover == h))
#else
#define MAY_ARRIVE(h) (E.state == FREE || \
	((E.state == ESCROWED || E.state == REDEEMED) && H[h].generation > E.generation) || \
	(E.state == ARRIVING && H[h].generation >= E.generation) || \
	(E.state == RETURNING && E.handover != h && H[h].generation > E.settled) || \
	(E.state == SETTLED && H[h].generation > E.settled))
#endif

/* The key goes to this platform itself. */
inline mige_redeem_here(m, about)
{
	answer = OK;
	if
	:: E.state == ESCROWED -> copy_entry(N, E); N.state = REDEEMED; N.redeemer = PLATFORM(m); journal_commit(m, GRANT, about)
	:: E.state == REDEEMED && E.redeemer != PLATFORM(m) -> answer = REFUSED
	:: else
	fi;
	if
	:: answer == OK -> MIGE_ASKS_PSE(m, pse_granted(m, about))
	:: else
	fi
}

inline connect(c, kind_, about, m)
{
	C[c].kind = kind_; C[c].stage = ASKED; C[c].handover = about; C[c].by = m; C[c].cancelled = 0; C[c].opens = 0
}

inline close(c)
{
	C[c].kind = NONE; C[c].stage = NONE; C[c].handover = 0; C[c].by = 0; C[c].cancelled = 0; C[c].opens = 0
}

inline expect_none(x)
{
	R[x].expected = 0; R[x].expected_by = NOBODY; R[x].granted = 0
}

/* Each import begins with EXPECT, so the PSE may forget the last one. */
inline idle(v)
{
	V[v].doing = NOTHING; V[v].under_way = 0;
	if
	:: R[PLATFORM(v)].expected_by == v -> expect_none(PLATFORM(v))
	:: else
	fi
}

/* The vTPM that asked has its answer; no connection is needed any more. */
inline has_key(v, opens_)
{
	i = opens_;
	close(v); C[v].stage = KEY; C[v].opens = i;
	i = 0
}

/* The request fails with its connection. */
inline fail(c)
{
	if
	:: c < 4 && C[c].kind == REDEEM -> idle(c)
	:: else
	fi;
	close(c)
}

inline mige_redeem(m, v, h)
{
	if
	:: HAS(E, h) ->
		mige_redeem_here(m, h);
		if
		:: answer == OK -> has_key(v, H[h].opens)
		:: else
		fi
	:: !HAS(E, h) && H[h].source != PLATFORM(m) && MAY_ARRIVE(h) -> connect(v, REDEEM, h, m); answer = OK
	:: else -> answer = REFUSED
	fi
}

inline mige_renounce(m, v, h)
{
	for (i : 0 .. 3) {
		if
		:: C[i].kind == REDEEM && C[i].by == m && C[i].handover == h -> C[i].cancelled = 1
		:: else
		fi
	};
	i = 0;
	MIGE_ASKS_PSE(m, pse_renounce(m, h));
	if
	:: answer != OK
	:: answer == OK && HAS(E, h) ->
		if
		:: E.state == REDEEMED && E.redeemer == PLATFORM(m) -> settled_next(m, E.settled); journal_commit(m, RETURN, h)
		:: else -> answer = REFUSED
		fi
	:: answer == OK && !HAS(E, h) && E.handover == h && E.state == ARRIVING ->
		copy_entry(N, E); N.state = RETURNING;
		journal_commit(m, ALONE, 0);
		if
		:: answer == OK -> connect(v, RETURN, h, m)
		:: else
		fi
	:: answer == OK && !HAS(E, h) && E.handover == h && E.state == RETURNING -> connect(v, RETURN, h, m)
	:: else -> answer = REFUSED
	fi
}

/* ---- between MigEs ---- */

#define REDEEMER(c) PLATFORM(C[c].by)
#ifdef ANSWER_WITHOUT_LEASE
#define MAY_ANSWER(m) true
#else
#define MAY_ANSWER(m) (R[PLATFORM(m)].journal_holder == m)
#endif

/* The source. The connection closes on each refusal. */
inline mige_decide(m, c, about)
{
	answer = REFUSED;
	if
	:: HAS(E, about) && E.state == ESCROWED ->
		copy_entry(N, E); N.state = REDEEMED; N.redeemer = REDEEMER(c);
#ifdef GRANT_EARLY
		C[c].stage = ANSWERED; C[c].opens = H[about].opens;
#endif
		journal_commit(m, GRANT, about)
	:: HAS(E, about) && E.state == REDEEMED && E.redeemer == REDEEMER(c) -> answer = OK
	:: else
	fi;
	if
	:: answer == OK -> C[c].stage = ANSWERED; C[c].opens = H[about].opens
#ifdef GRANT_EARLY
	:: C[c].stage == ANSWERED && answer != OK
#endif
	:: else -> fail(c)
	fi
}

inline mige_hear_end(m, c, about)
{
	answer = REFUSED;
	if
	:: !HAS(E, about) -> answer = OK
	:: HAS(E, about) && E.state == REDEEMED && E.redeemer == REDEEMER(c) ->
		i = (C[c].kind == CONFIRM -> E.generation : E.settled);
		settled_next(m, i); i = 0;
		what = (C[c].kind == CONFIRM -> SETTLE : RETURN);
		journal_commit(m, what, about); what = 0
	:: else
	fi;
	if
	:: answer == OK -> C[c].stage = ANSWERED
	:: else -> fail(c)
	fi
}

/* The destination. */
inline mige_take_grant(m, c, about)
{
	answer = OK;
	if
	:: C[c].cancelled || !MAY_ARRIVE(about) -> answer = REFUSED
	:: else ->
		if
		:: E.state == ARRIVING && E.handover == about
		:: else ->
			N.state = ARRIVING; N.handover = about; N.generation = H[about].generation; N.arrival = about;
			N.settled = (E.state == FREE -> 0 : E.settled);
			journal_commit(m, ALONE, 0)
		fi;
		if
		:: answer == OK -> MIGE_ASKS_PSE(m, pse_granted(m, about))
		:: else
		fi
	fi;
	if
	:: answer == OK -> has_key(c, C[c].opens)
	:: else -> fail(c)
	fi
}

inline mige_told(m, c, about)
{
	answer = OK;
	if
	:: E.arrival == about && about != 0 ->
#ifndef MUTANT
		assert(I4 || E.state != ARRIVING);               /* its source must be able to grant it again */
#endif
		if
		:: E.state == RETURNING -> settled_next(m, E.settled)
		:: else -> copy_entry(N, E)
		fi;
		N.arrival = 0;
		journal_commit(m, ALONE, 0)
	:: else
	fi;
	close(c)
}

#define ADOPTED(m) ((E.state == ARRIVING || (E.state == REDEEMED && E.redeemer == PLATFORM(m))) && \
	R[PLATFORM(m)].phase != NONE && R[PLATFORM(m)].generation > E.generation)

/* Connections to a MigE that ends are lost with it where it has begun them, and may be otherwise. */
inline end_mige(m)
{
	M[m].alive = 0; M[m].current = 0; M[m].doubt = 0; M[m].unanswered = 0; clear_entry(E);
	for (i : 0 .. 7) {
		if
		:: C[i].kind != NONE && C[i].by == m -> fail(i)
		:: else
		fi
	};
	i = 0;
	if
	:: R[PLATFORM(m)].journal_holder == m -> R[PLATFORM(m)].journal_holder = NOBODY
	:: else
	fi
}

#ifdef LEAVE_AHEAD
#define void_ahead(m) skip
#else
/* A version that was stored and not made is never made: the journal goes on without it. */
inline void_ahead(m)
{
	copy_entry(N, E);
	pse_journal_commit(m, ALONE, 0);
	clear_entry(N)
}
#endif

/* journal_certain(); event: journal-open */
inline mige_be_certain(m)
{
	p = PLATFORM(m);
	R[p].journal_holder = m;
	copy_entry(E, J[p]);
	if
	:: M[m].unanswered && ahead[p].is -> void_ahead(m)
	:: else
	fi;
	M[m].doubt = 0; M[m].unanswered = 0
}

/* event: journal-open. From the newest journal, or from one that is a version ahead. */
inline mige_start(m)
{
	p = PLATFORM(m);
	M[m].alive = 1; M[m].current = 1;
	R[p].journal_holder = m;
	copy_entry(E, J[p]);
	if
	:: ahead[p].is && (!calm || take_ahead) -> mige_finish(m)
	:: !calm || !take_ahead || !ahead[p].is -> void_ahead(m)
	fi
}

/* An escrow is undone, since its vTPM was not answered; a grant that the register refuses is undone, too. */
inline mige_finish(m)
{
	copy_entry(N, ahead[p].entry);
	answer = REFUSED;
	if
	:: ahead[p].change != ESCROW -> pse_journal_commit(m, ahead[p].change, ahead[p].handover)
	:: else
	fi;
	if
	:: answer == REFUSED ->
		copy_entry(E, ahead[p].entry);
		if
		:: E.state == ESCROWED || E.state == REDEEMED -> clear_entry(N); settled_next(m, E.settled)
		:: else
		fi;
		pse_journal_commit(m, ALONE, 0)
	:: else
	fi;
	copy_entry(E, J[p]);
	clear_entry(N)
}

/* A connection that waits for this MigE. */
#define WAITS(c) ((C[c].stage == ASKED && H[C[c].handover].source == PLATFORM(m)) || \
	(C[c].stage == ANSWERED && C[c].by == m))
#define SOME(test) (test(0) || test(1) || test(2) || test(3) || test(4) || test(5) || test(6) || test(7))
#define choose_connection(test, c) \
	if \
	:: test(0) -> c = 0 :: test(1) -> c = 1 :: test(2) -> c = 2 :: test(3) -> c = 3 \
	:: test(4) -> c = 4 :: test(5) -> c = 5 :: test(6) -> c = 6 :: test(7) -> c = 7 \
	fi

/* The two of a platform are alike: of two dead ones the first is started. */
#define MIGE_STARTS(m) (!M[m].alive && (m % 2 == 0 || M[m ^ 1].alive) && (!M[m ^ 1].alive || MAY_FAIL(MIGE_SECOND)))

proctype MigE(byte m)
{
	byte c;

end:	do
	:: atomic { !calm && MIGE_STARTS(m) ->
		if
		:: M[m ^ 1].alive && FAULT(MIGE_SECOND)
		:: !M[m ^ 1].alive
		fi;
		mige_start(m); REST }
	:: atomic { !calm && M[m].alive && FAULT(MIGE_KILLED); end_mige(m); REST }
	:: atomic { !calm && M[m].alive && M[m].doubt && M[m].current -> mige_be_certain(m); REST }
	:: atomic { !calm && SERVES(m) && ADOPTED(m) ->
		settled_next(m, E.generation);
		journal_commit(m, SETTLE, E.handover); p = 0; answer = OK }
	:: atomic { !calm && SERVES(m) && E.state != ARRIVING && E.arrival != 0 && C[4 + m].stage == NONE ->
		connect(4 + m, (E.state == RETURNING -> RETURN : CONFIRM), E.arrival, m) }
	:: atomic { !calm && SERVES(m) && SOME(WAITS) ->
		choose_connection(WAITS, c);
		if
		:: C[c].stage == ASKED && !MAY_ANSWER(m) -> fail(c) /* journal_hold() */
		:: C[c].stage == ASKED && MAY_ANSWER(m) && C[c].kind == REDEEM -> mige_decide(m, c, C[c].handover)
		:: C[c].stage == ASKED && MAY_ANSWER(m) && C[c].kind != REDEEM -> mige_hear_end(m, c, C[c].handover)
		:: C[c].stage == ANSWERED && C[c].kind == REDEEM -> mige_take_grant(m, c, C[c].handover)
		:: C[c].stage == ANSWERED && C[c].kind != REDEEM -> mige_told(m, c, C[c].handover)
		fi;
		p = 0; c = 0; answer = OK }
	od
}

/* ---- the vTPM ---- */

/* A MigE of this platform, which the host chooses. */
#define MIGE_SERVES(v) (SERVES(2 * PLATFORM(v)) || SERVES(2 * PLATFORM(v) + 1))
inline choose_mige(v, m)
{
	if
	:: SERVES(2 * PLATFORM(v)) -> m = 2 * PLATFORM(v)
	:: SERVES(2 * PLATFORM(v) + 1) -> m = 2 * PLATFORM(v) + 1
	fi
}

inline maybe_lose()
{
	if
	:: true
	:: FAULT(WITHHELD) -> answer = LOST
	fi
}

/* Stores a new state with the host; the host may put by the one before. */
inline post(whose, generation_, value_)
{
	p = PLATFORM(whose);
	if
	:: R[p].phase != NONE && !calm -> copy_sealed(old[p], R[p].newest)
	:: true
	fi;
	tags++;
	posted[p].generation = generation_;
	posted[p].tag = tags;
	posted[p].previous = V[whose].tag;
	posted[p].value = value_
}

inline hold(v)
{
	V[v].unsure.generation = posted[p].generation; V[v].unsure.tag = posted[p].tag;
	V[v].unsure.previous = posted[p].previous; V[v].unsure.value = posted[p].value
}

inline note_stored(v, s)
{
	V[v].tag = s.tag; V[v].value = s.value; clear_sealed(V[v].unsure)
}

/* The register's phase, as OPEN and CHECK tell it. */
inline believe_phase(v)
{
	p = PLATFORM(v);
	if
	:: R[p].phase == HERE -> V[v].belief = HERE
	:: R[p].phase == ESCROWED -> V[v].belief = ESCROWED; V[v].handover = R[p].handover
	:: R[p].phase == MOVED -> believe_moved(v, R[p].handover)
	fi
}

inline vtpm_load(v, s)
{
	ASK_PSE(v, pse_open(v, s, false));
#ifdef OPEN_MOVED
	if
	:: answer == REFUSED && R[PLATFORM(v)].phase == MOVED && R[PLATFORM(v)].generation == s.generation -> answer = OK
	:: else
	fi;
#endif
	if
	:: answer == OK ->
		V[v].generation = s.generation; V[v].tag = s.tag; V[v].value = s.value;
		V[v].leased = 1; V[v].open = 1;
		believe_phase(v)
	:: else -> end_vtpm(v)
	fi
}

/* With the acknowledged state, or with the one in doubt: the ledger knows which is the newest. */
inline vtpm_resume(v, s)
{
	if
	:: V[v].unsure.tag == R[PLATFORM(v)].newest.tag && V[v].unsure.tag != 0 -> copy_sealed(s, V[v].unsure)
	:: else -> s.generation = V[v].generation; s.tag = V[v].tag
	fi;
	choose_fate();
	if
	:: served -> pse_open(v, s, true)
	:: else
	fi;
	V[v].open = answered;
	if
	:: answered && answer == OK && s.tag == V[v].unsure.tag -> note_stored(v, s)
	:: else
	fi;
	served = 1; answered = 1;
	clear_sealed(s)
}

inline vtpm_change(v)
{
	commits++;
	post(v, V[v].generation, V[v].value + 1);
	ASK_PSE(v, pse_commit(v));
	if
	:: answer == OK -> note_stored(v, posted[p]); answer_guest(v); acknowledged = V[v].value
	:: answer == LOST -> hold(v)
	:: else
	fi
}

inline vtpm_use(v)
{
	ASK_PSE(v, pse_check(v));
	if
	:: answer == OK && V[v].belief == HERE && R[p].phase == HERE -> answer_guest(v)
	:: answer == OK && !(V[v].belief == HERE && R[p].phase == HERE) -> believe_phase(v)
	:: else
	fi
}

/* An export begins. */
inline vtpm_offer(v)
{
	ASK_PSE(v, pse_offer(v, handovers + 1));
	if
	:: answer == OK ->
		handovers++; V[v].doing = EXPORTS; V[v].under_way = handovers;
		H[handovers].source = PLATFORM(v); H[handovers].generation = V[v].generation
	:: else
	fi
}

inline vtpm_escrow(v, m, h)
{
	mige_escrow(m, v, h);
	maybe_lose();
	if
	:: answer == OK ->
		V[v].belief = ESCROWED; V[v].handover = h;
		H[h].value = V[v].value; H[h].made = 1; H[h].opens = 1
	:: else
	fi
}

inline vtpm_escrow_again(v, m)
{
	mige_escrow_again(m, v);
	maybe_lose();
	if
	:: answer == OK -> H[V[v].handover].value = V[v].value; H[V[v].handover].made = 1; H[V[v].handover].opens = 1
	:: else
	fi
}

inline vtpm_revoke(v, m, granted_)
{
	mige_revoke(m, v, V[v].handover, granted_);
	maybe_lose();
	if
	:: answer == OK && granted_ -> believe_moved(v, V[v].handover)
	:: answer == OK && !granted_ -> V[v].belief = HERE
#ifdef BELIEVE_HOST
	:: answer == LOST -> believe_moved(v, V[v].handover)
#endif
	:: else
	fi;
	granted_ = 0
}

/* An import begins. */
inline vtpm_expect(v)
{
	if
	:: V[v].under_way = 1
	:: handovers > 1 -> V[v].under_way = 2
	fi;
	ASK_PSE(v, pse_expect(v, V[v].under_way));
	if
	:: answer == OK -> V[v].doing = IMPORTS
	:: else -> idle(v)
	fi
}

inline vtpm_redeem(v, m)
{
	mige_redeem(m, v, V[v].under_way);
	if
	:: answer != OK -> idle(v)
	:: else
	fi
}

/* One step of the ledger decides whether it is here. */
inline vtpm_arrive(v, h)
{
	post(v, H[h].generation + 1, H[h].value);
#ifdef ARRIVE_LATE
	V[v].value = H[h].value;
	answer_guest(v);
#endif
	ASK_PSE(v, pse_arrive(v, h));
	if
	:: answer == OK ->
		V[v].generation = posted[p].generation;
		retired[v] = 0; /* a new residence */
		note_stored(v, posted[p]);
		V[v].belief = HERE; V[v].handover = 0; V[v].leased = 1; V[v].open = 1
	:: answer == LOST -> /* it may be here, or not: an enclave that opens what is stored will know */
#ifdef RESUME_WITH_OLD_RECORD
		hold(v)
#else
		end_vtpm(v)
#endif
	:: else
	fi
}

/* h stays where the grant is to be given back. */
inline vtpm_adopt(v, h)
{
	if
	:: H[h].made && C[v].opens -> close(v); vtpm_arrive(v, h)
	:: !H[h].made || !C[v].opens -> close(v); answer = REFUSED
	:: FAULT(BLOBS_BAD) -> close(v); answer = REFUSED /* blobs that do not open, or cannot be adopted */
	fi;
	if
	:: answer != REFUSED -> idle(v)
	:: else -> V[v].doing = RENOUNCES; V[v].under_way = h
	fi
}

#define ACTS(v) (!calm && V[v].belief != EMPTY && V[v].open && IDLE(v))
#define ALIVE(v) (V[v].belief != EMPTY || V[v].doing != NOTHING) /* else it is as one that was not started */
#define CRASHES(v) !calm && ALIVE(v) && FAULT(VTPM_KILLED); end_vtpm(v)

/* A second enclave of a platform that takes part is a fault. */
inline vtpm_start(v)
{
	if
	:: !ALIVE(v ^ 1)
	:: ALIVE(v ^ 1) && FAULT(VTPM_SECOND)
	fi
}

/* It is given the newest state, or, as a fault, another. */
inline vtpm_begin(v, s)
{
	p = PLATFORM(v);
	if
	:: R[p].phase != NONE -> copy_sealed(s, R[p].newest)
	:: posted[p].tag > R[p].newest.tag && FAULT(STATE_AHEAD) -> copy_sealed(s, posted[p])
	:: old[p].tag != 0 && FAULT(STATE_OLD) -> copy_sealed(s, old[p])
	:: else
	fi;
	if
	:: s.tag != 0 -> vtpm_load(v, s)
	:: else
	fi;
	clear_sealed(s)
}

inline end_vtpm(v)
{
	p = PLATFORM(v);
	if
	:: R[p].holder == v -> R[p].holder = NOBODY
	:: else
	fi;
	if
	:: R[p].incarnation == v -> R[p].incarnation = NOBODY
	:: else
	fi;
	if
	:: R[p].stored_incarnation == v -> R[p].stored_incarnation = NOBODY
	:: else
	fi;
	if
	:: last == v -> last = NOBODY
	:: else
	fi;
	V[v].belief = EMPTY; V[v].generation = 0; V[v].tag = 0; V[v].value = 0; V[v].handover = 0;
	V[v].leased = 0; V[v].open = 0; clear_sealed(V[v].unsure); retired[v] = 0; idle(v); close(v)
}

/* The two of a platform are alike: of two dead ones the first is started. */
#define VTPM_STARTS(v) (!ALIVE(v) && (v % 2 == 0 || ALIVE(v ^ 1)) && (!ALIVE(v ^ 1) || MAY_FAIL(VTPM_SECOND)))
#define IDLE(v) (V[v].doing == NOTHING)

/* Each branch is a call of the host. Steps of different enclaves interleave. */
proctype vTPM(byte v)
{
	byte m;
	Sealed s;

end:	do
	:: atomic { !calm && VTPM_STARTS(v) -> vtpm_start(v); vtpm_begin(v, s); REST }
	:: atomic { CRASHES(v); REST }
	:: atomic { !calm && ALIVE(v) && IDLE(v) && V[v].leased && !V[v].open -> vtpm_resume(v, s); REST }
	:: atomic { ACTS(v) && V[v].belief == HERE && commits < COMMITS -> vtpm_change(v); REST }
	:: atomic { ACTS(v) -> vtpm_use(v); REST }
	:: atomic { ACTS(v) && V[v].belief == ESCROWED && MIGE_SERVES(v) ->
		choose_mige(v, m); vtpm_revoke(v, m, fits); m = 0; REST }
	:: atomic { ACTS(v) && V[v].belief == MOVED && MIGE_SERVES(v) ->
		choose_mige(v, m); vtpm_escrow_again(v, m); m = 0; REST }
	:: atomic { ACTS(v) && V[v].belief == HERE && handovers < HANDOVERS -> vtpm_offer(v); REST }
	:: atomic { !calm && V[v].doing == EXPORTS && MIGE_SERVES(v) ->
		choose_mige(v, m); vtpm_escrow(v, m, V[v].under_way); m = 0; idle(v); REST }
	:: atomic { !calm && VTPM_STARTS(v) && C[v].stage == NONE && handovers > 0 -> vtpm_start(v); vtpm_expect(v); REST }
	:: atomic { !calm && ALIVE(v) && IDLE(v) && C[v].stage == NONE && handovers > 0 -> vtpm_expect(v); REST }
	:: atomic { !calm && V[v].doing == IMPORTS && C[v].stage == NONE && MIGE_SERVES(v) ->
		choose_mige(v, m); vtpm_redeem(v, m); m = 0; REST }
	:: atomic { !calm && V[v].doing == IMPORTS && C[v].stage == KEY -> vtpm_adopt(v, V[v].under_way); REST }
	:: atomic { !calm && V[v].doing == RENOUNCES && MIGE_SERVES(v) ->
		choose_mige(v, m); mige_renounce(m, v, V[v].under_way); m = 0; idle(v); REST }
	od
}

/* ---- the host ---- */

/* What a PSE has in memory alone. */
inline end_pse(x)
{
	R[x].incarnation = R[x].stored_incarnation; R[x].holder = NOBODY; R[x].offered = 0;
	R[x].expected = 0; R[x].expected_by = NOBODY; R[x].granted = 0; R[x].journal_holder = NOBODY
}

inline restart_pse(x)
{
	end_pse(x);
	V[2 * x].open = 0; V[2 * x + 1].open = 0;
	M[2 * x].doubt = M[2 * x].alive; M[2 * x + 1].doubt = M[2 * x + 1].alive
}

inline cut_power(x)
{
	end_vtpm(2 * x); end_vtpm(2 * x + 1);
	end_mige(2 * x); end_mige(2 * x + 1);
	end_pse(x)
}

/* All that a MigE has to tell its source, told. */
inline tidy(m, c, other)
{
	if
	:: ADOPTED(m) -> settled_next(m, E.generation); journal_commit(m, SETTLE, E.handover)
	:: else
	fi;
	if
	:: E.state != ARRIVING && E.arrival != 0 ->
		c = 4 + m;
		connect(c, (E.state == RETURNING -> RETURN : CONFIRM), E.arrival, m);
		other = 2 * H[E.arrival].source;
		mige_hear_end(other, c, C[c].handover);
		if
		:: C[c].stage == ANSWERED -> mige_told(m, c, C[c].handover)
		:: else
		fi;
		c = 0; other = 0
	:: else
	fi
}

/* Honest hosts, after both platforms lost power. */
inline go_on(x, s, h, m)
{
	if
	:: R[x].phase == ESCROWED || R[x].phase == MOVED ->
		copy_sealed(s, R[x].newest);
		vtpm_load(2 * x, s);
		if
		:: V[2 * x].belief == ESCROWED -> vtpm_revoke(2 * x, 2 * x, fits)
		:: V[2 * x].belief == MOVED && J[x].state == REDEEMED && J[x].handover == R[x].handover ->
			vtpm_escrow_again(2 * x, 2 * x);
			h = J[x].handover; m = 2 * J[x].redeemer;
			pse_expect(m + 1, h);
			if
			:: answer == OK -> bring(m + 1, m, h)
			:: else
			fi
		:: else
		fi;
		end_vtpm(2 * x); clear_sealed(s); h = 0; m = 0
	:: else
	fi
}

inline bring(w, m, h)
{
	mige_redeem(m, w, h);
	if
	:: C[w].stage == ASKED -> mige_decide(2 * H[h].source, w, h)
	:: else
	fi;
	if
	:: C[w].stage == ANSWERED -> mige_take_grant(m, w, h)
	:: else
	fi;
	if
	:: C[w].stage == KEY && C[w].opens -> vtpm_arrive(w, h)
	:: else
	fi;
	end_vtpm(w)
}

/* It opens and changes; called twice, so that it opens what it changed. */
inline try_live(x, s, live)
{
	if
	:: R[x].phase == HERE ->
		copy_sealed(s, R[x].newest);
		vtpm_load(2 * x, s);
		if
		:: V[2 * x].belief == HERE -> vtpm_change(2 * x); live++
		:: else
		fi;
		end_vtpm(2 * x); clear_sealed(s)
	:: else
	fi
}

inline choose_platform(x)
{
	if
	:: x = 0
	:: x = 1
	fi
}

#define UNDER_WAY(c) (C[c].stage == ASKED || C[c].stage == ANSWERED)

/* All that is left is what is durable. */
inline faults_stop(x)
{
	calm = 1; faults = FAULTS; commits = COMMITS; handovers = HANDOVERS; tags = 2;
	for (x : 0 .. 1) {
		cut_power(x); p = x;
		clear_sealed(posted[x]); clear_sealed(old[x]);
		R[x].newest.tag = (R[x].phase == NONE -> 0 : x + 1);
		if
		:: !take_ahead -> forget_ahead()
		:: else
		fi
	};
	x = 0
}

/* I4. Honest hosts go on from what is durable. One place can change its state, twice. */
inline check_life(x, s, h, m, live)
{
	d_step { for (x : 0 .. 1) { m = 2 * x; mige_start(m); assert(I4 || M[m].alive) }; x = 0 };
	d_step { for (x : 0 .. 2) { m = (x == 1 -> 2 : 0); tidy(m, h, live) }; x = 0 };
	for (x : 0 .. 1) { go_on(x, s, h, m) };
	x = 0;
	d_step { for (x : 0 .. 3) { h = x / 2; try_live(h, s, live) }; x = 0; h = 0; m = 0 };
	assert(I4 || live == 2);
	live = 0; REST
}

proctype host()
{
	byte x, m, h, live;
	Sealed s;

end:	do
	:: atomic { !calm && FAULT(POWER_CUT); choose_platform(x); cut_power(x); x = 0; REST }
	:: atomic { !calm && FAULT(PSE_RESTARTED); choose_platform(x); restart_pse(x); x = 0; REST }
	:: atomic { !calm && SOME(UNDER_WAY) && FAULT(CONNECTION_LOST); choose_connection(UNDER_WAY, x); fail(x); x = 0; REST }
	:: atomic { !calm -> /* the journals are as they were committed, or as they were stored last */
		if
		:: true
		:: ahead[0].is || ahead[1].is -> take_ahead = 1
		fi;
		faults_stop(x); REST; break }
	od;
	atomic { check_life(x, s, h, m, live) }
}

init
{
	atomic {
		R[0].phase = HERE; R[0].generation = 1; R[0].newest.generation = 1; R[0].newest.tag = 1;
		M[0].alive = 1; M[0].current = 1; R[0].journal_holder = 0;
		M[2].alive = 1; M[2].current = 1; R[1].journal_holder = 2;
		run vTPM(0); run vTPM(1); run vTPM(2); run vTPM(3);
		run MigE(0); run MigE(1); run MigE(2); run MigE(3);
		run host()
	}
}
