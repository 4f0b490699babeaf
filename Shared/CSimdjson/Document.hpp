// One JSON text as simdjson's structural index, and the walk over it that checks the grammar.

#ifndef DB_DOCUMENT_HPP
#define DB_DOCUMENT_HPP

#include <simdjson.h>

#include <memory>

#include "Text.hpp"
#include "Scalars.hpp"

namespace deskbeat {

enum class Kind : uint8_t { absent, string, number, boolTrue, boolFalse, null, object, array };

/// One value: its bytes (of a string: between the quotes), and, of a container, where it begins in the index.
struct Token {
    const uint8_t *bytes = nullptr;
    uint32_t length = 0;
    uint32_t at = 0;
    Kind kind = Kind::absent;
    bool escaped = false;
};

class Document {
   public:
    /// Deepest nesting that is read; simdjson's own default.
    static constexpr uint32_t maximumDepth = 1024;

    /// Runs the first stage. False when the bytes cannot be JSON (UTF-8, open string, control character, nothing).
    bool index(const uint8_t *bytes, size_t length) {
        bytes_ = bytes;
        error_ = -1;
        length_ = static_cast<uint32_t>(length);
        if (length == 0) {
            error_ = 0;
            return false;
        }
        if (!fits(length)) return false;
        if (parser_->stage1(bytes, length, simdjson::stage1_mode::regular) != simdjson::SUCCESS) return false;
        index_ = parser_->structural_indexes.get();
        count_ = parser_->n_structural_indexes;
        escapes_ = std::memchr(bytes, '\\', length) != nullptr;
        return true;
    }

    uint32_t count() const { return count_; }
    /// Byte at which the grammar broke, -1 when unknown.
    int64_t error() const { return error_; }
    uint32_t position(uint32_t i) const { return i < count_ ? index_[i] : length_; }
    uint8_t at(uint32_t i) const { return i < count_ ? bytes_[index_[i]] : 0; }
    const uint8_t *bytes() const { return bytes_; }

    /// Reads the value at `i`; the index behind it, or 0 when the grammar is broken.
    uint32_t value(uint32_t i, Token &token) {
        const uint8_t first = at(i);
        if (first != '{' && first != '[') return scalar(i, token);
        token.at = i;
        token.kind = first == '{' ? Kind::object : Kind::array;
        token.escaped = false;
        const uint32_t next = container(i);
        if (next != 0) {
            token.bytes = bytes_ + index_[i];
            token.length = index_[next - 1] + 1 - index_[i];
        }
        return next;
    }

    /// Calls `member(key, i)` for each member of the object at `i`; it reads the value at `i` and returns the index
    /// behind it, or 0. Returns the index behind the object, or 0.
    template <class Member>
    uint32_t members(uint32_t i, Member &&member) {
        ++i;
        if (at(i) == '}') return i + 1;
        for (;;) {
            Token key;
            if (at(i) != '"') return fail(i);
            i = scalar(i, key);
            if (i == 0) return 0;
            if (at(i) != ':') return fail(i);
            i = member(key, i + 1);
            if (i == 0) return 0;
            const uint8_t c = at(i);
            if (c == '}') return i + 1;
            if (c != ',') return fail(i);
            ++i;
        }
    }

    /// Calls `element(token)` for each element of an array that has been checked before.
    template <class Element>
    void elements(uint32_t i, Element &&element) {
        ++i;
        if (at(i) == ']') return;
        for (;;) {
            Token token;
            i = value(i, token);
            if (i == 0 || !element(token) || at(i) != ',') return;
            ++i;
        }
    }

    uint32_t fail(uint32_t i) {
        error_ = position(i);
        return 0;
    }

