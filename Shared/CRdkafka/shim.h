// librdkafka as Swift sees it: its own header, and inline wrappers for what Swift cannot call (variadic functions)
// or should not (functions whose 2.0.2 version is broken).

#ifndef DESKBEAT_CRDKAFKA_SHIM_H
#define DESKBEAT_CRDKAFKA_SHIM_H

#include <pthread.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

// Produces with headers through rd_kafka_producev: rd_kafka_produceva frees the headers twice when the partitioner
// fails (before 2.12). On success librdkafka owns `headers`; on failure the caller still does. `headers` may be NULL.
// The key and the value are copied. A NULL key or value is a null in the record, whatever its size argument says.
static inline rd_kafka_resp_err_t crdkafka_produce(
    rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, const void *key, size_t key_size, const void *value,
    size_t value_size, rd_kafka_headers_t *headers, void *opaque) {
    if (!headers) {
        return rd_kafka_producev(
            rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_OPAQUE(opaque),
            RD_KAFKA_V_END);
    }
    return rd_kafka_producev(
        rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key, key_size), RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
}

// glibc's allocator keeps freed memory for its next use, scattered pages included; this gives it back to the system. What lies
// at the end of a thread's heap malloc_trim leaves there; the threshold has the next free() there give it back.
static inline void crdkafka_release_freed_memory(void) {
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, 1 << 20);
    malloc_trim(0);
#endif
}

// Has the allocator keep what a backlog is going to ask for again.
static inline void crdkafka_keep_freed_memory(void) {
#ifdef __GLIBC__
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

// Declared by <pthread.h> only under _GNU_SOURCE, which Swift's importer does not define.
extern int pthread_setname_np(pthread_t thread, const char *name);

// Names the calling thread; of at most 15 bytes.
static inline void crdkafka_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

// The enumerator is -1 in an enum whose Swift import is unsigned on some compilers.
static const int32_t crdkafka_partition_unassigned = RD_KAFKA_PARTITION_UA;

// One error with a round-trip time for the next request of this kind: the last arguments are a variadic list of pairs.
static inline rd_kafka_resp_err_t crdkafka_mock_push_request_error(
    rd_kafka_mock_cluster_t *cluster, int32_t broker, int16_t api_key, rd_kafka_resp_err_t error, int rtt_ms) {
    return rd_kafka_mock_broker_push_request_error_rtts(cluster, broker, api_key, 1, error, rtt_ms);
}

#endif
