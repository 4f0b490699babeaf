// Values of each form.

#include <algorithm>

#include "Decoder.hpp"
#include "Hash.hpp"

using namespace deskbeat;

namespace {

constexpr size_t idLimit = 200;
constexpr size_t labelLimit = 100;

constexpr uint8_t onHold = 4;

bool isHold(const uint8_t *name, size_t length) { return length == 4 && std::memcmp(name, "hold", 4) == 0; }

bool isText(const Token &token) { return token.kind == Kind::string || token.kind == Kind::number; }

}  // namespace

// `decode` has reserved the value's own length (and that of its attributes) before the first of these is called,
// and unescaped text is never longer than what stands in the value; only folding can grow it.
db_span db_decoder::append(const Token &token) {
    const auto offset = static_cast<uint32_t>(arena_.used());
    uint32_t length = token.length;
    arena_.reserve(length);
    if (token.escaped) {
        length = static_cast<uint32_t>(unescape(arena_.end(), token.bytes, token.length));
    } else {
        copy(arena_.end(), token.bytes, length);
    }
    arena_.advance(length);
    return {offset, length};
}

db_text db_decoder::text(db_span span) {
    return {span.offset, span.length, hash64(arena_.base() + span.offset, span.length)};
}

bool db_decoder::identifier(const Token &token, db_text &out) {
    if (!isText(token)) return false;
    const db_span span = append(token);
    out = text(span);
    return span.length > 0 && span.length <= idLimit;
}

bool db_decoder::freeText(const Token &token, size_t maximum, db_text &out) {
    if (!isText(token)) return false;
    const db_span span = append(token);
    out = text(span);
    return span.length <= maximum;
}

bool db_decoder::foldLast(db_span &span) {
    if (span.length > labelLimit) return false;
    uint8_t lower[labelLimit + 16];
    if (lowerCopy(lower, arena_.base() + span.offset, span.length)) {
        copy(arena_.base() + span.offset, lower, span.length);
        return true;
    }
    const ptrdiff_t length = fold_(arena_.base() + span.offset, span.length, lower, labelLimit);
    if (length < 0) return false;
    arena_.shrinkTo(span.offset);
    arena_.reserve(static_cast<size_t>(length));
    std::memcpy(arena_.end(), lower, static_cast<size_t>(length));
    arena_.advance(static_cast<size_t>(length));
    span.length = static_cast<uint32_t>(length);
    return true;
}

/// A free label, folded; `empty` says that there is none ("" is no label).
bool db_decoder::label(const Token &token, db_text &out, bool &empty) {
    if (!isText(token)) return false;
    db_span span;
    arena_.reserve(labelLimit);
    if (!token.escaped && token.length <= labelLimit && lowerCopy(arena_.end(), token.bytes, token.length)) {
        span = {static_cast<uint32_t>(arena_.used()), token.length};
        arena_.advance(token.length);
    } else {
        span = append(token);
        if (!foldLast(span)) return false;
    }
    if (&out == &event_->priority && !priorityAliases_.empty()) {
        const auto alias = priorityAliases_.find(
            std::string(reinterpret_cast<const char *>(arena_.base()) + span.offset, span.length));
        if (alias != priorityAliases_.end()) {
            arena_.shrinkTo(span.offset);
            arena_.reserve(alias->second.size());
            std::memcpy(arena_.end(), alias->second.data(), alias->second.size());
            arena_.advance(alias->second.size());
            span.length = static_cast<uint32_t>(alias->second.size());
        }
    }
    empty = span.length == 0;
    out = empty ? db_text{0, 0, 0} : text(span);
    return true;
}

/// A member of a closed set; code 0 when it is none of them. False when it is no text at all.
bool db_decoder::closedSet(const Token &token, const ClosedSet &set, bool isStatus, uint8_t &code) {
    if (!isText(token)) return false;
    code = 0;
    uint8_t lower[32];
    if (!token.escaped && token.length <= 16 && lowerCopy(lower, token.bytes, token.length)) {
        if (!isStatus || statusAliases_.empty()) {
            code = codeOf(set, lower, token.length);
            if (isStatus && code == 0 && isHold(lower, token.length)) code = onHold;
            return true;
        }
    }
    const size_t used = arena_.used();
    db_span span = append(token);
    if (foldLast(span)) {
        const uint8_t *name = arena_.base() + span.offset;
        code = codeOf(set, name, span.length);
        if (isStatus && code == 0) {
            const auto alias = statusAliases_.find(std::string(reinterpret_cast<const char *>(name), span.length));
            if (alias != statusAliases_.end()) code = alias->second;
        }
        if (isStatus && code == 0 && isHold(name, span.length)) code = onHold;
    }
    arena_.shrinkTo(used);
    return true;
}

