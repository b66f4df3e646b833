#ifndef CFLOOR_H
#define CFLOOR_H

#include <stdint.h>

/* The least that it takes to hold a gateway's rules and routes, in plain C over libmnl: what a repair of the agent's
 * is measured beside. No configuration, no state but what it found at its start, nothing but repairs. */

/* A parameter below /proc/sys and the value that it is to have. */
struct cfloor_parameter {
  const char *path;
  const char *value;
};

/* What to hold: two routing tables, the rules of a protocol (FRA_PROTOCOL) and some parameters, as they are now. */
struct cfloor_state {
  uint32_t tables[2];
  uint8_t protocol;
  const struct cfloor_parameter *parameters;
  int parameter_count;
};

/* Holds it until it is killed. Writes "ready" to standard output once it listens, and after each repair, when it has
 * read back what it repaired, "changes=N". Returns only on an error, a negative errno. */
int cfloor_hold(const struct cfloor_state *state);

#endif
