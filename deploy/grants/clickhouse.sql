-- Rights of each role in ClickHouse. Run this file as an administrator after the
-- first tocsin migrate. Give roles to users with GRANT tocsin_worker TO tocsin.
CREATE ROLE IF NOT EXISTS tocsin_worker, tocsin_migrator, tocsin_auditor, tocsin_operator, tocsin_analyst, tocsin_observer;

-- worker: adds rows, and reads enough to add none twice.
GRANT SELECT ON tocsin.events TO tocsin_worker;
GRANT INSERT ON tocsin.events TO tocsin_worker;
GRANT SELECT ON tocsin.packs TO tocsin_worker;
GRANT INSERT ON tocsin.packs TO tocsin_worker;
GRANT SELECT ON tocsin.schema_migrations TO tocsin_worker;
GRANT SELECT ON system.tables TO tocsin_worker;
GRANT SELECT ON system.columns TO tocsin_worker;
GRANT SELECT ON system.disks TO tocsin_worker;
GRANT SELECT ON system.mutations TO tocsin_worker;
GRANT SELECT ON system.row_policies TO tocsin_worker;
GRANT SHOW ROW POLICIES ON tocsin.events TO tocsin_worker;

-- migrator: creates and alters tables and replaces views. The server treats the
-- replacement of a view as dropping and renaming tables; rights to tables include
-- those to views. It runs for minutes, in a change window. It may not alter rows.
GRANT CREATE DATABASE, CREATE TABLE, DROP TABLE, ALTER COLUMN, ALTER SETTINGS, SELECT, INSERT ON tocsin.* TO tocsin_migrator;
GRANT TABLE ENGINE ON MergeTree TO tocsin_migrator;
GRANT SELECT ON system.tables TO tocsin_migrator;
GRANT SELECT ON system.databases TO tocsin_migrator;

-- auditor: reads everything and writes nothing.
GRANT SELECT ON tocsin.* TO tocsin_auditor;
GRANT SELECT ON system.tables TO tocsin_auditor;
GRANT SELECT ON system.columns TO tocsin_auditor;

-- operator of dead letters: an auditor that records replays and discards.
GRANT SELECT ON tocsin.* TO tocsin_operator;
GRANT INSERT ON tocsin.dispositions TO tocsin_operator;
GRANT SELECT ON system.tables TO tocsin_operator;
GRANT SELECT ON system.columns TO tocsin_operator;

-- analyst: the columns, with amounts.
GRANT SELECT ON tocsin.* TO tocsin_analyst;

-- observer: sees candidates and their due dates, without amount, name or key. The
-- view reads with the rights of the user who ran this file, so the observer needs
-- none on the tables beneath it. A test compares its columns with those of
-- candidates.
CREATE OR REPLACE VIEW tocsin.candidate_calendar
(
    `candidate_id` String COMMENT 'The matter: the same in every event that concerns it.',
    `rule` LowCardinality(String) COMMENT 'Rule that raised the candidate.',
    `item` LowCardinality(String) COMMENT 'Item of Form 8-K.',
    `severity` LowCardinality(String) COMMENT 'S1 to S4, after bands and escalation.',
    `trigger` Nullable(DateTime64(6, 'UTC')) COMMENT 'Instant the clock runs from. NULL outside 1900 to 2299.',
    `due_date` Nullable(Date32) COMMENT 'Date the filing is due, by the trigger''s date in New York. NULL when the clock sets none.',
    `due_at` Nullable(DateTime64(6, 'UTC')) COMMENT 'Instant the filing is due.',
    `due_at_conservative` Nullable(DateTime64(6, 'UTC')) COMMENT 'The earlier of the due instants by the date in New York and by the source''s own date.',
    `kafka_timestamp` Nullable(DateTime64(3, 'UTC')) COMMENT 'kafka_millis as an instant: when the event was observed. NULL outside 1990 to 2099, where it counts as absent.',
    `happened_at` DateTime64(6, 'UTC') COMMENT 'event_time (a date alone at 00:00 UTC), within 1900 to 2299, or kafka_timestamp where the event has no time, or 1900-01-01 where that is NULL. Never NULL. The table is sorted by it.'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT candidate_id, rule, item, severity, trigger, due_date, due_at, due_at_conservative, kafka_timestamp, happened_at
FROM tocsin.candidates;
GRANT SELECT ON tocsin.candidate_calendar TO tocsin_observer;
