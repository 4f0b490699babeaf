// Hashes: wyhash for look-ups, FNV-1a for the identity of events.

#ifndef DB_HASH_HPP
#define DB_HASH_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace deskbeat {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "hashes are persisted and read words as little endian");

inline uint64_t load64(const uint8_t *p) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
}

inline uint64_t load32(const uint8_t *p) {
    uint32_t v;
    std::memcpy(&v, p, 4);
    return v;
}

inline uint64_t mix(uint64_t a, uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

/// wyhash, final version 4.2 (Wang Yi, public domain), with one lane: up to 48 bytes it is the reference.
inline uint64_t hash64(const uint8_t *p, size_t n, uint64_t seed = 0) {
    constexpr uint64_t s0 = 0x2d358dccaa6c78a5, s1 = 0x8bb84b93962eacc9;
    seed ^= mix(seed ^ s0, s1);
    uint64_t a = 0, b = 0;
    if (n <= 16) {
        if (n >= 4) {
            const size_t step = (n >> 3) << 2;
            a = load32(p) << 32 | load32(p + step);
            b = load32(p + n - 4) << 32 | load32(p + n - 4 - step);
        } else if (n > 0) {
            a = static_cast<uint64_t>(p[0]) << 16 | static_cast<uint64_t>(p[n >> 1]) << 8 | p[n - 1];
        }
    } else {
        size_t left = n;
        while (left > 16) {
            seed = mix(load64(p) ^ s1, load64(p + 8) ^ seed);
            p += 16;
            left -= 16;
        }
        a = load64(p + left - 16);
        b = load64(p + left - 8);
    }
    a ^= s1;
    b ^= seed;
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return mix(static_cast<uint64_t>(product) ^ s0 ^ n, static_cast<uint64_t>(product >> 64) ^ s1);
}

constexpr uint64_t fnvStart = 14695981039346656037u;

inline uint64_t fnv1a(const uint8_t *p, size_t n, uint64_t state = fnvStart) {
    for (size_t i = 0; i < n; ++i) {
        state = (state ^ p[i]) * 1099511628211u;
    }
    return state;
}

}  // namespace deskbeat

#endif
