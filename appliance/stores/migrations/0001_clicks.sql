-- Clicks, their full addresses (apart, short-lived) and trafficbacks.
-- Every row carries (edge, epoch, seq): the rows are the authority on what has been shipped.
-- `sane_time`: a mad clock must not make a partition per month of its fancy; such rows go to ingestion_errors.

CREATE TABLE IF NOT EXISTS click_events
(
    id String,
    at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    edge Int32 CODEC(ZSTD(1)),
    epoch Int64 CODEC(ZSTD(1)),
    seq Int64 CODEC(Delta, ZSTD(1)),
    v UInt16 DEFAULT 1,
    revision Int64 CODEC(ZSTD(1)),
    door LowCardinality(String),
    decision LowCardinality(String),
    reason LowCardinality(String),
    campaign_id Int64 CODEC(ZSTD(1)),
    stream_id Int64 CODEC(ZSTD(1)),
    destination_id Int64 CODEC(ZSTD(1)),
    source_id Int64 CODEC(ZSTD(1)),
    network_id Int64 CODEC(ZSTD(1)),
    link_id Int64 CODEC(ZSTD(1)),
    counted UInt8,
    flags Array(LowCardinality(String)),
    cost Int64 CODEC(ZSTD(1)),
    currency LowCardinality(String),
    source_click_id String CODEC(ZSTD(1)),
    user_agent String CODEC(ZSTD(1)),
    referrer String CODEC(ZSTD(1)),
    language LowCardinality(String),
    host LowCardinality(String),
    address String CODEC(ZSTD(1)),
    query String CODEC(ZSTD(1)),
    request_id String CODEC(ZSTD(1)),
    inputs String CODEC(ZSTD(1)),
    utm_source LowCardinality(String) DEFAULT '',
    utm_medium LowCardinality(String) DEFAULT '',
    utm_campaign LowCardinality(String) DEFAULT '',
    utm_term LowCardinality(String) DEFAULT '',
    utm_content LowCardinality(String) DEFAULT '',
    sub1 String DEFAULT '' CODEC(ZSTD(1)),
    sub2 String DEFAULT '' CODEC(ZSTD(1)),
    sub3 String DEFAULT '' CODEC(ZSTD(1)),
    sub4 String DEFAULT '' CODEC(ZSTD(1)),
    sub5 String DEFAULT '' CODEC(ZSTD(1)),
    sub6 String DEFAULT '' CODEC(ZSTD(1)),
    sub7 String DEFAULT '' CODEC(ZSTD(1)),
    sub8 String DEFAULT '' CODEC(ZSTD(1)),
    sub9 String DEFAULT '' CODEC(ZSTD(1)),
    sub10 String DEFAULT '' CODEC(ZSTD(1)),
    sub11 String DEFAULT '' CODEC(ZSTD(1)),
    sub12 String DEFAULT '' CODEC(ZSTD(1)),
    sub13 String DEFAULT '' CODEC(ZSTD(1)),
    sub14 String DEFAULT '' CODEC(ZSTD(1)),
    sub15 String DEFAULT '' CODEC(ZSTD(1)),
    sub16 String DEFAULT '' CODEC(ZSTD(1)),
    sub17 String DEFAULT '' CODEC(ZSTD(1)),
    sub18 String DEFAULT '' CODEC(ZSTD(1)),
    sub19 String DEFAULT '' CODEC(ZSTD(1)),
    sub20 String DEFAULT '' CODEC(ZSTD(1)),
    sub21 String DEFAULT '' CODEC(ZSTD(1)),
    sub22 String DEFAULT '' CODEC(ZSTD(1)),
    sub23 String DEFAULT '' CODEC(ZSTD(1)),
    sub24 String DEFAULT '' CODEC(ZSTD(1)),
    sub25 String DEFAULT '' CODEC(ZSTD(1)),
    sub26 String DEFAULT '' CODEC(ZSTD(1)),
    sub27 String DEFAULT '' CODEC(ZSTD(1)),
    sub28 String DEFAULT '' CODEC(ZSTD(1)),
    sub29 String DEFAULT '' CODEC(ZSTD(1)),
    sub30 String DEFAULT '' CODEC(ZSTD(1)),
    CONSTRAINT sane_time CHECK at >= toDateTime64('2000-01-01 00:00:00', 6, 'UTC') AND at < toDateTime64('2100-01-01 00:00:00', 6, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY id;

CREATE TABLE IF NOT EXISTS click_identity
(
    click_id String,
    at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    day Date MATERIALIZED toDate(at, 'UTC'),
    edge Int32 CODEC(ZSTD(1)),
    epoch Int64 CODEC(ZSTD(1)),
    seq Int64 CODEC(Delta, ZSTD(1)),
    v UInt16 DEFAULT 1,
    address String CODEC(ZSTD(1)),
    CONSTRAINT sane_time CHECK at >= toDateTime64('2000-01-01 00:00:00', 6, 'UTC') AND at < toDateTime64('2100-01-01 00:00:00', 6, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(at)
ORDER BY click_id;

CREATE TABLE IF NOT EXISTS trafficback_events
(
    click_id String,
    at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    edge Int32,
    epoch Int64,
    seq Int64,
    v UInt16 DEFAULT 1,
    revision Int64,
    campaign_id Int64,
    stream_id Int64,
    source_id Int64,
    reason LowCardinality(String),
    depth Int32,
    url String CODEC(ZSTD(1)),
    CONSTRAINT sane_time CHECK at >= toDateTime64('2000-01-01 00:00:00', 6, 'UTC') AND at < toDateTime64('2100-01-01 00:00:00', 6, 'UTC')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY click_id;
