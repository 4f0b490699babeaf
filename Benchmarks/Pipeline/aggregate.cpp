// The same job without any durability: decodes the topic with simdjson and keeps created time, first response and
// resolution per ticket, and count and sum of first response and resolution time per priority, channel and overall, by day.
// No duplicates are recognised, nothing is late, nothing is written.
//
//     aggregate BROKERS TOPIC
#include <simdjson.h>

#include <string_view>
#include <vector>

#include "job.h"

namespace {

using std::string_view;

constexpr int64_t none = INT64_MIN;

uint64_t hash(string_view text) {
    uint64_t state = 14695981039346656037ull;
    for (unsigned char byte : text) state = (state ^ byte) * 1099511628211ull;
    return state ^ (state >> 29);
}

struct Ticket {
    std::string id;
    int64_t created = none;
    int64_t responded = none;
    int64_t solved = none;
    uint32_t priority = 0;
    uint32_t channel = 0;
};

/// Open addressing over 64-bit hashes.
class Tickets {
  public:
    Tickets() : places_(1 << 16) {}

    Ticket& operator[](string_view id) {
        if (tickets_.size() * 2 >= places_.size()) grow();
        uint64_t key = hash(id);
        for (size_t at = key & (places_.size() - 1);; at = (at + 1) & (places_.size() - 1)) {
            Place& place = places_[at];
            if (place.index == 0) {
                tickets_.emplace_back();
                tickets_.back().id = id;
                place = {key, uint32_t(tickets_.size())};
                return tickets_.back();
            }
            if (place.key == key && tickets_[place.index - 1].id == id) return tickets_[place.index - 1];
        }
    }

    size_t size() const { return tickets_.size(); }

  private:
    struct Place {
        uint64_t key = 0;
        uint32_t index = 0;
    };

    void grow() {
        std::vector<Place> wider(places_.size() * 2);
        for (const Place& place : places_) {
            if (place.index == 0) continue;
            size_t at = place.key & (wider.size() - 1);
            while (wider[at].index) at = (at + 1) & (wider.size() - 1);
            wider[at] = place;
        }
        places_.swap(wider);
    }

    std::vector<Place> places_;
    std::vector<Ticket> tickets_;
};

/// Small sets of labels as numbers; 0 is none.
class Labels {
  public:
    uint32_t operator()(string_view text) {
        for (uint32_t index = 0; index < names_.size(); index++) {
            if (names_[index] == text) return index + 1;
        }
        names_.emplace_back(text);
        return uint32_t(names_.size());
    }

  private:
    std::vector<std::string> names_;
};

struct Figure {
    int64_t count = 0;
    int64_t sum = 0;  // microseconds
};

enum Kpi { response, resolution, kpis };
enum Dimension { overall, by_priority, by_channel, dimensions };

class Figures {
  public:
    void add(Kpi kpi, const Ticket& ticket, int64_t at, int64_t weight) {
        int64_t value = (at - ticket.created) * weight;
        int64_t day = at / 86'400'000'000;
        uint32_t values[dimensions] = {0, ticket.priority, ticket.channel};
        for (int dimension = 0; dimension < dimensions; dimension++) {
            Figure& figure = place(kpi, dimension, values[dimension], day);
            figure.count += weight;
            figure.sum += value;
        }
    }

    Figure total(Kpi kpi) const {
        Figure total;
        for (const Figure& figure : figures_[kpi][overall][0]) {
            total.count += figure.count;
            total.sum += figure.sum;
        }
        return total;
    }

  private:
    Figure& place(Kpi kpi, int dimension, uint32_t value, int64_t day) {
        auto& values = figures_[kpi][dimension];
        if (values.size() <= value) values.resize(value + 1);
        auto& days = values[value];
        if (first_day_ == none) first_day_ = day;
        size_t index = size_t(day - first_day_ + 400);
        if (days.size() <= index) days.resize(index + 1);
        return days[index];
    }

