-- What destinations took and what was lent of it. Ids kept for ever; money in micro-units; times in seconds.

create table progress (
    edge integer not null,
    epoch integer not null,
    seq integer not null,
    primary key (edge, epoch)
) strict, without rowid;

-- Counted clicks and their cost, in buckets of `width_s` that grow coarser with age.
create table usage (
    destination_id integer not null,
    start_s integer not null,
    width_s integer not null,
    currency text not null,
    clicks integer not null,
    cost integer not null,
    primary key (destination_id, start_s, width_s, currency)
) strict, without rowid;

-- Edge processes: the clicks read of each, and the ceilings that each may hold.
create table life (
    life integer primary key,
    edge integer not null
) strict;
create table seen (
    life integer not null,
    destination_id integer not null,
    clicks integer not null,
    primary key (life, destination_id)
) strict, without rowid;
create table bound (
    life integer not null,
    destination_id integer not null,
    ceiling integer not null,
    primary key (life, destination_id)
) strict, without rowid;
