#ifndef CLINUX_H
#define CLINUX_H

#include <spawn.h>
#include <stdint.h>
#include <sys/types.h>

/* Why each function is here: Swift cannot call what it stands for. */

/* unshare(2) and setns(2) are declared under _GNU_SOURCE only, which Swift's Glibc module does not set.
 * Each returns 0, or -1 with errno. */
int clinux_unshare_network(void);
int clinux_setns_network(int fd);

/* ioctl(2) is variadic. Opens /dev/net/tun as a TAP device of that name (tuntap.rst), non-persistent:
 * the link goes with the descriptor. Returns the descriptor, or -1 with errno. */
int clinux_open_tap(const char *name);

/* accept4(2) exists under _GNU_SOURCE only. The connection is non-blocking and closes on exec. Returns its
 * descriptor, or -1 with errno. */
int clinux_accept(int fd);

/* SO_PEERCRED's struct ucred exists under _GNU_SOURCE only. Returns 0, or -1 with errno. */
int clinux_peer_credentials(int fd, pid_t *pid, uid_t *uid, gid_t *gid);

/* The macros of linux/capability.h and the raw capget(2): the effective set of this process, bit n for
 * capability n. Returns 0, or -1 with errno. */
int clinux_effective_capabilities(uint64_t *bits);

/* posix_spawn_file_actions_addclosefrom_np(3) exists under _GNU_SOURCE only: the child gets no descriptor from
 * `first` upwards. Returns 0 or an error number. */
int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

/* SO_NETNS_COOKIE is newer than glibc's headers: the number of this socket's network namespace, which no other
 * gets before the next boot (kernel 5.14). Returns 0, or -1 with errno. */
int clinux_network_namespace_cookie(uint64_t *cookie);

/* SO_TIMESTAMPNS is a conditional expression of macros, and so are those that take control messages apart (cmsg(3)).
 * The first has the kernel note when packets arrive. The second is recv(2) that tells how long ago that was, in
 * nanoseconds of the wall clock; 0 without a note. Each returns -1 with errno when it fails. */
int clinux_note_arrivals(int fd);
ssize_t clinux_receive_with_age(int fd, void *buffer, size_t length, int64_t *age);

/* dl_iterate_phdr(3) exists under _GNU_SOURCE only. Unmaps the program's pages that were never written to: whoever needs
 * one again finds it in the page cache (MADV_DONTNEED, madvise(2)). What only a start takes goes from memory with that. */
void clinux_forget_program(void);

/* BPF_STMT and BPF_JUMP are function-like macros. The rtnetlink socket hears no more of routes in the main table but for
 * default ones: they are filtered where they are made (SO_ATTACH_FILTER, socket(7)), whatever a routing daemon does.
 * Returns 0, or -1 with errno. */
int clinux_skip_main_routes(int fd);

/* struct sockaddr_ll and classic BPF's macros (packet(7), linux/filter.h). The first opens a socket that sees IPv4
 * datagrams of UDP to that address (host order) on every link, from the network header on; the second is recv(2) that
 * tells the link, and whether the packet was on its way out. Each returns -1 with errno when it fails. */
int clinux_watch_datagrams(uint32_t destination);
ssize_t clinux_receive_datagram(int fd, void *buffer, size_t length, int *link, int *is_outgoing);

/* bpf(2) has no wrapper in the C library. How many programs are attached to the link by tcx (kernel 6.6), both
 * directions together; 0 where the kernel knows none such. Returns -1 with errno. */
int clinux_attached_programs(int link);

/* struct timex is of bit-fields (adjtimex(2)), which is asked and told nothing. Returns 1 when somebody keeps the
 * clock, 0 when nobody does, or -1 with errno. */
int clinux_clock_is_synchronised(void);

/* strerrorname_np(3) exists under _GNU_SOURCE only. NULL for a number without a name. */
const char *clinux_errno_name(int number);

/* ioctl(2) is variadic. Columns and rows of the terminal behind the descriptor; 0 if there is none. */
int clinux_terminal_columns(int fd);
int clinux_terminal_rows(int fd);

/* A string macro given to the compiler cannot reach Swift: the revision that this was built from, or "unknown"
 * (-DLITEBOXD_COMMIT="…"). */
const char *clinux_build_commit(void);

#endif
