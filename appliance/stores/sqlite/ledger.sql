-- The ledger: what conversions are, which postbacks wait, how far journals were consumed, what is to ship.
-- Ids that are kept for ever and never reused; times in unix microseconds; money in micro-units.

create table if not exists progress (
    edge integer not null,
    epoch integer not null,
    seq integer not null,
    primary key (edge, epoch)
) strict, without rowid;

-- The columns beside `body` are there to be searched and summed; `body` (msgpack) is the authority.
create table if not exists conversion (
    id text primary key,
    revision integer not null,
    network_id integer not null,
    transaction_id text not null,
    click_id text not null,
    at_us integer not null,
    known_us integer not null,
    status text not null,
    conversions integer not null,
    revenue integer not null,
    hold integer not null,
    currency text not null,
    body blob not null
) strict, without rowid;

create index if not exists conversion_at on conversion (at_us);

-- Where each postback makes a conversion of its own: the earliest one of each claim.
create table if not exists first (
    claim text primary key,
    conversion_id text not null
) strict, without rowid;

-- `tried` is 0 until a lookup answered: those go first, so that a flood of ids that never existed cannot
-- stand before postbacks whose click is there.
create table if not exists waiting (
    edge integer not null,
    epoch integer not null,
    seq integer not null,
    click_id text not null,
    tried integer not null,
    attempts integer not null,
    told integer not null,
    due_us integer not null,
    deadline_us integer not null,
    body blob not null,
    primary key (edge, epoch, seq)
) strict, without rowid;
create index if not exists waiting_due on waiting (tried, due_us);
create index if not exists waiting_click on waiting (click_id);

-- What clicks converted on, for the edges' memory of visitors; only the newest are kept. Numbers grow for ever,
-- also from one ledger to the one that replaces a lost one.
create table if not exists converted (
    number integer primary key,
    click_id text not null,
    destination_id integer not null
) strict;

-- Corrections of cost, in the order of their coming; an id sent twice counts once.
create table if not exists adjustment (
    number integer primary key,
    id text not null unique,
    body blob not null
) strict;

-- Conversions that somebody entered, by the id of his order, which counts once; `body` is an EntryRecord.
create table if not exists entry (
    id text primary key,
    body blob not null
) strict, without rowid;

-- What is known of destinations that have a probe; `body` (msgpack) is a routing/probes.Health.
create table if not exists health (
    destination_id integer primary key,
    body blob not null
) strict;

create table if not exists outbox (
    epoch integer not null,
    seq integer not null,
    body blob not null,
    primary key (epoch, seq)
) strict, without rowid;
