-- Whole calls on record, where the dealer wants that and the customer has agreed.

alter table recordings drop constraint recordings_kind_check;
alter table recordings add constraint recordings_kind_check check (kind in ('suggestion', 'statement', 'advisor_note', 'lead', 'call'));
comment on column recordings.kind is 'call: both ways, left channel the customer, right channel the engine or the agent; the others: the customer alone.';
