#include "CFloor.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONGEST = 256, MOST = 256, TRIES = 3 };

/* An object as the kernel dumped it: the payload behind nlmsghdr. */
struct object {
  uint16_t type; /* RTM_NEWROUTE or RTM_NEWRULE */
  size_t length;
  uint8_t payload[LONGEST];
  bool is_missing;
  /* Put back, and not read since. */
  bool is_unread;
};

struct floor {
  const struct cfloor_state *state;
  struct mnl_socket *requests;
  struct mnl_socket *events;
  uint32_t own_port;
  uint32_t sequence;
  struct object held[MOST];
  int count;
  bool is_learning;
  uint8_t buffer[1 << 16];
};

static uint32_t number_of(const struct nlmsghdr *message, size_t header, uint16_t type) {
  const struct nlattr *attribute;
  mnl_attr_for_each(attribute, message, header) {
    if (mnl_attr_get_type(attribute) == type && mnl_attr_get_payload_len(attribute) >= 4)
      return mnl_attr_get_u32(attribute);
  }
  return 0;
}

static bool is_owned(const struct floor *floor, const struct nlmsghdr *message) {
  if (message->nlmsg_type == RTM_NEWROUTE || message->nlmsg_type == RTM_DELROUTE) {
    uint32_t table = number_of(message, sizeof(struct rtmsg), RTA_TABLE);
    return table == floor->state->tables[0] || table == floor->state->tables[1];
  }
  const struct nlattr *attribute;
  mnl_attr_for_each(attribute, message, sizeof(struct fib_rule_hdr)) {
    if (mnl_attr_get_type(attribute) == FRA_PROTOCOL)
      return mnl_attr_get_u8(attribute) == floor->state->protocol;
  }
  return false;
}

static struct object *find(struct floor *floor, const struct nlmsghdr *message, uint16_t type) {
  size_t length = mnl_nlmsg_get_payload_len(message);
  const void *payload = mnl_nlmsg_get_payload(message);
  for (int index = 0; index < floor->count; index++) {
    struct object *object = &floor->held[index];
    if (object->type == type && object->length == length && memcmp(object->payload, payload, length) == 0)
      return object;
  }
  return NULL;
}

/* Of a dump: learns it, or notes that it was read back. */
static int take_dumped(const struct nlmsghdr *message, void *data) {
  struct floor *floor = data;
  if (!is_owned(floor, message)) return MNL_CB_OK;
  if (!floor->is_learning) {
    struct object *object = find(floor, message, message->nlmsg_type);
    if (object) object->is_unread = false;
    return MNL_CB_OK;
  }
  size_t length = mnl_nlmsg_get_payload_len(message);
  if (floor->count == MOST || length > LONGEST) return MNL_CB_ERROR;
  struct object *object = &floor->held[floor->count++];
  object->type = message->nlmsg_type;
  object->length = length;
  memcpy(object->payload, mnl_nlmsg_get_payload(message), length);
  return MNL_CB_OK;
}

static int dump(struct floor *floor, uint16_t type, uint32_t table) {
  struct nlmsghdr *message = mnl_nlmsg_put_header(floor->buffer);
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message->nlmsg_seq = ++floor->sequence;
  struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof *header);
  header->rtm_family = AF_INET;
  if (type == RTM_GETROUTE) mnl_attr_put_u32(message, RTA_TABLE, table);
  if (mnl_socket_sendto(floor->requests, message, message->nlmsg_len) < 0) return -errno;
  int more = MNL_CB_OK;
  while (more > MNL_CB_STOP) {
    ssize_t got = mnl_socket_recvfrom(floor->requests, floor->buffer, sizeof floor->buffer);
    if (got < 0) return -errno;
    more = mnl_cb_run(floor->buffer, (size_t)got, floor->sequence, floor->own_port, take_dumped, floor);
  }
  return more < 0 && errno != ENOENT ? -errno : 0;
}

static int put_back(struct floor *floor, const struct object *object) {
  struct nlmsghdr *message = mnl_nlmsg_put_header(floor->buffer);
  message->nlmsg_type = object->type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
  if (object->type == RTM_NEWROUTE) message->nlmsg_flags |= NLM_F_REPLACE;
  message->nlmsg_seq = ++floor->sequence;
  memcpy(mnl_nlmsg_put_extra_header(message, object->length), object->payload, object->length);
  if (mnl_socket_sendto(floor->requests, message, message->nlmsg_len) < 0) return -errno;
  ssize_t got = mnl_socket_recvfrom(floor->requests, floor->buffer, sizeof floor->buffer);
  if (got < 0) return -errno;
  return mnl_cb_run(floor->buffer, (size_t)got, floor->sequence, floor->own_port, NULL, NULL) < 0 ? -errno : 0;
}

/* 1 when it had to be written. */
static int hold_parameter(const struct cfloor_parameter *parameter) {
  char now[32] = {0};
  int file = open(parameter->path, O_RDWR | O_CLOEXEC);
  if (file < 0) return -errno;
  int changed = 0;
  size_t length = strlen(parameter->value);
  if (pread(file, now, sizeof now - 1, 0) < (ssize_t)length || strncmp(now, parameter->value, length) != 0) {
    if (pwrite(file, parameter->value, length, 0) < 0) changed = -errno;
    else if (pread(file, now, sizeof now - 1, 0) < 0) changed = -errno;
    else changed = strncmp(now, parameter->value, length) == 0 ? 1 : -EIO;
  }
  close(file);
  return changed;
}

