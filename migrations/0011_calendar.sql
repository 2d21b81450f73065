-- All three lists, what a customer record holds beside name and number, and the manual touches of the calendar (docs/calendar.md).

alter table imports drop constraint imports_list_check;
alter table imports add constraint imports_list_check check (list in ('showroom', 'delivery', 'repair'));

alter table customers
    add column segment       text constraint customers_segment_check check (segment in ('high_value', 'high_contribution', 'ordinary', 'dormant')),
    add column source        text,
    add column region        text,
    add column owner         text,
    add column birthday      date,
    add column licence_until date;
comment on column customers.segment is 'Null counts as ordinary.';
comment on column customers.source is 'How the customer came to the dealer, as the list says it.';
comment on column customers.owner is 'Name of the member of staff who looks after the customer.';
comment on column customers.licence_until is 'Last day of the driving licence.';
create index customers_birthday on customers ((extract(month from birthday) * 100 + extract(day from birthday))) where birthday is not null;
create index customers_licence on customers (licence_until) where licence_until is not null;

alter table vehicles
    add column purchased_on    date,
    add column insurance_until date,
    add column inspection_due  date;
comment on column vehicles.insurance_until is 'Last day of the insurance.';
comment on column vehicles.inspection_due is 'Day by which the annual inspection is due.';
create index vehicles_purchase on vehicles ((extract(month from purchased_on) * 100 + extract(day from purchased_on))) where purchased_on is not null;
create index vehicles_insurance on vehicles (insurance_until) where insurance_until is not null;
create index vehicles_inspection on vehicles (inspection_due) where inspection_due is not null;

-- The planner asks for the events of a kind in a range of days.
create index service_events_kind on service_events (kind, happened_on);

create table follow_up_tasks (
    id               uuid primary key,
    customer_id      uuid not null references customers,
    service_event_id uuid references service_events,
    vehicle_id       uuid references vehicles,
    advisor_id       uuid references advisors,
    rule_key         text not null check (rule_key ~ '^[a-z0-9][a-z0-9_]*$'),
    subject_id       uuid not null,
    occurrence       text not null check (occurrence <> ''),
    owner_role       text not null constraint follow_up_tasks_owner_role_check check
                     (owner_role in ('sales_manager', 'advisor', 'service_advisor', 'care_specialist')),
    purpose          text not null constraint follow_up_tasks_purpose_check check
                     (purpose in ('insurance', 'licence', 'inspection', 'service_booking', 'satisfaction', 'care', 'lost_deal', 'prospect_research', 'dormant')),
    due_at           timestamptz not null,
    deadline         timestamptz not null,
    state            text not null default 'open' constraint follow_up_tasks_state_check check (state in ('open', 'done', 'skipped')),
    closed_at        timestamptz,
    closed_by        text,
    note             text,
    created_at       timestamptz not null,
    constraint follow_up_tasks_once unique (rule_key, subject_id, occurrence),
    constraint follow_up_tasks_closed_whole check ((state = 'open') = (closed_at is null)),
    constraint follow_up_tasks_deadline_after_due check (deadline > due_at)
);
create index follow_up_tasks_open on follow_up_tasks (owner_role, due_at) where state = 'open';
create index follow_up_tasks_customer on follow_up_tasks (customer_id);
comment on table follow_up_tasks is
    'A touch of the calendar that a person makes. Not in follow_ups: it has no survey, no number, no attempts and no AAPOR code, and the queue can never lease it.';
comment on column follow_up_tasks.subject_id is 'What the rule''s date belongs to: a service event, a customer or a vehicle.';
comment on column follow_up_tasks.occurrence is
    'Which one of the rule''s touches for this subject: 0, 1, 2 … of a repeated one, the year of a yearly one, else the date. With rule and subject it is why planning twice plans nothing twice.';
comment on column follow_up_tasks.deadline is 'After it the task is overdue; it stays open until somebody closes it.';
