#include "Decoder.hpp"

#include <simdjson.h>

#include <algorithm>

#include "Hash.hpp"

using namespace deskbeat;

namespace {

constexpr size_t batchLimit = size_t{1} << 30;

const char *const attributePointers[] = {"/specversion", "/id", "/source", "/type", "/time", "/sequence", "/subject"};

/// DB_ATTRIBUTE code of an envelope member, 7 for `data`, 8 for any other.
uint32_t attributeNamed(const uint8_t *p, size_t n) {
    const auto is = [&](const char *name) { return std::memcmp(p, name, n) == 0; };
    switch (n) {
        case 2: return is("id") ? DB_ATTRIBUTE_ID : 8;
        case 4: return is("type") ? DB_ATTRIBUTE_TYPE : is("time") ? DB_ATTRIBUTE_TIME : is("data") ? 7 : 8;
        case 6: return is("source") ? DB_ATTRIBUTE_SOURCE : 8;
        case 7: return is("subject") ? DB_ATTRIBUTE_SUBJECT : 8;
        case 8: return is("sequence") ? DB_ATTRIBUTE_SEQUENCE : 8;
        case 11: return is("specversion") ? DB_ATTRIBUTE_SPECVERSION : 8;
        default: return 8;
    }
}

}  // namespace

// MARK: - Settings

std::string db_decoder::folded(const uint8_t *bytes, size_t length) {
    std::string out(length * 3 + 16, '\0'), padded(length + 16, '\0');
    std::memcpy(&padded[0], bytes, length);
    auto *to = reinterpret_cast<uint8_t *>(&out[0]);
    if (lowerCopy(to, reinterpret_cast<const uint8_t *>(padded.data()), length)) {
        out.resize(length);
        return out;
    }
    const ptrdiff_t n = fold_(bytes, length, to, out.size());
    out.resize(n < 0 ? 0 : static_cast<size_t>(n));
    return out;
}

void db_decoder::addPriorityAlias(const uint8_t *from, size_t fromLength, const uint8_t *to, size_t toLength) {
    priorityAliases_[folded(from, fromLength)] = folded(to, toLength);
}

void db_decoder::addStatusAlias(const uint8_t *from, size_t fromLength, uint8_t status) {
    statusAliases_[folded(from, fromLength)] = status;
}

void db_decoder::addCurrency(const uint8_t *code, size_t length) {
    currencies_.emplace_back(reinterpret_cast<const char *>(code), length);
}

void db_decoder::keepUnknown(const uint8_t *name, size_t length) {
    std::string padded(length + ShortName::longest, '\0');
    std::memcpy(&padded[0], name, length);
    if (memberNamed(reinterpret_cast<const uint8_t *>(padded.data()), length) == memberCount) {
        keep_.emplace_back(reinterpret_cast<const char *>(name), length);
    }
}

// MARK: - Batch

bool db_decoder::decode(const uint8_t *bytes, const db_slice *slices, size_t count, const db_attribute *attributes,
                        const uint8_t *attributeBytes, int64_t now) {
    size_t total = 0;
    for (size_t k = 0; k < count; ++k) total += slices[k].length > 0 ? static_cast<size_t>(slices[k].length) : 0;
    if (total > batchLimit) return false;
    now_ = now;
    arena_.clear();
    tags_.clear();
    extras_.clear();
    lastSource_ = {0, 0, 0};
    if (events_.size() < count) events_.resize(count);
    for (size_t k = 0; k < count; ++k) {
        const db_slice &slice = slices[k];
        event_ = &events_[k];
        std::memset(event_, 0, sizeof(db_event));
        event_->sequence = -1;
        event_->error_offset = -1;
        const size_t tags = tags_.size(), extras = extras_.size(), used = arena_.used();
        if (slice.length < 0) {
            event_->reason = malformedJSON;
            continue;
        }
        const auto length = static_cast<size_t>(slice.length);
        if (length > maximumBytes_) {
            event_->reason = tooLarge;
            continue;
        }
        arena_.reserve(length + 1024);
        members_.seen = 0;
        for (Token &attribute : envelope_.attributes) attribute.kind = Kind::absent;
        envelope_.data.kind = Kind::absent;
        found_.clear();
        uint8_t reason = slice.attribute_count == 0 ? read(bytes + slice.offset, length)
                                                    : readBinary(bytes + slice.offset, slice, attributes, attributeBytes);
        if (reason == ok) reason = judge();
        if (reason == ok) continue;
        // A refused event leaves nothing but its reason.
        const int32_t offset = event_->error_offset;
        const std::string pointer(reinterpret_cast<const char *>(arena_.base()) + event_->pointer.offset,
                                  event_->pointer.length);
        std::memset(event_, 0, sizeof(db_event));
        event_->sequence = -1;
        event_->reason = reason;
        event_->error_offset = offset;
        tags_.resize(tags);
        extras_.resize(extras);
        arena_.shrinkTo(used);
        if (lastSource_.offset >= used) lastSource_ = {0, 0, 0};
        std::memcpy(arena_.end(), pointer.data(), pointer.size());
        event_->pointer = text({static_cast<uint32_t>(used), static_cast<uint32_t>(pointer.size())});
        arena_.advance(pointer.size());
    }
    return true;
}

// MARK: - Grammar