/* What an event says to be gone or in another's place; `parameters` is set where one of those may have changed. */
static void take_event(struct floor *floor, const struct nlmsghdr *message, bool *parameters) {
  if (message->nlmsg_pid == floor->own_port) return;
  switch (message->nlmsg_type) {
  case RTM_DELROUTE:
  case RTM_DELRULE: {
    struct object *object = find(floor, message, message->nlmsg_type - 1);
    if (object) object->is_missing = true;
    break;
  }
  case RTM_NEWROUTE:
    /* In the place of a held route with a prefix as long: those that carry traffic are put back. */
    if (is_owned(floor, message) && !find(floor, message, RTM_NEWROUTE))
      for (int index = 0; index < floor->count; index++) {
        struct object *object = &floor->held[index];
        const struct rtmsg *theirs = mnl_nlmsg_get_payload(message);
        if (object->type == RTM_NEWROUTE && object->payload[1] == theirs->rtm_dst_len &&
            object->payload[7] == RTN_UNICAST)
          object->is_missing = true;
      }
    break;
  case RTM_NEWADDR:
    /* The kernel took the routes through the link without a word when its address went. */
    for (int index = 0; index < floor->count; index++)
      if (floor->held[index].type == RTM_NEWROUTE && floor->held[index].payload[7] == RTN_UNICAST)
        floor->held[index].is_missing = true;
    break;
  case RTM_NEWNETCONF: *parameters = true; break;
  }
}

/* Puts back what is missing and reads it back; what is not there then is missing again. The number of repairs. */
static int restore(struct floor *floor) {
  int changes = 0, error = 0;
  bool rules = false, tables[2] = {false, false};
  for (int index = 0; index < floor->count; index++) {
    struct object *object = &floor->held[index];
    if (!object->is_missing) continue;
    error = put_back(floor, object);
    if (error == -ENETUNREACH) continue; /* The link's address is gone: once that is back. */
    if (error < 0) return error;
    object->is_missing = false;
    object->is_unread = true;
    changes++;
    if (object->type == RTM_NEWRULE) rules = true;
    else tables[object->payload[4] == floor->state->tables[0] ? 0 : 1] = true;
  }
  if (rules && (error = dump(floor, RTM_GETRULE, 0)) < 0) return error;
  for (int table = 0; table < 2; table++)
    if (tables[table] && (error = dump(floor, RTM_GETROUTE, floor->state->tables[table])) < 0) return error;
  for (int index = 0; index < floor->count; index++) {
    struct object *object = &floor->held[index];
    if (!object->is_unread) continue;
    object->is_unread = false;
    object->is_missing = true;
    changes--;
  }
  return changes;
}

static bool is_anything_missing(const struct floor *floor) {
  for (int index = 0; index < floor->count; index++)
    if (floor->held[index].is_missing) return true;
  return false;
}

/* The number of repairs, verified. */
static int repair(struct floor *floor, bool parameters) {
  int changes = 0, done = 0;
  /* Somebody may take it away again, and a dump may miss what changes beside it. */
  for (int tries = 0; tries < TRIES && is_anything_missing(floor); tries++) {
    if ((done = restore(floor)) < 0) return done;
    changes += done;
  }
  for (int index = 0; parameters && index < floor->state->parameter_count; index++) {
    if ((done = hold_parameter(&floor->state->parameters[index])) < 0) return done;
    changes += done;
  }
  return changes;
}

static int listen_to(struct floor *floor) {
  unsigned groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV4_IFADDR | 1u << (RTNLGRP_IPV4_NETCONF - 1);
  int on = 1;
  floor->requests = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  floor->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  if (!floor->requests || !floor->events) return -errno;
  if (mnl_socket_bind(floor->requests, 0, MNL_SOCKET_AUTOPID) < 0) return -errno;
  if (mnl_socket_bind(floor->events, groups, MNL_SOCKET_AUTOPID) < 0) return -errno;
  mnl_socket_setsockopt(floor->requests, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  floor->own_port = mnl_socket_get_portid(floor->requests);
  return 0;
}

static int learn(struct floor *floor) {
  int error;
  floor->is_learning = true;
  if ((error = dump(floor, RTM_GETRULE, 0)) < 0) return error;
  for (int table = 0; table < 2; table++)
    if ((error = dump(floor, RTM_GETROUTE, floor->state->tables[table])) < 0) return error;
  floor->is_learning = false;
  return 0;
}

/* Waits for an event, takes it and all that wait behind it, and repairs. */
static int turn(struct floor *floor) {
  static uint8_t events[1 << 16];
  bool parameters = false;
  int descriptor = mnl_socket_get_fd(floor->events);
  ssize_t got = recv(descriptor, events, sizeof events, 0);
  while (got > 0) {
    int left = (int)got;
    for (struct nlmsghdr *message = (struct nlmsghdr *)events; mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left))
      take_event(floor, message, &parameters);
    got = recv(descriptor, events, sizeof events, MSG_DONTWAIT);
  }
  if (got < 0 && errno != EAGAIN && errno != EINTR) return -errno;
  int changes = repair(floor, parameters);
  if (changes > 0) dprintf(STDOUT_FILENO, "changes=%d\n", changes);
  return changes;
}

int cfloor_hold(const struct cfloor_state *state) {
  struct floor *floor = calloc(1, sizeof *floor);
  if (!floor) return -ENOMEM;
  floor->state = state;
  int error = listen_to(floor);
  if (error == 0) error = learn(floor);
  if (error == 0) dprintf(STDOUT_FILENO, "ready\n");
  while (error >= 0) error = turn(floor);
  return error;
}
