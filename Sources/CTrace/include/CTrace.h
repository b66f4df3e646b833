#ifndef CTRACE_H
#define CTRACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ptrace(2) is variadic, so Swift cannot call it. Here is as much of it as it takes to stand between a process of one
 * thread and netlink. All of it belongs on one thread: the kernel knows no other tracer. */

/* What a traced process stopped for. */
enum ctrace_stop {
  /* It has ended, or is no child of this process any more. Whoever started it still has to reap it. */
  CTRACE_ENDED,
  /* It is about to send netlink messages. */
  CTRACE_SENDING,
  /* It has sent them, and the kernel has done what they say. */
  CTRACE_SENT,
  /* It has received netlink messages and does not know it yet. */
  CTRACE_RECEIVED,
  CTRACE_OTHER
};

/* A traced process, and the netlink messages that it sends or receives: where they lie in its memory. */
struct ctrace {
  pid_t pid;
  /* NETLINK_ROUTE, NETLINK_NETFILTER, … */
  int protocol;
  int descriptor;
  uint64_t address;
  size_t length;
  /* The system call that it is in is one that concerns netlink: CTRACE_SENT, CTRACE_RECEIVED or CTRACE_OTHER. */
  enum ctrace_stop within;
};

/* Traces the process from here on and has it stop at once; it dies with the tracer. Returns 0, or -1 with errno. */
int ctrace_seize(struct ctrace *trace, pid_t pid);

/* Waits for the next stop. `signal` gets the signal that the process should get when it goes on, or 0. */
enum ctrace_stop ctrace_wait(struct ctrace *trace, int *signal);

/* Lets it go on to its next system call or the end of this one. Returns 0, or -1 with errno. */
int ctrace_resume(const struct ctrace *trace, int signal);

/* Copies the messages out of its memory or into it. Return 0, or -1 with errno. */
int ctrace_read(const struct ctrace *trace, void *octets);
int ctrace_write(const struct ctrace *trace, const void *octets);

/* Has the system call that just returned fail with that errno instead. Returns 0, or -1 with errno. */
int ctrace_fail(const struct ctrace *trace, int number);

#endif
