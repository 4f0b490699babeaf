// The job that every program of this folder does: 10 events per ticket, a fixed number of tickets open at a time.
#pragma once

#include <librdkafka/rdkafka.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace job {

/// Of a process that reads the topic once: wall time from the first record to the last, CPU time of all its threads.
class Stopwatch {
  public:
    void start() {
        if (started_) return;
        started_ = true;
        wall_ = now();
    }

    /// One line of JSON for the driver. CPU time counts from the start of the process.
    void report(const char* name, uint64_t records, const std::string& members = "") const {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        double cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
        printf(
            "{\"name\":\"%s\",\"records\":%llu,\"wall\":%.6f,\"cpu\":%.6f,\"rss_kib\":%ld%s}\n", name,
            static_cast<unsigned long long>(records), now() - wall_, cpu, usage.ru_maxrss, members.c_str());
    }

  private:
    static double seconds(const timeval& time) { return double(time.tv_sec) + double(time.tv_usec) / 1e6; }
    static double now() {
        timespec time{};
        clock_gettime(CLOCK_MONOTONIC, &time);
        return double(time.tv_sec) + double(time.tv_nsec) / 1e9;
    }

    bool started_ = false;
    double wall_ = 0;
};

[[noreturn]] inline void fail(const std::string& reason) {
    fprintf(stderr, "%s\n", reason.c_str());
    exit(1);
}

inline void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
    char error[512];
    if (rd_kafka_conf_set(conf, name, value.c_str(), error, sizeof error) != RD_KAFKA_CONF_OK) fail(error);
}

/// A consumer of all partitions of a topic, from the beginning, that reports the ends of partitions.
class Reader {
  public:
    Reader(const std::string& brokers, const std::string& topic) {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        set(conf, "bootstrap.servers", brokers);
        set(conf, "group.id", "bench-reader");
        set(conf, "enable.auto.commit", "false");
        set(conf, "enable.partition.eof", "true");
        set(conf, "isolation.level", "read_committed");
        set(conf, "fetch.wait.max.ms", "10");
        set(conf, "queued.max.messages.kbytes", "65536");
        char error[512];
        handle_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
        if (!handle_) fail(error);
        rd_kafka_poll_set_consumer(handle_);
        const struct rd_kafka_metadata* metadata = nullptr;
        rd_kafka_topic_t* handle = rd_kafka_topic_new(handle_, topic.c_str(), nullptr);
        auto code = rd_kafka_metadata(handle_, 0, handle, &metadata, 10'000);
        if (code || metadata->topic_cnt != 1) fail(rd_kafka_err2str(code));
        partitions_ = metadata->topics[0].partition_cnt;
        auto* list = rd_kafka_topic_partition_list_new(partitions_);
        for (int32_t partition = 0; partition < partitions_; partition++) {
            rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
        }
        if ((code = rd_kafka_assign(handle_, list))) fail(rd_kafka_err2str(code));
        rd_kafka_topic_partition_list_destroy(list);
        rd_kafka_metadata_destroy(metadata);
        rd_kafka_topic_destroy(handle);
        queue_ = rd_kafka_queue_get_consumer(handle_);
    }

    ~Reader() {
        rd_kafka_queue_destroy(queue_);
        rd_kafka_consumer_close(handle_);
        rd_kafka_destroy(handle_);
    }

    /// Calls `body` with every message until all partitions have been read to their ends.
    template <class Body>
    uint64_t read(Stopwatch& watch, Body body) {
        static rd_kafka_message_t* messages[8192];
        uint64_t count = 0;
        int32_t ended = 0;
        while (ended < partitions_) {
            // Waits for the first, then takes what is there: a batch call with a time-out would wait until it is full.
            rd_kafka_message_t* first = rd_kafka_consumer_poll(handle_, 1'000);
            if (!first) continue;
            messages[0] = first;
            ssize_t got = rd_kafka_consume_batch_queue(queue_, 0, messages + 1, 8191);
            size_t total = 1 + (got > 0 ? size_t(got) : 0);
            for (size_t index = 0; index < total; index++) {
                rd_kafka_message_t* message = messages[index];
                if (!message->err) {
                    watch.start();
                    body(*message);
                    count++;
                } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
                    ended++;
                } else {
                    fail(rd_kafka_message_errstr(message));
                }
                rd_kafka_message_destroy(message);
            }
        }
        return count;
    }

  private:
    rd_kafka_t* handle_ = nullptr;
    rd_kafka_queue_t* queue_ = nullptr;
    int32_t partitions_ = 0;
};

}  // namespace job
