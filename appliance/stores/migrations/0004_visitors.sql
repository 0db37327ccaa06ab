-- Who clicked, in eight bytes: distinct visitors are counted from this column instead of from addresses and
-- user agents (ten times the bytes). Older parts compute it when they are read. And the time of each granule,
-- so that a report of one day does not read the month.

ALTER TABLE click_events ADD COLUMN IF NOT EXISTS visitor UInt64 MATERIALIZED sipHash64(campaign_id, address, user_agent);

ALTER TABLE click_events ADD INDEX IF NOT EXISTS at_range at TYPE minmax GRANULARITY 1;
