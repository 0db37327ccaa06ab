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
    -- A postback's lease moves `not_before_us` to its own end: who died holding it is followed then.
    not_before_us integer not null,
    deadline_us integer not null,
    lease_us integer not null default 0,
    attempts integer not null default 0,
    finished_us integer not null default 0,
    reason text not null default '',
    part integer not null default 0,
    sent_us integer not null default 0,
    value integer not null default 0,
    currency text not null default '',
    body blob not null
) strict;
create index if not exists delivery_due on delivery (target, not_before_us) where state = 'pending';
create index if not exists delivery_deadline on delivery (target, deadline_us) where state = 'pending';
create index if not exists delivery_part on delivery (target, part, deadline_us) where state = 'pending' and part <> 0;
create index if not exists delivery_of on delivery (target, state, number);
create index if not exists delivery_ended on delivery (target, reason, number) where state in ('dead', 'cancelled');
create index if not exists delivery_bought on delivery (campaign_id, number) where campaign_id <> 0;
create index if not exists delivery_caused on delivery (number >> 12, conversion_id);
drop index if exists delivery_conversion;
drop index if exists delivery_campaign;
create index if not exists delivery_finished on delivery (finished_us) where state <> 'pending';

create table if not exists attempt (
    number integer primary key,
    delivery integer not null,
    at_us integer not null,
    latency_us integer not null,
    request text not null,
    status integer not null,
    answer text not null,
    error text not null,
    trace text not null default ''
) strict;
create index if not exists attempt_of on attempt (delivery, number);

create table if not exists standing (
    target text primary key,
    failures integer not null,
    paused_us integer not null,
    probe_us integer not null,
    reason text not null
) strict, without rowid;

-- How many there are, kept by `put` and by the triggers below: counting rows takes as long as there are rows.
create table if not exists delivery_count (
    target text not null,
    state text not null,
    rows integer not null,
    primary key (target, state)
) strict, without rowid;

create trigger if not exists delivery_moved after update of state on delivery when old.state <> new.state begin
    update delivery_count set rows = rows - 1 where target = old.target and state = old.state;
    insert into delivery_count values (new.target, new.state, 1) on conflict do update set rows = rows + 1;
end;
create trigger if not exists delivery_went after delete on delivery begin
    update delivery_count set rows = rows - 1 where target = old.target and state = old.state;
    delete from attempt where delivery = old.number;
end;

-- What pending ones of pixels are worth, and what the dead ones died of: for the same reason.
create table if not exists delivery_worth (
    target text not null,
    currency text not null,
    micros integer not null,
    primary key (target, currency)
) strict, without rowid;
create table if not exists delivery_refused (
    target text not null,
    reason text not null,
    rows integer not null,
    primary key (target, reason)
) strict, without rowid;

create trigger if not exists delivery_worth_back after update of state on delivery
when new.state = 'pending' and old.state <> 'pending' and new.value <> 0 begin
    insert into delivery_worth values (new.target, new.currency, new.value)
        on conflict do update set micros = micros + new.value;
end;
create trigger if not exists delivery_worth_ended after update of state on delivery
when old.state = 'pending' and new.state <> 'pending' and old.value <> 0 begin
    update delivery_worth set micros = micros - old.value where target = old.target and currency = old.currency;
end;
create trigger if not exists delivery_worth_went after delete on delivery
when old.state = 'pending' and old.value <> 0 begin
    update delivery_worth set micros = micros - old.value where target = old.target and currency = old.currency;
end;

create trigger if not exists delivery_refused_now after update of state on delivery
when new.state = 'dead' and old.state <> 'dead' and substr(new.target, 1, 6) = 'pixel:' begin
    insert into delivery_refused values (new.target, new.reason, 1) on conflict do update set rows = rows + 1;
end;
create trigger if not exists delivery_refused_no_more after update of state on delivery
when old.state = 'dead' and new.state <> 'dead' and substr(old.target, 1, 6) = 'pixel:' begin
    update delivery_refused set rows = rows - 1 where target = old.target and reason = old.reason;
    delete from delivery_refused where target = old.target and reason = old.reason and rows <= 0;
end;
create trigger if not exists delivery_refused_went after delete on delivery
when old.state = 'dead' and substr(old.target, 1, 6) = 'pixel:' begin
    update delivery_refused set rows = rows - 1 where target = old.target and reason = old.reason;
    delete from delivery_refused where target = old.target and reason = old.reason and rows <= 0;
end;
-- Of earlier versions: `put` counts what comes.
drop trigger if exists delivery_came;
drop trigger if exists delivery_worth_came;
drop trigger if exists delivery_refused_came;
