// Creates tickets at a steady rate through support.inbound, and measures how long after its due instant each breach can be
// read from support.alerts under read_committed.
//
//     promises BROKERS TOPIC_PREFIX EVENTS_PER_SECOND SECONDS
//
// Of twenty tickets one has tier "probe" and is created now; another one has it and was created 20 s ago, so that it is overdue when
// it arrives: of that one the time counts from when it can be read from support.tickets. The monitor's rules must promise tickets of
// this tier a first response within 5 s (sla.yaml).
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "job.h"

namespace {

constexpr double lateness = 20;

double now() {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
}

std::string stamp(double instant) {
    time_t seconds = time_t(instant);
    tm parts{};
    gmtime_r(&seconds, &parts);
    char text[40];
    size_t length = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, sizeof text - length, ".%06dZ", int((instant - double(seconds)) * 1e6));
    return text;
}

double instant(const std::string& text) {
    tm parts{};
    const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (!rest) job::fail("no instant: " + text);
    return double(timegm(&parts)) + (*rest == '.' ? strtod(rest, nullptr) : 0);
}

/// The string member of this name, wherever it stands; the messages are the services' own.
std::string member(const std::string& json, const char* name) {
    std::string opening = std::string("\"") + name + "\":\"";
    size_t start = json.find(opening);
    if (start == std::string::npos) return "";
    start += opening.size();
    return json.substr(start, json.find('"', start) - start);
}

