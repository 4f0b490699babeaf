// Names of at most 16 bytes in two registers.

#ifndef DB_SHORT_NAME_HPP
#define DB_SHORT_NAME_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace deskbeat {

/// At most 16 bytes as two little-endian words, the rest zero, so that names are compared and hashed without a loop.
struct ShortName {
    static constexpr size_t longest = 16;

    uint64_t low = 0;
    uint64_t high = 0;
    /// A name may end in NUL bytes.
    uint64_t length = 0;

    constexpr ShortName() = default;

    /// A literal.
    constexpr ShortName(const char *name) {
        for (; name[length] != 0; ++length) {
            const uint64_t byte = static_cast<uint8_t>(name[length]);
            (length < 8 ? low : high) |= byte << (length % 8 * 8);
        }
    }

    /// The first `n` of the 16 bytes that it reads; `n` is at most 16.
    ShortName(const uint8_t *bytes, size_t n) : length(n) {
        std::memcpy(&low, bytes, 8);
        std::memcpy(&high, bytes + 8, 8);
        low &= firstBytes(n);
        high &= firstBytes(n < 8 ? 0 : n - 8);
    }

    constexpr bool operator==(const ShortName &other) const {
        return low == other.low && high == other.high && length == other.length;
    }

    /// Eight bits for small tables.
    constexpr uint8_t hash() const {
        return static_cast<uint8_t>(((low ^ high * 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9) >> 56);
    }

   private:
    static uint64_t firstBytes(size_t n) { return n >= 8 ? ~uint64_t{0} : (uint64_t{1} << (n * 8)) - 1; }
};

}  // namespace deskbeat

#endif
