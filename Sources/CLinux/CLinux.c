#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

const char *clinux_errno_name(int number) { return strerrorname_np(number); }

int clinux_terminal_columns(int fd) {
  struct winsize size;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

#ifndef LITEBOXD_COMMIT
#define LITEBOXD_COMMIT "unknown"
#endif

const char *clinux_build_commit(void) { return LITEBOXD_COMMIT; }
