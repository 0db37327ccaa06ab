-- The streams that a campaign ever had, without reading everybody's history.
create index streams_of on change (json_extract(after, '$.campaign_id'), id) where kind = 'stream';

-- The routing section of the configuration, since the revision from which on it held (JSON).
create table settings (
    revision integer primary key,
    body text not null
);