bool db_decoder::time(const Token &token, int64_t &micros) {
    if (token.kind != Kind::string) return false;
    if (!token.escaped) return parseTime(token.bytes, token.length, micros);
    const size_t used = arena_.used();
    const db_span span = append(token);
    arena_.shrinkTo(used);
    return parseTime(arena_.base() + span.offset, span.length, micros);
}

/// A score: a number in millionths, with its text, because numbers are not normalised.
bool db_decoder::micro(const Token &token, int64_t &value, db_span &out) {
    if (token.kind != Kind::number) return false;
    const Scaled number = scaled(token.bytes, token.length, 6);
    value = number.value;
    out = append(token);
    return number.fits;
}

/// Money, prices and fractions: a JSON number or a string of the same grammar, at most 40 bytes.
bool db_decoder::decimal(const TypeRow &row, const Token &token, Member member, db_span &out, bool &quoted) {
    if (!isText(token)) return false;
    out = append(token);
    quoted = token.kind == Kind::string;
    const uint8_t *bytes = arena_.base() + out.offset;
    if (out.length == 0 || out.length > 40 || !isNumber(bytes, out.length)) return false;
    const Scaled number = scaled(bytes, out.length, 6);
    if (!number.fits) return false;
    if (member == mMargin) return number.value <= 1000000;
    const bool negative = bytes[0] == '-' && !(number.value == 0 && number.exact);
    return !negative || (row.rules & ruleNegativeAmount) != 0;
}

/// `2026-11` or `2026-11-03`.
bool db_decoder::period(const Token &token, db_text &out) {
    if (token.kind != Kind::string) return false;
    const db_span span = append(token);
    const uint8_t *p = arena_.base() + span.offset;
    unsigned century, year, month, day = 1;
    if (span.length != 7 && span.length != 10) return false;
    bool valid = digits2(p, century) && digits2(p + 2, year) && p[4] == '-' && digits2(p + 5, month);
    if (span.length == 10) valid = valid && p[7] == '-' && digits2(p + 8, day);
    if (!valid || !isDate(century * 100 + year, month, day)) return false;
    out = text(span);
    event_->entity = out;
    return true;
}

/// An integer, or digits as a string.
bool db_decoder::sequence(const Token &token) {
    if (!isText(token)) return false;
    const size_t used = arena_.used();
    const db_span span = append(token);
    arena_.shrinkTo(used);
    const uint8_t *p = arena_.base() + span.offset;
    if (token.kind == Kind::string) {
        size_t i = span.length > 0 && p[0] == '-' ? 1 : 0;
        if (i == span.length) return false;
        for (; i < span.length; ++i) {
            if (!isDigit(p[i])) return false;
        }
    }
    const Scaled number = scaled(p, span.length, 0);
    if (!number.fits || !number.exact) return false;
    event_->sequence = number.value;
    event_->has_sequence = true;
    return true;
}

/// Events of a batch mostly have one source, which then stands in the arena already.
bool db_decoder::source(const Token &token) {
    if (token.kind != Kind::string) return false;
    db_text &source = event_->source;
    if (!token.escaped && token.length != 0 && token.length == lastSource_.length &&
        std::memcmp(arena_.base() + lastSource_.offset, token.bytes, token.length) == 0) {
        source = lastSource_;
        return true;
    }
    if (!freeText(token, 2048, source) || source.length == 0 ||
        std::memchr(arena_.base() + source.offset, 0, source.length) != nullptr) {
        return false;
    }
    lastSource_ = source;
    lastSourceState_ = identityState(source);
    return true;
}

/// FNV-1a over a source and the NUL behind it.
uint64_t db_decoder::identityState(const db_text &source) const {
    const uint8_t nul = 0;
    return fnv1a(&nul, 1, fnv1a(arena_.base() + source.offset, source.length));
}

