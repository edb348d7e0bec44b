-- What each user holds, worked out when it changes (functions/user_holdings.sql) so that requests only read it: triggers
-- write it, nobody else. A user without a row holds nothing.
create table user_authorizations (
    user_id uuid primary key references users (id) on delete cascade,
    holdings text not null default '{}'
);
