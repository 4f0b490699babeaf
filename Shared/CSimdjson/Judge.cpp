// What an event means: the checks in the order in which their reasons take precedence: envelope, type, required
// members, values, currency, time.

#include <algorithm>

#include "Decoder.hpp"
#include "Hash.hpp"

using namespace deskbeat;

namespace {

constexpr int64_t year2000 = 946684800000000;

bool missing(const Token &token) { return token.kind == Kind::absent || token.kind == Kind::null; }

}  // namespace

uint8_t db_decoder::fail(uint8_t reason, const char *pointer, const char *child, int64_t place) {
    std::string path = pointer;
    if (child != nullptr) path.append("/").append(child);
    if (place >= 0) path.append("/").append(std::to_string(place));
    arena_.reserve(path.size());
    event_->pointer.offset = static_cast<uint32_t>(arena_.used());
    event_->pointer.length = static_cast<uint32_t>(path.size());
    std::memcpy(arena_.end(), path.data(), path.size());
    arena_.advance(path.size());
    return reason;
}

uint8_t db_decoder::failMember(uint8_t reason, Member member, const char *child, int64_t place) {
    return fail(reason, (std::string("/data/") + memberSpecs[member].name).c_str(), child, place);
}

uint8_t db_decoder::judge() {
    if (const uint8_t reason = judgeEnvelope()) return reason;

    const Token &type = envelope_.attributes[DB_ATTRIBUTE_TYPE];
    db_span name = {0, 0};
    const uint8_t *bytes = type.bytes;
    size_t length = type.length;
    if (type.escaped) {
        name = append(type);
        bytes = arena_.base() + name.offset;
        length = name.length;
    }
    const TypeRow *row = typeNamed(bytes, length);
    if (row == nullptr) return fail(unknownType, "/type");
    event_->type = row->code;

    if (envelope_.data.kind != Kind::object) return fail(missingField, "/data");
    if (const uint8_t reason = judgeKey(*row)) return reason;

    for (uint64_t left = members_.seen & (row->required | row->optional); left != 0; left &= left - 1) {
        const auto member = static_cast<Member>(__builtin_ctzll(left));
        if (const uint8_t reason = judgeMember(*row, member)) return reason;
    }
    if (const uint8_t reason = judgeType(*row)) return reason;

    const Token &subject = envelope_.attributes[DB_ATTRIBUTE_SUBJECT];
    if (!missing(subject)) {
        if (subject.kind != Kind::string && subject.kind != Kind::number) return fail(invalidField, "/subject");
        const size_t used = arena_.used();
        const db_span given = append(subject);
        const db_text &entity = event_->entity;
        const bool equal = given.length == entity.length && std::memcmp(arena_.base() + given.offset,
                                                                        arena_.base() + entity.offset,
                                                                        given.length) == 0;
        if (!equal) return fail(invalidField, "/subject");
        arena_.shrinkTo(used);
    }
    if (!keep_.empty()) readExtras();
    if (const uint8_t reason = judgeCurrency()) return reason;
    return judgeTimes();
}

uint8_t db_decoder::judgeEnvelope() {
    const Token *attributes = envelope_.attributes;
    const Token &version = attributes[DB_ATTRIBUTE_SPECVERSION];
    if (version.kind != Kind::string || !Name(version).is("1.0")) return fail(notCloudEvents, "/specversion");
    if (missing(attributes[DB_ATTRIBUTE_ID])) return fail(missingField, "/id");
    if (missing(attributes[DB_ATTRIBUTE_SOURCE])) return fail(missingField, "/source");
    if (missing(attributes[DB_ATTRIBUTE_TYPE])) return fail(missingField, "/type");
    if (missing(attributes[DB_ATTRIBUTE_TIME])) return fail(missingField, "/time");
    if (!identifier(attributes[DB_ATTRIBUTE_ID], event_->id)) return fail(invalidField, "/id");

    if (!source(attributes[DB_ATTRIBUTE_SOURCE])) return fail(invalidField, "/source");
    if (attributes[DB_ATTRIBUTE_TYPE].kind != Kind::string) return fail(invalidField, "/type");
    if (!time(attributes[DB_ATTRIBUTE_TIME], event_->time)) return fail(invalidField, "/time");
    if (!missing(attributes[DB_ATTRIBUTE_SEQUENCE]) && !sequence(attributes[DB_ATTRIBUTE_SEQUENCE])) {
        return fail(invalidField, "/sequence");
    }
    event_->identity = fnv1a(arena_.base() + event_->id.offset, event_->id.length, lastSourceState_);
    return ok;
}

