// Writes the ticket events of the benchmark, in the canonical form and into the partitions that ingest gives them.
//
//     generate BROKERS TOPIC EVENTS OPEN_TICKETS [UNFINISHED]
//
// Ten events per ticket, OPEN_TICKETS tickets at a time, in the order of their times. With UNFINISHED, no ticket gets its
// last event, the solve: all stay open.
#include <time.h>

#include <vector>

#include "job.h"

namespace {

/// SplitMix64.
struct Random {
    uint64_t state;
    uint64_t operator()() {
        uint64_t z = state += 0x9e3779b97f4a7c15ull;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }
};

struct Ticket {
    uint64_t number = 0;
    int step = 0;
};

const char* const priorities[] = {"urgent", "high", "normal", "low"};
const char* const channels[] = {"email", "chat", "web", "phone", "social", "api"};
const char* const categories[] = {"billing", "delivery", "login", "returns", "product", "other"};

std::string data(const Ticket& ticket, const std::string& id, int kind) {
    uint64_t n = ticket.number;
    char agent[96];
    snprintf(agent, sizeof agent, "\"agent_id\":\"agent-%012llu@acme.example\"", static_cast<unsigned long long>(n % 60));
    std::string ticket_id = "\"ticket_id\":\"" + id + "\"";
    switch (kind) {
    case 0:
        return std::string("{\"category\":\"") + categories[n % 6] + "\",\"channel\":\"" + channels[n / 4 % 6]
            + "\",\"customer_id\":\"customer-" + std::to_string(n % 50'000) + "\",\"priority\":\"" + priorities[n % 4]
            + "\",\"segment\":\"smb\",\"team\":\"first level\"," + ticket_id + ",\"tier\":\"gold\"}";
    case 1: return std::string("{") + agent + ",\"author\":\"agent\",\"public\":true," + ticket_id + "}";
    case 2: return std::string("{\"actor\":\"agent\",") + agent + ",\"status\":\"pending\"," + ticket_id + "}";
    case 3: return "{\"author\":\"customer\",\"public\":true," + ticket_id + "}";
    case 4: return "{\"actor\":\"customer\",\"status\":\"open\"," + ticket_id + "}";
    case 5: return std::string("{\"priority\":\"") + priorities[(n / 7) % 4] + "\"," + ticket_id + "}";
    case 6: return std::string("{") + agent + ",\"author\":\"agent\",\"public\":true," + ticket_id + "}";
    case 7: return std::string("{") + agent + ",\"seconds\":420," + ticket_id + "}";
    case 8: return "{\"author\":\"customer\",\"public\":true," + ticket_id + "}";
    default: return std::string("{\"actor\":\"agent\",") + agent + ",\"status\":\"solved\"," + ticket_id + "}";
    }
}

const char* const types[] = {"created", "message", "status_changed", "message", "status_changed",
                             "updated", "message", "worked",         "message", "status_changed"};

std::string event(const Ticket& ticket, const std::string& id, int64_t micros, bool unfinished) {
    int kind = unfinished && ticket.step == 9 ? 8 : ticket.step;
    time_t seconds = micros / 1'000'000;
    tm parts{};
    gmtime_r(&seconds, &parts);
    char stamp[40];
    size_t length = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(stamp + length, sizeof stamp - length, ".%06dZ", int(micros % 1'000'000));
    return "{\"data\":" + data(ticket, id, kind) + ",\"id\":\"0a53c1e4-6f0f-4a54-9d0f-" + std::to_string(ticket.number) + "-"
        + std::to_string(ticket.step)
        + "\",\"source\":\"https://support.acme-industries.example/api/v2/tickets/audits/stream?brand=acme&region=eu\",\"specversion\":\"1.0\",\"time\":\""
        + stamp + "\",\"type\":\"support.ticket." + types[kind] + "\"}";
}

/// Java's murmur2, which is how Deskbeat (and Kafka's Java client) finds the partition of a key.
int32_t partition(const std::string& key, int32_t count) {
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28cu ^ uint32_t(key.size());
    size_t index = 0;
    for (; index + 4 <= key.size(); index += 4) {
        uint32_t k;
        memcpy(&k, key.data() + index, 4);
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    for (size_t rest = key.size() - index; rest > 0; rest--) {
        h ^= uint32_t(uint8_t(key[index + rest - 1])) << (8 * (rest - 1));
        if (rest == 1) h *= m;
    }
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return int32_t((h & 0x7fffffff) % uint32_t(count));
}

int32_t partition_count(rd_kafka_t* handle, rd_kafka_topic_t* topic) {
    const struct rd_kafka_metadata* metadata = nullptr;
    auto code = rd_kafka_metadata(handle, 0, topic, &metadata, 10'000);
    if (code || metadata->topics[0].err || metadata->topics[0].partition_cnt == 0) job::fail("the topic does not exist");
    int32_t count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return count;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5 && argc != 6) job::fail("usage: generate BROKERS TOPIC EVENTS OPEN_TICKETS [UNFINISHED]");
    uint64_t events = strtoull(argv[3], nullptr, 10), open = strtoull(argv[4], nullptr, 10);
    bool unfinished = argc == 6;
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    job::set(conf, "bootstrap.servers", argv[1]);
    job::set(conf, "acks", "all");
    job::set(conf, "enable.idempotence", "true");
    job::set(conf, "linger.ms", "20");
    job::set(conf, "batch.size", "1000000");
    job::set(conf, "queue.buffering.max.messages", "500000");
    char error[512];
    rd_kafka_t* handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    if (!handle) job::fail(error);
    rd_kafka_topic_t* topic = rd_kafka_topic_new(handle, argv[2], nullptr);
    int32_t partitions = partition_count(handle, topic);
    Random random{1};
    uint64_t next = 0, bytes = 0;
    std::vector<Ticket> tickets(open);
    for (Ticket& ticket : tickets) ticket.number = next++;
    // 30 days, whatever the number of events.
    int64_t start = 1'782'864'000'000'000, span = 30ll * 86'400'000'000;
    for (uint64_t index = 0; index < events; index++) {
        Ticket& ticket = tickets[random() % open];
        std::string id = "acme-" + std::to_string(100'000'000 + ticket.number);
        std::string value = event(ticket, id, start + int64_t(double(span) * double(index) / double(events)), unfinished);
        bytes += value.size();
        while (rd_kafka_produce(
                   topic, partition(id, partitions), RD_KAFKA_MSG_F_COPY, value.data(), value.size(), id.data(), id.size(),
                   nullptr)
               == -1) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) job::fail("a record cannot be produced");
            rd_kafka_poll(handle, 100);
        }
        if (index % 4096 == 0) rd_kafka_poll(handle, 0);
        if (++ticket.step == 10) ticket = {next++, 0};
    }
    if (rd_kafka_flush(handle, 600'000)) job::fail("not all records were delivered");
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(handle);
    printf("{\"records\":%llu,\"bytes\":%llu}\n", static_cast<unsigned long long>(events), static_cast<unsigned long long>(bytes));
}
