// The bare librdkafka consumer: reads the topic and does nothing with it. What no reader of Kafka on this client passes.
//
//     consume BROKERS TOPIC
#include "job.h"

int main(int argc, char** argv) {
    if (argc != 3) job::fail("usage: consume BROKERS TOPIC");
    job::Reader reader(argv[1], argv[2]);
    job::Stopwatch watch;
    uint64_t bytes = 0;
    uint64_t count = reader.read(watch, [&](const rd_kafka_message_t& message) { bytes += message.len; });
    watch.report("consume", count, ",\"bytes\":" + std::to_string(bytes));
}
