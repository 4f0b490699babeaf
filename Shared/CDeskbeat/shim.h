#ifndef CDESKBEAT_SHIM_H
#define CDESKBEAT_SHIM_H

#include <fcntl.h>
#include <sys/prctl.h>
#include <zlib.h>

// Swift cannot see macros with arguments (inflateInit2) nor call variadic functions (prctl).

/// Prepares `stream` to inflate gzip members with the largest window.
static inline int deskbeat_gunzip_init(z_stream *stream) { return inflateInit2(stream, MAX_WBITS + 16); }

/// Has the kernel send `signal` to this process when the thread that created it ends; kept over execve.
static inline int deskbeat_die_with_parent(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }

// Declared by <unistd.h> only under _GNU_SOURCE, which Swift's importer does not define.
extern int pipe2(int ends[2], int flags);

/// A pipe that children do not inherit unless it is handed to them.
static inline int deskbeat_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

#endif
