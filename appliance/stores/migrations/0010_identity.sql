-- Who made a click, sealed under the key of its day (stores/identity_keys.py), in base64: rows travel as JSON,
-- and ZSTD takes the third back that it costs. What ad platforms are told of a click joins what a conversion
-- copies from it; a postback may say who bought, sealed alike. `packed` of older clicks stays as it is, without.

ALTER TABLE click_identity ADD COLUMN IF NOT EXISTS sealed String CODEC(ZSTD(1));

ALTER TABLE postback_log_events ADD COLUMN IF NOT EXISTS sealed String CODEC(ZSTD(1));

ALTER TABLE click_events ADD COLUMN IF NOT EXISTS click_ids Map(LowCardinality(String), String);

ALTER TABLE click_events
    MODIFY COLUMN packed String MATERIALIZED toJSONString((
        toUnixTimestamp64Micro(at), campaign_id, stream_id, destination_id, source_id, network_id,
        link_id, subs, utm, source_click_id, cost, currency, click_ids
    )) CODEC(LZ4);
