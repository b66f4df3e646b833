#define _GNU_SOURCE
#include "CTrace.h"

#include <elf.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* Raw, since the C library's header for ptrace(2) does not go with the kernel's. */
static long request(long what, pid_t pid, unsigned long address, unsigned long data) {
  return syscall(SYS_ptrace, what, (long)pid, address, data);
}

enum { TRACE_SYSCALL = 24, SYSCALL_STOP = SIGTRAP | 0x80 };

int ctrace_seize(struct ctrace *trace, pid_t pid) {
  memset(trace, 0, sizeof *trace);
  trace->pid = pid;
  trace->within = CTRACE_OTHER;
  if (request(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0) return -1;
  return request(PTRACE_INTERRUPT, pid, 0, 0) < 0 ? -1 : 0;
}

int ctrace_resume(const struct ctrace *trace, int signal) {
  return request(TRACE_SYSCALL, trace->pid, 0, (unsigned long)signal) < 0 ? -1 : 0;
}

/* The protocol of the process's netlink socket; -1 if the descriptor is anything else. */
static int netlink_protocol(pid_t pid, int number) {
  int domain = 0, protocol = 0, socket = -1;
  socklen_t length = sizeof(int);
  int process = (int)syscall(SYS_pidfd_open, pid, 0);
  if (process >= 0) socket = (int)syscall(SYS_pidfd_getfd, process, number, 0);
  if (socket < 0 || getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 ||
      getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) < 0 || domain != AF_NETLINK)
    protocol = -1;
  if (socket >= 0) close(socket);
  if (process >= 0) close(process);
  return protocol;
}

static int peek(pid_t pid, uint64_t address, void *copy, size_t length) {
  struct iovec here = {copy, length}, there = {(void *)(uintptr_t)address, length};
  return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)length ? 0 : -1;
}

int ctrace_read(const struct ctrace *trace, void *octets) {
  return peek(trace->pid, trace->address, octets, trace->length);
}

int ctrace_write(const struct ctrace *trace, const void *octets) {
  struct iovec here = {(void *)octets, trace->length}, there = {(void *)(uintptr_t)trace->address, trace->length};
  return process_vm_writev(trace->pid, &here, 1, &there, 1, 0) == (ssize_t)trace->length ? 0 : -1;
}

int ctrace_fail(const struct ctrace *trace, int number) {
  struct user_regs_struct registers;
  struct iovec all = {&registers, sizeof registers};
  if (request(PTRACE_GETREGSET, trace->pid, NT_PRSTATUS, (unsigned long)&all) < 0) return -1;
#if defined(__x86_64__)
  registers.rax = (unsigned long long)-(long long)number;
#elif defined(__aarch64__)
  registers.regs[0] = (unsigned long long)-(long long)number;
#else
#error "which register has a system call's result?"
#endif
  return request(PTRACE_SETREGSET, trace->pid, NT_PRSTATUS, (unsigned long)&all) < 0 ? -1 : 0;
}

/* Notes where the messages of a system call lie that begins, as far as it concerns netlink. */
static enum ctrace_stop begin(struct ctrace *trace, const struct ptrace_syscall_info *call) {
  uint64_t message = call->entry.args[1];
  size_t length = (size_t)call->entry.args[2];
  int is_receiving = call->entry.nr == SYS_recvmsg;
  trace->within = CTRACE_OTHER;
  if (is_receiving || call->entry.nr == SYS_sendmsg) {
    struct msghdr parts;
    struct iovec first;
    if (peek(trace->pid, message, &parts, sizeof parts) < 0 || parts.msg_iovlen == 0) return CTRACE_OTHER;
    if (peek(trace->pid, (uint64_t)(uintptr_t)parts.msg_iov, &first, sizeof first) < 0) return CTRACE_OTHER;
    message = (uint64_t)(uintptr_t)first.iov_base;
    length = first.iov_len;
  } else if (call->entry.nr != SYS_sendto) {
    return CTRACE_OTHER;
  }
  trace->descriptor = (int)call->entry.args[0];
  trace->protocol = netlink_protocol(trace->pid, trace->descriptor);
  if (trace->protocol < 0) return CTRACE_OTHER;
  trace->address = message;
  trace->length = length;
  trace->within = is_receiving ? CTRACE_RECEIVED : CTRACE_SENT;
  return is_receiving ? CTRACE_OTHER : CTRACE_SENDING;
}

static enum ctrace_stop end(struct ctrace *trace, const struct ptrace_syscall_info *call) {
  enum ctrace_stop stop = trace->within;
  trace->within = CTRACE_OTHER;
  if (stop != CTRACE_RECEIVED) return stop;
  /* What is longer than its place was cut. */
  if (call->exit.is_error || call->exit.rval <= 0) return CTRACE_OTHER;
  if ((size_t)call->exit.rval < trace->length) trace->length = (size_t)call->exit.rval;
  return CTRACE_RECEIVED;
}

enum ctrace_stop ctrace_wait(struct ctrace *trace, int *signal) {
  pid_t pid = trace->pid;
  siginfo_t info;
  int status = 0;
  *signal = 0;
  /* An end is only looked at, so that the child is reaped where its exit status is wanted. */
  while (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) < 0)
    if (errno != EINTR) return CTRACE_ENDED;
  if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) return CTRACE_ENDED;
  if (waitpid(pid, &status, __WALL | WNOHANG) != pid) return CTRACE_OTHER;
  if (!WIFSTOPPED(status)) return CTRACE_ENDED;
  if (WSTOPSIG(status) != SYSCALL_STOP) {
    /* A signal on its way, unless it is a stop that tracing itself brought about, or one to wait for the tracer. */
    int number = WSTOPSIG(status);
    if (status >> 16 == 0 && number != SIGSTOP) *signal = number;
    return CTRACE_OTHER;
  }
  struct ptrace_syscall_info call;
  memset(&call, 0, sizeof call);
  if (request(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, (unsigned long)&call) < 0) return CTRACE_OTHER;
  switch (call.op) {
  case PTRACE_SYSCALL_INFO_ENTRY: return begin(trace, &call);
  case PTRACE_SYSCALL_INFO_EXIT: return end(trace, &call);
  default: return CTRACE_OTHER;
  }
}