uint8_t db_decoder::read(const uint8_t *bytes, size_t length) {
    if (!document_.index(bytes, length)) {
        event_->error_offset = static_cast<int32_t>(document_.error());
        return malformedJSON;
    }
    uint32_t next;
    if (document_.at(0) == '{') {
        next = document_.members(0, [this](const Token &key, uint32_t i) { return envelopeMember(key, i); });
    } else {
        Token token;
        next = document_.value(0, token);
        if (next != 0 && next == document_.count()) return notCloudEvents;
    }
    if (next != 0 && next != document_.count()) document_.fail(next);
    if (next != document_.count()) {
        event_->error_offset = static_cast<int32_t>(document_.error());
        return malformedJSON;
    }
    return ok;
}

uint32_t db_decoder::envelopeMember(const Token &key, uint32_t i) {
    const Name name(key);
    const uint32_t attribute = attributeNamed(name.bytes, name.length);
    Token ignored;
    if (attribute < 7) return document_.value(i, envelope_.attributes[attribute]);
    if (attribute == 8) return document_.value(i, ignored);
    if (document_.at(i) != '{') return document_.value(i, envelope_.data);
    // Of a name that comes twice the last one counts, of `data` too.
    members_.seen = 0;
    found_.clear();
    envelope_.data.kind = Kind::object;
    return document_.members(i, [this](const Token &member, uint32_t at) { return dataMember(member, at); });
}

uint32_t db_decoder::dataMember(const Token &key, uint32_t i) {
    const Name name(key);
    const Member member = memberNamed(name.bytes, name.length);
    Token ignored;
    if (member != memberCount) {
        members_.seen |= bit(member);
        return document_.value(i, members_.tokens[member]);
    }
    const uint32_t next = document_.value(i, ignored);
    for (const std::string &keep : keep_) {
        if (next == 0 || keep.size() != name.length ||
            std::memcmp(keep.data(), name.bytes, name.length) != 0) {
            continue;
        }
        const auto same = [&](const Extra &e) {
            const Name other(e.name);
            return other.length == name.length && std::memcmp(other.bytes, name.bytes, name.length) == 0;
        };
        found_.erase(std::remove_if(found_.begin(), found_.end(), same), found_.end());
        found_.push_back({key, ignored});
    }
    return next;
}

uint8_t db_decoder::readBinary(const uint8_t *bytes, const db_slice &slice, const db_attribute *attributes,
                               const uint8_t *attributeBytes) {
    size_t total = 0;
    for (uint32_t k = 0; k < slice.attribute_count; ++k) {
        const db_attribute &attribute = attributes[slice.attribute_first + k];
        const uint8_t *value = attributeBytes + attribute.offset;
        if (attribute.name >= 7) continue;
        total += attribute.length;
        if (!simdjson::validate_utf8(reinterpret_cast<const char *>(value), attribute.length)) {
            return fail(invalidField, attributePointers[attribute.name]);
        }
        Token &token = envelope_.attributes[attribute.name];
        token = Token{value, attribute.length, 0, Kind::string, false};
    }
    if (total > maximumBytes_) return tooLarge;
    arena_.reserve(total + static_cast<size_t>(slice.length) + 1024);
    const auto length = static_cast<size_t>(slice.length);
    // No data at all is a missing member, not broken JSON: CloudEvents allows events without data.
    if (length == 0) {
        return ok;
    }
    uint32_t next = 0;
    if (document_.index(bytes, length)) {
        if (document_.at(0) == '{') {
            envelope_.data.kind = Kind::object;
            next = document_.members(0, [this](const Token &member, uint32_t at) { return dataMember(member, at); });
        } else {
            next = document_.value(0, envelope_.data);
        }
        if (next != 0 && next == document_.count()) return ok;
        if (next != 0) document_.fail(next);
    }
    event_->error_offset = static_cast<int32_t>(document_.error());
    return malformedJSON;
}

// MARK: - C interface

db_decoder *db_decoder_create(size_t maximum_bytes, int64_t future_tolerance, db_fold fold) {
    return new db_decoder(maximum_bytes, future_tolerance, fold);
}

void db_decoder_destroy(db_decoder *decoder) { delete decoder; }

void db_add_priority_alias(db_decoder *d, const uint8_t *from, size_t from_length, const uint8_t *to,
                           size_t to_length) {
    d->addPriorityAlias(from, from_length, to, to_length);
}

void db_add_status_alias(db_decoder *d, const uint8_t *from, size_t from_length, uint8_t status) {
    d->addStatusAlias(from, from_length, status);
}

void db_add_currency(db_decoder *d, const uint8_t *code, size_t length) { d->addCurrency(code, length); }

void db_add_satisfied_scale(db_decoder *d, int64_t minimum, int64_t maximum) {
    d->addSatisfiedScale(minimum, maximum);
}

void db_keep_unknown(db_decoder *d, const uint8_t *name, size_t length) { d->keepUnknown(name, length); }

bool db_decode(db_decoder *d, const uint8_t *bytes, const db_slice *slices, size_t count,
               const db_attribute *attributes, const uint8_t *attribute_bytes, int64_t now) {
    return d->decode(bytes, slices, count, attributes, attribute_bytes, now);
}

const db_event *db_events(const db_decoder *d) { return d->events().data(); }

const uint8_t *db_arena(const db_decoder *d, size_t *length) {
    *length = d->arena().used();
    return d->arena().base();
}

const db_text *db_tags(const db_decoder *d, size_t *count) {
    *count = d->tags().size();
    return d->tags().data();
}

const db_extra *db_extras(const db_decoder *d, size_t *count) {
    *count = d->extras().size();
    return d->extras().data();
}
