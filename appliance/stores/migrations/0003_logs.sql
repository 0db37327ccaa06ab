-- What arrived and what went wrong: postbacks as received and as processed, destinations' health,
-- and the events that could not be stored (`raw` is base64 of the first bytes of the record).

CREATE TABLE IF NOT EXISTS postback_log_events
(
    id String,
    at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    known_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    edge Int32,
    epoch Int64,
    seq Int64,
    v UInt16 DEFAULT 1,
    stage LowCardinality(String),
    outcome LowCardinality(String),
    reason LowCardinality(String),
    network_id Int64,
    method LowCardinality(String),
    params Map(String, String) CODEC(ZSTD(1)),
    address String CODEC(ZSTD(1)),
    request_id String CODEC(ZSTD(1)),
    click_id String CODEC(ZSTD(1)),
    transaction_id String CODEC(ZSTD(1)),
    conversion_id String CODEC(ZSTD(1)),
    CONSTRAINT sane_time CHECK at >= toDateTime64('2000-01-01 00:00:00', 6, 'UTC') AND at < toDateTime64('2100-01-01 00:00:00', 6, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, id, stage)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS destination_health_events
(
    destination_id Int64,
    at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    edge Int32,
    epoch Int64,
    seq Int64,
    v UInt16 DEFAULT 1,
    before LowCardinality(String),
    after LowCardinality(String),
    status Int32,
    latency_us Int64,
    error String CODEC(ZSTD(1)),
    CONSTRAINT sane_time CHECK at >= toDateTime64('2000-01-01 00:00:00', 6, 'UTC') AND at < toDateTime64('2100-01-01 00:00:00', 6, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, destination_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

CREATE TABLE IF NOT EXISTS ingestion_errors
(
    at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    edge Int32,
    epoch Int64,
    seq Int64,
    topic LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    bytes Int64,
    raw String CODEC(ZSTD(1)),
    CONSTRAINT sane_time CHECK at >= toDateTime64('2000-01-01 00:00:00', 6, 'UTC') AND at < toDateTime64('2100-01-01 00:00:00', 6, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (edge, epoch, seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
