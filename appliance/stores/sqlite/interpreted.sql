-- Interpreted events: what was reported of each key, how far batches and journals were taken, and what operators
-- have switched off; in the ledger's file, because reports and rows for the warehouse are stored with it. Times
-- in unix microseconds.

-- `id` is the 16 bytes that name `session_id-keyword` at its pixel; `body` (msgpack) is a partners/reckoning.Known.
create table if not exists interpreted (
    id blob primary key,
    at_us integer not null,
    body blob not null
) strict, without rowid;
create index if not exists interpreted_at on interpreted (at_us);

-- How many lines of each batch are taken: an object's, a file's.
create table if not exists interpreted_batch (
    id text primary key,
    lines integer not null,
    at_us integer not null
) strict, without rowid;
create index if not exists interpreted_batch_at on interpreted_batch (at_us);

create table if not exists interpreted_progress (
    edge integer not null,
    epoch integer not null,
    seq integer not null,
    primary key (edge, epoch)
) strict, without rowid;

-- Records out of the journals that wait while their intake is paused: the journals themselves hold clicks too, and
-- must be able to go.
create table if not exists interpreted_shelf (
    number integer primary key autoincrement,
    body blob not null
) strict;

create table if not exists interpreted_switch (
    name text primary key,
    by text not null,
    at_us integer not null
) strict, without rowid;
