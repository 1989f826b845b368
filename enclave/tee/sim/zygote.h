// SPDX-License-Identifier: MIT
/* The simulated processor's shortcut to a new enclave: a process that runs the measured image up to where it would take its first byte from
 * outside, and is then forked for each enclave. It holds nothing that two enclaves may not share: it draws no random number (one that did would
 * end), knows no key, and hears nobody but the processor. SGX hardware has no such thing; nothing of ours depends on it. */
#ifndef TCBIND_ENCLAVE_TEE_SIM_ZYGOTE_H
#define TCBIND_ENCLAVE_TEE_SIM_ZYGOTE_H

/* In a process that was born as a zygote: runs `prepare`, then serves the processor; returns in each child, which has the enclave's two
 * descriptors and nothing else. In any other process: returns at once. */
void zygote_serve(void (*prepare)(void));

#endif
