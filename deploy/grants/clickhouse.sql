-- What each role may do in ClickHouse. Run it as an administrator after the
-- first tocsin migrate; give roles to users with GRANT tocsin_worker TO tocsin.
CREATE ROLE IF NOT EXISTS tocsin_worker, tocsin_migrator, tocsin_auditor, tocsin_operator, tocsin_analyst, tocsin_observer;

-- worker: adds rows, and reads what it needs to add none twice.
GRANT SELECT ON tocsin.events TO tocsin_worker;
GRANT INSERT ON tocsin.events TO tocsin_worker;
GRANT SELECT ON tocsin.packs TO tocsin_worker;
GRANT INSERT ON tocsin.packs TO tocsin_worker;
GRANT SELECT ON tocsin.schema_migrations TO tocsin_worker;
GRANT SELECT ON system.tables TO tocsin_worker;
GRANT SELECT ON system.columns TO tocsin_worker;
GRANT SELECT ON system.disks TO tocsin_worker;

-- migrator: makes and alters tables and replaces views, which the server takes
-- for dropping and renaming tables; rights to tables take in those to views. It
-- runs for minutes, in a change window. It may not alter rows.
GRANT CREATE DATABASE, CREATE TABLE, DROP TABLE, ALTER COLUMN, ALTER SETTINGS, SELECT, INSERT ON tocsin.* TO tocsin_migrator;
GRANT TABLE ENGINE ON MergeTree TO tocsin_migrator;
GRANT SELECT ON system.tables TO tocsin_migrator;
GRANT SELECT ON system.databases TO tocsin_migrator;

-- auditor: reads everything and writes nothing.
GRANT SELECT ON tocsin.* TO tocsin_auditor;
GRANT SELECT ON system.tables TO tocsin_auditor;
GRANT SELECT ON system.columns TO tocsin_auditor;

-- operator of dead letters: an auditor that notes what is done about them.
GRANT SELECT ON tocsin.* TO tocsin_operator;
GRANT INSERT ON tocsin.dispositions TO tocsin_operator;
GRANT SELECT ON system.tables TO tocsin_operator;
GRANT SELECT ON system.columns TO tocsin_operator;

-- analyst: the columns, with amounts.
GRANT SELECT ON tocsin.* TO tocsin_analyst;

-- observer: that there are candidates, and when they are due; no amount, no
-- name, no key. The view reads as whoever ran this, so nothing beneath it is
-- granted.
CREATE OR REPLACE VIEW tocsin.candidate_calendar DEFINER = CURRENT_USER SQL SECURITY DEFINER AS
SELECT candidate_id, rule, item, severity, trigger, due_date, due_at, due_at_conservative, kafka_timestamp, happened_at
FROM tocsin.candidates;
GRANT SELECT ON tocsin.candidate_calendar TO tocsin_observer;
