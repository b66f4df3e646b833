#ifndef CTRACE_H
#define CTRACE_H

#include <sys/types.h>

/* ptrace(2) is variadic, so Swift cannot call it. Here is as much of it as it takes to stop a process of one
 * thread after a netlink message that it sent. All of it belongs on one thread: the kernel knows no other tracer. */

/* What a traced process stopped for. */
enum ctrace_stop {
  /* It has ended, or is no child of this process any more. Whoever started it still has to reap it. */
  CTRACE_ENDED,
  /* It is about to send a netlink message that asks for a change. */
  CTRACE_CHANGE,
  /* A system call, of whatever kind, has returned. */
  CTRACE_RETURNED,
  CTRACE_OTHER
};

/* Traces the process from here on and has it stop at once; it dies with the tracer. Returns 0, or -1 with errno. */
int ctrace_seize(pid_t pid);

/* Waits for the next stop. `signal` gets the signal that the process should get when it goes on, or 0. */
enum ctrace_stop ctrace_wait(pid_t pid, int *signal);

/* Lets it go on to its next system call or the end of this one. Returns 0, or -1 with errno. */
int ctrace_resume(pid_t pid, int signal);

#endif
