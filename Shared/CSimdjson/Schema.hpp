// The contract as tables: members, closed sets, and one row for each event type.

#ifndef DB_SCHEMA_HPP
#define DB_SCHEMA_HPP

#include <cstddef>
#include <cstdint>

#include "ShortName.hpp"

namespace deskbeat {

/// Bits of `db_event.present`; `EventField` in Swift. New members go to the end.
enum Member : uint8_t {
    mTicketID, mCustomerID, mChannel, mPriority, mCategory, mSubcategory, mTeam, mAgentID, mTier, mSegment,
    mTags, mInitiator, mStatus, mActor, mReason, mAuthor, mPublic, mSeconds, mCreatedAt, mInto, mVoids,
    mContactID, mQueue, mTalkSeconds, mHoldSeconds, mWrapSeconds, mResolved, mOutcome, mIn, mState,
    mSurveyID, mFeedbackID, mKind, mScore, mScale, mDirection, mComment, mSatisfiedFrom, mSentiment,
    mSubscriptionID, mPurchaseID, mMRR, mAmount, mInterval, mIntervalCount, mQuantity, mCurrency, mPlan, mMargin,
    mPeriod, mCostType,
    memberCount,
};

constexpr uint64_t bit(Member m) { return uint64_t{1} << m; }

enum class Form : uint8_t {
    id, label, priority, text, comment, channel, status, set, boolean, duration, time, tags, voids, micro, scale,
    decimal, positive, currency, period,
};

struct ClosedSet {
    const ShortName *names;  // code = place + 1
    uint8_t count;
};

struct MemberSpec {
    const char *name;
    Form form;
    uint16_t offset;      // of the field in db_event
    uint16_t textOffset;  // micro: of the number as given; decimal: of the flag for "came as a string"
    const ClosedSet *set;
};

extern const MemberSpec memberSpecs[memberCount];
extern const ClosedSet channels, statuses;

enum EntityKind : uint8_t { eTicket = 1, eContact, eAgent, eSurvey, eFeedback, eCustomer, ePeriod };

enum TypeRule : uint8_t {
    ruleNone = 0,
    ruleNullClears = 1,
    ruleVoided = 2,
    rulePrice = 4,
    ruleScore = 8,
    ruleDeletion = 16,
    ruleNegativeAmount = 32,
};

struct TypeRow {
    const char *name;
    uint8_t code;
    EntityKind entity;
    Member key;
    uint64_t required;
    uint64_t optional;
    uint8_t rules;
};

/// The row of a type name, or of a code; null when there is none.
const TypeRow *typeNamed(const uint8_t *name, size_t length);
const TypeRow *typeOf(uint8_t code);

/// The member of that name, or memberCount. 16 bytes are readable.
Member memberNamed(const uint8_t *name, size_t length);

/// Code of a name in lower case (16 bytes are readable), or 0.
uint8_t codeOf(const ClosedSet &set, const uint8_t *name, size_t length);

}  // namespace deskbeat

#endif