    int64_t first_day_ = none;
    std::vector<std::vector<Figure>> figures_[kpis][dimensions];
};

/// `2026-11-20T09:12:30.123456Z`: canonical events have this form only. Microseconds since 1970.
int64_t parse_time(string_view text) {
    if (text.size() != 27) job::fail("not a canonical time");
    auto number = [&](size_t from, size_t count) {
        int64_t value = 0;
        for (size_t index = from; index < from + count; index++) value = value * 10 + (text[index] - '0');
        return value;
    };
    int64_t year = number(0, 4), month = number(5, 2), day = number(8, 2);
    year -= month <= 2;
    int64_t era = year / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t days = era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
    int64_t seconds = ((days * 24 + number(11, 2)) * 60 + number(14, 2)) * 60 + number(17, 2);
    return seconds * 1'000'000 + number(20, 6);
}

struct Event {
    string_view ticket, priority, channel, author, status, type;
    bool is_public = true;
    int64_t time = none;
};

class Aggregator {
  public:
    void take(const rd_kafka_message_t& message) {
        // simdjson reads beyond the end.
        if (buffer_.size() < message.len + simdjson::SIMDJSON_PADDING) {
            buffer_.resize(message.len + simdjson::SIMDJSON_PADDING);
        }
        memcpy(buffer_.data(), message.payload, message.len);
        apply(decode(message.len));
    }

    std::string summary() const {
        Figure first = figures_.total(response), last = figures_.total(resolution);
        char text[256];
        snprintf(
            text, sizeof text,
            ",\"tickets\":%zu,\"responses\":%lld,\"response_sum\":%lld,\"resolutions\":%lld,\"resolution_sum\":%lld",
            tickets_.size(), static_cast<long long>(first.count), static_cast<long long>(first.sum),
            static_cast<long long>(last.count), static_cast<long long>(last.sum));
        return text;
    }

  private:
    Event decode(size_t length) {
        Event event;
        auto document = parser_.iterate(buffer_.data(), length, buffer_.size());
        for (auto member : document.get_object()) {
            string_view key = member.unescaped_key();
            if (key == "data") {
                for (auto field : member.value().get_object()) {
                    string_view name = field.unescaped_key();
                    if (name == "ticket_id") event.ticket = string(field.value());
                    else if (name == "priority") event.priority = string(field.value());
                    else if (name == "channel") event.channel = string(field.value());
                    else if (name == "author") event.author = string(field.value());
                    else if (name == "status") event.status = string(field.value());
                    else if (name == "public") event.is_public = bool(field.value());
                }
            } else if (key == "time") {
                event.time = parse_time(string(member.value()));
            } else if (key == "type") {
                event.type = string(member.value());
            }
        }
        return event;
    }

    static string_view string(simdjson::simdjson_result<simdjson::ondemand::value> value) { return value.get_string(); }

    void apply(const Event& event) {
        Ticket& ticket = tickets_[event.ticket];
        if (event.type == "support.ticket.created") {
            ticket.created = event.time;
            ticket.priority = priorities_(event.priority);
            ticket.channel = channels_(event.channel);
        } else if (event.type == "support.ticket.message") {
            if (event.author != "agent" || !event.is_public || ticket.responded != none) return;
            ticket.responded = event.time;
            figures_.add(response, ticket, event.time, 1);
        } else if (event.type == "support.ticket.status_changed") {
            if (event.status != "solved") return;
            if (ticket.solved != none) figures_.add(resolution, ticket, ticket.solved, -1);
            ticket.solved = event.time;
            figures_.add(resolution, ticket, event.time, 1);
        } else if (event.type == "support.ticket.updated") {
            if (event.priority.empty() && event.channel.empty()) return;
            contribute(ticket, -1);
            if (!event.priority.empty()) ticket.priority = priorities_(event.priority);
            if (!event.channel.empty()) ticket.channel = channels_(event.channel);
            contribute(ticket, 1);
        }
    }

    void contribute(const Ticket& ticket, int64_t weight) {
        if (ticket.responded != none) figures_.add(response, ticket, ticket.responded, weight);
        if (ticket.solved != none) figures_.add(resolution, ticket, ticket.solved, weight);
    }

    simdjson::ondemand::parser parser_;
    std::vector<char> buffer_;
    Tickets tickets_;
    Labels priorities_, channels_;
    Figures figures_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) job::fail("usage: aggregate BROKERS TOPIC");
    job::Reader reader(argv[1], argv[2]);
    job::Stopwatch watch;
    Aggregator aggregator;
    try {
        uint64_t count = reader.read(watch, [&](const rd_kafka_message_t& message) { aggregator.take(message); });
        watch.report("aggregate", count, aggregator.summary());
    } catch (const simdjson::simdjson_error& error) {
        job::fail(error.what());
    }
}
