#ifndef CPACKETS_H
#define CPACKETS_H

#include <stddef.h>

/* What it takes to send very many packets, for the lab alone. Both are declared under _GNU_SOURCE only, which Swift's
 * Glibc module does not set. */

/* The most frames that one call sends. */
enum { CPACKETS_BURST = 64 };

/* sendmmsg(2): sends CPACKETS_BURST frames of a ring of `count`, each `length` octets long and `stride` behind the one
 * before, beginning with the one numbered `first`. Returns how many went, or -1 with errno. */
int cpackets_send(int fd, const void *ring, size_t count, size_t stride, size_t length, size_t first);

/* sched_setaffinity(2): keeps the calling thread on that processor. Returns 0, or -1 with errno. */
int cpackets_stay_on(int processor);

#endif
