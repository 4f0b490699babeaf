// Bytes of JSON strings: scanning, copying, unescaping, lower case. The loops over 16 bytes are written so that
// every compiler makes one vector operation of them; they read and write up to 15 bytes too many, which the
// padding behind the input and the slack of the arena allow.

#ifndef DB_TEXT_HPP
#define DB_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "ShortName.hpp"

namespace deskbeat {

/// Growing byte store of one batch. Offsets into it stay valid, pointers do not.
class Arena {
   public:
    Arena() = default;
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;
    ~Arena() { std::free(bytes_); }

    void clear() { used_ = 0; }
    size_t used() const { return used_; }
    uint8_t *base() { return bytes_; }
    const uint8_t *base() const { return bytes_; }
    uint8_t *end() { return bytes_ + used_; }
    void advance(size_t count) { used_ += count; }
    void shrinkTo(size_t used) { used_ = used; }

    /// Room for `count` bytes and the slack of the 16-byte loops.
    void reserve(size_t count) {
        const size_t needed = used_ + count + 64;
        if (needed <= capacity_) {
            return;
        }
        size_t capacity = capacity_ < 4096 ? 4096 : capacity_;
        while (capacity < needed) {
            capacity *= 2;
        }
        auto *grown = static_cast<uint8_t *>(std::realloc(bytes_, capacity));
        if (grown == nullptr) {
            std::abort();
        }
        bytes_ = grown;
        capacity_ = capacity;
    }

   private:
    uint8_t *bytes_ = nullptr;
    size_t used_ = 0;
    size_t capacity_ = 0;
};

/// Number of bytes in front of the first one that a JSON string has to escape. Reads nothing behind `n`.
inline size_t plainPrefix(const uint8_t *p, size_t n) {
    const auto plain = [p](size_t i) { return p[i] >= 0x20 && p[i] != '"' && p[i] != '\\'; };
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        uint8_t escape = 0;
        for (size_t k = 0; k < 16; ++k) escape |= plain(i + k) ? 0 : 1;
        if (escape != 0) break;
    }
    while (i < n && plain(i)) ++i;
    return i;
}

inline void copy(uint8_t *to, const uint8_t *from, size_t n) {
    size_t i = 0;
    do {
        std::memcpy(to + i, from + i, 16);
        i += 16;
    } while (i < n);
}

/// Copies with ASCII letters in lower case; false when a byte is not ASCII (the copy is then of no use).
inline bool lowerCopy(uint8_t *to, const uint8_t *from, size_t n) {
    constexpr uint64_t highBits = 0x8080808080808080;
    uint64_t high = 0;
    for (size_t i = 0; i < n; i += 16) {
        uint8_t block[16];
        std::memcpy(block, from + i, 16);
        for (size_t k = 0; k < 16; ++k) {
            to[i + k] = static_cast<uint8_t>(block[k] + (static_cast<uint8_t>(block[k] - 'A') < 26 ? 32 : 0));
        }
        const ShortName own(block, n - i < 16 ? n - i : 16);
        high |= own.low | own.high;
    }
    return (high & highBits) == 0;
}

inline int hexDigit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

inline int32_t hex4(const uint8_t *p) {
    int32_t value = 0;
    for (int k = 0; k < 4; ++k) {
        const int digit = hexDigit(p[k]);
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

/// Unescapes a JSON string of `n` bytes (a closing quote follows) into `to`, or only checks it when `to` is null.
/// The unescaped length, never above `n`; or -1 when an escape is wrong or a surrogate is alone.
inline ptrdiff_t unescape(uint8_t *to, const uint8_t *from, size_t n) {
    size_t i = 0, o = 0;
    const auto put = [&](uint32_t byte) {
        if (to != nullptr) to[o] = static_cast<uint8_t>(byte);
        ++o;
    };
    while (i < n) {
        const uint8_t c = from[i];
        if (c != '\\') {
            put(c);
            ++i;
            continue;
        }
        if (i + 1 >= n) return -1;
        switch (from[i + 1]) {
            case '"': put('"'); break;
            case '\\': put('\\'); break;
            case '/': put('/'); break;
            case 'b': put('\b'); break;
            case 'f': put('\f'); break;
            case 'n': put('\n'); break;
            case 'r': put('\r'); break;
            case 't': put('\t'); break;
            case 'u': {
                if (i + 6 > n) return -1;
                int32_t unit = hex4(from + i + 2);
                if (unit < 0) return -1;
                uint32_t code = static_cast<uint32_t>(unit);
                if (code >= 0xdc00 && code < 0xe000) return -1;
                if (code >= 0xd800 && code < 0xdc00) {
                    if (i + 12 > n || from[i + 6] != '\\' || from[i + 7] != 'u') return -1;
                    const int32_t low = hex4(from + i + 8);
                    if (low < 0xdc00 || low >= 0xe000) return -1;
                    code = 0x10000 + ((code - 0xd800) << 10) + (static_cast<uint32_t>(low) - 0xdc00);
                    i += 6;
                }
                if (code < 0x80) {
                    put(code);
                } else if (code < 0x800) {
                    put(0xc0 | code >> 6);
                    put(0x80 | (code & 0x3f));
                } else if (code < 0x10000) {
                    put(0xe0 | code >> 12);
                    put(0x80 | (code >> 6 & 0x3f));
                    put(0x80 | (code & 0x3f));
                } else {
                    put(0xf0 | code >> 18);
                    put(0x80 | (code >> 12 & 0x3f));
                    put(0x80 | (code >> 6 & 0x3f));
                    put(0x80 | (code & 0x3f));
                }
                i += 4;
                break;
            }
            default: return -1;
        }
        i += 2;
    }
    return static_cast<ptrdiff_t>(o);
}

}  // namespace deskbeat

#endif
