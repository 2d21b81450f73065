-- What each engine knows of each trunk at present: written by the engine that has it, for pages and commands.

create table trunk_states (
    node             text not null,
    trunk            text not null,
    state            text not null constraint trunk_states_state_check check (state in ('up', 'down', 'unknown')),
    why              text,
    places           text not null,
    registered_until timestamptz,
    since            timestamptz not null,
    seen_at          timestamptz not null,
    primary key (node, trunk)
);
comment on table trunk_states is 'The present only: a row is written anew by its engine. One whose seen_at is old is an engine that has ended.';
comment on column trunk_states.state is 'unknown: nothing speaks against it, and nobody has asked. down: it gets no calls from this engine.';
comment on column trunk_states.why is 'Why it is down.';
comment on column trunk_states.places is 'Where it is, in the order in which it is tried now.';
comment on column trunk_states.since is 'Since when it is up, down or unknown.';
