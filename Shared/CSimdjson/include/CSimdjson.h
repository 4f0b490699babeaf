// The decoder of support events: one call reads a batch of CloudEvents into fixed structs.
//
// The JSON is read by simdjson's first stage (structural index, UTF-8 validation); the walk over that index is
// this module's own, because it keeps the text of numbers, checks the whole grammar (members that nobody reads
// included), and takes each value exactly once.

#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Bytes that must be readable behind the end of the input buffer.
#define DB_PADDING 64

/// A string in the batch's arena; `hash` is `db_hash64` of its bytes. All zero when absent.
typedef struct db_text {
    uint32_t offset;
    uint32_t length;
    uint64_t hash;
} db_text;

/// A piece of text in the batch's arena that nobody looks up.
typedef struct db_span {
    uint32_t offset;
    uint32_t length;
} db_span;

/// A member that the contract does not name and that `keep_unknown` lists: its name and its JSON, compact.
typedef struct db_extra {
    db_span name;
    db_span json;
} db_extra;

/// What one value of the batch says. Codes are those of the Swift enums; 0 is "absent" or "none".
/// `present` and `null` have one bit for each member (`EventField`); a field whose bit in `present` is clear is 0.
typedef struct db_event {
    uint8_t reason;       // RejectionReason; 0 = decoded, else only `pointer` and `error_offset` count
    uint8_t type;         // EventType
    uint8_t entity_kind;  // EntityKind
    bool has_sequence;
    int32_t error_offset;  // byte of the value at which the grammar broke, or -1
    db_text pointer;       // JSON Pointer of the member that is wrong

    int64_t time;  // microseconds since 1970
    int64_t sequence;
    uint64_t identity;  // FNV-1a 64 over source, NUL, id
    uint64_t present;
    uint64_t null;

    db_text id, source;
    db_text entity;  // the key: ticket, contact, agent, survey, feedback, customer id, or period
    db_text ticket, agent, customer;
    db_text team, priority, category, subcategory, tier, segment;
    db_text into, reason_text;
    db_text voids_source, voids_id;
    uint64_t voids_identity;
    uint32_t tag_first, tag_count;
    uint8_t channel, status, author, actor, initiator, deletion;
    bool is_public, resolved;
    int64_t created_at;  // microseconds since 1970
    int64_t seconds;     // milliseconds

    db_text queue;
    int64_t talk_seconds, hold_seconds, wrap_seconds;  // milliseconds
    uint8_t outcome, abandoned_in, agent_state;

    uint8_t kind, direction, interval;
    bool amount_quoted, mrr_quoted, margin_quoted;
    int64_t score, scale_min, scale_max, satisfied_from, sentiment;  // millionths
    db_span score_text, scale_min_text, scale_max_text, satisfied_from_text, sentiment_text;
    db_span comment;

    db_text plan, subscription, purchase, currency, cost_type;
    db_span amount, mrr, margin;  // decimal text as given
    int64_t quantity, interval_count;

    uint32_t extra_first, extra_count;
} db_event;

/// A value of the batch: its place in the buffer (length -1: no value), and, in binary mode, its attributes.
typedef struct db_slice {
    int64_t offset;
    int64_t length;
    uint32_t attribute_first;
    uint32_t attribute_count;  // 0: structured mode
} db_slice;

/// A CloudEvents attribute that came beside the data: `name` is a DB_ATTRIBUTE code.
typedef struct db_attribute {
    uint32_t name;
    uint32_t offset;
    uint32_t length;
} db_attribute;

#define DB_ATTRIBUTE_SPECVERSION 0
#define DB_ATTRIBUTE_ID 1
#define DB_ATTRIBUTE_SOURCE 2
#define DB_ATTRIBUTE_TYPE 3
#define DB_ATTRIBUTE_TIME 4
#define DB_ATTRIBUTE_SEQUENCE 5
#define DB_ATTRIBUTE_SUBJECT 6

/// Folds `count` bytes of valid UTF-8 into `out`; the folded length, or -1 when it exceeds `capacity`.
typedef ptrdiff_t (*db_fold)(const uint8_t *_Nonnull bytes, size_t count, uint8_t *_Nonnull out, size_t capacity);

