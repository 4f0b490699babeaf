// What the rest of the project needs of the same code: hashes, times, numbers, arrays of events.

#include <charconv>

#include "CSimdjson.h"
#include "Document.hpp"
#include "Hash.hpp"

uint64_t db_hash64(const uint8_t *bytes, size_t length, uint64_t seed) {
    return deskbeat::hash64(bytes, length, seed);
}

uint64_t db_fnv1a(const uint8_t *bytes, size_t length, uint64_t state) {
    return deskbeat::fnv1a(bytes, length, state);
}

size_t db_plain_prefix(const uint8_t *bytes, size_t length) { return deskbeat::plainPrefix(bytes, length); }

size_t db_format_double(double value, uint8_t *out) {
    auto *first = reinterpret_cast<char *>(out);
    return static_cast<size_t>(std::to_chars(first, first + 32, value).ptr - first);
}

bool db_parse_time(const uint8_t *bytes, size_t length, int64_t *micros) {
    return deskbeat::parseTime(bytes, length, *micros);
}

size_t db_split(const uint8_t *bytes, size_t length, void *context,
                void (*element)(void *context, size_t offset, size_t length)) {
    deskbeat::Document document;
    if (length > UINT32_MAX / 2 || !document.index(bytes, length)) return 1;
    deskbeat::Token token;
    const uint32_t next = document.value(0, token);
    if (next != document.count()) {
        const int64_t error = next == 0 ? document.error() : document.position(next);
        return 1 + static_cast<size_t>(error < 0 ? 0 : error);
    }
    const auto report = [&](const deskbeat::Token &value) {
        const size_t quote = value.kind == deskbeat::Kind::string ? 1 : 0;
        element(context, static_cast<size_t>(value.bytes - bytes) - quote, value.length + 2 * quote);
        return true;
    };
    if (token.kind == deskbeat::Kind::array) {
        document.elements(0, report);
    } else {
        report(token);
    }
    return 0;
}
