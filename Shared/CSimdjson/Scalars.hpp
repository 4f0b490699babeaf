// Numbers and times, exact: no floating point anywhere.

#ifndef DB_SCALARS_HPP
#define DB_SCALARS_HPP

#include <cstddef>
#include <cstdint>

namespace deskbeat {

inline bool isDigit(uint8_t c) { return static_cast<uint8_t>(c - '0') < 10; }

/// The grammar of RFC 8259, section 6.
inline bool isNumber(const uint8_t *p, size_t n) {
    size_t i = 0;
    if (i < n && p[i] == '-') ++i;
    if (i >= n || !isDigit(p[i])) return false;
    if (p[i] == '0') {
        ++i;
    } else {
        while (i < n && isDigit(p[i])) ++i;
    }
    if (i < n && p[i] == '.') {
        ++i;
        if (i >= n || !isDigit(p[i])) return false;
        while (i < n && isDigit(p[i])) ++i;
    }
    if (i < n && (p[i] == 'e' || p[i] == 'E')) {
        ++i;
        if (i < n && (p[i] == '+' || p[i] == '-')) ++i;
        if (i >= n || !isDigit(p[i])) return false;
        while (i < n && isDigit(p[i])) ++i;
    }
    return i == n;
}

struct Scaled {
    bool fits;      // within Int64
    bool exact;     // nothing was rounded away
    int64_t value;  // rounded half to even
};

/// A number of the JSON grammar times 10^places, rounded half to even.
inline Scaled scaled(const uint8_t *p, size_t n, int places) {
    size_t i = 0;
    const bool negative = p[0] == '-';
    if (negative) ++i;
    const size_t digits = i;
    size_t mantissaEnd = i;
    int64_t whole = 0;
    bool point = false;
    while (mantissaEnd < n && (isDigit(p[mantissaEnd]) || p[mantissaEnd] == '.')) {
        if (p[mantissaEnd] == '.') {
            point = true;
        } else if (!point) {
            ++whole;
        }
        ++mantissaEnd;
    }
    int64_t exponent = 0;
    if (mantissaEnd < n) {
        size_t k = mantissaEnd + 1;
        const bool negativeExponent = p[k] == '-';
        if (p[k] == '-' || p[k] == '+') ++k;
        for (; k < n; ++k) {
            if (exponent < 100000000) exponent = exponent * 10 + (p[k] - '0');
        }
        if (negativeExponent) exponent = -exponent;
    }
    // Digits in front of the position `kept` make the integer, the one at it and those behind it round.
    const int64_t kept = whole + exponent + places;
    uint64_t value = 0;
    int64_t position = 0;
    int rounding = 0;
    bool sticky = false, overflow = false;
    for (size_t k = digits; k < mantissaEnd; ++k) {
        if (p[k] == '.') continue;
        const unsigned digit = p[k] - '0';
        if (position < kept) {
            overflow |= __builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, digit, &value);
        } else if (position == kept) {
            rounding = static_cast<int>(digit);
        } else {
            sticky |= digit != 0;
        }
        ++position;
    }
    for (; position < kept && value != 0 && !overflow; ++position) {
        overflow = __builtin_mul_overflow(value, 10u, &value);
    }
    if (!overflow && (rounding > 5 || (rounding == 5 && (sticky || (value & 1) != 0)))) {
        overflow = __builtin_add_overflow(value, 1u, &value);
    }
    const uint64_t limit = negative ? uint64_t{1} << 63 : (uint64_t{1} << 63) - 1;
    if (overflow || value > limit) return {false, false, 0};
    const int64_t result = negative ? static_cast<int64_t>(~value + 1) : static_cast<int64_t>(value);
    return {true, rounding == 0 && !sticky, result};
}

/// Days since 1970-01-01 of a civil date (Howard Hinnant, "chrono-compatible low-level date algorithms").
inline int64_t daysFromCivil(int64_t y, unsigned m, unsigned d) {
    y -= m <= 2;
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const unsigned yearOfEra = static_cast<unsigned>(y - era * 400);
    const unsigned dayOfYear = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    const unsigned dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear;
    return era * 146097 + static_cast<int64_t>(dayOfEra) - 719468;
}

inline bool isDate(unsigned year, unsigned month, unsigned day) {
    static constexpr uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1) return false;
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= lengths[month - 1] + (month == 2 && leap ? 1u : 0u);
}

inline bool digits2(const uint8_t *p, unsigned &value) {
    value = static_cast<unsigned>(p[0] - '0') * 10 + static_cast<unsigned>(p[1] - '0');
    return isDigit(p[0]) && isDigit(p[1]);
}

/// RFC 3339 `date-time`: offset required, up to nine fraction digits, cut to microseconds, no leap second.
inline bool parseTime(const uint8_t *p, size_t n, int64_t &micros) {
    if (n < 20 || n > 35) return false;
    unsigned century, year, month, day, hour, minute, second;
    const bool shaped = digits2(p, century) && digits2(p + 2, year) && p[4] == '-' && digits2(p + 5, month) &&
                        p[7] == '-' && digits2(p + 8, day) && (p[10] | 0x20) == 't' && digits2(p + 11, hour) &&
                        p[13] == ':' && digits2(p + 14, minute) && p[16] == ':' && digits2(p + 17, second);
    if (!shaped) return false;
    year += century * 100;
    if (hour > 23 || minute > 59 || second > 59 || !isDate(year, month, day)) return false;
    size_t i = 19;
    int64_t fraction = 0;
    if (p[i] == '.') {
        ++i;
        const size_t first = i;
        while (i < n && isDigit(p[i])) {
            if (i - first < 6) fraction = fraction * 10 + (p[i] - '0');
            ++i;
        }
        const size_t count = i - first;
        if (count == 0 || count > 9) return false;
        for (size_t k = count; k < 6; ++k) fraction *= 10;
    }
    if (i >= n) return false;
    int64_t offset = 0;
    if ((p[i] | 0x20) == 'z') {
        if (i + 1 != n) return false;
    } else {
        if (i + 6 != n || (p[i] != '+' && p[i] != '-') || p[i + 3] != ':') return false;
        unsigned hours, minutes;
        if (!digits2(p + i + 1, hours) || !digits2(p + i + 4, minutes) || hours > 23 || minutes > 59) return false;
        offset = static_cast<int64_t>(hours * 60 + minutes) * (p[i] == '-' ? -60 : 60);
    }
    const int64_t days = daysFromCivil(year, month, day);
    const int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset;
    // An offset may lead out of the four-digit years, and such an instant could not be written again.
    constexpr int64_t year0 = -62167219200, year10000 = 253402300800;
    micros = seconds * 1000000 + fraction;
    return seconds >= year0 && seconds < year10000;
}

}  // namespace deskbeat

#endif
