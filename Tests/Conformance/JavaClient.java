// Conformance of a broker as the Java clients of Apache Kafka see it.
//
// Usage: java -cp kafka-clients.jar:slf4j-api.jar:lz4-java.jar:snappy-java.jar:zstd-jni.jar JavaClient.java HOST:PORT
//
// Every check makes topics and groups of its own, so that the program runs against any broker. Prints one line per check; exits 1 when
// one has failed.

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.*;
import org.apache.kafka.common.errors.*;

public class JavaClient {
    static String bootstrap;
    static Admin admin;
    static Properties base() { Properties p = new Properties(); p.put("bootstrap.servers", bootstrap); return p; }
    static String topic(String prefix, int partitions, Map<String, String> config) throws Exception {
        String name = prefix + "-" + UUID.randomUUID().toString().substring(0, 8);
        admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(config))).all().get();
        return name;
    }
    static KafkaProducer<String, String> producer(Object... settings) {
        Properties p = base();
        p.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        p.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        for (int i = 0; i < settings.length; i += 2) p.put(settings[i], settings[i + 1]);
        return new KafkaProducer<>(p);
    }
    static KafkaConsumer<String, String> consumer(Object... settings) {
        Properties p = base();
        p.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        p.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        p.put("auto.offset.reset", "earliest"); p.put("enable.auto.commit", "false");
        for (int i = 0; i < settings.length; i += 2) p.put(settings[i], settings[i + 1]);
        return new KafkaConsumer<>(p);
    }
    static List<String> read(String topic, String isolation) {
        try (var c = consumer("isolation.level", isolation)) {
            var tp = new TopicPartition(topic, 0);
            c.assign(List.of(tp)); c.seekToBeginning(List.of(tp));
            long end = c.endOffsets(List.of(tp)).get(tp);
            List<String> values = new ArrayList<>();
            long deadline = System.currentTimeMillis() + 60000;
            while (c.position(tp) < end && System.currentTimeMillis() < deadline)
                for (var r : c.poll(Duration.ofMillis(200))) values.add(r.value());
            return values;
        }
    }
    static void equal(Object a, Object b) { if (!Objects.equals(a, b)) throw new AssertionError("expected " + b + ", got " + a); }
    interface Check { void run() throws Exception; }
    static int failed = 0;
    static void check(String name, Check c) {
        try { c.run(); System.out.println("ok      " + name); }
        catch (Throwable t) { failed++; System.out.println("FAILED  " + name); t.printStackTrace(System.out); }
    }
    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        Properties ap = base(); admin = Admin.create(ap);
        check("codecs", () -> {
            for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
                String t = topic("j-codec", 1, Map.of());
                List<String> sent = new ArrayList<>();
                try (var p = producer("compression.type", codec, "linger.ms", "50")) {
                    for (int i = 0; i < 300; i++) { String v = codec + i + "x".repeat(50); sent.add(v); p.send(new ProducerRecord<>(t, "k", v)); }
                }
                equal(read(t, "read_committed"), sent);
            }
        });
        check("compacted topic rejects null keys", () -> {
            String t = topic("j-compact", 1, Map.of("cleanup.policy", "compact"));
            for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) try (var p = producer("compression.type", codec)) {
                try { p.send(new ProducerRecord<>(t, null, "v")).get(); throw new AssertionError("accepted"); }
                catch (ExecutionException e) { if (!(e.getCause() instanceof InvalidRecordException)) throw e; }
                p.send(new ProducerRecord<>(t, "k", "v")).get();
            }
        });
        check("transactions with offsets and fencing", () -> {
            String in = topic("j-in", 1, Map.of()), out = topic("j-out", 1, Map.of());
            try (var p = producer()) { for (int i = 0; i < 10; i++) p.send(new ProducerRecord<>(in, "k", "" + i)); }
            String group = "g-" + in, id = "tx-" + in;
            var p = producer("transactional.id", id); p.initTransactions();
            try (var c = consumer("group.id", group, "isolation.level", "read_committed")) {
                c.subscribe(List.of(in));
                int n = 0; long deadline = System.currentTimeMillis() + 60000;
                while (n < 10 && System.currentTimeMillis() < deadline) {
                    var records = c.poll(Duration.ofMillis(200));
                    if (records.isEmpty()) continue;
                    p.beginTransaction();
                    for (var r : records) { p.send(new ProducerRecord<>(out, r.key(), "out" + r.value())); n++; }
                    p.sendOffsetsToTransaction(Map.of(new TopicPartition(in, 0), new OffsetAndMetadata(n)), c.groupMetadata());
                    p.commitTransaction();
                }
                equal(n, 10);
            }
            p.beginTransaction(); p.send(new ProducerRecord<>(out, "k", "aborted")).get(); p.abortTransaction();
            equal(read(out, "read_committed").size(), 10);
            equal(read(out, "read_uncommitted").size(), 11);
            equal(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(new TopicPartition(in, 0)).offset(), 10L);
            var d = admin.describeTransactions(List.of(id)).description(id).get();
            equal(d.state(), TransactionState.COMPLETE_ABORT);
            if (admin.listTransactions().all().get().stream().noneMatch(x -> x.transactionalId().equals(id))) throw new AssertionError("not listed");
            admin.describeProducers(List.of(new TopicPartition(out, 0))).all().get();
            var newer = producer("transactional.id", id); newer.initTransactions();
            try { p.beginTransaction(); p.send(new ProducerRecord<>(out, "k", "zombie")).get(); p.commitTransaction(); throw new AssertionError("zombie"); }
            catch (ProducerFencedException | ExecutionException | InvalidProducerEpochException e) { }
            newer.close(); p.close(Duration.ZERO);
        });
        check("two members, static member", () -> {
            String t = topic("j-group", 4, Map.of());
            String group = "g-" + t;
            var a = consumer("group.id", group, "group.instance.id", "one"); var b = consumer("group.id", group);
            a.subscribe(List.of(t)); b.subscribe(List.of(t));
            long deadline = System.currentTimeMillis() + 90000;
            while (System.currentTimeMillis() < deadline && !(a.assignment().size() == 2 && b.assignment().size() == 2)) { a.poll(Duration.ofMillis(100)); b.poll(Duration.ofMillis(100)); }
            equal(a.assignment().size(), 2); equal(b.assignment().size(), 2);
            a.commitSync(Map.of(a.assignment().iterator().next(), new OffsetAndMetadata(0, "meta")));
            var d = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            equal(d.members().size(), 2); equal(d.state(), ConsumerGroupState.STABLE);
            if (d.members().stream().noneMatch(m -> m.groupInstanceId().equals(Optional.of("one")))) throw new AssertionError("no static member");
            a.close(); b.close();
            admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(List.of(new MemberToRemove("one")))).all().get();
            equal(admin.describeConsumerGroups(List.of(group)).all().get().get(group).state(), ConsumerGroupState.EMPTY);
            if (admin.listConsumerGroups().all().get().stream().noneMatch(g -> g.groupId().equals(group))) throw new AssertionError("not listed");
            admin.alterConsumerGroupOffsets(group, Map.of(new TopicPartition(t, 3), new OffsetAndMetadata(0))).all().get();
            admin.deleteConsumerGroupOffsets(group, Set.of(new TopicPartition(t, 3))).all().get();
            admin.deleteConsumerGroups(List.of(group)).all().get();
        });
        check("admin", () -> {
            String t = topic("j-admin", 2, Map.of("retention.ms", "1000000"));
            var r = new ConfigResource(ConfigResource.Type.TOPIC, t);
            equal(admin.describeConfigs(List.of(r)).all().get().get(r).get("retention.ms").value(), "1000000");
            admin.incrementalAlterConfigs(Map.of(r, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "5"), AlterConfigOp.OpType.SET),
                new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND)))).all().get();
            equal(admin.describeConfigs(List.of(r)).all().get().get(r).get("cleanup.policy").value(), "delete,compact");
            admin.createPartitions(Map.of(t, NewPartitions.increaseTo(4))).all().get();
            equal(admin.describeTopics(List.of(t)).allTopicNames().get().get(t).partitions().size(), 4);
            try { admin.createPartitions(Map.of(t, NewPartitions.increaseTo(3))).all().get(); throw new AssertionError(); }
            catch (ExecutionException e) { equal(e.getCause().getClass(), InvalidPartitionsException.class); }
            try { admin.createTopics(List.of(new NewTopic(t, 1, (short) 1))).all().get(); throw new AssertionError(); }
            catch (ExecutionException e) { equal(e.getCause().getClass(), TopicExistsException.class); }
            admin.describeCluster().nodes().get();
            admin.deleteTopics(List.of(t)).all().get();
        });
        check("offsets by time and deleted records", () -> {
            String t = topic("j-time", 1, Map.of("retention.ms", "-1"));
            try (var p = producer("compression.type", "lz4", "linger.ms", "100")) { for (int i = 0; i < 100; i++) p.send(new ProducerRecord<>(t, 0, 1000L + i * 10, "k", "" + i)); }
            var tp = new TopicPartition(t, 0);
            equal(admin.listOffsets(Map.of(tp, OffsetSpec.forTimestamp(1235))).partitionResult(tp).get().offset(), 24L);
            equal(admin.listOffsets(Map.of(tp, OffsetSpec.maxTimestamp())).partitionResult(tp).get().offset(), 99L);
            equal(admin.listOffsets(Map.of(tp, OffsetSpec.forTimestamp(5000))).partitionResult(tp).get().offset(), -1L);
            equal(admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(40))).lowWatermarks().get(tp).get().lowWatermark(), 40L);
            equal(read(t, "read_committed").size(), 60);
        });
        admin.close();
        System.exit(failed == 0 ? 0 : 1);
    }
}
