#include "Schema.hpp"

#include <cstring>

#include "CSimdjson.h"
#include "Hash.hpp"

namespace deskbeat {

namespace {

template <size_t N>
constexpr ClosedSet closed(const ShortName (&names)[N]) {
    return {names, static_cast<uint8_t>(N)};
}

constexpr ShortName channelNames[] = {"phone", "email", "chat", "web", "social", "sms", "messaging", "api", "other"};
constexpr ShortName statusNames[] = {"new", "open", "pending", "on_hold", "solved", "closed"};
constexpr ShortName initiatorNames[] = {"customer", "agent", "system"};
constexpr ShortName participantNames[] = {"customer", "agent", "bot", "system"};
constexpr ShortName outcomeNames[] = {"voicemail", "callback"};
constexpr ShortName abandonedNames[] = {"queue", "ivr"};
constexpr ShortName agentStateNames[] = {"available", "busy", "break", "offline"};
constexpr ShortName kindNames[] = {"csat", "nps", "ces", "agent_csat"};
constexpr ShortName directionNames[] = {"high_is_good", "low_is_good"};
constexpr ShortName intervalNames[] = {"day", "week", "month", "quarter", "year"};

constexpr ClosedSet initiators = closed(initiatorNames), participants = closed(participantNames),
                    outcomes = closed(outcomeNames), abandonments = closed(abandonedNames),
                    agentStates = closed(agentStateNames), kinds = closed(kindNames),
                    directions = closed(directionNames), intervals = closed(intervalNames);

}  // namespace

const ClosedSet channels = closed(channelNames), statuses = closed(statusNames);

#define AT(field) static_cast<uint16_t>(offsetof(db_event, field))

// In the order of `Member`.
const MemberSpec memberSpecs[memberCount] = {
    {"ticket_id", Form::id, AT(ticket), 0, nullptr},
    {"customer_id", Form::id, AT(customer), 0, nullptr},
    {"channel", Form::channel, AT(channel), 0, nullptr},
    {"priority", Form::priority, AT(priority), 0, nullptr},
    {"category", Form::label, AT(category), 0, nullptr},
    {"subcategory", Form::label, AT(subcategory), 0, nullptr},
    {"team", Form::label, AT(team), 0, nullptr},
    {"agent_id", Form::id, AT(agent), 0, nullptr},
    {"tier", Form::label, AT(tier), 0, nullptr},
    {"segment", Form::label, AT(segment), 0, nullptr},
    {"tags", Form::tags, 0, 0, nullptr},
    {"initiator", Form::set, AT(initiator), 0, &initiators},
    {"status", Form::status, AT(status), 0, nullptr},
    {"actor", Form::set, AT(actor), 0, &participants},
    {"reason", Form::text, AT(reason_text), 0, nullptr},
    {"author", Form::set, AT(author), 0, &participants},
    {"public", Form::boolean, AT(is_public), 0, nullptr},
    {"seconds", Form::duration, AT(seconds), 0, nullptr},
    {"created_at", Form::time, AT(created_at), 0, nullptr},
    {"into", Form::id, AT(into), 0, nullptr},
    {"voids", Form::voids, 0, 0, nullptr},
    {"contact_id", Form::id, AT(entity), 0, nullptr},
    {"queue", Form::label, AT(queue), 0, nullptr},
    {"talk_seconds", Form::duration, AT(talk_seconds), 0, nullptr},
    {"hold_seconds", Form::duration, AT(hold_seconds), 0, nullptr},
    {"wrap_seconds", Form::duration, AT(wrap_seconds), 0, nullptr},
    {"resolved", Form::boolean, AT(resolved), 0, nullptr},
    {"outcome", Form::set, AT(outcome), 0, &outcomes},
    {"in", Form::set, AT(abandoned_in), 0, &abandonments},
    {"state", Form::set, AT(agent_state), 0, &agentStates},
    {"survey_id", Form::id, AT(entity), 0, nullptr},
    {"feedback_id", Form::id, AT(entity), 0, nullptr},
    {"kind", Form::set, AT(kind), 0, &kinds},
    {"score", Form::micro, AT(score), AT(score_text), nullptr},
    {"scale", Form::scale, AT(scale_min), AT(scale_min_text), nullptr},
    {"direction", Form::set, AT(direction), 0, &directions},
    {"comment", Form::comment, AT(comment), 0, nullptr},
    {"satisfied_from", Form::micro, AT(satisfied_from), AT(satisfied_from_text), nullptr},
    {"sentiment", Form::micro, AT(sentiment), AT(sentiment_text), nullptr},
    {"subscription_id", Form::id, AT(subscription), 0, nullptr},
    {"purchase_id", Form::id, AT(purchase), 0, nullptr},
    {"mrr", Form::decimal, AT(mrr), AT(mrr_quoted), nullptr},
    {"amount", Form::decimal, AT(amount), AT(amount_quoted), nullptr},
    {"interval", Form::set, AT(interval), 0, &intervals},
    {"interval_count", Form::positive, AT(interval_count), 0, nullptr},
    {"quantity", Form::positive, AT(quantity), 0, nullptr},
    {"currency", Form::currency, AT(currency), 0, nullptr},
    {"plan", Form::label, AT(plan), 0, nullptr},
    {"margin", Form::decimal, AT(margin), AT(margin_quoted), nullptr},
    {"period", Form::period, AT(entity), 0, nullptr},
    {"cost_type", Form::text, AT(cost_type), 0, nullptr},
};

#undef AT

namespace {

template <class... Members>
constexpr uint64_t set(Members... members) {
    return (uint64_t{0} | ... | bit(members));
}

constexpr uint64_t attributes =
    set(mCustomerID, mChannel, mPriority, mCategory, mSubcategory, mTeam, mAgentID, mTier, mSegment, mTags);
constexpr uint64_t price = set(mMRR, mAmount, mInterval, mIntervalCount, mQuantity, mCurrency, mPlan);
constexpr uint64_t survey = set(mTicketID, mCustomerID, mAgentID, mChannel, mTeam, mCategory, mSegment);

constexpr TypeRow rows[] = {
    {"support.ticket.created", 1, eTicket, mTicketID, set(mTicketID), attributes | set(mInitiator, mStatus), ruleNone},
    {"support.ticket.updated", 2, eTicket, mTicketID, set(mTicketID), attributes, ruleNullClears},
    {"support.ticket.status_changed", 3, eTicket, mTicketID, set(mTicketID, mStatus), set(mAgentID, mActor, mReason),
     ruleNone},
    {"support.ticket.message", 4, eTicket, mTicketID, set(mTicketID, mAuthor), set(mPublic, mAgentID), ruleNone},
    {"support.ticket.worked", 5, eTicket, mTicketID, set(mTicketID, mSeconds), set(mAgentID), ruleNone},
    {"support.ticket.handed_off", 6, eTicket, mTicketID, set(mTicketID), set(mTeam, mAgentID), ruleNone},
    {"support.ticket.snapshot", 7, eTicket, mTicketID, set(mTicketID, mCreatedAt, mStatus),
     attributes | set(mInitiator), ruleNone},
    {"support.ticket.merged", 8, eTicket, mTicketID, set(mTicketID, mInto), 0, ruleNone},
    {"support.ticket.deleted", 9, eTicket, mTicketID, set(mTicketID), set(mReason), ruleDeletion},
    {"support.ticket.restored", 10, eTicket, mTicketID, set(mTicketID), 0, ruleNone},
    {"support.event.voided", 11, eTicket, mTicketID, set(mVoids),
     set(mTicketID, mContactID, mSurveyID, mFeedbackID, mCustomerID, mAgentID, mPeriod), ruleVoided},

    {"support.contact.queued", 20, eContact, mContactID, set(mContactID, mChannel),
     set(mTicketID, mCustomerID, mQueue, mTeam, mCategory, mTier, mSegment), ruleNone},
    {"support.contact.answered", 21, eContact, mContactID, set(mContactID), set(mAgentID, mTicketID), ruleNone},
    {"support.contact.held", 22, eContact, mContactID, set(mContactID), set(mTicketID), ruleNone},
    {"support.contact.resumed", 23, eContact, mContactID, set(mContactID), set(mTicketID), ruleNone},
    {"support.contact.transferred", 24, eContact, mContactID, set(mContactID), set(mTicketID, mTeam, mAgentID),
     ruleNone},
    {"support.contact.ended", 25, eContact, mContactID, set(mContactID),
     set(mTicketID, mTalkSeconds, mHoldSeconds, mWrapSeconds, mResolved, mOutcome), ruleNone},
    {"support.contact.wrapped", 26, eContact, mContactID, set(mContactID, mSeconds), set(mTicketID), ruleNone},
    {"support.contact.abandoned", 27, eContact, mContactID, set(mContactID), set(mTicketID, mIn), ruleNone},
    {"support.agent.state", 28, eAgent, mAgentID, set(mAgentID, mState), set(mTeam), ruleNone},

    {"support.survey.sent", 30, eSurvey, mSurveyID, set(mSurveyID, mKind), survey, ruleNone},
    {"support.survey.answered", 31, eSurvey, mSurveyID, set(mSurveyID, mKind, mScore),
     survey | set(mScale, mDirection, mComment, mSatisfiedFrom), ruleScore},
    {"support.feedback.received", 32, eFeedback, mFeedbackID, set(mFeedbackID, mChannel),
     set(mSentiment, mCustomerID, mCategory, mSegment), ruleNone},

    {"support.customer.created", 40, eCustomer, mCustomerID, set(mCustomerID), set(mSegment, mTier), ruleNone},
    {"support.customer.closed", 41, eCustomer, mCustomerID, set(mCustomerID), set(mReason), ruleNone},
    {"support.subscription.started", 42, eCustomer, mCustomerID, set(mCustomerID, mSubscriptionID), price, rulePrice},
    {"support.subscription.changed", 43, eCustomer, mCustomerID, set(mCustomerID, mSubscriptionID), price, rulePrice},
    {"support.subscription.cancelled", 44, eCustomer, mCustomerID, set(mCustomerID, mSubscriptionID), set(mReason),
     ruleNone},
    {"support.subscription.reactivated", 45, eCustomer, mCustomerID, set(mCustomerID, mSubscriptionID), price,
     rulePrice},
    {"support.purchase.completed", 46, eCustomer, mCustomerID, set(mCustomerID, mPurchaseID, mAmount),
     set(mCurrency, mMargin), ruleNone},
    {"support.purchase.refunded", 47, eCustomer, mCustomerID, set(mCustomerID, mPurchaseID, mAmount), set(mCurrency),
     ruleNone},
    {"support.customer.erased", 48, eCustomer, mCustomerID, set(mCustomerID), 0, ruleNone},

    {"support.cost.recorded", 50, ePeriod, mPeriod, set(mPeriod, mAmount), set(mCurrency, mCostType, mTeam),
     ruleNegativeAmount},
    {"support.revenue.recorded", 51, ePeriod, mPeriod, set(mPeriod, mAmount), set(mCurrency), ruleNegativeAmount},
    {"support.period.closed", 52, ePeriod, mPeriod, set(mPeriod), 0, ruleNone},
};

constexpr size_t rowCount = sizeof(rows) / sizeof(rows[0]);

/// Open addressing over the names of types, which are known when the program starts.
class TypeTable {
   public:
    TypeTable() {
        for (uint8_t row = 0; row < rowCount; ++row) {
            const size_t length = std::strlen(rows[row].name);
            size_t slot = hash64(reinterpret_cast<const uint8_t *>(rows[row].name), length) % slots;
            while (entries_[slot].name != nullptr) slot = (slot + 1) % slots;
            entries_[slot] = {rows[row].name, static_cast<uint8_t>(length), row};
        }
    }

