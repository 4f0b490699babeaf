// A Kafka Streams job with exactly_once_v2 on a broker: words are counted while the job is stopped and started with empty state.
//
// Usage: java -cp kafka-streams.jar:kafka-clients.jar:rocksdbjni.jar:… StreamsJob.java HOST:PORT [LINES]
//
// Without a cache every word counted is one record: those of a word must be 1, 2, 3 ... in this order, none twice and none missing.
// Exits 1 when they are not.

import java.nio.file.Files;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;

public class StreamsJob {
    static String bootstrap, id = UUID.randomUUID().toString().substring(0, 8), input = "s-lines-" + id, output = "s-counts-" + id;

    static KafkaStreams start() throws Exception {
        var builder = new StreamsBuilder();
        builder.<String, String>stream(input)
            .flatMapValues(line -> Arrays.asList(line.split(" ")))
            .groupBy((key, word) -> word)
            .count(Materialized.as("counts"))
            .toStream().to(output, Produced.with(Serdes.String(), Serdes.Long()));
        var p = new Properties();
        p.put("bootstrap.servers", bootstrap); p.put("application.id", "s-job-" + id);
        p.put("processing.guarantee", "exactly_once_v2"); p.put("num.stream.threads", "2"); p.put("commit.interval.ms", "200");
        p.put("statestore.cache.max.bytes", "0"); p.put("state.dir", Files.createTempDirectory("streams").toString());
        p.put("default.key.serde", Serdes.StringSerde.class); p.put("default.value.serde", Serdes.StringSerde.class);
        var streams = new KafkaStreams(builder.build(), p);
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.REPLACE_THREAD;
        });
        streams.start();
        return streams;
    }

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        int lines = args.length > 1 ? Integer.parseInt(args[1]) : 5000;
        var p = new Properties(); p.put("bootstrap.servers", bootstrap);
        try (var admin = Admin.create(p)) {
            admin.createTopics(List.of(new NewTopic(input, 4, (short) 1), new NewTopic(output, 2, (short) 1))).all().get();
        }
        Map<String, Long> expected = new TreeMap<>();
        var random = new Random(1);
        try (var producer = new KafkaProducer<>(p, new StringSerializer(), new StringSerializer())) {
            for (int i = 0; i < lines; i++) {
                var words = new StringJoiner(" ");
                for (int k = 0; k < 5; k++) { String w = "w" + random.nextInt(200); words.add(w); expected.merge(w, 1L, Long::sum); }
                producer.send(new ProducerRecord<>(input, "" + i, words.toString()));
            }
        }
        long total = 5L * lines, n = 0;
        Map<String, Long> seen = new HashMap<>();
        var c = new Properties(); c.putAll(p); c.put("isolation.level", "read_committed"); c.put("auto.offset.reset", "earliest");
        var streams = start();
        int restarts = 0;
        try (var consumer = new KafkaConsumer<>(c, new StringDeserializer(), new LongDeserializer())) {
            var partitions = List.of(new TopicPartition(output, 0), new TopicPartition(output, 1));
            consumer.assign(partitions); consumer.seekToBeginning(partitions);
            long deadline = System.nanoTime() + 300_000_000_000L;
            while (n < total && System.nanoTime() < deadline) {
                for (var r : consumer.poll(Duration.ofMillis(200))) {
                    long last = seen.getOrDefault(r.key(), 0L);
                    if (r.value() != last + 1) { System.out.println("FAILED  " + r.key() + ": " + r.value() + " after " + last); System.exit(1); }
                    seen.put(r.key(), r.value()); n++;
                }
                if (n > total * (restarts + 1) / 4 && restarts < 2) {
                    restarts++;
                    streams.close(restarts == 1 ? Duration.ZERO : Duration.ofSeconds(30));
                    streams = start();
                }
            }
            for (var r : consumer.poll(Duration.ofSeconds(2))) { System.out.println("FAILED  one too many: " + r.key() + " " + r.value()); System.exit(1); }
        }
        streams.close(Duration.ofSeconds(30));
        boolean ok = seen.equals(expected);
        System.out.println((ok ? "ok      " : "FAILED  ") + n + " of " + total + " words counted once each, " + restarts + " restarts");
        System.exit(ok ? 0 : 1);
    }
}
