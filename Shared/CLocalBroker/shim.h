#ifndef CLOCALBROKER_SHIM_H
#define CLOCALBROKER_SHIM_H

#include <lz4frame.h>
#include <snappy-c.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

// Swift cannot see macros with arguments.

/// Prepares `stream` to inflate gzip members with the largest window.
static inline int clocalbroker_gunzip_init(z_stream *stream) { return inflateInit2(stream, MAX_WBITS + 16); }

/// Prepares `stream` to deflate into a gzip member.
static inline int clocalbroker_gzip_init(z_stream *stream) {
    return deflateInit2(stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
}

#if defined(__linux__)
// Declared by <fcntl.h> only under _GNU_SOURCE, which Swift's importer does not define.
extern int sync_file_range(int file, int64_t offset, int64_t count, unsigned int flags);

/// Has the system begin to write a range of a file to the disk, without waiting for it.
static inline int clocalbroker_start_writeback(int file, int64_t offset, int64_t count) {
    return sync_file_range(file, offset, count, 2 /* SYNC_FILE_RANGE_WRITE */);
}
#else
static inline int clocalbroker_start_writeback(int file, int64_t offset, int64_t count) { return 0; }
#endif

// CRC-32C by the processor's own instruction.
#if defined(__x86_64__)
#include <cpuid.h>

static inline int clocalbroker_has_crc32c(void) {
    unsigned int a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) ? 1 : 0;
}

__attribute__((target("sse4.2"))) static inline uint32_t
clocalbroker_crc32c(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *p = (const unsigned char *)bytes;
    uint64_t state = crc;
    for (; count >= 8; p += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        state = __builtin_ia32_crc32di(state, word);
    }
    crc = (uint32_t)state;
    for (; count > 0; p++, count--) crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static inline int clocalbroker_has_crc32c(void) { return 1; }

static inline uint32_t clocalbroker_crc32c(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *p = (const unsigned char *)bytes;
    for (; count >= 8; p += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        crc = __crc32cd(crc, word);
    }
    for (; count > 0; p++, count--) crc = __crc32cb(crc, *p);
    return crc;
}
#else
static inline int clocalbroker_has_crc32c(void) { return 0; }
static inline uint32_t clocalbroker_crc32c(uint32_t crc, const void *bytes, size_t count) { return crc; }
#endif

#endif
