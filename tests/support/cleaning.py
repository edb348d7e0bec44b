"""Brings a worker's database back to what the migrations left, without making it anew."""

import asyncio

import asyncpg

# Rows that migrations insert are kept aside and put back; a table that grew large is truncated, because rows that are only
# deleted would slow later tests down. Triggers and foreign keys are off meanwhile (session_replication_role).
_PREPARE = """
CREATE SCHEMA seed;
CREATE FUNCTION seed.remember() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    t record;
    has_rows boolean;
    body text := '';
    columns text;
BEGIN
    FOR t IN SELECT c.oid, c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t.relname) INTO has_rows;
        body := body || format(
            'size := pg_relation_size(%s); IF size > 262144 THEN EXECUTE ''TRUNCATE public.%I CASCADE''; '
            'ELSIF size > 0 THEN DELETE FROM public.%I; END IF;',
            t.oid, t.relname, t.relname);
        IF has_rows THEN
            EXECUTE format('CREATE TABLE seed.%I AS TABLE public.%I', t.relname, t.relname);
        END IF;
    END LOOP;
    FOR t IN SELECT c.oid, c.relname FROM pg_class c WHERE c.relnamespace = 'seed'::regnamespace AND c.relkind = 'r' LOOP
        SELECT string_agg(quote_ident(a.attname), ',') INTO columns FROM pg_attribute a
        WHERE a.attrelid = format('public.%I', t.relname)::regclass
          AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
        body := body || format(
            'INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM seed.%I;',
            t.relname, columns, columns, t.relname);
    END LOOP;
    EXECUTE format('CREATE FUNCTION seed.restore() RETURNS void LANGUAGE plpgsql '
        'SET session_replication_role = replica AS %L', 'DECLARE size bigint; BEGIN ' || body || ' END');
END $$;
SELECT seed.remember();
"""

_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def run(url: str, sql: str) -> None:
    """Run statements on a session of their own, from outside any event loop."""

    async def work() -> None:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    asyncio.run(work())


def prepare(url: str) -> None:
    """Remember what a fresh clone holds."""
    run(url, _PREPARE)


class Cleaner:
    """Empties one database again and again, outside of any test's event loop.

    It keeps its session: a new one plans the removal from every table anew, which takes five times as long as removing.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._connection: asyncpg.Connection | None = None

    def empty(self) -> None:
        """End the sessions that a test left open, then put every table back to what `prepare` saw."""
        try:
            self._loop.run_until_complete(self._empty())
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError):
            # A test may end the sessions of everybody.
            self._connection = None
            self._loop.run_until_complete(self._empty())

    def close(self) -> None:
        """End the session."""
        if self._connection is not None:
            self._loop.run_until_complete(self._connection.close())
        self._loop.close()

    async def _empty(self) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self._url)
        await self._connection.execute(_END_OTHERS)
        await self._connection.execute("SELECT seed.restore()")