    const TypeRow *find(const uint8_t *name, size_t length) const {
        size_t slot = hash64(name, length) % slots;
        while (entries_[slot].name != nullptr) {
            if (entries_[slot].length == length && std::memcmp(entries_[slot].name, name, length) == 0) {
                return &rows[entries_[slot].row];
            }
            slot = (slot + 1) % slots;
        }
        return nullptr;
    }

   private:
    static constexpr size_t slots = 128;
    struct Entry {
        const char *name = nullptr;
        uint8_t length = 0;
        uint8_t row = 0;
    };
    Entry entries_[slots];
};

/// The same over the names of members.
class MemberTable {
   public:
    MemberTable() {
        for (uint8_t member = 0; member < memberCount; ++member) {
            const ShortName name(memberSpecs[member].name);
            uint8_t slot = name.hash();
            while (entries_[slot].name.length != 0) ++slot;
            entries_[slot] = {name, static_cast<Member>(member)};
        }
    }

    Member find(const ShortName &name) const {
        uint8_t slot = name.hash();
        while (entries_[slot].name.length != 0) {
            if (entries_[slot].name == name) return entries_[slot].member;
            ++slot;
        }
        return memberCount;
    }

   private:
    struct Entry {
        ShortName name;
        Member member = memberCount;
    };
    Entry entries_[256];
};

const TypeTable types;
const MemberTable members;

}  // namespace

const TypeRow *typeNamed(const uint8_t *name, size_t length) { return types.find(name, length); }

const TypeRow *typeOf(uint8_t code) {
    for (const TypeRow &row : rows) {
        if (row.code == code) return &row;
    }
    return nullptr;
}

Member memberNamed(const uint8_t *name, size_t length) {
    return length > ShortName::longest ? memberCount : members.find(ShortName(name, length));
}

uint8_t codeOf(const ClosedSet &set, const uint8_t *name, size_t length) {
    if (length > ShortName::longest) return 0;
    const ShortName wanted(name, length);
    for (uint8_t k = 0; k < set.count; ++k) {
        if (set.names[k] == wanted) return k + 1;
    }
    return 0;
}

}  // namespace deskbeat

const char *db_type_name(uint8_t type) {
    const deskbeat::TypeRow *row = deskbeat::typeOf(type);
    return row == nullptr ? nullptr : row->name;
}

const char *db_member_name(uint8_t member) {
    return member < deskbeat::memberCount ? deskbeat::memberSpecs[member].name : nullptr;
}

uint64_t db_type_members(uint8_t type) {
    const deskbeat::TypeRow *row = deskbeat::typeOf(type);
    return row == nullptr ? 0 : row->required | row->optional;
}

uint64_t db_type_required(uint8_t type) {
    const deskbeat::TypeRow *row = deskbeat::typeOf(type);
    return row == nullptr ? 0 : row->required;
}

uint8_t db_type_key(uint8_t type) {
    const deskbeat::TypeRow *row = deskbeat::typeOf(type);
    return row == nullptr ? 255 : row->key;
}
