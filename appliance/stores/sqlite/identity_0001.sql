-- Who is signed in, and the codes of the last day (keyed digests, never the codes).
create table session (
    id text primary key,
    user_id integer not null,
    started_us integer not null,
    expires_us integer not null,
    address text not null
) without rowid;

create table code (
    email text not null,
    issued_us integer not null,
    expires_us integer not null,
    digest text not null,
    attempts integer not null,
    spent integer not null,
    primary key (email, issued_us)
) without rowid;
