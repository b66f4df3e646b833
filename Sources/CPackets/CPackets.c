#define _GNU_SOURCE
#include "CPackets.h"

#include <sched.h>
#include <string.h>
#include <sys/socket.h>

int cpackets_send(int fd, const void *ring, size_t count, size_t stride, size_t length, size_t first) {
  struct mmsghdr messages[CPACKETS_BURST];
  struct iovec parts[CPACKETS_BURST];
  memset(messages, 0, sizeof messages);
  for (size_t i = 0; i < CPACKETS_BURST; i++) {
    parts[i].iov_base = (char *)ring + (first + i) % count * stride;
    parts[i].iov_len = length;
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  return sendmmsg(fd, messages, CPACKETS_BURST, 0);
}

int cpackets_stay_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return sched_setaffinity(0, sizeof set, &set);
}
