#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

int clinux_unshare_network(void) { return unshare(CLONE_NEWNET); }

int clinux_setns_network(int fd) { return setns(fd, CLONE_NEWNET); }

int clinux_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

int clinux_open_tap(const char *name) {
  struct ifreq request;
  if (strlen(name) >= sizeof request.ifr_name) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, name);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd >= 0 && ioctl(fd, TUNSETIFF, &request) < 0) {
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
  }
  return fd;
}

int clinux_note_arrivals(int fd) {
  int on = 1;
  return setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

ssize_t clinux_receive_with_age(int fd, void *buffer, size_t length, int64_t *age) {
  union {
    char bytes[CMSG_SPACE(sizeof(struct timespec))];
    struct cmsghdr alignment;
  } control;
  struct iovec place = {buffer, length};
  struct msghdr message = {
      .msg_iov = &place, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  *age = 0;
  ssize_t count = recvmsg(fd, &message, 0);
  if (count < 0) return count;
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
    struct timespec arrival, now;
    memcpy(&arrival, CMSG_DATA(part), sizeof arrival);
    clock_gettime(CLOCK_REALTIME, &now);
    *age = (int64_t)(now.tv_sec - arrival.tv_sec) * 1000000000 + (now.tv_nsec - arrival.tv_nsec);
  }
  return count;
}

int clinux_peer_credentials(int fd, pid_t *pid, uid_t *uid, gid_t *gid) {
  struct ucred peer;
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -1;
  *pid = peer.pid;
  *uid = peer.uid;
  *gid = peer.gid;
  return 0;
}

int clinux_effective_capabilities(uint64_t *bits) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, data) < 0) return -1;
  *bits = data[0].effective | (uint64_t)data[1].effective << 32;
  return 0;
}

int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np(actions, first);
}

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int clinux_network_namespace_cookie(uint64_t *cookie) {
  socklen_t length = sizeof *cookie;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int result = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &length);
  int saved = errno;
  close(fd);
  errno = saved;
  return result;
}

/* On raw packets of AF_PACKET with SOCK_DGRAM, which begin with the network header: version 4, UDP, destination. */
int clinux_watch_datagrams(uint32_t destination) {
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x40, 0, 5),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, destination, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 256),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  struct sock_fprog filter = {sizeof program / sizeof program[0], program};
  struct sockaddr_ll everywhere = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
  /* Without a protocol it sees nothing until it is bound, so that nothing comes past the filter. */
  int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0 ||
      bind(fd, (struct sockaddr *)&everywhere, sizeof everywhere) < 0) {
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
  }
  return fd;
}

ssize_t clinux_receive_datagram(int fd, void *buffer, size_t length, int *link, int *is_outgoing) {
  struct sockaddr_ll from;
  socklen_t size = sizeof from;
  ssize_t count = recvfrom(fd, buffer, length, 0, (struct sockaddr *)&from, &size);
  if (count < 0) return count;
  *link = from.sll_ifindex;
  *is_outgoing = from.sll_pkttype == PACKET_OUTGOING;
  return count;
}

int clinux_attached_programs(int link) {
  /* BPF_TCX_INGRESS and BPF_TCX_EGRESS, which older headers lack. */
  const int directions[] = {46, 47};
  int count = 0;
  for (int i = 0; i < 2; i++) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    /* In the same place as target_ifindex. */
    attributes.query.target_fd = link;
    attributes.query.attach_type = directions[i];
    if (syscall(SYS_bpf, BPF_PROG_QUERY, &attributes, sizeof attributes) == 0) {
      count += attributes.query.prog_cnt;
    } else if (errno != EINVAL && errno != ENOSYS && errno != ENOENT) {
      return -1;
    }
  }
  return count;
}

int clinux_clock_is_synchronised(void) {
  struct timex clock;
  memset(&clock, 0, sizeof clock);
  if (adjtimex(&clock) < 0) return -1;
  return !(clock.status & STA_UNSYNC);
}

const char *clinux_errno_name(int number) { return strerrorname_np(number); }

int clinux_terminal_columns(int fd) {
  struct winsize size;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int clinux_terminal_rows(int fd) {
  struct winsize size;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

#ifndef LITEBOXD_COMMIT
#define LITEBOXD_COMMIT "unknown"
#endif

const char *clinux_build_commit(void) { return LITEBOXD_COMMIT; }

int clinux_skip_main_routes(int fd) {
  /* One event is one message. A filter reads numbers in network order, and the header has them in the host's. */
  enum { TYPE = offsetof(struct nlmsghdr, nlmsg_type), ROUTE = sizeof(struct nlmsghdr) };
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 5),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ROUTE + offsetof(struct rtmsg, rtm_table)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RT_TABLE_MAIN, 0, 3),
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ROUTE + offsetof(struct rtmsg, rtm_dst_len)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static int forget_segments(struct dl_phdr_info *object, size_t size, void *unused) {
  (void)size;
  (void)unused;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || segment->p_flags & PF_W) continue;
    uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
    uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz + page - 1) & ~(page - 1);
    /* A page that is shared with what follows belongs to a mapping of its own there. */
    madvise((void *)start, end - start, MADV_DONTNEED);
  }
  /* The first object is the program; the libraries are shared with others. */
  return 1;
}

void clinux_forget_program(void) { dl_iterate_phdr(forget_segments, NULL); }
