#define _GNU_SOURCE
#include "CTrace.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/ptrace.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Raw, since the C library's header for ptrace(2) does not go with the kernel's. */
static long trace(long request, pid_t pid, unsigned long address, unsigned long data) {
  return syscall(SYS_ptrace, request, (long)pid, address, data);
}

enum { TRACE_SYSCALL = 24, SYSCALL_STOP = SIGTRAP | 0x80 };

int ctrace_seize(pid_t pid) {
  if (trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) < 0) return -1;
  return trace(PTRACE_INTERRUPT, pid, 0, 0) < 0 ? -1 : 0;
}

int ctrace_resume(pid_t pid, int signal) {
  return trace(TRACE_SYSCALL, pid, 0, (unsigned long)signal) < 0 ? -1 : 0;
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

/* Dumps and other questions change nothing. rtnetlink(7) numbers each family NEW, DEL, GET, SET; nftables takes
 * changes in batches alone. */
static int changes(int protocol, const struct nlmsghdr *header) {
  if ((header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP) return 0;
  switch (protocol) {
  case NETLINK_ROUTE: return (header->nlmsg_type & 3) != 2;
  case NETLINK_NETFILTER: return header->nlmsg_type == NFNL_MSG_BATCH_BEGIN;
  default: return 0;
  }
}

static int begins_change(pid_t pid, const struct ptrace_syscall_info *call) {
  uint64_t message = call->entry.args[1];
  struct nlmsghdr header;
  if (call->entry.nr == SYS_sendmsg) {
    struct msghdr parts;
    struct iovec first;
    if (peek(pid, message, &parts, sizeof parts) < 0 || parts.msg_iovlen == 0) return 0;
    if (peek(pid, (uint64_t)(uintptr_t)parts.msg_iov, &first, sizeof first) < 0) return 0;
    message = (uint64_t)(uintptr_t)first.iov_base;
  } else if (call->entry.nr != SYS_sendto) {
    return 0;
  }
  int protocol = netlink_protocol(pid, (int)call->entry.args[0]);
  return protocol >= 0 && peek(pid, message, &header, sizeof header) == 0 && changes(protocol, &header);
}

enum ctrace_stop ctrace_wait(pid_t pid, int *signal) {
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
  if (trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof call, (unsigned long)&call) < 0) return CTRACE_OTHER;
  if (call.op == PTRACE_SYSCALL_INFO_EXIT) return CTRACE_RETURNED;
  return call.op == PTRACE_SYSCALL_INFO_ENTRY && begins_change(pid, &call) ? CTRACE_CHANGE : CTRACE_OTHER;
}
