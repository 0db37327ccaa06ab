-- Alerts, open and closed; bodies are msgpack (model/alerts.py).
create table if not exists alert (
    id text primary key,
    body blob not null
) strict, without rowid;
