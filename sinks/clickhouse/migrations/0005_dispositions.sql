-- What operators did about dead letters. Rows are only ever added: what became of
-- a dead letter follows from them and from the rows of its replays.
CREATE TABLE IF NOT EXISTS dispositions
(
    cluster LowCardinality(String) COMMENT 'Name of the Kafka cluster of the dead letter.',
    topic LowCardinality(String) COMMENT 'Its Kafka topic.',
    partition Int32 COMMENT 'Its Kafka partition.',
    offset Int64 COMMENT 'Its Kafka offset: with cluster, topic and partition it identifies the dead letter.',
    action Enum8('replay' = 1, 'refused' = 2, 'discard' = 3) COMMENT 'replay: it was about to be produced again. refused: the broker would not take that replay. discard: it was set aside.',
    attempt UInt32 COMMENT 'For replay and refused: which replay of the dead letter, from 1 on; else 0.',
    id String COMMENT 'Random: tells which of two operators that replayed at once was the first.',
    sha256 FixedString(32) COMMENT 'For replay and refused: SHA-256 of the bytes produced; another than raw_sha256 means that they were mended. Else zeros.',
    reason String COMMENT 'Why, in the words of the operator; for refused, in those of the broker.',
    actor String COMMENT 'Who did it.',
    at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was noted: for replay, before the record was produced.'
)
ENGINE = MergeTree
ORDER BY (cluster, topic, partition, offset, at)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'What operators did about dead letters: replays and discards, with who, when and why.';

-- A dead letter has no event, so its event_type is empty: saying so lets the key
-- of the table find it.
CREATE OR REPLACE VIEW dead_letters AS
SELECT cluster, topic, partition, offset, kafka_timestamp, happened_at, key, failure_stage, failure_code, failure_field, failure_offset, failure_detail,
    raw, raw_sha256, stored_at, replay_of,
    multiIf(ifNull(again.sound, '') != '', 'replayed',
        ifNull(noted.discards, 0) > 0, 'discarded',
        ifNull(again.failed, '') != '', 'failed_again',
        ifNull(noted.replays, 0) > ifNull(noted.refusals, 0), 'pending',
        'open') AS status,
    if(ifNull(again.sound, '') != '', again.sound, ifNull(again.failed, '')) AS replayed_as
FROM
(
    SELECT cluster, topic, partition, offset, kafka_timestamp, happened_at, key, failure_stage, failure_code, failure_field, failure_offset, failure_detail,
        raw, raw_sha256, stored_at, replay_of, concat(cluster, '/', topic, '/', toString(partition), '/', toString(offset)) AS place
    FROM events
    WHERE event_type = '' AND failure_stage != ''
) AS letter
LEFT JOIN
(
    SELECT replay_of AS place,
        argMaxIf(concat(topic, '/', toString(partition), '/', toString(offset)), (kafka_timestamp, offset), failure_stage = '') AS sound,
        argMaxIf(concat(topic, '/', toString(partition), '/', toString(offset)), (kafka_timestamp, offset), failure_stage != '') AS failed
    FROM events
    WHERE replay_of != ''
    GROUP BY replay_of
) AS again ON again.place = letter.place
LEFT JOIN
(
    SELECT concat(cluster, '/', topic, '/', toString(partition), '/', toString(offset)) AS place,
        countIf(action = 'replay') AS replays, countIf(action = 'refused') AS refusals, countIf(action = 'discard') AS discards
    FROM dispositions
    GROUP BY cluster, topic, partition, offset
) AS noted ON noted.place = letter.place
COMMENT 'Records that are no events, with the reason, and what became of them. What is wrong stands at byte failure_offset of raw. status: open; pending: a replay is noted and has no row yet; failed_again: its replay is a dead letter too; replayed; discarded.';
