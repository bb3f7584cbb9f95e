"""The statements that fill the database of row 4. All chance is a hash of the row's number: each filling is the same."""

from __future__ import annotations

RUNS = 1_000_000
LONG_RUNS, LONG = 8, 43_000
"""Runs with a long history, and its events."""
SHORT = 1_500
"""Events of the other runs that have a history: together they are 10,000,000."""
SHORT_RUNS = (10_000_000 - LONG_RUNS * LONG) // SHORT
CROWD = 500_000
"""Number of the run that has a few thousand children."""
CHILDREN = 5_000

HELPERS = """
CREATE FUNCTION pg_temp.dice(n bigint, throw int, sides int) RETURNS int IMMUTABLE LANGUAGE sql
    RETURN abs(hashint8extended(n, throw) % sides)::int;
CREATE FUNCTION pg_temp.word(n bigint, throw int) RETURNS text IMMUTABLE LANGUAGE sql
    RETURN (ARRAY['par','mer','tol','van','sil','dor','kep','lin','rus','bea','fon','gra'])
            [1 + least(pg_temp.dice(n, throw, 12), pg_temp.dice(n, throw + 50, 12))]
        || (ARRAY['ti','co','la','mu','ne','ro','sa','vi','ze','ba','do','fe'])[1 + pg_temp.dice(n, throw + 100, 12)]
        || (ARRAY['k','n','r','s','t','x','m','l','d','g','p','b'])[1 + pg_temp.dice(n, throw + 150, 12)];
CREATE FUNCTION pg_temp.run(n bigint) RETURNS uuid IMMUTABLE LANGUAGE sql RETURN md5('run' || n)::uuid;
"""

# A number is older the smaller it is. Of a block of ten in half of the blocks, the first has the eighth and the
# ninth as children, and the ninth has the tenth: 15 % of all runs are children.
RUN_ROWS = """
INSERT INTO reviews_run (
    id, workspace_id, namespace, workflow_id, run_id, first_run_id, chain, previous_id, parent_id, agent,
    workflow_type, queue, title, input, result, failure, started_by_id, search_attributes, memo, status,
    waiting_for_human, created_at, started_at, closed_at, last_event_id, history_bytes, history_whole, moved_at,
    mirror_note
)
SELECT
    pg_temp.run(n), w.id, w.namespace, called || '-' || substr(md5('id' || n), 1, 12), md5('execution' || n)::uuid::text,
    md5('execution' || chain)::uuid::text, pg_temp.run(chain), CASE WHEN chain <> n THEN pg_temp.run(chain) END,
    CASE WHEN parent IS NOT NULL THEN pg_temp.run(parent) END, called, called, 'research-agent',
    CASE WHEN kind < 120 OR pg_temp.dice(n, 5, 10) < 4
        THEN 'Agent ' || kind || ': ' || pg_temp.word(n, 11) || ' ' || pg_temp.word(n, 12) || ' '
            || pg_temp.word(n, 13) || ' ' || pg_temp.word(n, 14) || ' order ' || pg_temp.dice(n, 15, 1000000)
        ELSE '' END,
    jsonb_build_object('query', pg_temp.word(n, 16) || ' ' || pg_temp.word(n, 17), 'amount', pg_temp.dice(n, 18, 1000)),
    CASE WHEN status = 'completed' THEN jsonb_build_object('report', 'reports/' || n || '.md', 'paid', true) END,
    CASE WHEN status = 'failed' THEN '{"type": "ActivityError", "message": "The model did not answer."}'::jsonb END,
    CASE WHEN kind < 120 AND pg_temp.dice(n, 6, 100) < 5 THEN %(person)s::uuid END,
    CASE WHEN pg_temp.dice(n, 7, 10) < 6 THEN jsonb_build_object(
        'region', (ARRAY['eu','us','apac','africa','latam'])[1 + pg_temp.dice(n, 8, 5)],
        'customer', 'C' || pg_temp.dice(n, 9, 50000), 'priority', pg_temp.dice(n, 10, 10),
        'vip', pg_temp.dice(n, 19, 50) = 0, 'tags', ARRAY[pg_temp.word(n, 20), pg_temp.word(n, 21)]
    ) ELSE '{}'::jsonb END,
    '{}', status, waiting, created, created + interval '50 ms',
    CASE WHEN status NOT IN ('running', 'paused') THEN created + interval '1 s' * pg_temp.dice(n, 22, 3600) END,
    0, 0, true, created + interval '1 s' * pg_temp.dice(n, 22, 3600), ''
FROM generate_series(1, %(runs)s) AS n
CROSS JOIN LATERAL (
    SELECT
        floor(200 * (pg_temp.dice(n, 4, 10000) / 10000.0) ^ 2)::int AS kind,
        pg_temp.dice(n, 3, 10000) AS fate, pg_temp.dice(CASE WHEN n BETWEEN %(crowd)s AND %(crowd)s + 2 * %(children)s THEN %(crowd)s ELSE n END / 10, 2, 1000) AS home,
        %(now)s::timestamptz - (%(runs)s - n) * interval '15.5 s' AS created,
        CASE WHEN n %% 33 = 0 AND n %% 10 <> 0 THEN n - 1 ELSE n END AS chain,
        CASE WHEN n > %(crowd)s AND n <= %(crowd)s + 2 * %(children)s THEN CASE WHEN n %% 2 = 1 THEN %(crowd)s END
            WHEN (n / 10) %% 2 = 1 THEN CASE n %% 10 WHEN 7 THEN n - 7 WHEN 8 THEN n - 8 WHEN 9 THEN n - 1 END
        END AS parent
) AS thrown
CROSS JOIN LATERAL (
    SELECT CASE WHEN kind < 120 THEN 'agent-' ELSE 'Workflow' END || lpad(kind::text, 3, '0') AS called, fate < 200 AS waiting,
        CASE WHEN fate < 300 THEN 'running' WHEN fate < 305 THEN 'paused' WHEN fate < 700 THEN 'failed'
            WHEN fate < 800 THEN 'canceled' WHEN fate < 850 THEN 'terminated' WHEN fate < 900 THEN 'timed_out'
            WHEN fate < 1200 THEN 'continued_as_new' ELSE 'completed' END AS status
) AS said
JOIN reviews_workspace AS w
    ON w.slug = CASE WHEN home < 700 THEN 'bench-a' WHEN home < 850 THEN 'bench-b' WHEN home < 980 THEN 'bench-c' ELSE 'bench-d' END
"""

