// One decoder: settings, the batch's results, and the reading of one event.

#ifndef DB_DECODER_HPP
#define DB_DECODER_HPP

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "CSimdjson.h"
#include "Document.hpp"
#include "Schema.hpp"

namespace deskbeat {

enum Reason : uint8_t {
    ok = 0, malformedJSON, notCloudEvents, unknownType, missingField, invalidField, tooLarge, tooLate, inFuture,
    unsupportedCurrency,
};

/// Envelope attributes as they stand in the JSON or beside it.
struct Envelope {
    Token attributes[7];  // by DB_ATTRIBUTE code
    Token data;
};

/// Data members as they stand in the JSON, the last one of each name.
struct Members {
    Token tokens[memberCount];
    uint64_t seen = 0;
};

/// The name that a key stands for: its bytes, or, with escapes, the unescaped ones in `buffer`.
struct Name {
    uint8_t buffer[128 + 16];
    const uint8_t *bytes;
    size_t length;

    explicit Name(const Token &key) : bytes(key.bytes), length(key.length) {
        if (!key.escaped) return;
        // Six bytes for each byte of the longest name that means something, so a longer key is unknown anyhow.
        length = key.length <= sizeof(buffer) - 16 ? static_cast<size_t>(unescape(buffer, key.bytes, key.length)) : 0;
        bytes = buffer;
    }
    Name(const Name &) = delete;
    Name &operator=(const Name &) = delete;

    bool is(const char *name) const { return length == std::strlen(name) && std::memcmp(bytes, name, length) == 0; }
};

struct Extra {
    Token name;
    Token value;
};

}  // namespace deskbeat

struct db_decoder {
   public:
    db_decoder(size_t maximumBytes, int64_t futureTolerance, db_fold fold)
        : maximumBytes_(maximumBytes), futureTolerance_(futureTolerance), fold_(fold) {}

    void addPriorityAlias(const uint8_t *from, size_t fromLength, const uint8_t *to, size_t toLength);
    void addStatusAlias(const uint8_t *from, size_t fromLength, uint8_t status);
    void addCurrency(const uint8_t *code, size_t length);
    void addSatisfiedScale(int64_t minimum, int64_t maximum) { satisfiedScales_.emplace_back(minimum, maximum); }
    void keepUnknown(const uint8_t *name, size_t length);

    bool decode(const uint8_t *bytes, const db_slice *slices, size_t count, const db_attribute *attributes,
                const uint8_t *attributeBytes, int64_t now);

    const std::vector<db_event> &events() const { return events_; }
    const std::vector<db_text> &tags() const { return tags_; }
    const std::vector<db_extra> &extras() const { return extras_; }
    const deskbeat::Arena &arena() const { return arena_; }

   private:
    using Token = deskbeat::Token;
    using Member = deskbeat::Member;
    using TypeRow = deskbeat::TypeRow;

    // The document: grammar first, so that a broken text is never judged by its parts.
    uint8_t read(const uint8_t *bytes, size_t length);
    uint8_t readBinary(const uint8_t *bytes, const db_slice &slice, const db_attribute *attributes,
                       const uint8_t *attributeBytes);
    uint32_t dataMember(const Token &key, uint32_t i);
    uint32_t envelopeMember(const Token &key, uint32_t i);

    // The meaning, in the order in which reasons take precedence.
    uint8_t judge();
    uint8_t judgeEnvelope();
    uint8_t judgeKey(const TypeRow &row);
    uint8_t judgeMember(const TypeRow &row, Member member);
    uint8_t judgeType(const TypeRow &row);
    uint8_t judgeScore();
    uint8_t judgeCurrency();
    uint8_t judgeTimes();

    // Values of each form; false when the token is not one.
    bool identifier(const Token &token, db_text &text);
    bool label(const Token &token, db_text &text, bool &empty);
    bool freeText(const Token &token, size_t maximum, db_text &text);
    bool closedSet(const Token &token, const deskbeat::ClosedSet &set, bool isStatus, uint8_t &code);
    bool time(const Token &token, int64_t &micros);
    bool micro(const Token &token, int64_t &value, db_span &text);
    bool decimal(const TypeRow &row, const Token &token, Member member, db_span &text, bool &quoted);
    bool period(const Token &token, db_text &text);
    bool sequence(const Token &token);
    uint8_t readTags(const Token &token);
    uint8_t readVoids(const Token &token);
    uint8_t readScale(const Token &token);
    void readExtras();

    /// Appends the text of a string or number to the arena, unescaped.
    db_span append(const Token &token);
    /// Folds what was appended last; false when it does not fit the limit.
    bool foldLast(db_span &span);
    db_text text(db_span span);
    bool source(const Token &token);
    uint64_t identityState(const db_text &source) const;
    uint8_t fail(uint8_t reason, const char *pointer, const char *child = nullptr, int64_t place = -1);
    uint8_t failMember(uint8_t reason, Member member, const char *child = nullptr, int64_t place = -1);
    bool has(Member member) const { return (event_->present & deskbeat::bit(member)) != 0; }
    uint8_t *field(Member member) {
        return reinterpret_cast<uint8_t *>(event_) + deskbeat::memberSpecs[member].offset;
    }
    std::string folded(const uint8_t *bytes, size_t length);

    size_t maximumBytes_;
    int64_t futureTolerance_;
    db_fold fold_;
    std::unordered_map<std::string, std::string> priorityAliases_;
    std::unordered_map<std::string, uint8_t> statusAliases_;
    std::vector<std::string> currencies_;
    std::vector<std::pair<int64_t, int64_t>> satisfiedScales_;
    std::vector<std::string> keep_;

    deskbeat::Document document_;
    deskbeat::Envelope envelope_;
    deskbeat::Members members_;
    std::vector<deskbeat::Extra> found_;
    db_event *event_ = nullptr;
    int64_t now_ = INT64_MAX;
    // The last source of the batch that was valid, and its part of an identity.
    db_text lastSource_ = {0, 0, 0};
    uint64_t lastSourceState_ = 0;

    std::vector<db_event> events_;
    std::vector<db_text> tags_;
    std::vector<db_extra> extras_;
    deskbeat::Arena arena_;
};

#endif