/// Required members, and which entity the event belongs to.
uint8_t db_decoder::judgeKey(const TypeRow &row) {
    for (uint64_t left = row.required; left != 0; left &= left - 1) {
        const auto member = static_cast<Member>(__builtin_ctzll(left));
        if ((members_.seen & bit(member)) == 0 || members_.tokens[member].kind == Kind::null) {
            return failMember(missingField, member);
        }
    }
    event_->entity_kind = row.entity;
    if ((row.rules & ruleVoided) == 0) return ok;

    static constexpr struct {
        Member key;
        EntityKind kind;
    } keys[] = {{mTicketID, eTicket},     {mContactID, eContact},   {mSurveyID, eSurvey}, {mFeedbackID, eFeedback},
                {mCustomerID, eCustomer}, {mAgentID, eAgent},       {mPeriod, ePeriod}};
    for (const auto &candidate : keys) {
        if ((members_.seen & bit(candidate.key)) == 0 || members_.tokens[candidate.key].kind == Kind::null) continue;
        event_->entity_kind = candidate.kind;
        // One entity only: the members of the others mean nothing here.
        for (const auto &other : keys) {
            if (other.key != candidate.key) members_.seen &= ~bit(other.key);
        }
        return ok;
    }
    return failMember(missingField, mTicketID);
}

uint8_t db_decoder::judgeMember(const TypeRow &row, Member member) {
    const Token &token = members_.tokens[member];
    const MemberSpec &spec = memberSpecs[member];
    if (token.kind == Kind::null) {
        if ((row.rules & ruleNullClears) != 0) event_->null |= bit(member);
        return ok;
    }
    bool valid = true, empty = false;
    uint8_t *const place = field(member);
    switch (spec.form) {
        case Form::id: {
            auto &text = *reinterpret_cast<db_text *>(place);
            valid = identifier(token, text);
            const bool isKey = member == row.key || (row.rules & ruleVoided) != 0;
            if (valid && isKey) event_->entity = text;
            break;
        }
        case Form::label:
        case Form::priority:
            valid = label(token, *reinterpret_cast<db_text *>(place), empty);
            break;
        case Form::text:
            valid = freeText(token, 1024, *reinterpret_cast<db_text *>(place));
            break;
        case Form::comment: {
            db_text text;
            valid = freeText(token, maximumBytes_, text);
            event_->comment = {text.offset, text.length};
            break;
        }
        case Form::channel:
            valid = closedSet(token, channels, false, *place);
            if (valid && *place == 0) *place = channels.count;
            break;
        case Form::status:
            valid = closedSet(token, statuses, true, *place) && *place != 0;
            break;
        case Form::set:
            valid = closedSet(token, *spec.set, false, *place) && *place != 0;
            break;
        case Form::boolean:
            valid = token.kind == Kind::boolTrue || token.kind == Kind::boolFalse;
            *reinterpret_cast<bool *>(place) = token.kind == Kind::boolTrue;
            break;
        case Form::duration: {
            valid = token.kind == Kind::number;
            if (!valid) break;
            const Scaled seconds = scaled(token.bytes, token.length, 3);
            valid = seconds.fits && seconds.value >= 0 && seconds.value <= 1000000000000 &&
                    (seconds.value != 0 || token.bytes[0] != '-' || seconds.exact);
            *reinterpret_cast<int64_t *>(place) = seconds.value;
            break;
        }
        case Form::time:
            valid = time(token, *reinterpret_cast<int64_t *>(place));
            break;
        case Form::tags:
            if (const uint8_t reason = readTags(token)) return reason;
            break;
        case Form::voids:
            if (const uint8_t reason = readVoids(token)) return reason;
            break;
        case Form::scale:
            if (const uint8_t reason = readScale(token)) return reason;
            break;
        case Form::micro: {
            auto *text = reinterpret_cast<uint8_t *>(event_) + spec.textOffset;
            valid = micro(token, *reinterpret_cast<int64_t *>(place), *reinterpret_cast<db_span *>(text));
            break;
        }
        case Form::decimal: {
            auto *quoted = reinterpret_cast<uint8_t *>(event_) + spec.textOffset;
            valid = decimal(row, token, member, *reinterpret_cast<db_span *>(place), *reinterpret_cast<bool *>(quoted));
            break;
        }
        case Form::positive: {
            valid = token.kind == Kind::number;
            if (!valid) break;
            const Scaled number = scaled(token.bytes, token.length, 0);
            valid = number.fits && number.exact && number.value > 0;
            *reinterpret_cast<int64_t *>(place) = number.value;
            break;
        }
        case Form::currency: {
            auto &text = *reinterpret_cast<db_text *>(place);
            valid = token.kind == Kind::string && freeText(token, 3, text) && text.length == 3;
            for (uint32_t k = 0; valid && k < 3; ++k) {
                uint8_t &c = arena_.base()[text.offset + k];
                valid = static_cast<uint8_t>((c | 0x20) - 'a') < 26;
                c &= 0xdf;
            }
            if (valid) text.hash = hash64(arena_.base() + text.offset, 3);
            break;
        }
        case Form::period:
            valid = period(token, *reinterpret_cast<db_text *>(place));
            break;
    }
    if (!valid) return failMember(invalidField, member);
    if (empty) {
        if ((row.rules & ruleNullClears) != 0) event_->null |= bit(member);
        return ok;
    }
    event_->present |= bit(member);
    return ok;
}

