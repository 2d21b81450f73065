-- The supervisor's review of a day's follow-ups (客户回访汇报表). Written anew where somebody changes their mind; what was written stays.

create table day_reviews (
    id         uuid primary key,
    day        date not null,
    evaluation text not null check (evaluation <> ''),
    comment    text not null,
    user_id    uuid references users,
    person     text not null,
    written_at timestamptz not null,
    seq        bigint generated always as identity
);
create index day_reviews_day on day_reviews (day, seq desc);
comment on table day_reviews is 'The newest review of a day stands; earlier ones are its history.';

create function day_reviews_never_change() returns trigger language plpgsql as $$
begin
    raise exception 'day_reviews: what was written stays' using errcode = 'restrict_violation';
end $$;
create trigger day_reviews_frozen before update or delete on day_reviews
    for each row execute function day_reviews_never_change();
