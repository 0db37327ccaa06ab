-- The way through a landing page: which page a click was sent to or, through exit exit_number, came from. How
-- many campaigns handed the visitor on before, and what the tracking script found on the page (model/events.py).

ALTER TABLE click_events
    ADD COLUMN IF NOT EXISTS landing_id UInt64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS exit_number UInt16 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS hops UInt16 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS signals Map(LowCardinality(String), String);
