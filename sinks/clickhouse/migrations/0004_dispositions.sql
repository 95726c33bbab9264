-- What operators did about dead letters. Rows are only ever added: the status of a
-- dead letter follows from them and from the rows of its replays.
CREATE TABLE IF NOT EXISTS dispositions
(
    cluster LowCardinality(String) COMMENT 'Name of the Kafka cluster of the dead letter.',
    topic LowCardinality(String) COMMENT 'Its Kafka topic.',
    topic_id LowCardinality(String) COMMENT 'Id of that topic. Empty where the brokers report none.',
    partition Int32 COMMENT 'Its Kafka partition.',
    offset Int64 COMMENT 'Its Kafka offset: with cluster, topic, topic_id and partition it identifies the dead letter.',
    action Enum8('replay' = 1, 'refused' = 2, 'discard' = 3) COMMENT 'replay: it was about to be produced again. refused: the broker rejected that replay. discard: it was set aside.',
    attempt UInt32 COMMENT 'For replay and refused: which replay of the dead letter, from 1 on; else 0.',
    id String COMMENT 'Random: distinguishes the first of two operators who replayed at once.',
    sha256 FixedString(32) COMMENT 'For replay and refused: SHA-256 of the bytes produced; a difference from raw_sha256 means that they were repaired. Else zeros.',
    reason String COMMENT 'Why, in the words of the operator; for refused, in those of the broker.',
    actor String COMMENT 'Who did it.',
    at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was noted: for replay, before the record was produced.'
)
ENGINE = MergeTree
ORDER BY (cluster, topic, topic_id, partition, offset, at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What operators did about dead letters: replays and discards, with who, when and why.';
