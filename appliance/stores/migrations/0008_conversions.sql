-- Where conversions enter and leave: the sum of entered with a status is the number of conversions that have it
-- (model/events.py). What the network named, and the rate that made the report's currency of it.

ALTER TABLE conversion_events
    ADD COLUMN IF NOT EXISTS entered Int64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS repeated UInt8 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS upsell LowCardinality(String),
    ADD COLUMN IF NOT EXISTS original_payout Int64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS original_currency LowCardinality(String),
    ADD COLUMN IF NOT EXISTS rate LowCardinality(String);