typedef struct db_decoder db_decoder;

/// A decoder, to be destroyed with `db_decoder_destroy`. `fold` is called for labels with non-ASCII bytes.
db_decoder *_Nonnull db_decoder_create(size_t maximum_bytes, int64_t future_tolerance, db_fold _Nonnull fold);
void db_decoder_destroy(db_decoder *_Nonnull decoder);

/// Settings; texts are copied. Labels are folded here, so that aliases match without case.
void db_add_priority_alias(db_decoder *_Nonnull d, const uint8_t *_Nonnull from, size_t from_length,
                           const uint8_t *_Nonnull to, size_t to_length);
void db_add_status_alias(db_decoder *_Nonnull d, const uint8_t *_Nonnull from, size_t from_length, uint8_t status);
void db_add_currency(db_decoder *_Nonnull d, const uint8_t *_Nonnull code, size_t length);
/// A scale, in millionths, whose satisfied answers are known. From the first one on, an answer to another scale needs
/// `satisfied_from`.
void db_add_satisfied_scale(db_decoder *_Nonnull d, int64_t minimum, int64_t maximum);
void db_keep_unknown(db_decoder *_Nonnull d, const uint8_t *_Nonnull name, size_t length);

/// Decodes `count` slices of `bytes`, which is followed by DB_PADDING readable bytes. Results of the batch before
/// are gone. `now` in microseconds, INT64_MAX when nothing is in the future. False when the batch exceeds 1 GiB.
bool db_decode(db_decoder *_Nonnull d, const uint8_t *_Nonnull bytes, const db_slice *_Nullable slices, size_t count,
               const db_attribute *_Nullable attributes, const uint8_t *_Nullable attribute_bytes, int64_t now);

/// Results of the last batch, valid until the next call of `db_decode`.
const db_event *_Nullable db_events(const db_decoder *_Nonnull d);
const uint8_t *_Nullable db_arena(const db_decoder *_Nonnull d, size_t *_Nonnull length);
const db_text *_Nullable db_tags(const db_decoder *_Nonnull d, size_t *_Nonnull count);
const db_extra *_Nullable db_extras(const db_decoder *_Nonnull d, size_t *_Nonnull count);

/// Elements of a JSON array of events (or the one object), appended as slices through `element`.
/// The elements themselves are checked when they are decoded. 0, or 1 + the byte at which the array is broken.
size_t db_split(const uint8_t *_Nonnull bytes, size_t length, void *_Nullable context,
                void (*_Nonnull element)(void *_Nullable context, size_t offset, size_t length));

/// Name of an event type or of a data member; NULL for a code without one.
const char *_Nullable db_type_name(uint8_t type);
const char *_Nullable db_member_name(uint8_t member);
/// Members of a type, as bits of `present`; and those that it must have.
uint64_t db_type_members(uint8_t type);
uint64_t db_type_required(uint8_t type);
uint8_t db_type_key(uint8_t type);

/// 64-bit hash for look-ups (wyhash, final version 4.2, with one lane). Part of the persisted format.
uint64_t db_hash64(const uint8_t *_Nullable bytes, size_t length, uint64_t seed);
/// FNV-1a, 64 bit, going on from `state` (14695981039346656037 to begin).
uint64_t db_fnv1a(const uint8_t *_Nullable bytes, size_t length, uint64_t state);

/// Number of bytes at the beginning of a string that JSON takes as they are (no quote, backslash, control character).
size_t db_plain_prefix(const uint8_t *_Nullable bytes, size_t length);

/// Whether two strings of the same length are equal.
static inline bool db_equal(const void *_Nullable a, const void *_Nullable b, size_t length) {
    return length == 0 || memcmp(a, b, length) == 0;
}

/// Shortest decimal text that reads back as `value` (finite), at most 32 bytes; returns its length.
size_t db_format_double(double value, uint8_t *_Nonnull out);

/// RFC 3339 text to microseconds since 1970. False when it is not valid.
bool db_parse_time(const uint8_t *_Nonnull bytes, size_t length, int64_t *_Nonnull micros);

#ifdef __cplusplus
}
#endif

#endif
