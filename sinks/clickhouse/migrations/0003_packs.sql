-- The rules that judged, by digest. A batch that was promised under a digest is
-- judged again by the rules of that digest, at any later time.
CREATE TABLE IF NOT EXISTS packs
(
    digest String COMMENT 'Digest of the rules, as in events.rules_digest.',
    id String COMMENT 'Id of the pack.',
    archive String COMMENT 'The pack: a text archive of every file that can change a verdict.' CODEC(ZSTD(3)),
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was first kept.'
)
ENGINE = MergeTree
ORDER BY digest
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'Packs of rules, for replays and audits.';
