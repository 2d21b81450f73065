-- Somebody who watches: sees how the run goes, people masked, and changes nothing.

alter table users drop constraint users_role_check;
alter table users add constraint users_role_check check (role in ('read_only', 'agent', 'manager', 'admin'));
