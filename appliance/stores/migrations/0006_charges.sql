-- What a conversion costs names its click, so that a report by country or browser has it in its line.

ALTER TABLE cost_adjustments ADD COLUMN IF NOT EXISTS click_id String CODEC(ZSTD(1));
