-- Personal data: erasure of one person, and rows whose days are over (docs/retention.md). Figures stay: scores, outcomes, times.

alter table customers
    add column erase_asked_at timestamptz,
    add column erased_at      timestamptz,
    add constraint customers_erased_after check (erased_at is null or erase_asked_at is not null);
create index customers_erasing on customers (id) where erase_asked_at is not null and erased_at is null;
comment on column customers.erase_asked_at is 'Everything that says who this is has to go: asked for, or all days are over. What waits is ended, recordings are due at once.';
comment on column customers.erased_at is 'It has gone. The row stays, and with it what is counted.';

alter table phones add column country text constraint phones_country_check check (country ~ '^[A-Z]{2}$');
create index phones_undecided on phones (id) where country is null;
comment on column phones.country is 'Country of the number (ISO 3166, ZZ: no numbering plan knows it), whose pack says how long things are kept. Null until the retention pass has looked.';

alter table attempts add column trimmed_at timestamptz;
create index attempts_untrimmed on attempts (began_at) where trimmed_at is null;
comment on column attempts.trimmed_at is 'Its timeline was removed by retention or erasure.';

alter table answers add column trimmed_at timestamptz;
create index answers_untrimmed on answers (given_at) where trimmed_at is null;
comment on column answers.trimmed_at is 'The keys, and a value that is no word of a scale, were removed by retention or erasure; the score stays.';

-- History is still never edited, but what it says about an erased person may go; the step itself, when and by whom, stays.
create or replace function complaint_steps_never_change() returns trigger language plpgsql as $$
begin
    -- the engine writes a step again when its journal is replayed; that must change nothing, and may
    if tg_op = 'UPDATE' then
        if new is not distinct from old then
            return new;
        end if;
        if current_setting('huifang.erasing', true) = 'on' and new.note = 'erased' and new.detail = '{}'
           and (new.id, new.complaint_id, new.kind, new.done_at, new.person, new.seq)
               is not distinct from (old.id, old.complaint_id, old.kind, old.done_at, old.person, old.seq) then
            return new;
        end if;
    end if;
    raise exception 'complaint_steps: history is never edited' using errcode = 'restrict_violation';
end $$;