/// Rules of a type that concern several members.
uint8_t db_decoder::judgeType(const TypeRow &row) {
    if ((row.rules & ruleDeletion) != 0 && has(mReason)) {
        Token token = members_.tokens[mReason];
        static constexpr ShortName names[] = {"deleted", "spam"};
        uint8_t code = 0;
        if (closedSet(token, {names, 2}, false, code)) event_->deletion = code == 2 ? 2 : 1;
    }
    if ((row.rules & rulePrice) != 0) {
        if (!has(mMRR) && !has(mAmount)) return failMember(missingField, mMRR);
        if (!has(mMRR) && !has(mInterval)) return failMember(missingField, mInterval);
    }
    if ((row.rules & ruleScore) != 0) return judgeScore();
    if (has(mSentiment) && (event_->sentiment < -1000000 || event_->sentiment > 1000000)) {
        return failMember(invalidField, mSentiment);
    }
    return ok;
}

uint8_t db_decoder::judgeScore() {
    static constexpr int64_t defaults[][2] = {{1, 5}, {0, 10}, {1, 7}, {1, 5}};
    constexpr uint8_t csat = 1, nps = 2, agentCSAT = 4;
    if (!has(mScale)) {
        event_->scale_min = defaults[event_->kind - 1][0] * 1000000;
        event_->scale_max = defaults[event_->kind - 1][1] * 1000000;
    } else if (event_->scale_min >= event_->scale_max ||
               (event_->kind == nps && (event_->scale_min != 0 || event_->scale_max != 10000000))) {
        return failMember(invalidField, mScale);
    }
    if (event_->score < event_->scale_min || event_->score > event_->scale_max) {
        return failMember(invalidField, mScore);
    }
    const bool counts = event_->kind == csat || event_->kind == agentCSAT;
    if (counts && !satisfiedScales_.empty() && !has(mSatisfiedFrom)) {
        const std::pair<int64_t, int64_t> scale(event_->scale_min, event_->scale_max);
        if (std::find(satisfiedScales_.begin(), satisfiedScales_.end(), scale) == satisfiedScales_.end()) {
            return failMember(missingField, mSatisfiedFrom);
        }
    }
    return ok;
}

uint8_t db_decoder::judgeCurrency() {
    if (currencies_.empty() || !has(mCurrency)) return ok;
    const auto *code = reinterpret_cast<const char *>(arena_.base()) + event_->currency.offset;
    const std::string given(code, event_->currency.length);
    if (std::find(currencies_.begin(), currencies_.end(), given) != currencies_.end()) return ok;
    return failMember(unsupportedCurrency, mCurrency);
}

uint8_t db_decoder::judgeTimes() {
    const auto judge = [this](int64_t time) -> uint8_t {
        if (time < year2000) return tooLate;
        if (now_ != INT64_MAX && time - futureTolerance_ > now_) return inFuture;
        return ok;
    };
    if (const uint8_t reason = judge(event_->time)) return fail(reason, "/time");
    if (has(mCreatedAt)) {
        if (const uint8_t reason = judge(event_->created_at)) return failMember(reason, mCreatedAt);
    }
    return ok;
}
