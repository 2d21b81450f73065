-- Retention of recordings: until when each is kept, and when its file was removed. The row stays, as do the answers.

alter table recordings
    add column country    text constraint recordings_country_check check (country ~ '^[A-Z]{2}$'),
    add column keep_until timestamptz,
    add column purged_at  timestamptz,
    add constraint recordings_kept_by_country check (keep_until is null or country is not null),
    add constraint recordings_purged_after check (purged_at is null or (keep_until is not null and purged_at >= keep_until));
create index recordings_undecided on recordings (id) where country is null;
create index recordings_due on recordings (keep_until, id) where purged_at is null;
comment on column recordings.country is 'Country of the number that was called (ISO 3166, ZZ: no numbering plan knows it), whose pack says how long it is kept. Null until the retention pass has looked.';
comment on column recordings.keep_until is 'Set by the retention pass, and set anew while the file is there and the rule has changed. Null: not decided yet, kept.';
comment on column recordings.purged_at is 'The file was removed by retention. Rows are never deleted.';
