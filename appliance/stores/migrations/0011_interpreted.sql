-- Interpreted events as they were read, in the founding document's words, and what of each was reported. Totals are
-- what an event named; `reported_…` are what its revision added: their sums are what was reported.

CREATE TABLE IF NOT EXISTS report_conversions
(
    id String,
    revision Int32,
    at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    known_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    edge Int32,
    epoch Int64,
    seq Int64,
    v UInt16 DEFAULT 1,
    intake LowCardinality(String),
    network LowCardinality(String),
    nw_account_id String CODEC(ZSTD(1)),
    nw_account_name String CODEC(ZSTD(1)),
    nw_campaign_id String CODEC(ZSTD(1)),
    nw_campaign_name String CODEC(ZSTD(1)),
    traffic_source LowCardinality(String),
    pixel_id String CODEC(ZSTD(1)),
    campaign_id String CODEC(ZSTD(1)),
    campaign_name String CODEC(ZSTD(1)),
    adset_id String CODEC(ZSTD(1)),
    adset_name String CODEC(ZSTD(1)),
    ad_id String CODEC(ZSTD(1)),
    ad_name String CODEC(ZSTD(1)),
    session_id String CODEC(ZSTD(1)),
    keyword_clicked String CODEC(ZSTD(1)),
    unique_identifier String ALIAS concat(session_id, '-', keyword_clicked),
    ts_click_id String CODEC(ZSTD(1)),
    user_agent String CODEC(ZSTD(1)),
    address String CODEC(ZSTD(1)),
    country_code LowCardinality(String),
    region LowCardinality(String),
    city String CODEC(ZSTD(1)),
    domain_name String CODEC(ZSTD(1)),
    category String CODEC(ZSTD(1)),
    vertical String CODEC(ZSTD(1)),
    conversions Int64,
    revenue Int64,
    lander_visitors Int64,
    lander_searches Int64,
    reported_conversions Int64,
    reported_amount Int64,
    reports Int64,
    valid UInt8,
    invalid_reason LowCardinality(String),
    lost LowCardinality(String),
    CONSTRAINT sane_time CHECK at >= toDateTime64('2000-01-01 00:00:00', 6, 'UTC') AND at < toDateTime64('2100-01-01 00:00:00', 6, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (at, id, revision)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;
