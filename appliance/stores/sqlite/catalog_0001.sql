-- Configuration: what is, and every change that made it so. Bodies are JSON, readable with the sqlite3 shell.
create table entity (
    kind text not null,
    id integer not null,
    revision integer not null,
    archived integer not null,
    body text not null,
    primary key (kind, id)
) without rowid;

create table revision (
    number integer primary key,
    at_us integer not null,
    author text not null,
    door text not null
);

create table change (
    revision integer not null references revision (number),
    position integer not null,
    kind text not null,
    id integer not null,
    before text,
    after text not null,
    primary key (revision, position)
) without rowid;
