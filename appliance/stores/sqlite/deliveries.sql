-- Deliveries, their attempts and how their targets are doing; in the ledger's file, because a revision of a
-- conversion and what is told of it are stored together. Times in unix microseconds.

create table if not exists delivery (
    number integer primary key autoincrement,
    id text not null unique,
    target text not null,
    conversion_id text not null,
    revision integer not null,
    campaign_id integer not null,
    state text not null,
    created_us integer not null,
    -- A lease moves `not_before_us` to its own end: who died holding it is followed then.
    not_before_us integer not null,
    deadline_us integer not null,
    lease_us integer not null default 0,
    attempts integer not null default 0,
    finished_us integer not null default 0,
    reason text not null default '',
    part integer not null default 0,
    sent_us integer not null default 0,
    body blob not null
) strict;
create index if not exists delivery_due on delivery (target, not_before_us) where state = 'pending';
create index if not exists delivery_deadline on delivery (target, deadline_us) where state = 'pending';
create index if not exists delivery_of on delivery (target, state, number);
create index if not exists delivery_campaign on delivery (campaign_id, number);
create index if not exists delivery_conversion on delivery (conversion_id);
create index if not exists delivery_finished on delivery (finished_us) where state <> 'pending';

create table if not exists attempt (
    number integer primary key,
    delivery integer not null,
    at_us integer not null,
    latency_us integer not null,
    request text not null,
    status integer not null,
    answer text not null,
    error text not null
) strict;
create index if not exists attempt_of on attempt (delivery, number);

create table if not exists standing (
    target text primary key,
    failures integer not null,
    paused_us integer not null,
    probe_us integer not null,
    reason text not null
) strict, without rowid;

-- How many there are, kept by the triggers below: counting rows takes as long as there are rows.
create table if not exists delivery_count (
    target text not null,
    state text not null,
    rows integer not null,
    primary key (target, state)
) strict, without rowid;

create trigger if not exists delivery_came after insert on delivery begin
    insert into delivery_count values (new.target, new.state, 1) on conflict do update set rows = rows + 1;
end;
create trigger if not exists delivery_moved after update of state on delivery when old.state <> new.state begin
    update delivery_count set rows = rows - 1 where target = old.target and state = old.state;
    insert into delivery_count values (new.target, new.state, 1) on conflict do update set rows = rows + 1;
end;
create trigger if not exists delivery_went after delete on delivery begin
    update delivery_count set rows = rows - 1 where target = old.target and state = old.state;
    delete from attempt where delivery = old.number;
end;
