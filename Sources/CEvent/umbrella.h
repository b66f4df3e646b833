// Before libevent's headers, whose event-config.h defines _GNU_SOURCE and so would give this module other
// layouts of the C library's structures than Swift's Glibc module has.
#include <sys/types.h>

#include <event2/event.h>
#include <event2/listener.h>
