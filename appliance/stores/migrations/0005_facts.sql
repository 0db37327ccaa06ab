-- What was detected of a visitor, by name; the facts that reports group by are columns, older clicks have "".
-- url_hash is where he was sent (model/events.py), parent_id the click that this one came from.

ALTER TABLE click_events ADD COLUMN IF NOT EXISTS facts Map(LowCardinality(String), String);

ALTER TABLE click_events
    ADD COLUMN IF NOT EXISTS url_hash UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS parent_id String CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS country LowCardinality(String) MATERIALIZED facts['country'],
    ADD COLUMN IF NOT EXISTS region LowCardinality(String) MATERIALIZED facts['region'],
    ADD COLUMN IF NOT EXISTS city LowCardinality(String) MATERIALIZED facts['city'],
    ADD COLUMN IF NOT EXISTS isp LowCardinality(String) MATERIALIZED facts['isp'],
    ADD COLUMN IF NOT EXISTS asn LowCardinality(String) MATERIALIZED facts['asn'],
    ADD COLUMN IF NOT EXISTS connection_type LowCardinality(String) MATERIALIZED facts['connection_type'],
    ADD COLUMN IF NOT EXISTS device_type LowCardinality(String) MATERIALIZED facts['device_type'],
    ADD COLUMN IF NOT EXISTS device_brand LowCardinality(String) MATERIALIZED facts['device_brand'],
    ADD COLUMN IF NOT EXISTS device_model LowCardinality(String) MATERIALIZED facts['device_model'],
    ADD COLUMN IF NOT EXISTS os LowCardinality(String) MATERIALIZED facts['os'],
    ADD COLUMN IF NOT EXISTS os_version LowCardinality(String) MATERIALIZED facts['os_version'],
    ADD COLUMN IF NOT EXISTS browser LowCardinality(String) MATERIALIZED facts['browser'],
    ADD COLUMN IF NOT EXISTS browser_version LowCardinality(String) MATERIALIZED facts['browser_version'],
    ADD COLUMN IF NOT EXISTS spoken LowCardinality(String) MATERIALIZED facts['language'],
    ADD COLUMN IF NOT EXISTS referrer_host LowCardinality(String) MATERIALIZED facts['referrer_host'],
    ADD COLUMN IF NOT EXISTS search_engine LowCardinality(String) MATERIALIZED facts['search_engine'];
