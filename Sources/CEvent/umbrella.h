// Before libevent's headers, whose event-config.h defines _GNU_SOURCE and so would give this module other
// layouts of the C library's structures than Swift's Glibc module has.
#include <sys/types.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <event2/util.h>