/// Tags are a set of labels: folded, sorted by bytes, each once.
uint8_t db_decoder::readTags(const Token &token) {
    if (token.kind != Kind::array) return failMember(invalidField, mTags);
    const auto first = static_cast<uint32_t>(tags_.size());
    int64_t place = 0;
    bool valid = true;
    document_.elements(token.at, [&](const Token &element) {
        db_text tag;
        bool empty = false;
        valid = label(element, tag, empty);
        if (!valid) return false;
        ++place;
        if (!empty) tags_.push_back(tag);
        return true;
    });
    if (!valid) return failMember(invalidField, mTags, nullptr, place);
    const uint8_t *base = arena_.base();
    const auto bytesOf = [base](const db_text &t) {
        return std::string_view(reinterpret_cast<const char *>(base) + t.offset, t.length);
    };
    const auto begin = tags_.begin() + first;
    std::sort(begin, tags_.end(), [&](const db_text &a, const db_text &b) { return bytesOf(a) < bytesOf(b); });
    tags_.erase(std::unique(begin, tags_.end(),
                            [&](const db_text &a, const db_text &b) { return bytesOf(a) == bytesOf(b); }),
                tags_.end());
    event_->tag_first = first;
    event_->tag_count = static_cast<uint32_t>(tags_.size()) - first;
    return ok;
}

uint8_t db_decoder::readVoids(const Token &token) {
    if (token.kind != Kind::object) return failMember(invalidField, mVoids);
    Token source, id;
    document_.members(token.at, [&](const Token &key, uint32_t i) {
        Token ignored;
        const Name name(key);
        return document_.value(i, name.is("source") ? source : name.is("id") ? id : ignored);
    });
    const auto missing = [](const Token &t) { return t.kind == Kind::absent || t.kind == Kind::null; };
    if (missing(source)) return failMember(missingField, mVoids, "source");
    if (missing(id)) return failMember(missingField, mVoids, "id");
    if (source.kind != Kind::string || !freeText(source, 2048, event_->voids_source) ||
        event_->voids_source.length == 0) {
        return failMember(invalidField, mVoids, "source");
    }
    if (!identifier(id, event_->voids_id)) return failMember(invalidField, mVoids, "id");
    const db_text &voided = event_->voids_id;
    event_->voids_identity =
        fnv1a(arena_.base() + voided.offset, voided.length, identityState(event_->voids_source));
    return ok;
}

uint8_t db_decoder::readScale(const Token &token) {
    if (token.kind != Kind::array) return failMember(invalidField, mScale);
    int64_t place = 0;
    bool valid = true;
    document_.elements(token.at, [&](const Token &element) {
        valid = place < 2 && micro(element, place == 0 ? event_->scale_min : event_->scale_max,
                                   place == 0 ? event_->scale_min_text : event_->scale_max_text);
        ++place;
        return valid;
    });
    return valid && place == 2 ? ok : failMember(invalidField, mScale);
}

/// Members that `keep_unknown` lists, by name, their values without white space.
void db_decoder::readExtras() {
    event_->extra_first = static_cast<uint32_t>(extras_.size());
    for (const Extra &extra : found_) {
        const db_span name = append(extra.name);
        const auto offset = static_cast<uint32_t>(arena_.used());
        if (extra.value.kind == Kind::object || extra.value.kind == Kind::array) {
            arena_.reserve(extra.value.length);
            uint8_t *to = arena_.end();
            size_t n = 0;
            bool inString = false;
            for (uint32_t k = 0; k < extra.value.length; ++k) {
                const uint8_t c = extra.value.bytes[k];
                if (inString && c == '\\') {
                    to[n++] = c;
                    to[n++] = extra.value.bytes[++k];
                    continue;
                }
                if (c == '"') inString = !inString;
                if (inString || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) to[n++] = c;
            }
            arena_.advance(n);
        } else {
            const uint32_t quote = extra.value.kind == Kind::string ? 1 : 0;
            const uint32_t length = extra.value.length + 2 * quote;
            arena_.reserve(length);
            std::memcpy(arena_.end(), extra.value.bytes - quote, length);
            arena_.advance(length);
        }
        extras_.push_back({name, {offset, static_cast<uint32_t>(arena_.used()) - offset}});
    }
    const uint8_t *base = arena_.base();
    const auto nameOf = [base](const db_extra &e) {
        return std::string_view(reinterpret_cast<const char *>(base) + e.name.offset, e.name.length);
    };
    std::sort(extras_.begin() + event_->extra_first, extras_.end(),
              [&](const db_extra &a, const db_extra &b) { return nameOf(a) < nameOf(b); });
    event_->extra_count = static_cast<uint32_t>(extras_.size()) - event_->extra_first;
}