QUESTIONS = """
INSERT INTO reviews_escalation (
    id, workspace_id, run_id, namespace, workflow_id, request_id, activity_id, title, risk, document, digest, state,
    opened_at, closed_at
)
SELECT md5('question' || r.id || part)::uuid, r.workspace_id, r.id, r.namespace, r.workflow_id, 'ask-' || part, '5',
    'Refund ' || part || '0.50 for ' || left(r.title, 80) || '?', 'low', %(document)s, %(digest)s,
    CASE WHEN r.waiting_for_human THEN 'pending' ELSE 'decided' END, r.created_at + part * interval '1 s',
    CASE WHEN NOT r.waiting_for_human THEN r.created_at + interval '1 min' END
FROM reviews_run AS r CROSS JOIN generate_series(1, CASE WHEN r.waiting_for_human THEN 5 ELSE 1 END) AS part
WHERE r.waiting_for_human OR (r.status = 'completed' AND hashtext(r.id::text) %% 9 = 0)
"""
DECISIONS = """
INSERT INTO reviews_decision (id, escalation_id, by_id, verdict, comment, digest, after_deadline, decided_at)
SELECT md5('decision' || id)::uuid, id, %(person)s, 'approve', '', digest, false, closed_at
FROM reviews_escalation WHERE state = 'decided'
"""
DELIVERIES = """
INSERT INTO reviews_delivery (decision_id, escalation_id, state, recorded_at, delivered_at, acted_on_at, reason)
SELECT id, escalation_id, 'acted_on', decided_at, decided_at + interval '20 ms', decided_at + interval '90 ms', ''
FROM reviews_decision
"""

TEMPLATES = "CREATE TEMP TABLE template (variant int, first int, last int, data bytea)"
# The runs that have a history are spread over all of them; the long ones are the newest.
ARCHIVED = """
CREATE TEMP TABLE archived AS
SELECT id, place, CASE WHEN place <= %(long_runs)s THEN %(long)s ELSE %(short)s END AS events
FROM (
    SELECT id, created_at, row_number() OVER (ORDER BY created_at DESC) AS place
    FROM (
        (SELECT id, created_at FROM reviews_run WHERE status = 'completed' ORDER BY created_at DESC LIMIT %(long_runs)s)
        UNION
        (SELECT id, created_at FROM reviews_run WHERE status = 'completed' AND hashtext(id::text) %% 100 = 1 LIMIT %(short_runs)s)
    ) AS chosen
) AS ordered
"""
CHUNKS = """
INSERT INTO reviews_historychunk (run_id, first_event, last_event, data)
SELECT a.id, t.first, t.last, t.data
FROM archived AS a JOIN template AS t ON t.variant = a.place %% %(variants)s AND t.first <= a.events
"""
STEPS = """
INSERT INTO reviews_step (
    run_id, event_id, kind, name, activity_id, summary, status, attempts, input, result, scheduled_at, started_at, closed_at
)
SELECT a.id, 5 + 6 * step, 'activity', (ARRAY['fetch_order','ask_model','check_policy','store_document','notify_customer'])[1 + step %% 5],
    (step + 1)::text, '', CASE WHEN step %% 97 = 96 THEN 'failed' ELSE 'completed' END, 1 + (step %% 50) / 49,
    jsonb_build_object('order', step), '{"done": true}', at, at + interval '10 ms', at + interval '80 ms'
FROM archived AS a CROSS JOIN generate_series(0, (a.events - 5) / 6 - 1) AS step
CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - interval '1 day' + step * interval '240 ms' AS at) AS when_it_was
"""
HISTORIES = """
UPDATE reviews_run AS r SET last_event_id = a.events, history_bytes = a.events * 120::bigint
FROM archived AS a WHERE a.id = r.id
"""
