-- Who is called, about which car, for which event. Ids are UUIDv7 given by the caller; times are UTC instants.

create table imports (
    id            uuid primary key,
    list          text not null constraint imports_list_check check (list in ('repair')),
    file_name     text not null,
    began_at      timestamptz not null,
    ended_at      timestamptz,
    rows_read     bigint not null default 0,
    rows_loaded   bigint not null default 0,
    rows_known    bigint not null default 0,
    rows_rejected bigint not null default 0
);
comment on table imports is 'One imported list. ended_at is null while it runs or when it broke off; loaded rows stay and are known next time.';
comment on column imports.rows_known is 'Rows whose event was there already: importing a list twice creates nothing twice.';

create table customers (
    id         uuid primary key,
    name       text not null check (name <> ''),
    language   text not null,
    time_zone  text not null,
    created_at timestamptz not null
);
comment on column customers.language is 'BCP 47 tag of the prompts this customer hears (zh-CN, en).';
comment on column customers.time_zone is 'IANA zone in which this customer''s calling windows are reckoned.';

create table phones (
    id          uuid primary key,
    customer_id uuid not null references customers,
    number      text not null constraint phones_number_e164 check (number ~ '^\+[0-9]{3,15}$'),
    wrong_at    timestamptz,
    created_at  timestamptz not null,
    constraint phones_once unique (customer_id, number),
    constraint phones_of_customer unique (id, customer_id),
    constraint phones_number_of_id unique (id, number)
);
create index phones_number on phones (number);
comment on table phones is 'A number of a customer. Two customers of one household may share a number: it is then two rows, and the open-attempt index of attempts holds across them.';
comment on column phones.wrong_at is 'Someone else answered and keyed "wrong number": never dialled again for this customer.';

create table vehicles (
    id          uuid primary key,
    customer_id uuid not null references customers,
    plate       text not null default '',
    model       text not null default '',
    created_at  timestamptz not null,
    constraint vehicles_once unique (customer_id, plate),
    constraint vehicles_of_customer unique (id, customer_id)
);
comment on column vehicles.plate is 'Licence plate, upper case, without blanks and dots; empty while the car has none.';

create table advisors (
    id           uuid primary key,
    name         text not null check (name <> ''),
    staff_number text check (staff_number <> ''),
    created_at   timestamptz not null
);
create unique index advisors_staff_number on advisors (staff_number) where staff_number is not null;
create unique index advisors_name_without_number on advisors (name) where staff_number is null;
comment on column advisors.staff_number is 'Number a customer may key to correct the advisor, and that the prompts read out; null where the list has none.';

create table service_events (
    id          uuid primary key,
    customer_id uuid not null references customers,
    vehicle_id  uuid,
    advisor_id  uuid references advisors,
    kind        text not null constraint service_events_kind_check check (kind in ('visit', 'delivery', 'repair')),
    happened_on date not null,
    happened_at timestamptz,
    source      text not null,
    source_key  text not null,
    import_id   uuid references imports,
    created_at  timestamptz not null,
    constraint service_events_once unique (source, source_key),
    constraint service_events_of_customer unique (id, customer_id),
    constraint service_events_vehicle foreign key (vehicle_id, customer_id) references vehicles (id, customer_id)
);
create index service_events_customer on service_events (customer_id, happened_on);
comment on column service_events.happened_on is 'The day in the customer''s own zone.';
comment on column service_events.happened_at is 'The moment, where the list gave a time of day; null where it gave a day only.';
comment on column service_events.source_key is 'Hex SHA-256 of what makes a row of this source unique (repair list: number, plate, day): no personal data in clear.';

create table do_not_call (
    number   text primary key constraint do_not_call_number_e164 check (number ~ '^\+[0-9]{3,15}$'),
    source   text not null constraint do_not_call_source_check check (source in ('keypad', 'import', 'api')),
    added_at timestamptz not null
);
comment on table do_not_call is 'Numbers that nobody dials again, whoever they belong to.';
