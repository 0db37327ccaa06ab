-- What the doctor found, and under the name "known" what it remembers beside; bodies are msgpack.
create table if not exists finding (
    id text primary key,
    body blob not null
) strict, without rowid;

create table if not exists doctor (
    name text primary key,
    body blob not null
) strict, without rowid;
