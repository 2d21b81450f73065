-- Weak items (弱项整改表): who mends what, by which measure, until when; and whether it helped.

create table weak_item_plans (
    id         uuid primary key,
    survey_key text not null references surveys (key),
    question   text not null check (question <> ''),
    target     smallint not null check (target between 1 and 100),
    department text not null check (department <> ''),
    measure    text not null check (measure <> ''),
    owner      text not null check (owner <> ''),
    due_on     date not null,
    state      text not null default 'in_progress' constraint weak_item_plans_state_check check (state in ('in_progress', 'settled', 'dropped')),
    round      smallint not null default 1 check (round >= 1),
    opened_by  text not null,
    opened_at  timestamptz not null,
    closed_at  timestamptz,
    revision   integer not null default 0 check (revision >= 0),
    constraint weak_item_plans_closed_whole check ((state = 'in_progress') = (closed_at is null))
);
create unique index weak_item_plans_one_open on weak_item_plans (survey_key, question) where state = 'in_progress';
create index weak_item_plans_due on weak_item_plans (due_on) where state = 'in_progress';
comment on table weak_item_plans is 'One improvement of one item of a survey. Figures before and after are not kept: they are counted from the answers.';
comment on column weak_item_plans.target is 'Favourable share that is aimed at, in percent.';
comment on column weak_item_plans.round is 'A check that finds it unsettled begins the next.';

create table weak_item_steps (
    id      uuid primary key,
    plan_id uuid not null references weak_item_plans,
    kind    text not null constraint weak_item_steps_kind_check check (kind in ('open', 'change', 'check', 'drop')),
    person  text not null,
    note    text not null,
    detail  jsonb not null default '{}',
    done_at timestamptz not null,
    seq     bigint generated always as identity
);
create index weak_item_steps_plan on weak_item_steps (plan_id, seq);
comment on table weak_item_steps is 'The history of a plan: written once, never changed (trigger).';

create function weak_item_steps_never_change() returns trigger language plpgsql as $$
begin
    raise exception 'weak_item_steps: history is never edited' using errcode = 'restrict_violation';
end $$;
create trigger weak_item_steps_frozen before update or delete on weak_item_steps
    for each row execute function weak_item_steps_never_change();
