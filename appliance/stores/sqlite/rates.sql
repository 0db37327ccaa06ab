-- From `day` (2026-11-22) on, one `base` is worth `rate` `quote`: a decimal number as it was entered.
create table if not exists rate (
    day text not null,
    base text not null,
    quote text not null,
    rate text not null,
    primary key (base, quote, day)
) strict, without rowid;
