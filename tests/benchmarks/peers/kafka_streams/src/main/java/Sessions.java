import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams with a trivial judge, to show the runtime's floor: it decodes each event, keeps what
 * was said in the session's state (RocksDB with its changelog) and counts turns when it ends.
 *
 * <p>Tuned as its guide teaches: a cache before the store, so that a session's changes between two
 * commits reach the changelog once
 * (https://kafka.apache.org/documentation/streams/developer-guide/memory-mgmt.html), and a producer
 * that batches and compresses
 * (https://kafka.apache.org/documentation/streams/developer-guide/config-streams.html).
 */
public final class Sessions {
    private static final String STORE = "sessions";
    private static final ObjectMapper JSON = new ObjectMapper();

    private Sessions() {}

    private static final class Judge implements FixedKeyProcessor<String, byte[], byte[]> {
        private FixedKeyProcessorContext<String, byte[]> context;
        private KeyValueStore<String, byte[]> store;

        @Override
        public void init(FixedKeyProcessorContext<String, byte[]> context) {
            this.context = context;
            store = context.getStateStore(STORE);
        }

        @Override
        public void process(FixedKeyRecord<String, byte[]> received) {
            JsonNode event;
            try {
                event = JSON.readTree(received.value());
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            byte[] held = store.get(received.key());
            if (event.get("type").asText().equals("session.ended")) {
                store.delete(received.key());
                context.forward(received.withValue(record(held)));
                return;
            }
            // A fact per event, of about the size of a reading.
            String fact = event.path("speaker").asText() + " " + event.get("time").asText() + " "
                    + event.path("text").asText() + "\n";
            byte[] added = fact.getBytes(StandardCharsets.UTF_8);
            int length = held == null ? 0 : held.length;
            byte[] state = new byte[length + added.length];
            if (held != null) {
                System.arraycopy(held, 0, state, 0, length);
            }
            System.arraycopy(added, 0, state, length, added.length);
            store.put(received.key(), state);
        }

        private static byte[] record(byte[] held) {
            int agent = 0;
            int customer = 0;
            if (held != null) {
                for (String fact : new String(held, StandardCharsets.UTF_8).split("\n")) {
                    agent += fact.startsWith("agent ") ? 1 : 0;
                    customer += fact.startsWith("customer ") ? 1 : 0;
                }
            }
            return JSON.createObjectNode()
                    .put("agent_turns", agent)
                    .put("customer_turns", customer)
                    .toString()
                    .getBytes(StandardCharsets.UTF_8);
        }
    }

    public static void main(String[] arguments) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, System.getenv("PEER_GROUP"));
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("PEER_SERVERS"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("PEER_STATE"));
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64 * 1024 * 1024);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 1000);
        settings.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        settings.put("auto.offset.reset", "earliest");
        settings.put("producer.linger.ms", 20);
        settings.put("producer.compression.type", "lz4");

        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(
                Stores.keyValueStoreBuilder(
                                Stores.persistentKeyValueStore(STORE),
                                Serdes.String(),
                                Serdes.ByteArray())
                        .withCachingEnabled());
        builder.stream(
                        System.getenv("PEER_EVENTS"),
                        Consumed.with(
                                Serdes.String(), Serdes.ByteArray()))
                .processValues(Judge::new, STORE)
                .to(
                        System.getenv("PEER_RECORDS"),
                        Produced.with(
                                Serdes.String(), Serdes.ByteArray()));
        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