/// Reads a topic from its present end on.
class Tail {
  public:
    Tail(const std::string& brokers, const std::string& topic) {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        job::set(conf, "bootstrap.servers", brokers);
        job::set(conf, "group.id", "bench-tail");
        job::set(conf, "enable.auto.commit", "false");
        job::set(conf, "isolation.level", "read_committed");
        job::set(conf, "fetch.wait.max.ms", "10");
        char error[512];
        handle_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
        if (!handle_) job::fail(error);
        rd_kafka_poll_set_consumer(handle_);
        const struct rd_kafka_metadata* metadata = nullptr;
        rd_kafka_topic_t* handle = rd_kafka_topic_new(handle_, topic.c_str(), nullptr);
        auto code = rd_kafka_metadata(handle_, 0, handle, &metadata, 10'000);
        if (code || metadata->topics[0].err) job::fail("there is no topic " + topic);
        int32_t partitions = metadata->topics[0].partition_cnt;
        auto* list = rd_kafka_topic_partition_list_new(partitions);
        for (int32_t partition = 0; partition < partitions; partition++) {
            int64_t low = 0, high = 0;
            code = rd_kafka_query_watermark_offsets(handle_, topic.c_str(), partition, &low, &high, 10'000);
            if (code) job::fail(rd_kafka_err2str(code));
            rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = high;
        }
        if ((code = rd_kafka_assign(handle_, list))) job::fail(rd_kafka_err2str(code));
        rd_kafka_topic_partition_list_destroy(list);
        rd_kafka_metadata_destroy(metadata);
        rd_kafka_topic_destroy(handle);
    }

    ~Tail() {
        rd_kafka_consumer_close(handle_);
        rd_kafka_destroy(handle_);
    }

    /// Calls `body` with each message's value and the instant of its reading, until `isOver`.
    template <class Over, class Body>
    void read(Over is_over, Body body) {
        while (!is_over()) {
            rd_kafka_message_t* message = rd_kafka_consumer_poll(handle_, 100);
            if (!message) continue;
            // While the broker is away the client goes on trying.
            if (!message->err) body(std::string(static_cast<const char*>(message->payload), message->len), now());
            rd_kafka_message_destroy(message);
        }
    }

  private:
    rd_kafka_t* handle_ = nullptr;
};

struct Breach {
    double due;
    double read;
};

std::string quantiles(const char* name, std::vector<double> delays) {
    std::sort(delays.begin(), delays.end());
    auto quantile = [&](double share) {
        return delays.empty() ? 0 : delays[size_t(std::ceil(share * double(delays.size()))) - (share > 0 ? 1 : 0)] * 1000;
    };
    char text[200];
    snprintf(
        text, sizeof text, ",\"%s\":{\"count\":%zu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", name, delays.size(),
        quantile(0.5), quantile(0.99), quantile(1));
    return text;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) job::fail("usage: promises BROKERS TOPIC_PREFIX EVENTS_PER_SECOND SECONDS");
    std::string brokers = argv[1], prefix = argv[2], run = "P" + std::to_string(int64_t(now())) + "-";
    uint64_t rate = strtoull(argv[3], nullptr, 10), count = rate * strtoull(argv[4], nullptr, 10);
    uint64_t expected = (count + 9) / 10;
    Tail tickets(brokers, prefix + "support.tickets"), alerts(brokers, prefix + "support.alerts");

    std::atomic<bool> is_done{false}, is_sent{false};
    std::unordered_map<std::string, double> readable;
    std::unordered_map<std::string, Breach> breaches;
    uint64_t duplicates = 0;
    std::thread arrivals([&] {
        tickets.read([&] { return is_done.load(); }, [&](const std::string& value, double at) {
            std::string id = member(value, "ticket_id");
            if (id.find(run) == 0 && strtoull(id.c_str() + run.size(), nullptr, 10) % 20 == 10) readable.emplace(id, at);
        });
    });
    std::thread reader([&] {
        double last = now();
        auto is_over = [&] { return breaches.size() == expected || (is_sent && now() - last > 60); };
        alerts.read(is_over, [&](const std::string& value, double at) {
            if (value.find("\"deskbeat.sla.breached\"") == std::string::npos) return;
            std::string id = member(value, "ticket_id");
            if (id.find(run) != 0) return;
            last = at;
            if (!breaches.emplace(id, Breach{instant(member(value, "breached_at")), at}).second) duplicates++;
        });
    });

    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    job::set(conf, "bootstrap.servers", brokers);
    job::set(conf, "acks", "all");
    job::set(conf, "linger.ms", "5");
    job::set(conf, "queue.buffering.max.messages", "1000000");
    char error[512];
    rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (!producer) job::fail(error);
    rd_kafka_topic_t* topic = rd_kafka_topic_new(producer, (prefix + "support.inbound").c_str(), nullptr);
    double start = now();
    for (uint64_t number = 0; number < count; number++) {
        while (now() < start + double(number) / double(rate)) {
            timespec pause{0, 500'000};
            nanosleep(&pause, nullptr);
        }
        std::string id = run + std::to_string(number);
        double time = now() - (number % 20 == 10 ? lateness : 0);
        std::string value = "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"https://bench.example\",\"type\":\"support.ticket.created\",\"time\":\""
            + stamp(time) + "\",\"data\":{\"ticket_id\":\"" + id + "\",\"channel\":\"email\",\"priority\":\"normal\",\"tier\":\""
            + (number % 10 == 0 ? "probe" : "basic") + "\"}}";
        int code = rd_kafka_produce(
            topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value.data(), value.size(), id.data(), id.size(), nullptr);
        if (code) job::fail("a record cannot be produced");
        if (number % 64 == 0) rd_kafka_poll(producer, 0);
    }
    if (rd_kafka_flush(producer, 60'000)) job::fail("not all records were delivered");
    double sent = now() - start;
    is_sent = true;
    reader.join();
    is_done = true;
    arrivals.join();
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);

    std::vector<double> punctual, late, all;
    for (const auto& [id, breach] : breaches) {
        auto arrival = readable.find(id);
        bool is_late = arrival != readable.end();
        double from = is_late ? std::max(breach.due, arrival->second) : breach.due;
        (is_late ? late : punctual).push_back(breach.read - from);
        all.push_back(breach.read - from);
    }
    printf(
        "{\"events\":%llu,\"seconds\":%.2f,\"expected\":%llu,\"breaches\":%zu,\"duplicates\":%llu%s%s%s}\n",
        static_cast<unsigned long long>(count), sent, static_cast<unsigned long long>(expected), breaches.size(),
        static_cast<unsigned long long>(duplicates), quantiles("all", all).c_str(),
        quantiles("punctual", punctual).c_str(), quantiles("late", late).c_str());
}