   private:
    bool fits(size_t length) {
        if (parser_ != nullptr && length <= capacity_) return true;
        size_t capacity = 4096;
        while (capacity < length) capacity *= 2;
        if (parser_ == nullptr) {
            // The active implementation is chosen for the processor at run time, inside the shared library.
            if (simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, maximumDepth,
                                                                                        parser_) != simdjson::SUCCESS) {
                std::abort();
            }
        } else if (parser_->set_capacity(capacity) != simdjson::SUCCESS) {
            std::abort();
        }
        capacity_ = capacity;
        return true;
    }

    static bool isSpace(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

    uint32_t scalar(uint32_t i, Token &token) {
        if (i >= count_) return fail(i);
        const uint32_t begin = index_[i];
        // Between two structurals there is one scalar and white space, so its end is found from behind: the first
        // stage begins a new structural after a closing quote and after white space. The entry behind the last is
        // the length.
        uint32_t end = i + 1 < count_ ? index_[i + 1] : length_;
        while (bytes_[end - 1] <= ' ' && end > begin + 1 && isSpace(bytes_[end - 1])) --end;
        const uint8_t *p = bytes_ + begin;
        uint32_t n = end - begin;
        token.at = i;
        token.escaped = false;
        switch (*p) {
            case '"':
                if (n < 2 || p[n - 1] != '"') return fail(i);
                token.kind = Kind::string;
                ++p;
                n -= 2;
                if (escapes_ && std::memchr(p, '\\', n) != nullptr) {
                    if (unescape(nullptr, p, n) < 0) return fail(i);
                    token.escaped = true;
                }
                break;
            case 't':
                if (n != 4 || std::memcmp(p, "true", 4) != 0) return fail(i);
                token.kind = Kind::boolTrue;
                break;
            case 'f':
                if (n != 5 || std::memcmp(p, "false", 5) != 0) return fail(i);
                token.kind = Kind::boolFalse;
                break;
            case 'n':
                if (n != 4 || std::memcmp(p, "null", 4) != 0) return fail(i);
                token.kind = Kind::null;
                break;
            default:
                if (!isNumber(p, n)) return fail(i);
                token.kind = Kind::number;
        }
        token.bytes = p;
        token.length = n;
        return i + 1;
    }

    /// Checks the container at `i` without recursion; the index behind it, or 0.
    uint32_t container(uint32_t i) {
        uint64_t isObject[maximumDepth / 64];
        uint32_t depth = 0;
        Token token;
        for (;;) {
            // At the beginning of a value.
            const uint8_t c = at(i);
            if (c == '{' || c == '[') {
                if (depth == maximumDepth) return fail(i);
                const uint64_t bit = uint64_t{1} << (depth & 63);
                isObject[depth >> 6] = c == '{' ? isObject[depth >> 6] | bit : isObject[depth >> 6] & ~bit;
                ++depth;
                ++i;
                if (at(i) != (c == '{' ? '}' : ']')) {
                    if (c == '{' && (i = key(i)) == 0) return 0;
                    continue;
                }
            } else {
                i = scalar(i, token);
                if (i == 0) return 0;
            }
            // Behind a value, or at the end of an empty container.
            for (;;) {
                const uint32_t top = depth - 1;
                const bool inObject = (isObject[top >> 6] >> (top & 63) & 1) != 0;
                const uint8_t next = at(i);
                if (next == ',') {
                    ++i;
                    if (inObject && (i = key(i)) == 0) return 0;
                    break;
                }
                if (next != (inObject ? '}' : ']')) return fail(i);
                ++i;
                if (--depth == 0) return i;
            }
        }
    }

    uint32_t key(uint32_t i) {
        Token token;
        if (at(i) != '"') return fail(i);
        i = scalar(i, token);
        if (i == 0) return 0;
        if (at(i) != ':') return fail(i);
        return i + 1;
    }

    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
    size_t capacity_ = 0;
    const uint8_t *bytes_ = nullptr;
    uint32_t length_ = 0;
    const uint32_t *index_ = nullptr;
    uint32_t count_ = 0;
    int64_t error_ = -1;
    bool escapes_ = false;
};

}  // namespace deskbeat

#endif
