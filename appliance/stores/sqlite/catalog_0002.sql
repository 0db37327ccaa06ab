-- The history of one entity without reading everybody's.
create index change_of on change (kind, id, revision);
